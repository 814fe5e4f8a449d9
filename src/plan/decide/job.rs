//! What is done with a job that runs once for its inputs.
//!
//! | how its Job stands | what is done |
//! |---|---|
//! | recorded as done for these inputs | nothing; the finished Job goes |
//! | a person said that it runs again | it is replaced, or made |
//! | it runs, or that is not known | nothing, whatever the garden says of its pod; another trigger waits for it |
//! | it failed | nothing, until a person says so; other inputs take its place |
//! | no container of it ever started | it is replaced where the garden asks for another |
//! | it is not there, and a container of it could never start | it is made, once no pod of an earlier run is left |
//! | it is not there any more, and was seen done | nothing |
//! | it is not there any more, and failed, or nobody saw how it ended | nothing, until a person says so |
//! | its app is retired | nothing is begun; what runs is left alone |

use std::collections::BTreeSet;

use serde_json::Value;

use super::action::{Action, Base};
use super::create::create;
use super::deed::Deed;
use super::object;
use super::reason::{Creating, Deleting, Holding, Keeping, Refusing, Replacing};
use crate::kind;
use crate::name::Name;
use crate::plan::state::jobs::{JobRecord, RunState, is_done, record_of, run_state};
use crate::plan::state::standing::{Index, Standing, is_same};
use crate::plan::{Entry, Input, LiveObject};
use crate::render::{Object, ObjectId, OneTime, Stage, once};

/// Why a job that runs is kept: overdue past its deadline, where that is known.
fn runs(input: &Input<'_>, since: Option<i64>, of: Option<(&Object, &OneTime)>) -> Keeping {
    let Some(since) = since else {
        return Keeping::JobRuns { since, until: None, unknown: input.live.jobs.unread.clone() };
    };
    match of.map(|(object, once)| (since.saturating_add(once.deadline), object, once)) {
        Some((until, object, once)) if until <= input.now => {
            Keeping::JobOverdue { since, until, rerun: rerun_of(&input.desired.organisation, object, once) }
        }
        of => Keeping::JobRuns { since: Some(since), until: of.map(|(until, ..)| until), unknown: None },
    }
}

/// The label that names the part of an app.
const COMPONENT: &str = "app.kubernetes.io/component";

/// The action of a rendered job; `None` where it is done and nothing of it is left.
pub(super) fn job(input: &Input<'_>, index: &Index<'_>, object: &Object, once: &OneTime) -> Option<Action> {
    let standing = index.standing(input, &object.id);
    if is_done(input.inventory, object) {
        return match standing {
            Standing::Ours { .. } => Some(object::action(input, object, Deed::keep(Keeping::JobDone))),
            Standing::Terminating => Some(object::action(input, object, Deed::keep(Keeping::Leaving))),
            Standing::Absent(_) | Standing::Adopted(_) | Standing::Refused(_) => None,
        };
    }
    let job = Job { input, index, object, once, record: record_of(input.inventory, once) };
    if index.is_retired(object.app.as_ref()) {
        return job.of_retired(&standing);
    }
    Some(match standing {
        Standing::Terminating => object::action(input, object, Deed::keep(Keeping::Terminating)),
        Standing::Refused(why) => object::action(input, object, Deed::refused(why)),
        Standing::Adopted(live) => object::compare(input, object, live, None),
        Standing::Ours { live, entry } => job.present(live, entry),
        Standing::Absent(entry) => return job.absent(entry),
    })
}

/// A job that is not done for its inputs.
struct Job<'a> {
    input: &'a Input<'a>,
    index: &'a Index<'a>,
    object: &'a Object,
    once: &'a OneTime,
    record: Option<&'a JobRecord>,
}

