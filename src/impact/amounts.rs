//! Storage, processor and memory of an organisation against its grant, before and after: what its apps take at their most, as
//! the ceilings of the garden count it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Whose;
use super::data::room;
use super::subject::PlannedOrganisation;
use super::wording::{OneLine, bytes_of, is_built_in, moves, value, who};
use crate::model::{Grants, Organisation};
use crate::plan::{Action, Place, Verb};
use crate::quantity::{self, Dimension, Quantity};
use crate::render::rules::ceilings;
use crate::render::{OrganisationObjects, ResourceName};

/// What an organisation is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Amount {
    /// The offer, which is what is paid for.
    Offer,
    /// Volumes and buckets, in bytes.
    Storage,
    /// In bytes.
    Memory,
    /// In thousandths of a processor.
    Cpu,
}

/// An amount of an organisation, before and after.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AmountChange {
    /// What is measured.
    pub(crate) amount: Amount,
    /// The organisations that take it.
    pub(crate) whose: Whose,
    /// The opening words: `Storage of alternatiba:`.
    pub(crate) lead: String,
    /// The rest of the sentence: `134 of 300 GiB, then 144`.
    pub(crate) words: String,
    /// The one line behind it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Place>,
    /// How much it is before; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<u64>,
    /// How much it is then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<u64>,
    /// How much the organisation may take then; absent where nothing limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grant: Option<u64>,
    /// Whether it is more than is granted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) over: bool,
    /// Whether it is more than nine tenths of what is granted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tight: bool,
}

/// From so many hundredths of its grant on an organisation has little room.
const TIGHT: u128 = 90;

/// What is told in one line, for however many organisations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    amount: Amount,
    before: Option<u64>,
    after: Option<u64>,
    grant: Option<u64>,
    grant_before: Option<u64>,
    /// Of an offer: the names before and after.
    offers: Option<(Option<String>, Option<String>)>,
}

/// Gathers them.
#[derive(Clone, Debug, Default)]
pub(super) struct AmountTally {
    found: BTreeMap<Key, (Whose, OneLine)>,
}

impl AmountTally {
    /// Adds those of one organisation.
    pub(super) fn add(&mut self, subject: &PlannedOrganisation<'_>) {
        let Some(written) = subject.written() else { return };
        self.offer(subject, written);
        if !subject.plan.changes_anything() {
            return;
        }
        let applied = subject.applied();
        for (amount, resource) in [
            (Amount::Storage, ResourceName::Storage),
            (Amount::Memory, ResourceName::Memory),
            (Amount::Cpu, ResourceName::Cpu),
        ] {
            let Some(objects) = subject.after() else { return };
            let after = ceilings::taken(objects, resource);
            let known = subject.before().map(|objects| ceilings::taken(objects, resource));
            let known = known.or_else(|| subject.is_new().then_some(0));
            let before = known.or_else(|| by_changes(subject, resource, after));
            let of = |grants: &Grants| grant(grants, resource).map(|(amount, _)| amount);
            let grant_before = applied.map(|applied| of(&applied.grants));
            let (grant, place) = grant(&written.grants, resource).unzip();
            let moves = before.map_or_else(|| touches(subject, resource), |before| before != after);
            // What an offer grants is another amount: told where the organisation has something of it.
            let granted_anew = grant_before.is_some_and(|before| before != grant) && after > 0;
            if !(moves || granted_anew) {
                continue;
            }
            let grant_before = grant_before.flatten().filter(|before| Some(*before) != grant);
            let key = Key { amount, before, after: Some(after), grant, grant_before, offers: None };
            let (whose, line) = self.found.entry(key).or_default();
            whose.add(subject.name(), None);
            // What a definition says of itself is no line that people turn.
            let decided = largest(subject, objects, resource).filter(|place| !is_built_in(place));
            line.add(decided.or(place.filter(|_| granted_anew).map(|span| subject.place(span))));
        }
    }

    fn offer(&mut self, subject: &PlannedOrganisation<'_>, written: &Organisation) {
        let Some(applied) = subject.applied() else { return };
        let name = |organisation: &Organisation| organisation.offer.as_ref().map(|offer| offer.name.to_string());
        let offers = (name(applied), name(written));
        if offers.0 == offers.1 {
            return;
        }
        let key = Key {
            amount: Amount::Offer,
            before: None,
            after: None,
            grant: None,
            grant_before: None,
            offers: Some(offers),
        };
        let (whose, line) = self.found.entry(key).or_default();
        whose.add(subject.name(), None);
        line.add(Some(subject.place(written.span)));
    }

