//! The quick way: an apply that changes nothing, or nothing but values of fields that its manager owns already.

use serde_json::{Map, Value};

use super::element::Path;
use super::frame::{Frame, FrameStep};
use super::schema::{List, ListKind, ObjectSchema, TypeId, TypeRef, TypeShape, TypeTable};
use super::typed::{Form, form, item_element, same_item};
use super::union;
use super::validate::validate;

/// The answer of the quick way about an apply.
pub(super) enum QuickResult<'v> {
    /// Nothing is certain: the long way has to be gone.
    Unsure,
    /// The manager's entry covers exactly these fields, and these leaves get these values; none, and nothing changes.
    Leaves(Vec<(Path, &'v Value)>),
}

/// Looks at what an apply of the object itself would do.
pub(super) fn look<'v>(of: &TypeRef, live: &Value, applied: &'v Value, manager: &str) -> QuickResult<'v> {
    let entries = live.get("metadata").and_then(|metadata| metadata.get("managedFields")).and_then(Value::as_array);
    let ours = entries.into_iter().flatten().find(|entry| {
        entry["operation"] == "Apply" && entry["manager"] == manager && entry.get("subresource").is_none()
    });
    let fields =
        ours.filter(|entry| entry["apiVersion"] == applied["apiVersion"]).and_then(|entry| entry.get("fieldsV1"));
    match fields.and_then(|fields| walk(of, live, applied, fields)) {
        Some(changed) => QuickResult::Leaves(changed),
        None => QuickResult::Unsure,
    }
}

/// Whether it is certain that an entry covers exactly the fields of what is applied, whatever is live.
pub(super) fn covers(of: &TypeRef, applied: &Value, fields: &Value) -> bool {
    walk(of, applied, applied, fields).is_some()
}

fn walk<'v>(of: &TypeRef, live: &Value, applied: &'v Value, fields: &Value) -> Option<Vec<(Path, &'v Value)>> {
    let mut walk = Walk { table: of.table(), key: String::new(), changed: Vec::new() };
    let covered = walk.root(of, live, applied.as_object()?, fields.as_object()?);
    covered.then_some(walk.changed)
}

struct Walk<'t, 'v> {
    table: &'t TypeTable,
    /// Room for the keys of list items.
    key: String,
    changed: Vec<(Path, &'v Value)>,
}

impl<'t, 'v> Walk<'t, 'v> {
    /// The top of an object and its metadata have fields that nobody owns.
    fn root(
        &mut self,
        of: &TypeRef,
        live: &Value,
        applied: &'v Map<String, Value>,
        fields: &Map<String, Value>,
    ) -> bool {
        let TypeShape::Map(root) = &self.table.get(of.root()).shape else { return false };
        if live.as_object().is_some_and(|live| union::is_clash(root.unions, live, applied)) {
            return false;
        }
        let at = Frame::root();
        let mut owned = fields.iter().peekable();
        let all = applied.iter().all(|(name, value)| {
            let there = live.get(name);
            match (name.as_str(), value) {
                ("apiVersion" | "kind", value) => there == Some(value),
                ("status", _) if of.has_status_subresource() => false,
                ("metadata", Value::Object(metadata)) => {
                    let ours = owned.next_if(|(key, _)| *key == "f:metadata").and_then(|(_, below)| below.as_object());
                    self.metadata(root, there, metadata, ours)
                }
                (_, value) => match (root.fields.get(name.as_str()), owned.next(), there) {
                    (Some(field), Some((key, below)), Some(there)) => {
                        is_field(key, name) && self.value(field.of, at.field(name), there, value, below, false)
                    }
                    _ => false,
                },
            }
        });
        all && owned.next().is_none()
    }

    fn metadata(
        &mut self,
        root: &ObjectSchema,
        live: Option<&Value>,
        applied: &'v Map<String, Value>,
        fields: Option<&Map<String, Value>>,
    ) -> bool {
        let Some(TypeShape::Map(object)) = root.child("metadata").map(|id| &self.table.get(id).shape) else {
            return false;
        };
        let top = Frame::root();
        let at = top.field("metadata");
        let mut owned = fields.into_iter().flatten();
        let all = applied.iter().all(|(name, value)| {
            let there = live.and_then(|live| live.get(name));
            match (name.as_str(), there) {
                ("name" | "uid" | "namespace", there) => there == Some(value),
                // The rest of the server's own fields is for it to check.
                (
                    "creationTimestamp" | "selfLink" | "clusterName" | "generation" | "managedFields"
                    | "resourceVersion",
                    _,
                ) => false,
                (_, Some(there)) => match (object.fields.get(name.as_str()), owned.next()) {
                    (Some(field), Some((key, below))) => {
                        is_field(key, name) && self.value(field.of, at.field(name), there, value, below, false)
                    }
                    _ => false,
                },
                _ => false,
            }
        });
        all && owned.next().is_none()
    }

