//! What clusters provide, against what organisations got from them: sizes only grow, volumes stay on their class.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::View;
use crate::model::{Cluster, KeptValue, Organisation, ProviderChoice};
use crate::name::Name;

/// A size before the one that databases have.
pub(crate) const SHRINKS: Code = Code::new("E0496");
/// Another storage class than the one of the volumes that are there.
pub(crate) const OTHER_CLASS: Code = Code::new("W0413");

/// The options that say on which class volumes are made.
const CLASSES: [(&str, &str); 4] =
    [("postgres", "storage-class"), ("mongodb", "storage-class"), ("volume", "class"), ("volume", "shared-class")];

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (name, before) in earlier(view) {
        let Some(now) = view.garden.clusters.get(name).filter(|now| now.complete) else { continue };
        let mut told = BTreeSet::new();
        let found = before.iter().flat_map(|earlier| compare(now, earlier));
        found
            .filter(|finding| told.insert((finding.code, finding.primary.span)))
            .for_each(|found| findings.push(found));
    }
}

/// A cluster as it was, and the organisations that got from it what they have.
type Earlier<'a> = (&'a Arc<Cluster>, Vec<&'a Organisation>);

/// The clusters as they were, by name, of organisations that are still there.
fn earlier<'a>(view: &View<'a>) -> BTreeMap<&'a Name, Vec<Earlier<'a>>> {
    let mut found: BTreeMap<&Name, Vec<Earlier<'_>>> = BTreeMap::new();
    for (name, organisation) in view.past.iter().flat_map(|past| past.each()) {
        let cluster = &organisation.cluster;
        if view.draft(name).is_none_or(|draft| draft.organisation.cluster.name != cluster.name) {
            continue;
        }
        let of_name = found.entry(&cluster.name).or_default();
        match of_name.iter_mut().find(|(known, _)| Arc::ptr_eq(known, cluster)) {
            Some((_, organisations)) => organisations.push(organisation),
            None => of_name.push((cluster, vec![organisation])),
        }
    }
    found
}

fn compare(now: &Cluster, (earlier, organisations): &Earlier<'_>) -> Vec<Finding> {
    let both = |need: &str| {
        let (now, earlier) = (now.provides.get(need)?, earlier.provides.get(need)?);
        (now.provider.value == earlier.provider.value).then_some((now, earlier))
    };
    let is_needed = |word: &str| {
        let mut apps = organisations.iter().flat_map(|organisation| organisation.apps.values());
        apps.any(|app| app.definition.needs.iter().any(|need| need.item.kind.word() == word))
    };
    let mut found = Vec::new();
    let mut tell = |need: &str, finding: Option<Finding>| found.extend(finding.filter(|_| is_needed(need)));
    tell("postgres", both("postgres").and_then(|(choice, before)| shrinks(now, choice, before)));
    for (need, word) in CLASSES {
        tell(need, both(need).and_then(|(choice, before)| other_class(word, choice, before)));
    }
    found
}

fn shrinks(cluster: &Cluster, choice: &ProviderChoice, before: &ProviderChoice) -> Option<Finding> {
    let ((is, place), (was, _)) = (choice.database_size(), before.database_size());
    if !KeptValue::Amount(is).is_smaller_than(&KeptValue::Amount(was)) {
        return None;
    }
    let title = format!("`storage` of `postgres` on `{}` cannot shrink from {was} to {is}", cluster.name);
    let finding = Finding::error(SHRINKS, title, place).why("the volumes of databases cannot shrink");
    Some(finding.help(format!("write `storage {was}` or more")))
}

fn other_class(word: &str, choice: &ProviderChoice, before: &ProviderChoice) -> Option<Finding> {
    let (is, place) = choice.text(word).map_or((None, choice.provider.span), |(is, place)| (Some(is), place));
    let was = before.text(word).map(|(was, _)| was);
    if is == was {
        return None;
    }
    let was = was.map_or_else(|| "the cluster's default class".to_owned(), |was| format!("class `{was}`"));
    let finding = Finding::warning(OTHER_CLASS, format!("volumes that are there stay on {was}"), place).why(
        "Kubernetes never moves a volume to another storage class: this one is for volumes that are made from now on",
    );
    Some(finding.help("to move data: back the app up, restore it into a new one, and retire the old one"))
}
