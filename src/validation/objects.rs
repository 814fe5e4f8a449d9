//! Claims, configuration, secrets, quotas, leases, classes.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde_json::{Map, Value, json};

use super::{Errors, FieldError, FieldProblem, immutable, items, names, not_negative, pods, text};

const DATA_LIMIT: usize = 1 << 20;

/// What a quota may limit by a name without a domain.
const QUOTA_RESOURCES: [&str; 20] = [
    "cpu",
    "memory",
    "pods",
    "services",
    "secrets",
    "configmaps",
    "resourcequotas",
    "persistentvolumeclaims",
    "replicationcontrollers",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "services.loadbalancers",
    "services.nodeports",
    "storage",
];
const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// Checks the spec of a `PersistentVolumeClaim`, or of a template of claims, at that path.
pub(super) fn claim(spec: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let modes_path = format!("{path}.accessModes");
    if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
        errors.push(FieldError::required(&modes_path, "at least 1 access mode is required"));
    }
    let modes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    for (_, mode) in items(spec, "accessModes") {
        if !mode.as_str().is_some_and(|mode| modes.contains(&mode)) {
            errors.push(FieldError::unsupported(&modes_path, mode, &modes));
        }
    }
    let storage = &spec["resources"]["requests"]["storage"];
    let storage_path = format!("{path}.resources[storage]");
    if storage.is_null() {
        errors.push(FieldError::required(storage_path, ""));
    } else if pods::amount(storage).is_some_and(|amount| amount <= 0.0) {
        errors.push(FieldError::invalid(storage_path, storage, "must be greater than zero"));
    }
    for why in
        spec["storageClassName"].as_str().filter(|class| !class.is_empty()).map(names::subdomain).into_iter().flatten()
    {
        errors.push(FieldError::invalid(format!("{path}.storageClassName"), &spec["storageClassName"], why));
    }
    super::one_of(&spec["volumeMode"], format_args!("{path}.volumeMode"), &["Block", "Filesystem"], errors);
}

/// Checks how a claim changed: once bound, it may grow.
pub(super) fn claim_change(live: &Value, object: &Value, errors: &mut Errors) {
    let bound = live["status"]["phase"] == "Bound";
    let spec = |object: &Value| object["spec"].as_object().cloned().unwrap_or_default();
    let (mut old, mut new) = (spec(live), spec(object));
    // What may change is made equal first.
    carry(&old, &mut new, "volumeAttributesClassName");
    for (name, may_change) in [("volumeName", true), ("storageClassName", !bound)] {
        if may_change && !old.contains_key(name) {
            carry(&new, &mut old, name);
        }
    }
    if bound
        && let (Some(Value::Object(had)), Some(Value::Object(has))) = (old.get("resources"), new.get_mut("resources"))
    {
        carry(had, has, "requests");
    }
    if old != new {
        let detail =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        let (old, new) = (claim_spec_text(&old), claim_spec_text(&new));
        let difference = similar::TextDiff::from_lines(&old, &new);
        errors.push(FieldError::forbidden("spec", format!("{detail}\n{}", difference.unified_diff())));
    }
    let (had, has) = (&live["status"]["capacity"]["storage"], &object["spec"]["resources"]["requests"]["storage"]);
    let less = pods::amount(has).zip(pods::amount(had)).is_some_and(|(has, had)| has < had);
    if bound && less {
        let detail = "field can not be less than status.capacity";
        errors.push(FieldError::forbidden("spec.resources.requests.storage", detail));
    }
}

/// Gives a member the value that it has there, or none.
fn carry(from: &Map<String, Value>, to: &mut Map<String, Value>, name: &str) {
    match from.get(name) {
        Some(value) => to.insert(name.to_owned(), value.clone()),
        None => to.remove(name),
    };
}

/// A claim's spec as the server's messages print it: by the names of its own types, one value a line.
fn claim_spec_text(spec: &Map<String, Value>) -> String {
    let resources = spec.get("resources").unwrap_or(&Value::Null);
    let resources = json!({"Limits": resources["limits"], "Requests": resources["requests"]});
    let of = |name: &str| spec.get(name).cloned().unwrap_or_default();
    let volume = if spec.contains_key("volumeName") { of("volumeName") } else { json!("") };
    let members = [
        ("AccessModes", of("accessModes")),
        ("Selector", of("selector")),
        ("Resources", resources),
        ("VolumeName", volume),
        ("StorageClassName", of("storageClassName")),
        ("VolumeMode", of("volumeMode")),
        ("DataSource", of("dataSource")),
        ("DataSourceRef", of("dataSourceRef")),
        ("VolumeAttributesClassName", of("volumeAttributesClassName")),
    ];
    let members = members.map(|(name, value)| format!(" \"{name}\": {}", indented(&value).replace('\n', "\n ")));
    format!("{{\n{}\n}}\n", members.join(",\n"))
}

