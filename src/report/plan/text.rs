//! A plan for people.
//!
//! ```text
//! alternatiba: 1 change, 41 unchanged
//!   cloud
//!     ~ Deployment cloud-web — the garden asks for it
//!         spec.replicas: 2 → 3  orgs/alternatiba.kdl:17
//!
//! 1 change in 1 of 10 organisations; 9 unchanged.
//! ```

use std::fmt::Write as _;

use anstyle::Style;

use super::value::Line;
use super::words::{HeldObjects, bullet, by_app, counted, has_news, is_told, kinds, many, mark, paint, style};
use super::{AlikeOrganisations, DataGone, Tally, TextStyle, first, hatches, later, value, way_out};
use crate::plan::{Action, FieldChange, OrganisationPlan, Place, Plan, Verb};
use crate::report::Drawing;
use crate::visible;

/// So many fields of objects that are held together are shown.
const HELD_CHANGES: usize = 6;
/// More new objects than these are counted by kind instead of listed.
const LISTED: usize = 3;

/// The plan as text, with a summary at its end.
pub fn text(plan: &Plan, style: TextStyle) -> String {
    let tally = Tally::of(plan);
    let mut out = head(&tally, style);
    let mut alike = AlikeOrganisations::default();
    plan.organisations.iter().for_each(|one| alike.add(one, style));
    out.extend(plan.organisations.iter().map(|one| alike.organisation(one, style)));
    out.push_str(&summary(&tally));
    out
}

/// What stands before all organisations: what to look at first, what acts later than it is applied, and how far the plan is that of an hour.
pub(crate) fn head(tally: &Tally, style: TextStyle) -> String {
    let mut out = String::new();
    let bold = |text: &str| paint(style.drawing, Style::new().bold(), text);
    if tally.first().next().is_some() {
        let _ = writeln!(out, "{}", bold("What to look at first:"));
        for says in tally.first().take(first::SHOWN) {
            let _ = writeln!(out, "  {}", visible::line(says));
        }
        if let Some(more) = first::more(tally.first().count()) {
            let _ = writeln!(out, "  {more}");
        }
        out.push('\n');
    }
    if tally.acts_later() {
        let _ = writeln!(out, "{}", bold("What acts later:"));
        for line in tally.later() {
            let origin = line.origin.map(|place| in_line(&place, style.drawing)).unwrap_or_default();
            let _ = writeln!(out, "  {}{origin}", visible::line(&line.says));
        }
        out.push('\n');
    }
    if let Some(hour) = tally.hour() {
        let _ = writeln!(out, "{hour}\n");
    }
    out
}

/// One organisation's part; empty where there is nothing to tell of it.
pub(crate) fn organisation(plan: &OrganisationPlan, style: TextStyle) -> String {
    let mut out = String::new();
    if style.verbose || has_news(plan) {
        let name = bold(plan.organisation.as_str(), style);
        let _ = writeln!(out, "{name}: {}", counted(&plan.counts()));
        draw(&mut out, plan, style);
        out.push('\n');
    }
    out
}

/// The part of several organisations whose details read like those of this one; empty where there is nothing to tell. Each has
/// its lines in a file that is called after it.
pub(super) fn of_alike(names: &str, plan: &OrganisationPlan, style: TextStyle) -> String {
    let mut out = String::new();
    if style.verbose || has_news(plan) {
        // How much stays as it is differs, and says nothing of what does not.
        let counts = plan.counts().into_iter().filter(|(verb, _)| *verb != Verb::Keep).collect();
        let _ = writeln!(out, "{}: {} each", bold(names, style), counted(&counts));
        let mut details = String::new();
        draw(&mut details, plan, style);
        out.push_str(&details.replace(&format!("/{}.kdl", plan.organisation), "/….kdl"));
        out.push('\n');
    }
    out
}

fn bold(text: &str, style: TextStyle) -> String {
    paint(style.drawing, Style::new().bold(), text)
}

