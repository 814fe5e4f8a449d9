//! Roles and bindings.

use serde_json::Value;

use super::{Errors, FieldError, items, text};

/// Checks a `Role` or `ClusterRole`.
pub(super) fn role(namespaced: bool, object: &Value, errors: &mut Errors) {
    for (place, rule) in items(object, "rules") {
        let path = format_args!("rules[{place}]");
        let none = |name: &str| rule[name].as_array().is_none_or(Vec::is_empty);
        if none("verbs") {
            errors.push(FieldError::required(format!("{path}.verbs"), "verbs must contain at least one value"));
        }
        if !none("nonResourceURLs") {
            if namespaced {
                let detail = "namespaced rules cannot apply to non-resource URLs";
                errors.push(FieldError::invalid(format!("{path}.nonResourceURLs"), &rule["nonResourceURLs"], detail));
            }
            if !none("apiGroups") || !none("resources") || !none("resourceNames") {
                let detail = "rules cannot apply to both regular resources and non-resource URLs";
                errors.push(FieldError::invalid(format!("{path}.nonResourceURLs"), &rule["nonResourceURLs"], detail));
            }
            continue;
        }
        if none("apiGroups") {
            let detail = "resource rules must supply at least one api group";
            errors.push(FieldError::required(format!("{path}.apiGroups"), detail));
        }
        if none("resources") {
            let detail = "resource rules must supply at least one resource";
            errors.push(FieldError::required(format!("{path}.resources"), detail));
        }
    }
}

/// Checks a `RoleBinding` or `ClusterRoleBinding`.
pub(super) fn binding(object: &Value, errors: &mut Errors) {
    let reference = &object["roleRef"];
    let namespaced = object["metadata"]["namespace"].is_string();
    let kinds: &[&str] = if namespaced { &["ClusterRole", "Role"] } else { &["ClusterRole"] };
    if !kinds.contains(&text(reference, "kind")) {
        errors.push(FieldError::unsupported("roleRef.kind", &Value::from(text(reference, "kind")), kinds));
    }
    if text(reference, "name").is_empty() {
        errors.push(FieldError::required("roleRef.name", ""));
    }
    for (place, subject) in items(object, "subjects") {
        let path = format_args!("subjects[{place}]");
        if text(subject, "name").is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        }
        match text(subject, "kind") {
            "ServiceAccount" if text(subject, "namespace").is_empty() => {
                errors.push(FieldError::required(format!("{path}.namespace"), ""));
            }
            "ServiceAccount" | "User" | "Group" => {}
            other => {
                let kinds = ["Group", "ServiceAccount", "User"];
                errors.push(FieldError::unsupported(format!("{path}.kind"), &Value::from(other), &kinds));
            }
        }
    }
}

/// Checks how a binding changed.
pub(super) fn binding_change(live: &Value, object: &Value, errors: &mut Errors) {
    if live["roleRef"] != object["roleRef"] {
        errors.push(FieldError::invalid("roleRef", &object["roleRef"], "cannot change roleRef"));
    }
}
