//! Which organisations errors stop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::{Finding, Severity};
use crate::model::definition::Definitions;
use crate::model::draft::Draft;
use crate::model::{FilePlace, PlacedFile};
use crate::name::Name;
use crate::source::{FileId, Span};
use crate::syntax::Node;

/// What errors stop.
pub(super) struct Stopped {
    /// Everything: an error is in the `garden` node.
    pub(crate) all: bool,
    /// These, where not all.
    pub(crate) organisations: BTreeSet<Name>,
}

/// What is looked at to tell which organisations errors stop.
pub(super) struct Stop<'a> {
    /// The files by their ids.
    pub(crate) files: BTreeMap<FileId, &'a PlacedFile>,
    pub(crate) definitions: &'a Definitions,
    /// All organisations as far as they could be read.
    pub(crate) drafts: &'a [Arc<Draft>],
    /// The first bytes of nodes that do not count, since another one has their name: what is wrong in them stops nobody.
    pub(crate) uncounted: &'a BTreeSet<Span>,
    /// Whether an organisation that a file names counts elsewhere, and is not applied from that file.
    pub(crate) replaced: &'a dyn Fn(&Name, FileId) -> bool,
}

/// What a top-level node is to the organisations.
enum Part {
    Garden,
    Cluster(String),
    Offer(String),
    Definition(String),
    Nothing,
}

fn part(node: &Node) -> Part {
    let first = || node.arg(0).map(|value| value.text.clone()).unwrap_or_default();
    match node.name.value.as_str() {
        "garden" => Part::Garden,
        "cluster" => Part::Cluster(first()),
        "offer" => Part::Offer(first()),
        "definition" => Part::Definition(first()),
        _ => Part::Nothing,
    }
}

impl Stop<'_> {
    /// Which organisations the errors among findings stop: the one whose file they are in, or those that use a node of the
    /// garden's own files that they are in.
    pub(super) fn by<'f>(&self, findings: impl Iterator<Item = &'f Finding>) -> Stopped {
        let mut stopped = Stopped { all: false, organisations: BTreeSet::new() };
        let mut uses: BTreeSet<(&str, String)> = BTreeSet::new();
        for finding in findings.filter(|finding| finding.severity == Severity::Error) {
            if let Some(name) = &finding.stops {
                stopped.organisations.insert(name.clone());
                continue;
            }
            let Some(file) = self.files.get(&finding.file()) else { continue };
            if let FilePlace::Organisation(name) = &file.place {
                if !(self.replaced)(name, finding.file()) {
                    stopped.organisations.insert(name.clone());
                }
                continue;
            }
            for node in hit(file, finding).into_iter().filter(|node| !self.uncounted.contains(&node.head)) {
                match part(node) {
                    Part::Garden => stopped.all = true,
                    Part::Cluster(name) => drop(uses.insert(("cluster", name))),
                    Part::Offer(name) => drop(uses.insert(("offer", name))),
                    Part::Definition(name) => drop(uses.insert(("definition", name))),
                    Part::Nothing => {}
                }
            }
        }
        uses.extend(self.definitions.broken.iter().map(|name| ("definition", name.to_string())));
        let dependents = self.drafts.iter().filter(|draft| depends(draft, &uses));
        stopped.organisations.extend(dependents.map(|draft| draft.organisation.name.clone()));
        stopped
    }
}

/// The top-level nodes of a file of the garden's own that a finding is in; one between the nodes, or about the file itself,
/// is about all of them. One about what does not count there is about none.
fn hit<'a>(file: &'a PlacedFile, finding: &Finding) -> Vec<&'a Node> {
    let (nodes, place) = (&file.checked.document.nodes, finding.primary.span);
    if !file.place.is_shared() || file.is_refused(place) {
        return Vec::new();
    }
    let inside = |node: &&Node| node.span.start <= place.start && place.start < node.span.end.max(node.span.start + 1);
    let hit: Vec<&Node> = nodes.iter().filter(inside).collect();
    if hit.is_empty() { nodes.iter().collect() } else { hit }
}

fn depends(draft: &Draft, uses: &BTreeSet<(&str, String)>) -> bool {
    if !draft.resolved.cluster || !draft.resolved.offer || !draft.unbuilt.is_empty() {
        return true;
    }
    let organisation = &draft.organisation;
    uses.iter().any(|(kind, name)| match *kind {
        "cluster" => organisation.cluster.name.as_str() == name,
        "offer" => organisation.offer.as_ref().is_some_and(|offer| offer.name.as_str() == name),
        _ => draft.uses.contains(name),
    })
}
