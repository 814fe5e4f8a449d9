//! Checked files to a garden: read, judged, and sorted into what goes on and what stops. What is known from an earlier garden
//! is not read or judged again ([`ModelMemo`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::{Effect, Finding, Findings};
use crate::model::definition::Definitions;
use crate::model::draft::top_level::top;
use crate::model::draft::{Doubt, Draft, FileReading, ReadContext, cluster, garden, offer, organisation};
use crate::model::rules::{self, ClusterNames, Names, One, Refused, View};
use crate::model::stop::{Stop, Stopped};
use crate::model::{Cluster, Garden, Judgement, Offer, Past, PlacedFile};
use crate::name::Name;
use crate::schema::CheckedFile;
use crate::source::{FileId, Sources};
use crate::syntax::Node;
use duplicates::Duplicates;
use inputs::{ReadBy, ReadInputs};
use memo::{Judged, Kept, KeptOffer, Released, filled};

mod duplicates;
mod index;
mod inputs;
mod memo;

pub(crate) use memo::ModelMemo;

/// The garden that checked files mean, with every rule of the whole garden tried.
///
/// `findings` holds what was found in these files so far (it decides which organisations stop) and takes the rest.
/// An organisation that an error is about, or a file it uses, is left out and named in [`Garden::broken`]. Absent
/// where there is no readable `garden` node: then nothing at all can be said to belong to it.
pub fn build(
    files: &[Arc<PlacedFile>],
    definitions: &Definitions,
    past: Option<&Past>,
    findings: &mut Findings,
) -> Option<Garden> {
    let sources = Sources::default();
    build_again(&mut ModelMemo::default(), files, definitions, past, &sources, findings)
}

/// The same, with what is known of an earlier garden: only what changed since is read and judged.
pub(crate) fn build_again(
    memo: &mut ModelMemo,
    files: &[Arc<PlacedFile>],
    definitions: &Definitions,
    past: Option<&Past>,
    sources: &Sources,
    findings: &mut Findings,
) -> Option<Garden> {
    let kept = memo.files(files);
    let readings: Vec<Arc<FileReading>> = kept.iter().map(|kept| Arc::clone(&kept.reading)).collect();
    let doubt = Doubt::of(&readings, findings);
    let (mut garden, found) = garden::read(&readings, &doubt, findings);
    garden.definitions.clone_from(&definitions.loaded);
    garden.unreadable = unreadable(&readings, findings);
    let mut duplicates = Duplicates::new(past, sources);
    let unsound_clusters = clusters(memo, &readings, &mut garden, &mut duplicates, findings);
    offers(memo, &readings, definitions, &doubt, &mut garden, &mut duplicates, findings);
    let context = ReadContext::new(&garden, definitions, &doubt);
    let (drafts, places) = drafts(memo, &readings, &context, &mut duplicates, findings);
    memo.index.settle(&drafts, |name| places.contains_key(name), past, ClusterNames::of(&garden));
    let drafts = released(memo, drafts, &places);
    kept.iter().for_each(|file| findings.extend_from(&file.found));
    judge(memo, &drafts, &garden, &unsound_clusters, past, findings);
    let called = called(&readings);
    let none = Refused::default();
    let view = View {
        garden: &garden,
        called: &called,
        drafts: &drafts,
        places: &places,
        index: memo.index.claims(),
        holdings: memo.index.holdings(),
        refused: &none,
        definitions,
        past,
        unsound_clusters: &unsound_clusters,
        files: &readings,
        sources,
    };
    let refused = Refused::of(&view, memo.index.doubtful());
    let view = View { refused: &refused, ..view };
    rules::check_all(&view, findings);
    garden.undecided = rules::undecided(&view);
    garden.undecided.append(&mut duplicates.undecided);
    garden.awaited = refused.awaited;
    garden.judgement = Judgement::of(readings.iter().map(|file| &file.judgement), findings);
    garden.judgement.apply(findings);
    let by_id = readings.iter().map(|file| (file.checked.document.file, &*file.placed)).collect();
    let counts = |name: &Name, file| places.get(name).is_none_or(|at| drafts[*at].organisation.file == file);
    let replaced = |name: &Name, file| !counts(name, file) && !duplicates.is_from("organisation", name, file);
    let stop =
        Stop { files: by_id, definitions, drafts: &drafts, uncounted: &duplicates.uncounted, replaced: &replaced };
    let unsound = stop.by(findings.iter().filter(|finding| finding.effect != Effect::MeaningKnown)).organisations;
    let stopped = stop.by(findings.iter());
    garden.broken = called.into_iter().filter(|name| !places.contains_key(*name)).cloned().collect();
    keep_apart(&mut garden, drafts, stopped, &unsound, past);
    found.then_some(garden)
}

