//! Edits made in texts, and the way from places before them to those after.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::finding::Edit;
use crate::source::{FileId, Sources};

/// The byte order mark that a file may begin with.
const BOM: char = '\u{FEFF}';

/// A text with edits made.
pub(super) struct Edited {
    /// The file before.
    pub(super) file: FileId,
    pub(super) text: String,
    steps: Vec<EditStep>,
}

/// An edit that was made.
struct EditStep {
    /// Of which of the fixes it is a part.
    fix: usize,
    /// The bytes that went.
    old: Range<usize>,
    /// The bytes that came, in the text after.
    new: Range<usize>,
}

impl Edited {
    /// The edited texts by path; each edit with the number of its fix. Edits do not overlap.
    pub(super) fn all<'a>(sources: &Sources, edits: impl Iterator<Item = (usize, &'a Edit)>) -> BTreeMap<String, Self> {
        let mut by_file: BTreeMap<FileId, Vec<(usize, &Edit)>> = BTreeMap::new();
        edits.for_each(|(fix, edit)| by_file.entry(edit.span.file).or_default().push((fix, edit)));
        let edited = by_file.into_iter().map(|(file, edits)| {
            let source = sources.file(file);
            (source.path.to_string(), Self::of(file, &source.text, edits))
        });
        edited.collect()
    }

    /// Makes the edits. Line ends are written as the file writes them, and nothing comes before its byte order mark.
    fn of(file: FileId, source: &str, mut edits: Vec<(usize, &Edit)>) -> Self {
        edits.sort_by_key(|(_, edit)| (edit.span.start, edit.span.end));
        let begin = if source.starts_with(BOM) { BOM.len_utf8() } else { 0 };
        let line_end = line_end(source);
        let (mut text, mut steps, mut from) = (String::with_capacity(source.len() + 64), Vec::new(), 0);
        for (fix, edit) in edits {
            let range = edit.span.range();
            let old = range.start.max(begin)..range.end.max(begin);
            text.push_str(&source[from..old.start]);
            let start = text.len();
            text.push_str(&edit.replacement.replace('\n', line_end));
            from = old.end;
            steps.push(EditStep { fix, old, new: start..text.len() });
        }
        text.push_str(&source[from..]);
        Self { file, text, steps }
    }

    /// Where a byte of the text before stands now.
    pub(super) fn place(&self, at: usize) -> usize {
        let next = self.steps.partition_point(|step| step.old.start <= at);
        let Some(step) = next.checked_sub(1).map(|last| &self.steps[last]) else { return at };
        // What stood behind an insertion stands behind it still.
        if step.old.end <= at { step.new.end + (at - step.old.end) } else { step.new.start }
    }

    /// The range of the new text that a fix wrote.
    pub(super) fn written(&self, fix: usize) -> impl Iterator<Item = Range<usize>> {
        self.steps.iter().filter(move |step| step.fix == fix).map(|step| step.new.clone())
    }
}

/// How the first line of a text ends; as on Unix where there is one line.
fn line_end(source: &str) -> &'static str {
    match source.find('\n') {
        Some(at) if source[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceFile, Span};

    #[test]
    fn edits_keep_the_line_ends_and_the_mark_of_a_file() {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("a.kdl", "\u{FEFF}a 1\r\nb 22:00\r\n"));
        let edit = |range: Range<usize>, text: &str| Edit { span: Span::new(file, range), replacement: text.into() };
        let edits = [edit(0..0, "edition 2026\n\n"), edit(10..15, "\"22:00\"")];
        let edited = &Edited::all(&sources, edits.iter().enumerate())["a.kdl"];
        assert_eq!(edited.text, "\u{FEFF}edition 2026\r\n\r\na 1\r\nb \"22:00\"\r\n");
        let written: Vec<&str> = edited.written(1).map(|range| &edited.text[range]).collect();
        assert_eq!(written, ["\"22:00\""]);
        assert_eq!(&edited.text[edited.place(3)..][..3], "a 1");
        assert_eq!(&edited.text[edited.place(12)..][..7], "\"22:00\"");
    }
}
