//! What the API server would say of a field, in words for whoever wrote it: the limit, what it is now, what to do.

use serde_json::Value;

use super::{Held, LIMIT, twice};
use crate::finding::Finding;
use crate::render::path;
use crate::render::tree::push_escaped;
use crate::source::Span;
use crate::validation::{FieldError, FieldProblem};

/// The most of a value that is repeated in a finding.
const SHOWN: usize = 60;

/// The fields of what is limited as a whole.
const DATA: [&str; 2] = ["data", "binaryData"];

/// The JSON pointer to what an error is about.
pub(super) fn place(held: &Held, error: &FieldError) -> String {
    pointer(held.body, error).0
}

/// The finding about one field of an object, at the line that decided it.
pub(super) fn finding(held: &Held, error: &FieldError) -> Finding {
    let (pointer, entry) = pointer(held.body, error);
    if let Some(finding) = said_twice(held, error, &pointer) {
        return finding;
    }
    let value = held.body.pointer(if error.field == "data" { "" } else { &pointer });
    let of = format!("{} `{}`", held.id.kind, held.id.name);
    let entry = entry.map_or_else(String::new, |key| format!("[{key}]"));
    let field = match error.field.as_str() {
        "" => format!("the {of}"),
        "metadata.name" => format!("the name of {of}"),
        field => format!("`{field}{entry}` of {of}"),
    };
    let (fact, help) = match (fact(error, value), error.field.as_str()) {
        ((fact, _), "metadata.name") => (fact, "call the app, or the part of its definition, otherwise".to_owned()),
        (told, _) => told,
    };
    let whole = error.problem == FieldProblem::TooLong && ["", "data"].contains(&error.field.as_str());
    let place = if whole { largest(held.body).unwrap_or(pointer) } else { pointer };
    let place = limiting(held, &place).unwrap_or(place);
    let finding = Finding::refused(LIMIT, format!("{field} {fact}"), held.span(&place));
    // What regular expressions say, words said already.
    let why = error.detail.split(" (e.g.").next().unwrap_or_default();
    let why = why.strip_prefix(error.field.as_str()).map_or(why, |rest| rest.trim_start_matches(" in body "));
    let finding = if why.is_empty() { finding } else { finding.why(why) };
    let finding = match beside(held, &place, &error.detail) {
        Some((name, span)) => finding.also(span, format!("`{name}` is said here")),
        None => finding,
    };
    finding.help(help)
}

/// The limit of a hatch that a request is over which no hatch wrote: whoever wrote it decided.
fn limiting(held: &Held, request: &str) -> Option<String> {
    let limit = request.replacen("/resources/requests/", "/resources/limits/", 1);
    (limit != request && held.by_hand.contains(&limit) && !held.by_hand.contains(request)).then_some(limit)
}

/// The field beside a value that the server names too, where another line decided it.
fn beside<'a>(held: &'a Held, pointer: &str, detail: &str) -> Option<(&'a str, Span)> {
    let (parent, own) = pointer.rsplit_once('/')?;
    let siblings = held.body.pointer(parent)?.as_object()?;
    let named = |name: &str| detail.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == name);
    let mut places = siblings.keys().filter(|name| *name != own && named(name)).map(|name| {
        let mut place = format!("{parent}/");
        push_escaped(&mut place, name);
        (name.as_str(), held.span(&place))
    });
    places.find(|(_, span)| *span != held.span(pointer))
}

/// What is the matter, after the name of the field, and the way out.
fn fact(error: &FieldError, value: Option<&Value>) -> (String, String) {
    let most = limit(&error.detail);
    match &error.problem {
        FieldProblem::TooMany(found) => {
            let fact = format!("holds {found}, and {} at most fit", most.unwrap_or_default());
            (fact, "leave some out, or divide them over several".to_owned())
        }
        FieldProblem::Invalid(_) | FieldProblem::TooLong if most.is_some() => {
            let unit = if error.detail.contains("characters") { "characters" } else { "bytes" };
            let printed = match &error.problem {
                FieldProblem::Invalid(printed) => serde_json::from_str::<Value>(printed).ok(),
                _ => None,
            };
            let (part, text) = match (printed.as_ref().and_then(Value::as_str), &error.detail) {
                (Some(text), detail) if detail.starts_with("name part") => {
                    ("has a name that ", text.rsplit('/').next().unwrap_or_default().into())
                }
                (Some(text), detail) if detail.starts_with("prefix part") => {
                    ("has a prefix that ", text.split('/').next().unwrap_or_default().into())
                }
                _ => ("", printed.or_else(|| value.cloned()).unwrap_or_default()),
            };
            let found = length(&text, unit);
            let fact = format!("{part}is {found} {unit} long, and {} at most fit", most.unwrap_or_default());
            (fact, "shorten it".to_owned())
        }
        FieldProblem::Required => ("is missing".to_owned(), "say it".to_owned()),
        FieldProblem::Forbidden => ("may not stand there".to_owned(), "leave it out".to_owned()),
        FieldProblem::NotFound(value) => {
            (format!("is {}, which is not there", shown(value)), "name one that is there".to_owned())
        }
        FieldProblem::Unsupported(value) => (format!("cannot be {}", shown(value)), "write one of those".to_owned()),
        FieldProblem::Type(value) => {
            (format!("cannot be of the type {}", shown(value)), "write a value of the type that is wanted".to_owned())
        }
        FieldProblem::Invalid(value) if value == "\"\"" || value == "null" => {
            ("does not fit".to_owned(), "leave it out, or say it otherwise".to_owned())
        }
        FieldProblem::Invalid(value) | FieldProblem::Duplicate(value) => {
            (format!("cannot be {}", shown(value)), "write a value that fits".to_owned())
        }
        FieldProblem::TooLong => ("is too long".to_owned(), "shorten it".to_owned()),
        FieldProblem::Unprinted => ("does not fit".to_owned(), "write a value that fits".to_owned()),
    }
}

