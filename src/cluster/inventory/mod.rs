//! Inventories in the cluster: one ConfigMap an organisation in `parcelle-system`, the parent of an ApplySet.
//!
//! | where | what |
//! |---|---|
//! | label `applyset.kubernetes.io/id` | the id by the formula of KEP-3659, which every object of ours carries as `part-of` |
//! | annotation `applyset.kubernetes.io/tooling` | `parcelle/VERSION` |
//! | annotation `applyset.kubernetes.io/contains-group-kinds` | `ConfigMap,Deployment.apps,…` |
//! | annotation `applyset.kubernetes.io/additional-namespaces` | the organisation's namespace |
//! | data `inventory.json` | the [`Inventory`] as JSON |
//!
//! Written with PUT and resourceVersion: of two writers one is refused. Status of our own, so no server-side apply.

mod ledger;
mod packed;
mod parts;

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};

pub(crate) use self::ledger::Ledger;
pub(crate) use self::packed::PackedInventory;
pub(super) use self::parts::is_part;
use self::parts::{Digest, KEY, PartNumber, config_map, digest, join, of, part_name, split, to_write_over};
use super::connect::{Connection, Writer};
use super::errors::ApiError;
use super::read::selector;
use super::request::{Answer, Content};
use super::retry::Retry;
use crate::kind;
use crate::name::Name;
use crate::plan::{GENERATION, Inventory, ORGANISATION_LABEL, marked_generation};
use crate::render::ObjectId;
use crate::render::naming::SYSTEM_NAMESPACE;

/// Marks the ConfigMaps of inventories; the value is the position, `0` for the parent.
pub(crate) const INVENTORY_LABEL: &str = "parcelle.dev/inventory";

/// The field manager of the annotation by which a namespace carries the generation of its inventory.
const MARKER: &str = "parcelle-inventory";

/// The annotation of the parent that pauses an organisation; its value is the reason.
pub(crate) const PAUSED: &str = "parcelle.dev/paused";

/// An inventory and how it is stored, for the lock.
#[derive(Clone, Debug, Default)]
pub struct StoredInventory {
    /// What it holds.
    pub inventory: Inventory,
    /// Why somebody paused the organisation in the cluster (the annotation [`PAUSED`] of the parent).
    pub paused: Option<String>,
    /// The uid of the parent, as it was read; empty where it was not.
    pub(crate) uid: String,
    /// One a ConfigMap, the parent first; empty where nothing is stored yet.
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    /// Empty until it is created.
    resource_version: String,
    /// The digest of what its `data` holds; absent where it is to be written whatever it holds.
    digest: Option<Digest>,
}

impl StoredInventory {
    /// The paths of its ConfigMaps and the versions that were read, the parent first.
    pub(super) fn places(&self, garden: &Name, organisation: &Name) -> Vec<(String, String)> {
        let parts = self.parts.iter().enumerate().filter(|(_, part)| !part.resource_version.is_empty());
        let place =
            |at| format!("/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps/{}", part_name(garden, organisation, at));
        parts.map(|(at, part)| (place(at), part.resource_version.clone())).collect()
    }
}

/// Why an inventory could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The API server.
    #[error("the inventory of `{organisation}` could not be {verb}")]
    Api {
        /// The organisation that it is of.
        organisation: Name,
        /// `read`, `written` or `removed`.
        verb: &'static str,
        /// What the server or the network said.
        #[source]
        source: ApiError,
    },
    /// Somebody else wrote it since it was read: they decided on another state than we did.
    #[error("the inventory of `{organisation}` was written by somebody else meanwhile")]
    Moved {
        /// The organisation that it is of.
        organisation: Name,
    },
    /// What is stored is no inventory.
    #[error(
        "the ConfigMap `{SYSTEM_NAMESPACE}/{config_map}` is no inventory any more ({why}): nothing of the organisation is touched"
    )]
    Unreadable {
        /// The ConfigMap that holds it.
        config_map: String,
        /// What is wrong.
        why: String,
    },
}

/// What a cluster stores of one garden. An organisation whose inventory is unreadable has the reason.
pub(crate) type StoredInventories = BTreeMap<Name, Result<StoredInventory, InventoryError>>;

/// The same, waiting for its turn.
pub(crate) type PackedInventories = BTreeMap<Name, Result<PackedInventory, InventoryError>>;

/// Reads every inventory of a garden: one list.
pub async fn read(connection: &Connection, garden: &Name) -> Result<StoredInventories, ApiError> {
    read_of(connection, garden, None).await
}

