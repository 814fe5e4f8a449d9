//! KDL text to a small tree of our own, with spans, guarded against hostile input.

mod lower;

use crate::finding::{Code, Finding, Findings};
use crate::source::{FileId, Span, Spanned};

/// The longest file that is read, in bytes.
pub const LONGEST_FILE: usize = 1 << 20;

/// The deepest nesting of blocks that is read.
pub const DEEPEST_NESTING: usize = 32;

/// The text of a file, or of as much of it as may be read: a file over [`LONGEST_FILE`] or one that is not UTF-8 is a
/// finding. Too long a file gives an empty text; in the other, what is not UTF-8 is replaced.
pub fn decode(file: FileId, bytes: &[u8]) -> (String, Findings) {
    let mut findings = Findings::default();
    if bytes.len() > LONGEST_FILE {
        let title = format!("this file has {} bytes, more than a garden's file may have", bytes.len());
        findings.push(
            Finding::error(Code("E0001"), title, Span::new(file, 0..0))
                .help("split it: top-level nodes may lie in any file"),
        );
        return (String::new(), findings);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), findings),
        Err(error) => {
            let at = error.valid_up_to();
            let finding = Finding::error(Code("E0002"), "this file is not UTF-8 text", Span::new(file, at..at + 3));
            findings.push(finding.help("save it as UTF-8"));
            (String::from_utf8_lossy(bytes).into_owned(), findings)
        }
    }
}

/// Reads `text`. Everything wrong with its form is a finding; what could not be read is absent from the document.
pub fn parse(file: FileId, text: &str, findings: &mut Findings) -> Document {
    let depth = text.bytes().fold((0_usize, 0_usize), |(now, most), byte| match byte {
        b'{' => (now + 1, most.max(now + 1)),
        b'}' => (now.saturating_sub(1), most),
        _ => (now, most),
    });
    if depth.1 > DEEPEST_NESTING {
        let finding = Finding::error(Code("E0004"), "blocks are nested too deep", Span::new(file, 0..0));
        findings.push(finding);
        return Document { file, nodes: Vec::new() };
    }
    match kdl::KdlDocument::parse_v2(text) {
        Ok(document) => lower::lower(file, text, &document),
        Err(error) => {
            for diagnostic in error.diagnostics {
                let span = diagnostic.span.offset()..diagnostic.span.offset() + diagnostic.span.len();
                let title = diagnostic.message.unwrap_or_default();
                findings.push(Finding::error(Code("E0025"), title, Span::new(file, span)));
            }
            Document { file, nodes: Vec::new() }
        }
    }
}

/// A parsed file. What could not be read is absent, with a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The file.
    pub file: FileId,
    /// Top-level nodes in order.
    pub nodes: Vec<Node>,
}

/// A node: `name arg arg key=value { children }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: Spanned<String>,
    /// Its note: the `///` comments directly above it, joined by newlines.
    pub note: Option<String>,
    /// Arguments in order.
    pub args: Vec<Value>,
    /// Properties in order; a repeated one is a finding and only the first is kept.
    pub props: Vec<Property>,
    /// Children in order; empty where there is no block.
    pub children: Vec<Node>,
    /// From its name to its last argument, property or closing brace.
    pub span: Span,
    /// From its name to its last argument or property: what findings underline.
    pub head: Span,
}

/// A property: `key=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The key.
    pub name: Spanned<String>,
    /// The value.
    pub value: Value,
    /// `key=value`.
    pub span: Span,
}

/// A scalar as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// What it is to KDL.
    pub scalar: Scalar,
    /// Its source spelling without quotes and escapes: for `version 1.10` the text `1.10`.
    pub text: String,
    /// Whether it was written in quotes.
    pub quoted: bool,
    /// Where, quotes included.
    pub span: Span,
}

/// What a scalar is to KDL.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A word or a quoted string.
    Text,
    /// A whole number.
    Integer(i128),
    /// A number with a fraction or exponent.
    Float(f64),
    /// `#true` or `#false`.
    Bool(bool),
    /// `#null`.
    Null,
    /// Something that already has a finding: whoever checks it stays silent, so that one mistake is told once.
    Broken,
}

impl Node {
    /// The first child of a name.
    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name.value == name)
    }

    /// All children of a name.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name.value == name)
    }

    /// The value of a property.
    pub fn prop(&self, name: &str) -> Option<&Value> {
        self.props.iter().find(|prop| prop.name.value == name).map(|prop| &prop.value)
    }

    /// The argument at a position.
    pub fn arg(&self, at: usize) -> Option<&Value> {
        self.args.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
