//! `${…}`: a total, statically typed subset of CEL; parsed, type-checked when a definition loads, evaluated without failure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::quantity::{Dimension, Quantity};
use crate::source::Span;

/// What an expression yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true`, `false`.
    Bool,
    /// A whole number.
    Int,
    /// Text.
    Text,
    /// An amount with its dimension.
    Quantity(Dimension),
    /// A reference to a secret value: only in `env` and `file`, whole or inside a text.
    Secret,
    /// A list.
    List(Box<Type>),
    /// A map with any keys.
    Map(Box<Type>),
    /// Known fields.
    Object(Arc<BTreeMap<String, Field>>),
    /// Anything (rendered Kubernetes objects in definition tests): checked when evaluated.
    Any,
}

/// A field of a [`Type::Object`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its type.
    pub kind: Type,
    /// Whether it may be absent: then `has(…)` must be tested before it is read.
    pub optional: bool,
}

/// What evaluation yields.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Absent.
    Absent,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text, with where it came from.
    Text(Text),
    /// An amount.
    Quantity(Quantity),
    /// A reference to a secret value.
    Secret(SecretRef),
    /// A list.
    List(Vec<Value>),
    /// A map or object.
    Map(BTreeMap<String, Value>),
}

/// Text with its taint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    /// The text.
    pub text: Arc<str>,
    /// Whether any of it comes from a garden: then `$(` is escaped before a kubelet sees it.
    pub from_garden: bool,
}

/// A key of a Secret in the organisation's namespace; never the value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretRef {
    /// The Secret's name.
    pub secret: Arc<str>,
    /// The key inside it.
    pub key: Arc<str>,
}

/// One piece of an evaluated template.
#[derive(Clone, Debug, PartialEq)]
pub enum Segment {
    /// Plain text.
    Text(Text),
    /// A secret value to be filled in by the kubelet.
    Secret(SecretRef),
}

/// A string of a definition: literal text and holes. A hole that is the whole string keeps its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The pieces in order.
    pub pieces: Vec<Piece>,
    /// Where the string stands, quotes included.
    pub span: Span,
}

/// One piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Literal text (`$${` already read as `${`).
    Literal(String),
    /// `${…}`.
    Hole(Expression),
}

/// A parsed expression. Its tree is this module's own affair; see `parse`, `check` and `evaluate`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// The text between the braces.
    pub text: Arc<str>,
    /// Where that text stands.
    pub span: Span,
}
