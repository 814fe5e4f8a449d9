//! The lines of KDL that differ between two states of a garden, word by word.
//!
//! Files are compared as trees: comments and layout are no edits, and an edit is the smallest thing that changed. Of a file
//! that cannot be read as a tree the lines are compared.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::finding::{Effect, Extent, Findings};
use crate::git::RawFile;
use crate::name::Name;
use crate::plan::Place;
use crate::source::{LineColumn, SourceFile, Sources, Span};
use crate::syntax::{self, Document};

mod lines;
mod nodes;
#[cfg(test)]
mod tests;
mod written;

pub(in crate::impact) use written::shortened;

/// The most edits that are told one by one; the others are counted.
pub(in crate::impact) const MOST_EDITS: usize = 5_000;
/// The most earlier states that organisations of one plan are compared with.
pub(crate) const MOST_STATES: usize = 4;

/// One setting that was edited: a node, or an argument or property of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditedLine {
    /// The line: after the edit where it is still there, else before it.
    pub(crate) place: Place,
    /// What was edited, as the file says it: `every night at`. Empty where `was` and `is` say all of it: a node that turned into
    /// another, or a line as it stands.
    pub(crate) word: String,
    /// How it was written before; absent where it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) was: Option<String>,
    /// How it is written now; absent where it was taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) is: Option<String>,
}

/// The part of a garden that a line stands in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The `garden` node.
    Garden,
    /// A cluster, by name.
    Cluster(String),
    /// An offer, by name.
    Offer(String),
    /// An organisation, by name.
    Organisation(String),
    /// A definition, by name.
    Definition(String),
    /// A file that cannot be read as a tree, or a word that nobody knows.
    Other,
}

/// The part and the words that an edit stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touched<'a> {
    pub(crate) part: &'a Part,
    /// The names of the nodes around it, from the top, its own last; a property after that.
    pub(crate) path: &'a [String],
}

impl Touched<'_> {
    /// Whether one of the words around it, or its own, is one of these.
    pub(crate) fn is_of(&self, words: &[&str]) -> bool {
        self.path.iter().skip(1).any(|word| words.contains(&word.as_str()))
    }
}

/// What became of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::impact) enum Became {
    /// Something in it is written otherwise.
    Changed,
    New,
    Gone,
    /// It is another kind of node now: `app` became `retired app`, or takes another name.
    Turned,
}

/// An edit with what is known of its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::impact) struct KnownEdit {
    pub(in crate::impact) edit: EditedLine,
    pub(in crate::impact) became: Became,
    pub(in crate::impact) part: Part,
    /// The app that it stands in, or is.
    pub(in crate::impact) app: Option<String>,
    /// The names of the nodes around it, from the top, its own last; a property after that.
    pub(in crate::impact) path: Vec<String>,
    /// What was edited exactly, after the edit; absent where it is gone.
    exact: Option<(LineColumn, LineColumn)>,
    /// The node that it stands in, after the edit.
    node: Option<(LineColumn, LineColumn)>,
    /// Where the blocks around it begin, the nearest last, without those of an app and of what holds it.
    around: Vec<LineColumn>,
    /// The states that differ by it, a bit each.
    states: u32,
}

/// The edits between two states of a garden, or of an unknown past.
#[derive(Clone, Debug, Default)]
pub(crate) struct EditedLines {
    pub(super) edits: Vec<KnownEdit>,
    /// How many there are besides.
    pub(super) more: usize,
    /// All states that are known.
    known: u32,
    /// The state that an organisation is compared with; 0 where that cannot be known. Others are compared with all of them.
    of: BTreeMap<Name, u32>,
    /// Organisations that another parcelle rendered before.
    upgraded: BTreeSet<Name>,
}

impl EditedLines {
    /// Compares the files of two states; only those whose content differs are read.
    pub(crate) fn between(before: &[RawFile], after: &[RawFile]) -> Self {
        let (edits, more) = compare(before, after);
        Self { edits, more, known: 1, ..Self::default() }
    }

