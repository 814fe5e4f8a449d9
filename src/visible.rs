//! Texts of others as they may be printed: nothing in them steers a terminal, a log or a CI that reads it.
//!
//! What a garden, a repository or a cluster says reaches screens and logs of CI, where a character can begin a command: an
//! escape sequence, a line that begins with `::` (GitHub reads it whatever blanks stand before it), `##[` anywhere in a line.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What stands for a character that is not shown.
pub(crate) const REPLACEMENT: char = '\u{FFFD}';

/// Whether a character moves, hides or turns what stands around it; line ends and tabs are no such characters.
pub(crate) fn is_steering(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(
            character,
            '\u{061C}'
                | '\u{180E}'
                | '\u{200B}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

/// A text on one line: its line ends are shown as signs, and nothing in it is a command.
pub(crate) fn line(text: &str) -> String {
    let characters = text.chars().map(|character| match character {
        '\n' => '⏎',
        '\t' => ' ',
        other => character_of(other),
    });
    without_commands(&characters.collect::<String>()).into_owned()
}

/// A text of several lines below a word: each line but the first begins with `margin`, so that none is its own.
pub(crate) fn lines(text: &str, margin: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(line).collect();
    lines.join(&format!("\n{margin}"))
}

/// A character as it is shown.
pub(crate) fn character_of(character: char) -> char {
    if is_steering(character) { REPLACEMENT } else { character }
}

/// Takes away what GitHub reads as a command wherever it stands in a line.
pub(crate) fn without_commands(line: &str) -> Cow<'_, str> {
    if line.contains("##[") { line.replace("##[", "##\u{FFFD}").into() } else { line.into() }
}

/// A whole line as it goes to a screen or a log: colours stay, whatever else steers goes, and it begins no command.
pub(crate) fn printed(text: &str) -> Cow<'_, str> {
    let begins_command = text.trim_start().starts_with("::");
    if !begins_command && !text.contains("##[") && !text.chars().any(is_steering) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = match colour(rest) {
            0 => {
                out.push(character_of(character));
                character.len_utf8()
            }
            length => {
                out.push_str(&rest[..length]);
                length
            }
        };
        rest = &rest[length..];
    }
    if begins_command {
        out = out.replacen("::", ":\u{FFFD}", 1);
    }
    without_commands(&out).into_owned().into()
}

/// A JSON text in which no steering character stands as it is, but by its number. Such characters stand in strings only.
pub(crate) fn json(text: String) -> String {
    if !text.contains("##[") && !text.chars().any(is_steering) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_steering(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out.replace("##[", "##\\u005b")
}

/// How long the sequence is with which a text begins, where it sets a colour or a weight and nothing else.
fn colour(text: &str) -> usize {
    let Some(inside) = text.strip_prefix("\u{1b}[") else { return 0 };
    let end = inside.find(|character: char| !character.is_ascii_digit() && character != ';');
    end.filter(|end| inside[*end..].starts_with('m')).map_or(0, |end| end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_and_every_other_sequence_goes() {
        let coloured = "\u{1b}[1;31mfailed\u{1b}[0m: it";
        assert_eq!(printed(coloured), coloured);
        for hostile in ["\u{1b}[2J", "\u{1b}]0;title\u{7}", "\u{9b}2J", "a\rb", "\u{202E}x", "\u{1b}[31", "\u{1b}[1A"] {
            let shown = printed(hostile).into_owned();
            assert!(!shown.chars().any(is_steering), "{hostile:?} became {shown:?}");
        }
    }

    #[test]
    fn json_says_the_same_without_a_steering_character() {
        let value = serde_json::json!({"a": "x\u{9b}2J\u{2028}\u{E0001}##[group]\u{7f}\n"});
        let text = json(value.to_string());
        assert!(!text.chars().any(is_steering) && !text.contains("##["), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn no_line_begins_a_command() {
        for hostile in ["::stop-commands::x", "  \t::add-mask::y", "a ##[stop-commands]x", "\u{a0}::error::z"] {
            let shown = printed(hostile);
            assert!(!shown.trim_start().starts_with("::") && !shown.contains("##["), "{shown}");
        }
        assert_eq!(line("one\n::stop-commands::x\ttwo"), "one⏎::stop-commands::x two");
        assert_eq!(lines("one\ntwo", "  │ "), "one\n  │ two");
    }
}
