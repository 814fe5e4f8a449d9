//! INI: a key a line, sections in brackets; what stands in a value begins no line, key or section of its own.

use super::{Datum, Out, plain};
use crate::render::Escape;
use crate::render::scope::TextPart;

/// Keys without a section first, then a section for each map.
pub(super) fn file(out: &mut Out, datum: &Datum) {
    let Datum::Map(entries) = datum else { return plain::lines(out, datum) };
    let (sections, keys): (Vec<_>, Vec<_>) = entries.iter().partition(|(_, value)| matches!(value, Datum::Map(_)));
    let mut lines = Lines { out, first: true };
    for (key, value) in keys {
        lines.entry(key, value);
    }
    for (name, section) in sections {
        let Datum::Map(entries) = section else { continue };
        lines.next();
        lines.out.text(&format!("[{}]", kept(name, &['[', ']'])));
        for (key, value) in entries {
            lines.entry(key, value);
        }
    }
}

struct Lines<'a> {
    out: &'a mut Out,
    first: bool,
}

impl Lines<'_> {
    fn next(&mut self) {
        if !self.first {
            self.out.text("\n");
        }
        self.first = false;
    }

    fn entry(&mut self, key: &str, value: &Datum) {
        let key = kept(key, &['=']);
        // What begins like a section or a comment would be one.
        let key = key.trim_start_matches(['[', ';', '#', '!', ' ']).trim_end();
        if key.is_empty() {
            return;
        }
        self.next();
        self.out.text(&format!("{key} = "));
        match value {
            Datum::List(items) => self.list(items, &mut true),
            // A section in a section has no spelling.
            Datum::Map(_) => {}
            scalar => self.scalar(scalar, &[]),
        }
    }

    /// The items of a list, those of lists inside of it among them, between commas: none brings a comma of its own.
    fn list(&mut self, items: &[Datum], first: &mut bool) {
        for item in items {
            match item {
                Datum::List(inner) => self.list(inner, first),
                Datum::Map(_) => {}
                scalar => {
                    self.out.text(if *first { "" } else { ", " });
                    *first = false;
                    self.scalar(scalar, &[',']);
                }
            }
        }
    }

    /// A value; with these letters in it, it is quoted.
    fn scalar(&mut self, value: &Datum, quoted: &[char]) {
        match value {
            Datum::Scalar(serde_json::Value::String(text)) => self.out.text(&value_text(text, quoted)),
            Datum::Scalar(value) => self.out.text(&value.to_string()),
            Datum::Text(parts) => self.value(parts, quoted),
            Datum::List(_) | Datum::Map(_) => {}
        }
    }

    fn value(&mut self, parts: &[TextPart], quoted: &[char]) {
        if let [TextPart::Own(text) | TextPart::Garden(text)] = parts {
            return self.out.text(&value_text(text, quoted));
        }
        self.out.text("\"");
        for part in parts {
            match part {
                TextPart::Own(text) | TextPart::Garden(text) => self.out.text(&inside_quotes(text)),
                TextPart::Secret(from) => self.out.secret(from.clone(), Escape::Ini),
            }
        }
        self.out.text("\"");
    }
}

/// A key or the name of a section without letters that would end it.
fn kept(name: &str, ends: &[char]) -> String {
    name.chars().filter(|letter| !letter.is_control() && !ends.contains(letter)).collect()
}

/// As it is where no reader stumbles, otherwise quoted.
fn value_text(text: &str, quoted: &[char]) -> String {
    let plain = |letter: char| !quoted.contains(&letter) && (letter.is_alphanumeric() || "_-./:@%+, ".contains(letter));
    if !text.is_empty() && text.trim() == text && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("\"{}\"", inside_quotes(text))
    }
}

fn inside_quotes(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
    // Others end lines for some readers.
    text.replace(|letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}'), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Datum {
        Datum::Text(vec![TextPart::Garden(value.into())])
    }

    fn shown(datum: &Datum) -> String {
        let mut out = Out::default();
        file(&mut out, datum);
        let piece = |piece: &crate::render::SecretPiece| match piece {
            crate::render::SecretPiece::Text(text) => text.clone(),
            crate::render::SecretPiece::Secret { from, escape } => format!("<{} {escape:?}>", from.key),
        };
        out.pieces.iter().map(piece).collect()
    }

    const HOSTILE: &[&str] = &[
        "a\nevil = 1",
        "a\r\n[evil]",
        "a; evil = 1",
        "[evil]",
        "a = b",
        "a\u{85}evil = 1",
        "a\u{2028}[evil]",
        "a\u{0b}evil",
        "a\" ; evil",
        "a\\",
        "a, evil",
        "",
    ];

    #[test]
    fn no_value_begins_a_line_a_key_or_a_section_wherever_it_stands() {
        for hostile in HOSTILE {
            let literal = || Datum::Scalar((*hostile).into());
            let entries = vec![
                ("one".to_owned(), text(hostile)),
                ("list".to_owned(), Datum::List(vec![text("good"), text(hostile), literal()])),
                ("inner".to_owned(), Datum::List(vec![Datum::List(vec![literal()])])),
            ];
            let shown = shown(&Datum::Map(entries));
            let lines: Vec<&str> = shown.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{0b}']).collect();
            assert_eq!(lines.len(), 3, "{hostile:?}: {shown}");
            for (line, key) in lines.iter().zip(["one", "list", "inner"]) {
                let value = line.strip_prefix(key).and_then(|rest| rest.strip_prefix(" = ")).expect(line);
                assert_eq!(outside_quotes(value).find(['=', ';', '[', '#']), None, "{hostile:?}: {line}");
            }
            let items = outside_quotes(lines[1]).matches(", ").count();
            assert_eq!(items, 2, "{hostile:?}: {}", lines[1]);
        }
    }

    /// A value without what stands between quotes.
    fn outside_quotes(value: &str) -> String {
        let (mut outside, mut quoted, mut escaped) = (String::new(), false, false);
        for letter in value.chars() {
            match letter {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                other if !quoted => outside.push(other),
                _ => {}
            }
        }
        assert!(!quoted && !escaped, "{value}");
        outside
    }

    #[test]
    fn no_key_begins_a_section_or_a_comment() {
        for key in ["[evil]", "; evil", "# evil", "evil = 1; x", "a\n[evil]", "\n", " [evil"] {
            let shown = shown(&Datum::Map(vec![(key.to_owned(), text("x"))]));
            assert!(!shown.starts_with(['[', ';', '#']) && !shown.contains('\n'), "{key:?}: {shown}");
            assert!(shown.is_empty() || shown.matches('=').count() == 1, "{key:?}: {shown}");
        }
    }
}
