//! What differs between two objects of one kind.

use serde_json::{Map, Value};

use super::element::Element;
use super::field_set::FieldSet;
use super::frame::{Frame, FrameStep};
use super::schema::{List, ListKind, ObjectSchema, TypeId, TypeTable};
use super::typed::{Form, form, item_element, same_item, same_items};

/// What differs between two objects of one kind. No path is in more than one of the sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Paths that only the first has.
    pub(crate) removed: FieldSet,
    /// Paths whose values differ.
    pub(crate) modified: FieldSet,
    /// Paths that only the second has.
    pub(crate) added: FieldSet,
}

impl Comparison {
    /// Whether the objects are equal.
    pub(crate) fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// Leaves out what is in a set, and what is below it.
    pub(super) fn without(&self, set: &FieldSet) -> Self {
        let keep = |own: &FieldSet| own.difference_with_descendants(set);
        Self { removed: keep(&self.removed), modified: keep(&self.modified), added: keep(&self.added) }
    }

    /// Every path that differs.
    pub(super) fn all(&self) -> FieldSet {
        self.removed.union(&self.modified).union(&self.added)
    }
}

/// Compares two values of one type; `metadata.managedFields` is left out.
pub(super) fn compare_values(table: &TypeTable, id: TypeId, before: &Value, after: &Value) -> Comparison {
    let mut walk = Walk { table, found: Comparison::default() };
    walk.compare(id, Frame::root(), Some(before), Some(after));
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
    found: Comparison,
}

impl<'t> Walk<'t> {
    fn compare(&mut self, id: TypeId, at: Frame<'_>, before: Option<&Value>, after: Option<&Value>) {
        let leaf = match (before, after) {
            (None, None) => return,
            (Some(a), Some(b)) if form_differs(self.table, id, a, b) => {
                self.compare_as(id, at, a, Some(a), None);
                self.compare_as(id, at, b, None, Some(b));
                true
            }
            (_, Some(b)) if !b.is_null() || before.is_none() => self.compare_as(id, at, b, before, after),
            (Some(a), _) => self.compare_as(id, at, a, before, after),
            (None, Some(b)) => self.compare_as(id, at, b, before, after),
        };
        match (before, after) {
            (Some(a), Some(b)) if leaf && !equal(a, b) => self.found.modified.insert(&at.path()),
            (None, _) => self.found.added.insert(&at.path()),
            (_, None) => self.found.removed.insert(&at.path()),
            _ => {}
        }
    }

    /// Compares what is below a value by the form of `model`; returns whether the value is one leaf.
    fn compare_as(
        &mut self,
        id: TypeId,
        at: Frame<'_>,
        model: &Value,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> bool {
        match form(self.table, id, model) {
            Form::Scalar(_) | Form::List(None) => true,
            Form::List(Some(list)) => {
                let (left, right) = (items(before), items(after));
                let atomic = matches!(list.kind, ListKind::Atomic);
                if atomic || (left.is_empty() && right.is_empty()) {
                    return true;
                }
                self.compare_items(list, at, left, right);
                false
            }
            Form::Map(object) => {
                let (left, right) = (fields(before), fields(after));
                let empty = left.is_none_or(Map::is_empty) && right.is_none_or(Map::is_empty);
                if empty || object.is_some_and(|object| object.atomic) {
                    return true;
                }
                self.compare_fields(id, at, object, left, right);
                false
            }
        }
    }

    fn compare_fields(
        &mut self,
        id: TypeId,
        at: Frame<'_>,
        object: Option<&'t ObjectSchema>,
        left: Option<&Map<String, Value>>,
        right: Option<&Map<String, Value>>,
    ) {
        let mut left = left.into_iter().flatten().peekable();
        let mut right = right.into_iter().flatten().peekable();
        loop {
            let (name, before, after) = match (left.peek(), right.peek()) {
                (None, None) => return,
                (Some((a, _)), Some((b, _))) if a == b => {
                    let name = *a;
                    (name, left.next().map(|(_, value)| value), right.next().map(|(_, value)| value))
                }
                (Some((a, _)), b) if b.is_none_or(|(b, _)| a < b) => (*a, left.next().map(|(_, value)| value), None),
                (_, Some((b, _))) => (*b, None, right.next().map(|(_, value)| value)),
                (Some((a, _)), None) => (*a, left.next().map(|(_, value)| value), None),
            };
            if name == "managedFields" && at.is_metadata() {
                continue;
            }
            if let Some(child) = object.map_or(Some(id), |object| object.child(name)) {
                self.compare(child, Frame { above: Some(&at), step: FrameStep::Field(name) }, before, after);
            }
        }
    }

    fn compare_items(&mut self, list: &'t List, at: Frame<'_>, left: &[Value], right: &[Value]) {
        if same_items(list, left, right) {
            if left == right {
                return;
            }
            let distinct = |n: usize| left[n + 1..].iter().all(|other| !same_item(list, &left[n], other));
            let differing: Vec<usize> = (0..left.len()).filter(|n| left[*n] != right[*n]).collect();
            if (0..left.len()).all(distinct) {
                for n in differing {
                    let frame = Frame { above: Some(&at), step: FrameStep::Item(list, &left[n]) };
                    self.compare(list.items, frame, Some(&left[n]), Some(&right[n]));
                }
                return;
            }
        }
        let left = by_element(list, left);
        let right = by_element(list, right);
        for (element, before) in &left {
            let after = right.iter().find(|(other, _)| other == element).map(|(_, items)| items.as_slice());
            self.compare_item(list, at, element, before, after.unwrap_or_default());
        }
        for (element, after) in &right {
            if !left.iter().any(|(other, _)| other == element) {
                self.compare_item(list, at, element, &[], after);
            }
        }
    }

    /// Items whose keys occur once are compared; those that occur more often are one leaf together.
    fn compare_item(&mut self, list: &List, at: Frame<'_>, element: &Element, before: &[&Value], after: &[&Value]) {
        let at = Frame { above: Some(&at), step: FrameStep::Element(element) };
        match (before, after) {
            ([_, _, ..], [_, _, ..]) => {
                if before.len() != after.len() || !before.iter().zip(after).all(|(a, b)| equal(a, b)) {
                    self.found.modified.insert(&at.path());
                }
            }
            ([_, _, ..], _) => {
                if let Some(one) = after.first() {
                    self.compare(list.items, at, None, Some(one));
                }
                self.found.removed.insert(&at.path());
            }
            (_, [_, _, ..]) => {
                if let Some(one) = before.first() {
                    self.compare(list.items, at, Some(one), None);
                }
                self.found.added.insert(&at.path());
            }
            _ => self.compare(list.items, at, before.first().copied(), after.first().copied()),
        }
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
