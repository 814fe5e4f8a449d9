//! The trust boundary of a garden: what a file may say is decided by where it stands, never by what is in it.
//!
//! `garden.kdl` names the folders that hold organisations (`organisations` where it names none). Below them a file declares
//! the one organisation that it is called after; everything else of a garden stands outside of them. A [`PlacedFile`] holds
//! only the nodes that count at its place, so that nothing behind it can be reached by the others.

use std::sync::Arc;

use crate::finding::{Code, Finding, Findings};
use crate::name::Name;
use crate::schema::CheckedFile;
use crate::syntax::Value;

mod admit;
mod path;

pub(crate) use admit::NO_GARDEN;
pub use admit::PlacedFile;
pub(super) use admit::is_organisation;

/// A folder that cannot hold organisations.
pub(crate) const NO_FOLDER: Code = Code::new("E0316");

/// The folder of organisations where the garden names none.
const ORGANISATIONS: &str = "organisations";
/// The file of the `garden` node, in the garden's folder.
const GARDEN_FILE: &str = "garden.kdl";

/// What a file may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePlace {
    /// The garden's own file: everything but organisations.
    GardenFile,
    /// Outside of the folders of organisations: everything but organisations and the `garden` node.
    Garden,
    /// Below a folder of organisations, in a file called after this one: this organisation and nothing else.
    Organisation(Name),
    /// Below a folder of organisations, in a file that is called after none: nothing.
    Misnamed,
    /// At a path that reads as another than it is: nothing.
    Misleading,
}

impl FilePlace {
    /// Whether what the file says is the garden's, not one organisation's.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::GardenFile | Self::Garden)
    }

    /// The organisation that the file is called after.
    pub(crate) fn organisation(&self) -> Option<&Name> {
        match self {
            Self::Organisation(name) => Some(name),
            Self::GardenFile | Self::Garden | Self::Misnamed | Self::Misleading => None,
        }
    }
}

/// Where the organisations of a garden stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary {
    /// The garden's folder, relative to the repository; empty for its root.
    root: String,
    /// The folders of organisations, relative to the garden's.
    folders: Vec<String>,
    /// Whether the garden's own file could be read, so that these are its folders.
    known: bool,
}

impl Boundary {
    /// The boundary that a garden's own file draws; the garden lies in the folder `root` of its repository.
    pub fn of(root: &str, garden_file: Option<&CheckedFile>, findings: &mut Findings) -> Self {
        let root = root.trim_matches('/').to_owned();
        let readable = garden_file.filter(|file| file.readable());
        let garden = readable.and_then(|file| file.document.nodes.iter().find(|node| node.name.value == "garden"));
        let said = garden.and_then(|garden| garden.child(ORGANISATIONS));
        let mut folders: Vec<&Value> = Vec::new();
        let written = said.map_or(&[][..], |said| &said.args);
        let mut known = garden.is_some();
        for folder in written {
            let nested = folders.iter().find(|other| path::is_below(&folder.text, &other.text));
            let nests = folders.iter().find(|other| path::is_below(&other.text, &folder.text));
            let finding = match (path::wrong_folder(&folder.text), nested.or(nests)) {
                (Some(why), _) => Some(no_folder(folder).why(why)),
                (None, Some(other)) => Some(no_folder(folder).also(other.span, "beside this one").why(format!(
                    "`{}` and `{}` hold each other, so a file below them would be in both",
                    other.text, folder.text
                ))),
                (None, None) => None,
            };
            known &= finding.is_none();
            match finding {
                Some(finding) => findings.push(finding),
                None => folders.push(folder),
            }
        }
        let mut folders: Vec<String> = folders.into_iter().map(|folder| folder.text.clone()).collect();
        if folders.is_empty() {
            folders.push(ORGANISATIONS.to_owned());
        }
        Self { root, folders, known }
    }

    /// The path of the garden's own file in the repository.
    pub fn garden_file(root: &str) -> String {
        match root.trim_matches('/') {
            "" => GARDEN_FILE.to_owned(),
            root => format!("{root}/{GARDEN_FILE}"),
        }
    }

    /// The folders that hold organisations, relative to the repository.
    pub(crate) fn folders(&self) -> impl Iterator<Item = String> {
        self.folders.iter().map(|folder| match self.root.as_str() {
            "" => folder.clone(),
            root => format!("{root}/{folder}"),
        })
    }

    /// What a file may say by its path, which is relative to the repository.
    pub fn place(&self, path: &str) -> FilePlace {
        let inside = match self.root.as_str() {
            "" => Some(path),
            root => path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')),
        };
        let Some(inside) = inside.filter(|inside| path::is_plain(inside)) else { return FilePlace::Misleading };
        let Some(folder) =
            self.folders.iter().find(|folder| path::is_below(&path::folded(inside), &path::folded(folder)))
        else {
            return if inside == GARDEN_FILE { FilePlace::GardenFile } else { FilePlace::Garden };
        };
        if !path::is_below(inside, folder) {
            return FilePlace::Misleading;
        }
        let file = inside.rsplit('/').next().unwrap_or(inside);
        let called = file.strip_suffix(".kdl").and_then(|called| Name::new(called).ok());
        called.map_or(FilePlace::Misnamed, FilePlace::Organisation)
    }
}

fn no_folder(folder: &Value) -> Finding {
    Finding::error(NO_FOLDER, format!("`{}` cannot hold organisations", folder.text), folder.span)
        .help("name folders below the garden's own, apart from each other: `organisations \"organisations\"`")
}

/// Places the files of a garden in the folder `root` of its repository, each with its path; what does not count where it
/// stands is a finding.
pub fn place(files: Vec<(String, CheckedFile)>, root: &str, findings: &mut Findings) -> Vec<Arc<PlacedFile>> {
    let own = Boundary::garden_file(root);
    let garden_file = files.iter().find(|(path, _)| *path == own).map(|(_, file)| file);
    let boundary = Boundary::of(root, garden_file, findings);
    files.into_iter().map(|(path, file)| Arc::new(boundary.admit(&path, file, findings))).collect()
}

#[cfg(test)]
mod tests;
