//! What variables and volumes tell a container of its pod: what its own template says, and nothing of its node or of what
//! controllers note on pods.

use serde_json::Value;

use super::{Judging, each, text};
use crate::kind;

/// Fields of a pod that tell of nothing else.
const FIELDS: &[&str] = &["metadata.name", "metadata.namespace", "metadata.uid", "status.podIP", "status.podIPs"];

/// Amounts of a container; where it says none, the namespace does.
const AMOUNTS: &[&str] = &["limits.memory", "requests.cpu", "requests.memory"];
/// One of which the namespace says nothing: what the node has would be told.
const OF_NODE: &str = "limits.cpu";

pub(super) fn check(judged: &mut Judging<'_>) {
    let path = kind::facts(judged.object.group, judged.object.kind).pod_spec;
    let Some((_, template)) = path.split_last() else { return };
    let at = format!("/{}", path.join("/"));
    let Some(pod) = judged.body().pointer(&at) else { return };
    let template = format!("/{}", template.join("/"));
    let metadata = judged.body().pointer(&template).map_or(&Value::Null, |template| &template["metadata"]);
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for (pointer, container) in each(pod, &at, &format!("{list}/*")) {
            for (pointer, source) in each(container, &pointer, "env/*/valueFrom") {
                one(judged, &pointer, source, metadata, (pod, Some(container)));
            }
        }
    }
    for volume in ["volumes/*/downwardAPI/items/*", "volumes/*/projected/sources/*/downwardAPI/items/*"] {
        for (pointer, source) in each(pod, &at, volume) {
            one(judged, &pointer, source, metadata, (pod, None));
        }
    }
}

/// What one variable or file tells; of which container where it says none is known of variables only.
fn one(judged: &mut Judging<'_>, at: &str, source: &Value, metadata: &Value, of: (&Value, Option<&Value>)) {
    if let Some(path) = source.pointer("/fieldRef/fieldPath") {
        let path = path.as_str().unwrap_or_default();
        if !FIELDS.contains(&path) && !is_own(path, metadata) {
            let why = "a container learns nothing of its node, and nothing that controllers note on its pod: by that, others are found";
            let title = format!("`{path}` tells of more than the pod");
            let help = "leave it out; labels and annotations are told that the object itself gives its pods";
            judged.foreign(&format!("{at}/fieldRef/fieldPath"), title, why, help);
        }
    }
    if let Some(resource) = source.pointer("/resourceFieldRef/resource") {
        let resource = resource.as_str().unwrap_or_default();
        let (pod, own) = of;
        let named = text(source, "/resourceFieldRef/containerName");
        let containers = ["containers/*", "initContainers/*"].into_iter().flat_map(|list| each(pod, "", list));
        let mut containers = containers.map(|(_, container)| container);
        let container = if named.is_empty() { own } else { containers.find(|one| text(one, "/name") == named) };
        let is_said = container.is_some_and(|container| container.pointer("/resources/limits/cpu").is_some());
        if !AMOUNTS.contains(&resource) && !(resource == OF_NODE && is_said) {
            let why = "where neither container nor namespace says it, the amount is that of the node";
            let title = format!("`{resource}` tells of more than the container");
            judged.foreign(&format!("{at}/resourceFieldRef/resource"), title, why, "say the amount in its `resources`");
        }
    }
}

/// Whether a path is of a label or an annotation that the template says: what it lacks is a controller's.
fn is_own(path: &str, metadata: &Value) -> bool {
    ["labels", "annotations"].iter().any(|map| {
        let key = path.strip_prefix("metadata.").and_then(|rest| rest.strip_prefix(map));
        let key = key.and_then(|key| key.strip_prefix("['")?.strip_suffix("']"));
        key.is_some_and(|key| metadata[map].get(key).is_some())
    })
}
