//! What the guard itself knows of apps that the garden does not have any more under their name.

use super::guard::{GuardInput, is_data};
use crate::name::Name;

/// The app that has the data of one which the garden does not have any more.
pub(super) fn present_name<'a>(input: &GuardInput<'a>, app: &Name) -> Option<&'a Name> {
    let data = input.inventory.footprint.apps.get(app).map_or(app, |footprint| footprint.data_name(app));
    input.data_names.get(data).filter(|now| *now != app)
}

/// Whether all that is known of an app was only laid ready for pods that never came.
pub(super) fn is_laid_ready(input: &GuardInput<'_>, app: &Name) -> bool {
    let entries = input.inventory.entries.iter().filter(|(_, entry)| entry.app.as_ref() == Some(app));
    let mut matters = entries.filter(|(id, entry)| entry.holds_data || is_data(id) || !id.facts().pod_spec.is_empty());
    let is_known = input.inventory.footprint.apps.contains_key(app) || is_rendered(input, app);
    !is_known && matters.next().is_none()
}

/// Whether the garden asks for anything of an app.
pub(super) fn is_rendered(input: &GuardInput<'_>, app: &Name) -> bool {
    input.desired.objects.iter().any(|object| object.app.as_ref() == Some(app))
}
