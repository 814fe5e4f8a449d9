//! Findings as data: `tests/cases/findings/*.case`.
//!
//! A case is files, each under `--- path`, then what is found in them: `=== syntax` where only their form is read,
//! `=== findings` where they are checked as a garden (what is missing of one comes from `tests/cases/baseline/`;
//! a file without text is missing on purpose). Files under `--- applied PATH` are as they were when the garden was
//! last applied, `--- applied` alone says that the baseline was.
//! Below stand the findings as short lines, each with its further labels, why, help and fixes, indented.
//! `PARCELLE_BLESS=1` writes what is found into the files.

#![expect(clippy::disallowed_methods, reason = "cases are files of the repository")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use parcelle::check::{Memo, check_again};
use parcelle::finding::{Applicability, Finding, Findings, Severity};
use parcelle::git::{RawFile, Snapshot};
use parcelle::model::Past;
use parcelle::source::{SourceFile, Sources};
use parcelle::syntax;

/// How much of the check a case asks for.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    Syntax,
    Garden,
}

pub(crate) struct Case {
    /// What is written now.
    pub(crate) files: Vec<(String, String)>,
    /// What was written when the garden was last applied; the baseline where a case says nothing else, absent without.
    applied: Option<Vec<(String, String)>>,
    reach: Reach,
    expected: String,
}

pub(crate) fn read_case(text: &str) -> Case {
    let (files, marker, expected) = ["=== syntax\n", "=== findings\n"]
        .into_iter()
        .find_map(|marker| text.split_once(marker).map(|(files, expected)| (files, marker, expected)))
        .expect("a case has `=== syntax` or `=== findings`");
    let sections = files.strip_prefix("--- ").expect("a case begins with `--- path`").split("\n--- ");
    let files = sections.map(|section| {
        let (path, text) = section.split_once('\n').unwrap_or((section, ""));
        (path.to_owned(), text.to_owned() + if text.ends_with('\n') || text.is_empty() { "" } else { "\n" })
    });
    let reach = if marker == "=== syntax\n" { Reach::Syntax } else { Reach::Garden };
    let (applied, files): (Vec<_>, Vec<_>) =
        files.partition(|(path, _): &(String, String)| path == "applied" || path.starts_with("applied "));
    let was = |(path, text): (String, String)| Some((path.strip_prefix("applied ")?.to_owned(), text));
    let applied = (!applied.is_empty()).then(|| applied.into_iter().filter_map(was).collect());
    Case { files, applied, reach, expected: expected.to_owned() }
}

/// What is found in files of a case.
pub(crate) fn found(case: &Case, files: &[(String, String)]) -> (Arc<Sources>, Findings) {
    if case.reach == Reach::Garden {
        return found_in_garden(case, files);
    }
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    for (path, text) in files {
        let file = sources.add(SourceFile::new(path, text));
        syntax::parse(file, text, &mut findings);
    }
    findings.sort();
    (Arc::new(sources), findings)
}

/// What the whole check says of the baseline with these files over it.
fn found_in_garden(case: &Case, files: &[(String, String)]) -> (Arc<Sources>, Findings) {
    static MEMO: Mutex<Option<Memo>> = Mutex::new(None);
    let mut memo = MEMO.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let memo = memo.get_or_insert_with(Memo::default);
    let past = case.applied.as_ref().map(|applied| {
        let checked = check_again(memo, snapshot(applied), None, jiff::Timestamp::UNIX_EPOCH);
        assert!(!checked.findings.has_errors(), "{}", describe(&checked.sources, &checked.findings));
        let organisations = checked.garden.expect("the applied garden is one").organisations;
        Past { organisations, ..Past::default() }
    });
    let checked = check_again(memo, snapshot(files), past.as_ref(), jiff::Timestamp::UNIX_EPOCH);
    (checked.sources, checked.findings)
}

/// The baseline with files over it; those without text are taken away.
pub(crate) fn snapshot(files: &[(String, String)]) -> Snapshot {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/baseline");
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for part in ["", "clusters", "definitions", "offers", "organisations"] {
        for entry in fs::read_dir(folder.join(part)).expect("the folder is in the repository") {
            let path = entry.expect("a readable entry").path();
            if path.extension().is_some_and(|ext| ext == "kdl") {
                let name = path.strip_prefix(&folder).expect("it lies inside").to_string_lossy().into_owned();
                all.insert(name, fs::read_to_string(&path).expect("a file of the baseline is UTF-8"));
            }
        }
    }
    all.extend(files.iter().cloned());
    all.retain(|_, text| !text.is_empty());
    // The content stands for Git's id of it: equal texts are read once.
    let raw = |(path, text): (String, String)| RawFile { path, blob: text.clone(), bytes: text.into_bytes().into() };
    Snapshot::of(all.into_iter().map(raw).collect())
}

fn describe(sources: &Sources, findings: &Findings) -> String {
    findings.iter().map(|finding| describe_one(sources, finding)).collect()
}

fn describe_one(sources: &Sources, finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "hint",
    };
    let place = sources.locate(finding.primary.span);
    let mut out = format!("{place}: {severity}[{}]: {}\n", finding.code.as_str(), finding.title);
    if !finding.primary.text.is_empty() {
        let _ = writeln!(out, "    label: {}", finding.primary.text);
    }
    for label in &finding.secondary {
        let _ = writeln!(out, "    also {}: {}", sources.locate(label.span), label.text);
    }
    if let Some(why) = &finding.why {
        let _ = writeln!(out, "    why: {why}");
    }
    for help in &finding.help {
        let _ = writeln!(out, "    help: {help}");
    }
    for fix in &finding.fixes {
        let word = match fix.applicability {
            Applicability::Safe => "safe",
            Applicability::Guess => "guess",
            Applicability::NeedsFilling => "needs-filling",
        };
        let _ = writeln!(out, "    fix[{word}]: {}", fix.title);
    }
    out
}

pub(crate) fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/findings");
    let entries = fs::read_dir(folder).expect("the folder is in the repository");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let mut cases: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ext| ext == "case")).collect();
    cases.sort();
    cases
}

#[test]
fn every_case_finds_what_it_says() {
    let bless = std::env::var_os("PARCELLE_BLESS").is_some();
    let mut wrong = String::new();
    for path in cases() {
        let text = fs::read_to_string(&path).expect("a case is UTF-8");
        let case = read_case(&text);
        let (sources, findings) = found(&case, &case.files);
        let described = describe(&sources, &findings);
        if described == case.expected {
            continue;
        }
        if bless {
            let kept = text.len() - case.expected.len();
            fs::write(&path, format!("{}{described}", &text[..kept])).expect("the case can be written");
        } else {
            let _ = write!(wrong, "{}\nexpected\n{}found\n{described}\n", path.display(), case.expected);
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nPARCELLE_BLESS=1 writes what was found");
}
