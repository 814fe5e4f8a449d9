//! What is written, left out and kept.

use super::*;
use crate::finding::Code;
use crate::source::{FileId, SourceFile, Span};
use crate::syntax;

const PATH: &str = "a.kdl";

/// A finding at some bytes with a safe fix.
fn safe(code: &'static str, at: std::ops::Range<usize>, text: &str) -> Finding {
    let span = Span::new(FileId(0), at);
    Finding::error(Code::new(code), "wrong", span).fix(Applicability::Safe, "mend it", span, text)
}

/// Reads a text; `more` finds what else is wrong with it.
fn look(text: &str, more: impl Fn(&str) -> Vec<Finding>) -> Look {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let file = sources.add(SourceFile::new(PATH, text));
    syntax::parse(file, text, &mut findings);
    more(text).into_iter().for_each(|finding| findings.push(finding));
    findings.sort();
    Look { sources: Arc::new(sources), findings }
}

/// Mends a text; the text after, and the fixes that were left out with the reason.
fn mended(text: &str, more: impl Fn(&str) -> Vec<Finding> + Copy) -> (String, Vec<(String, String)>) {
    let texts = |texts: &BTreeMap<String, String>| look(texts.get(PATH).map_or(text, String::as_str), more);
    let mended = mend(look(text, more), |_| true, |_| None, texts);
    let left_out = mended.left_out.into_iter().map(|fix| (fix.place, fix.left_out.unwrap_or_default())).collect();
    (mended.texts.get(PATH).cloned().unwrap_or_else(|| text.to_owned()), left_out)
}

/// The finding about a word wherever it stands, with a fix that writes another.
fn word(text: &str, word: &str, with: &str) -> Vec<Finding> {
    text.match_indices(word).map(|(at, _)| safe("E0101", at..at + word.len(), with)).collect()
}

#[test]
fn what_would_parse_worse_is_left_out_and_the_rest_is_mended() {
    let more = |text: &str| word(text, "one;", "one; ;").into_iter().chain(word(text, "two", "2 ")).collect();
    let (text, left_out) = mended("a one; b three // kept\nc 22:00 two\n", more);
    assert_eq!(text, "a one; b three // kept\nc \"22:00\" 2 \n");
    let [(place, why)] = &left_out[..] else { panic!("{left_out:?}") };
    assert!(place == "a.kdl:1:3" && why.starts_with("then stands there E00"), "{left_out:?}");
}

#[test]
fn a_fix_that_leads_to_another_finding_of_its_node_is_left_out() {
    let more = |text: &str| word(text, "old", "new").into_iter().chain(word(text, "new", "old")).collect();
    let other = |text: &str| -> Vec<Finding> {
        let new = text.find("new").map(|at| Finding::error(Code::new("E0204"), "no", Span::new(FileId(0), at..at + 3)));
        word(text, "old", "new").into_iter().chain(new).collect()
    };
    assert_eq!(mended("a old\nb c\n", other).0, "a old\nb c\n");
    assert_eq!(mended("a old\n", more).0, "a old\n", "and one that a second takes back");
}

#[test]
fn a_fix_that_loses_a_comment_or_a_node_is_left_out() {
    let comment = |text: &str| word(text, "x // said", "x");
    assert_eq!(
        mended("a x // said\n", comment),
        ("a x // said\n".into(), vec![("a.kdl:1:3".into(), "then a comment is lost: said".into())])
    );
    let node = |text: &str| word(text, "x; b", "x b");
    assert_eq!(mended("a x; b\n", node).1[0].1, "then a node `b` is lost");
}

#[test]
fn of_several_fixes_that_are_worse_together_the_others_are_made() {
    let more = |text: &str| {
        let gone = word(text, "/* note */", "");
        gone.into_iter().chain(word(text, "two", "2")).chain(word(text, "three", "3")).collect()
    };
    let (text, left_out) = mended("a two /* note */ three\nb two\n", more);
    assert_eq!((text.as_str(), left_out.len()), ("a 2 /* note */ 3\nb 2\n", 1));
}

#[test]
fn what_may_not_be_written_is_left_out() {
    let text = "a 22:00\n";
    let none = |_: &str| Vec::new();
    let mended = mend(look(text, none), |_| true, |path| Some(format!("`{path}` is theirs")), |_| look(text, none));
    assert!(mended.texts.is_empty() && mended.applied.is_empty());
    assert_eq!(mended.left_out[0].left_out.as_deref(), Some("`a.kdl` is theirs"));
}
