//! How long a claim stands in the history: of two files that make it, the older is told by it where nothing is applied.

use std::path::Path;

use super::{DEEPEST_FOLDER, LARGEST_FILE, LARGEST_GARDEN, MOST_ENTRIES, Repository};
use crate::finding::Findings;
use crate::model::WrittenClaim;
use crate::source::FileId;
use crate::syntax;

/// Commits that are looked at for one question, of all claims together.
const MOST_STEPS: usize = 20_000;

/// It is not known how long a claim stands: the history is longer than is looked at.
struct Unknown;

/// What may still be looked at for one question.
struct Budget {
    commits: usize,
    bytes: usize,
    entries: usize,
}

/// A file that holds a claim, at a commit.
struct Holding<'r> {
    commit: git2::Commit<'r>,
    path: String,
    blob: git2::Oid,
}

impl Repository {
    /// For each claim, how many commits back from `revision` along first parents its file makes it without a break, also where
    /// that file moved to another folder ([`usize::MAX`] for as long as a shallow clone tells); absent where that is not known: there is no such commit, or the history is longer
    /// than is looked at.
    pub(crate) fn standing<'c>(
        &self,
        revision: &str,
        claims: impl Iterator<Item = &'c WrittenClaim>,
    ) -> Option<Vec<usize>> {
        let tip = self.inner().revparse_single(revision).ok()?.peel_to_commit().ok()?;
        let mut budget = Budget { commits: MOST_STEPS, bytes: LARGEST_GARDEN, entries: MOST_ENTRIES };
        claims.map(|claim| self.stands(tip.clone(), claim, &mut budget).ok()).collect()
    }

    fn stands(&self, tip: git2::Commit<'_>, claim: &WrittenClaim, budget: &mut Budget) -> Result<usize, Unknown> {
        let Some(mut newest) = self.holding(tip, claim.path.clone(), claim, budget)? else { return Ok(0) };
        let mut stood = 1;
        loop {
            budget.commits = budget.commits.checked_sub(1).ok_or(Unknown)?;
            let before = match newest.commit.parent(0) {
                Ok(before) => before,
                Err(_) if self.inner().is_shallow() => return Ok(usize::MAX),
                Err(_) => return Ok(stood),
            };
            newest = match blob_at(&before, &newest.path) {
                Some(blob) if blob == newest.blob => Holding { commit: before, ..newest },
                Some(_) => match self.holding(before, newest.path, claim, budget)? {
                    Some(holding) => holding,
                    None => return Ok(stood),
                },
                None => match self.moved(before, &newest, claim, budget)? {
                    Some(holding) => holding,
                    None => return Ok(stood),
                },
            };
            stood += 1;
        }
    }

    /// The file of a path at a commit, where it makes the claim.
    fn holding<'r>(
        &self,
        commit: git2::Commit<'r>,
        path: String,
        claim: &WrittenClaim,
        budget: &mut Budget,
    ) -> Result<Option<Holding<'r>>, Unknown> {
        let Some(blob) = blob_at(&commit, &path) else { return Ok(None) };
        let size = self.inner().odb().and_then(|odb| odb.read_header(blob)).map_or(usize::MAX, |(size, _)| size);
        if size > LARGEST_FILE {
            return Ok(None);
        }
        budget.bytes = budget.bytes.checked_sub(size).ok_or(Unknown)?;
        let makes = self.inner().find_blob(blob).is_ok_and(|blob| {
            let text = String::from_utf8_lossy(blob.content());
            claim.stands_in(&syntax::parse(FileId(0), &text, &mut Findings::default()))
        });
        Ok(makes.then_some(Holding { commit, path, blob }))
    }

    /// The file that a commit moved from another folder, as it was before, where it made the claim already.
    fn moved<'r>(
        &self,
        before: git2::Commit<'r>,
        after: &Holding<'_>,
        claim: &WrittenClaim,
        budget: &mut Budget,
    ) -> Result<Option<Holding<'r>>, Unknown> {
        let Some(called) = Path::new(&after.path).file_name().and_then(|name| name.to_str()) else { return Ok(None) };
        let mut gone = Gone { repository: self, called, budget: &mut *budget, paths: Vec::new() };
        gone.look(before.tree_id(), Some(after.commit.tree_id()), "", 0)?;
        for path in gone.paths {
            if let Some(holding) = self.holding(before.clone(), path, claim, budget)? {
                return Ok(Some(holding));
            }
        }
        Ok(None)
    }
}

/// Files of one name that a commit took away, found where its folders differ from those before.
struct Gone<'r, 'c> {
    repository: &'r Repository,
    called: &'c str,
    budget: &'c mut Budget,
    paths: Vec<String>,
}

impl Gone<'_, '_> {
    fn look(&mut self, before: git2::Oid, after: Option<git2::Oid>, folder: &str, depth: usize) -> Result<(), Unknown> {
        let tree = |id| self.repository.tree(id, folder).ok();
        let before = tree(before).ok_or(Unknown)?;
        let after = after.and_then(tree);
        for entry in &before {
            self.budget.entries = self.budget.entries.checked_sub(1).ok_or(Unknown)?;
            let Ok(name) = entry.name() else { continue };
            let now = after.as_ref().and_then(|tree| tree.get_name(name));
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            match entry.kind() {
                _ if now.as_ref().is_some_and(|now| now.id() == entry.id()) => {}
                Some(git2::ObjectType::Tree) if depth < DEEPEST_FOLDER => {
                    let now = now.filter(|now| now.kind() == Some(git2::ObjectType::Tree)).map(|now| now.id());
                    self.look(entry.id(), now, &path, depth + 1)?;
                }
                Some(git2::ObjectType::Blob) if name == self.called && now.is_none() => self.paths.push(path),
                _ => {}
            }
        }
        Ok(())
    }
}

fn blob_at(commit: &git2::Commit<'_>, path: &str) -> Option<git2::Oid> {
    let entry = commit.tree().and_then(|tree| tree.get_path(Path::new(path))).ok()?;
    (entry.kind() == Some(git2::ObjectType::Blob)).then(|| entry.id())
}
