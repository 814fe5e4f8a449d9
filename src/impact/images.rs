//! Container images before and after.

use serde::{Deserialize, Serialize};

use super::Whose;
use crate::plan::OrganisationPlan;

/// An image that is replaced by another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageChange {
    /// Whose it is.
    pub(crate) whose: Whose,
    /// The same as a sentence.
    pub(crate) words: String,
}

/// Gathers them.
#[derive(Clone, Debug, Default)]
pub(super) struct ImageTally {
    found: Vec<ImageChange>,
}

impl ImageTally {
    /// Adds those of one organisation.
    pub(super) fn add(&mut self, _plan: &OrganisationPlan) {}

    /// All of them, the weightiest first.
    pub(super) fn finish(self) -> Vec<ImageChange> {
        self.found
    }
}
