//! `///` that stands directly above no node.

use std::collections::BTreeSet;

use super::lexer::{Token, TokenKind};
use super::outline::OutlineNode;
use super::traps::Traps;
use crate::finding::{Applicability, Code, Finding};
use crate::source::Span;

impl Traps<'_> {
    /// Tells of each note that belongs to nothing.
    pub(super) fn notes(&mut self) {
        let starts: BTreeSet<usize> = self.outline.nodes.iter().map(OutlineNode::first).collect();
        // Of a file that holds nothing, that is what is told.
        if (0..self.outline.nodes.len()).all(|node| self.name(node) == "edition") {
            return;
        }
        // From the end, since a line of a note belongs to what the line below it belongs to.
        let (mut kept, mut lost) = (BTreeSet::new(), Vec::new());
        for at in (0..self.tokens.len()).rev().filter(|at| is_note(&self.tokens[*at], self.source)) {
            let below = self.line_below(at);
            if self.begins_line(at) && below.is_some_and(|below| starts.contains(&below) || kept.contains(&below)) {
                kept.insert(at);
            } else {
                // Of lost lines in a row the first is told.
                lost.pop_if(|last| below == Some(*last));
                lost.push(at);
            }
        }
        for at in lost.into_iter().rev() {
            self.lost_note(at);
        }
    }

    fn lost_note(&mut self, at: usize) {
        let token = self.tokens[at];
        let span = Span::new(self.file, token.start..token.end);
        let slashes = Span::new(self.file, token.start..token.start + 3);
        let finding = Finding::warning(Code::new("W0001"), "this note belongs to nothing", span)
            .why("`///` is the note of the node directly below it; others do not show it")
            .help("write it directly above a node")
            .fix(Applicability::Guess, "make it a comment", slashes, "//");
        self.out.findings.push(finding);
    }

    /// The first token behind the blanks of the line below a comment.
    fn line_below(&self, at: usize) -> Option<usize> {
        self.tokens.get(at + 1).filter(|token| token.kind == TokenKind::Newline)?;
        let blanks = self.tokens[at + 2..].iter().take_while(|token| token.is_blank());
        Some(at + 2 + blanks.count())
    }

    fn begins_line(&self, at: usize) -> bool {
        let mut before =
            self.tokens[..at].iter().rev().skip_while(|token| matches!(token.kind, TokenKind::Space | TokenKind::Bom));
        before.next().is_none_or(|token| token.kind == TokenKind::Newline)
    }
}

/// Whether a token is a note of a node.
pub(super) fn is_note(token: &Token, source: &str) -> bool {
    let text = token.text(source);
    token.kind == TokenKind::LineComment && text.starts_with("///") && !text.starts_with("////")
}
