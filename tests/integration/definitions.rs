//! Definitions as data: `tests/cases/definitions/*.case`.
//!
//! A case is one or more files, each under `--- path`, then `=== definition` and what is found in them, as short lines
//! with label, further places, why, help and fixes indented. `PARCELLE_BLESS=1` writes what is found into the files.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use parcelle::finding::{Applicability, Finding, Findings, Severity};
use parcelle::model::Definitions;
use parcelle::source::{SourceFile, Sources};
use parcelle::{schema, syntax};

/// Reads files and loads their definitions over the built-in ones.
fn load(files: &[(String, String)]) -> (Sources, Findings, Definitions) {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let built_in = Definitions::built_in(&mut sources);
    let mut checked = Vec::new();
    for (path, text) in files {
        let file = sources.add(SourceFile::new(path, text));
        let document = syntax::parse(file, text, &mut findings);
        checked.push((path.clone(), schema::check(document, &mut findings)));
    }
    let placed = parcelle::model::place(checked, "", &mut findings);
    let definitions = built_in.with(&placed, &mut findings);
    findings.sort();
    (sources, findings, definitions)
}

fn describe(sources: &Sources, finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "hint",
    };
    let mut out =
        format!("{}: {severity}[{}]: {}\n", sources.locate(finding.primary.span), finding.code.as_str(), finding.title);
    let marked = sources.text(finding.primary.span);
    let _ = writeln!(out, "    marks: {}", marked.lines().next().unwrap_or_default());
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

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/definitions");
    let entries = fs::read_dir(folder).expect("the folder is in the repository");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    cases.sort();
    cases
}

fn files_of(text: &str) -> Vec<(String, String)> {
    let sections = text.strip_prefix("--- ").expect("a case begins with `--- path`").split("\n--- ");
    let file = |section: &str| section.split_once('\n').map(|(path, text)| (path.to_owned(), text.to_owned()));
    sections.map(|section| file(section).expect("a path has a line of its own")).collect()
}

#[test]
fn every_case_of_a_definition_finds_what_it_says() {
    let bless = std::env::var_os("PARCELLE_BLESS").is_some();
    let mut wrong = String::new();
    for path in cases() {
        let text = fs::read_to_string(&path).expect("a case is UTF-8");
        let (files, expected) = text.split_once("=== definition\n").expect("a case has `=== definition`");
        let (sources, findings, _) = load(&files_of(files));
        let found: String = findings.iter().map(|finding| describe(&sources, finding)).collect();
        if found == expected {
            continue;
        }
        if bless {
            fs::write(&path, format!("{files}=== definition\n{found}")).expect("the case can be written");
        } else {
            let _ = write!(wrong, "{}\nexpected\n{expected}found\n{found}\n", path.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nPARCELLE_BLESS=1 writes what was found");
}

#[test]
fn a_definition_with_an_error_is_broken_and_its_neighbours_are_not() {
    let built_in = load(&[]).2.loaded.len();
    for path in cases() {
        let text = fs::read_to_string(&path).expect("a case is UTF-8");
        let (files, _) = text.split_once("=== definition\n").expect("a case has `=== definition`");
        let (_, findings, definitions) = load(&files_of(files));
        let is_broken = definitions.broken.iter().any(|name| name.as_str() == "forum");
        assert_eq!(is_broken, findings.has_errors(), "{}", path.display());
        assert_eq!(definitions.loaded.len(), built_in + usize::from(!is_broken), "{}", path.display());
    }
}

#[test]
fn the_reference_for_who_writes_an_organisation_is_two_pages_and_names_every_word() {
    use parcelle::report::reference;
    use parcelle::schema::Language;
    let language = Language::embedded();
    let file = reference::file(language, "organisation").expect("it is a kind of file");
    let settings = reference::common_settings(parcelle::check::built_in_definitions().common.values());
    assert!(file.lines().count() + settings.lines().count() < 100, "two pages:\n{file}\n{settings}");
    for word in ["title", "offer", "cluster", "contact", "app", "retired", "keep-data", "storage", "nights", "peak"] {
        assert!(file.contains(&format!("`{word}")) || settings.contains(&format!("`{word}")), "`{word}`\n{file}");
    }
    for kind in reference::FILES {
        assert!(reference::file(language, kind).is_some(), "{kind}");
    }
}

#[test]
fn every_modifier_of_a_setting_has_an_example_in_the_reference() {
    use parcelle::report::reference;
    use parcelle::schema::Language;
    let file = reference::file(Language::embedded(), "definition").expect("it is a kind of file");
    let (_, table) = file.split_once("## Modifiers of a setting").expect("the table is there");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    for modifier in
        ["required", "default", "range", "pattern", "allow", "option", "repeatable", "only-grows", "immutable"]
            .into_iter()
            .chain(["about", "example", "was", "deprecated", "computed", "setting", "property"])
    {
        let row = rows.iter().find(|row| row.starts_with(&format!("| `{modifier}`"))).expect(modifier);
        assert!(!row.contains("``") && !row.contains("|  |"), "{row}");
    }
}

#[test]
fn the_example_over_another_definition_loads_and_its_tests_hold() {
    let text = include_str!("../../examples/definitions/keycloak-scim.kdl.txt").to_owned();
    let (sources, mut findings, definitions) = load(&[("definitions/keycloak-scim.kdl".to_owned(), text)]);
    parcelle::render::rules::tests_of_definitions(&definitions, None, &mut findings);
    let found: Vec<String> = findings.iter().map(|finding| describe(&sources, finding)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(definitions.loaded["keycloak-scim"].uses.contains("keycloak"));
}
