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
//! An inventory that would exceed 900 KiB is spread over a power of two of ConfigMaps by a hash of each id; the further
//! ones are no parents. The number never shrinks, so an entry moves only when the number doubles, from a ConfigMap to a
//! higher one. The higher ones are written first, so that what is stored is a superset between any two writes.
//!
//! Written with PUT and resourceVersion: of two writers one is refused. Status of our own, so no server-side apply.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};

use super::connect::{Connection, Writer};
use super::errors::ApiError;
use super::read::selector;
use super::request::{Answer, Content};
use super::retry::Retry;
use crate::name::Name;
use crate::plan::{GARDEN_LABEL, Inventory, ORGANISATION_LABEL};
use crate::render::ObjectId;
use crate::render::naming::{self, SYSTEM_NAMESPACE};

/// Marks the ConfigMaps of inventories; the value is the position, `0` for the parent.
pub const INVENTORY_LABEL: &str = "parcelle.dev/inventory";

/// The annotation of the parent that pauses an organisation; its value is the reason.
pub const PAUSED: &str = "parcelle.dev/paused";

/// The most that one ConfigMap holds, in bytes; the API server takes 1 MiB, metadata included.
const LIMIT: usize = 900 * 1024;

const KEY: &str = "inventory.json";

/// On the parent: how many ConfigMaps there are with it.
const PARTS: &str = "parcelle.dev/parts";

/// An inventory and how it is stored, for the lock.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// What it holds.
    pub inventory: Inventory,
    /// Why somebody paused the organisation in the cluster (the annotation [`PAUSED`] of the parent).
    pub paused: Option<String>,
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

/// The first half of a SHA-256: what is stored is compared by it, and not kept twice.
type Digest = [u8; 16];

fn digest(text: &str) -> Digest {
    let whole = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    whole.as_ref()[..16].try_into().expect("a SHA-256 has 32 bytes")
}

impl Stored {
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
        /// Whose.
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
        /// Whose.
        organisation: Name,
    },
    /// What is stored is no inventory.
    #[error(
        "the ConfigMap `{SYSTEM_NAMESPACE}/{config_map}` is no inventory any more ({why}): nothing of the organisation is touched"
    )]
    Unreadable {
        /// Its name.
        config_map: String,
        /// What is wrong.
        why: String,
    },
}

/// What a cluster stores of one garden. An organisation whose inventory is unreadable has the reason.
pub type Inventories = BTreeMap<Name, Result<Stored, InventoryError>>;

/// Reads every inventory of a garden: one list.
pub async fn read(connection: &Connection, garden: &Name) -> Result<Inventories, ApiError> {
    read_of(connection, garden, None).await
}

