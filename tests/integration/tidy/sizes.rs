//! How long files and functions are.

use std::collections::BTreeMap;

use super::tokens::{Token, after_group, reads, tokens, without_tests};
use super::{files, without_inline_tests};

/// More lines than this are a reason to look for two things in one.
const LONG_FUNCTION: usize = 70;
const LONG_FILE: usize = 400;

/// Files and functions that are longer, with the reason. What is longer no more is to be taken off.
const LONG: &[(&str, &str)] = &[
    ("src/plan/decide/reason.rs", "one closed list of reasons for each verb"),
    ("src/plan/tests/world.rs: world", "one object of each kind, for all tests of plans"),
    ("src/sandbox/controllers/operators.rs", "a simulated operator after the other"),
    ("tests/integration/hostile.rs: much_of_anything", "a list of what there can be much of"),
    ("tests/integration/mutation/kinds/mod.rs", "a list of mistakes"),
    (
        "tests/integration/stories_others.rs: an_ejected_organisation_keeps_everything_and_is_nobodys",
        "one story, each step of which stands on the one before",
    ),
];

/// The functions of a file with their lengths in lines, from `fn` to the closing brace.
fn functions<'a>(tokens: &[Token<'a>]) -> Vec<(&'a str, usize)> {
    let mut functions = Vec::new();
    for at in 0..tokens.len() {
        if tokens[at].text != "fn" || !tokens.get(at + 1).is_some_and(|name| name.is_word()) {
            continue;
        }
        let mut body = at + 2;
        while body < tokens.len() && tokens[body].text != "{" && tokens[body].text != ";" {
            body = if ["(", "["].contains(&tokens[body].text) { after_group(tokens, body) } else { body + 1 };
        }
        if reads(tokens, body, &["{"]) {
            let end = after_group(tokens, body) - 1;
            functions.push((tokens[at + 1].text, tokens[end].line - tokens[at].line + 1));
        }
    }
    functions
}

#[test]
fn files_and_functions_are_short_or_say_why_not() {
    let mut long = BTreeMap::new();
    for folder in ["src", "tests", "benches"] {
        for (path, text) in files(folder, ".rs") {
            let path = path.display().to_string();
            let lines = without_inline_tests(&text).lines().count();
            for (name, lines) in functions(&without_tests(&tokens(&text))) {
                if lines > LONG_FUNCTION {
                    long.insert(format!("{path}: {name}"), lines);
                }
            }
            if lines > LONG_FILE {
                long.insert(path, lines);
            }
        }
    }
    let excused: BTreeMap<&str, &str> = LONG.iter().copied().collect();
    assert_eq!(excused.len(), LONG.len(), "an entry stands twice");
    let mut wrong = String::new();
    for (place, lines) in long.iter().filter(|(place, _)| !excused.contains_key(place.as_str())) {
        wrong.push_str(&format!("{place}: {lines} lines\n"));
    }
    for place in excused.keys().filter(|place| !long.contains_key(**place)) {
        wrong.push_str(&format!("{place}: no longer long: take it off the list\n"));
    }
    assert!(wrong.is_empty(), "over {LONG_FILE} lines a file or {LONG_FUNCTION} a function:\n{wrong}");
}

#[test]
fn functions_are_measured_to_their_closing_brace() {
    let text = "fn a(b: [u8; 2]) -> C\nwhere\n    D: E,\n{\n    \"}\"\n}\ntrait T {\n    fn f();\n}\nconst fn g() {}\n";
    assert_eq!(functions(&tokens(text)), [("a", 6), ("g", 1)]);
}
