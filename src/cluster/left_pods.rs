//! The pods of a namespace, looked at where something is about to start on data that others may still work on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio::time::Instant;

use super::apply::{Stops, Work};
use super::connect::Connection;
use super::errors::ApiError;
use super::read::ReadScope;
use super::request::Detail;
use super::retry::{Pause, Retry};
use crate::name::Name;
use crate::plan::order::{Phase, Step};
use crate::plan::{self, Done, Health, LeftPod, Live, PodsSeen, Skip, Surroundings, have_replica_sets, seen_pods};
use crate::render::Object;

/// Reads the pods of an organisation's namespace where a workload of it is not there that may have had some.
pub(super) async fn read(connection: &Connection, scope: &ReadScope<'_>, live: &mut Live) -> Result<(), ApiError> {
    let judge = &scope.judge;
    let surroundings = Surroundings {
        garden: judge.garden,
        desired: judge.desired,
        inventory: judge.inventory,
        directives: judge.directives,
        live,
    };
    if surroundings.may_have_left_pods() {
        live.pods = look(connection, &judge.desired.namespace).await?;
    }
    Ok(())
}

/// The pods of a namespace that have not ended. That they may not be listed concerns what would start alone.
async fn look(connection: &Connection, namespace: &str) -> Result<PodsSeen, ApiError> {
    let pods = match connection.list(&format!("/api/v1/namespaces/{namespace}/pods"), "", Detail::Whole).await {
        Ok(pods) => pods,
        Err(error) if error.is_of_this_alone() => {
            let unread = Some(error.why_unread("list", "", "pods"));
            return Ok(PodsSeen { pods: Vec::new(), unread });
        }
        Err(error) => return Err(error),
    };
    let mut seen = PodsSeen::default();
    let mut sets = BTreeMap::new();
    if have_replica_sets(&pods) {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/replicasets");
        match connection.list(&path, "", Detail::Metadata).await {
            Ok(found) => sets = found.into_iter().filter_map(by_uid).collect(),
            Err(error) if error.is_of_this_alone() => {
                seen.unread = Some(error.why_unread("list", "apps", "replicasets"));
            }
            Err(error) => return Err(error),
        }
    }
    // Whose they are is not known without their ReplicaSets.
    if seen.unread.is_none() {
        seen.pods = seen_pods(&pods, &sets);
    }
    Ok(seen)
}

fn by_uid(object: Value) -> Option<(String, Value)> {
    Some((object["metadata"]["uid"].as_str()?.to_owned(), object))
}

/// Waits for pods that nothing stands behind before a step starts others of their app or on their data. What stops the apps of
/// which some are left, or of which that is not known; those of `stops` stand still already.
pub(super) async fn beside(
    work: &Work<'_>,
    step: &Step,
    done: &[Option<Done>],
    stops: &Stops,
) -> Vec<(Option<Name>, Skip)> {
    let mut starting: BTreeMap<&Option<Name>, Vec<&Object>> = BTreeMap::new();
    let actions = step.actions.iter().map(|at| &work.plan.actions[*at]).filter(|_| step.phase == Phase::Apply);
    for action in actions.filter(|action| plan::starts(action) && !stops.contains_key(&action.app)) {
        let object = work.objects.objects.iter().find(|object| object.id == action.id);
        starting.entry(&action.app).or_default().extend(object);
    }
    let (mut made, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for (action, done) in work.plan.actions.iter().zip(done) {
        match done {
            Some(Done::Applied { uid, .. }) => drop(made.insert(&**uid)),
            Some(Done::Deleted) => gone.extend(action.base().map(|base| &*base.uid)),
            _ => {}
        }
    }
    let deadline = Instant::now() + work.patience();
    let mut left = Vec::new();
    for (app, objects) in starting {
        let why = match until_gone(work, &objects, &made, &gone, deadline).await {
            Ok(None) => continue,
            Ok(Some(pod)) => Skip::WaitsFor { object: pod.id(&work.objects.namespace), health: pod.health() },
            Err(why) => Skip::WaitsFor { object: objects[0].id.clone(), health: Health::progressing(why) },
        };
        left.push((app.clone(), why));
    }
    left
}

/// The first pod that is left where workloads would start, waited for until a deadline. `made` are the uids of what was made
/// meanwhile, `gone` those of what was stopped. An error says why it is not known.
pub(super) async fn until_gone(
    work: &Work<'_>,
    starting: &[&Object],
    made: &BTreeSet<&str>,
    gone: &BTreeSet<&str>,
    deadline: Instant,
) -> Result<Option<LeftPod>, String> {
    let surroundings = Surroundings {
        garden: work.garden,
        desired: work.objects,
        inventory: work.inventory,
        directives: work.directives,
        live: work.live,
    };
    let renames = surroundings.renames();
    let starting: Vec<&Object> =
        starting.iter().copied().filter(|object| surroundings.had_pods(&renames, object)).collect();
    if starting.is_empty() {
        return Ok(None);
    }
    let mut uids = surroundings.uids();
    uids.extend(made);
    uids.retain(|uid| !gone.contains(uid));
    let mut looks = Retry::until(deadline);
    loop {
        let seen = look(work.connection(), &work.objects.namespace).await.map_err(|error| error.to_string())?;
        if let Some(why) = seen.unread {
            return Err(why);
        }
        let left = starting
            .iter()
            .find_map(|object| surroundings.left(&renames, &uids, &seen.pods, object).into_iter().next());
        if left.is_none() || work.connection().is_ending() {
            return Ok(left);
        }
        if let Err(left) = looks.again(Pause::Growing(None), left).await {
            return Ok(left);
        }
    }
}
