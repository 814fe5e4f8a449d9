//! What may be written: the language described in itself, and the check against it.
//!
//! `schemas/language/*.kdl` say which words stand where, in a vocabulary that they also describe. A schema is
//! closed: a word that it does not list is a finding. Settings of apps are declared by definitions and checked when
//! the layers are built; here they are an open block.

use std::collections::BTreeSet;

use crate::finding::Findings;
use crate::source::Span;
use crate::syntax::{Document, Node};

mod arguments;
mod check;
mod items;
pub(crate) mod language;
mod reader;
mod refit;
pub(crate) mod scalar;
mod seen;
mod size;
pub(crate) mod suggest;

pub(crate) use arguments::{MISSING, SUPERFLUOUS, UNKNOWN_PROPERTY, said_twice};
pub(crate) use check::{MISSING_NODE, TWICE, UNKNOWN_EDITION, UNKNOWN_WORD};
pub(crate) use items::{is_item, item};
pub use language::Language;
pub(crate) use refit::{FormMistake, in_place_of};

/// A file whose words were checked; nodes with a finding are marked, so that nothing is said twice about them.
#[derive(Clone, Debug)]
pub struct CheckedFile {
    /// The file as written.
    pub(crate) document: Document,
    broken: BTreeSet<Span>,
    malformed: Vec<FormMistake>,
    readable: bool,
}

impl CheckedFile {
    /// Whether the edition was known; of a file of another edition nothing is used.
    pub(crate) fn readable(&self) -> bool {
        self.readable
    }

    /// Whether the form of a node's line was wrong, so that it may have meant something else.
    pub(crate) fn is_malformed(&self, node: &Node) -> bool {
        touches(&self.malformed, node.head)
    }

    /// What is wrong with the form of what stands within a span.
    pub(crate) fn mistakes(&self, span: Span) -> impl Iterator<Item = &FormMistake> {
        self.malformed.iter().filter(move |mistake| mistake.is_within(span))
    }

    /// Whether a finding is about this node itself.
    pub(crate) fn is_broken(&self, node: &Node) -> bool {
        self.broken.contains(&node.head)
    }

    /// Whether a finding is about this node or one in its block.
    pub(crate) fn holds_broken(&self, node: &Node) -> bool {
        let from = Span { end: 0, ..node.span };
        self.broken.range(from..).next().is_some_and(|span| span.file == node.span.file && span.start < node.span.end)
    }
}

/// Whether one of the mistakes lies in a span, or begins there.
fn touches(mistakes: &[FormMistake], span: Span) -> bool {
    mistakes.iter().any(|mistake| mistake.is_within(span))
}

/// Checks a file of a garden (or a definition of our own) against the language.
pub fn check(document: Document, findings: &mut Findings) -> CheckedFile {
    let language = Language::embedded();
    check::file(language, &language.garden_file, document, findings)
}

#[cfg(test)]
mod tests;
