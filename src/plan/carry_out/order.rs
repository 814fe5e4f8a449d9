//! In which order a plan is done: stages one after the other, inside a step everything at once, data last to go.

use std::collections::BTreeMap;

use crate::kind::{self, Departure};
use crate::plan::OrganisationPlan;
use crate::plan::decide::action::Verb;
use crate::render::Stage;

/// Actions that are done at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Whether they are applied or deleted.
    pub(crate) phase: Phase,
    pub(crate) stage: Stage,
    /// Their places in the plan's `actions`.
    pub(crate) actions: Vec<usize>,
    /// Whether the next step waits until these are ready (applied) or gone (deleted).
    pub(crate) wait: bool,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Creates, changes, replaces, adoptions.
    Apply,
    Delete,
}

/// The steps of a plan, in order. Only actions that write are in them.
pub(crate) fn steps(plan: &OrganisationPlan) -> Vec<Step> {
    // A namespace stands before anything is put into it, its own quota included.
    let mut applies: BTreeMap<(Stage, bool), Vec<usize>> = BTreeMap::new();
    let mut deletes: BTreeMap<(Departure, Stage), Vec<usize>> = BTreeMap::new();
    for (at, action) in plan.actions.iter().enumerate() {
        match action.verb() {
            Verb::Delete => {
                let departure = action.id.facts().departs(action.holds_data);
                deletes.entry((departure, action.stage)).or_default().push(at);
            }
            verb if verb.applies() => {
                applies.entry((action.stage, !action.id.is(kind::NAMESPACE))).or_default().push(at);
            }
            _ => {}
        }
    }
    let applies = applies.into_iter().map(|((stage, _), actions)| Step {
        phase: Phase::Apply,
        stage,
        actions,
        wait: matches!(stage, Stage::Ground | Stage::Data | Stage::Upgrade),
    });
    let deletes =
        deletes.into_iter().map(|((_, stage), actions)| Step { phase: Phase::Delete, stage, actions, wait: true });
    applies.chain(deletes).collect()
}
