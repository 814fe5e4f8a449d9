//! The files of a commit's tree as they are found, within the limits of one garden.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use super::passed_over::{MOST_HIDDEN, PassedOverEntries, PassedOverReason, is_kdl, link_target, looks_kdl};
use super::{
    Commit, DEEPEST_FOLDER, GitError, LARGEST_FILE, LARGEST_GARDEN, MOST_ENTRIES, MOST_FILES, RawFile, Repository,
    Snapshot,
};
use crate::visible;

/// What stands for a file that is too large to be read: as much as says so.
pub(super) static TOO_LARGE: LazyLock<Arc<[u8]>> = LazyLock::new(|| vec![b' '; LARGEST_FILE + 1].into());

/// The longest path that a symbolic link of a commit is followed by.
const LONGEST_LINK: usize = 4_096;

/// The files of a commit as they are found.
pub(super) struct Collection<'a> {
    repository: &'a Repository,
    /// The root of the commit, in which links lead somewhere.
    root: &'a git2::Tree<'a>,
    /// What was read before, in order of the paths.
    earlier: &'a [RawFile],
    pub(super) files: Vec<RawFile>,
    pub(super) passed_over: PassedOverEntries,
    /// How many entries were looked at.
    entries: usize,
    /// How many entries below hidden folders may still be looked at.
    hidden: usize,
    /// How many bytes the files have.
    bytes: usize,
}

impl<'a> Collection<'a> {
    /// An empty one of a commit's tree.
    pub(super) fn new(repository: &'a Repository, root: &'a git2::Tree<'a>, earlier: &'a [RawFile]) -> Self {
        let (files, passed_over) = (Vec::new(), PassedOverEntries::default());
        Self { repository, root, earlier, files, passed_over, entries: 0, hidden: MOST_HIDDEN, bytes: 0 }
    }

    /// What was found, in order of the paths.
    pub(super) fn into_snapshot(self, commit: Option<Commit>, folder: String) -> Snapshot {
        let Self { mut files, mut passed_over, .. } = self;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        passed_over.sort();
        Snapshot { commit, folder, files, passed_over }
    }

    /// Counts one entry more.
    fn look_at(&mut self, path: &str) -> Result<(), GitError> {
        self.entries += 1;
        if self.entries > MOST_ENTRIES { Err(GitError::TooManyEntries(path.to_owned())) } else { Ok(()) }
    }

    /// The folder with `garden.kdl`: the root, `orgs/`, else the only one anywhere.
    pub(super) fn garden_folder(&mut self) -> Result<String, GitError> {
        for folder in ["", "orgs"] {
            if self.root.get_path(&Path::new(folder).join("garden.kdl")).is_ok() {
                return Ok(folder.to_owned());
            }
        }
        let mut folders = Vec::new();
        self.find_gardens(self.root, "", 0, &mut folders)?;
        match folders.as_slice() {
            [] => Err(GitError::NoGarden("this commit".to_owned())),
            [one] => Ok(one.clone()),
            many => {
                let named: Vec<String> = many.iter().take(10).map(|folder| visible::line(folder)).collect();
                Err(GitError::ManyGardens { found: many.len(), folders: named.join(", ") })
            }
        }
    }

    fn find_gardens(
        &mut self,
        tree: &git2::Tree<'_>,
        folder: &str,
        depth: usize,
        found: &mut Vec<String>,
    ) -> Result<(), GitError> {
        // What lies inside of a garden is a part of it, whatever its files are called.
        if tree.get_name("garden.kdl").is_some() {
            found.push(folder.to_owned());
            return Ok(());
        }
        for entry in tree {
            let Ok(name) = entry.name() else { continue };
            let path = below(folder, name);
            self.look_at(&path)?;
            if entry.kind() == Some(git2::ObjectType::Tree) && depth < DEEPEST_FOLDER && !name.starts_with('.') {
                let inner = self.repository.tree(entry.id(), &path)?;
                self.find_gardens(&inner, &path, depth + 1, found)?;
            }
        }
        Ok(())
    }

