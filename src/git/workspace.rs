//! A garden as it lies on disk, with the repository around it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::{GitError, GitRefusal, Repository, Snapshot, commit_snapshot, find_garden, worktree_snapshot};

/// Where the files of a garden are.
enum WhereFilesAre {
    /// On disk, and in the commits of a repository where there is one.
    OnDisk,
    /// In the commits of a repository alone (a bare one, or nothing is checked out), in the folder that was named.
    InCommits(Option<String>),
}

/// A garden as it lies on disk or in the commits of a bare repository, with the repository around it.
pub struct Workspace {
    /// The folder of `garden.kdl`; that of the repository where there is none on disk.
    pub(crate) folder: PathBuf,
    /// The root that paths are shown relative to: the working tree's, else the garden's folder.
    pub(crate) root: PathBuf,
    /// The repository, where there is one that can be read.
    pub(crate) repository: Option<Repository>,
    /// Why the repository cannot be read, where there is one.
    unreadable: Option<(String, GitRefusal)>,
    files: WhereFilesAre,
}

impl Workspace {
    /// Finds the garden in the folder `named`, else the nearest one at or above `current`, else the one in the commits of the
    /// repository around `current`, which may be bare or have no files checked out.
    pub(crate) fn find(named: Option<&Path>, current: &Path) -> Result<Self, GitError> {
        let folder = match find_garden(named, current) {
            Ok(folder) => folder,
            Err(missing) => return Self::in_commits(named, current).ok_or(missing),
        };
        let folder = folder.canonicalize().unwrap_or_else(|_| current.join(folder));
        let (repository, unreadable) = match Repository::containing(&folder) {
            Ok(repository) => (Some(repository), None),
            Err(GitError::NoRepository(_)) => (None, None),
            Err(GitError::Unreadable { folder, refusal }) => (None, Some((folder, refusal))),
            Err(error) => return Err(error),
        };
        let root = repository.as_ref().and_then(Repository::working_tree).unwrap_or(&folder);
        let root = root.canonicalize().map_err(GitError::io("read", root))?;
        if named.is_none() {
            stands_alone(&folder, &root)?;
        }
        Ok(Self { folder, root, repository, unreadable, files: WhereFilesAre::OnDisk })
    }

    /// The commits of the repository around the current folder, where there is one.
    fn in_commits(named: Option<&Path>, current: &Path) -> Option<Self> {
        let repository = Repository::containing(current).ok()?;
        let root = repository.working_tree().unwrap_or(repository.folder()).to_path_buf();
        let named = match named {
            // A folder that is named from the root of the disk lies in the repository or is none of it.
            Some(named) if named.is_absolute() => Some(named.strip_prefix(&root).ok()?.to_path_buf()),
            Some(named) => Some(named.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>()),
            None => None,
        };
        let named = named.map(|named| named.to_string_lossy().into_owned());
        Some(Self {
            folder: root.clone(),
            root,
            repository: Some(repository),
            unreadable: None,
            files: WhereFilesAre::InCommits(named),
        })
    }

    /// The garden's files: of a commit where one is named, else as they lie on disk.
    pub(crate) fn snapshot(&self, commit: Option<&str>) -> Result<Snapshot, GitError> {
        match (commit, &self.files) {
            (None, WhereFilesAre::OnDisk) => worktree_snapshot(&self.root, &self.folder, self.repository.as_ref()),
            (None, WhereFilesAre::InCommits(named)) => Err(self.no_files(named.as_deref())),
            (Some(revision), WhereFilesAre::InCommits(named)) => {
                commit_snapshot(self.repository()?, revision, named.as_deref())
            }
            (Some(revision), WhereFilesAre::OnDisk) => {
                commit_snapshot(self.repository()?, revision, Some(&self.folder_in_repository()))
            }
        }
    }

    /// Why there are no files to read where no commit is named.
    fn no_files(&self, named: Option<&str>) -> GitError {
        let root = self.root.display().to_string();
        if self.repository.as_ref().is_some_and(|repository| repository.working_tree().is_none()) {
            return GitError::Bare(root);
        }
        GitError::NoGarden(named.map_or_else(|| format!("`{root}` or above it"), |named| format!("`{named}`")))
    }

    /// The garden of an earlier commit, where it may have lain in another folder; absent where there was none yet.
    pub(crate) fn earlier(&self, revision: &str) -> Result<Option<Snapshot>, GitError> {
        match self.snapshot(Some(revision)) {
            Err(GitError::NoGarden(_)) => {}
            Ok(found) if !found.has_garden() => {}
            found => return found.map(Some),
        }
        match commit_snapshot(self.repository()?, revision, None) {
            Err(GitError::NoGarden(_)) => Ok(None),
            found => found.map(Some),
        }
    }

    /// The repository, or an error that says that one is needed.
    pub(crate) fn repository(&self) -> Result<&Repository, GitError> {
        let missing = || match self.unreadable.clone() {
            Some((folder, refusal)) => GitError::Unreadable { folder, refusal },
            None => GitError::NoRepository(self.folder.display().to_string()),
        };
        self.repository.as_ref().ok_or_else(missing)
    }

    /// The repository; absent where the garden lies in none, and an error where it lies in one that cannot be read.
    pub(crate) fn repository_around(&self) -> Result<Option<&Repository>, GitError> {
        if self.unreadable.is_some() { self.repository().map(Some) } else { Ok(self.repository.as_ref()) }
    }

    /// Whether its files lie on disk, where people edit them.
    pub(crate) fn is_on_disk(&self) -> bool {
        matches!(self.files, WhereFilesAre::OnDisk)
    }

    /// The garden's folder relative to the repository.
    pub(crate) fn folder_in_repository(&self) -> String {
        match &self.files {
            WhereFilesAre::OnDisk => {
                self.folder.strip_prefix(&self.root).unwrap_or(Path::new("")).display().to_string()
            }
            WhereFilesAre::InCommits(named) => named.clone().unwrap_or_default(),
        }
    }

    /// Files of the garden that differ on disk from a commit, in order of path.
    pub(crate) fn uncommitted(&self, commit: &str) -> Result<Vec<String>, GitError> {
        if matches!(self.files, WhereFilesAre::InCommits(_)) {
            return Ok(Vec::new());
        }
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
