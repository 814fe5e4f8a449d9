//! Entries of a garden's folder that look like files of the garden and are not read, with the reason.
//!
//! One rule decides for a commit and for files on disk: regular files that end in `.kdl` count, below folders that do not
//! start with a dot, down to [`DEEPEST_FOLDER`]. On disk Git decides too: what it ignores, or keeps for another repository,
//! is part of no commit.

use super::DEEPEST_FOLDER;

/// An entry that is not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PassedOver {
    /// Path relative to the repository, with `/`; bytes that are no UTF-8 are replaced.
    pub(crate) path: String,
    /// Why it is not read.
    pub(crate) why: PassedOverReason,
}

/// Why an entry is not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PassedOverReason {
    /// It ends in `.KDL` or `.Kdl`.
    Extension,
    /// A symbolic link to a file.
    Link,
    /// A symbolic link to a folder.
    LinkedFolder,
    /// A submodule, or a repository inside of the garden's.
    Submodule,
    /// Its name is no UTF-8.
    Name,
    /// A folder that starts with a dot and holds KDL files.
    Hidden,
    /// A folder below the deepest that is read.
    Deep,
    /// Git ignores it.
    Ignored,
    /// It is no regular file: a pipe, a socket, a device.
    Special,
    /// It is read, and a filter of Git makes another text of it that commits hold.
    Filtered,
}

impl PassedOverReason {
    /// What a finding says of the entry, after "not read: ".
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::Extension => "its name does not end in `.kdl`, in small letters",
            Self::Link => "it is a symbolic link",
            Self::LinkedFolder => "it is a symbolic link to a folder",
            Self::Submodule => "it is a repository of its own inside of this one",
            Self::Name => "its name is not UTF-8",
            Self::Hidden => "its name starts with a dot",
            Self::Deep => "it lies too deep",
            Self::Ignored => "Git ignores it, so no commit holds it",
            Self::Special => "it is no regular file",
            Self::Filtered => "what commits hold of it: a filter of Git makes that of the file on disk",
        }
    }

    /// What to do about it.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Extension => {
                "rename it to end in `.kdl`, or in something else where it is no file of the garden".into()
            }
            Self::Link => "put the file itself there; a link could lead outside of the garden".into(),
            Self::LinkedFolder => "put the folder itself there; a link could lead outside of the garden".into(),
            Self::Submodule => "commit its files to this repository, or move it out of the garden's folder".into(),
            Self::Name => "rename it: letters, digits, `-`, `_` and `.` are read the same everywhere".into(),
            Self::Hidden => "rename it where its files are of the garden; move it elsewhere where they are not".into(),
            Self::Deep => format!("move it up: {DEEPEST_FOLDER} folders below the garden's are read"),
            Self::Ignored => "take the line that matches it out of `.gitignore`, or rename the file".into(),
            Self::Special => "put a file there".into(),
            Self::Filtered => "`--commit HEAD` reads what is committed, as `run` does; to have it read as it is, say `*.kdl -filter` in `.gitattributes`".into(),
        }
    }
}

impl PassedOverReason {
    /// Why a regular file of a name is not read; absent where it is, or looks like something else.
    pub(super) fn of_file(name: &str, is_utf8: bool) -> Option<Self> {
        match () {
            () if !looks_kdl(name) || is_scratch(name) => None,
            () if !is_utf8 => Some(Self::Name),
            () if name.starts_with('.') => Some(Self::Hidden),
            () if !is_kdl(name) => Some(Self::Extension),
            () => None,
        }
    }

    /// Why a symbolic link of a name is not read.
    pub(super) fn of_link(name: &str) -> Option<Self> {
        (looks_kdl(name) && !is_scratch(name)).then_some(Self::Link)
    }
}

/// The most entries below folders that are not read that are looked at for KDL files.
pub(super) const MOST_HIDDEN: usize = 2_000;

/// The most entries that are told.
const MOST_TOLD: usize = 50;

/// What was passed over: the first entries, and how many there are besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassedOverEntries {
    pub(crate) first: Vec<PassedOver>,
    pub(crate) more: usize,
}

impl PassedOverEntries {
    /// Adds an entry.
    pub(super) fn push(&mut self, path: String, why: PassedOverReason) {
        if self.first.len() < MOST_TOLD {
            self.first.push(PassedOver { path, why });
        } else {
            self.more += 1;
        }
    }

    /// Puts the entries in order of their paths.
    pub(super) fn sort(&mut self) {
        self.first.sort();
    }
}

/// Whether a file is an editor's or a system's own: a lock of Emacs, what macOS keeps beside a file.
fn is_scratch(name: &str) -> bool {
    name.starts_with(".#") || name.starts_with("._")
}

/// Whether a name ends in `.kdl`.
pub(super) fn is_kdl(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension == "kdl")
}

/// Whether a name ends in `.kdl`, in letters of any size.
pub(super) fn looks_kdl(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("kdl"))
}

/// The path that a relative link leads to, seen from the folder that it lies in; absent where it leads out of the repository.
pub(super) fn link_target(folder: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_path_of_the_repository_or_nowhere() {
        assert_eq!(link_target("orgs/organisations", "../other/./a").as_deref(), Some("orgs/other/a"));
        assert_eq!(link_target("orgs", "..").as_deref(), Some(""));
        assert_eq!(link_target("orgs", "../../etc"), None);
        assert_eq!(link_target("", "/etc/passwd"), None);
    }

    #[test]
    fn names_of_files_are_told_by_their_end() {
        assert!(is_kdl("a.kdl") && is_kdl(".kdl") && !is_kdl("kdl") && !is_kdl("a.KDL"));
        assert!(looks_kdl("a.KDL") && looks_kdl("a.Kdl") && !looks_kdl("a.kdl~"));
    }
}
