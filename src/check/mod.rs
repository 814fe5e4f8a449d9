//! From a snapshot to a checked garden and its objects: everything that is known before a cluster is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::consent::Agreement;
use crate::finding::{Finding, Findings};
use crate::git::{Commit, CommitId, Snapshot};
use crate::impact::{AppliedGarden, ImpactContext};
use crate::model::definition::{self, Definitions};
use crate::model::{self, Boundary, FilePlace, Garden, Judgement, Organisation, Past, PlacedFile};
use crate::name::Name;
use crate::render::{self, Packed, Room};
use crate::schema;
use crate::source::{FileId, Sources, Span};
use crate::syntax::{self, Document, TOO_MUCH};
pub(crate) use history::{History, MOST_QUESTIONS, check_in_history};

mod history;
pub mod mending;
mod passed_over;

/// What a check leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The commit, where one was read.
    pub commit: Option<Commit>,
    /// Every text that spans refer to.
    pub sources: Arc<Sources>,
    /// Everything found, in order of file and place.
    pub findings: Findings,
    /// Where the organisations of the garden stand.
    pub boundary: Option<Boundary>,
    /// The garden; absent where there is none to speak of.
    pub garden: Option<Garden>,
    /// Objects of each organisation that nothing stops. Those that did not change since the last check are the same value.
    pub objects: BTreeMap<Name, Arc<Packed>>,
    /// The same of those that findings stop and whose meaning is known all the same: what their texts ask for.
    pub stopped: BTreeMap<Name, Arc<Packed>>,
    /// How many organisations were rendered anew.
    pub rendered: usize,
    /// The hash of the renderer and the built-in definitions.
    pub renderer_hash: String,
    /// Organisations that are as another commit has them, since not all who must agree have agreed to what came after.
    pub commits: BTreeMap<Name, CommitId>,
    /// What came of consent; absent where nobody is asked.
    pub agreement: Option<Arc<Agreement>>,
}

impl Checked {
    /// What the impact of a plan is told by; absent where there is no garden.
    pub(crate) fn impact_context(&self) -> Option<ImpactContext<'_>> {
        let (sources, objects, applied) = (&*self.sources, &self.objects, AppliedGarden::Unknown);
        self.garden.as_ref().map(|garden| ImpactContext { garden, sources, objects, applied })
    }

    /// The same garden as what another one is planned from.
    pub(crate) fn as_applied(&self) -> AppliedGarden<'_> {
        let objects = &self.objects;
        self.garden.as_ref().map_or(AppliedGarden::Unknown, |garden| AppliedGarden::Commit { garden, objects })
    }
}

/// What stays known between two checks of one process: a second check costs what changed.
#[derive(Default)]
pub struct Memo {
    sources: Arc<Sources>,
    /// Where the organisations of the garden stand: what a file may say depends on it.
    boundary: Option<Boundary>,
    /// Every version of every file, by path and blob.
    files: BTreeMap<String, BTreeMap<String, Parsed>>,
    passed_over: passed_over::Stands,
    built_in: Option<Arc<Definitions>>,
    definitions: Option<Loaded>,
    garden: model::ModelMemo,
    /// What organisations were rendered to, the last first; earlier ones while somebody holds what came of them.
    rendered: BTreeMap<Name, Vec<Rendered>>,
    /// Whether other commits are checked beside, whose renderings are kept as long as somebody holds them.
    pub(crate) beside: bool,
    /// How often it began anew: ids of files that were given before name other texts since.
    pub(crate) begun: usize,
}

impl Memo {
    /// The texts of all that was checked.
    pub(crate) fn sources(&self) -> Arc<Sources> {
        Arc::clone(&self.sources)
    }
}

#[derive(Clone)]
struct Parsed {
    file: FileId,
    placed: Arc<PlacedFile>,
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
    organisation: Arc<Organisation>,
    garden: Span,
    at: jiff::Timestamp,
    objects: Arc<Packed>,
    findings: Findings,
}

/// The most findings that are shown of one file.
const MOST_FINDINGS: usize = 500;

