//! Findings as notes on the lines that they are about, with a suggestion where a safe fix is known.
//!
//! Only lines that the work changed have notes: a forge shows no others, and what was there before is not of this work.

use std::collections::{BTreeMap, BTreeSet};

use similar::{ChangeTag, TextDiff};

use crate::finding::{Applicability, Edit, Finding, Findings};
use crate::forge::LineNote;
use crate::git::Snapshot;
use crate::report::{escape, fingerprints, severity};
use crate::source::{FileId, Sources};

/// The most lines that a suggestion replaces.
const MOST_LINES: usize = 20;

/// The lines of files, counted from 1, that one snapshot has and another has not.
pub(super) struct ChangedLines(BTreeMap<String, BTreeSet<u32>>);

impl ChangedLines {
    pub(super) fn between(base: &Snapshot, head: &Snapshot) -> Self {
        let before: BTreeMap<&str, _> = base.files.iter().map(|file| (file.path.as_str(), file)).collect();
        let changed = head.files.iter().filter_map(|file| {
            let old = before.get(file.path.as_str());
            if old.is_some_and(|old| old.blob == file.blob) {
                return None;
            }
            let old = old.map(|old| String::from_utf8_lossy(&old.bytes)).unwrap_or_default();
            Some((file.path.clone(), added(&old, &String::from_utf8_lossy(&file.bytes))))
        });
        Self(changed.collect())
    }

    fn hold(&self, note: &LineNote) -> bool {
        self.0.get(&note.path).is_some_and(|lines| (note.line..=note.end_line).all(|line| lines.contains(&line)))
    }
}

/// The lines of a text that are not of an older one.
fn added(old: &str, new: &str) -> BTreeSet<u32> {
    let diff = TextDiff::from_lines(old, new);
    let added = diff.iter_all_changes().filter(|change| change.tag() == ChangeTag::Insert);
    added.filter_map(|change| u32::try_from(change.new_index()? + 1).ok()).collect()
}

/// The notes of findings on lines that changed, in their order.
pub(super) fn of(findings: &Findings, sources: &Sources, changed: &ChangedLines) -> Vec<LineNote> {
    let keys = fingerprints(findings, sources);
    let notes = findings.iter().zip(keys).filter_map(|(finding, key)| note(finding, key, sources));
    notes.filter(|note| changed.hold(note)).collect()
}

fn note(finding: &Finding, key: String, sources: &Sources) -> Option<LineNote> {
    let span = finding.primary.span;
    let path = sources.path(span.file)?.to_owned();
    let mut lines = (sources.start(span).line, sources.end(span).line);
    let mut suggestion = None;
    if let Some((first, last, text)) = suggested(finding, sources) {
        (lines, suggestion) = ((first, last), Some(text));
    }
    let line = |line: usize| u32::try_from(line).ok();
    Some(LineNote { path, line: line(lines.0)?, end_line: line(lines.1)?, key, text: text(finding), suggestion })
}

fn text(finding: &Finding) -> String {
    let code = finding.code.as_str();
    let mut text = format!("**{}** {code}: {}", severity(finding), escape(&finding.title));
    for why in finding.why.iter().chain(Some(&finding.primary.text)).filter(|why| !why.is_empty()) {
        text.push_str(&format!("\n\n{}", escape(why)));
    }
    for help in &finding.help {
        text.push_str(&format!("\n\n- {}", escape(help)));
    }
    text.push_str(&format!("\n\n<code>parcelle explain {code}</code>"));
    text
}

/// The first and last line that a safe fix replaces, and what comes instead.
fn suggested(finding: &Finding, sources: &Sources) -> Option<(usize, usize, String)> {
    let fix = finding.fixes.iter().find(|fix| fix.applicability == Applicability::Safe)?;
    let file = finding.primary.span.file;
    let mut edits: Vec<&Edit> = fix.edits.iter().collect();
    edits.sort_by_key(|edit| edit.span.start);
    if edits.is_empty() || edits.iter().any(|edit| edit.span.file != file) {
        return None;
    }
    let first = edits.iter().map(|edit| sources.start(edit.span).line).min()?;
    let last = edits.iter().map(|edit| sources.end(edit.span).line).max()?;
    if last - first >= MOST_LINES || is_hidden(sources, file, first..=last) {
        return None;
    }
    let whole: &str = &sources.file(file).text;
    let from = start_of_line(whole, first)?;
    let to = start_of_line(whole, last + 1).unwrap_or(whole.len());
    let mut text = whole[from..to].to_owned();
    for edit in edits.iter().rev() {
        let range = edit.span.range();
        text.replace_range(range.start.checked_sub(from)?..range.end.checked_sub(from)?, &edit.replacement);
    }
    let is_plain = !text.chars().any(|char| char != '\t' && char != '\n' && crate::visible::is_steering(char));
    is_plain.then(|| (first, last, text.trim_end_matches('\n').to_owned()))
}

/// Whether something on these lines is not to be shown.
fn is_hidden(sources: &Sources, file: FileId, mut lines: std::ops::RangeInclusive<usize>) -> bool {
    let whole: &str = &sources.file(file).text;
    lines.any(|line| whole.lines().nth(line - 1).is_some_and(|text| sources.line(file, line) != text))
}

/// The byte at which a line, counted from 1, begins.
fn start_of_line(text: &str, line: usize) -> Option<usize> {
    match line {
        0 | 1 => Some(0),
        line => text.match_indices('\n').nth(line - 2).map(|(at, _)| at + 1),
    }
}
