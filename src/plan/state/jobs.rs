//! One-time jobs: what an inventory remembers of them, and how a run stands.
//!
//! A run is told by three things together: the Job's own status, its pods, and what was seen of it before. What is not
//! known counts as running, since a run is never touched.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pods::JobPods;
use crate::kind;
use crate::name::Name;
use crate::plan::{Action, Inventory, Keeping, LiveObject, OrganisationPlan, Reason};
use crate::render::{Object, ObjectId, OneTime};

/// What an inventory remembers of one job of an app: the last inputs that it is done for, and its run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobRecord {
    /// The app that it is of, as it is called now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<Name>,
    /// The run that it is done by: the last one, never a set, so that going back to earlier inputs runs it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<FinishedRun>,
    /// The run that is there, or about to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<BegunRun>,
    /// A person's word that it is to run again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun: Option<RerunAsked>,
}

/// A run that has done its work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FinishedRun {
    /// The hash of its inputs.
    pub inputs: String,
    /// The uid of its Job.
    pub by: String,
}

/// A run that may be under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BegunRun {
    /// The name of its Job.
    pub object: String,
    /// The hash of its inputs.
    pub inputs: String,
    /// The uid of its Job, from before a container of it could start: a Job is made suspended, and goes on once this is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// When its first container started, in Unix seconds, once that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<i64>,
    /// How it failed, in words, once that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Whether no container of it had started when it was looked at last.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub idle: bool,
}

/// A person's word that a job is to run again although it is done, failed or under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RerunAsked {
    /// The uid of the Job that the word is about: a later one is not meant.
    pub of: String,
    /// Who said it.
    pub who: String,
}

impl JobRecord {
    /// Whether the job is done for these inputs, and nobody asks for it again.
    pub(crate) fn is_done(&self, inputs: &str) -> bool {
        self.rerun.is_none() && self.done.as_ref().is_some_and(|done| done.inputs == inputs)
    }

    /// Whether the word that the job runs again is about the Job of this uid.
    pub(crate) fn reruns(&self, uid: &str) -> bool {
        self.rerun.as_ref().is_some_and(|asked| asked.of == uid)
    }

    /// Whether the run that is recorded is for these inputs.
    pub(crate) fn has_begun(&self, inputs: &str) -> bool {
        self.run.as_ref().is_some_and(|run| run.inputs == inputs)
    }

    /// Notes what is known of the Job of a run: from its `uid` on, a container of it may start.
    pub(crate) fn note(&mut self, uid: &str, state: Option<&RunState>) {
        let Some(run) = &mut self.run else { return };
        run.uid = Some(uid.to_owned());
        run.failed = None;
        run.idle = false;
        match state {
            Some(RunState::Runs { since }) => run.started = run.started.or(*since),
            Some(RunState::Failed { why }) => run.failed = Some(why.clone()),
            Some(RunState::Idle { .. }) => run.idle = true,
            Some(RunState::Done) | None => {}
        }
    }

    /// Notes that a Job has done its work.
    pub(crate) fn finish(&mut self, inputs: &str, uid: &str) {
        let done = Some(FinishedRun { inputs: inputs.to_owned(), by: uid.to_owned() });
        *self = Self { app: self.app.take(), done, ..Self::default() };
    }
}

/// The record of a rendered job, under its name or an earlier one.
pub(in crate::plan) fn record_of<'i>(inventory: &'i Inventory, once: &OneTime) -> Option<&'i JobRecord> {
    let earlier = || inventory.jobs.get(once.was.as_ref()?);
    inventory.jobs.get(&once.key).or_else(earlier)
}

/// Whether an object is a job that is done: it is neither made nor looked for.
pub(crate) fn is_done(inventory: &Inventory, object: &Object) -> bool {
    let record = object.once.as_ref().and_then(|once| Some((record_of(inventory, once)?, once)));
    record.is_some_and(|(record, once)| record.is_done(&once.inputs))
}

/// The Jobs that did their work and that nobody needs any more, with their uids: those that are recorded as done, and those that
/// the plan saw done and of which a later run is recorded.
pub(crate) fn finished(inventory: &Inventory, plan: &OrganisationPlan) -> Vec<(ObjectId, String)> {
    let recorded: BTreeSet<&str> = inventory.jobs.values().filter_map(|job| Some(&*job.done.as_ref()?.by)).collect();
    let is_done = |action: &&Action| matches!(action.reason(), Reason::Keeping(Keeping::JobDone));
    let seen: BTreeSet<&ObjectId> = plan.actions.iter().filter(is_done).map(|action| &action.id).collect();
    let jobs = inventory.entries.iter().filter(|(id, _)| id.is(kind::JOB));
    // What was taken back after the inventory was lost is never deleted by itself.
    let jobs = jobs.filter(|(_, entry)| !entry.recovered);
    let known = jobs.filter_map(|(id, entry)| Some((id, entry.uid()?)));
    let done = known.filter(|(id, uid)| recorded.contains(uid) || seen.contains(id));
    done.map(|(id, uid)| (id.clone(), uid.to_owned())).collect()
}

