//! The index of what organisations may have in the clusters: who holds a host, or a domain around or inside another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::domain::parents;
use crate::model::{Claims, Past, PastOrganisation};
use crate::name::Name;

/// Hosts, domains and sender domains that may be in the clusters, by whose they are.
#[derive(Debug, Default)]
pub(in crate::model) struct Holdings {
    /// By their labels from the last to the first, so that what lies inside a domain follows it.
    all: BTreeMap<String, BTreeSet<HeldName>>,
    organisations: BTreeMap<Name, Arc<PastOrganisation>>,
    /// How often anything moved.
    moves: u64,
}

/// A claim that counts in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) struct HeldName {
    pub(crate) by: Name,
    pub(crate) kind: HeldKind,
    pub(crate) name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) enum HeldKind {
    Host,
    Domain,
    Sender,
}

impl Holdings {
    /// Brings the index up to what may be in the clusters now. What did not change costs a comparison.
    pub(in crate::model) fn settle(&mut self, past: Option<&Past>) {
        let now: BTreeMap<&Name, Arc<PastOrganisation>> = match past {
            Some(past) => past.names().filter_map(|name| Some((name, past.of(name)?))).collect(),
            None => BTreeMap::new(),
        };
        let gone: Vec<Name> = self.organisations.keys().filter(|name| !now.contains_key(*name)).cloned().collect();
        for name in gone {
            self.replace(&name, None);
        }
        for (name, past) in now {
            if self.organisations.get(name).is_none_or(|known| !Arc::ptr_eq(known, &past)) {
                self.replace(name, Some(past));
            }
        }
    }

    fn replace(&mut self, name: &Name, now: Option<Arc<PastOrganisation>>) {
        let before = self.organisations.remove(name);
        let claims =
            |past: &Option<Arc<PastOrganisation>>| past.as_ref().map(|past| past.claims.clone()).unwrap_or_default();
        let (then, claims) = (claims(&before), claims(&now));
        if then != claims {
            self.moves += 1;
            for holding in holdings(name, &then) {
                let key = key(&holding.name);
                if let Some(held) = self.all.get_mut(&key) {
                    held.remove(&holding);
                    if held.is_empty() {
                        self.all.remove(&key);
                    }
                }
            }
            for holding in holdings(name, &claims) {
                self.all.entry(key(&holding.name)).or_default().insert(holding);
            }
        }
        self.organisations.extend(now.map(|now| (name.clone(), now)));
    }

    /// How often anything moved: what follows from the index holds as long as that is the same.
    pub(in crate::model) fn moves(&self) -> u64 {
        self.moves
    }

    /// What one organisation may have.
    pub(super) fn of(&self, name: &Name) -> Option<&Claims> {
        self.organisations.get(name).map(|past| &past.claims)
    }

    /// What may be in the clusters of each organisation.
    pub(super) fn pasts(&self) -> impl Iterator<Item = (&Name, &PastOrganisation)> {
        self.organisations.iter().map(|(name, past)| (name, &**past))
    }

    /// What of a name itself is held.
    pub(super) fn at(&self, name: &str) -> impl Iterator<Item = &HeldName> {
        self.all.get(&key(name)).into_iter().flatten()
    }

    /// What of a domain and of anything inside it is held.
    pub(super) fn inside(&self, domain: &str) -> impl Iterator<Item = &HeldName> {
        let start = key(domain);
        let inside = self.all.range(start.clone()..).take_while(move |(key, _)| key.starts_with(&start));
        inside.flat_map(|(_, held)| held)
    }

    /// Who holds the nearest domain around a name, which is not that name.
    pub(super) fn around(&self, name: &str) -> impl Iterator<Item = &HeldName> {
        let domains = |domain| self.at(domain).filter(|holding| holding.kind == HeldKind::Domain);
        let nearest = parents(name).find(|domain| domains(domain).next().is_some());
        nearest.into_iter().flat_map(move |domain| domains(domain))
    }
}

fn holdings(name: &Name, claims: &Claims) -> Vec<HeldName> {
    let Claims { hosts, domains, senders } = claims;
    let holding = |kind| move |held: &String| HeldName { by: name.clone(), kind, name: held.clone() };
    let hosts = hosts.keys().map(holding(HeldKind::Host));
    let domains = domains.iter().map(holding(HeldKind::Domain));
    hosts.chain(domains).chain(senders.iter().map(holding(HeldKind::Sender))).collect()
}

/// The labels of a name from the last to the first, each with a dot after it.
fn key(name: &str) -> String {
    name.rsplit('.').flat_map(|label| [label, "."]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(all: &[(&str, &[&str], &[&str])]) -> Past {
        let one = |(name, hosts, domains): &(&str, &[&str], &[&str])| {
            let mut claims = Claims::default();
            hosts.iter().for_each(|host| claims.add_host(host, None));
            claims.domains.extend(domains.iter().map(|domain| (*domain).to_owned()));
            (Name::new(name).unwrap(), Arc::new(PastOrganisation { claims, ..PastOrganisation::default() }))
        };
        Past { footprints: all.iter().map(one).collect(), ..Past::default() }
    }

    fn names<'a>(holdings: impl Iterator<Item = &'a HeldName>) -> Vec<String> {
        holdings.map(|holding| format!("{} {}", holding.by, holding.name)).collect()
    }

    #[test]
    fn what_lies_inside_a_domain_is_found_and_what_only_ends_alike_is_not() {
        let mut all = Holdings::default();
        all.settle(Some(&past(&[
            ("a", &["www.a.example", "a.example"], &["a.example"]),
            ("b", &["b-a.example"], &["ba.example"]),
            ("c", &["x.www.a.example"], &[]),
        ])));
        assert_eq!(
            names(all.inside("a.example")),
            ["a a.example", "a a.example", "a www.a.example", "c x.www.a.example"]
        );
        assert_eq!(names(all.around("new.www.a.example")), ["a a.example"]);
        assert_eq!(names(all.around("a.example")), Vec::<String>::new());
        assert_eq!(names(all.at("www.a.example")), ["a www.a.example"]);
    }

    #[test]
    fn it_moves_only_where_somebody_has_something_else() {
        let mut all = Holdings::default();
        all.settle(Some(&past(&[("a", &["a.example"], &[])])));
        let moves = all.moves();
        all.settle(Some(&past(&[("a", &["a.example"], &[])])));
        assert_eq!(all.moves(), moves);
        all.settle(Some(&past(&[("b", &["a.example"], &[])])));
        assert_eq!(names(all.at("a.example")), ["b a.example"]);
        assert!(all.moves() > moves);
        all.settle(None);
        assert_eq!(names(all.inside("example")), Vec::<String>::new());
    }
}
