//! Texts of others as they may be printed: nothing in them steers a terminal, a log or a CI that reads it.
//!
//! What a garden, a repository or a cluster says reaches screens and logs of CI, where a character can begin a command: an
//! escape sequence, a line that begins with `::` (GitHub reads it whatever blanks stand before it), `##[` anywhere in a line.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What stands for a character that is not shown.
pub(crate) const REPLACEMENT: char = '\u{FFFD}';

/// Whether a character moves, hides or turns what stands around it, or takes no ink of its own: all that Unicode calls ignorable,
/// and blanks that are no spaces. Line ends and tabs are no such characters.
pub(crate) fn is_steering(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(
            character,
            '\u{00AD}'
                | '\u{034F}'
                | '\u{061C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

/// Whether an ignorable character says how the one before it is drawn, where people write it so: joiners in emoji and in scripts
/// that join their letters, the choice of a picture after a symbol. After a letter of Latin it says nothing and hides.
fn belongs(before: Option<char>, character: char, after: Option<char>) -> bool {
    let Some(before) = before.filter(|before| !is_steering(*before) || *before == '\u{FE0F}') else { return false };
    let is_picture = matches!(before, '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}');
    match character {
        '\u{200C}' | '\u{200D}' => {
            is_picture || matches!(before, '\u{0600}'..='\u{109F}' | '\u{1780}'..='\u{18AF}' | '\u{FE0F}')
        }
        // What parts an entity of a comment from the name after it, so that it is no mention.
        '\u{2060}' => before == ';',
        '\u{FE0E}' | '\u{FE0F}' => {
            let is_key = matches!(before, '0'..='9' | '#' | '*') && after == Some('\u{20E3}');
            is_picture
                || is_key
                || matches!(
                    before,
                    '©' | '®'
                        | '\u{203C}'
                        | '\u{2049}'
                        | '\u{2122}'
                        | '\u{2139}'
                        | '\u{3030}'
                        | '\u{303D}'
                        | '\u{3297}'
                        | '\u{3299}'
                )
        }
        _ => false,
    }
}

/// How many tags after a flag name the region whose it is, as those of England or Brittany; none where they are of no such name.
fn tags_of_flag(after: &str) -> usize {
    let is_name = |character: &char| matches!(character, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}');
    let name = after.chars().take_while(is_name).count();
    let is_whole = (3..=6).contains(&name) && after.chars().nth(name) == Some('\u{E007F}');
    if is_whole { name + 1 } else { 0 }
}

/// The characters of a text, each with whether it steers where it stands.
fn judged(text: &str) -> impl Iterator<Item = (char, bool)> + '_ {
    let mut before = None;
    let mut rest = text.chars();
    let mut tags = 0_usize;
    std::iter::from_fn(move || {
        let character = rest.next()?;
        let is_tag = tags > 0;
        tags = if character == '\u{1F3F4}' { tags_of_flag(rest.as_str()) } else { tags.saturating_sub(1) };
        let steers = is_steering(character) && !is_tag && !belongs(before, character, rest.clone().next());
        before = Some(character);
        Some((character, steers))
    })
}

/// Whether something in a text steers.
fn has_steering(text: &str) -> bool {
    text.chars().any(is_steering) && judged(text).any(|(_, steers)| steers)
}

/// The characters of a text as they are shown, as many as there are.
pub(crate) fn characters(text: &str) -> impl Iterator<Item = char> + '_ {
    judged(text).map(|(character, steers)| if steers { REPLACEMENT } else { character })
}

/// A text on one line: its line ends are shown as signs, and nothing in it is a command.
pub(crate) fn line(text: &str) -> String {
    let characters = characters(text).map(|character| match character {
        '\n' => '⏎',
        '\t' => ' ',
        other => other,
    });
    without_commands(&characters.collect::<String>()).into_owned()
}

/// A text of several lines below a word: each line but the first begins with `margin`, so that none is its own.
pub(crate) fn lines(text: &str, margin: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(line).collect();
    lines.join(&format!("\n{margin}"))
}

/// Takes away what GitHub reads as a command wherever it stands in a line.
pub(crate) fn without_commands(line: &str) -> Cow<'_, str> {
    if line.contains("##[") { line.replace("##[", "##\u{FFFD}").into() } else { line.into() }
}

/// A whole line as it goes to a screen or a log: colours stay, whatever else steers goes, and it begins no command.
pub(crate) fn printed(text: &str) -> Cow<'_, str> {
    let begins_command = text.trim_start().starts_with("::");
    if !begins_command && !text.contains("##[") && !has_steering(text) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    // Of a colour its first character alone steers.
    let mut at = 0;
    for ((character, _), shown) in judged(text).zip(characters(text)) {
        let sets_colour = character == '\u{1b}' && colour(&text[at..]) > 0;
        out.push(if sets_colour { character } else { shown });
        at += character.len_utf8();
    }
    if begins_command {
        out = out.replacen("::", ":\u{FFFD}", 1);
    }
    without_commands(&out).into_owned().into()
}

/// A JSON text in which no steering character stands as it is, but by its number. Such characters stand in strings only.
pub(crate) fn json(text: String) -> String {
    if !text.contains("##[") && !has_steering(&text) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for (character, steers) in judged(&text) {
        if steers {
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
    fn what_hides_between_letters_is_shown() {
        for hidden in [
            '\u{AD}',
            '\u{34F}',
            '\u{115F}',
            '\u{1160}',
            '\u{17B4}',
            '\u{180E}',
            '\u{200B}',
            '\u{200C}',
            '\u{200D}',
            '\u{2064}',
            '\u{2800}',
            '\u{3164}',
            '\u{FE00}',
            '\u{FE0E}',
            '\u{FE0F}',
            '\u{FFA0}',
            '\u{1BCA0}',
            '\u{1D173}',
            '\u{E0041}',
            '\u{E0100}',
        ] {
            for before in ["a", "é", "я", "1", "-", "", "\u{AD}", "\u{180B}"] {
                let text = format!("{before}{hidden}b");
                assert!(line(&text).ends_with("\u{FFFD}b") && printed(&text).ends_with("\u{FFFD}b"), "{text:?}");
                assert!(!json(text.clone()).contains(hidden), "{text:?}");
            }
        }
    }

    #[test]
    fn what_says_how_a_sign_is_drawn_stays() {
        for text in [
            "👩\u{200D}💻",
            "🏳\u{FE0F}\u{200D}🌈",
            "❤\u{FE0F}",
            "1\u{FE0F}\u{20E3}",
            "©\u{FE0E}",
            "می\u{200C}خواهم",
            "क्\u{200D}ष",
            "l’été\u{A0}: 12\u{202F}€",
            "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} and on",
        ] {
            assert_eq!(line(text), text);
            assert_eq!(printed(text), text);
            assert_eq!(json(text.to_owned()), text);
        }
        assert_eq!(line("❤\u{FE0F}\u{FE0F}a\u{200D}b"), "❤\u{FE0F}\u{FFFD}a\u{FFFD}b");
        // Tags that name no region, or follow no flag, hide.
        let tags = "\u{E0067}\u{E0062}\u{E0065}";
        let hidden = "\u{FFFD}".repeat(3);
        assert_eq!(line(&format!("\u{1F3F4}{tags} a{tags}\u{E007F}")), format!("\u{1F3F4}{hidden} a{hidden}\u{FFFD}"));
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
