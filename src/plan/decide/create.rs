//! What is made, and why it is not there.

use super::action::Action;
use super::deed::Deed;
use super::object::{action, changes};
use super::reason::{Creating, Refusing};
use crate::plan::state::decisions::body_without;
use crate::plan::state::input::AppliedBefore;
use crate::plan::state::live::{Cause, DryRun};
use crate::plan::{Entry, Input};
use crate::render::Object;

/// The action that makes an object that is not there.
pub(super) fn create(input: &Input<'_>, object: &Object, entry: Option<&Entry>) -> Action {
    let why = match entry {
        None => Creating::NotThere,
        Some(entry) if entry.uid().is_some() => Creating::DeletedBehindOurBack,
        Some(_) => Creating::Resumed,
    };
    create_for(input, object, why)
}

/// The action that makes an object for a reason.
pub(super) fn create_for(input: &Input<'_>, object: &Object, why: Creating) -> Action {
    let wanted = body_without(object, None, None, &[]);
    let changes = changes(input, object, None, &wanted, &wanted, AppliedBefore::Nothing);
    let (deed, verified) = match input.live.dry_runs.get(&object.id) {
        Some(DryRun::Result(_) | DryRun::Accepted) => (Deed::Create(why), true),
        Some(DryRun::Refused { status, message, .. }) => {
            (Deed::refused(Refusing::ServerRefused { status: *status, message: message.clone() }), true)
        }
        Some(DryRun::NotVerified(_) | DryRun::Conflict { .. }) | None => (Deed::Create(why), false),
    };
    let causes = causes(&deed, input.live.dry_runs.get(&object.id));
    Action { changes, causes, verified, ..action(input, object, deed) }
}

/// The fields that the server named when it refused.
pub(super) fn causes(deed: &Deed, asked: Option<&DryRun>) -> Vec<Cause> {
    match (deed, asked) {
        (Deed::Refused { why: Refusing::ServerRefused { .. }, .. }, Some(DryRun::Refused { causes, .. })) => {
            causes.clone()
        }
        _ => Vec::new(),
    }
}
