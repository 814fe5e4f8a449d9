//! What a round found and did.

use std::collections::{BTreeMap, BTreeSet};

use super::kept::KeptOrganisation;
use super::waiting::WaitingFor;
use crate::finding::Findings;
use crate::git::{Ancestry, CommitId};
use crate::name::Name;
use crate::plan::{self, OrganisationOutcome, OrganisationPlan, Plan};

/// What a round found and did.
#[derive(Debug, Default)]
pub struct Round {
    /// The plan; absent where there was no garden to plan for.
    pub plan: Option<Plan>,
    /// What came of it; absent where nothing was to be applied.
    pub outcome: Option<RoundOutcome>,
    /// Clusters that could not be read, with the reason.
    pub(crate) unreached: BTreeMap<Name, String>,
    /// Clusters that somebody else writes to, with the reason: nothing of them is applied.
    pub(crate) refused: BTreeMap<Name, String>,
    /// Organisations of which this commit takes back what is applied: nothing of them is touched.
    pub(crate) backwards: BTreeMap<Name, TakenBack>,
    /// Organisations that are left alone for now, with what they wait for.
    pub(crate) waiting: BTreeMap<Name, WaitingFor>,
    /// Organisations that stay as they are applied, with why; known of plans.
    pub(crate) kept: Vec<KeptOrganisation>,
    /// Organisations that were neither rendered nor read, since nothing of them changed.
    pub(crate) untouched: usize,
    /// Organisations that were rendered anew.
    pub(crate) rendered: usize,
    /// Rules of definitions that only a server can judge, in words; known of plans that ask none.
    pub(crate) left_to_server: BTreeSet<String>,
}

/// What came of applying a plan.
#[derive(Debug, Default)]
pub struct RoundOutcome {
    /// One for each organisation of the plan, in its order.
    pub organisations: Vec<OrganisationOutcome>,
    /// Refusals of API servers, on the lines that caused them.
    pub findings: Findings,
}

impl RoundOutcome {
    /// Whether anything is left to do, for a person or a later round.
    pub fn is_open(&self) -> bool {
        let open = |one: &OrganisationOutcome| one.failure.is_some() || one.outcomes.iter().any(plan::Outcome::is_open);
        self.organisations.iter().any(open)
    }
}

/// What is applied of an organisation, and not part of the commit at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TakenBack {
    /// The commit that is applied.
    pub(crate) at: CommitId,
    /// How the commit at hand stands to it.
    pub(crate) ancestry: Ancestry,
}

impl TakenBack {
    /// The commit that `rollback to=` has to name: the latest that both share, else the one that is applied, which says that
    /// this history goes on from it.
    pub(crate) fn named(&self) -> &CommitId {
        match &self.ancestry {
            Ancestry::TakesBack(shared) => shared,
            Ancestry::BuildsOn | Ancestry::Unrelated | Ancestry::Unknown => &self.at,
        }
    }
}

impl Round {
    /// Leaves out what stays as it is, and what new objects are made of.
    pub(super) fn shorten(&mut self) {
        self.plan.iter_mut().flat_map(|plan| &mut plan.organisations).for_each(OrganisationPlan::shorten);
        let outcomes = self.outcome.iter_mut().flat_map(|outcome| &mut outcome.organisations);
        outcomes.for_each(OrganisationOutcome::shorten);
    }

    /// Puts organisations in order of name.
    pub(super) fn sort(&mut self) {
        self.plan.iter_mut().for_each(|plan| plan.organisations.sort_by(|a, b| a.organisation.cmp(&b.organisation)));
        let outcome = self.outcome.iter_mut();
        outcome.for_each(|outcome| outcome.organisations.sort_by(|a, b| a.organisation.cmp(&b.organisation)));
    }

    /// Adds what another batch of the same round came to.
    pub(super) fn join(&mut self, other: Self) {
        let Self {
            plan,
            outcome,
            unreached,
            refused,
            backwards,
            waiting,
            kept,
            untouched: _,
            rendered: _,
            left_to_server,
        } = other;
        self.kept.extend(kept);
        self.left_to_server.extend(left_to_server);
        match (&mut self.plan, plan) {
            (Some(mine), Some(plan)) => mine.organisations.extend(plan.organisations),
            (mine @ None, plan) => *mine = plan,
            (Some(_), None) => {}
        }
        match (&mut self.outcome, outcome) {
            (Some(mine), Some(outcome)) => {
                mine.organisations.extend(outcome.organisations);
                mine.findings.extend(outcome.findings);
            }
            (mine @ None, outcome) => *mine = outcome,
            (Some(_), None) => {}
        }
        self.unreached.extend(unreached);
        self.refused.extend(refused);
        self.backwards.extend(backwards);
        self.waiting.extend(waiting);
    }

    /// Counts clusters that somebody else writes to among those that could not be reached: who asked for one round only
    /// has failed there.
    #[must_use]
    pub(super) fn with_refusals_as_failures(mut self) -> Self {
        self.unreached.append(&mut self.refused);
        self
    }
}