impl Job<'_> {
    fn action(&self, deed: Deed) -> Action {
        object::action(self.input, self.object, deed)
    }

    /// What `parcelle rerun` is given for it.
    fn command(&self) -> String {
        rerun_of(&self.input.desired.organisation, self.object, self.once)
    }

    /// Nothing is begun of a retired app, and what did not go well keeps nothing of it from going to sleep.
    fn of_retired(&self, standing: &Standing<'_>) -> Option<Action> {
        let Standing::Ours { live, entry } = standing else { return None };
        let action = self.present(live, entry);
        let is_begun = matches!(
            action.deed,
            Deed::Create(_) | Deed::Replace { .. } | Deed::Refused { why: Refusing::JobFailed { .. }, .. }
        );
        Some(if is_begun { self.action(Deed::keep(Keeping::JobRetired)) } else { action })
    }

    /// Its Job is there, for the same inputs.
    fn present(&self, live: &LiveObject, entry: &Entry) -> Action {
        if let Some(asked) = self.record.and_then(|record| record.rerun.as_ref()).filter(|asked| asked.of == live.uid) {
            return self.replace(live, Replacing::Rerun { who: asked.who.clone(), of: None });
        }
        match run_state(live, &self.input.live.jobs, self.record) {
            RunState::Done => self.action(Deed::keep(Keeping::JobDone)),
            RunState::Failed { why } => self.action(Deed::refused(Refusing::JobFailed { why, rerun: self.command() })),
            RunState::Runs { since } => self.running(live, entry, since),
            RunState::Idle { why } => self.idle(live, entry, why),
        }
    }

    fn running(&self, live: &LiveObject, entry: &Entry, since: Option<i64>) -> Action {
        // Somebody stopped it by hand: it goes on, where the garden asks for nothing else.
        let is_stopped = live.body["spec"]["suspend"] == true && self.object.body["spec"]["suspend"] != true;
        if is_stopped && entry.desired_hash == crate::plan::desired_hash(self.object) {
            return object::compare(self.input, self.object, live, Some(entry));
        }
        self.action(Deed::keep(runs(self.input, since, Some((self.object, self.once)))))
    }

    /// Nothing of it ran yet, so a commit may still make it another. It is not suspended: a container may start meanwhile.
    fn idle(&self, live: &LiveObject, entry: &Entry, why: Option<String>) -> Action {
        let waits = || self.action(Deed::keep(Keeping::JobWaits { why: why.clone() }));
        if self.object.body["spec"]["suspend"] == true && live.body["spec"]["suspend"] != true {
            return waits();
        }
        let compared = object::compare(self.input, self.object, live, Some(entry));
        match compared.deed {
            Deed::Replace { base, .. } => {
                let deed = Deed::Replace { why: Replacing::NeverStarted { of: None }, base };
                Action { deed, ..compared }
            }
            Deed::Keep { why: Keeping::Unchanged, .. } if live.body["spec"]["suspend"] != true => waits(),
            _ => compared,
        }
    }

    /// Its Job is not there.
    fn absent(&self, entry: Option<&Entry>) -> Option<Action> {
        let seen = &self.input.live.jobs;
        if entry.is_some_and(|entry| has_ended(self.input, &self.object.id, entry)) {
            return None;
        }
        if let Some(pods) = self.left_pods() {
            return Some(self.action(Deed::held(Holding::PodsLeft { pods })));
        }
        // It was there, so its pods may still be.
        if let (Some(why), true) = (&seen.unread, entry.is_some_and(|entry| entry.uid().is_some())) {
            return Some(self.action(Deed::held(Holding::PodsNotRead { why: why.clone() })));
        }
        if let Some(why) = self.vanished(entry) {
            return Some(self.action(Deed::refused(why)));
        }
        let Some((id, live)) = predecessor(self.input, self.index, self.object) else {
            return Some(self.create(entry));
        };
        let of = id.clone();
        if live.is_terminating() {
            return Some(self.action(Deed::held(Holding::AfterJob { of, failed: false })));
        }
        if let Some(asked) = self.record.and_then(|record| record.rerun.as_ref()).filter(|asked| asked.of == live.uid) {
            return Some(self.replace(live, Replacing::Rerun { who: asked.who.clone(), of: Some(of) }));
        }
        match run_state(live, seen, self.record) {
            RunState::Done if self.record.is_none() && did_the_same(live, self.object) => None,
            RunState::Done => Some(self.create(entry)),
            // The same run, of an app that is called otherwise by now.
            RunState::Failed { why } if self.record.is_some_and(|record| record.has_begun(&self.once.inputs)) => {
                Some(self.action(Deed::refused(Refusing::JobFailed { why, rerun: self.command() })))
            }
            RunState::Failed { .. } => Some(self.replace(live, Replacing::JobFailed { of })),
            RunState::Idle { .. } => Some(self.replace(live, Replacing::NeverStarted { of: Some(of) })),
            RunState::Runs { .. } => Some(self.action(Deed::held(Holding::AfterJob { of, failed: false }))),
        }
    }

    /// Why a run for these inputs whose Job is gone is not begun anew: a container of it could start, and nobody saw it do its
    /// work. `entry` is what the inventory knows of the Job.
    fn vanished(&self, entry: Option<&Entry>) -> Option<Refusing> {
        let run = self.record.and_then(|record| record.run.as_ref());
        let uid = match run {
            Some(run) if run.inputs == self.once.inputs => run.uid.as_deref()?,
            // Of what was made before runs were recorded only its entry is known.
            None if self.record.is_none() => entry.and_then(Entry::uid)?,
            _ => return None,
        };
        let never_started = run.is_some_and(|run| run.idle && self.input.live.jobs.never_started(&run.object, uid));
        if never_started || self.record.is_some_and(|record| record.reruns(uid)) {
            return None;
        }
        let object = run.map_or(&*self.object.id.name, |run| &run.object);
        let id = ObjectId { name: object.into(), ..self.object.id.clone() };
        if self.index.live(&id).is_some_and(|live| live.uid == uid) {
            return None;
        }
        let rerun = self.command();
        Some(match run.and_then(|run| run.failed.as_ref()) {
            Some(why) => Refusing::JobFailed { why: format!("{why}; its Job is gone"), rerun },
            None => Refusing::JobEndUnknown { since: run.and_then(|run| run.started), rerun },
        })
    }

    /// Pods of runs whose Jobs are gone, and that have not ended.
    fn left_pods(&self) -> Option<Vec<String>> {
        let run = self.record.and_then(|record| record.run.as_ref()).map(|run| &*run.object);
        let is_gone = |name: &str| {
            let id = ObjectId { name: name.into(), ..self.object.id.clone() };
            self.index.live(&id).is_none()
        };
        let names: BTreeSet<&str> = [Some(&*self.object.id.name), run].into_iter().flatten().collect();
        let names = names.into_iter().filter(|name| is_gone(name));
        let alive = names.filter_map(|name| self.input.live.jobs.of(name)).flat_map(|pods| &pods.alive);
        let alive: Vec<String> = alive.take(3).cloned().collect();
        (!alive.is_empty()).then_some(alive)
    }

    fn create(&self, entry: Option<&Entry>) -> Action {
        let mut action = create(self.input, self.object, entry);
        if let (Deed::Create(why), Some(asked)) = (&mut action.deed, self.record.and_then(|one| one.rerun.as_ref())) {
            *why = Creating::Rerun { who: asked.who.clone() };
        }
        action
    }

    fn replace(&self, live: &LiveObject, why: Replacing) -> Action {
        let (uid, resource_version) = (live.uid.clone(), live.resource_version.clone());
        let base = Base { uid, resource_version, values_hash: String::new() };
        self.action(Deed::Replace { why, base })
    }
}

