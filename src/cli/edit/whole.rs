//! Files of the garden written whole or not at all.

use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file. One that is there keeps its rights and, where that is allowed, whose it is.
#[expect(clippy::disallowed_methods, reason = "a port: the file that was asked for")]
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let Ok(before) = std::fs::metadata(path) else { return std::fs::write(path, text) };
    // A link goes on pointing at what it points at.
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let prefix = format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy());
    let file = tempfile::Builder::new().prefix(&prefix).suffix(".part").tempfile_in(folder);
    // In the words of the system: the other name is of no use to whoever is told.
    let mut file = file.map_err(|error| io::Error::from(error.kind()))?;
    file.write_all(text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Only root may give files away: whose file another user mends becomes theirs.
        let _ = std::os::unix::fs::fchown(file.as_file(), Some(before.uid()), Some(before.gid()));
    }
    file.as_file().set_permissions(before.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_rights_and_a_link_what_it_points_at() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.kdl"), folder.path().join("b.kdl"));
        replace(&file, "one").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, "two").unwrap();
        let written = std::fs::read_to_string(&file).unwrap();
        let rights = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((written.as_str(), rights), ("two", 0o640));
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(folder.path().read_dir().unwrap().count(), 2, "nothing lies beside them");
    }
}
