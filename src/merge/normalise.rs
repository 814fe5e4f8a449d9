//! What decoding a request does to its values: amounts and times become canonical, empty values vanish or appear,
//! undeclared fields are dropped, defaults of custom kinds are filled in.

use serde_json::{Map, Value, json};

use super::field_set::FieldSet;
use super::quantity::{canonical_quantity, canonical_resource_quantity};
use super::schema::{
    Empty, FieldSchema, List, ListKind, ObjectSchema, ScalarKind, TypeId, TypeRef, TypeShape, TypeTable,
};
use super::typed::item_element;

/// How far an object of a built-in kind is: the store makes `null` of an empty list that is always written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeldAs {
    Decoded,
    Stored,
}

/// The types of built-in kinds, and how far their objects are brought.
#[derive(Clone, Copy)]
struct Decoder<'t> {
    table: &'t TypeTable,
    held: HeldAs,
}

/// Makes an object what the server would hold after decoding it, or after storing it.
///
/// # Errors
/// A value that its type cannot hold, in the server's words.
pub(super) fn normalise(of: &TypeRef, object: &mut Value, held: HeldAs) -> Result<(), String> {
    let table = of.table();
    if !of.is_custom() {
        return builtin(Decoder { table, held }, of.root(), object);
    }
    if let (TypeShape::Map(root), Some(map)) = (&table.get(of.root()).shape, object.as_object_mut())
        && let (Some(field), Some(metadata)) = (root.fields.get("metadata"), map.get_mut("metadata"))
    {
        builtin(Decoder { table, held }, field.of, metadata)?;
    }
    custom(table, of.root(), object);
    Ok(())
}

fn builtin(decoder: Decoder<'_>, id: TypeId, value: &mut Value) -> Result<(), String> {
    match &decoder.table.get(id).shape {
        TypeShape::Scalar(scalar) => normalise_scalar(*scalar, value, canonical_quantity),
        TypeShape::List(list) => value.as_array_mut().into_iter().flatten().try_for_each(|item| {
            if item.is_null() {
                *item = zero_item(decoder.table, list.items);
            }
            builtin(decoder, list.items, item)
        }),
        TypeShape::Map(object) => match value {
            Value::Object(map) => builtin_map(decoder, object, map),
            _ => Ok(()),
        },
        TypeShape::Any => Ok(()),
    }
}

/// The item that Go decodes a `null` of a list to.
fn zero_item(table: &TypeTable, id: TypeId) -> Value {
    match &table.get(id).shape {
        TypeShape::Map(object) if !object.fields.is_empty() => json!({}),
        TypeShape::Scalar(ScalarKind::String) => json!(""),
        TypeShape::Scalar(ScalarKind::Boolean) => json!(false),
        TypeShape::Scalar(ScalarKind::Integer | ScalarKind::SmallInteger) => json!(0),
        _ => Value::Null,
    }
}

fn builtin_map(decoder: Decoder<'_>, object: &ObjectSchema, map: &mut Map<String, Value>) -> Result<(), String> {
    if object.fields.is_empty() {
        let Some(values) = object.values else { return Ok(()) };
        let amounts = matches!(decoder.table.get(values).shape, TypeShape::Scalar(ScalarKind::Quantity));
        return map.values_mut().try_for_each(|value| {
            if amounts {
                normalise_scalar(ScalarKind::Quantity, value, canonical_resource_quantity)
            } else {
                builtin(decoder, values, value)
            }
        });
    }
    let mut gone: Vec<String> = Vec::new();
    for (name, value) in map.iter_mut() {
        if builtin_field(decoder, object, name, value)? {
            gone.push(name.clone());
        }
    }
    for name in gone {
        map.remove(&name);
    }
    write_zero_values(decoder, object, map)
}

/// Makes the value of one field canonical; returns whether the server leaves the field out.
fn builtin_field(decoder: Decoder<'_>, object: &ObjectSchema, name: &str, value: &mut Value) -> Result<bool, String> {
    let Some(field) = object.fields.get(name) else { return Ok(object.values.is_none()) };
    if !value.is_null() {
        builtin(decoder, field.of, value)?;
    }
    Ok(leaves_out(decoder, field, value))
}

fn leaves_out(decoder: Decoder<'_>, field: &FieldSchema, value: &mut Value) -> bool {
    match field.empty {
        Empty::Vanishes => is_empty(decoder.table, field.of, value),
        Empty::Stays | Empty::Object | Empty::Zero => value.is_null(),
        Empty::Null => {
            if decoder.held == HeldAs::Stored && is_empty(decoder.table, field.of, value) {
                *value = Value::Null;
            }
            false
        }
    }
}

/// As [`normalise`] as far as it is stored, for an object that was canonical before `changed` was written into it.
pub(super) fn normalise_changed(of: &TypeRef, object: &mut Value, changed: &FieldSet) -> Result<(), String> {
    if of.is_custom() {
        return normalise(of, object, HeldAs::Stored);
    }
    builtin_changed(Decoder { table: of.table(), held: HeldAs::Stored }, of.root(), object, changed)
}

fn builtin_changed(decoder: Decoder<'_>, id: TypeId, value: &mut Value, changed: &FieldSet) -> Result<(), String> {
    match (&decoder.table.get(id).shape, value) {
        (TypeShape::Map(object), Value::Object(map)) if !object.atomic && !object.fields.is_empty() => {
            for (element, member, below) in changed.children() {
                let Some((name, value)) = element.as_field().and_then(|name| Some((name, map.get_mut(name)?))) else {
                    continue;
                };
                let gone = match object.fields.get(name) {
                    Some(field) if !member && !value.is_null() => {
                        builtin_changed(decoder, field.of, value, below)?;
                        leaves_out(decoder, field, value)
                    }
                    _ => builtin_field(decoder, object, name, value)?,
                };
                if gone {
                    map.remove(name);
                }
            }
            write_zero_values(decoder, object, map)
        }
        (TypeShape::List(list), Value::Array(items)) if !matches!(list.kind, ListKind::Atomic) => {
            for item in items {
                match item_element(list, item).ok().as_ref().and_then(|element| changed.child(element)) {
                    Some((true, _)) => builtin(decoder, list.items, item)?,
                    Some((false, below)) => builtin_changed(decoder, list.items, item, below)?,
                    None => {}
                }
            }
            Ok(())
        }
        (_, value) => builtin(decoder, id, value),
    }
}