fn rerun_of(organisation: &Name, object: &Object, once: &OneTime) -> String {
    let app = object.app.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{organisation}/{app} {}", once.job)
}

/// The command by which a person says that a job runs again.
pub(crate) fn rerun_command(organisation: &Name, object: &Object) -> Option<String> {
    let once = object.once.as_ref()?;
    Some(format!("parcelle rerun {}", rerun_of(organisation, object, once)))
}

/// Whether a Job that is gone was seen to have done its work.
pub(in crate::plan) fn has_ended(input: &Input<'_>, id: &ObjectId, entry: &Entry) -> bool {
    let Some(uid) = entry.uid() else { return false };
    let seen = &input.live.jobs;
    let by_pods = seen.of(&id.name).is_some_and(|pods| pods.succeeded.iter().any(|one| one == uid));
    by_pods || seen.ended.get(&*id.name).is_some_and(|one| one == uid)
}

/// The Job of an earlier run of the same job, for other inputs, that is still there.
pub(in crate::plan) fn predecessor<'a>(
    input: &Input<'a>,
    index: &Index<'a>,
    object: &Object,
) -> Option<(&'a ObjectId, &'a LiveObject)> {
    let part = component(&object.body);
    let record = object.once.as_ref().and_then(|once| record_of(input.inventory, once));
    let run = record.and_then(|record| record.run.as_ref()).map(|run| &*run.object);
    // By its record it is known also where its app is called otherwise by now.
    let is_meant = |id: &ObjectId, entry: &Entry, live: &LiveObject| {
        let is_part = part.is_some() && component(&live.body) == part;
        run == Some(&*id.name) || (entry.app == object.app && is_part)
    };
    let jobs = input.inventory.entries.iter().filter(|(id, _)| id.is(kind::JOB));
    let others = jobs.filter(|(id, _)| id.identity() != object.id.identity());
    let there = others.filter_map(|(id, entry)| Some((id, entry, index.live(id)?)));
    let mut ours = there.filter(|(_, entry, live)| is_same(entry, live, input.garden));
    ours.find(|(id, entry, live)| is_meant(id, entry, live)).map(|(id, _, live)| (id, live))
}

