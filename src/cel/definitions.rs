//! The rules of the definitions of one cluster, and the little of a definition that they need.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value as Json};

use super::nodes::has_rules;
use super::{Left, Rules};

/// The largest definition that is kept, in bytes, once it is reduced to what rules need.
const LARGEST: usize = 2 << 20;

/// What a cluster's definitions ask of custom resources, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct DefinitionRules {
    kinds: BTreeMap<String, Rules>,
    /// The definitions with rules by their names, reduced; as text, since most are never looked at again.
    definitions: BTreeMap<String, Box<str>>,
    /// What was said already of rules that are left to the server.
    told: Mutex<BTreeSet<Left>>,
}

fn key(api_version: &str, kind: &str) -> String {
    format!("{api_version} {kind}")
}

impl DefinitionRules {
    /// Takes in the rules of a definition, of those versions that are wanted (`postgresql.cnpg.io/v1`).
    pub(crate) fn add(&mut self, definition: &Json, wanted: impl Fn(&str) -> bool) {
        let Some(reduced) = reduced(definition, wanted) else { return };
        let text = reduced.to_string();
        let Some(name) = reduced["metadata"]["name"].as_str().filter(|_| text.len() <= LARGEST) else { return };
        let spec = &reduced["spec"];
        let word = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        for version in spec["versions"].as_array().into_iter().flatten() {
            let api_version = format!("{}/{}", word(&spec["group"]), word(&version["name"]));
            if let Some(rules) = Rules::read(&version["schema"]["openAPIV3Schema"]) {
                self.kinds.insert(key(&api_version, &word(&spec["names"]["kind"])), rules);
            }
        }
        self.definitions.insert(name.to_owned(), text.into());
    }

    /// The rules that objects of a kind keep.
    pub(crate) fn of(&self, api_version: &str, kind: &str) -> Option<&Rules> {
        if self.kinds.is_empty() { None } else { self.kinds.get(&key(api_version, kind)) }
    }

    /// The definitions, reduced to what rules need, by their names.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.definitions.iter().map(|(name, text)| (name.as_str(), &**text))
    }

    /// Of what is left to the server, that which was not said yet.
    pub(crate) fn news(&self, left: BTreeSet<Left>) -> Vec<Left> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        left.into_iter().filter(|one| told.insert(one.clone())).collect()
    }
}

/// A definition without all that rules do not need; `None` where none of the wanted versions has rules.
fn reduced(definition: &Json, wanted: impl Fn(&str) -> bool) -> Option<Json> {
    let spec = &definition["spec"];
    let group = spec["group"].as_str()?;
    let versions = spec["versions"].as_array().into_iter().flatten().filter(|version| {
        let name = version["name"].as_str().unwrap_or_default();
        wanted(&format!("{group}/{name}")) && has_rules(&version["schema"]["openAPIV3Schema"])
    });
    let versions: Vec<Json> = versions
        .map(|version| {
            let mut schema = schema_of(&version["schema"]["openAPIV3Schema"]);
            // What operators write is nothing that we say; a rule about the whole object may look at it.
            if schema["x-kubernetes-validations"].is_null()
                && let Some(fields) = schema["properties"].as_object_mut()
            {
                fields.remove("status");
            }
            serde_json::json!({
                "name": version["name"],
                "schema": {"openAPIV3Schema": schema},
                "subresources": version["subresources"],
            })
        })
        .collect();
    let names = serde_json::json!({"kind": spec["names"]["kind"], "plural": spec["names"]["plural"]});
    (!versions.is_empty()).then(|| {
        serde_json::json!({
            "metadata": {"name": definition["metadata"]["name"]},
            "spec": {"group": group, "names": names, "scope": spec["scope"], "versions": versions},
        })
    })
}

/// What rules, types and defaults need of a schema.
const KEPT: [&str; 8] = ["type", "format", "nullable", "default", "maxItems", "maxLength", "maxProperties", "required"];

fn schema_of(schema: &Json) -> Json {
    let Some(fields) = schema.as_object() else { return schema.clone() };
    let mut kept = Map::new();
    for (name, value) in fields {
        let value = match name.as_str() {
            "properties" => {
                let all = value.as_object().into_iter().flatten();
                Json::Object(all.map(|(name, schema)| (name.clone(), schema_of(schema))).collect())
            }
            "items" | "additionalProperties" => schema_of(value),
            "allOf" => value.as_array().into_iter().flatten().map(schema_of).collect(),
            word if KEPT.contains(&word) || word.starts_with("x-kubernetes-") => value.clone(),
            _ => continue,
        };
        kept.insert(name.clone(), value);
    }
    Json::Object(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_definition_only_what_rules_need_is_kept() {
        let version = |name: &str, rules: Json| {
            json!({"name": name, "served": true, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": {
                "type": "object", "description": "long", "properties": {
                    "status": {"type": "object"},
                    "spec": {"type": "object", "description": "long", "required": ["description"],
                        "x-kubernetes-validations": rules,
                        "properties": {"description": {"type": "string", "pattern": "x", "default": "a", "title": "t"}}}}}}})
        };
        let rules = json!([{"rule": "self.description != 'b'"}]);
        let definition = json!({"metadata": {"name": "ks.g", "uid": "1"}, "spec": {"group": "g", "scope": "Namespaced",
            "names": {"kind": "K", "plural": "ks", "shortNames": ["k"]},
            "versions": [version("v1", rules.clone()), version("v2", rules), version("v3", json!([]))]}});
        let mut known = DefinitionRules::default();
        known.add(&definition, |version| version != "g/v2");
        assert!(known.of("g/v1", "K").is_some());
        assert!(known.of("g/v2", "K").is_none(), "nothing is of that version");
        assert!(known.of("g/v3", "K").is_none(), "it has no rules");
        let text: Vec<_> = known.definitions().collect();
        assert_eq!(text[0].0, "ks.g");
        for word in ["long", "pattern", "title", "uid", "status\":{\"type", "shortNames", "v2", "v3"] {
            assert!(!text[0].1.contains(word), "{word} in {}", text[0].1);
        }
        assert!(text[0].1.contains("\"description\":{\"default\":\"a\",\"type\":\"string\"}"), "{}", text[0].1);
        let mut again = DefinitionRules::default();
        again.add(&serde_json::from_str(text[0].1).unwrap(), |_| true);
        assert_eq!(again.definitions().collect::<Vec<_>>(), text, "what was kept is enough to keep again");
        let left = BTreeSet::from([Left { rule: "r".to_owned(), why: "w".to_owned() }]);
        assert_eq!((known.news(left.clone()).len(), known.news(left).len()), (1, 0), "said once");
    }
}
