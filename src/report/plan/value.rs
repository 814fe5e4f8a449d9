//! Values in a plan: on one line where they fit, as a difference where a text has several lines or a list moves.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::elements;
use crate::plan::{FieldChange, Shown};
use crate::visible;

/// The most characters of a value on one line.
pub(super) const WIDEST: usize = 100;

/// How many characters around a difference are shown of a long text.
const AROUND: usize = 24;

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Removed(String),
    Added(String),
    /// A part of a list's item: its path inside the list, what it was and what it will be.
    Changed(String, String, String),
    /// What stays, around the others.
    Around(String),
    /// Lines that stay and are left out.
    Gap,
}

/// A value on one line; `path` is the field's, so that what it names is not said twice.
pub(super) fn line(path: &str, shown: Option<&Shown>) -> String {
    match shown {
        None => "(none)".to_owned(),
        Some(Shown::Secret) => "(secret)".to_owned(),
        Some(Shown::Others) => "(somebody else's)".to_owned(),
        Some(Shown::Value(value)) => short(&flow(&without_keys(path, value))),
        Some(Shown::Part { value: Value::Array(items), others }) if items.is_empty() => of_others(*others),
        Some(Shown::Part { value, others }) => {
            format!("{} and {}", short(&flow(&without_keys(path, value))), of_others(*others))
        }
    }
}

/// So many parts that are not ours.
fn of_others(count: usize) -> String {
    format!("{count} of others")
}

/// Both values on one line each; of long texts the part that differs.
pub(super) fn pair(path: &str, before: Option<&Shown>, after: Option<&Shown>) -> (String, String) {
    if let (Some(Shown::Value(before)), Some(Shown::Value(after))) = (before, after) {
        return differing(&flow(before), &flow(after));
    }
    (line(path, before), line(path, after))
}

/// Two texts, cut to where they differ when one is too long for a line.
pub(super) fn differing(before: &str, after: &str) -> (String, String) {
    if before.chars().count().max(after.chars().count()) <= WIDEST {
        return (before.to_owned(), after.to_owned());
    }
    let (one, other): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    let start = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let most = one.len().min(other.len()) - start;
    let end = one.iter().rev().zip(other.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let cut = |text: &[char]| {
        let (from, to) = (start.saturating_sub(AROUND), (text.len() - end + AROUND).min(text.len()));
        let middle: String = text[from..to].iter().collect();
        let (lead, tail) = (if from > 0 { "…" } else { "" }, if to < text.len() { "…" } else { "" });
        format!("{lead}{}{tail}", short(&middle))
    };
    (cut(&one), cut(&other))
}

/// A value as KDL and YAML have it in common: `{port: 80, protocol: TCP}`.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::String(text) if is_word(text) => visible::line(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", visible::line(key), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => visible::line(&other.to_string()),
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

pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    let head: String = text.chars().take(WIDEST - 1).collect();
    format!("{head}…")
}

/// The keys and values that the last brackets of a path name: `name=A` of `env[name=A]`.
fn keys(path: &str) -> Vec<(&str, &str)> {
    let Some((_, keys)) = path.strip_suffix(']').and_then(|path| path.rsplit_once('[')) else { return Vec::new() };
    keys.split(',').filter_map(|pair| pair.split_once('=')).collect()
}

/// An item of a list without the keys that its path names; of a variable its value alone.
fn without_keys(path: &str, value: &Value) -> Value {
    let keys = keys(path);
    let Value::Object(map) = value else { return value.clone() };
    let mut rest = map.clone();
    rest.retain(|name, _| !keys.iter().any(|(key, _)| key == name));
    match (rest.len(), rest.get("value")) {
        (0, _) => value.clone(),
        (1, Some(only)) if !keys.is_empty() => only.clone(),
        _ => Value::Object(rest),
    }
}

/// The changes worth a line: that a new item has the key by which its path names it goes without saying.
pub(super) fn told(changes: &[FieldChange]) -> impl Iterator<Item = &FieldChange> {
    // Of what is somebody else's before and after nothing can be told but that it moves with the rest.
    let is_of_others =
        |change: &FieldChange| matches!((&change.before, &change.after), (Some(Shown::Others), Some(Shown::Others)));
    changes.iter().filter(move |change| !is_of_others(change)).filter(|change| {
        let Some((item, key)) = change.path.rsplit_once("].") else { return true };
        let item = format!("{item}]");
        let is_key = keys(&item).iter().any(|(name, _)| *name == key);
        let more = || changes.iter().any(|other| other.path != change.path && other.path.starts_with(&item));
        change.before.is_some() || !is_key || !more()
    })
}