/// JSON with one space a level.
fn indented(value: &Value) -> String {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    let _ = serde::Serialize::serialize(value, &mut serializer);
    String::from_utf8(text).unwrap_or_default()
}

fn data_keys(object: &Value, name: &str, errors: &mut Errors) -> usize {
    let mut size = 0;
    for (key, value) in object[name].as_object().into_iter().flatten() {
        let path = format_args!("{name}[{key}]");
        size += value.as_str().unwrap_or_default().len();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if key.len() > 253 {
            errors.push(FieldError::invalid(path, &json!(key), "must be no more than 253 bytes"));
        }
        if key.is_empty() || !key.chars().all(plain) {
            errors.push(FieldError::invalid(path, &json!(key), KEY));
        } else if key == "." || key == ".." {
            errors.push(FieldError::invalid(path, &json!(key), format!("must not be '{key}'")));
        } else if key.starts_with("..") {
            errors.push(FieldError::invalid(path, &json!(key), "must not start with '..'"));
        }
    }
    size
}

/// Checks a ConfigMap.
pub(super) fn config_map(object: &Value, errors: &mut Errors) {
    let size = data_keys(object, "data", errors) + data_keys(object, "binaryData", errors);
    for (key, _) in object["binaryData"].as_object().into_iter().flatten() {
        if object["data"].get(key).is_some() {
            let detail = "duplicate of key present in data";
            errors.push(FieldError::invalid(format!("data[{key}]"), &json!(key), detail));
        }
    }
    if size > DATA_LIMIT {
        let detail = format!("may not be more than {DATA_LIMIT} bytes");
        errors.push(FieldError::new("", FieldProblem::TooLong, detail));
    }
}

/// Checks a Secret.
pub(super) fn secret(object: &Value, errors: &mut Errors) {
    let size = data_keys(object, "data", errors) / 4 * 3;
    if size > DATA_LIMIT {
        let detail = format!("may not be more than {DATA_LIMIT} bytes");
        errors.push(FieldError::new("data", FieldProblem::TooLong, detail));
    }
    let has = |key: &str| object["data"].get(key).is_some();
    let mut need = |keys: &[&str]| {
        for key in keys.iter().filter(|key| !has(key)) {
            errors.push(FieldError::required(format!("data[{key}]"), ""));
        }
    };
    match text(object, "type") {
        "kubernetes.io/tls" => need(&["tls.crt", "tls.key"]),
        "kubernetes.io/dockerconfigjson" => need(&[".dockerconfigjson"]),
        "kubernetes.io/dockercfg" => need(&[".dockercfg"]),
        "kubernetes.io/ssh-auth" => need(&["ssh-privatekey"]),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => need(&["username", "password"]),
        _ => {}
    }
}

/// Whether a map is said empty where none is live.
pub(super) fn is_said_empty(live: &Value, sent: &Value, field: &str) -> bool {
    live.get(field).is_none() && sent[field].as_object().is_some_and(Map::is_empty)
}

/// Refuses changes of data that was declared immutable.
pub(super) fn immutable_data(live: &Value, sent: &Value, object: &Value, fields: &[&str], errors: &mut Errors) {
    if live["immutable"] != json!(true) {
        return;
    }
    let detail = "field is immutable when `immutable` is set";
    if object["immutable"] != json!(true) {
        errors.push(FieldError::forbidden("immutable", detail));
    }
    for field in fields {
        if live.get(*field) != object.get(*field) || is_said_empty(live, sent, field) {
            errors.push(FieldError::forbidden(*field, detail));
        }
    }
}

/// Checks a `ResourceQuota`.
pub(super) fn quota(object: &Value, errors: &mut Errors) {
    for (name, value) in object["spec"]["hard"].as_object().into_iter().flatten() {
        let path = format_args!("spec.hard[{name}]");
        if !QUOTA_RESOURCES.contains(&name.as_str()) && !name.contains('/') && !name.contains("hugepages-") {
            let detail = "must be a standard resource type or fully qualified";
            errors.push(FieldError::invalid(path, &json!(name), detail));
        }
        if pods::amount(value).is_some_and(|amount| amount < 0.0) {
            errors.push(FieldError::invalid(path, value, "must be greater than or equal to 0"));
        }
    }
    quota_scopes(object, errors);
}

