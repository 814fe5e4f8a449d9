//! Markdown that grows within so many bytes: by whole lines and whole parts.

use std::fmt::Write as _;

use crate::review::grouped;

/// What rows of a table are called where some are left out.
pub(super) const ROWS: &str = "edited lines";

/// The least room that is left for the parts after one: a part takes at most half of what is there.
const SHARE: usize = 2;
/// Bytes for the line that says how much of a part is left out.
const MORE: usize = 120;

/// A page that is being written.
pub(super) struct Page {
    out: String,
    /// The most bytes.
    room: usize,
    /// What was left out, counted, where no line beside it says so.
    left_out: Vec<String>,
}

impl Page {
    /// Begins with what is never left out.
    pub(super) fn new(head: String, room: usize) -> Self {
        Self { out: head, room, left_out: Vec::new() }
    }

    /// The bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.room.saturating_sub(self.out.len())
    }

    /// A line of its own, where there is room.
    pub(super) fn text(&mut self, text: &str) {
        if text.len() <= self.left() {
            self.out.push_str(text);
        }
    }

    /// A part of many lines under a heading: as many as there is room for, and how many there are besides, called `what`.
    pub(super) fn list(&mut self, heading: &str, what: &str, lines: impl Iterator<Item = String>) {
        let mut lines = lines.peekable();
        if lines.peek().is_none() {
            return;
        }
        let end = self.out.len() + self.left() / SHARE;
        let blank = if heading.is_empty() { "" } else { "\n" };
        let mut part = format!("\n{heading}{blank}");
        // A list begins after a blank line; the rows of a table follow its head.
        if !heading.is_empty() && !heading.starts_with('|') {
            part.push('\n');
        }
        let (mut shown, mut rest) = (0_usize, 0_usize);
        for line in lines {
            if rest == 0 && self.out.len() + part.len() + line.len() + MORE <= end {
                part.push_str(&line);
                shown += 1;
            } else {
                rest += 1;
            }
        }
        if shown == 0 {
            self.left_out.push(format!("{} {what}", grouped(rest)));
            return;
        }
        if rest > 0 && heading.starts_with('|') {
            let _ = writeln!(part, "| … and {} more {what} | | | |", grouped(rest));
        } else if rest > 0 {
            let _ = writeln!(part, "- … and {} more {what}", grouped(rest));
        }
        if rest > 0 {
            self.left_out.push(format!("{} {what}", grouped(rest)));
        }
        self.out.push_str(&part);
    }

    /// A folded part of small pieces in one paragraph.
    pub(super) fn folded(&mut self, open: &str, what: &str, pieces: impl Iterator<Item = String>) {
        let close = "\n\n</details>\n";
        let end = self.out.len() + self.left() / SHARE;
        let mut part = format!("\n{open}\n");
        let (mut shown, mut rest) = (0_usize, 0_usize);
        for piece in pieces {
            if rest == 0 && self.out.len() + part.len() + piece.len() + close.len() + MORE <= end {
                part.push_str(&piece);
                shown += 1;
            } else {
                rest += 1;
            }
        }
        if rest > 0 {
            self.left_out.push(format!("{} {what}", grouped(rest)));
            let _ = write!(part, "… and {} more", grouped(rest));
        }
        if shown > 0 {
            let part = part.trim_end_matches([' ', '·']);
            self.out.push_str(part);
            self.out.push_str(close);
        }
    }

    /// A part that stands whole or not at all; whether there was room for it.
    pub(super) fn whole(&mut self, part: &str) -> bool {
        let has_room = part.len() <= self.left();
        if has_room {
            self.out.push_str(part);
        }
        has_room
    }

    /// What was left out, counted.
    pub(super) fn left_out(&mut self) -> Vec<String> {
        std::mem::take(&mut self.left_out)
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_and_parts_are_cut_at_whole_lines() {
        assert_eq!([0, 999, 1_204, 1_000_000].map(grouped), ["0", "999", "1,204", "1,000,000"]);
        let mut page = Page::new("head\n".to_owned(), 500);
        page.list("**Lines:**", "lines", (0..100).map(|at| format!("- ä{at}\n")));
        let left_out = page.left_out();
        let text = page.finish();
        let shown = text.matches("- ä").count();
        assert!(shown > 0 && text.len() < 500, "{text}");
        assert_eq!(left_out, [format!("{} lines", 100 - shown)]);
        assert!(text.contains(&format!("- … and {} more lines\n", 100 - shown)), "{text}");
    }
}
