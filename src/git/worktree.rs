//! Reading a garden from files on disk.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::tree::is_kdl;
use super::{DEEPEST_FOLDER, GitError, LARGEST_FILE, LARGEST_GARDEN, MOST_FILES, RawFile, Snapshot};

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

/// The garden's files as they lie on disk now; paths are relative to `root`.
///
/// Links, folders that start with a dot and files that do not end in `.kdl` are passed over.
pub fn worktree_snapshot(root: &Path, folder: &Path) -> Result<Snapshot, GitError> {
    let mut files = Vec::new();
    collect(root, folder, 0, &mut files, &mut 0)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Snapshot { commit: None, folder: relative(root, folder), files })
}

/// One file, or the KDL files below a folder; paths are relative to `root`.
pub fn read_files(root: &Path, path: &Path) -> Result<Vec<RawFile>, GitError> {
    if !path.is_dir() {
        return Ok(vec![read(root, path)?]);
    }
    let mut files = Vec::new();
    collect(root, path, 0, &mut files, &mut 0)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

#[expect(clippy::disallowed_methods, reason = "a port: reading the garden from disk")]
fn collect(
    root: &Path,
    folder: &Path,
    depth: usize,
    files: &mut Vec<RawFile>,
    bytes: &mut usize,
) -> Result<(), GitError> {
    for entry in std::fs::read_dir(folder).map_err(GitError::io("read the folder", folder))? {
        let entry = entry.map_err(GitError::io("read the folder", folder))?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().map_err(GitError::io("read", &path))?;
        let Some(name) = name.to_str() else { continue };
        if kind.is_dir() && depth < DEEPEST_FOLDER && !name.starts_with('.') {
            collect(root, &path, depth + 1, files, bytes)?;
        } else if kind.is_file() && is_kdl(name) {
            if files.len() >= MOST_FILES {
                return Err(GitError::TooManyFiles(relative(root, &path)));
            }
            let file = read(root, &path)?;
            *bytes += file.bytes.len();
            if *bytes > LARGEST_GARDEN {
                return Err(GitError::TooManyBytes(file.path));
            }
            files.push(file);
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a port: reading the garden from disk")]
fn read(root: &Path, path: &Path) -> Result<RawFile, GitError> {
    let file = std::fs::File::open(path).map_err(GitError::io("open", path))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(LARGEST_FILE + 1).unwrap_or(u64::MAX);
    file.take(most).read_to_end(&mut bytes).map_err(GitError::io("read", path))?;
    let blob = git2::Oid::hash_object(git2::ObjectType::Blob, &bytes).map_err(GitError::git("hash a file"))?;
    Ok(RawFile { path: relative(root, path), bytes: bytes.into(), blob: blob.to_string() })
}

fn relative(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
