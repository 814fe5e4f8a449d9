//! Checked files to a garden.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use crate::finding::{Finding, Findings, Severity};
use crate::model::definition::Definitions;
use crate::model::organisation::{Draft, World};
use crate::model::references::Doubt;
use crate::model::rules::{self, View};
use crate::model::{Garden, Judgement, Past, app, cluster, garden, offer, organisation, references};
use crate::name::Name;
use crate::schema::Checked;
use crate::source::FileId;
use crate::syntax::Node;

/// The garden that checked files mean, with every rule of the whole garden tried.
///
/// `findings` holds what was found in these files so far (it decides which organisations stop) and takes the rest.
/// An organisation that an error is about, or a file it uses, is left out and named in [`Garden::broken`]. Absent
/// where there is no readable `garden` node: then nothing at all can be said to belong to it.
pub fn build(
    files: &[Arc<Checked>],
    definitions: &Definitions,
    past: Option<&Past>,
    findings: &mut Findings,
) -> Option<Garden> {
    let doubt = Doubt::of(files, findings);
    let (mut garden, found) = garden::read(files, &doubt, findings);
    garden.definitions.clone_from(&definitions.loaded);
    garden.unreadable = unreadable(files, findings);
    let unsound_clusters = clusters(files, &mut garden, findings);
    offers(files, definitions, &doubt, &mut garden, findings);
    let mut drafts = drafts(files, definitions, &doubt, &garden, findings);
    rules::hosts::release_retired(&mut drafts);
    let view = View { garden: &garden, drafts: &drafts, definitions, past, unsound_clusters: &unsound_clusters, files };
    rules::check(&view, findings);
    let mut judgement = Judgement::read(files, findings);
    judgement.apply(findings);
    let unsound = stopped(files, definitions, &drafts, findings, |finding| !leaves_sound(finding)).organisations;
    let stopped = stopped(files, definitions, &drafts, findings, |_| true);
    let mut broken = stopped.organisations;
    broken.extend(unseen(&garden, &drafts, past));
    for draft in drafts {
        let name = draft.organisation.name.clone();
        if !stopped.all && !broken.contains(&name) {
            garden.organisations.insert(name, Arc::new(draft.organisation));
        } else {
            if !stopped.all && !unsound.contains(&name) {
                garden.stopped.insert(name.clone(), Arc::new(draft.organisation));
            }
            broken.insert(name);
        }
    }
    if stopped.all {
        broken.extend(past.into_iter().flat_map(|past| past.organisations.keys().cloned()));
    }
    garden.broken = broken;
    garden.judgement = judgement;
    found.then_some(garden)
}

/// The nodes of a kind at the top of all files that could be read.
fn top<'a>(files: &'a [Arc<Checked>], kind: &'a str) -> impl Iterator<Item = (&'a Arc<Checked>, &'a Node)> {
    let readable = files.iter().filter(|file| file.readable());
    readable.flat_map(move |file| {
        file.document.nodes.iter().filter(move |node| node.name.value == kind).map(move |node| (file, node))
    })
}

/// The first node of the same kind and name.
fn first_of<'a>(files: &'a [Arc<Checked>], node: &'a Node) -> &'a Node {
    let same = |other: &&Node| other.arg(0).map(|name| &name.text) == node.arg(0).map(|name| &name.text);
    top(files, &node.name.value).map(|(_, other)| other).find(same).unwrap_or(node)
}

/// Files of which something could not be read: what they held may still be meant.
fn unreadable(files: &[Arc<Checked>], findings: &Findings) -> BTreeSet<FileId> {
    let unread =
        findings.iter().filter(|finding| finding.severity == Severity::Error && finding.code.0.starts_with("E00"));
    let unknown = files.iter().filter(|file| !file.readable()).map(|file| file.document.file);
    unread.map(Finding::file).chain(unknown).collect()
}

/// Reads the clusters; the names of those in which there is a finding.
fn clusters(files: &[Arc<Checked>], garden: &mut Garden, findings: &mut Findings) -> BTreeSet<Name> {
    let mut unsound = BTreeSet::new();
    for (file, node) in top(files, "cluster") {
        let Some(cluster) = cluster::read(file, node) else { continue };
        if file.holds_broken(node) {
            unsound.insert(cluster.name.clone());
        }
        match garden.clusters.get(&cluster.name) {
            Some(_) => references::same("cluster", &cluster.name, node, first_of(files, node), findings),
            None => drop(garden.clusters.insert(cluster.name.clone(), Arc::new(cluster))),
        }
    }
    unsound
}

fn offers(
    files: &[Arc<Checked>],
    definitions: &Definitions,
    doubt: &Doubt,
    garden: &mut Garden,
    findings: &mut Findings,
) {
    for (file, node) in top(files, "offer") {
        let Some(offer) = offer::read(file, node, definitions, doubt, findings) else { continue };
        match garden.offers.get(&offer.name) {
            Some(_) => references::same("offer", &offer.name, node, first_of(files, node), findings),
            None => drop(garden.offers.insert(offer.name.clone(), Arc::new(offer))),
        }
    }
}

