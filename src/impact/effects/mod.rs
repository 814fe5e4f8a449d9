//! What an edited line does, in words for people who know no Kubernetes: from what moves, and how far.

use std::collections::{BTreeMap, BTreeSet};

use super::Whose;
use super::edits::{Became, KnownEdit};
use crate::name::Name;
use crate::plan::{Action, Deleting, FieldChange, Keeping, LaterAct, OrganisationPlan, Reason, Shown, Verb};
use crate::render::TermWord;

pub(super) mod aspects;
mod later;
mod values;
mod words;

use aspects::Aspect;

/// The most things that one line is said to do.
const MOST_DOES: usize = 4;
/// So many different values of a field are remembered: where there are more, none is told.
const MOST_VALUES: usize = 4;
/// So many different acts that come later are told of a line.
const MOST_LATER: usize = 4;

/// What is known of the effects of one cause.
#[derive(Clone, Debug, Default)]
pub(super) struct EffectTally {
    pub(super) objects: usize,
    pub(super) whose: Whose,
    /// What moves of what is there already.
    aspects: BTreeMap<Aspect, AspectTally>,
    /// Objects that are made, go, are refused or wait.
    verbs: BTreeMap<Verb, BTreeMap<String, usize>>,
    /// How many of the deletions are of something that another object replaces.
    replaced: usize,
    /// Days on which the data of what is retired goes, in Unix seconds.
    kept_until: BTreeSet<i64>,
    /// Whether something is no longer asked for and stays all the same.
    stays: bool,
    later: BTreeMap<later::LaterKey, BTreeSet<(Name, Name)>>,
}

/// How one thing moves.
#[derive(Clone, Debug, Default)]
pub(super) struct AspectTally {
    kinds: BTreeMap<String, usize>,
    apps: BTreeSet<Name>,
    organisations: BTreeSet<Name>,
    /// The field's last word, before and after.
    values: BTreeSet<(String, String, String)>,
    /// Whether there are more values than are remembered.
    more: bool,
    /// Whether anything of it moves that is there already.
    moves: bool,
}

impl EffectTally {
    /// Counts an action.
    pub(super) fn count(&mut self, plan: &OrganisationPlan, action: &Action) {
        self.objects += 1;
        self.whose.add(&plan.organisation, action.app.as_ref());
        let verb = action.verb();
        if !matches!(verb, Verb::Change | Verb::Replace | Verb::Adopt) {
            let kinds = self.verbs.entry(verb).or_default();
            *kinds.entry(action.id.kind.to_string()).or_default() += 1;
        }
        let superseded =
            matches!(action.reason(), Reason::Deleting(Deleting::Superseded { .. } | Deleting::Renamed { .. }));
        self.replaced += usize::from(superseded);
    }

    /// Notes what moves of an object, whoever it is counted for.
    pub(super) fn note(&mut self, plan: &OrganisationPlan, action: &Action, moves: &[(Aspect, Option<&FieldChange>)]) {
        let mut seen = BTreeSet::new();
        for (aspect, change) in moves {
            let tally = self.aspects.entry(*aspect).or_default();
            if seen.insert(*aspect) {
                *tally.kinds.entry(action.id.kind.to_string()).or_default() += 1;
                tally.apps.extend(action.app.clone());
                tally.organisations.insert(plan.organisation.clone());
            }
            tally.moves |= action.base().is_some();
            if let Some(change) = change {
                tally.note(*aspect, change);
            }
        }
    }

    /// Notes what stays of what is no longer asked for, and until when.
    pub(super) fn note_kept(&mut self, action: &Action) {
        match action.reason() {
            Reason::Keeping(Keeping::DataKept { until }) => drop(self.kept_until.insert(*until)),
            Reason::Keeping(Keeping::AppVanished { .. } | Keeping::OrganisationVanished | Keeping::Detached) => {
                self.stays = true;
            }
            _ => {}
        }
    }

    /// Notes until when the data of what is retired is kept.
    pub(super) fn note_retired(&mut self, until: i64) {
        self.kept_until.insert(until);
    }

    /// Notes what acts later.
    pub(super) fn note_later(&mut self, organisation: &Name, act: &LaterAct) {
        let key = later::LaterKey::of(act);
        if self.later.len() < MOST_LATER || self.later.contains_key(&key) {
            let app = act.app.clone().unwrap_or_else(|| organisation.clone());
            self.later.entry(key).or_default().insert((organisation.clone(), app));
        }
        self.whose.add(organisation, act.app.as_ref());
    }

    /// Whether nothing is known to follow, now or later.
    pub(super) fn is_empty(&self) -> bool {
        self.objects == 0
            && self.aspects.is_empty()
            && self.later.is_empty()
            && !self.stays
            && self.kept_until.is_empty()
    }

    /// What an edit does now, a part of a sentence each.
    pub(super) fn does(&self, edit: Option<&KnownEdit>) -> Vec<String> {
        let mut does: Vec<String> = edit.and_then(|edit| self.of_whole(edit)).into_iter().collect();
        if does.is_empty() {
            does = self.of_aspects(edit);
        }
        let more = does.len().saturating_sub(MOST_DOES);
        does.truncate(MOST_DOES);
        does.extend((more > 0).then(|| format!("{more} more")));
        does
    }