/// Writes the fields that the server always writes.
fn write_zero_values(decoder: Decoder<'_>, object: &ObjectSchema, map: &mut Map<String, Value>) -> Result<(), String> {
    for (name, field) in &object.fields {
        if matches!(field.empty, Empty::Vanishes | Empty::Stays) || map.contains_key(&**name) {
            continue;
        }
        let mut zero = match (field.empty, &decoder.table.get(field.of).shape) {
            (Empty::Object, _) => json!({}),
            (Empty::Zero, TypeShape::Scalar(ScalarKind::Boolean)) => json!(false),
            (
                Empty::Zero,
                TypeShape::Scalar(
                    ScalarKind::Integer | ScalarKind::SmallInteger | ScalarKind::Number | ScalarKind::IntOrString,
                ),
            ) => {
                json!(0)
            }
            (Empty::Zero, TypeShape::Scalar(ScalarKind::Quantity)) => json!("0"),
            (Empty::Zero, _) => json!(""),
            _ => Value::Null,
        };
        if field.empty == Empty::Object {
            builtin(decoder, field.of, &mut zero)?;
        }
        map.insert(name.to_string(), zero);
    }
    Ok(())
}

/// Whether a value is what the server leaves out: zero values and empty collections, not empty structures.
fn is_empty(table: &TypeTable, id: TypeId, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => {
            map.is_empty()
                && matches!(&table.get(id).shape, TypeShape::Map(ObjectSchema { fields, values: Some(_), preserve_unknown: false, .. }) if fields.is_empty())
        }
        Value::Bool(true) => false,
    }
}

fn normalise_scalar(
    scalar: ScalarKind,
    value: &mut Value,
    canonical: fn(&str) -> Result<String, &'static str>,
) -> Result<(), String> {
    let changed = match (scalar, &*value) {
        (ScalarKind::Quantity, Value::String(text)) => Some(canonical(text)?).filter(|new| new != text),
        (ScalarKind::Quantity, Value::Number(number)) => Some(canonical(&number.to_string())?),
        (ScalarKind::Quantity, Value::Null) => Some("0".to_owned()),
        (ScalarKind::Time, Value::String(text)) => time(text, "%Y-%m-%dT%H:%M:%SZ").filter(|new| new != text),
        (ScalarKind::MicroTime, Value::String(text)) => time(text, "%Y-%m-%dT%H:%M:%S.%6fZ").filter(|new| new != text),
        (ScalarKind::Bytes, Value::String(text)) => {
            check_base64(text)?;
            None
        }
        (ScalarKind::Integer | ScalarKind::SmallInteger, Value::Number(number)) if number.is_f64() => {
            let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15);
            if let Some(float) = float {
                #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits, checked above")]
                let whole = float as i64;
                *value = json!(whole);
            }
            None
        }
        _ => None,
    };
    if let Some(text) = changed {
        *value = Value::String(text);
    }
    Ok(())
}

fn time(text: &str, format: &str) -> Option<String> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.strftime(format).to_string())
}

/// Refuses what is not base64, with the position that the server names.
fn check_base64(text: &str) -> Result<(), String> {
    let wrong = |at: usize| Err(format!("error decoding from json: illegal base64 data at input byte {at}"));
    let bytes: Vec<(usize, u8)> = text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n')).collect();
    let padding = bytes.iter().rev().take_while(|(_, b)| *b == b'=').count();
    let (data, pads) = bytes.split_at(bytes.len() - padding.min(2));
    if let Some((at, _)) = data.iter().find(|(_, b)| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))) {
        return wrong(*at);
    }
    match (data.len() % 4, pads.len()) {
        (0, 0) | (2, 2) | (3, 1) => Ok(()),
        (_, 0) => wrong(data.last().map_or(0, |(at, _)| at - at % 4)),
        _ => wrong(pads.first().map_or(0, |(at, _)| *at)),
    }
}

/// Custom kinds: undeclared fields and empty nulls go, defaults come; amounts and times stay as they were sent.
fn custom(table: &TypeTable, id: TypeId, value: &mut Value) {
    match &table.get(id).shape {
        TypeShape::Map(object) => {
            if let Some(map) = value.as_object_mut() {
                custom_map(table, object, map);
            }
        }
        TypeShape::List(List { items, .. }) => {
            for item in value.as_array_mut().into_iter().flatten() {
                custom(table, *items, item);
            }
        }
        TypeShape::Scalar(_) | TypeShape::Any => {}
    }
}

fn custom_map(table: &TypeTable, object: &ObjectSchema, map: &mut Map<String, Value>) {
    map.retain(|name, value| match object.child(name) {
        None => object.preserve_unknown,
        Some(id) => !value.is_null() || table.get(id).nullable || matches!(table.get(id).shape, TypeShape::Any),
    });
    for (name, field) in &object.fields {
        if let Some(default) = &table.get(field.of).default
            && !map.contains_key(&**name)
        {
            map.insert(name.to_string(), default.clone());
        }
    }
    for (name, value) in map.iter_mut() {
        if let Some(id) = object.child(name)
            && name != "metadata"
        {
            custom(table, id, value);
        }
    }
}
