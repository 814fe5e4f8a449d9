//! Deletes an object, and replaces one that cannot be changed.

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::request::Content;
use super::super::retry::Retry;
use super::super::wait;
use super::object::create;
use super::{Acting, Stop, rendered, version_of};
use crate::plan::{Base, Done, GARDEN_LABEL, MANAGER, body_to_send};

/// Deletes an object and makes it anew, once the old one is gone.
pub(super) async fn replace(acting: &Acting<'_>) -> Result<Done, Stop> {
    let work = acting.work;
    if let Some(base) = &acting.action.base {
        let limit = Instant::now() + work.patience();
        let gone = match remove(acting, base).await? {
            Done::Deleting => {
                wait::until_gone(work.connection(), acting.resource, &acting.action.id, &base.uid, limit).await?
            }
            _ => true,
        };
        if !gone {
            return Err(Stop::Later("the old object is still being deleted".to_owned()));
        }
    }
    create(acting, &body_to_send(rendered(acting)?, work.said, acting.entry), None).await
}

/// Deletes an object, after the patch that its action wants before.
pub(super) async fn delete(acting: &Acting<'_>) -> Result<Done, Stop> {
    let Some(base) = &acting.action.base else {
        return Err(Stop::Failed("a delete without a uid is never done".to_owned()));
    };
    if let Some(prepared) = &acting.action.prepare
        && !prepare(acting, base, prepared).await?
    {
        return Ok(Done::Deleted);
    }
    remove(acting, base).await
}

/// Patches an object that is about to be deleted (the reclaim policy of a volume). Returns whether it is still there.
async fn prepare(acting: &Acting<'_>, base: &Base, prepared: &Value) -> Result<bool, Stop> {
    let mut patch = prepared.clone();
    patch["metadata"] = json!({ "uid": base.uid });
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
    let path = acting.path(&format!("fieldManager={MANAGER}"));
    let mut retry = Retry::of_a_request();
    loop {
        let Some(found) = acting.find().await? else { return Ok(Done::Deleted) };
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
