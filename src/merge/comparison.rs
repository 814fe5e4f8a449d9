//! What differs between two objects of one kind.

use serde_json::{Map, Value};

use super::element::{Element, Path};
use super::field_set::FieldSet;
use super::schema::{List, ListKind, Object, TypeId, TypeTable};
use super::typed::{Form, form, item_element};

/// What differs between two objects of one kind. No path is in more than one of the sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Paths that only the first has.
    pub removed: FieldSet,
    /// Paths whose values differ.
    pub modified: FieldSet,
    /// Paths that only the second has.
    pub added: FieldSet,
}

impl Comparison {
    /// Whether the objects are equal.
    pub fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// Leaves out what `keep` does not return.
    pub(super) fn filtered(self, keep: impl Fn(&FieldSet) -> FieldSet) -> Self {
        Self { removed: keep(&self.removed), modified: keep(&self.modified), added: keep(&self.added) }
    }
}

/// Compares two values of one type.
pub(super) fn compare_values(table: &TypeTable, id: TypeId, before: &Value, after: &Value) -> Comparison {
    let mut walk = Walk { table, path: Path::root(), found: Comparison::default() };
    walk.compare(id, Some(before), Some(after));
    walk.found
}

/// Equality as the server has it: whole numbers equal floats with the same value.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || (x.is_f64() != y.is_f64() && x.as_f64() == y.as_f64()),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|((k, x), (l, y))| k == l && equal(x, y))
        }
        _ => a == b,
    }
}

struct Walk<'t> {
    table: &'t TypeTable,
    path: Path,
    found: Comparison,
}

impl<'t> Walk<'t> {
    fn compare(&mut self, id: TypeId, before: Option<&Value>, after: Option<&Value>) {
        let leaf = match (before, after) {
            (None, None) => return,
            (Some(a), Some(b)) if equal(a, b) => return,
            (Some(a), Some(b)) if form_differs(self.table, id, a, b) => {
                self.compare_as(id, a, Some(a), None);
                self.compare_as(id, b, None, Some(b));
                self.leaf(before, after);
                return;
            }
            (_, Some(b)) if !b.is_null() || before.is_none() => self.compare_as(id, b, before, after),
            (Some(a), _) => self.compare_as(id, a, before, after),
            (None, Some(b)) => self.compare_as(id, b, before, after),
        };
        if leaf || before.is_none() || after.is_none() {
            self.leaf(before, after);
        }
    }

    /// Compares by the form of `model`; returns whether the value is one leaf.
    fn compare_as(&mut self, id: TypeId, model: &Value, before: Option<&Value>, after: Option<&Value>) -> bool {
        match form(self.table, id, model) {
            Form::Scalar(_) | Form::List(None) => true,
            Form::List(Some(list)) => {
                let (left, right) = (items(before), items(after));
                let atomic = matches!(list.kind, ListKind::Atomic);
                if atomic || (left.is_empty() && right.is_empty()) {
                    return true;
                }
                self.compare_items(list, left, right);
                false
            }
            Form::Map(object) => {
                let (left, right) = (fields(before), fields(after));
                let empty = left.is_none_or(Map::is_empty) && right.is_none_or(Map::is_empty);
                if empty || object.is_some_and(|object| object.atomic) {
                    return true;
                }
                self.compare_fields(id, object, left, right);
                false
            }
        }
    }

    fn leaf(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let set = match (before, after) {
            (None, _) => &mut self.found.added,
            (_, None) => &mut self.found.removed,
            _ => &mut self.found.modified,
        };
        set.insert(self.path.elements());
    }

    fn compare_fields(
        &mut self,
        id: TypeId,
        object: Option<&'t Object>,
        left: Option<&Map<String, Value>>,
        right: Option<&Map<String, Value>>,
    ) {
        let child = |name: &str| object.map_or(Some(id), |object| object.child(name));
        for (name, before) in left.into_iter().flatten() {
            let after = right.and_then(|map| map.get(name));
            if after.is_some_and(|after| after == before) {
                continue;
            }
            let Some(child) = child(name) else { continue };
            self.path.push(Element::field(name));
            self.compare(child, Some(before), after);
            self.path.pop();
        }
        for (name, after) in right.into_iter().flatten() {
            if left.is_some_and(|map| map.contains_key(name)) {
                continue;
            }
            let Some(child) = child(name) else { continue };
            self.path.push(Element::field(name));
            self.compare(child, None, Some(after));
            self.path.pop();
        }
    }

    fn compare_items(&mut self, list: &'t List, left: &[Value], right: &[Value]) {
        let left = by_element(list, left);
        let right = by_element(list, right);
        for (element, before) in &left {
            let after = right.iter().find(|(other, _)| other == element).map(|(_, items)| items.as_slice());
            self.compare_item(list, element, before, after.unwrap_or_default());
        }
        for (element, after) in &right {
            if !left.iter().any(|(other, _)| other == element) {
                self.compare_item(list, element, &[], after);
            }
        }
    }

    /// Items whose keys occur once are compared; those that occur more often are one leaf together.
    fn compare_item(&mut self, list: &List, element: &Element, before: &[&Value], after: &[&Value]) {
        self.path.push(element.clone());
        match (before, after) {
            ([_, _, ..], [_, _, ..]) => {
                if before.len() != after.len() || !before.iter().zip(after).all(|(a, b)| equal(a, b)) {
                    self.found.modified.insert(self.path.elements());
                }
            }
            ([_, _, ..], _) => {
                if let Some(one) = after.first() {
                    self.compare(list.items, None, Some(one));
                }
                self.found.removed.insert(self.path.elements());
            }
            (_, [_, _, ..]) => {
                if let Some(one) = before.first() {
                    self.compare(list.items, Some(one), None);
                }
                self.found.added.insert(self.path.elements());
            }
            _ => self.compare(list.items, before.first().copied(), after.first().copied()),
        }
        self.path.pop();
    }
}

/// Two values whose forms their type does not settle (anything goes) may have different ones.
fn form_differs(table: &TypeTable, id: TypeId, a: &Value, b: &Value) -> bool {
    if a.is_null() || b.is_null() {
        return false;
    }
    std::mem::discriminant(&form(table, id, a)) != std::mem::discriminant(&form(table, id, b))
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn fields(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

/// The items of a list by their elements, in the order of first occurrence.
fn by_element<'v>(list: &List, items: &'v [Value]) -> Vec<(Element, Vec<&'v Value>)> {
    let mut out: Vec<(Element, Vec<&Value>)> = Vec::with_capacity(items.len());
    for item in items {
        let Ok(element) = item_element(list, item) else { continue };
        match out.iter_mut().find(|(known, _)| *known == element) {
            Some((_, values)) => values.push(item),
            None => out.push((element, vec![item])),
        }
    }
    out
}
