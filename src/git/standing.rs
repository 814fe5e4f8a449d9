//! How old claims are by the history: of two files that make one, the older is told by it where nothing is applied.

use std::path::Path;

use super::{DEEPEST_FOLDER, LARGEST_COMMIT, LARGEST_FILE, MOST_ENTRIES, Repository};
use crate::finding::Findings;
use crate::model::{Age, Boundary, FilePlace, WrittenClaim};
use crate::source::FileId;
use crate::syntax;

/// Commits that are looked at for one question, of all claims together.
const MOST_STEPS: usize = 20_000;
/// Bytes of commits and folders that are read for one question.
const MOST_BYTES: usize = 256 << 20;
/// Bytes of the versions of one file that are parsed for one question.
const MOST_PARSED: usize = 8 << 20;

/// The history holds more than is looked at.
struct TooMuch;

/// One claim on the way back through the history.
struct Trace<'c> {
    claim: &'c WrittenClaim,
    /// Where its file stands at the commit that was looked at last.
    path: String,
    blob: Option<git2::Oid>,
    /// Whether the file makes the claim there.
    holds: bool,
    /// Whether it did at every commit so far.
    is_whole: bool,
    age: Age,
    /// Bytes of its file that may still be parsed.
    parsed: usize,
    /// Entries of folders that may still be looked at to find where its file was before.
    entries: usize,
    /// Whether all that was asked of its file could be told.
    known: bool,
}

/// The way back along first parents.
struct Walk<'r> {
    repository: &'r Repository,
    boundary: &'r Boundary,
    /// Bytes that may still be read.
    bytes: usize,
}

impl Repository {
    /// How old each claim is at `revision`, along first parents, also where its file moved to another folder of organisations.
    /// Nothing where that is not known: there is no such commit, the clone is shallow, or the history is longer than is looked at.
    pub(crate) fn ages<'c>(
        &self,
        revision: &str,
        boundary: &Boundary,
        claims: impl Iterator<Item = &'c WrittenClaim>,
    ) -> Vec<Option<Age>> {
        let begin = |claim: &'c WrittenClaim| Trace {
            claim,
            path: claim.path.clone(),
            blob: None,
            holds: false,
            is_whole: true,
            age: Age::default(),
            parsed: MOST_PARSED,
            entries: MOST_ENTRIES,
            known: true,
        };
        let mut traces: Vec<Trace<'_>> = claims.map(begin).collect();
        let tip = self.inner().revparse_single(revision).and_then(|object| object.peel_to_commit()).ok();
        let mut walk = Walk { repository: self, boundary, bytes: MOST_BYTES };
        let walked = tip.filter(|_| !self.inner().is_shallow()).is_some_and(|tip| walk.back(tip, &mut traces).is_ok());
        traces.into_iter().map(|trace| (walked && trace.known).then_some(trace.age)).collect()
    }
}