/// The same, or those of a few organisations only.
pub async fn read_of(
    connection: &Connection,
    garden: &Name,
    only: Option<&BTreeSet<Name>>,
) -> Result<Inventories, ApiError> {
    let selector = format!("{},{INVENTORY_LABEL}", selector(garden, only)).replace(',', "%2C");
    let path = format!("/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps");
    let items = connection.list(&path, &selector, super::request::Detail::Whole).await?;
    let mut parts: BTreeMap<Name, Vec<Value>> = BTreeMap::new();
    for item in items {
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

/// Puts the ConfigMaps of one organisation together; of an entry in two of them the higher one is the newer.
///
/// The parent, written last, says how many there are. Beyond that number a growth was interrupted, and gaps are no loss.
fn join(garden: &Name, organisation: &Name, items: &[Value]) -> Result<Stored, InventoryError> {
    let by_name: BTreeMap<&str, &Value> =
        items.iter().map(|item| (item["metadata"]["name"].as_str().unwrap_or_default(), item)).collect();
    let positions = items.iter().filter_map(|item| item["metadata"]["labels"][INVENTORY_LABEL].as_str()?.parse().ok());
    let count = positions.max().map_or(0, |highest: usize| highest.min(1023) + 1).next_power_of_two();
    let parent = by_name.get(part_name(garden, organisation, 0).as_str());
    let complete: usize = parent
        .and_then(|parent| parent["metadata"]["annotations"][PARTS].as_str()?.parse().ok())
        .unwrap_or(usize::from(parent.is_some()));
    let mut stored = Stored::default();
    for at in 0..count {
        let config_map = part_name(garden, organisation, at);
        let Some(item) = by_name.get(config_map.as_str()) else {
            if at < complete {
                let why = "it is missing".to_owned();
                return Err(InventoryError::Unreadable { config_map, why });
            }
            stored.parts.push(Part::default());
            continue;
        };
        let text = item["data"][KEY].as_str().unwrap_or_default();
        let part: Inventory = serde_json::from_str(text)
            .map_err(|error| InventoryError::Unreadable { config_map, why: crate::cause::of_json(&error) })?;
        let entries = std::mem::take(&mut stored.inventory.entries);
        if at == 0 {
            stored.paused = item["metadata"]["annotations"][PAUSED].as_str().map(str::to_owned);
            stored.inventory = part;
        } else {
            stored.inventory.entries = entries;
            stored.inventory.entries.extend(part.entries);
        }
        stored.parts.push(Part { resource_version: version_of(item), digest: Some(digest(text)) });
    }
    Ok(stored)
}

fn part_name(garden: &Name, organisation: &Name, at: usize) -> String {
    let parent = naming::inventory(garden, organisation);
    if at == 0 { parent } else { format!("{parent}--{at}") }
}

/// Writes an inventory: only the ConfigMaps whose text moved, the higher ones first. None moved, nothing is sent.
pub async fn write(
    writer: &Writer,
    garden: &Name,
    organisation: &Name,
    namespace: &str,
    stored: &mut Stored,
    inventory: &Inventory,
) -> Result<(), InventoryError> {
    let texts = split(inventory, stored.parts.len().max(1));
    stored.parts.resize(texts.len().max(stored.parts.len()), Part::default());
    for at in (0..texts.len()).rev() {
        let part = &mut stored.parts[at];
        let wanted = Some(digest(&texts[at]));
        if part.digest == wanted && !part.resource_version.is_empty() {
            continue;
        }
        let mut body = config_map(garden, organisation, namespace, (at, texts.len()), inventory, &texts[at]);
        if let (0, Some(why)) = (at, &stored.paused) {
            body["metadata"]["annotations"][PAUSED] = why.as_str().into();
        }
        part.resource_version = put(writer, organisation, &part.resource_version, body).await?;
        part.digest = wanted;
    }
    stored.inventory = inventory.clone();
    Ok(())
}

/// Pauses an organisation in the cluster with a reason, or lifts the pause: the annotation [`PAUSED`] of its inventory.
pub async fn pause(
    writer: &Writer,
    garden: &Name,
    organisation: &Name,
    namespace: &str,
    stored: &mut Stored,
    why: Option<&str>,
) -> Result<(), InventoryError> {
    if stored.paused.as_deref() == why {
        return Ok(());
    }
    stored.paused = why.map(str::to_owned);
    // Only the annotation moves: the text is forgotten, so that the parent is written.
    if let Some(parent) = stored.parts.first_mut() {
        parent.digest = None;
    }
    let inventory = stored.inventory.clone();
    write(writer, garden, organisation, namespace, stored, &inventory).await
}

/// The texts of an inventory over `parts` ConfigMaps, or twice as many until each fits.
fn split(inventory: &Inventory, mut parts: usize) -> Vec<String> {
    loop {
        let mut pieces: Vec<Inventory> = vec![Inventory::default(); parts];
        pieces[0] = Inventory { entries: BTreeMap::new(), ..inventory.clone() };
        for (id, entry) in &inventory.entries {
            pieces[bucket(id, parts)].entries.insert(id.clone(), entry.clone());
        }
        let texts: Vec<String> = pieces
            .iter()
            .map(|piece| serde_json::to_string(piece).expect("an inventory holds nothing that JSON cannot say"))
            .collect();
        if texts.iter().all(|text| text.len() <= LIMIT) || parts >= 1024 {
            return texts;
        }
        parts *= 2;
    }
}

fn bucket(id: &ObjectId, parts: usize) -> usize {
    let hash = naming::hash(&[&id.api_version, &id.kind, &id.namespace, &id.name], 8);
    usize::from_str_radix(&hash, 16).expect("eight hexadecimal digits") % parts
}

fn config_map(
    garden: &Name,
    organisation: &Name,
    namespace: &str,
    (at, of): (usize, usize),
    inventory: &Inventory,
    text: &str,
) -> Value {
    let mut body = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": part_name(garden, organisation, at),
            "namespace": SYSTEM_NAMESPACE,
            "labels": {
                "app.kubernetes.io/managed-by": "parcelle",
                GARDEN_LABEL: garden.as_str(),
                ORGANISATION_LABEL: organisation.as_str(),
                INVENTORY_LABEL: at.to_string(),
            },
        },
        "data": { KEY: text },
    });
    if at == 0 {
        body["metadata"]["labels"]["applyset.kubernetes.io/id"] = naming::applyset(garden, organisation).into();
        body["metadata"]["annotations"] = json!({
            "applyset.kubernetes.io/tooling": concat!("parcelle/", env!("CARGO_PKG_VERSION")),
            "applyset.kubernetes.io/contains-group-kinds": group_kinds(inventory),
            "applyset.kubernetes.io/additional-namespaces": namespace,
            PARTS: of.to_string(),
        });
    }
    body
}

