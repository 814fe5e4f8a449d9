//! Files of a container: their text in the format they say, with data escaped for it and secrets left as places.

use crate::expression::{Expression, Piece, SecretRef, Template, Value, work_of_text, work_of_value};
use crate::model::definition::{Data, File, FileContent, FileFormat};
use crate::source::Span;

use super::scope::{AppScope, TextPart};
use super::{Escape, SecretPiece};

mod ini;
mod plain;

/// The text of a file in pieces; neighbouring text is joined.
pub(super) fn pieces(scope: &AppScope, file: &File) -> Vec<SecretPiece> {
    let mut out = Out::default();
    match &file.content {
        FileContent::Text(template) => out.parts(scope.parts(template), Escape::None, str::to_owned),
        FileContent::Data(data) => {
            let datum = datum(scope, data, file.span).unwrap_or(Datum::Map(Vec::new()));
            match file.format {
                FileFormat::Json => json(&mut out, &datum, 0),
                FileFormat::Yaml => yaml(&mut out, &datum, 0),
                FileFormat::Ini => ini::file(&mut out, &datum),
                FileFormat::Text => plain::lines(&mut out, &datum),
            }
            out.text("\n");
        }
    }
    out.pieces
}

/// The line that decided a file: that of the nearest setting it reads, otherwise its own.
pub(super) fn origin(scope: &AppScope, file: &File) -> Span {
    let mut holes = Vec::new();
    match &file.content {
        FileContent::Text(template) => holes_of(template, &mut holes),
        FileContent::Data(data) => holes_of_data(data, &mut holes),
    }
    scope.origin_of(holes.into_iter()).unwrap_or(file.span)
}

fn holes_of<'a>(template: &'a Template, holes: &mut Vec<&'a Expression>) {
    holes.extend(template.pieces.iter().filter_map(|piece| match piece {
        Piece::Hole(hole) => Some(hole),
        Piece::Literal(_) => None,
    }));
}

fn holes_of_data<'a>(data: &'a Data, holes: &mut Vec<&'a Expression>) {
    match data {
        Data::Leaf(template) => holes_of(template, holes),
        Data::Literal(_) => {}
        Data::List(items) => items.iter().for_each(|item| holes_of_data(item, holes)),
        Data::Map(entries) => entries.iter().for_each(|(_, value)| holes_of_data(value, holes)),
        Data::Guarded(guarded) => {
            holes.extend(guarded.when.iter().chain(guarded.each.iter().map(|(_, list)| list)));
            holes_of_data(&guarded.item, holes);
        }
    }
}

/// Evaluated data: what is absent is gone.
enum Datum {
    Scalar(serde_json::Value),
    Text(Vec<TextPart>),
    List(Vec<Datum>),
    Map(Vec<(String, Datum)>),
}

fn datum(scope: &AppScope, data: &Data, file: Span) -> Option<Datum> {
    match data {
        Data::Leaf(template) => leaf(scope, template),
        Data::Literal(value) => scope.spend(work_of_value(value), file).then(|| scalar(value))?,
        Data::List(items) => Some(Datum::List(items.iter().flat_map(|item| data_of(scope, item, file)).collect())),
        Data::Guarded(_) => data_of(scope, data, file).into_iter().next(),
        Data::Map(entries) => {
            let kept = entries.iter().filter_map(|(key, value)| {
                scope.spend(work_of_text(key.len()), file).then(|| Some((key.clone(), datum(scope, value, file)?)))?
            });
            Some(Datum::Map(kept.collect()))
        }
    }
}

/// One element of a list, or as many as its guards say.
fn data_of(scope: &AppScope, data: &Data, file: Span) -> Vec<Datum> {
    match data {
        Data::Guarded(guarded) => {
            scope.guarded(guarded).iter().filter_map(|scope| datum(scope, &guarded.item, file)).collect()
        }
        other => datum(scope, other, file).into_iter().collect(),
    }
}

/// A hole that is the whole string keeps its type.
fn leaf(scope: &AppScope, template: &Template) -> Option<Datum> {
    match template.as_hole().map(|hole| scope.evaluate(hole)) {
        Some(Value::Text(_) | Value::Secret(_)) | None => Some(Datum::Text(scope.parts(template))),
        Some(value) => scalar(&value),
    }
}

fn scalar(value: &Value) -> Option<Datum> {
    match value {
        Value::Absent | Value::Secret(_) => None,
        Value::List(items) => Some(Datum::List(items.iter().filter_map(scalar).collect())),
        Value::Map(entries) => {
            let kept = entries.iter().filter_map(|(key, value)| Some((key.clone(), scalar(value)?)));
            Some(Datum::Map(kept.collect()))
        }
        other => Some(Datum::Scalar(other.to_json())),
    }
}

/// The text so far.
#[derive(Default)]
struct Out {
    pieces: Vec<SecretPiece>,
}

impl Out {
    fn text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            _ if text.is_empty() => {}
            Some(SecretPiece::Text(last)) => last.push_str(text),
            _ => self.pieces.push(SecretPiece::Text(text.to_owned())),
        }
    }

    fn secret(&mut self, from: SecretRef, escape: Escape) {
        self.pieces.push(SecretPiece::Secret { from, escape });
    }

    fn parts(&mut self, parts: Vec<TextPart>, escape: Escape, escaped: impl Fn(&str) -> String) {
        for part in parts {
            match part {
                TextPart::Own(text) | TextPart::Garden(text) => self.text(&escaped(&text)),
                TextPart::Secret(from) => self.secret(from, escape),
            }
        }
    }

    /// A double-quoted string, as JSON and YAML share it.
    fn quoted(&mut self, parts: &[TextPart]) {
        self.text("\"");
        for part in parts {
            match part {
                TextPart::Own(text) | TextPart::Garden(text) => self.text(&inside_quotes(text)),
                TextPart::Secret(from) => self.secret(from.clone(), Escape::Json),
            }
        }
        self.text("\"");
    }

    fn indent(&mut self, depth: usize) {
        self.text("\n");
        self.text(&"  ".repeat(depth));
    }
}

