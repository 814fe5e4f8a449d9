//! A plan that was made and is still to be done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::options::RoundOptions;
use super::stale;
use super::state::{ClusterState, LiveState};
use crate::name::Name;
use crate::plan::{OrganisationPlan, Plan};
use crate::render::OrganisationObjects;

/// A plan for one batch of organisations, with everything that carrying it out needs.
pub(crate) struct Prepared {
    pub(super) options: RoundOptions,
    pub(super) organisations: BTreeSet<Name>,
    pub(super) objects: BTreeMap<Name, Arc<OrganisationObjects>>,
    pub(super) live: LiveState,
    /// What would be done.
    pub(crate) plan: Plan,
}

impl Prepared {
    /// The organisations that it is about.
    pub(crate) fn organisations(&self) -> &BTreeSet<Name> {
        &self.organisations
    }

    /// How many objects its organisations should have.
    pub(super) fn count(&self) -> usize {
        self.objects.values().map(|one| one.objects.len() + one.secrets.len()).sum()
    }

    /// Pure: the organisations of which nothing is written, and those of which something is.
    pub(super) fn divide(mut self) -> (Self, Option<Self>) {
        let (writes, settled) =
            std::mem::take(&mut self.plan.organisations).into_iter().partition(OrganisationPlan::changes_anything);
        self.plan.organisations = settled;
        let plan = Plan { head: self.plan.head.clone(), organisations: writes };
        if plan.organisations.is_empty() {
            return (self, None);
        }
        let mut live = LiveState::default();
        let mut open = (BTreeSet::new(), BTreeMap::new());
        for one in &plan.organisations {
            open.0.extend(self.organisations.take(&one.organisation));
            open.1.extend(self.objects.remove_entry(&one.organisation));
            let Some(Ok(cluster)) = self.live.clusters.get_mut(&one.cluster) else { continue };
            let of = live.clusters.entry(one.cluster.clone()).or_insert_with(|| Ok(cluster.without_organisations()));
            if let (Ok(of), Some(state)) = (of, cluster.organisations.remove_entry(&one.organisation)) {
                of.organisations.extend([state]);
            }
        }
        let options = self.options.clone();
        (self, Some(Self { options, organisations: open.0, objects: open.1, live, plan }))
    }

    /// Pure: two parts of a round as one.
    pub(super) fn together(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (mut one, other) = match (one, other) {
            (Some(one), Some(other)) => (one, other),
            (one, other) => return one.or(other),
        };
        one.organisations.extend(other.organisations);
        one.objects.extend(other.objects);
        one.plan.organisations.extend(other.plan.organisations);
        for (name, read) in other.live.clusters {
            match (one.live.clusters.get_mut(&name), read) {
                (Some(Ok(known)), Ok(ClusterState { organisations, unreadable, listed, .. })) => {
                    known.organisations.extend(organisations);
                    known.unreadable.extend(unreadable);
                    known.listed.extend(listed);
                }
                (_, read) => drop(one.live.clusters.insert(name, read)),
            }
        }
        Some(one)
    }

    /// Pure: notes of the plan what it is held against before it is done later.
    pub(crate) fn stamp(&mut self) {
        stale::stamp(&self.objects, &mut self.plan);
    }

    /// The same without what would be done on some clusters.
    pub(super) fn leave_alone(&mut self, left_alone: impl Fn(&Name) -> bool) {
        self.plan.organisations.retain(|one| !left_alone(&one.cluster));
    }
}
