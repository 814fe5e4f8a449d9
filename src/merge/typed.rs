//! Objects by their types: which fields a value has, and merging one value into another.

use serde_json::{Map, Value};

use super::element::Element;
use super::field_set::FieldSet;
use super::schema::{List, ListKind, ObjectSchema, ScalarKind, TypeId, TypeShape, TypeTable};
use super::text::go_quote;

/// What a value is taken for, once its type and its own form are considered together.
pub(super) enum Form<'t> {
    Scalar(Option<ScalarKind>),
    List(Option<&'t List>),
    Map(Option<&'t ObjectSchema>),
}

/// How the merge handles a value of this type; a value of another form is handled as its type says, and fails there.
pub(super) fn form<'t>(table: &'t TypeTable, id: TypeId, value: &Value) -> Form<'t> {
    match &table.get(id).shape {
        TypeShape::Scalar(scalar) => Form::Scalar(Some(*scalar)),
        TypeShape::List(list) => Form::List(Some(list)),
        TypeShape::Map(object) => Form::Map(Some(object)),
        TypeShape::Any => match value {
            Value::Array(_) => Form::List(None),
            Value::Object(_) | Value::Null => Form::Map(None),
            _ => Form::Scalar(None),
        },
    }
}

/// The element that an item of a set or keyed list has.
pub(super) fn item_element(list: &List, item: &Value) -> Result<Element, String> {
    match &list.kind {
        ListKind::Atomic => Err("invalid indexing of non-associative list".to_owned()),
        ListKind::Set => set_element(item),
        ListKind::Map(keys) => keyed_element(keys, item),
    }
}

fn set_element(item: &Value) -> Result<Element, String> {
    match item {
        Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
        Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
        Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
        scalar => Ok(Element::item(scalar)),
    }
}

fn keyed_element(keys: &[(Box<str>, Option<Value>)], item: &Value) -> Result<Element, String> {
    let map = match item {
        Value::Object(map) => map,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let mut present =
        keys.iter().filter_map(|(name, default)| Some((&**name, map.get(&**name).or(default.as_ref())?))).peekable();
    if present.peek().is_none() && !keys.is_empty() {
        let names: Vec<String> = keys.iter().map(|(name, _)| go_quote(name)).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    Ok(Element::key(present))
}

/// Puts a value where a path leads in an object that has all of it.
pub(super) fn put(table: &TypeTable, id: TypeId, object: &mut Value, path: &[Element], value: &Value) {
    let Some((first, rest)) = path.split_first() else {
        object.clone_from(value);
        return;
    };
    match (&table.get(id).shape, object, first.as_field()) {
        (TypeShape::Map(of), Value::Object(map), Some(name)) => {
            if let (Some(child), Some(there)) = (of.child(name), map.get_mut(name)) {
                put(table, child, there, rest, value);
            }
        }
        (TypeShape::Any, Value::Object(map), Some(name)) => {
            if let Some(there) = map.get_mut(name) {
                put(table, id, there, rest, value);
            }
        }
        (TypeShape::List(list), Value::Array(items), None) => {
            let is_it = |item: &&mut Value| item_element(list, item).is_ok_and(|element| element == *first);
            if let Some(there) = items.iter_mut().find(is_it) {
                put(table, list.items, there, rest, value);
            }
        }
        _ => {}
    }
}

/// Whether two items of a list are told apart by nothing: equal keys, or equal values in a set.
pub(super) fn same_item(list: &List, a: &Value, b: &Value) -> bool {
    match &list.kind {
        ListKind::Map(keys) => keys.iter().all(|(name, default)| {
            let value = |item: &'_ Value| item.get(&**name).cloned().or_else(|| default.clone());
            match (a.get(&**name), b.get(&**name)) {
                (Some(a), Some(b)) => a == b,
                _ => value(a) == value(b),
            }
        }),
        _ => a == b,
    }
}

/// Whether two lists have the same items in the same order.
pub(super) fn same_items(list: &List, a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_item(list, a, b))
}

/// Every field of a value: what its applier owns.
pub(super) fn fields_of(table: &TypeTable, id: TypeId, value: &Value) -> FieldSet {
    collect(table, id, value).0
}

/// What is below a value, and whether the value is a member by itself.
fn collect(table: &TypeTable, id: TypeId, value: &Value) -> (FieldSet, bool) {
    if value.is_null() {
        return (FieldSet::new(), true);
    }
    match form(table, id, value) {
        Form::Scalar(_) | Form::List(None) => (FieldSet::new(), true),
        Form::List(Some(list)) => match (&list.kind, value.as_array()) {
            (ListKind::Atomic, _) | (_, None) => (FieldSet::new(), true),
            (_, Some(items)) => (collect_items(table, list, items), false),
        },
        Form::Map(Some(object)) if object.atomic => (FieldSet::new(), true),
        Form::Map(object) => match value.as_object() {
            Some(map) => (collect_map(table, id, object, map), map.is_empty()),
            None => (FieldSet::new(), true),
        },
    }
}

fn collect_map(table: &TypeTable, id: TypeId, object: Option<&ObjectSchema>, map: &Map<String, Value>) -> FieldSet {
    let mut set = FieldSet::with_capacity(map.len());
    for (name, value) in map {
        let declared = object.and_then(|object| object.fields.get(name.as_str()));
        let child = match (declared, object) {
            (Some(field), _) => field.of,
            (None, Some(object)) => match object.values {
                Some(values) => values,
                None => continue,
            },
            (None, None) => id,
        };
        let (below, member) = collect(table, child, value);
        set.add(Element::field(name), member || declared.is_none(), below);
    }
    set
}

fn collect_items(table: &TypeTable, list: &List, items: &[Value]) -> FieldSet {
    let mut set = FieldSet::with_capacity(items.len());
    let mut elements: Vec<Option<Element>> = items.iter().map(|item| item_element(list, item).ok()).collect();
    let mut sorted: Vec<&Element> = elements.iter().flatten().collect();
    sorted.sort_unstable();
    let duplicates: Vec<Element> =
        sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    for (item, element) in items.iter().zip(&mut elements) {
        let Some(element) = element.take() else { continue };
        let below = if duplicates.contains(&element) { FieldSet::new() } else { collect(table, list.items, item).0 };
        set.add(element, true, below);
    }
    set
}

/// Merges an applied value into a live one, in place: the applied value wins wherever it says something.
pub(super) fn merge(table: &TypeTable, id: TypeId, live: &mut Value, applied: &Value) {
    match form(table, id, applied) {
        Form::Scalar(_) | Form::List(None) => live.clone_from(applied),
        Form::List(Some(list)) => match list.kind {
            ListKind::Atomic => live.clone_from(applied),
            _ => merge_lists(table, list, live, applied),
        },
        Form::Map(Some(object)) if object.atomic => live.clone_from(applied),
        Form::Map(object) => merge_maps(table, id, object, live, applied),
    }
}

fn merge_maps(table: &TypeTable, id: TypeId, object: Option<&ObjectSchema>, live: &mut Value, applied: &Value) {
    let live_has_some = live.as_object().is_some_and(|map| !map.is_empty());
    let (true, Value::Object(live), applied) = (live_has_some, &mut *live, applied.as_object()) else {
        live.clone_from(applied);
        return;
    };
    for (name, value) in applied.into_iter().flatten() {
        let child = object.map_or(Some(id), |object| object.child(name));
        match (live.get_mut(name), child) {
            (Some(there), Some(child)) => merge(table, child, there, value),
            _ => {
                live.insert(name.clone(), value.clone());
            }
        }
    }
}

fn merge_lists(table: &TypeTable, list: &List, live: &mut Value, applied: &Value) {
    let live_has_some = live.as_array().is_some_and(|items| !items.is_empty());
    let (true, Value::Array(there), applied) = (live_has_some, &mut *live, applied.as_array()) else {
        live.clone_from(applied);
        return;
    };
    let Some(applied) = applied.filter(|items| !items.is_empty()) else { return };
    // What is applied has no key twice, so neither has the live list then.
    if same_items(list, there, applied) && applied.iter().all(|item| !item.is_null()) {
        for (item, value) in there.iter_mut().zip(applied) {
            merge(table, list.items, item, value);
        }
        return;
    }
    let left: Vec<Element> = there.iter().filter_map(|item| item_element(list, item).ok()).collect();
    let right: Vec<Element> = applied.iter().filter_map(|item| item_element(list, item).ok()).collect();
    if left.len() != there.len() || right.len() != applied.len() {
        *live = Value::Array(applied.clone());
        return;
    }
    let items = Items { table, list, there, applied };
    *live = Value::Array(items.interleave(&left, &right));
}

struct Items<'a> {
    table: &'a TypeTable,
    list: &'a List,
    there: &'a mut Vec<Value>,
    applied: &'a [Value],
}

