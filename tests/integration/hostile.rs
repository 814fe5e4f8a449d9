//! Files that were written to do harm: one finding each, no crash, and an end.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use parcelle::finding::Findings;
use parcelle::source::FileId;
use parcelle::syntax::{self, Document, LONGEST_FILE};

/// When a test counts as one that never ends: some hundred times what it takes.
const NEVER: Duration = Duration::from_mins(20);

/// Runs a test that may never end, and fails it then. The thread is left behind.
fn to_its_end(test: fn()) {
    let (done, end) = mpsc::channel();
    let running = thread::spawn(move || {
        test();
        done.send(()).expect("somebody waits");
    });
    match end.recv_timeout(NEVER) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not come to an end"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => running.join().expect("its own failure says why"),
    }
}

/// What is read of bytes, and the codes found in them.
fn found(bytes: &[u8]) -> (Document, Vec<&'static str>) {
    let (text, mut findings) = syntax::decode(FileId(0), bytes);
    let mut of_form = Findings::default();
    let document = syntax::parse(FileId(0), &text, &mut of_form);
    findings.extend(of_form);
    (document, findings.iter().map(|finding| finding.code.as_str()).collect())
}

/// One finding, and nothing is read: a limit was met before the work that it saves.
fn assert_refused(name: &str, bytes: &[u8], code: &str) {
    let (document, codes) = found(bytes);
    assert_eq!(codes, [code], "{name}");
    assert!(document.refused || document.nodes.is_empty(), "{name} was read");
    assert!(document.nodes.iter().all(|node| node.children.is_empty()), "{name} was read");
}

/// A megabyte of a piece.
fn filled(piece: &str) -> String {
    piece.repeat(LONGEST_FILE / piece.len())
}

#[test]
fn each_hostile_file_has_one_finding_and_is_not_read() {
    to_its_end(hostile_files);
}

fn hostile_files() {
    let nested = format!("{}{}", "a {\n".repeat(10_000), "}\n".repeat(10_000));
    assert_refused("nested braces", nested.as_bytes(), "E0004");
    assert_refused("open braces", "a{".repeat(10_000).as_bytes(), "E0004");
    assert_refused("a megabyte of braces", filled("{").as_bytes(), "E0004");
    assert_refused("closing braces", filled("}").as_bytes(), "E0007");
    let slashdashes = format!("{}{}", "/-a { ".repeat(30), "}; ".repeat(30));
    assert_refused("nested slashdashes", slashdashes.as_bytes(), "E0005");
    let blocks = format!("{}x{}", "a /-{ ".repeat(30), "\n}".repeat(30));
    assert_refused("nested slashdashed blocks", blocks.as_bytes(), "E0005");
    assert_refused("nested comments", filled("/*").as_bytes(), "E0005");
    assert_refused("5 MB", "nights awake\n".repeat(400_000).as_bytes(), "E0001");
    assert_refused("no text", &[0xFF, 0xFE, 0, 1, 2, 3, 200, 201], "E0002");
    let (document, codes) = found(b"title \"Caf\xe9\"\nnights awake\n");
    assert_eq!((document.nodes.len(), codes), (2, vec!["E0002"]), "an old encoding is read around the byte");
    assert_refused("bidi controls", filled("a \"\u{202E}\u{2066}\"\n").as_bytes(), "E0003");
    assert_refused("control characters", filled("a \"\u{7F}\u{1}\"\n").as_bytes(), "E0003");
}

#[test]
fn much_of_anything_comes_to_an_end_with_few_findings() {
    to_its_end(much_of_anything);
}

fn much_of_anything() {
    let pieces = [
        "a ",
        "a\n",
        "\"",
        "\"\n",
        "\"\\\n",
        "#",
        "#\"",
        "\"\"\"",
        "\"\"\"\n",
        "/-",
        "/- ",
        "/-a\n",
        "/-a b;",
        "a /-b",
        "=",
        "a=",
        "a=b ",
        "(",
        "(a)",
        "(a",
        ";",
        "\\",
        "\\\n",
        "\\ ",
        "//",
        "/**/",
        "a/**/",
        "${",
        "${a}",
        "[",
        ",",
        "a,",
        "'",
        "'a' ",
        "“",
        "r\"",
        "r#\"",
        "50GiB ",
        "50GiB\n",
        "22:00\n",
        "a=10 GiB ",
        "a {}",
        "a {}\n",
        "a {\n}\n{\n}\n",
        "} {",
        "\u{FEFF}",
        "\u{2028}",
        "\u{A0}",
        "a b=1 b=2\n",
        "https://",
        "é",
        "日本 ",
        "true\n",
        "///\n",
        "/// a\nb\n",
        "a \"\\q\"\n",
        "a \"b\n",
        "a b=\"c d=\"\n",
        "a \"\"\"\n b\n  \"\"\"\n",
        "<<<<<<<",
        "0x",
        "1_",
        "1e",
        ".",
        "-",
    ];
    for piece in pieces {
        let text = piece.repeat((1 << 13) / piece.len());
        let (document, codes) = found(text.as_bytes());
        assert!(codes.len() <= 102, "{piece:?}: {}", codes.len());
        assert!(document.nodes.len() <= text.len(), "{piece:?}: {} nodes", document.nodes.len());
    }
}
