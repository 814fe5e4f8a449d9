//! The comments of a text, as far as people wrote them.

use super::lexer::{self, TokenKind};

/// What each comment of a text says, in order: its letters and digits, whatever marks begin it. Comments without any are
/// left out.
pub(crate) fn comments(text: &str) -> Vec<String> {
    let words = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
    let of_token = |token: &lexer::Token| match token.kind {
        TokenKind::LineComment | TokenKind::HashComment | TokenKind::BlockComment { .. } => {
            Some(words(token.text(text)))
        }
        TokenKind::LineContinuation => Some(words(&token.text(text)[1..])),
        _ => None,
    };
    lexer::lex(text).iter().filter_map(of_token).filter(|words| !words.is_empty()).collect()
}
