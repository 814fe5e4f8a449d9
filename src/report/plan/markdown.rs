//! A plan as a comment on a merge request.
//!
//! Values come from gardens and clusters, so every text is escaped: no mention, link, table or HTML survives it.

use std::fmt::Write as _;

use super::value::Line;
use super::words::{HeldObjects, by_app, counted, is_told, kinds, many, sign};
use super::{Comment, DataGone, Tally, hatches, later, value, way_out};
use crate::plan::{Action, Deleting, FieldChange, OrganisationPlan, Plan, Reason, Verb};
use crate::report::markup::{code, escape};

/// How a comment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Markdown {
    /// The most bytes: what exceeds them is counted, not listed. GitLab takes 1,000,000, GitHub and Forgejo 65,536.
    pub(crate) at_most: usize,
}

impl Default for Markdown {
    fn default() -> Self {
        Self { at_most: 60_000 }
    }
}

/// The plan as Markdown. It starts with a hidden marker by which the comment is found again and edited in place.
pub fn markdown(plan: &Plan, how: Markdown) -> String {
    let mut comment = Comment::begin(&plan.head, &Tally::of(plan), how);
    plan.organisations.iter().for_each(|one| comment.add(one));
    comment.end()
}

/// One organisation in full.
pub(super) fn details(plan: &OrganisationPlan) -> String {
    let mut out = String::new();
    let name = escape(plan.organisation.as_str());
    let urgent =
        plan.actions.iter().any(is_urgent) || plan.hatches.iter().any(|hatch| hatch.new) || !plan.lost.is_empty();
    let open = if urgent { " open" } else { "" };
    let _ = writeln!(out, "\n<details{open}><summary><b>{name}</b>: {}</summary>\n", counted(&plan.counts()));
    if let Some(reason) = &plan.standstill {
        let _ = writeln!(out, "{}\n", escape(&reason.to_string()));
    }
    for gone in DataGone::of(plan) {
        let _ = writeln!(out, "- **{}**", escape(&gone.line()));
        for way_out in &gone.ways_out {
            let _ = writeln!(out, "  - help: {}", escape(way_out));
        }
        out.push('\n');
    }
    draw_hatches(&mut out, plan);
    for (app, actions) in by_app(plan) {
        let told: Vec<&Action> = actions.into_iter().filter(|action| is_told(action, false)).collect();
        if told.is_empty() {
            continue;
        }
        let until = later::retired(plan, app).unwrap_or_default();
        let _ = writeln!(out, "**{}**{}\n", escape(app.unwrap_or("the organisation itself")), escape(&until));
        let (held, told) = HeldObjects::split(told);
        let created = || told.iter().copied().filter(|action| action.verb() == Verb::Create);
        let folded = created().count() > 3;
        if folded {
            let _ = writeln!(out, "- {} {}: {}", code("+"), many(created().count(), "object"), kinds(created()));
        }
        for action in told.iter().filter(|action| !folded || action.verb() != Verb::Create) {
            draw_action(&mut out, action);
        }
        held.iter().for_each(|held| draw_held(&mut out, held));
        out.push('\n');
    }
    out.push_str("</details>\n");
    out
}

/// Whether an action must not be overlooked: it is refused, or takes something away that nothing else replaces.
pub(super) fn is_urgent(action: &Action) -> bool {
    match action.verb() {
        Verb::Refused => true,
        Verb::Delete => !matches!(action.reason(), Reason::Deleting(Deleting::Superseded { .. })),
        _ => false,
    }
}

/// The hatches, what is new first and in full.
fn draw_hatches(out: &mut String, plan: &OrganisationPlan) {
    let Some(counted) = hatches::counted(plan) else { return };
    let _ = writeln!(out, "**{}**\n", escape(&counted));
    let most = plan.hatches.iter().filter(|hatch| hatch.new).count() + hatches::NAMED;
    for hatch in plan.hatches.iter().take(most) {
        let fresh = if hatch.new { "**new or changed** " } else { "" };
        let line = format!("{}{}", hatches::name(hatch), hatches::changes(hatch));
        let _ = writeln!(out, "- {fresh}{} {}", code(&line), code(&hatch.origin.to_string()));
        for line in hatches::below(hatch) {
            let _ = writeln!(out, "  - {}", code(&line));
        }
    }
    if plan.hatches.len() > most {
        let _ = writeln!(out, "- … and {} more", many(plan.hatches.len() - most, "hatch"));
    }
    out.push('\n');
}

/// Objects that are held for one reason, and what would change of them.
fn draw_held(out: &mut String, held: &HeldObjects<'_>) {
    let (objects, reason) = (many(held.actions.len(), "object"), escape(&held.reason));
    let _ = writeln!(out, "- {} {objects} — {reason}: {}", code(sign(Verb::Held)), kinds(held.actions.iter().copied()));
    let mut changes = held.changes().peekable();
    if changes.peek().is_none() {
        return;
    }
    out.push_str("\n  | field | before | after | line |\n  |---|---|---|---|\n");
    for (action, change) in changes {
        draw_change(out, &format!("{} {}", action.id, change.path), change);
    }
    out.push('\n');
}

fn draw_action(out: &mut String, action: &Action) {
    let note = action.note.as_ref().map(|note| format!("; {}", escape(note))).unwrap_or_default();
    let unverified = if action.verb().writes() && !action.verified { ", not verified by the server" } else { "" };
    let reason = escape(&action.reason().to_string());
    let id = code(&action.id.to_string());
    let _ = writeln!(out, "- {} {id} — {reason}{note}{unverified}", code(sign(action.verb())));
    for (field, manager) in way_out::holders(action) {
        let _ = writeln!(out, "  - {} belongs to {}", code(&field), code(manager));
    }
    if let Some(way_out) = way_out::way_out(action) {
        let _ = writeln!(out, "  - help: {}", escape(&way_out));
    }
    if action.base().is_none() || action.changes.is_empty() {
        return;
    }
    out.push_str("\n  | field | before | after | line |\n  |---|---|---|---|\n");
    for change in value::told(&action.changes) {
        draw_change(out, &change.path, change);
    }
    out.push('\n');
}

fn draw_change(out: &mut String, field: &str, change: &FieldChange) {
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    let (before, after) = if let Some(lines) = value::lines(before, after) {
        (cell(&lines, Side::Before), cell(&lines, Side::After))
    } else {
        let (before, after) = value::pair(&change.path, before, after);
        (code(&before), code(&after))
    };
    let by = match change.drift_by.as_slice() {
        [] => String::new(),
        by => format!(" by {}", code(&by.join(", "))),
    };
    let origin = change.origin.as_ref().map(|place| code(&place.to_string())).unwrap_or_default();
    let _ = writeln!(out, "  | {} | {before}{by} | {after} | {origin} |", code(field));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// The lines of one side of a difference, at most ten.
fn cell(lines: &[Line], side: Side) -> String {
    let mut side = lines.iter().filter_map(|line| match (line, side) {
        (Line::Removed(text), Side::Before) | (Line::Added(text), Side::After) => Some(text.clone()),
        (Line::Changed(path, before, _), Side::Before) => Some(format!("{path}: {before}")),
        (Line::Changed(path, _, after), Side::After) => Some(format!("{path}: {after}")),
        _ => None,
    });
    let shown: Vec<_> = side.by_ref().take(10).map(|line| code(&line)).collect();
    let rest = side.count();
    let more = if rest > 0 { format!("<br>… {rest} more") } else { String::new() };
    format!("{}{more}", shown.join("<br>"))
}
