//! The traps in single values: what must stand in quotes, glued units, reserved words, other quotation marks, escapes.

use std::ops::Range;

use super::lexer::{Token, TokenKind, newline, space};
use super::outline::Group;
use super::quotes::UNCLOSED_TEXT;
use super::repair::Repair;
use super::traps::{Traps, ValuePosition};
use super::word::{self, Word};
use crate::finding::{Applicability, Code, Edit, Extent, Finding, Fix};
use crate::source::Span;

/// A name followed by `=` or `:`.
pub(super) const EQUALS_OR_COLON: Code = Code::new("E0017");
/// Two values without a blank between them.
pub(super) const GLUED: Code = Code::new("E0028");

impl Traps<'_> {
    /// Checks one name, key or value.
    pub(super) fn value(&mut self, node: usize, group: &Group, place: ValuePosition) {
        let group = self.without_marks(group);
        if group.is_empty() {
            return;
        }
        let token = self.tokens[group.start];
        if group.len() > 1 {
            return match place {
                ValuePosition::Name if self.is_quoted_key(&group) => self.quoted_key(&group),
                _ => self.glued(&group),
            };
        }
        match token.kind {
            TokenKind::Bare => {
                let range = self.inner(&token);
                self.word(node, range, place);
            }
            TokenKind::Quoted { closed: false, .. } => self.unclosed(&token),
            TokenKind::Quoted { lines: false, raw: false, .. } => self.escapes(&token),
            TokenKind::Quoted { lines: true, raw, .. } => self.lines(&token, raw),
            _ => {}
        }
    }

    /// Whether a name is `"key":`.
    fn is_quoted_key(&self, group: &Group) -> bool {
        let [key, colon] = &self.tokens[group.clone()] else { return false };
        matches!(key.kind, TokenKind::Quoted { lines: false, closed: true, .. }) && colon.text(self.source) == ":"
    }

    fn quoted_key(&mut self, group: &Group) {
        let (key, colon) = (self.tokens[group.start], self.tokens[group.end - 1]);
        let key = key.text(self.source);
        let span = Span::new(self.file, colon.start..colon.end);
        let finding = Finding::unreadable(EQUALS_OR_COLON, Extent::Place, format!("`{key}` is followed by `:`"), span)
            .why(format!("a setting is a word and its value, with a blank between: `{} …`", key.trim_matches('"')));
        self.replace(finding, Applicability::Safe, "take the `:` out", colon.start..colon.end, "");
    }

    /// The group without tokens that are only brackets and commas.
    fn without_marks(&self, group: &Group) -> Group {
        let is_mark = |at: usize| {
            let token = &self.tokens[at];
            self.inner(token).is_empty()
        };
        let mut group = group.clone();
        while !group.is_empty() && is_mark(group.start) {
            group.start += 1;
        }
        while !group.is_empty() && is_mark(group.end - 1) {
            group.end -= 1;
        }
        group
    }

    /// The bytes of a token without brackets and commas around it.
    fn inner(&self, token: &Token) -> Range<usize> {
        let mut range = token.start..token.end;
        for mark in &self.marks {
            if mark.start == range.start && mark.end <= range.end {
                range.start = mark.end;
            } else if mark.end == range.end && mark.start >= range.start {
                range.end = mark.start;
            }
        }
        range
    }

    fn quote(&mut self, finding: Finding, how: Applicability, range: Range<usize>) {
        let text = &self.source[range.clone()];
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        if escaped == text {
            self.out.repairs.push(Repair::insert(range.start, "\""));
            self.out.repairs.push(Repair::insert(range.end, "\""));
        } else {
            self.out.repairs.push(Repair::replace(range.clone(), format!("\"{escaped}\"")));
        }
        let span = Span::new(self.file, range);
        self.out.findings.push(finding.fix(how, "quote it", span, format!("\"{escaped}\"")));
    }

    fn must_be_quoted(&self, range: &Range<usize>, why: impl Into<String>) -> Finding {
        let text = &self.source[range.clone()];
        let span = Span::new(self.file, range.clone());
        Finding::unreadable(Code::new("E0012"), Extent::Place, format!("`{text}` must stand in quotes"), span).why(why)
    }

    fn word(&mut self, node: usize, range: Range<usize>, place: ValuePosition) {
        let text = &self.source[range.clone()];
        let span = Span::new(self.file, range.clone());
        match word::classify(text) {
            Word::Plain => self.plain(range, place),
            Word::Number | Word::Keyword if place != ValuePosition::Name => {}
            Word::Number | Word::Keyword => {
                let why = "a name without quotes is a word that starts with a letter";
                self.quote(self.must_be_quoted(&range, why), Applicability::Safe, range);
            }
            Word::HugeNumber | Word::NotANumber => {
                let finding = Finding::unreadable(
                    Code::new("E0023"),
                    Extent::Value,
                    format!("`{text}` is no number that can be kept"),
                    span,
                )
                .why("numbers are finite and have at most 38 digits");
                self.quote(finding, Applicability::Guess, range.clone());
                self.out.broken.push(range.start);
            }
            Word::Reserved => self.reserved(node, range, place),
            Word::Glued { number, unit, applicability }
                if place == ValuePosition::Argument && !self.is_object(node) =>
            {
                self.glued_unit(node, &range, number, unit, applicability);
            }
            Word::Glued { .. } | Word::NumberLike => {
                let why = "without quotes, what starts with a digit is a number, and this is none";
                self.quote(self.must_be_quoted(&range, why), Applicability::Safe, range);
            }
            Word::Illegal(character) => {
                let why = illegal(text, character);
                self.quote(self.must_be_quoted(&range, why), Applicability::Safe, range);
            }
        }
    }

    fn plain(&mut self, range: Range<usize>, place: ValuePosition) {
        let text = &self.source[range.clone()];
        let Some(name) = text.strip_suffix(':').filter(|name| place == ValuePosition::Name && word::is_plain(name))
        else {
            return;
        };
        let span = Span::new(self.file, range.end - 1..range.end);
        let finding = Finding::unreadable(EQUALS_OR_COLON, Extent::Place, format!("`{name}` is followed by `:`"), span)
            .why(format!("a setting is a word and its value, with a blank between: `{name} …`"));
        self.replace(finding, Applicability::Safe, "take the `:` out", range.end - 1..range.end, "");
    }

    fn reserved(&mut self, node: usize, range: Range<usize>, place: ValuePosition) {
        let text = &self.source[range.clone()];
        let name = self.name(node);
        let quotes = place == ValuePosition::Name || matches!(name, "env" | "run" | "file");
        let replacement = match text {
            _ if quotes => format!("\"{text}\""),
            "true" | "false" | "null" if self.is_object(node) => format!("#{text}"),
            "true" => "on".to_owned(),
            "false" => "off".to_owned(),
            _ => format!("\"{text}\""),
        };
        let span = Span::new(self.file, range.clone());
        let is_null = text == "null" && !quotes && !self.is_object(node);
        let why = if is_null {
            "what is not said is left out: there is no word for nothing"
        } else if quotes || self.is_object(node) || !matches!(text, "true" | "false") {
            "KDL reserves this word; as a text it stands in quotes, as a keyword it begins with `#`"
        } else {
            "switches are `on` and `off`, or a word of the setting"
        };
        let finding = Finding::unreadable(
            Code::new("E0015"),
            Extent::Place,
            format!("`{text}` is no word that can stand here"),
            span,
        )
        .why(why);
        let finding = if is_null { finding.help("take the line away") } else { finding };
        let title = format!("write `{replacement}`");
        // Whether the setting is a switch at all is not known here.
        let switch = !quotes && !self.is_object(node);
        let how = if switch { Applicability::Guess } else { Applicability::Safe };
        self.out.repairs.push(Repair::replace(range, if switch { format!("\"{text}\"") } else { replacement.clone() }));
        self.out.findings.push(finding.fix(how, title, span, replacement));
    }

    fn glued_unit(&mut self, node: usize, range: &Range<usize>, number: &str, unit: &'static str, how: Applicability) {
        let text = &self.source[range.clone()];
        let is_cpu = &text[number.len()..] == "m" && self.name(node).contains("cpu");
        let (unit, how) = if is_cpu { ("millicores", Applicability::Safe) } else { (unit, how) };
        let unit = word::unit_for(number, unit);
        let span = Span::new(self.file, range.clone());
        let finding = Finding::unreadable(
            Code::new("E0013"),
            Extent::Place,
            format!("`{text}` lacks a blank before its unit"),
            span,
        )
        .why(format!("an amount is two values, a number and a unit: `{number} {unit}`"))
        .fix(how, format!("write `{number} {unit}`"), span, format!("{number} {unit}"));
        self.out.findings.push(finding);
        // Its setting says whether it is an amount or a text; of a text nothing must be lost.
        self.out.repairs.push(Repair::replace(range.clone(), format!("\"{text}\"")));
    }

    /// Several tokens without a blank between them.
    fn glued(&mut self, group: &Group) {
        let tokens = &self.tokens[group.clone()];
        let range = self.bytes(group);
        if !tokens.iter().any(|token| matches!(token.kind, TokenKind::Quoted { .. })) {
            let character = if self.source[range.clone()].contains('=') { '=' } else { '(' };
            let finding = self.must_be_quoted(&range, illegal(&self.source[range.clone()], character));
            return self.quote(finding, Applicability::Safe, range);
        }
        let span = Span::new(self.file, range.clone());
        let finding = Finding::unreadable(GLUED, Extent::Place, "two values without a blank between them", span)
            .why("values are separated by blanks; a quote inside a text is written `\\\"`");
        let mut edits = Vec::new();
        for pair in tokens.windows(2) {
            if [pair[0].kind, pair[1].kind].iter().any(|kind| matches!(kind, TokenKind::Quoted { .. })) {
                edits.push(pair[1].start);
            }
        }
        let edit = |at: &usize| Edit { span: Span::new(self.file, *at..*at), replacement: " ".into() };
        let fix = Fix {
            title: "write a blank between them".into(),
            applicability: Applicability::Guess,
            edits: edits.iter().map(edit).collect(),
        };
        let mut finding = finding;
        finding.fixes.push(fix);
        self.out.findings.push(finding);
        self.out.repairs.push(Repair::replace(range.clone(), "\"\""));
        self.out.broken.push(range.start);
    }

    /// A text that only lost its end when something before it was mended.
    fn unclosed(&mut self, token: &Token) {
        let span = Span::new(self.file, token.start..token.end);
        let finding = Finding::unreadable(UNCLOSED_TEXT, Extent::Rest, "this text is never closed", span);
        self.out.findings.push(finding.why("a text in quotes ends on the line it starts on"));
        self.out.repairs.push(Repair::replace(token.start..token.end, "\"\""));
        self.out.broken.push(token.start);
    }

    fn escapes(&mut self, token: &Token) {
        let text = token.text(self.source);
        let wrong = wrong_escapes(text);
        let Some(first) = wrong.first() else { return };
        let at = token.start + first;
        let character = text[first + 1..].chars().next().unwrap_or('"');
        let span = Span::new(self.file, at..(at + 1 + character.len_utf8()).min(token.end));
        let edit = |offset: &usize| Edit {
            span: Span::new(self.file, token.start + offset..token.start + offset),
            replacement: "\\".into(),
        };
        let fix = Fix {
            title: "write two backslashes".into(),
            applicability: Applicability::Safe,
            edits: wrong.iter().map(edit).collect(),
        };
        let mut finding = Finding::unreadable(
            Code::new("E0011"),
            Extent::Place,
            format!("`\\{character}` means nothing in a text"),
            span,
        )
        .why("a backslash begins `\\n`, `\\t`, `\\r`, `\\s`, `\\b`, `\\f`, `\\\\`, `\\\"` or `\\u{…}`")
        .help("a text with many backslashes reads better raw: `#\"…\"#`");
        finding.fixes.push(fix);
        self.out.findings.push(finding);
        self.out.repairs.extend(wrong.iter().map(|offset| Repair::insert(token.start + offset, "\\")));
    }

    /// A text over several lines: its form and its escapes.
    fn lines(&mut self, token: &Token, raw: bool) {
        let text = token.text(self.source);
        let hashes = text.bytes().take_while(|byte| *byte == b'#').count();
        let quotes = hashes + 3;
        let body = &text[quotes..text.len() - quotes];
        let Some((why, at)) = wrong_lines(body) else {
            if !raw {
                self.escapes(token);
            }
            return;
        };
        let start = token.start + quotes + at;
        let length = self.source[start..].lines().next().map_or(0, str::len);
        let span = Span::new(self.file, start..(start + length).min(token.end));
        let finding = Finding::unreadable(
            Code::new("E0029"),
            Extent::Place,
            "a text over several lines is not written as one",
            span,
        )
        .why(why);
        if !body.contains(['\n', '\r', '"']) {
            let one_line = format!("{0}\"{body}\"{0}", "#".repeat(hashes));
            let range = token.start..token.end;
            return self.replace(finding, Applicability::Safe, "write it on one line", range, &one_line);
        }
        self.out
            .findings
            .push(finding.help("the closing quotes stand on a line of their own, indented as the lines above"));
        self.out.repairs.push(Repair::replace(token.start..token.end, "\"\""));
        self.out.broken.push(token.start);
    }
}

