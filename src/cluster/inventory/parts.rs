//! How an inventory is laid out over ConfigMaps, and put together from them. Pure.
//!
//! An inventory that would exceed 900 KiB is spread over a power of two of ConfigMaps by a hash of each id; the further
//! ones are no parents. The number never shrinks, so an entry moves only when the number doubles, from a ConfigMap to a
//! higher one. The higher ones are written first, so that what is stored is a superset between any two writes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{INVENTORY_LABEL, InventoryError, PAUSED, Part, StoredInventory, version_of};
use crate::name::Name;
use crate::plan::{GARDEN_LABEL, Inventory, ORGANISATION_LABEL};
use crate::render::ObjectId;
use crate::render::naming::{self, SYSTEM_NAMESPACE};

/// The most that one ConfigMap holds, in bytes; the API server takes 1 MiB, metadata included.
const LIMIT: usize = 900 * 1024;

/// The key in the `data` of each ConfigMap.
pub(super) const KEY: &str = "inventory.json";

/// On the parent: how many ConfigMaps there are with it.
const PARTS: &str = "parcelle.dev/parts";

/// The first half of a SHA-256: what is stored is compared by it, and not kept twice.
pub(super) type Digest = [u8; 16];

pub(super) fn digest(text: &str) -> Digest {
    let whole = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    whole.as_ref()[..16].try_into().expect("a SHA-256 has 32 bytes")
}

/// Puts the ConfigMaps of one organisation together; of an entry in two of them the higher one is the newer.
///
/// The parent, written last, says how many there are. Beyond that number a growth was interrupted, and gaps are no loss.
pub(super) fn join(garden: &Name, organisation: &Name, items: &[Value]) -> Result<StoredInventory, InventoryError> {
    let by_name: BTreeMap<&str, &Value> =
        items.iter().map(|item| (item["metadata"]["name"].as_str().unwrap_or_default(), item)).collect();
    let positions = items.iter().filter_map(|item| item["metadata"]["labels"][INVENTORY_LABEL].as_str()?.parse().ok());
    let count = positions.max().map_or(0, |highest: usize| highest.min(1023) + 1).next_power_of_two();
    let parent = by_name.get(part_name(garden, organisation, 0).as_str());
    let complete: usize = parent
        .and_then(|parent| parent["metadata"]["annotations"][PARTS].as_str()?.parse().ok())
        .unwrap_or(usize::from(parent.is_some()));
    let mut stored = StoredInventory::default();
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
        if !part.of.is_empty() && part.of != of(garden, organisation) {
            let (config_map, why) =
                (part_name(garden, organisation, at), format!("it is the inventory of `{}`", part.of));
            return Err(InventoryError::Unreadable { config_map, why });
        }
        let entries = std::mem::take(&mut stored.inventory.entries);
        if at == 0 {
            stored.paused = item["metadata"]["annotations"][PAUSED].as_str().map(str::to_owned);
            item["metadata"]["uid"].as_str().unwrap_or_default().clone_into(&mut stored.uid);
            stored.inventory = part;
        } else {
            stored.inventory.entries = entries;
            stored.inventory.entries.extend(part.entries);
        }
        stored.parts.push(Part { resource_version: version_of(item), digest: Some(digest(text)) });
    }
    // Where the very first write of it was interrupted, nothing was made yet.
    if parent.is_none() && stored.inventory.entries.values().any(|entry| entry.uid().is_some()) {
        let why = "it is missing, and parts of it are there".to_owned();
        return Err(InventoryError::Unreadable { config_map: part_name(garden, organisation, 0), why });
    }
    Ok(stored)
}

/// The ConfigMaps of an inventory that cannot be read, to be written over.
pub(super) fn to_write_over(garden: &Name, organisation: &Name, items: &[Value]) -> StoredInventory {
    let found = |at: usize| {
        let name = part_name(garden, organisation, at);
        items.iter().find(|item| item["metadata"]["name"] == *name)
    };
    let known = |at: &usize| found(*at).is_some();
    let count = (0..1024).filter(known).max().map_or(0, |highest| highest + 1).next_power_of_two();
    let part = |at| Part { resource_version: found(at).map(version_of).unwrap_or_default(), digest: None };
    let parent = found(0).map(|item| &item["metadata"]);
    StoredInventory {
        paused: parent.and_then(|parent| parent["annotations"][PAUSED].as_str()).map(str::to_owned),
        uid: parent.and_then(|parent| parent["uid"].as_str()).unwrap_or_default().to_owned(),
        parts: if items.is_empty() { Vec::new() } else { (0..count).map(part).collect() },
        ..StoredInventory::default()
    }
}

