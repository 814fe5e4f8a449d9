//! Sets of fields, as `managedFields` keeps them, and their algebra.

use serde_json::{Map, Value};

use super::element::{Element, Path};

/// A set of paths. A path may be a member, have members below it, or both.
///
/// Kept as a tree with sorted children; empty branches are never kept, so equal sets are equal values.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FieldSet {
    nodes: Vec<Node>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Node {
    element: Element,
    member: bool,
    below: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl FieldSet {
    /// The empty set.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// An empty set with room for so many children.
    pub(super) fn with_capacity(children: usize) -> Self {
        Self { nodes: Vec::with_capacity(children) }
    }

    /// Whether no path is a member.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many paths are members.
    pub(crate) fn len(&self) -> usize {
        self.nodes.iter().map(|node| usize::from(node.member) + node.below.len()).sum()
    }

    /// Reads a `fieldsV1` value. Keys with prefixes that we don't know are ignored, as the server does.
    ///
    /// # Errors
    /// When it is no object or a key cannot be read.
    pub fn from_fields_v1(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| "fieldsV1 must be an object".to_owned())?;
        Ok(read(map)?.0)
    }

    /// The `fieldsV1` value of this set.
    pub(crate) fn to_fields_v1(&self) -> Value {
        Value::Object(self.nodes.iter().map(|node| (node.element.as_str().to_owned(), node.to_json())).collect())
    }

    /// Makes a path a member. The root is never one.
    pub(crate) fn insert(&mut self, path: &[Element]) {
        match path {
            [] => {}
            [last] => self.node(last).member = true,
            [first, rest @ ..] => self.node(first).below.insert(rest),
        }
    }

    /// Whether a path is a member.
    pub(crate) fn contains(&self, path: &[Element]) -> bool {
        match path {
            [] => false,
            [last] => self.find(last).is_some_and(|node| node.member),
            [first, rest @ ..] => self.find(first).is_some_and(|node| node.below.contains(rest)),
        }
    }

    /// Whether the child `element` is a member, and what is in the set below it.
    pub(crate) fn child(&self, element: &Element) -> Option<(bool, &FieldSet)> {
        self.find(element).map(|node| (node.member, &node.below))
    }

    /// [`FieldSet::child`] for a field.
    pub(super) fn child_field(&self, name: &str) -> Option<(bool, &FieldSet)> {
        let at = self.nodes.binary_search_by(|node| order_by_field(&node.element, name)).ok()?;
        self.nodes.get(at).map(|node| (node.member, &node.below))
    }

    /// The elements at the top with whether each is a member and what is below it, in the order of their texts.
    pub(crate) fn children(&self) -> impl Iterator<Item = (&Element, bool, &FieldSet)> {
        self.nodes.iter().map(|node| (&node.element, node.member, &node.below))
    }

    /// All members of both sets.
    #[must_use]
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut nodes = Vec::with_capacity(self.nodes.len().max(other.nodes.len()));
        zip(&self.nodes, &other.nodes, |left, right| match (left, right) {
            (Some(a), Some(b)) => nodes.push(Node {
                element: a.element.clone(),
                member: a.member || b.member,
                below: a.below.union(&b.below),
            }),
            (Some(one), None) | (None, Some(one)) => nodes.push(one.clone()),
            (None, None) => {}
        });
        Self { nodes }
    }

    /// The members that both sets have.
    #[must_use]
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut nodes = Vec::new();
        zip(&self.nodes, &other.nodes, |left, right| {
            if let (Some(a), Some(b)) = (left, right) {
                let node = Node {
                    element: a.element.clone(),
                    member: a.member && b.member,
                    below: a.below.intersection(&b.below),
                };
                if !node.is_empty() {
                    nodes.push(node);
                }
            }
        });
        Self { nodes }
    }

    /// The members that only this set has.
    #[must_use]
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let mut nodes = Vec::with_capacity(self.nodes.len());
        zip(&self.nodes, &other.nodes, |left, right| match (left, right) {
            (Some(a), None) => nodes.push(a.clone()),
            (Some(a), Some(b)) => {
                let node = Node {
                    element: a.element.clone(),
                    member: a.member && !b.member,
                    below: a.below.difference(&b.below),
                };
                if !node.is_empty() {
                    nodes.push(node);
                }
            }
            (None, _) => {}
        });
        Self { nodes }
    }

    /// The members that are neither members of the other set nor below one.
    #[must_use]
    pub(crate) fn difference_with_descendants(&self, other: &Self) -> Self {
        let mut nodes = Vec::with_capacity(self.nodes.len());
        zip(&self.nodes, &other.nodes, |left, right| match (left, right) {
            (Some(a), None) => nodes.push(a.clone()),
            (Some(a), Some(b)) if !b.member => {
                let node = Node {
                    element: a.element.clone(),
                    member: a.member,
                    below: a.below.difference_with_descendants(&b.below),
                };
                if !node.is_empty() {
                    nodes.push(node);
                }
            }
            _ => {}
        });
        Self { nodes }
    }

    /// Whether every member is one of the other set too.
    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        self.nodes.iter().all(|node| {
            other
                .find(&node.element)
                .is_some_and(|found| (!node.member || found.member) && node.below.is_subset(&found.below))
        })
    }

    /// Every member as a path, in the order in which the server lists them: the members of a level, then what is below.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let mut out = Vec::with_capacity(self.len());
        self.collect_paths(&mut Path::root(), &mut out);
        out
    }

    fn collect_paths(&self, prefix: &mut Path, out: &mut Vec<Path>) {
        let mut ordered: Vec<&Node> = self.nodes.iter().collect();
        ordered.sort_by(|a, b| a.element.server_order(&b.element));
        out.extend(ordered.iter().filter(|node| node.member).map(|node| prefix.join(node.element.clone())));
        for node in ordered {
            prefix.push(node.element.clone());
            node.below.collect_paths(prefix, out);
            prefix.pop();
        }
    }

    fn find(&self, element: &Element) -> Option<&Node> {
        let at = self.nodes.binary_search_by(|node| node.element.cmp(element)).ok()?;
        self.nodes.get(at)
    }

    fn node(&mut self, element: &Element) -> &mut Node {
        let at = match self.nodes.binary_search_by(|node| node.element.cmp(element)) {
            Ok(at) => at,
            Err(at) => {
                self.nodes.insert(at, Node { element: element.clone(), member: false, below: Self::new() });
                at
            }
        };
        &mut self.nodes[at]
    }

    /// Adds a child with what is below it; both parts are merged when the child is there already.
    pub(super) fn add(&mut self, element: Element, member: bool, below: FieldSet) {
        if !member && below.is_empty() {
            return;
        }
        match self.nodes.last() {
            Some(last) if last.element >= element => {
                let node = self.node(&element);
                node.member |= member;
                node.below = if node.below.is_empty() { below } else { node.below.union(&below) };
            }
            _ => self.nodes.push(Node { element, member, below }),
        }
    }
}

