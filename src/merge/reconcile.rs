//! Entries written when a field was still owned in parts that is one value now.

use serde_json::Value;

use super::element::Element;
use super::field_set::FieldSet;
use super::managed::ManagedFieldsEntry;
use super::schema::{ListKind, TypeId, TypeRef, TypeShape, TypeTable};

/// Gives every manager the whole of what is one value now, where it owned parts of it.
pub(super) fn entries(of: &TypeRef, entries: &mut [ManagedFieldsEntry<'_>]) {
    for entry in entries {
        if entry.unchanged().is_some_and(|raw| has_parts_of_atoms(of.table(), of.root(), raw)) {
            let set = whole_atoms(of.table(), of.root(), &entry.set());
            entry.replace(set);
        }
    }
}

fn is_atomic(table: &TypeTable, id: TypeId) -> bool {
    match &table.get(id).shape {
        TypeShape::Map(object) => object.atomic,
        TypeShape::List(list) => matches!(list.kind, ListKind::Atomic),
        TypeShape::Scalar(_) | TypeShape::Any => false,
    }
}

fn child_type(table: &TypeTable, id: TypeId, key: &str) -> Option<TypeId> {
    match &table.get(id).shape {
        TypeShape::Map(object) => key.strip_prefix("f:").and_then(|name| object.child(name)),
        TypeShape::List(list) if !key.starts_with("f:") => Some(list.items),
        _ => None,
    }
}

fn has_parts_of_atoms(table: &TypeTable, id: TypeId, raw: &Value) -> bool {
    let Some(map) = raw.as_object() else { return false };
    map.iter().any(|(key, below)| {
        let Some(child) = child_type(table, id, key) else { return false };
        let parts = below.as_object().is_some_and(|below| below.keys().any(|key| key != "."));
        parts && (is_atomic(table, child) || has_parts_of_atoms(table, child, below))
    })
}

fn whole_atoms(table: &TypeTable, id: TypeId, set: &FieldSet) -> FieldSet {
    let mut out = FieldSet::with_capacity(set.len());
    for (element, member, below) in set.children() {
        let element: Element = element.clone();
        match child_type(table, id, element.as_str()) {
            Some(child) if is_atomic(table, child) => out.add(element, true, FieldSet::new()),
            Some(child) => {
                let below = whole_atoms(table, child, below);
                out.add(element, member, below);
            }
            None => out.add(element, member, below.clone()),
        }
    }
    out
}
