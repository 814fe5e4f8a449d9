//! `;` where no node ends.

use super::lexer::TokenKind;
use super::repair::Repair;
use super::traps::Traps;
use crate::finding::{Applicability, Code, Edit, Extent, Finding, Fix};
use crate::source::Span;

impl Traps<'_> {
    /// Finds each `;` that follows no node: those in a row are one mistake. One that ends a node under `/-` is no mistake, but the
    /// reader of the `kdl` crate takes a line end there alone.
    pub(super) fn semicolons(&mut self) {
        let (mut ended, mut run) = (true, Vec::new());
        // Whether the node at hand is under `/-`, and those in whose blocks it stands.
        let (mut taken_out, mut outer) = (false, Vec::new());
        for token in self.tokens {
            match token.kind {
                TokenKind::Open => {
                    outer.push(taken_out);
                    taken_out = false;
                }
                TokenKind::Close => taken_out = outer.pop().unwrap_or(false),
                TokenKind::Slashdash if ended => taken_out = true,
                TokenKind::Semicolon if !ended && taken_out => {
                    self.out.repairs.push(Repair::replace(token.start..token.end, "\n"));
                    taken_out = false;
                }
                TokenKind::Newline | TokenKind::Semicolon => taken_out = taken_out && ended,
                _ => {}
            }
            match token.kind {
                TokenKind::Semicolon if ended => run.push(Span::new(self.file, token.start..token.end)),
                TokenKind::Semicolon => ended = true,
                _ if token.is_blank() => {}
                TokenKind::Newline | TokenKind::LineComment | TokenKind::HashComment | TokenKind::Open => {
                    self.superfluous(std::mem::take(&mut run));
                    ended = true;
                }
                _ => {
                    self.superfluous(std::mem::take(&mut run));
                    ended = false;
                }
            }
        }
        self.superfluous(run);
    }

    fn superfluous(&mut self, run: Vec<Span>) {
        let Some(first) = run.first() else { return };
        let mut finding = Finding::unreadable(Code::new("E0034"), Extent::Place, "this `;` ends nothing", *first)
            .why("a `;` ends the node before it, and there is none");
        self.out.repairs.extend(run.iter().map(|span| Repair::delete(span.range())));
        let edits = run.into_iter().map(|span| Edit { span, replacement: String::new() }).collect();
        finding.fixes.push(Fix { title: "take it out".into(), applicability: Applicability::Safe, edits });
        self.out.findings.push(finding);
    }
}