/// Sorts the organisations into those that go on and those that stop.
fn keep_apart(
    garden: &mut Garden,
    drafts: Vec<Arc<Draft>>,
    stopped: Stopped,
    unsound: &BTreeSet<Name>,
    past: Option<&Past>,
) {
    garden.broken.extend(stopped.organisations);
    if stopped.all {
        garden.broken.extend(drafts.iter().map(|draft| draft.organisation.name.clone()));
        garden.broken.extend(past.into_iter().flat_map(Past::names).cloned());
        return;
    }
    for draft in drafts {
        let name = draft.organisation.name.clone();
        if !garden.broken.contains(&name) {
            garden.organisations.insert(name, Arc::clone(&draft.organisation));
        } else if !unsound.contains(&name) {
            garden.stopped.insert(name, Arc::clone(&draft.organisation));
        }
    }
}

/// Files of the garden itself of which something could not be read: what they held may still be meant.
fn unreadable(files: &[Arc<FileReading>], findings: &Findings) -> BTreeSet<FileId> {
    let shared = files.iter().filter(|file| file.placed.place.is_shared()).map(|file| &file.checked);
    let unread: BTreeSet<FileId> =
        findings.iter().filter(|finding| finding.is_unreadable()).map(Finding::file).collect();
    let unread = |file: &&Arc<CheckedFile>| !file.readable() || unread.contains(&file.document.file);
    shared.filter(unread).map(|file| file.document.file).collect()
}

/// The organisations that files are called after, and those that are written where none counts: whether or not they could
/// be read, they are not gone.
fn called(files: &[Arc<FileReading>]) -> BTreeSet<&Name> {
    files.iter().flat_map(|file| file.placed.place.organisation().into_iter().chain(file.placed.misplaced())).collect()
}

/// Reads the clusters; the names of those in which there is a finding.
fn clusters(
    memo: &mut ModelMemo,
    files: &[Arc<FileReading>],
    garden: &mut Garden,
    duplicates: &mut Duplicates<'_>,
    findings: &mut Findings,
) -> BTreeSet<Name> {
    let mut unsound = BTreeSet::new();
    let mut by_name: BTreeMap<Name, Vec<(Arc<Cluster>, &CheckedFile, &Node)>> = BTreeMap::new();
    let before = std::mem::take(&mut memo.clusters);
    for (file, node) in top(files, "cluster") {
        let known = before.get(&node.head).cloned();
        let Some(cluster) = known.or_else(|| cluster::read(file, node).map(Arc::new)) else { continue };
        memo.clusters.insert(node.head, Arc::clone(&cluster));
        by_name.entry(cluster.name.clone()).or_default().push((cluster, file, node));
    }
    for (name, mut same) in by_name {
        let nodes: Vec<&Node> = same.iter().map(|(_, _, node)| *node).collect();
        let (cluster, file, node) = same.swap_remove(duplicates.counted("cluster", &name, &nodes, findings));
        if file.holds_broken(node) {
            unsound.insert(name.clone());
        }
        garden.clusters.insert(name, cluster);
    }
    unsound
}

/// Reads the offers anew whose files, or the definitions of whose apps, changed.
fn offers(
    memo: &mut ModelMemo,
    files: &[Arc<FileReading>],
    definitions: &Definitions,
    doubt: &Doubt,
    garden: &mut Garden,
    duplicates: &mut Duplicates<'_>,
    findings: &mut Findings,
) {
    let mut by_name: BTreeMap<Name, Vec<(Arc<Offer>, &Node)>> = BTreeMap::new();
    let mut before = std::mem::take(&mut memo.offers);
    let all_hold = memo.inputs.as_ref().is_some_and(|then| then.has_definitions(definitions, doubt));
    for (file, node) in top(files, "offer") {
        let known = before.remove(&node.head).filter(|known| all_hold || known.read_by.holds(definitions));
        let kept = known.unwrap_or_else(|| {
            let mut found = Findings::default();
            let offer = offer::read(file, node, definitions, doubt, &mut found).map(Arc::new);
            let apps = node.children_named("app").filter_map(|app| app.arg(0)).map(|name| name.text.as_str());
            KeptOffer { offer, found, read_by: ReadBy::of(apps, definitions) }
        });
        findings.extend_from(&kept.found);
        if let Some(offer) = &kept.offer {
            by_name.entry(offer.name.clone()).or_default().push((Arc::clone(offer), node));
        }
        memo.offers.insert(node.head, kept);
    }
    for (name, mut same) in by_name {
        let nodes: Vec<&Node> = same.iter().map(|(_, node)| *node).collect();
        let (offer, _) = same.swap_remove(duplicates.counted("offer", &name, &nodes, findings));
        garden.offers.insert(name, offer);
    }
}

