//! The index of claims, kept up organisation by organisation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::draft::Draft;
use crate::model::rules::ClaimIndex;
use crate::name::Name;

/// The index of claims, with the drafts that it was made of.
#[derive(Debug, Default)]
pub(super) struct KeptIndex {
    index: ClaimIndex,
    drafts: BTreeMap<Name, Arc<Draft>>,
}

impl KeptIndex {
    /// The claims of the organisations that were settled last.
    pub(super) fn claims(&self) -> &ClaimIndex {
        &self.index
    }

    /// Brings the index up to these organisations, whose names differ. What did not change costs a comparison.
    pub(super) fn settle(&mut self, drafts: &[Arc<Draft>], written: impl Fn(&Name) -> bool) {
        let gone: Vec<Name> = self.drafts.keys().filter(|name| !written(name)).cloned().collect();
        let mut domains_changed = false;
        for draft in gone.into_iter().filter_map(|name| self.drafts.remove(&name)) {
            domains_changed |= draft.organisation.domain.is_some();
            self.index.forget(&draft);
        }
        for draft in drafts {
            let name = &draft.organisation.name;
            let known = self.drafts.get(name);
            if known.is_some_and(|known| Arc::ptr_eq(known, draft)) {
                continue;
            }
            domains_changed |= known.and_then(|known| domain(known)) != domain(draft);
            if let Some(known) = known {
                self.index.forget(known);
            }
            self.index.learn(draft);
            self.drafts.insert(name.clone(), Arc::clone(draft));
        }
        if domains_changed {
            self.index.nest();
        }
    }

    /// The hosts that retired apps must give to living ones that ask for them, by the organisation of the retired app.
    pub(super) fn to_be_released(&self) -> BTreeMap<Name, BTreeSet<String>> {
        let mut released: BTreeMap<Name, BTreeSet<String>> = BTreeMap::new();
        for name in self.index.retiring() {
            let retired = self.drafts[name].organisation.apps.values().filter(|app| app.life.is_retired());
            let given = retired.flat_map(|app| &app.hosts).filter(|host| self.is_asked_for(&host.value));
            let given: BTreeSet<String> = given.map(|host| host.value.clone()).collect();
            if !given.is_empty() {
                released.insert(name.clone(), given);
            }
        }
        released
    }

    /// Whether a living app claims a host.
    fn is_asked_for(&self, host: &str) -> bool {
        let claimants = self.index.claimants(host).iter().filter_map(|name| self.drafts.get(name));
        let apps = claimants.flat_map(|draft| draft.organisation.apps.values());
        let mut living = apps.filter(|app| !app.life.is_retired());
        living.any(|app| app.hosts.iter().any(|claimed| claimed.value == host))
    }
}

fn domain(draft: &Draft) -> Option<&str> {
    draft.organisation.domain.as_ref().map(|domain| domain.value.as_str())
}
