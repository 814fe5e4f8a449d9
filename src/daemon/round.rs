//! What a round is asked to do, and what it found and did.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::cluster::Reading;
use crate::git::CommitId;
use crate::name::Name;
use crate::plan::{OrganisationOutcome, OrganisationPlan, Plan};
use crate::reconcile::{Ask, Outcome};

/// What a round is asked to do.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The time.
    pub now: jiff::Timestamp,
    /// How long each step is waited for.
    pub wait: Option<Duration>,
    /// Only these organisations; all where absent.
    pub only: Option<BTreeSet<Name>>,
    /// Whether organisations that have not changed are read again too (drift is then found).
    pub whole: bool,
    /// Organisations that are looked at although nothing of theirs changed in the garden.
    pub also: BTreeSet<Name>,
    /// How much is read of what lives.
    pub reading: Reading,
    /// Whether the server is asked what would change; where not, plans are reckoned here.
    pub ask: Ask,
    /// Whether what the round tells leaves out what stays as it is, and what new objects are made of.
    pub brief: bool,
}

impl Asked {
    /// Everything is looked at, and kept whole: for those who look at the bodies.
    pub fn everything(now: jiff::Timestamp) -> Self {
        Self {
            now,
            wait: None,
            only: None,
            whole: true,
            also: BTreeSet::new(),
            reading: Reading::Bodies,
            ask: Ask::WhereUnsure,
            brief: false,
        }
    }
}

/// What a round found and did.
#[derive(Debug, Default)]
pub struct Round {
    /// The plan; absent where there was no garden to plan for.
    pub plan: Option<Plan>,
    /// What came of it; absent where nothing was to be applied.
    pub outcome: Option<Outcome>,
    /// Clusters that could not be read, with the reason.
    pub unreached: BTreeMap<Name, String>,
    /// Organisations of which this commit takes back what is applied: nothing of them is touched.
    pub backwards: BTreeMap<Name, TakenBack>,
    /// Organisations that were neither rendered nor read, since nothing of them changed.
    pub untouched: usize,
    /// Organisations that were rendered anew.
    pub rendered: usize,
}

/// What is applied of an organisation, and not part of the commit at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// The commit that is applied.
    pub at: CommitId,
    /// The latest commit that both share: what `rollback to=` has to name.
    pub shared: CommitId,
}

impl Round {
    pub(super) fn shorten(&mut self) {
        self.plan.iter_mut().flat_map(|plan| &mut plan.organisations).for_each(OrganisationPlan::shorten);
        let outcomes = self.outcome.iter_mut().flat_map(|outcome| &mut outcome.organisations);
        outcomes.for_each(OrganisationOutcome::shorten);
    }

    /// Adds what another batch of the same round came to.
    pub(super) fn join(&mut self, other: Self) {
        let Self { plan, outcome, unreached, .. } = other;
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
    }
}