/// The same, or those of a few organisations only.
pub(crate) async fn read_of(
    connection: &Connection,
    garden: &Name,
    only: Option<&BTreeSet<Name>>,
) -> Result<StoredInventories, ApiError> {
    let selector = format!("{},{INVENTORY_LABEL}", selector(garden, only)).replace(',', "%2C");
    let path = format!("/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps");
    let items = connection.list(&path, &selector, super::request::Detail::Whole).await?;
    let mut parts: BTreeMap<Name, Vec<Value>> = BTreeMap::new();
    for item in items.into_iter().filter(is_part) {
        let organisation = item["metadata"]["labels"][ORGANISATION_LABEL].as_str().unwrap_or_default();
        if let Ok(organisation) = Name::new(organisation) {
            parts.entry(organisation).or_default().push(item);
        }
    }
    Ok(parts
        .into_iter()
        .map(|(organisation, items)| (organisation.clone(), join(garden, &organisation, &items)))
        .collect())
}

/// How an inventory that cannot be read is stored: what it holds is nothing, and it may be written over.
pub(crate) async fn damaged(
    connection: &Connection,
    garden: &Name,
    organisation: &Name,
) -> Result<StoredInventory, ApiError> {
    let only = BTreeSet::from([organisation.clone()]);
    let selector = format!("{},{INVENTORY_LABEL}", selector(garden, Some(&only))).replace(',', "%2C");
    let path = format!("/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps");
    let items = connection.list(&path, &selector, super::request::Detail::Whole).await?;
    Ok(to_write_over(garden, organisation, &items))
}

/// Writes an inventory: only the ConfigMaps whose text moved, the higher ones first. None moved, nothing is sent.
pub async fn write(
    writer: &Writer,
    garden: &Name,
    organisation: &Name,
    namespace: &str,
    stored: &mut StoredInventory,
    inventory: &Inventory,
) -> Result<(), InventoryError> {
    let inventory = &Inventory { of: of(garden, organisation), ..inventory.clone() };
    let texts = split(inventory, stored.parts.len().max(1));
    stored.parts.resize(texts.len().max(stored.parts.len()), Part::default());
    for at in (0..texts.len()).rev() {
        let part = &mut stored.parts[at];
        let wanted = Some(digest(&texts[at]));
        if part.digest == wanted && !part.resource_version.is_empty() {
            continue;
        }
        let number = PartNumber { at, of: texts.len() };
        let mut body = config_map(garden, organisation, namespace, number, inventory, &texts[at]);
        if let (0, Some(why)) = (at, &stored.paused) {
            body["metadata"]["annotations"][PAUSED] = why.as_str().into();
        }
        part.resource_version = put(writer, organisation, &part.resource_version, body).await?;
        part.digest = wanted;
    }
    stored.inventory = inventory.clone();
    Ok(())
}

/// Writes what a person's word comes to: the parent anew, with the pause that `stored` says, and whatever moved besides.
pub(crate) async fn write_words(
    writer: &Writer,
    garden: &Name,
    organisation: &Name,
    stored: &mut StoredInventory,
    inventory: &Inventory,
) -> Result<(), InventoryError> {
    if let Some(parent) = stored.parts.first_mut() {
        parent.digest = None;
    }
    write(writer, garden, organisation, organisation.as_str(), stored, inventory).await
}

/// Has the namespace of an organisation carry the generation of its inventory: an earlier copy of it is told from then on. One that
/// is not there, or not ours, stays as it is.
pub(crate) async fn mark_namespace(writer: &Writer, namespace: &str, inventory: &Inventory) -> Result<(), ApiError> {
    let is_it = |id: &&ObjectId| id.is(kind::NAMESPACE) && *id.name == *namespace;
    let entry = inventory.entries.iter().find(|(id, _)| is_it(id));
    let Some(uid) = entry.and_then(|(_, entry)| entry.uid()) else { return Ok(()) };
    let path = format!("/api/v1/namespaces/{namespace}?fieldManager={MARKER}");
    let generation = inventory.generation.to_string();
    let patch = json!({ "metadata": { "uid": uid, "annotations": { GENERATION: generation } } });
    let mut retry = Retry::of_a_request();
    loop {
        match writer.write(Method::PATCH, &path, Content::MergePatch, &patch).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_not_found() || error.is_conflict() => return Ok(()),
            Err(error) => retry.while_unwell(error).await?,
        }
    }
}

