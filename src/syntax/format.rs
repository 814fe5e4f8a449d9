//! The formatter: our own printer over the tokens, without options.
//!
//! Four spaces a level; `{` on the line of its node; one node a line, a block on one line only where it was written so,
//! is short and holds no comment; at most one blank line; arguments before properties. Values keep their spelling,
//! comments their place, nodes their order. Formatting twice is formatting once.

use std::fmt::Write as _;
use std::ops::Range;

use unicode_width::UnicodeWidthStr;

use super::lexer::{self, Token, TokenKind};
use super::outline::{self, Block, Group, Outline, OutlineEntry, OutlineNode};
use super::parse;
use crate::finding::{Effect, Extent, Finding, Findings};
use crate::source::FileId;

/// The widest line that a block on one line makes, in columns.
const WIDEST_LINE: usize = 100;

const INDENT: &str = "    ";

/// `text` formatted; the findings about its form where it cannot be read as it stands. Their spans are in file 0.
pub fn format(text: &str) -> Result<String, Findings> {
    let mut findings = Findings::default();
    parse(FileId(0), text, &mut findings);
    let reads_as_it_stands = |finding: &Finding| match finding.effect {
        Effect::Unreadable(extent) => extent == Extent::Value,
        Effect::MeaningLost | Effect::MeaningKnown => true,
    };
    let tokens = lexer::lex(text);
    if !findings.iter().all(reads_as_it_stands) || ends_a_note(text, &tokens) {
        return Err(findings);
    }
    let outline = outline::outline(text, &tokens);
    let mut printer =
        Printer { source: text, tokens: &tokens, outline: &outline, at: 0, next: 0, blanks: 0..0, lines: Vec::new() };
    printer.items(0);
    Ok(joined(&printer.lines))
}

/// Whether a note stands above a `;` that ends nothing: without that it would be the note of what follows.
fn ends_a_note(text: &str, tokens: &[Token]) -> bool {
    let ends = |at: usize| {
        let mut below = tokens[at + 1..].iter().filter(|token| token.kind != TokenKind::Space);
        let line = below.next().is_some_and(|token| token.kind == TokenKind::Newline);
        line && below.next().is_some_and(|token| token.kind == TokenKind::Semicolon)
    };
    (0..tokens.len()).any(|at| super::notes::is_note(&tokens[at], text) && ends(at))
}

/// A line of output, possibly with line ends in it where a text has them.
#[derive(Default)]
struct Line {
    code: String,
    comment: Option<String>,
}

struct Printer<'a> {
    source: &'a str,
    tokens: &'a [Token],
    outline: &'a Outline,
    /// The next token.
    at: usize,
    /// The next node.
    next: usize,
    /// The last blanks and block comments that were looked through.
    blanks: Range<usize>,
    lines: Vec<Line>,
}

