//! IO: letting an organisation go: its objects stay as they are, what says that they are ours goes, the inventory last.

use futures::{StreamExt, stream};
use http::Method;
use serde_json::Value;

use super::connect::{Connection, Writer};
use super::discovery::{Kinds, Resource};
use super::errors::ApiError;
use super::inventory::{InventoryError, StoredInventory};
use super::request::Content;
use super::retry::Retry;
use crate::name::Name;
use crate::plan::eject::{is_ours, release};
use crate::plan::{Entry, LiveObject, MANAGER};
use crate::render::ObjectId;

/// What would be let go of one organisation.
#[derive(Debug, Default)]
pub struct Ejection {
    /// Objects of ours that are there.
    pub held: Vec<ObjectId>,
    /// Objects under their names that are somebody else's by now: they are left alone.
    pub others: Vec<ObjectId>,
    /// Objects whose kind cannot be read, with the reason: as long as there are any, nothing is let go.
    pub unread: Vec<(ObjectId, String)>,
}

/// Reads what an inventory knows: which objects are there and ours.
pub async fn look(
    connection: &Connection,
    kinds: &Kinds,
    garden: &Name,
    stored: &StoredInventory,
) -> Result<Ejection, ApiError> {
    let mut ejection = Ejection::default();
    let reads = stored.inventory.entries.iter().map(|(id, entry)| async move {
        match kinds.of(id) {
            Ok(resource) => (id, entry, connection.get_object(resource, id).await.map_err(|error| error.to_string())),
            Err(missing) => (id, entry, Err(missing.to_string())),
        }
    });
    let mut reads = stream::iter(reads).buffered(16);
    while let Some((id, entry, found)) = reads.next().await {
        match found {
            Ok(None) => {}
            Ok(Some(body)) => {
                let ours = is_ours(entry, &LiveObject::new(body), garden);
                let list = if ours { &mut ejection.held } else { &mut ejection.others };
                list.push(id.clone());
            }
            Err(why) => ejection.unread.push((id.clone(), why)),
        }
    }
    Ok(ejection)
}

/// Lets every object of an inventory go. Returns how many; an interrupted run is completed by the next.
pub async fn let_go(
    writer: &Writer,
    kinds: &Kinds,
    garden: &Name,
    stored: &StoredInventory,
    held: &[ObjectId],
) -> Result<usize, (ObjectId, ApiError)> {
    // Namespaces last: the shipped admission policy lets parcelle write in one only while it has the garden's label.
    let (namespaced, namespaces): (Vec<_>, Vec<_>) = held.iter().partition(|id| !id.namespace.is_empty());
    let mut count = 0;
    for held in [namespaced, namespaces] {
        let entries =
            held.into_iter().filter_map(|id| Some((id, stored.inventory.entries.get(id)?, kinds.of(id).ok()?)));
        let mut going = stream::iter(entries.map(|(id, entry, resource)| async move {
            one(writer, resource, garden, id, entry).await.map_err(|error| (id.clone(), error))
        }))
        .buffer_unordered(16);
        while let Some(gone) = going.next().await {
            count += usize::from(gone?);
        }
    }
    Ok(count)
}

/// One object: read, patched with uid and version, read again where it moved. `false`: nothing of ours was on it.
async fn one(
    writer: &Writer,
    resource: &Resource,
    garden: &Name,
    id: &ObjectId,
    entry: &Entry,
) -> Result<bool, ApiError> {
    let path = format!("{}?fieldManager={MANAGER}", resource.path(&id.namespace, &id.name));
    let mut sent = false;
    let mut retry = Retry::of_a_request();
    loop {
        let Some(found) = writer.connection().get_object(resource, id).await? else { return Ok(false) };
        let live = LiveObject::new(found);
        let patch = is_ours(entry, &live, garden).then(|| release(&live.body)).flatten();
        let Some(patch) = patch else { return Ok(sent) };
        sent = true;
        match writer.write(Method::PATCH, &path, Content::MergePatch, &patch).await {
            Ok(_) => return Ok(true),
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => retry.of_fresh_write(error).await?,
        }
    }
}

/// Removes an inventory, the parent first, each ConfigMap as it was read: one that was written since stays, and is an error.
pub async fn forget(
    writer: &Writer,
    garden: &Name,
    organisation: &Name,
    stored: &StoredInventory,
) -> Result<(), InventoryError> {
    for (path, version) in stored.places(garden, organisation) {
        let options: Value = serde_json::json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "resourceVersion": version },
        });
        remove(writer, &path, &options).await.map_err(|source| {
            let organisation = organisation.clone();
            if source.is_conflict() {
                InventoryError::Moved { organisation }
            } else {
                InventoryError::Api { organisation, verb: "removed", source }
            }
        })?;
    }
    Ok(())
}

/// DELETE until it is done; what is gone already is done.
async fn remove(writer: &Writer, path: &str, options: &Value) -> Result<(), ApiError> {
    let mut retry = Retry::of_a_request();
    loop {
        match writer.write(Method::DELETE, path, Content::Json, options).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => retry.while_unwell(error).await?,
        }
    }
}
