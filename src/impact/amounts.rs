//! Storage, processor and memory of an organisation against its grant.

use serde::{Deserialize, Serialize};

use super::{ImpactContext, Whose};
use crate::plan::OrganisationPlan;

/// An amount of an organisation, before and after.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AmountChange {
    /// Whose it is.
    pub(crate) whose: Whose,
    /// The same as a sentence.
    pub(crate) words: String,
}

/// Gathers them.
#[derive(Clone, Debug, Default)]
pub(super) struct AmountTally {
    found: Vec<AmountChange>,
}

impl AmountTally {
    /// Adds those of one organisation.
    pub(super) fn add(&mut self, _plan: &OrganisationPlan, _context: ImpactContext<'_>) {}

    /// All of them, the weightiest first.
    pub(super) fn finish(self) -> Vec<AmountChange> {
        self.found
    }
}
