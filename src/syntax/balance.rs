//! Braces without their other half. Where the file is indented, the indentation tells which one is missing.

use super::lexer::{Token, TokenKind};
use super::parentheses::parentheses;
use super::repair::Repair;
use crate::finding::{Applicability, Code, Extent, Finding};
use crate::source::{FileId, Span};

/// A block without its `}`.
pub(super) const UNCLOSED_BLOCK: Code = Code::new("E0006");
/// A `}` without its `{`.
pub(super) const STRAY_BRACE: Code = Code::new("E0007");
/// A block without its `{`.
pub(super) const MISSING_BRACE: Code = Code::new("E0008");

/// From how many on stray braces are told in one finding.
const MANY: usize = 4;

/// Findings about braces without their other half, and the repairs that give each one.
pub(super) fn unbalanced(file: FileId, source: &str, tokens: &[Token]) -> (Vec<Finding>, Vec<Repair>) {
    let (turned, findings, repairs) = parentheses(file, tokens);
    let tokens = turned.as_deref().unwrap_or(tokens);
    let (missing, extra) = count(tokens);
    if missing == 0 && extra == 0 {
        return (findings, repairs);
    }
    let mut walk = Walk {
        file,
        source,
        tokens,
        missing,
        extra,
        stack: Vec::new(),
        lone: None,
        indented: tokens.windows(2).any(|pair| pair[0].kind == TokenKind::Newline && pair[1].kind == TokenKind::Space),
        above: 0,
        findings,
        repairs,
    };
    if extra >= MANY {
        walk.drop_all_strays();
    } else {
        walk.run();
    }
    (walk.findings, walk.repairs)
}

/// How many `{` are never closed, and how many `}` close nothing.
pub(super) fn count(tokens: &[Token]) -> (usize, usize) {
    tokens.iter().fold((0, 0), |(open, extra), token| match token.kind {
        TokenKind::Open => (open + 1, extra),
        TokenKind::Close if open == 0 => (open, extra + 1),
        TokenKind::Close => (open - 1, extra),
        _ => (open, extra),
    })
}

/// An open block: its brace, and how far the line it stands on is indented.
struct Level {
    open: usize,
    indent: usize,
    line_start: usize,
    /// Whether something was seen in it that the indentation puts there, so that less indentation tells its end.
    has_content: bool,
}

/// A node's line that opened no block: a `{` may be missing at its end.
#[derive(Clone, Copy)]
struct Lone {
    indent: usize,
    end: usize,
    start: usize,
    depth: usize,
}

struct Walk<'a> {
    file: FileId,
    source: &'a str,
    tokens: &'a [Token],
    missing: usize,
    extra: usize,
    stack: Vec<Level>,
    lone: Option<Lone>,
    /// Whether any line is indented, so that indentation says something.
    indented: bool,
    /// How far the line above is indented.
    above: usize,
    findings: Vec<Finding>,
    repairs: Vec<Repair>,
}

