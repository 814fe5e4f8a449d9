//! Who claims what in the whole garden, kept up organisation by organisation: rules over all look at what is claimed twice,
//! not at everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::organisation::Draft;
use crate::model::{App, Life};
use crate::name::Name;

/// Hosts, domains and lent hosts by who claims them, of all organisations as they are written.
#[derive(Debug, Default)]
pub(super) struct Index {
    drafts: BTreeMap<Name, Arc<Draft>>,
    hosts: Claims,
    domains: Claims,
    /// Domains inside another one.
    nested: BTreeSet<String>,
    /// To whom hosts are lent, and by whom.
    lenders: BTreeMap<Name, BTreeSet<Name>>,
    /// Organisations that lend hosts.
    lending: BTreeSet<Name>,
    /// Organisations with hosts outside their domain.
    straying: BTreeSet<Name>,
    /// Organisations with a retired app that still has hosts.
    retiring: BTreeSet<Name>,
}

/// What is claimed, by whom: once for each claim.
#[derive(Debug, Default)]
struct Claims {
    all: BTreeMap<String, Vec<Name>>,
    /// What is claimed more than once.
    shared: BTreeSet<String>,
}

impl Claims {
    fn add(&mut self, what: &str, by: &Name) {
        let claims = self.all.entry(what.to_owned()).or_default();
        claims.push(by.clone());
        if claims.len() == 2 {
            self.shared.insert(what.to_owned());
        }
    }

    fn remove(&mut self, what: &str, by: &Name) {
        let Some(claims) = self.all.get_mut(what) else { return };
        if let Some(at) = claims.iter().position(|claim| claim == by) {
            claims.swap_remove(at);
        }
        if claims.len() < 2 {
            self.shared.remove(what);
        }
        if claims.is_empty() {
            self.all.remove(what);
        }
    }

    fn of(&self, what: &str) -> &[Name] {
        self.all.get(what).map_or(&[], Vec::as_slice)
    }
}

impl Index {
    /// Brings the index up to these organisations, whose names differ. What did not change costs a comparison.
    pub(super) fn settle(&mut self, drafts: &[Arc<Draft>], written: impl Fn(&Name) -> bool) {
        let gone: Vec<Name> = self.drafts.keys().filter(|name| !written(name)).cloned().collect();
        let mut domains_changed = false;
        for name in gone {
            domains_changed |= self.forget(&name);
        }
        for draft in drafts {
            let name = &draft.organisation.name;
            let known = self.drafts.get(name);
            if known.is_some_and(|known| Arc::ptr_eq(known, draft)) {
                continue;
            }
            let before = known.and_then(|known| known.organisation.domain.clone());
            domains_changed |= before.map(|domain| domain.value)
                != draft.organisation.domain.as_ref().map(|domain| domain.value.clone());
            self.forget(name);
            self.learn(draft);
        }
        if domains_changed {
            let domains = &self.domains.all;
            let is_nested = |domain: &&String| parents(domain).any(|parent| domains.contains_key(parent));
            self.nested = domains.keys().filter(is_nested).cloned().collect();
        }
    }

    fn learn(&mut self, draft: &Arc<Draft>) {
        let organisation = &draft.organisation;
        let name = &organisation.name;
        hosts(draft).for_each(|host| self.hosts.add(host, name));
        if let Some(domain) = &organisation.domain {
            self.domains.add(&domain.value, name);
        }
        for (_, borrower) in &organisation.delegates {
            self.lenders.entry(borrower.clone()).or_default().insert(name.clone());
            self.lending.insert(name.clone());
        }
        if draft.strays {
            self.straying.insert(name.clone());
        }
        if organisation.apps.values().any(|app| is_retired(app) && !app.hosts.is_empty()) {
            self.retiring.insert(name.clone());
        }
        self.drafts.insert(name.clone(), Arc::clone(draft));
    }

    /// Takes an organisation out; whether it had a domain.
    fn forget(&mut self, name: &Name) -> bool {
        let Some(draft) = self.drafts.remove(name) else { return false };
        hosts(&draft).for_each(|host| self.hosts.remove(host, name));
        for (_, borrower) in &draft.organisation.delegates {
            if let Some(lenders) = self.lenders.get_mut(borrower) {
                lenders.remove(name);
            }
        }
        for set in [&mut self.lending, &mut self.straying, &mut self.retiring] {
            set.remove(name);
        }
        let domain = draft.organisation.domain.as_ref();
        domain.is_some_and(|domain| {
            self.domains.remove(&domain.value, name);
            true
        })
    }

    /// Who claims a host, once for each claim.
    pub(super) fn claimants(&self, host: &str) -> &[Name] {
        self.hosts.of(host)
    }

    /// Hosts that are claimed more than once.
    pub(super) fn shared_hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.shared.iter().map(String::as_str)
    }

    /// Who says that a domain is theirs.
    pub(super) fn owners(&self, domain: &str) -> &[Name] {
        self.domains.of(domain)
    }

    /// Domains that are said more than once.
    pub(super) fn shared_domains(&self) -> impl Iterator<Item = &str> {
        self.domains.shared.iter().map(String::as_str)
    }

    /// Domains inside another one.
    pub(super) fn nested_domains(&self) -> impl Iterator<Item = &str> {
        self.nested.iter().map(String::as_str)
    }

    /// Who lends hosts to an organisation.
    pub(super) fn lenders(&self, to: &Name) -> impl Iterator<Item = &Name> {
        self.lenders.get(to).into_iter().flatten()
    }

    /// Who lends hosts to anybody.
    pub(super) fn lending(&self) -> impl Iterator<Item = &Name> {
        self.lending.iter()
    }

    /// Who has hosts outside their domain.
    pub(super) fn straying(&self) -> impl Iterator<Item = &Name> {
        self.straying.iter()
    }

    /// The hosts that retired apps must give to living ones that ask for them, by the organisation of the retired app.
    pub(super) fn to_be_released(&self) -> BTreeMap<Name, BTreeSet<String>> {
        let mut released: BTreeMap<Name, BTreeSet<String>> = BTreeMap::new();
        for name in &self.retiring {
            let retired = self.drafts[name].organisation.apps.values().filter(|app| is_retired(app));
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
        let claimants = self.claimants(host).iter().filter_map(|name| self.drafts.get(name));
        let mut living = claimants.flat_map(|draft| draft.organisation.apps.values()).filter(|app| !is_retired(app));
        living.any(|app| app.hosts.iter().any(|claimed| claimed.value == host))
    }
}

fn hosts(draft: &Draft) -> impl Iterator<Item = &str> {
    draft.organisation.apps.values().flat_map(|app| &app.hosts).map(|host| host.value.as_str())
}

/// Whether an app is retired: it gives its hosts to whoever asks for them.
pub(super) fn is_retired(app: &App) -> bool {
    matches!(app.life, Life::Retired(_))
}

/// `b.c` and `c` of `a.b.c`.
pub(super) fn parents(domain: &str) -> impl Iterator<Item = &str> {
    domain.match_indices('.').map(|(at, _)| &domain[at + 1..])
}
