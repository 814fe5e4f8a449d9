//! The kept inputs of the fuzz targets, replayed: what once was a find, and what reaches far.

#![expect(clippy::disallowed_methods, reason = "reads the kept inputs")]

use std::path::Path;

mod targets;

/// Runs a target over its kept inputs, and over each of them cut short.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new("tests/fuzzed").join(target);
    let mut kept: Vec<_> =
        std::fs::read_dir(&folder).expect("kept inputs").map(|entry| entry.unwrap().path()).collect();
    kept.sort();
    assert!(kept.len() > 3, "{target} has kept inputs");
    for path in kept {
        let data = std::fs::read(&path).unwrap();
        println!("{}", path.display());
        run(&data);
        run(&data[..data.len() / 2]);
    }
}

#[test]
fn files_of_organisations() {
    replay("file", targets::file);
}

#[test]
fn expressions_of_definitions() {
    replay("expression", targets::expression);
}

#[test]
fn trees_of_repositories() {
    replay("tree", targets::tree);
}

#[test]
fn saved_plans() {
    replay("saved_plan", targets::saved_plan);
}

#[test]
fn the_targets_reach_what_they_are_about() {
    let whole = "edition 2026\n\norganisation fuzzed {\n    title Fuzzed\n    cluster ada\n    offer open\n    domain fuzzed.example\n    \
                 app static-site www { title \"A page\"; patch Deployment www-web { spec { minReadySeconds 3; }; }; }\n}\n";
    let checked = targets::checked("organisations/fuzzed.kdl", whole.as_bytes());
    assert!(!checked.findings.has_errors(), "{:#?}", checked.findings);
    assert_eq!(checked.objects.len(), 2);
    for (expression, code) in [
        ("0settings.word + 'x'", None),
        ("1size(settings.words) > 2", None),
        ("2settings.words", None),
        ("3settings.number == 7", None),
        ("0settings.number +", Some("E0501")),
        ("2settings.none", Some("E0505")),
        ("3settings.number == 8", Some("E0521")),
    ] {
        let definition = targets::definition(expression.as_bytes());
        let checked = targets::checked("definitions/fuzzed.kdl", definition.as_bytes());
        let codes = checked.findings.iter().map(|finding| finding.code.as_str());
        let codes: Vec<&str> = codes.filter(|code| code.starts_with('E')).collect();
        assert_eq!(codes, code.into_iter().collect::<Vec<_>>(), "{expression}: {:#?}", checked.findings);
    }
}
