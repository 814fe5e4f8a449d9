//! Strict field validation of objects, independent of the crate's own: built-in kinds against `schemas/kubernetes`, custom
//! resources against their custom resource definitions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

/// Where the shared facts lie, if they do: `PARCELLE_SHARED`, or `../shared` beside the repository.
pub fn shared() -> Option<PathBuf> {
    let named = std::env::var_os("PARCELLE_SHARED").map(PathBuf::from);
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let beside = [repository.join("../shared"), repository.join("../../shared")];
    named.into_iter().chain(beside).find(|folder| folder.is_dir())
}

/// The schemas of all kinds that objects may be of.
pub struct Facts {
    builtin: Value,
    custom: BTreeMap<(String, String), Value>,
}

impl Facts {
    /// The built-in kinds, and the custom ones where their definitions are at hand.
    pub fn load() -> Self {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/kubernetes/1.36.json");
        let builtin = serde_json::from_slice(&std::fs::read(file).expect("the field facts")).expect("JSON");
        let custom = shared().map(|shared| custom(&shared.join("crds"))).unwrap_or_default();
        Self { builtin, custom }
    }

    /// Whether custom resources can be validated.
    pub fn has_custom(&self) -> bool {
        !self.custom.is_empty()
    }

    /// What is wrong with an object: one line a problem, each with its path.
    pub fn problems(&self, object: &Value) -> Vec<String> {
        let text = |name: &str| object[name].as_str().unwrap_or_default();
        let (version, kind) = (text("apiVersion"), text("kind"));
        let mut problems = Vec::new();
        if let Some(root) = self.builtin["kinds"][format!("{version}/{kind}")].as_str() {
            self.built_in(object, &self.builtin["types"][root], kind, &mut problems);
        } else if let Some(schema) = self.custom.get(&(version.to_owned(), kind.to_owned())) {
            let mut schema = schema.clone();
            for field in ["apiVersion", "kind", "metadata"] {
                schema["properties"][field] = serde_json::json!({ "x-kubernetes-preserve-unknown-fields": true });
            }
            custom_value(object, &schema, kind, false, &mut problems);
            self.built_in(&object["metadata"], &self.builtin["types"]["meta.v1.ObjectMeta"], "metadata", &mut problems);
        } else {
            problems.push(format!("no facts about {version} {kind}"));
        }
        problems
    }

    fn built_in(&self, value: &Value, schema: &Value, path: &str, problems: &mut Vec<String>) {
        let mut schema = schema;
        if let Some(reference) = schema["ref"].as_str() {
            schema = &self.builtin["types"][reference];
            if reference.ends_with(".Quantity") {
                return quantity(value, path, problems);
            }
        }
        if empty(value) {
            problems.push(format!("{path}: empty, so the server drops it"));
        }
        one_of(value, schema, path, problems);
        match schema["type"].as_str().unwrap_or_default() {
            "object" => self.built_in_object(value, schema, path, problems),
            "array" => match value.as_array() {
                Some(items) => {
                    for (at, item) in items.iter().enumerate() {
                        // An empty text stays in a list.
                        if item.as_str() != Some("") {
                            self.built_in(item, &schema["items"], &format!("{path}[{at}]"), problems);
                        }
                    }
                    unique_keys(items, &schema["keys"], path, problems);
                }
                None => problems.push(format!("{path}: {value} is no list")),
            },
            "string" if schema["format"] == "int-or-string" && value.is_i64() => {}
            kind => scalar(value, kind, path, problems),
        }
    }

    fn built_in_object(&self, value: &Value, schema: &Value, path: &str, problems: &mut Vec<String>) {
        let Some(entries) = value.as_object() else {
            return problems.push(format!("{path}: {value} is no object"));
        };
        required(entries, &schema["required"], path, problems);
        for (key, value) in entries {
            let field = &schema["fields"][key];
            if !field.is_null() {
                self.built_in(value, field, &format!("{path}.{key}"), problems);
            } else if !schema["values"].is_null() {
                // Values of maps may be empty.
                if value.as_str() != Some("") {
                    self.built_in(value, &schema["values"], &format!("{path}.{key}"), problems);
                }
            } else {
                problems.push(format!("{path}.{key}: unknown field"));
            }
        }
    }
}

fn custom(folder: &std::path::Path) -> BTreeMap<(String, String), Value> {
    let mut kinds = BTreeMap::new();
    let files = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    for file in files {
        let text = std::fs::read(file.path()).expect("a readable definition");
        let definition: Value = serde_json::from_slice(&text).expect("JSON");
        let spec = &definition["spec"];
        for version in spec["versions"].as_array().into_iter().flatten().filter(|version| version["served"] == true) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let api = format!("{}/{}", text(&spec["group"]), text(&version["name"]));
            kinds.insert((api, text(&spec["names"]["kind"])), version["schema"]["openAPIV3Schema"].clone());
        }
    }
    kinds
}