/// The bytes of brackets and commas around a value.
pub(super) fn list_marks(token: &Token, text: &str, first: bool, last: bool, values: usize) -> Vec<Range<usize>> {
    let mut marks = Vec::new();
    let lead = if first { text.len() - text.trim_start_matches('[').len() } else { 0 };
    let rest = &text[lead..];
    let trail = if last { rest.len() - rest.trim_end_matches([',', ']']).len() } else { 0 };
    if lead > 0 {
        marks.push(token.start..token.start + lead);
    }
    let is_comma = rest.ends_with(',') && (values > 1 || rest.len() > 1 || !first);
    if trail > 0 && (rest.ends_with(']') || is_comma) {
        marks.push(token.end - trail..token.end);
    }
    marks
}

fn illegal(text: &str, character: char) -> String {
    if text.contains("${") {
        return "an expression `${…}` stands in quotes".into();
    }
    if text.contains("://") {
        return "without quotes, `//` begins a comment".into();
    }
    format!("`{character}` stands in no word without quotes")
}

/// The backslashes in a quoted text that begin no escape.
fn wrong_escapes(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut wrong) = (0, Vec::new());
    while let Some(found) = text[at..].find('\\') {
        let backslash = at + found;
        at = backslash + 1;
        let rest = &bytes[at..];
        match rest {
            [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' | b's', ..] => at += 1,
            [b'u', ..] if is_unicode_escape(&text[at..]) => at += 1,
            _ if space(rest).is_some() || newline(rest).is_some() => {}
            _ => wrong.push(backslash),
        }
    }
    wrong
}