    /// What each edit touches.
    pub(crate) fn touched(&self) -> impl Iterator<Item = Touched<'_>> {
        self.edits.iter().map(|edit| Touched { part: &edit.part, path: &edit.path })
    }

    /// Whether there are more edits than are told one by one.
    pub(crate) fn is_cut(&self) -> bool {
        self.more > 0
    }

    /// Compares each state with the files as they are; a state is that of some organisations, and absent where nothing is known
    /// of it. At most [`MOST_STATES`] are compared.
    pub(crate) fn since(states: &[(BTreeSet<Name>, Option<Vec<RawFile>>)], after: &[RawFile]) -> Self {
        let mut all = Self::default();
        for (organisations, before) in states {
            let bit = match before {
                Some(before) if all.known.count_ones() < u32::try_from(MOST_STATES).unwrap_or(u32::MAX) => {
                    let bit = 1 << all.known.count_ones();
                    let (edits, more) = compare(before, after);
                    all.join(edits, more, bit);
                    bit
                }
                _ => 0,
            };
            all.of.extend(organisations.iter().map(|name| (name.clone(), bit)));
        }
        all
    }

    /// The same where some organisations were rendered by another parcelle before: what no edit explains is its doing.
    #[must_use]
    pub(crate) fn upgraded(self, upgraded: BTreeSet<Name>) -> Self {
        Self { upgraded, ..self }
    }

    fn join(&mut self, edits: Vec<KnownEdit>, more: usize, bit: u32) {
        self.known |= bit;
        self.more += more;
        let mut known: BTreeMap<EditedLine, usize> =
            self.edits.iter().enumerate().map(|(at, one)| (one.edit.clone(), at)).collect();
        for edit in edits {
            match known.get(&edit.edit) {
                Some(at) => self.edits[*at].states |= bit,
                None if self.edits.len() >= MOST_EDITS => self.more += 1,
                None => {
                    known.insert(edit.edit.clone(), self.edits.len());
                    self.edits.push(KnownEdit { states: bit, ..edit });
                }
            }
        }
        self.edits.sort_by(|a, b| a.edit.cmp(&b.edit));
    }

    /// Whether another parcelle rendered an organisation before.
    pub(super) fn is_upgraded(&self, organisation: &Name) -> bool {
        self.upgraded.contains(organisation)
    }

    /// The states that an organisation is compared with, a bit each; none where its past is unknown.
    pub(super) fn states_of(&self, organisation: &Name) -> u32 {
        self.of.get(organisation).copied().unwrap_or(self.known)
    }
}

impl KnownEdit {
    /// Whether it is one between the garden and one of these states.
    pub(super) fn is_of(&self, states: u32) -> bool {
        self.states & states != 0
    }

    /// Whether it adds a node whole, takes it away, or makes it another.
    pub(super) fn is_whole(&self) -> bool {
        self.became != Became::Changed
    }

    /// Whether it is about an app as a whole: a new one, one that is retired, one that is called otherwise.
    pub(super) fn is_app_itself(&self) -> bool {
        let is_named = self.path.last().is_some_and(|word| matches!(word.as_str(), "app" | "retired" | "without"));
        self.is_whole() && self.app.is_some() && is_named
    }

    /// How surely a line that decided a value is this one: nothing where it is elsewhere.
    pub(super) fn nearness(&self, origin: &Place) -> u8 {
        if self.edit.place.file != origin.file {
            return 0;
        }
        let at = LineColumn { line: origin.line, column: origin.column };
        let within = |span: &Option<(LineColumn, LineColumn)>| span.is_some_and(|(from, to)| from <= at && at < to);
        match () {
            () if within(&self.exact) => 5,
            () if within(&self.node) => 4,
            () if self.exact.is_some() && self.around.contains(&at) => 3,
            () if self.exact.is_some() && self.edit.place.line == at.line => 2,
            () => 0,
        }
    }
}

/// One state's files that differ from the other's, read.
struct Side<'a> {
    sources: Sources,
    /// Path and tree; absent where it cannot be read as one.
    read: BTreeMap<&'a str, Option<Document>>,
}

impl<'a> Side<'a> {
    fn read<'f: 'a>(files: impl Iterator<Item = &'f RawFile>) -> Self {
        let (mut sources, mut read) = (Sources::default(), BTreeMap::new());
        for raw in files {
            let (file, mut findings) = raw.decode(&mut sources);
            let document = syntax::parse(file, &sources.file(file).text, &mut findings);
            let readable = !document.refused && is_readable(&findings);
            read.insert(raw.path.as_str(), readable.then_some(document));
        }
        Self { sources, read }
    }

    fn file(&self, path: &str) -> Option<&SourceFile> {
        self.sources.iter().map(|(_, file)| file).find(|file| *file.path == *path)
    }
}

