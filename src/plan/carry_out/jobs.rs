//! What stands in the inventory of one-time jobs before the first write of a plan, and after its last.
//!
//! A finished run is recorded as soon as it is seen, and its Job goes only after that: whoever takes it away before, or ends the
//! process in between, causes no second run.

use std::collections::BTreeSet;

use super::outcome::{Done, OrganisationOutcome, Skip};
use crate::kind;
use crate::name::Name;
use crate::plan::decide::action::Action;
use crate::plan::decide::deed::Deed;
use crate::plan::decide::job::{did_the_same, has_ended, predecessor};
use crate::plan::decide::reason::{Creating, Replacing};
use crate::plan::state::jobs::{BegunRun, JobRecord, RunState, is_complete, record_of, run_state, why_failed_alone};
use crate::plan::state::standing::{Index, is_same};
use crate::plan::{HealthState, Input, Inventory, LiveObject, OrganisationPlan, Presence};
use crate::render::{Object, ObjectId, OneTime};

/// Notes the runs that were seen to have ended or begun, and those that are about to begin.
pub(super) fn ahead(input: &Input<'_>, plan: &OrganisationPlan, next: &mut Inventory) {
    if next.jobs.is_empty() && !input.desired.objects.iter().any(|object| object.once.is_some()) {
        return;
    }
    call_anew(input, next);
    let index = Index::new(input);
    for (key, inputs, uid) in ended(input, &index) {
        let record = next.jobs.entry(key).or_default();
        if !record.reruns(&uid) && record.done.as_ref().is_none_or(|done| done.by != uid) {
            record.finish(&inputs, &uid);
        }
    }
    for (object, once) in one_time(input) {
        let record = next.jobs.get(&once.key.clone());
        if let Some(moved) = begun(input, &index, object, once, record) {
            next.jobs.insert(once.key.clone(), moved);
        }
    }
    for action in plan.actions.iter().filter(|action| action.verb().applies()) {
        let Some((_, once)) = one_time(input).find(|(object, _)| object.id == action.id) else { continue };
        let record = next.jobs.entry(once.key.clone()).or_default();
        if is_rerun(action) {
            record.done = None;
        }
        // What is only set in place goes on as the run that it is.
        if matches!(action.deed, Deed::Create(_) | Deed::Replace { .. }) {
            let (object, inputs) = (action.id.name.to_string(), once.inputs.clone());
            record.run = Some(BegunRun { object, inputs, ..BegunRun::default() });
            make_anew(next, &action.id);
        }
    }
    // Where the inputs are those that it is done for, a later run is no matter any more once its Job is gone.
    for (object, once) in one_time(input) {
        let Some(record) = next.jobs.get_mut(&once.key).filter(|record| record.is_done(&once.inputs)) else { continue };
        let is_there = |run: &BegunRun| {
            let id = ObjectId { name: run.object.as_str().into(), ..object.id.clone() };
            index.live(&id).is_some()
        };
        record.run.take_if(|run| !is_there(run));
    }
}

/// Only the nonce proves which Job is the new one; the one that gives way is known by its uid.
fn make_anew(next: &mut Inventory, id: &ObjectId) {
    let Some(entry) = next.entries.get_mut(id) else { return };
    if let Presence::Known { uid, nonce: Some(nonce) } = &entry.presence {
        entry.presence = Presence::Intended { nonce: nonce.clone(), was: Some(uid.clone()) };
    }
}

/// The inventory with the uid of a Job that was made just now and is about to start; `None` where it says so already.
pub(crate) fn about_to_start(inventory: &Inventory, id: &ObjectId, key: &str, uid: &str) -> Option<Inventory> {
    let mut next = inventory.clone();
    let entry = next.entries.get_mut(id)?;
    let nonce = entry.nonce().map(str::to_owned);
    entry.presence = Presence::Known { uid: uid.to_owned(), nonce };
    let record = next.jobs.get_mut(key)?;
    record.note(uid, None);
    record.rerun.take_if(|asked| asked.of != uid);
    (next != *inventory).then_some(next)
}

/// Notes what came of the runs that a plan began, and of those that it waited for; forgets the jobs of apps that are gone for
/// good.
pub(super) fn after(
    input: &Input<'_>,
    plan: &OrganisationPlan,
    outcome: &OrganisationOutcome,
    finished: &BTreeSet<ObjectId>,
    next: &mut Inventory,
) {
    for (action, outcome) in plan.actions.iter().zip(&outcome.outcomes) {
        let Some((object, once)) = one_time(input).find(|(object, _)| object.id == action.id) else { continue };
        let uid = next.entries.get(&action.id).and_then(|entry| entry.uid()).map(str::to_owned);
        let Done::Applied { uid: made, health } = &outcome.done else {
            if let Some(uid) = uid.filter(|_| finished.contains(&action.id)) {
                next.jobs.entry(once.key.clone()).or_default().finish(&once.inputs, &uid);
            }
            continue;
        };
        let record = next.jobs.entry(once.key.clone()).or_default();
        if !record.reruns(made) {
            record.rerun = None;
        }
        if object.body["spec"]["suspend"] != true {
            match health {
                Some(health) if health.is_ready() => record.finish(&once.inputs, made),
                Some(health) if health.state == HealthState::Failed => {
                    record.note(made, Some(&failed(&health.message)));
                }
                _ if record.run.as_ref().is_some_and(|run| run.uid.as_ref() != Some(made)) => record.note(made, None),
                _ => {}
            }
        }
        if let Deed::Replace { why, .. } = &action.deed
            && let Some(gone) = why.gives_way()
        {
            next.entries.remove(gone);
        }
    }
    note_failures(outcome, next);
    for (object, once) in one_time(input) {
        next.jobs.entry(once.key.clone()).and_modify(|record| record.app.clone_from(&object.app));
    }
    let left: BTreeSet<&str> = next.entries.values().filter_map(|entry| Some(entry.app.as_ref()?.as_str())).collect();
    let is_retired = |app: &str| input.directives.retired.is_some() || input.desired.retired.contains_key(app);
    next.jobs.retain(|key, record| {
        let data = key.split_once('/').map_or("", |(data, _)| data);
        let app = record.app.as_ref().map_or(data, Name::as_str);
        left.contains(app) || !is_retired(app)
    });
}