/// Bytes of a secret that is looked for in texts; what is shorter is a part of ordinary words.
const LEAST_SECRET: usize = 4;

/// How many old versions of files a memo keeps beside as many as the garden has files, before it starts anew.
const OLD_VERSIONS: usize = 1_000;

/// Checks a garden whole and renders it. Pure: the same snapshot, past and moment give the same value.
///
/// `past` is what was last applied, for the rules that compare with it.
pub fn check(snapshot: Snapshot, past: Option<&Past>, now: jiff::Timestamp) -> Checked {
    check_again(&mut Memo::default(), snapshot, past, now)
}

/// The same, with what is known from an earlier check: only files and organisations that changed are parsed and rendered.
pub fn check_again(memo: &mut Memo, snapshot: Snapshot, past: Option<&Past>, now: jiff::Timestamp) -> Checked {
    if memo.sources.iter().count() > 2 * snapshot.files.len() + OLD_VERSIONS {
        *memo = Memo { begun: memo.begun + 1, beside: memo.beside, ..Memo::default() };
    }
    check_beside(memo, snapshot, past, now)
}

/// The same of another commit beside: ids of files go on meaning what they meant.
pub(crate) fn check_beside(memo: &mut Memo, snapshot: Snapshot, past: Option<&Past>, now: jiff::Timestamp) -> Checked {
    let mut findings = Findings::default();
    let commit = snapshot.commit.clone();
    let (folder, boundary) = (snapshot.folder.clone(), boundary(memo, &snapshot));
    if memo.boundary.as_ref().is_some_and(|known| *known != boundary) {
        *memo = Memo { sources: Arc::clone(&memo.sources), begun: memo.begun, beside: memo.beside, ..Memo::default() };
    }
    memo.boundary = Some(boundary.clone());
    passed_over::tell(&snapshot.passed_over, &mut memo.passed_over, &mut memo.sources, &mut findings);
    let files = parse(memo, &boundary, snapshot);
    let documents: Vec<Arc<PlacedFile>> = files.iter().map(|parsed| Arc::clone(&parsed.placed)).collect();
    let garden_file = documents.iter().find(|file| file.place == FilePlace::GardenFile);
    Boundary::of(&folder, garden_file.map(|file| &*file.checked), &mut findings);
    files.iter().for_each(|parsed| findings.extend_from(&parsed.findings));
    let definitions = definitions(memo, &files, &mut findings);
    let mut garden = model::build_again(&mut memo.garden, &documents, &definitions, past, &memo.sources, &mut findings);
    let (objects, rendered) =
        garden.as_mut().map(|garden| render(memo, garden, now, &mut findings)).unwrap_or_default();
    let stopped = garden.iter().flat_map(|garden| garden.stopped.keys());
    let stopped = stopped
        .filter_map(|name| Some((name.clone(), Arc::clone(&memo.rendered.get(name)?.first()?.objects))))
        .collect();
    let sources = Arc::clone(&memo.sources);
    findings.settle();
    findings.sort_in(&sources);
    // One mistake in what many share is told once.
    findings.join(model::UNKNOWN_NAME);
    findings.join(model::NO_HOST);
    findings.join(model::NOT_PROVIDED);
    findings.limit_each_file(MOST_FINDINGS, |more, first| Finding {
        severity: first.severity,
        ..Finding::refused(TOO_MUCH, format!("{more} more findings in this file"), first.primary.span)
            .why(format!("at most {MOST_FINDINGS} are shown of one file"))
            .help("so many usually have one cause: mend the first ones and check again")
    });
    let sources = without_secrets(&mut findings, sources);
    let boundary = Some(boundary);
    let renderer_hash = renderer_hash();
    Checked {
        commit,
        sources,
        findings,
        boundary,
        garden,
        objects,
        stopped,
        rendered,
        renderer_hash,
        ..Checked::default()
    }
}

