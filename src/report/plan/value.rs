//! Values in a plan: on one line where they fit, as a difference of lines where they have several.

use serde_json::Value;
use similar::TextDiff;

use crate::plan::Shown;

/// The most characters of a value on one line.
const WIDEST: usize = 100;

/// A value on one line.
pub(super) fn line(shown: Option<&Shown>) -> String {
    match shown {
        None => "(none)".to_owned(),
        Some(Shown::Secret) => "(secret)".to_owned(),
        Some(Shown::Value(value)) => short(&scalar(value)),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_word(text) => super::words::plain(text),
        other => super::words::plain(&other.to_string()),
    }
}

/// Whether a text reads as one without quotes around it.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(char::is_whitespace)
        && text.parse::<f64>().is_err()
        && !matches!(text, "true" | "false" | "null")
        && !text.starts_with(['"', '{', '[', '('])
}

fn short(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    let head: String = text.chars().take(WIDEST - 1).collect();
    format!("{head}…")
}

/// The lines that differ between two texts of several lines, with `-`, `+` and two lines around; `None` where neither has
/// several lines.
pub(super) fn lines(before: Option<&Shown>, after: Option<&Shown>) -> Option<Vec<String>> {
    let (before, after) = (text(before)?, text(after)?);
    if !before.contains('\n') && !after.contains('\n') {
        return None;
    }
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (group, operations) in diff.grouped_ops(2).iter().enumerate() {
        if group > 0 {
            lines.push("…".to_owned());
        }
        for operation in operations {
            for change in diff.iter_changes(operation) {
                let text = change.value().trim_end_matches(['\n', '\r']);
                lines.push(format!("{} {}", change.tag(), super::words::plain(text)));
            }
        }
    }
    Some(lines)
}

fn text(shown: Option<&Shown>) -> Option<&str> {
    match shown {
        None => Some(""),
        Some(Shown::Value(Value::String(text))) => Some(text),
        Some(Shown::Value(_) | Shown::Secret) => None,
    }
}