/// Whether an object is a ConfigMap of an inventory: by namespace, labels and name together, since anybody may put a label on another
/// object.
pub(in crate::cluster) fn is_part(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let label = |label: &str| metadata["labels"][label].as_str();
    let names = label(GARDEN_LABEL).and_then(|garden| Name::new(garden).ok());
    let names = names.zip(label(ORGANISATION_LABEL).and_then(|organisation| Name::new(organisation).ok()));
    let at = label(INVENTORY_LABEL).and_then(|at| at.parse().ok());
    let is_named = names.zip(at).is_some_and(|((garden, organisation), at)| {
        metadata["name"].as_str() == Some(&*part_name(&garden, &organisation, at))
    });
    is_named && metadata["namespace"] == SYSTEM_NAMESPACE
}

/// Whose an inventory is, as it says.
pub(super) fn of(garden: &Name, organisation: &Name) -> String {
    format!("{garden}/{organisation}")
}

pub(super) fn part_name(garden: &Name, organisation: &Name, at: usize) -> String {
    let parent = naming::inventory(garden, organisation);
    if at == 0 { parent } else { format!("{parent}--{at}") }
}

/// The texts of an inventory over `parts` ConfigMaps, or twice as many until each fits.
pub(super) fn split(inventory: &Inventory, mut parts: usize) -> Vec<String> {
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

/// Which of the ConfigMaps of an inventory one is, counted from 0, and how many there are.
#[derive(Clone, Copy)]
pub(super) struct PartNumber {
    pub(super) at: usize,
    pub(super) of: usize,
}

pub(super) fn config_map(
    garden: &Name,
    organisation: &Name,
    namespace: &str,
    part: PartNumber,
    inventory: &Inventory,
    text: &str,
) -> Value {
    let mut body = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": part_name(garden, organisation, part.at),
            "namespace": SYSTEM_NAMESPACE,
            "labels": {
                "app.kubernetes.io/managed-by": "parcelle",
                GARDEN_LABEL: garden.as_str(),
                ORGANISATION_LABEL: organisation.as_str(),
                INVENTORY_LABEL: part.at.to_string(),
            },
        },
        "data": { KEY: text },
    });
    if part.at == 0 {
        body["metadata"]["labels"]["applyset.kubernetes.io/id"] = naming::applyset(garden, organisation).into();
        body["metadata"]["annotations"] = json!({
            "applyset.kubernetes.io/tooling": concat!("parcelle/", env!("CARGO_PKG_VERSION")),
            "applyset.kubernetes.io/contains-group-kinds": group_kinds(inventory),
            "applyset.kubernetes.io/additional-namespaces": namespace,
            PARTS: part.of.to_string(),
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
                hosts: BTreeSet::new(),
                retired_since: None,
                note: None,
                recovered: false,
                data: None,
            };
            (id, entry)
        };
        Inventory { commit: "abc".to_owned(), entries: (0..entries).map(entry).collect(), ..Inventory::default() }
    }

    fn stored_as(garden: &Name, organisation: &Name, inventory: &Inventory) -> Vec<Value> {
        let texts = split(inventory, 1);
        let maps = texts.iter().enumerate();
        maps.map(|(at, text)| {
            config_map(garden, organisation, "cnam", PartNumber { at, of: texts.len() }, inventory, text)
        })
        .collect()
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
        let parent = config_map(&garden, &organisation, "cnam", PartNumber { at: 0, of: 1 }, &inventory(1), "{}");
        let metadata = &parent["metadata"];
        assert_eq!(metadata["annotations"]["applyset.kubernetes.io/contains-group-kinds"], "Deployment.apps");
        assert_eq!(metadata["annotations"]["applyset.kubernetes.io/additional-namespaces"], "cnam");
        let id = metadata["labels"]["applyset.kubernetes.io/id"].as_str().unwrap();
        assert!(id.starts_with("applyset-") && id.ends_with("-v1"));
    }
}