    /// All of them, the weightiest first.
    pub(super) fn finish(self) -> Vec<AmountChange> {
        let mut all: Vec<AmountChange> =
            self.found.into_iter().map(|(key, (whose, line))| told(key, whose, line.get())).collect();
        // Offers first, then what is over, then what is tight.
        all.sort_by_key(|one| (one.amount != Amount::Offer, !one.over, !one.tight, one.amount));
        all
    }
}

/// How much is granted, and where.
fn grant(grants: &Grants, resource: ResourceName) -> Option<(u64, crate::source::Span)> {
    let grant = match resource {
        ResourceName::Cpu => grants.cpu.as_ref(),
        ResourceName::Memory => grants.memory.as_ref(),
        ResourceName::Storage => grants.storage.as_ref(),
    }?;
    Some((grant.value.amount, grant.span))
}

/// The line of the garden that decided the share that moves, the largest of them.
fn largest(subject: &PlannedOrganisation<'_>, objects: &OrganisationObjects, resource: ResourceName) -> Option<Place> {
    let shares = |objects: &OrganisationObjects| -> BTreeMap<(String, String), u64> {
        let mut all = BTreeMap::new();
        for share in objects.contributions.iter().filter(|share| share.resource == resource) {
            let key = (share.app.as_ref().map(ToString::to_string).unwrap_or_default(), share.part.clone());
            *all.entry(key).or_default() += share.amount;
        }
        all
    };
    let (before, after) = (subject.before().map(shares)?, shares(objects));
    let own = objects.contributions.iter().filter(|share| share.resource == resource);
    let moved = own.filter(|share| {
        let Some(app) = &share.app else { return false };
        let key = (app.to_string(), share.part.clone());
        before.get(&key) != after.get(&key)
    });
    moved.max_by_key(|share| share.amount).map(|share| subject.place(share.origin))
}

/// What storage was before, by what the plan changes of it; `None` where that says too little.
fn by_changes(subject: &PlannedOrganisation<'_>, resource: ResourceName, after: u64) -> Option<u64> {
    if resource != ResourceName::Storage {
        return None;
    }
    let mut before = i128::from(after);
    for action in subject.writes() {
        match action.verb() {
            // How large it was stands in no plan.
            Verb::Delete | Verb::Replace if action.holds_data => return None,
            Verb::Create => {
                let body = subject.body(&action.id).filter(|_| action.app.is_some());
                before -= i128::from(body.and_then(|body| room(&action.id, body)).unwrap_or(0));
            }
            _ => {
                for change in action.changes.iter().filter(|change| is_room(action, &change.path) && moves(change)) {
                    let bytes = |shown| value(shown).map_or(Some(0), bytes_of);
                    before += i128::from(bytes(change.before.as_ref())?) - i128::from(bytes(change.after.as_ref())?);
                }
            }
        }
    }
    u64::try_from(before).ok()
}

/// Whether a field says how much room an object of an app has.
pub(super) fn is_room(action: &Action, path: &str) -> bool {
    action.app.is_some()
        && (path.ends_with("resources.requests.storage")
            || path.ends_with("quotas.maxSize")
            || path == "spec.storage.size")
}

/// Whether a plan changes anything that counts, where nothing is known of before.
fn touches(subject: &PlannedOrganisation<'_>, resource: ResourceName) -> bool {
    let word = match resource {
        ResourceName::Cpu => "cpu",
        ResourceName::Memory => "memory",
        ResourceName::Storage => "storage",
    };
    subject.writes().filter(|action| action.app.is_some()).any(|action| {
        let fields = action.changes.iter().filter(|change| moves(change)).map(|change| &*change.path);
        let mut fields = fields.filter(|path| {
            path.contains("resources.") && path.contains(word)
                || matches!(*path, "spec.maxReplicas" | "spec.minReplicas")
                || *path == "spec.quotas.maxSize" && resource == ResourceName::Storage
        });
        matches!(action.verb(), Verb::Change | Verb::Adopt) && fields.next().is_some()
    })
}

