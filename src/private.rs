//! Files and folders that only their owner reads: plans, snapshots, kubeconfigs, mirrors and states may name what is secret.

use std::fs::{DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Makes a folder with those above it, each 0700; those that are there stay as they are.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Closes a folder that another library made to everybody else: 0700.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Writes a file, 0600, all of it or nothing: beside its place first, then in it, whatever stood there before.
pub(crate) fn write(path: &Path, write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // What a kill leaves says whose it was.
    let prefix = format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy());
    let file = tempfile::Builder::new().prefix(&prefix).suffix(".part").tempfile_in(folder);
    // In the words of the system: the other name is of no use to whoever is told.
    let mut file = file.map_err(|error| io::Error::from(error.kind()))?;
    let mut writer = BufWriter::new(file.as_file_mut());
    write(&mut writer)?;
    writer.flush()?;
    drop(writer);
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
