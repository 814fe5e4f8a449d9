//! The guard's own view of data that is gone: it is not made again before a person says so.

use super::guard::{Breach, GuardInput, entry, is_data};
use super::promise::Promise;
use crate::plan::decide::action::{Action, What};

/// An object that held data, was applied, and is not there is made again only by a person's word.
pub(super) fn check(input: &GuardInput<'_>, action: &Action) -> Breach {
    let id = &action.id;
    let recorded = input.inventory.gone.iter().find(|gone| gone.id.identity() == id.identity());
    let entry = entry(input, id)?;
    let known = entry.uid()?;
    let is_namespace = (id.group(), &*id.kind) == ("", "Namespace");
    if action.what != What::Object || is_namespace || !(is_data(id) && entry.holds_data) {
        return None;
    }
    let is_kept_inside = |object: &crate::render::Object| {
        let spec = &object.body["spec"];
        [&spec["databaseReclaimPolicy"], &spec["databaseRoleReclaimPolicy"]].iter().any(|policy| **policy == "retain")
    };
    let stays = input.desired.objects.iter().any(|object| object.id == *id && is_kept_inside(object));
    let is_said = recorded.is_some_and(|gone| gone.acknowledged.is_some());
    (!stays && !is_said && !input.inventory.deleting.contains(known)).then(|| {
        (Promise::NoDataLost, format!("`{id}` held data and is gone, and nobody said that it may start empty"))
    })
}