/// The generation of its inventory that the namespace of an organisation carries.
pub(crate) async fn marked(connection: &Connection, namespace: &str) -> Result<Option<u64>, ApiError> {
    let found = connection.get_opt(&format!("/api/v1/namespaces/{namespace}")).await?;
    Ok(found.as_ref().and_then(marked_generation))
}

/// Pauses an organisation in the cluster with a reason, or lifts the pause: the annotation [`PAUSED`] of its inventory.
pub async fn pause(
    writer: &Writer,
    garden: &Name,
    organisation: &Name,
    namespace: &str,
    stored: &mut StoredInventory,
    why: Option<&str>,
) -> Result<(), InventoryError> {
    debug_assert_eq!(namespace, organisation.as_str(), "an organisation's namespace is called as it is");
    if stored.paused.as_deref() == why {
        return Ok(());
    }
    stored.paused = why.map(str::to_owned);
    let inventory = stored.inventory.clone();
    write_words(writer, garden, organisation, stored, &inventory).await
}

/// Creates (no version known) or replaces one ConfigMap. Returns the new resourceVersion.
async fn put(writer: &Writer, organisation: &Name, version: &str, mut body: Value) -> Result<String, InventoryError> {
    if !version.is_empty() {
        body["metadata"]["resourceVersion"] = version.into();
    }
    match try_put(writer, version, &body).await {
        Ok(Some(version)) => Ok(version),
        Ok(None) => Err(InventoryError::Moved { organisation: organisation.clone() }),
        Err(error) if error.is_conflict() => Err(InventoryError::Moved { organisation: organisation.clone() }),
        Err(source) => Err(InventoryError::Api { organisation: organisation.clone(), verb: "written", source }),
    }
}

/// Sends a ConfigMap until it is written, and reads a lost answer back. Nothing where somebody else wrote it since `version`.
async fn try_put(writer: &Writer, version: &str, body: &Value) -> Result<Option<String>, ApiError> {
    let list = format!("/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps");
    let name = body["metadata"]["name"].as_str().unwrap_or_default();
    let mut retry = Retry::of_a_request();
    let mut made_namespace = false;
    loop {
        let error = match send(writer, &list, name, body).await {
            Ok(answer) => return Ok(Some(version_of(&answer.body))),
            Err(error) => error,
        };
        if error.is_not_found() {
            if made_namespace || !version.is_empty() {
                return Ok(None);
            }
            create_system_namespace(writer).await?;
            made_namespace = true;
            continue;
        }
        let unsure = error.is_conflict() || error.may_be_done();
        retry.of_fresh_write(error).await?;
        if !unsure {
            continue;
        }
        match writer.connection().get_opt(&format!("{list}/{name}")).await? {
            // A lost answer: what we wanted is there.
            Some(found) if is_stored(&found, body) => return Ok(Some(version_of(&found))),
            Some(found) if version_of(&found) == version => {}
            None if version.is_empty() => {}
            _ => return Ok(None),
        }
    }
}

/// Sends a ConfigMap once: POST without a version, PUT with one.
async fn send(writer: &Writer, list: &str, name: &str, body: &Value) -> Result<Answer, ApiError> {
    let (method, path) = match body["metadata"].get("resourceVersion") {
        None => (Method::POST, format!("{list}?fieldManager=parcelle")),
        Some(_) => (Method::PUT, format!("{list}/{name}?fieldManager=parcelle")),
    };
    writer.write(method, &path, Content::Json, body).await
}

/// Whether a ConfigMap holds what we wanted to write: the text, and whether the organisation is paused.
fn is_stored(found: &Value, body: &Value) -> bool {
    let paused = |config_map: &Value| config_map["metadata"]["annotations"][PAUSED].clone();
    found["data"][KEY] == body["data"][KEY] && paused(found) == paused(body)
}

fn version_of(body: &Value) -> String {
    body["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()
}

/// Makes the namespace of inventories and leases; one that exists is kept as it is.
pub(crate) async fn create_system_namespace(writer: &Writer) -> Result<(), ApiError> {
    let body = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": SYSTEM_NAMESPACE, "labels": { "app.kubernetes.io/managed-by": "parcelle" } },
    });
    let path = "/api/v1/namespaces?fieldManager=parcelle";
    let mut retry = Retry::of_a_request();
    loop {
        match writer.write(Method::POST, path, Content::Json, &body).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_already_exists() => return Ok(()),
            Err(error) => retry.while_unwell(error).await?,
        }
    }
}
