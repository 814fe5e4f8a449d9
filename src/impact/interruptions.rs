//! Who is interrupted by a plan, how, and for about how long.

use serde::{Deserialize, Serialize};

use super::{ImpactContext, Whose};
use crate::plan::OrganisationPlan;

/// Apps that are interrupted in one way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Interruption {
    /// Whose it is.
    pub(crate) whose: Whose,
    /// The same as a sentence.
    pub(crate) words: String,
}

/// Gathers them.
#[derive(Clone, Debug, Default)]
pub(super) struct InterruptionTally {
    found: Vec<Interruption>,
}

impl InterruptionTally {
    /// Adds those of one organisation.
    pub(super) fn add(&mut self, _plan: &OrganisationPlan, _context: ImpactContext<'_>) {}

    /// All of them, the weightiest first.
    pub(super) fn finish(self) -> Vec<Interruption> {
        self.found
    }
}