/// A text escaped for the inside of a JSON string; also what YAML reads in double quotes.
fn inside_quotes(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    // YAML ends lines at these, JSON does not.
    quoted[1..quoted.len() - 1]
        .replace('\u{85}', "\\u0085")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

fn json(out: &mut Out, datum: &Datum, depth: usize) {
    match datum {
        Datum::Scalar(value) => out.text(&value.to_string()),
        Datum::Text(parts) => out.quoted(parts),
        Datum::List(items) => {
            out.text("[");
            for (at, item) in items.iter().enumerate() {
                out.text(if at == 0 { "" } else { "," });
                out.indent(depth + 1);
                json(out, item, depth + 1);
            }
            if !items.is_empty() {
                out.indent(depth);
            }
            out.text("]");
        }
        Datum::Map(entries) => {
            out.text("{");
            for (at, (key, value)) in entries.iter().enumerate() {
                out.text(if at == 0 { "" } else { "," });
                out.indent(depth + 1);
                out.text(&format!("\"{}\": ", inside_quotes(key)));
                json(out, value, depth + 1);
            }
            if !entries.is_empty() {
                out.indent(depth);
            }
            out.text("}");
        }
    }
}

/// Block style; every text in double quotes, so that `no`, `1.10` and `12:30` stay texts.
fn yaml(out: &mut Out, datum: &Datum, depth: usize) {
    match datum {
        Datum::Scalar(value) => out.text(&value.to_string()),
        Datum::Text(parts) => out.quoted(parts),
        Datum::List(items) if items.is_empty() => out.text("[]"),
        Datum::Map(entries) if entries.is_empty() => out.text("{}"),
        Datum::List(items) => {
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.indent(depth);
                }
                out.text("- ");
                yaml(out, item, depth + 1);
            }
        }
        Datum::Map(entries) => {
            for (at, (key, value)) in entries.iter().enumerate() {
                if at > 0 {
                    out.indent(depth);
                }
                out.text(&yaml_key(key));
                out.text(":");
                let nested = match value {
                    Datum::List(items) => !items.is_empty(),
                    Datum::Map(entries) => !entries.is_empty(),
                    Datum::Scalar(_) | Datum::Text(_) => false,
                };
                if nested {
                    out.indent(depth + 1);
                } else {
                    out.text(" ");
                }
                yaml(out, value, depth + 1);
            }
        }
    }
}

/// A key as it is where no reader can take it for anything but text, otherwise quoted.
fn yaml_key(key: &str) -> String {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = key.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && key.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./".contains(letter))
        && !words.contains(&key.to_ascii_lowercase().as_str());
    if plain { key.to_owned() } else { format!("\"{}\"", inside_quotes(key)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Datum {
        Datum::Text(vec![TextPart::Garden(value.into())])
    }

    fn shown(write: impl Fn(&mut Out)) -> String {
        let mut out = Out::default();
        write(&mut out);
        let piece = |piece: SecretPiece| match piece {
            SecretPiece::Text(text) => text,
            SecretPiece::Secret { from, escape } => format!("<{} {escape:?}>", from.key),
        };
        out.pieces.into_iter().map(piece).collect()
    }

    fn sample() -> Datum {
        let secret = SecretRef { secret: "cloud-db".into(), key: "password".into() };
        Datum::Map(vec![
            ("title".into(), text("a \"b\"\nc: no")),
            ("no".into(), Datum::Scalar(true.into())),
            (
                "database".into(),
                Datum::Map(vec![
                    ("port".into(), Datum::Scalar(5432.into())),
                    ("password".into(), Datum::Text(vec![TextPart::Own("x".into()), TextPart::Secret(secret)])),
                ]),
            ),
            ("hosts".into(), Datum::List(vec![text("a.example"), text("b.example")])),
            ("empty".into(), Datum::List(Vec::new())),
        ])
    }

    #[test]
    fn yaml_quotes_every_text_and_leaves_places_for_secrets() {
        let shown = shown(|out| yaml(out, &sample(), 0));
        assert_eq!(
            shown,
            "title: \"a \\\"b\\\"\\nc: no\"\n\"no\": true\ndatabase:\n  port: 5432\n  password: \"x<password Json>\"\n\
             hosts:\n  - \"a.example\"\n  - \"b.example\"\nempty: []"
        );
    }

    #[test]
    fn json_is_json() {
        let shown = shown(|out| json(out, &sample(), 0));
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read["title"], "a \"b\"\nc: no");
        assert_eq!(read["database"]["password"], "x<password Json>");
    }

    #[test]
    fn ini_has_sections_last_and_no_line_breaks_in_values() {
        let shown = shown(|out| ini::file(out, &sample()));
        assert_eq!(
            shown,
            "title = \"a \\\"b\\\"\\nc: no\"\nno = true\nhosts = a.example, b.example\nempty = \n[database]\n\
             port = 5432\npassword = \"x<password Ini>\""
        );
    }
}
