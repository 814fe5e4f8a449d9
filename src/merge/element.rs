//! Path elements and paths, in the words of `fieldsV1` and in those of the server's messages.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::text::{go_quote, write_json, write_string};

/// One step of a path, kept as the text that `fieldsV1` writes: `f:spec`, `k:{"name":"app"}`, `v:"x"` or `i:3`.
///
/// Equal steps have equal texts, since keys and values are always written canonically.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Element(Arc<str>);

/// What one path element selects, read back from its text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ElementKind<'a> {
    /// A field of an object or a key of a map.
    Field(&'a str),
    /// The item of a keyed list whose keys have these values.
    Key(Map<String, Value>),
    /// The item of a set with this value.
    Item(Value),
    /// The item at this position of a list.
    Index(i64),
}

impl Element {
    /// The element of a field of an object or a map.
    pub(crate) fn field(name: &str) -> Self {
        let mut text = String::with_capacity(name.len() + 2);
        text.push_str("f:");
        text.push_str(name);
        Self(text.into())
    }

    /// The element of an item in a keyed list; `keys` are written sorted by name.
    pub(crate) fn key<'k>(keys: impl IntoIterator<Item = (&'k str, &'k Value)>) -> Self {
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_by_key(|(name, _)| *name);
        let mut text = String::with_capacity(24);
        text.push_str("k:{");
        for (position, (name, value)) in keys.into_iter().enumerate() {
            if position > 0 {
                text.push(',');
            }
            write_string(&mut text, name);
            text.push(':');
            write_json(&mut text, value);
        }
        text.push('}');
        Self(text.into())
    }

    /// The element of an item in a set.
    pub(crate) fn item(value: &Value) -> Self {
        let mut text = String::from("v:");
        write_json(&mut text, value);
        Self(text.into())
    }

    /// Reads one key of a `fieldsV1` object. `None` for prefixes that we don't know, which the server ignores too.
    ///
    /// # Errors
    /// When the prefix is known and what follows it cannot be read.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, String> {
        let Some((prefix, rest)) = text.split_at_checked(2) else {
            return Err(format!("key must be 2 characters long: {text:?}"));
        };
        match prefix {
            "f:" => Ok(Some(Self(text.into()))),
            "k:" if is_canonical_string_key(rest) => Ok(Some(Self(text.into()))),
            "k:" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).map_err(|e| format!("{text:?}: {e}"))?;
                Ok(Some(Self::key(keys.iter().map(|(name, value)| (name.as_str(), value)))))
            }
            "v:" => {
                let value: Value = serde_json::from_str(rest).map_err(|e| format!("{text:?}: {e}"))?;
                Ok(Some(Self::item(&value)))
            }
            "i:" => {
                let position: i64 = rest.parse().map_err(|e| format!("{text:?}: {e}"))?;
                Ok(Some(Self(format!("i:{position}").into())))
            }
            _ if !prefix.ends_with(':') => Err(format!("missing colon: {text:?}")),
            _ => Ok(None),
        }
    }

    /// The text that `fieldsV1` uses.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The field's name, when the element is a field.
    pub(crate) fn as_field(&self) -> Option<&str> {
        self.0.strip_prefix("f:")
    }

    /// What the element selects.
    pub(crate) fn step(&self) -> ElementKind<'_> {
        let (prefix, rest) = self.0.split_at(2);
        match prefix {
            "k:" => ElementKind::Key(serde_json::from_str(rest).unwrap_or_default()),
            "v:" => ElementKind::Item(serde_json::from_str(rest).unwrap_or_default()),
            "i:" => ElementKind::Index(rest.parse().unwrap_or_default()),
            _ => ElementKind::Field(rest),
        }
    }

    /// The order in which the server lists elements: fields, keyed items, set items, positions; each by its value.
    pub(crate) fn server_order(&self, other: &Self) -> Ordering {
        fn rank(step: &ElementKind<'_>) -> u8 {
            match step {
                ElementKind::Field(_) => 0,
                ElementKind::Key(_) => 1,
                ElementKind::Item(_) => 2,
                ElementKind::Index(_) => 3,
            }
        }
        match (self.step(), other.step()) {
            (ElementKind::Field(a), ElementKind::Field(b)) => a.cmp(b),
            (ElementKind::Key(a), ElementKind::Key(b)) => key_order(&a, &b),
            (ElementKind::Item(a), ElementKind::Item(b)) => value_order(&a, &b),
            (ElementKind::Index(a), ElementKind::Index(b)) => a.cmp(&b),
            (a, b) => rank(&a).cmp(&rank(&b)),
        }
    }
}