/// What stands below all of them.
pub(crate) fn summary(tally: &Tally) -> String {
    tally.summary()
}

fn draw(out: &mut String, plan: &OrganisationPlan, style: TextStyle) {
    if let Some(reason) = &plan.standstill {
        let _ = writeln!(out, "  {}", visible::line(&reason.to_string()));
    }
    for gone in DataGone::of(plan) {
        let _ = writeln!(out, "  {}{}", bullet(style.drawing, Verb::Held), gone.line());
        for way_out in &gone.ways_out {
            let _ = writeln!(out, "      {} {way_out}", paint(style.drawing, Style::new().bold(), "help"));
        }
    }
    draw_hatches(out, plan, style);
    for (app, actions) in by_app(plan) {
        let told: Vec<&Action> = actions.into_iter().filter(|action| is_told(action, style.verbose)).collect();
        if told.is_empty() {
            continue;
        }
        let until = later::retired(plan, app).unwrap_or_default();
        let _ = writeln!(out, "  {}{until}", bold(app.unwrap_or("the organisation itself"), style));
        group(out, told, style);
    }
}

/// The hatches, what is new first and in full.
fn draw_hatches(out: &mut String, plan: &OrganisationPlan, style: TextStyle) {
    let Some(counted) = hatches::counted(plan) else { return };
    let _ = writeln!(out, "  {}", paint(style.drawing, Style::new().bold(), &counted));
    let new = plan.hatches.iter().filter(|hatch| hatch.new).count();
    let most = if style.verbose { plan.hatches.len() } else { new + hatches::NAMED };
    for hatch in plan.hatches.iter().take(most) {
        let (name, changes) = (visible::line(&hatches::name(hatch)), visible::line(&hatches::changes(hatch)));
        let name = if hatch.new { paint(style.drawing, Style::new().bold(), &name) } else { name };
        let fresh = if hatch.new { ", new or changed" } else { "" };
        let _ = writeln!(out, "    {name}{changes}{fresh}{}", from(&hatch.origin, style.drawing));
        for line in hatches::below(hatch) {
            let _ = writeln!(out, "        {}", visible::line(&line));
        }
    }
    if plan.hatches.len() > most {
        let _ = writeln!(out, "    … and {} more", many(plan.hatches.len() - most, "hatch"));
    }
}

fn group(out: &mut String, told: Vec<&Action>, style: TextStyle) {
    let (held, told) = if style.verbose { (Vec::new(), told) } else { HeldObjects::split(told) };
    let created = || told.iter().copied().filter(|action| action.verb() == Verb::Create);
    let counts = created().count();
    let folded = !style.verbose && counts > LISTED;
    if folded {
        let mark = mark(style.drawing, Verb::Create);
        let _ = writeln!(out, "    {mark} {counts} objects: {}", kinds(created()));
    }
    for action in told.iter().filter(|action| !folded || action.verb() != Verb::Create) {
        draw_action(out, action, style);
    }
    held.iter().for_each(|held| draw_held(out, held, style));
}

/// Objects that are held for one reason, and what would change of them.
fn draw_held(out: &mut String, held: &HeldObjects<'_>, style: TextStyle) {
    let mark = mark(style.drawing, Verb::Held);
    let (objects, reason) = (many(held.actions.len(), "object"), visible::line(&held.reason));
    let _ = writeln!(out, "    {mark} {objects} — {reason}: {}", kinds(held.actions.iter().copied()));
    for (action, change) in held.changes().take(HELD_CHANGES) {
        draw_change(out, &format!("{} ", action.id), change, style);
    }
    let more = held.changes().skip(HELD_CHANGES).count();
    if more > 0 {
        let _ = writeln!(out, "        … and {} more (-v shows them)", many(more, "field"));
    }
}

