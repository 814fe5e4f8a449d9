//! What the inventory remembers of the keys of Secrets that are made once: before the first write, and after the last.

use std::collections::BTreeSet;

use super::record::is_unchanged;
use crate::plan::decide::action::{Action, What};
use crate::plan::decide::deed::Deed;
use crate::plan::decide::reason::Refusing;
use crate::plan::state::made_keys;
use crate::plan::{Entry, Input, Inventory, OrganisationPlan};
use crate::render::{ObjectId, SecretRequest, SecretSource};

/// Remembers the keys of Secrets that are there and of which none were remembered: what may be made of the others is decided by that.
pub(super) fn ahead(input: &Input<'_>, plan: &OrganisationPlan, next: &mut Inventory) {
    let actions = plan.actions.iter().filter(|action| action.what == What::Secret);
    let is_open = |action: &&Action| {
        let lacks = matches!(action.deed, Deed::Refused { why: Refusing::KeysLost { .. }, .. });
        lacks || action.verb().applies() || is_unchanged(action)
    };
    let open: BTreeSet<&ObjectId> = actions.filter(is_open).map(|action| &action.id).collect();
    for request in input.desired.secrets.iter().filter(|request| open.contains(&request.id)) {
        let (SecretSource::Generated { keys }, Some(live)) = (&request.source, input.live.objects.get(&request.id))
        else {
            continue;
        };
        let known = input.inventory.find(&request.id).map(|(_, entry)| entry);
        if let Some(entry) = next.entries.get_mut(&request.id).filter(|entry| entry.own_fields.is_empty()) {
            entry.own_fields = made_keys::of_live(input, known, keys, live);
        }
    }
}

/// Remembers that a Secret has all its keys.
pub(super) fn record(request: &SecretRequest, entry: &mut Entry) {
    if let SecretSource::Generated { keys } = &request.source {
        entry.own_fields = made_keys::remembered(&entry.own_fields, keys.keys());
    }
}
