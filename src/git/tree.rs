//! Reading a garden from a commit's tree.

use std::path::Path;

use super::collection::Collection;
use super::{Commit, CommitId, GitError, LARGEST_COMMIT, LARGEST_FOLDER, Snapshot, library, words};

/// An open repository: the user's own, or the mirror of a remote one. One per thread.
pub struct Repository {
    inner: git2::Repository,
}

impl Repository {
    /// Opens the repository that holds `place`.
    pub fn containing(place: &Path) -> Result<Self, GitError> {
        library::ready();
        let shown = || place.display().to_string();
        match hooked(place).map_or_else(|| git2::Repository::discover(place), Ok) {
            Ok(inner) => Ok(Self { inner }),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Err(GitError::NoRepository(shown())),
            Err(error) if error.code() == git2::ErrorCode::Owner => Err(GitError::Owner(shown())),
            Err(error) => Err(GitError::Unreadable { folder: shown(), refusal: words::of_format(&error) }),
        }
    }

    pub(super) fn wrap(inner: git2::Repository) -> Self {
        Self { inner }
    }

    pub(super) fn inner(&self) -> &git2::Repository {
        &self.inner
    }

    /// The folder of its working tree; absent for a bare one.
    pub(crate) fn working_tree(&self) -> Option<&Path> {
        self.inner.workdir()
    }

    /// Its own folder (`.git`, or the bare repository).
    pub(crate) fn folder(&self) -> &Path {
        self.inner.path()
    }

    /// How many bytes an object has, as its header says.
    pub(super) fn size(&self, id: git2::Oid, path: &str) -> Result<usize, GitError> {
        let header = self.inner.odb().and_then(|objects| objects.read_header(id));
        header.map(|(size, _)| size).map_err(self.unreadable(path))
    }

    /// Why an object at a path cannot be read.
    pub(super) fn unreadable(&self, path: &str) -> impl FnOnce(git2::Error) -> GitError {
        let is_left_out = self.is_partial();
        let path = path.to_owned();
        move |error| match error.code() {
            git2::ErrorCode::NotFound if is_left_out => GitError::PartialClone(path),
            _ => GitError::git(format!("read `{path}`"))(error),
        }
    }

    /// Whether the clone leaves out objects until they are asked for.
    pub(super) fn is_partial(&self) -> bool {
        let Ok(config) = self.inner.config() else { return false };
        let mut found = config.get_string("extensions.partialclone").is_ok();
        if let Ok(mut entries) = config.entries(Some(r"^remote\..*\.promisor$")) {
            found |= entries.next().is_some();
        }
        found
    }

    /// A folder, unless it is too large to be one of a garden.
    pub(super) fn tree(&self, id: git2::Oid, path: &str) -> Result<git2::Tree<'_>, GitError> {
        if self.size(id, path)? > LARGEST_FOLDER {
            return Err(GitError::TooLarge(path.to_owned()));
        }
        self.inner.find_tree(id).map_err(self.unreadable(path))
    }

    /// The commit that a revision names: a branch, a tag, an id, `HEAD~2`.
    pub(crate) fn commit(&self, revision: &str) -> Result<Commit, GitError> {
        let unknown = |_| GitError::NoRevision { revision: revision.to_owned(), shallow: self.inner.is_shallow() };
        let object = self.inner.revparse_single(revision).map_err(unknown)?;
        if self.size(object.id(), revision)? > LARGEST_COMMIT && object.kind() == Some(git2::ObjectType::Commit) {
            return Err(GitError::TooLarge(revision.to_owned()));
        }
        let commit = object.peel_to_commit().map_err(|_| GitError::NotACommit(revision.to_owned()))?;
        Ok(Commit {
            id: CommitId(commit.id().to_string()),
            summary: commit.summary().ok().flatten().unwrap_or_default().to_owned(),
            author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
            time: commit.time().seconds(),
        })
    }
}

/// The repository that a hook of Git runs in (`GIT_DIR`), with what a push brings and is not accepted yet, where the place lies
/// in it.
#[expect(clippy::disallowed_methods, reason = "a port: the environment of a hook")]
fn hooked(place: &Path) -> Option<git2::Repository> {
    std::env::var_os("GIT_DIR")?;
    let repository = git2::Repository::open_from_env().ok()?;
    let around = repository.workdir().unwrap_or_else(|| repository.path());
    let is_inside = place.canonicalize().ok()?.starts_with(around.canonicalize().ok()?);
    is_inside.then_some(repository)
}

