//! The words and signs that all formats share.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};

use super::value;
use super::way_out::way_out;
use crate::plan::{Action, FieldChange, OrganisationPlan, Verb};
use crate::report::Drawing;

/// The verbs in the order in which a summary names them.
pub(super) const VERBS: &[Verb] =
    &[Verb::Create, Verb::Change, Verb::Replace, Verb::Adopt, Verb::Delete, Verb::Held, Verb::Refused, Verb::Keep];

/// The word of a verb in a summary: "2 change, 1 create, 41 unchanged".
pub(super) fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Change => "change",
        Verb::Replace => "replace",
        Verb::Adopt => "adopt",
        Verb::Delete => "delete",
        Verb::Keep => "unchanged",
        Verb::Held => "held",
        Verb::Refused => "refused",
    }
}

/// The sign before an object.
pub(super) fn sign(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "+",
        Verb::Change => "~",
        Verb::Replace => "±",
        Verb::Adopt => ">",
        Verb::Delete => "-",
        Verb::Keep => "·",
        Verb::Held => "=",
        Verb::Refused => "!",
    }
}

pub(super) fn style(verb: Verb) -> Style {
    match verb {
        Verb::Create => AnsiColor::Green.on_default(),
        Verb::Change | Verb::Adopt => AnsiColor::Yellow.on_default(),
        Verb::Replace => AnsiColor::Magenta.on_default(),
        Verb::Delete => AnsiColor::Red.on_default(),
        Verb::Held => AnsiColor::Cyan.on_default(),
        Verb::Refused => AnsiColor::Red.on_default().bold(),
        Verb::Keep => Style::new().dimmed(),
    }
}

/// `text` in a style, where colours are wanted.
pub(super) fn paint(drawing: Drawing, style: Style, text: &str) -> String {
    if drawing.has_colour() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// What stands before an object: a sign, or where nobody sees it the word.
pub(super) fn mark(drawing: Drawing, verb: Verb) -> String {
    if drawing.is_narrated() { format!("{}:", word(verb)) } else { paint(drawing, style(verb), sign(verb)) }
}

/// A sign and a blank before a line that says by itself what it is about; nothing where it is heard.
pub(super) fn bullet(drawing: Drawing, verb: Verb) -> String {
    if drawing.is_narrated() { String::new() } else { format!("{} ", mark(drawing, verb)) }
}

/// "2 change, 1 create, 41 unchanged"; "nothing" for no object at all.
pub(crate) fn counted(counts: &BTreeMap<Verb, usize>) -> String {
    let parts: Vec<_> = VERBS
        .iter()
        .filter_map(|verb| Some(format!("{} {}", counts.get(verb).filter(|count| **count > 0)?, word(*verb))))
        .collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// `1 organisation`, `2 organisations`.
pub(super) fn many(count: usize, word: &str) -> String {
    let ending = if word.ends_with("ch") { "es" } else { "s" };
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}{ending}") }
}

/// Whether an action is worth a line.
pub(super) fn is_told(action: &Action, verbose: bool) -> bool {
    verbose || action.verb() != Verb::Keep || !action.reason().is_silent()
}

/// Whether an organisation has anything to tell.
pub(super) fn has_news(plan: &OrganisationPlan) -> bool {
    plan.standstill.is_some()
        || !plan.lost.is_empty()
        || plan.hatches.iter().any(|hatch| hatch.new)
        || plan.actions.iter().any(|action| is_told(action, false))
}

/// More objects than these that are held for one reason are told as one.
const HELD: usize = 3;

/// Objects of an app that are held for one reason.
pub(super) struct HeldObjects<'a> {
    pub(super) reason: String,
    pub(super) actions: Vec<&'a Action>,
}

impl<'a> HeldObjects<'a> {
    /// What many objects are held for, beside all others in their order.
    pub(super) fn split(told: Vec<&'a Action>) -> (Vec<Self>, Vec<&'a Action>) {
        let mut by_reason: BTreeMap<String, Vec<&Action>> = BTreeMap::new();
        let (held, mut others): (Vec<_>, Vec<_>) =
            told.into_iter().partition(|action| action.verb() == Verb::Held && way_out(action).is_none());
        held.into_iter().for_each(|action| by_reason.entry(action.reason().to_string()).or_default().push(action));
        let (many, few): (Vec<_>, Vec<_>) = by_reason.into_iter().partition(|(_, actions)| actions.len() > HELD);
        others.extend(few.into_iter().flat_map(|(_, actions)| actions));
        (many.into_iter().map(|(reason, actions)| Self { reason, actions }).collect(), others)
    }

    /// What would change of them, labels that only name the release left out.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&'a Action, &'a FieldChange)> {
        let of = |action: &'a Action| value::told(&action.changes).map(move |change| (action, change));
        let changes = self.actions.iter().copied().filter(|action| action.base().is_some()).flat_map(of);
        changes.filter(|(_, change)| !change.path.ends_with("labels[app.kubernetes.io/version]"))
    }
}

/// How many objects there are of each kind: "2 ConfigMap, 1 Deployment".
pub(super) fn kinds<'a>(actions: impl Iterator<Item = &'a Action>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for action in actions {
        *counts.entry(&action.id.kind).or_default() += 1;
    }
    counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}

/// The actions of an organisation by app: its own first.
pub(super) fn by_app(plan: &OrganisationPlan) -> BTreeMap<Option<&str>, Vec<&Action>> {
    let mut groups: BTreeMap<Option<&str>, Vec<&Action>> = BTreeMap::new();
    for action in &plan.actions {
        groups.entry(action.app.as_ref().map(crate::name::Name::as_str)).or_default().push(action);
    }
    groups
}
