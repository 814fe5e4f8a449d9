//! Patches that are no applies: JSON merge patches and strategic merge patches.

use serde_json::{Map, Value};

use super::error::ApplyError;
use super::schema::{List, ListKind, Schemas, TypeId, TypeShape, TypeTable};
use super::write::schema_of;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const SET_ORDER: &str = "$setElementOrder/";

/// A JSON merge patch (RFC 7386).
#[must_use]
pub fn json_merge_patch(object: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut map = match object {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    for (name, value) in patch {
        if value.is_null() {
            map.remove(name);
        } else {
            let before = map.remove(name).unwrap_or_default();
            map.insert(name.clone(), json_merge_patch(before, value));
        }
    }
    Value::Object(map)
}

/// A strategic merge patch: lists with a merge key are merged item by item, and `$patch`, `$deleteFromPrimitiveList`,
/// `$setElementOrder` and `$retainKeys` are obeyed.
///
/// # Errors
/// Directives that make no sense, items without their merge key, kinds that are not known.
pub(crate) fn strategic_merge_patch(schemas: &Schemas, object: Value, patch: &Value) -> Result<Value, ApplyError> {
    let of = schema_of(schemas, &object)?;
    let (Value::Object(map), Value::Object(patch)) = (object, patch) else {
        return Err(ApplyError::BadRequest("the patch is no object".to_owned()));
    };
    let merged = merge_map(of.table(), Some(of.root()), map, patch.clone()).map_err(ApplyError::BadRequest)?;
    Ok(Value::Object(merged))
}

type Fields = Map<String, Value>;

fn merge_map(table: &TypeTable, id: Option<TypeId>, mut map: Fields, mut patch: Fields) -> Result<Fields, String> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => Ok(patch),
            Some("delete") => Ok(Map::new()),
            _ => Err(format!("unknown patch type found: {directive}")),
        };
    }
    retain_keys(&mut map, &mut patch)?;
    set_orders(table, id, &mut map, &mut patch)?;
    for (name, value) in patch {
        if let Some(field) = name.strip_prefix(DELETE_FROM) {
            delete_from(&mut map, field, &value);
            continue;
        }
        let child = child_of(table, id, &name);
        match (map.remove(&name), value) {
            (_, Value::Null) => {}
            (Some(Value::Object(before)), Value::Object(value)) => {
                map.insert(name, Value::Object(merge_map(table, child, before, value)?));
            }
            (Some(Value::Array(before)), Value::Array(value)) => {
                let merged = merge_field(table, child, &name, before, value)?;
                map.insert(name, Value::Array(merged));
            }
            (_, value) => {
                if let Some(value) = without_directives(value) {
                    map.insert(name, value);
                }
            }
        }
    }
    Ok(map)
}

fn child_of(table: &TypeTable, id: Option<TypeId>, name: &str) -> Option<TypeId> {
    match &table.get(id?).shape {
        TypeShape::Map(object) => object.child(name),
        _ => None,
    }
}

fn list_of(table: &TypeTable, id: Option<TypeId>) -> Option<&List> {
    match &table.get(id?).shape {
        TypeShape::List(list) => Some(list),
        _ => None,
    }
}

/// `$retainKeys`: of the fields that were there, only those it lists stay.
fn retain_keys(map: &mut Fields, patch: &mut Fields) -> Result<(), String> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let wrong = || "invalid patch format of retainKeys".to_owned();
    let keys = keys.as_array().ok_or_else(wrong)?;
    let kept = |name: &str| keys.iter().any(|key| key == name);
    let directive = |name: &str| name.starts_with(DELETE_FROM) || name.starts_with(SET_ORDER);
    if patch.iter().any(|(name, value)| !value.is_null() && !directive(name) && !kept(name)) {
        return Err(wrong());
    }
    map.retain(|name, _| kept(name));
    Ok(())
}

/// `$setElementOrder/…`: the listed items stand in this order after the merge.
fn set_orders(table: &TypeTable, id: Option<TypeId>, map: &mut Fields, patch: &mut Fields) -> Result<(), String> {
    let directives: Vec<String> = patch.keys().filter(|name| name.starts_with(SET_ORDER)).cloned().collect();
    for directive in directives {
        let field = directive[SET_ORDER.len()..].to_owned();
        let wrong = || format!("the order of {field:?} is no list");
        let Some(Value::Array(order)) = patch.remove(&directive) else { return Err(wrong()) };
        let child = child_of(table, id, &field);
        let before = match map.get(&field) {
            Some(Value::Array(items)) => Some(items.clone()),
            Some(_) => return Err(wrong()),
            None => None,
        };
        let sent = match patch.remove(&field) {
            Some(Value::Array(items)) => Some(items),
            Some(_) => return Err(wrong()),
            None => None,
        };
        let merged = match (&before, sent) {
            (None, None) => continue,
            (Some(items), None) => items.clone(),
            (None, Some(items)) => items.into_iter().filter_map(without_directives).collect(),
            (Some(items), Some(sent)) => merge_field(table, child, &field, items.clone(), sent)?,
        };
        let key = list_of(table, child).and_then(|list| list.merge_key.as_deref());
        map.insert(field, Value::Array(in_order(merged, &order, &before.unwrap_or_default(), key)));
    }
    Ok(())
}

