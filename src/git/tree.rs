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
    pub(crate) fn working_tree(&self) -> Option<&Path> {
        self.inner.workdir()
    }

    /// Its own folder (`.git`, or the bare repository).
    pub(crate) fn folder(&self) -> &Path {
        self.inner.path()
    }

    /// The commit that a revision names: a branch, a tag, an id, `HEAD~2`.
    pub(crate) fn commit(&self, revision: &str) -> Result<Commit, GitError> {
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
}

/// The garden of a commit. `folder` (relative to the repository) is where `garden.kdl` lies; where absent it is
/// looked for: at the root, in `orgs/`, else the only one anywhere.
///
/// Symbolic links, submodules, folders that start with a dot and files that do not end in `.kdl` are passed over. A commit is read without a
/// checkout, so no path of it can reach the file system.
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
    let earlier = earlier.map_or(&[][..], |snapshot| &snapshot.files);
    let mut collection = Collection { repository: &repository.inner, earlier, files: Vec::new() };
    collection.collect(&root, &folder, 0)?;
    let mut files = collection.files;
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
    // What lies inside of a garden is a part of it, whatever its files are called.
    let all = folders.clone();
    folders.retain(|folder| {
        let inside = |outer: &String| folder.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('/'));
        !all.iter().any(inside) && !folder.split('/').any(|part| part.starts_with('.'))
    });
    match folders.as_slice() {
        [] => Err(GitError::NoGarden("this commit".to_owned())),
        [one] => Ok(one.clone()),
        many => Err(GitError::ManyGardens { found: many.len(), folders: many.join(", ") }),
    }
}

/// The files of a commit as they are found.
struct Collection<'a> {
    repository: &'a git2::Repository,
    /// What was read before, in order of the paths.
    earlier: &'a [RawFile],
    files: Vec<RawFile>,
}

impl Collection<'_> {
    fn collect(&mut self, tree: &git2::Tree<'_>, prefix: &str, depth: usize) -> Result<(), GitError> {
        for entry in tree {
            let Ok(name) = entry.name() else { continue };
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            match (entry.kind(), entry.filemode()) {
                (Some(git2::ObjectType::Tree), _) if depth < DEEPEST_FOLDER && !name.starts_with('.') => {
                    let folder = self.repository.find_tree(entry.id());
                    let folder = folder.map_err(GitError::git(format!("read the folder `{path}`")))?;
                    self.collect(&folder, &path, depth + 1)?;
                }
                (Some(git2::ObjectType::Blob), 0o100_644 | 0o100_755) if is_kdl(name) => {
                    if self.files.len() >= MOST_FILES {
                        return Err(GitError::TooManyFiles);
                    }
                    let file = self.file(path, entry.id())?;
                    self.files.push(file);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&self, path: String, id: git2::Oid) -> Result<RawFile, GitError> {
        let blob = id.to_string();
        let known = self.earlier.binary_search_by(|file| file.path.as_str().cmp(&path)).map(|at| &self.earlier[at]);
        if let Ok(known) = known
            && known.blob == blob
        {
            return Ok(known.clone());
        }
        let content = self.repository.find_blob(id).map_err(GitError::git(format!("read `{path}`")))?;
        let content = content.content();
        let bytes = content[..content.len().min(LARGEST_FILE + 1)].into();
        Ok(RawFile { path, bytes, blob })
    }
}

pub(super) fn is_kdl(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "kdl")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

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
        let tree = repository.find_tree(index.write_tree_to(&repository).unwrap()).unwrap();
        garden_folder(&tree)
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
}
