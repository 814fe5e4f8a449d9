//! Takes away what cannot stand beside ours before an apply, and what was ours for a moment out of the books after it.

use http::Method;
use serde_json::Value;

use super::super::ask::patch_query;
use super::super::request::Content;
use super::super::retry::Retry;
use super::object::{as_planned, moved_since};
use super::{Acting, Stop, version_of};
use crate::merge::Displacement;
use crate::plan::{Base, union, values_hash};

/// Takes away, by one JSON patch, the fields that the plan names, and puts ours in their place; returns what the apply goes on from.
pub(super) async fn take_away(
    acting: &Acting<'_>,
    base: &Base,
    planned: &Value,
    fields: &[String],
) -> Result<Base, Stop> {
    let path = acting.path(&patch_query());
    let mut retry = Retry::of_a_request();
    let mut lost: Option<String> = None;
    loop {
        let found = match as_planned(acting, base, planned).await {
            Err(Stop::Stale(_)) if lost.is_some() => arrived(acting, base, planned, lost.as_deref()).await?,
            found => found?,
        };
        let Some(displacement) = union::displacement(acting.work.schemas, &found, planned) else {
            return Ok(after(acting, base, planned, &found));
        };
        if union::away(&displacement) != fields {
            return Err(moved_since());
        }
        let patch = union::patch(&found, &displacement);
        let error = match acting.work.writer.write(Method::PATCH, &path, Content::JsonPatch, &patch).await {
            Ok(answer) => return Ok(after(acting, base, planned, &answer.body)),
            Err(error) => error,
        };
        if error.may_be_done() {
            lost = expected(acting, planned, &found, &displacement);
        }
        // A test fails where somebody wrote meanwhile, the status most of all: what is there now is looked at again.
        let again = error.is_failed_test() || error.is_conflict() || error.is_passing();
        retry.again_if(again, error).await?;
    }
}

/// The base of the apply that follows: the object as the patch left it.
fn after(acting: &Acting<'_>, base: &Base, planned: &Value, body: &Value) -> Base {
    Base {
        uid: base.uid.clone(),
        resource_version: version_of(body),
        values_hash: values_hash(body, Some(planned), &acting.action.changes),
    }
}

/// The hash of the values once the patch has arrived.
fn expected(acting: &Acting<'_>, planned: &Value, found: &Value, displacement: &Displacement) -> Option<String> {
    let patched = union::patched(acting.work.schemas, found, displacement)?;
    Some(values_hash(&patched, Some(planned), &acting.action.changes))
}

/// The object, where it is as a patch would have left it whose answer was lost.
async fn arrived(acting: &Acting<'_>, base: &Base, planned: &Value, expected: Option<&str>) -> Result<Value, Stop> {
    let found = acting.find_same(base).await?;
    let hash = values_hash(&found, Some(planned), &acting.action.changes);
    if expected == Some(hash.as_str()) { Ok(found) } else { Err(moved_since()) }
}

/// Takes the entries of managers that were ours for a moment out of `managedFields`; returns the object without them where
/// there were any.
pub(super) async fn clear_books(acting: &Acting<'_>, base: &Base, body: &Value) -> Result<Option<Value>, Stop> {
    let mut retry = Retry::of_a_request();
    let mut found = None;
    loop {
        let Some(patch) = union::without_passing(found.as_ref().unwrap_or(body)) else { return Ok(found) };
        let error = match acting.merge_patch(&patch).await {
            Ok(answer) => return Ok(Some(answer.body)),
            Err(error) => error,
        };
        retry.of_fresh_write(error).await?;
        found = Some(acting.find_same(base).await?);
    }
}
