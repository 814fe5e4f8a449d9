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

use super::matters::ShownMatter;
use super::value::Line;
use super::words::{HeldObjects, bullet, by_app, counted, has_news, is_told, kinds, many, mark, paint, style};
use super::{AlikeOrganisations, DataGone, Tally, TextStyle, hatches, later, matters, value, way_out};
use crate::impact::Impact;
use crate::plan::{Action, FieldChange, OrganisationPlan, Place, Plan, Verb};
use crate::report::Drawing;
use crate::visible;

/// So many fields of objects that are held together are shown.
const HELD_CHANGES: usize = 6;
/// What stands over the objects of no app.
pub(super) const ITSELF: &str = "the organisation itself";
/// More new objects than these are counted by kind instead of listed.
const LISTED: usize = 3;

/// The plan as text, with a summary at its end.
pub fn text(plan: &Plan, style: TextStyle) -> String {
    let tally = Tally::of(plan);
    let mut out = head(&tally, &Impact::default(), style);
    let mut alike = AlikeOrganisations::default();
    plan.organisations.iter().for_each(|one| alike.add(one, style));
    out.extend(plan.organisations.iter().map(|one| alike.organisation(one, style)));
    out.push_str(&summary(&tally));
    out
}

/// What stands before all organisations: what to look at first, what acts later than it is applied, and how far the plan is that of an hour.
pub(crate) fn head(tally: &Tally, impact: &Impact, style: TextStyle) -> String {
    let mut out = String::new();
    let bold = |text: &str| paint(style.drawing, Style::new().bold(), text);
    let matters = matters::lines(impact);
    if !matters.is_empty() {
        let _ = writeln!(out, "{}", bold("What to look at first:"));
        for line in matters::shown(&matters) {
            match line {
                ShownMatter::Line(line) => {
                    let lead = bold(&visible::line(&line.lead));
                    let origin = line.origin.as_ref().map(|place| from(place, style.drawing)).unwrap_or_default();
                    let _ = writeln!(out, "  {lead} {}{origin}", visible::line(&line.words));
                }
                ShownMatter::More(more) => {
                    let _ = writeln!(out, "  … {more}");
                }
            }
        }
        out.push('\n');
    }
    if tally.later().next().is_some() {
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

/// One piece of an organisation's part: an object, or several that are told as one.
pub(super) struct DrawnPiece<'a> {
    /// The app that it belongs to, as a heading; absent for what is said of the whole organisation.
    pub(super) heading: Option<String>,
    /// The actions that it tells of.
    pub(super) actions: Vec<&'a Action>,
    pub(super) text: String,
}

/// One organisation's part, piece by piece; none where there is nothing to tell of it.
pub(super) fn pieces(plan: &OrganisationPlan, style: TextStyle) -> Vec<DrawnPiece<'_>> {
    if !style.verbose && !has_news(plan) {
        return Vec::new();
    }
    let mut about = String::new();
    draw_about(&mut about, plan, style);
    let about = (!about.is_empty()).then(|| DrawnPiece { heading: None, actions: Vec::new(), text: about });
    about.into_iter().chain(apps(plan, style)).collect()
}

/// The objects that are told, app by app.
fn apps(plan: &OrganisationPlan, style: TextStyle) -> impl Iterator<Item = DrawnPiece<'_>> {
    by_app(plan).into_iter().flat_map(move |(app, actions)| {
        let told: Vec<&Action> = actions.into_iter().filter(|action| is_told(action, style.verbose)).collect();
        let until = later::retired(plan, app).unwrap_or_default();
        let heading = format!("  {}{until}\n", bold(app.unwrap_or(ITSELF), style));
        group(told, style).into_iter().map(move |piece| DrawnPiece { heading: Some(heading.clone()), ..piece })
    })
}

fn draw(out: &mut String, plan: &OrganisationPlan, style: TextStyle) {
    draw_about(out, plan, style);
    let mut under: Option<String> = None;
    for piece in apps(plan, style) {
        if piece.heading != under {
            out.extend(piece.heading.clone());
            under = piece.heading;
        }
        out.push_str(&piece.text);
    }
}

/// What is said of an organisation before its objects.
fn draw_about(out: &mut String, plan: &OrganisationPlan, style: TextStyle) {
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

/// The objects of an app in pieces: many new ones are counted, and what is held for one reason stands together.
fn group(told: Vec<&Action>, style: TextStyle) -> Vec<DrawnPiece<'_>> {
    let (held, told) = if style.verbose { (Vec::new(), told) } else { HeldObjects::split(told) };
    let (created, others): (Vec<&Action>, Vec<&Action>) =
        told.iter().copied().partition(|action| action.verb() == Verb::Create);
    let is_folded = !style.verbose && created.len() > LISTED;
    let mut pieces = Vec::new();
    if is_folded {
        let mark = mark(style.drawing, Verb::Create);
        let text = format!("    {mark} {} objects: {}\n", created.len(), kinds(created.iter().copied()));
        pieces.push(DrawnPiece { heading: None, actions: created, text });
    }
    for action in if is_folded { others } else { told } {
        let mut text = String::new();
        draw_action(&mut text, action, style);
        pieces.push(DrawnPiece { heading: None, actions: vec![action], text });
    }
    for held in held {
        let mut text = String::new();
        draw_held(&mut text, &held, style);
        pieces.push(DrawnPiece { heading: None, actions: held.actions, text });
    }
    pieces
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
    let unverified =
        if style.asked && action.verb().writes() && !action.verified { ", not verified by the server" } else { "" };
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