    /// What it does later.
    pub(super) fn later(&self, edit: Option<&KnownEdit>) -> Vec<String> {
        self.later.iter().map(|(key, whose)| later::says(key, whose, edit)).collect()
    }

    /// What becomes of a whole app or organisation.
    fn of_whole(&self, edit: &KnownEdit) -> Option<String> {
        let name = edit.app.as_deref();
        let starts = self.verbs.contains_key(&Verb::Create);
        let last = edit.path.last().map(String::as_str)?;
        match (edit.became, last, name) {
            (Became::Turned, "retired", _) => Some(self.retired(name.unwrap_or("the whole organisation"))),
            (Became::Turned, "app", Some(app)) if edit.edit.word.is_empty() => {
                Some(format!("{app} is no longer retired and runs again"))
            }
            (Became::Turned, "app", Some(app)) => Some(format!("the app is called {app} now; its data stays")),
            (Became::New, "app", Some(app)) if starts => Some(format!("{app} starts")),
            (Became::New, "organisation", None) if starts => Some(crate::impact::NEW_ORGANISATION.to_owned()),
            (Became::New, "retired", Some(app)) => Some(self.retired(app)),
            (Became::Gone, "app" | "organisation", _) | (Became::New, "without", _) if self.stays => {
                let name = name.unwrap_or("the organisation");
                Some(format!("{name} is no longer asked for; nothing of it is deleted, since nobody says `retired`"))
            }
            _ => None,
        }
    }

    /// That something is retired, and what that means.
    fn retired(&self, name: &str) -> String {
        let kept = match (self.kept_until.first(), self.kept_until.len()) {
            (Some(day), 1) => format!(", its data is kept until {}", crate::plan::day(*day)),
            (Some(day), _) => format!(", its data is kept until {} at least", crate::plan::day(*day)),
            (None, _) => String::new(),
        };
        format!("{name} is retired: it stops{kept}")
    }

    fn of_aspects(&self, edit: Option<&KnownEdit>) -> Vec<String> {
        // What a line makes that was edited is what its word says; else it is told as what it is.
        let told = |tally: &AspectTally| edit.is_some() || tally.moves;
        let known: Vec<_> = self.aspects.iter().filter(|(_, tally)| told(tally)).collect();
        let telling = known.iter().any(|(aspect, _)| aspect.is_telling());
        let only_other = known.len() == 1;
        let told = known.into_iter().filter(|(aspect, _)| aspect.is_telling() || !telling);
        let told = told.filter(|(aspect, _)| **aspect != Aspect::Other || only_other);
        let mut does: Vec<String> = told.map(|(aspect, tally)| words::says(*aspect, tally, edit)).collect();
        does.dedup();
        let made = if edit.is_some() { usize::MAX } else { 0 };
        let verbs = [(Verb::Create, made), (Verb::Delete, self.replaced), (Verb::Held, 0), (Verb::Refused, 0)];
        for (verb, count) in verbs {
            let Some(kinds) = self.verbs.get(&verb) else { continue };
            let all: usize = kinds.values().sum();
            if all > count {
                does.push(words::of_verb(verb, kinds));
            }
        }
        does
    }
}

impl AspectTally {
    fn note(&mut self, aspect: Aspect, change: &FieldChange) {
        let Some(value) = values::of(aspect, change) else { return };
        if self.values.len() < MOST_VALUES || self.values.contains(&value) {
            self.values.insert(value);
        } else {
            self.more = true;
        }
    }

    /// The one move that all of them make, of a field's last word.
    fn only(&self, label: &str) -> Option<(&str, &str)> {
        let mut of_label = self.values.iter().filter(|(of, _, _)| of == label);
        let (_, before, after) = of_label.next().filter(|_| !self.more)?;
        of_label.next().is_none().then_some((before, after))
    }
}

/// The text of a value that is no secret; empty where there is none.
fn shown(value: Option<&Shown>) -> Option<String> {
    match value {
        None => Some(String::new()),
        Some(Shown::Value(value) | Shown::Part { value, .. }) => match value {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            serde_json::Value::Bool(is) => Some(is.to_string()),
            serde_json::Value::Array(items) => match items.as_slice() {
                [serde_json::Value::String(only)] => Some(only.clone()),
                _ => None,
            },
            _ => None,
        },
        Some(Shown::Secret | Shown::Others) => None,
    }
}

/// Whether an act is one of the words of an edit.
pub(super) fn is_act_of(act: &LaterAct, edit: &KnownEdit) -> bool {
    let word = act.word.as_str();
    let has = |name: &str| edit.path.iter().any(|word| word == name);
    match act.word {
        TermWord::KeepData => has("keep-data") || has("retired") || has("deletions"),
        TermWord::Upgrade => ["upgrade", "version", "channel", "release"].into_iter().any(has),
        TermWord::Deletions | TermWord::Peak | TermWord::Nights | TermWord::Backup => has(word),
    }
}
