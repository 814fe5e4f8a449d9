//! `kubectl` moving from its own bookkeeping to the server's: the annotation of what it applied last.

use serde_json::Value;

use super::comparison::compare_values;
use super::error::FieldManagerConflict;
use super::field_set::FieldSet;
use super::schema::TypeRef;
use super::text::json_text;
use super::typed::fields_of;
use super::validate::validate;

/// The one manager that gets this.
const KUBECTL: &str = "kubectl";
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether an apply by this manager heeds the annotation of this object.
pub(super) fn is_heeded(manager: &str, live: &Value) -> bool {
    manager == KUBECTL && annotation(live).is_some()
}

fn annotation(object: &Value) -> Option<&str> {
    let text = object.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

/// The conflicts that remain: fields that kubectl applied last, and that are live as it did, are its own.
pub(super) fn remaining(of: &TypeRef, live: &Value, conflicts: Vec<FieldManagerConflict>) -> Vec<FieldManagerConflict> {
    let Some(own) = own_fields(of, live) else { return conflicts };
    conflicts.into_iter().filter(|conflict| !own.contains(conflict.path.elements())).collect()
}

fn own_fields(of: &TypeRef, live: &Value) -> Option<FieldSet> {
    let last: Value = serde_json::from_str(annotation(live)?).ok()?;
    if last.get("apiVersion") != live.get("apiVersion") || !validate(of.table(), of.root(), &last, false).is_empty() {
        return None;
    }
    let difference = compare_values(of.table(), of.root(), &last, live);
    Some(fields_of(of.table(), of.root(), &last).difference(&difference.all()))
}

/// Keeps the annotation true, where the object still has it.
pub(super) fn record(applied: &Value, object: &mut Value) {
    if annotation(object).is_none() {
        return;
    }
    let mut said = applied.clone();
    if let Some(annotations) = said.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(ANNOTATION);
        if annotations.is_empty()
            && let Some(metadata) = said["metadata"].as_object_mut()
        {
            metadata.remove("annotations");
        }
    }
    let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.insert(ANNOTATION.to_owned(), Value::String(format!("{}\n", json_text(&said))));
    }
}
