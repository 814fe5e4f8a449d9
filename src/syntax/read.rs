//! The stages of reading, in order.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::balance::{MISSING_BRACE, STRAY_BRACE, UNCLOSED_BLOCK};
use super::guard::{MOST_MISTAKES, TOO_MUCH};
use super::lexer::{self, Token, TokenKind};
use super::quotes::{TextRepairs, UNCLOSED_TEXT};
use super::repair::{Mending, Repair, mend};
use super::values::GLUED;
use super::{
    Document, LONGEST_FILE, Node, Scalar, Value, balance, guard, lower, names, outline, quotes, recover, traps,
};
use crate::finding::{Edit, Extent, Finding, Findings, Label};
use crate::source::{FileId, Span};

/// The most findings about the form of one file; more say nothing new.
const MOST_FINDINGS: usize = 100;

/// The most tokens in doubt with which the kdl crate is given a text as a whole.
pub(super) const MOST_IN_DOUBT: usize = 500;

/// Reads `text`. Everything wrong with its form is a finding; what could not be read is absent from the document or
/// [`Scalar::Broken`] in it, and all around it is read.
pub fn parse(file: FileId, text: &str, findings: &mut Findings) -> Document {
    let mut reading =
        Reading { file, text: text.to_owned(), mendings: Vec::new(), findings: Vec::new(), broken: BTreeSet::new() };
    let document = reading.run();
    drop_consequences(text, &mut reading.findings);
    for finding in limited(file, reading.findings) {
        findings.push(finding);
    }
    document
}

/// The text as mended so far, and the way back to the file.
struct Reading {
    file: FileId,
    text: String,
    mendings: Vec<Mending>,
    findings: Vec<Finding>,
    /// Where values start, in the file, that are not to be trusted.
    broken: BTreeSet<usize>,
}

impl Reading {
    fn run(&mut self) -> Document {
        if self.text.len() > 3 * LONGEST_FILE {
            self.findings.push(guard::too_large(self.file));
            return Document { file: self.file, nodes: Vec::new(), refused: true };
        }
        if guard::is_pointer(&self.text) {
            return self.refuse(guard::pointer(self.file));
        }
        let (mut findings, repairs) = guard::characters(self.file, &self.text);
        if findings.iter().any(|finding| finding.fixes.is_empty()) {
            return self.refuse(findings.swap_remove(0));
        }
        self.mend(TextRepairs { findings, repairs, broken: Vec::new() });
        let mut tokens = lexer::lex(&self.text);
        if let Some(finding) = guard::hostile(self.file, &self.text, &tokens) {
            return self.refuse(finding);
        }
        let unclosed = quotes::check(self.file, &self.text, &tokens);
        self.mend_and_lex(unclosed, &mut tokens);
        let (findings, repairs) = balance::unbalanced(self.file, &self.text, &tokens);
        self.mend_and_lex(TextRepairs { findings, repairs, broken: Vec::new() }, &mut tokens);
        if self.is_hopeless() {
            return self.name_only();
        }
        let mut outline = outline::outline(&self.text, &tokens);
        let refused = guard::slashdashes(self.file, &outline, &tokens);
        if let Some(finding) = refused.or_else(|| guard::values(self.file, &outline, &tokens)) {
            return self.refuse(finding);
        }
        let trapped = traps::check(self.file, &self.text, &tokens, &outline);
        if trapped.findings.len() > MOST_MISTAKES {
            self.mend(TextRepairs { repairs: Vec::new(), ..trapped });
            return self.name_only();
        }
        if self.mend_and_lex(trapped, &mut tokens) {
            outline = outline::outline(&self.text, &tokens);
        }
        let source = lower::LexedText { file: self.file, text: &self.text, tokens: &tokens, outline: &outline };
        let (mut document, found) = lowered(&source);
        for finding in found {
            let finding = self.to_file(finding);
            self.findings.push(finding);
        }
        if self.is_hopeless() {
            return self.name_only();
        }
        if !self.mendings.is_empty() {
            document.nodes.iter_mut().for_each(|node| self.place(node));
        }
        document
    }

    /// One finding instead of all; what the top of the file names is known all the same.
    fn refuse(&mut self, finding: Finding) -> Document {
        let finding = self.to_file(finding);
        self.findings.push(finding);
        self.name_only()
    }

    /// Whether so much is wrong that what is read of the rest says nothing.
    fn is_hopeless(&self) -> bool {
        self.findings.len() > MOST_MISTAKES
    }

    /// What the top of the file names, where nothing else of it is read.
    fn name_only(&self) -> Document {
        let mut nodes = names::at_the_top(self.file, &self.text);
        nodes.iter_mut().for_each(|node| self.place(node));
        Document { file: self.file, nodes, refused: true }
    }

    /// Takes the findings and makes the repairs; whether there was any.
    fn mend(&mut self, found: TextRepairs) -> bool {
        for finding in found.findings {
            let finding = self.to_file(finding);
            self.findings.push(finding);
        }
        for start in found.broken {
            self.broken.insert(self.back(start..start).start);
        }
        if found.repairs.is_empty() {
            return false;
        }
        self.apply(found.repairs);
        true
    }

    fn apply(&mut self, repairs: Vec<Repair>) {
        let (text, mending) = mend(&self.text, repairs);
        self.text = text;
        self.mendings.push(mending);
    }

    fn mend_and_lex(&mut self, found: TextRepairs, tokens: &mut Vec<Token>) -> bool {
        let changed = self.mend(found);
        if changed {
            *tokens = lexer::lex(&self.text);
        }
        changed
    }

