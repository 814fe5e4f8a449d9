//! Fields that cannot change in place: a closed table, so that an invalid value is never read as an immutable field.

use serde_json::Value;

use super::action::{FieldChange, Shown};
use super::live::DryRun;
use super::path;
use crate::render::ObjectId;

/// Kind to the fields that the API server refuses to change.
const FIELDS: &[(&str, &[&str])] = &[
    ("Deployment", &["spec.selector"]),
    ("DaemonSet", &["spec.selector"]),
    ("ReplicaSet", &["spec.selector"]),
    ("StatefulSet", &["spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"]),
    ("Job", &["spec.template", "spec.selector", "spec.completions", "spec.completionMode"]),
    ("Service", &["spec.clusterIP", "spec.clusterIPs"]),
    (
        "PersistentVolumeClaim",
        &[
            "spec.storageClassName",
            "spec.accessModes",
            "spec.volumeMode",
            "spec.selector",
            "spec.volumeName",
            "spec.dataSource",
        ],
    ),
    ("Secret", &["type"]),
    ("RoleBinding", &["roleRef"]),
    ("ClusterRoleBinding", &["roleRef"]),
    ("StorageClass", &["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"]),
    ("GarageBucket", &["spec.clusterRef"]),
    ("GarageKey", &["spec.clusterRef"]),
    ("Database", &["spec.name", "spec.cluster"]),
    ("DatabaseRole", &["spec.cluster"]),
];

/// Kinds that hold people's data whatever anyone says of an object.
const DATA_KINDS: &[&str] = &[
    "PersistentVolumeClaim",
    "PersistentVolume",
    "Cluster",
    "Database",
    "GarageBucket",
    "MariaDB",
    "PerconaServerMongoDB",
    "ObjectBucketClaim",
    "Bucket",
    "Namespace",
];

/// The first field among the changes that cannot change in place.
pub(super) fn violated(kind: &str, live: &Value, changes: &[FieldChange]) -> Option<String> {
    let fields = FIELDS.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, fields)| fields);
    let frozen = live["immutable"] == true && matches!(kind, "ConfigMap" | "Secret");
    changes.iter().find_map(|change| {
        let of_table = fields.iter().find(|field| path::covers(field, &change.path));
        let of_frozen = ["data", "binaryData", "stringData", "immutable"]
            .iter()
            .find(|field| frozen && path::covers(field, &change.path));
        let field = of_table.or(of_frozen)?;
        // A cluster address that was never asked for is allocated, not changed; removing our wish keeps it.
        let stays = kind == "Service" && (change.after.is_none() || change.before.is_none());
        let unset = matches!(&change.before, None | Some(Shown::Value(Value::Null)));
        let first = kind == "PersistentVolumeClaim" && unset && *field == "spec.volumeName";
        (!stays && !first).then(|| (*field).to_owned())
    })
}

/// Whether the server refuses more than the change of that field: an object that is invalid is never deleted to be made anew.
pub(super) fn is_invalid_besides(path: &str, asked: Option<&DryRun>) -> bool {
    let Some(DryRun::Refused { message, causes, .. }) = asked else { return false };
    let about_change = |words: &str| {
        ["immutable", "may not change", "cannot change", "updates to", "can not be unset"]
            .iter()
            .any(|say| words.contains(say))
    };
    if causes.is_empty() {
        return !about_change(message);
    }
    causes.iter().any(|cause| !(path::plain(&cause.field) == path || about_change(&cause.message)))
}

/// Whether objects of this kind hold data by their nature (a StatefulSet does not: its claims outlive it).
pub(super) fn holds_data(id: &ObjectId) -> bool {
    DATA_KINDS.contains(&&*id.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(path: &str) -> FieldChange {
        let value = |value: &str| Some(Shown::Value(value.into()));
        FieldChange { path: path.to_owned(), before: value("a"), after: value("b"), origin: None, drift_by: Vec::new() }
    }

    #[test]
    fn a_selector_cannot_change_and_an_image_can() {
        let live = json!({});
        let found = violated("Deployment", &live, &[change("spec.selector.matchLabels.app")]);
        assert_eq!(found.as_deref(), Some("spec.selector"));
        assert_eq!(violated("Deployment", &live, &[change("spec.template.spec.containers[name=a].image")]), None);
        assert_eq!(violated("Job", &live, &[change("spec.template.x")]).as_deref(), Some("spec.template"));
        assert_eq!(violated("ConfigMap", &live, &[change("data.x")]), None);
        assert_eq!(violated("ConfigMap", &json!({"immutable": true}), &[change("data.x")]).as_deref(), Some("data"));
    }
}
