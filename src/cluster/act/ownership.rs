//! Moves fields between managers before an apply (hand-over, adoption), and gives back what turned out not to be ours.

use http::Method;
use serde_json::{Value, json};

use super::super::ask::apply_query;
use super::super::errors::ApiError;
use super::super::request::Content;
use super::super::retry::Retry;
use super::object::as_planned;
use super::{Acting, Stop, version_of};
use crate::plan::take_over::taken_over;
use crate::plan::{Base, HANDOVER};

/// Gives back every field of an object that was not ours: an apply of nothing but its name drops what we own, and what
/// others own stays, since nothing was sent with force.
pub(super) async fn take_back(acting: &Acting<'_>, found: &Value) -> Result<(), ApiError> {
    let body = json!({
        "apiVersion": &*acting.resource.api_version,
        "kind": &*acting.resource.kind,
        "metadata": { "name": &*acting.action.id.name, "uid": found["metadata"]["uid"] },
    });
    let path = acting.path(&apply_query(false));
    let mut retry = Retry::of_a_request();
    loop {
        match acting.work.writer.write(Method::PATCH, &path, Content::Apply, &body).await {
            Ok(_) => return Ok(()),
            Err(error) => retry.while_unwell(error).await?,
        }
    }
}

/// Lets a second manager hold the number of replicas before we give it up: dropped by us alone, it would fall back to 1. Whoever holds another value by now keeps it.
pub(super) async fn hand_over(acting: &Acting<'_>, replicas: u64) -> Result<(), Stop> {
    let path = acting.path(&format!("fieldManager={HANDOVER}&force=false"));
    let body = json!({
        "apiVersion": &*acting.resource.api_version,
        "kind": &*acting.resource.kind,
        "metadata": { "name": &*acting.action.id.name },
        "spec": { "replicas": replicas },
    });
    let mut retry = Retry::of_a_request();
    loop {
        match acting.work.writer.write(Method::PATCH, &path, Content::Apply, &body).await {
            Ok(_) => return Ok(()),
            Err(error) if error.refusal().is_some_and(|refusal| !refusal.conflicts().is_empty()) => return Ok(()),
            // The same value again is no harm.
            Err(error) => retry.while_unwell(error).await?,
        }
    }
}

/// Makes the part of tools in `managedFields` ours, before the first apply: the one patch of `managedFields` that an adoption needs.
pub(super) async fn take_over(acting: &Acting<'_>, base: &Base, planned: &Value) -> Result<(), Stop> {
    let mut retry = Retry::of_a_request();
    loop {
        let found = as_planned(acting, base, planned).await?;
        let Some(ours) = taken_over(&found) else { return Ok(()) };
        let metadata = json!({ "uid": base.uid, "resourceVersion": version_of(&found), "managedFields": ours });
        match acting.merge_patch(&json!({ "metadata": metadata })).await {
            Ok(_) => return Ok(()),
            Err(error) => retry.of_fresh_write(error).await?,
        }
    }
}
