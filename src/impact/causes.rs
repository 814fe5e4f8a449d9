//! Which edited line causes which change, and what each line does.

use serde::{Deserialize, Serialize};

use super::edits::{Edit, EditedLines};
use super::{ImpactContext, Whose};
use crate::plan::OrganisationPlan;

/// An edited line with what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditEffect {
    /// The line, before and after.
    #[serde(flatten)]
    pub(crate) edit: Edit,
    /// What it does, a part of a sentence each: `backups an hour later`.
    pub(crate) does: Vec<String>,
    /// The organisations and apps whose objects it changes.
    pub(crate) whose: Whose,
    /// How many objects it changes.
    pub(crate) objects: usize,
}

/// Changes that no edited line asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OtherCause {
    /// Why they are made, in words: `somebody changed it in the cluster`.
    pub(crate) why: String,
    /// What it does, a part of a sentence each.
    pub(crate) does: Vec<String>,
    /// Whose objects change.
    pub(crate) whose: Whose,
    /// How many objects change.
    pub(crate) objects: usize,
}

/// Gathers the effects of the edited lines.
#[derive(Clone, Debug, Default)]
pub(super) struct CauseTally {
    edited: EditedLines,
}

impl CauseTally {
    /// Begins with the lines that were edited.
    pub(super) fn new(edited: EditedLines) -> Self {
        Self { edited }
    }

    /// Attributes the changes of one organisation.
    pub(super) fn add(&mut self, _plan: &OrganisationPlan, _context: ImpactContext<'_>) {}

    /// The edited lines with their effects, and what has no line.
    pub(super) fn finish(self) -> (Vec<EditEffect>, Vec<OtherCause>) {
        let effects = self.edited.edits.into_iter().map(|edit| EditEffect {
            edit,
            does: Vec::new(),
            whose: Whose::default(),
            objects: 0,
        });
        (effects.collect(), Vec::new())
    }
}
