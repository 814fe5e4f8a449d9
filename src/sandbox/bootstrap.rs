//! The objects that are there from the beginning.

use serde_json::{Value, json};

use super::{
    fields::section,
    lifecycle::{establish, prepare_definition},
    server::Server,
    store::Key,
};
use crate::render;

/// The objects that are there from the beginning, added where they are missing.
pub(crate) fn bootstrap(server: &Server, cluster_uid: Option<&str>, definitions: bool, made: &[Value]) {
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        let uid = cluster_uid.filter(|_| name == "kube-system");
        let uid = uid.map_or_else(|| server.uid(), str::to_owned);
        add(
            server,
            "",
            "v1",
            "namespaces",
            json!({
                "metadata": {"name": name, "uid": uid, "labels": {"kubernetes.io/metadata.name": name}},
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            }),
        );
    }
    for (name, rules) in roles() {
        add(
            server,
            RBAC,
            "v1",
            "clusterroles",
            json!({
                "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
                "rules": rules,
            }),
        );
    }
    add(
        server,
        RBAC,
        "v1",
        "clusterrolebindings",
        json!({
            "metadata": {"name": "cluster-admin", "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": "system:masters"}],
        }),
    );
    if definitions {
        for mut definition in render::definitions() {
            prepare_definition(&mut definition);
            establish(server, &mut definition);
            definition["metadata"]["generation"] = json!(1);
            definition["metadata"]["annotations"] = json!({REDUCED: "true"});
            // Nobody owns the schema, so that applying the full definition meets no conflict.
            definition["metadata"]["managedFields"] = json!([{
                "manager": "sandbox",
                "operation": "Update",
                "apiVersion": "apiextensions.k8s.io/v1",
                "time": server.clock.text(),
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, format!("f:{REDUCED}"): {}}}},
            }]);
            add(server, "apiextensions.k8s.io", "v1", "customresourcedefinitions", definition);
        }
    }
    server.reload();
    for object in made {
        operators(server, object);
    }
    server.reload();
}

/// An object that a cluster's operators would have made, with its namespace.
fn operators(server: &Server, object: &Value) {
    if let Some(namespace) = object["metadata"]["namespace"].as_str() {
        let labels = json!({"kubernetes.io/metadata.name": namespace, "app.kubernetes.io/managed-by": "parcelle"});
        add(
            server,
            "",
            "v1",
            "namespaces",
            json!({
                "metadata": {"name": namespace, "labels": labels},
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            }),
        );
    }
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
    let plural = server.registry().of_kind(group, version, text("kind")).map(|resource| resource.plural.clone());
    if let Some(plural) = plural {
        add(server, group, version, &plural, object.clone());
    }
}

/// Annotation of the definitions that a sandbox brings along.
const REDUCED: &str = "parcelle.dev/reduced";
const RBAC: &str = "rbac.authorization.k8s.io";

fn add(server: &Server, group: &str, version: &str, plural: &str, mut object: Value) {
    let Some(resource) = server.registry().find(group, version, plural).cloned() else {
        return;
    };
    let uid = server.uid();
    let now = server.clock.text();
    let metadata = section(&mut object, "metadata");
    metadata.entry("uid").or_insert_with(|| json!(uid));
    metadata.insert("creationTimestamp".to_owned(), json!(now));
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default();
    let key = Key::new(text("namespace"), text("name"));
    if let Value::Object(fields) = object {
        // What a state file brought along stays.
        let _ = server.put(&resource, &key, fields, None);
    }
}

fn roles() -> Vec<(&'static str, Value)> {
    let read = json!(["get", "list", "watch"]);
    let all = json!(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]);
    let groups = json!(["", "apps", "autoscaling", "batch", "networking.k8s.io", "policy"]);
    let plain = json!([
        "bindings",
        "configmaps",
        "endpoints",
        "events",
        "limitranges",
        "persistentvolumeclaims",
        "persistentvolumeclaims/status",
        "pods",
        "pods/log",
        "pods/status",
        "resourcequotas",
        "serviceaccounts",
        "services",
        "services/status",
        "daemonsets",
        "deployments",
        "deployments/scale",
        "deployments/status",
        "replicasets",
        "replicasets/scale",
        "statefulsets",
        "statefulsets/scale",
        "statefulsets/status",
        "horizontalpodautoscalers",
        "cronjobs",
        "jobs",
        "ingresses",
        "networkpolicies",
        "poddisruptionbudgets",
    ]);
    let mut written = plain.as_array().cloned().unwrap_or_default();
    written.push(json!("secrets"));
    let view = json!({"apiGroups": groups, "resources": plain, "verbs": read});
    let edit = json!({"apiGroups": groups, "resources": written, "verbs": all});
    let admin = json!({"apiGroups": [RBAC], "resources": ["roles", "rolebindings"], "verbs": all});
    vec![
        (
            "cluster-admin",
            json!([
                {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                {"nonResourceURLs": ["*"], "verbs": ["*"]},
            ]),
        ),
        ("admin", json!([edit, admin, {"apiGroups": [""], "resources": ["namespaces"], "verbs": read}])),
        ("edit", json!([edit, {"apiGroups": [""], "resources": ["namespaces"], "verbs": read}])),
        ("view", json!([view, {"apiGroups": [""], "resources": ["namespaces"], "verbs": read}])),
    ]
}
