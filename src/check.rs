//! From a snapshot to a checked garden and its objects: everything that is known before a cluster is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::finding::Findings;
use crate::git::{Commit, Snapshot};
use crate::model::definition::{self, Definitions};
use crate::model::{self, Garden, Organisation, Past};
use crate::name::Name;
use crate::render::{self, Packed};
use crate::report;
use crate::schema;
use crate::source::{FileId, Sources};
use crate::syntax::{self, Document};

/// What a check leaves behind.
#[derive(Debug, Default)]
pub struct Checked {
    /// The commit, where one was read.
    pub commit: Option<Commit>,
    /// Every text that spans refer to.
    pub sources: Arc<Sources>,
    /// Everything found, in order of file and place.
    pub findings: Findings,
    /// The garden; absent where there is none to speak of.
    pub garden: Option<Garden>,
    /// Objects of each organisation that nothing stops. Those that did not change since the last check are the same value.
    pub objects: BTreeMap<Name, Arc<Packed>>,
    /// How many organisations were rendered anew.
    pub rendered: usize,
    /// The hash of the renderer and the built-in definitions.
    pub renderer_hash: String,
}

/// What stays known between two checks of one process: a second check costs what changed.
#[derive(Default)]
pub struct Memo {
    sources: Arc<Sources>,
    files: BTreeMap<(Arc<str>, Arc<str>), Parsed>,
    built_in: Vec<Document>,
    definitions: Option<Loaded>,
    rendered: BTreeMap<Name, Rendered>,
}

#[derive(Clone)]
struct Parsed {
    file: FileId,
    document: Arc<schema::Checked>,
    findings: Arc<Findings>,
}

/// Definitions, and the files of the garden that have a part in them.
struct Loaded {
    from: Vec<FileId>,
    definitions: Arc<Definitions>,
    findings: Findings,
}

/// What an organisation was rendered from, and what came of it.
struct Rendered {
    from: Vec<FileId>,
    objects: Arc<Packed>,
    findings: Findings,
}

/// The most files, old versions included, that a memo keeps before it starts anew.
const MOST_REMEMBERED: usize = 100_000;

/// Checks a garden whole and renders it. Pure: the same snapshot, past and moment give the same value.
///
/// `past` is what was last applied, for the rules that compare with it.
pub fn check(snapshot: Snapshot, past: Option<&Past>, now: jiff::Timestamp) -> Checked {
    check_again(&mut Memo::default(), snapshot, past, now)
}

/// The same, with what is known from an earlier check: only files and organisations that changed are parsed and rendered.
pub fn check_again(memo: &mut Memo, snapshot: Snapshot, past: Option<&Past>, now: jiff::Timestamp) -> Checked {
    if memo.files.len() > MOST_REMEMBERED {
        *memo = Memo::default();
    }
    let mut findings = Findings::default();
    let commit = snapshot.commit.clone();
    let files = parse(memo, snapshot);
    let documents: Vec<Arc<schema::Checked>> = files.iter().map(|parsed| Arc::clone(&parsed.document)).collect();
    files.iter().for_each(|parsed| findings.extend((*parsed.findings).clone()));
    let definitions = definitions(memo, &files, &mut findings);
    let mut garden = model::build(&documents, &definitions, past, &mut findings);
    let (objects, rendered) =
        garden.as_mut().map(|garden| render(memo, garden, now, &mut findings)).unwrap_or_default();
    let sources = Arc::clone(&memo.sources);
    findings.sort_in(&sources);
    // One mistake in what many share is told once.
    findings.join(model::UNKNOWN_NAME);
    findings.join(model::NO_HOST);
    findings.join(model::NOT_PROVIDED);
    Checked { commit, sources, findings, garden, objects, rendered, renderer_hash: renderer_hash() }
}

/// The snapshot's files, checked against the language. Equal content under an equal path keeps its id and its result.
fn parse(memo: &mut Memo, snapshot: Snapshot) -> Vec<Parsed> {
    let mut new = Vec::new();
    let mut files = Vec::new();
    for raw in snapshot.files {
        let key = (Arc::from(raw.path.as_str()), Arc::from(raw.blob.as_str()));
        if !memo.files.contains_key(&key) {
            let sources = Arc::make_mut(&mut memo.sources);
            let (file, found) = raw.decode(sources);
            new.push((key.clone(), file, found));
        }
        files.push(key);
    }
    let sources = &memo.sources;
    let parsed: Vec<_> = new
        .into_par_iter()
        .map(|(key, file, mut findings)| {
            let document = syntax::parse(file, &sources.file(file).text, &mut findings);
            let document = Arc::new(schema::check(document, &mut findings));
            (key, Parsed { file, document, findings: Arc::new(findings) })
        })
        .collect();
    memo.files.extend(parsed);
    files.iter().map(|key| memo.files[key].clone()).collect()
}

