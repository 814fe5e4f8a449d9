//! Data in a file without a format: its texts, one a line, and of a map `KEY=VALUE`.

use super::{Datum, Out};
use crate::render::Escape;
use crate::render::scope::TextPart;

pub(super) fn lines(out: &mut Out, datum: &Datum) {
    match datum {
        Datum::List(items) => {
            for item in items {
                lines(out, item);
                out.text("\n");
            }
        }
        Datum::Map(entries) => {
            for (key, value) in entries {
                out.text(&format!("{}=", one_line(key).replace('=', "")));
                lines(out, value);
                out.text("\n");
            }
        }
        Datum::Scalar(serde_json::Value::String(text)) => out.text(&one_line(text)),
        Datum::Scalar(value) => out.text(&value.to_string()),
        Datum::Text(parts) => {
            for part in parts {
                match part {
                    TextPart::Own(text) | TextPart::Garden(text) => out.text(&one_line(text)),
                    TextPart::Secret(from) => out.secret(from.clone(), Escape::None),
                }
            }
        }
    }
}

/// A text that begins no line of its own.
fn one_line(text: &str) -> String {
    text.replace(|letter: char| letter.is_control() && letter != '\t' || matches!(letter, '\u{2028}' | '\u{2029}'), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_a_line_of_its_own() {
        let text = |text: &str| Datum::Text(vec![TextPart::Garden(text.into())]);
        let entries =
            [("A", text("1\nEVIL=1")), ("B\nEVIL", text("2\r\n3")), ("C=D", Datum::Scalar("x\u{85}y".into()))];
        let mut out = Out::default();
        lines(&mut out, &Datum::Map(entries.map(|(key, value)| (key.to_owned(), value)).into()));
        let [crate::render::SecretPiece::Text(shown)] = &out.pieces[..] else { panic!("{:?}", out.pieces) };
        assert_eq!(shown, "A=1 EVIL=1\nB EVIL=2  3\nCD=x y\n");
    }
}
