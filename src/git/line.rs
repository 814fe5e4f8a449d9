//! The line of commits that the loop follows: first parents, what a step makes of the garden's files, and who wrote it.

use std::collections::BTreeMap;

use super::collection::{below, is_file};
use super::passed_over::is_kdl;
use super::{CommitId, DEEPEST_FOLDER, GitError, LARGEST_COMMIT, MOST_ENTRIES, RawFile, Repository, visible};

/// A file as a commit has it: Git's mode and the id of its blob.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileState {
    pub(crate) mode: u32,
    pub(crate) blob: String,
}

/// What a change makes of each garden file, by path: what it was, and what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChangedFiles {
    pub(crate) files: BTreeMap<String, (Option<FileState>, Option<FileState>)>,
}

impl ChangedFiles {
    /// This change and the one after it as one: what the later one takes back is no part of it.
    #[must_use]
    pub(crate) fn then(mut self, later: &Self) -> Self {
        for (path, (before, after)) in &later.files {
            let first = self.files.remove(path).map_or_else(|| before.clone(), |(first, _)| first);
            if first != *after {
                self.files.insert(path.clone(), (first, after.clone()));
            }
        }
        self
    }
}

/// The first parents from a commit to a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FirstParents {
    /// Both ends and what lies between, the oldest first.
    Line(Vec<CommitId>),
    /// The earlier commit is not on the line.
    Apart,
    /// It is further back than was asked for.
    TooFar,
}

/// A commit of a change, as far as it says who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrittenCommit {
    pub(crate) id: CommitId,
    /// The addresses of author and committer.
    pub(crate) author: String,
    pub(crate) committer: String,
    /// Its signature and what that signs; absent where it has none.
    pub(crate) signature: Option<(Vec<u8>, Vec<u8>)>,
    /// Whether it writes anything of the garden itself: a merge that only brings together what others wrote does not.
    pub(crate) writes: bool,
}

impl Repository {
    /// What lies between two commits makes of the garden's files.
    ///
    /// # Errors
    /// A commit or folder cannot be read, or there is more to look at than any garden has.
    pub(crate) fn content(&self, before: &CommitId, after: &CommitId, folder: &str) -> Result<ChangedFiles, GitError> {
        let mut between = Between { repository: self, looked_at: 0, content: ChangedFiles::default() };
        let (before, after) = (self.garden_tree(before, folder)?, self.garden_tree(after, folder)?);
        between.folders(before, after, folder, 0)?;
        Ok(between.content)
    }

    /// The files of a change, as they were and as they are; what cannot be read is left out.
    pub(crate) fn both_sides(&self, content: &ChangedFiles) -> (Vec<RawFile>, Vec<RawFile>) {
        let read = |path: &String, state: &Option<FileState>| {
            let id = git2::Oid::from_str(&state.as_ref()?.blob).ok()?;
            self.file(path.clone(), id).ok()
        };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (path, (was, is)) in &content.files {
            before.extend(read(path, was));
            after.extend(read(path, is));
        }
        (before, after)
    }

    /// A file of a commit; absent where it has none there.
    pub(crate) fn file_at(&self, commit: &CommitId, path: &str) -> Option<RawFile> {
        let tree = self.inner().find_commit(oid(commit).ok()?).ok()?.tree().ok()?;
        let entry = tree.get_path(std::path::Path::new(path)).ok()?;
        self.file(path.to_owned(), entry.id()).ok()
    }

