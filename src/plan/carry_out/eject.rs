//! Letting an object go: what says that it is ours goes, everything else of it stays as it is. Pure.

use serde_json::{Map, Value, json};

use crate::name::Name;
use crate::plan::state::standing;
use crate::plan::{Entry, GARDEN_LABEL, LiveObject, MANAGER, NONCE, ORGANISATION_LABEL, union};

/// The labels that say whose an object is. Those that name the application stay: selectors and people read them.
const LABELS: &[&str] =
    &[GARDEN_LABEL, ORGANISATION_LABEL, "parcelle.dev/app", "parcelle.dev/need", "applyset.kubernetes.io/part-of"];
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Whether an object is the one that the inventory means, so that it is ours to let go.
pub(crate) fn is_ours(entry: &Entry, live: &LiveObject, garden: &Name) -> bool {
    standing::is_same(entry, live, garden)
}

/// The merge patch that lets an object go: our labels, our nonce and our entries in `managedFields`, with its uid and
/// version as preconditions. No field of the object itself is in it, so no pod restarts. `None`: nothing of ours is on it.
pub(crate) fn release(live: &Value) -> Option<Value> {
    let metadata = &live["metadata"];
    let labels = &metadata["labels"];
    let mut without: Map<String, Value> = LABELS
        .iter()
        .filter(|label| !labels[**label].is_null())
        .map(|label| ((*label).to_owned(), Value::Null))
        .collect();
    if labels[MANAGED_BY] == MANAGER {
        without.insert(MANAGED_BY.to_owned(), Value::Null);
    }
    let entries = metadata["managedFields"].as_array().map_or(&[][..], Vec::as_slice);
    let others: Vec<&Value> =
        entries.iter().filter(|entry| entry["manager"] != MANAGER && !union::is_passing(entry)).collect();
    let noted = !metadata["annotations"][NONCE].is_null();
    if without.is_empty() && others.len() == entries.len() && !noted {
        return None;
    }
    let mut patch = json!({"metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}});
    let part = &mut patch["metadata"];
    if !without.is_empty() {
        part["labels"] = Value::Object(without);
    }
    if noted {
        part["annotations"] = json!({ NONCE: null });
    }
    if others.len() != entries.len() {
        // An empty list would leave the books as they are; a list of one empty entry closes them.
        part["managedFields"] = if others.is_empty() { json!([{}]) } else { json!(others) };
    }
    Some(patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_that_it_is_ours_goes() {
        let theirs = json!({"manager": "kube-controller-manager", "operation": "Update", "subresource": "status"});
        let live = json!({"metadata": {
            "name": "web", "uid": "u", "resourceVersion": "7",
            "labels": {GARDEN_LABEL: "g", "app.kubernetes.io/name": "web", MANAGED_BY: "parcelle"},
            "annotations": {NONCE: "n", "a": "b"},
            "managedFields": [{"manager": "parcelle", "operation": "Apply"}, theirs],
        }, "spec": {"replicas": 2}});
        let expected = json!({"metadata": {
            "uid": "u", "resourceVersion": "7",
            "labels": {GARDEN_LABEL: null, MANAGED_BY: null},
            "annotations": {NONCE: null},
            "managedFields": [theirs],
        }});
        assert_eq!(release(&live), Some(expected));
        let freed = json!({"metadata": {"labels": {MANAGED_BY: "Helm"}, "managedFields": [theirs]}});
        assert_eq!(release(&freed), None);
    }
}