impl Walk<'_> {
    fn run(&mut self) {
        let (mut line_start, mut begins, mut indent, mut last_end) = (0, true, 0, 0);
        for at in 0..self.tokens.len() {
            let token = self.tokens[at];
            match token.kind {
                TokenKind::Newline => (line_start, begins) = (token.end, true),
                _ if token.is_trivia() => {}
                _ => {
                    if begins {
                        indent = width(&self.source[line_start..token.start]);
                        self.line(at, indent, last_end);
                        begins = false;
                    }
                    let first = last_end == 0 || line_start > last_end;
                    self.token(at, indent, line_start, first);
                    self.above = indent;
                    last_end = token.end;
                }
            }
        }
        self.close_rest(last_end);
    }

    /// The first token of a line: closes the blocks that its indentation says have ended.
    fn line(&mut self, at: usize, indent: usize, last_end: usize) {
        let token = self.tokens[at];
        let closes = token.kind == TokenKind::Close;
        while self.missing > 0
            && let Some(level) = self.stack.last()
            && level.has_content
            && (if closes { indent < level.indent } else { indent <= level.indent })
        {
            let level = self.stack.pop().expect("a level was just seen");
            self.missing -= 1;
            self.insert_close(&level, last_end, Some(token));
        }
        if self.missing > 0
            && self.indented
            && let Some(level) = self.stack.last()
            && !level.has_content
            && (if closes { indent < level.indent } else { indent <= level.indent })
        {
            let level = self.stack.pop().expect("a level was just seen");
            self.missing -= 1;
            self.empty(&level);
        }
        if let Some(level) = self.stack.last_mut() {
            level.has_content |= indent > level.indent;
        }
        let depth = self.stack.len();
        let above = self.lone.filter(|lone| lone.depth == depth && indent > lone.indent && !closes);
        if self.extra > 0
            && let Some(lone) = above
        {
            self.extra -= 1;
            self.insert_open(&lone, at);
        }
        let line = self.tokens[at..].iter().take_while(|token| token.kind != TokenKind::Newline);
        let significant: Vec<&Token> = line.filter(|token| !token.is_trivia()).collect();
        let plain = significant.iter().all(|token| !matches!(token.kind, TokenKind::Open | TokenKind::Close));
        let end = significant.last().map_or(token.end, |token| token.end);
        let depth = self.stack.len();
        self.lone = plain.then_some(Lone { indent, end, start: token.start, depth });
    }

    fn token(&mut self, at: usize, indent: usize, line_start: usize, first: bool) {
        match self.tokens[at].kind {
            TokenKind::Open if self.missing > 0 && self.follows_open(at, line_start) => {
                self.missing -= 1;
                self.second_open(at);
            }
            TokenKind::Open => {
                self.stack.push(Level { open: at, indent, line_start, has_content: self.is_followed(at) });
            }
            TokenKind::Close => {
                let opened_above = self.stack.last().is_some_and(|level| level.line_start < line_start);
                let may_be_misplaced = self.extra > 0 && first;
                let goes_on = may_be_misplaced && self.indent_below(at).is_some_and(|below| below > indent);
                let misplaced = may_be_misplaced
                    && opened_above
                    && (goes_on || self.stack.last().is_some_and(|level| indent != level.indent));
                if self.extra > 0 && !first && self.follows_close(at) {
                    self.extra -= 1;
                    self.stray(at, true);
                } else if self.extra > 0 && !first && opened_above {
                    self.extra -= 1;
                    self.unopened(at, line_start);
                } else if self.stack.is_empty() || misplaced {
                    self.extra = self.extra.saturating_sub(1);
                    // Lines above that are indented deeper are a block whose beginning is gone.
                    self.stray(at, misplaced && !goes_on && self.above <= indent);
                } else {
                    self.stack.pop();
                }
            }
            _ => {}
        }
    }

    /// The token before, blanks left out.
    fn before(&self, at: usize) -> Option<&Token> {
        self.tokens[..at].iter().rev().find(|token| !token.is_blank())
    }

    /// Whether a `{` stands right before this one on its line.
    fn follows_open(&self, at: usize, line_start: usize) -> bool {
        self.before(at).is_some_and(|token| token.kind == TokenKind::Open && token.start >= line_start)
    }

    /// Whether nothing but `}` stands before this one on its line.
    fn follows_close(&self, at: usize) -> bool {
        let line = self.tokens[..at].iter().rev().take_while(|token| token.kind != TokenKind::Newline);
        line.filter(|token| !token.is_blank()).all(|token| token.kind == TokenKind::Close)
    }

    /// How far the next line with something on it is indented.
    fn indent_below(&self, at: usize) -> Option<usize> {
        let end = at + self.tokens[at..].iter().position(|token| token.kind == TokenKind::Newline)?;
        let next = self.tokens[end..].iter().find(|token| !token.is_trivia())?;
        let line_start = self.source[..next.start].rfind('\n').map_or(0, |newline| newline + 1);
        Some(width(&self.source[line_start..next.start]))
    }

    /// A `{` right behind another.
    fn second_open(&mut self, at: usize) {
        let token = self.tokens[at];
        let span = Span::new(self.file, token.start..token.end);
        self.findings.push(
            Finding::unreadable(Code::new("E0026"), Extent::Nesting, "this block has no name", span)
                .why("a block belongs to a node, and the `{` before it began that of this one")
                .fix(Applicability::Safe, "take it out", span, ""),
        );
        self.repairs.push(Repair::delete(token.start..token.end));
    }

    /// A `{` at the end of a line, with nothing below that is indented as its block.
    fn empty(&mut self, level: &Level) {
        let token = self.tokens[level.open];
        let span = Span::new(self.file, token.start..token.end);
        self.findings.push(
            Finding::unreadable(UNCLOSED_BLOCK, Extent::Nesting, "this block is never closed", span)
                .why("by the indentation nothing stands in it")
                .fix(Applicability::Guess, "take it out", span, ""),
        );
        self.repairs.push(Repair::delete(token.start..token.end));
    }

    /// Whether more stands on the line of a brace behind it.
    fn is_followed(&self, at: usize) -> bool {
        self.tokens[at + 1..].iter().find(|token| !token.is_blank()).is_some_and(|token| !token.is_trivia())
    }

    /// A `}` at the end of a line that opens no block: nothing of the line can be told apart.
    fn unopened(&mut self, at: usize, line_start: usize) {
        let token = self.tokens[at];
        let span = Span::new(self.file, token.start..token.end);
        self.findings.push(
            Finding::unreadable(MISSING_BRACE, Extent::Nesting, "the `{` of this block is missing", span)
                .label("closes a block that this line does not open")
                .why("a block that ends in the middle of a line begins on the same line")
                .help("write `{` after the name and the values of the node whose block this is"),
        );
        self.repairs.push(Repair::delete(line_start..token.end));
    }

    fn stray(&mut self, at: usize, sure: bool) {
        let token = self.tokens[at];
        let span = Span::new(self.file, token.start..token.end);
        let applicability = if sure { Applicability::Safe } else { Applicability::Guess };
        self.findings.push(
            Finding::unreadable(STRAY_BRACE, Extent::Nesting, "this `}` closes nothing", span)
                .why("every `}` ends a block that a `{` began; all blocks above have theirs")
                .fix(applicability, "take it out", span, ""),
        );
        self.repairs.push(Repair::delete(token.start..token.end));
    }

    fn insert_open(&mut self, lone: &Lone, at: usize) {
        let place = Span::new(self.file, lone.end..lone.end);
        let inside = self.tokens[at];
        self.findings.push(
            Finding::unreadable(
                MISSING_BRACE,
                Extent::Nesting,
                "the `{` of a block is missing here",
                Span::new(self.file, lone.start..lone.end),
            )
            .also(Span::new(self.file, inside.start..inside.end), "indented as if inside")
            .why("the lines below are indented as its block and end with a `}` that no `{` began")
            .fix(Applicability::Guess, "open the block", place, " {"),
        );
        self.repairs.push(Repair::insert(lone.end, " {"));
        // The level is that of the line above; its brace is not a token of this text.
        self.stack.push(Level { open: at, indent: lone.indent, line_start: lone.start, has_content: true });
    }

    fn insert_close(&mut self, level: &Level, last_end: usize, next: Option<Token>) {
        let open = self.tokens[level.open];
        let line_end = self.source[last_end..].find('\n').map_or(self.source.len(), |at| last_end + at);
        let line_end = line_end - usize::from(self.source[..line_end].ends_with('\r'));
        let indent: String = self.source[level.line_start..].chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
        let one_line = !self.source[open.start..last_end].contains('\n');
        let (line_end, text) = if one_line { (last_end, " }".to_owned()) } else { (line_end, format!("\n{indent}}}")) };
        let place = Span::new(self.file, line_end..line_end);
        let applicability = if next.is_some() { Applicability::Safe } else { Applicability::Guess };
        let title = if next.is_some() { "close it before that line" } else { "close it at the end of the file" };
        let mut finding = Finding::unreadable(
            UNCLOSED_BLOCK,
            Extent::Nesting,
            "this block is never closed",
            Span::new(self.file, open.start..open.end),
        )
        .why("every `{` needs its `}`");
        if let Some(next) = next {
            let words = "by its indentation this no longer belongs to it";
            finding = finding.also(Span::new(self.file, next.start..next.end), words);
        }
        self.findings.push(finding.fix(applicability, title, place, text.clone()));
        self.repairs.push(Repair::insert(line_end, text));
    }

    /// Closes at the end of the file what is open.
    fn close_rest(&mut self, last_end: usize) {
        let told = self.findings.len();
        while let Some(level) = self.stack.pop() {
            self.insert_close(&level, last_end, None);
        }
        self.join_from(told);
    }

    /// Makes one finding of those from `told` on: blocks open at the end of a file are one mistake, of a file cut off.
    fn join_from(&mut self, told: usize) {
        let mut rest = self.findings.split_off(told).into_iter();
        let Some(mut innermost) = rest.next() else { return };
        let others: Vec<Finding> = rest.collect();
        if !others.is_empty() {
            innermost.title = format!("{} blocks are never closed", others.len() + 1);
            let edits = others.iter().flat_map(|other| &other.fixes).flat_map(|fix| fix.edits.clone());
            let edits: Vec<_> = edits.collect();
            innermost.fixes.iter_mut().take(1).for_each(|fix| fix.edits.extend(edits.clone()));
            for other in &others {
                innermost = innermost.also(other.primary.span, "this one too");
            }
        }
        self.findings.push(innermost);
    }

    /// Many strays are one mistake: a file that was cut, or is none.
    fn drop_all_strays(&mut self) {
        let mut strays = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Open => self.stack.push(Level { open: at, indent: 0, line_start: 0, has_content: false }),
                TokenKind::Close if self.stack.pop().is_none() => strays.push(*token),
                _ => {}
            }
        }
        self.repairs.extend(strays.iter().map(|token| Repair::delete(token.start..token.end)));
        let title = format!("{} `}}` close nothing", strays.len());
        let first = &strays[0];
        let span = Span::new(self.file, first.start..first.end);
        let finding = Finding::unreadable(STRAY_BRACE, Extent::Nesting, title, span).label("the first");
        self.findings.push(finding.why("every `}` ends a block that a `{` began"));
        self.close_rest(self.source.trim_end().len());
    }
}

/// How far a line is indented; a tab counts as four.
fn width(indent: &str) -> usize {
    indent.chars().map(|character| if character == '\t' { 4 } else { 1 }).sum()
}
