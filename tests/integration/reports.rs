//! Reports of every case, held against what those who read them ask for.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use parcelle::finding::{Code, Finding, Findings};
use parcelle::report::{Drawing, Format, render};
use parcelle::source::{SourceFile, Sources, Span};

use regex::Regex;
use serde_json::Value;

use crate::findings::{cases, found, read_case};
use crate::schema_check::violations;

/// A case by its path, and what is found in it.
type Found = (String, Arc<Sources>, Findings);

/// The findings of every case, sought once for all tests.
fn all() -> impl Iterator<Item = &'static Found> {
    static ALL: LazyLock<Vec<Found>> = LazyLock::new(|| {
        let read = |path: std::path::PathBuf| {
            let case = read_case(&std::fs::read_to_string(&path).unwrap());
            let (sources, findings) = found(&case, &case.files);
            (path.display().to_string(), sources, findings)
        };
        // One after the other: a check holds the memo of all cases while it waits for workers, who must not wait for it.
        cases().into_iter().map(read).collect()
    });
    ALL.iter()
}

/// The parts of SARIF 2.1.0 that are written, as a schema of our own.
fn sarif_schema() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/reports/sarif.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What is wrong with a report: its form, and where its parts do not agree with each other.
fn sarif_violations(schema: &Value, report: &Value) -> Vec<String> {
    let mut found = violations(schema, report);
    let run = &report["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().map_or(&[][..], Vec::as_slice);
    let ids: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
    if ids.len() < rules.len() {
        found.push("a rule stands twice".to_owned());
    }
    let links_of = Regex::new(r"[^\\]\]\((\d+)\)").unwrap();
    for (at, result) in run["results"].as_array().into_iter().flatten().enumerate() {
        let index = result["ruleIndex"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX);
        if rules.get(index).is_none_or(|rule| rule["id"] != result["ruleId"]) {
            found.push(format!("result {at}: `ruleIndex` is another rule"));
        }
        let related = result["relatedLocations"].as_array().map_or(&[][..], Vec::as_slice);
        let message = result["message"]["text"].as_str().unwrap_or_default();
        let links = links_of.captures_iter(message).map(|link| link[1].parse().unwrap());
        let links: BTreeSet<u64> = links.collect();
        if links != related.iter().filter_map(|place| place["id"].as_u64()).collect() {
            found.push(format!("result {at}: the links of the message are not the related locations"));
        }
        let places = result["locations"].as_array().into_iter().flatten().chain(related);
        let regions = places.map(|place| &place["physicalLocation"]["region"]);
        let changes =
            result["fixes"].as_array().into_iter().flatten().filter_map(|fix| fix["artifactChanges"].as_array());
        let replaced = changes.flatten().filter_map(|change| change["replacements"].as_array()).flatten();
        let all = regions.chain(replaced.map(|one| &one["deletedRegion"]));
        found.extend(
            all.filter(|region| !is_ordered(region))
                .map(|region| format!("result {at}: {region} ends before it starts")),
        );
    }
    found
}

fn is_ordered(region: &Value) -> bool {
    let number = |name: &str| region[name].as_u64().unwrap_or_default();
    (number("startLine"), number("startColumn")) <= (number("endLine"), number("endColumn"))
}

#[test]
fn sarif_reports_have_the_form_that_the_standard_asks_for() {
    let schema = sarif_schema();
    for (of, sources, findings) in all() {
        let text = render(Format::Sarif, findings, sources, Drawing::Plain);
        let found = sarif_violations(&schema, &serde_json::from_str(&text).unwrap());
        assert!(found.is_empty(), "{of}: {found:#?}");
    }
}

/// A report with related places and fixes.
fn rich_report() -> Value {
    let rich = all().find(|(_, _, findings)| {
        findings.iter().any(|finding| !finding.secondary.is_empty())
            && findings.iter().any(|finding| !finding.fixes.is_empty())
    });
    let (_, sources, findings) = rich.expect("a case has both");
    serde_json::from_str(&render(Format::Sarif, findings, sources, Drawing::Plain)).unwrap()
}

/// The JSON pointers of everything in a report.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut go = |name: &str, part: &Value| {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        all.push(at.clone());
        pointers(part, &at, all);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, part)| go(name, part)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, part)| go(&i.to_string(), part)),
        _ => {}
    }
}

