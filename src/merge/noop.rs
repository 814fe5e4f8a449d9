//! The quick answer to whether an apply changes anything, without building what it would give.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::element::Element;
use super::schema::{List, ListKind, Object, TypeId, TypeRef, TypeTable};
use super::typed::{Form, form, item_element, same_item};

/// Whether it is certain that an apply changes nothing: the manager's entry covers exactly these fields, and every value is
/// live already. `false` only means that the long way has to be gone.
pub(super) fn is_unchanged(
    of: &TypeRef,
    live: &Value,
    applied: &Value,
    manager: &str,
    subresource: Option<&str>,
) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let ours = entries.into_iter().flatten().find(|entry| {
        entry["operation"] == "Apply"
            && entry["manager"] == manager
            && text(entry, "subresource") == subresource.unwrap_or_default()
    });
    let Some(fields) =
        ours.filter(|entry| entry["apiVersion"] == applied["apiVersion"]).and_then(|entry| entry.get("fieldsV1"))
    else {
        return false;
    };
    let (Value::Object(applied), Value::Object(fields)) = (applied, fields) else { return false };
    let mut walk = Walk { table: of.table(), key: String::new() };
    walk.root(of, live, applied, fields)
}

/// Whether it is certain that an entry covers exactly the fields of what is applied, whatever is live.
pub(super) fn covers(of: &TypeRef, applied: &Value, fields: &Value) -> bool {
    let (Value::Object(map), Value::Object(fields)) = (applied, fields) else { return false };
    Walk { table: of.table(), key: String::new() }.root(of, applied, map, fields)
}

struct Walk<'t> {
    table: &'t TypeTable,
    /// Room for the keys of list items.
    key: String,
}

impl<'t> Walk<'t> {
    /// The top of an object and its metadata have fields that nobody owns.
    fn root(&mut self, of: &TypeRef, live: &Value, applied: &Map<String, Value>, fields: &Map<String, Value>) -> bool {
        let super::schema::Shape::Map(root) = &self.table.get(of.root()).shape else { return false };
        let mut owned = fields.iter().peekable();
        for (name, value) in applied {
            let there = live.get(name);
            let same = match (name.as_str(), value) {
                ("apiVersion" | "kind", value) => there == Some(value),
                ("status", _) if of.has_status_subresource() => return false,
                ("metadata", Value::Object(metadata)) => {
                    let ours = owned.next_if(|(key, _)| *key == "f:metadata").and_then(|(_, below)| below.as_object());
                    self.metadata(root, there, metadata, ours)
                }
                (_, value) => match (root.child(name), owned.next(), there) {
                    (Some(id), Some((key, below)), Some(there)) => {
                        is_field(key, name)
                            && self.value(id, there, value, below, !root.fields.contains_key(name.as_str()))
                    }
                    _ => false,
                },
            };
            if !same {
                return false;
            }
        }
        owned.next().is_none()
    }

    fn metadata(
        &mut self,
        root: &Object,
        live: Option<&Value>,
        applied: &Map<String, Value>,
        fields: Option<&Map<String, Value>>,
    ) -> bool {
        let Some(super::schema::Shape::Map(object)) = root.child("metadata").map(|id| &self.table.get(id).shape) else {
            return false;
        };
        let mut owned = fields.into_iter().flatten();
        for (name, value) in applied {
            let there = live.and_then(|live| live.get(name));
            let same = match (name.as_str(), there) {
                ("name" | "uid", there) => there == Some(value),
                // A namespace may be left out of the live copy's counterpart, other fields of the server's own are for it to check.
                ("namespace", there) => there == Some(value),
                (
                    "creationTimestamp" | "selfLink" | "clusterName" | "generation" | "managedFields"
                    | "resourceVersion",
                    _,
                ) => false,
                (_, Some(there)) => match (object.child(name), owned.next()) {
                    (Some(id), Some((key, below))) => is_field(key, name) && self.value(id, there, value, below, false),
                    _ => false,
                },
                _ => false,
            };
            if !same {
                return false;
            }
        }
        owned.next().is_none()
    }

