//! Who holds a field, read from `managedFields`.

use serde_json::Value;

use super::input::AppliedBefore;
use crate::merge::Path;

/// One step from the root of an object to a field.
#[derive(Clone, Copy, Debug)]
pub(in crate::plan) enum FieldStep<'a> {
    /// A field or a key of a map.
    Field(&'a str),
    /// An item of a list.
    Item(&'a Value),
}

/// A manager other than ours, and the fields it holds (`fieldsV1`).
pub(in crate::plan) struct OtherManager<'a> {
    manager: &'a str,
    fields: &'a Value,
}

impl OtherManager<'_> {
    /// The manager's name.
    pub(in crate::plan) fn name(&self) -> &str {
        self.manager
    }

    /// Whether it holds the field at a path, or something below it.
    pub(in crate::plan) fn holds(&self, path: &Path) -> bool {
        path.elements().iter().try_fold(self.fields, |fields, element| fields.get(element.as_str())).is_some()
    }
}

/// All managers of an object but ours, status writers left out.
pub(in crate::plan) fn others(object: &Value) -> Vec<OtherManager<'_>> {
    let entries = object["metadata"]["managedFields"].as_array().map_or(&[][..], Vec::as_slice);
    let entries =
        entries.iter().filter(|entry| entry["subresource"] != "status" && entry["manager"] != crate::plan::MANAGER);
    entries
        .filter_map(|entry| Some(OtherManager { manager: entry["manager"].as_str()?, fields: entry.get("fieldsV1")? }))
        .collect()
}

/// Whether `managedFields` has an entry of ours: of an apply, or of the POST that makes a Secret.
pub(in crate::plan) fn has_ours(object: &Value) -> bool {
    let entries = object["metadata"]["managedFields"].as_array().map_or(&[][..], Vec::as_slice);
    entries.iter().any(|entry| entry["manager"] == crate::plan::MANAGER)
}

/// The object of the cluster that keeps another one, as its `ownerReferences` say: `GarageKey pads-uploads`.
pub(in crate::plan) fn controller(object: &Value) -> Option<String> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let keeper = owners.iter().find(|owner| owner["controller"] == true)?;
    Some(format!("{} {}", keeper["kind"].as_str()?, keeper["name"].as_str()?))
}

/// The fields that we hold by applying.
pub(in crate::plan) fn ours(object: &Value) -> Option<&Value> {
    let entries = object["metadata"]["managedFields"].as_array()?;
    let ours = entries.iter().find(|entry| entry["manager"] == crate::plan::MANAGER && entry["operation"] == "Apply");
    ours.and_then(|entry| entry.get("fieldsV1"))
}

/// The fields that we hold of a Secret by the POST that made it.
pub(super) fn posted(object: &Value) -> Option<&Value> {
    let entries = object["metadata"]["managedFields"].as_array()?;
    entries.iter().find(|entry| entry["manager"] == crate::plan::MANAGER).and_then(|entry| entry.get("fieldsV1"))
}

/// The keys of a Secret that we hold: by applying a copy or a file, or by the POST that made it and what was added since.
pub(crate) fn own_keys(secret: &Value) -> Vec<String> {
    let entries = secret["metadata"]["managedFields"].as_array().map_or(&[][..], Vec::as_slice);
    let ours = entries.iter().filter(|entry| entry["manager"] == crate::plan::MANAGER);
    let data = ours.filter_map(|entry| entry["fieldsV1"]["f:data"].as_object());
    data.flat_map(serde_json::Map::keys).filter_map(|key| key.strip_prefix("f:").map(str::to_owned)).collect()
}

/// The managers that hold the field at the end of `steps`, where we applied it before.
pub(in crate::plan) fn of(
    others: &[OtherManager<'_>],
    steps: &[FieldStep<'_>],
    applied: AppliedBefore<'_>,
) -> Vec<String> {
    let mut managers: Vec<String> = others
        .iter()
        .filter(|other| path_in(other.fields, steps).is_some_and(|path| applied.holds(&path)))
        .map(|other| other.manager.to_owned())
        .collect();
    managers.dedup();
    managers
}

/// The path of the field as the server names it, where `fields` holds it or something below it.
fn path_in(fields: &Value, steps: &[FieldStep<'_>]) -> Option<String> {
    let mut at = fields;
    let mut path = String::new();
    for step in steps {
        match step {
            FieldStep::Field(name) => {
                at = at.get(format!("f:{name}"))?;
                path.push('.');
                path.push_str(name);
            }
            FieldStep::Item(item) => {
                let (text, below) = item_in(at, item)?;
                at = below;
                path.push_str(&text);
            }
        }
        // An atomic value is held as a whole.
        if at.as_object().is_some_and(serde_json::Map::is_empty) {
            return Some(path);
        }
    }
    Some(path)
}

/// What is below an item of a list in `fieldsV1`; without `by_keys` only one that is named as a whole is found.
pub(super) fn item_of<'f>(
    fields: &'f serde_json::Map<String, Value>,
    item: &Value,
    by_keys: bool,
) -> Option<&'f Value> {
    let named = |key: &str| by_keys || key.starts_with("v:");
    fields.iter().filter(|(key, _)| named(key)).find_map(|(key, below)| Some(item_at(key, below, item)?.1))
}

fn item_in<'f>(fields: &'f Value, item: &Value) -> Option<(String, &'f Value)> {
    fields.as_object()?.iter().find_map(|(key, below)| item_at(key, below, item))
}

/// The item as the server names it, where a key of `fieldsV1` is its own.
fn item_at<'f>(key: &str, below: &'f Value, item: &Value) -> Option<(String, &'f Value)> {
    if let Some(keys) = key.strip_prefix("k:") {
        let keys: serde_json::Map<String, Value> = serde_json::from_str(keys).ok()?;
        let fits = keys.iter().all(|(name, value)| match item.get(name) {
            Some(own) => own == value,
            None => name == "protocol" && value == "TCP",
        });
        let pairs = keys.iter().map(|(name, value)| format!("{name}={value}"));
        return fits.then(|| (format!("[{}]", pairs.collect::<Vec<_>>().join(",")), below));
    }
    let value: Value = serde_json::from_str(key.strip_prefix("v:")?).ok()?;
    (value == *item).then(|| (format!("[={value}]"), below))
}
