//! What a line does later than it is applied.

use std::collections::BTreeSet;

use super::values::shift;
use super::words::many;
use crate::impact::edits::KnownEdit;
use crate::name::Name;
use crate::plan::LaterAct;
use crate::render::TermWord;

/// An act that comes later, for however many apps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaterKey {
    word: TermWord,
    day: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

impl LaterKey {
    pub(super) fn of(act: &LaterAct) -> Self {
        Self { word: act.word, day: act.day.clone(), before: act.before.clone(), after: act.after.clone() }
    }
}

/// A word with a property, and what moves with its time.
const ROWS: &[(&str, &str, &str, &str)] =
    &[("nights", "from", "goes to sleep", "go to sleep"), ("nights", "to", "wakes", "wake")];

/// The sentence: `9 apps wake half an hour later`.
pub(super) fn says(key: &LaterKey, whose: &BTreeSet<(Name, Name)>, edit: Option<&KnownEdit>) -> String {
    let who = who(whose);
    if let Some(edit) = edit
        && let Some((_, _, one, more)) = ROWS.iter().find(|(word, property, _, _)| {
            edit.path.last().is_some_and(|last| last == property) && edit.path.iter().any(|name| name == word)
        })
        && let (Some(was), Some(is)) = (&edit.edit.was, &edit.edit.is)
        && let Some(shift) = shift(was, is)
    {
        return format!("{who} {} {shift}", if whose.len() == 1 { one } else { more });
    }
    match (key.word, &key.day) {
        (TermWord::KeepData, Some(day)) => format!("on {day} the data of {who} goes"),
        (word, day) => {
            let when = day.as_ref().map(|day| format!("from {day} on ")).unwrap_or_default();
            let says = match (&key.before, &key.after) {
                (_, Some(after)) => after.clone(),
                (Some(before), None) => format!("no longer {before}"),
                (None, None) => word.as_str().to_owned(),
            };
            format!("{when}{who}: {says}")
        }
    }
}

/// So many organisations are named.
const NAMED: usize = 3;

/// Whose it is: `cloud of alternatiba`, `9 apps of cnam, ingenium and tiers-lieux`, or how many there are.
fn who(whose: &BTreeSet<(Name, Name)>) -> String {
    let organisations: BTreeSet<&str> = whose.iter().map(|(organisation, _)| organisation.as_str()).collect();
    let named: Vec<&str> = organisations.iter().take(NAMED).copied().collect();
    let of = match named.split_last() {
        Some(_) if organisations.len() > NAMED => many(organisations.len(), "organisation"),
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => named.concat(),
    };
    match (whose.first(), whose.len()) {
        (Some((organisation, app)), 1) if organisation != app => format!("{app} of {organisation}"),
        _ if whose.iter().all(|(organisation, app)| organisation == app) => of,
        (_, count) => format!("{} of {of}", many(count, "app")),
    }
}