fn delete_from(map: &mut Fields, field: &str, gone: &Value) {
    if let (Some(Value::Array(items)), Some(gone)) = (map.get_mut(field), gone.as_array()) {
        items.retain(|item| !gone.contains(item));
    }
}

/// Lists without a strategy are replaced, sets are united, lists with a key are merged.
fn merge_field(
    table: &TypeTable,
    id: Option<TypeId>,
    name: &str,
    before: Vec<Value>,
    sent: Vec<Value>,
) -> Result<Vec<Value>, String> {
    let list = list_of(table, id);
    // The one list of plain values outside of sets that is merged.
    let united =
        name == "podCIDRs" || (name == "finalizers" && list.is_some_and(|list| matches!(list.kind, ListKind::Set)));
    match list.and_then(|list| Some((list.merge_key.as_deref()?, list.items))) {
        Some((key, items)) => merge_items(table, key, items, before, sent),
        None if united => {
            let mut all = before.clone();
            for item in &sent {
                if !all.contains(item) {
                    all.push(item.clone());
                }
            }
            Ok(in_order(all, &sent, &before, None))
        }
        None => Ok(sent),
    }
}

fn merge_items(
    table: &TypeTable,
    key: &str,
    items: TypeId,
    mut before: Vec<Value>,
    sent: Vec<Value>,
) -> Result<Vec<Value>, String> {
    let no_key = |item: &Value| format!("map: {item} does not contain declared merge key: {key}");
    let mut plain = Vec::with_capacity(sent.len());
    let mut replace = false;
    for item in sent {
        match item.get(DIRECTIVE).and_then(Value::as_str) {
            Some("delete") => {
                let gone = item.get(key).ok_or_else(|| no_key(&item))?;
                before.retain(|other| other.get(key) != Some(gone));
            }
            Some("replace") => replace = true,
            Some("merge") => return Err("merging lists cannot yet be specified in the patch".to_owned()),
            Some(other) => return Err(format!("unknown patch type found: {other}")),
            None => plain.push(item),
        }
    }
    if replace {
        return Ok(plain);
    }
    let mut merged = before.clone();
    for item in &plain {
        let value = item.get(key).ok_or_else(|| no_key(item))?;
        let found = merged.iter_mut().find(|other| other.get(key) == Some(value));
        match (found, item) {
            (Some(other), Value::Object(patch)) => {
                let Value::Object(map) = std::mem::take(other) else { continue };
                *other = Value::Object(merge_map(table, Some(items), map, patch.clone())?);
            }
            _ => merged.push(item.clone()),
        }
    }
    Ok(in_order(merged, &plain, &before, Some(key)))
}

/// The items that `order` names in its order, the others in the order in which they stood; where two cannot be compared,
/// the named one comes first.
fn in_order(all: Vec<Value>, order: &[Value], stood: &[Value], key: Option<&str>) -> Vec<Value> {
    let position = |list: &[Value], item: &Value| {
        list.iter().position(|other| match key {
            Some(key) => other.get(key) == item.get(key),
            None => other == item,
        })
    };
    let (mut named, mut rest): (Vec<Value>, Vec<Value>) =
        all.into_iter().partition(|item| position(order, item).is_some());
    named.sort_by_key(|item| position(order, item));
    rest.sort_by_key(|item| position(stood, item));
    let mut out = Vec::with_capacity(named.len() + rest.len());
    let (mut named, mut rest) = (named.into_iter().peekable(), rest.into_iter().peekable());
    while let (Some(left), Some(right)) = (rest.peek(), named.peek()) {
        let before = matches!((position(stood, left), position(stood, right)), (Some(l), Some(r)) if l < r);
        out.extend(if before { rest.next() } else { named.next() });
    }
    out.extend(rest);
    out.extend(named);
    out
}

/// A new value: what deletes is gone, nulls too.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => Some(Value::Object(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .filter_map(|(name, value)| Some((name, without_directives(value)?)))
                .collect(),
        )),
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(without_directives).collect())),
        other => Some(other),
    }
}
