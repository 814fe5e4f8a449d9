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

/// The texts in quotes on the line of `deny.toml` that begins so.
fn of_deny(begin: &str) -> Vec<String> {
    let file = include_str!("../../deny.toml");
    let line = file.lines().find(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("no line {begin}"));
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every package that the program is built from on this platform, as cargo knows them.
fn packages() -> Vec<serde_json::Value> {
    let host = if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-gnu" } else { "x86_64-unknown-linux-gnu" };
    let cargo = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version=1", "--filter-platform", host])
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let all: serde_json::Value = serde_json::from_slice(&cargo.stdout).unwrap();
    all["packages"].as_array().unwrap().clone()
}

/// Whether a licence expression can be met with what is allowed. An `/` of old manifests means `OR`.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    let outside = |word: &'static str| {
        let mut depth = 0_i32;
        let mut parts = vec![String::new()];
        for token in expression.replace('/', " OR ").split_inclusive([' ', '(', ')']) {
            depth += i32::try_from(token.matches('(').count()).unwrap();
            if depth == 0 && token.trim() == word {
                parts.push(String::new());
            } else {
                parts.last_mut().unwrap().push_str(token);
            }
            depth -= i32::try_from(token.matches(')').count()).unwrap();
        }
        parts
    };
    let (any, every) = (outside("OR"), outside("AND"));
    let inner = expression.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    match (any.len(), every.len(), inner) {
        (2.., _, _) => any.iter().any(|part| is_met(part, allowed)),
        (_, 2.., _) => every.iter().all(|part| is_met(part, allowed)),
        (_, _, Some(inner)) => is_met(inner, allowed),
        _ => allowed.iter().any(|known| known == expression.trim()),
    }
}

#[test]
fn licences_bans_and_sources_are_those_of_deny_toml() {
    let allowed = of_deny("allow = ");
    let banned = of_deny("deny = [{");
    let packages = packages();
    assert!(packages.len() > 100, "cargo names its packages");
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let license = package["license"].as_str().unwrap_or_default();
        assert!(is_met(license, &allowed), "{name}: {license:?} is not allowed by deny.toml");
        let own = package["source"].is_null() && name == "parcelle";
        let source = package["source"].as_str().unwrap_or_default();
        assert!(own || source.contains("crates.io-index"), "{name} comes from {source:?}");
    }
    // What other platforms would bring counts too.
    let lock = include_str!("../../Cargo.lock");
    for name in banned {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is banned by deny.toml");
    }
}

#[test]
fn licences_are_met_by_what_is_allowed() {
    let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned(), "Unicode-3.0".to_owned()];
    for good in ["MIT", "GPL-3.0 OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0", "MIT/Unlicense"] {
        assert!(is_met(good, &allowed), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND GPL-3.0", "GPL-3.0 OR (MIT AND GPL-2.0)"] {
        assert!(!is_met(bad, &allowed), "{bad}");
    }
}