    /// Reads the files below a folder.
    pub(super) fn collect(&mut self, tree: &git2::Tree<'_>, prefix: &str, depth: usize) -> Result<(), GitError> {
        for entry in tree {
            let lossy = String::from_utf8_lossy(entry.name_bytes()).into_owned();
            let path = below(prefix, &lossy);
            self.look_at(&path)?;
            if let Some(why) = self.reason(&entry, prefix, depth) {
                self.passed_over.push(path, why);
                continue;
            }
            match entry.kind() {
                _ if lossy.starts_with('.') => {}
                Some(git2::ObjectType::Tree) if depth < DEEPEST_FOLDER => {
                    let folder = self.repository.tree(entry.id(), &path)?;
                    self.collect(&folder, &path, depth + 1)?;
                }
                Some(git2::ObjectType::Blob) if is_file(&entry) && is_kdl(&lossy) => {
                    if self.files.len() >= MOST_FILES {
                        return Err(GitError::TooManyFiles(path));
                    }
                    let file = self.file(path, entry.id())?;
                    if !Arc::ptr_eq(&file.bytes, &TOO_LARGE) {
                        self.bytes += file.bytes.len();
                    }
                    if self.bytes > LARGEST_GARDEN {
                        return Err(GitError::TooManyBytes(file.path));
                    }
                    self.files.push(file);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Why an entry that looks like the garden's is not read; absent where it is, or looks like something else.
    fn reason(&mut self, entry: &git2::TreeEntry<'_>, folder: &str, depth: usize) -> Option<PassedOverReason> {
        let is_folder = entry.kind() == Some(git2::ObjectType::Tree);
        let name = String::from_utf8_lossy(entry.name_bytes());
        if is_folder && (entry.name().is_err() || name.starts_with('.') || depth >= DEEPEST_FOLDER) {
            let reason = match () {
                () if entry.name().is_err() => PassedOverReason::Name,
                () if name.starts_with('.') => PassedOverReason::Hidden,
                () => PassedOverReason::Deep,
            };
            return self.holds_kdl(entry.id(), 0).then_some(reason);
        }
        match entry.kind() {
            Some(git2::ObjectType::Commit) => Some(PassedOverReason::Submodule),
            Some(git2::ObjectType::Blob) if entry.filemode() == 0o120_000 => self.reason_of_link(entry, folder, &name),
            Some(git2::ObjectType::Blob) => PassedOverReason::of_file(&name, entry.name().is_ok()),
            _ => None,
        }
    }

    fn reason_of_link(&self, entry: &git2::TreeEntry<'_>, folder: &str, name: &str) -> Option<PassedOverReason> {
        if looks_kdl(name) {
            return PassedOverReason::of_link(name);
        }
        if self.repository.size(entry.id(), name).is_ok_and(|size| size > LONGEST_LINK) {
            return None;
        }
        let blob = self.repository.inner().find_blob(entry.id()).ok()?;
        let target = link_target(folder, std::str::from_utf8(blob.content()).ok()?)?;
        let target = self.root.get_path(Path::new(&target)).ok()?;
        (target.kind() == Some(git2::ObjectType::Tree)).then_some(PassedOverReason::LinkedFolder)
    }

    /// Whether a folder that is not read holds KDL files, as far as that is looked at.
    fn holds_kdl(&mut self, folder: git2::Oid, depth: usize) -> bool {
        let Ok(tree) = self.repository.tree(folder, "") else { return false };
        for entry in &tree {
            let Some(left) = self.hidden.checked_sub(1) else { return false };
            self.hidden = left;
            let is_folder = entry.kind() == Some(git2::ObjectType::Tree);
            let holds = if is_folder {
                depth < DEEPEST_FOLDER && self.holds_kdl(entry.id(), depth + 1)
            } else {
                is_file(&entry) && looks_kdl(&String::from_utf8_lossy(entry.name_bytes()))
            };
            if holds {
                return true;
            }
        }
        false
    }

    fn file(&self, path: String, id: git2::Oid) -> Result<RawFile, GitError> {
        let blob = id.to_string();
        let known = self.earlier.binary_search_by(|file| file.path.as_str().cmp(&path)).map(|at| &self.earlier[at]);
        if let Ok(known) = known
            && known.blob == blob
        {
            return Ok(known.clone());
        }
        self.repository.file(path, id)
    }
}

impl Repository {
    /// A file of the garden, cut where it is too large.
    pub(super) fn file(&self, path: String, id: git2::Oid) -> Result<RawFile, GitError> {
        let blob = id.to_string();
        if self.size(id, &path)? > LARGEST_FILE {
            return Ok(RawFile { path, bytes: Arc::clone(&TOO_LARGE), blob });
        }
        let content = self.inner().find_blob(id).map_err(self.unreadable(&path))?;
        let bytes = content.content().into();
        Ok(RawFile { path, bytes, blob })
    }
}

/// Whether an entry is a regular file.
pub(super) fn is_file(entry: &git2::TreeEntry<'_>) -> bool {
    matches!(entry.filemode(), 0o100_644 | 0o100_755)
}

pub(super) fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