fn is_unicode_escape(text: &str) -> bool {
    let digits = text.strip_prefix("u{").and_then(|rest| rest.get(..rest.len().min(7)));
    let digits = digits.and_then(|rest| rest.split_once('}')).map(|(digits, _)| digits);
    digits.is_some_and(|digits| {
        digits.bytes().all(|byte| byte.is_ascii_hexdigit())
            && u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).is_some()
    })
}

/// What is wrong with the form of a body over several lines, and at which byte of it.
fn wrong_lines(body: &str) -> Option<(&'static str, usize)> {
    let Some(first) = newline(body.as_bytes()) else {
        return Some(("three quotes open a text over several lines, which begins on the next line", 0));
    };
    if body.contains('\\') {
        // Escaped line ends change what counts as a line: the kdl crate decides.
        return None;
    }
    let lines = &body[first..];
    let last = lines.rfind('\n').map_or(0, |at| at + 1);
    let prefix = &lines[last..];
    if !prefix.trim().is_empty() {
        return Some(("three quotes close a text over several lines on a line of their own", first + last));
    }
    let mut at = 0;
    for line in lines[..last].split_inclusive('\n') {
        if !line.trim().is_empty() && !line.starts_with(prefix) {
            return Some((
                "each line is indented at least as the closing quotes are, with the same blanks",
                first + at,
            ));
        }
        at += line.len();
    }
    None
}
