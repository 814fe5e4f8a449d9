//! What holds for every text: reading never fails, formatting loses nothing and is done after once.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::lexer::{self, TokenKind};
use super::{Node, Value, format, parse};
use crate::finding::{Findings, Severity};
use crate::source::FileId;

/// A tree without its spans: what a text means.
fn meaning(nodes: &[Node]) -> String {
    let value = |value: &Value| format!("{:?} {:?} {}", value.scalar, value.text, value.quoted);
    let one = |node: &Node| {
        let args: Vec<String> = node.args.iter().map(value).collect();
        let props: Vec<String> =
            node.props.iter().map(|prop| format!("{}={}", prop.name.value, value(&prop.value))).collect();
        let children = meaning(&node.children);
        format!("{:?} {:?} {args:?} {props:?} {{{children}}}\n", node.note, node.name.value)
    };
    nodes.iter().map(one).collect()
}

/// All comments of a text in order, `//` inside line continuations too.
fn comments(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    let of_token = |token: &lexer::Token| match token.kind {
        TokenKind::LineComment | TokenKind::BlockComment { .. } => Some(token.text(&text).trim_end().to_owned()),
        TokenKind::LineContinuation => {
            Some(token.text(&text)[1..].trim().to_owned()).filter(|comment| !comment.is_empty())
        }
        _ => None,
    };
    lexer::lex(&text).iter().filter_map(of_token).collect()
}

fn read(text: &str) -> (String, Findings) {
    let mut findings = Findings::default();
    let document = parse(FileId(0), text, &mut findings);
    (meaning(&document.nodes), findings)
}

/// Checks the promises of the formatter on a text; whether it can be formatted.
fn holds(text: &str) -> bool {
    let Ok(once) = format(text) else { return false };
    let twice = format(&once).unwrap_or_else(|findings| panic!("{text:?} became {once:?}: {findings:?}"));
    assert_eq!(once, twice, "formatting {text:?} twice");
    assert_eq!(comments(text), comments(&once), "comments of {text:?} in {once:?}");
    assert_eq!(read(text).0, read(&once).0, "the meaning of {text:?} in {once:?}");
    true
}

fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "kdl") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn every_garden_and_schema_of_the_repository_formats_without_loss() {
    for folder in ["orgs", "schemas", "examples", "tests/cases/baseline"] {
        for path in files_below(folder) {
            let text = std::fs::read_to_string(&path).expect("a file of the repository");
            assert!(holds(&text), "{} cannot be read: {:?}", path.display(), read(&text).1);
        }
    }
}

#[test]
fn every_input_of_the_kdl_suite_that_can_be_read_formats_without_loss() {
    let mut files = files_below("tests/cases/kdl");
    // A newer suite beside the repository may be tried too.
    if let Ok(elsewhere) = std::env::var("PARCELLE_KDL_SUITE") {
        files.extend(files_below(&elsewhere));
    }
    // What is no text cannot be formatted, and is refused before.
    let texts = files.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let formatted = texts.filter(|text| holds(text)).count();
    println!("{formatted} of {} inputs are formatted", files.len());
    assert!(formatted > 180, "only {formatted} were formatted");
}

/// Pieces of KDL, well and badly put together.
const PIECES: &[&str] = &[
    "a",
    "b",
    "node",
    "x=1",
    "y = \"z\"",
    "=",
    "1",
    "-1.5",
    "50GiB",
    "22:00",
    "\"text\"",
    "\"open",
    "#\"raw\"#",
    "#true",
    "true",
    "{",
    "}",
    "{ a; }",
    " {\n",
    "\n}\n",
    "(t)",
    "(",
    ")",
    ";",
    "\n",
    "\n\n\n",
    "\r\n",
    " ",
    "  ",
    "\t",
    "/-",
    "/- ",
    "// note\n",
    "/// note\n",
    "/* in */",
    "/* a\n b */",
    "\\\n",
    "\\ // c\n",
    "\"\"\"\n  a\n  \"\"\"",
    "\"\"\"",
    "é",
    "日本",
    "'q'",
    "“q”",
    "[",
    "]",
    ",",
    "https://x.y/z",
    "${a}",
    "# hash\n",
    "r\"x\"",
    "size=10 GiB",
    "\\",
    "/",
    "/*",
    "*/",
    "\u{202E}",
    "\u{FEFF}",
    "object x y",
    "env A b",
    "\"a\\nb\"",
    "\"\\q\"",
    "<<<<<<< HEAD\n",
    "#inf",
    "a:",
    "a,",
    "\u{A0}",
];

fn soup() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

/// Pieces that make readable KDL more often.
fn broth() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(
        &[
            "a ",
            "b ",
            "\nnode ",
            "x=1 ",
            "y = \"z\" ",
            "1 ",
            "\"text\" ",
            "#\"raw\"# ",
            "#true ",
            "\n",
            "\n\n\n",
            "\r\n",
            ";",
            "; ",
            "\t",
            " /-",
            "/-c ",
            "// note\n",
            "\n/// note\n",
            "/* in */ ",
            " /* a\n b */ ",
            " \\\n",
            " \\ // c\n",
            "\"\"\"\n  a\n  \"\"\" ",
            "n { a; b 1 x=2; }\n",
            "n {\n a // c\n /* d */\n}\n",
            "n { /-a; b /-1; } // e\n",
            "n /-{ a; } { b; }\n",
            "n { m { o; } }; ",
            "é 日本 ",
            "n {}\n",
        ][..],
    );
    proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_note_above_a_lone_semicolon_stays_nobodys() {
    assert!(!holds("b y=\"z\" y=\"z\"\n/// note\n;c\n"));
    assert!(!holds("b y=\"z\" y=\"z\" \n/// note\n  ; c\n"));
    assert!(holds("b y=\"z\"; c\n/// note\nd\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tokens_joined_are_the_text(text in soup()) {
        let joined: String = lexer::lex(&text).iter().map(|token| token.text(&text)).collect();
        prop_assert_eq!(joined, text);
    }

    #[test]
    fn reading_never_fails_and_every_finding_lies_in_the_text(text in soup()) {
        let (_, findings) = read(&text);
        for finding in &findings {
            let spans = finding.fixes.iter().flat_map(|fix| &fix.edits).map(|edit| edit.span);
            for span in spans.chain([finding.primary.span]) {
                prop_assert!(text.get(span.range()).is_some(), "{:?} of {:?}", finding, text);
            }
        }
    }

    #[test]
    fn kdl_reads_what_has_no_finding(text in soup()) {
        let (_, findings) = read(&text);
        if !findings.iter().any(|finding| finding.severity == Severity::Error) {
            prop_assert!(kdl::KdlDocument::parse_v2(&text).is_ok(), "{:?}", text);
        }
    }

    #[test]
    fn formatting_loses_nothing(text in prop_oneof![soup(), broth()]) {
        holds(&text);
    }
}
