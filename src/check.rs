//! From a snapshot to a checked garden and its objects: everything that is known before a cluster is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::finding::Findings;
use crate::git::{Commit, Snapshot};
use crate::model::{self, Garden, Past, definition};
use crate::name::Name;
use crate::render::{self, OrganisationObjects};
use crate::source::{FileId, Sources};
use crate::syntax::{self, Document};

/// What a check leaves behind.
#[derive(Debug, Default)]
pub struct Checked {
    /// The commit, where one was read.
    pub commit: Option<Commit>,
    /// Every text that spans refer to.
    pub sources: Sources,
    /// Everything found, in file order.
    pub findings: Findings,
    /// The garden; absent where there is none to speak of.
    pub garden: Option<Garden>,
    /// Objects of each organisation that nothing stops.
    pub objects: BTreeMap<Name, OrganisationObjects>,
}

/// Checks a garden whole and renders it. Pure: the same snapshot, past and moment give the same value.
///
/// `past` is what was last applied, for the rules that compare with it.
pub fn check(snapshot: Snapshot, past: Option<&Past>, now: jiff::Timestamp) -> Checked {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let commit = snapshot.commit.clone();
    let built_in = definition::built_in(&mut sources);
    let files = snapshot.into_sources(&mut sources, &mut findings);
    let built_in = parse(&sources, &built_in, &mut findings);
    let documents = parse(&sources, &files, &mut findings);
    let mut garden = model::build(&sources, &built_in, &documents, past, &mut findings);
    let objects = garden.as_mut().map(|garden| render(garden, now, &mut findings)).unwrap_or_default();
    findings.sort();
    Checked { commit, sources, findings, garden, objects }
}

fn parse(sources: &Sources, files: &[FileId], findings: &mut Findings) -> Vec<Document> {
    let parsed: Vec<_> = files
        .par_iter()
        .map(|file| {
            let mut findings = Findings::default();
            let document = syntax::parse(*file, &sources.file(*file).text, &mut findings);
            (document, findings)
        })
        .collect();
    let collect = |(document, found)| {
        findings.extend(found);
        document
    };
    parsed.into_iter().map(collect).collect()
}

/// Renders every organisation and holds the objects against the rules; one that breaks a rule joins the broken.
fn render(garden: &mut Garden, now: jiff::Timestamp, findings: &mut Findings) -> BTreeMap<Name, OrganisationObjects> {
    let rendered: Vec<_> = garden
        .organisations
        .par_iter()
        .map(|(name, organisation)| {
            let mut findings = Findings::default();
            let objects = render::organisation(garden, organisation, now);
            render::rules::check(garden, &objects, &mut findings);
            (name.clone(), objects, findings)
        })
        .collect();
    let mut all = BTreeMap::new();
    for (name, objects, found) in rendered {
        if found.has_errors() {
            garden.broken.insert(name.clone());
            garden.organisations.remove(&name);
        } else {
            all.insert(name, objects);
        }
        findings.extend(found);
    }
    all
}

/// A checked garden as the past of the next.
pub fn past_of(checked: Checked) -> Past {
    let organisations = checked.garden.map(|garden| garden.organisations).unwrap_or_default();
    let organisations = organisations.into_iter().map(|(name, organisation)| (name, Arc::new(organisation))).collect();
    Past { organisations, ..Past::default() }
}
