//! The words that all parts of an impact share: whose something is, sizes, times, lists cut to a few names.

use std::collections::{BTreeMap, BTreeSet};

use super::Whose;
use crate::name::Name;
use crate::plan::{Action, FieldChange, Place, Shown};
use crate::quantity::{Dimension, Quantity};
use serde_json::Value;

/// So many names of one list are said; the others are counted.
pub(super) const NAMED: usize = 4;
/// So many groups of organisations with the same apps are said; the others are counted.
const GROUPS: usize = 3;
/// What is shorter is said as seconds, in seconds.
const SHORT: u64 = 15;
/// The most characters of a text of others in a sentence.
const LONGEST: usize = 120;

/// `a`, `a and b`, `a, b and c`, `a, b, c, d and 9 more`.
pub(super) fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let mut names = names.into_iter();
    let mut said: Vec<String> = names.by_ref().take(NAMED).map(|name| short(name.as_ref())).collect();
    let more = names.count();
    if more > 0 {
        return format!("{} and {more} more", said.join(", "));
    }
    match said.pop() {
        None => String::new(),
        Some(last) if said.is_empty() => last,
        Some(last) => format!("{} and {last}", said.join(", ")),
    }
}

/// Whose something is: `cloud of art-bati and cnam`; with `own` before organisations themselves, as in `the databases of cnam`.
pub(super) fn who(whose: &Whose, own: Option<&str>) -> String {
    let mut groups: BTreeMap<&BTreeSet<Name>, Vec<&Name>> = BTreeMap::new();
    whose.0.iter().for_each(|(organisation, apps)| groups.entry(apps).or_default().push(organisation));
    let mut groups: Vec<_> = groups.into_iter().collect();
    // What most have comes first.
    groups.sort_by_key(|(_, organisations)| std::cmp::Reverse(organisations.len()));
    let rest = groups.split_off(groups.len().min(GROUPS));
    let mut parts: Vec<String> = groups
        .into_iter()
        .map(|(apps, organisations)| {
            let organisations = list(organisations.iter().map(|name| name.as_str()));
            match (apps.is_empty(), own) {
                (true, Some(own)) => format!("{own} of {organisations}"),
                (true, None) => organisations,
                (false, _) => format!("{} of {organisations}", list(apps.iter().map(Name::as_str))),
            }
        })
        .collect();
    let more: usize = rest.iter().map(|(_, organisations)| organisations.len()).sum();
    if more > 0 {
        parts.push(format!("apps of {}", many(more, "more organisation")));
    }
    parts.join("; ")
}

/// How many apps, and organisations themselves, it is about.
pub(super) fn count(whose: &Whose) -> usize {
    whose.0.values().map(|apps| apps.len().max(1)).sum()
}

/// `1 volume`, `2 volumes`.
pub(super) fn many(count: usize, word: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {word}{ending}")
}

/// A time in words, to the minute: `about a minute`, `about 3 minutes`, `some seconds`.
pub(super) fn about(seconds: u64) -> String {
    match seconds {
        0..=SHORT => "some seconds".to_owned(),
        seconds => match (seconds + 30) / 60 {
            0 | 1 => "about a minute".to_owned(),
            minutes => format!("about {minutes} minutes"),
        },
    }
}

/// Bytes in words.
pub(super) fn size(bytes: u64) -> String {
    Quantity { dimension: Dimension::Size, amount: bytes }.to_string()
}

/// Bytes as Kubernetes writes them: `50Gi`.
pub(super) fn bytes_of(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => crate::policy::amount(text, 1),
        Value::Number(number) => crate::policy::amount(&number.to_string(), 1),
        _ => None,
    }
}

/// A text of a garden or a cluster that is no longer than a part of a sentence may be.
pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(LONGEST - 1).collect::<String>())
}