fn is_readable(findings: &Findings) -> bool {
    findings.iter().all(|finding| match finding.effect {
        Effect::Unreadable(extent) => extent == Extent::Value,
        Effect::MeaningLost | Effect::MeaningKnown => true,
    })
}

/// What two states differ by, in order of file and line, and how many edits there are besides.
fn compare(before: &[RawFile], after: &[RawFile]) -> (Vec<KnownEdit>, usize) {
    let by_path = |files: &'_ [RawFile]| -> BTreeMap<String, String> {
        files.iter().map(|file| (file.path.clone(), file.blob.clone())).collect()
    };
    let (old, new) = (by_path(before), by_path(after));
    let gone: Vec<&RawFile> = before.iter().filter(|file| new.get(&file.path) != Some(&file.blob)).collect();
    let come: Vec<&RawFile> = after.iter().filter(|file| old.get(&file.path) != Some(&file.blob)).collect();
    let moved = moved(&gone, &come, &old, &new);
    let (from, to): (BTreeSet<&str>, BTreeSet<&str>) = moved.iter().copied().unzip();
    let before = Side::read(gone.into_iter().filter(|file| !from.contains(file.path.as_str())));
    let after = Side::read(come.into_iter().filter(|file| !to.contains(file.path.as_str())));
    let mut found: Vec<KnownEdit> = moved.iter().map(|(from, to)| path_edit(Some(from), Some(to))).collect();
    let paths: BTreeSet<&str> = before.read.keys().chain(after.read.keys()).copied().collect();
    let mut trees: BTreeSet<&str> = BTreeSet::new();
    for path in paths {
        match (before.read.get(path), after.read.get(path)) {
            (Some(Some(_)) | None, Some(Some(_)) | None) => drop(trees.insert(path)),
            (Some(_), Some(_)) => {
                let text = |side: &Side<'_>| side.file(path).map(|file| file.text.to_string()).unwrap_or_default();
                lines::compare(path, &text(&before), &text(&after), &mut found);
            }
            (was, is) => found.push(path_edit(was.map(|_| path), is.map(|_| path))),
        }
    }
    let tops = |side: &'_ Side<'_>| -> Vec<crate::syntax::Node> {
        let read = side.read.iter().filter(|(path, _)| trees.contains(*path));
        read.filter_map(|(_, document)| document.as_ref()).flat_map(|document| document.nodes.clone()).collect()
    };
    let (old, new) = (tops(&before), tops(&after));
    nodes::compare_files((&before.sources, &old), (&after.sources, &new), &mut found);
    found.sort_by(|a, b| (&a.edit.place, &a.edit).cmp(&(&b.edit.place, &b.edit)));
    let more = found.len().saturating_sub(MOST_EDITS);
    found.truncate(MOST_EDITS);
    (found, more)
}

/// The files that have the content of another one that is gone.
fn moved<'a>(
    gone: &[&'a RawFile],
    come: &[&'a RawFile],
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> Vec<(&'a str, &'a str)> {
    let mut by_blob: BTreeMap<&str, Vec<&'a str>> = BTreeMap::new();
    for file in gone.iter().rev().filter(|file| !new.contains_key(&file.path)) {
        by_blob.entry(file.blob.as_str()).or_default().push(file.path.as_str());
    }
    let fresh = come.iter().filter(|file| !old.contains_key(&file.path));
    fresh.filter_map(|file| Some((by_blob.get_mut(file.blob.as_str())?.pop()?, file.path.as_str()))).collect()
}

/// A file that is called otherwise, is new, or is gone.
fn path_edit(was: Option<&str>, is: Option<&str>) -> KnownEdit {
    let place = Place { file: is.or(was).unwrap_or_default().to_owned(), line: 1, column: 1 };
    let owned = |path: Option<&str>| path.map(str::to_owned);
    KnownEdit {
        edit: EditedLine { place, word: "file".to_owned(), was: owned(was), is: owned(is) },
        became: if was.is_some() && is.is_some() { Became::Changed } else { Became::New },
        part: Part::Other,
        app: None,
        path: vec!["file".to_owned()],
        exact: None,
        node: None,
        around: Vec::new(),
        states: 1,
    }
}

/// Where a span begins and ends, as people count.
fn extent(sources: &Sources, span: Span) -> (LineColumn, LineColumn) {
    (sources.start(span), sources.end(span))
}