/// What may be taken away from a report and leave a good one.
const OPTIONAL: &[&str] = &["originalUriBaseIds", "uriBaseId", "fixes", "markdown", "description"];

#[test]
fn a_wrong_sarif_report_is_recognised_whatever_part_of_it_is_wrong() {
    let (schema, report) = (sarif_schema(), rich_report());
    let mut all = Vec::new();
    pointers(&report, "", &mut all);
    assert!(all.len() > 50, "the report is too poor: {all:?}");
    for pointer in all {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut other_kind = report.clone();
        *other_kind.pointer_mut(&pointer).unwrap() = Value::Bool(true);
        let is_free = pointer.ends_with("description/text") && pointer.contains("originalUriBaseIds");
        let free = pointer.contains("originalUriBaseIds") && (is_free || name == "description");
        assert!(free || !sarif_violations(&schema, &other_kind).is_empty(), "{pointer} of another kind is taken");
        if let Some(map) = report.pointer(parent).and_then(Value::as_object).filter(|_| !OPTIONAL.contains(&name)) {
            let mut without = report.clone();
            without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(&name.replace("~1", "/"));
            let related = pointer.contains("relatedLocations") && name == "message" || pointer.contains("originalUri");
            assert!(related || !sarif_violations(&schema, &without).is_empty(), "{pointer} may be missing of {map:?}");
        }
    }
}

#[test]
fn nothing_that_a_garden_says_becomes_a_link_or_a_placeholder_of_sarif() {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("c nâm [1].kdl", "title x\n"));
    let mut findings = Findings::default();
    let hostile = "see [this](http://x.example) and {0} }";
    findings.push(Finding::error(Code::new("E0101"), hostile, Span::new(file, 0..5)).why(hostile).help(hostile));
    let text = render(Format::Sarif, &findings, &sources, Drawing::Plain);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(sarif_violations(&sarif_schema(), &report).is_empty(), "{text}");
    let result = &report["runs"][0]["results"][0];
    let message = result["message"]["text"].as_str().unwrap();
    assert!(message.starts_with("see \\[this\\](http://x.example) and {{0}} }}\n"), "{message}");
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "c%20n%C3%A2m%20%5B1%5D.kdl");
}

#[test]
fn gitlab_fingerprints_are_each_of_one_finding_and_survive_lines_inserted_above() {
    let prints = |findings: &Findings, sources: &Sources| -> Vec<String> {
        let report: Value = serde_json::from_str(&render(Format::Gitlab, findings, sources, Drawing::Plain)).unwrap();
        let print = |entry: &Value| entry["fingerprint"].as_str().unwrap().to_owned();
        let mut prints: Vec<String> = report.as_array().unwrap().iter().map(print).collect();
        prints.sort();
        prints
    };
    for (path, (_, sources, findings)) in cases().into_iter().zip(all()) {
        let case = read_case(&std::fs::read_to_string(&path).unwrap());
        let before = prints(findings, sources);
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
    let file = sources.add(SourceFile::new("a,b:c%.kdl", "title x\n"));
    let mut findings = Findings::default();
    let hostile = "one\n::error::two 100%, three: `four`\r";
    findings.push(Finding::error(Code::new("E0101"), hostile, Span::new(file, 0..5)).why(hostile).help(hostile));
    let text = render(Format::Github, &findings, &sources, Drawing::Plain);
    assert_eq!(text.lines().count(), 1, "{text}");
    let (properties, message) = text.trim_end().strip_prefix("::error ").unwrap().split_once("::").unwrap();
    assert!(properties.starts_with("file=a%2Cb%3Ac%25.kdl,line=1,endLine=1,col=1,endColumn=6,title=E0101%3A "));
    assert!(message.contains("one%0A::error::two 100%25, three: `four`%0Ahelp"), "{message}");
    for (of, sources, findings) in all() {
        let text = render(Format::Github, findings, sources, Drawing::Plain);
        assert!(text.lines().all(|line| line.starts_with("::")), "{of}: {text}");
    }
}