/// A value of a plan, where it may be looked at.
pub(super) fn value(shown: Option<&Shown>) -> Option<&Value> {
    match shown? {
        Shown::Value(value) | Shown::Part { value, .. } => Some(value),
        Shown::Secret | Shown::Others => None,
    }
}

/// Whether a field is another afterwards; of what is secret nobody sees more than that it was written.
pub(super) fn moves(change: &FieldChange) -> bool {
    change.before != change.after || matches!(change.after, Some(Shown::Secret))
}

/// The line behind what an action does to fields: one of the garden before one of a built-in definition; else the one behind its
/// object.
pub(super) fn best_line<'a>(action: &Action, changes: impl Iterator<Item = &'a FieldChange>) -> Option<Place> {
    let places: Vec<&Place> = changes.filter_map(|change| change.origin.as_ref()).collect();
    let of_garden = places.iter().find(|place| !is_built_in(place));
    of_garden.or(places.first()).map(|place| (*place).clone()).or_else(|| action.origin.clone())
}

/// Whether a line stands in a definition that comes with parcelle.
pub(super) fn is_built_in(place: &Place) -> bool {
    place.file.starts_with('<')
}

/// The line behind a change of a field, or behind its object.
pub(super) fn line(action: &Action, change: Option<&FieldChange>) -> Option<Place> {
    change.and_then(|change| change.origin.clone()).or_else(|| action.origin.clone())
}

/// The one line behind several things; none where they have different ones.
#[derive(Clone, Debug, Default)]
pub(super) struct OneLine {
    /// Whether any thing was added.
    begun: bool,
    line: Option<Place>,
}

impl OneLine {
    /// Adds the line of one thing more.
    pub(super) fn add(&mut self, place: Option<Place>) {
        if !self.begun {
            *self = Self { begun: true, line: place };
        } else if self.line != place {
            self.line = None;
        }
    }

    /// The line that all share.
    pub(super) fn get(self) -> Option<Place> {
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(all: &[(&str, &[&str])]) -> Whose {
        let name = |text: &str| Name::new(text).unwrap();
        let mut whose = Whose::default();
        for (organisation, apps) in all {
            match apps {
                [] => whose.add(&name(organisation), None),
                apps => apps.iter().for_each(|app| whose.add(&name(organisation), Some(&name(app)))),
            }
        }
        whose
    }

    #[test]
    fn whose_something_is_is_said_once_for_equal_apps() {
        assert_eq!(who(&whose(&[("art-bati", &["cloud"]), ("cnam", &["cloud"])]), None), "cloud of art-bati and cnam");
        assert_eq!(who(&whose(&[("cnam", &["cloud", "pads"])]), None), "cloud and pads of cnam");
        assert_eq!(who(&whose(&[("cnam", &[])]), Some("the databases")), "the databases of cnam");
        let mixed = whose(&[("a", &["cloud"]), ("b", &["www"]), ("c", &["cloud"])]);
        assert_eq!((who(&mixed, None), count(&mixed)), ("cloud of a and c; www of b".to_owned(), 3));
    }

    #[test]
    fn long_lists_are_counted() {
        let names: Vec<String> = (0..104).map(|at| format!("o{at:03}")).collect();
        assert_eq!(list(&names), "o000, o001, o002, o003 and 100 more");
        let groups: Vec<(String, String)> = (0..6).map(|at| (format!("o{at}"), format!("app{at}"))).collect();
        let mut whose = Whose::default();
        for (organisation, app) in &groups {
            whose.add(&Name::new(organisation).unwrap(), Some(&Name::new(app).unwrap()));
        }
        assert_eq!(who(&whose, None), "app0 of o0; app1 of o1; app2 of o2; apps of 3 more organisations");
    }

    #[test]
    fn times_are_said_to_the_minute() {
        let said = [5, 40, 70, 95, 200].map(about);
        assert_eq!(said, ["some seconds", "about a minute", "about a minute", "about 2 minutes", "about 3 minutes"]);
    }
}
