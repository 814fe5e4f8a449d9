//! What a plan does to people's data, and on which day.

use serde::{Deserialize, Serialize};

use super::{ImpactContext, Whose};
use crate::plan::OrganisationPlan;

/// Data that goes, moves or is written over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataImpact {
    /// Whose it is.
    pub(crate) whose: Whose,
    /// The same as a sentence.
    pub(crate) words: String,
}

/// Gathers them.
#[derive(Clone, Debug, Default)]
pub(super) struct DataTally {
    found: Vec<DataImpact>,
}

impl DataTally {
    /// Adds those of one organisation.
    pub(super) fn add(&mut self, _plan: &OrganisationPlan, _context: ImpactContext<'_>) {}

    /// All of them, the weightiest first.
    pub(super) fn finish(self) -> Vec<DataImpact> {
        self.found
    }
}