impl<'a> Printer<'a> {
    fn text(&self, at: usize) -> &'a str {
        self.tokens[at].text(self.source)
    }

    fn kind(&self, at: usize) -> Option<TokenKind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// Prints nodes and comments up to the `}` of the block or the end of the file.
    fn items(&mut self, level: usize) {
        // A comment at the end of the `{` line belongs to that line.
        let (mut same_line, mut newlines, mut is_first) = (level > 0, 0_usize, true);
        let mut prefix = String::new();
        while let Some(kind) = self.kind(self.at) {
            if self.outline.nodes.get(self.next).is_some_and(|node| node.first() == self.at) {
                self.blank_line(newlines, is_first);
                (same_line, newlines, is_first) = (true, 0, false);
                self.node(level, std::mem::take(&mut prefix));
                continue;
            }
            match kind {
                TokenKind::Close => return,
                // Left out; the blank line keeps a note above it from belonging to what is below.
                TokenKind::LineContinuation if self.comment_text(self.at).is_none() => newlines += 2,
                TokenKind::Newline => (same_line, newlines) = (false, newlines + 1),
                TokenKind::LineComment | TokenKind::LineContinuation if self.comment_text(self.at).is_some() => {
                    let comment = self.comment_text(self.at).unwrap_or_default();
                    if same_line && self.lines.last().is_some_and(|line| line.comment.is_none()) {
                        self.lines.last_mut().expect("a line was just seen").comment = Some(comment);
                    } else {
                        self.blank_line(newlines, is_first);
                        self.push(level, &comment);
                        (newlines, is_first) = (0, false);
                    }
                    if kind == TokenKind::LineContinuation {
                        (same_line, newlines) = (false, 1);
                    }
                }
                TokenKind::BlockComment { .. } => {
                    let comment = self.text(self.at).replace("\r\n", "\n");
                    if same_line && !is_first && !self.is_before_node(self.at) {
                        let line = self.lines.last_mut().expect("something stands on this line");
                        let _ = write!(line.code, " {comment}");
                    } else if self.is_before_node(self.at) {
                        let _ = write!(prefix, "{comment} ");
                    } else {
                        self.blank_line(newlines, is_first);
                        self.push(level, &comment);
                        (same_line, newlines, is_first) = (true, 0, false);
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// The text of a line comment, or of the one in a line continuation.
    fn comment_text(&self, at: usize) -> Option<String> {
        let text = self.text(at);
        match self.tokens[at].kind {
            TokenKind::LineComment => Some(text.trim_end().to_owned()),
            TokenKind::LineContinuation => comments_of_continuation(text),
            _ => None,
        }
    }

    /// Whether a node follows on the same line, with nothing but blanks and comments between.
    fn is_before_node(&mut self, at: usize) -> bool {
        if !self.blanks.contains(&at) {
            let blanks = self.tokens[at..]
                .iter()
                .take_while(|token| matches!(token.kind, TokenKind::Space | TokenKind::BlockComment { .. }));
            self.blanks = at..at + blanks.count();
        }
        self.outline.nodes.get(self.next).is_some_and(|node| node.first() == self.blanks.end)
    }

    fn blank_line(&mut self, newlines: usize, is_first: bool) {
        if newlines > 1 && !is_first {
            self.lines.push(Line::default());
        }
    }

    fn push(&mut self, level: usize, code: &str) {
        self.lines.push(Line { code: format!("{}{code}", INDENT.repeat(level)), comment: None });
    }

    /// Prints the next node with its blocks.
    fn node(&mut self, level: usize, prefix: String) {
        let node = &self.outline.nodes[self.next];
        self.next += 1;
        let mut line = prefix;
        line.push_str(&self.head(node, level));
        self.push(level, &line);
        let mut last = head_end(node);
        for block in &node.blocks {
            let from = block.slashdash.unwrap_or(block.open);
            let mut gap = self.gap(last..from, level, " ");
            if let Some(slashdash) = block.slashdash {
                gap.push_str("/-");
                gap.push_str(&self.gap(slashdash + 1..block.open, level, ""));
            }
            self.append(&gap);
            self.block(block, level);
            last = self.at;
        }
        self.at = self.at.max(last);
    }

    fn append(&mut self, code: &str) {
        self.lines.last_mut().expect("a node begins its line").code.push_str(code);
    }

    fn block(&mut self, block: &Block, level: usize) {
        let close = block.close.unwrap_or(self.tokens.len() - 1);
        let is_empty = self.tokens[block.open + 1..close]
            .iter()
            .all(|token| matches!(token.kind, TokenKind::Space | TokenKind::Newline));
        if is_empty {
            self.append("{}");
        } else if let Some(short) = self.on_one_line(block.open, close) {
            self.append(&short);
            while self.outline.nodes.get(self.next).is_some_and(|node| node.first() < close) {
                self.next += 1;
            }
        } else {
            self.append("{");
            self.at = block.open + 1;
            self.items(level + 1);
            self.push(level, "}");
        }
        self.at = close + 1;
    }

    /// The block as `{ a; b; }` where it was written on one line, is short, and holds no comment.
    fn on_one_line(&self, open: usize, close: usize) -> Option<String> {
        let inside = &self.tokens[open..close];
        let breaks = |token: &Token| {
            matches!(
                token.kind,
                TokenKind::Newline
                    | TokenKind::LineComment
                    | TokenKind::BlockComment { .. }
                    | TokenKind::LineContinuation
            ) || token.text(self.source).contains('\n')
        };
        if inside.iter().any(breaks) {
            return None;
        }
        let mut out = String::from("{");
        let mut at = open + 1;
        let mut nodes = self.outline.nodes[self.next..].iter().peekable();
        // Nested blocks are within the same tokens, so a stack of their ends is all that is needed.
        let mut ends = Vec::new();
        while at <= close {
            match self.tokens[at].kind {
                TokenKind::Close if at == close => out.push_str(" }"),
                TokenKind::Close => {
                    out.push_str(if out.ends_with('{') { "}" } else { " }" });
                    if ends.pop() == Some(true) {
                        out.push(';');
                    }
                }
                TokenKind::Open | TokenKind::Slashdash if nodes.peek().is_none_or(|node| node.first() != at) => {
                    let slashdash = self.tokens[at].kind == TokenKind::Slashdash;
                    if slashdash {
                        at += 1;
                        at += usize::from(self.kind(at) == Some(TokenKind::Space));
                    }
                    if out.ends_with(';') {
                        out.pop();
                    }
                    out.push_str(if slashdash { " /-{" } else { " {" });
                    ends.push(true);
                }
                _ => {
                    if let Some(node) = nodes.next_if(|node| node.first() == at) {
                        let _ = write!(out, " {};", self.head(node, 0));
                        at = head_end(node);
                        continue;
                    }
                }
            }
            at += 1;
        }
        let width = self.lines.last().map_or(0, |line| line.code.rsplit('\n').next().unwrap_or_default().width());
        (width + out.width() <= WIDEST_LINE).then_some(out)
    }

    /// The name, arguments and properties of a node.
    fn head(&self, node: &OutlineNode, level: usize) -> String {
        let mut out = String::new();
        if let Some(slashdash) = node.slashdash {
            let next = node.annotation.as_ref().unwrap_or(&node.name).start;
            let _ = write!(out, "/-{}", self.gap(slashdash + 1..next, level, ""));
        }
        if let Some(annotation) = &node.annotation {
            out.push_str(&self.group(annotation));
            out.push_str(&self.gap(annotation.end..node.name.start, level, ""));
        }
        out.push_str(&self.group(&node.name));
        let mut last = node.name.end;
        let mut parts: Vec<(&OutlineEntry, String)> = Vec::new();
        for part in &node.parts {
            let start = part.slashdash.unwrap_or(part.tokens().start);
            parts.push((part, self.gap(last..start, level, " ")));
            last = part.tokens().end;
        }
        if parts.iter().all(|(_, gap)| gap == " ") {
            parts.sort_by_key(|(part, _)| part.key.is_some());
        }
        for (part, gap) in parts {
            out.push_str(&gap);
            out.push_str(&self.part(part, level));
        }
        out
    }

    fn part(&self, part: &OutlineEntry, level: usize) -> String {
        let tokens = part.tokens();
        let mut out = String::new();
        let mut last = tokens.start;
        if let Some(slashdash) = part.slashdash {
            let _ = write!(out, "/-{}", self.gap(slashdash + 1..tokens.start, level, ""));
        }
        let mut piece = |group: &Group, text: String| {
            out.push_str(&self.gap(last..group.start, level, ""));
            out.push_str(&text);
            last = group.end;
        };
        if let Some((key, equals)) = &part.key {
            piece(key, self.group(key));
            piece(&(*equals..equals + 1), "=".into());
        }
        for group in [&part.annotation, &part.value].into_iter().flatten() {
            piece(group, self.group(group));
        }
        out
    }

    fn group(&self, group: &Group) -> String {
        group.clone().map(|at| self.text(at).replace("\r\n", "\n")).collect()
    }

    /// What stands between two tokens: blanks become `plain`, comments and line continuations stay.
    fn gap(&self, range: Range<usize>, level: usize, plain: &str) -> String {
        let inner = INDENT.repeat(level + 1);
        let mut out = String::new();
        for at in range {
            let text = self.text(at);
            match self.tokens[at].kind {
                TokenKind::BlockComment { .. } => {
                    separate(&mut out);
                    out.push_str(&text.replace("\r\n", "\n"));
                }
                TokenKind::LineContinuation => {
                    separate(&mut out);
                    let comment = comments_of_continuation(text).map_or(String::new(), |comment| format!(" {comment}"));
                    let _ = write!(out, "\\{comment}\n{inner}");
                }
                TokenKind::LineComment => {
                    separate(&mut out);
                    let _ = write!(out, "{}\n{inner}", text.trim_end());
                }
                _ => {}
            }
        }
        if out.is_empty() {
            return plain.to_owned();
        }
        separate(&mut out);
        out
    }
}

/// One past the last token of a node's name and values.
fn head_end(node: &OutlineNode) -> usize {
    node.parts.last().map_or(node.name.end, |part| part.tokens().end.max(part.slashdash.map_or(0, |at| at + 1)))
}

/// A blank unless one is there or a line has just begun.
fn separate(out: &mut String) {
    if !out.ends_with([' ', '\n']) {
        out.push(' ');
    }
}

/// The comments between a `\` and its line end.
fn comments_of_continuation(text: &str) -> Option<String> {
    let comment = text[1..].trim();
    (!comment.is_empty()).then(|| comment.to_owned())
}

/// The lines with their comments; those of neighbouring lines stand below each other.
fn joined(lines: &[Line]) -> String {
    let mut out = String::new();
    let mut column = 0;
    for (at, line) in lines.iter().enumerate() {
        let indent = line.code.len() - line.code.trim_start_matches(' ').len();
        let is_aligned = |other: &Line| {
            let same = other.code.len() - other.code.trim_start_matches(' ').len() == indent;
            same && other.comment.is_some() && !other.code.contains('\n')
        };
        let Some(comment) = &line.comment else {
            out.push_str(line.code.trim_end_matches(' '));
            out.push('\n');
            continue;
        };
        let begins = at == 0 || !is_aligned(&lines[at - 1]) || !is_aligned(line);
        if begins {
            let group = lines[at..].iter().take_while(|line| is_aligned(line));
            column = group.map(|line| line.code.width()).max().unwrap_or_default();
        }
        let last = line.code.rsplit('\n').next().unwrap_or_default().width();
        let _ = writeln!(out, "{}{} {comment}", line.code, " ".repeat(column.saturating_sub(last)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(text: &str) -> String {
        let once = format(text).unwrap_or_else(|findings| panic!("{text:?}: {findings:?}"));
        let twice = format(&once).unwrap_or_else(|findings| panic!("{once:?}: {findings:?}"));
        assert_eq!(once, twice, "formatting twice");
        once
    }

    #[test]
    fn nodes_stand_one_a_line_with_four_spaces_a_level() {
        let text = "a   1  x = 2   3;b {\n\tc\n\n\n\td;e\n\n}\n";
        assert_eq!(formatted(text), "a 1 3 x=2\nb {\n    c\n\n    d\n    e\n}\n");
    }

    #[test]
    fn a_short_block_stays_on_its_line_and_a_long_one_does_not() {
        assert_eq!(formatted("a   {b;c 1 {d}}"), "a { b; c 1 { d; }; }\n");
        assert_eq!(formatted("a {}\nb { }\nc {\n}"), "a {}\nb {}\nc {}\n");
        let long = format!("a {{ b \"{}\"; c; }}", "x".repeat(WIDEST_LINE));
        assert_eq!(formatted(&long), format!("a {{\n    b \"{}\"\n    c\n}}\n", "x".repeat(WIDEST_LINE)));
    }

    #[test]
    fn comments_keep_their_place() {
        let text = "// top\n\n/// note\na { // open\n  b /* in */ 1 // end\n   // own\n /* c */ d\n} // after\n// last";
        let expected = "// top\n\n/// note\na { // open\n    b /* in */ 1 // end\n    // own\n    /* c */ d\n} // after\n// last\n";
        assert_eq!(formatted(text), expected);
    }

    #[test]
    fn comments_of_neighbouring_lines_stand_below_each_other() {
        assert_eq!(formatted("a 1 // x\nabc 2     // y\n"), "a 1   // x\nabc 2 // y\n");
    }

    #[test]
    fn continued_lines_and_what_is_commented_out_stay() {
        let text = "a 1 \\ // why\n 2 \\\n    /-3 /- x=4 /-{ b }\n/-  c { d; }\n";
        let expected = "a 1 \\ // why\n    2 \\\n    /-3 /-x=4 /-{ b; }\n/-c { d; }\n";
        assert_eq!(formatted(text), expected);
    }

    #[test]
    fn what_cannot_be_read_is_not_touched() {
        assert!(format("a 50GiB").is_err());
        assert!(format("a {").is_err());
    }
}
