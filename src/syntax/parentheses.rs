//! Parentheses that were written for the braces of a block.

use super::balance::count;
use super::lexer::{Token, TokenKind};
use super::repair::Repair;
use crate::finding::{Applicability, Code, Extent, Finding};
use crate::source::{FileId, Span};

type Turned = (Option<Vec<Token>>, Vec<Finding>, Vec<Repair>);

/// `(` at the end of a line and `)` alone on one, written for `{` and `}`: the tokens with braces for them.
pub(super) fn parentheses(file: FileId, tokens: &[Token]) -> Turned {
    let (missing, extra) = count(tokens);
    let ends = |at: usize| tokens.get(at).is_none_or(|token| token.kind == TokenKind::Newline);
    let blank = |at: usize| tokens.get(at).is_some_and(|token| token.kind == TokenKind::Space);
    let (mut findings, mut repairs, mut turned) = (Vec::new(), Vec::new(), None);
    // On the line so far: whether something stands on it, and its open braces and parentheses.
    let (mut begun, mut braces, mut open) = (false, 0_usize, 0_usize);
    for at in 0..tokens.len() {
        let ends_line = ends(at + 1 + usize::from(blank(at + 1)));
        let meant = match tokens[at].kind {
            TokenKind::ParenOpen if extra > 0 && begun && blank(at - 1) && ends_line => {
                Some((TokenKind::Open, "(", "{"))
            }
            TokenKind::ParenClose if missing > 0 && ends_line && open == 0 && (!begun || braces > 0) => {
                Some((TokenKind::Close, ")", "}"))
            }
            _ => None,
        };
        match tokens[at].kind {
            TokenKind::Newline => (begun, braces, open) = (false, 0, 0),
            TokenKind::Open => braces += 1,
            TokenKind::Close => braces = braces.saturating_sub(1),
            TokenKind::ParenOpen => open += 1,
            TokenKind::ParenClose => open = open.saturating_sub(1),
            _ => {}
        }
        begun |= !tokens[at].is_trivia();
        let Some((kind, written, brace)) = meant else { continue };
        let span = Span::new(file, tokens[at].start..tokens[at].end);
        let finding = Finding::unreadable(
            Code::new("E0022"),
            Extent::Place,
            format!("`{written}` stands where `{brace}` is meant"),
            span,
        );
        let title = format!("write `{brace}`");
        findings.push(finding.why("a block stands between `{` and `}`").fix(Applicability::Safe, title, span, brace));
        repairs.push(Repair::replace(tokens[at].start..tokens[at].end, brace));
        turned.get_or_insert_with(|| tokens.to_vec())[at].kind = kind;
    }
    (turned, findings, repairs)
}
