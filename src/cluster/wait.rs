//! Waiting for objects, by watching them: until they are ready, or gone, or a deadline.

use futures::StreamExt;
use serde_json::Value;
use tokio::time::Instant;

use super::apply::{Progress, Work};
use super::connect::Connection;
use super::discovery::Resource;
use super::errors::ApiError;
use super::request::{Detail, WatchEvent, query_escaped};
use super::retry::{Pause, Retry};
use crate::plan::{Action, Health, HealthState, health};
use crate::render::ObjectId;

/// Waits until an object is ready or has failed for good, and says how it is; at the deadline as it was seen last.
pub(super) async fn until_settled(
    connection: &Connection,
    resource: &Resource,
    id: &ObjectId,
    deadline: Instant,
) -> Result<Health, ApiError> {
    let mut last = unseen();
    let settled = watch_one(connection, resource, id, deadline, |object| {
        last = object.map_or_else(unseen, health);
        matches!(last.state, HealthState::Ready | HealthState::Failed)
    });
    settled.await?;
    Ok(last)
}

fn unseen() -> Health {
    Health { state: HealthState::Progressing, reason: String::new(), message: "it is not there".to_owned() }
}

/// Waits until the object of this uid is gone; how it was at the deadline where it still was there.
pub(super) async fn until_gone(
    connection: &Connection,
    resource: &Resource,
    id: &ObjectId,
    uid: &str,
    deadline: Instant,
) -> Result<Option<Health>, ApiError> {
    let mut last = Health::leaving();
    let is_gone = watch_one(connection, resource, id, deadline, |object| {
        let same = object.filter(|object| object["metadata"]["uid"].as_str() == Some(uid));
        same.into_iter().for_each(|object| last = health(object));
        same.is_none()
    })
    .await?;
    Ok((!is_gone).then_some(last))
}

/// How an object is that is still there at the deadline, although it is being deleted.
pub(super) async fn gone(work: &Work<'_>, action: &Action, deadline: Instant) -> Option<Health> {
    let (Ok(resource), Some(base)) = (work.kinds.of(&action.id), action.base()) else { return Some(Health::leaving()) };
    work.tell(Progress::Waiting {
        organisation: work.plan.organisation.clone(),
        object: action.id.clone(),
        health: Health::leaving(),
    });
    let left = until_gone(work.connection(), resource, &action.id, &base.uid, deadline).await;
    left.unwrap_or_else(|_| Some(Health::leaving()))
}

/// Shows an object to `enough` as it is now and at every change (absent: `None`) until it says so or the deadline comes.
async fn watch_one(
    connection: &Connection,
    resource: &Resource,
    id: &ObjectId,
    deadline: Instant,
    mut enough: impl FnMut(Option<&Value>) -> bool,
) -> Result<bool, ApiError> {
    let selector = query_escaped(&format!("metadata.name={}", id.name));
    let list = format!("{}?fieldSelector={selector}", resource.list_path(&id.namespace));
    let mut retry = Retry::of_long_attempts().before(deadline);
    loop {
        match look(connection, resource, &list).await {
            Ok((object, _)) if enough(object.as_ref()) => return Ok(true),
            Ok(_) if Instant::now() >= deadline => return Ok(false),
            Err(error) if error.is_passing() && Instant::now() >= deadline => return Ok(false),
            Ok((_, version)) => {
                if !version.is_empty() && follow(connection, resource, &list, &version, deadline, &mut enough).await {
                    return Ok(true);
                }
                if retry.again(Pause::Anew, ()).await.is_err() {
                    return Ok(false);
                }
            }
            Err(error) => retry.while_unwell(error).await?,
        }
    }
}

/// The object as it is now, and the version from which a watch goes on.
async fn look(connection: &Connection, resource: &Resource, list: &str) -> Result<(Option<Value>, String), ApiError> {
    let mut found = connection.get(list).await?;
    let version = found["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let first = found["items"].as_array_mut().and_then(Vec::pop);
    Ok((first.map(|object| typed(object, resource)), version))
}

/// Items of lists carry no type, and health is told by it.
fn typed(mut object: Value, resource: &Resource) -> Value {
    object["apiVersion"] = (*resource.api_version).into();
    object["kind"] = (*resource.kind).into();
    object
}

/// Follows one watch. `false`: it ended, failed or fell silent, or the deadline came; the caller looks anew.
async fn follow(
    connection: &Connection,
    resource: &Resource,
    list: &str,
    version: &str,
    deadline: Instant,
    enough: &mut impl FnMut(Option<&Value>) -> bool,
) -> bool {
    let path = format!("{list}&watch=true&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion={version}");
    let silence = connection.inner.limits.silence;
    let opening = connection.watch(&path, Detail::Whole);
    let opening = tokio::time::timeout_at(deadline.min(Instant::now() + silence), opening);
    let Ok(Ok(stream)) = opening.await else { return false };
    let mut stream = std::pin::pin!(stream);
    loop {
        let limit = deadline.min(Instant::now() + silence);
        let event = tokio::select! {
            event = tokio::time::timeout_at(limit, stream.next()) => event,
            () = connection.shutdown.asked() => return false,
        };
        match event {
            Ok(Some(Ok(WatchEvent::Is(object)))) => {
                if enough(Some(&typed(object, resource))) {
                    return true;
                }
            }
            Ok(Some(Ok(WatchEvent::Gone(_)))) => {
                if enough(None) {
                    return true;
                }
            }
            Ok(Some(Ok(WatchEvent::Bookmark(_)))) => {}
            Ok(Some(Err(_)) | None) | Err(_) => return false,
        }
    }
}
