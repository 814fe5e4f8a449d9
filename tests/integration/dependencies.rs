//! Every dependency of `Cargo.toml` is used: a name that no file imports costs building time and reads as a promise.

use std::collections::BTreeSet;
use std::path::Path;

/// Dependencies that no file imports, and what they are for.
const NOT_IMPORTED: &[(&str, &str)] =
    &[("libz-sys", "its feature `static` is what is wanted: git2 then asks for no zlib of the system")];

#[test]
fn every_dependency_is_imported_or_says_why_not() {
    let manifest = std::fs::read_to_string("Cargo.toml").unwrap();
    let sources: String = ["src", "tests", "benches"].iter().map(|folder| code_of(Path::new(folder))).collect();
    let excused: BTreeSet<&str> = NOT_IMPORTED.iter().map(|(name, _)| *name).collect();
    let unused: BTreeSet<&str> =
        dependencies(&manifest).into_iter().filter(|name| !is_imported(name, &sources)).collect();
    assert_eq!(unused, excused, "left: imported by no file; right: those with a reason");
}

/// The names in the tables of dependencies, as `Cargo.toml` spells them.
fn dependencies(manifest: &str) -> BTreeSet<&str> {
    let mut in_table = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if let Some(table) = line.strip_prefix('[') {
            in_table = table.trim_end_matches(']').ends_with("dependencies");
        } else if let (true, false, Some((name, _))) = (in_table, line.starts_with('#'), line.split_once('=')) {
            found.insert(name.trim());
        }
    }
    found
}

/// Whether a path begins with the crate: `use name::…`, `name::…`, `use name;`.
fn is_imported(name: &str, sources: &str) -> bool {
    let path = name.replace('-', "_");
    let begins =
        |at: usize| !sources[..at].ends_with(|before: char| before.is_alphanumeric() || "_:.".contains(before));
    let goes_on = |after: &str| after.starts_with("::") || after.starts_with(';') || after.starts_with(" as ");
    sources.match_indices(&path).any(|(at, _)| begins(at) && goes_on(&sources[at + path.len()..]))
}

/// The code of every `.rs` file below a folder, without lines that only comment.
fn code_of(folder: &Path) -> String {
    let mut code = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            code.push_str(&code_of(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            lines.for_each(|line| {
                code.push_str(line);
                code.push('\n');
            });
        }
    }
    code
}
