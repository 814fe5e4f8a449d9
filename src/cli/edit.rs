//! Small edits of the garden's files: a line more in a block, all else as it was written.

use std::path::Path;

use super::CommandFailure;

/// The text with `line` as the last of the block of the node that starts at `from`; absent where it has no block.
pub(super) fn with_line(text: &str, from: usize, line: &str) -> Option<String> {
    let at = closing_brace(text, from)?;
    Some(format!("{}\n    {line}\n{}", text[..at].trim_end(), &text[at..]))
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

#[expect(clippy::disallowed_methods, reason = "a port: the file that was asked for")]
pub(super) fn write(path: &Path, text: &str) -> Result<(), CommandFailure> {
    std::fs::write(path, text).map_err(CommandFailure::file("write", path))
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