impl Node {
    fn to_json(&self) -> Value {
        let Value::Object(mut below) = self.below.to_fields_v1() else {
            return Value::Null;
        };
        if self.member && !below.is_empty() {
            below.insert(".".to_owned(), Value::Object(Map::new()));
        }
        Value::Object(below)
    }
}

/// The order of an element relative to the field of this name, without building its text.
fn order_by_field(element: &Element, name: &str) -> std::cmp::Ordering {
    match element.as_field() {
        Some(field) => field.cmp(name),
        None => element.as_str().cmp("f:"),
    }
}

/// The set below one node, and whether the node itself is a member.
fn read(map: &Map<String, Value>) -> Result<(FieldSet, bool), String> {
    let mut set = FieldSet { nodes: Vec::with_capacity(map.len()) };
    let mut member = false;
    for (key, value) in map {
        if key == "." {
            member = true;
            continue;
        }
        let Some(element) = Element::parse(key)? else { continue };
        let (below, child_is_member) = match value {
            Value::Object(inner) => read(inner)?,
            _ => (FieldSet::new(), true),
        };
        set.add(element, child_is_member, below);
    }
    let member = member || set.is_empty();
    Ok((set, member))
}

/// Walks two sorted lists of nodes at once.
fn zip<'n>(left: &'n [Node], right: &'n [Node], mut each: impl FnMut(Option<&'n Node>, Option<&'n Node>)) {
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        let order = match (left.get(i), right.get(j)) {
            (Some(a), Some(b)) => a.element.cmp(&b.element),
            (Some(_), None) => std::cmp::Ordering::Less,
            _ => std::cmp::Ordering::Greater,
        };
        match order {
            std::cmp::Ordering::Less => {
                each(left.get(i), None);
                i += 1;
            }
            std::cmp::Ordering::Greater => {
                each(None, right.get(j));
                j += 1;
            }
            std::cmp::Ordering::Equal => {
                each(left.get(i), right.get(j));
                i += 1;
                j += 1;
            }
        }
    }
}

impl FromIterator<Path> for FieldSet {
    fn from_iter<T: IntoIterator<Item = Path>>(paths: T) -> Self {
        let mut set = Self::new();
        for path in paths {
            set.insert(path.elements());
        }
        set
    }
}
