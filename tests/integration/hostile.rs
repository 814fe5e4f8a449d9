//! Files that were written to do harm: one finding each, soon, and no crash.

use std::time::{Duration, Instant};

use parcelle::finding::Findings;
use parcelle::source::FileId;
use parcelle::syntax::{self, LONGEST_FILE};

/// The codes found in bytes, and how long that took.
fn found(bytes: &[u8]) -> (Vec<&'static str>, Duration) {
    let start = Instant::now();
    let (text, mut findings) = syntax::decode(FileId(0), bytes);
    let mut of_form = Findings::default();
    syntax::parse(FileId(0), &text, &mut of_form);
    findings.extend(of_form);
    (findings.iter().map(|finding| finding.code.0).collect(), start.elapsed())
}

fn assert_one(name: &str, bytes: &[u8], code: &str) {
    let (codes, took) = found(bytes);
    assert_eq!(codes, [code], "{name}");
    assert!(took < Duration::from_secs(1), "{name} took {took:?}");
}

/// A megabyte of a piece.
fn filled(piece: &str) -> String {
    piece.repeat(LONGEST_FILE / piece.len())
}

#[test]
fn each_hostile_file_has_one_finding_within_a_second() {
    let nested = format!("{}{}", "a {\n".repeat(10_000), "}\n".repeat(10_000));
    assert_one("nested braces", nested.as_bytes(), "E0004");
    assert_one("open braces", "a{".repeat(10_000).as_bytes(), "E0004");
    assert_one("a megabyte of braces", filled("{").as_bytes(), "E0004");
    assert_one("closing braces", filled("}").as_bytes(), "E0007");
    let slashdashes = format!("{}{}", "/-a { ".repeat(30), "}; ".repeat(30));
    assert_one("nested slashdashes", slashdashes.as_bytes(), "E0005");
    let blocks = format!("{}x{}", "a /-{ ".repeat(30), "\n}".repeat(30));
    assert_one("nested slashdashed blocks", blocks.as_bytes(), "E0005");
    assert_one("nested comments", filled("/*").as_bytes(), "E0005");
    assert_one("5 MB", "nights awake\n".repeat(400_000).as_bytes(), "E0001");
    assert_one("no text", &[0xFF, 0xFE, 0, 1, 2, 3, 200, 201], "E0002");
    assert_one("an old encoding", b"title \"Caf\xe9\"\nnights awake\n", "E0002");
    assert_one("bidi controls", filled("a \"\u{202E}\u{2066}\"\n").as_bytes(), "E0003");
    assert_one("control characters", filled("a \"\u{7F}\u{1}\"\n").as_bytes(), "E0003");
}

#[test]
fn much_of_anything_is_read_in_time_that_grows_with_its_length() {
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
        let (codes, took) = found(text.as_bytes());
        assert!(codes.len() <= 102, "{piece:?}: {}", codes.len());
        // The kdl crate takes most of it where it is not optimised; quadratic time would be minutes.
        assert!(took < Duration::from_secs(10), "{piece:?} took {took:?}");
    }
}
