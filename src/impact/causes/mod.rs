//! Which edited line causes which change, and what each line does.
//!
//! Each action that does something counts for one cause: the edited line that decided its values, else the nearest edited line
//! that can explain it, else what is known of it without a line. So the sum over all causes is what the plan does.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::edits::{EditedLine, EditedLines, KnownEdit, Part};
use super::effects::aspects::{Aspect, of_action};
use super::effects::{EffectTally, is_act_of};
use super::{ImpactContext, Whose};
use crate::name::Name;
use crate::plan::{Action, FieldChange, OrganisationPlan, Verb};

mod nearest;
mod unedited;

use nearest::{EditIndex, Uses};
use unedited::LinesOf;

/// What moves of an object, with the field that does.
type Move<'a> = (Aspect, Option<&'a FieldChange>);

/// The most lines of an unknown past that are told one by one.
const MOST_LINES: usize = 1_000;

/// An edited line with what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditEffect {
    /// The line, before and after.
    #[serde(flatten)]
    pub(crate) edit: EditedLine,
    /// What it does, a part of a sentence each: `backups an hour later`.
    pub(crate) does: Vec<String>,
    /// What it does later than it is applied, a part of a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) later: Vec<String>,
    /// The organisations and apps whose objects it changes.
    pub(crate) whose: Whose,
    /// How many objects it changes.
    pub(crate) objects: usize,
}

/// Changes that no edited line asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OtherCause {
    /// Why they are made, in words: `somebody changed it in the cluster`.
    pub(crate) why: String,
    /// What it does, a part of a sentence each.
    pub(crate) does: Vec<String>,
    /// The organisations and apps whose objects the cause changes.
    pub(crate) whose: Whose,
    /// How many objects change.
    pub(crate) objects: usize,
}

/// Gathers the effects of the edited lines.
#[derive(Clone, Debug, Default)]
pub(super) struct CauseTally {
    edited: EditedLines,
    index: EditIndex,
    /// What each edit does, in their order.
    effects: Vec<EffectTally>,
    /// Lines that ask for something, where it is not known what was edited.
    lines: BTreeMap<EditedLine, EffectTally>,
    other: BTreeMap<String, EffectTally>,
    /// The organisations that were added.
    planned: BTreeSet<Name>,
    /// Those that the garden has, and those of them that findings stop.
    organisations: BTreeSet<Name>,
    broken: BTreeSet<Name>,
}

impl CauseTally {
    /// Begins with the lines that were edited.
    pub(super) fn new(edited: EditedLines) -> Self {
        let effects = vec![EffectTally::default(); edited.edits.len()];
        Self { index: EditIndex::of(&edited.edits), edited, effects, ..Self::default() }
    }

    /// Attributes the changes of one organisation.
    pub(super) fn add(&mut self, plan: &OrganisationPlan, context: ImpactContext<'_>) {
        self.know(plan, context);
        let states = self.edited.states_of(&plan.organisation);
        let upgraded = self.edited.is_upgraded(&plan.organisation);
        let uses = Uses::of(plan, context, &self.index, upgraded, |at| self.edited.edits[at].is_of(states));
        let mut lines = LinesOf::new(plan, context);
        for action in &plan.actions {
            let nearest = || uses.nearest(action, &self.index, &self.edited.edits);
            if action.verb() == Verb::Keep {
                if let Some(at) = unedited::stays(action).then(nearest).flatten() {
                    self.effects[at].note_kept(action);
                }
                continue;
            }
            let why = unedited::without_line(action);
            let edit = if why.is_none() { nearest() } else { None };
            match (why, edit) {
                (Some(why), _) => add(self.other.entry(why).or_default(), plan, action),
                (None, Some(at)) => self.add_to_edits(plan, action, at, &uses),
                (None, None) => add(self.unedited(action, states, upgraded, &mut lines), plan, action),
            }
        }
        self.note_retired(plan, &uses);
        self.note_later(plan, &uses);
    }

    /// Counts an action for an edit, and notes what moves of it for each edit that is behind that.
    fn add_to_edits(&mut self, plan: &OrganisationPlan, action: &Action, counted: usize, uses: &Uses) {
        self.effects[counted].count(plan, action);
        let mut of_edit: BTreeMap<usize, Vec<Move<'_>>> = BTreeMap::new();
        let mut rest = Vec::new();
        for one in of_action(action) {
            let behind = uses.behind(action, one, &self.index, &self.edited.edits);
            rest.extend(behind.is_empty().then_some(one));
            behind.into_iter().for_each(|at| of_edit.entry(at).or_default().push(one));
        }
        of_edit.entry(counted).or_insert(rest);
        for (at, moves) in of_edit {
            self.effects[at].note(plan, action, &moves);
        }
    }

