//! The `scale` subresource: a view on the replicas of an object, with its own ownership.

use serde_json::{Value, json};

use super::element::Path;
use super::field_set::FieldSet;
use super::managed::{self, ManagedFieldsEntry};

const SCALE_VERSION: &str = "autoscaling/v1";

/// The `Scale` of an object whose replicas are at `path`, with who owns them; its status is left to the caller.
///
/// Apply or update the result with `subresource: Some("scale")`, then give it to [`write_scale`].
pub(crate) fn scale_of(object: &Value, path: &Path) -> Value {
    let metadata = |name: &str| object.pointer(&format!("/metadata/{name}")).cloned();
    let mut scale = json!({ "apiVersion": SCALE_VERSION, "kind": "Scale", "metadata": {}, "spec": {}, "status": { "replicas": 0 } });
    for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = metadata(name) {
            scale["metadata"][name] = value;
        }
    }
    if let Some(replicas) = path.get(object).filter(|replicas| **replicas != json!(0)) {
        scale["spec"]["replicas"] = replicas.clone();
    }
    let mut entries = managed::read(object).unwrap_or_default();
    entries.retain(|entry| entry.set().contains(path.elements()));
    for entry in &mut entries {
        entry.api_version = SCALE_VERSION.into();
        entry.replace(replicas_of_scale());
    }
    managed::write(&mut scale, entries);
    scale
}

/// The object after its `Scale` was written: the replicas, and who owns them now.
///
/// As on a real server, an entry that comes from the scale has no time.
#[must_use]
pub(crate) fn write_scale(mut object: Value, scale: &Value, path: &Path) -> Value {
    let version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
    let source = object.clone();
    let mut entries = managed::read(&source).unwrap_or_default();
    let mut scaled = managed::read(scale).unwrap_or_default();
    for entry in &mut entries {
        let set = entry.set().into_owned();
        if !set.contains(path.elements()) {
            continue;
        }
        match scaled.iter().position(|other| other.is_same_writer(entry)) {
            Some(at) => drop(scaled.remove(at)),
            None => entry.replace(set.difference(&FieldSet::from_iter([path.clone()]))),
        }
    }
    entries.retain(|entry| !entry.is_empty());
    let replicas_in_scale = Path::of_fields(["spec", "replicas"]);
    scaled.retain(|entry| entry.set().contains(replicas_in_scale.elements()));
    entries.extend(scaled.into_iter().map(|mut entry: ManagedFieldsEntry<'_>| {
        entry.api_version = version.clone().into();
        entry.replace(FieldSet::from_iter([path.clone()]));
        entry.time = None;
        entry
    }));
    managed::write(&mut object, entries);
    let replicas = scale.pointer("/spec/replicas").cloned().unwrap_or(json!(0));
    put(&mut object, path, replicas);
    object
}

fn replicas_of_scale() -> FieldSet {
    FieldSet::from_iter([Path::of_fields(["spec", "replicas"])])
}

fn put(object: &mut Value, path: &Path, value: Value) {
    let mut at = object;
    for element in path.elements() {
        let Some(name) = element.as_field() else { return };
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[name];
    }
    *at = value;
}
