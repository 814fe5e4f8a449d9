//! Findings for people: the marked lines of all files of a finding in one block.
//!
//! ```text
//! error[E0412]: alternatiba asks for more storage than its offer grants
//!   ┌─ orgs/alternatiba.kdl:17:9
//! 17│         storage 220 GiB
//!   │         ^^^^^^^^^^^^^^^ cloud: 220 GiB
//!   ┌─ orgs/offers/liiibre.kdl:8:9
//!  8│         storage 200 GiB
//!   │         --------------- liiibre grants 200 GiB
//! why   the apps of alternatiba add up to 230 GiB: cloud 220 GiB and 10 GiB
//! help  lower `storage`, or move alternatiba to another offer
//! ```

use std::fmt::Write as _;
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::{severity, way};
use crate::finding::{Finding, Findings, Label, Severity};
use crate::source::{FileId, Sources};
use crate::visible;

/// How many characters of a line are shown; of a longer one, those around the mark.
const WIDEST_LINE: usize = 160;

/// What stands before the further lines of a note: they are none of their own.
const MARGIN: &str = "    │ ";

/// How many characters before a mark are shown of such a line.
const BEFORE_MARK: usize = 60;

pub(super) fn render(findings: &Findings, sources: &Sources, colour: bool) -> String {
    let pen = Pen { colour };
    let mut out = String::new();
    for finding in findings {
        block(&mut out, finding, sources, pen);
        out.push('\n');
    }
    if !findings.is_empty() {
        out.push_str(&summary(findings));
    }
    out
}

pub(super) fn heading(finding: &Finding, colour: bool) -> String {
    let pen = Pen { colour };
    let code =
        pen.paint(of_severity(finding.severity).bold(), &format!("{}[{}]", severity(finding), finding.code.as_str()));
    format!("{code}: {}", pen.paint(Style::new().bold(), &visible::line(&finding.title)))
}

pub(super) fn summary(findings: &Findings) -> String {
    let count = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let words = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Hint, "hint")];
    let parts: Vec<String> = words
        .into_iter()
        .map(|(severity, word)| (count(severity), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    let parts = match parts.as_slice() {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        parts => parts.join(""),
    };
    let files: std::collections::BTreeSet<FileId> = findings.iter().map(Finding::file).collect();
    format!("{parts} in {} file{}\n", files.len(), if files.len() == 1 { "" } else { "s" })
}

#[derive(Clone, Copy)]
struct Pen {
    colour: bool,
}

impl Pen {
    fn paint(self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn gutter(self, text: &str) -> String {
        self.paint(AnsiColor::Blue.on_default(), text)
    }
}

fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Hint => AnsiColor::Cyan,
    }
    .on_default()
}

/// A mark to draw below a line.
struct Mark<'a> {
    line: usize,
    label: &'a Label,
    primary: bool,
}

fn block(out: &mut String, finding: &Finding, sources: &Sources, pen: Pen) {
    out.push_str(&heading(finding, pen.colour));
    out.push('\n');
    let labels = std::iter::once((&finding.primary, true)).chain(finding.secondary.iter().map(|label| (label, false)));
    let marks: Vec<Mark<'_>> =
        labels.map(|(label, primary)| Mark { line: sources.start(label.span).line, label, primary }).collect();
    let width = marks.iter().map(|mark| mark.line.to_string().len()).max().unwrap_or(1).max(2);
    let mut files: Vec<FileId> = Vec::new();
    for mark in &marks {
        if !files.contains(&mark.label.span.file) {
            files.push(mark.label.span.file);
        }
    }
    for file in files {
        let mut of_file: Vec<&Mark<'_>> = marks.iter().filter(|mark| mark.label.span.file == file).collect();
        let place = sources.locate(of_file[0].label.span);
        let _ = writeln!(out, "{} {}", pen.gutter(&format!("{:width$}┌─", "")), visible::line(&place));
        of_file.sort_by_key(|mark| (mark.line, mark.label.span.start));
        lines(out, &of_file, sources, width, finding.severity, pen);
    }
    notes(out, finding, pen);
}

