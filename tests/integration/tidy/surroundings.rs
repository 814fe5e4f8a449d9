//! What tests may do to the machine they run on: who starts processes, and how long anybody sleeps.

use super::files;
use super::tokens::{Token, reads, tokens};

/// Who may start a process.
const STARTS_PROCESSES: &[(&str, &str)] = &[
    ("tests/integration/command.rs", "the one builder of surroundings"),
    ("tests/integration/programs.rs", "plain tools, in the same surroundings"),
    ("benches/garden.rs", "starts itself, so that each size has its own memory"),
    ("tests/integration/dependencies.rs", "asks cargo for the packages and their licences"),
    ("benches/scale.rs", "starts itself, so that each size has its own memory"),
];

/// How many milliseconds a test may sleep.
const LONG_SLEEP: u64 = 500;

/// Who may sleep for longer, or for a time that does not stand where it sleeps.
const SLEEPS: &[(&str, &str)] = &[
    (
        "tests/integration/sandbox_process.rs",
        "a process is killed after this and that time of its work, none over half a second",
    ),
    ("tests/integration/stories_loop.rs", "that nothing happens shows only after a while"),
    ("tests/integration/stories_process.rs", "a whole process is asked to end at moments that its start decides"),
];

/// The lines of a file that hold these tokens.
fn lines_with(text: &str, what: &[&str]) -> Vec<usize> {
    let tokens = tokens(text);
    (0..tokens.len()).filter(|at| reads(&tokens, *at, what)).map(|at| tokens[at].line).collect()
}

#[test]
fn processes_are_started_in_surroundings_of_their_own_only() {
    for folder in ["tests", "benches"] {
        for (path, text) in files(folder, ".rs") {
            let is_known = STARTS_PROCESSES.iter().any(|(known, _)| path.ends_with(known));
            let starts = lines_with(&text, &["process", "::", "Command"]).len()
                + lines_with(&text, &["Command", "::", "new"]).len()
                + lines_with(&text, &["\"CARGO_BIN_EXE_parcelle\""]).len();
            assert_eq!(starts > 0, is_known, "{}: starts {starts} processes", path.display());
        }
    }
}

/// The sleeps of a file by line: how many milliseconds, where that is a number.
fn sleeps(tokens: &[Token<'_>]) -> Vec<(usize, Option<u64>)> {
    let mut sleeps = Vec::new();
    for at in 1..tokens.len() {
        if !reads(tokens, at, &["sleep", "("]) || tokens[at - 1].text == "fn" {
            continue;
        }
        let literal = reads(tokens, at + 2, &["Duration", "::"]) && reads(tokens, at + 5, &["("]);
        let unit = tokens.get(at + 4).map(|unit| unit.text).filter(|_| literal);
        let number = tokens.get(at + 6).and_then(|number| number.text.replace('_', "").parse::<u64>().ok());
        let millis = match unit {
            Some("from_millis") => number,
            Some("from_micros") => number.map(|number| number / 1000),
            Some("from_secs") => number.map(|number| number * 1000),
            _ => None,
        };
        sleeps.push((tokens[at].line, millis));
    }
    sleeps
}

#[test]
fn no_test_sleeps_where_it_could_wait_for_what_happens() {
    let mut wrong = String::new();
    for (path, text) in files("tests", ".rs") {
        let long: Vec<_> = sleeps(&tokens(&text));
        let long: Vec<_> = long.iter().filter(|(_, millis)| millis.is_none_or(|millis| millis > LONG_SLEEP)).collect();
        let excused = SLEEPS.iter().any(|(known, _)| path.ends_with(known));
        if excused == long.is_empty() {
            wrong.push_str(&format!("{}: {long:?}, excused: {excused}\n", path.display()));
        }
    }
    assert!(wrong.is_empty(), "sleeps of over {LONG_SLEEP} ms, or of an unknown time (line, milliseconds):\n{wrong}");
}

#[test]
fn sleeps_are_found_however_they_are_written() {
    let text = "tokio::time::sleep(Duration::from_millis(1_200)).await; sleep(Duration::from_secs(1)); thread::sleep(x);\n\
                fn sleep() {} // sleep(x)";
    assert_eq!(sleeps(&tokens(text)), [(1, Some(1200)), (1, Some(1000)), (1, None)]);
}