fn told(key: Key, whose: Whose, origin: Option<Place>) -> AmountChange {
    let of = who(&whose, None);
    let word = match key.amount {
        Amount::Offer => "Offer",
        Amount::Storage => "Storage",
        Amount::Memory => "Memory",
        Amount::Cpu => "Processor time",
    };
    let each = if whose.0.len() > 1 { ", each" } else { "" };
    let lead = format!("{word} of {of}:");
    let (after, grant) = (key.after.unwrap_or(0), key.grant);
    let over = grant.is_some_and(|grant| after > grant);
    let tight = !over && grant.is_some_and(|grant| u128::from(after) * 100 > u128::from(grant) * TIGHT);
    let words = if let Some((before, after)) = &key.offers {
        let name = |offer: &Option<String>| offer.clone().unwrap_or_else(|| "none".to_owned());
        format!("{} → {}{each}", name(before), name(after))
    } else {
        let mark = match (over, tight) {
            (true, _) => ", more than is granted",
            (_, true) => ", more than nine tenths",
            _ => "",
        };
        format!("{}{mark}{each}", amounts(&key))
    };
    let Key { amount, before, after, .. } = key;
    AmountChange { amount, whose, lead, words, origin, before, after, grant, over, tight }
}

/// `134 of 300 GiB, then 144`.
fn amounts(key: &Key) -> String {
    let shown = |amount: u64| {
        let dimension = if key.amount == Amount::Cpu { Dimension::Cpu } else { Dimension::Size };
        Quantity { dimension, amount }.to_string()
    };
    let after = key.after.unwrap_or(0);
    let granted = key.grant.map(shown);
    // What is granted says the unit, where that suits both amounts.
    let common = granted.as_deref().and_then(|granted| granted.rsplit(' ').next()).and_then(quantity::unit);
    let in_common = |amount: u64| common.and_then(|(_, factor)| in_units(amount, factor));
    let suits = in_common(after).is_some() && key.before.is_none_or(|before| in_common(before).is_some());
    let short = |amount: u64| in_common(amount).filter(|_| suits).unwrap_or_else(|| shown(amount));
    let of = |amount: u64| match &granted {
        Some(granted) => format!("{} of {granted}", short(amount)),
        None => shown(amount),
    };
    let anew = match key.grant_before {
        Some(before) => format!(" (granted before: {})", shown(before)),
        None => String::new(),
    };
    match key.before {
        Some(before) if before == after => format!("{}{anew}", of(after)),
        Some(before) => format!("{}, then {}{anew}", of(before), short(after)),
        None => format!("{} then; how much it is now is not known{anew}", of(after)),
    }
}

/// An amount as a number of units with at most two decimals, rounded up: what is over by a little still reads as more. `None` where
/// that would be less than one of them and not exact.
fn in_units(amount: u64, factor: u64) -> Option<String> {
    let (hundredths, factor) = (u128::from(amount) * 100, u128::from(factor));
    if amount == 0 || (u128::from(amount) < factor && !hundredths.is_multiple_of(factor)) {
        return (amount == 0).then(|| "0".to_owned());
    }
    let number = hundredths.div_ceil(factor);
    let text = format!("{}.{:02}", number / 100, number % 100);
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(amount: Amount, before: Option<u64>, after: u64, grant: Option<u64>) -> Key {
        Key { amount, before, after: Some(after), grant, grant_before: None, offers: None }
    }

    #[test]
    fn amounts_are_said_in_the_unit_of_the_grant() {
        const GIB: u64 = 1 << 30;
        let storage = |before, after, grant| amounts(&key(Amount::Storage, before, after, grant));
        assert_eq!(storage(Some(134 * GIB), 144 * GIB, Some(300 * GIB)), "134 of 300 GiB, then 144");
        assert_eq!(storage(Some(812 * GIB), 912 * GIB, Some(2048 * GIB)), "812 GiB of 2 TiB, then 912 GiB");
        assert_eq!(storage(Some(812 * GIB), 1912 * GIB, Some(2048 * GIB)), "812 GiB of 2 TiB, then 1912 GiB");
        assert_eq!(storage(None, 144 * GIB, Some(300 * GIB)), "144 of 300 GiB then; how much it is now is not known");
        assert_eq!(storage(Some(0), 2 * GIB, None), "0 bytes, then 2 GiB");
        let memory = amounts(&key(Amount::Memory, Some(5440 << 20), 5184 << 20, Some(64 * GIB)));
        assert_eq!(memory, "5.32 of 64 GiB, then 5.07");
        let cpu = amounts(&key(Amount::Cpu, Some(2_100), 2_050, Some(24_000)));
        assert_eq!(cpu, "2.1 of 24 cores, then 2.05");
    }

    #[test]
    fn what_is_over_or_nearly_over_its_grant_is_marked() {
        let mark = |after| {
            let told = told(key(Amount::Storage, Some(1), after, Some(100)), Whose::default(), None);
            (told.over, told.tight, told.words.contains("more than"))
        };
        assert_eq!(mark(90), (false, false, false));
        assert_eq!(mark(91), (false, true, true));
        assert_eq!(mark(100), (false, true, true));
        assert_eq!(mark(101), (true, false, true));
    }
}
