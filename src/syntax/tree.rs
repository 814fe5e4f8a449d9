//! The tree that KDL is lowered to.

use crate::source::{FileId, Span, Spanned};

/// A parsed file. What could not be read is absent, with a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub(crate) file: FileId,
    /// Top-level nodes in order.
    pub nodes: Vec<Node>,
    /// Whether the file was not read, for what a finding says; the nodes then only tell what it is about.
    pub refused: bool,
}

/// A node: `name arg arg key=value { children }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub(crate) name: Spanned<String>,
    /// Its note: the `///` comments directly above it, joined by newlines.
    pub(crate) note: Option<String>,
    /// Arguments in order.
    pub(crate) args: Vec<Value>,
    /// Properties in order; a repeated one is a finding and only the first is kept.
    pub(crate) props: Vec<Property>,
    /// Children in order; empty where there is no block.
    pub children: Vec<Node>,
    /// From its name to its last argument, property or closing brace.
    pub(crate) span: Span,
    /// From its name to its last argument or property: what findings underline.
    pub(crate) head: Span,
}

/// A property: `key=value`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Property {
    pub(crate) name: Spanned<String>,
    pub(crate) value: Value,
    pub(crate) span: Span,
}

/// A scalar as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    /// What it is to KDL.
    pub(crate) scalar: Scalar,
    /// Its source spelling without quotes and escapes: for `version 1.10` the text `1.10`.
    pub(crate) text: String,
    /// Whether it was written in quotes.
    pub(crate) quoted: bool,
    /// Where, quotes included.
    pub(crate) span: Span,
}

/// What a scalar is to KDL.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    /// A word or a quoted string.
    Text,
    /// A whole number.
    Integer(i128),
    /// A number with a fraction or exponent.
    Float(f64),
    /// `#true` or `#false`.
    Bool(bool),
    Null,
    /// Something that already has a finding: whoever checks it stays silent, so that one mistake is told once.
    Broken,
}

impl Node {
    /// The first child of a name.
    pub(crate) fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name.value == name)
    }

    /// All children of a name.
    pub(crate) fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name.value == name)
    }

    /// The value of a property.
    pub(crate) fn prop(&self, name: &str) -> Option<&Value> {
        self.props.iter().find(|prop| prop.name.value == name).map(|prop| &prop.value)
    }

    /// Every value of its line and of its block.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        let (mut rest, mut values) = (vec![self], Vec::new());
        while let Some(node) = rest.pop() {
            values.extend(node.args.iter().chain(node.props.iter().map(|property| &property.value)));
            rest.extend(&node.children);
        }
        values.into_iter()
    }

    /// The argument at a position.
    pub(crate) fn arg(&self, at: usize) -> Option<&Value> {
        self.args.get(at)
    }
}
