//! What a merge of two commits would make of a garden: three versions of each of its files, of which one comes out.
//!
//! Nothing is written to the repository, and nothing outside of the garden is looked at: the files are those of snapshots, whose
//! number and size are limited, whatever the trees of the commits are.

use std::collections::{BTreeMap, BTreeSet};

use super::{LARGEST_FILE, RawFile, Repository, Snapshot};

/// The garden that a merge would make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Merged {
    /// The files of both sides go together.
    Clean(Snapshot),
    /// Both sides edited the same lines of these files; in order of their paths.
    Conflicts(Vec<String>),
}

impl Repository {
    /// How many commits `tip` has that `commit` has not.
    pub(crate) fn commits_beyond(&self, tip: &str, commit: &str) -> Option<usize> {
        let id =
            |revision: &str| self.inner().revparse_single(revision).ok()?.peel_to_commit().ok().map(|found| found.id());
        self.inner().graph_ahead_behind(id(tip)?, id(commit)?).ok().map(|(ahead, _)| ahead)
    }
}

/// Merges two gardens that both began from `base`. A file that one side moved while the other edited it is a conflict.
pub(crate) fn merged(base: &Snapshot, ours: &Snapshot, theirs: &Snapshot) -> Merged {
    let by_path = |snapshot: &'_ Snapshot| -> BTreeMap<String, RawFile> {
        snapshot.files.iter().map(|file| (file.path.clone(), file.clone())).collect()
    };
    let (base, our, their) = (by_path(base), by_path(ours), by_path(theirs));
    let paths: BTreeSet<&String> = base.keys().chain(our.keys()).chain(their.keys()).collect();
    let (mut files, mut conflicts) = (Vec::new(), Vec::new());
    for path in paths {
        let (before, one, other) = (base.get(path), our.get(path), their.get(path));
        let blob = |file: Option<&RawFile>| file.map(|file| file.blob.clone());
        let chosen = if blob(one) == blob(other) || blob(before) == blob(other) {
            Some(one.cloned())
        } else if blob(before) == blob(one) {
            Some(other.cloned())
        } else {
            both(path, before, one, other).map(Some)
        };
        match chosen {
            Some(file) => files.extend(file),
            None => conflicts.push(path.clone()),
        }
    }
    if conflicts.is_empty() {
        Merged::Clean(Snapshot { commit: None, files, ..ours.clone() })
    } else {
        Merged::Conflicts(conflicts)
    }
}

/// A file that both sides edited, merged line by line; nothing where the same lines differ, or one side has it no more.
fn both(path: &str, before: Option<&RawFile>, one: Option<&RawFile>, other: Option<&RawFile>) -> Option<RawFile> {
    let (one, other) = (one?, other?);
    // What is too large to be read is there as blanks alone.
    if [before, Some(one), Some(other)].into_iter().flatten().any(|file| file.bytes.len() > LARGEST_FILE) {
        return None;
    }
    let merged = git2::merge_file(&input(before), &input(Some(one)), &input(Some(other)), None).ok()?;
    merged.is_automergeable().then(|| RawFile::of(path, merged.content().to_vec()))
}

/// A version of a file as libgit2 merges it; one that is not there is empty.
fn input(file: Option<&RawFile>) -> git2::MergeFileInput<'_> {
    let mut input = git2::MergeFileInput::new();
    input.content(file.map_or(&[][..], |file| &file.bytes));
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    fn garden(files: &[(&str, &str)]) -> Snapshot {
        Snapshot::of(files.iter().map(|(path, text)| RawFile::of(path, text.as_bytes().to_vec())).collect())
    }

    /// The merged files, or the paths that conflict.
    fn merge(
        base: &[(&str, &str)],
        one: &[(&str, &str)],
        other: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, String> {
        match merged(&garden(base), &garden(one), &garden(other)) {
            Merged::Clean(snapshot) => {
                let text = |file: RawFile| (file.path, String::from_utf8_lossy(&file.bytes).into_owned());
                Ok(snapshot.files.into_iter().map(text).collect())
            }
            Merged::Conflicts(paths) => Err(paths.join(" ")),
        }
    }

    #[test]
    fn edits_of_different_files_and_of_different_lines_go_together() {
        let lines = "a\nb\nc\nd\ne\nf\n";
        let base = [("one", lines), ("two", "x\n"), ("gone", "y\n")];
        let one = [("one", "A\nb\nc\nd\ne\nf\n"), ("two", "x\n")];
        let other = [("gone", "y\n"), ("new", "z\n"), ("one", "a\nb\nc\nd\ne\nF\n"), ("two", "X\n")];
        let merged = merge(&base, &one, &other).expect("nothing conflicts");
        let expected = [("new", "z\n"), ("one", "A\nb\nc\nd\ne\nF\n"), ("two", "X\n")];
        assert_eq!(merged, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn the_same_line_edited_twice_and_a_file_that_one_side_deleted_conflict() {
        let base = [("deleted", "a\n"), ("same", "a\n"), ("twice", "a\n")];
        let one = [("deleted", "b\n"), ("new", "1\n"), ("same", "b\n"), ("twice", "b\n")];
        let other = [("new", "2\n"), ("same", "b\n"), ("twice", "c\n")];
        assert_eq!(merge(&base, &one, &other), Err("deleted new twice".to_owned()));
    }

    #[test]
    fn halves_that_both_sides_take_out_leave_an_empty_file() {
        let text = "a\nb\nc\nd\n";
        assert_eq!(
            merge(&[("f", text)], &[("f", "a\nb\nc\n")], &[("f", "b\nc\nd\n")]),
            Ok(vec![("f".to_owned(), "b\nc\n".to_owned())])
        );
    }
}
