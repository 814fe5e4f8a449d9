//! What the top of a file that is not read names: which organisations, offers or clusters it is about.

use super::lexer::{self, Token, TokenKind};
use super::{Node, Scalar, Value, word};
use crate::source::{FileId, Span, Spanned};

/// The most nodes that are told of a file that is not read.
const MOST: usize = 1000;

/// The most words of such a node that are told: `retired organisation NAME` has two.
const MOST_WORDS: usize = 4;

/// The nodes at the top of a text, with their first words and nothing else.
pub(super) fn at_the_top(file: FileId, text: &str) -> Vec<Node> {
    let (mut depth, mut nodes, mut open) = (0_usize, Vec::<Node>::new(), false);
    for token in lexer::lex(text) {
        match token.kind {
            TokenKind::Open => (depth, open) = (depth + 1, false),
            TokenKind::Close => (depth, open) = (depth.saturating_sub(1), false),
            TokenKind::Newline | TokenKind::Semicolon => open = false,
            TokenKind::Bare | TokenKind::Quoted { .. } if depth == 0 && nodes.len() < MOST => {
                let value = value(file, text, &token);
                match nodes.last_mut().filter(|_| open) {
                    Some(node) if node.args.len() < MOST_WORDS => further(node, value),
                    Some(_) => {}
                    None => nodes.push(named(value)),
                }
                open = true;
            }
            _ => {}
        }
    }
    nodes
}

fn value(file: FileId, text: &str, token: &Token) -> Value {
    let written = token.text(text);
    let quoted = !word::is_plain(written);
    let span = Span::new(file, token.start..token.end);
    Value { scalar: Scalar::Text, text: written.trim_matches('"').to_owned(), quoted, span }
}

fn named(name: Value) -> Node {
    Node {
        name: Spanned::new(name.text, name.span),
        note: None,
        args: Vec::new(),
        props: Vec::new(),
        children: Vec::new(),
        span: name.span,
        head: name.span,
    }
}

fn further(node: &mut Node, value: Value) {
    node.head = node.head.to(value.span);
    node.span = node.head;
    node.args.push(value);
}
