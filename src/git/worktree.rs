//! Reading a garden from files on disk.

use std::ffi::{OsStr, OsString};
use std::fs::FileType;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::passed_over::{MOST_HIDDEN, PassedOverEntries, PassedOverReason, is_kdl, looks_kdl};
use super::{DEEPEST_FOLDER, GitError, LARGEST_FILE, LARGEST_GARDEN, MOST_FILES, RawFile, Repository, Snapshot};
use crate::syntax;

/// The flag of an entry of the index whose file a sparse checkout leaves out.
const SKIP_WORKTREE: u16 = 1 << 14;

/// The garden's folder: `named` where given, else the nearest folder at or above `start` with a `garden.kdl`, else
/// `orgs/` of the same.
#[expect(clippy::disallowed_methods, reason = "a port: finding the garden on disk")]
pub(crate) fn find_garden(named: Option<&Path>, start: &Path) -> Result<PathBuf, GitError> {
    if let Some(named) = named {
        let folder = if named.ends_with("garden.kdl") { named.parent().unwrap_or(Path::new(".")) } else { named };
        return if folder.join("garden.kdl").is_file() {
            Ok(folder.to_path_buf())
        } else {
            Err(GitError::NoGarden(format!("`{}`", folder.display())))
        };
    }
    start
        .ancestors()
        .flat_map(|folder| [folder.to_path_buf(), folder.join("orgs")])
        .find(|folder| folder.join("garden.kdl").is_file())
        .ok_or_else(|| GitError::NoGarden(format!("`{}` or above it", start.display())))
}

/// The garden's files as they lie on disk now; paths are relative to `root`. What `repository` ignores is passed over, and what a
/// sparse checkout leaves out is read from its index.
pub fn worktree_snapshot(root: &Path, folder: &Path, repository: Option<&Repository>) -> Result<Snapshot, GitError> {
    let index = match repository.filter(|repository| repository.working_tree().is_some()) {
        Some(repository) => Some(CheckedOut::of(repository, &relative(root, &folder.join("garden.kdl")))?),
        None => None,
    };
    let mut reading = Reading::new(root, index);
    reading.collect(folder, 0)?;
    let folder = relative(root, folder);
    reading.add_left_out(&folder)?;
    Ok(reading.into_snapshot(folder))
}

/// One file, or the KDL files below a folder; paths are relative to `root`.
pub fn read_files(root: &Path, path: &Path) -> Result<Vec<RawFile>, GitError> {
    if !path.is_dir() {
        return Ok(vec![read(root, path)?]);
    }
    let mut reading = Reading::new(root, None);
    reading.collect(path, 0)?;
    Ok(reading.into_snapshot(String::new()).files)
}

/// The files of a working tree as they are found.
struct Reading<'a> {
    root: &'a Path,
    checked_out: Option<CheckedOut<'a>>,
    files: Vec<RawFile>,
    passed_over: PassedOverEntries,
    /// How many entries below hidden folders may still be looked at.
    hidden: usize,
    bytes: usize,
}

impl<'a> Reading<'a> {
    fn new(root: &'a Path, checked_out: Option<CheckedOut<'a>>) -> Self {
        let (files, passed_over) = (Vec::new(), PassedOverEntries::default());
        Self { root, checked_out, files, passed_over, hidden: MOST_HIDDEN, bytes: 0 }
    }

    fn into_snapshot(self, folder: String) -> Snapshot {
        let Self { mut files, mut passed_over, .. } = self;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        passed_over.sort();
        Snapshot { commit: None, folder, files, passed_over }
    }

    fn collect(&mut self, folder: &Path, depth: usize) -> Result<(), GitError> {
        for (path, name, kind) in entries(folder)? {
            let shown = relative(self.root, &path);
            if let Some(why) = self.reason(&path, &shown, &name, kind, depth) {
                self.passed_over.push(shown, why);
                continue;
            }
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            if kind.is_dir() && depth < DEEPEST_FOLDER {
                self.collect(&path, depth + 1)?;
            } else if kind.is_file() && is_kdl(name) {
                let file = read(self.root, &path)?;
                self.add(file)?;
            }
        }
        Ok(())
    }