fn component(body: &Value) -> Option<&str> {
    body["metadata"]["labels"][COMPONENT].as_str()
}

/// Whether a finished Job of which nothing was recorded did what the garden asks for now.
pub(in crate::plan) fn did_the_same(live: &LiveObject, object: &Object) -> bool {
    let template = |body: &Value| once::inputs_of(&body["spec"]["template"]);
    template(&live.body) == template(&object.body)
}

/// What becomes of a Job that nothing asks for under its name.
pub(super) enum Leftover {
    /// It stays as it is, and that is told; what comes after the stage of the job waits.
    Keep(Keeping, Option<Stage>),
    /// The job for its new inputs decides about it.
    OfSuccessor,
    /// The same as of any other object.
    AsUsual,
}

/// What becomes of a Job that nothing asks for under its name: one that runs is not touched, unless the time of what is retired
/// has come.
pub(super) fn leftover(input: &Input<'_>, id: &ObjectId, live: &LiveObject, is_due: bool) -> Leftover {
    if !id.is(kind::JOB) || component(&live.body).is_none() {
        return Leftover::AsUsual;
    }
    let mut jobs = input.inventory.jobs.iter();
    let found = jobs.find(|(_, job)| job.run.as_ref().is_some_and(|run| *run.object == *id.name));
    let record = found.map(|(_, job)| job);
    let app = live.label("parcelle.dev/app");
    let same = |object: &&Object| {
        let is_recorded = object.once.as_ref().zip(found).is_some_and(|(once, (key, _))| once.is_of(key));
        let is_of_app = object.app.as_ref().map(Name::as_str) == app;
        let is_part = is_of_app && component(&object.body) == component(&live.body);
        object.once.is_some() && (is_recorded || is_part)
    };
    let successor = input.desired.objects.iter().find(same);
    let stage = successor.map(|object| object.stage);
    let is_succeeded = || successor.is_some_and(|object| !is_done(input.inventory, object));
    match run_state(live, &input.live.jobs, record) {
        RunState::Done => Leftover::Keep(Keeping::JobDone, stage),
        RunState::Runs { since } if !is_due => {
            let of = successor.and_then(|object| Some((object, object.once.as_ref()?)));
            Leftover::Keep(runs(input, since, of), stage)
        }
        RunState::Failed { .. } | RunState::Idle { .. } if !is_due && is_succeeded() => Leftover::OfSuccessor,
        RunState::Failed { .. } | RunState::Idle { .. } | RunState::Runs { .. } => Leftover::AsUsual,
    }
}

/// Whether a reason to delete something is that the time of what is retired has come.
pub(super) fn is_due(why: &Deleting) -> bool {
    matches!(why, Deleting::Retired { .. } | Deleting::OrganisationRetired { .. })
}

/// Whether the API server may be asked about a job: what runs, is done or waits for another is not applied.
pub(in crate::plan) fn is_asked_about(input: &Input<'_>, index: &Index<'_>, object: &Object) -> bool {
    let Some(once) = &object.once else { return true };
    if is_done(input.inventory, object) {
        return false;
    }
    let record = record_of(input.inventory, once);
    match index.standing(input, &object.id) {
        Standing::Ours { live, entry } => match run_state(live, &input.live.jobs, record) {
            RunState::Idle { .. } => true,
            RunState::Runs { .. } => {
                live.body["spec"]["suspend"] == true && entry.desired_hash == crate::plan::desired_hash(object)
            }
            RunState::Done | RunState::Failed { .. } => false,
        },
        _ => true,
    }
}