    /// A range of the mended text as one of the file.
    fn back(&self, range: Range<usize>) -> Range<usize> {
        self.mendings.iter().rev().fold(range, |range, mending| mending.back(range))
    }

    fn span(&self, span: Span) -> Span {
        Span::new(span.file, self.back(span.range()))
    }

    /// A finding about the mended text as one about the file. Edits of what was mended are no edits of the file.
    fn to_file(&self, mut finding: Finding) -> Finding {
        if self.mendings.is_empty() {
            return finding;
        }
        let label = |label: &mut Label| label.span = self.span(label.span);
        label(&mut finding.primary);
        finding.secondary.iter_mut().for_each(label);
        finding.fixes.retain_mut(|fix| fix.edits.iter_mut().all(|edit| self.edit_to_file(edit)));
        finding
    }

    fn edit_to_file(&self, edit: &mut Edit) -> bool {
        let mut range = edit.span.range();
        for mending in self.mendings.iter().rev() {
            if !mending.is_untouched(&range) {
                return false;
            }
            range = mending.back(range);
        }
        edit.span = Span::new(edit.span.file, range);
        true
    }

    fn place(&self, node: &mut Node) {
        node.name.span = self.span(node.name.span);
        (node.span, node.head) = (self.span(node.span), self.span(node.head));
        node.args.iter_mut().for_each(|value| self.place_value(value));
        for property in &mut node.props {
            property.name.span = self.span(property.name.span);
            property.span = self.span(property.span);
            self.place_value(&mut property.value);
        }
        node.children.iter_mut().for_each(|child| self.place(child));
    }

    fn place_value(&self, value: &mut Value) {
        value.span = self.span(value.span);
        if self.broken.contains(&(value.span.start as usize)) {
            value.scalar = Scalar::Broken;
        }
    }
}

/// The document that the kdl crate reads, whole if it can.
fn lowered(source: &lower::LexedText<'_>) -> (Document, Vec<Finding>) {
    if tokens_in_doubt(source.tokens) > MOST_IN_DOUBT {
        return recover::document(source, None);
    }
    match kdl::KdlDocument::parse_v2(&without_comments(source.text, source.tokens)) {
        Ok(document) => lower::document(source, &document),
        Err(error) => recover::document(source, Some(&error)),
    }
}

/// The text with blanks for comments: the kdl crate recurses with every `*` and `/` in a block comment, and asks of each
/// letter of a line comment in eight ways whether the line ends there.
pub(super) fn without_comments<'a>(text: &'a str, tokens: &[Token]) -> Cow<'a, str> {
    let is_comment = |token: &&Token| {
        matches!(token.kind, TokenKind::BlockComment { .. } | TokenKind::LineComment)
            || (token.kind == TokenKind::LineContinuation && token.end - token.start > 2)
    };
    let mut comments = tokens.iter().filter(is_comment).peekable();
    if comments.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let offset = tokens[0].start;
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for comment in comments {
        let range = comment.start - offset..comment.end - offset;
        out.push_str(&text[from..range.start]);
        if comment.kind == TokenKind::LineContinuation {
            // The backslash and its line end stay.
            out.push('\\');
            out.push_str(&" ".repeat(range.len().saturating_sub(2)));
            out.push_str(if range.len() > 1 { "\n" } else { "" });
        } else {
            out.push_str(&" ".repeat(range.len()));
        }
        from = range.end;
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// How many tokens there are that the kdl crate may still refuse. It recurses with each mistake at the top of a file.
pub(super) fn tokens_in_doubt(tokens: &[Token]) -> usize {
    let in_doubt = |token: &&Token| match token.kind {
        TokenKind::LineContinuation | TokenKind::Slashdash => true,
        TokenKind::Quoted { raw, lines, .. } => raw || lines,
        _ => false,
    };
    tokens.iter().filter(in_doubt).count()
}

/// Drops what only follows from another mistake: glued texts and braces where a quote of the same line is missing, and
/// what is wrong with the last words of a file that is cut off.
fn drop_consequences(text: &str, findings: &mut Vec<Finding>) {
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let line = |finding: &Finding| {
        let start = finding.primary.span.start as usize;
        starts[starts.partition_point(|line| *line <= start).saturating_sub(1)]
    };
    let unclosed: BTreeSet<usize> = findings.iter().filter(|finding| finding.code == UNCLOSED_TEXT).map(line).collect();
    let last = text.trim_end().rfind('\n').map_or(0, |newline| newline + 1);
    let cut = findings.iter().any(|finding| {
        let closes_at_the_end = |edit: &Edit| edit.span.start as usize > last && edit.replacement.ends_with('}');
        finding.code == UNCLOSED_BLOCK && finding.fixes.iter().flat_map(|fix| &fix.edits).any(closes_at_the_end)
    });
    let is_cut_off = |finding: &Finding| cut && line(finding) == last && finding.code != UNCLOSED_BLOCK;
    let consequences = [STRAY_BRACE, MISSING_BRACE, GLUED];
    findings.retain(|finding| {
        let follows = consequences.contains(&finding.code) && unclosed.contains(&line(finding));
        !follows && !is_cut_off(finding)
    });
}

/// The findings in file order, one a place, up to the most that help.
fn limited(file: FileId, mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| (finding.primary.span, finding.code));
    let more = findings.len().saturating_sub(MOST_FINDINGS);
    if more > 0 {
        let span = findings[MOST_FINDINGS].primary.span;
        findings.truncate(MOST_FINDINGS);
        let title = format!("{more} more mistakes of form from here on");
        let finding = Finding::unreadable(TOO_MUCH, Extent::Place, title, Span { file, ..span });
        findings.push(finding.why(format!("at most {MOST_FINDINGS} are shown of one file")));
    }
    findings
}