    /// Takes a file, within the limits of a garden.
    fn add(&mut self, mut file: RawFile) -> Result<(), GitError> {
        if self.files.len() >= MOST_FILES {
            return Err(GitError::TooManyFiles(file.path));
        }
        match self.checked_out.as_ref().and_then(|checked_out| checked_out.kept_otherwise(&file)) {
            Some(Kept::NoText(kept)) => file = kept,
            Some(Kept::AnotherText) => self.passed_over.push(file.path.clone(), PassedOverReason::Filtered),
            None => {}
        }
        self.bytes += file.bytes.len();
        if self.bytes > LARGEST_GARDEN {
            return Err(GitError::TooManyBytes(file.path));
        }
        self.files.push(file);
        Ok(())
    }

    /// Adds the files of the garden that are not on disk because the checkout is sparse.
    fn add_left_out(&mut self, folder: &str) -> Result<(), GitError> {
        let Some(checked_out) = &self.checked_out else { return Ok(()) };
        for file in checked_out.left_out(folder)? {
            if !self.files.iter().any(|known| known.path == file.path) {
                self.add(file)?;
            }
        }
        Ok(())
    }

    /// Why an entry that looks like the garden's is not read; absent where it is, or looks like something else.
    fn reason(
        &mut self,
        path: &Path,
        shown: &str,
        name: &OsStr,
        kind: FileType,
        depth: usize,
    ) -> Option<PassedOverReason> {
        let lossy = name.to_string_lossy();
        if lossy == ".git" {
            return None;
        }
        if kind.is_dir() {
            let reason = match () {
                () if path.join(".git").symlink_metadata().is_ok() => return Some(PassedOverReason::Submodule),
                () if name.to_str().is_none() => PassedOverReason::Name,
                () if lossy.starts_with('.') => PassedOverReason::Hidden,
                () if depth >= DEEPEST_FOLDER => PassedOverReason::Deep,
                () => return None,
            };
            return self.holds_kdl(path, 0).then_some(reason);
        }
        if kind.is_symlink() {
            return match PassedOverReason::of_link(&lossy) {
                None if path.is_dir() => Some(PassedOverReason::LinkedFolder),
                found => found,
            };
        }
        let reason = PassedOverReason::of_file(&lossy, name.to_str().is_some());
        if reason.is_some() || !is_kdl(&lossy) || lossy.starts_with('.') {
            return reason;
        }
        match &self.checked_out {
            _ if !kind.is_file() => Some(PassedOverReason::Special),
            Some(checked_out) if checked_out.ignores(shown) => Some(PassedOverReason::Ignored),
            _ => None,
        }
    }

    /// Whether a folder that is not read holds KDL files, as far as that is looked at.
    fn holds_kdl(&mut self, folder: &Path, depth: usize) -> bool {
        let Ok(entries) = entries(folder) else { return false };
        for (path, name, kind) in entries {
            let Some(left) = self.hidden.checked_sub(1) else { return false };
            self.hidden = left;
            let holds = if kind.is_dir() {
                depth < DEEPEST_FOLDER && self.holds_kdl(&path, depth + 1)
            } else {
                kind.is_file() && looks_kdl(&name.to_string_lossy())
            };
            if holds {
                return true;
            }
        }
        false
    }
}

/// What Git keeps of a file on which a filter works.
enum Kept {
    /// Something that is no text of a garden (LFS, git-crypt): it counts in place of the file, as in commits.
    NoText(RawFile),
    /// A text that the filter makes of the file, and that is not known here.
    AnotherText,
}

/// What Git knows of the files that are checked out.
struct CheckedOut<'a> {
    repository: &'a Repository,
    index: git2::Index,
    /// Whether Git's rules count: not where the garden itself is ignored.
    counts: bool,
}

