//! What applies and updates share: decoding, taking ownership over, and the stored object in the end.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::comparison::{Comparison, equal};
use super::element::Path;
use super::error::{ApplyError, FieldManagerConflict};
use super::field_set::FieldSet;
use super::managed::{self, ManagedFieldsEntry};
use super::normalise::HeldAs;
use super::schema::{Schemas, TypeRef};
use super::{defaults, normalise, reset};

/// Takes what changed from everybody; returns what they owned of it with another value.
pub(super) fn take_over(
    entries: &mut Vec<ManagedFieldsEntry<'_>>,
    difference: &Comparison,
) -> Vec<FieldManagerConflict> {
    let mut conflicts = Vec::new();
    if difference.is_same() {
        return conflicts;
    }
    let changed = difference.modified.union(&difference.added);
    for entry in entries.iter_mut() {
        if !entry.may_touch(&changed) && !entry.may_touch(&difference.removed) {
            continue;
        }
        let set = entry.set().into_owned();
        let lost = set.intersection(&changed);
        conflicts.extend(lost.paths().into_iter().map(|path| FieldManagerConflict {
            manager: entry.manager.clone().into_owned(),
            operation: entry.operation,
            api_version: entry.api_version.clone().into_owned(),
            subresource: (!entry.subresource.is_empty()).then(|| entry.subresource.clone().into_owned()),
            path,
        }));
        entry.replace(set.difference(&lost).difference(&difference.removed));
    }
    entries.retain(|entry| !entry.is_empty());
    conflicts
}

/// Restores what a write cannot change, writes the entries, and returns the stored object when nothing else changed.
pub(super) fn finish(
    of: &TypeRef,
    stored: Option<&Value>,
    mut object: Value,
    entries: Vec<ManagedFieldsEntry<'_>>,
    subresource: Option<&str>,
) -> Value {
    if let Some(stored) = stored {
        reset::system_fields(stored, &mut object);
    }
    managed::write(&mut object, entries);
    if let Some(stored) = stored
        && managed::same_but_for_times(stored, &object)
        && same_without_entries(stored, &object)
    {
        return stored.clone();
    }
    reset::values(of, stored, &mut object, subresource);
    object
}

pub(super) fn same_without_entries(a: &Value, b: &Value) -> bool {
    let (Value::Object(a), Value::Object(b)) = (a, b) else { return false };
    let own = |map: &Map<String, Value>| map.len() - usize::from(map.contains_key("managedFields"));
    let same_metadata = |a: &Value, b: &Value| match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            own(a) == own(b) && a.iter().all(|(name, value)| name == "managedFields" || b.get(name) == Some(value))
        }
        _ => a == b,
    };
    a.len() == b.len()
        && a.iter().all(|(name, value)| match b.get(name) {
            Some(other) if name == "metadata" => same_metadata(value, other),
            other => other.is_some_and(|other| equal(other, value)),
        })
}

/// What decoding a request does: values become canonical, empty ones vanish, defaults come.
pub(super) fn decode(of: &TypeRef, object: &mut Value) -> Result<(), String> {
    normalise::normalise(of, object, HeldAs::Decoded)?;
    fill_defaults(of, object);
    Ok(())
}

pub(super) fn fill_defaults(of: &TypeRef, object: &mut Value) {
    if !of.is_custom() {
        let (version, kind) = (text(object, "apiVersion").to_owned(), text(object, "kind").to_owned());
        defaults::fill(&version, &kind, object);
    }
}

/// The object that the server starts from: of built-in kinds, with every structure that is always there.
pub(super) fn empty_object(of: &TypeRef, like: &Value) -> Value {
    let mut empty = json!({ "apiVersion": text(like, "apiVersion"), "kind": text(like, "kind") });
    if !of.is_custom() {
        // An empty object has no value that its type could not hold.
        let _ = normalise::normalise(of, &mut empty, HeldAs::Decoded);
    }
    empty
}

/// Entries in versions that a custom kind has no longer are forgotten.
pub(super) fn drop_unknown_versions(
    schemas: &Schemas,
    of: &TypeRef,
    kind: &str,
    entries: &mut Vec<ManagedFieldsEntry<'_>>,
) {
    if of.is_custom() {
        entries.retain(|entry| schemas.kind(&entry.api_version, kind).is_some());
    }
}

pub(super) fn read_entries(object: &Value) -> Result<Vec<ManagedFieldsEntry<'_>>, ApplyError> {
    managed::read(object).ok_or_else(|| ApplyError::Typed("failed to decode managed fields".to_owned()))
}

pub(super) fn take<'e>(
    entries: &mut Vec<ManagedFieldsEntry<'e>>,
    like: &ManagedFieldsEntry<'_>,
) -> Option<ManagedFieldsEntry<'e>> {
    let at = entries.iter().position(|entry| entry.is_same_writer(like))?;
    Some(entries.remove(at))
}

/// What nobody ever owns.
pub(super) fn unowned() -> &'static FieldSet {
    const METADATA: [&str; 9] = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    static SET: LazyLock<FieldSet> = LazyLock::new(|| {
        let top = ["apiVersion", "kind", "metadata"].map(|name| Path::of_fields([name]));
        let below = METADATA.map(|name| Path::of_fields(["metadata", name]));
        top.into_iter().chain(below).collect()
    });
    &SET
}

pub(super) fn schema_of(schemas: &Schemas, object: &Value) -> Result<TypeRef, ApplyError> {
    schemas.of(object).ok_or_else(|| ApplyError::UnknownKind {
        api_version: text(object, "apiVersion").to_owned(),
        kind: text(object, "kind").to_owned(),
    })
}

pub(super) fn text<'v>(object: &'v Value, name: &str) -> &'v str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}
