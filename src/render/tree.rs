//! Bodies of objects as they are built: JSON in which every value may say which line decided it.
//!
//! What is empty is never rendered (engine.md: the server drops most empty values, and a desired value that vanishes would
//! be a change for ever), so [`Tree::finish`] leaves out absent values, empty lists and empty maps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Origins;
use crate::quantity::Quantity;
use crate::source::Span;

/// A value with the line that decided it, if a line did.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Tree {
    node: Node,
    origin: Option<Span>,
    /// Whether a hatch wrote it (`patch`, `object`, `env`), rather than parcelle itself.
    by_hand: bool,
}

/// A rendered value with what is known of how it came about, each part by JSON pointer.
pub(crate) struct Finished {
    pub(crate) value: Value,
    /// The lines that decided values.
    pub(crate) origins: Origins,
    /// The scalars that a hatch wrote.
    pub(crate) by_hand: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Default)]
enum Node {
    #[default]
    Absent,
    Scalar(Value),
    List(Vec<Tree>),
    Map(BTreeMap<String, Tree>),
}

/// The fields that tell the items of a list apart, each with the value that an absent one means.
pub(crate) type ListKeys = Vec<(String, Option<Value>)>;

/// Builds a map: `tree! { "name": "web", "containerPort": 80 }`. Absent values are left out.
macro_rules! tree {
    ($($key:tt : $value:expr),* $(,)?) => {
        $crate::render::tree::Tree::map::<String>([$(($key.to_string(), $crate::render::tree::Tree::from($value))),*])
    };
}
pub(crate) use tree;

impl Tree {
    /// Nothing: left out wherever it stands.
    pub(crate) const ABSENT: Self = Self { node: Node::Absent, origin: None, by_hand: false };

