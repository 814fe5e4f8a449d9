//! KDL text to tokens: lossless, in one pass over the bytes, without recursion; it never fails.
//!
//! What the language does not know becomes a token too, so that the checks behind can say what was meant. A run of
//! characters without blanks stays one token even where KDL would cut it (`https://x`, `a/b`, `${settings.at}`).

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// The byte order mark at the start of a file.
    Bom,
    Space,
    /// One line end.
    Newline,
    /// `// …` up to the line end.
    LineComment,
    /// `# …` up to the line end: no comment in KDL, but meant as one.
    HashComment,
    /// `/* … */`; how deep comments nest in it, and whether it ends.
    BlockComment {
        depth: u32,
        closed: bool,
    },
    /// `\` with the rest of its line and the line end.
    LineContinuation,
    Slashdash,
    Open,
    Close,
    Semicolon,
    Equals,
    ParenOpen,
    ParenClose,
    /// A run without blanks: a word, a number, a keyword, or something KDL cannot read.
    Bare,
    /// `"…"`, `#"…"#`, or over several lines with three quotes.
    Quoted {
        raw: bool,
        lines: bool,
        closed: bool,
    },
    /// `r"…"` or `r#"…"#`: a raw text of KDL 1.
    OldRaw {
        hashes: usize,
    },
}

/// A token and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    pub(super) fn text<'a>(&self, source: &'a str) -> &'a str {
        &source[self.start..self.end]
    }

    /// Blanks and comments that do not end a node.
    pub(super) fn is_blank(&self) -> bool {
        matches!(
            self.kind,
            TokenKind::Bom | TokenKind::Space | TokenKind::BlockComment { .. } | TokenKind::LineContinuation
        )
    }

    /// What separates nothing but lines: blanks, comments and line ends.
    pub(super) fn is_trivia(&self) -> bool {
        self.is_blank() || matches!(self.kind, TokenKind::Newline | TokenKind::LineComment | TokenKind::HashComment)
    }
}

/// The longest `${…}` without quotes that is taken for one, in bytes.
const LONGEST_HOLE: usize = 256;

/// The longest raw text of KDL 1 that is taken for one, in bytes.
const LONGEST_OLD_RAW: usize = 256;

