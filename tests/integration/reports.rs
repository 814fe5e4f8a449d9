//! Reports of every case, held against what those who read them ask for.

use std::collections::BTreeSet;
use std::sync::Arc;

use parcelle::finding::{Code, Finding, Findings};
use parcelle::report::{Format, render};
use parcelle::source::{SourceFile, Sources, Span};
use serde_json::Value;

use crate::findings::{cases, found, read_case};

/// The findings of every case.
fn all() -> Vec<(String, Arc<Sources>, Findings)> {
    let read = |path: std::path::PathBuf| {
        let case = read_case(&std::fs::read_to_string(&path).unwrap());
        let (sources, findings) = found(&case, &case.files);
        (path.display().to_string(), sources, findings)
    };
    cases().into_iter().map(read).collect()
}

/// What SARIF 2.1.0 requires of the objects that are written, and what their numbers must agree with.
fn assert_sarif(report: &Value, of: &str) {
    assert_eq!(report["version"], "2.1.0", "{of}");
    let run = &report["runs"][0];
    let driver = &run["tool"]["driver"];
    assert!(driver["name"].is_string() && run["columnKind"] == "unicodeCodePoints", "{of}");
    let rules = driver["rules"].as_array().unwrap();
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "{of}: each rule stands once");
    for rule in rules {
        assert!(
            ["shortDescription", "fullDescription", "help"].iter().all(|part| is_text(&rule[part]["text"])),
            "{of}"
        );
        assert!(is_level(&rule["defaultConfiguration"]["level"]), "{of}");
    }
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"], "{of}");
        assert!(is_text(&result["message"]["text"]) && is_level(&result["level"]), "{of}: {result}");
        assert!(is_text(&result["partialFingerprints"]["primaryLocationLineHash"]), "{of}");
        assert_location(&result["locations"][0], of);
        for related in result["relatedLocations"].as_array().into_iter().flatten() {
            assert!(related["id"].is_u64() && is_text(&related["message"]["text"]), "{of}");
            assert_location(related, of);
        }
        for fix in result["fixes"].as_array().into_iter().flatten() {
            assert!(is_text(&fix["description"]["text"]), "{of}");
            for change in fix["artifactChanges"].as_array().unwrap() {
                assert_uri(&change["artifactLocation"]["uri"], of);
                let replacements = change["replacements"].as_array().unwrap();
                assert!(!replacements.is_empty(), "{of}");
                replacements.iter().for_each(|one| assert_region(&one["deletedRegion"], of));
                assert!(replacements.iter().all(|one| one["insertedContent"]["text"].is_string()), "{of}");
            }
        }
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

fn is_level(value: &Value) -> bool {
    value.as_str().is_some_and(|level| ["none", "note", "warning", "error"].contains(&level))
}

fn assert_location(location: &Value, of: &str) {
    assert_uri(&location["physicalLocation"]["artifactLocation"]["uri"], of);
    assert_region(&location["physicalLocation"]["region"], of);
}

fn assert_uri(uri: &Value, of: &str) {
    let uri = uri.as_str().unwrap();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~/%!$&'()*+,;=@".contains(c);
    assert!(!uri.is_empty() && uri.chars().all(allowed), "{of}: {uri}");
}

fn assert_region(region: &Value, of: &str) {
    let number = |name: &str| region[name].as_u64().unwrap();
    let start = (number("startLine"), number("startColumn"));
    let end = (number("endLine"), number("endColumn"));
    assert!(start.0 >= 1 && start.1 >= 1 && start <= end, "{of}: {region}");
}

#[test]
fn sarif_reports_have_the_form_that_the_standard_asks_for() {
    for (of, sources, findings) in all() {
        let text = render(Format::Sarif, &findings, &sources, false);
        assert_sarif(&serde_json::from_str(&text).unwrap(), &of);
    }
}

#[test]
fn gitlab_fingerprints_are_each_of_one_finding_and_survive_lines_inserted_above() {
    let prints = |findings: &Findings, sources: &Sources| -> Vec<String> {
        let report: Value = serde_json::from_str(&render(Format::Gitlab, findings, sources, false)).unwrap();
        let print = |entry: &Value| entry["fingerprint"].as_str().unwrap().to_owned();
        let mut prints: Vec<String> = report.as_array().unwrap().iter().map(print).collect();
        prints.sort();
        prints
    };
    for path in cases() {
        let case = read_case(&std::fs::read_to_string(&path).unwrap());
        let (sources, findings) = found(&case, &case.files);
        let before = prints(&findings, &sources);
        let distinct: BTreeSet<&String> = before.iter().collect();
        assert_eq!(distinct.len(), before.len(), "{}", path.display());
        let edition = "edition 2026\n";
        let lower = |(path, text): &(String, String)| {
            (path.clone(), text.replacen(edition, &format!("{edition}\n// added later\n\n"), 1))
        };
        let lowered: Vec<(String, String)> = case.files.iter().map(lower).collect();
        let (sources, findings) = found(&case, &lowered);
        assert_eq!(prints(&findings, &sources), before, "{}", path.display());
    }
}

#[test]
fn github_lines_cannot_be_broken_out_of() {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("a,b:c%.kdl", "title x\n", ""));
    let mut findings = Findings::default();
    let hostile = "one\n::error::two 100%, three: `four`\r";
    findings.push(Finding::error(Code("E0101"), hostile, Span::new(file, 0..5)).why(hostile).help(hostile));
    let text = render(Format::Github, &findings, &sources, false);
    assert_eq!(text.lines().count(), 1, "{text}");
    let (properties, message) = text.trim_end().strip_prefix("::error ").unwrap().split_once("::").unwrap();
    assert!(properties.starts_with("file=a%2Cb%3Ac%25.kdl,line=1,endLine=1,col=1,endColumn=6,title=E0101%3A "));
    assert!(message.contains("one%0A::error::two 100%25, three: `four`%0D"), "{message}");
    for (of, sources, findings) in all() {
        let text = render(Format::Github, &findings, &sources, false);
        assert!(text.lines().all(|line| line.starts_with("::")), "{of}: {text}");
    }
}
