//! What the kdl crate read, as our own tree.

use std::collections::BTreeMap;

use kdl::{KdlDocument, KdlEntry, KdlNode, KdlValue};

use super::lexer::{Token, TokenKind};
use super::notes::is_note;
use super::outline::{Outline, OutlineNode};
use super::{Document, Node, Property, Scalar, Value};
use crate::finding::{Code, Extent, Finding};
use crate::source::{FileId, Span, Spanned};

/// A text with its tokens and its outline.
pub(super) struct LexedText<'a> {
    pub(super) file: FileId,
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) outline: &'a Outline,
}

/// Lowers a whole document.
pub(super) fn document(source: &LexedText<'_>, document: &KdlDocument) -> (Document, Vec<Finding>) {
    let mut lowering = Lowering { source, offset: 0, findings: Vec::new() };
    let nodes = lowering.nodes(document);
    (Document { file: source.file, nodes, refused: false }, lowering.findings)
}

/// Lowers nodes of a part of the text.
pub(super) struct Lowering<'a> {
    pub(super) source: &'a LexedText<'a>,
    /// Where the part begins, less what was written before it.
    pub(super) offset: isize,
    pub(super) findings: Vec<Finding>,
}

/// The properties of a node, each name once.
#[derive(Default)]
pub(super) struct PropertyList {
    pub(super) all: Vec<Property>,
    places: BTreeMap<String, usize>,
}

impl PropertyList {
    /// Adds a property; gives it back with the first of its name where there is one.
    fn add(&mut self, property: Property) -> Option<(Property, &Property)> {
        if let Some(at) = self.places.get(&property.name.value) {
            return Some((property, &self.all[*at]));
        }
        self.places.insert(property.name.value.clone(), self.all.len());
        self.all.push(property);
        None
    }
}

impl Lowering<'_> {
    fn nodes(&mut self, document: &KdlDocument) -> Vec<Node> {
        document.nodes().iter().map(|node| self.node(node)).collect()
    }

    fn node(&mut self, node: &KdlNode) -> Node {
        let name = self.span(node.name().span());
        let (args, props) = self.entries(node);
        let spans = args.iter().map(|value| value.span).chain(props.iter().map(|prop| prop.span));
        let head = spans.fold(name, Span::to);
        let outline = self.source.outline_at(name.start as usize);
        let children = node.children().map(|children| self.nodes(children)).unwrap_or_default();
        Node {
            name: Spanned::new(node.name().value().to_owned(), name),
            note: outline.and_then(|node| self.source.note(node)),
            args,
            props,
            children,
            span: outline.map_or(head, |node| self.source.whole(node, head)),
            head,
        }
    }

    /// The arguments and properties of a node; a property that repeats one is a finding.
    pub(super) fn entries(&mut self, node: &KdlNode) -> (Vec<Value>, Vec<Property>) {
        let (mut args, mut props) = (Vec::new(), PropertyList::default());
        for entry in node.entries() {
            match self.property(entry) {
                Some(property) => self.keep(&mut props, property),
                None => args.push(self.value(entry)),
            }
        }
        (args, props.all)
    }

    /// Keeps a property unless one of its name is there.
    pub(super) fn keep(&mut self, props: &mut PropertyList, property: Property) {
        let Some((property, first)) = props.add(property) else { return };
        let name = &property.name.value;
        let finding =
            Finding::unreadable(Code::new("E0020"), Extent::Value, format!("`{name}` is set twice"), property.span)
                .label("again here")
                .also(first.span, "first here")
                .why("a property stands once on its node: it would not be clear which one counts")
                .help("keep one of the two");
        self.findings.push(finding);
    }

    fn property(&self, entry: &KdlEntry) -> Option<Property> {
        let name = entry.name()?;
        let (key, value) = (self.span(name.span()), self.value(entry));
        Some(Property { name: Spanned::new(name.value().to_owned(), key), span: key.to(value.span), value })
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
        let span = self.span((end.saturating_sub(spelling.len())..end).into());
        Value { scalar, text, quoted, span }
    }

    fn span(&self, span: miette::SourceSpan) -> Span {
        let start = span.offset().saturating_add_signed(self.offset);
        Span::new(self.source.file, start..start + span.len())
    }
}

impl LexedText<'_> {
    /// The node of the outline whose name starts at a byte.
    fn outline_at(&self, start: usize) -> Option<&OutlineNode> {
        let nodes = &self.outline.nodes;
        let at = nodes.binary_search_by_key(&start, |node| self.tokens[node.name.start].start).ok()?;
        Some(&nodes[at])
    }

    /// From the start of `head` to the closing brace of the node.
    pub(super) fn whole(&self, node: &OutlineNode, head: Span) -> Span {
        let close = node.block().and_then(|block| block.close);
        close.map_or(head, |close| {
            let token = &self.tokens[close];
            head.to(Span::new(self.file, token.start..token.end))
        })
    }

    /// The `///` comments directly above a node.
    pub(super) fn note(&self, node: &OutlineNode) -> Option<String> {
        let mut lines = Vec::new();
        let mut at = self.skip_space(node.first());
        while at > 1 && self.tokens[at - 1].kind == TokenKind::Newline && is_note(&self.tokens[at - 2], self.text) {
            let begin = self.skip_space(at - 2);
            if begin > 0 && !matches!(self.tokens[begin - 1].kind, TokenKind::Newline | TokenKind::Bom) {
                break;
            }
            let line = self.tokens[at - 2].text(self.text)[3..].trim_end();
            lines.push(line.strip_prefix(' ').unwrap_or(line));
            at = begin;
        }
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The token at or before `at` behind the blanks of its line.
    fn skip_space(&self, at: usize) -> usize {
        if at > 0 && self.tokens[at - 1].kind == TokenKind::Space { at - 1 } else { at }
    }
}
