//! Tokens of an expression with their byte ranges.

use std::ops::Range;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name, `true`, `false` or `in`.
    Word(Arc<str>),
    /// A whole number.
    Int(i64),
    Text(Arc<str>),
    /// An operator or bracket.
    Sign(&'static str),
}

/// Why a text has no tokens: what to say, where, and what to write instead.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LexError {
    pub(crate) title: String,
    /// Bytes of the expression.
    pub(crate) range: Range<usize>,
    /// The way out.
    pub(crate) help: Option<String>,
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: &[&str] =
    &["||", "&&", "==", "!=", "<=", ">=", "<", ">", "!", "?", ":", "+", "*", "(", ")", "[", "]", ",", "."];

/// Cuts an expression into tokens.
pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, LexError> {
    let mut found: Vec<(Token, Range<usize>)> = Vec::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        if character.is_whitespace() {
            at += character.len_utf8();
            continue;
        }
        let (token, end) = match character {
            'a'..='z' | 'A'..='Z' | '_' => word(text, at),
            '0'..='9' => number(text, at)?,
            '\'' => quoted(text, at)?,
            '-' => minus(text, at, found.last().map(|(token, _)| token))?,
            _ => sign(text, at, character)?,
        };
        found.push((token, at..end));
        at = end;
    }
    Ok(found)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A hyphen between two letters or digits belongs to the name.
fn word(text: &str, start: usize) -> (Token, usize) {
    let bytes = text.as_bytes();
    let mut end = start;
    while end < bytes.len() {
        let inner_hyphen = bytes[end] == b'-' && bytes.get(end + 1).copied().is_some_and(is_word_byte);
        if !is_word_byte(bytes[end]) && !inner_hyphen {
            break;
        }
        end += 1;
    }
    (Token::Word(text[start..end].into()), end)
}

fn number(text: &str, start: usize) -> Result<(Token, usize), LexError> {
    let digits = text[start..].bytes().take_while(u8::is_ascii_digit).count();
    let end = start + digits;
    if text[end..].bytes().next().is_some_and(is_word_byte) {
        let rest = text[end..].bytes().take_while(|byte| is_word_byte(*byte)).count();
        return Err(LexError {
            title: format!("`{}` is neither a number nor a name", &text[start..end + rest]),
            range: start..end + rest,
            help: Some("names start with a letter; an amount is written `quantity('8 GiB')`".to_owned()),
        });
    }
    integer(&text[start..end], start..end)
}

fn integer(text: &str, range: Range<usize>) -> Result<(Token, usize), LexError> {
    match text.parse() {
        Ok(value) => Ok((Token::Int(value), range.end)),
        Err(_) => Err(LexError { title: format!("the number {text} is too large"), range, help: None }),
    }
}

/// `-1` where a value is expected; elsewhere minus needs blanks on both sides, since a hyphen binds in names.
fn minus(text: &str, start: usize, before: Option<&Token>) -> Result<(Token, usize), LexError> {
    let after_value = matches!(before, Some(Token::Int(_) | Token::Text(_) | Token::Sign(")" | "]")))
        || matches!(before, Some(Token::Word(word)) if &**word != "in");
    let digits = text[start + 1..].bytes().take_while(u8::is_ascii_digit).count();
    let end = start + 1 + digits;
    if !after_value && digits > 0 && !text[end..].bytes().next().is_some_and(is_word_byte) {
        return integer(&text[start..end], start..end);
    }
    let blank = |character: Option<char>| character.is_none_or(char::is_whitespace);
    if blank(text[..start].chars().next_back()) && blank(text[start + 1..].chars().next()) {
        return Ok((Token::Sign("-"), start + 1));
    }
    Err(LexError {
        title: "minus needs a blank on both sides".to_owned(),
        range: start..start + 1,
        help: Some("write ` - `: a hyphen without blanks belongs to a name".to_owned()),
    })
}

fn quoted(text: &str, start: usize) -> Result<(Token, usize), LexError> {
    let mut content = String::new();
    let mut characters = text[start + 1..].char_indices();
    while let Some((offset, character)) = characters.next() {
        match character {
            '\'' => return Ok((Token::Text(content.into()), start + 1 + offset + 1)),
            '\\' => match characters.next() {
                Some((_, 'n')) => content.push('\n'),
                Some((_, 't')) => content.push('\t'),
                Some((_, other @ ('\'' | '\\'))) => content.push(other),
                other => return Err(bad_escape(start + 1 + offset, other.map(|(_, character)| character))),
            },
            other => content.push(other),
        }
    }
    Err(LexError {
        title: "the text is not closed".to_owned(),
        range: start..text.len(),
        help: Some("texts inside an expression end with a single quote `'`".to_owned()),
    })
}

fn bad_escape(start: usize, character: Option<char>) -> LexError {
    LexError {
        title: "the backslash escapes nothing that it may".to_owned(),
        range: start..start + 1 + character.map_or(0, char::len_utf8),
        help: Some(r"write `\'`, `\\`, `\n` or `\t`".to_owned()),
    }
}

fn sign(text: &str, start: usize, character: char) -> Result<(Token, usize), LexError> {
    if let Some(sign) = SIGNS.iter().find(|sign| text[start..].starts_with(**sign)) {
        return Ok((Token::Sign(sign), start + sign.len()));
    }
    let help = match character {
        '=' => Some("equality is `==`"),
        '&' => Some("`and` is `&&`"),
        '|' => Some("`or` is `||`"),
        '"' => Some("texts inside an expression stand in single quotes"),
        '/' | '%' => Some("there is no division: it could fail"),
        '{' | '}' => Some("an expression has no braces; lists are `[a, b]`"),
        _ => None,
    };
    let range = start..start + character.len_utf8();
    Err(LexError { title: format!("`{character}` means nothing here"), range, help: help.map(str::to_owned) })
}
