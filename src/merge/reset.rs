//! What a write cannot change: the status by way of the object, the rest by way of the status, and the server's own fields.

use serde_json::{Map, Value, json};

use super::element::Path;
use super::field_set::FieldSet;
use super::schema::TypeRef;
use super::write::decode;
use crate::kind;

/// The fields that a write through this resource leaves alone; nobody comes to own them by it.
pub(super) fn fields(of: &TypeRef, object: &Value, subresource: Option<&str>) -> FieldSet {
    let paths: &[&[&str]] = match subresource {
        Some("status") if of.is_custom() => &[&["metadata"], &["spec"]],
        Some("status") if kind::DEFINITION.is_body(object) => &[&["metadata"], &["spec"]],
        Some("status") if kind::DEPLOYMENT.is_body(object) => &[&["spec"], &["metadata", "labels"]],
        Some("status") if kind::POD.is_body(object) => {
            &[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]]
        }
        Some("status") => &[&["spec"]],
        None if of.has_status_subresource() => &[&["status"]],
        _ => &[],
    };
    paths.iter().map(|names| Path::of_fields(names.iter().copied())).collect()
}

/// Puts the values back that this write cannot change.
pub(super) fn values(of: &TypeRef, stored: Option<&Value>, object: &mut Value, subresource: Option<&str>) {
    match (subresource, stored) {
        (Some("status"), Some(stored)) => keep_all_but_status(of, stored, object),
        (None, _) if of.has_status_subresource() => keep_status(of, stored, object),
        _ => {}
    }
}

fn keep_status(of: &TypeRef, stored: Option<&Value>, object: &mut Value) {
    if stored.is_some_and(|stored| stored.get("status") == object.get("status")) {
        return;
    }
    let kept = match stored {
        Some(stored) => stored.get("status").cloned(),
        None => initial_status(of, object),
    };
    let Some(map) = object.as_object_mut() else { return };
    match kept {
        Some(status) => map.insert("status".to_owned(), status),
        None => map.remove("status"),
    };
}

/// The status of a new object: what decoding gives to one without, of custom kinds the default of their schema.
fn initial_status(of: &TypeRef, object: &Value) -> Option<Value> {
    let said: &[&str] = if of.is_custom() { &["apiVersion", "kind"] } else { &["apiVersion", "kind", "spec"] };
    let mut fresh: Map<String, Value> =
        said.iter().filter_map(|name| Some(((*name).to_owned(), object.get(*name)?.clone()))).collect();
    fresh.insert("metadata".to_owned(), json!({}));
    let mut fresh = Value::Object(fresh);
    decode(of, &mut fresh).ok()?;
    fresh.get("status").cloned()
}

fn keep_all_but_status(of: &TypeRef, stored: &Value, object: &mut Value) {
    let entries = object.pointer("/metadata/managedFields").cloned();
    let mut kept = stored.clone();
    let whole_metadata = of.is_custom() || kind::DEFINITION.is_body(stored);
    let (Some(map), Some(new)) = (kept.as_object_mut(), object.as_object_mut()) else { return };
    match new.remove("status") {
        Some(status) => map.insert("status".to_owned(), status),
        None => map.remove("status"),
    };
    if whole_metadata {
        if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            match entries {
                Some(entries) => metadata.insert("managedFields".to_owned(), entries),
                None => metadata.remove("managedFields"),
            };
        }
    } else if let Some(mut metadata) = new.remove("metadata") {
        restore_labels(stored, &mut metadata);
        map.insert("metadata".to_owned(), metadata);
    }
    *object = kept;
}

/// A deployment's labels cannot be changed by way of its status.
fn restore_labels(stored: &Value, metadata: &mut Value) {
    if !kind::DEPLOYMENT.is_body(stored) {
        return;
    }
    let Some(metadata) = metadata.as_object_mut() else { return };
    match stored.pointer("/metadata/labels").cloned() {
        Some(labels) => metadata.insert("labels".to_owned(), labels),
        None => metadata.remove("labels"),
    };
}

/// The server's own fields of the metadata stay as they are stored.
pub(super) fn system_fields(stored: &Value, object: &mut Value) {
    const OWN: [&str; 7] = [
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
    ];
    let Some(object) = object.as_object_mut() else { return };
    let Some(stored) = stored.get("metadata").and_then(Value::as_object) else { return };
    let metadata = object.entry("metadata").or_insert_with(|| json!({}));
    let Some(metadata) = metadata.as_object_mut() else { return };
    for name in OWN {
        match stored.get(name) {
            Some(value) => metadata.insert(name.to_owned(), value.clone()),
            None => metadata.remove(name),
        };
    }
    for name in ["name", "namespace"] {
        if let Some(value) = stored.get(name) {
            metadata.entry(name).or_insert_with(|| value.clone());
        }
    }
}