/// What is known of the runs of one organisation's jobs beside their Jobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct JobsSeen {
    /// The pods of each Job, by its name; absent where they were not read.
    pub(crate) pods: Option<BTreeMap<String, JobPods>>,
    /// Why pods could not be read.
    pub(crate) unread: Option<String>,
    /// Jobs that a watch showed to be done and that are gone by now: the uid by name.
    pub(crate) ended: BTreeMap<String, String>,
    /// Jobs that a watch showed to be gone before it showed a container of them: the uid by name.
    pub(crate) unstarted: BTreeMap<String, String>,
}

impl JobsSeen {
    /// The pods of a Job.
    pub(in crate::plan) fn of(&self, name: &str) -> Option<&JobPods> {
        self.pods.as_ref()?.get(name)
    }

    /// Whether a Job that is gone was watched to its end, and no container of it was seen.
    pub(in crate::plan) fn never_started(&self, name: &str, uid: &str) -> bool {
        self.unstarted.get(name).is_some_and(|seen| seen == uid)
    }
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RunState {
    /// It did its work.
    Done,
    /// It was given up.
    Failed {
        /// Why, in words.
        why: String,
    },
    /// A container of it has started, or it is not known that none has.
    Runs {
        /// When its first container started, in Unix seconds, where that is known.
        since: Option<i64>,
    },
    /// No container of it ever started.
    Idle {
        /// What it waits for, in words.
        why: Option<String>,
    },
}

/// Whether a Job says of itself that it has done its work.
pub(crate) fn is_complete(body: &Value) -> bool {
    holds(body, "Complete").is_some()
}

/// How the run of a Job stands.
pub(in crate::plan) fn run_state(live: &LiveObject, seen: &JobsSeen, record: Option<&JobRecord>) -> RunState {
    let body = &*live.body;
    let name = body["metadata"]["name"].as_str().unwrap_or_default();
    let pods = seen.of(name);
    if is_complete(body) {
        return RunState::Done;
    }
    if let Some(failed) = holds(body, "Failed") {
        return RunState::Failed { why: why_failed(failed, pods) };
    }
    let run = record.and_then(|record| record.run.as_ref()).filter(|run| run.object == name);
    let count = |field: &str| body["status"][field].as_i64().unwrap_or(0);
    let moved = ["failed", "succeeded", "ready"].into_iter().any(|field| count(field) > 0);
    let recorded = run.and_then(|run| run.started);
    let since = recorded.or_else(|| pods.and_then(|pods| pods.started));
    if since.is_some() || moved || pods.is_some_and(|pods| pods.has_started) {
        return RunState::Runs { since: since.or_else(|| start_time(body)) };
    }
    let suspended = body["spec"]["suspend"] == true;
    match (&seen.pods, pods) {
        // A Job without pods that nothing was ever counted of: none has been made for it yet.
        (Some(_), pods) => {
            let why = pods.and_then(|pods| pods.waits.clone());
            RunState::Idle { why: why.or_else(|| suspended.then(|| "it is suspended".to_owned())) }
        }
        (None, _) if suspended && count("active") == 0 && start_time(body).is_none() => RunState::Idle { why: None },
        (None, _) => RunState::Runs { since: None },
    }
}

/// The condition of a Job that holds.
fn holds<'b>(body: &'b Value, kind: &str) -> Option<&'b Value> {
    let conditions = body["status"]["conditions"].as_array()?;
    conditions.iter().find(|one| one["type"] == kind && one["status"] == "True")
}

/// The end of the last container says more than that the Job was given up.
fn why_failed(condition: &Value, pods: Option<&JobPods>) -> String {
    if let Some(end) = pods.and_then(|pods| pods.end.as_ref()) {
        return end.to_string();
    }
    let text = |field: &str| condition[field].as_str().unwrap_or_default();
    match (text("reason"), text("message")) {
        ("", "") => "its Job failed".to_owned(),
        (reason, "") => reason.to_owned(),
        ("", message) => message.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

/// When the Job's controller began with it: not before its first container started.
fn start_time(body: &Value) -> Option<i64> {
    super::pods::seconds(&body["status"]["startTime"])
}

/// What stands between how a job failed and the command that runs it again.
const MEND: &str = "; mend what it says, then ";

/// How a job failed, with the way out.
pub(crate) fn failed_with_way_out(why: &str, command: &str) -> String {
    format!("{why}{MEND}`{command}`")
}

/// How a job failed, without the way out.
pub(in crate::plan) fn why_failed_alone(message: &str) -> &str {
    message.split_once(MEND).map_or(message, |(why, _)| why)
}

/// Since when a Job runs as it and its pods say, in Unix seconds; zero where that is not known. Nothing where it does not run.
pub(crate) fn job_runs_since(body: Value, pods: BTreeMap<String, JobPods>) -> Option<i64> {
    let seen = JobsSeen { pods: Some(pods), ..JobsSeen::default() };
    match run_state(&LiveObject::new(body), &seen, None) {
        RunState::Runs { since } => Some(since.unwrap_or(0)),
        RunState::Done | RunState::Failed { .. } | RunState::Idle { .. } => None,
    }
}