fn draw_action(out: &mut String, action: &Action, style: TextStyle) {
    let paint = |colour: Style, text: &str| paint(style.drawing, colour, text);
    let mark = mark(style.drawing, action.verb());
    let note = action.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
    let unverified = if action.verb().writes() && !action.verified { ", not verified by the server" } else { "" };
    let reason = visible::line(&action.reason().to_string());
    let origin = action.origin.as_ref().filter(|_| action.changes.is_empty() || action.base().is_none());
    let origin = origin.map(|place| from(place, style.drawing));
    let _ = writeln!(out, "    {mark} {} — {reason}{note}{unverified}{}", action.id, origin.unwrap_or_default());
    let shown = action.base().is_some() || style.verbose;
    for change in value::told(&action.changes).filter(|_| shown) {
        draw_change(out, "", change, style);
    }
    for (field, manager) in way_out::holders(action) {
        let _ = writeln!(out, "        `{field}` belongs to `{manager}`");
    }
    if let Some(way_out) = way_out::way_out(action) {
        let _ = writeln!(out, "        {} {way_out}", paint(Style::new().bold(), "help"));
    }
}

/// A field, after the object that it is of where that is not said above.
fn draw_change(out: &mut String, of: &str, change: &FieldChange, style: TextStyle) {
    let origin = change.origin.as_ref().map(|place| from(place, style.drawing)).unwrap_or_default();
    let by = match change.drift_by.as_slice() {
        [] => String::new(),
        by => format!(" by {}", by.join(", ")),
    };
    let path = format!("{of}{}", visible::line(&change.path));
    if let Some(lines) = value::lines(change.before.as_ref(), change.after.as_ref()) {
        let _ = match style.drawing {
            Drawing::Narrated => writeln!(out, "        {path}{by}{origin}:"),
            _ => writeln!(out, "        {path}:{by}{origin}"),
        };
        for line in lines {
            let _ = writeln!(out, "          {}", draw_line(&line, style.drawing));
        }
        return;
    }
    let (before, after) = value::pair(&change.path, change.before.as_ref(), change.after.as_ref());
    let moved = moved(change.before.is_some(), &before, &by, &after, style.drawing);
    let _ = writeln!(out, "        {path}: {moved}{origin}");
}

/// The line of KDL behind something, at the end of a line.
fn from(place: &Place, drawing: Drawing) -> String {
    in_line(&place.to_string(), drawing)
}

fn in_line(place: &str, drawing: Drawing) -> String {
    match drawing {
        Drawing::Narrated => format!(", from {place}"),
        drawing => format!("  {}", paint(drawing, Style::new().dimmed(), place)),
    }
}

/// `2 → 3`, or in words.
pub(super) fn moved(was_there: bool, before: &str, by: &str, after: &str, drawing: Drawing) -> String {
    if drawing.is_narrated() {
        return if was_there { format!("from {before}{by} to {after}") } else { format!("new, {after}") };
    }
    let after = paint(drawing, style(Verb::Create), after);
    let before = paint(drawing, style(Verb::Delete), before);
    if was_there { format!("{before}{by} → {after}") } else { after }
}

fn draw_line(line: &Line, drawing: Drawing) -> String {
    let told = |sign: &str, word: &str, verb: Verb, text: &str| {
        if drawing.is_narrated() {
            format!("{word}: {text}")
        } else {
            paint(drawing, style(verb), &format!("{sign} {text}"))
        }
    };
    match line {
        Line::Removed(text) => told("-", "removed", Verb::Delete, text),
        Line::Added(text) => told("+", "added", Verb::Create, text),
        Line::Around(text) => told(" ", "unchanged", Verb::Keep, text),
        Line::Gap => paint(drawing, Style::new().dimmed(), "…"),
        Line::Changed(path, before, after) => {
            let moved = moved(true, before, "", after, drawing);
            if drawing.is_narrated() { format!("{path}: {moved}") } else { format!("~ {path}: {moved}") }
        }
    }
}