/// Hides what looks like a secret wherever a finding would show it: a log has other readers than the repository.
fn without_secrets(findings: &mut Findings, sources: Arc<Sources>) -> Arc<Sources> {
    let places = findings.iter().filter(|finding| finding.code == model::LOOKS_SECRET);
    let places: Vec<Span> = places.map(|finding| finding.primary.span).collect();
    if places.is_empty() {
        return sources;
    }
    // What is no address because a password stands in it is mended by taking that out.
    findings.retain(|finding| finding.code != schema::scalar::MALFORMED || !places.contains(&finding.primary.span));
    let mut shown = Sources::clone(&sources);
    for span in places {
        let secret = sources.file(span.file).text[span.range()].trim_matches(['"', '#', '\n']);
        if secret.len() >= LEAST_SECRET {
            findings.conceal(span.file, secret);
        }
        shown.hide(span);
    }
    Arc::new(shown)
}

/// Where the organisations of a snapshot stand, as its `garden.kdl` says.
fn boundary(memo: &Memo, snapshot: &Snapshot) -> Boundary {
    let path = Boundary::garden_file(&snapshot.folder);
    let raw = snapshot.files.iter().find(|file| file.path == path);
    let known =
        raw.and_then(|raw| memo.files.get(&path)?.get(&raw.blob)).map(|parsed| Arc::clone(&parsed.placed.checked));
    let checked = known.or_else(|| {
        let (mut sources, raw) = (Sources::default(), raw?);
        let (file, mut findings) = raw.decode(&mut sources);
        let document = syntax::parse(file, &sources.file(file).text, &mut findings);
        Some(Arc::new(schema::check(document, &mut findings)))
    });
    Boundary::of(&snapshot.folder, checked.as_deref(), &mut Findings::default())
}

/// The snapshot's files, checked against the language, with what counts where they stand. Equal content under an equal path keeps its id and its result.
fn parse(memo: &mut Memo, boundary: &Boundary, snapshot: Snapshot) -> Vec<Parsed> {
    let (mut files, mut new) = (Vec::with_capacity(snapshot.files.len()), Vec::new());
    for raw in snapshot.files {
        let known = memo.files.get(&raw.path).and_then(|versions| versions.get(&raw.blob)).cloned();
        if known.is_none() {
            let (file, found) = raw.decode(Arc::make_mut(&mut memo.sources));
            new.push((files.len(), (raw.path, raw.blob), file, found));
        }
        files.push(known);
    }
    let sources = &memo.sources;
    let parse = |(at, key, file, mut findings): (usize, (String, String), FileId, Findings)| {
        let document = syntax::parse(file, &sources.file(file).text, &mut findings);
        let checked = schema::check(document, &mut findings);
        let placed = Arc::new(boundary.admit(&key.0, checked, &mut findings));
        (at, key, Parsed { file, placed, findings: Arc::new(findings) })
    };
    for (at, (path, blob), parsed) in new.into_par_iter().map(parse).collect::<Vec<_>>() {
        files[at] = Some(parsed.clone());
        memo.files.entry(path).or_default().insert(blob, parsed);
    }
    files.into_iter().flatten().collect()
}

