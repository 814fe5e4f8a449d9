//! Deletes an object, and replaces one that cannot be changed.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::left_pods;
use super::super::request::Content;
use super::super::retry::Retry;
use super::super::wait;
use super::job;
use super::object::{create, new_body};
use super::{Acting, Stop, rendered, version_of};
use crate::kind::ReclaimPolicy;
use crate::plan::{Base, Done, GARDEN_LABEL, MANAGER, Replacing};

/// Deletes an object and makes it anew, once the old one is gone. A job of which no container started is looked at once more.
pub(super) async fn replace(acting: &Acting<'_>, why: &Replacing, base: &Base) -> Result<Done, Stop> {
    let work = acting.work;
    let limit = Instant::now() + work.patience();
    let old = acting.action.target();
    if matches!(why, Replacing::NeverStarted { .. })
        && let Some(found) = work.connection().get_object(acting.resource, old).await?
        && !job::is_idle(work, &found, old).await?
    {
        return Err(Stop::Later(format!("a container of {old} has started meanwhile: it is not touched")));
    }
    let left = match remove(acting, base).await? {
        Done::Deleting => wait::until_gone(work.connection(), acting.resource, old, &base.uid, limit).await?,
        _ => None,
    };
    if let Some(left) = left {
        let why = if left.message.is_empty() { String::new() } else { format!(", {}", left.message) };
        return Err(Stop::Later(format!("the old object is still being deleted{why}")));
    }
    if let (Some(mirror), true) = (work.mirror, *old != acting.action.id) {
        mirror.deleted(old);
    }
    // Somebody else may have deleted it meanwhile, and not waited for its pods.
    let (object, gone) = (rendered(acting)?, BTreeSet::from([&*base.uid]));
    match left_pods::until_gone(work, &[object], &BTreeSet::new(), &gone, limit).await {
        Ok(None) => {}
        Ok(Some(pod)) => return Err(Stop::Later(format!("the old object is gone, and not {pod}"))),
        Err(why) => return Err(Stop::Later(format!("it is not known whether its pods are gone: {why}"))),
    }
    let body = new_body(acting)?;
    if rendered(acting)?.once.is_some() {
        return job::make(acting, &body).await;
    }
    create(acting, &body, None).await
}

/// Deletes an object, after its reclaim policy was switched where the action wants that.
pub(super) async fn delete(acting: &Acting<'_>, base: &Base, reclaim: Option<ReclaimPolicy>) -> Result<Done, Stop> {
    if let Some(policy) = reclaim
        && !switch_reclaim(acting, base, policy).await?
    {
        return Ok(Done::Deleted);
    }
    remove(acting, base).await
}

/// Has the data of an object that is about to be deleted go with it. Returns whether the object is still there.
async fn switch_reclaim(acting: &Acting<'_>, base: &Base, policy: ReclaimPolicy) -> Result<bool, Stop> {
    let patch = json!({ "metadata": { "uid": base.uid }, "spec": { policy.field(): "delete" } });
    let mut retry = Retry::of_a_request();
    loop {
        match acting.merge_patch(&patch).await {
            Ok(_) => return Ok(true),
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => retry.while_unwell(error).await?,
        }
    }
}

/// DELETE with uid and resourceVersion, after a fresh read has shown the object to be ours still.
async fn remove(acting: &Acting<'_>, base: &Base) -> Result<Done, Stop> {
    let target = acting.action.target();
    let path = format!("{}?fieldManager={MANAGER}", acting.resource.path(&target.namespace, &target.name));
    let mut retry = Retry::of_a_request();
    loop {
        let Some(found) = acting.work.connection().get_object(acting.resource, target).await? else {
            return Ok(Done::Deleted);
        };
        if found["metadata"]["uid"].as_str() != Some(&base.uid) {
            return Err(Stop::Stale("another object stands under its name".to_owned()));
        }
        if found["metadata"]["labels"][GARDEN_LABEL].as_str() != Some(acting.work.garden.as_str()) {
            return Err(Stop::Stale(format!("its label `{GARDEN_LABEL}` is not ours any more")));
        }
        if !found["metadata"]["deletionTimestamp"].is_null() {
            return Ok(Done::Deleting);
        }
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": { "uid": base.uid, "resourceVersion": version_of(&found) },
            "propagationPolicy": acting.resource.facts().propagation.word(),
        });
        match acting.work.writer.write(Method::DELETE, &path, Content::Json, &options).await {
            Ok(answer) => return Ok(ending(&answer.body)),
            Err(error) if error.is_not_found() => return Ok(Done::Deleted),
            Err(error) => retry.of_fresh_write(error).await?,
        }
    }
}

/// An object that only waits for its finalizers is answered whole; one that is gone with a status, or without a time of deletion.
fn ending(answer: &Value) -> Done {
    if answer["metadata"]["deletionTimestamp"].is_null() { Done::Deleted } else { Done::Deleting }
}
