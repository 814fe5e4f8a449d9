//! `${…}`: a total, statically typed subset of CEL; parsed, type-checked when a definition loads, evaluated without failure.
//!
//! [`parse`] reads one expression, [`parse_template`] a string with holes; [`check`] gives the type under a
//! [`Scope`] or the finding; [`evaluate()`] yields a [`Value`] under an [`Environment`] and cannot fail: what the
//! checker let pass has a value, and what it could not know (rendered objects in tests) is [`Value::Absent`].

use std::collections::BTreeMap;
use std::sync::Arc;

mod budget;
mod check;
mod evaluate;
mod lexer;
mod operations;
mod parser;
mod print;
mod scope;
mod template;
mod tree;

pub(crate) use budget::{Budget, MOST_WORK_OF_ORGANISATION, too_much_work, work_of_text, work_of_value};
pub use check::check;
pub(crate) use check::check_as;
pub(crate) use evaluate::{Environment, evaluate, evaluate_explained};
pub use parser::parse;
pub(crate) use scope::Scope;
pub(crate) use template::{as_text, no_text, parse_template};

use crate::quantity::{Dimension, Quantity};
use crate::source::Span;

/// What an expression yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Either `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A text without a length limit of its own.
    Text,
    /// Text that is one of these words: comparing it with another literal is a finding.
    Choice(Arc<Vec<String>>),
    /// An amount with its dimension.
    Quantity(Dimension),
    /// A reference to a secret value: only in `env` and `file`, whole or inside a text.
    Secret,
    /// A list of values of one type.
    List(Box<Type>),
    /// A map with any keys.
    Map(Box<Type>),
    /// Named fields, each of its own type.
    Object(Arc<BTreeMap<String, Field>>),
    /// Anything (rendered Kubernetes objects in definition tests): checked when evaluated.
    Any,
}

/// A field of a [`Type::Object`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub(crate) kind: Type,
    /// Whether it may be absent: then `has(…)` must be tested before it is read.
    pub(crate) optional: bool,
}

/// What evaluation yields.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing was said, and nothing is the default.
    Absent,
    /// Either `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text, with where it came from.
    Text(Text),
    /// An amount with its unit.
    Quantity(Quantity),
    /// A reference to a secret value.
    Secret(SecretRef),
    /// Values in the order they were written.
    List(Vec<Value>),
    /// A map or object.
    Map(BTreeMap<String, Value>),
}

/// Text with its taint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    pub(crate) text: Arc<str>,
    /// Whether any of it comes from a garden: then `$(` is escaped before a kubelet sees it.
    pub(crate) from_garden: bool,
}

/// A key of a Secret in the organisation's namespace; never the value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct SecretRef {
    /// The Secret's name.
    pub secret: Arc<str>,
    /// The key inside it.
    pub key: Arc<str>,
}

/// One piece of an evaluated template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Segment {
    Text(Text),
    /// A secret value to be filled in by the kubelet.
    Secret(SecretRef),
}

/// A string of a definition: literal text and holes. A hole that is the whole string keeps its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The pieces in order.
    pub(crate) pieces: Vec<Piece>,
    /// Where the string stands, quotes included.
    pub(crate) span: Span,
}

/// One piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// Literal text (`$${` already read as `${`).
    Literal(String),
    Hole(Expression),
}

/// A parsed expression. Its tree is this module's own affair; see [`parse`], [`check`] and [`evaluate()`].
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// The text between the braces.
    pub(crate) text: Arc<str>,
    /// Where that text stands; the whole string where escapes hide the exact place.
    pub(crate) span: Span,
    root: Arc<tree::Expr>,
}

impl Expression {
    /// The canonical spelling: parsing it gives the same expression.
    pub(crate) fn printed(&self) -> String {
        self.root.to_string()
    }

    /// Dotted words in it: `settings.scale.min`.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        let inner = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
        self.text.split(move |letter: char| !inner(letter)).filter(|word| word.contains('.'))
    }

    /// The conditions that must all hold for it to hold: the parts that `&&` joins.
    pub(crate) fn conditions(&self) -> Vec<Self> {
        fn split(part: &tree::Expr, parts: &mut Vec<Expression>) {
            match &part.kind {
                tree::ExprKind::Binary(tree::Operator::And, left, right) => {
                    split(left, parts);
                    split(right, parts);
                }
                _ => parts.push(Expression {
                    text: part.to_string().into(),
                    span: part.span,
                    root: Arc::new(part.clone()),
                }),
            }
        }
        let mut parts = Vec::new();
        split(&self.root, &mut parts);
        parts
    }

    /// Whether it uses no names but these.
    pub(crate) fn uses_only(&self, names: &[&str]) -> bool {
        fn all(part: &tree::Expr, names: &[&str]) -> bool {
            let own = match &part.kind {
                tree::ExprKind::Name(name) => names.contains(&&**name),
                tree::ExprKind::Each(..) => false,
                _ => true,
            };
            own && part.kind.parts().into_iter().all(|part| all(part, names))
        }
        all(&self.root, names)
    }

    /// Whether it is a name and nothing else.
    pub(crate) fn is_name(&self) -> bool {
        matches!(self.root.kind, tree::ExprKind::Name(_))
    }
}

impl Text {
    /// Text of a definition.
    pub(crate) fn own(text: &str) -> Self {
        Self { text: text.into(), from_garden: false }
    }

    /// Text that somebody wrote in a garden.
    pub(crate) fn garden(text: &str) -> Self {
        Self { text: text.into(), from_garden: true }
    }
}

impl Value {
    /// Text of a definition or of parcelle itself.
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(Text::own(text))
    }

    /// Text that somebody wrote in a garden.
    pub(crate) fn garden_text(text: &str) -> Self {
        Self::Text(Text::garden(text))
    }

    /// A map from its entries.
    pub(crate) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// The field of a map; absent for anything else.
    #[must_use]
    pub(crate) fn field(&self, name: &str) -> Value {
        match self {
            Self::Map(entries) => entries.get(name).cloned().unwrap_or(Self::Absent),
            _ => Self::Absent,
        }
    }

    /// A JSON value, as rendered objects are: null is absent, a fraction is text.
    pub(crate) fn from_json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Absent,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => {
                number.as_i64().map_or_else(|| Self::text(&number.to_string()), Self::Int)
            }
            serde_json::Value::String(text) => Self::text(text),
            serde_json::Value::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            serde_json::Value::Object(entries) => {
                Self::Map(entries.iter().map(|(key, value)| (key.clone(), Self::from_json(value))).collect())
            }
        }
    }

    /// The value as JSON: amounts in their canonical spelling, absent as null; a secret has no value here and is null.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Absent | Self::Secret(_) => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Text(text) => text.text.as_ref().into(),
            Self::Quantity(quantity) => quantity.canonical().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(entries) => {
                serde_json::Value::Object(entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests;
