//! What happened, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;

use super::TextStyle;
use super::words::{bullet, many, paint};
use crate::plan::{Done, Health, HealthState, OrganisationOutcome, Outcome, Skip, Verb};
use crate::visible;

/// The outcomes as text: a line an organisation, what is open below it, a summary at the end.
pub fn outcome(outcomes: &[OrganisationOutcome], style: TextStyle) -> String {
    let mut out: String = outcomes.iter().map(|one| organisation_outcome(one, style)).collect();
    out.push_str(&outcome_summary(outcomes));
    out
}

/// One organisation's part; empty where nothing of it moved.
pub(crate) fn organisation_outcome(organisation: &OrganisationOutcome, style: TextStyle) -> String {
    let counts = counts(organisation);
    let quiet = organisation.failure.is_none() && counts.keys().all(|class| *class == Class::Unchanged);
    let mut out = String::new();
    if quiet && !style.verbose {
        return out;
    }
    let name = paint(style.drawing, Style::new().bold(), organisation.organisation.as_str());
    let _ = writeln!(out, "{name}: {}{}", counted(&counts), under_way(organisation, style));
    if let Some(failure) = &organisation.failure {
        let _ = writeln!(out, "  {}{}", bullet(style.drawing, Verb::Refused), visible::line(failure));
    }
    for outcome in &organisation.outcomes {
        draw(&mut out, outcome, style);
    }
    out
}

/// What all of them come to.
pub(crate) fn outcome_summary(outcomes: &[OrganisationOutcome]) -> String {
    let mut totals: BTreeMap<Class, usize> = BTreeMap::new();
    for (class, count) in outcomes.iter().flat_map(counts) {
        *totals.entry(class).or_default() += count;
    }
    let failed = outcomes.iter().filter(|organisation| organisation.failure.is_some()).count();
    let failures =
        if failed > 0 { format!("; {} could not be done", many(failed, "organisation")) } else { String::new() };
    let only_unchanged = totals.keys().all(|class| *class == Class::Unchanged);
    if only_unchanged && failed == 0 {
        format!("Nothing was written in {}.\n", many(outcomes.len(), "organisation"))
    } else {
        format!("{} in {}{failures}.\n", counted(&totals), many(outcomes.len(), "organisation"))
    }
}

/// How many objects of an organisation there are of each class.
fn counts(organisation: &OrganisationOutcome) -> BTreeMap<Class, usize> {
    let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
    for outcome in &organisation.outcomes {
        *counts.entry(class(outcome)).or_default() += 1;
    }
    if organisation.unchanged > 0 {
        *counts.entry(Class::Unchanged).or_default() += organisation.unchanged;
    }
    counts
}

/// What an outcome counts as.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Applied,
    Deleted,
    Failed,
    Refused,
    Waiting,
    Skipped,
    Held,
    Unchanged,
}

fn class(outcome: &Outcome) -> Class {
    match (&outcome.done, outcome.verb) {
        (Done::Applied { .. }, _) => Class::Applied,
        (Done::Deleted | Done::Deleting, _) => Class::Deleted,
        (Done::Failed { .. }, _) => Class::Failed,
        (Done::Skipped { why: Skip::WaitsFor { .. } }, _) => Class::Waiting,
        (Done::Skipped { why: Skip::Planned }, Verb::Refused) => Class::Refused,
        (Done::Skipped { why: Skip::Planned | Skip::WithoutData { .. } }, Verb::Held) => Class::Held,
        (Done::Skipped { why: Skip::Planned } | Done::Unchanged, _) => Class::Unchanged,
        (Done::Skipped { .. }, _) => Class::Skipped,
    }
}

fn counted(counts: &BTreeMap<Class, usize>) -> String {
    let word = |class: &Class| match class {
        Class::Applied => "applied",
        Class::Deleted => "deleted",
        Class::Failed => "failed",
        Class::Refused => "refused",
        Class::Waiting => "waiting",
        Class::Skipped => "not tried",
        Class::Held => "held",
        Class::Unchanged => "unchanged",
    };
    let parts: Vec<_> = counts.iter().map(|(class, count)| format!("{count} {}", word(class))).collect();
    if parts.is_empty() { "nothing done".to_owned() } else { parts.join(", ") }
}

fn draw(out: &mut String, outcome: &Outcome, style: TextStyle) {
    let (mark, words) = match &outcome.done {
        Done::Failed { why, place, passing } => {
            let place = place.as_ref().map(|place| format!("  {place}")).unwrap_or_default();
            let again = if *passing { "; tried again in the next round" } else { "" };
            (Verb::Refused, format!("failed: {}{again}{place}", visible::line(why)))
        }
        // What was begun before is waited for itself.
        Done::Skipped { why: Skip::WaitsFor { object, health } } if *object == outcome.id => {
            (Verb::Held, format!("is not done yet: {}{}", health.state, message(&health.message)))
        }
        Done::Skipped { why } => match skipped(why) {
            Some(words) => (Verb::Held, words),
            None => return,
        },
        Done::Deleting => (Verb::Delete, "its deletion has begun".to_owned()),
        Done::Applied { health: Some(health), .. } if is_told(health, style) => {
            (Verb::Change, format!("applied, {}{}", health.state, message(&health.message)))
        }
        Done::Applied { .. } if style.verbose => (outcome.verb, "applied".to_owned()),
        Done::Deleted if style.verbose => (Verb::Delete, "deleted".to_owned()),
        Done::Applied { .. } | Done::Deleted | Done::Unchanged => return,
    };
    let _ = writeln!(out, "  {}{} — {words}", bullet(style.drawing, mark), outcome.id);
}

/// Objects on their way are counted; each is told only to those who ask for everything, and what will not get there always.
fn is_told(health: &Health, style: TextStyle) -> bool {
    health.state == HealthState::Failed || (style.verbose && !health.is_ready())
}

/// `; 14 on their way to ready`.
fn under_way(organisation: &OrganisationOutcome, style: TextStyle) -> String {
    let on_its_way = |outcome: &&Outcome| matches!(&outcome.done, Done::Applied { health: Some(health), .. } if !health.is_ready() && !is_told(health, style));
    match organisation.outcomes.iter().filter(on_its_way).count() {
        0 => String::new(),
        count => format!("; {count} on the way to ready"),
    }
}

fn message(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {}", visible::line(text)) }
}

/// Why an action was not tried; `None` where the plan already said so.
fn skipped(why: &Skip) -> Option<String> {
    Some(match why {
        // The plan and its findings say it once.
        Skip::Planned | Skip::WithoutData { .. } => return None,
        Skip::AfterFailure { of } => format!("held back since {of} was refused or failed"),
        Skip::WaitsFor { object, health } => {
            format!("waits for {object}: {}{}", health.state, message(&health.message))
        }
        Skip::Stale { what } => format!("stale: {}", visible::line(what)),
        Skip::NotAgreed => "not done: the saved plan does not have it".to_owned(),
        Skip::Interrupted => "not tried: interrupted".to_owned(),
    })
}