/// The garden of a commit. `folder` (relative to the repository) is where `garden.kdl` lies; where absent it is
/// looked for: at the root, in `orgs/`, else the only one anywhere.
///
/// Which files count is said in [`super::passed_over`]. A commit is read without a checkout, so no path of it can reach the file
/// system.
pub(crate) fn commit_snapshot(
    repository: &Repository,
    revision: &str,
    folder: Option<&str>,
) -> Result<Snapshot, GitError> {
    commit_snapshot_after(repository, revision, folder, None)
}

/// The same; files that an `earlier` snapshot holds alike are shared with it and not read again.
pub fn commit_snapshot_after(
    repository: &Repository,
    revision: &str,
    folder: Option<&str>,
    earlier: Option<&Snapshot>,
) -> Result<Snapshot, GitError> {
    let commit = repository.commit(revision)?;
    let found = repository
        .inner
        .find_commit(git2::Oid::from_str(&commit.id.0).map_err(GitError::git("read a commit's id"))?)
        .map(|commit| commit.tree_id());
    let tree = repository.tree(found.map_err(GitError::git("read the tree of the commit"))?, "/")?;
    let earlier = earlier.map_or(&[][..], |snapshot| &snapshot.files);
    let mut collection = Collection::new(repository, &tree, earlier);
    let folder = match folder {
        Some(folder) => folder.trim_matches('/').to_owned(),
        None => collection.garden_folder()?,
    };
    let root = if folder.is_empty() {
        tree.clone()
    } else {
        let no_folder = |_| GitError::NoGarden(format!("`{folder}` of {}", commit.id.short()));
        let entry = tree.get_path(Path::new(&folder)).map_err(no_folder)?;
        repository.tree(entry.id(), &folder)?
    };
    collection.collect(&root, &folder, 0)?;
    Ok(collection.into_snapshot(Some(commit), folder))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::git::collection::TOO_LARGE;
    use crate::git::{LARGEST_FILE, RawFile};

    /// Commits files of a garden; the tree holds exactly these.
    fn commit(repository: &git2::Repository, files: &[(&str, &str)]) -> String {
        let mut builder = repository.treebuilder(None).unwrap();
        for (name, text) in files {
            builder.insert(name, repository.blob(text.as_bytes()).unwrap(), 0o100_644).unwrap();
        }
        let tree = repository.find_tree(builder.write().unwrap()).unwrap();
        let who = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
        repository.commit(None, &who, &who, "x", &tree, &[]).unwrap().to_string()
    }

    /// Commits a garden file in each of these folders, one level below the folder that is named first.
    fn folder_of(folders: &[&[&str]]) -> Result<String, GitError> {
        let temporary = tempfile::tempdir().unwrap();
        let repository = git2::Repository::init_bare(temporary.path()).unwrap();
        let mut index = git2::Index::new().unwrap();
        let blob = repository.blob(b"edition 2026\n").unwrap();
        for parts in folders {
            let path = [*parts, &["garden.kdl"]].concat().join("/");
            let entry = git2::IndexEntry {
                ctime: git2::IndexTime::new(0, 0),
                mtime: git2::IndexTime::new(0, 0),
                dev: 0,
                ino: 0,
                mode: 0o100_644,
                uid: 0,
                gid: 0,
                file_size: 0,
                id: blob,
                flags: 0,
                flags_extended: 0,
                path: path.into_bytes(),
            };
            index.add(&entry).unwrap();
        }
        let tree = index.write_tree_to(&repository).unwrap();
        let repository = Repository::wrap(repository);
        let tree = repository.tree(tree, "/").unwrap();
        Collection::new(&repository, &tree, &[]).garden_folder()
    }

    #[test]
    fn a_garden_file_inside_of_a_garden_is_no_second_garden() {
        let inside: &[&[&str]] = &[&["hosting"], &["hosting", "organisations", "alpha"], &["hosting", "a", "b"]];
        assert_eq!(folder_of(inside).unwrap(), "hosting");
        assert_eq!(folder_of(&[&["hosting"], &[".github"], &["a", ".b"]]).unwrap(), "hosting");
        let beside = folder_of(&[&["hosting"], &["hosting-too"]]).unwrap_err();
        assert!(matches!(beside, GitError::ManyGardens { found: 2, .. }), "{beside}");
        assert_eq!(folder_of(&[&["orgs"], &["orgs", "organisations", "alpha"]]).unwrap(), "orgs");
    }

    #[test]
    fn a_folder_that_starts_with_a_dot_is_read_from_no_commit_as_from_no_disk() {
        let folder = tempfile::tempdir().unwrap();
        let inner = git2::Repository::init_bare(folder.path()).unwrap();
        let blob = inner.blob(b"offer mine").unwrap();
        let tree = |entries: &[(&str, git2::Oid, i32)]| {
            let mut builder = inner.treebuilder(None).unwrap();
            entries.iter().for_each(|(name, id, mode)| drop(builder.insert(name, *id, *mode).unwrap()));
            builder.write().unwrap()
        };
        let inside = tree(&[("mine.kdl", blob, 0o100_644)]);
        let folders = [(".hidden", inside, 0o040_000), ("offers", inside, 0o040_000)];
        let files = [("garden.kdl", blob, 0o100_644), ("link.kdl", blob, 0o120_000)];
        let root = tree(&[&folders[..], &files[..]].concat());
        let who = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
        let commit = inner.commit(None, &who, &who, "x", &inner.find_tree(root).unwrap(), &[]).unwrap().to_string();
        let repository = Repository::wrap(inner);
        let snapshot = commit_snapshot(&repository, &commit, None).unwrap();
        let paths: Vec<&str> = snapshot.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["garden.kdl", "offers/mine.kdl"]);
    }

    #[test]
    fn what_an_earlier_snapshot_holds_alike_is_shared_and_the_rest_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let inner = git2::Repository::init_bare(folder.path()).unwrap();
        let first =
            commit(&inner, &[("garden.kdl", "garden a"), ("a.kdl", "one"), ("b.kdl", "two"), ("c.kdl", "three")]);
        let second =
            commit(&inner, &[("garden.kdl", "garden a"), ("a.kdl", "two"), ("c.kdl", "three"), ("d.kdl", "two")]);
        let repository = Repository::wrap(inner);
        let before = commit_snapshot(&repository, &first, None).unwrap();
        let after = commit_snapshot_after(&repository, &second, None, Some(&before)).unwrap();
        assert_eq!(after, commit_snapshot(&repository, &second, None).unwrap());
        let shared = |file: &&RawFile| before.files.iter().any(|known| Arc::ptr_eq(&known.bytes, &file.bytes));
        let shared: Vec<&str> = after.files.iter().filter(shared).map(|file| file.path.as_str()).collect();
        assert_eq!(shared, ["c.kdl", "garden.kdl"]);
    }

    #[test]
    fn a_tree_that_names_itself_again_and_again_ends() {
        let folder = tempfile::tempdir().unwrap();
        let inner = git2::Repository::init_bare(folder.path()).unwrap();
        let mut tree = {
            let mut builder = inner.treebuilder(None).unwrap();
            builder.insert("a.kdl", inner.blob(b"a").unwrap(), 0o100_644).unwrap();
            builder.write().unwrap()
        };
        for _ in 0..12 {
            let mut builder = inner.treebuilder(None).unwrap();
            (0..30).for_each(|at| drop(builder.insert(format!("f{at}"), tree, 0o040_000).unwrap()));
            tree = builder.write().unwrap();
        }
        let who = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
        let tree = inner.find_tree(tree).unwrap();
        let id = inner.commit(None, &who, &who, "x", &tree, &[]).unwrap().to_string();
        drop(tree);
        let repository = Repository::wrap(inner);
        for folder in [None, Some("f1")] {
            let ended = commit_snapshot(&repository, &id, folder);
            assert!(matches!(ended, Err(GitError::TooManyEntries(_) | GitError::TooManyFiles(_))), "{ended:?}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read_and_the_others_are() {
        let folder = tempfile::tempdir().unwrap();
        let inner = git2::Repository::init_bare(folder.path()).unwrap();
        let large = " ".repeat(LARGEST_FILE + 1);
        let id = commit(&inner, &[("garden.kdl", "garden a"), ("a.kdl", &large), ("b.kdl", "b")]);
        let snapshot = commit_snapshot(&Repository::wrap(inner), &id, None).unwrap();
        assert!(Arc::ptr_eq(&snapshot.files[0].bytes, &TOO_LARGE));
        assert_eq!(&*snapshot.files[1].bytes, b"b");
    }
}