/// The number in `must be no more than 63 bytes`, `may not be more than 512 bytes`, `must have at most 16 items`.
fn limit(detail: &str) -> Option<u64> {
    let words = ["more than ", "at most "].iter().find_map(|words| detail.split_once(words))?;
    words.1.split(' ').next()?.parse().ok()
}

/// How long a value is as that limit counts it: a text by itself, annotations with their keys, of data the values.
fn length(value: &Value, unit: &str) -> usize {
    let text = |value: &Value| {
        value.as_str().map_or(0, |text| if unit == "characters" { text.chars().count() } else { text.len() })
    };
    match value {
        Value::Object(entries) if entries.contains_key("apiVersion") => {
            let data = DATA.iter().filter_map(|name| entries.get(*name)?.as_object());
            data.flat_map(|data| data.values()).map(text).sum()
        }
        Value::Object(entries) => entries.iter().map(|(key, value)| key.len() + text(value)).sum(),
        value => text(value),
    }
}

/// The entry of the object's data that takes most room.
fn largest(body: &Value) -> Option<String> {
    let entries = |name: &&'static str| {
        let name = *name;
        let entries = body[name].as_object().into_iter().flatten();
        entries.map(move |(key, value)| (value.as_str().map_or(0, str::len), name, key))
    };
    let (_, name, key) = DATA.iter().flat_map(entries).max()?;
    let mut pointer = format!("/{name}/");
    push_escaped(&mut pointer, key);
    Some(pointer)
}

fn shown(value: &str) -> String {
    let value = value.trim_matches('"');
    let end = value.char_indices().nth(SHOWN).map_or(value.len(), |(at, _)| at);
    let rest = if end < value.len() { "…" } else { "" };
    format!("`{}{rest}`", &value[..end])
}

/// Where the value of an error stands: the field, and in a map the entry whose key or value it is about, with its key.
fn pointer<'a>(body: &'a Value, error: &FieldError) -> (String, Option<&'a str>) {
    // The server leaves the metadata of templates out.
    let field = error.field.replace("template.labels", "template.metadata.labels");
    let field = field.replace("template.annotations", "template.metadata.annotations");
    let (mut pointer, _) = path::pointer(body, &field);
    let (Some(Value::Object(entries)), FieldProblem::Invalid(about) | FieldProblem::Unsupported(about)) =
        (body.pointer(&pointer), &error.problem)
    else {
        return (pointer, None);
    };
    // Values are printed as JSON.
    let about: Value = serde_json::from_str(about).unwrap_or_default();
    let meant = entries.iter().find(|(key, value)| about == key.as_str() || (!value.is_object() && **value == about));
    if let Some((key, _)) = meant {
        pointer.push('/');
        push_escaped(&mut pointer, key);
    }
    (pointer, meant.map(|(key, _)| key.as_str()))
}

/// The finding about an item whose field may stand once in its list, with the place of the other.
fn said_twice(held: &Held, error: &FieldError, pointer: &str) -> Option<Finding> {
    if !matches!(error.problem, FieldProblem::Duplicate(_)) && error.detail != "must be unique" {
        return None;
    }
    let value = held.body.pointer(pointer)?;
    let (before, below) = (0..pointer.len()).rev().find_map(|end| {
        let (list, rest) = pointer[..end].rsplit_once('/').zip(Some(&pointer[end..]))?;
        let index: usize = list.1.parse().ok()?;
        (rest.is_empty() || rest.starts_with('/')).then_some(((list.0, index), rest))
    })?;
    let (list, second) = before;
    let first = (0..second).find(|at| held.body.pointer(&format!("{list}/{at}{below}")) == Some(value))?;
    let key = below.trim_start_matches('/');
    let keys = if key.is_empty() { String::new() } else { format!("`{key}`") };
    let name = list.rsplit('/').next().unwrap_or_default();
    let item = shown(&value.to_string());
    let places = (format!("{list}/{first}{below}"), format!("{list}/{second}{below}"));
    Some(twice::finding(held, item.trim_matches('`'), name, &keys, (&places.0, &places.1)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::render::{ObjectId, Origins};
    use crate::source::FileId;

    #[test]
    fn what_is_too_long_is_measured_by_itself() {
        let long = "a".repeat(64);
        let body = json!({"apiVersion": "v1", "metadata": {"labels": {format!("example.org/{long}"): "b", "c": long}}, "data": {"k": "text"}});
        let id =
            ObjectId { api_version: "v1".into(), kind: "ConfigMap".into(), namespace: "o".into(), name: "n".into() };
        let owner = Span::new(FileId(0), 0..1);
        let by_hand = std::collections::BTreeSet::new();
        let held = Held { id: &id, body: &body, origins: &Origins::default(), by_hand: &by_hand, owner };
        let titles = |error: FieldError| finding(&held, &error).title;
        let labels = "metadata.labels";
        let key = json!(format!("example.org/{long}"));
        assert_eq!(
            titles(FieldError::invalid(labels, &key, "name part must be no more than 63 bytes")),
            format!(
                "`{labels}[example.org/{long}]` of ConfigMap `n` has a name that is 64 bytes long, and 63 at most fit"
            )
        );
        assert_eq!(
            titles(FieldError::invalid(labels, &json!(long), "must be no more than 63 bytes")),
            format!("`{labels}[c]` of ConfigMap `n` is 64 bytes long, and 63 at most fit")
        );
        assert_eq!(
            titles(FieldError::new("", FieldProblem::TooLong, "may not be more than 3 bytes")),
            "the ConfigMap `n` is 4 bytes long, and 3 at most fit"
        );
    }
}
