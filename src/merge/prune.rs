//! Taking fields out of an object: what an applier no longer says and nobody else owns.

use serde_json::{Map, Value};

use super::field_set::FieldSet;
use super::schema::{List, ObjectSchema, TypeId, TypeShape, TypeTable};
use super::typed::{Form, fields_of, form, item_element};

/// Removes from a merged object what its applier owned before (`last`) and no one owns now (`managed`, which includes what
/// the applier says now).
pub(super) fn prune(table: &TypeTable, root: TypeId, merged: &Value, last: &FieldSet, managed: &FieldSet) -> Value {
    let last = with_named_parents(table, root, last);
    let managed = with_named_parents(table, root, managed);
    let everything = with_named_parents(table, root, &fields_of(table, root, merged));
    let stripped = without(table, root, merged, &last);
    let kept = with_named_parents(table, root, &fields_of(table, root, &stripped));
    // First everything goes that we owned, with what is below it; what is owned comes back.
    let unowned = everything.difference(&kept.union(&managed));
    let pruned = without(table, root, merged, &unowned);
    // Then what nobody ever owned comes back too, unless it stood below something that is gone.
    let kept = with_named_parents(table, root, &fields_of(table, root, &pruned));
    without(table, root, merged, &everything.difference(&kept).intersection(&last))
}

/// The set with every declared field that has members below it.
fn with_named_parents(table: &TypeTable, id: TypeId, set: &FieldSet) -> FieldSet {
    parents(table, Some(id), set)
}

fn parents(table: &TypeTable, id: Option<TypeId>, set: &FieldSet) -> FieldSet {
    let shape = id.map(|id| &table.get(id).shape);
    let mut out = FieldSet::with_capacity(set.len());
    for (element, member, below) in set.children() {
        let (child, named) = match (shape, element.as_field()) {
            (Some(TypeShape::Map(object)), Some(name)) => (object.child(name), object.fields.contains_key(name)),
            (Some(TypeShape::List(list)), None) => (Some(list.items), false),
            (Some(TypeShape::Any), Some(_)) => (id, false),
            _ => (None, false),
        };
        let below = parents(table, child, below);
        out.add(element.clone(), member || (named && !below.is_empty()), below);
    }
    out
}

/// A copy of a value without the members of a set, and what is below them. What loses everything becomes null.
fn without(table: &TypeTable, id: TypeId, value: &Value, gone: &FieldSet) -> Value {
    match form(table, id, value) {
        Form::Scalar(_) => value.clone(),
        Form::List(None) => Value::Null,
        Form::List(Some(list)) => items_without(table, list, value, gone),
        Form::Map(Some(object)) if object.atomic => Value::Null,
        Form::Map(object) => map_without(table, id, object, value, gone),
    }
}

fn items_without(table: &TypeTable, list: &List, value: &Value, gone: &FieldSet) -> Value {
    let mut out = Vec::new();
    for item in value.as_array().into_iter().flatten() {
        let Ok(element) = item_element(list, item) else { continue };
        match gone.child(&element) {
            Some((true, _)) => {}
            Some((false, below)) => out.push(without(table, list.items, item, below)),
            None => out.push(item.clone()),
        }
    }
    if out.is_empty() { Value::Null } else { Value::Array(out) }
}

fn map_without(table: &TypeTable, id: TypeId, object: Option<&ObjectSchema>, value: &Value, gone: &FieldSet) -> Value {
    let mut out = Map::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let child = object.map_or(Some(id), |object| object.child(name));
        match (gone.child_field(name), child) {
            (Some((true, _)), _) => {}
            (Some((false, below)), Some(child)) => {
                out.insert(name.clone(), without(table, child, value, below));
            }
            _ => {
                out.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(out)
}
