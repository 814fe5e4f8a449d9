//! What a schema says of the types of values, and values of JSON as those types.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::escape::escaped;
use super::functions;
use super::values::{CelValue, ListValue, MapKey, Order};

/// The type of the values at one place of a schema.
#[derive(Debug)]
pub(super) struct Structure {
    /// The word of the schema: `object`.
    pub(super) word: Box<str>,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Text(Format),
    Integer,
    Number,
    Bool,
    IntOrString,
    List {
        items: Arc<Structure>,
        order: Order,
    },
    /// Fields by their names in JSON; each with its name in CEL.
    Object(BTreeMap<Box<str>, (Arc<str>, Arc<Structure>)>),
    Map(Arc<Structure>),
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Plain,
    DateTime,
    Date,
    Duration,
    Bytes,
}

/// How deep a schema is followed. What lies deeper is compared, but not looked into.
pub(super) const DEEPEST: usize = 64;

/// Whether a schema says so.
pub(super) fn flag(schema: &Json, name: &str) -> bool {
    schema[name] == Json::Bool(true)
}

impl Structure {
    /// Reads the type that a schema describes; `resource` for the root of an object of the API.
    pub(super) fn read(schema: &Json, resource: bool, depth: usize) -> Arc<Self> {
        let word = schema["type"].as_str().unwrap_or_default();
        let shape = if depth > DEEPEST { Shape::Unknown } else { shape(schema, word, resource, depth) };
        Arc::new(Self { word: word.into(), shape })
    }

    /// What tells the items of this list apart.
    pub(super) fn order(&self) -> &Order {
        match &self.shape {
            Shape::List { order, .. } => order,
            _ => &Order::Place,
        }
    }

    /// A value of JSON as a value of this type. One that does not fit is unknown to rules: the schema refuses it.
    pub(super) fn value(&self, json: &Json) -> CelValue {
        let unknown = || CelValue::Unknown(Arc::new(json.clone()));
        match (&self.shape, json) {
            (_, Json::Null) => CelValue::Null,
            (Shape::Text(format), Json::String(text)) => formatted(*format, text),
            (Shape::IntOrString, Json::String(text)) => CelValue::text(text),
            (Shape::IntOrString | Shape::Integer, Json::Number(number)) => {
                whole(number).map_or_else(unknown, CelValue::Int)
            }
            (Shape::Number, Json::Number(number)) => number.as_f64().map_or_else(unknown, CelValue::Double),
            (Shape::Bool, Json::Bool(value)) => CelValue::Bool(*value),
            (Shape::List { items, order }, Json::Array(list)) => {
                let items = list.iter().map(|item| items.value(item)).collect();
                CelValue::List(Arc::new(ListValue { items, order: order.clone() }))
            }
            (Shape::Object(fields), Json::Object(entries)) => {
                let entries = entries.iter().filter(|(_, value)| !value.is_null());
                let entries = entries.map(|(name, value)| match fields.get(name.as_str()) {
                    Some((name, of)) => (MapKey::Text(Arc::clone(name)), of.value(value)),
                    // No rule can name it; whether it changed counts where whole objects are compared.
                    None => (MapKey::Text(format!("\0{name}").into()), CelValue::Unknown(Arc::new(value.clone()))),
                });
                CelValue::Map(Arc::new(entries.collect()))
            }
            (Shape::Map(values), Json::Object(entries)) => {
                let entries =
                    entries.iter().map(|(name, value)| (MapKey::Text(name.as_str().into()), values.value(value)));
                CelValue::Map(Arc::new(entries.collect()))
            }
            _ => unknown(),
        }
    }

    /// Whether two values are the same as the server compares old with new: lists of keyed items in any order.
    pub(super) fn is_same(&self, new: &Json, old: &Json) -> bool {
        match (&self.shape, new, old) {
            (Shape::Object(fields), Json::Object(new), Json::Object(old)) => {
                let same = |(name, value): (&String, &Json)| {
                    let field = fields.get(name.as_str()).map(|(_, of)| of);
                    old.get(name).is_some_and(|old| field.map_or(value == old, |of| of.is_same(value, old)))
                };
                new.len() == old.len() && new.iter().all(same)
            }
            (Shape::Map(values), Json::Object(new), Json::Object(old)) => {
                let same =
                    |(name, value): (&String, &Json)| old.get(name).is_some_and(|old| values.is_same(value, old));
                new.len() == old.len() && new.iter().all(same)
            }
            (Shape::List { items, order: Order::Place }, Json::Array(new), Json::Array(old)) => {
                new.len() == old.len() && new.iter().zip(old).all(|(new, old)| items.is_same(new, old))
            }
            (Shape::List { items, order: Order::Keyed(_) }, Json::Array(new), Json::Array(old)) => {
                let fellow = |item: &Json| self.fellow(item, old);
                new.len() == old.len()
                    && new.iter().all(|item| fellow(item).is_some_and(|fellow| items.is_same(item, fellow)))
            }
            _ => new == old,
        }
    }