fn drafts<'f>(
    files: &'f [Arc<Checked>],
    definitions: &Definitions,
    doubt: &Doubt,
    garden: &Garden,
    findings: &mut Findings,
) -> Vec<Draft<'f>> {
    let bases = definitions.loaded.iter().map(|(name, definition)| (name, app::base(definition))).collect();
    let world = World { garden, definitions, doubt, bases };
    let readable = files.iter().filter(|file| file.readable());
    let nodes = readable.flat_map(|file| file.document.nodes.iter().map(move |node| (file, node)));
    let nodes: Vec<_> = nodes.filter(|(_, node)| is_organisation(node)).collect();
    let read = |(file, node): &(&'f Arc<Checked>, &'f Node)| {
        let mut findings = Findings::default();
        (organisation::read(file, node, &world, &mut findings), findings)
    };
    let all: Vec<_> = nodes.par_iter().map(read).collect();
    let mut drafts: Vec<Draft<'f>> = Vec::new();
    let mut places: BTreeMap<Name, &Node> = BTreeMap::new();
    for ((_, node), (draft, found)) in nodes.iter().zip(all) {
        findings.extend(found);
        let Some(draft) = draft else { continue };
        let name = draft.organisation.name.clone();
        if let Some(first) = places.get(&name) {
            references::same("organisation", &name, node, first, findings);
            continue;
        }
        places.insert(name, node);
        drafts.push(draft);
    }
    drafts
}

fn is_organisation(node: &Node) -> bool {
    match node.name.value.as_str() {
        "organisation" => true,
        "retired" => node.arg(0).is_some_and(|word| word.text == "organisation"),
        _ => false,
    }
}

/// Past organisations that nobody wrote, while something could not be read: they may be written there.
fn unseen(garden: &Garden, drafts: &[Draft<'_>], past: Option<&Past>) -> BTreeSet<Name> {
    let Some(past) = past.filter(|_| !garden.unreadable.is_empty()) else { return BTreeSet::new() };
    let written = |name: &&Name| drafts.iter().any(|draft| draft.organisation.name == **name);
    past.organisations.keys().filter(|name| !written(name)).cloned().collect()
}

/// Whether what an organisation means is still known beside this finding: a word too many, or something known and refused.
fn leaves_sound(finding: &Finding) -> bool {
    finding.code.0 == "E0101" || finding.code.0.starts_with("E04")
}

/// What errors stop.
struct Stopped {
    all: bool,
    organisations: BTreeSet<Name>,
}

/// What a top-level node is to the organisations.
enum Part {
    Garden,
    Cluster(String),
    Offer(String),
    Definition(String),
    Organisation(Option<Name>),
    Nothing,
}

fn part(node: &Node) -> Part {
    let first = || node.arg(0).map(|value| value.text.clone()).unwrap_or_default();
    match node.name.value.as_str() {
        "garden" => Part::Garden,
        "cluster" => Part::Cluster(first()),
        "offer" => Part::Offer(first()),
        "definition" => Part::Definition(first()),
        "organisation" => Part::Organisation(Name::new(&first()).ok()),
        "retired" => Part::Organisation(node.arg(1).and_then(|name| Name::new(&name.text).ok())),
        _ => Part::Nothing,
    }
}

/// Which organisations the errors stop: those they are in, and those that use a node they are in.
fn stopped(
    files: &[Arc<Checked>],
    definitions: &Definitions,
    drafts: &[Draft<'_>],
    findings: &Findings,
    counts: impl Fn(&Finding) -> bool,
) -> Stopped {
    let mut stopped = Stopped { all: false, organisations: BTreeSet::new() };
    let mut uses: BTreeSet<(&str, String)> = BTreeSet::new();
    let documents: BTreeMap<FileId, &Arc<Checked>> = files.iter().map(|file| (file.document.file, file)).collect();
    for finding in findings.iter().filter(|finding| finding.severity == Severity::Error && counts(finding)) {
        if let Some(name) = &finding.stops {
            stopped.organisations.insert(name.clone());
            continue;
        }
        let Some(file) = documents.get(&finding.file()) else { continue };
        let place = finding.primary.span;
        let inside =
            |node: &&Node| node.span.start <= place.start && place.start < node.span.end.max(node.span.start + 1);
        let hit: Vec<&Node> = file.document.nodes.iter().filter(inside).collect();
        // A finding between the nodes, or about the file itself, is about all of them.
        let hit = if hit.is_empty() { file.document.nodes.iter().collect() } else { hit };
        for node in hit {
            match part(node) {
                Part::Garden => stopped.all = true,
                Part::Cluster(name) => drop(uses.insert(("cluster", name))),
                Part::Offer(name) => drop(uses.insert(("offer", name))),
                Part::Definition(name) => drop(uses.insert(("definition", name))),
                Part::Organisation(name) => stopped.organisations.extend(name),
                Part::Nothing => {}
            }
        }
    }
    uses.extend(definitions.broken.iter().map(|name| ("definition", name.to_string())));
    // Organisations of files that were not read at all.
    for file in files.iter().filter(|file| !file.readable()) {
        let names = file.document.nodes.iter().map(part);
        stopped
            .organisations
            .extend(names.filter_map(|part| if let Part::Organisation(name) = part { name } else { None }));
    }
    let dependents = drafts.iter().filter(|draft| depends(draft, &uses));
    stopped.organisations.extend(dependents.map(|draft| draft.organisation.name.clone()));
    stopped
}

fn depends(draft: &Draft<'_>, uses: &BTreeSet<(&str, String)>) -> bool {
    if !draft.known.cluster || !draft.known.offer || !draft.unbuilt.is_empty() {
        return true;
    }
    let organisation = &draft.organisation;
    uses.iter().any(|(kind, name)| match *kind {
        "cluster" => organisation.cluster.name.as_str() == name,
        "offer" => organisation.offer.as_ref().is_some_and(|offer| offer.name.as_str() == name),
        _ => draft.uses.contains(name),
    })
}
