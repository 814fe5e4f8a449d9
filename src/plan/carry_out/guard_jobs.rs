//! The guard's own view of one-time jobs: none is ended while it runs, and none is made that is recorded as done.
//!
//! It reads the Job's status, its pods and the records again, on purpose without the code that decides.

use super::guard::{Breach, GuardInput, entry, live};
use super::promise::Promise;
use crate::plan::decide::action::{Action, Base};
use crate::plan::{JobRecord, LiveObject};
use crate::render::{Object, ObjectId};

/// Whether an action makes a Job whose inputs are recorded as done, and nobody asked for it again.
pub(super) fn is_done_already(input: &GuardInput<'_>, action: &Action) -> bool {
    let object = input.desired.objects.iter().find(|object| object.id == action.id);
    let Some((object, once)) = object.and_then(|object| Some((object, object.once.as_ref()?))) else { return false };
    let Some(JobRecord { done: Some(done), rerun: None, .. }) = record(input, object) else { return false };
    done.inputs == once.inputs
}

/// Whether an action makes a Job of a run that could start already, whose Job is gone, and nobody asked for it again.
pub(super) fn has_run_already(input: &GuardInput<'_>, action: &Action) -> bool {
    let object = input.desired.objects.iter().find(|object| object.id == action.id);
    let Some((object, once)) = object.and_then(|object| Some((object, object.once.as_ref()?))) else { return false };
    let Some(JobRecord { run: Some(run), rerun: None, .. }) = record(input, object) else { return false };
    let unstarted = run.idle && input.live.jobs.unstarted.get(&run.object) == run.uid.as_ref();
    run.inputs == once.inputs && run.uid.is_some() && !unstarted
}

/// A Job is not made while an earlier run of the same job may be under way.
pub(super) fn check_alone(input: &GuardInput<'_>, action: &Action) -> Breach {
    let object = input.desired.objects.iter().find(|object| object.id == action.id)?;
    let run = record(input, object)?.run.as_ref().filter(|run| *run.object != *action.id.name)?;
    let id = ObjectId { name: run.object.as_str().into(), ..action.id.clone() };
    let job = live(input, &id).filter(|job| may_run(input, job))?;
    let name = job.body["metadata"]["name"].as_str().unwrap_or_default();
    Some((Promise::RunsOnce, format!("`Job {name}` may be running on the same data")))
}

/// A Job that may be running is ended by nobody but a person who said so of this very one, or by the end of what is retired.
pub(super) fn check_end(input: &GuardInput<'_>, action: &Action, base: &Base) -> Breach {
    let id = action.target();
    if (id.group(), &*id.kind) != ("batch", "Job") || !is_one_time(input, action) {
        return None;
    }
    let is_asked = input.inventory.jobs.values().filter_map(|job| job.rerun.as_ref()).any(|asked| asked.of == base.uid);
    let is_due = || {
        let since = entry(input, id).and_then(|entry| entry.retired_since).or(input.inventory.retired_since);
        let keep = i64::try_from(input.limits.keep_data.amount).unwrap_or(i64::MAX);
        since.is_some_and(|since| since.saturating_add(keep) <= input.now)
    };
    let job = live(input, id)?;
    (may_run(input, job) && !is_asked && !is_due())
        .then(|| (Promise::RunsOnce, format!("`{id}` may be running, and nobody said that it is to be ended")))
}

/// Whether an action, or what it takes the place of, is a job that runs once.
fn is_one_time(input: &GuardInput<'_>, action: &Action) -> bool {
    let is_rendered = input.desired.objects.iter().any(|object| object.id == action.id && object.once.is_some());
    let of = &*action.target().name;
    is_rendered || input.inventory.jobs.values().any(|job| job.run.as_ref().is_some_and(|run| *run.object == *of))
}

/// Whether a Job has not ended, and a container of it has started or may have.
fn may_run(input: &GuardInput<'_>, job: &LiveObject) -> bool {
    let status = &job.body["status"];
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let has_ended =
        |one: &serde_json::Value| one["status"] == "True" && (one["type"] == "Complete" || one["type"] == "Failed");
    if { conditions }.any(has_ended) {
        return false;
    }
    if job.body["spec"]["suspend"] == true && status["startTime"].is_null() {
        return false;
    }
    let has_moved = ["ready", "succeeded", "failed"].iter().any(|count| status[count].as_i64().unwrap_or(0) > 0);
    let name = job.body["metadata"]["name"].as_str().unwrap_or_default();
    let of_pods = match &input.live.jobs.pods {
        Some(pods) => pods.get(name).is_some_and(|pods| pods.has_started),
        None => true,
    };
    has_moved || of_pods
}

fn record<'a>(input: &GuardInput<'a>, object: &Object) -> Option<&'a JobRecord> {
    input.inventory.jobs.get(&object.once.as_ref()?.key)
}
