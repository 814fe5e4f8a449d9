//! In which order a plan is done: stages one after the other, inside a step everything at once, data last to go.

use std::collections::{BTreeMap, BTreeSet};

use crate::kind::{self, Departure};
use crate::name::Name;
use crate::plan::OrganisationPlan;
use crate::plan::decide::action::{Action, Verb};
use crate::plan::decide::deed::Deed;
use crate::plan::decide::reason::Deleting;
use crate::plan::decide::stops;
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
    /// Deletes of what would run beside its successor on the same data: before that is applied.
    Stop,
    Delete,
}

/// The steps of a plan, in order. Only actions that write are in them.
///
/// What gets another name is stopped before its successor starts, told by their app: workloads of an app that is renamed, or
/// whose definition calls them otherwise, go before the first step that brings pods of that app, and its routes with them.
/// Policies change after that, and go last: until it is stopped, a workload reaches what it did.
pub(crate) fn steps(plan: &OrganisationPlan) -> Vec<Step> {
    let stops = stops(plan);
    let before = first_start(plan, &stops);
    // A namespace stands before anything is put into it, its own quota included.
    let mut applies: BTreeMap<(Stage, bool), Vec<usize>> = BTreeMap::new();
    let mut deletes: BTreeMap<(Departure, Stage), Vec<usize>> = BTreeMap::new();
    let mut policies = Vec::new();
    for (at, action) in plan.actions.iter().enumerate() {
        match action.verb() {
            Verb::Delete if stops.contains(&at) => {}
            Verb::Delete => {
                let departure = action.id.facts().departs(action.holds_data);
                deletes.entry((departure, action.stage)).or_default().push(at);
            }
            Verb::Change if !stops.is_empty() && action.id.is(kind::NETWORK_POLICY) => policies.push(at),
            verb if verb.applies() => {
                applies.entry((action.stage, !action.id.is(kind::NAMESPACE))).or_default().push(at);
            }
            _ => {}
        }
    }
    let apply = |((stage, _), actions): ((Stage, bool), Vec<usize>)| Step {
        phase: Phase::Apply,
        stage,
        actions,
        wait: matches!(stage, Stage::Ground | Stage::Data | Stage::Upgrade),
    };
    let later = applies.split_off(&(before, false));
    let stop = Step { phase: Phase::Stop, stage: before, actions: stops.into_iter().collect(), wait: true };
    let policies = Step { phase: Phase::Apply, stage: Stage::Ground, actions: policies, wait: true };
    let deletes =
        deletes.into_iter().map(|((_, stage), actions)| Step { phase: Phase::Delete, stage, actions, wait: true });
    let applies = applies.into_iter().map(apply).chain([stop, policies]).chain(later.into_iter().map(apply));
    applies.chain(deletes).filter(|step| !step.actions.is_empty()).collect()
}

/// The stage before which what is stopped first has to be gone.
fn first_start(plan: &OrganisationPlan, stops: &BTreeSet<usize>) -> Stage {
    let stopped: BTreeSet<&Name> = stops.iter().filter_map(|at| plan.actions[*at].app.as_ref()).collect();
    let starts = starts(plan).into_iter().filter(|(app, _)| stopped.contains(app)).map(|(_, stage)| stage);
    starts.min().unwrap_or(Stage::Workload).min(Stage::Workload)
}

/// The places of the deletes that come before what takes their place.
pub(crate) fn stops(plan: &OrganisationPlan) -> BTreeSet<usize> {
    let starts = starts(plan);
    let actions = plan.actions.iter().enumerate();
    actions.filter(|(_, action)| stops_first(action, &starts)).map(|(at, _)| at).collect()
}

/// The first stage at which each app gets pods that it does not have yet.
fn starts(plan: &OrganisationPlan) -> BTreeMap<&Name, Stage> {
    let mut starts: BTreeMap<&Name, Stage> = BTreeMap::new();
    for action in &plan.actions {
        if let Some(app) = action.app.as_ref().filter(|_| stops::starts(action)) {
            starts.entry(app).and_modify(|stage| *stage = action.stage.min(*stage)).or_insert(action.stage);
        }
    }
    starts
}

/// Whether a delete comes before what takes its place: a workload whose app gets others, and of a renamed app also its
/// routes. A Job that another one takes the place of is no workload.
fn stops_first(action: &Action, starts: &BTreeMap<&Name, Stage>) -> bool {
    let Deed::Delete { why, .. } = &action.deed else { return false };
    match why {
        Deleting::Renamed { .. } => stops::runs_pods(&action.id) || action.stage == Stage::Edge,
        Deleting::NoLongerAsked => {
            let starts_others = action.app.as_ref().is_some_and(|app| starts.contains_key(app));
            stops::runs_pods(&action.id) && !action.id.is(kind::JOB) && starts_others
        }
        _ => false,
    }
}
