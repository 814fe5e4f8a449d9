//! Plans and outcomes without what only those read who ask for everything: the report of a round over a large garden
//! does not grow with what stays as it is.

use crate::plan::{Done, OrganisationOutcome, OrganisationPlan, Outcome, Skip, Verb};

impl OrganisationPlan {
    /// Leaves out what stays as it is and what new objects are made of; how much was left out is counted.
    pub(crate) fn shorten(&mut self) {
        self.leave_out_unchanged();
        for action in self.actions.iter_mut().filter(|action| action.base().is_none()) {
            action.changes = Vec::new();
        }
    }

    /// Leaves out what stays as it is, and counts it.
    pub(crate) fn leave_out_unchanged(&mut self) {
        let before = self.actions.len();
        self.actions.retain(|action| !action.reason().is_silent());
        self.unchanged += before - self.actions.len();
        self.actions.shrink_to_fit();
    }
}

impl OrganisationOutcome {
    /// Leaves out what stayed as it was, and counts it.
    pub(crate) fn shorten(&mut self) {
        let before = self.outcomes.len();
        self.outcomes.retain(|outcome| !stayed(outcome));
        self.unchanged += before - self.outcomes.len();
        self.outcomes.shrink_to_fit();
    }
}

fn stayed(outcome: &Outcome) -> bool {
    let planned = matches!(outcome.done, Done::Skipped { why: Skip::Planned });
    outcome.verb == Verb::Keep && (planned || outcome.done == Done::Unchanged)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
pub(in crate::plan) fn is_none(count: &usize) -> bool {
    *count == 0
}
