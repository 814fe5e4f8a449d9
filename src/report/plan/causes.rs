//! A plan by cause: each edited line with its old and its new words, under it what it does; equal edits once.
//!
//! ```text
//! What was written:
//!   offers/liiibre.kdl:13 every night at: 02:30 → 03:30
//!       backups an hour later: 45 objects in 8 organisations
//! Without a line:
//!   somebody changed it in the cluster: 1 copy of cloud runs instead of 3: 1 object of cnam
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::Style;

use super::TextStyle;
use super::text::moved;
use super::words::{many, paint};
use crate::impact::{EditEffect, Impact, OtherCause, Whose};
use crate::report::Drawing;
use crate::visible;

/// So many places of equal edits are named; the others are counted.
const PLACES: usize = 3;

/// An edited line for people, or equal ones of several files; each text is as it was written, and steers whatever it likes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CauseRow {
    /// `offers/liiibre.kdl:13`, or the first few places and how many there are besides.
    pub(super) place: String,
    /// `every night at`; empty where `was` and `is` say all of it.
    pub(super) word: String,
    pub(super) was: Option<String>,
    pub(super) is: Option<String>,
    /// What it does now: `backups an hour later`. Empty where it only acts later.
    pub(super) does: String,
    /// What it does later than it is applied.
    pub(super) later: String,
    /// `45 objects in 8 organisations`; empty where it changes none.
    pub(super) reach: String,
    /// The organisations that it concerns.
    pub(super) names: Vec<String>,
}

/// What is done without an edited line, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OtherRow {
    /// Why: `somebody changed it in the cluster`.
    pub(super) why: String,
    pub(super) does: String,
    pub(super) reach: String,
    /// The organisations that it concerns.
    pub(super) names: Vec<String>,
}

/// A line for each edit, equal edits together, in order of the first place.
pub(super) fn rows(impact: &Impact) -> Vec<CauseRow> {
    type Key<'a> = (&'a str, Option<&'a str>, Option<&'a str>, &'a [String], &'a [String]);
    let mut order: Vec<Vec<&EditEffect>> = Vec::new();
    let mut known: BTreeMap<Key<'_>, usize> = BTreeMap::new();
    for effect in &impact.edits {
        let edit = &effect.edit;
        let key = (edit.word.as_str(), edit.was.as_deref(), edit.is.as_deref(), &*effect.does, &*effect.later);
        if let Some(at) = known.get(&key) {
            order[*at].push(effect);
            continue;
        }
        known.insert(key, order.len());
        order.push(vec![effect]);
    }
    order.into_iter().map(|equal| row(&equal)).collect()
}

fn row(equal: &[&EditEffect]) -> CauseRow {
    let Some(first) = equal.first() else { return CauseRow::default() };
    let mut places: Vec<String> = equal.iter().take(PLACES).map(|effect| effect.edit.place.to_string()).collect();
    let more = equal.len().saturating_sub(places.len());
    if more > 0 {
        places.push(format!("{more} more"));
    }
    let place = match places.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => places.concat(),
    };
    let objects = equal.iter().map(|effect| effect.objects).sum();
    let names = names(equal.iter().map(|effect| &effect.whose));
    CauseRow {
        place,
        word: first.edit.word.clone(),
        was: first.edit.was.clone(),
        is: first.edit.is.clone(),
        does: first.does.join("; "),
        later: first.later.join("; "),
        reach: reach(objects, &names),
        names,
    }
}

/// A line for each reason without an edited line.
pub(super) fn others(impact: &Impact) -> Vec<OtherRow> {
    let row = |other: &OtherCause| {
        let names = names(std::iter::once(&other.whose));
        OtherRow { why: other.why.clone(), does: other.does.join("; "), reach: reach(other.objects, &names), names }
    };
    impact.other.iter().map(row).collect()
}

fn names<'a>(all: impl Iterator<Item = &'a Whose>) -> Vec<String> {
    let names: BTreeSet<&str> = all.flat_map(|whose| whose.0.keys()).map(crate::name::Name::as_str).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn reach(objects: usize, names: &[String]) -> String {
    match (objects, names) {
        (0, _) => String::new(),
        (objects, [only]) => format!("{} of {only}", many(objects, "object")),
        (objects, names) => format!("{} in {}", many(objects, "object"), many(names.len(), "organisation")),
    }
}

/// What was written, and what is done besides; empty where nothing is.
pub(crate) fn causes(impact: &Impact, style: TextStyle) -> String {
    let bold = |text: &str| paint(style.drawing, Style::new().bold(), text);
    let (rows, others) = (rows(impact), others(impact));
    let mut out = String::new();
    if !rows.is_empty() {
        let _ = writeln!(out, "{}", bold("What was written:"));
    }
    for row in &rows {
        draw(&mut out, row, style.drawing);
    }
    if !others.is_empty() {
        let _ = writeln!(out, "{}", bold("Without a line:"));
    }
    for other in &others {
        let parts = [&other.why, &other.does, &other.reach].map(|part| visible::line(part));
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let _ = writeln!(out, "  {}", parts.join(": "));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

fn draw(out: &mut String, row: &CauseRow, drawing: Drawing) {
    let dimmed = |text: &str| paint(drawing, Style::new().dimmed(), text);
    let place = dimmed(&visible::line(&row.place));
    let stop = if drawing.is_narrated() { "," } else { "" };
    let _ = writeln!(out, "  {place}{stop} {}", written(row, drawing));
    let (does, reach) = (visible::line(&row.does), visible::line(&row.reach));
    match (does.is_empty(), reach.is_empty()) {
        (true, true) => {}
        (false, true) => {
            let _ = writeln!(out, "      {does}");
        }
        (true, false) => {
            let _ = writeln!(out, "      {reach}");
        }
        (false, false) => {
            let _ = writeln!(out, "      {does}: {reach}");
        }
    }
    if !row.later.is_empty() {
        let _ = writeln!(out, "      acts later: {}", visible::line(&row.later));
    }
}

/// `every night at: 02:30 → 03:30`, or in words.
fn written(row: &CauseRow, drawing: Drawing) -> String {
    let shown = |text: &Option<String>| text.as_deref().map(visible::line).unwrap_or_default();
    let (was, is) = (shown(&row.was), shown(&row.is));
    let change = match (&row.was, &row.is) {
        (Some(_), Some(_)) => moved(true, &was, "", &is, drawing),
        (Some(_), None) => format!("{was} (taken out)"),
        // Where the word is empty the line is told as it stands: whether it is new is not known.
        (None, Some(_)) if row.word.is_empty() => is,
        (None, _) => format!("{is} (new)"),
    };
    let word = visible::line(&row.word);
    match (word.is_empty(), drawing.is_narrated()) {
        (true, _) => change,
        (false, true) => format!("{word}, {change}"),
        (false, false) => format!("{word}: {change}"),
    }
}
