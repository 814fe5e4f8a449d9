//! What rules about the past compare with once an inventory was recovered: releases and sizes, as far as live objects show them.
//!
//! The release is the one of the definition whose image a workload runs; a label says less, since anyone may write it. A size that
//! differs from the garden's is that of the setting which gives the garden's. Of everything else that differs nothing is known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Recovery;
use crate::model::{App, AppFootprint, AppliedApp, KeptValue, Organisation};
use crate::name::Name;
use crate::plan::decide::action::Shown;
use crate::plan::{Action, Input, Verb, organisation as decide};
use crate::quantity::{Dimension, Quantity};

/// Notes of each app that is there what it runs and how large it is.
pub(super) fn recover(input: &Input<'_>, organisation: &Organisation, found: &mut Recovery) {
    let plan = decide(&Input { inventory: &found.inventory, ..*input });
    for (name, state) in &input.directives.states {
        let Some(app) = organisation.apps.get(name).filter(|_| is_there(found, name)) else { continue };
        let actions: Vec<&Action> = plan.actions.iter().filter(|action| action.app.as_ref() == Some(name)).collect();
        let differs = actions.iter().any(|action| !matches!(action.verb(), Verb::Keep | Verb::Create));
        let Some(version) = running(input, found, app, differs) else {
            let why = "its release cannot be read from what runs: upgrade steps are not compared";
            found.uncompared.push((name.clone(), why.to_owned()));
            continue;
        };
        let mut past = AppliedApp { version, ..state.clone() };
        let mut told = vec![format!("release {}", past.version)];
        if differs {
            settings(&actions, name, &mut past, found);
        }
        told.extend(past.settings.iter().map(|(setting, value)| format!("{setting} {value}")));
        found.compared.push((name.clone(), told.join(", ")));
        found.inventory.footprint.apps.insert(name.clone(), AppFootprint::of_whole(past));
    }
}

/// Whether anything of an app was found.
fn is_there(found: &Recovery, app: &Name) -> bool {
    found
        .taken
        .iter()
        .any(|one| found.inventory.entries.get(&one.id).is_some_and(|entry| entry.app.as_ref() == Some(app)))
}

/// The release of the definition whose image runs. An app none of whose releases shows runs the garden's where it is as asked.
fn running(input: &Input<'_>, found: &Recovery, app: &App, differs: bool) -> Option<String> {
    let of_app = found.inventory.entries.iter().filter(|(_, entry)| entry.app.as_ref() == Some(&app.name));
    let mut images = BTreeSet::new();
    let live = of_app.filter(|(id, _)| id.facts().scales).filter_map(|(id, _)| input.live.objects.get(id));
    live.for_each(|live| collect(&live.body["spec"]["template"]["spec"], &mut images));
    let releases = app.definition.releases.values().filter(|release| images.contains(release.image.as_str()));
    let mut versions: BTreeSet<&str> = releases.map(|release| release.version.as_str()).collect();
    match (versions.pop_first(), versions.is_empty()) {
        (Some(version), true) => Some(version.to_owned()),
        (None, _) if !differs => Some(app.release.version.clone()),
        _ => None,
    }
}

/// Every image of a pod's containers.
fn collect<'b>(pod: &'b Value, images: &mut BTreeSet<&'b str>) {
    let lists = ["containers", "initContainers"].into_iter().filter_map(|list| pod[list].as_array());
    images.extend(lists.flatten().filter_map(|container| container["image"].as_str()));
}

/// Keeps of the settings those whose value is what is there.
fn settings(actions: &[&Action], app: &Name, past: &mut AppliedApp, found: &mut Recovery) {
    let mut sizes: BTreeMap<String, Quantity> = BTreeMap::new();
    let mut unknown = Vec::new();
    for change in actions.iter().filter(|action| action.verb() != Verb::Create).flat_map(|action| &action.changes) {
        let (Some(Shown::Value(Value::String(before))), Some(Shown::Value(Value::String(after)))) =
            (&change.before, &change.after)
        else {
            continue;
        };
        if let (Some(before), true) = (size(before), is_size(&change.path)) {
            sizes.insert(after.clone(), before);
        }
    }
    past.settings.retain(|setting, value| {
        match value {
            KeptValue::Amount(amount) => {
                if let Some(live) = sizes.get(&amount.canonical()) {
                    *amount = *live;
                }
                return true;
            }
            KeptValue::Number(_) | KeptValue::List(_) | KeptValue::Text(_) => unknown.push(setting.clone()),
        }
        false
    });
    for setting in unknown {
        let why = format!("`{setting}` cannot be read from what is there: its next change is not compared");
        found.uncompared.push((app.clone(), why));
    }
}

/// Whether a field is the size of a volume.
fn is_size(path: &str) -> bool {
    path.ends_with("requests.storage") || path.ends_with("torage.size")
}

/// An amount of bytes as Kubernetes writes it.
fn size(text: &str) -> Option<Quantity> {
    let at = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(at);
    if suffix.is_empty() {
        return Some(Quantity { dimension: Dimension::Size, amount: number.parse().ok()? });
    }
    let unit = if suffix == "k" { "kB".to_owned() } else { format!("{suffix}B") };
    Quantity::parse(number, &unit).filter(|amount| amount.dimension == Dimension::Size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_kubernetes_writes_them() {
        let amount = |text| size(text).map(|size| size.amount);
        assert_eq!(amount("20Gi"), Some(20 << 30));
        assert_eq!((amount("1500M"), amount("1536Mi")), (Some(1_500_000_000), Some(1_536 << 20)));
        assert_eq!((amount("42"), amount("many"), amount("100m"), amount("")), (Some(42), None, None, None));
    }
}
