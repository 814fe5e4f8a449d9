//! Stories of hatches in plans: every plan, in every format, lists those that are in use, what is new first.

use serde_json::{Value, json};

use crate::command::TestEnvironment;
use crate::stories_hatches::garden;

/// A garden whose offer allows hatches, with these lines in the app of its only organisation.
fn allowing(environment: &TestEnvironment, lines: &str) {
    let files = garden(lines).into_iter().map(|file| {
        let text = String::from_utf8(file.bytes.to_vec()).unwrap();
        let text = text.replace("    title Small\n", "    title Small\n    allow env patch\n");
        (file.path, text)
    });
    environment.garden(files);
}

/// The hatches of a garden, and what every plan must say of them.
const HATCHES: &str = "        env LOG_LEVEL debug\n        \
     env RELAY_PASSWORD secret=relay key=password\n        \
     patch Deployment www-web { spec { minReadySeconds 20; revisionHistoryLimit 3; }; }\n        \
     field Deployment www-web \"spec.replicas\" leave\n";

const NAMES: [&str; 4] =
    ["www: env LOG_LEVEL", "www: env RELAY_PASSWORD", "www: patch Deployment www-web", "www: field Deployment www-web"];

fn has_all(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in\n{text}");
    }
}

#[test]
fn every_plan_in_every_format_lists_the_hatches_and_what_they_change() {
    let environment = TestEnvironment::new();
    allowing(&environment, "");
    environment.commit("without");
    let before = environment.run(["plan", "--sandbox", "--sandbox-state", "none"]).stdout;
    assert!(!before.contains("hatch"), "{before}");
    allowing(&environment, HATCHES);
    environment.commit("with");

    let changes = [
        "LOG_LEVEL = debug in Deployment www-web",
        "RELAY_PASSWORD = {secretKeyRef: {key: password, name: relay}} in Deployment www-web",
        "spec.minReadySeconds = 20",
        "spec.revisionHistoryLimit = 3",
        "organisations/alpha.kdl:10",
        "organisations/alpha.kdl:13",
    ];
    let text = environment.run(["plan", "--base", "HEAD~1"]).stdout;
    has_all(&text, &NAMES);
    has_all(&text, &changes);
    has_all(
        &text,
        &["4 hatches in use, 4 new or changed", "1 organisation uses hatches; 4 hatches are new or changed."],
    );

    let markdown = environment.run(["plan", "--base", "HEAD~1", "--format", "markdown"]).stdout;
    has_all(&markdown, &["4 hatches in use, 4 new or changed", "spec.minReadySeconds = 20"]);
    let (head, body) = markdown.split_once("<details").unwrap();
    for name in ["LOG_LEVEL", "RELAY_PASSWORD", "Deployment www-web", "\"spec.replicas\" leave"] {
        assert!(head.contains(name) && body.contains(name), "{name}: {markdown}");
    }

    let json: Value =
        serde_json::from_str(&environment.run(["plan", "--base", "HEAD~1", "--format", "json"]).stdout).unwrap();
    assert_eq!(json["plan"]["hatched"], 1);
    let hatches = json["plan"]["organisations"][0]["hatches"].as_array().unwrap();
    let words: Vec<&Value> = hatches.iter().map(|hatch| &hatch["word"]).collect();
    assert_eq!(words, ["env", "env", "patch", "field"]);
    assert_eq!(hatches[2]["changes"][0]["path"], "spec.minReadySeconds");
    assert_eq!(hatches[2]["changes"][0]["after"], json!({"value": 20}));
    assert_eq!(hatches[2]["origin"]["line"], 12);
    assert!(hatches.iter().all(|hatch| hatch["new"] == true));
}

#[test]
fn a_hatch_is_new_until_it_was_applied_and_is_listed_ever_after() {
    let environment = TestEnvironment::new();
    allowing(&environment, HATCHES);
    environment.commit("with");
    let sandbox = |arguments: &[&str]| {
        let output = environment.run([arguments, &["--sandbox"]].concat());
        assert!(output.code == 0, "{arguments:?}: {}", output.text());
        output.stdout
    };
    let saved = environment.path("plan.json").display().to_string();
    sandbox(&["plan", "--save", &saved]);
    let kept: Value = serde_json::from_str(&environment.read("plan.json")).unwrap();
    assert_eq!(kept["organisations"][0]["hatches"].as_array().map(Vec::len), Some(4));
    let shown = sandbox(&["apply", "--plan", &saved, "--yes"]);
    has_all(&shown, &NAMES);
    has_all(&shown, &["4 hatches are new or changed"]);

    let quiet = sandbox(&["run", "--once"]);
    has_all(&quiet, &["Nothing changes in 1 organisation.", "1 organisation uses hatches."]);
    assert!(!quiet.contains("new or changed"), "{quiet}");

    // A line that changes nothing that is rendered is news all the same; what was applied is listed after it.
    allowing(&environment, &format!("{HATCHES}        field Service www-web \"spec.sessionAffinity\" take\n"));
    environment.commit("one more");
    let plan = sandbox(&["plan", "--commit", "HEAD"]);
    has_all(&plan, &["5 hatches in use, 1 new or changed", "1 hatch is new or changed", "organisations/alpha.kdl:14"]);
    let first = plan.find("field Service www-web").unwrap();
    assert!(first < plan.find("env LOG_LEVEL").unwrap(), "what is new stands first: {plan}");
    has_all(&sandbox(&["run", "--once"]), &["field Service www-web", "1 hatch is new or changed"]);
    assert!(!sandbox(&["run", "--once"]).contains("new or changed"), "it was applied");
}

#[test]
fn what_looks_secret_in_a_hatch_is_not_shown_and_no_value_is_long() {
    let environment = TestEnvironment::new();
    let long = "x ".repeat(400);
    let lines = format!(
        "        allow E0701 \"a test\"\n        env API_TOKEN \"hunter2hunter2\"\n        env DSN \"postgres://u:hunter3@h/d\"\n        \
         env LONG \"{long}\"\n        patch Deployment www-web {{ metadata {{ annotations {{ note \"AKIAhunter4hunter4hunter4\"; }}; }}; }}\n"
    );
    allowing(&environment, &lines);
    environment.commit("with");
    for format in ["text", "json", "markdown"] {
        let arguments = ["plan", "--sandbox", "--sandbox-state", "none", "--format", format];
        let output = environment.run(arguments).stdout;
        let (head, _) = output.split_once("\"actions\"").unwrap_or((&output, ""));
        for secret in ["hunter2", "hunter3", "hunter4"] {
            assert!(!head.contains(secret), "{format}: {output}");
        }
        assert!(!head.contains(&long[..300]), "{format}");
        has_all(head, &["API"]);
        has_all(&head.replace("allow E0701", "@"), &["@"][..usize::from(format == "text")]);
    }
}