    /// One value: `below` is what the entry has at it, `in_map` whether it stands in a map rather than in a declared field.
    fn value(&mut self, id: TypeId, live: &Value, applied: &Value, below: &Value, in_map: bool) -> bool {
        let Some(below) = below.as_object() else { return false };
        let leaf = |below: &Map<String, Value>| below.is_empty() && live == applied && !applied.is_null();
        match form(self.table, id, applied) {
            Form::Scalar(_) | Form::List(None) => leaf(below),
            Form::List(Some(list)) => match (&list.kind, live, applied) {
                (ListKind::Atomic, ..) => leaf(below),
                (_, Value::Array(live), Value::Array(applied)) => {
                    !applied.is_empty() && !below.contains_key(".") && self.items(list, live, applied, below)
                }
                _ => false,
            },
            Form::Map(Some(object)) if object.atomic => leaf(below),
            Form::Map(object) => match (live, applied) {
                // An empty map is owned as such, and leaves what is in it alone.
                (Value::Object(_), Value::Object(applied)) if applied.is_empty() => below.is_empty(),
                (Value::Object(live), Value::Object(applied)) => {
                    below.contains_key(".") == in_map && self.fields(id, object, live, applied, below)
                }
                _ => false,
            },
        }
    }

    fn fields(
        &mut self,
        id: TypeId,
        object: Option<&Object>,
        live: &Map<String, Value>,
        applied: &Map<String, Value>,
        below: &Map<String, Value>,
    ) -> bool {
        let mut owned = below.iter().filter(|(key, _)| *key != ".");
        let all = applied.iter().all(|(name, value)| {
            let child = object.map_or(Some(id), |object| object.child(name));
            let in_map = object.is_none_or(|object| !object.fields.contains_key(name.as_str()));
            match (child, owned.next(), live.get(name)) {
                (Some(child), Some((key, below)), Some(there)) => {
                    is_field(key, name) && self.value(child, there, value, below, in_map)
                }
                _ => false,
            }
        });
        all && owned.next().is_none()
    }

    fn items(&mut self, list: &'t List, live: &[Value], applied: &[Value], below: &Map<String, Value>) -> bool {
        if below.len() != applied.len() {
            return false;
        }
        let mut last = None;
        for (position, item) in applied.iter().enumerate() {
            if !self.write_key(list, item) {
                return false;
            }
            let Some(owned) = below.get(&self.key) else { return false };
            let found = find(list, live, item, position, live.len() != applied.len());
            // Shared items keep their order; one that moved changes the object.
            if found.is_none() || (last.is_some() && last >= found) {
                return false;
            }
            last = found;
            let Some(there) = found.and_then(|at| live.get(at)) else { return false };
            let same = match (item, owned) {
                (Value::Object(map), Value::Object(owned)) => {
                    owned.contains_key(".")
                        && matches!(list.kind, ListKind::Map(_))
                        && !map.is_empty()
                        && self.item(list, there, map, owned)
                }
                (scalar, owned) => scalar == there && owned.as_object().is_some_and(Map::is_empty),
            };
            if !same {
                return false;
            }
        }
        true
    }

    fn item(&mut self, list: &List, live: &Value, applied: &Map<String, Value>, owned: &Map<String, Value>) -> bool {
        let super::schema::Shape::Map(object) = &self.table.get(list.items).shape else { return false };
        let Some(live) = live.as_object() else { return false };
        !object.atomic && self.fields(list.items, Some(object), live, applied, owned)
    }

    /// Writes the key of an item; keys with one plain text are written without more ado.
    fn write_key(&mut self, list: &List, item: &Value) -> bool {
        self.key.clear();
        if let ListKind::Map(keys) = &list.kind
            && let [(name, _)] = keys.as_slice()
            && let Some(Value::String(text)) = item.get(&**name)
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
        {
            return write!(self.key, "k:{{\"{name}\":\"{text}\"}}").is_ok();
        }
        match item_element(list, item) {
            Ok(element) => {
                self.key.push_str(Element::as_str(&element));
                true
            }
            Err(_) => false,
        }
    }
}

fn is_field(key: &str, name: &str) -> bool {
    key.strip_prefix("f:") == Some(name)
}

/// Where the live counterpart of an item stands; the same position is tried first. With `alone`, none counts when there are two.
fn find(list: &List, live: &[Value], item: &Value, position: usize, alone: bool) -> Option<usize> {
    let mut found = live.get(position).is_some_and(|other| same_item(list, item, other)).then_some(position);
    if found.is_none() {
        found = live.iter().position(|other| same_item(list, item, other));
    }
    let is_alone = || live.iter().filter(|other| same_item(list, item, other)).count() == 1;
    found.filter(|_| !alone || is_alone())
}
