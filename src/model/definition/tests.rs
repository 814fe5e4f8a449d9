//! The built-in definitions load without a finding, and what they say is what the tables say.

use super::*;
use crate::finding::Findings;
use crate::schema;
use crate::syntax::{self, Document};

/// The documents of the built-in files, as the schema accepted them.
fn documents(sources: &mut Sources, findings: &mut Findings) -> Vec<Document> {
    let files = built_in(sources);
    let parsed = files.into_iter().map(|file| syntax::parse(file, &sources.file(file).text.clone(), findings));
    let parsed: Vec<Document> = parsed.collect();
    parsed.into_iter().map(|document| schema::check(document, findings).document).collect()
}

fn shown(sources: &Sources, findings: &Findings) -> Vec<String> {
    let line = |finding: &Finding| {
        let why = finding.why.as_deref().unwrap_or_default();
        format!(
            "{}: {}: {} ({why}) {:?}",
            sources.locate(finding.primary.span),
            finding.code.as_str(),
            finding.title,
            finding.help
        )
    };
    findings.iter().map(line).collect()
}

#[test]
fn the_built_in_definitions_have_no_finding() {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let documents = documents(&mut sources, &mut findings);
    let definitions = load_built_in(&documents, &mut findings);
    assert_eq!(shown(&sources, &findings), Vec::<String>::new());
    let names: Vec<&str> = definitions.loaded.keys().map(Name::as_str).collect();
    assert_eq!(names, ["decidim", "hedgedoc", "keycloak", "nextcloud", "rocket-chat", "static-site"]);
}

/// A definition around a part of one: what the part does not say itself is added.
fn around(part: &str) -> String {
    let add = |word: &str, text: &'static str| if part.contains(word) { "" } else { text };
    format!(
        "edition 2026\ndefinition forum {{\nabout \"A forum.\"\n{}{}{part}\n}}\n",
        add("releases {", "releases { channel stable 2; release 2 image=\"docker.io/example/forum:2.1\"; }\n"),
        add("workload web", "workload web { port http 8080; }\n"),
    )
}

fn codes(part: &str) -> Vec<&'static str> {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let built_in = Definitions::built_in(&mut sources);
    let text = around(part);
    let file = sources.add(SourceFile::new("definitions/forum.kdl", &text));
    let document = syntax::parse(file, &text, &mut findings);
    let checked = schema::check(document, &mut findings);
    let placed = crate::model::place(vec![("definitions/forum.kdl".to_owned(), checked)], "", &mut findings);
    let _definitions = built_in.with(&placed, &mut findings);
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn the_examples_of_the_pages_are_as_bad_and_as_good_as_they_say() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings");
    let of_apps = ["E0250", "E0512", "E0520", "E0521", "W0520"];
    let mut pages = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is in the repository") {
        let path = entry.expect("a readable entry").path();
        let code = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let ours = ["E025", "E026", "E05", "W05"].iter().any(|start| code.starts_with(start));
        if !ours || of_apps.contains(&code.as_str()) {
            continue;
        }
        let page = std::fs::read_to_string(&path).expect("a page is UTF-8");
        let block = |word: &str| page.split_once(word).and_then(|(_, rest)| rest.split_once("```")).expect("a block").0;
        let (bad, good) = (codes(block("```kdl bad")), codes(block("```kdl good")));
        assert!(bad.contains(&code.as_str()), "{code}: the bad example has {bad:?}");
        assert!(good.iter().all(|found| *found == "W0502" && code != "W0502"), "{code}: the good example has {good:?}");
        pages += 1;
    }
    assert_eq!(pages, 26);
}

#[test]
fn a_rule_and_a_test_show_the_values_that_broke_them() {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let documents = documents(&mut sources, &mut findings);
    let definitions = load_built_in(&documents, &mut findings);
    let nextcloud = &definitions.loaded["nextcloud"];
    let grants = |amount: u64| {
        let memory = crate::quantity::Quantity { dimension: crate::quantity::Dimension::Size, amount };
        Value::map([("offer", Value::text("liiibre")), ("grants", Value::map([("memory", Value::Quantity(memory))]))])
    };
    let environment = Environment::new().with("settings", Value::map([("office", Value::text("onlyoffice"))]));
    let rule = &nextcloud.rules[0];
    assert_eq!(rule.broken(&environment.clone().with("org", grants(16 << 30)), rule.span, |_| None), None);
    let finding = rule.broken(&environment.with("org", grants(4 << 30)), rule.span, |_| None).expect("a finding");
    assert_eq!(finding.title, "online office needs more memory than liiibre grants");
    let why = "the rule `office-needs-memory`: `settings.office` is `onlyoffice`, `org.grants.memory` is 4 GiB";
    assert_eq!(finding.why.as_deref(), Some(why));
    assert_eq!(finding.help, ["choose another offer, or set `office none`"]);

    let deployment = serde_json::json!({ "spec": { "replicas": 2 } });
    let objects = objects_value("cloud", [("Deployment", "cloud-web", &deployment)]);
    let failures = nextcloud.tests[0].failures(&Environment::new().with("objects", objects));
    assert_eq!(failures[0].code.as_str(), "E0521");
    assert_eq!(failures[0].why.as_deref(), Some("`objects.Deployment.web.spec.replicas` is 2"));
    assert_eq!(failures[1].why.as_deref(), Some("`objects.CronJob.cron.spec.schedule` is absent"));
}