/// Checks what a quota is limited to: pods only, and no contradiction.
fn quota_scopes(object: &Value, errors: &mut Errors) {
    let scopes = &object["spec"]["scopes"];
    let has = |word: &str| items(&object["spec"], "scopes").any(|(_, scope)| scope == word);
    let mut wrong = |detail: &str| errors.push(FieldError::invalid("spec.scopes", scopes, detail));
    for (_, scope) in items(&object["spec"], "scopes") {
        let of_pods: &[&str] = match scope.as_str().unwrap_or_default() {
            "BestEffort" => &["pods"],
            "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity" => {
                &["pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"]
            }
            "VolumeAttributesClass" => continue,
            _ => {
                wrong("unsupported scope");
                continue;
            }
        };
        for (name, _) in object["spec"]["hard"].as_object().into_iter().flatten() {
            if QUOTA_RESOURCES.contains(&name.as_str()) && !of_pods.contains(&name.as_str()) {
                wrong("unsupported scope applied to resource");
            }
        }
    }
    for (one, other) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        if has(one) && has(other) {
            wrong("conflicting scopes");
        }
    }
}

/// Checks how a quota changed: what it is limited to stays.
pub(super) fn quota_change(live: &Value, object: &Value, errors: &mut Errors) {
    let scopes =
        |object: &Value| items(&object["spec"], "scopes").map(|(_, scope)| scope.to_string()).collect::<BTreeSet<_>>();
    if scopes(live) != scopes(object) {
        errors.push(FieldError::invalid("spec.scopes", &object["spec"]["scopes"], "field is immutable"));
    }
}

/// Checks a `LimitRange`.
pub(super) fn limit_range(object: &Value, errors: &mut Errors) {
    for (place, limit) in items(&object["spec"], "limits") {
        let path = format_args!("spec.limits[{place}]");
        if text(limit, "type").is_empty() {
            errors.push(FieldError::required(format!("{path}.type"), ""));
        }
        let order = [
            ("min", "max"),
            ("min", "default"),
            ("default", "max"),
            ("defaultRequest", "default"),
            ("defaultRequest", "max"),
            ("min", "defaultRequest"),
        ];
        for (low, high) in order {
            for (name, small) in limit[low].as_object().into_iter().flatten() {
                let large = &limit[high][name];
                let above = pods::amount(small).zip(pods::amount(large)).is_some_and(|(small, large)| small > large);
                if above {
                    let word = |name: &str| match name {
                        "defaultRequest" => "default request".to_owned(),
                        other => other.to_owned(),
                    };
                    let detail = format!(
                        "{} value {} is greater than {} value {}",
                        word(low),
                        text(&limit[low], name),
                        word(high),
                        text(&limit[high], name)
                    );
                    errors.push(FieldError::invalid(format!("{path}.{low}[{name}]"), small, detail));
                }
            }
        }
    }
}

/// Checks a Lease.
pub(super) fn lease(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    if spec["leaseDurationSeconds"].as_i64().is_some_and(|number| number <= 0) {
        let detail = "must be greater than 0";
        errors.push(FieldError::invalid("spec.leaseDurationSeconds", &spec["leaseDurationSeconds"], detail));
    }
    not_negative(&spec["leaseTransitions"], "spec.leaseTransitions", errors);
    if spec["holderIdentity"].as_str() == Some("") {
        errors.push(FieldError::invalid("spec.holderIdentity", &json!(""), "must not be empty"));
    }
}

/// Checks a `StorageClass`.
pub(super) fn storage_class(object: &Value, errors: &mut Errors) {
    if text(object, "provisioner").is_empty() {
        errors.push(FieldError::required("provisioner", ""));
    }
}

/// Checks how a `StorageClass` changed.
pub(super) fn storage_class_change(live: &Value, object: &Value, errors: &mut Errors) {
    for field in ["parameters", "provisioner", "reclaimPolicy"] {
        if live.get(field) != object.get(field) {
            errors.push(FieldError::forbidden(field, format!("updates to {field} are forbidden.")));
        }
    }
    immutable(live, object, "volumeBindingMode", errors);
}