/// Reads the organisations anew that may read otherwise than before. The drafts come in file order, with where each of
/// them stands in that order; of several of a name one counts.
fn drafts(
    memo: &mut ModelMemo,
    files: &[Arc<FileReading>],
    context: &ReadContext<'_>,
    duplicates: &mut Duplicates<'_>,
    findings: &mut Findings,
) -> (Vec<Arc<Draft>>, BTreeMap<Name, usize>) {
    let now = ReadInputs::of(context);
    let then = memo.inputs.replace(now.clone());
    let all_hold = then.as_ref().is_some_and(|then| then.is_as(&now));
    let holds = |kept: &Kept| {
        let draft = kept.draft.as_ref().zip(then.as_ref());
        all_hold || draft.is_some_and(|(draft, then)| then.holds(draft, &kept.read_by, context))
    };
    let nodes: Vec<(&Arc<CheckedFile>, usize)> =
        files.iter().flat_map(|file| file.organisations.iter().map(|at| (&file.checked, *at))).collect();
    let mut before = std::mem::take(&mut memo.drafts);
    let known: Vec<Option<Kept>> =
        nodes.iter().map(|(file, at)| before.remove(&(file.document.file, *at)).filter(holds)).collect();
    let all = filled(known, |at| {
        let ((file, at), mut found) = (nodes[at], Findings::default());
        let draft = organisation::read(file, at, context, &mut found).map(Arc::new);
        let names = draft.iter().flat_map(|draft| organisation::definitions_read(draft));
        Kept { read_by: ReadBy::of(names, context.definitions), draft, found }
    });
    let mut drafts: Vec<Arc<Draft>> = Vec::with_capacity(all.len());
    let mut places: BTreeMap<Name, usize> = BTreeMap::new();
    let mut by_name: BTreeMap<&Name, Vec<&Node>> = BTreeMap::new();
    for draft in all.iter().filter_map(|kept| kept.draft.as_ref()) {
        by_name.entry(&draft.organisation.name).or_default().push(draft.node());
    }
    for (name, nodes) in by_name {
        duplicates.counted("organisation", name, &nodes, findings);
    }
    for kept in &all {
        let Some(draft) = &kept.draft else {
            findings.extend_from(&kept.found);
            continue;
        };
        if duplicates.uncounted.contains(&draft.node().head) {
            continue;
        }
        findings.extend_from(&kept.found);
        places.insert(draft.organisation.name.clone(), drafts.len());
        drafts.push(Arc::clone(draft));
    }
    memo.drafts = nodes.into_iter().map(|(file, at)| (file.document.file, at)).zip(all).collect();
    (drafts, places)
}

/// The drafts, those that give hosts away without these.
fn released(memo: &mut ModelMemo, mut drafts: Vec<Arc<Draft>>, places: &BTreeMap<Name, usize>) -> Vec<Arc<Draft>> {
    let mut before = std::mem::take(&mut memo.released);
    for (name, hosts) in memo.index.to_be_released() {
        let Some(draft) = places.get(&name).map(|at| &mut drafts[*at]) else { continue };
        let known = before.remove(&name).filter(|known| Arc::ptr_eq(&known.of, draft) && known.hosts == hosts);
        let kept = known.unwrap_or_else(|| {
            let without = Arc::new(draft.without_hosts(&hosts));
            Released { of: Arc::clone(draft), hosts, draft: without }
        });
        *draft = Arc::clone(&kept.draft);
        memo.released.insert(name, kept);
    }
    drafts
}

/// Tries the rules over single organisations on those of which something that they look at changed.
fn judge(
    memo: &mut ModelMemo,
    drafts: &[Arc<Draft>],
    garden: &Garden,
    unsound_clusters: &BTreeSet<Name>,
    past: Option<&Past>,
    findings: &mut Findings,
) {
    let mut gone: BTreeMap<&Name, BTreeSet<Name>> = BTreeMap::new();
    for (organisation, app) in past.into_iter().flat_map(|past| &past.gone) {
        gone.entry(organisation).or_default().insert(app.clone());
    }
    let names = Arc::new(Names {
        clusters: garden.clusters.keys().cloned().collect(),
        offers: garden.offers.keys().cloned().collect(),
    });
    let one = |draft: &Arc<Draft>| {
        let name = &draft.organisation.name;
        One {
            draft: Arc::clone(draft),
            past: past.and_then(|past| past.of(name)),
            taken_back: past.is_some_and(|past| past.taken_back.contains(name)),
            gone: gone.remove(name).unwrap_or_default(),
            garden: garden.span,
            keep_data: garden.deletions.keep_data,
            bounded: garden.ceiling.is_some(),
            unsound_cluster: unsound_clusters.contains(&draft.organisation.cluster.name),
            names: Arc::clone(&names),
        }
    };
    let ones: Vec<One> = drafts.iter().map(one).collect();
    let mut before = std::mem::take(&mut memo.judged);
    let known = |one: &One| before.remove(&one.draft.organisation.name).filter(|known| known.one.is_as(one));
    let known = ones.iter().map(known).collect();
    let judged = filled(known, |at| Judged { found: rules::check_one(&ones[at]), one: ones[at].clone() });
    judged.iter().for_each(|judged| findings.extend_from(&judged.found));
    memo.judged = judged.into_iter().map(|judged| (judged.one.draft.organisation.name.clone(), judged)).collect();
}