/// A key object with one member that is a plain string needs no rewriting; nearly all keys are of this form.
fn is_canonical_string_key(rest: &str) -> bool {
    let Some(inner) = rest.strip_prefix("{\"").and_then(|r| r.strip_suffix("\"}")) else {
        return false;
    };
    let Some((name, value)) = inner.split_once("\":\"") else {
        return false;
    };
    let plain =
        |s: &str| s.bytes().all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\' | b'<' | b'>' | b'&'));
    plain(name) && plain(value)
}

fn key_order(a: &Map<String, Value>, b: &Map<String, Value>) -> Ordering {
    let pairs = a.iter().zip(b.iter());
    for ((name_a, value_a), (name_b, value_b)) in pairs {
        let order = name_a.cmp(name_b).then_with(|| value_order(value_a, value_b));
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// Numbers before strings before booleans before lists before maps before null, as the server sorts values.
fn value_order(a: &Value, b: &Value) -> Ordering {
    fn rank(value: &Value) -> u8 {
        match value {
            Value::Number(_) => 0,
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Array(_) => 3,
            Value::Object(_) => 4,
            Value::Null => 5,
        }
    }
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default()),
        },
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)).then_with(|| a.to_string().cmp(&b.to_string())),
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step() {
            ElementKind::Field(name) => write!(f, ".{name}"),
            ElementKind::Key(keys) => {
                f.write_str("[")?;
                for (position, (name, value)) in keys.iter().enumerate() {
                    let comma = if position > 0 { "," } else { "" };
                    write!(f, "{comma}{name}={}", display_value(value))?;
                }
                f.write_str("]")
            }
            ElementKind::Item(value) => write!(f, "[={}]", display_value(&value)),
            ElementKind::Index(position) => write!(f, "[{position}]"),
        }
    }
}

/// A value as the server shows it inside paths: strings quoted, everything else plain.
fn display_value(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Owned(go_quote(text)),
        other => Cow::Owned(other.to_string()),
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path from the root of an object. It displays as the server writes it:
/// `.spec.template.spec.containers[name="app"].env[name="A"].value`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub(crate) struct Path(Vec<Element>);

impl Path {
    /// The path to the root.
    pub(crate) fn root() -> Self {
        Self::default()
    }

    /// A path of fields only: `Path::of_fields(["spec", "replicas"])`.
    pub(crate) fn of_fields<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(names.into_iter().map(Element::field).collect())
    }

    /// The elements from the root on.
    pub(crate) fn elements(&self) -> &[Element] {
        &self.0
    }

    /// The same path, one element deeper.
    #[must_use]
    pub(crate) fn join(&self, element: Element) -> Self {
        let mut elements = self.0.clone();
        elements.push(element);
        Self(elements)
    }

    /// Adds an element at the end.
    pub(crate) fn push(&mut self, element: Element) {
        self.0.push(element);
    }

    /// Takes the last element off.
    pub(crate) fn pop(&mut self) -> Option<Element> {
        self.0.pop()
    }

    /// The value at this path, when the object has one. Keyed items match when all keys that they write are equal
    /// (`defaults` are not considered).
    pub(crate) fn get<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(object, |value, element| child(value, element))
    }

    /// Takes the value at this path out of an object that has one.
    pub(crate) fn remove_from(&self, object: &mut Value) {
        let Some((last, above)) = self.0.split_last() else { return };
        match above.iter().try_fold(object, |value, element| child_mut(value, element)) {
            Some(Value::Object(map)) => drop(last.as_field().and_then(|name| map.remove(name))),
            Some(Value::Array(items)) => drop(position(items, last).map(|at| items.remove(at))),
            _ => {}
        }
    }
}

/// The value that one element selects inside another.
fn child<'v>(value: &'v Value, element: &Element) -> Option<&'v Value> {
    match element.as_field() {
        Some(name) => value.as_object()?.get(name),
        None => value.as_array().and_then(|items| items.get(position(items, element)?)),
    }
}

fn child_mut<'v>(value: &'v mut Value, element: &Element) -> Option<&'v mut Value> {
    match element.as_field() {
        Some(name) => value.as_object_mut()?.get_mut(name),
        None => value.as_array_mut().and_then(|items| position(items, element).and_then(|at| items.get_mut(at))),
    }
}

/// The place of the item that an element selects in a list.
fn position(items: &[Value], element: &Element) -> Option<usize> {
    match element.step() {
        ElementKind::Field(_) => None,
        ElementKind::Key(keys) => items.iter().position(|item| {
            let absent_means_default = |name: &str, wanted: &Value| name == "protocol" && wanted == "TCP";
            keys.iter().all(|(name, wanted)| match item.get(name) {
                Some(found) => found == wanted,
                None => absent_means_default(name, wanted),
            })
        }),
        ElementKind::Item(wanted) => items.iter().position(|item| *item == wanted),
        ElementKind::Index(at) => usize::try_from(at).ok().filter(|at| *at < items.len()),
    }
}

impl From<Vec<Element>> for Path {
    fn from(elements: Vec<Element>) -> Self {
        Self(elements)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}
