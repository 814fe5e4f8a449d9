//! The index of claims in the whole garden: rules over all look at what is claimed twice, not at everything.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::domain::parents;
use crate::model::draft::Draft;
use crate::name::Name;

/// Hosts, domains and lent hosts by who claims them, of all organisations as they are written.
#[derive(Debug, Default)]
pub(in crate::model) struct ClaimIndex {
    hosts: Claims<HostClaim>,
    domains: Claims<Name>,
    /// Domains inside another one.
    nested: BTreeSet<String>,
    /// The hosts that are lent to an organisation, each with who lends it.
    lent: BTreeMap<Name, BTreeMap<String, Vec<Name>>>,
    /// Organisations that lend hosts.
    lending: BTreeSet<Name>,
    /// Organisations with hosts outside their domain.
    straying: BTreeSet<Name>,
    /// Organisations with a retired app that still has hosts.
    retiring: BTreeSet<Name>,
}

/// An app that claims a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) struct HostClaim {
    pub(in crate::model) organisation: Name,
    pub(in crate::model) app: Name,
}

/// What is claimed, by whom in their order, each with how often.
#[derive(Debug)]
struct Claims<By> {
    all: BTreeMap<String, Vec<(By, usize)>>,
    /// What is claimed more than once.
    shared: BTreeSet<String>,
}

impl<By> Default for Claims<By> {
    fn default() -> Self {
        Self { all: BTreeMap::new(), shared: BTreeSet::new() }
    }
}

impl<By: Ord> Claims<By> {
    fn add(&mut self, what: &str, by: By) {
        let claims = match self.all.get_mut(what) {
            Some(claims) => claims,
            None => self.all.entry(what.to_owned()).or_default(),
        };
        match claims.binary_search_by(|(known, _)| known.cmp(&by)) {
            Ok(at) => claims[at].1 += 1,
            Err(at) => claims.insert(at, (by, 1)),
        }
        if is_shared(claims) && !self.shared.contains(what) {
            self.shared.insert(what.to_owned());
        }
    }

    fn remove(&mut self, what: &str, by: &By) {
        let Some(claims) = self.all.get_mut(what) else { return };
        if let Ok(at) = claims.binary_search_by(|(known, _)| known.cmp(by)) {
            claims[at].1 -= 1;
            if claims[at].1 == 0 {
                claims.remove(at);
            }
        }
        if !is_shared(claims) {
            self.shared.remove(what);
        }
        if claims.is_empty() {
            self.all.remove(what);
        }
    }

    fn of(&self, what: &str) -> &[(By, usize)] {
        self.all.get(what).map_or(&[], Vec::as_slice)
    }
}

/// Whether something is claimed by several, or by one more than once.
fn is_shared<By>(claims: &[(By, usize)]) -> bool {
    claims.len() > 1 || claims.iter().any(|(_, times)| *times > 1)
}

impl ClaimIndex {
    /// Adds the claims of an organisation; where domains change, [`Self::nest`] comes afterwards.
    pub(in crate::model) fn learn(&mut self, draft: &Draft) {
        let organisation = &draft.organisation;
        let name = &organisation.name;
        hosts(draft).for_each(|(host, claim)| self.hosts.add(host, claim));
        if let Some(domain) = &organisation.domain {
            self.domains.add(&domain.value, name.clone());
        }
        for (lent, borrower) in &organisation.delegates {
            let hosts = self.lent.entry(borrower.clone()).or_default();
            let lenders = hosts.entry(lent.value.clone()).or_default();
            if !lenders.contains(name) {
                lenders.push(name.clone());
            }
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
        hosts(draft).for_each(|(host, claim)| self.hosts.remove(host, &claim));
        for (lent, borrower) in &organisation.delegates {
            self.take_back(name, &lent.value, borrower);
        }
        for set in [&mut self.lending, &mut self.straying, &mut self.retiring] {
            set.remove(name);
        }
        if let Some(domain) = &organisation.domain {
            self.domains.remove(&domain.value, name);
        }
    }

    fn take_back(&mut self, lender: &Name, host: &str, borrower: &Name) {
        let Some(hosts) = self.lent.get_mut(borrower) else { return };
        if let Some(lenders) = hosts.get_mut(host) {
            lenders.retain(|name| name != lender);
            if lenders.is_empty() {
                hosts.remove(host);
            }
        }
        if hosts.is_empty() {
            self.lent.remove(borrower);
        }
    }

    /// Finds the domains inside another one anew.
    pub(in crate::model) fn nest(&mut self) {
        let domains = &self.domains.all;
        let is_nested = |domain: &&String| parents(domain).any(|parent| domains.contains_key(parent));
        self.nested = domains.keys().filter(is_nested).cloned().collect();
    }

    /// The apps that claim a host, organisation by organisation.
    pub(in crate::model) fn claims(&self, host: &str) -> impl Iterator<Item = &HostClaim> {
        self.hosts.of(host).iter().map(|(claim, _)| claim)
    }

    /// The apps of one organisation that claim a host.
    pub(super) fn claims_of<'a>(&'a self, organisation: &'a Name, host: &str) -> impl Iterator<Item = &'a HostClaim> {
        let claims = self.hosts.of(host);
        let first = claims.partition_point(|(claim, _)| claim.organisation < *organisation);
        let of_organisation = claims[first..].iter().map(|(claim, _)| claim);
        of_organisation.take_while(move |claim| claim.organisation == *organisation)
    }

    /// Hosts that are claimed more than once.
    pub(super) fn shared_hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.shared.iter().map(String::as_str)
    }

    /// Who says that a domain is theirs.
    pub(super) fn owners(&self, domain: &str) -> impl Iterator<Item = &Name> {
        self.domains.of(domain).iter().map(|(name, _)| name)
    }

    /// Domains that are said more than once.
    pub(super) fn shared_domains(&self) -> impl Iterator<Item = &str> {
        self.domains.shared.iter().map(String::as_str)
    }

    /// Domains inside another one.
    pub(super) fn nested_domains(&self) -> impl Iterator<Item = &str> {
        self.nested.iter().map(String::as_str)
    }

    /// Who says that a host, or a domain around it, is lent to an organisation.
    pub(super) fn lenders<'a>(&'a self, host: &'a str, to: &Name) -> impl Iterator<Item = &'a Name> {
        let lent = self.lent.get(to);
        let names = std::iter::once(host).chain(parents(host)).take_while(move |_| lent.is_some());
        names.filter_map(move |name| lent?.get(name)).flatten()
    }

    /// Whether an organisation says that it lends a host, or what lies around it.
    pub(in crate::model) fn lends(&self, lender: &Name, host: &str, to: &Name) -> bool {
        self.lenders(host, to).any(|name| name == lender)
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

fn hosts(draft: &Draft) -> impl Iterator<Item = (&str, HostClaim)> {
    let organisation = &draft.organisation;
    organisation.apps.values().flat_map(move |app| {
        let claim = HostClaim { organisation: organisation.name.clone(), app: app.name.clone() };
        app.hosts.iter().map(move |host| (host.value.as_str(), claim.clone()))
    })
}
