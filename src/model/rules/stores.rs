//! The data of apps lies where the line of a provider led when they got it: a line that leads elsewhere would start them empty.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::View;
use crate::model::{AppFootprint, AppliedApp, Cluster, Organisation, PastOrganisation, ProviderChoice};
use crate::name::Name;

/// A provider other than the one with which the data of apps lies.
pub(crate) const ELSEWHERE: Code = Code::new("E0438");

/// How many apps a finding names.
const NAMED: usize = 5;

/// The apps whose data lies in one store, by the cluster, the need and the store.
type Lying<'a> = BTreeMap<(&'a Name, String, String), BTreeSet<String>>;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let mut lying = Lying::new();
    for (name, past) in view.holdings.pasts() {
        let Some(draft) = view.draft(name).filter(|draft| draft.resolved.cluster) else { continue };
        let cluster = &draft.organisation.cluster;
        let is_elsewhere = past.each().any(|before| before.cluster.name != cluster.name);
        if is_elsewhere || !cluster.complete || view.unsound_clusters.contains(&cluster.name) {
            continue;
        }
        let is_taken_back = view.past.is_some_and(|past| past.taken_back.contains(name));
        let is_gone = |app: &Name| view.past.is_some_and(|past| past.gone.contains(&(name.clone(), app.clone())));
        for (app, footprint) in past.apps.iter().filter(|(app, _)| !is_gone(app)) {
            for (need, store) in stores(past, app, footprint, is_taken_back) {
                let Some(choice) = cluster.provides.get(&need) else { continue };
                if choice.store() != store && !choice.is_moved_from(&store) {
                    lying.entry((&cluster.name, need, store)).or_default().insert(format!("`{name}/{app}`"));
                }
            }
        }
    }
    for ((cluster, need, store), apps) in lying {
        let cluster = view.garden.clusters.get(cluster);
        let choice = cluster.and_then(|cluster| Some((cluster, cluster.provides.get(&need)?)));
        if let Some((cluster, choice)) = choice {
            findings.push(elsewhere(cluster, choice, &store, &apps));
        }
    }
}

/// Every store in which data of an app may lie, with the need.
fn stores(
    past: &PastOrganisation,
    app: &Name,
    footprint: &AppFootprint,
    is_taken_back: bool,
) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for state in footprint.possible(is_taken_back) {
        // Where it was written before stores were kept, its commits say them.
        let of_commit = |organisation: &std::sync::Arc<Organisation>| {
            AppliedApp::of(organisation, organisation.apps.get(app)?).stores
        };
        let stores =
            state.stores.clone().map_or_else(|| past.each().filter_map(of_commit).collect(), |kept| vec![kept]);
        found.extend(stores.into_iter().flatten());
    }
    found
}

fn elsewhere(cluster: &Cluster, choice: &ProviderChoice, store: &str, apps: &BTreeSet<String>) -> Finding {
    let (need, on, is) = (&choice.need.value, &cluster.name, choice.store());
    let named: Vec<&str> = apps.iter().take(NAMED).map(String::as_str).collect();
    let more = if apps.len() > NAMED { format!(" and {} others", apps.len() - NAMED) } else { String::new() };
    let named = format!("{}{more}", named.join(", "));
    let count = if apps.len() == 1 { "1 app".to_owned() } else { format!("{} apps", apps.len()) };
    let what = if need == "backup" { "what was backed up" } else { "the data" };
    let title = format!("{what} of {count} on `{on}` lies in `{store}`, and `{need}` now leads to `{is}`");
    let finding = Finding::refused(ELSEWHERE, title, choice.provider.span).why(format!(
        "parcelle moves no data: {named} would go on without it{}",
        if need == "backup" {
            ", and nothing there would be cleaned up or found for a restore"
        } else {
            ", and could no longer reach what it left behind"
        }
    ));
    let finding =
        finding.help(format!("let the line lead there again: `{}`, with the rest as it was", line(need, store)));
    if is_same_object(store, &is) {
        return finding.help(
            "a bucket stays with the Garage that it was made in; `parcelle explain E0438` says how data is moved",
        );
    }
    finding.help(format!(
        "once all of it was copied there, or where both are one store, add `moved-from \"{store}\"` to the line; what lies in the \
         former one is kept (`parcelle explain E0438`)"
    ))
}

/// A store as the line of its provider says it: `bucket garage { cluster storage; namespace garage; }`.
fn line(need: &str, store: &str) -> String {
    let mut words = store.split(' ');
    let provider = words.next().unwrap_or_default();
    let option = |(name, value): (&str, &str)| {
        if value.contains([':', '/', '.']) { format!("{name} \"{value}\"; ") } else { format!("{name} {value}; ") }
    };
    let options: String = words.filter_map(|word| word.split_once('=')).map(option).collect();
    format!("{need} {provider} {{ {options}}}")
}

/// Whether the same objects would have to move from one Garage to another, which they cannot.
fn is_same_object(store: &str, is: &str) -> bool {
    let garage = |store: &str| {
        let words = store.strip_prefix("garage ")?.split(' ').filter(|word| !word.starts_with("endpoint="));
        Some(words.map(str::to_owned).collect::<Vec<_>>())
    };
    match (garage(store), garage(is)) {
        (Some(was), Some(is)) => was != is,
        _ => false,
    }
}
