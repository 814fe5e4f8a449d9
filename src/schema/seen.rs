//! The nodes of a block that were seen, so that each is held against all earlier ones at once.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::schema::language::{NodeShape, Occurs};
use crate::syntax::Node;

/// The nodes of a block so far.
#[derive(Default)]
pub(super) struct SeenNodes<'a> {
    pub(super) names: BTreeSet<&'a str>,
    /// The first node of each name, of one that stands once; of each key otherwise.
    keys: BTreeMap<(&'a str, Vec<&'a str>), &'a Node>,
    /// The first node of each line of words, of nodes without a block.
    lines: BTreeMap<(&'a str, LineWords<'a>), &'a Node>,
}

/// The words of a node's line: its arguments in their order, its properties in that of their names.
type LineWords<'a> = (Vec<&'a str>, BTreeSet<(&'a str, &'a str)>);

impl<'a> SeenNodes<'a> {
    /// Adds a node; the earlier one that says the same, where there is one.
    pub(super) fn add(&mut self, known: &'a NodeShape, node: &'a Node) -> Option<&'a Node> {
        let name = known.name.as_str();
        self.names.insert(name);
        if known.occurs != Occurs::Many {
            return first_of(self.keys.entry((name, Vec::new())), node);
        }
        let key = key_counts(known).then(|| key_of(known, node));
        let of_key = key.and_then(|key| first_of(self.keys.entry((name, key)), node));
        let line = node.children.is_empty().then(|| line_words(node));
        let of_line = line.and_then(|line| first_of(self.lines.entry((name, line)), node));
        of_key.into_iter().chain(of_line).min_by_key(|first| first.head)
    }
}

/// The node that is kept at a place; none where the place was empty, which then keeps this one.
fn first_of<'a, K: Ord>(place: Entry<'_, K, &'a Node>, node: &'a Node) -> Option<&'a Node> {
    match place {
        Entry::Vacant(place) => {
            place.insert(node);
            None
        }
        Entry::Occupied(first) => Some(*first.get()),
    }
}

fn line_words(node: &Node) -> LineWords<'_> {
    let args = node.args.iter().map(|value| value.text.as_str()).collect();
    let props = node.props.iter().map(|prop| (prop.name.value.as_str(), prop.value.text.as_str())).collect();
    (args, props)
}

/// Whether repetitions of a node are told apart at all.
fn key_counts(known: &NodeShape) -> bool {
    !known.key.is_empty() || !known.shape.forms.is_empty()
}

/// What tells repetitions of a node apart.
fn key_of<'a>(known: &NodeShape, node: &'a Node) -> Vec<&'a str> {
    if known.key.is_empty() {
        return node.args.iter().map(|value| value.text.as_str()).collect();
    }
    known.key.iter().filter_map(|at| node.arg(*at)).map(|value| value.text.as_str()).collect()
}
