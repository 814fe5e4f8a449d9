//! Strings and comments without their end. They come first, since they swallow what follows.

use std::collections::BTreeMap;

use super::guard::MOST_MISTAKES;
use super::lexer::{Token, TokenKind};
use super::repair::Repair;
use super::word;
use crate::finding::{Applicability, Code, Extent, Finding};
use crate::source::{FileId, Span};

/// A text in quotes without its end.
pub(super) const UNCLOSED_TEXT: Code = Code::new("E0009");

/// Findings, the repairs by which reading goes on, and the values (by their first byte) that are not to be trusted.
#[derive(Default)]
pub(super) struct TextRepairs {
    pub(super) findings: Vec<Finding>,
    pub(super) repairs: Vec<Repair>,
    pub(super) broken: Vec<usize>,
}

/// Findings about every string and comment without an end, and about those in quotation marks that are none here.
pub(super) fn check(file: FileId, source: &str, tokens: &[Token]) -> TextRepairs {
    let mut found = TextRepairs::default();
    let (mut depth, mut quoted_until, mut unclosed) = (0_usize, 0, BTreeMap::new());
    for (at, token) in tokens.iter().enumerate() {
        // A file with more mistakes than that is refused.
        if found.findings.len() > MOST_MISTAKES {
            break;
        }
        if token.start < quoted_until {
            continue;
        }
        match token.kind {
            TokenKind::Bare if at == 0 || may_begin_text(&tokens[at - 1]) => {
                quoted_until = other_quotes(file, source, token, &mut unclosed, &mut found).unwrap_or_default();
            }
            TokenKind::OldRaw { hashes } => old_raw(file, source, token, hashes, &mut found),
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            TokenKind::BlockComment { closed: false, .. } => {
                found.findings.push(comment(file, token));
                found.repairs.push(Repair::replace(token.start..token.end, closers(depth)));
            }
            TokenKind::Quoted { lines: true, closed: false, raw } => {
                found.findings.push(multi_line(file, token, raw));
                found.repairs.push(Repair::replace(token.start..token.end, format!("\"\"{}", closers(depth))));
                found.broken.push(token.start);
            }
            TokenKind::Quoted { lines: false, closed: false, raw } => {
                let line = Line { file, source, tokens, at };
                let is_plain = !raw && line.swallowed_key().is_none() && !line.is_before_name() && !line.is_glued();
                if let Some(end) = closed_below(source, tokens, at).filter(|_| is_plain) {
                    over_lines(file, source, token.start..end, &mut found);
                    quoted_until = end;
                    continue;
                }
                line.mend(raw, &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Whether a text may begin right behind a token.
fn may_begin_text(before: &Token) -> bool {
    before.is_trivia() || matches!(before.kind, TokenKind::Equals | TokenKind::Semicolon | TokenKind::Open)
}

/// A text in `'…'`, `“…”` and the like, up to the last byte of it. `unclosed` holds up to where no text in such quotation
/// marks ends.
fn other_quotes(
    file: FileId,
    source: &str,
    token: &Token,
    unclosed: &mut BTreeMap<char, usize>,
    found: &mut TextRepairs,
) -> Option<usize> {
    let open = token.text(source).trim_start_matches('[').chars().next()?;
    let closers: &[char] = match open {
        '\'' => &['\''],
        '‘' | '’' => &['’', '‘', '\''],
        '“' | '”' | '„' => &['”', '“'],
        '«' => &['»'],
        '`' => &['`'],
        _ => return None,
    };
    let start = token.start + token.text(source).find(open)?;
    if unclosed.get(&open).is_some_and(|until| start < *until) {
        return None;
    }
    let rest = source[start + open.len_utf8()..].lines().next()?;
    let ends = |(at, closer): &(usize, &str)| {
        let after = rest[at + closer.len()..].chars().next();
        after.is_none_or(|next| next.is_whitespace() || matches!(next, ';' | '}' | '{' | ',' | ']' | ')' | '/'))
    };
    let Some((length, closer)) = rest.match_indices(closers).find(ends) else {
        unclosed.insert(open, start + open.len_utf8() + rest.len());
        return None;
    };
    let content = rest[..length].trim_matches(|c: char| open == '«' && c.is_whitespace());
    let end = start + open.len_utf8() + length + closer.len();
    let span = Span::new(file, start..end);
    let escaped = format!("\"{}\"", content.replace('\\', "\\\\").replace('"', "\\\""));
    let finding =
        Finding::unreadable(Code::new("E0016"), Extent::Place, format!("`{open}` is no quotation mark here"), span)
            .why("a text stands in `\"…\"`")
            .fix(Applicability::Safe, "quote it with `\"`", span, &escaped);
    found.findings.push(finding);
    found.repairs.push(Repair::replace(start..end, escaped));
    Some(end)
}

fn old_raw(file: FileId, source: &str, token: &Token, hashes: usize, found: &mut TextRepairs) {
    let text = &token.text(source)[1..];
    let raw = if hashes == 0 { format!("#{text}#") } else { text.to_owned() };
    let span = Span::new(file, token.start..token.end);
    let finding = Finding::unreadable(Code::new("E0016"), Extent::Place, "`r\"…\"` is no raw text here", span)
        .why("since KDL 2 a raw text is written `#\"…\"#`")
        .fix(Applicability::Safe, format!("write `{raw}`"), span, &raw);
    found.findings.push(finding);
    found.repairs.push(Repair::replace(token.start..token.end, raw));
}

fn closers(depth: usize) -> String {
    "\n}".repeat(depth)
}

fn comment(file: FileId, token: &Token) -> Finding {
    Finding::unreadable(
        Code::new("E0010"),
        Extent::Rest,
        "this comment is never closed",
        Span::new(file, token.start..token.start + 2),
    )
    .label("it takes in the rest of the file")
    .why("a comment that `/*` opens goes on to `*/`; comments nest, so each `/*` in it needs its own")
    .help("write `*/` where it ends, or `//` before each of its lines")
}

fn multi_line(file: FileId, token: &Token, raw: bool) -> Finding {
    let opening = if raw { "#\"\"\"" } else { "\"\"\"" };
    let closing = if raw { "\"\"\"#" } else { "\"\"\"" };
    let span = Span::new(file, token.start..(token.start + opening.len()).min(token.end));
    Finding::unreadable(UNCLOSED_TEXT, Extent::Rest, "this text is never closed", span)
        .label("it takes in the rest of the file")
        .why(format!("a text over several lines goes on to `{closing}` on a line of its own"))
        .help(format!("write `{closing}` on the line after its last one, indented as its lines are"))
}

/// The most lines that a text in single quotes is looked for.
const MOST_LINES: usize = 20;

/// Where a text ends that is opened at a token and closed on a line below: behind the next quote, where that opens nothing.
fn closed_below(source: &str, tokens: &[Token], at: usize) -> Option<usize> {
    let mut lines = 0;
    for token in &tokens[at + 1..] {
        match token.kind {
            TokenKind::Newline => lines += 1,
            TokenKind::Quoted { lines: false, closed: false, raw: false } => {
                let rest = token.text(source)[1..].trim_start();
                let ends = rest.is_empty() || rest.starts_with([';', '}', '{']) || rest.starts_with("//");
                return ends.then_some(token.start + 1);
            }
            TokenKind::Quoted { .. } | TokenKind::OldRaw { .. } | TokenKind::Open | TokenKind::Close => return None,
            _ => {}
        }
        if lines > MOST_LINES {
            return None;
        }
    }
    None
}

/// The finding about a text that is closed on another line than it is opened on.
fn over_lines(file: FileId, source: &str, range: std::ops::Range<usize>, found: &mut TextRepairs) {
    let text = &source[range.start + 1..range.end - 1];
    let line = source[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
    let indent: String = source[line..].chars().take_while(|letter| matches!(letter, ' ' | '\t')).collect();
    let lines: Vec<String> = text.lines().map(|line| format!("{indent}    {}\n", line.trim())).collect();
    let whole = format!("\"\"\"\n{}{indent}    \"\"\"", lines.concat());
    let span = Span::new(file, range.clone());
    let finding = Finding::unreadable(UNCLOSED_TEXT, Extent::Nesting, "this text goes on over several lines", span)
        .why("a text in `\"…\"` ends on the line it starts on; one of several lines stands between `\"\"\"`")
        .help("write it on one line, where it is one")
        .fix(Applicability::Guess, "write it between `\"\"\"`", span, whole);
    found.findings.push(finding);
    found.repairs.push(Repair::replace(range.clone(), "\"\""));
    found.broken.push(range.start);
}

/// An unclosed string on its line.
struct Line<'a> {
    file: FileId,
    source: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl Line<'_> {
    fn mend(&self, raw: bool, found: &mut TextRepairs) {
        if raw {
            return self.close_at_end("\"#", found);
        }
        if let Some((opening, at)) = self.swallowed_key() {
            let span = Span::new(self.file, opening..opening + 1);
            found.findings.push(Self::unclosed(span).fix(
                Applicability::Safe,
                "close it before the next property",
                Span::new(self.file, at..at),
                "\"",
            ));
            found.repairs.push(Repair::insert(at, "\""));
            return;
        }
        let token = &self.tokens[self.at];
        if token.text(self.source)[1..].trim().is_empty() && self.is_glued() {
            let start = self.words_before();
            let span = Span::new(self.file, token.start..token.start + 1);
            let finding = Finding::unreadable(UNCLOSED_TEXT, Extent::Rest, "this quote closes nothing", span)
                .why("a text in quotes starts and ends with one on the same line")
                .fix(Applicability::Guess, "open the text here", Span::new(self.file, start..start), "\"");
            found.findings.push(finding);
            found.repairs.push(Repair::insert(start, "\""));
            found.broken.push(start);
            return;
        }
        if self.is_before_name() {
            let span = Span::new(self.file, token.start..token.start + 1);
            let finding = Finding::unreadable(UNCLOSED_TEXT, Extent::Rest, "this quote opens no text", span)
                .why("a line begins with the name of its node, which needs no quotes")
                .fix(Applicability::Safe, "take it out", span, "");
            found.findings.push(finding);
            found.repairs.push(Repair::delete(token.start..token.start + 1));
            return;
        }
        self.close_at_end("\"", found);
    }

    /// Whether the quote stands before a word that is the name of a node.
    fn is_before_name(&self) -> bool {
        let token = &self.tokens[self.at];
        let word = token.text(self.source)[1..].split_whitespace().next().unwrap_or_default();
        let before = self.tokens[..self.at].iter().rev().find(|token| token.kind != TokenKind::Space);
        let begins = before.is_none_or(|token| {
            matches!(token.kind, TokenKind::Newline | TokenKind::Semicolon | TokenKind::Open | TokenKind::Bom)
        });
        begins && word::is_plain(word.trim_end_matches(';'))
    }

    fn unclosed(span: Span) -> Finding {
        Finding::unreadable(UNCLOSED_TEXT, Extent::Rest, "this text is never closed", span)
            .label("opened here")
            .why("a text in quotes ends on the line it starts on")
    }

    fn close_at_end(&self, closing: &str, found: &mut TextRepairs) {
        let token = &self.tokens[self.at];
        let end = token.start + self.meant_length();
        let content = &self.source[token.start + 1..end];
        let sure = !content.contains(['=', ';']) && !content.ends_with('\\');
        let applicability = if sure { Applicability::Safe } else { Applicability::Guess };
        let span = Span::new(self.file, token.start..end);
        found.findings.push(Self::unclosed(span).label("").fix(
            applicability,
            format!("write `{closing}` at its end"),
            Span::new(self.file, end..end),
            closing,
        ));
        found.repairs.push(Repair::insert(end, closing));
        found.broken.push(token.start);
    }

    /// How much of the token was meant as text: not a `{` at the line's end, a `}` that closes what the line opened, or
    /// a comment.
    fn meant_length(&self) -> usize {
        let text = self.tokens[self.at].text(self.source);
        let mut meant = text.split(" //").next().unwrap_or(text).trim_end();
        if let Some(rest) = meant.strip_suffix('{')
            && rest.ends_with([' ', '\t'])
        {
            meant = rest.trim_end();
        }
        let mut open = self.line_before().filter(|token| token.kind == TokenKind::Open).count();
        while open > 0
            && let Some(rest) = meant.strip_suffix('}')
        {
            meant = rest.trim_end().trim_end_matches(';').trim_end();
            open -= 1;
        }
        meant.len().max(1)
    }

    fn line_before(&self) -> impl Iterator<Item = &Token> {
        self.tokens[..self.at].iter().rev().take_while(|token| token.kind != TokenKind::Newline)
    }

    fn is_glued(&self) -> bool {
        self.at > 0 && matches!(self.tokens[self.at - 1].kind, TokenKind::Bare)
    }

    /// For `from="22:00 to="06:30"`: the quote that was not closed, and where it should have been.
    fn swallowed_key(&self) -> Option<(usize, usize)> {
        let mut after: Option<&Token> = None;
        for token in self.line_before() {
            let glued = after.is_some_and(|next| next.kind == TokenKind::Bare);
            if glued && matches!(token.kind, TokenKind::Quoted { lines: false, closed: true, raw: false }) {
                let text = token.text(self.source);
                let content = &text[1..text.len() - 1];
                let key =
                    content.strip_suffix('=')?.rsplit_once(' ').map(|(before, key)| (before.trim_end().len(), key));
                if let Some((length, key)) = key
                    && word::is_plain(key)
                {
                    return Some((token.start, token.start + 1 + length));
                }
            }
            after = Some(token);
        }
        None
    }

    /// Where the words begin that end at this quote: after the node's name or a property's `=`.
    fn words_before(&self) -> usize {
        let mut start = self.tokens[self.at - 1].start;
        let before: Vec<&Token> = self.line_before().collect();
        for pair in before.windows(2) {
            let (word, left) = (pair[0], pair[1]);
            if word.kind == TokenKind::Bare {
                start = word.start;
            }
            if !matches!(left.kind, TokenKind::Bare | TokenKind::Space) {
                return start;
            }
        }
        // The first word of the line is the node's name.
        let mut words = before.iter().rev().filter(|token| token.kind == TokenKind::Bare);
        words.next();
        words.next().map_or(self.tokens[self.at - 1].start, |word| word.start)
    }
}