/// What a setting of a built-in definition makes of one line, and the codes of what is wrong with it.
fn decoded(definition: &str, line: &str) -> (String, Vec<&'static str>) {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let documents = documents(&mut sources, &mut findings);
    let definitions = load_built_in(&documents, &mut findings);
    let file = sources.add(SourceFile::new("a.kdl", line));
    let node = syntax::parse(file, line, &mut findings).nodes.remove(0);
    let declaration = &definitions.loaded[definition].settings[&node.name.value];
    let value = decode(declaration, &written(declaration, &node, crate::model::Layer::App), &mut findings);
    (value.to_string(), findings.iter().map(|finding| finding.code.as_str()).collect())
}

#[test]
fn settings_are_decoded_by_their_declared_type() {
    let good = |line: &str| {
        let (value, codes) = decoded("nextcloud", line);
        assert_eq!(codes, Vec::<&str>::new(), "{line}");
        value
    };
    assert_eq!(good("storage 120 GiB"), "120 GiB");
    assert_eq!(good("modules calendar deck"), "[`calendar`, `deck`]");
    assert_eq!(good("modules"), "[]");
    assert_eq!(good("scale min=2 max=8"), "{cpu-percent: 70, max: 8, min: 2}");
    assert_eq!(good("nights asleep from=\"22:00\" to=\"06:30\""), "{from: `22:00`, is: `asleep`, to: `06:30`}");
    assert_eq!(good("backup { every night; keep daily=7; }"), "{every: {is: `night`}, keep: {daily: 7}}");
    assert_eq!(
        good("upgrade window=\"22:00\" days=\"monday tuesday\""),
        "{days: [`monday`, `tuesday`], window: `22:00`}"
    );
    assert_eq!(good("version 1.10"), "`1.10`");
}

#[test]
fn settings_that_do_not_fit_are_findings() {
    let codes = |line: &str| decoded("nextcloud", line).1;
    assert_eq!(codes("storage"), ["E0104"]);
    assert_eq!(codes("storage 120"), ["E0203"]);
    assert_eq!(codes("storage 120 hours"), ["E0203"]);
    assert_eq!(codes("storage 1 GiB 2 GiB"), ["E0105"]);
    assert_eq!(codes("storage 1 GiB from=x"), ["E0106"]);
    assert_eq!(codes("office onlyofice"), ["E0202"]);
    assert_eq!(codes("modules calendar dek"), ["E0202"]);
    assert_eq!(codes("scale min=6 max=4"), ["E0250"]);
    assert_eq!(codes("scale min=0"), ["E0205"]);
    assert_eq!(codes("scale mni=2"), ["E0106"]);
    assert_eq!(codes("nights sleeping"), ["E0202"]);
    assert_eq!(codes("backup { evry night; }"), ["E0101"]);
    assert_eq!(codes("at \"https://example.org\""), ["E0204"]);
    assert_eq!(decoded("static-site", "title \"<b>\"").1, ["E0205"]);
}

#[test]
fn every_setting_of_the_built_in_definitions_is_explained() {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let documents = documents(&mut sources, &mut findings);
    for definition in load_built_in(&documents, &mut findings).loaded.values() {
        for setting in definition.settings.values() {
            assert!(setting.about.is_some(), "{}: {}", definition.name, setting.name);
        }
    }
}

#[test]
fn the_tests_of_a_definition_meet_every_option_of_its_choices() {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let documents = documents(&mut sources, &mut findings);
    for definition in load_built_in(&documents, &mut findings).loaded.values() {
        for setting in definition.settings.values().filter(|setting| !setting.common) {
            let SettingType::Choice(options) = &setting.kind else { continue };
            for (word, _) in options {
                let is_default = setting.default == Some(Value::text(word));
                let said =
                    definition.tests.iter().flat_map(|test| &test.given).any(|node| {
                        node.name.value == setting.name && node.arg(0).is_some_and(|arg| arg.text == *word)
                    });
                assert!(is_default || said, "{}: no test has `{} {word}`", definition.name, setting.name);
            }
        }
    }
}
