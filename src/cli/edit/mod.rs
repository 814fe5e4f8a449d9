//! Small edits of the garden's files: words and lines, all else as it was written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::CommandFailure;
use crate::git::{RawFile, Snapshot};
use crate::source::{FileId, Sources, Span};
use crate::syntax::Node;
pub(super) use garden::{GardenAtHand, as_named};

mod garden;
mod whole;

/// The text with `line` as the last of the block of the node that starts at `from`; absent where it has no block.
pub(super) fn with_line(text: &str, from: usize, line: &str) -> Option<String> {
    let at = closing_brace(text, from)?;
    Some(format!("{}\n    {line}\n{}", text[..at].trim_end(), &text[at..]))
}

/// Edits of several files, which are written together.
#[derive(Default)]
pub(super) struct Edits {
    /// The new text of a place, by where it starts and ends.
    replaced: BTreeMap<FileId, BTreeMap<(usize, usize), String>>,
    /// The new paths of files that move.
    moved: BTreeMap<FileId, String>,
    /// Files that are new, by path.
    added: BTreeMap<String, String>,
}

impl Edits {
    /// Writes another text in the place of what stands at `span`.
    pub(super) fn replace(&mut self, span: Span, text: String) {
        let range = span.range();
        self.replaced.entry(span.file).or_default().insert((range.start, range.end), text);
    }

    /// Takes a node away, and its line where nothing else stands there.
    pub(super) fn remove(&mut self, node: &Node, sources: &Sources) {
        let text = &sources.file(node.span.file).text;
        let range = node.span.range();
        let after = &text[range.end..];
        let end = range.end + after.find(';').filter(|at| after[..*at].trim().is_empty()).map_or(0, |at| at + 1);
        let line = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let next = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
        let alone = text[line..range.start].trim().is_empty() && text[end..next].trim().is_empty();
        let range = if alone {
            (line, next)
        } else {
            (range.start, end + text[end..next].len() - text[end..next].trim_start().len())
        };
        self.replaced.entry(node.span.file).or_default().insert(range, String::new());
    }

    /// Writes lines at the end of the block of `node`, which gets one where it has none.
    pub(super) fn lines_into(&mut self, node: &Node, lines: &[String], sources: &Sources) {
        if lines.is_empty() {
            return;
        }
        let text = &sources.file(node.span.file).text;
        let (head, end) = (node.head.range().end, node.span.range().end);
        let has_block = end > head && text[..end].ends_with('}');
        let line = text[..node.span.range().start].rfind('\n').map_or(0, |at| at + 1);
        let indent: String = text[line..].chars().take_while(|letter| *letter == ' ' || *letter == '\t').collect();
        // As the file has it: tabs or blanks, and its line ends.
        let tabs = indent.contains('\t') || indent.is_empty() && text.contains("\n\t");
        let unit = if tabs { "\t" } else { "    " };
        let is_short =
            !lines.iter().any(|line| line.contains('\n')) && lines.iter().map(String::len).sum::<usize>() < 60;
        let on_a_line = |open: &str| is_short && (lines.len() == 1 || !open.is_empty()) && !open.contains('\n');
        let (range, written) = if has_block {
            let before = text[..end - 1].trim_end();
            let open = &text[head..end];
            if on_a_line(open) {
                let stop = if before.ends_with([';', '{']) { "" } else { ";" };
                ((before.len(), end - 1), format!("{stop} {}; ", lines.join("; ")))
            } else {
                ((before.len(), end - 1), format!("\n{}{indent}", block(lines, &indent, unit)))
            }
        } else if on_a_line("") {
            ((head, head), format!(" {{ {}; }}", lines[0]))
        } else {
            ((head, head), format!(" {{\n{}{indent}}}", block(lines, &indent, unit)))
        };
        let written = if text.contains("\r\n") { written.replace('\n', "\r\n") } else { written };
        self.replaced.entry(node.span.file).or_default().insert(range, written);
    }

    /// Gives a file another path.
    pub(super) fn move_to(&mut self, file: FileId, path: String) {
        self.moved.insert(file, path);
    }

    /// Adds a file that was not there.
    pub(super) fn add(&mut self, path: String, text: String) {
        self.added.insert(path, text);
    }

