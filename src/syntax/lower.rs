//! A parsed KDL document to our own tree.

use kdl::{KdlDocument, KdlEntry, KdlNode, KdlValue};

use super::{Document, Node, Property, Scalar, Value};
use crate::source::{FileId, Span, Spanned};

/// Lowers what the kdl crate read of `text`.
pub(super) fn lower(file: FileId, text: &str, document: &KdlDocument) -> Document {
    let lowering = Lowering { file, text };
    Document { file, nodes: lowering.nodes(document) }
}

struct Lowering<'a> {
    file: FileId,
    text: &'a str,
}

impl Lowering<'_> {
    fn nodes(&self, document: &KdlDocument) -> Vec<Node> {
        document.nodes().iter().map(|node| self.node(node)).collect()
    }

    fn node(&self, node: &KdlNode) -> Node {
        let name = self.span(node.name().span());
        let mut args = Vec::new();
        let mut props = Vec::new();
        let mut head = name;
        for entry in node.entries() {
            head = head.to(self.span(entry.span()));
            match self.property(entry) {
                Some(property) => props.push(property),
                None => args.push(self.value(entry)),
            }
        }
        let span = node.children().map_or(head, |children| {
            let from = (children.span().offset() + children.span().len()).max(head.end as usize);
            let close = self.text[from..].find('}').map_or(from, |at| from + at + 1);
            head.to(Span::new(self.file, from..close))
        });
        Node {
            name: Spanned::new(node.name().value().to_owned(), name),
            note: note_above(self.text, name.start as usize),
            args,
            props,
            children: node.children().map(|children| self.nodes(children)).unwrap_or_default(),
            span,
            head,
        }
    }

    fn property(&self, entry: &KdlEntry) -> Option<Property> {
        let name = entry.name()?;
        Some(Property {
            name: Spanned::new(name.value().to_owned(), self.span(name.span())),
            value: self.value(entry),
            span: self.span(entry.span()),
        })
    }

    fn value(&self, entry: &KdlEntry) -> Value {
        let spelling = entry.format().map_or("", |format| format.value_repr.as_str());
        let end = entry.span().offset() + entry.span().len();
        let (scalar, text) = match entry.value() {
            KdlValue::String(text) => (Scalar::Text, text.clone()),
            KdlValue::Integer(number) => (Scalar::Integer(*number), spelling.to_owned()),
            KdlValue::Float(number) => (Scalar::Float(*number), spelling.to_owned()),
            KdlValue::Bool(on) => (Scalar::Bool(*on), spelling.to_owned()),
            KdlValue::Null => (Scalar::Null, spelling.to_owned()),
        };
        let quoted = scalar == Scalar::Text && spelling.starts_with(['"', '#']);
        Value { scalar, text, quoted, span: Span::new(self.file, end.saturating_sub(spelling.len())..end) }
    }

    fn span(&self, span: miette::SourceSpan) -> Span {
        Span::new(self.file, span.offset()..span.offset() + span.len())
    }
}

/// The `///` lines directly above the line of `start`, which must begin that line.
fn note_above(text: &str, start: usize) -> Option<String> {
    let before = &text[..start];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    if !before[line_start..].trim().is_empty() {
        return None;
    }
    let lines = before[..line_start].lines().rev().map_while(|line| line.trim().strip_prefix("///"));
    let mut note: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    note.reverse();
    (!note.is_empty()).then(|| note.join("\n"))
}
