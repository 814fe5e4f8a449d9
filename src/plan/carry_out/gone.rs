//! What stands in the inventory of data that is gone, before the first write of a plan and after its last.

use std::collections::BTreeSet;

use super::outcome::{Done, OrganisationOutcome};
use crate::plan::decide::deed::Deed;
use crate::plan::{Input, Inventory, OrganisationPlan};

/// Notes what is gone before anything is written, and which data parcelle itself is about to delete.
pub(super) fn ahead(input: &Input<'_>, plan: &OrganisationPlan, next: &mut Inventory) {
    next.gone.clone_from(&plan.lost);
    let data = plan.actions.iter().filter(|action| action.holds_data);
    let deletes = data.filter_map(|action| match &action.deed {
        Deed::Delete { base, .. } => Some(base.uid.clone()),
        _ => None,
    });
    let deletes: BTreeSet<String> = deletes.collect();
    if deletes.is_empty() && next.deleting.is_empty() {
        return;
    }
    // What lives on although it was to go was not deleted.
    let lives = |uid: &String| input.live.objects.values().any(|live| live.uid == *uid && !live.is_terminating());
    let known: BTreeSet<&str> = next.entries.values().filter_map(|entry| entry.uid().or(entry.former_uid())).collect();
    next.deleting.retain(|uid| known.contains(&**uid) && !lives(uid));
    next.deleting.extend(deletes);
}

/// Forgets what was made anew and holds nobody any more.
pub(super) fn after(plan: &OrganisationPlan, outcome: &OrganisationOutcome, next: &mut Inventory) {
    if next.gone.is_empty() {
        return;
    }
    let done = plan.actions.iter().zip(&outcome.outcomes);
    let made = done.filter(|(_, outcome)| matches!(outcome.done, Done::Applied { .. } | Done::Unchanged));
    let made: BTreeSet<_> = made.map(|(action, _)| &action.id).collect();
    next.gone.retain(|gone| gone.acknowledged.is_none() || !gone.apps.is_empty() || !made.contains(&gone.id));
}
