//! Claims as they are written, so that the history can be asked how old they are.

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
        let file = self.path.rsplit('/').next().unwrap_or(&self.path);
        let mut nodes = document.nodes.iter();
        match (self.kind, file.strip_suffix(".kdl")) {
            ("domain", Some(called)) => nodes.any(|node| {
                let mut domains = node.children_named("domain").filter_map(|domain| domain.arg(0));
                is_called(node, "organisation", called) && domains.any(|domain| domain.text == self.value)
            }),
            (kind, _) => nodes.any(|node| is_called(node, kind, &self.value)),
        }
    }
}

/// Whether a node is of a kind and name, alive or retired.
fn is_called(node: &Node, kind: &str, name: &str) -> bool {
    let says = |at: usize, text: &str| node.arg(at).is_some_and(|value| value.text == text);
    match node.name.value.as_str() {
        "retired" => says(0, kind) && says(1, name),
        word => word == kind && says(0, name),
    }
}

/// How old a claim is, in commits along first parents; nothing where no commit makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Age {
    /// How many commits back it is made without a break.
    pub unbroken: usize,
    /// How many commits back it is made first.
    pub first: usize,
}

impl Age {
    /// Whether a claim is older than another one, as far as both are known. What was made earlier and given up, or taken away for
    /// a moment and brought back, is neither older nor younger.
    pub(crate) fn is_older(this: Option<Self>, other: Option<Self>) -> bool {
        this.zip(other).is_some_and(|(this, other)| this.unbroken > other.unbroken && this.first > other.first)
    }
}
