//! What people type and KDL refuses or reads otherwise: each a finding with its way out, and a repair so that reading
//! goes on behind it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::guard::MOST_MISTAKES;
use super::lexer::{Token, TokenKind};
use super::outline::{Group, Oddity, Outline, OutlineEntry, OutlineNode};
use super::quotes::TextRepairs;
use super::repair::Repair;
use super::values::{EQUALS_OR_COLON, list_marks};
use crate::finding::{Applicability, Code, Edit, Extent, Finding, Fix};
use crate::source::{FileId, Span};

/// The most edits of one fix.
const MOST_EDITS: usize = 100;

/// Findings about everything of the outline that is not as KDL or the house rules want it.
pub(super) fn check(file: FileId, source: &str, tokens: &[Token], outline: &Outline) -> TextRepairs {
    let objects = objects(source, tokens, outline);
    let out = TextRepairs::default();
    let mut traps = Traps { file, source, tokens, outline, objects, marks: Vec::new(), amounts: Vec::new(), out };
    if traps.foreign() {
        return traps.out;
    }
    traps.comments();
    traps.semicolons();
    traps.notes();
    // A file with more mistakes than that is refused.
    for oddity in &outline.oddities {
        if traps.out.findings.len() > MOST_MISTAKES {
            break;
        }
        traps.oddity(oddity);
    }
    for at in 0..outline.nodes.len() {
        if traps.out.findings.len() > MOST_MISTAKES {
            break;
        }
        traps.node(at);
    }
    traps.join_foreign();
    // Nobody applies a fix of so many parts, and each of them has its line in a report.
    traps.out.findings.iter_mut().for_each(|finding| finding.fixes.retain(|fix| fix.edits.len() <= MOST_EDITS));
    traps.out
}

/// The nodes inside `object` and `patch`, where the words are those of Kubernetes.
fn objects(source: &str, tokens: &[Token], outline: &Outline) -> BTreeSet<usize> {
    let mut objects = BTreeSet::new();
    for (at, node) in outline.nodes.iter().enumerate() {
        let name = tokens[node.name.start].text(source);
        if matches!(name, "object" | "patch") || node.parent.is_some_and(|parent| objects.contains(&parent)) {
            objects.insert(at);
        }
    }
    objects
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ValuePosition {
    Name,
    Argument,
    Property,
}

pub(super) struct Traps<'a> {
    pub(super) file: FileId,
    pub(super) source: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) outline: &'a Outline,
    objects: BTreeSet<usize>,
    /// The brackets and commas of the node at hand, which are no part of its values.
    pub(super) marks: Vec<Range<usize>>,
    /// The amounts in properties of the node at hand: their bytes, and each as a setting of its own.
    pub(super) amounts: Vec<(Range<usize>, String)>,
    pub(super) out: TextRepairs,
}

