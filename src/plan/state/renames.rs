//! Apps that the inventory knows by an earlier name than the garden's: the data of both is called the same.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kind;
use crate::name::Name;
use crate::plan::{Directives, Entry, Input, Inventory, LiveObject};
use crate::render::ObjectId;

/// The label by which pods and their network policies belong to an app.
pub(super) const APP_LABEL: &str = "parcelle.dev/app";

/// The present name of each app that is applied under an earlier one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Renames<'a>(BTreeMap<&'a Name, &'a Name>);

impl<'a> Renames<'a> {
    /// What of an organisation is applied under an earlier name: its app is not in the garden, and its data another one's.
    pub(in crate::plan) fn of(input: &Input<'a>) -> Self {
        Self::between(input.inventory, input.directives)
    }

    /// The same, of what is ours and what the garden says.
    pub(super) fn between(inventory: &'a Inventory, directives: &'a Directives) -> Self {
        let footprints = &inventory.footprint.apps;
        let entries = inventory.entries.values().filter_map(|entry| entry.app.as_ref());
        let held = inventory.gone.iter().flat_map(|gone| &gone.apps);
        let gone = entries.chain(footprints.keys()).chain(held).filter(|app| !directives.apps.contains(*app));
        let renamed = gone.filter_map(|app| {
            let data = footprints.get(app).map_or(app, |footprint| footprint.data_name(app));
            Some((app, directives.data_names.get(data)?))
        });
        Self(renamed.collect())
    }

    /// The present name of an app.
    pub(in crate::plan) fn now<'n>(&'n self, app: &'n Name) -> &'n Name {
        self.0.get(app).copied().unwrap_or(app)
    }

    /// The present name of an app that a label names.
    pub(in crate::plan) fn of_label<'n>(&'n self, label: &'n str) -> &'n str {
        self.0.iter().find(|(earlier, _)| earlier.as_str() == label).map_or(label, |(_, now)| now.as_str())
    }

    /// The earlier and the present name of the app of an entry, where it was renamed. A network policy is that of the pods that
    /// it selects.
    pub(in crate::plan) fn of_entry(
        &self,
        id: &ObjectId,
        entry: &Entry,
        live: Option<&LiveObject>,
    ) -> Option<(&'a Name, &'a Name)> {
        let selected = || live.filter(|_| id.is(kind::NETWORK_POLICY)).and_then(|live| selected_app(&live.body));
        let app = entry.app.as_ref().map(Name::as_str).or_else(selected)?;
        self.0.iter().find(|(earlier, _)| earlier.as_str() == app).map(|(earlier, now)| (*earlier, *now))
    }

    /// The present names of the apps that a network policy means by an earlier one and no longer would.
    pub(in crate::plan) fn cut_off(&self, live: &Value, wanted: &Value) -> Vec<&'a Name> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let (before, after) = (meant(live), meant(wanted));
        let cut = self
            .0
            .iter()
            .filter(|(earlier, _)| before.contains(&earlier.as_str()) && !after.contains(&earlier.as_str()));
        cut.map(|(_, now)| *now).collect()
    }
}

/// The app whose pods a network policy selects.
pub(in crate::plan) fn selected_app(policy: &Value) -> Option<&str> {
    policy["spec"]["podSelector"]["matchLabels"][APP_LABEL].as_str()
}

/// The apps that a network policy means anywhere in it.
pub(in crate::plan) fn meant(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| match value.as_str() {
                Some(app) if key == APP_LABEL => vec![app],
                _ => meant(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(meant).collect(),
        _ => Vec::new(),
    }
}
