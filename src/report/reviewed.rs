//! Findings as a review holds them.

use super::fingerprints;
use crate::finding::{Applicability, Finding, Findings, Fix, Severity};
use crate::plan::Place;
use crate::review::{ReviewedFinding, ReviewedSeverity, Suggestion};
use crate::source::{FileId, Sources};
use crate::visible;

/// The most lines that a suggestion replaces: what is longer is no mistake of a line, and forges limit it.
const MOST_LINES: usize = 20;

/// The findings, what weighs most first.
pub(crate) fn reviewed_findings(findings: &Findings, sources: &Sources) -> Vec<ReviewedFinding> {
    let named = findings.iter().zip(fingerprints(findings, sources));
    let mut reviewed: Vec<ReviewedFinding> =
        named.map(|(finding, fingerprint)| reviewed(finding, fingerprint, sources)).collect();
    reviewed.sort_by_key(|finding| finding.severity);
    reviewed
}

fn reviewed(finding: &Finding, fingerprint: String, sources: &Sources) -> ReviewedFinding {
    let label = Some(&finding.primary.text).filter(|text| !text.is_empty());
    let ways = finding.fixes.iter().map(|fix| format!("{}: {}", super::way(fix.applicability), fix.title));
    ReviewedFinding {
        code: finding.code.as_str().to_owned(),
        severity: match finding.severity {
            Severity::Error => ReviewedSeverity::Error,
            Severity::Warning => ReviewedSeverity::Warning,
            Severity::Hint => ReviewedSeverity::Hint,
        },
        title: finding.title.clone(),
        why: label.into_iter().chain(&finding.why).cloned().collect(),
        help: finding.help.iter().cloned().chain(ways).collect(),
        place: Place::of(sources, finding.primary.span),
        end_line: sources.end(finding.primary.span).line,
        on_changed_lines: false,
        suggestion: finding.fixes.iter().find_map(|fix| suggestion(finding, fix, sources)),
        fingerprint,
    }
}

/// The lines that a safe fix touches, as it leaves them; nothing where it edits another file or many lines.
fn suggestion(finding: &Finding, fix: &Fix, sources: &Sources) -> Option<Suggestion> {
    let is_here = fix.edits.iter().all(|edit| edit.span.file == finding.file());
    if fix.applicability != Applicability::Safe || fix.edits.is_empty() || !is_here {
        return None;
    }
    let first = fix.edits.iter().map(|edit| sources.start(edit.span).line).min()?;
    let last = fix.edits.iter().map(|edit| sources.end(edit.span).line).max()?;
    if last - first >= MOST_LINES {
        return None;
    }
    if is_hidden(sources, finding.file(), first..=last) {
        return None;
    }
    let text = &sources.file(finding.file()).text;
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let start = *starts.get(first - 1)?;
    let end = starts.get(last).copied().unwrap_or(text.len());
    let mut lines = text.get(start..end)?.to_owned();
    let mut edits: Vec<_> = fix.edits.iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.range().start));
    for edit in edits {
        let range = edit.span.range();
        let (from, to) = (range.start.checked_sub(start)?, range.end.checked_sub(start)?);
        lines.get(from..to)?;
        lines.replace_range(from..to, &edit.replacement);
    }
    // A file may end its lines as Windows does; a forge keeps those around a suggestion.
    let text = lines.replace("\r\n", "\n").trim_end_matches('\n').to_owned();
    let is_plain = !text.chars().any(|letter| !matches!(letter, '\t' | '\n') && visible::is_steering(letter));
    is_plain.then_some(Suggestion { first, last, text })
}

/// Whether something on these lines is not to be shown.
fn is_hidden(sources: &Sources, file: FileId, mut lines: std::ops::RangeInclusive<usize>) -> bool {
    let text = &sources.file(file).text;
    lines.any(|line| text.lines().nth(line - 1).is_some_and(|shown| sources.line(file, line) != shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Code;
    use crate::source::{SourceFile, Span};

    fn suggested(applicability: Applicability, range: std::ops::Range<usize>, replacement: &str) -> Option<Suggestion> {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("orgs/a.kdl", "één {\r\n    title two\r\n}\r\n"));
        let span = Span::new(file, range);
        let finding = Finding::error(Code::new("E0012"), "x", span).fix(applicability, "quote it", span, replacement);
        let mut findings = Findings::default();
        findings.push(finding);
        reviewed_findings(&findings, &sources).remove(0).suggestion
    }

    #[test]
    fn a_safe_fix_is_suggested_as_the_whole_lines_that_it_leaves() {
        let at = "één {\r\n    title ".len();
        let quoted = suggested(Applicability::Safe, at..at + 3, "\"two\"");
        assert_eq!(quoted, Some(Suggestion { first: 2, last: 2, text: "    title \"two\"".to_owned() }));
        assert_eq!(suggested(Applicability::Guess, at..at + 3, "\"two\""), None);
    }
}