    /// A map of the entries.
    pub(crate) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Tree)>) -> Self {
        Node::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect()).into()
    }

    /// A list of the items.
    pub(crate) fn list(items: impl IntoIterator<Item = Tree>) -> Self {
        Node::List(items.into_iter().collect()).into()
    }

    /// The same value, decided at `origin`.
    #[must_use]
    pub(crate) fn at(mut self, origin: impl Into<Option<Span>>) -> Self {
        self.origin = origin.into().or(self.origin);
        self
    }

    /// The same value with all that lies in it, as written by a hatch.
    #[must_use]
    pub(crate) fn by_hand(mut self) -> Self {
        self.by_hand = true;
        self.node = match self.node {
            Node::List(items) => Node::List(items.into_iter().map(Tree::by_hand).collect()),
            Node::Map(entries) => Node::Map(entries.into_iter().map(|(key, tree)| (key, tree.by_hand())).collect()),
            node => node,
        };
        self
    }

    /// Shows every scalar, and every list and map with nothing in it, with its JSON pointer and the line around it.
    pub(crate) fn each_leaf(&self, head: Span, show: &mut impl FnMut(&str, Option<&Value>, Span)) {
        self.leaves(&mut String::new(), head, show);
    }

    /// Shows the length of the text of every field, list item, key and scalar.
    pub(crate) fn each_text(&self, show: &mut impl FnMut(usize)) {
        match &self.node {
            Node::Absent => {}
            Node::Scalar(value) => show(value.as_str().map_or(0, str::len)),
            Node::List(items) => items.iter().for_each(|item| item.each_text(show)),
            Node::Map(entries) => entries.iter().for_each(|(key, tree)| {
                show(key.len());
                tree.each_text(show);
            }),
        }
    }

    fn leaves(&self, pointer: &mut String, around: Span, show: &mut impl FnMut(&str, Option<&Value>, Span)) {
        let (span, length) = (self.origin.unwrap_or(around), pointer.len());
        let mut below = |segment: &str, tree: &Tree| {
            pointer.push('/');
            push_escaped(pointer, segment);
            tree.leaves(pointer, span, show);
            pointer.truncate(length);
        };
        match &self.node {
            Node::List(items) if !items.is_empty() => {
                items.iter().enumerate().for_each(|(at, item)| below(&at.to_string(), item));
            }
            Node::Map(entries) if !entries.is_empty() => entries.iter().for_each(|(key, tree)| below(key, tree)),
            Node::Scalar(value) => show(pointer, Some(value), span),
            Node::Absent | Node::List(_) | Node::Map(_) => show(pointer, None, span),
        }
    }

    /// Whether nothing of it would be rendered.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.node {
            Node::Absent => true,
            Node::Scalar(_) => false,
            Node::List(items) => items.is_empty(),
            Node::Map(entries) => entries.values().all(Tree::is_empty),
        }
    }

    /// Puts `value` under `key`, in place of what stood there. A value that is no map becomes one.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Tree>) {
        if !matches!(self.node, Node::Map(_)) {
            self.node = Node::Map(BTreeMap::new());
        }
        if let Node::Map(entries) = &mut self.node {
            entries.insert(key.to_owned(), value.into());
        }
    }

    /// Lays `other` over this: maps key by key, anything else is replaced; absent changes nothing.
    pub(crate) fn merge(&mut self, other: Tree) {
        self.merge_by(other, &mut Vec::new(), &|_: &[String]| Vec::new());
    }

    /// As [`Tree::merge`], with the items of a list told apart by the keys that `keys` gives for its path (field names,
    /// `[]` for items), each with the value that an absent one means; a list without keys is replaced.
    pub(crate) fn merge_by<K>(&mut self, other: Tree, path: &mut Vec<String>, keys: &K)
    where
        K: Fn(&[String]) -> ListKeys,
    {
        match (&mut self.node, other.node) {
            (_, Node::Absent) => {}
            (Node::Map(entries), Node::Map(others)) => {
                self.origin = other.origin.or(self.origin);
                for (key, value) in others {
                    path.push(key.clone());
                    entries.entry(key).or_default().merge_by(value, path, keys);
                    path.pop();
                }
            }
            (Node::List(items), Node::List(others)) if !keys(path).is_empty() => {
                let keys_here = keys(path);
                path.push("[]".to_owned());
                let key_of = |item: &Tree| -> Vec<Option<String>> {
                    let part = |(key, default): &(String, Option<Value>)| {
                        item.get(key).or(default.as_ref()).map(Value::to_string)
                    };
                    keys_here.iter().map(part).collect()
                };
                let mut places: BTreeMap<_, usize> = BTreeMap::new();
                for (at, item) in items.iter().enumerate() {
                    places.entry(key_of(item)).or_insert(at);
                }
                for other in others {
                    let at = *places.entry(key_of(&other)).or_insert(items.len());
                    match items.get_mut(at) {
                        Some(item) => item.merge_by(other, path, keys),
                        None => items.push(other),
                    }
                }
                path.pop();
            }
            (_, node) => *self = Self { node, origin: other.origin, by_hand: other.by_hand },
        }
    }

    /// The value, where it is a scalar.
    pub(crate) fn scalar(&self) -> Option<&Value> {
        match &self.node {
            Node::Scalar(value) => Some(value),
            _ => None,
        }
    }

    /// The scalar under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        match &self.node {
            Node::Map(entries) => match &entries.get(key)?.node {
                Node::Scalar(value) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    /// Takes the value under a key away.
    pub(crate) fn take(&mut self, key: &str) -> Option<Tree> {
        match &mut self.node {
            Node::Map(entries) => entries.remove(key),
            _ => None,
        }
    }

    /// What lies below at field names; `[]` goes into every item of a list.
    pub(crate) fn below(&mut self, path: &[&str]) -> Vec<&mut Tree> {
        let Some((first, rest)) = path.split_first() else { return vec![self] };
        match &mut self.node {
            Node::Map(entries) => entries.get_mut(*first).map(|tree| tree.below(rest)).unwrap_or_default(),
            Node::List(items) if *first == "[]" => items.iter_mut().flat_map(|item| item.below(rest)).collect(),
            _ => Vec::new(),
        }
    }

    /// The value, the origins of all that said one, and what was written by a hatch; empty values are left out.
    pub(crate) fn finish(self) -> Finished {
        let mut finished = Finished { value: Value::Null, origins: Origins::default(), by_hand: BTreeSet::new() };
        finished.value = self.into_value(&mut String::new(), &mut finished);
        finished
    }

    fn into_value(self, pointer: &mut String, finished: &mut Finished) -> Value {
        if let Some(origin) = self.origin {
            finished.origins.0.insert(pointer.clone(), origin);
        }
        if self.by_hand && matches!(self.node, Node::Scalar(_)) {
            finished.by_hand.insert(pointer.clone());
        }
        let length = pointer.len();
        let mut child = |segment: &str, tree: Tree| {
            pointer.push('/');
            push_escaped(pointer, segment);
            let value = tree.into_value(pointer, finished);
            pointer.truncate(length);
            value
        };
        match self.node {
            Node::Absent => Value::Null,
            Node::Scalar(value) => value,
            Node::List(items) => {
                let kept = items.into_iter().filter(|item| !item.is_empty());
                Value::Array(kept.enumerate().map(|(at, item)| child(&at.to_string(), item)).collect())
            }
            Node::Map(entries) => {
                let kept = entries.into_iter().filter(|(_, value)| !value.is_empty());
                let child = |(key, value): (String, Tree)| {
                    let value = child(&key, value);
                    (key, value)
                };
                Value::Object(kept.map(child).collect())
            }
        }
    }
}

