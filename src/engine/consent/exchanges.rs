//! Pure: what one organisation gives and another takes along the line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Walked;
use crate::consent::Exchange;
use crate::model::{Claims, Garden, Organisation};
use crate::name::Name;

impl Walked {
    /// Hosts and sender domains that pass from one organisation to another, or are lent, by step.
    pub(super) fn exchanges(&self) -> Vec<Exchange> {
        let mut all = Vec::new();
        for step in 0..self.last() {
            let (Some(before), Some(after)) = (self.garden(step), self.garden(step + 1)) else {
                continue;
            };
            let names: BTreeSet<&Name> = before.organisations.keys().chain(after.organisations.keys()).collect();
            let moved: Vec<&Name> = names
                .into_iter()
                .filter(|name| match (before.organisations.get(*name), after.organisations.get(*name)) {
                    (Some(one), Some(other)) => !Arc::ptr_eq(one, other),
                    _ => true,
                })
                .collect();
            if moved.len() < 2 {
                continue;
            }
            let claims = |garden: &Garden, name: &Name| garden.organisations.get(name).map(|one| Claims::of(one));
            let mut given: BTreeMap<String, &Name> = BTreeMap::new();
            let mut taken: BTreeMap<String, &Name> = BTreeMap::new();
            for name in moved {
                let (was, is) = (claims(before, name).unwrap_or_default(), claims(after, name).unwrap_or_default());
                let words = |claims: &Claims| -> BTreeSet<String> {
                    claims.hosts.keys().chain(&claims.domains).chain(&claims.senders).cloned().collect()
                };
                let (was, is) = (words(&was), words(&is));
                let lent = |garden: &Garden| -> BTreeSet<String> {
                    garden.organisations.get(name).map(|one| lent_by(one)).unwrap_or_default()
                };
                let (lent_before, lent_after) = (lent(before), lent(after));
                given.extend(was.difference(&is).map(|word| (word.clone(), name)));
                given.extend(lent_after.symmetric_difference(&lent_before).map(|word| (word.clone(), name)));
                taken.extend(is.symmetric_difference(&was).map(|word| (word.clone(), name)));
            }
            let pairs: BTreeSet<(&Name, &Name)> = given
                .iter()
                .filter_map(|(word, gives)| Some((*gives, *taken.get(word)?)))
                .filter(|(gives, takes)| gives != takes)
                .collect();
            let exchange = |(gives, takes): (&Name, &Name)| Exchange {
                step: step + 1,
                gives: gives.clone(),
                takes: takes.clone(),
            };
            all.extend(pairs.into_iter().map(exchange));
        }
        all
    }
}

/// The hosts that an organisation lends to others.
fn lent_by(organisation: &Organisation) -> BTreeSet<String> {
    organisation.delegates.iter().map(|(host, _)| host.value.clone()).collect()
}