/// The lines of one file with their marks.
fn lines(out: &mut String, marks: &[&Mark<'_>], sources: &Sources, width: usize, severity: Severity, pen: Pen) {
    let mut last: Option<usize> = None;
    for mark in marks {
        let text = sources.line(mark.label.span.file, mark.line);
        if text.is_empty() && mark.label.span.start == mark.label.span.end && mark.label.text.is_empty() {
            continue;
        }
        let shown = Shown::new(&text, columns(mark, sources));
        if last != Some(mark.line) {
            if last.is_some_and(|last| last + 1 < mark.line) {
                let _ = writeln!(out, "{}", pen.gutter(&format!("{:width$}⋮", "")));
            }
            let number = pen.gutter(&format!("{:>width$}│", mark.line));
            out.push_str(format!("{number} {}", shown.text).trim_end());
            out.push('\n');
        }
        last = Some(mark.line);
        let (sign, style) =
            if mark.primary { ("^", of_severity(severity)) } else { ("-", AnsiColor::Blue.on_default()) };
        let drawn = format!("{} {}", sign.repeat(shown.length), visible::line(&mark.label.text));
        let bar = pen.gutter(&format!("{:width$}│", ""));
        let marked = pen.paint(style, drawn.trim_end());
        let _ = writeln!(out, "{bar} {:indent$}{marked}", "", indent = shown.indent);
    }
}

/// The characters of the mark's first line that it covers, counted from 0.
fn columns(mark: &Mark<'_>, sources: &Sources) -> Range<usize> {
    let (start, end) = (sources.start(mark.label.span), sources.end(mark.label.span));
    let line_end = || sources.line(mark.label.span.file, start.line).chars().count();
    let end = if end.line == start.line { end.column - 1 } else { line_end() };
    start.column - 1..end.max(start.column - 1)
}

/// A line as it is shown, and where the mark below it goes, in columns of the terminal.
struct Shown {
    text: String,
    indent: usize,
    length: usize,
}

impl Shown {
    fn new(line: &str, marked: Range<usize>) -> Self {
        let line = line.trim_start_matches('\u{FEFF}');
        // Of a long line no more is read than up to what is shown.
        let is_long = line.chars().nth(WIDEST_LINE).is_some();
        let from = if is_long { marked.start.saturating_sub(BEFORE_MARK) } else { 0 };
        let mut rest = line.chars();
        if let Some(last) = from.checked_sub(1) {
            rest.nth(last);
        }
        let text: String = rest.by_ref().take(WIDEST_LINE).collect();
        let characters: Vec<char> = visible::characters(&text).collect();
        let (to, goes_on) = (from + characters.len(), rest.next().is_some());
        let piece = |range: Range<usize>| {
            let place = |at: usize| at.clamp(from, to) - from;
            expand(&characters[place(range.start)..place(range.end)])
        };
        let lead = if from > 0 { "…" } else { "" };
        let tail = if goes_on { "…" } else { "" };
        let before = format!("{lead}{}", piece(from..marked.start));
        let inside = piece(marked.clone());
        let text = format!("{lead}{}{tail}", piece(from..to));
        Self { text, indent: before.width(), length: inside.width().max(1) }
    }
}

/// What is shown of characters: a tab as four blanks.
fn expand(characters: &[char]) -> String {
    let mut out = String::with_capacity(characters.len());
    for character in characters {
        match character {
            '\t' => out.push_str("    "),
            other => out.push(*other),
        }
    }
    visible::without_commands(&out).into_owned()
}

fn notes(out: &mut String, finding: &Finding, pen: Pen) {
    let mut note = |word: &str, text: &str| {
        let text = visible::lines(text, MARGIN);
        let _ = writeln!(out, "{} {text}", pen.paint(Style::new().bold(), &format!("{word:<5}")));
    };
    finding.why.iter().for_each(|why| note("why", why));
    finding.help.iter().for_each(|help| note("help", help));
    for fix in &finding.fixes {
        note(way(fix.applicability), &fix.title);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Code;
    use crate::source::{SourceFile, Span};

    fn drawn(text: &str, range: Range<usize>) -> String {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("a.kdl", text));
        let mut findings = Findings::default();
        findings.push(Finding::error(Code::new("E0001"), "title", Span::new(file, range)).label("here"));
        render(&findings, &sources, false)
    }

    #[test]
    fn labels_of_several_files_stand_in_one_block() {
        let mut sources = Sources::default();
        let org = format!("{}        storage 220 GiB\n", "\n".repeat(16));
        let offer = format!("{}        storage 200 GiB\n", "\n".repeat(7));
        let org = sources.add(SourceFile::new("orgs/alternatiba.kdl", &org));
        let offer = sources.add(SourceFile::new("orgs/offers/liiibre.kdl", &offer));
        let mut findings = Findings::default();
        let title = "alternatiba asks for more storage than its offer grants";
        findings.push(
            Finding::refused(Code::new("E0412"), title, Span::new(org, 24..39))
                .label("cloud: 220 GiB")
                .also(Span::new(offer, 15..30), "liiibre grants 200 GiB")
                .why("the apps of alternatiba add up to 230 GiB: cloud 220 GiB and 10 GiB")
                .help("lower `storage`, or move alternatiba to another offer"),
        );
        let expected = "\
error[E0412]: alternatiba asks for more storage than its offer grants
  ┌─ orgs/alternatiba.kdl:17:9
17│         storage 220 GiB
  │         ^^^^^^^^^^^^^^^ cloud: 220 GiB
  ┌─ orgs/offers/liiibre.kdl:8:9
 8│         storage 200 GiB
  │         --------------- liiibre grants 200 GiB
why   the apps of alternatiba add up to 230 GiB: cloud 220 GiB and 10 GiB
help  lower `storage`, or move alternatiba to another offer

1 error in 1 file
";
        assert_eq!(render(&findings, &sources, false), expected);
    }

    #[test]
    fn marks_stand_below_what_they_mark_after_tabs_and_wide_characters() {
        let out = drawn("\té日本 x\n", 10..11);
        assert!(out.contains(" 1│     é日本 x\n  │           ^ here\n"), "{out}");
    }

    #[test]
    fn of_a_very_long_line_the_part_around_the_mark_is_shown() {
        let line = "a".repeat(100_000);
        let out = drawn(&line, 50_000..50_003);
        assert!(out.len() < 1_000, "{}", out.len());
        assert!(out.contains("^^^ here"));
    }

    #[test]
    fn what_a_file_holds_cannot_steer_the_terminal() {
        let out = drawn("a \u{202E}b \u{1B}[31m", 0..1);
        assert!(!out.contains(['\u{202E}', '\u{1B}']));
    }
}
