//! The tree of an expression.

use std::sync::Arc;

use crate::source::Span;

/// A node of the tree with its place. Equality is of meaning: places do not count.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    /// What it is.
    pub(crate) kind: ExprKind,
    /// Where it stands in the file.
    pub(crate) span: Span,
    /// Levels of nesting, itself included.
    pub(crate) depth: usize,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// The kinds of nodes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExprKind {
    Bool(bool),
    Int(i64),
    Text(Arc<str>),
    List(Vec<Expr>),
    Name(Arc<str>),
    /// `of.field`; the name is the end of the node's span.
    Field(Box<Expr>, Arc<str>),
    Index(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    /// `left op right`.
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// `condition ? yes : no`.
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `size(of)`; `of.size()` is the same.
    Call(Function, Vec<Expr>),
    /// `list.map(name, body)` and its kin.
    Each(Walk, Box<Expr>, Arc<str>, Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    In,
    Plus,
    Minus,
    Times,
}

impl Operator {
    /// How it is written.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::In => "in",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
        }
    }

    /// How tightly it binds: `||` 1, `&&` 2, comparisons and `in` 3 (they do not chain), sums 4, products 5.
    pub(crate) fn binding(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal | Self::Unequal | Self::Less | Self::AtMost | Self::More | Self::AtLeast | Self::In => 3,
            Self::Plus | Self::Minus => 4,
            Self::Times => 5,
        }
    }
}

/// Functions of plain arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    /// How many elements, entries or characters.
    Size,
    Lower,
    /// A list of texts as one, with a separator.
    Join,
    /// Whether an optional value is there.
    Has,
    /// The least of a list, or of two and more.
    Min,
    /// The greatest of a list, or of two and more.
    Max,
    /// A literal amount: `quantity('8 GiB')`.
    Quantity,
    /// Ten hexadecimal characters that change with the value.
    Hash,
}

/// Functions that bind a name to each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk {
    /// A list of what the body yields.
    Map,
    /// The elements for which the body holds.
    Filter,
    /// Whether the body holds for one.
    Exists,
    /// Whether the body holds for all.
    All,
}

/// Functions by name with the number of their arguments (fewest, most).
pub(crate) const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("size", Function::Size, 1, 1),
    ("lower", Function::Lower, 1, 1),
    ("join", Function::Join, 2, 2),
    ("has", Function::Has, 1, 1),
    ("min", Function::Min, 1, 16),
    ("max", Function::Max, 1, 16),
    ("quantity", Function::Quantity, 1, 1),
    ("hash", Function::Hash, 1, 16),
];

/// Walks by name.
pub(crate) const WALKS: &[(&str, Walk)] =
    &[("map", Walk::Map), ("filter", Walk::Filter), ("exists", Walk::Exists), ("all", Walk::All)];

impl Function {
    pub(crate) fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|(_, function, ..)| *function == self).map_or("", |(name, ..)| name)
    }
}

impl Walk {
    pub(crate) fn name(self) -> &'static str {
        WALKS.iter().find(|(_, walk)| *walk == self).map_or("", |(name, _)| name)
    }
}

impl Expr {
    /// A node over its parts.
    pub(crate) fn new(kind: ExprKind, span: Span) -> Self {
        let depth = 1 + kind.parts().iter().map(|part| part.depth).max().unwrap_or(0);
        Self { kind, span, depth }
    }

    /// Whether it is a chain of names, fields and indexes: what `has` may be asked about.
    pub(crate) fn is_path(&self) -> bool {
        match &self.kind {
            ExprKind::Name(_) => true,
            ExprKind::Field(of, _) | ExprKind::Index(of, _) => of.is_path(),
            _ => false,
        }
    }
}

impl ExprKind {
    /// The direct parts.
    pub(crate) fn parts(&self) -> Vec<&Expr> {
        match self {
            Self::Bool(_) | Self::Int(_) | Self::Text(_) | Self::Name(_) => Vec::new(),
            Self::List(items) | Self::Call(_, items) => items.iter().collect(),
            Self::Field(of, _) | Self::Not(of) => vec![of],
            Self::Index(left, right) | Self::Binary(_, left, right) | Self::Each(_, left, _, right) => {
                vec![left, right]
            }
            Self::Choose(condition, yes, no) => vec![condition, yes, no],
        }
    }
}
