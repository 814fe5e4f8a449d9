//! The index of claims, kept up organisation by organisation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::Past;
use crate::model::draft::Draft;
use crate::model::rules::{ClaimIndex, ClusterNames, Doubtful, Holdings};
use crate::name::Name;

/// The index of claims, with the drafts that it was made of.
#[derive(Debug, Default)]
pub(super) struct KeptIndex {
    index: ClaimIndex,
    drafts: BTreeMap<Name, Arc<Draft>>,
    /// Who may have what in the clusters, and what these name.
    holdings: Holdings,
    names: ClusterNames,
    /// What may be wrong with claims, of organisations of which something may be.
    doubtful: BTreeMap<Name, Doubtful>,
    /// What of the holdings that follows from.
    judged_at: u64,
}

impl KeptIndex {
    /// The claims of the organisations that were settled last.
    pub(super) fn claims(&self) -> &ClaimIndex {
        &self.index
    }

    /// Who may have what in the clusters.
    pub(super) fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// What may be wrong with claims, by organisation.
    pub(super) fn doubtful(&self) -> impl Iterator<Item = (&Name, &Doubtful)> {
        self.doubtful.iter()
    }

    /// Brings the index up to these organisations, whose names differ, to what may be in the clusters, and to what these name.
    /// What did not change costs a comparison.
    pub(super) fn settle(
        &mut self,
        drafts: &[Arc<Draft>],
        written: impl Fn(&Name) -> bool,
        past: Option<&Past>,
        names: ClusterNames,
    ) {
        self.holdings.settle(past);
        let moved = self.judged_at != self.holdings.moves() || self.names != names;
        (self.judged_at, self.names) = (self.holdings.moves(), names);
        let gone: Vec<Name> = self.drafts.keys().filter(|name| !written(name)).cloned().collect();
        let mut domains_changed = false;
        for draft in gone.into_iter().filter_map(|name| self.drafts.remove(&name)) {
            domains_changed |= draft.organisation.domain.is_some();
            self.doubtful.remove(&draft.organisation.name);
            self.index.forget(&draft);
        }
        for draft in drafts {
            let name = &draft.organisation.name;
            let known = self.drafts.get(name);
            let is_same = known.is_some_and(|known| Arc::ptr_eq(known, draft));
            if moved || !is_same {
                self.doubtful.remove(name);
                let doubtful = Doubtful::of(draft, &self.holdings, &self.names);
                self.doubtful.extend((!doubtful.is_empty()).then(|| (name.clone(), doubtful)));
            }
            if is_same {
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

    /// The hosts that retired apps must give to living ones that ask for them, by the organisation of the retired app. Those of
    /// another organisation may ask for what is lent to them.
    pub(super) fn to_be_released(&self) -> BTreeMap<Name, BTreeSet<String>> {
        let mut released: BTreeMap<Name, BTreeSet<String>> = BTreeMap::new();
        for name in self.index.retiring() {
            let retired = self.drafts[name].organisation.apps.values().filter(|app| app.life.is_retired());
            let given = retired.flat_map(|app| &app.hosts).filter(|host| self.is_asked_for(&host.value, name));
            let given: BTreeSet<String> = given.map(|host| host.value.clone()).collect();
            if !given.is_empty() {
                released.insert(name.clone(), given);
            }
        }
        released
    }

    /// Whether a living app claims a host that may be its own or lent to it by the owner of the retired one.
    fn is_asked_for(&self, host: &str, owner: &Name) -> bool {
        let may = |name: &Name| name == owner || self.index.lends(owner, host, name);
        let mut claims = self.index.claims(host).filter(|claim| may(&claim.organisation));
        claims.any(|claim| !self.drafts[&claim.organisation].organisation.apps[&claim.app].life.is_retired())
    }
}

fn domain(draft: &Draft) -> Option<&str> {
    draft.organisation.domain.as_ref().map(|domain| domain.value.as_str())
}
