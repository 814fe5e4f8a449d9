//! Custom kinds: the schemas of a `CustomResourceDefinition`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{
    BUILTIN, Empty, FieldSchema, Kinds, List, ListKind, ObjectSchema, ScalarKind, TypeId, TypeRef, TypeSchema,
    TypeShape, TypeTable,
};
use crate::kind::unions::{self, Union};

/// Why a definition could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaError {
    /// The object lacks what every definition has.
    #[error("the definition has no `{0}`")]
    Missing(&'static str),
    /// A version has no schema with a structure.
    #[error("version `{0}` of the definition has no structural schema")]
    NoSchema(String),
}

/// Every version of the definition by `(apiVersion, kind)`.
pub(super) fn parse(definition: &Value) -> Result<Kinds, SchemaError> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str);
    let group = text("/spec/group").ok_or(SchemaError::Missing("spec.group"))?;
    let kind = text("/spec/names/kind").ok_or(SchemaError::Missing("spec.names.kind"))?;
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let versions = versions.ok_or(SchemaError::Missing("spec.versions"))?;
    versions
        .iter()
        .map(|version| {
            let name = version["name"].as_str().ok_or(SchemaError::Missing("spec.versions[].name"))?;
            let schema = &version["schema"]["openAPIV3Schema"];
            if !schema.is_object() {
                return Err(SchemaError::NoSchema(name.to_owned()));
            }
            let status = version["subresources"]["status"].is_object();
            let of = read_kind(
                schema,
                definition.pointer("/spec/preserveUnknownFields") == Some(&Value::Bool(true)),
                status,
                unions::of_custom(group, kind),
            );
            Ok(((format!("{group}/{name}"), kind.to_owned()), of))
        })
        .collect()
}

fn read_kind(
    schema: &Value,
    preserve: bool,
    status: bool,
    unions: impl Iterator<Item = (&'static str, &'static [Union])>,
) -> TypeRef {
    let mut table = TypeTable::default();
    let root = read_root(&mut table, schema, preserve);
    for (place, unions) in unions {
        // Each place of a custom kind has a type of its own.
        let at = place.split('.').try_fold(root, |id, name| match &table.get(id).shape {
            TypeShape::Map(object) => object.fields.get(name).map(|field| field.of),
            _ => None,
        });
        if let Some(TypeShape::Map(object)) = at.map(|id| &mut table.types[id.0 as usize].shape) {
            object.unions = unions;
        }
    }
    TypeRef { table: Arc::new(table), root, custom: true, status }
}

/// An object of a kind (the root, or an embedded one) has `apiVersion`, `kind` and `metadata` besides what is declared.
fn read_root(table: &mut TypeTable, schema: &Value, preserve: bool) -> TypeId {
    let mut one = read(table, schema, preserve);
    if !matches!(one.shape, TypeShape::Map(_)) {
        one.shape = TypeShape::Map(ObjectSchema::default());
    }
    let metadata = copy_metadata(table);
    if let TypeShape::Map(object) = &mut one.shape {
        for name in ["apiVersion", "kind"] {
            let of = table.push(TypeShape::Scalar(ScalarKind::String).into());
            object.fields.insert(name.into(), FieldSchema { of, empty: Empty::Stays });
        }
        object.fields.insert("metadata".into(), FieldSchema { of: metadata, empty: Empty::Stays });
    }
    table.push(one)
}

/// The metadata of built-in kinds, copied into another table.
fn copy_metadata(table: &mut TypeTable) -> TypeId {
    let source = BUILTIN.values().next().and_then(|any| match &any.table.get(any.root).shape {
        TypeShape::Map(object) => Some((any, object.fields.get("metadata")?.of)),
        _ => None,
    });
    match source {
        Some((of, id)) => copy(table, &of.table, id),
        None => table.push(TypeShape::Any.into()),
    }
}

fn copy(table: &mut TypeTable, from: &TypeTable, id: TypeId) -> TypeId {
    let mut one = from.get(id).clone();
    match &mut one.shape {
        TypeShape::List(list) => list.items = copy(table, from, list.items),
        TypeShape::Map(object) => {
            for field in object.fields.values_mut() {
                field.of = copy(table, from, field.of);
            }
            object.values = object.values.map(|values| copy(table, from, values));
        }
        TypeShape::Scalar(_) | TypeShape::Any => {}
    }
    table.push(one)
}

fn read_id(table: &mut TypeTable, schema: &Value, preserve: bool) -> TypeId {
    if schema["x-kubernetes-embedded-resource"] == true {
        return read_root(table, schema, preserve || schema["x-kubernetes-preserve-unknown-fields"] == true);
    }
    let one = read(table, schema, preserve);
    table.push(one)
}

fn read(table: &mut TypeTable, schema: &Value, preserve: bool) -> TypeSchema {
    let preserve = preserve || schema["x-kubernetes-preserve-unknown-fields"] == true;
    let shape = if schema["x-kubernetes-int-or-string"] == true {
        TypeShape::Scalar(ScalarKind::IntOrString)
    } else {
        match schema["type"].as_str() {
            Some("object") => read_object(table, schema, preserve),
            Some("array") => read_list(table, schema, preserve),
            Some("string") => TypeShape::Scalar(ScalarKind::String),
            Some("integer") => TypeShape::Scalar(ScalarKind::Integer),
            Some("number") => TypeShape::Scalar(ScalarKind::Number),
            Some("boolean") => TypeShape::Scalar(ScalarKind::Boolean),
            _ => TypeShape::Any,
        }
    };
    TypeSchema {
        shape,
        default: schema.get("default").cloned(),
        nullable: schema["nullable"] == true,
        allowed: Vec::new(),
    }
}

fn read_object(table: &mut TypeTable, schema: &Value, preserve: bool) -> TypeShape {
    let mut fields = BTreeMap::new();
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        let of = read_id(table, of, preserve);
        fields.insert(name.as_str().into(), FieldSchema { of, empty: Empty::Stays });
    }
    let declares_values = !matches!(schema["additionalProperties"], Value::Null | Value::Bool(false));
    let values = match &schema["additionalProperties"] {
        Value::Null if preserve || fields.is_empty() => Some(table.push(TypeShape::Any.into())),
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some(table.push(TypeShape::Any.into())),
        values => Some(read_id(table, values, preserve)),
    };
    TypeShape::Map(ObjectSchema {
        atomic: schema["x-kubernetes-map-type"] == "atomic",
        fields,
        values,
        preserve_unknown: declares_values || preserve,
        unions: &[],
    })
}

fn read_list(table: &mut TypeTable, schema: &Value, preserve: bool) -> TypeShape {
    let kind = match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => ListKind::Set,
        Some("map") => ListKind::Map(
            schema["x-kubernetes-list-map-keys"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(|key| (key.into(), schema["items"]["properties"][key].get("default").cloned()))
                .collect(),
        ),
        _ => ListKind::Atomic,
    };
    let items = read_id(table, &schema["items"], preserve);
    TypeShape::List(List { kind, items, merge_key: None })
}
