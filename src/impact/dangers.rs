//! What a rule calls dangerous about a change.

use serde::{Deserialize, Serialize};

use super::{ImpactContext, Whose};
use crate::plan::OrganisationPlan;

/// A danger of one rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Danger {
    /// Whose it is.
    pub(crate) whose: Whose,
    /// The same as a sentence.
    pub(crate) words: String,
}

/// Gathers them.
#[derive(Clone, Debug, Default)]
pub(super) struct DangerTally {
    found: Vec<Danger>,
}

impl DangerTally {
    /// Adds those of one organisation.
    pub(super) fn add(&mut self, _plan: &OrganisationPlan, _context: ImpactContext<'_>) {}

    /// All of them, the weightiest first.
    pub(super) fn finish(self) -> Vec<Danger> {
        self.found
    }
}
