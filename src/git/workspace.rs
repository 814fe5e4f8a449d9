//! A garden as it lies on disk, with the repository around it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{GitError, Repository, Snapshot, commit_snapshot, find_garden, worktree_snapshot};

/// A garden as it lies on disk, with the repository around it.
pub struct Workspace {
    /// The folder of `garden.kdl`.
    pub(crate) folder: PathBuf,
    /// The root that paths are shown relative to: the working tree's, else the garden's folder.
    pub(crate) root: PathBuf,
    /// The repository, where there is one.
    pub(crate) repository: Option<Repository>,
}

impl Workspace {
    /// Finds the garden in the folder `named`, else the nearest one at or above `current`.
    pub(crate) fn find(named: Option<&Path>, current: &Path) -> Result<Self, GitError> {
        let folder = find_garden(named, current)?;
        let folder = folder.canonicalize().unwrap_or_else(|_| current.join(folder));
        let repository = match Repository::containing(&folder) {
            Ok(repository) => Some(repository),
            Err(GitError::NoRepository(_)) => None,
            Err(error) => return Err(error),
        };
        let root = repository.as_ref().and_then(Repository::working_tree).unwrap_or(&folder);
        let root = root.canonicalize().map_err(GitError::io("read", root))?;
        if named.is_none() {
            stands_alone(&folder, &root)?;
        }
        Ok(Self { folder, root, repository })
    }

    /// The garden's files: of a commit where one is named, else as they lie on disk.
    pub(crate) fn snapshot(&self, commit: Option<&str>) -> Result<Snapshot, GitError> {
        match commit {
            None => worktree_snapshot(&self.root, &self.folder),
            Some(revision) => commit_snapshot(self.repository()?, revision, Some(&self.folder_in_repository())),
        }
    }

    /// The repository, or an error that says that one is needed.
    pub(crate) fn repository(&self) -> Result<&Repository, GitError> {
        self.repository.as_ref().ok_or_else(|| GitError::NoRepository(self.folder.display().to_string()))
    }

    /// The garden's folder relative to the repository.
    pub(crate) fn folder_in_repository(&self) -> String {
        self.folder.strip_prefix(&self.root).unwrap_or(Path::new("")).display().to_string()
    }

    /// Files of the garden that differ on disk from a commit, in order of path.
    pub(crate) fn uncommitted(&self, commit: &str) -> Result<Vec<String>, GitError> {
        let blobs = |snapshot: Snapshot| -> BTreeMap<String, String> {
            snapshot.files.into_iter().map(|file| (file.path, file.blob)).collect()
        };
        let (disk, commit) = (blobs(self.snapshot(None)?), blobs(self.snapshot(Some(commit))?));
        let paths: BTreeSet<&String> = disk.keys().chain(commit.keys()).collect();
        Ok(paths.into_iter().filter(|path| disk.get(*path) != commit.get(*path)).cloned().collect())
    }
}

/// Refuses a garden inside of another one of the same repository: whoever may write below a folder of organisations could
/// bring one along, with offers and definitions of their own.
#[expect(clippy::disallowed_methods, reason = "a port: finding the garden on disk")]
fn stands_alone(folder: &Path, root: &Path) -> Result<(), GitError> {
    let around = folder.ancestors().skip(1).take_while(|outer| outer.starts_with(root));
    match around.filter(|outer| outer.join("garden.kdl").is_file()).last() {
        None => Ok(()),
        Some(outer) => {
            Err(GitError::NestedGarden { inner: folder.display().to_string(), outer: outer.display().to_string() })
        }
    }
}
