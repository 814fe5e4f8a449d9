//! Hatches that mean harm, row by row: each is refused with its code on its line; and good ones that pass.

use std::collections::BTreeMap;

use parcelle::check::{Checked, check};
use parcelle::finding::Severity;
use parcelle::git::{RawFile, Snapshot};

const CASES: &str = include_str!("../../cases/policy/hostile.txt");
const GOOD: &str = include_str!("../../cases/policy/good.txt");

const AROUND: &str = include_str!("../../cases/policy/around.kdl");

/// An app of its own organisation with a patch or env line, or a definition of its own with an object or needs.
fn garden(rows: &[(String, String)]) -> Checked {
    let mut files: Vec<(String, String)> = AROUND
        .split("\n// --- ")
        .skip(1)
        .map(|part| part.split_once('\n').expect("a file has a name"))
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect();
    for (at, (_, text)) in rows.iter().enumerate() {
        let name = format!("org-{at}");
        let (definition, lines) = if text.starts_with("patch") || text.starts_with("env") {
            ("shop".to_owned(), text.clone())
        } else {
            let shop = files.iter().find(|(path, _)| path == "definitions/shop.kdl").expect("the shop").1.clone();
            let own = shop.replace("definition shop {", &format!("definition own-{at} {{"));
            let own = match text.strip_prefix("need ") {
                Some(need) => own.replace("    needs {", &format!("    needs {{\n        {need}")),
                None => own.replace("    workload web {", &format!("    {text}\n    workload web {{")),
            };
            files.push((format!("definitions/own-{at}.kdl"), own));
            (format!("own-{at}"), String::new())
        };
        let organisation = format!(
            "edition 2026\n\norganisation {name} {{\n    title \"{name}\"\n    offer lenient\n    cluster ada\n    \
             domain {name}.example\n    app {definition} web {{\n        {lines}\n    }}\n}}\n"
        );
        files.push((format!("organisations/{name}.kdl"), organisation));
    }
    let raw = |(path, text): (String, String)| RawFile { path, blob: text.clone(), bytes: text.into_bytes().into() };
    let snapshot = Snapshot::of(files.into_iter().map(raw).collect());
    check(snapshot, None, jiff::Timestamp::UNIX_EPOCH)
}

/// `CODE  what is written` a line.
fn rows(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once(' ').expect("a code and a text"))
        .map(|(code, text)| (code.to_owned(), text.trim().to_owned()))
        .collect()
}

/// The codes and places that are told of each row's own files.
fn told(checked: &Checked, rows: usize) -> BTreeMap<usize, Vec<(String, String, usize)>> {
    let mut told: BTreeMap<usize, Vec<_>> = (0..rows).map(|at| (at, Vec::new())).collect();
    for finding in checked.findings.iter().filter(|finding| finding.severity == Severity::Error) {
        let place = checked.sources.locate(finding.primary.span);
        let line = checked.sources.start(finding.primary.span).line;
        let file = place.split(':').next().expect("a file");
        let number = file.rsplit('-').next().and_then(|rest| rest.strip_suffix(".kdl")?.parse().ok());
        let number: usize = number.unwrap_or_else(|| panic!("{place} {} {}", finding.code, finding.title));
        told.get_mut(&number).expect("a row").push((finding.code.to_string(), finding.title.clone(), line));
    }
    told
}

#[test]
fn what_means_harm_is_refused_with_its_code_on_its_line() {
    let rows = rows(CASES);
    assert!(rows.len() >= 60, "{} rows", rows.len());
    let checked = garden(&rows);
    let mut wrong = String::new();
    for (at, told) in told(&checked, rows.len()) {
        let (code, text) = &rows[at];
        let is_hit = told.iter().any(|(found, ..)| found == code);
        // The line of the hatch, or of the need, in the file of its row.
        let lines_fit = told
            .iter()
            .all(|(.., line)| (8..=12).contains(line) || text.starts_with("need ") || text.starts_with("object"));
        if !is_hit || !lines_fit {
            wrong += &format!("{code} {text}\n    told: {told:?}\n");
        }
        let name = parcelle::name::Name::new(&format!("org-{at}")).expect("a name");
        assert!(!checked.objects.contains_key(&name), "{text} goes on");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_harms_nobody_passes() {
    let rows: Vec<(String, String)> = rows(
        &GOOD
            .lines()
            .map(|line| format!("ok {line}\n"))
            .collect::<String>()
            .replace("ok #", "#")
            .replace("ok \n", "\n"),
    );
    let checked = garden(&rows);
    let wrong: Vec<String> = told(&checked, rows.len())
        .into_iter()
        .filter(|(_, told)| !told.is_empty())
        .map(|(at, told)| format!("{}\n    {told:?}", rows[at].1))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
