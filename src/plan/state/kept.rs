//! What of a live object may be kept, in a snapshot: the fields that are ours, who owns which field, and the names of what
//! cannot stand beside ours. Values of others stay where they are, and are known again in what a server says of an object.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::ours::Ours;
use super::own_values::TypeAt;
use super::path;
use crate::kind;
use crate::kind::unions::{self, Union};
use crate::merge::Schemas;
use crate::plan::{GARDEN_LABEL, MANAGER, ORGANISATION_LABEL, has_value};

/// What the API server writes into `metadata` itself.
const OF_SERVER: [&str; 7] =
    ["name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"];

/// The part of a live object that may be kept; `wanted` is what we would apply.
pub(crate) fn kept(schemas: &Schemas, live: &Value, wanted: Option<&Value>) -> Value {
    let of = schemas.of(live);
    let ours = Ours::of(Some(live), wanted, of.as_ref());
    let mut body = match ours.visible(&mut String::new(), live).value {
        Some(Value::Object(body)) => body,
        _ => Map::new(),
    };
    let is_ours_alone = |key: &str| !matches!(key, "apiVersion" | "kind" | "metadata" | "status");
    for (key, value) in live.as_object().into_iter().flatten().filter(|(key, _)| is_ours_alone(key)) {
        name_siblings(ours.field(key), value, body.get_mut(key));
    }
    for name in ["apiVersion", "kind"] {
        body.insert(name.to_owned(), live[name].clone());
    }
    body.insert("metadata".to_owned(), metadata(ours, live, body.get("metadata")));
    body.remove("status");
    if let Some(result) = result_of_job(live) {
        body.insert("status".to_owned(), result);
    }
    if kind::SECRET.is_body(live) {
        let keys = live["data"].as_object().into_iter().flat_map(Map::keys).filter(|key| has_value(live, key));
        body.insert("data".to_owned(), keys.map(|key| (key.clone(), Value::from(""))).collect());
        body.remove("stringData");
    }
    let mut body = Value::Object(body);
    name_custom_siblings(ours, live, &mut body);
    body
}

/// The texts of a live object that are neither ours nor words of the API: what must not be told on.
pub(crate) fn texts_of_others(schemas: &Schemas, live: &Value, wanted: Option<&Value>) -> Vec<String> {
    let of = schemas.of(live);
    let ours = Ours::of(Some(live), wanted, of.as_ref());
    let mut texts = Vec::new();
    for (key, value) in live.as_object().into_iter().flatten() {
        if matches!(&**key, "apiVersion" | "kind" | "status") {
            continue;
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            if key == "metadata" && (name == "managedFields" || OF_SERVER.contains(&&**name)) {
                continue;
            }
            let mut path = format!("{key}.{name}");
            ours.field(key).field(name).each_hidden(&mut path, value, &mut |text| texts.push(text));
        }
    }
    let mut known: BTreeSet<&str> =
        ["name", "namespace"].iter().filter_map(|name| live["metadata"][*name].as_str()).collect();
    wanted.into_iter().for_each(|wanted| words(wanted, &mut known));
    // Whoever waits for an object to go must know for whom.
    ["/metadata/finalizers", "/spec/finalizers"]
        .iter()
        .filter_map(|at| live.pointer(at))
        .for_each(|at| words(at, &mut known));
    texts.retain(|text| !known.contains(&**text));
    texts
}

/// Every text of a value.
fn words<'v>(value: &'v Value, words_of: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(map) => map.values().for_each(|value| words(value, words_of)),
        Value::Array(items) => items.iter().for_each(|item| words(item, words_of)),
        Value::String(text) => drop(words_of.insert(text)),
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

fn metadata(ours: Ours<'_>, live: &Value, visible: Option<&Value>) -> Value {
    let (whole, live) = (live, &live["metadata"]);
    let mut kept = visible.and_then(Value::as_object).cloned().unwrap_or_default();
    for name in OF_SERVER {
        live.get(name).into_iter().for_each(|value| drop(kept.insert(name.to_owned(), value.clone())));
    }
    let mut kept = Value::Object(kept);
    for label in [GARDEN_LABEL, ORGANISATION_LABEL] {
        live["labels"].get(label).into_iter().for_each(|value| kept["labels"][label] = value.clone());
    }
    let entries = live["managedFields"].as_array().into_iter().flatten();
    let entries: Vec<Value> =
        entries.filter(|entry| entry["subresource"] != "status").map(|entry| books(ours, whole, entry)).collect();
    if !entries.is_empty() {
        kept["managedFields"] = entries.into();
    }
    kept
}

/// An entry of `managedFields` without what its keys say of others: the names and values of their items, and keys of maps.
fn books(ours: Ours<'_>, live: &Value, entry: &Value) -> Value {
    let mut entry = entry.clone();
    if entry["manager"] != MANAGER
        && let Some(fields) = entry.get_mut("fieldsV1")
    {
        let text = |name: &str| live[name].as_str().unwrap_or_default();
        let unions = unions::of_custom(kind::group_of(text("apiVersion")), text("kind"));
        let of_unions: BTreeSet<&str> =
            unions.flat_map(|(place, unions)| place.split('.').chain(unions.iter().flat_map(Union::fields))).collect();
        only_known(ours, &of_unions, fields);
    }
    entry
}

