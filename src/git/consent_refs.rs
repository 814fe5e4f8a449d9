//! Signed statements in a repository: refs below `refs/parcelle-consent/`, each a blob.

use std::sync::Arc;

use super::Repository;

/// The most refs of statements that are looked at.
pub(crate) const MOST_STATEMENTS: usize = 10_000;
/// The most bytes of one statement.
pub(crate) const LARGEST_STATEMENT: usize = 64 << 10;

/// The statements that a repository holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statements {
    /// The name of each ref, below the common prefix, and its bytes; in order of name.
    pub(crate) read: Vec<(String, Arc<[u8]>)>,
    /// Refs that are not read, with the reason in words.
    pub(crate) left_out: Vec<(String, String)>,
    /// How many there are beyond [`MOST_STATEMENTS`].
    pub(crate) too_many: usize,
}

impl Repository {
    /// Reads the statements: of a mirror those that it fetched, of somebody's clone those that it holds.
    pub(crate) fn statements(&self) -> Statements {
        Statements::default()
    }
}