/// `whole` inside an atomic list: there the server writes defaults into our value, so ours must say them already.
fn custom_value(value: &Value, schema: &Value, path: &str, whole: bool, problems: &mut Vec<String>) {
    one_of(value, schema, path, problems);
    text_rules(value, schema, path, problems);
    if schema["x-kubernetes-int-or-string"] == true && (value.is_i64() || value.is_string()) {
        return;
    }
    match schema["type"].as_str() {
        Some("object") => custom_object(value, schema, path, whole, problems),
        Some("array") => {
            let Some(items) = value.as_array() else { return problems.push(format!("{path}: {value} is no list")) };
            let map = schema["x-kubernetes-list-type"] == "map";
            let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
            let least = schema["minItems"].as_u64().unwrap_or(0);
            if items.len() as u64 > most || (items.len() as u64) < least {
                problems.push(format!("{path}: {} items, {least} to {most} are allowed", items.len()));
            }
            for (at, item) in items.iter().enumerate() {
                custom_value(item, &schema["items"], &format!("{path}[{at}]"), whole || !map, problems);
            }
            unique_keys(items, &schema["x-kubernetes-list-map-keys"], path, problems);
        }
        Some(kind) => scalar(value, kind, path, problems),
        None => {}
    }
}

fn custom_object(value: &Value, schema: &Value, path: &str, whole: bool, problems: &mut Vec<String>) {
    let Some(entries) = value.as_object() else { return problems.push(format!("{path}: {value} is no object")) };
    required(entries, &schema["required"], path, problems);
    for (key, value) in entries {
        let field = &schema["properties"][key];
        if !field.is_null() {
            custom_value(value, field, &format!("{path}.{key}"), whole, problems);
        } else if schema["additionalProperties"].is_object() {
            custom_value(value, &schema["additionalProperties"], &format!("{path}.{key}"), whole, problems);
        } else if schema["x-kubernetes-preserve-unknown-fields"] != true && schema["additionalProperties"] != true {
            problems.push(format!("{path}.{key}: unknown field"));
        }
    }
    for (key, field) in schema["properties"].as_object().into_iter().flatten().filter(|_| whole) {
        if !field["default"].is_null() && !entries.contains_key(key) {
            problems.push(format!("{path}.{key}: its default is written into a list that is compared whole"));
        }
    }
}

fn required(entries: &serde_json::Map<String, Value>, wanted: &Value, path: &str, problems: &mut Vec<String>) {
    for name in wanted.as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !entries.contains_key(name) {
            problems.push(format!("{path}.{name}: missing"));
        }
    }
}

fn unique_keys(items: &[Value], keys: &Value, path: &str, problems: &mut Vec<String>) {
    let Some(keys) = keys.as_array() else { return };
    let key = |item: &Value| -> String {
        keys.iter().filter_map(Value::as_str).map(|key| format!("{}/", item[key])).collect()
    };
    let mut seen = std::collections::BTreeSet::new();
    for item in items {
        if !seen.insert(key(item)) {
            problems.push(format!("{path}: two items are {}", key(item)));
        }
    }
}

fn one_of(value: &Value, schema: &Value, path: &str, problems: &mut Vec<String>) {
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        problems.push(format!("{path}: {value} is none of {allowed:?}"));
    }
}

fn text_rules(value: &Value, schema: &Value, path: &str, problems: &mut Vec<String>) {
    if let (Some(text), Some(pattern)) = (value.as_str(), schema["pattern"].as_str())
        && !regex::Regex::new(pattern).expect("a pattern of a definition").is_match(text)
    {
        problems.push(format!("{path}: {text} does not match {pattern}"));
    }
    let length = |name: &str| schema[name].as_u64();
    if let Some(text) = value.as_str() {
        let count = text.chars().count() as u64;
        if length("maxLength").is_some_and(|most| count > most)
            || length("minLength").is_some_and(|least| count < least)
        {
            problems.push(format!("{path}: {text} is too long or too short"));
        }
    }
    if let Some(number) = value.as_f64() {
        let bound = |name: &str| schema[name].as_f64();
        if bound("minimum").is_some_and(|least| number < least) || bound("maximum").is_some_and(|most| number > most) {
            problems.push(format!("{path}: {number} is out of range"));
        }
    }
}

fn scalar(value: &Value, kind: &str, path: &str, problems: &mut Vec<String>) {
    let fits = match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => true,
    };
    if !fits {
        problems.push(format!("{path}: {value} is no {kind}"));
    }
}

/// What a server drops from built-in kinds; an empty object may be a struct that it keeps, so none is rendered either.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn quantity(value: &Value, path: &str, problems: &mut Vec<String>) {
    let Some(text) = value.as_str() else { return problems.push(format!("{path}: {value} is no quantity")) };
    match parcelle::merge::canonical_quantity(text) {
        Ok(canonical) if canonical == text => {}
        Ok(canonical) => problems.push(format!("{path}: {text} is stored as {canonical}")),
        Err(error) => problems.push(format!("{path}: {text}: {error}")),
    }
}

#[test]
fn the_validator_finds_what_a_server_refuses() {
    let facts = Facts::load();
    let object = serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "x" },
        "spec": {
            "replicaz": 1, "replicas": "2", "selector": { "matchLabels": { "a": "b" } }, "strategy": { "type": "Sometimes" },
            "template": { "spec": { "containers": [
                { "name": "a", "resources": { "requests": { "memory": "1024Mi" } } }, { "name": "a", "env": [] },
            ] } },
        },
    });
    let problems = facts.problems(&object).join("\n");
    for wanted in ["replicaz", "replicas", "none of", "1024Mi is stored as 1Gi", "two items", "empty"] {
        assert!(problems.contains(wanted), "{wanted} is not found in:\n{problems}");
    }
}