    /// The files as they are with the edits.
    pub(super) fn applied_to(&self, snapshot: &Snapshot, sources: &Sources) -> Snapshot {
        let mut files: BTreeMap<String, RawFile> =
            snapshot.files.iter().map(|file| (file.path.clone(), file.clone())).collect();
        for (file, path) in self.files(sources) {
            files.remove(&*sources.file(file).path);
            files.insert(path.to_owned(), RawFile::of(path, self.text(file, sources).into_bytes()));
        }
        files
            .extend(self.added.iter().map(|(path, text)| (path.clone(), RawFile::of(path, text.clone().into_bytes()))));
        let files = files.into_values().collect();
        Snapshot { commit: None, folder: snapshot.folder.clone(), files, passed_over: snapshot.passed_over.clone() }
    }

    /// Writes the files and takes away what moved; where they are now.
    #[expect(clippy::disallowed_methods, reason = "a port: the files that were asked for")]
    pub(super) fn write(&self, root: &Path, sources: &Sources) -> Result<Vec<PathBuf>, CommandFailure> {
        let mut written = Vec::new();
        for (file, path) in self.files(sources) {
            let (old, new) = (root.join(&*sources.file(file).path), root.join(path));
            write(&new, &self.text(file, sources))?;
            if old != new {
                std::fs::remove_file(&old).map_err(CommandFailure::file("take away", &old))?;
            }
            written.push(new);
        }
        for (path, text) in &self.added {
            let path = root.join(path);
            write_new(&path, text)?;
            written.push(path);
        }
        Ok(written)
    }

    /// The files that change, with the path that each has from then on.
    fn files<'s>(&'s self, sources: &'s Sources) -> impl Iterator<Item = (FileId, &'s str)> {
        let files: std::collections::BTreeSet<FileId> =
            self.replaced.keys().chain(self.moved.keys()).copied().collect();
        files.into_iter().map(|file| {
            let stays = || &*sources.file(file).path;
            (file, self.moved.get(&file).map_or_else(stays, String::as_str))
        })
    }

    fn text(&self, file: FileId, sources: &Sources) -> String {
        let mut text = sources.file(file).text.to_string();
        // From the end, so that earlier places stay where they are.
        for ((start, end), new) in self.replaced.get(&file).into_iter().flatten().rev() {
            text.replace_range(*start..*end, new);
        }
        text
    }
}

/// Lines as they stand in a block of a node that stands `indent` in.
fn block(lines: &[String], indent: &str, unit: &str) -> String {
    lines.iter().flat_map(|line| line.lines()).map(|line| format!("{indent}{unit}{line}\n")).collect()
}
/// Where the block of the node that starts at `from` closes; braces in strings and comments do not count.
fn closing_brace(text: &str, from: usize) -> Option<usize> {
    let (mut depth, mut quoted, mut comment, mut last) = (0_usize, false, false, ' ');
    for (at, letter) in text.get(from..)?.char_indices() {
        match letter {
            '\n' => comment = false,
            _ if comment => {}
            '"' if last != '\\' => quoted = !quoted,
            _ if quoted => {}
            '/' if last == '/' => comment = true,
            '{' => depth += 1,
            '}' if depth == 1 => return Some(from + at),
            '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        last = letter;
    }
    None
}

/// Writes a file that is not there yet, and the folders above it.
#[expect(clippy::disallowed_methods, reason = "a port: the file that was asked for")]
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), CommandFailure> {
    if path.exists() {
        return Err(CommandFailure::asked(
            format!("`{}` exists already", path.display()),
            "nothing was written; choose another name",
        ));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(CommandFailure::file("make the folder", folder))?;
    }
    write(path, text)
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), CommandFailure> {
    whole::replace(path, text).map_err(CommandFailure::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::closing_brace;

    #[test]
    fn a_block_closes_where_its_own_brace_is() {
        let text = "x 1\norganisation a {\n    title \"}\" // }\n    app b c { d; }\n}\ny";
        assert_eq!(closing_brace(text, 4), text.rfind("}\ny"));
        assert_eq!(closing_brace("organisation a", 0), None);
    }
}
