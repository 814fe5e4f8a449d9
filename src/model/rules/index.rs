//! The index of claims in the whole garden: rules over all look at what is claimed twice, not at everything.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::domain::parents;
use crate::model::draft::Draft;
use crate::name::Name;

/// Hosts, domains and lent hosts by who claims them, of all organisations as they are written.
#[derive(Debug, Default)]
pub(in crate::model) struct ClaimIndex {
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

impl ClaimIndex {
    /// Adds the claims of an organisation; where domains change, [`Self::nest`] comes afterwards.
    pub(in crate::model) fn learn(&mut self, draft: &Draft) {
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
        if organisation.apps.values().any(|app| app.life.is_retired() && !app.hosts.is_empty()) {
            self.retiring.insert(name.clone());
        }
    }

    /// Takes away the claims of an organisation, which are those that were learned of it.
    pub(in crate::model) fn forget(&mut self, draft: &Draft) {
        let organisation = &draft.organisation;
        let name = &organisation.name;
        hosts(draft).for_each(|host| self.hosts.remove(host, name));
        for (_, borrower) in &organisation.delegates {
            if let Some(lenders) = self.lenders.get_mut(borrower) {
                lenders.remove(name);
            }
        }
        for set in [&mut self.lending, &mut self.straying, &mut self.retiring] {
            set.remove(name);
        }
        if let Some(domain) = &organisation.domain {
            self.domains.remove(&domain.value, name);
        }
    }

    /// Finds the domains inside another one anew.
    pub(in crate::model) fn nest(&mut self) {
        let domains = &self.domains.all;
        let is_nested = |domain: &&String| parents(domain).any(|parent| domains.contains_key(parent));
        self.nested = domains.keys().filter(is_nested).cloned().collect();
    }

    /// Who claims a host, once for each claim.
    pub(in crate::model) fn claimants(&self, host: &str) -> &[Name] {
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

    /// Organisations with a retired app that still has hosts.
    pub(in crate::model) fn retiring(&self) -> impl Iterator<Item = &Name> {
        self.retiring.iter()
    }
}

fn hosts(draft: &Draft) -> impl Iterator<Item = &str> {
    draft.organisation.apps.values().flat_map(|app| &app.hosts).map(|host| host.value.as_str())
}
