//! Texts as the server's library writes them: JSON in `fieldsV1`, words, types and values in messages.

use serde_json::Value;

/// JSON as the server's library writes it.
pub(super) fn json_text(value: &Value) -> String {
    let mut out = String::new();
    write_json(&mut out, value);
    out
}

/// Writes JSON as the server's library does: `<`, `>`, `&`, U+2028 and U+2029 are escaped, whole floats lose their `.0`.
pub(super) fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => write_string(out, text),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (None, None, Some(float)) if float.fract() == 0.0 && float.abs() < 1e15 => {
                let whole = format!("{float:.0}");
                out.push_str(&whole);
            }
            _ => out.push_str(&number.to_string()),
        },
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_json(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (position, (name, item)) in map.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_string(out, name);
                out.push(':');
                write_json(out, item);
            }
            out.push('}');
        }
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
    }
}

/// Writes a JSON text with its quotes.
pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => push_hex(out, "\\u", 4, c),
            c => match short_escape(c) {
                Some(escape) => out.push_str(escape),
                None if u32::from(c) < 0x20 => push_hex(out, "\\u", 4, c),
                None => out.push(c),
            },
        }
    }
    out.push('"');
}

/// Quotes as Go's `%q`: quotes, backslashes and what cannot be printed are escaped, the rest stays.
pub(super) fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c => match short_escape(c) {
                Some(escape) => out.push_str(escape),
                None if u32::from(c) < 0x20 || u32::from(c) == 0x7f => push_hex(&mut out, "\\x", 2, c),
                None => out.push(c),
            },
        }
    }
    out.push('"');
    out
}

/// Go's name of a JSON value's type (`%T`).
pub(super) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// Go's syntax for a JSON value (`%#v`).
pub(super) fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::String(text) => go_quote(text),
        Value::Array(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(go_syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let fields: Vec<String> =
                map.iter().map(|(name, v)| format!("{}:{}", go_quote(name), go_syntax(v))).collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// Go's plain print of a pointer to a value (`%v`).
pub(super) fn go_pointer(value: &Value) -> String {
    format!("&{{{}}}", go_plain(value))
}

fn go_plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_plain).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let fields: Vec<String> = map.iter().map(|(name, v)| format!("{name}:{}", go_plain(v))).collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_string(),
    }
}

/// The escapes that JSON and `%q` share.
fn short_escape(c: char) -> Option<&'static str> {
    Some(match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => return None,
    })
}

/// Writes a character as an escape with so many hexadecimal digits.
fn push_hex(out: &mut String, prefix: &str, digits: usize, c: char) {
    out.push_str(prefix);
    for position in (0..digits).rev() {
        let digit = (u32::from(c) >> (4 * position)) & 0xf;
        out.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_written_as_by_the_servers_library() {
        assert_eq!(json_text(&json!({"a<b": "c&\u{1}\n", "n": 2.0})), r#"{"a\u003cb":"c\u0026\u0001\n","n":2}"#);
    }

    #[test]
    fn words_are_quoted_as_by_go() {
        assert_eq!(go_quote("a\"\\\t\u{7}\u{1}\u{7f}é<"), r#""a\"\\\t\a\x01\x7fé<""#);
    }
}