impl<'a> CheckedOut<'a> {
    fn of(repository: &'a Repository, garden: &str) -> Result<Self, GitError> {
        let index = repository.inner().index().map_err(|error| match error.message() {
            message if message.contains("unsupported mandatory extension") => GitError::SparseIndex,
            _ => GitError::git("read the index of the repository")(error),
        })?;
        let mut checked_out = Self { repository, index, counts: true };
        checked_out.counts = !checked_out.ignores(garden);
        Ok(checked_out)
    }

    /// Whether Git ignores a file that no commit has yet.
    fn ignores(&self, path: &str) -> bool {
        self.counts
            && self.index.get_path(Path::new(path), 0).is_none()
            && self.repository.inner().is_path_ignored(path).unwrap_or(false)
    }

    /// What Git keeps of a file, where a filter makes something else of it on disk.
    fn kept_otherwise(&self, file: &RawFile) -> Option<Kept> {
        let (repository, path) = (self.repository.inner(), Path::new(&file.path));
        let filter = repository.get_attr(path, "filter", git2::AttrCheckFlags::FILE_THEN_INDEX).ok()??;
        let entry = self.index.get_path(path, 0);
        if let Some(kept) = entry.as_ref().and_then(|entry| self.repository.file(file.path.clone(), entry.id).ok()) {
            let is_text = std::str::from_utf8(&kept.bytes).is_ok_and(|text| !syntax::is_pointer(text));
            if !is_text {
                return Some(Kept::NoText(kept));
            }
        }
        let config = repository.config().and_then(|mut config| config.snapshot()).ok()?;
        let is_set =
            |way: &str| config.get_str(&format!("filter.{filter}.{way}")).is_ok_and(|command| !command.is_empty());
        let is_same = entry.is_some_and(|entry| entry.id.to_string() == file.blob);
        (!is_same && ["clean", "process"].into_iter().any(is_set)).then_some(Kept::AnotherText)
    }

    /// The files of the garden that a sparse checkout leaves out.
    fn left_out(&self, folder: &str) -> Result<Vec<RawFile>, GitError> {
        let skipped = self.index.iter().filter(|entry| entry.flags_extended & SKIP_WORKTREE != 0);
        let paths = skipped.filter_map(|entry| Some((String::from_utf8(entry.path).ok()?, entry.id, entry.mode)));
        let counts = |path: &str| {
            let inside = Path::new(path).strip_prefix(folder).ok()?;
            let hidden = inside.iter().any(|part| part.as_encoded_bytes().starts_with(b"."));
            (is_kdl(path) && !hidden && inside.iter().count() <= DEEPEST_FOLDER + 1).then_some(())
        };
        let of_garden = paths.filter(|(path, _, mode)| *mode != 0o120_000 && counts(path).is_some());
        of_garden.take(MOST_FILES + 1).map(|(path, id, _)| self.repository.file(path, id)).collect()
    }
}

/// The entries of a folder in order of their names.
#[expect(clippy::disallowed_methods, reason = "a port: reading the garden from disk")]
fn entries(folder: &Path) -> Result<Vec<(PathBuf, OsString, FileType)>, GitError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(GitError::io("read the folder", folder))? {
        let entry = entry.map_err(GitError::io("read the folder", folder))?;
        let kind = entry.file_type().map_err(GitError::io("read", &entry.path()))?;
        found.push((entry.path(), entry.file_name(), kind));
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(found)
}

#[expect(clippy::disallowed_methods, reason = "a port: reading the garden from disk")]
fn read(root: &Path, path: &Path) -> Result<RawFile, GitError> {
    let file = std::fs::File::open(path).map_err(GitError::io("open", path))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(LARGEST_FILE + 1).unwrap_or(u64::MAX);
    file.take(most).read_to_end(&mut bytes).map_err(GitError::io("read", path))?;
    Ok(RawFile::of(&relative(root, path), bytes))
}

fn relative(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
