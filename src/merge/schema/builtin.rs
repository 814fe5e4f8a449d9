//! The built-in kinds: field facts and zero values, both compiled in.
//!
//! `1.36-zero-values.json` says of each type which fields differ from the rule that zero values vanish: `pointer` (a zero
//! value stays), `zero`, `null` and `struct` (always written), `intstr` and `quantity` (always written, `0`). It was read off
//! the JSON tags of the API types, release 1.36; a list that defaults tell from an absent one is among the pointers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    Empty, FieldSchema, Kinds, List, ListKind, ObjectSchema, ScalarKind, TypeId, TypeRef, TypeSchema, TypeShape,
    TypeTable,
};
use crate::kind::{self, unions};

const FACTS: &str = include_str!("../../../schemas/kubernetes/1.36.json");
const ZERO_VALUES: &str = include_str!("../../../schemas/kubernetes/1.36-zero-values.json");

/// Every built-in kind by `(apiVersion, kind)`.
pub(super) fn parse() -> Kinds {
    let facts: Value = serde_json::from_str(FACTS).expect("the facts are JSON, a test reads them");
    let zero: Value = serde_json::from_str(ZERO_VALUES).expect("the zero values are JSON, a test reads them");
    let empty = Map::new();
    let types = facts["types"].as_object().unwrap_or(&empty);
    let mut reader = Reader { types, zero: &zero, ids: BTreeMap::new(), table: TypeTable::default() };
    for name in types.keys() {
        let id = reader.table.push(TypeShape::Any.into());
        reader.ids.insert(name, id);
    }
    for (name, declared) in types {
        let id = reader.ids[name.as_str()];
        let one = reader.read_named(name, declared);
        reader.table.types[id.0 as usize] = one;
    }
    let ids = std::mem::take(&mut reader.ids);
    let table = Arc::new(reader.table);
    let kinds = facts["kinds"].as_object().unwrap_or(&empty);
    kinds
        .iter()
        .filter_map(|(name, of)| {
            let (version, kind) = name.rsplit_once('/')?;
            let root = *ids.get(of.as_str()?)?;
            let status = kind::facts(kind::group_of(version), kind).status_subresource;
            Some(((version.into(), kind.into()), TypeRef { table: Arc::clone(&table), root, custom: false, status }))
        })
        .collect()
}

struct Reader<'f> {
    types: &'f Map<String, Value>,
    zero: &'f Value,
    ids: BTreeMap<&'f str, TypeId>,
    table: TypeTable,
}

impl<'f> Reader<'f> {
    fn read_named(&mut self, name: &str, declared: &'f Value) -> TypeSchema {
        match name {
            "apimachinery.pkg.api.resource.Quantity" => TypeShape::Scalar(ScalarKind::Quantity).into(),
            "meta.v1.Time" => TypeShape::Scalar(ScalarKind::Time).into(),
            "meta.v1.MicroTime" => TypeShape::Scalar(ScalarKind::MicroTime).into(),
            "apimachinery.pkg.util.intstr.IntOrString" => TypeShape::Scalar(ScalarKind::IntOrString).into(),
            _ => self.read(name, declared),
        }
    }

    /// A reference keeps the type it names, unless it says otherwise about atomicity.
    fn reference(&mut self, declared: &'f Value) -> TypeId {
        let Some(name) = declared["ref"].as_str() else {
            let one = self.read("", declared);
            return self.table.push(one);
        };
        let types = self.types;
        match (declared["map"].as_str(), types.get(name)) {
            (Some(relationship), Some(named)) => {
                let mut one = self.read_named(name, named);
                if let TypeShape::Map(object) = &mut one.shape {
                    object.atomic = relationship == "atomic";
                }
                self.table.push(one)
            }
            _ => self.ids.get(name).copied().unwrap_or_else(|| self.table.push(TypeShape::Any.into())),
        }
    }

    fn read(&mut self, name: &str, declared: &'f Value) -> TypeSchema {
        let shape = match declared["type"].as_str() {
            Some("object") => self.read_object(name, declared),
            Some("array") => self.read_list(declared),
            Some("string") => TypeShape::Scalar(match declared["format"].as_str() {
                Some("int-or-string") => ScalarKind::IntOrString,
                Some("byte") => ScalarKind::Bytes,
                _ => ScalarKind::String,
            }),
            Some("integer") => TypeShape::Scalar(match declared["format"].as_str() {
                Some("int32") => ScalarKind::SmallInteger,
                _ => ScalarKind::Integer,
            }),
            Some("number") => TypeShape::Scalar(ScalarKind::Number),
            Some("boolean") => TypeShape::Scalar(ScalarKind::Boolean),
            _ => TypeShape::Any,
        };
        TypeSchema { allowed: texts(&declared["enum"]), ..shape.into() }
    }

    fn read_object(&mut self, name: &str, declared: &'f Value) -> TypeShape {
        let mut fields = BTreeMap::new();
        if let Some(members) = declared["fields"].as_object() {
            for (field, of) in members {
                let of = self.reference(of);
                fields.insert(field.as_str().into(), FieldSchema { of, empty: Empty::Vanishes });
            }
        }
        self.read_zero_values(name, &mut fields);
        let values = match &declared["values"] {
            Value::Null if fields.is_empty() => Some(self.table.push(TypeShape::Any.into())),
            Value::Null => None,
            values => Some(self.reference(values)),
        };
        let preserve_unknown = declared["values"].is_null() && fields.is_empty();
        let unions = unions::of_type(name);
        TypeShape::Map(ObjectSchema { atomic: declared["map"] == "atomic", fields, values, preserve_unknown, unions })
    }

    /// Structures that a field refers to stay when they are empty; the file says where fields differ from the rule.
    fn read_zero_values(&self, name: &str, fields: &mut BTreeMap<Box<str>, FieldSchema>) {
        for (declared, empty) in [
            ("pointer", Empty::Stays),
            ("zero", Empty::Zero),
            ("intstr", Empty::Zero),
            ("quantity", Empty::Zero),
            ("null", Empty::Null),
            ("struct", Empty::Object),
        ] {
            for field in texts(&self.zero[name][declared]) {
                if let Some(known) = fields.get_mut(&field) {
                    known.empty = empty;
                }
            }
        }
    }

    fn read_list(&mut self, declared: &'f Value) -> TypeShape {
        let kind = match declared["list"].as_str() {
            Some("set") => ListKind::Set,
            Some("map") => {
                let item = declared["items"]["ref"].as_str().unwrap_or_default();
                let keys = texts(&declared["keys"]);
                ListKind::Map(keys.into_iter().map(|key| (key.clone(), self.key_default(item, &key))).collect())
            }
            _ => ListKind::Atomic,
        };
        let items = self.reference(&declared["items"]);
        TypeShape::List(List { kind, items, merge_key: declared["mergeKey"].as_str().map(Into::into) })
    }

    /// The value that an absent key stands for: `TCP` for protocols, the zero value for what is always written.
    fn key_default(&self, item: &str, key: &str) -> Option<Value> {
        if key == "protocol" {
            return Some(json!("TCP"));
        }
        let always = texts(&self.zero[item]["zero"]).iter().any(|field| **field == *key);
        let number = self.types.get(item).is_some_and(|of| of["fields"][key]["type"] == "integer");
        always.then(|| if number { json!(0) } else { json!("") })
    }
}

fn texts(list: &Value) -> Vec<Box<str>> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect()
}
