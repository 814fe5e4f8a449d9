//! Resources that definitions (`CustomResourceDefinition`) add, and the schemas of their objects: pruning and defaults.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::resources::ServedResource;
use crate::cel::Rules;
pub(crate) use crate::validation::fill;
use crate::validation::{flag, joined, words};

/// What a definition says about its objects, beyond what discovery shows.
#[derive(Debug)]
pub(crate) struct Custom {
    /// Name of the definition, `PLURAL.GROUP`.
    pub(crate) definition: String,
    versions: BTreeMap<String, Version>,
}

#[derive(Debug)]
struct Version {
    schema: Value,
    rules: Option<Rules>,
    scale: Option<ScalePaths>,
    selectable: Vec<String>,
    /// What is warned of where the version goes away; empty for the server's own words.
    deprecation: Option<String>,
}

/// Where the scale subresource finds its fields: dotted paths without the leading dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScalePaths {
    /// Wanted number, such as `spec.replicas`.
    pub(crate) wanted: String,
    /// Present number, such as `status.replicas`.
    pub(crate) present: String,
    /// Selector of pods, if there is one.
    pub(crate) selector: Option<String>,
}

impl Custom {
    /// Schema of the objects of one version: the value of `openAPIV3Schema`.
    pub(crate) fn schema(&self, version: &str) -> &Value {
        self.versions.get(version).map_or(&Value::Null, |version| &version.schema)
    }

    /// Rules in CEL of the objects of one version.
    pub(crate) fn rules(&self, version: &str) -> Option<&Rules> {
        self.versions.get(version)?.rules.as_ref()
    }

    /// Paths of the scale subresource of one version.
    pub(crate) fn scale(&self, version: &str) -> Option<&ScalePaths> {
        self.versions.get(version)?.scale.as_ref()
    }

    /// What is warned of where a version goes away; empty for the server's own words.
    pub(crate) fn deprecation(&self, version: &str) -> Option<&str> {
        self.versions.get(version)?.deprecation.as_deref()
    }

    /// Whether a field selector may name that path.
    pub(crate) fn selectable(&self, version: &str, path: &str) -> bool {
        self.versions.get(version).is_some_and(|version| version.selectable.iter().any(|known| known == path))
    }
}

const VERBS: [&str; 8] = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn version(value: &Value) -> Version {
    let path = |value: &Value| value.as_str().map(|path| path.trim_start_matches('.').to_owned());
    let scale = &value["subresources"]["scale"];
    let scale = path(&scale["specReplicasPath"]).map(|wanted| ScalePaths {
        wanted,
        present: path(&scale["statusReplicasPath"]).unwrap_or_default(),
        selector: path(&scale["labelSelectorPath"]),
    });
    let selectable = value["selectableFields"].as_array().into_iter().flatten();
    let schema = value["schema"]["openAPIV3Schema"].clone();
    Version {
        rules: Rules::read(&schema),
        schema,
        scale,
        selectable: selectable.filter_map(|field| path(&field["jsonPath"])).collect(),
        deprecation: flag(value, "deprecated").then(|| text(&value["deprecationWarning"])),
    }
}

/// The resources that a definition serves, one for each served version, the storage version first.
pub(crate) fn served(definition: &Value) -> Vec<ServedResource> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let versions: Vec<&Value> = spec["versions"].as_array().into_iter().flatten().collect();
    let storage = versions
        .iter()
        .find(|version| version["storage"] == json!(true))
        .map(|version| text(&version["name"]))
        .unwrap_or_default();
    let custom = std::sync::Arc::new(Custom {
        definition: text(&definition["metadata"]["name"]),
        versions: versions.iter().map(|value| (text(&value["name"]), version(value))).collect(),
    });
    let mut served: Vec<ServedResource> = versions
        .iter()
        .filter(|version| version["served"] == json!(true))
        .map(|version| ServedResource {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            plural: text(&names["plural"]),
            singular: text(&names["singular"]),
            kind: text(&names["kind"]),
            namespaced: spec["scope"] == json!("Namespaced"),
            verbs: VERBS.iter().map(ToString::to_string).collect(),
            short_names: words(&names["shortNames"]),
            categories: words(&names["categories"]),
            subresources: ["status", "scale"]
                .into_iter()
                .filter(|name| version["subresources"][name].is_object())
                .map(str::to_owned)
                .collect(),
            list_kind: names["listKind"].as_str().map(str::to_owned),
            custom: Some(std::sync::Arc::clone(&custom)),
        })
        .collect();
    served.sort_by_key(|resource| resource.version != storage);
    served
}

/// Removes fields that the schema does not know and returns their paths. Root objects keep
/// apiVersion, kind and metadata.
pub(crate) fn prune(schema: &Value, object: &mut Value) -> Vec<String> {
    let mut gone = Vec::new();
    prune_at(schema, object, "", true, &mut gone);
    gone
}

fn prune_at(schema: &Value, value: &mut Value, path: &str, resource: bool, gone: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                let path = format!("{path}[{place}]");
                prune_at(&schema["items"], item, &path, false, gone);
            }
        }
        Value::Object(fields) => prune_fields(schema, fields, path, resource, gone),
        _ => {}
    }
}

fn prune_fields(schema: &Value, fields: &mut Map<String, Value>, path: &str, resource: bool, gone: &mut Vec<String>) {
    let preserve = flag(schema, "x-kubernetes-preserve-unknown-fields");
    let resource = resource || flag(schema, "x-kubernetes-embedded-resource");
    let properties = schema["properties"].as_object();
    let values = &schema["additionalProperties"];
    let open = preserve || values.is_object() || *values == json!(true);
    fields.retain(|key, value| {
        let below = joined(path, key);
        if resource && ["apiVersion", "kind", "metadata"].contains(&key.as_str()) {
            return true;
        }
        if let Some(schema) = properties.and_then(|properties| properties.get(key)) {
            prune_at(schema, value, &below, false, gone);
            return true;
        }
        if values.is_object() {
            prune_at(values, value, &below, false, gone);
        }
        if !open {
            gone.push(below);
        }
        open
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["size"],
        "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 9},
            "water": {"type": "string", "default": "daily"},
            "beds": {"type": "array", "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
        }}}})
    }

    #[test]
    fn unknown_fields_are_pruned_and_defaults_come_in() {
        let mut object = json!({"kind": "K", "metadata": {"x": 1},
            "spec": {"size": 1, "colour": "red", "beds": [{"name": "a", "y": 1}]}, "more": {}});
        let mut gone = prune(&schema(), &mut object);
        gone.sort();
        assert_eq!(gone, ["more", "spec.beds[0].y", "spec.colour"]);
        fill(&schema(), &mut object);
        assert_eq!(object["spec"], json!({"size": 1, "beds": [{"name": "a"}], "water": "daily"}));
    }
}
