//! What is known of one-time jobs beside their Jobs: the pods of those that are not done, and those that a watch saw end.

use super::super::pods;
use super::{ReadRequest, ReadScope};
use crate::kind;
use crate::plan::{Live, LiveObject, is_complete, is_done};

/// Reads the pods of an organisation's jobs where one of them is under way, failed or about to run again. That they cannot be
/// read concerns these alone.
pub(super) async fn read_runs(read: &ReadRequest<'_>, scope: &ReadScope<'_>, live: &mut Live) {
    note_ended(read, scope, live);
    if !is_any_open(scope, live) {
        return;
    }
    let namespace = &scope.judge.desired.namespace;
    match pods::of_jobs(read.connection, read.garden, namespace, None).await {
        Ok(pods) => live.jobs.pods = Some(pods),
        Err(error) => live.jobs.unread = Some(error.why_unread("list", "", "pods")),
    }
}

/// Jobs that were seen to have done their work and are gone, and those that were gone before a container of them was seen.
fn note_ended(read: &ReadRequest<'_>, scope: &ReadScope<'_>, live: &mut Live) {
    let Some(mirror) = read.mirror else { return };
    for (id, entry) in scope.judge.inventory.entries.iter().filter(|(id, _)| id.is(kind::JOB)) {
        let uid = entry.uid().filter(|uid| !live.objects.contains_key(id) && mirror.saw_end(id, uid));
        live.jobs.ended.extend(uid.map(|uid| (id.name.to_string(), uid.to_owned())));
        let is_gone = |uid: &&str| !live.objects.contains_key(id) && mirror.never_saw_start(id, uid);
        let unstarted = entry.uid().filter(is_gone).map(|uid| (id.name.to_string(), uid.to_owned()));
        live.jobs.unstarted.extend(unstarted);
    }
}

/// Whether it matters how the pods of any job are.
fn is_any_open(scope: &ReadScope<'_>, live: &Live) -> bool {
    let inventory = scope.judge.inventory;
    let there = live.objects.iter().filter(|(id, _)| id.is(kind::JOB));
    if { there }.any(|(_, job)| is_under_way(job)) {
        return true;
    }
    scope.judge.desired.objects.iter().any(|object| {
        let Some(once) = &object.once else { return false };
        let record = inventory.jobs.get(&once.key);
        let was_begun = record.is_some_and(|record| record.run.is_some()) || inventory.find(&object.id).is_some();
        let is_there = live.objects.contains_key(&object.id) || live.settled.contains_key(&object.id);
        was_begun && !is_there && !is_done(inventory, object)
    })
}

/// Whether a Job is neither done nor suspended since it was made.
fn is_under_way(job: &LiveObject) -> bool {
    let is_suspended = job.body["spec"]["suspend"] == true && job.body["status"]["startTime"].is_null();
    !is_complete(&job.body) && !is_suspended
}
