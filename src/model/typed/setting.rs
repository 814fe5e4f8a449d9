//! A setting as its layers say it.

use std::collections::BTreeMap;

use crate::source::Span;
use crate::syntax::Value as Written;

/// Which of the four layers (and before them the definition) a value came from. Later is nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    /// The definition's default (or that of the common settings).
    Definition,
    /// The offer's `defaults`.
    OfferDefaults,
    /// The offer's app of the same name.
    OfferApp,
    /// The organisation's `defaults`.
    OrganisationDefaults,
    /// The organisation's app.
    App,
}

/// A setting's node, merged word by word: each argument, property and child knows its own place.
///
/// `scale min=2 max=6` under `scale max=20` has `min` from one file and `max` from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The head of the nearest node.
    pub span: Span,
    /// The layer of the nearest node.
    pub(crate) layer: Layer,
    /// Arguments as written.
    pub(crate) args: Vec<Written>,
    /// Properties by name.
    pub(crate) props: BTreeMap<String, Written>,
    /// Children by name, then by key (empty for the unkeyed).
    pub(crate) children: BTreeMap<String, BTreeMap<String, Setting>>,
    /// The argument(s) decoded by the declared type.
    pub value: crate::expression::Value,
}
