//! The hatches of an organisation in words: what is new in full, the rest by name and place.

use std::collections::BTreeSet;

use super::value;
use super::words::many;
use crate::plan::{Hatch, HatchChange, HatchWord, OrganisationPlan, Shown};
use crate::visible;

/// So many hatches that are not new are named; the others are counted.
pub(super) const NAMED: usize = 10;

/// So many letters of what a hatch is about are said.
const LONGEST: usize = 200;

/// So many fields of a hatch stand on its line.
const ON_A_LINE: usize = 3;

/// How many hatches an organisation uses; nothing where it uses none.
pub(super) fn counted(plan: &OrganisationPlan) -> Option<String> {
    let new = plan.hatches.iter().filter(|hatch| hatch.new).count();
    let fresh = if new > 0 { format!(", {new} new or changed") } else { String::new() };
    (!plan.hatches.is_empty()).then(|| format!("{} in use{fresh}", many(plan.hatches.len(), "hatch")))
}

/// `cloud: patch Deployment cloud-web`.
pub(super) fn name(hatch: &Hatch) -> String {
    let word = match hatch.word {
        HatchWord::Env => "env",
        HatchWord::Patch => "patch",
        HatchWord::Field => "field",
        HatchWord::Allow => "allow",
    };
    let whose = hatch.app.as_ref().map(|app| format!("{app}: ")).unwrap_or_default();
    let about: String = hatch.about.chars().take(LONGEST).collect();
    let cut = if about.len() < hatch.about.len() { "…" } else { "" };
    format!("{whose}{word} {about}{cut}")
}

/// What a hatch changes, on the rest of its line; empty where its name says all, or its fields stand below it.
pub(super) fn changes(hatch: &Hatch) -> String {
    if has_more_below(hatch) { String::new() } else { in_short(hatch) }
}

/// Whether the fields of a hatch are listed below its line: it is new, and has several.
fn has_more_below(hatch: &Hatch) -> bool {
    hatch.word == HatchWord::Patch && hatch.new && hatch.changes.len() + hatch.more > 1
}

/// What a hatch changes, as far as a line has room for it.
pub(super) fn in_short(hatch: &Hatch) -> String {
    match hatch.word {
        HatchWord::Field | HatchWord::Allow => String::new(),
        HatchWord::Env => of_variable(hatch),
        HatchWord::Patch if hatch.changes.is_empty() => " changes nothing".to_owned(),
        HatchWord::Patch => {
            let fields: Vec<String> = hatch.changes.iter().take(ON_A_LINE).map(field).collect();
            let more = hatch.changes.len() - fields.len() + hatch.more;
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!(" sets {}{rest}", fields.join(", "))
        }
    }
}

/// The fields of a new hatch that its line has no room for, one a line.
pub(super) fn below(hatch: &Hatch) -> Vec<String> {
    let listed = has_more_below(hatch);
    let mut lines: Vec<String> = hatch.changes.iter().filter(|_| listed).map(field).collect();
    if listed && hatch.more > 0 {
        lines.push(format!("… and {} more", many(hatch.more, "field")));
    }
    lines
}

/// A variable has one value in many containers.
fn of_variable(hatch: &Hatch) -> String {
    let values: BTreeSet<String> = hatch.changes.iter().map(value_of).collect();
    let objects: BTreeSet<&str> = hatch.changes.iter().map(|change| &*change.object).collect();
    if objects.is_empty() {
        return " changes nothing".to_owned();
    }
    let named: Vec<&str> = objects.iter().copied().take(ON_A_LINE).collect();
    let more = if hatch.more > 0 { " and others".to_owned() } else { more_than(&named, objects.len()) };
    format!(" = {} in {}{more}", values.into_iter().collect::<Vec<_>>().join(" or "), named.join(", "))
}

fn more_than(named: &[&str], all: usize) -> String {
    if all > named.len() { format!(" and {} more", all - named.len()) } else { String::new() }
}

fn field(change: &HatchChange) -> String {
    format!("{} = {}", visible::line(&change.field.path), value_of(change))
}

fn value_of(change: &HatchChange) -> String {
    match &change.field.after {
        None => "\"\"".to_owned(),
        Some(Shown::Value(serde_json::Value::Object(map))) if map.contains_key("valueFrom") => {
            value::short(&value::flow(&map["valueFrom"]))
        }
        after => value::line(&change.field.path, after.as_ref()),
    }
}
