//! Texts, ids of files and byte spans.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Which file of a [`Sources`] a span lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct FileId(pub u32);

/// A half-open range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Span {
    /// The file that the bytes are in.
    pub file: FileId,
    /// The first byte, counted from 0.
    pub start: u32,
    /// One past the last byte.
    pub(crate) end: u32,
}

impl Span {
    /// A span of `file` over `range`; offsets past 4 GiB cannot occur, since files over 256 KiB are refused.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { file, start: offset(range.start), end: offset(range.end) }
    }

    /// The bytes of the file that the span covers.
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The smallest span that covers both; the file is that of `self`.
    #[must_use]
    pub(crate) fn to(self, other: Self) -> Self {
        Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spanned<T> {
    /// The value that was written there.
    pub value: T,
    /// Where it stands.
    pub(crate) span: Span,
}

impl<T> Spanned<T> {
    /// `value`, written at `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// One file's text. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path relative to the repository (or a name in brackets for what is embedded: `<schemas>/apps/nextcloud.kdl`).
    pub path: Arc<str>,
    /// The whole text; what was no UTF-8 is replaced, with a finding.
    pub text: Arc<str>,
    line_starts: Arc<[u32]>,
    /// How many characters begin before each block of [`BLOCK`] bytes, so that a column is known without reading its line.
    characters: Arc<[u32]>,
}

/// The bytes of a block in which characters are counted one by one.
const BLOCK: usize = 1024;

impl SourceFile {
    /// A file with the starts of its lines counted.
    pub fn new(path: &str, text: &str) -> Self {
        let starts =
            std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1));
        let small = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let line_starts = starts.map(small).collect();
        let counts = text.as_bytes().chunks(BLOCK).scan(0, |before, block| {
            let here = *before;
            *before += begun(block);
            Some(small(here))
        });
        Self { path: path.into(), text: text.into(), line_starts, characters: counts.collect() }
    }

    /// How many characters begin before a byte offset.
    fn characters_before(&self, offset: usize) -> usize {
        let Some(block) = offset.checked_sub(1).map(|last| last / BLOCK) else { return 0 };
        self.characters[block] as usize + begun(&self.text.as_bytes()[block * BLOCK..offset])
    }
}

/// How many characters begin in bytes of a text.
fn begun(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| !matches!(byte, 0x80..=0xBF)).count()
}

/// A place as people name it: both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters (Unicode scalar values), from 1.
    pub column: usize,
}

/// Every text that a run has read. Spans and file ids refer to it.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    /// What is not shown of lines.
    hidden: BTreeMap<FileId, Vec<Span>>,
}

impl Sources {
    /// Adds a file and names it.
    pub fn add(&mut self, file: SourceFile) -> FileId {
        let id = self.next_id();
        self.files.push(file);
        id
    }

    /// The id that the next added file will get.
    pub(crate) fn next_id(&self) -> FileId {
        FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX))
    }

    /// The path of a file, where this value gave out its id.
    pub(crate) fn path(&self, id: FileId) -> Option<&str> {
        self.files.get(id.0 as usize).map(|file| &*file.path)
    }

    /// The file of an id that this value gave out.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// All files with their ids, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(at, file)| (FileId(u32::try_from(at).unwrap_or(u32::MAX)), file))
    }

    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).text.get(span.range()).unwrap_or_default()
    }

    /// Where the span starts.
    pub fn start(&self, span: Span) -> LineColumn {
        self.position(span.file, span.start)
    }

    /// Where the span ends (the place after its last character).
    pub(crate) fn end(&self, span: Span) -> LineColumn {
        self.position(span.file, span.end)
    }

    /// The line and column of a byte offset; one that falls inside a character counts as its start.
    pub(crate) fn position(&self, file: FileId, offset: u32) -> LineColumn {
        let file = self.file(file);
        let line = file.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = file.line_starts[line - 1] as usize;
        let mut end = (offset as usize).min(file.text.len());
        while !file.text.is_char_boundary(end) {
            end -= 1;
        }
        LineColumn { line, column: file.characters_before(end) - file.characters_before(start.min(end)) + 1 }
    }

    /// `path:line:column` of the span's start.
    pub fn locate(&self, span: Span) -> String {
        let at = self.start(span);
        format!("{}:{}:{}", self.file(span.file).path, at.line, at.column)
    }

    /// Does not show a place from now on.
    pub(crate) fn hide(&mut self, span: Span) {
        let hidden = self.hidden.entry(span.file).or_default();
        hidden.push(span);
        hidden.sort();
    }

    /// The text of line `line` (from 1) as it is shown, without its end: each character of what is hidden is a dot.
    pub(crate) fn line(&self, id: FileId, line: usize) -> Cow<'_, str> {
        let file = self.file(id);
        let Some(start) = file.line_starts.get(line.wrapping_sub(1)) else { return "".into() };
        let end = file.line_starts.get(line).map_or(file.text.len(), |next| *next as usize);
        let text = file.text[*start as usize..end].trim_end_matches(['\n', '\r']);
        self.without_hidden(id, *start as usize, text)
    }

    /// The text that a span covers as it is shown.
    pub(crate) fn shown(&self, span: Span) -> Cow<'_, str> {
        self.without_hidden(span.file, span.range().start, self.text(span))
    }

    /// A text that begins at an offset of a file, with a dot for each character of what is hidden.
    fn without_hidden<'a>(&self, file: FileId, start: usize, text: &'a str) -> Cow<'a, str> {
        let Some(hidden) = self.hidden.get(&file) else { return text.into() };
        let is_hidden = |at: usize| {
            let next = hidden.partition_point(|span| span.start as usize <= start + at);
            next.checked_sub(1).is_some_and(|last| hidden[last].range().contains(&(start + at)))
        };
        text.char_indices().map(|(at, character)| if is_hidden(at) { '•' } else { character }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("a.kdl", "é日 x\ny"));
        assert_eq!(sources.position(file, 6), LineColumn { line: 1, column: 4 });
        assert_eq!(sources.position(file, 8), LineColumn { line: 2, column: 1 });
        assert_eq!(sources.line(file, 1), "é日 x");
        let long = format!("a\n{}x", "é".repeat(5 * BLOCK));
        let file = sources.add(SourceFile::new("b.kdl", &long));
        for at in [2, 3, 500, BLOCK, BLOCK + 1, 2 * BLOCK + 2, long.len() - 1, long.len()] {
            let mut end = at;
            while !long.is_char_boundary(end) {
                end -= 1;
            }
            let column = long[2..end].chars().count() + 1;
            assert_eq!(sources.position(file, u32::try_from(at).unwrap()), LineColumn { line: 2, column }, "{at}");
        }
    }
}