impl<'r> Walk<'r> {
    fn back(&mut self, tip: git2::Commit<'r>, traces: &mut [Trace<'_>]) -> Result<(), TooMuch> {
        let (mut commit, mut after) = (tip, None::<git2::Commit<'r>>);
        for steps in 1..=MOST_STEPS {
            self.charge(commit.id(), LARGEST_COMMIT)?;
            if after.as_ref().is_none_or(|after| after.tree_id() != commit.tree_id()) {
                for trace in traces.iter_mut().filter(|trace| trace.known) {
                    self.look(trace, &commit, after.as_ref())?;
                }
            }
            for trace in traces.iter_mut() {
                trace.is_whole &= trace.holds;
                if trace.holds {
                    trace.age.first = steps;
                }
                if trace.is_whole {
                    trace.age.unbroken = steps;
                }
            }
            let Ok(before) = commit.parent(0) else { return Ok(()) };
            after = Some(std::mem::replace(&mut commit, before));
        }
        Err(TooMuch)
    }

    /// Follows a claim to a commit from the one `after` it.
    fn look(
        &mut self,
        trace: &mut Trace<'_>,
        commit: &git2::Commit<'_>,
        after: Option<&git2::Commit<'_>>,
    ) -> Result<(), TooMuch> {
        let mut blob = self.file_at(commit.tree_id(), &trace.path)?;
        if let (None, true, Some(after)) = (blob, trace.holds, after) {
            for path in self.moved(commit, after, trace) {
                let found = self.file_at(commit.tree_id(), &path)?;
                if found.is_some_and(|found| self.makes(found, trace)) {
                    (trace.path, blob) = (path, found);
                    break;
                }
            }
        }
        if blob != trace.blob {
            trace.holds = blob.is_some_and(|blob| self.makes(blob, trace));
            trace.blob = blob;
        }
        Ok(())
    }

    /// Whether a version of its file makes a claim.
    fn makes(&self, blob: git2::Oid, trace: &mut Trace<'_>) -> bool {
        let size = self.size(blob);
        if size > LARGEST_FILE {
            return false;
        }
        let Ok(blob) = self.repository.inner().find_blob(blob) else { return false };
        let text = String::from_utf8_lossy(blob.content());
        if !text.contains(&trace.claim.value) {
            return false;
        }
        match trace.parsed.checked_sub(size) {
            Some(left) => trace.parsed = left,
            None => trace.known = false,
        }
        trace.known && trace.claim.stands_in(&syntax::parse(FileId(0), &text, &mut Findings::default()))
    }

    /// The file at a path, where one counts that stands there.
    fn file_at(&mut self, root: git2::Oid, path: &str) -> Result<Option<git2::Oid>, TooMuch> {
        let (mut folder, mut parts) = (root, path.split('/').peekable());
        while let Some(part) = parts.next() {
            let Some(tree) = self.tree(folder)? else { return Ok(None) };
            let Some(entry) = tree.get_name(part).filter(|_| !part.starts_with('.')) else { return Ok(None) };
            let is_folder = entry.kind() == Some(git2::ObjectType::Tree);
            match (parts.peek(), entry.filemode()) {
                (Some(_), _) if is_folder => folder = entry.id(),
                (None, 0o100_644 | 0o100_755) => return Ok(Some(entry.id())),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The files of organisations that a commit took away and that are called as the one at a path: it may have been one of
    /// them. None where too much went with them.
    fn moved(&mut self, before: &git2::Commit<'_>, after: &git2::Commit<'_>, trace: &mut Trace<'_>) -> Vec<String> {
        let called = trace.path.rsplit('/').next().unwrap_or(&trace.path);
        if !matches!(self.boundary.place(&trace.path), FilePlace::Organisation(_)) {
            return Vec::new();
        }
        let mut gone = Gone { called, entries: trace.entries, bytes: self.bytes, paths: Vec::new() };
        let folders: Vec<String> = self.boundary.folders().collect();
        let looked = folders.iter().try_for_each(|folder| {
            let at = |commit: &git2::Commit<'_>| commit.tree().ok()?.get_path(Path::new(folder)).ok();
            let (Some(before), after) = (at(before), at(after)) else { return Some(()) };
            gone.look(self.repository, (before.id(), after.map(|after| after.id())), folder, 0)
        });
        (self.bytes, trace.entries) = (gone.bytes, gone.entries);
        if looked.is_some() { gone.paths } else { Vec::new() }
    }

    /// A folder; none where it is no tree or too large to be one of a garden.
    fn tree(&mut self, id: git2::Oid) -> Result<Option<git2::Tree<'r>>, TooMuch> {
        let Ok(tree) = self.repository.tree(id, "a folder of the history") else { return Ok(None) };
        self.charge(id, usize::MAX)?;
        Ok(Some(tree))
    }

    fn size(&self, id: git2::Oid) -> usize {
        let header = self.repository.inner().odb().and_then(|objects| objects.read_header(id));
        header.map_or(usize::MAX, |(size, _)| size)
    }

    fn charge(&mut self, id: git2::Oid, most: usize) -> Result<(), TooMuch> {
        let size = self.size(id);
        self.bytes = self.bytes.checked_sub(size).filter(|_| size <= most).ok_or(TooMuch)?;
        Ok(())
    }
}

/// Files of one name that a commit took away, found where its folders differ from those before.
struct Gone<'c> {
    called: &'c str,
    /// Entries that may still be looked at, and bytes that may be read.
    entries: usize,
    bytes: usize,
    paths: Vec<String>,
}

impl Gone<'_> {
    /// Looks through a folder before and after; nothing where it holds too much.
    fn look(
        &mut self,
        repository: &Repository,
        (before, after): (git2::Oid, Option<git2::Oid>),
        folder: &str,
        depth: usize,
    ) -> Option<()> {
        if Some(before) == after {
            return Some(());
        }
        let mut tree = |id| {
            let (size, _) = repository.inner().odb().and_then(|objects| objects.read_header(id)).ok()?;
            self.bytes = self.bytes.checked_sub(size)?;
            repository.tree(id, folder).ok()
        };
        let (before, after) = (tree(before)?, after.map(tree));
        let after = after.flatten();
        for entry in &before {
            self.entries = self.entries.checked_sub(1)?;
            let Ok(name) = entry.name() else { continue };
            let now = after.as_ref().and_then(|tree| tree.get_name(name));
            let path = format!("{folder}/{name}");
            match entry.kind() {
                Some(git2::ObjectType::Tree) if depth < DEEPEST_FOLDER && !name.starts_with('.') => {
                    let now = now.filter(|now| now.kind() == Some(git2::ObjectType::Tree)).map(|now| now.id());
                    self.look(repository, (entry.id(), now), &path, depth + 1)?;
                }
                Some(git2::ObjectType::Blob) if name == self.called && now.is_none() => self.paths.push(path),
                _ => {}
            }
        }
        Some(())
    }
}
