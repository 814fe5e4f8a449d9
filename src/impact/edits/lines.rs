//! Files that cannot be read as trees, compared line by line.

use similar::{ChangeTag, TextDiff};

use super::written::{is_secret, pair};
use super::{Became, EditedLine, KnownEdit, MOST_EDITS, Part};
use crate::plan::Place;
use crate::secrets::MASK;
use crate::source::LineColumn;

/// Adds a line for each that differs; a line that went and one that came in its place are one edit.
pub(super) fn compare(path: &str, was: &str, is: &str, found: &mut Vec<KnownEdit>) {
    let diff = TextDiff::from_lines(was, is);
    for operation in diff.ops() {
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for change in diff.iter_changes(operation) {
            let text = change.value().trim();
            if text.is_empty() || text.starts_with("//") {
                continue;
            }
            match change.tag() {
                ChangeTag::Delete => gone.push((change.old_index().unwrap_or_default() + 1, text)),
                ChangeTag::Insert => come.push((change.new_index().unwrap_or_default() + 1, text)),
                ChangeTag::Equal => {}
            }
        }
        for at in 0..gone.len().max(come.len()) {
            let (gone, come) = (gone.get(at), come.get(at));
            if found.len() < 2 * MOST_EDITS && gone.map(|(_, text)| text) != come.map(|(_, text)| text) {
                found.push(edit(path, gone.copied(), come.copied()));
            }
        }
    }
}

fn edit(path: &str, was: Option<(usize, &str)>, is: Option<(usize, &str)>) -> KnownEdit {
    let line = is.or(was).map_or(1, |(line, _)| line);
    let shown = |line: Option<(usize, &str)>| {
        line.map(|(_, text)| if is_secret("", text) { MASK.to_owned() } else { text.to_owned() })
    };
    let (before, after) = pair(shown(was), shown(is));
    let whole = (LineColumn { line, column: 1 }, LineColumn { line: line + 1, column: 1 });
    KnownEdit {
        edit: EditedLine {
            place: Place { file: path.to_owned(), line, column: 1 },
            word: String::new(),
            was: before,
            is: after,
        },
        became: Became::Changed,
        part: Part::Other,
        app: None,
        path: Vec::new(),
        exact: is.is_some().then_some(whole),
        node: None,
        around: Vec::new(),
        states: 1,
    }
}