/// The lines that differ between two texts of several lines or between two lists; `None` where the values are told on one.
pub(super) fn lines(before: Option<&Shown>, after: Option<&Shown>) -> Option<Vec<Line>> {
    if let (Some(before), Some(after)) = (text(before), text(after)) {
        return (before.contains('\n') || after.contains('\n')).then(|| of_texts(before, after));
    }
    let is_long = |items: &[Value]| items.iter().map(flow).map(|text| text.chars().count() + 2).sum::<usize>() > WIDEST;
    let (others, kept) = (others(before), others(after));
    match (list(before)?, list(after)?) {
        ([], items) | (items, []) if others + kept == 0 && !is_long(items) => None,
        (before, after) => {
            let mut lines = elements::lines(before, after);
            // What stays as it is says in which list the others are.
            if lines.is_empty() {
                lines.extend(after.iter().map(|item| Line::Around(short(&flow(item)))));
            }
            // Whose they are is all that is known of them.
            let stay = others.min(kept);
            lines.extend((stay > 0).then(|| Line::Around(of_others(stay))));
            lines.extend((others > stay).then(|| Line::Removed(of_others(others - stay))));
            lines.extend((kept > stay).then(|| Line::Added(of_others(kept - stay))));
            Some(lines)
        }
    }
}

/// How many parts of a value are not ours.
fn others(shown: Option<&Shown>) -> usize {
    match shown {
        Some(Shown::Part { others, .. }) => *others,
        Some(Shown::Value(_) | Shown::Secret | Shown::Others) | None => 0,
    }
}

fn of_texts(before: &str, after: &str) -> Vec<Line> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (group, operations) in diff.grouped_ops(2).iter().enumerate() {
        if group > 0 {
            lines.push(Line::Gap);
        }
        for change in operations.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let text = visible::line(change.value().trim_end_matches(['\n', '\r']));
            lines.push(match change.tag() {
                ChangeTag::Delete => Line::Removed(text),
                ChangeTag::Insert => Line::Added(text),
                ChangeTag::Equal => Line::Around(text),
            });
        }
    }
    lines
}

/// The items of a list; none of what is not there.
fn list(shown: Option<&Shown>) -> Option<&[Value]> {
    match shown {
        None => Some(&[]),
        Some(Shown::Value(Value::Array(items)) | Shown::Part { value: Value::Array(items), .. }) => Some(items),
        Some(Shown::Value(_) | Shown::Part { .. } | Shown::Secret | Shown::Others) => None,
    }
}

fn text(shown: Option<&Shown>) -> Option<&str> {
    match shown {
        None => Some(""),
        Some(Shown::Value(Value::String(text))) => Some(text),
        Some(Shown::Value(_) | Shown::Part { .. } | Shown::Secret | Shown::Others) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_two_long_texts_the_part_that_differs_is_shown() {
        let (one, other) =
            (format!("{}A{}", "x".repeat(200), "y".repeat(200)), format!("{}B{}", "x".repeat(200), "y".repeat(200)));
        let (before, after) = differing(&one, &other);
        assert!(before.contains("xAy") && after.contains("xBy"), "{before} {after}");
        assert!(before.starts_with('…') && before.ends_with('…') && before.chars().count() < 60, "{before}");
    }

    #[test]
    fn an_item_does_not_repeat_the_key_that_its_path_names() {
        let shown = |value: Value| Some(Shown::Value(value));
        let path = "spec.env[name=A]";
        assert_eq!(line(path, shown(json!({"name": "A", "value": "1 2"})).as_ref()), "\"1 2\"");
        let reference = json!({"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}});
        assert_eq!(line(path, shown(reference).as_ref()), "{valueFrom: {secretKeyRef: {key: k, name: s}}}");
        assert_eq!(line(path, shown(json!({"name": "A"})).as_ref()), "{name: A}");
    }
}