impl Items<'_> {
    /// The server's order: applied items in their order, live-only items where they stood relative to the shared ones.
    fn interleave(mut self, left: &[Element], right: &[Element]) -> Vec<Value> {
        let mut shared = right.iter().filter(|element| left.contains(element)).peekable();
        let mut merged: Vec<&Element> = Vec::new();
        let mut out = Vec::with_capacity(left.len().max(right.len()));
        let (mut l, mut r) = (0, 0);
        while l < left.len() || r < right.len() {
            if let (Some(a), Some(b)) = (left.get(l), right.get(r)) {
                if a == b {
                    merged.push(a);
                    out.push(self.merged(left, a, r));
                    (l, r) = (l + 1, r + 1);
                    shared.next();
                    continue;
                }
                if right.contains(a) && shared.peek().is_some_and(|next| *next != a) {
                    l += 1;
                    continue;
                }
            }
            if let Some(a) = left.get(l) {
                if !right.contains(a) {
                    out.push(self.there[l].clone());
                    l += 1;
                    continue;
                } else if merged.contains(&a) {
                    l += 1;
                }
            }
            if let Some(b) = right.get(r) {
                merged.push(b);
                out.push(self.merged(left, b, r));
                if shared.peek().is_some_and(|next| *next == b) {
                    shared.next();
                }
                r += 1;
            }
        }
        out
    }

    /// An applied item merged with its live counterpart; a live item whose key occurs twice is not merged with.
    fn merged(&mut self, left: &[Element], element: &Element, at: usize) -> Value {
        let mut found = left.iter().enumerate().filter(|(_, one)| *one == element).map(|(position, _)| position);
        let applied = &self.applied[at];
        match (found.next(), found.next()) {
            (Some(position), None) => {
                let mut item = self.there[position].clone();
                merge(self.table, self.list.items, &mut item, applied);
                item
            }
            _ => applied.clone(),
        }
    }
}
