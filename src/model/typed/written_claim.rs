//! Claims as they are written, so that the history can be asked how long they stand.

use crate::syntax::{Document, Node};

/// A line of a file that claims what one file alone may have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrittenClaim {
    /// The file's path relative to the repository.
    pub path: String,
    /// The word before it: `domain`, or what bears the name (`organisation`, `cluster`, `offer`).
    pub kind: &'static str,
    /// The domain or the name.
    pub value: String,
}

impl WrittenClaim {
    /// Whether a text of its file makes the claim.
    pub(crate) fn stands_in(&self, document: &Document) -> bool {
        let says = |node: &Node, at: usize| node.arg(at).is_some_and(|value| value.text == self.value);
        let mut nodes = document.nodes.iter();
        match self.kind {
            "domain" => nodes.any(|node| node.children_named("domain").any(|domain| says(domain, 0))),
            kind => nodes.any(|node| match node.name.value.as_str() {
                "retired" => node.arg(0).is_some_and(|word| word.text == kind) && says(node, 1),
                word => word == kind && says(node, 0),
            }),
        }
    }
}