/// Moves the records of jobs that their definitions call otherwise.
fn call_anew(input: &Input<'_>, next: &mut Inventory) {
    for (_, once) in one_time(input) {
        let known = next.jobs.contains_key(&once.key);
        if let Some(record) = once.was.as_ref().filter(|_| !known).and_then(|was| next.jobs.remove(was)) {
            next.jobs.insert(once.key.clone(), record);
        }
    }
}

/// Jobs that were waited for and failed meanwhile.
fn note_failures(outcome: &OrganisationOutcome, next: &mut Inventory) {
    let waits = outcome.outcomes.iter().filter_map(|outcome| match &outcome.done {
        Done::Skipped { why: Skip::WaitsFor { object, health } } if object.is(kind::JOB) => Some((object, health)),
        _ => None,
    });
    for (object, health) in waits.filter(|(_, health)| health.state == HealthState::Failed) {
        let uid = next.entries.get(object).and_then(|entry| entry.uid()).map(str::to_owned);
        let is_of = |record: &&mut JobRecord| record.run.as_ref().is_some_and(|run| *run.object == *object.name);
        if let Some((record, uid)) = next.jobs.values_mut().find(is_of).zip(uid) {
            record.note(&uid, Some(&failed(&health.message)));
        }
    }
}

fn failed(message: &str) -> RunState {
    RunState::Failed { why: why_failed_alone(message).to_owned() }
}

fn one_time<'a>(input: &Input<'a>) -> impl Iterator<Item = (&'a Object, &'a OneTime)> {
    input.desired.objects.iter().filter_map(|object| Some((object, object.once.as_ref()?)))
}

fn is_rerun(action: &Action) -> bool {
    matches!(action.deed, Deed::Create(Creating::Rerun { .. }) | Deed::Replace { why: Replacing::Rerun { .. }, .. })
}

/// Runs that were seen to have done their work: the job, its inputs, the uid of its Job.
fn ended(input: &Input<'_>, index: &Index<'_>) -> Vec<(String, String, String)> {
    let mut ended = Vec::new();
    for (id, entry) in input.inventory.entries.iter().filter(|(id, _)| id.is(kind::JOB)) {
        let live = index.live(id).filter(|live| is_same(entry, live, input.garden));
        let uid = match live {
            Some(live) if is_complete(&live.body) => live.uid.clone(),
            None if has_ended(input, id, entry) => entry.uid().unwrap_or_default().to_owned(),
            _ => continue,
        };
        let recorded = input.inventory.jobs.iter().find_map(|(key, job)| {
            let run = job.run.as_ref().filter(|run| *run.object == *id.name)?;
            let called = one_time(input).find(|(_, once)| once.is_of(key)).map(|(_, once)| &once.key);
            Some((called.unwrap_or(key).clone(), run.inputs.clone()))
        });
        let rendered = || {
            let (_, once) = one_time(input).find(|(object, _)| object.id.identity() == id.identity())?;
            Some((once.key.clone(), once.inputs.clone()))
        };
        ended.extend(recorded.or_else(rendered).map(|(key, inputs)| (key, inputs, uid)));
    }
    // Of what was made before runs were recorded, its Job alone says what it did.
    for (object, once) in one_time(input) {
        let key = once.key.clone();
        if record_of(input.inventory, once).is_some() || index.entry(&object.id).is_some() {
            continue;
        }
        let earlier = predecessor(input, index, object).map(|(_, live)| live);
        let same = earlier.filter(|live| is_complete(&live.body) && did_the_same(live, object));
        ended.extend(same.map(|live: &LiveObject| (key, once.inputs.clone(), live.uid.clone())));
    }
    ended
}

/// The record of a job whose Job is there, with what was seen of its beginning; `None` where it stands so already.
fn begun(
    input: &Input<'_>,
    index: &Index<'_>,
    object: &Object,
    once: &OneTime,
    record: Option<&JobRecord>,
) -> Option<JobRecord> {
    let (entry, live) = index.entry(&object.id).zip(index.live(&object.id))?;
    let is_under_way = is_same(entry, live, input.garden) && !live.is_terminating() && !is_complete(&live.body);
    if !is_under_way || record.is_some_and(|record| record.is_done(&once.inputs)) {
        return None;
    }
    let mut moved = record.cloned().unwrap_or_default();
    // The word was about the Job before it: it is carried out.
    if !moved.reruns(&live.uid) {
        moved.rerun = None;
    }
    let name = &*object.id.name;
    let run = moved.run.take().filter(|run| run.object == name);
    let run =
        run.unwrap_or_else(|| BegunRun { object: name.to_owned(), inputs: once.inputs.clone(), ..BegunRun::default() });
    moved.run = Some(run);
    // One that is suspended, and is to be, has not begun.
    if object.body["spec"]["suspend"] != true || live.body["spec"]["suspend"] != true {
        moved.note(&live.uid, Some(&run_state(live, &input.live.jobs, record)));
    }
    (record != Some(&moved)).then_some(moved)
}