/// Appends a segment of a JSON pointer (RFC 6901): `~` as `~0`, `/` as `~1`.
pub(crate) fn push_escaped(pointer: &mut String, segment: &str) {
    if !segment.contains(['~', '/']) {
        return pointer.push_str(segment);
    }
    for letter in segment.chars() {
        match letter {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

impl From<Node> for Tree {
    fn from(node: Node) -> Self {
        Self { node, origin: None, by_hand: false }
    }
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Node::Scalar(Value::from(text)).into()
    }
}

impl From<String> for Tree {
    fn from(text: String) -> Self {
        Node::Scalar(Value::from(text)).into()
    }
}

impl From<&String> for Tree {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<bool> for Tree {
    fn from(flag: bool) -> Self {
        Node::Scalar(Value::from(flag)).into()
    }
}

impl From<i64> for Tree {
    fn from(number: i64) -> Self {
        Node::Scalar(Value::from(number)).into()
    }
}

impl From<u32> for Tree {
    fn from(number: u32) -> Self {
        i64::from(number).into()
    }
}

impl From<u16> for Tree {
    fn from(number: u16) -> Self {
        i64::from(number).into()
    }
}

impl From<i32> for Tree {
    fn from(number: i32) -> Self {
        i64::from(number).into()
    }
}

impl From<Quantity> for Tree {
    /// The canonical spelling.
    fn from(quantity: Quantity) -> Self {
        quantity.canonical().into()
    }
}

impl From<Vec<Tree>> for Tree {
    fn from(items: Vec<Tree>) -> Self {
        Node::List(items).into()
    }
}

impl From<BTreeMap<String, String>> for Tree {
    fn from(entries: BTreeMap<String, String>) -> Self {
        Tree::map(entries.into_iter().map(|(key, value)| (key, value.into())))
    }
}

impl<T: Into<Tree>> From<Option<T>> for Tree {
    fn from(value: Option<T>) -> Self {
        value.map_or(Tree::ABSENT, Into::into)
    }
}

impl From<Value> for Tree {
    /// Parsed JSON; `null` is absent.
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Tree::ABSENT,
            Value::Array(items) => Tree::list(items.into_iter().map(Tree::from)),
            Value::Object(entries) => Tree::map(entries.into_iter().map(|(key, value)| (key, Tree::from(value)))),
            scalar => Node::Scalar(scalar).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn what_is_empty_is_left_out_and_origins_are_pointers() {
        let span = Span::new(FileId(0), 3..5);
        let body = tree! {
            "a": tree! { "b/c": Tree::from(1).at(span), "empty": tree! {} },
            "list": vec![Tree::ABSENT, Tree::from("x").at(span)],
            "none": None::<&str>,
        };
        let Finished { value, origins, by_hand } = body.finish();
        assert_eq!(value, serde_json::json!({ "a": { "b/c": 1 }, "list": ["x"] }));
        assert!(by_hand.is_empty());
        assert_eq!(origins.0.keys().collect::<Vec<_>>(), ["/a/b~1c", "/list/0"]);
        assert_eq!(origins.of("/list/0/deeper"), Some(span));
    }

    #[test]
    fn what_a_hatch_wrote_is_told_apart_where_it_lies_over_what_was_rendered() {
        let mut body = tree! { "a": tree! { "ours": 1, "theirs": 1 }, "list": vec!["x".into(), "y".into()] };
        let patch = tree! { "a": tree! { "theirs": 2, "new": tree! { "deep": 3 } }, "list": vec!["z".into()] };
        body.merge(patch.by_hand());
        let pointers: Vec<String> = body.finish().by_hand.into_iter().collect();
        assert_eq!(pointers, ["/a/new/deep", "/a/theirs", "/list/0"]);
    }

    #[test]
    fn leaves_are_shown_with_empty_lists_and_maps() {
        let span = Span::new(FileId(0), 3..5);
        let body =
            tree! { "a": tree! { "b/c": Tree::from(1) }, "none": Tree::list([]), "map": Tree::map::<String>([]) };
        let mut seen = Vec::new();
        body.each_leaf(span, &mut |pointer, value, _| seen.push((pointer.to_owned(), value.is_some())));
        let seen: Vec<(&str, bool)> = seen.iter().map(|(pointer, said)| (pointer.as_str(), *said)).collect();
        assert_eq!(seen, [("/a/b~1c", true), ("/map", false), ("/none", false)]);
    }
}