/// All tokens of a text; joined they are the text.
pub(super) fn lex(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { bytes: source.as_bytes(), at: 0, line_begins: true, next_quote: 0 };
    let mut tokens = Vec::with_capacity(source.len() / 4);
    while lexer.at < lexer.bytes.len() {
        let start = lexer.at;
        let kind = lexer.next();
        debug_assert!(lexer.at > start, "every token has a byte");
        lexer.line_begins = match kind {
            TokenKind::Newline | TokenKind::LineContinuation => true,
            TokenKind::Space | TokenKind::Bom => lexer.line_begins,
            _ => false,
        };
        tokens.push(Token { kind, start, end: lexer.at });
    }
    tokens
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    line_begins: bool,
    /// Where the next quote stands, as far as somebody asked; kept so that asking often stays linear.
    next_quote: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> TokenKind {
        let rest = &self.bytes[self.at..];
        if self.at == 0 && rest.starts_with("\u{FEFF}".as_bytes()) {
            return self.take(3, TokenKind::Bom);
        }
        if let Some(length) = newline(rest) {
            return self.take(length, TokenKind::Newline);
        }
        if space(rest).is_some() {
            self.skip_spaces();
            return TokenKind::Space;
        }
        match rest {
            [b'{', ..] => self.take(1, TokenKind::Open),
            [b'}', ..] => self.take(1, TokenKind::Close),
            [b';', ..] => self.take(1, TokenKind::Semicolon),
            [b'=', ..] => self.take(1, TokenKind::Equals),
            [b'(', ..] => self.take(1, TokenKind::ParenOpen),
            [b')', ..] => self.take(1, TokenKind::ParenClose),
            [b'/', b'/', ..] => self.through_line(TokenKind::LineComment),
            [b'/', b'*', ..] => self.block_comment(),
            [b'/', b'-', ..] => self.take(2, TokenKind::Slashdash),
            [b'"', ..] => self.quoted(0),
            [b'#', ..] => self.hash(),
            [b'\\', ..] => self.backslash(),
            [b'r', b'"' | b'#', ..] => self.old_raw().unwrap_or_else(|| self.bare()),
            _ => self.bare(),
        }
    }

    fn take(&mut self, length: usize, kind: TokenKind) -> TokenKind {
        self.at += length;
        kind
    }

    fn skip_spaces(&mut self) {
        while let Some(length) = space(&self.bytes[self.at..]) {
            self.at += length;
        }
    }

    fn through_line(&mut self, kind: TokenKind) -> TokenKind {
        while self.at < self.bytes.len() && newline(&self.bytes[self.at..]).is_none() {
            self.at += 1;
        }
        kind
    }

    fn block_comment(&mut self) -> TokenKind {
        let (mut open, mut depth) = (0_u32, 0);
        while self.at < self.bytes.len() {
            match &self.bytes[self.at..] {
                [b'/', b'*', ..] => {
                    open += 1;
                    depth = depth.max(open);
                    self.at += 2;
                }
                [b'*', b'/', ..] => {
                    open -= 1;
                    self.at += 2;
                    if open == 0 {
                        return TokenKind::BlockComment { depth, closed: true };
                    }
                }
                _ => self.at += 1,
            }
        }
        TokenKind::BlockComment { depth, closed: false }
    }

    /// A string whose quotes begin here, after `hashes` times `#`.
    fn quoted(&mut self, hashes: usize) -> TokenKind {
        let raw = hashes > 0;
        let lines = self.bytes[self.at..].starts_with(b"\"\"\"");
        let quotes = if lines { 3 } else { 1 };
        self.at += quotes;
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            match rest[0] {
                b'"' if closes(rest, quotes, hashes) => {
                    self.at += quotes + hashes;
                    return TokenKind::Quoted { raw, lines, closed: true };
                }
                b'\\' if !raw => self.escape(lines),
                _ if !lines && newline(rest).is_some() => return TokenKind::Quoted { raw, lines, closed: false },
                _ => self.at += 1,
            }
        }
        TokenKind::Quoted { raw, lines, closed: false }
    }

    /// A backslash and what it takes the meaning from; blanks and line ends after it belong to the string.
    fn escape(&mut self, lines: bool) {
        self.at += 1;
        let rest = &self.bytes[self.at..];
        if newline(rest).is_some() || space(rest).is_some() {
            let mut probe = self.at;
            while let Some(length) = space(&self.bytes[probe..]).or_else(|| newline(&self.bytes[probe..])) {
                probe += length;
            }
            // A quote that was forgotten on this line must not swallow the next ones.
            if lines || newline(rest).is_none() || self.has_quote_after(probe) {
                self.at = probe;
            }
        } else if matches!(rest, [b'"' | b'\\', ..]) {
            self.at += 1;
        }
    }

    /// `r"…"` or `r#"…"#` that closes soon on its line.
    fn old_raw(&mut self) -> Option<TokenKind> {
        let rest = &self.bytes[self.at..];
        let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
        let body = rest.get(1 + hashes..).filter(|body| body.first() == Some(&b'"'))?;
        let line = body.iter().take(LONGEST_OLD_RAW).take_while(|byte| !matches!(byte, b'\n' | b'\r')).count();
        let length = (1..line).find(|at| body[*at] == b'"' && closes(&body[*at..], 1, hashes))?;
        self.at += 1 + hashes + length + 1 + hashes;
        Some(TokenKind::OldRaw { hashes })
    }

    fn has_quote_after(&mut self, at: usize) -> bool {
        if self.next_quote < at {
            let quote = self.bytes[at..].iter().position(|byte| *byte == b'"');
            self.next_quote = quote.map_or(self.bytes.len(), |distance| at + distance);
        }
        self.next_quote < self.bytes.len()
    }

    fn hash(&mut self) -> TokenKind {
        let rest = &self.bytes[self.at..];
        let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
        let after = &rest[hashes..];
        if after.first() == Some(&b'"') {
            self.at += hashes;
            return self.quoted(hashes);
        }
        if self.line_begins || after.is_empty() || newline(after).is_some() || space(after).is_some() {
            return self.through_line(TokenKind::HashComment);
        }
        self.bare()
    }

    fn backslash(&mut self) -> TokenKind {
        let start = self.at;
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            if space(rest).is_some() {
                self.skip_spaces();
            } else if rest.starts_with(b"/*") {
                if matches!(self.block_comment(), TokenKind::BlockComment { closed: true, .. }) {
                    continue;
                }
                self.at = start;
                return self.bare();
            } else {
                break;
            }
        }
        if self.bytes[self.at..].starts_with(b"//") {
            self.through_line(TokenKind::LineComment);
        }
        if let Some(length) = newline(&self.bytes[self.at..]) {
            return self.take(length, TokenKind::LineContinuation);
        }
        if self.at == self.bytes.len() {
            return TokenKind::LineContinuation;
        }
        self.at = start;
        self.bare()
    }

    fn bare(&mut self) -> TokenKind {
        let start = self.at;
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            let after_colon = self.at > start && self.bytes[self.at - 1] == b':';
            match rest {
                [b'{', ..] if self.at > start && self.bytes[self.at - 1] == b'$' => {
                    let Some(length) = hole(rest) else { break };
                    self.at += length;
                }
                [b'{' | b'}' | b';' | b'"' | b'=' | b'(' | b')', ..] => break,
                [b'/', b'/', ..] if after_colon => self.at += 2,
                [b'/', b'/' | b'*', ..] if self.at > start => break,
                [byte, ..] if byte.is_ascii_graphic() => self.at += 1,
                _ if newline(rest).is_some() || space(rest).is_some() => break,
                _ => self.at += 1,
            }
        }
        // A lone character that starts nothing, such as `\` before a brace, still is a token.
        self.at = self.at.max(start + 1);
        TokenKind::Bare
    }
}