/// The definitions that come with parcelle and those of the garden; loaded anew only where a file of theirs changed.
fn definitions(memo: &mut Memo, files: &[Parsed], findings: &mut Findings) -> Arc<Definitions> {
    let sources = &mut memo.sources;
    let built_in = memo.built_in.get_or_insert_with(|| {
        let documents = built_in(Arc::make_mut(sources), findings);
        Arc::new(definition::load_all(&documents, &[], findings))
    });
    let defines = |document: &Document| document.nodes.iter().any(|node| node.name.value == "definition");
    let own = files.iter().filter(|parsed| {
        let file = &parsed.placed.checked;
        file.readable() && defines(&file.document)
    });
    let from: Vec<FileId> = own.clone().map(|parsed| parsed.file).collect();
    let before = memo.definitions.take();
    let loaded = match before {
        Some(before) if before.from == from => before,
        before => {
            let documents: Vec<_> = own.map(|parsed| Arc::clone(&parsed.placed)).collect();
            let mut findings = Findings::default();
            let mut definitions = built_in.with(&documents, &mut findings);
            if let Some(before) = before {
                definitions.share_with(&before.definitions);
            }
            render::rules::tests_of_definitions(&definitions, Some(built_in), &mut findings);
            Loaded { from, definitions: Arc::new(definitions), findings }
        }
    };
    findings.extend_from(&loaded.findings);
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
    let anew = render_again(memo, garden, now);
    let mut all = BTreeMap::new();
    let Garden { organisations, judgement, broken, stopped, .. } = garden;
    organisations.retain(|name, _| {
        let one = &memo.rendered[name][0];
        let found = judged(judgement, &one.findings);
        let sound = !found.has_errors();
        findings.extend(found);
        if sound {
            all.insert(name.clone(), Arc::clone(&one.objects));
        } else {
            broken.insert(name.clone());
        }
        sound
    });
    stopped.keys().for_each(|name| findings.extend(judged(judgement, &memo.rendered[name][0].findings)));
    // What an error hides may be what is allowed.
    if !findings.has_errors() {
        garden.judgement.tell_of_unused(findings);
    }
    (all, anew)
}

/// Findings as the garden weighs them, without those that it allows.
fn judged(judgement: &mut Judgement, findings: &Findings) -> Findings {
    let mut found = findings.clone();
    judgement.apply(&mut found);
    found
}

/// Renders every organisation of which the memo holds something else; how many of them go on.
fn render_again(memo: &mut Memo, garden: &Garden, now: jiff::Timestamp) -> usize {
    let (rendered, beside) = (&mut memo.rendered, memo.beside);
    // What counts now comes first.
    let mut is_new = |(name, organisation): &(&Name, &Arc<Organisation>)| {
        let Some(known) = rendered.get_mut(*name) else { return true };
        let at = known.iter().position(|known| known.is_of(garden, organisation, now));
        at.inspect(|at| known[..=*at].rotate_right(1)).is_none()
    };
    let going: Vec<_> = garden.organisations.iter().filter(&mut is_new).collect();
    let stopped = garden.stopped.iter().filter(&mut is_new);
    let anew = going.len();
    let all: Vec<_> = going.into_iter().chain(stopped).collect();
    let render = |room: &mut Room, (name, organisation): (&Name, &Arc<Organisation>)| {
        let mut findings = Findings::default();
        let objects = render::rules::render(garden, organisation, now, &mut findings);
        let objects = Arc::new(Packed::of(&objects, room));
        let organisation = Arc::clone(organisation);
        (name.clone(), Rendered { organisation, garden: garden.span, at: now, objects, findings })
    };
    for (name, new) in all.into_par_iter().map_init(Room::default, render).collect::<Vec<_>>() {
        rendered.entry(name).or_default().insert(0, new);
    }
    rendered.retain(|name, known| {
        let counts = garden.organisations.contains_key(name) || garden.stopped.contains_key(name);
        let mut first = counts;
        known.retain(|one| std::mem::take(&mut first) || (beside && Arc::strong_count(&one.objects) > 1));
        !known.is_empty()
    });
    anew
}

impl Rendered {
    /// Whether it is what the organisation renders to at this moment. The same value is the same organisation with its
    /// cluster, offer and definitions; of the garden itself its name and hold count.
    fn is_of(&self, garden: &Garden, organisation: &Arc<Organisation>, now: jiff::Timestamp) -> bool {
        let current = self.at <= now && self.objects.next_change.is_none_or(|next| now < next);
        current && self.garden == garden.span && Arc::ptr_eq(&self.organisation, organisation)
    }
}

/// A checked garden as the past of the next.
pub fn past_of(checked: &Checked) -> Past {
    let organisations = checked.garden.as_ref().map(|garden| garden.organisations.clone()).unwrap_or_default();
    let files = organisations.values().flat_map(|organisation| organisation.files(&checked.sources)).collect();
    Past { organisations, files, ..Past::default() }
}