impl Traps<'_> {
    pub(super) fn bytes(&self, group: &Group) -> Range<usize> {
        self.tokens[group.start].start..self.tokens[group.end - 1].end
    }

    fn span(&self, group: &Group) -> Span {
        Span::new(self.file, self.bytes(group))
    }

    /// The name of a node as it was written.
    pub(super) fn name(&self, node: usize) -> &str {
        self.text(&self.outline.nodes[node].name)
    }

    /// Whether a node stands inside `object` or `patch`.
    pub(super) fn is_object(&self, node: usize) -> bool {
        self.objects.contains(&node)
    }

    pub(super) fn text(&self, group: &Group) -> &str {
        &self.source[self.bytes(group)]
    }

    /// Adds a finding whose fix is one replacement, which also is how reading goes on.
    pub(super) fn replace(
        &mut self,
        finding: Finding,
        how: Applicability,
        title: &str,
        range: Range<usize>,
        text: &str,
    ) {
        let span = Span::new(self.file, range.clone());
        self.out.findings.push(finding.fix(how, title, span, text));
        self.out.repairs.push(Repair::replace(range, text));
    }

    fn comments(&mut self) {
        for token in self.tokens.iter().filter(|token| token.kind == TokenKind::HashComment) {
            let span = Span::new(self.file, token.start..token.end);
            let hashes = token.text(self.source).bytes().take_while(|byte| *byte == b'#').count();
            let finding = Finding::unreadable(Code::new("E0019"), Extent::Place, "comments begin with `//` here", span)
                .why("`#` begins a keyword such as `#null` or a raw text such as `#\"…\"#`");
            let range = token.start..token.start + hashes;
            self.replace(finding, Applicability::Safe, "begin it with `//`", range, "//");
        }
    }

    fn oddity(&mut self, oddity: &Oddity) {
        match oddity {
            Oddity::EqualsAfterName { node, equals } => self.equals_after_name(*node, *equals),
            Oddity::BlockOnNextLine { node, open } => self.block_on_next_line(*node, *open),
            Oddity::BlockWithoutNode { open } => self.block_without_node(*open),
            Oddity::SecondBlock { open } => self.second_block(*open),
            Oddity::AfterBlock { close, token } => self.after_block(*close, *token),
            Oddity::EmptySlashdash { slashdash } => {
                let token = self.tokens[*slashdash];
                let span = Span::new(self.file, token.start..token.end);
                let finding =
                    Finding::unreadable(Code::new("E0031"), Extent::Place, "this `/-` comments out nothing", span)
                        .why("`/-` takes out the node, value or block that follows it");
                self.replace(finding, Applicability::Safe, "take it out", token.start..token.end, "");
            }
            Oddity::LoneAnnotation { group } => self.annotation(Some(group)),
            Oddity::Stray { token } => {
                let token = self.tokens[*token];
                let span = Span::new(self.file, token.start..token.end);
                let title = format!("this `{}` stands alone", token.text(self.source));
                self.out.findings.push(
                    Finding::unreadable(Code::new("E0022"), Extent::Place, title, span)
                        .why("a property is `key=value`; a text with `=`, `(` or `)` stands in quotes"),
                );
                self.out.repairs.push(Repair::replace(token.start..token.end, " "));
            }
        }
    }

    fn equals_after_name(&mut self, node: usize, equals: usize) {
        let name = self.outline.nodes[node].name.clone();
        let range = self.bytes(&name).end..self.tokens[equals].end;
        let text = self.text(&name);
        let finding = Finding::unreadable(
            EQUALS_OR_COLON,
            Extent::Place,
            format!("`{text}` is followed by `=`"),
            Span::new(self.file, self.tokens[equals].start..self.tokens[equals].end),
        )
        .why(format!("a setting is a word and its value, with a blank between: `{text} …`"));
        let next = self.tokens.get(equals + 1).is_some_and(|token| token.kind == TokenKind::Space);
        self.replace(finding, Applicability::Safe, "write a blank", range, if next { "" } else { " " });
    }

    fn block_on_next_line(&mut self, node: usize, open: usize) {
        let before = &self.tokens[..open];
        let last = before.iter().rposition(|token| !token.is_trivia()).map_or(0, |at| self.tokens[at].end);
        let brace = self.tokens[open];
        let name = self.text(&self.outline.nodes[node].name.clone()).to_owned();
        let finding = Finding::unreadable(
            Code::new("E0026"),
            Extent::Nesting,
            "a block begins on the line of its node",
            Span::new(self.file, brace.start..brace.end),
        )
        .why(format!("a line end ends the node `{name}`"));
        let comments = before.iter().rev().take_while(|token| token.is_trivia());
        let comment = comments.filter(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Newline)).count() > 0;
        if comment {
            let place = Span::new(self.file, last..last);
            let edits = vec![
                Edit { span: place, replacement: " {".into() },
                Edit { span: Span::new(self.file, brace.start..brace.end), replacement: String::new() },
            ];
            let title = format!("write `{{` after `{name}`");
            let mut finding = finding;
            finding.fixes.push(Fix { title, applicability: Applicability::Safe, edits });
            self.out.findings.push(finding);
            self.out.repairs.push(Repair::insert(last, " {"));
            self.out.repairs.push(Repair::delete(brace.start..brace.end));
        } else {
            let title = format!("write `{{` after `{name}`");
            self.replace(finding, Applicability::Safe, &title, last..brace.end, " {");
        }
    }

    fn block_without_node(&mut self, open: usize) {
        let brace = self.tokens[open];
        let finding = Finding::unreadable(
            Code::new("E0026"),
            Extent::Nesting,
            "this block has no name",
            Span::new(self.file, brace.start..brace.end),
        )
        .why("a block belongs to a node: `name { … }`")
        .help("write the name before `{`");
        self.out.findings.push(finding);
        let mut depth = 0_usize;
        let close = self.tokens[open..].iter().find(|token| {
            match token.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        self.out.repairs.push(Repair::delete(brace.start..close.map_or(self.source.len(), |token| token.end)));
    }

    fn second_block(&mut self, open: usize) {
        let brace = self.tokens[open];
        let previous = self.tokens[..open].iter().rev().find(|token| token.kind == TokenKind::Close);
        let finding = Finding::unreadable(
            Code::new("E0024"),
            Extent::Nesting,
            "a second block",
            Span::new(self.file, brace.start..brace.end),
        )
        .why("a node has one block");
        match previous {
            Some(close) => {
                let range = close.start..brace.end;
                self.replace(finding, Applicability::Guess, "make them one", range, "\n");
            }
            None => self.out.findings.push(finding),
        }
    }

    fn after_block(&mut self, close: usize, token: usize) {
        let (close, token) = (self.tokens[close], self.tokens[token]);
        let finding = Finding::unreadable(
            Code::new("E0024"),
            Extent::Nesting,
            "something follows a `}` on its line",
            Span::new(self.file, token.start..token.end),
        )
        .why("a `}` ends its node; the next begins on a new line or after `;`");
        self.replace(finding, Applicability::Safe, "write `;` after `}`", close.end..close.end, ";");
    }

    fn node(&mut self, at: usize) {
        let node = &self.outline.nodes[at];
        if self.document_mark(node) {
            return;
        }
        if self.is_yaml_block(at) {
            self.yaml_block(at);
        }
        self.annotation(node.annotation.as_ref());
        self.value(at, &node.name, ValuePosition::Name);
        self.marks = self.list(node);
        for (index, part) in node.parts.iter().enumerate() {
            self.part(at, index, part);
        }
        self.move_amounts(node);
    }

    fn annotation(&mut self, annotation: Option<&Group>) {
        let Some(group) = annotation else { return };
        let finding = Finding::unreadable(Code::new("E0021"), Extent::Value, "a type in parentheses", self.span(group))
            .why("what type a value has is known from its setting");
        let range = self.bytes(group);
        self.replace(finding, Applicability::Safe, "take it out", range, "");
    }

    fn part(&mut self, node: usize, index: usize, part: &OutlineEntry) {
        self.annotation(part.annotation.as_ref());
        let Some((key, equals)) = &part.key else {
            if let Some(value) = &part.value {
                self.value(node, value, ValuePosition::Argument);
            }
            return;
        };
        let Some(value) = &part.value else {
            return self.empty_property(key, *equals);
        };
        if self.is_quantity_in_property(node, index, key, value) {
            return;
        }
        self.value(node, key, ValuePosition::Name);
        self.value(node, value, ValuePosition::Property);
    }

    fn empty_property(&mut self, key: &Group, equals: usize) {
        let range = self.bytes(key).start..self.tokens[equals].end;
        let text = self.text(key).to_owned();
        let finding = Finding::unreadable(
            Code::new("E0022"),
            Extent::Place,
            format!("`{text}=` has no value"),
            Span::new(self.file, range.clone()),
        )
        .why("a property is `key=value`")
        .help(format!("write the value after `{text}=`, or take `{text}=` out"));
        self.out.findings.push(finding);
        self.out.repairs.push(Repair::insert(range.end, "\"\""));
        self.out.broken.push(range.end);
    }

    /// `[a, b]` and `a, b`: lists as other languages write them.
    fn list(&mut self, node: &OutlineNode) -> Vec<Range<usize>> {
        let values = node.parts.iter().filter(|part| part.slashdash.is_none()).filter_map(|part| part.value.as_ref());
        let values: Vec<&Group> = values.collect();
        let mut edits = Vec::new();
        for group in &values {
            let tokens = &self.tokens[group.start..group.end];
            for (index, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::Bare) {
                let (first, last) = (index == 0, index + 1 == tokens.len());
                edits.extend(list_marks(token, token.text(self.source), first, last, values.len()));
            }
        }
        let Some(first) = edits.first().cloned() else { return edits };
        let span = Span::new(self.file, first);
        let mut finding = Finding::unreadable(
            Code::new("E0018"),
            Extent::Place,
            "values stand beside each other, with blanks between",
            span,
        )
        .why("a list needs no brackets and no commas: `modules calendar contacts`");
        let edit =
            |range: &Range<usize>| Edit { span: Span::new(self.file, range.clone()), replacement: String::new() };
        finding.fixes.push(Fix {
            title: "take the brackets and commas out".into(),
            applicability: Applicability::Safe,
            edits: edits.iter().map(edit).collect(),
        });
        self.out.findings.push(finding);
        self.out.repairs.extend(edits.iter().cloned().map(Repair::delete));
        edits
    }
}