    /// The garden's folder at a commit; absent where it has none.
    fn garden_tree(&self, commit: &CommitId, folder: &str) -> Result<Option<git2::Oid>, GitError> {
        let commit = self.inner().find_commit(oid(commit)?).map_err(self.unreadable(&commit.0))?;
        let mut at = commit.tree_id();
        for name in folder.split('/').filter(|name| !name.is_empty()) {
            let entry = self.tree(at, folder)?.get_name(name).map(|entry| (entry.id(), entry.kind()));
            match entry {
                Some((id, Some(git2::ObjectType::Tree))) => at = id,
                _ => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// The first parents from `from` to `head`, `most` steps at most.
    ///
    /// # Errors
    /// A commit cannot be read.
    pub(crate) fn first_parents(
        &self,
        from: &CommitId,
        head: &CommitId,
        most: usize,
    ) -> Result<FirstParents, GitError> {
        let (mut line, mut at) = (vec![head.clone()], head.clone());
        while at != *from {
            if line.len() > most {
                return Ok(FirstParents::TooFar);
            }
            let commit = self.inner().find_commit(oid(&at)?).map_err(self.unreadable(&at.0))?;
            let Ok(parent) = commit.parent_id(0) else { return Ok(FirstParents::Apart) };
            at = CommitId(parent.to_string());
            if !self.has(&at) {
                return Ok(FirstParents::Apart);
            }
            line.push(at.clone());
        }
        line.reverse();
        Ok(FirstParents::Line(line))
    }

    /// A commit with its first parent before it; alone where it has none.
    ///
    /// # Errors
    /// The commit cannot be read.
    pub(crate) fn first_parents_of(&self, commit: &CommitId) -> Result<FirstParents, GitError> {
        let found = self.inner().find_commit(oid(commit)?).map_err(self.unreadable(&commit.0))?;
        let parent = found.parent_id(0).ok().map(|parent| CommitId(parent.to_string()));
        Ok(FirstParents::Line(parent.into_iter().chain([commit.clone()]).collect()))
    }

    /// The commits that are part of `after` and not of `before`, the newest first; absent where there are more than `most`.
    ///
    /// # Errors
    /// A commit cannot be read.
    pub(crate) fn written_between(
        &self,
        before: &CommitId,
        after: &CommitId,
        folder: &str,
        most: usize,
    ) -> Result<Option<Vec<WrittenCommit>>, GitError> {
        let doing = || GitError::git("read the commits of a change");
        let mut walk = self.inner().revwalk().map_err(doing())?;
        walk.push(oid(after)?).map_err(doing())?;
        walk.hide(oid(before)?).map_err(doing())?;
        let mut commits = Vec::new();
        for id in walk {
            if commits.len() >= most {
                return Ok(None);
            }
            commits.push(self.written(id.map_err(doing())?, folder)?);
        }
        Ok(Some(commits))
    }

    fn writes(&self, commit: &CommitId, parents: &[CommitId], folder: &str) -> Result<bool, GitError> {
        match parents {
            [parent] => Ok(!self.content(parent, commit, folder)?.files.is_empty()),
            [first, second] => {
                let theirs = self.content(&self.shared(&first.0, &second.0)?, second, folder)?;
                Ok(theirs != self.content(first, commit, folder)?)
            }
            _ => Ok(true),
        }
    }

    fn written(&self, id: git2::Oid, folder: &str) -> Result<WrittenCommit, GitError> {
        let shown = id.to_string();
        if self.size(id, &shown)? > LARGEST_COMMIT {
            return Err(GitError::TooLarge(shown));
        }
        let commit = self.inner().find_commit(id).map_err(self.unreadable(&shown))?;
        let address = |who: &git2::Signature<'_>| String::from_utf8_lossy(who.email_bytes()).into_owned();
        let signature = self.inner().extract_signature(&id, None).ok();
        let parents: Vec<CommitId> = commit.parent_ids().map(|id| CommitId(id.to_string())).collect();
        let id = CommitId(shown);
        Ok(WrittenCommit {
            // What cannot be compared may write anything.
            writes: self.writes(&id, &parents, folder).unwrap_or(true),
            id,
            author: address(&commit.author()),
            committer: address(&commit.committer()),
            signature: signature.map(|(signature, signed)| (signature.to_vec(), signed.to_vec())),
        })
    }
}

fn oid(commit: &CommitId) -> Result<git2::Oid, GitError> {
    git2::Oid::from_str(&commit.0).map_err(GitError::git(format!("read the id `{}`", visible::line(&commit.0))))
}

/// Two folders that are compared.
struct Between<'r> {
    repository: &'r Repository,
    looked_at: usize,
    content: ChangedFiles,
}

/// An entry of a folder: what it names, of which kind and mode, and whether it is a regular file.
type Entry = (git2::Oid, Option<git2::ObjectType>, u32, bool);
type Entries = BTreeMap<String, Entry>;

impl Between<'_> {
    fn folders(
        &mut self,
        before: Option<git2::Oid>,
        after: Option<git2::Oid>,
        path: &str,
        depth: usize,
    ) -> Result<(), GitError> {
        if before == after {
            return Ok(());
        }
        let (mut before, after) = (self.entries(before, path)?, self.entries(after, path)?);
        for (name, now) in after {
            let was = before.remove(&name);
            self.entry(&name, was, Some(now), path, depth)?;
        }
        before.into_iter().try_for_each(|(name, was)| self.entry(&name, Some(was), None, path, depth))
    }

    fn entries(&mut self, folder: Option<git2::Oid>, path: &str) -> Result<Entries, GitError> {
        let Some(folder) = folder else { return Ok(Entries::new()) };
        let tree = self.repository.tree(folder, path)?;
        self.looked_at += tree.len();
        if self.looked_at > 2 * MOST_ENTRIES {
            return Err(GitError::TooManyEntries(path.to_owned()));
        }
        // What is hidden, or has a name that is no text, is no file of a garden.
        let named = tree.iter().filter_map(|entry| {
            let name = entry.name().ok()?.to_owned();
            let mode = u32::try_from(entry.filemode()).unwrap_or(0);
            Some((name, (entry.id(), entry.kind(), mode, is_file(&entry))))
        });
        Ok(named.filter(|(name, _)| !name.starts_with('.')).collect())
    }

    fn entry(
        &mut self,
        name: &str,
        was: Option<Entry>,
        now: Option<Entry>,
        folder: &str,
        depth: usize,
    ) -> Result<(), GitError> {
        let path = below(folder, name);
        let tree = |entry: Option<Entry>| {
            entry.filter(|(_, kind, ..)| *kind == Some(git2::ObjectType::Tree)).map(|(id, ..)| id)
        };
        let file = |entry: Option<Entry>| {
            let (id, _, mode, _) = entry.filter(|(.., is_file)| *is_file && is_kdl(name))?;
            Some(FileState { mode, blob: id.to_string() })
        };
        if depth < DEEPEST_FOLDER {
            self.folders(tree(was), tree(now), &path, depth + 1)?;
        }
        let (was, now) = (file(was), file(now));
        if was != now {
            self.content.files.insert(path, (was, now));
        }
        Ok(())
    }
}
