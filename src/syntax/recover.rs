//! Reading where the kdl crate refuses the whole: each node's head by itself, each value of a head that it refuses by
//! itself, so that one mistake hides nothing else.

use kdl::{KdlDocument, KdlError};

use super::guard::MOST_MISTAKES;
use super::lower::{LexedText, Lowering, PropertyList};
use super::outline::{Group, OutlineEntry, OutlineNode};
use super::read::{MOST_IN_DOUBT, tokens_in_doubt, without_comments};
use super::{Document, Node, Scalar, Value};
use crate::finding::{Code, Extent, Finding};
use crate::source::{Span, Spanned};

/// The document as far as it reads, and what is wrong with the rest.
/// `error` is what the kdl crate said about the whole, if it was asked.
pub(super) fn document(source: &LexedText<'_>, error: Option<&KdlError>) -> (Document, Vec<Finding>) {
    let mut recovery = Recovery { source, findings: Vec::new(), unread: Vec::new() };
    let mut nodes: Vec<Option<Node>> = source.outline.nodes.iter().map(|node| recovery.node(node)).collect();
    let Recovery { mut findings, mut unread, .. } = recovery;
    if unread.is_empty() && findings.is_empty() {
        unread.extend(error.and_then(|error| error.diagnostics.first()).map(|diagnostic| {
            let start = diagnostic.span.offset().min(source.text.len());
            let end = (start + diagnostic.span.len()).min(source.text.len());
            (Span::new(source.file, start..end), diagnostic.message.clone().unwrap_or_default())
        }));
    }
    findings.extend(unread.into_iter().map(|(span, message)| refused(span, &message)));
    let mut top = Vec::new();
    for at in (0..nodes.len()).rev() {
        let Some(mut node) = nodes[at].take() else { continue };
        node.children.reverse();
        match source.outline.nodes[at].parent.map(|parent| nodes[parent].as_mut()) {
            None => top.push(node),
            Some(Some(parent)) => parent.children.push(node),
            Some(None) => {}
        }
    }
    top.reverse();
    (Document { file: source.file, nodes: top, refused: false }, findings)
}

struct Recovery<'a> {
    source: &'a LexedText<'a>,
    findings: Vec<Finding>,
    /// Places that the kdl crate refuses, with its message.
    unread: Vec<(Span, String)>,
}

impl Recovery<'_> {
    fn bytes(&self, group: &Group) -> std::ops::Range<usize> {
        self.source.tokens[group.start].start..self.source.tokens[group.end - 1].end
    }

    fn span(&self, group: &Group) -> Span {
        Span::new(self.source.file, self.bytes(group))
    }

    /// Whether so much is wrong that the file is refused: then nothing more is read.
    fn is_hopeless(&self) -> bool {
        self.unread.len() + self.findings.len() > MOST_MISTAKES
    }

    fn node(&mut self, node: &OutlineNode) -> Option<Node> {
        if node.slashdashes > 0 || self.is_hopeless() {
            return None;
        }
        let head = self.span(&node.head());
        let text = &self.source.text[head.range()];
        let in_doubt = tokens_in_doubt(&self.source.tokens[node.head()]) > MOST_IN_DOUBT;
        let tokens = &self.source.tokens[node.head()];
        let text = without_comments(text, tokens);
        let whole = if in_doubt { Err(String::new()) } else { self.entries(&text, head.start as usize, 0) };
        let mut read = match whole {
            Ok((name, args, props)) => Node {
                name: Spanned::new(name, self.span(&node.name)),
                note: None,
                args,
                props,
                children: Vec::new(),
                span: head,
                head,
            },
            Err(_) => self.part_by_part(node, head)?,
        };
        read.note = self.source.note(node);
        read.span = self.source.whole(node, head);
        Some(read)
    }

    fn part_by_part(&mut self, node: &OutlineNode, head: Span) -> Option<Node> {
        let name_span = self.span(&node.name);
        let name = match self.entries(&self.source.text[name_span.range()], name_span.start as usize, 0) {
            Ok((name, _, _)) => name,
            Err(message) => {
                self.unread.push((name_span, message));
                return None;
            }
        };
        let mut read = Node {
            name: Spanned::new(name, name_span),
            note: None,
            args: Vec::new(),
            props: Vec::new(),
            children: Vec::new(),
            span: head,
            head,
        };
        let mut props = PropertyList::default();
        for part in node.parts.iter().filter(|part| part.slashdash.is_none()) {
            if self.is_hopeless() {
                break;
            }
            self.part(part, &mut read, &mut props);
        }
        read.props = props.all;
        Some(read)
    }

    fn part(&mut self, part: &OutlineEntry, node: &mut Node, known: &mut PropertyList) {
        let span = self.span(&part.tokens());
        let tokens = &self.source.tokens[part.tokens()];
        let text = format!("x {}", without_comments(&self.source.text[span.range()], tokens));
        match self.entries(&text, span.start as usize, 2) {
            Ok((_, args, props)) => {
                node.args.extend(args);
                let mut lowering = Lowering { source: self.source, offset: 0, findings: Vec::new() };
                for property in props {
                    lowering.keep(known, property);
                }
                self.findings.append(&mut lowering.findings);
            }
            Err(message) => {
                self.unread.push((span, message));
                if part.key.is_none() {
                    let text = self.source.text[span.range()].to_owned();
                    node.args.push(Value { scalar: Scalar::Broken, text, quoted: false, span });
                }
            }
        }
    }

    /// Reads one node without a block; `text` stands at `start`, after `added` bytes that are not of the file.
    fn entries(&mut self, text: &str, start: usize, added: usize) -> Result<Read, String> {
        let message = |error: &KdlError| error.diagnostics.first().and_then(|first| first.message.clone());
        let document = KdlDocument::parse_v2(text).map_err(|error| message(&error).unwrap_or_default())?;
        let [node] = document.nodes() else { return Err(String::new()) };
        let offset = isize::try_from(start).unwrap_or(isize::MAX) - isize::try_from(added).unwrap_or_default();
        let mut lowering = Lowering { source: self.source, offset, findings: Vec::new() };
        let (args, props) = lowering.entries(node);
        self.findings.append(&mut lowering.findings);
        Ok((node.name().value().to_owned(), args, props))
    }
}

type Read = (String, Vec<Value>, Vec<super::Property>);

/// What the kdl crate says, in our words.
fn refused(span: Span, message: &str) -> Finding {
    let finding = Finding::unreadable(Code::new("E0025"), Extent::Nesting, "this is no KDL", span);
    let why = if message.contains("prefix") || message.contains("multi-line") || message.contains("multiline") {
        "each line of a text over several lines is indented at least as its closing quotes are".to_owned()
    } else if message.is_empty() {
        "it is neither a name, a value nor a property".to_owned()
    } else {
        let mut words = message.trim_end_matches('.').to_owned();
        if let Some(first) = words.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        format!("the KDL reader says: {words}")
    };
    finding.why(why).help("put texts in quotes, and each node on its own line")
}
