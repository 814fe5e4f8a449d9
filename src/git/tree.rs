//! Reading a garden from a commit's tree.

use std::path::Path;

use super::{Commit, CommitId, DEEPEST_FOLDER, GitError, LARGEST_FILE, MOST_FILES, RawFile, Snapshot};

/// An open repository: the user's own, or the mirror of a remote one. One per thread.
pub struct Repository {
    inner: git2::Repository,
}

impl Repository {
    /// Opens the repository that holds `place`.
    pub fn containing(place: &Path) -> Result<Self, GitError> {
        match git2::Repository::discover(place) {
            Ok(inner) => Ok(Self { inner }),
            Err(error) if error.code() == git2::ErrorCode::NotFound => {
                Err(GitError::NoRepository(place.display().to_string()))
            }
            Err(error) if error.code() == git2::ErrorCode::Owner => Err(GitError::Owner(place.display().to_string())),
            Err(error) => Err(GitError::git(format!("open the repository of `{}`", place.display()))(error)),
        }
    }

    pub(super) fn wrap(inner: git2::Repository) -> Self {
        Self { inner }
    }

    pub(super) fn inner(&self) -> &git2::Repository {
        &self.inner
    }

    /// The folder of its working tree; absent for a bare one.
    pub fn working_tree(&self) -> Option<&Path> {
        self.inner.workdir()
    }

    /// Its own folder (`.git`, or the bare repository).
    pub fn folder(&self) -> &Path {
        self.inner.path()
    }

    /// The commit that a revision names: a branch, a tag, an id, `HEAD~2`.
    pub fn commit(&self, revision: &str) -> Result<Commit, GitError> {
        let unknown = |_| GitError::NoRevision { revision: revision.to_owned(), shallow: self.inner.is_shallow() };
        let object = self.inner.revparse_single(revision).map_err(unknown)?;
        let commit = object.peel_to_commit().map_err(|_| GitError::NotACommit(revision.to_owned()))?;
        Ok(Commit {
            id: CommitId(commit.id().to_string()),
            summary: commit.summary().ok().flatten().unwrap_or_default().to_owned(),
            author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
            time: commit.time().seconds(),
        })
    }

    /// Whether `older` is `newer` or one of its ancestors.
    pub fn is_ancestor(&self, older: &CommitId, newer: &CommitId) -> Result<bool, GitError> {
        let parse =
            |id: &CommitId| git2::Oid::from_str(&id.0).map_err(GitError::git(format!("read the id `{}`", id.0)));
        let (older, newer) = (parse(older)?, parse(newer)?);
        if older == newer {
            return Ok(true);
        }
        if self.inner.find_commit(older).is_err() {
            return Ok(false);
        }
        self.inner.graph_descendant_of(newer, older).map_err(GitError::git("compare two commits"))
    }

    /// Whether the commit is known here.
    pub fn holds(&self, commit: &CommitId) -> bool {
        git2::Oid::from_str(&commit.0).is_ok_and(|id| self.inner.find_commit(id).is_ok())
    }
}

/// The garden of a commit. `folder` (relative to the repository) is where `garden.kdl` lies; where absent it is
/// looked for: at the root, in `orgs/`, else the only one anywhere.
///
/// Symbolic links, submodules and files that do not end in `.kdl` are passed over. A commit is read without a
/// checkout, so no path of it can reach the file system.
pub fn commit_snapshot(repository: &Repository, revision: &str, folder: Option<&str>) -> Result<Snapshot, GitError> {
    let commit = repository.commit(revision)?;
    let found = repository
        .inner
        .find_commit(git2::Oid::from_str(&commit.id.0).map_err(GitError::git("read a commit's id"))?)
        .and_then(|commit| commit.tree());
    let tree = found.map_err(GitError::git("read the tree of the commit"))?;
    let folder = match folder {
        Some(folder) => folder.trim_matches('/').to_owned(),
        None => garden_folder(&tree)?,
    };
    let root = if folder.is_empty() {
        tree
    } else {
        let entry = tree
            .get_path(Path::new(&folder))
            .map_err(|_| GitError::NoGarden(format!("`{folder}` of {}", commit.id.short())))?;
        let object = entry.to_object(&repository.inner).map_err(GitError::git(format!("read `{folder}`")))?;
        object.peel_to_tree().map_err(GitError::git(format!("read the folder `{folder}`")))?
    };
    let mut files = Vec::new();
    collect(&repository.inner, &root, &folder, 0, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Snapshot { commit: Some(commit), folder, files })
}

fn garden_folder(tree: &git2::Tree<'_>) -> Result<String, GitError> {
    if tree.get_path(Path::new("garden.kdl")).is_ok() {
        return Ok(String::new());
    }
    if tree.get_path(Path::new("orgs/garden.kdl")).is_ok() {
        return Ok("orgs".to_owned());
    }
    let mut folders = Vec::new();
    tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
        if entry.name_bytes() == b"garden.kdl" {
            folders.push(folder.trim_end_matches('/').to_owned());
        }
        git2::TreeWalkResult::Ok
    })
    .map_err(GitError::git("walk the tree of the commit"))?;
    match folders.as_slice() {
        [] => Err(GitError::NoGarden("this commit".to_owned())),
        [one] => Ok(one.clone()),
        many => Err(GitError::ManyGardens { found: many.len(), folders: many.join(", ") }),
    }
}

fn collect(
    repository: &git2::Repository,
    tree: &git2::Tree<'_>,
    prefix: &str,
    depth: usize,
    files: &mut Vec<RawFile>,
) -> Result<(), GitError> {
    for entry in tree {
        let Ok(name) = entry.name() else { continue };
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        match (entry.kind(), entry.filemode()) {
            (Some(git2::ObjectType::Tree), _) if depth < DEEPEST_FOLDER => {
                let folder =
                    repository.find_tree(entry.id()).map_err(GitError::git(format!("read the folder `{path}`")))?;
                collect(repository, &folder, &path, depth + 1, files)?;
            }
            (Some(git2::ObjectType::Blob), 0o100_644 | 0o100_755) if is_kdl(name) => {
                if files.len() >= MOST_FILES {
                    return Err(GitError::TooManyFiles);
                }
                let blob = repository.find_blob(entry.id()).map_err(GitError::git(format!("read `{path}`")))?;
                let content = blob.content();
                let bytes = content[..content.len().min(LARGEST_FILE + 1)].to_vec();
                files.push(RawFile { path, bytes, blob: entry.id().to_string() });
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn is_kdl(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "kdl")
}