    /// Where an action counts that no edit is behind.
    fn unedited(&mut self, action: &Action, states: u32, upgraded: bool, lines: &mut LinesOf<'_>) -> &mut EffectTally {
        let is_upgrade = unedited::may_be_upgrade(action, upgraded);
        let is_unknown = states == 0 && !is_upgrade;
        let line = if is_unknown { lines.line_of(action) } else { None };
        let told = line.filter(|line| self.lines.len() < MOST_LINES || self.lines.contains_key(line));
        if let Some(line) = told {
            return self.lines.entry(line).or_default();
        }
        let cut = is_unknown || self.edited.more > 0;
        self.other.entry(unedited::rest(action, is_upgrade, cut)).or_default()
    }

    fn know(&mut self, plan: &OrganisationPlan, context: ImpactContext<'_>) {
        if self.planned.is_empty() {
            self.organisations = context.garden.organisations.keys().cloned().collect();
            self.broken.clone_from(&context.garden.broken);
        }
        self.planned.insert(plan.organisation.clone());
    }

    /// Notes until when the data of what an edit retires is kept.
    fn note_retired(&mut self, plan: &OrganisationPlan, uses: &Uses) {
        for at in &uses.edits {
            let edit = &self.edited.edits[*at];
            let is_retired = edit.is_whole() && edit.path.last().is_some_and(|word| word == "retired");
            let retired = match &edit.app {
                Some(app) => plan.retired.get(app.as_str()),
                None => plan.retired_organisation.as_ref(),
            };
            if let Some(retired) = retired.filter(|_| is_retired) {
                self.effects[*at].note_retired(retired.until);
            }
        }
    }

    fn note_later(&mut self, plan: &OrganisationPlan, uses: &Uses) {
        for act in &plan.later {
            let told = uses.edits.iter().filter(|at| is_act_of(act, &self.edited.edits[**at]));
            let of_app =
                |edit: &KnownEdit| edit.app.is_none() || edit.app.as_deref() == act.app.as_ref().map(Name::as_str);
            let told = told.filter(|at| of_app(&self.edited.edits[**at]));
            let near = |at: &usize| act.origin.as_ref().map_or(0, |origin| self.edited.edits[*at].nearness(origin));
            let all: Vec<usize> = told.copied().collect();
            let best = all.iter().map(near).max().unwrap_or_default();
            // Both ends of a night stand on one line: each of them that was edited acts.
            let causes: Vec<usize> = all.into_iter().filter(|at| near(at) == best || near(at) > 0).collect();
            for at in causes {
                self.effects[at].note_later(&plan.organisation, act);
            }
        }
    }

    /// The edited lines with their effects, and what has no line.
    pub(super) fn finish(self) -> (Vec<EditEffect>, Vec<OtherCause>) {
        let nothing: Vec<String> = self.edited.edits.iter().map(|edit| self.does_nothing(edit)).collect();
        let effect = |edit: EditedLine, known: Option<&KnownEdit>, tally: EffectTally, nothing: String| {
            let does = if tally.is_empty() { vec![nothing] } else { tally.does(known) };
            EditEffect { edit, does, later: tally.later(known), whose: tally.whose, objects: tally.objects }
        };
        let told = self.edited.edits.into_iter().zip(self.effects).zip(nothing);
        let mut edits: Vec<EditEffect> =
            told.map(|((known, tally), nothing)| effect(known.edit.clone(), Some(&known), tally, nothing)).collect();
        edits.extend(self.lines.into_iter().map(|(line, tally)| {
            let whole =
                unedited::is_whole_organisation(&line).then(|| vec![crate::impact::NEW_ORGANISATION.to_owned()]);
            let told = effect(line, None, tally, String::new());
            EditEffect { does: whole.unwrap_or(told.does), ..told }
        }));
        let mut other: Vec<OtherCause> = self.other.into_iter().map(|(why, tally)| other(why, tally)).collect();
        if self.edited.more > 0 {
            let why = format!("{} more edited lines, which are not told one by one", self.edited.more);
            other.push(OtherCause { why, does: Vec::new(), whose: Whose::default(), objects: 0 });
        }
        (edits, other)
    }

    /// Why nothing follows from an edit, as far as that is known.
    fn does_nothing(&self, edit: &KnownEdit) -> String {
        let everything = self.organisations.iter().all(|name| self.planned.contains(name)) && self.broken.is_empty();
        let of = match &edit.part {
            Part::Organisation(name) => Name::new(name).ok(),
            _ => None,
        };
        match of {
            Some(name) if self.broken.contains(&name) => "nothing is done: what stands there has findings".to_owned(),
            Some(name) if self.planned.contains(&name) => "changes nothing in the clusters".to_owned(),
            None if everything => "changes nothing in the clusters".to_owned(),
            _ => "changes nothing of what is planned here".to_owned(),
        }
    }
}

/// Counts an action for what has no edited line, with all that moves of it.
fn add(tally: &mut EffectTally, plan: &OrganisationPlan, action: &Action) {
    tally.count(plan, action);
    tally.note(plan, action, &of_action(action));
}

fn other(why: String, tally: EffectTally) -> OtherCause {
    let does = tally.does(None);
    OtherCause { why, does, whose: tally.whose, objects: tally.objects }
}
