//! What was taken back after an inventory was lost is changed, and neither deleted nor replaced until the garden names it.

use super::action::Action;
use super::deed::Deed;
use super::reason::{Refusing, Replacing};
use crate::plan::state::renames::Renames;
use crate::plan::{Entry, Input};
use crate::render::ObjectId;

/// Refuses what would end something that was taken back and that nothing names.
pub(super) fn spare(input: &Input<'_>, actions: &mut [Action]) {
    let renames = Renames::of(input);
    for action in actions {
        let why = match &action.deed {
            Deed::Delete { .. } => Refusing::Recovered { path: None, replaced: false },
            // A person said it of this very Job.
            Deed::Replace { why: Replacing::Rerun { .. }, .. } => continue,
            Deed::Replace { why: Replacing::Immutable { path }, .. } => {
                Refusing::Recovered { path: Some(path.clone()), replaced: true }
            }
            Deed::Replace { .. } => Refusing::Recovered { path: None, replaced: true },
            _ => continue,
        };
        let target = action.target().clone();
        let entry = input.inventory.find(&target).map(|(_, entry)| entry);
        if entry.is_some_and(|entry| entry.recovered && !is_named(input, &renames, &target, entry)) {
            action.refuse(why);
        }
    }
}

/// Whether the garden names an object: by `adopt`, by the `was` of its app, or by the word that it, its app or its organisation is
/// retired.
fn is_named(input: &Input<'_>, renames: &Renames<'_>, id: &ObjectId, entry: &Entry) -> bool {
    let directives = input.directives;
    directives.adopts(id)
        || directives.retired.is_some()
        || directives.retired_needs.contains_key(&*id.name)
        || entry.app.as_ref().is_some_and(|app| input.desired.retired.contains_key(app))
        || renames.of_entry(id, entry, input.live.objects.get(id)).is_some()
}
