//! The guard's own view of what was taken back after an inventory was lost: nobody ends it but whoever names it.

use super::guard::{Breach, GuardInput, entry, live};
use super::guard_names::present_name;
use super::promise::Promise;
use crate::kind;
use crate::name::Name;
use crate::plan::decide::action::{Action, Base};
use crate::render::ObjectId;

/// What was taken back is neither deleted nor, on this base, replaced before the garden names it; of a Job a person may.
pub(super) fn check(input: &GuardInput<'_>, action: &Action, replaced: Option<&Base>) -> Breach {
    let id = action.target();
    let entry = entry(input, id).filter(|entry| entry.recovered)?;
    let of_app = entry.app.as_ref().is_some_and(|app| input.desired.retired.contains_key(app));
    let since = entry.retired_since.or(input.inventory.retired_since);
    let is_retired = of_app || since.is_some() || input.retired.is_some();
    let is_adopted = input.adopted.contains(&(id.kind.to_string(), id.name.to_string()));
    let asked = |base: &Base| {
        let words = input.inventory.jobs.values().filter_map(|job| job.rerun.as_ref());
        { words }.any(|asked| asked.of == base.uid)
    };
    let is_named =
        is_adopted || is_called_otherwise(input, id, entry.app.as_ref()) || replaced.map_or(is_retired, asked);
    let why = || format!("`{id}` was taken back after its inventory was lost, and the garden does not name it");
    (!is_named).then(|| (Promise::NoForeignDelete, why()))
}

/// Whether the app of an object, or that whose pods a policy selects, has another name by now: its `was` names the object.
fn is_called_otherwise(input: &GuardInput<'_>, id: &ObjectId, app: Option<&Name>) -> bool {
    let selected = || {
        let policy = live(input, id).filter(|_| id.is(kind::NETWORK_POLICY))?;
        let label = policy.body["spec"]["podSelector"]["matchLabels"]["parcelle.dev/app"].as_str()?;
        Name::new(label).ok()
    };
    app.cloned().or_else(selected).is_some_and(|app| present_name(input, &app).is_some())
}