/// The length of `{…}` that closes soon on its line.
fn hole(rest: &[u8]) -> Option<usize> {
    let line = rest.iter().take(LONGEST_HOLE).take_while(|byte| !matches!(byte, b'\n' | b'\r' | b'"'));
    line.enumerate().find(|(_, byte)| **byte == b'}').map(|(at, _)| at + 1)
}

fn closes(rest: &[u8], quotes: usize, hashes: usize) -> bool {
    let Some(after) = rest.get(quotes..) else { return false };
    rest[..quotes].iter().all(|byte| *byte == b'"')
        && after.get(..hashes).is_some_and(|tail| tail.iter().all(|byte| *byte == b'#'))
}

/// The length of the line end that `rest` starts with: those of the KDL specification.
pub(super) fn newline(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'\r', b'\n', ..] | [0xC2, 0x85, ..] => Some(2),
        [b'\n' | b'\r' | 0x0B | 0x0C, ..] => Some(1),
        [0xE2, 0x80, 0xA8 | 0xA9, ..] => Some(3),
        _ => None,
    }
}

/// The length of the blank that `rest` starts with: those of the KDL specification.
pub(super) fn space(rest: &[u8]) -> Option<usize> {
    match rest {
        [b' ' | b'\t', ..] => Some(1),
        [0xC2, 0xA0, ..] => Some(2),
        [0xE1, 0x9A, 0x80, ..]
        | [0xE2, 0x80, 0x80..=0x8A | 0xAF, ..]
        | [0xE2, 0x81, 0x9F, ..]
        | [0xE3, 0x80, 0x80, ..] => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<(TokenKind, &str)> {
        lex(source)
            .iter()
            .filter(|token| token.kind != TokenKind::Space)
            .map(|token| (token.kind, token.text(source)))
            .collect()
    }

    #[test]
    fn tokens_joined_are_the_text() {
        let source =
            "\u{FEFF}a /* b /* c */ */ \\ // d\r\n #\"x\"# \"\"\"\ny\n\"\"\" /-z=(t)1 { } ; https://é ${a b} \"";
        let joined: String = lex(source).iter().map(|token| token.text(source)).collect();
        assert_eq!(joined, source);
    }

    #[test]
    fn a_run_without_blanks_is_one_token() {
        let bare = |text| (TokenKind::Bare, text);
        assert_eq!(kinds("url https://x/y//z"), [bare("url"), bare("https://x/y"), (TokenKind::LineComment, "//z")]);
        assert_eq!(kinds("a ${settings.at}/x"), [bare("a"), bare("${settings.at}/x")]);
        assert_eq!(kinds("a b//c"), [bare("a"), bare("b"), (TokenKind::LineComment, "//c")]);
    }

    #[test]
    fn a_quote_that_never_ends_stops_at_its_line() {
        let open = TokenKind::Quoted { raw: false, lines: false, closed: false };
        assert_eq!(kinds("a \"b\nc")[1], (open, "\"b"));
        assert_eq!(kinds("a \"b \\\" c\nd")[1], (open, "\"b \\\" c"));
    }
}
