//! `use DEFINITION`: what another definition brings is taken in before anything is read, as nodes that keep their places.
//!
//! Taken in are settings, needs, workloads, jobs, objects, rules, what it provides, and why it must run alone or awake, or at one address.
//! Releases, tests and the words about it stay its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::Definitions;
use crate::finding::{Code, Finding, Findings};
use crate::model::names::unknown;
use crate::name::Name;
use crate::source::Spanned;
use crate::syntax::Node;

/// Definitions that use each other.
const CIRCLE: Code = Code::new("E0312");

/// What one definition brings into another.
const TAKEN: &[&str] = &["workload", "job", "object", "rule", "@when", "@each"];
/// Blocks of which all are joined to one.
const JOINED: &[&str] = &["settings", "needs"];
/// What the nearer says instead of the farther.
const ONCE: &[&str] = &["provides", "single-replica", "one-address", "receives"];

/// The names of the definitions that a node uses.
pub(in crate::model) fn uses(node: &Node) -> impl Iterator<Item = &str> {
    node.children_named("use").filter_map(|node| node.arg(0)).map(|name| name.text.as_str())
}

/// The definitions that a node uses, and those that these use.
pub(super) fn all_used(node: &Node, definitions: &Definitions) -> BTreeSet<Name> {
    let used = uses(node).filter_map(|name| definitions.loaded.get_key_value(name));
    used.flat_map(|(name, used)| std::iter::once(name.clone()).chain(used.uses.iter().cloned())).collect()
}

/// The definition with all that it uses in front of what it says itself; none where one of these cannot be had, with a
/// finding unless that one has its own.
pub(super) fn compose(node: &Node, definitions: &Definitions, findings: &mut Findings) -> Option<Arc<Node>> {
    let mut children: Vec<Node> = Vec::new();
    for written in node.children_named("use").filter_map(|node| node.arg(0)) {
        match definitions.loaded.get(written.text.as_str()) {
            Some(used) => used.written.children.iter().for_each(|child| join(&mut children, child)),
            None if definitions.broken.contains(written.text.as_str()) => return None,
            None => {
                let known = definitions.loaded.keys().map(Name::as_str);
                findings.push(unknown("definition", &Spanned::new(written.text.clone(), written.span), known));
                return None;
            }
        }
    }
    for child in node.children.iter().filter(|child| child.name.value != "use") {
        if TAKEN.contains(&child.name.value.as_str()) || JOINED.contains(&child.name.value.as_str()) {
            join(&mut children, child);
        } else {
            children.retain(|known| known.name.value != child.name.value || !ONCE.contains(&child.name.value.as_str()));
            children.push(child.clone());
        }
    }
    Some(Arc::new(Node { children, ..node.clone() }))
}

/// Puts what another brings behind what is there; the same node, come by two ways, once.
fn join(children: &mut Vec<Node>, node: &Node) {
    let word = node.name.value.as_str();
    if JOINED.contains(&word) {
        match children.iter_mut().find(|known| known.name.value == word) {
            Some(known) => {
                let new = node.children.iter().filter(|child| !known.children.iter().any(|old| old.head == child.head));
                let new: Vec<Node> = new.cloned().collect();
                known.children.extend(new);
            }
            None => children.push(node.clone()),
        }
    } else if (TAKEN.contains(&word) || ONCE.contains(&word)) && !children.iter().any(|known| known.head == node.head) {
        children.push(node.clone());
    }
}

/// The finding about a definition that needs itself to be read.
pub(in crate::model) fn circle(node: &Node) -> Finding {
    let name = node.arg(0).map(|name| name.text.as_str()).unwrap_or_default();
    let place = node.children_named("use").next().map_or(node.head, |used| used.head);
    let used: Vec<&str> = uses(node).collect();
    Finding::error(CIRCLE, format!("`{name}` uses itself, over what it uses"), place)
        .why(format!("it takes in `{}`, which in the end takes in `{name}`", used.join("`, `")))
        .help("put what both need into a definition of its own, and let both use that")
}
