//! The log of the loop: one style, as text and as JSON lines, with errors in it and nothing else beside it.

use serde_json::Value;

use crate::command::{Output, TestEnvironment};

const GARDEN: &str = "edition 2026\n\ngarden logs {\n    title \"Logs\"\n    \
                      ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n\ncluster ada {\n    title \"Ada\"\n    \
                      uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    timezone \"Europe/Paris\"\n    network { nodes \"203.0.113.0/26\"; api-server \"203.0.113.2\"; }\n    provides {\n        \
                      route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n}\n";

fn organisation(name: &str, more: &str) -> String {
    format!(
        "edition 2026\n\norganisation {name} {{\n    title {name}\n    cluster ada\n    domain {name}.example\n    app \
         static-site www {{ title \"{name}\"; }}\n{more}}}\n"
    )
}

/// Two organisations, of which findings stop one, in a commit.
fn place() -> (TestEnvironment, String) {
    let place = TestEnvironment::new();
    place.garden([
        ("garden.kdl", GARDEN),
        ("organisations/alpha.kdl", &organisation("alpha", "")),
        ("organisations/beta.kdl", &organisation("beta", "    tytle Beta\n    app nextclout cloud\n")),
    ]);
    let commit = place.commit("a garden\nwith a second line");
    (place, commit)
}

/// Each line of standard error as the object that it is.
#[track_caller]
fn lines(said: &Output) -> Vec<Value> {
    let lines: Vec<Value> = said
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    for line in &lines {
        let time = line["time"].as_str().unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok() && time.ends_with('Z'), "{time}");
        let level = line["level"].as_str().unwrap();
        assert!(["error", "warn", "info", "debug", "trace"].contains(&level), "{level}");
        assert!(!line["message"].as_str().unwrap().is_empty());
    }
    assert!(!lines.is_empty(), "nothing was said");
    lines
}

fn field<'a>(line: &'a Value, name: &str) -> &'a str {
    line[name].as_str().unwrap_or_default()
}

#[test]
fn each_line_of_a_json_log_has_time_level_message_and_whose_it_is() {
    let (place, commit) = place();
    let said = place.run(["run", "--once", "--sandbox", "--log-format", "json"]);
    assert_eq!((said.code, said.stdout.as_str()), (1, ""), "{}", said.text());
    let lines = lines(&said);
    for line in said.stderr.lines() {
        assert!(line.starts_with("{\"time\":\"2026-11-20T11:0"), "the time of the test comes first: {line}");
    }
    // What was planned and done of an organisation.
    for what in ["planned: ", "done: "] {
        let line = lines.iter().find(|line| field(line, "message").starts_with(what)).unwrap();
        assert_eq!((field(line, "organisation"), field(line, "commit")), ("alpha", commit.as_str()), "{line}");
        assert_eq!((field(line, "cluster"), field(line, "level")), ("ada", "info"), "{line}");
    }
    // A finding of many lines is one, and whose it is.
    let found: Vec<&Value> = lines.iter().filter(|line| line["fields"]["code"].is_string()).collect();
    assert!(found.len() >= 2, "{}", said.stderr);
    for finding in found {
        assert_eq!((field(finding, "organisation"), field(finding, "commit")), ("beta", commit.as_str()), "{finding}");
        assert_eq!((field(finding, "level"), &finding["fields"]["file"]), ("error", &"organisations/beta.kdl".into()));
        assert!(finding["fields"]["line"].as_u64() > Some(4), "{finding}");
    }
    // The same by the environment, as a manifest sets it.
    let environment = [("PARCELLE_LOG_FORMAT", "json"), ("PARCELLE_LOG_LEVEL", "error")];
    let said = place.run_with(&environment, ["run", "--once", "--sandbox"]);
    assert!(self::lines(&said).iter().all(|line| field(line, "level") == "error"), "{}", said.stderr);
}