/// Keeps of the fields of others those that are ours, too, that every object of the kind has by its schema, and that decide what may
/// stand beside ours.
fn only_known(ours: Ours<'_>, of_unions: &BTreeSet<&str>, fields: &mut Value) {
    let Some(map) = fields.as_object_mut() else { return };
    map.retain(|key, below| {
        let place = if let Some(name) = key.strip_prefix("f:") {
            let is_declared = ours.at().is_some_and(|at| at.declares(name)) || of_unions.contains(name);
            Some(ours.field(name)).filter(|place| is_declared || place.is_ours())
        } else if let Some(value) = key.strip_prefix("v:") {
            let value = serde_json::from_str::<Value>(value).ok();
            value.map(|value| ours.item(None, &value)).filter(|place| place.is_ours())
        } else if let Some(keys) = key.strip_prefix("k:") {
            let item = serde_json::from_str::<Map<String, Value>>(keys).ok();
            item.and_then(|item| {
                let names: Vec<&str> = item.keys().map(String::as_str).collect();
                // The keys of an item are enough to find it by.
                Some(ours.item(Some(&names), &Value::Object(item.clone()))).filter(|place| place.is_ours())
            })
        } else {
            return key == ".";
        };
        let Some(place) = place else { return false };
        let was_leaf = below.as_object().is_none_or(Map::is_empty);
        only_known(place, of_unions, below);
        // What has nothing left would read as the field itself.
        was_leaf || below.as_object().is_some_and(|below| !below.is_empty())
    });
}

/// Puts empty values for what of others may not be able to stand beside ours: that it is there decides what an apply comes to.
fn name_siblings(ours: Ours<'_>, live: &Value, kept: Option<&mut Value>) {
    match (live, kept) {
        (Value::Object(live), Some(Value::Object(kept))) => {
            add_members(ours, ours.at().map(TypeAt::unions).unwrap_or_default(), live, kept);
            for (key, value) in live {
                name_siblings(ours.field(key), value, kept.get_mut(key));
            }
        }
        (Value::Array(live), Some(Value::Array(kept))) => {
            for kept in kept {
                let like = |item: &&Value| item["name"].is_string() && item["name"] == kept["name"];
                if let Some(item) = live.iter().find(like) {
                    name_siblings(ours.item(Some(&["name"]), item), item, Some(kept));
                }
            }
        }
        _ => {}
    }
}

/// The same for custom kinds, whose unions are known by their place.
fn name_custom_siblings(ours: Ours<'_>, live: &Value, kept: &mut Value) {
    let text = |name: &str| live[name].as_str().unwrap_or_default();
    for (place, unions) in unions::of_custom(kind::group_of(text("apiVersion")), text("kind")) {
        let steps = || place.split('.');
        let at = steps().fold(ours, Ours::field);
        let pointer: String = steps().map(|step| format!("/{}", path::escape(step))).collect();
        if let (Some(Value::Object(live)), Some(Value::Object(kept))) =
            (live.pointer(&pointer), kept.pointer_mut(&pointer))
        {
            add_members(at, unions, live, kept);
        }
    }
}

fn add_members(ours: Ours<'_>, unions: &[Union], live: &Map<String, Value>, kept: &mut Map<String, Value>) {
    for name in unions.iter().flat_map(Union::fields) {
        let value = live.get(name).filter(|value| !value.is_null() && !kept.contains_key(name));
        if let Some(value) = value {
            // One of the words that the API has for it says nothing of anybody.
            let is_word = |word: &str| ours.field(name).at().is_some_and(|at| at.is_own_word(word));
            let value = if value.as_str().is_some_and(is_word) { value.clone() } else { emptied(value) };
            kept.insert(name.to_owned(), value);
        }
    }
}

/// The words of a label selector.
const SELECTOR_WORDS: [&str; 2] = ["matchLabels", "matchExpressions"];

/// A value of the same kind that says nothing of anybody, and no less than the value does.
fn emptied(value: &Value) -> Value {
    match value {
        // A selection that narrows nothing says less than one that does.
        Value::Object(fields) => {
            let words = SELECTOR_WORDS.into_iter().filter(|word| fields.contains_key(*word));
            words.map(|word| (word.to_owned(), emptied(&fields[word]))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().take(1).map(emptied).collect(),
        Value::String(_) => "".into(),
        Value::Number(_) => 0.into(),
        Value::Bool(_) | Value::Null => false.into(),
    }
}

/// Whether a Job is through, in the words of its conditions.
fn result_of_job(live: &Value) -> Option<Value> {
    if !kind::JOB.is_body(live) {
        return None;
    }
    let conditions = live["status"]["conditions"].as_array()?.iter();
    let ended =
        conditions.filter(|one| (one["type"] == "Complete" || one["type"] == "Failed") && one["status"] == "True");
    let ended: Vec<Value> = ended.map(|one| json!({ "type": one["type"], "status": "True" })).collect();
    (!ended.is_empty()).then(|| json!({ "conditions": ended }))
}