/// The definitions that come with parcelle and those of the garden; loaded anew only where a file of theirs changed.
fn definitions(memo: &mut Memo, files: &[Parsed], findings: &mut Findings) -> Arc<Definitions> {
    if memo.built_in.is_empty() {
        memo.built_in = built_in(Arc::make_mut(&mut memo.sources), findings);
    }
    let defines = |document: &Document| document.nodes.iter().any(|node| node.name.value == "definition");
    let own = files.iter().filter(|parsed| parsed.document.readable() && defines(&parsed.document.document));
    let from: Vec<FileId> = own.clone().map(|parsed| parsed.file).collect();
    let known = memo.definitions.take().filter(|known| known.from == from);
    let loaded = known.unwrap_or_else(|| {
        let documents: Vec<_> = own.map(|parsed| Arc::clone(&parsed.document)).collect();
        let mut findings = Findings::default();
        let definitions = Arc::new(definition::load_all(&memo.built_in, &documents, &mut findings));
        render::rules::tests_of_definitions(&definitions, &mut findings);
        Loaded { from, definitions, findings }
    });
    findings.extend(loaded.findings.clone());
    let definitions = Arc::clone(&loaded.definitions);
    memo.definitions = Some(loaded);
    definitions
}

/// The definitions that parcelle brings along, for surfaces that speak of no garden.
pub fn built_in_definitions() -> Definitions {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let documents = built_in(&mut sources, &mut findings);
    definition::load_all(&documents, &[], &mut findings)
}

fn built_in(sources: &mut Sources, findings: &mut Findings) -> Vec<Document> {
    let files = definition::built_in(sources);
    files.iter().map(|file| syntax::parse(*file, &sources.file(*file).text, findings)).collect()
}

/// What else than the garden decides the objects: this parcelle and the definitions that come with it.
fn renderer_hash() -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(env!("CARGO_PKG_VERSION").as_bytes());
    context.update(&render::REVISION.to_be_bytes());
    definition::texts().for_each(|text| context.update(text.as_bytes()));
    context.finish().as_ref().iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

/// Renders the organisations that changed and holds the objects against the rules; one that breaks a rule joins the broken.
fn render(
    memo: &mut Memo,
    garden: &mut Garden,
    now: jiff::Timestamp,
    findings: &mut Findings,
) -> (BTreeMap<Name, Arc<Packed>>, usize) {
    let known = std::mem::take(&mut memo.rendered);
    let fresh: Vec<(Name, Option<Rendered>)> = garden
        .organisations
        .par_iter()
        .map(|(name, organisation)| {
            let from = files_of(garden, organisation);
            let same = known.get(name).is_some_and(|known| known.from == from && known.is_current(now));
            (name.clone(), (!same).then(|| rendered(garden, organisation, from, now)))
        })
        .collect();
    memo.rendered = known;
    memo.rendered.retain(|name, _| garden.organisations.contains_key(name));
    let mut anew = 0;
    let mut all = BTreeMap::new();
    for (name, fresh) in fresh {
        if let Some(fresh) = fresh {
            anew += 1;
            memo.rendered.insert(name.clone(), fresh);
        }
        let one = &memo.rendered[&name];
        let mut found = one.findings.clone();
        garden.judgement.apply(&mut found);
        if found.has_errors() {
            garden.broken.insert(name.clone());
            garden.organisations.remove(&name);
        } else {
            all.insert(name, Arc::clone(&one.objects));
        }
        findings.extend(found);
    }
    let stopped = garden.stopped.par_iter().map(|(_, one)| rendered(garden, one, files_of(garden, one), now).findings);
    for mut found in stopped.collect::<Vec<_>>() {
        garden.judgement.apply(&mut found);
        findings.extend(found);
    }
    // What an error hides may be what is allowed.
    if !findings.has_errors() {
        garden.judgement.tell_of_unused(|code| report::page(code).is_some(), findings);
    }
    (all, anew)
}

fn rendered(garden: &Garden, organisation: &Organisation, from: Vec<FileId>, now: jiff::Timestamp) -> Rendered {
    let mut findings = Findings::default();
    let objects = render::rules::render(garden, organisation, now, &mut findings);
    Rendered { from, objects: Arc::new(Packed::of(&objects)), findings }
}

/// Every file that an organisation's objects are rendered from: ids are of one content, so equal ids are equal inputs.
fn files_of(garden: &Garden, organisation: &Organisation) -> Vec<FileId> {
    let offer = organisation.offer.iter().map(|offer| offer.span.file);
    let definitions = organisation.apps.values().map(|app| app.definition.span.file);
    let own = [garden.span.file, organisation.file, organisation.cluster.span.file];
    let mut files: Vec<FileId> = own.into_iter().chain(offer).chain(definitions).collect();
    files.sort_unstable();
    files.dedup();
    files
}

impl Rendered {
    /// Whether nothing that depends on the time has changed since.
    fn is_current(&self, now: jiff::Timestamp) -> bool {
        self.objects.next_change.is_none_or(|next| now < next)
    }
}

/// A checked garden as the past of the next.
pub fn past_of(checked: &Checked) -> Past {
    Past {
        organisations: checked.garden.as_ref().map(|garden| garden.organisations.clone()).unwrap_or_default(),
        ..Past::default()
    }
}