#[test]
fn a_text_log_has_the_same_lines_in_one_style() {
    let (place, commit) = place();
    let run = |format: &str| {
        let said = place.run(["run", "--once", "--sandbox", "--sandbox-state", "none", "--log-format", format]);
        assert_eq!((said.code, said.stdout.as_str()), (1, ""), "{}", said.text());
        said
    };
    let (json, text) = (run("json"), run("text"));
    let objects = lines(&json);
    assert_eq!(objects.len(), text.stderr.lines().count(), "{}\n{}", json.stderr, text.stderr);
    for (line, object) in text.stderr.lines().zip(&objects) {
        let words: Vec<&str> = line.split_whitespace().take(4).collect();
        assert!(words[0].parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert_eq!(words[1].to_lowercase(), field(object, "level"), "{line}");
        let or_none = |name| Some(field(object, name)).filter(|text| !text.is_empty()).unwrap_or("-");
        assert_eq!(words[2], or_none("organisation"), "{line}");
        assert!(words[3] == "-" || words[3] == &commit[..12], "{line}");
        assert_eq!(words[3] == "-", or_none("commit") == "-", "{line}");
        assert!(line.contains(field(object, "message").lines().next().unwrap()), "{line}\n{object}");
    }
}

#[test]
fn failures_are_lines_of_the_log_too() {
    let (place, _) = place();
    let json = ["--log-format", "json"];
    for (arguments, message) in [
        (&["run", "--once", "--sandbox", "--repo", "/nowhere/at all"][..], "/nowhere/at all"),
        (&["run", "--once", "--sandbox", "--branch", "nope"], "has no branch `nope`"),
        (&["run", "--repo", "/nowhere", "--sandbox", "--sandbox-state", "none", "--once", "-q"], "/nowhere"),
        (&["run", "--once", "--interval", "0s"], "it must be longer than nothing"),
        (&["run", "--once", "--nonsense"], "--nonsense"),
        (&["run", "--once", "--garden", "/nowhere"], "/nowhere"),
    ] {
        let said = place.run(arguments.iter().chain(&json));
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{arguments:?}: {}", said.text());
        let lines = lines(&said);
        let last = lines.last().unwrap();
        assert_eq!(field(last, "level"), "error", "{last}");
        assert!(field(last, "message").contains(message), "{last}");
    }
    // A cluster that does not answer.
    let said = place.run(["run", "--once", "--log-format=json"]);
    let lines = lines(&said);
    let failed = lines.iter().find(|line| field(line, "cluster") == "ada" && field(line, "level") == "error");
    assert!(failed.is_some_and(|line| field(line, "message").contains("failed: ")), "{}", said.stderr);
}

#[test]
fn a_loop_writes_a_log_and_nothing_to_standard_output() {
    let (place, commit) = place();
    let own = ["run", "--sandbox", "--sandbox-state", "none", "--interval", "1s"];
    for (more, json) in [(&[][..], false), (&["--log-format", "json"], true)] {
        let mut daemon = place.spawn(own.iter().chain(more));
        let done = daemon.wait_for("done: ");
        assert!(done.contains("done: ") && done.contains(&commit[..12]) && done.contains("alpha"), "{done}");
        daemon.wait_for(" in 1 organisation.");
        daemon.terminate();
        let said = daemon.end();
        assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.text());
        if json {
            lines(&said);
        }
    }
    // What a reader asks for by its format stands on standard output, beside the log.
    let said = place.run(["run", "--once", "--sandbox", "--format", "json", "--log-format", "json"]);
    assert!(serde_json::from_str::<Value>(&said.stdout).unwrap()["plan"].is_object());
    lines(&said);
}

#[test]
fn the_level_of_a_log_can_be_set() {
    let (place, _) = place();
    let run = |more: &[&'static str]| {
        let own = ["run", "--once", "--sandbox", "--sandbox-state", "none", "--log-format", "json"];
        lines(&place.run(own.iter().chain(more)))
    };
    let has = |lines: &[Value], level: &str| lines.iter().any(|line| field(line, "level") == level);
    let info = run(&[]);
    assert!(has(&info, "info") && has(&info, "error") && !has(&info, "debug"), "{info:#?}");
    for quiet in [&["--quiet"][..], &["--log-level", "error"]] {
        let lines = run(quiet);
        assert!(lines.iter().all(|line| field(line, "level") == "error"), "{lines:#?}");
    }
    let loud = run(&["-q", "--log-level", "info"]);
    assert!(has(&loud, "info"), "{loud:#?}");
    // What libraries trace is a line like all others.
    let trace = run(&["--log-level", "trace"]);
    assert!(has(&trace, "trace") || has(&trace, "debug"), "{trace:#?}");
}
