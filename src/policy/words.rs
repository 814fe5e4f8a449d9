//! What is said of a field that a hatch may not write.

use serde_json::Value;

use super::{RESERVED, UNLISTED, Violation, WEAKER, hands, keys, paths};

/// Which of the hatches that write fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WritingHatch {
    /// `object` in a definition.
    Object,
    /// `patch` of an app.
    Patch,
}

/// Fields of pods, and why none is given.
const WEAK: &[(&str, &str)] = &[
    ("privileged", "a privileged container owns its node"),
    ("hostNetwork", "the pod would see the traffic of its node"),
    ("hostPID", "the pod would see the processes of its node"),
    ("hostIPC", "the pod would see the memory of others"),
    ("hostUsers", "users of the pod would be users of its node"),
    ("hostPort", "a port of the node belongs to all organisations"),
    ("hostIP", "an address of the node belongs to all organisations"),
    ("hostPath", "folders of the node belong to all organisations"),
    ("nfs", "volumes come from the cluster's storage classes"),
    ("iscsi", "volumes come from the cluster's storage classes"),
    ("csi", "volumes come from the cluster's storage classes"),
    ("ephemeral", "volumes are claims that the offer counts"),
    ("flexVolume", "volumes come from the cluster's storage classes"),
    ("projected", "a token of the API server could be among what it joins"),
    ("serviceAccountToken", "pods have no business with the API server"),
    ("hostAliases", "names must mean the same for all"),
    ("dnsConfig", "names must mean the same for all"),
    ("dnsPolicy", "names must mean the same for all"),
    ("procMount", "the container would see more of its node"),
    ("shareProcessNamespace", "a container would see the memory of those beside it"),
    ("serviceAccountName", "pods run as the app's own account, which has no rights"),
    ("serviceAccount", "pods run as the app's own account, which has no rights"),
    ("seLinuxOptions", "the cluster decides over it"),
    ("appArmorProfile", "the cluster decides over it"),
    ("sysctls", "the cluster decides over it"),
    ("windowsOptions", "the cluster decides over it"),
    ("add", "containers drop all capabilities"),
    ("externalIPs", "addresses of the cluster belong to all organisations"),
    ("nodeName", "the scheduler decides over it"),
    ("nodeSelector", "the scheduler decides over it"),
    ("tolerations", "nodes that are kept free are kept for others"),
    ("affinity", "the scheduler decides over it"),
    ("schedulerName", "the scheduler decides over it"),
    ("runtimeClassName", "the cluster decides over it"),
    ("priorityClassName", "the cluster decides over it"),
    ("priority", "the cluster decides over it"),
    ("preemptionPolicy", "the cluster decides over it"),
    ("host", "the node would dial that address, past every network policy"),
    ("devices", "devices of the node belong to all organisations"),
    ("volumeDevices", "devices of the node belong to all organisations"),
    ("ephemeralContainers", "containers are rendered, not put beside them"),
];

/// Why a hatch may not write a value at a JSON pointer; a list or map with nothing in it is none.
pub(crate) fn of_hatch(
    (group, kind): (&str, &str),
    hatch: WritingHatch,
    pointer: &str,
    value: Option<&Value>,
) -> Option<Violation> {
    let segments: Vec<&str> = pointer.split('/').skip(1).collect();
    if let Some(refused) = reserved(pointer, &segments) {
        return Some(refused);
    }
    let field = paths::written(group, kind).and_then(|fields| fields.at(pointer));
    let is_written = field.is_some_and(|field| {
        let meant = value.is_none() || field.ends() && value != Some(&Value::Null);
        meant && (hatch == WritingHatch::Object || !field.is_of_objects())
    });
    if !is_written {
        return Some(unlisted((group, kind), hatch, pointer, &segments));
    }
    if let [.., "labels" | "annotations", _] = segments[..]
        && segments.iter().rev().nth(2) == Some(&"metadata")
    {
        let key = segments.last().map(|key| key.replace("~1", "/").replace("~0", "~")).unwrap_or_default();
        return keys::refused(pointer, kind, &key, value.unwrap_or(&Value::Null));
    }
    None
}

/// What parcelle or the API server says of every object.
fn reserved(pointer: &str, segments: &[&str]) -> Option<Violation> {
    let field = match segments {
        [field @ ("apiVersion" | "kind" | "status"), ..] => (*field).to_owned(),
        ["metadata", field, ..] if !["labels", "annotations"].contains(field) => format!("metadata.{field}"),
        _ => return None,
    };
    Some(Violation {
        pointer: pointer.to_owned(),
        code: RESERVED,
        title: format!("`{field}` is not for writing"),
        why: "parcelle or the API server fills it in".to_owned(),
        help: "leave it out".to_owned(),
        of_renderer: false,
    })
}

fn unlisted((group, kind): (&str, &str), hatch: WritingHatch, pointer: &str, segments: &[&str]) -> Violation {
    let weak = segments.iter().find_map(|segment| WEAK.iter().find(|(field, _)| field == segment));
    let pods = crate::kind::facts(group, kind).pod_spec;
    if let Some((field, why)) = weak.filter(|_| segments.starts_with(pods) && !pods.is_empty()) {
        return weaker(pointer, field, why, "leave it out");
    }
    let trailing =
        segments.iter().rev().take_while(|segment| segment.bytes().all(|byte| byte.is_ascii_digit())).count();
    let field = dotted(&segments[..segments.len() - trailing]);
    let (word, other) = match hatch {
        WritingHatch::Patch => ("patch", "a setting of the app, or a need of its definition, may say it"),
        WritingHatch::Object => ("object", "a workload, job or need of the definition may say it"),
    };
    let may = hands::about((group, kind), hatch);
    Violation {
        pointer: pointer.to_owned(),
        code: UNLISTED,
        title: format!("no `{word}` may write `{field}` of {kind}"),
        why: "what reaches beyond the namespace, weakens a pod or is decided elsewhere is out of its reach".to_owned(),
        help: format!("leave it out: {other}. Of a {kind} `{word}` may write {may} (docs/policy.md)"),
        of_renderer: false,
    }
}

/// A pod with more than it may have.
pub(super) fn weaker(pointer: &str, field: &str, why: &str, help: &str) -> Violation {
    Violation {
        pointer: pointer.to_owned(),
        code: WEAKER,
        title: format!("`{field}` would give the pod more than it may have"),
        why: why.to_owned(),
        help: help.to_owned(),
        of_renderer: false,
    }
}

/// Segments of a pointer as people write a field: `spec.ports[0].name`.
pub(super) fn dotted(segments: &[&str]) -> String {
    let mut field = String::new();
    for segment in segments {
        if segment.bytes().all(|byte| byte.is_ascii_digit()) && !field.is_empty() {
            field += &format!("[{segment}]");
        } else {
            field += if field.is_empty() { "" } else { "." };
            field += &segment.replace("~1", "/").replace("~0", "~");
        }
    }
    field
}