    /// One value: `below` is what the entry has at it, `in_map` whether it stands in a map rather than in a declared field.
    fn value(
        &mut self,
        id: TypeId,
        at: Frame<'_>,
        live: &Value,
        applied: &'v Value,
        below: &Value,
        in_map: bool,
    ) -> bool {
        let Some(below) = below.as_object() else { return false };
        match form(self.table, id, applied) {
            Form::Scalar(_) | Form::List(None) => below.is_empty() && self.leaf(id, at, live, applied),
            Form::List(Some(list)) => match (&list.kind, live, applied) {
                (ListKind::Atomic, ..) => below.is_empty() && self.leaf(id, at, live, applied),
                (_, Value::Array(live), Value::Array(applied)) => {
                    !applied.is_empty() && !below.contains_key(".") && self.items(list, at, live, applied, below)
                }
                _ => false,
            },
            Form::Map(Some(object)) if object.atomic => below.is_empty() && self.leaf(id, at, live, applied),
            Form::Map(object) => match (live, applied) {
                // An empty map is owned as such, and leaves what is in it alone.
                (Value::Object(_), Value::Object(applied)) if applied.is_empty() => below.is_empty(),
                (Value::Object(live), Value::Object(applied)) => {
                    below.contains_key(".") == in_map && self.fields(id, at, object, live, applied, below)
                }
                _ => false,
            },
        }
    }

    /// A value that is owned as a whole. A new one has to fit its type.
    fn leaf(&mut self, id: TypeId, at: Frame<'_>, live: &Value, applied: &'v Value) -> bool {
        if live.is_null() || applied.is_null() {
            return false;
        }
        if live == applied {
            return true;
        }
        let same_form = std::mem::discriminant(live) == std::mem::discriminant(applied);
        if !same_form || !validate(self.table, id, applied, false).is_empty() {
            return false;
        }
        self.changed.push((Path::from(at.path()), applied));
        true
    }

    fn fields(
        &mut self,
        id: TypeId,
        at: Frame<'_>,
        object: Option<&ObjectSchema>,
        live: &Map<String, Value>,
        applied: &'v Map<String, Value>,
        below: &Map<String, Value>,
    ) -> bool {
        // What cannot stand beside ours is for the long way to see.
        if object.is_some_and(|object| union::is_clash(object.unions, live, applied)) {
            return false;
        }
        let mut owned = below.iter().filter(|(key, _)| *key != ".");
        let all = applied.iter().all(|(name, value)| {
            let declared = object.and_then(|object| object.fields.get(name.as_str()));
            let child = match (declared, object) {
                (Some(field), _) => Some(field.of),
                (None, Some(object)) => object.values,
                (None, None) => Some(id),
            };
            match (child, owned.next(), live.get(name)) {
                (Some(child), Some((key, below)), Some(there)) => {
                    is_field(key, name) && self.value(child, at.field(name), there, value, below, declared.is_none())
                }
                _ => false,
            }
        });
        all && owned.next().is_none()
    }

    fn items(
        &mut self,
        list: &'t List,
        at: Frame<'_>,
        live: &[Value],
        applied: &'v [Value],
        below: &Map<String, Value>,
    ) -> bool {
        if below.len() != applied.len() {
            return false;
        }
        let mut before = None;
        for (position, item) in applied.iter().enumerate() {
            if !self.write_key(list, item) {
                return false;
            }
            let Some(owned) = below.get(&self.key).and_then(Value::as_object) else { return false };
            let found = find(list, live, item, position, live.len() != applied.len());
            // Shared items keep their order; one that moved changes the object.
            if found.is_none() || (before.is_some() && before >= found) {
                return false;
            }
            before = found;
            let Some(there) = found.and_then(|at| live.get(at)) else { return false };
            let step = Frame { above: Some(&at), step: FrameStep::Item(list, item) };
            let same = match (item, there) {
                (Value::Object(item), Value::Object(there)) => self.item(list, step, there, item, owned),
                (scalar, there) => scalar == there && owned.is_empty(),
            };
            if !same {
                return false;
            }
        }
        true
    }

    fn item(
        &mut self,
        list: &List,
        at: Frame<'_>,
        live: &Map<String, Value>,
        applied: &'v Map<String, Value>,
        owned: &Map<String, Value>,
    ) -> bool {
        let TypeShape::Map(object) = &self.table.get(list.items).shape else { return false };
        !object.atomic
            && owned.contains_key(".")
            && matches!(list.kind, ListKind::Map(_))
            && !applied.is_empty()
            && self.fields(list.items, at, Some(object), live, applied, owned)
    }

    /// Writes the key of an item; a key that is one plain text is written without more ado.
    fn write_key(&mut self, list: &List, item: &Value) -> bool {
        self.key.clear();
        if let ListKind::Map(keys) = &list.kind
            && let [(name, _)] = keys.as_slice()
            && let Some(Value::String(text)) = item.get(&**name)
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
        {
            for part in ["k:{\"", name, "\":\"", text, "\"}"] {
                self.key.push_str(part);
            }
            return true;
        }
        let element = item_element(list, item);
        if let Ok(element) = &element {
            self.key.push_str(element.as_str());
        }
        element.is_ok()
    }
}

fn is_field(key: &str, name: &str) -> bool {
    key.strip_prefix("f:") == Some(name)
}

/// Where the live counterpart of an item stands; the same position is tried first. With `alone`, none counts when there
/// are two.
fn find(list: &List, live: &[Value], item: &Value, position: usize, alone: bool) -> Option<usize> {
    let mut found = live.get(position).is_some_and(|other| same_item(list, item, other)).then_some(position);
    if found.is_none() {
        found = live.iter().position(|other| same_item(list, item, other));
    }
    let is_alone = || live.iter().filter(|other| same_item(list, item, other)).count() == 1;
    found.filter(|_| !alone || is_alone())
}
