//! Types of the fields of built-in kinds, with the names that the real server's errors use.

use std::sync::LazyLock;

use serde_json::Value;

use super::resources::ServedResource;

static FACTS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../schemas/kubernetes/1.36.json"))
        .expect("the field facts are part of the program")
});

/// What is wrong with the first field of the wrong type, as in `json: cannot unmarshal string into Go
/// struct field DeploymentSpec.spec.replicas of type int32`.
pub(crate) fn mismatch(resource: &ServedResource, object: &Value) -> Option<String> {
    let kind = format!("{}/{}", resource.api_version(), resource.kind);
    let root = FACTS["kinds"][kind].as_str()?;
    in_struct(root, object, "")
}

/// `v1.DeploymentSpec` of `api.apps.v1.DeploymentSpec`.
fn short(name: &str) -> String {
    let mut parts = name.rsplit('.');
    let last = parts.next().unwrap_or_default();
    let package = parts.next().unwrap_or_default();
    format!("{package}.{last}")
}

fn in_struct(name: &str, value: &Value, path: &str) -> Option<String> {
    let fields = value.as_object()?;
    let known = &FACTS["types"][name]["fields"];
    let own = name.rsplit('.').next().unwrap_or_default();
    fields.iter().find_map(|(key, value)| {
        let fact = known.get(key)?;
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        in_field(own, fact, value, &path)
    })
}

/// The Go type of a field, `None` where values of several types are read.
fn go_type(fact: &Value) -> Option<String> {
    if let Some(name) = fact["ref"].as_str() {
        let of = &FACTS["types"][name];
        return (of["type"] == "object" && of["fields"].is_object()).then(|| short(name));
    }
    Some(match (fact["type"].as_str()?, fact["format"].as_str()) {
        ("integer", Some(format)) => format.to_owned(),
        ("integer", None) => "int".to_owned(),
        ("number", _) => "float64".to_owned(),
        ("boolean", _) => "bool".to_owned(),
        ("string", None) => "string".to_owned(),
        ("array", _) => format!("[]{}", go_type(&fact["items"]).unwrap_or_default()),
        ("object", _) => format!("map[string]{}", go_type(&fact["values"]).unwrap_or_default()),
        _ => return None,
    })
}

fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn in_field(own: &str, fact: &Value, value: &Value, path: &str) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let of = go_type(fact)?;
    let fits = match value {
        Value::Null => true,
        Value::Bool(_) => of == "bool",
        Value::Number(number) => of == "float64" || (of.starts_with("int") && !number.is_f64()),
        Value::String(_) => of == "string",
        Value::Array(_) => of.starts_with("[]"),
        Value::Object(_) => of.starts_with("map[") || fact["ref"].is_string(),
    };
    if !fits {
        let found = match value {
            Value::Number(number) if of.starts_with("int") => format!("number {number}"),
            other => word(other).to_owned(),
        };
        return Some(format!("json: cannot unmarshal {found} into Go struct field {own}.{path} of type {of}"));
    }
    match value {
        Value::Object(_) if fact["ref"].is_string() => in_struct(fact["ref"].as_str()?, value, path),
        Value::Object(fields) => fields.values().find_map(|value| in_field(own, &fact["values"], value, path)),
        Value::Array(items) => items.iter().find_map(|item| in_field(own, &fact["items"], item, path)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sandbox::resources::Registry;

    #[test]
    fn the_first_field_of_a_wrong_type_is_named_as_by_the_server() {
        let registry = Registry::new(Vec::new());
        let resource = registry.find("apps", "v1", "deployments").unwrap();
        let why = |spec: Value| mismatch(resource, &json!({"kind": "Deployment", "spec": spec}));
        assert_eq!(
            why(json!({"replicas": "many"})).unwrap(),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
        assert_eq!(
            why(json!({"template": {"spec": {"containers": [{"name": 1}]}}})).unwrap(),
            "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type string"
        );
        let good = json!({"replicas": 1, "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "template": {"metadata": {"creationTimestamp": null, "labels": {"a": "b"}}, "spec": {"containers": [
                {"name": "a", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}},
                 "livenessProbe": {"httpGet": {"port": "http"}}}]}}});
        assert_eq!(why(good), None);
    }
}
