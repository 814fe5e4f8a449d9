//! Texts inside Markdown: nothing that a garden or a cluster says becomes a mention, a reference, a link, an image, a table or
//! HTML, and the source stays readable.
//!
//! Whatever forges read something into stands in code spans: neither Markdown nor references are looked for there, on none of
//! them. Words of letters, digits and plain punctuation stay as they are.

use crate::visible;

/// A text as a code span.
pub(crate) fn code(text: &str) -> String {
    span(&visible::line(text))
}

/// A text as a code span in a cell of a table, where a bar ends the cell even inside of code.
pub(crate) fn code_cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// A text outside of code; what stands between backticks in it, and what Markdown or a forge could read something into, becomes code.
pub(crate) fn escape(text: &str) -> String {
    let line = visible::line(text);
    let parts: Vec<&str> = line.split('`').collect();
    // A backtick without another one opens nothing.
    let last_is_open = parts.len().is_multiple_of(2);
    let mut out = String::with_capacity(line.len() + 16);
    for (at, part) in parts.iter().enumerate() {
        let is_code = at % 2 == 1 && !(last_is_open && at + 1 == parts.len());
        match (is_code, part.is_empty()) {
            (true, true) => {}
            (true, false) => out.push_str(&span(part)),
            (false, _) => out.push_str(&words(part)),
        }
    }
    out
}

/// The same in a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    escape(text).replace('|', "\\|")
}

/// A text inside an HTML element, where no Markdown is read: `<summary>`.
pub(crate) fn html(text: &str) -> String {
    let line = visible::line(text);
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('@', "&#64;").replace('#', "&#35;")
}

/// Lines in a fence that is longer than any run of backticks inside, so that nothing in them can end it.
pub(crate) fn fence(language: &str, text: &str) -> String {
    let ticks = "`".repeat(longest_run(text).max(2) + 1);
    let lines: Vec<String> = text.lines().map(visible::line).collect();
    format!("{ticks}{language}\n{}\n{ticks}\n", lines.join("\n"))
}

fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

/// A code span around what has no line end.
fn span(text: &str) -> String {
    if text.trim().is_empty() {
        return "` `".to_owned();
    }
    let ticks = "`".repeat(longest_run(text) + 1);
    let blank = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{blank}{text}{blank}{ticks}")
}

/// Words, with those that could be more than words in code spans.
fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quoted: Vec<&str> = Vec::new();
    for (at, word) in text.split(' ').enumerate() {
        if word.is_empty() || !is_plain(word) {
            quoted.push(word);
            // Blanks alone are no code.
            if quoted.iter().all(|word| word.is_empty()) {
                quoted.clear();
                out.push_str(if at == 0 { "" } else { " " });
            }
            continue;
        }
        flush(&mut out, &mut quoted);
        if at > 0 && !out.ends_with(' ') {
            out.push(' ');
        }
        out.push_str(word);
    }
    let ends_blank = quoted.last().is_some_and(|word| word.is_empty());
    flush(&mut out, &mut quoted);
    if ends_blank && !out.ends_with(' ') {
        out.push(' ');
    }
    out
}

/// Writes the words that stand in code, together.
fn flush(out: &mut String, quoted: &mut Vec<&str>) {
    while quoted.last().is_some_and(|word| word.is_empty()) {
        quoted.pop();
    }
    if quoted.is_empty() {
        return;
    }
    if !out.is_empty() && !out.ends_with(' ') {
        out.push(' ');
    }
    out.push_str(&span(&quoted.join(" ")));
    quoted.clear();
}

/// Whether neither Markdown nor a forge reads anything into a word: no markup, mention, reference, address, emoji or time log.
fn is_plain(word: &str) -> bool {
    let core = word
        .trim_start_matches(['(', '"', '“', '«'])
        .trim_end_matches(['.', ',', ';', ':', ')', '!', '?', '%', '"', '”', '»', '…']);
    let is_of_words = |letter: char| {
        letter.is_alphanumeric()
            || matches!(letter, '-' | '\'' | '/' | '.' | '+' | '(' | ')' | ',')
            || !letter.is_ascii()
    };
    // Signs alone say nothing to anybody.
    if core.is_empty() {
        return !word.starts_with(':') || word.len() == 1;
    }
    let has_plain_letters =
        core.char_indices().all(|(at, letter)| is_of_words(letter) || letter == ':' && is_between_digits(core, at));
    has_plain_letters && !word.starts_with(['/', '+', '%', '!', ':']) && !is_link(core) && !is_reference(core)
}

/// Whether a colon stands in a time: `02:30`.
fn is_between_digits(text: &str, at: usize) -> bool {
    let is_digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    is_digit(text[..at].chars().next_back()) && is_digit(text[at + 1..].chars().next())
}

fn is_link(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.contains("www.") || lower.contains("//")
}

/// Whether a forge takes it for an issue of a tracker (`GH-1`) or for a commit.
fn is_reference(text: &str) -> bool {
    let is_issue = text.split_once('-').is_some_and(|(tracker, number)| {
        !tracker.is_empty()
            && tracker.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
            && number.chars().next().is_some_and(|letter| letter.is_ascii_digit())
            && tracker.chars().any(|letter| letter.is_ascii_uppercase())
    });
    let is_commit = (7..=64).contains(&text.len())
        && text.bytes().all(|letter| letter.is_ascii_hexdigit())
        && text.bytes().any(|letter| letter.is_ascii_digit());
    is_issue || is_commit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_as_they_are_and_what_could_be_more_stands_in_code() {
        let table = [
            (
                "backups an hour later: 104 organisations (312 schedules)",
                "backups an hour later: 104 organisations (312 schedules)",
            ),
            ("from 02:30 to 03:30, at 2027-02-28", "from 02:30 to 03:30, at 2027-02-28"),
            ("Größe über 90 %, l'été", "Größe über 90 %, l'été"),
            ("the host `cloud.example.org` goes", "the host `cloud.example.org` goes"),
            ("ask @everyone now", "ask `@everyone` now"),
            ("see #1 !2 $3 ~4 %5 &6 now", "see `#1 !2 $3 ~4 %5 &6` now"),
            ("GH-1 o/r#1 :tada: <b>x</b>", "`GH-1 o/r#1 :tada: <b>x</b>`"),
            ("[a](http://b) ![c](d)", "`[a](http://b) ![c](d)`"),
            ("http://a www.b.org", "`http://a www.b.org`"),
            ("3f2a91c0 *bold* _it_", "`3f2a91c0 *bold* _it_`"),
            ("one ` two", "one  two"),
            ("/approve", "`/approve`"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn code_holds_backticks_and_cells_hold_bars() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code_cell("a|b"), "`a\\|b`");
        assert_eq!(cell("a|b c"), "`a\\|b` c");
        assert_eq!(code("a\nb\u{202e}"), format!("`{}`", visible::line("a\nb\u{202e}")));
        assert_eq!(fence("text", "a\n````\nb"), "`````text\na\n````\nb\n`````\n");
    }
}
