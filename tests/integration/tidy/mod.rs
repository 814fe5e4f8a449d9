//! The repository in order: pages and cases of codes here; arrows between modules, sizes, names and what tests may do beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

mod codes;
mod layers;
mod limits;
mod model;
mod names;
mod sizes;
mod surroundings;
mod tokens;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the repository that end so, with their text.
fn files(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let text = fs::read_to_string(&path).expect("a text of the repository");
                files.push((path.strip_prefix(root()).expect("it lies below").to_owned(), text));
            }
        }
    }
    files.sort();
    files
}

/// The text of a source file before its tests.
fn without_inline_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

/// The codes that stand in a text as `E0000` or `W0000`.
fn codes(text: &str) -> BTreeSet<String> {
    let is_code = |word: &&str| {
        word.len() == 5 && word.starts_with(['E', 'W', 'H']) && word[1..].bytes().all(|byte| byte.is_ascii_digit())
    };
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_code).map(str::to_owned).collect()
}

/// The codes that findings are made with.
fn codes_made() -> BTreeMap<String, PathBuf> {
    let mut made = BTreeMap::new();
    for (path, text) in files("src", ".rs") {
        for part in without_inline_tests(&text).split("Code::new(\"").skip(1) {
            let code = part.split('"').next().unwrap_or_default().to_owned();
            made.entry(code).or_insert_with(|| path.clone());
        }
    }
    assert!(made.len() > 100, "codes are made in another way than this looks for");
    made
}

#[test]
fn every_code_has_a_page() {
    let has_page = |code: &str| parcelle::report::page(code).is_some();
    let missing: Vec<_> = codes_made().into_iter().filter(|(code, _)| !has_page(code)).collect();
    assert!(missing.is_empty(), "no page in docs/findings, or no row in src/report/pages.rs: {missing:#?}");
}

#[test]
fn every_code_has_a_case() {
    let mut shown = BTreeSet::new();
    for (_, text) in files("tests", ".case").into_iter().chain(files("tests/cases/plan", ".json")) {
        shown.extend(codes(&text));
    }
    let tests = files("tests", ".rs").into_iter().filter(|(path, _)| !path.starts_with("tests/integration/tidy"));
    for (_, text) in tests.chain(files("tests", ".txt")) {
        shown.extend(codes(&text));
    }
    for (path, text) in files("src", ".rs") {
        let is_test = path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
        shown.extend(codes(if is_test { &text } else { &text[without_inline_tests(&text).len()..] }));
    }
    let missing: Vec<_> = codes_made().into_iter().filter(|(code, _)| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "no case in tests/cases/findings: {missing:#?}");
}

#[test]
fn every_page_is_of_a_code_and_short() {
    let made = codes_made();
    let pages: Vec<&str> = parcelle::report::pages().collect();
    assert!(pages.is_sorted_by(|one, next| one < next), "pages stand in order, each once: {pages:?}");
    for code in pages {
        let page = parcelle::report::page(code).expect("it was just listed");
        assert!(made.contains_key(code), "docs/findings/{code}.md is of no code");
        assert!(page.lines().count() <= 60, "docs/findings/{code}.md is longer than a screen");
        assert!(page.starts_with(&format!("# {code}")), "docs/findings/{code}.md begins with `# {code}: title`");
    }
}

/// The KDL blocks of a page under an info string.
fn blocks<'a>(page: &'a str, info: &str) -> Vec<&'a str> {
    let fence = format!("```{info}\n");
    page.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn examples_on_the_pages_of_the_syntax_do_what_they_say() {
    use parcelle::{finding::Findings, source::FileId, syntax};
    for code in parcelle::report::pages().filter(|code| code.starts_with("E00") || code.starts_with("W000")) {
        let page = parcelle::report::page(code).expect("it was just listed");
        let found = |text: &str| {
            let mut findings = Findings::default();
            syntax::parse(FileId(0), text, &mut findings);
            findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>()
        };
        for bad in blocks(page, "kdl bad") {
            assert!(found(bad).contains(&code), "{code}: {:?} of\n{bad}", found(bad));
        }
        for good in blocks(page, "kdl good") {
            assert!(found(good).is_empty(), "{code}: {:?} of\n{good}", found(good));
        }
    }
}
