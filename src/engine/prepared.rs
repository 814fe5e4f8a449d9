//! A plan that was made and is still to be done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::options::RoundOptions;
use super::round::{Round, TakenBack};
use super::state::LiveState;
use crate::name::Name;
use crate::plan::Plan;
use crate::render::OrganisationObjects;

/// A plan, with everything that carrying it out needs.
pub(crate) struct Prepared {
    pub(super) options: RoundOptions,
    pub(super) organisations: BTreeSet<Name>,
    pub(super) objects: BTreeMap<Name, Arc<OrganisationObjects>>,
    pub(super) live: LiveState,
    /// What would be done.
    pub(crate) plan: Plan,
    /// Clusters that could not be read, with the reason.
    pub(crate) unreached: BTreeMap<Name, String>,
    /// Organisations of which the commit takes back what is applied.
    pub(crate) backwards: BTreeMap<Name, TakenBack>,
    pub(super) untouched: usize,
    /// Organisations that may live on a cluster that cannot be read; with that cluster.
    pub(super) waiting: BTreeMap<Name, Name>,
}

impl Prepared {
    /// Clusters that were read.
    pub(super) fn clusters_read(&self) -> impl Iterator<Item = Name> {
        self.live.clusters.iter().filter(|(_, read)| read.is_ok()).map(|(cluster, _)| cluster.clone())
    }

    /// The same without what would be done on some clusters.
    #[must_use]
    pub(super) fn without_clusters(mut self, left_alone: impl Fn(&Name) -> bool) -> Self {
        self.plan.organisations.retain(|one| !left_alone(&one.cluster));
        self
    }

    /// A saved plan in the place of the one that was made now.
    #[must_use]
    pub(crate) fn with_plan(self, plan: Plan) -> Self {
        Self { plan, ..self }
    }

    /// How many actions write something.
    pub(crate) fn changes(&self) -> usize {
        let actions = self.plan.organisations.iter().flat_map(|one| &one.actions);
        actions.filter(|action| action.verb().writes()).count()
    }

    /// The plan as a round that applied nothing.
    pub(crate) fn into_round(self) -> Round {
        let Self { plan, unreached, backwards, untouched, waiting, options: _, organisations: _, objects: _, live: _ } =
            self;
        Round { plan: Some(plan), unreached, backwards, untouched, waiting, ..Round::default() }
    }

    /// The same, to be shown before it is carried out.
    pub(crate) fn preview(&self) -> Round {
        Round {
            plan: Some(self.plan.clone()),
            unreached: self.unreached.clone(),
            backwards: self.backwards.clone(),
            untouched: self.untouched,
            waiting: self.waiting.clone(),
            ..Round::default()
        }
    }
}