/// `ConfigMap,Deployment.apps,…`: sorted, each once.
fn group_kinds(inventory: &Inventory) -> String {
    let kinds: BTreeSet<String> = inventory
        .entries
        .keys()
        .map(|id| if id.group().is_empty() { id.kind.to_string() } else { format!("{}.{}", id.kind, id.group()) })
        .collect();
    kinds.into_iter().collect::<Vec<_>>().join(",")
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
pub async fn create_system_namespace(writer: &Writer) -> Result<(), ApiError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Entry, Presence};

    fn inventory(entries: usize) -> Inventory {
        let entry = |at: usize| {
            let id = ObjectId {
                api_version: "apps/v1".into(),
                kind: "Deployment".into(),
                namespace: "cnam".into(),
                name: format!("web-{at}").into(),
            };
            let entry = Entry {
                presence: Presence::Known { uid: "0".repeat(36), nonce: None },
                desired_hash: "1".repeat(64),
                own_fields: crate::plan::OwnFields::default(),
                holds_data: false,
                app: None,
                retired_since: None,
                note: None,
            };
            (id, entry)
        };
        Inventory { commit: "abc".to_owned(), entries: (0..entries).map(entry).collect(), ..Inventory::default() }
    }

    fn stored_as(garden: &Name, organisation: &Name, inventory: &Inventory) -> Vec<Value> {
        let texts = split(inventory, 1);
        let maps = texts.iter().enumerate();
        maps.map(|(at, text)| config_map(garden, organisation, "cnam", (at, texts.len()), inventory, text)).collect()
    }

    #[test]
    fn an_inventory_reads_as_it_was_written_in_one_config_map_and_in_several() {
        let (garden, organisation) = (Name::new("g").unwrap(), Name::new("cnam").unwrap());
        for (entries, parts) in [(0, 1), (3, 1), (9_000, 4)] {
            let inventory = inventory(entries);
            let items = stored_as(&garden, &organisation, &inventory);
            assert_eq!(items.len(), parts);
            assert!(items.iter().all(|item| item.to_string().len() < 1024 * 1024));
            assert_eq!(join(&garden, &organisation, &items).unwrap().inventory, inventory);
        }
    }

    #[test]
    fn between_any_two_writes_of_a_growing_inventory_nothing_is_forgotten() {
        let (garden, organisation) = (Name::new("g").unwrap(), Name::new("cnam").unwrap());
        let (small, large) = (inventory(3_000), inventory(9_000));
        let before = stored_as(&garden, &organisation, &small);
        let after = stored_as(&garden, &organisation, &large);
        let mut stored: Vec<Option<Value>> = before.iter().cloned().map(Some).collect();
        stored.resize(after.len(), None);
        for at in (0..after.len()).rev() {
            stored[at] = Some(after[at].clone());
            let items: Vec<Value> = stored.iter().flatten().cloned().collect();
            let union = join(&garden, &organisation, &items).unwrap().inventory.entries;
            assert!(small.entries.keys().all(|id| union.contains_key(id)), "after the write of part {at}");
        }
    }

    #[test]
    fn a_part_that_somebody_deleted_is_not_taken_for_an_empty_one() {
        let (garden, organisation) = (Name::new("g").unwrap(), Name::new("cnam").unwrap());
        let mut items = stored_as(&garden, &organisation, &inventory(9_000));
        items.remove(2);
        let error = join(&garden, &organisation, &items).unwrap_err();
        assert!(error.to_string().contains("parcelle-g--cnam--2` is no inventory any more (it is missing)"), "{error}");
    }

    #[test]
    fn the_parent_says_what_an_applyset_wants_to_know() {
        let (garden, organisation) = (Name::new("g").unwrap(), Name::new("cnam").unwrap());
        let parent = config_map(&garden, &organisation, "cnam", (0, 1), &inventory(1), "{}");
        let metadata = &parent["metadata"];
        assert_eq!(metadata["annotations"]["applyset.kubernetes.io/contains-group-kinds"], "Deployment.apps");
        assert_eq!(metadata["annotations"]["applyset.kubernetes.io/additional-namespaces"], "cnam");
        let id = metadata["labels"]["applyset.kubernetes.io/id"].as_str().unwrap();
        assert!(id.starts_with("applyset-") && id.ends_with("-v1"));
    }
}
