//! Objects against their types: what does not fit, in the server's words.

use serde_json::{Map, Value};

use super::schema::{List, ListKind, ObjectSchema, ScalarKind, TypeId, TypeTable};
use super::text::{go_pointer, go_syntax, go_type};
use super::typed::{Form, form, item_element};

/// A value that does not fit its type, with the path in the server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    path: String,
    message: String,
}

impl Misfit {
    fn here(message: impl Into<String>) -> Vec<Self> {
        vec![Self { path: String::new(), message: message.into() }]
    }

    fn text(&self) -> String {
        if self.path.is_empty() { self.message.clone() } else { format!("{}: {}", self.path, self.message) }
    }
}

/// All misfits in one message, as the server writes them.
pub(super) fn misfit_message(misfits: &[Misfit]) -> String {
    match misfits {
        [one] => one.text(),
        many => {
            let lines: Vec<String> = many.iter().map(|one| format!("  {}", one.text())).collect();
            format!("errors:\n{}", lines.join("\n"))
        }
    }
}

/// Checks a value against its type. Duplicate keys in lists are allowed in what is stored, never in what is applied.
pub(super) fn validate(table: &TypeTable, id: TypeId, value: &Value, allow_duplicates: bool) -> Vec<Misfit> {
    if value.is_null() {
        return Vec::new();
    }
    match form(table, id, value) {
        Form::Scalar(scalar) => validate_scalar(scalar, value),
        Form::List(list) => match value.as_array() {
            Some(items) => validate_items(table, list, items, allow_duplicates),
            None => Misfit::here(format!("expected list, got {}", go_pointer(value))),
        },
        Form::Map(object) => match (value.as_object(), object) {
            (Some(map), Some(object)) => validate_map(table, object, map, allow_duplicates),
            (Some(_), None) => Vec::new(),
            (None, _) => Misfit::here(format!("expected map, got {}", go_pointer(value))),
        },
    }
}

fn validate_scalar(scalar: Option<ScalarKind>, value: &Value) -> Vec<Misfit> {
    match scalar {
        Some(ScalarKind::Integer | ScalarKind::SmallInteger | ScalarKind::Number) if !value.is_number() => {
            Misfit::here(format!("expected numeric (int or float), got {}", go_type(value)))
        }
        Some(ScalarKind::String | ScalarKind::Time | ScalarKind::MicroTime | ScalarKind::Bytes)
            if !value.is_string() =>
        {
            Misfit::here(format!("expected string, got &value.valueUnstructured{{Value:{}}}", go_syntax(value)))
        }
        Some(ScalarKind::Boolean) if !value.is_boolean() => {
            Misfit::here(format!("expected boolean, got {}", go_pointer(value)))
        }
        Some(ScalarKind::IntOrString | ScalarKind::Quantity) if value.is_array() || value.is_object() => {
            Misfit::here(format!("expected any scalar, got {}", go_pointer(value)))
        }
        _ => Vec::new(),
    }
}

fn validate_map(
    table: &TypeTable,
    object: &ObjectSchema,
    map: &Map<String, Value>,
    allow_duplicates: bool,
) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    for (name, value) in map {
        let Some(id) = object.child(name) else {
            misfits.push(Misfit { path: format!(".{name}"), message: "field not declared in schema".to_owned() });
            break;
        };
        let found = validate(table, id, value, allow_duplicates);
        misfits.extend(found.into_iter().map(|one| Misfit { path: format!(".{name}{}", one.path), ..one }));
    }
    misfits
}

fn validate_items(table: &TypeTable, list: Option<&List>, items: &[Value], allow_duplicates: bool) -> Vec<Misfit> {
    let Some(list) = list else { return Vec::new() };
    let mut misfits = Vec::new();
    let distinct = allow_duplicates || are_distinct(list, items);
    let mut seen = Vec::new();
    for (position, item) in items.iter().enumerate() {
        let element = || item_element(list, item);
        let here = || match list.kind {
            ListKind::Atomic => Ok(format!("[{position}]")),
            _ => element().map(|element| element.to_string()),
        };
        let is_told = matches!(list.kind, ListKind::Atomic) || (distinct && has_plain_key(list, item));
        if !is_told {
            match element() {
                Ok(element) if !allow_duplicates && seen.contains(&element) => {
                    misfits.extend(Misfit::here(format!("duplicate entries for key {element}")));
                }
                Ok(element) => seen.push(element),
                Err(message) => {
                    misfits.extend(Misfit::here(format!("element {position}: {message}")));
                    return misfits;
                }
            }
        }
        for one in validate(table, list.items, item, allow_duplicates) {
            let path = format!("{}{}", here().unwrap_or_default(), one.path);
            misfits.push(Misfit { path, ..one });
        }
    }
    misfits
}

/// Whether an item's only key is a text, which nearly all are: it can be told apart without writing its element.
fn has_plain_key(list: &List, item: &Value) -> bool {
    match &list.kind {
        ListKind::Map(keys) => {
            matches!(keys.as_slice(), [(name, _)] if item.get(&**name).is_some_and(Value::is_string))
        }
        _ => false,
    }
}

/// Whether all items have one plain key, and all keys differ.
fn are_distinct(list: &List, items: &[Value]) -> bool {
    let ListKind::Map(keys) = &list.kind else { return false };
    let [(name, _)] = keys.as_slice() else { return false };
    let mut texts: Vec<&str> = items.iter().filter_map(|item| item.get(&**name).and_then(Value::as_str)).collect();
    texts.sort_unstable();
    texts.len() == items.len() && texts.windows(2).all(|pair| pair[0] != pair[1])
}
