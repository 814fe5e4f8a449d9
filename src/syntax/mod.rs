//! KDL text to a small tree of our own, with spans, guarded against hostile input.
//!
//! ```text
//! bytes ─ decode ─▶ text ─ lexer ─▶ tokens ─ guard, quotes, balance ─▶ outline ─ traps ─▶ mended text ─ kdl ─▶ Document
//! ```
//!
//! The lexer never fails; what people type and KDL refuses or reads otherwise is a finding with its way out, and is
//! mended, so that the kdl crate, which is the authority for meaning, reads the rest. Spans always are those of the file.

mod amounts;
mod balance;
mod comments;
mod foreign;
mod format;
mod guard;
mod lexer;
mod lower;
mod names;
mod notes;
mod outline;
mod parentheses;
#[cfg(test)]
mod properties;
mod quotes;
mod read;
mod recover;
mod repair;
mod semicolons;
mod traps;
mod tree;
mod values;
mod word;

pub(crate) use comments::comments;
pub(crate) use foreign::FOREIGN;
pub use format::format;
pub use guard::{LONGEST_FILE, decode};
pub(crate) use guard::{NO_TEXT, TOO_MUCH, is_pointer};
pub use read::parse;
pub use tree::Document;
pub(crate) use tree::{Node, Property, Scalar, Value};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Effect, Extent, Finding, Findings};
    use crate::source::FileId;

    fn read(text: &str) -> Document {
        let mut findings = Findings::default();
        let document = parse(FileId(0), text, &mut findings);
        assert!(findings.is_empty(), "{findings:?}");
        document
    }

    #[test]
    fn a_node_knows_its_note_its_head_and_how_its_values_were_spelled() {
        let text = "/// First.\n/// Second.\napp nextcloud \"cloud\" version=1.10 {\n    storage 50 GiB // big\n}\n";
        let document = read(text);
        let app = &document.nodes[0];
        assert_eq!(app.note.as_deref(), Some("First.\nSecond."));
        assert_eq!(&text[app.head.range()], "app nextcloud \"cloud\" version=1.10");
        assert!(text[app.span.range()].ends_with("// big\n}"));
        assert_eq!((app.args[0].quoted, app.args[1].quoted), (false, true));
        assert_eq!(&text[app.args[1].span.range()], "\"cloud\"");
        assert_eq!(app.props[0].value.text, "1.10");
        assert_eq!(&text[app.props[0].value.span.range()], "1.10");
        assert_eq!(app.child("storage").map(|node| node.args.len()), Some(2));
    }

    /// What the findings about a text leave unknown, and whether one of them hides the nesting.
    fn effects(text: &str) -> (Vec<Effect>, bool) {
        let mut findings = Findings::default();
        parse(FileId(0), text, &mut findings);
        let effects = findings.iter().map(|finding| finding.effect).collect();
        (effects, findings.iter().any(Finding::hides_nesting))
    }

    #[test]
    fn a_mistake_of_form_says_how_much_it_takes_away() {
        let unreadable = |extent| vec![Effect::Unreadable(extent)];
        assert_eq!(effects("app a x=1 x=2\n"), (unreadable(Extent::Value), false));
        assert_eq!(effects("storage 50GiB\n"), (unreadable(Extent::Place), false));
        assert_eq!(effects("a {\n    b {\n    c 1\n}\nd 2\n"), (unreadable(Extent::Nesting), true));
        assert_eq!(effects("a\n/* b\n"), (unreadable(Extent::Rest), true));
        assert_eq!(effects("a \"b\nc 1\n"), (unreadable(Extent::Rest), false), "the fix says where it ends");
    }
}
