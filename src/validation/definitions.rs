//! Definitions of custom resources.

use serde_json::{Value, json};

use super::{Errors, FieldError, items, names, text};

/// Checks a `CustomResourceDefinition`.
pub(super) fn definition(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    let (group, plural) = (text(spec, "group"), text(&spec["names"], "plural"));
    if text(&object["metadata"], "name") != format!("{plural}.{group}") {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid("metadata.name", &object["metadata"]["name"], detail));
    }
    if group.is_empty() {
        errors.push(FieldError::required("spec.group", ""));
    } else if !group.contains('.') {
        errors.push(FieldError::invalid("spec.group", &spec["group"], "should be a domain with at least one dot"));
    }
    let scopes = ["Cluster", "Namespaced"];
    if !scopes.contains(&text(spec, "scope")) {
        errors.push(FieldError::unsupported("spec.scope", &json!(text(spec, "scope")), &scopes));
    }
    for name in ["plural", "kind"] {
        if text(&spec["names"], name).is_empty() {
            errors.push(FieldError::required(format!("spec.names.{name}"), ""));
        }
    }
    if !plural.is_empty() {
        for why in names::label(plural) {
            errors.push(FieldError::invalid("spec.names.plural", &json!(plural), why));
        }
    }
    versions(spec, errors);
}

fn versions(spec: &Value, errors: &mut Errors) {
    let mut stored = 0;
    for (place, version) in items(spec, "versions") {
        let path = format_args!("spec.versions[{place}]");
        stored += usize::from(version["storage"] == json!(true));
        let schema = &version["schema"]["openAPIV3Schema"];
        if schema.is_null() {
            let detail = "schemas are required";
            errors.push(FieldError::required(format!("{path}.schema.openAPIV3Schema"), detail));
        } else if text(schema, "type").is_empty() {
            let path = format_args!("{path}.schema.openAPIV3Schema.type");
            errors.push(FieldError::required(path, "must not be empty at the root"));
        } else if schema["type"] != "object" {
            let path = format_args!("{path}.schema.openAPIV3Schema.type");
            errors.push(FieldError::invalid(path, &schema["type"], "must be object at the root"));
        }
    }
    if stored != 1 {
        let names: Vec<&Value> = items(spec, "versions").map(|(_, version)| &version["name"]).collect();
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid("spec.versions", &json!(names), detail));
    }
}
