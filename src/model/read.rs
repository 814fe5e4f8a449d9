//! Small readings of checked nodes: absent where nothing, or nothing right, is written.

use crate::name::Name;
use crate::quantity::Quantity;
use crate::schema::CheckedFile;
use crate::source::Spanned;
use crate::syntax::{Node, Value};

/// The argument at a position as a name.
pub(super) fn name_at(node: &Node, at: usize) -> Option<Spanned<Name>> {
    let value = node.arg(at)?;
    Some(Spanned::new(Name::new(&value.text).ok()?, value.span))
}

/// The argument at a position as text.
pub(super) fn text_at(node: &Node, at: usize) -> Option<Spanned<String>> {
    node.arg(at).map(spelled)
}

/// A value's text with its place.
pub(super) fn spelled(value: &Value) -> Spanned<String> {
    Spanned::new(value.text.clone(), value.span)
}

/// The amount of a node's first two arguments; the place is that of both.
pub(super) fn amount_at(node: &Node, at: usize) -> Option<Spanned<Quantity>> {
    let (number, unit) = (node.arg(at)?, node.arg(at + 1)?);
    Some(Spanned::new(Quantity::parse(&number.text, &unit.text)?, number.span.to(unit.span)))
}

/// The argument at a position as a whole number.
pub(super) fn number_at(node: &Node, at: usize) -> Option<u64> {
    whole(node.arg(at)?)
}

/// A value as a whole number.
pub(super) fn whole(value: &Value) -> Option<u64> {
    value.text.replace('_', "").parse().ok()
}

/// The first child of a name that no finding is about.
pub(super) fn child<'a>(file: &CheckedFile, node: &'a Node, name: &str) -> Option<&'a Node> {
    node.child(name).filter(|child| !file.is_broken(child))
}

/// The text that a child says.
pub(super) fn text_of(file: &CheckedFile, node: &Node, name: &str) -> Option<Spanned<String>> {
    text_at(child(file, node, name)?, 0)
}

/// The amount that a child says.
pub(super) fn amount_of(file: &CheckedFile, node: &Node, name: &str) -> Option<Spanned<Quantity>> {
    amount_at(child(file, node, name)?, 0)
}

/// The children of a name that no finding is about.
pub(super) fn children<'a>(file: &'a CheckedFile, node: &'a Node, name: &'a str) -> impl Iterator<Item = &'a Node> {
    node.children_named(name).filter(|child| !file.is_broken(child))
}