    /// The item of an old list that is the same one by its keys, of a list of keyed items.
    pub(super) fn fellow<'o>(&self, item: &Json, old: &'o [Json]) -> Option<&'o Json> {
        let Shape::List { items, order: Order::Keyed(keys) } = &self.shape else { return None };
        let Shape::Object(fields) = &items.shape else { return None };
        let names = fields.iter().filter(|(_, (escaped, _))| keys.iter().any(|key| **key == **escaped));
        let names: Vec<&str> = names.map(|(name, _)| &**name).collect();
        old.iter().find(|old| names.iter().all(|name| item.get(name) == old.get(name)))
    }
}

fn shape(schema: &Json, word: &str, resource: bool, depth: usize) -> Shape {
    if flag(schema, "x-kubernetes-int-or-string") {
        return Shape::IntOrString;
    }
    match word {
        "string" => Shape::Text(match schema["format"].as_str() {
            Some("date-time") => Format::DateTime,
            Some("date") => Format::Date,
            Some("duration") => Format::Duration,
            Some("byte") => Format::Bytes,
            _ => Format::Plain,
        }),
        "integer" => Shape::Integer,
        "number" => Shape::Number,
        "boolean" => Shape::Bool,
        "array" => Shape::List { items: Structure::read(&schema["items"], false, depth + 1), order: order(schema) },
        "object" => object(schema, resource, depth),
        _ => Shape::Unknown,
    }
}

fn object(schema: &Json, resource: bool, depth: usize) -> Shape {
    let resource = resource || flag(schema, "x-kubernetes-embedded-resource");
    let properties = schema["properties"].as_object();
    if properties.is_none() && !resource {
        let values = &schema["additionalProperties"];
        if values.is_object() {
            return Shape::Map(Structure::read(values, false, depth + 1));
        }
        return Shape::Object(BTreeMap::new());
    }
    let mut fields: BTreeMap<Box<str>, (Arc<str>, Arc<Structure>)> = BTreeMap::new();
    for (name, schema) in properties.into_iter().flatten() {
        if let Some(escaped) = escaped(name) {
            let of = Structure::read(schema, false, depth + 1);
            fields.insert(name.as_str().into(), (escaped.into(), of));
        }
    }
    if resource {
        let text = || serde_json::json!({"type": "string"});
        let metadata = serde_json::json!({"type": "object", "properties": {"name": text(), "generateName": text()}});
        for (name, schema) in [("apiVersion", text()), ("kind", text()), ("metadata", metadata)] {
            fields.insert(name.into(), (name.into(), Structure::read(&schema, false, depth + 1)));
        }
    }
    Shape::Object(fields)
}

fn order(schema: &Json) -> Order {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Order::Set,
        Some("atomic") => Order::Atomic,
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
            let keys = keys.filter_map(Json::as_str).map(|key| escaped(key).unwrap_or_else(|| key.to_owned()));
            Order::Keyed(keys.collect::<Vec<_>>().into())
        }
        _ => Order::Place,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a number without a fraction, within the bounds")]
fn whole(number: &serde_json::Number) -> Option<i64> {
    let fits = |number: &f64| number.fract() == 0.0 && number.abs() < 9e18;
    number.as_i64().or_else(|| number.as_f64().filter(fits).map(|number| number as i64))
}

fn formatted(format: Format, text: &str) -> CelValue {
    let read = match format {
        Format::Plain => None,
        Format::DateTime => functions::by_library("timestamp", &[CelValue::text(text)]),
        Format::Date => functions::by_library("timestamp", &[CelValue::text(&format!("{text}T00:00:00Z"))]),
        Format::Duration => functions::by_library("duration", &[CelValue::text(text)]),
        Format::Bytes => {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok();
            bytes.map(|bytes| CelValue::Bytes(bytes.into()))
        }
    };
    read.unwrap_or_else(|| CelValue::text(text))
}
