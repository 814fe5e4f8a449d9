//! `metadata.generation`: how often what is wanted changed.

use serde_json::{Map, Value, json};

use super::resources::ServedResource;

/// Kinds whose `metadata.generation` counts changes of what is wanted.
pub(super) fn is_counted(resource: &ServedResource) -> bool {
    if resource.custom.is_some() {
        return true;
    }
    matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        (
            "apps" | "batch" | "admissionregistration.k8s.io" | "apiextensions.k8s.io" | "policy" | "networking.k8s.io",
            _
        ) | ("", "pods")
            | ("scheduling.k8s.io", "priorityclasses")
            | ("discovery.k8s.io", "endpointslices")
    )
}

/// Counts the generation up when what is wanted differs, or is [said empty](says_empties).
pub(super) fn count(resource: &ServedResource, emptied: bool, live: &Value, object: &mut Value) {
    let Some(generation) = live["metadata"]["generation"].as_u64() else {
        return;
    };
    let wanted = |object: &Value| {
        let mut wanted = object.as_object().cloned().unwrap_or_default();
        for name in ["apiVersion", "kind", "metadata", "status"] {
            wanted.remove(name);
        }
        wanted
    };
    let annotated = resource.is("apps", "deployments")
        && live["metadata"].get("annotations") != object["metadata"].get("annotations");
    if annotated || emptied || wanted(live) != wanted(object) {
        object["metadata"]["generation"] = json!(generation + 1);
    }
}

/// Whether a request says something empty that differs from the absent value that is stored of it: the server counts the
/// generation of a `NetworkPolicy` up each time.
pub(super) fn says_empties(resource: &ServedResource, sent: &Value) -> bool {
    resource.is("networking.k8s.io", "networkpolicies") && has_empties(&sent["spec"])
}

fn has_empties(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty() || items.iter().any(has_empties),
        Value::Object(fields) => {
            let nothing = |labels: &Value| labels.as_object().is_some_and(Map::is_empty);
            fields.get("matchLabels").is_some_and(nothing) || fields.values().any(has_empties)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_policy_counts_what_is_said_empty() {
        for (spec, counts) in [
            (json!({"egress": []}), true),
            (json!({"ingress": [{"from": []}]}), true),
            (json!({"ingress": [{"from": [{"podSelector": {"matchLabels": {}}}]}]}), true),
            (json!({"podSelector": {}, "ingress": [{}]}), false),
        ] {
            assert_eq!(has_empties(&spec), counts, "{spec}");
        }
    }
}
