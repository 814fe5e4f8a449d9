//! The repository in order: arrows between modules, pages and cases of codes, sizes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From how many lines on a function or file is named.
const LONG_FUNCTION: usize = 70;
const LONG_FILE: usize = 400;

/// Codes whose case is still to be written.
const OWED_CASES: &[&str] = &[];

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
fn without_tests(text: &str) -> &str {
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
        for part in without_tests(&text).split("Code(\"").skip(1) {
            let code = part.split('"').next().unwrap_or_default().to_owned();
            made.entry(code).or_insert_with(|| path.clone());
        }
    }
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
    let this = Path::new("tests/integration/tidy.rs");
    let tests = files("tests", ".rs").into_iter().filter(|(path, _)| path != this);
    for (_, text) in tests.chain(files("tests", ".txt")) {
        shown.extend(codes(&text));
    }
    for (path, text) in files("src", ".rs") {
        let is_test = path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
        shown.extend(codes(if is_test { &text } else { &text[without_tests(&text).len()..] }));
    }
    shown.extend(OWED_CASES.iter().map(|code| (*code).to_owned()));
    let missing: Vec<_> = codes_made().into_iter().filter(|(code, _)| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "no case in tests/cases/findings: {missing:#?}");
}

#[test]
fn every_page_is_of_a_code_and_short() {
    let made = codes_made();
    for code in parcelle::report::pages() {
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
            findings.iter().map(|finding| finding.code.0).collect::<Vec<_>>()
        };
        for bad in blocks(page, "kdl bad") {
            assert!(found(bad).contains(&code), "{code}: {:?} of\n{bad}", found(bad));
        }
        for good in blocks(page, "kdl good") {
            assert!(found(good).is_empty(), "{code}: {:?} of\n{good}", found(good));
        }
    }
}

/// The modules in the order of `src/lib.rs`.
fn modules() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("the library has a root");
    let named = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    named.map(str::to_owned).collect()
}

/// The module of a file below `src`.
fn module_of(path: &Path) -> String {
    let first = path.components().nth(1).expect("a file below src");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

#[test]
fn a_module_uses_only_modules_above_it() {
    let order = modules();
    let rank = |module: &str| order.iter().position(|known| known == module);
    let mut wrong = Vec::new();
    for (path, text) in files("src", ".rs") {
        let Some(own) = rank(&module_of(&path)) else { continue };
        for (number, line) in without_tests(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for used in code.split("crate::").skip(1) {
                let end = used.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(used.len());
                if rank(&used[..end]).is_some_and(|used| used > own) {
                    wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "modules use what stands below them in src/lib.rs:\n{}", wrong.join("\n"));
}

/// The functions of a text with their lengths in lines, told by indentation.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let words = trimmed.trim_start_matches("pub").trim_start_matches("(super)").trim_start_matches("(crate)");
        let words = words.trim_start().trim_start_matches("const ").trim_start_matches("async ");
        let Some(rest) = words.strip_prefix("fn ") else { continue };
        let indent = &line[..line.len() - trimmed.len()];
        let end = lines[at..].iter().position(|line| *line == format!("{indent}}}"));
        let name = rest.split(['(', '<']).next().unwrap_or_default();
        functions.push((name.to_owned(), end.map_or(1, |end| end + 1)));
    }
    functions
}

/// Warns only: long is sometimes clearer, and then it says why where it stands.
#[test]
fn long_files_and_functions_are_named() {
    for (path, text) in files("src", ".rs") {
        let text = without_tests(&text);
        let length = text.lines().count();
        if length > LONG_FILE {
            println!("{}: {length} lines", path.display());
        }
        for (name, length) in functions(text).into_iter().filter(|(_, length)| *length > LONG_FUNCTION) {
            println!("{}: {name}: {length} lines", path.display());
        }
    }
}
