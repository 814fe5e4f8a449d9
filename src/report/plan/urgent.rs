//! What must not be overlooked of a plan, whatever has to be left out for length.

use crate::plan::{Action, Deleting, Reason, Verb};

/// Whether an action must not be overlooked: it is refused, or takes something away that nothing else replaces.
pub(super) fn is_urgent(action: &Action) -> bool {
    match action.verb() {
        Verb::Refused => true,
        Verb::Delete => !matches!(action.reason(), Reason::Deleting(Deleting::Superseded { .. })),
        _ => false,
    }
}
