//! Claims, configuration, secrets, quotas, leases, classes.

use serde_json::{Value, json};

use super::{Errors, immutable, items, not_negative, pods, text};
use crate::sandbox::status::{FieldError, FieldProblem};

const DATA_LIMIT: usize = 1 << 20;
const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// Checks a `PersistentVolumeClaim`.
pub(super) fn claim(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
        errors.push(FieldError::required("spec.accessModes", "at least 1 access mode is required"));
    }
    let modes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    for (_, mode) in items(spec, "accessModes") {
        if !mode.as_str().is_some_and(|mode| modes.contains(&mode)) {
            errors.push(FieldError::unsupported("spec.accessModes", mode, &modes));
        }
    }
    let storage = &spec["resources"]["requests"]["storage"];
    if storage.is_null() {
        errors.push(FieldError::required("spec.resources[storage]", ""));
    } else if pods::amount(storage).is_some_and(|amount| amount <= 0.0) {
        errors.push(FieldError::invalid("spec.resources[storage]", storage, "must be greater than zero"));
    }
    super::one_of(&spec["volumeMode"], "spec.volumeMode", &["Block", "Filesystem"], errors);
}

/// Checks how a claim changed: once bound, it may grow.
pub(super) fn claim_change(live: &Value, object: &Value, errors: &mut Errors) {
    let bound = live["status"]["phase"] == "Bound";
    let fixed = |object: &Value| {
        let mut spec = object["spec"].clone();
        if let Value::Object(fields) = &mut spec {
            fields.remove("volumeAttributesClassName");
            if live["spec"]["volumeName"].is_null() {
                fields.remove("volumeName");
            }
            if live["spec"]["storageClassName"].is_null() && !bound {
                fields.remove("storageClassName");
            }
            if bound && let Some(resources) = fields.get_mut("resources").and_then(Value::as_object_mut) {
                resources.remove("requests");
            }
        }
        spec
    };
    if fixed(live) != fixed(object) {
        let detail =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        errors.push(FieldError::forbidden("spec", detail));
    }
    let (had, has) = (&live["status"]["capacity"]["storage"], &object["spec"]["resources"]["requests"]["storage"]);
    let less = pods::amount(has).zip(pods::amount(had)).is_some_and(|(has, had)| has < had);
    if bound && less {
        let detail = "field can not be less than status.capacity";
        errors.push(FieldError::forbidden("spec.resources.requests.storage", detail));
    }
}

fn data_keys(object: &Value, name: &str, errors: &mut Errors) -> usize {
    let mut size = 0;
    for (key, value) in object[name].as_object().into_iter().flatten() {
        let path = format!("{name}[{key}]");
        size += value.as_str().unwrap_or_default().len();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if key.len() > 253 {
            errors.push(FieldError::invalid(&path, &json!(key), "must be no more than 253 bytes"));
        }
        if key.is_empty() || !key.chars().all(plain) {
            errors.push(FieldError::invalid(&path, &json!(key), KEY));
        } else if key == "." || key == ".." {
            errors.push(FieldError::invalid(&path, &json!(key), format!("must not be '{key}'")));
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

/// Refuses changes of data that was declared immutable.
pub(super) fn immutable_data(live: &Value, object: &Value, fields: &[&str], errors: &mut Errors) {
    if live["immutable"] != json!(true) {
        return;
    }
    let detail = "field is immutable when `immutable` is set";
    if object["immutable"] != json!(true) {
        errors.push(FieldError::forbidden("immutable", detail));
    }
    for field in fields {
        if live.get(*field) != object.get(*field) {
            errors.push(FieldError::forbidden(*field, detail));
        }
    }
}

/// Checks a `ResourceQuota`.
pub(super) fn quota(object: &Value, errors: &mut Errors) {
    for (name, value) in object["spec"]["hard"].as_object().into_iter().flatten() {
        let path = format!("spec.hard[{name}]");
        let known = [
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
        if !known.contains(&name.as_str()) && !name.contains('/') && !name.contains("hugepages-") {
            let detail = "must be a standard resource type or fully qualified";
            errors.push(FieldError::invalid(&path, &json!(name), detail));
        }
        if pods::amount(value).is_some_and(|amount| amount < 0.0) {
            errors.push(FieldError::invalid(&path, value, "must be greater than or equal to 0"));
        }
    }
}

/// Checks a `LimitRange`.
pub(super) fn limit_range(object: &Value, errors: &mut Errors) {
    for (place, limit) in items(&object["spec"], "limits") {
        let path = format!("spec.limits[{place}]");
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
