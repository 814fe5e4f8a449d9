//! Rust as tokens: enough of the language to find paths, items and their ends without being misled by comments and texts.

/// A word, a number, a literal, `::`, or one other character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// Counted from 1.
    pub(super) line: usize,
}

impl Token<'_> {
    pub(super) fn is_word(self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// The tokens of a file; comments and spaces are left out.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < text.len() {
        let rest = &text[at..];
        let length = length(rest);
        let token = &rest[..length];
        if !token.starts_with("//") && !token.starts_with("/*") && !token.trim().is_empty() {
            tokens.push(Token { text: token, line });
        }
        line += token.matches('\n').count();
        at += length;
    }
    tokens
}

/// The length of what a text begins with.
fn length(text: &str) -> usize {
    let first = text.chars().next().expect("it is not empty");
    let word = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    match first {
        '/' if text.starts_with("//") => text.find('\n').unwrap_or(text.len()),
        '/' if text.starts_with("/*") => block_comment(text),
        '"' => quoted(text, 0),
        '\'' => character_or_lifetime(text),
        ':' if text.starts_with("::") => 2,
        _ if word == 0 => first.len_utf8(),
        _ => match &text[..word] {
            "b" | "c" if text[word..].starts_with('"') => quoted(text, word),
            "b" if text[word..].starts_with('\'') => word + character_or_lifetime(&text[word..]),
            "r" | "br" | "cr" if is_raw_text(&text[word..]) => raw(text, word),
            _ => word,
        },
    }
}

/// Comments of this form may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let (by, step) = match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (1, 2),
            [b'*', b'/', ..] => (-1, 2),
            _ => (0, 1),
        };
        depth += by;
        at += step;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// A text in quotes that begins at `from`.
fn quoted(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn is_raw_text(rest: &str) -> bool {
    rest.trim_start_matches('#').starts_with('"')
}

/// A raw text whose `#` or `"` stands at `from`.
fn raw(text: &str, from: usize) -> usize {
    let hashes = text[from..].len() - text[from..].trim_start_matches('#').len();
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = from + hashes + 1;
    text[inside..].find(&end).map_or(text.len(), |at| inside + at + end.len())
}

/// `'a'` or `'\n'`, else the quote of `'lifetime`.
fn character_or_lifetime(text: &str) -> usize {
    if text.starts_with("'\\") {
        return text[3..].find('\'').map_or(text.len(), |at| at + 4);
    }
    let end = text.char_indices().nth(2);
    end.filter(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1)
}

/// The place after the group that opens at `open`, or the end.
pub(super) fn after_group(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Whether the tokens from a place on are these.
pub(super) fn reads(tokens: &[Token<'_>], at: usize, expected: &[&str]) -> bool {
    expected.iter().enumerate().all(|(i, text)| tokens.get(at + i).is_some_and(|token| token.text == *text))
}

const ITEMS: &[&str] = &[
    "pub",
    "fn",
    "mod",
    "use",
    "struct",
    "enum",
    "union",
    "trait",
    "type",
    "impl",
    "const",
    "static",
    "async",
    "unsafe",
    "extern",
    "macro_rules",
];

/// What is built for tests only (`#[cfg(test)]`) is left out.
pub(super) fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if reads(tokens, at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            at = after_item(tokens, at);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// The place after an item, a statement or a field that begins with attributes at `at`.
fn after_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    while reads(tokens, at, &["#", "["]) {
        at = after_group(tokens, at + 1);
    }
    let is_item = tokens.get(at).is_some_and(|token| ITEMS.contains(&token.text));
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            "}" | ")" | "]" => return at,
            "{" if is_item && !tokens_begin_use(tokens, at) => return after_group(tokens, at),
            "(" | "[" | "{" => at = after_group(tokens, at),
            _ => at += 1,
        }
    }
    at
}

/// Whether the brace at `at` opens a group of a `use`, after which the item goes on.
fn tokens_begin_use(tokens: &[Token<'_>], at: usize) -> bool {
    at > 0 && (tokens[at - 1].text == "::" || tokens[at - 1].text == "use")
}

#[test]
fn comments_and_texts_hold_no_tokens_and_lifetimes_open_no_text() {
    let text = "a /* x /* y */ z */ b // c\n\"d \\\" e\" r#\"f \" g\"# 'h' '\\'' &'i str b\"j\" k::l";
    let found: Vec<_> = tokens(text).into_iter().map(|token| token.text).collect();
    let expected =
        ["a", "b", "\"d \\\" e\"", "r#\"f \" g\"#", "'h'", "'\\''", "&", "'", "i", "str", "b\"j\"", "k", "::", "l"];
    assert_eq!(found, expected);
    assert_eq!(tokens(text)[2].line, 2);
}

#[test]
fn what_is_for_tests_only_is_left_out_and_nothing_else() {
    let text = "a; #[cfg(test)] use x::{b, c}; struct S { #[cfg(test)] d: D, e: E } #[cfg(test)] #[f] mod g { h } \
                #[cfg(test)] struct T<I, J> { k: L } m";
    let kept: Vec<_> = without_tests(&tokens(text)).into_iter().map(|token| token.text).collect();
    assert_eq!(kept, ["a", ";", "struct", "S", "{", "e", ":", "E", "}", "m"]);
}