/// Checks how a `PriorityClass` changed.
pub(super) fn priority_class_change(live: &Value, object: &Value, errors: &mut Errors) {
    if live["value"] != object["value"] {
        errors.push(FieldError::forbidden("value", "may not be changed in an update."));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim_of(class: &str, storage: &str, phase: &str) -> Value {
        json!({"spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": class, "volumeMode": "Filesystem",
            "resources": {"requests": {"storage": storage}}}, "status": {"phase": phase}})
    }

    #[test]
    fn a_claim_of_another_class_is_refused_with_what_differs() {
        let mut errors = Errors::new();
        claim_change(&claim_of("fast", "10Gi", "Pending"), &claim_of("slow", "10Gi", "Pending"), &mut errors);
        // As recorded: tests/cases/conformance/immutable-fields.json.
        let expected = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound \
            claims\n@@ -10,7 +10,7 @@\n   }\n  },\n  \"VolumeName\": \"\",\n- \"StorageClassName\": \"fast\",\n+ \
            \"StorageClassName\": \"slow\",\n  \"VolumeMode\": \"Filesystem\",\n  \"DataSource\": null,\n  \
            \"DataSourceRef\": null,\n";
        assert_eq!(errors, [FieldError::forbidden("spec", expected)]);
    }

    #[test]
    fn data_and_annotations_are_taken_up_to_their_limits() {
        let told = |check: &dyn Fn(&mut Errors)| {
            let mut errors = Errors::new();
            check(&mut errors);
            errors.len()
        };
        for (more, expected) in [(0, 0), (1, 1)] {
            let object = json!({"data": {"a": "x".repeat(DATA_LIMIT - 10), "b": "y".repeat(10 + more)}});
            assert_eq!(told(&|errors| config_map(&object, errors)), expected, "data, {more} more");
            let annotations = json!({"note": "x".repeat((256 << 10) - 4 + more)});
            let check = |errors: &mut Errors| super::super::names::annotations(&annotations, "metadata", errors);
            assert_eq!(told(&check), expected, "annotations, {more} more");
        }
    }

    #[test]
    fn a_quota_is_limited_to_what_its_scopes_have_and_stays_so() {
        let of = |scopes: Value, hard: Value| json!({"spec": {"scopes": scopes, "hard": hard}});
        let told = |object: &Value| {
            let mut errors = Errors::new();
            quota(object, &mut errors);
            errors
        };
        let scoped = |detail: &str, scopes: Value| vec![FieldError::invalid("spec.scopes", &scopes, detail)];
        assert_eq!(told(&of(json!(["BestEffort"]), json!({"pods": "1"}))), []);
        let wrong = scoped("unsupported scope applied to resource", json!(["NotTerminating"]));
        assert_eq!(told(&of(json!(["NotTerminating"]), json!({"secrets": "1"}))), wrong);
        assert_eq!(told(&of(json!(["Never"]), json!({}))), scoped("unsupported scope", json!(["Never"])));
        let both = json!(["Terminating", "NotTerminating"]);
        assert_eq!(told(&of(both.clone(), json!({}))), scoped("conflicting scopes", both.clone()));
        let mut errors = Errors::new();
        quota_change(
            &of(both.clone(), json!({})),
            &of(json!(["NotTerminating", "Terminating"]), json!({})),
            &mut errors,
        );
        assert_eq!(errors, [], "the order does not count");
        quota_change(&of(Value::Null, json!({})), &of(json!(["NotTerminating"]), json!({})), &mut errors);
        assert_eq!(errors, scoped("field is immutable", json!(["NotTerminating"])));
    }

    #[test]
    fn immutable_data_cannot_be_said_empty_where_there_is_none() {
        let live = json!({"data": {"a": "1"}, "immutable": true});
        let told = |sent: Value| {
            let mut errors = Errors::new();
            immutable_data(&live, &sent, &live, &["data", "binaryData"], &mut errors);
            errors
        };
        assert_eq!(told(json!({"data": {}})), []);
        let detail = "field is immutable when `immutable` is set";
        assert_eq!(told(json!({"binaryData": {}})), [FieldError::forbidden("binaryData", detail)]);
    }

    #[test]
    fn a_claim_grows_once_it_is_bound() {
        let mut errors = Errors::new();
        claim_change(&claim_of("fast", "10Gi", "Bound"), &claim_of("fast", "20Gi", "Bound"), &mut errors);
        assert!(errors.is_empty(), "{errors:?}");
        claim_change(&claim_of("fast", "10Gi", "Pending"), &claim_of("fast", "20Gi", "Pending"), &mut errors);
        assert_eq!(errors.len(), 1);
    }
}
