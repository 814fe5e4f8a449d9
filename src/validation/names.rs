//! Names, labels and the rest of metadata.

use std::borrow::Cow;
use std::fmt::Display;

use serde_json::{Value, json};

use super::{Errors, FieldError, FieldProblem, Subject, text};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const OLD_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const QUALIFIED: &str = "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";

fn too_long(limit: usize) -> String {
    format!("must be no more than {limit} bytes")
}

fn is_label(word: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    word.starts_with(plain) && word.ends_with(plain) && word.chars().all(|letter| plain(letter) || letter == '-')
}

fn is_value(word: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric();
    let inner = |letter: char| plain(letter) || "-_.".contains(letter);
    word.starts_with(plain) && word.ends_with(plain) && word.chars().all(inner)
}

/// What is wrong with a DNS subdomain.
pub(super) fn subdomain(word: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if word.len() > 253 {
        wrong.push(too_long(253));
    }
    if !word.split('.').all(is_label) {
        wrong.push(SUBDOMAIN.to_owned());
    }
    wrong
}

/// What is wrong with a DNS label.
pub(super) fn label(word: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if word.len() > 63 {
        wrong.push(too_long(63));
    }
    if !is_label(word) {
        wrong.push(LABEL.to_owned());
    }
    wrong
}

fn old_label(word: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if word.len() > 63 {
        wrong.push(too_long(63));
    }
    if !is_label(word) || !word.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        wrong.push(OLD_LABEL.to_owned());
    }
    wrong
}

fn path_segment(word: &str) -> Vec<String> {
    if word == "." || word == ".." {
        return vec![format!("may not be '{word}'")];
    }
    let found = ['/', '%'].into_iter().filter(|letter| word.contains(*letter));
    found.map(|letter| format!("may not contain '{letter}'")).collect()
}

/// What is wrong with the name of a port.
pub(super) fn port(word: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if word.len() > 15 {
        wrong.push("must be no more than 15 characters".to_owned());
    }
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    if !word.chars().all(|letter| plain(letter) || letter == '-') {
        wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !word.chars().any(|letter| letter.is_ascii_lowercase()) {
        wrong.push("must contain at least one letter (a-z)".to_owned());
    }
    if word.contains("--") {
        wrong.push("must not contain consecutive hyphens".to_owned());
    }
    if word.starts_with('-') || word.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".to_owned());
    }
    wrong
}

/// What is wrong with a qualified name, such as the key of a label.
pub(super) fn qualified(word: &str) -> Vec<String> {
    let (prefix, name) = match word.split_once('/') {
        None => (None, word),
        Some((_, name)) if name.contains('/') => return vec![QUALIFIED.to_owned()],
        Some((prefix, name)) => (Some(prefix), name),
    };
    let mut wrong = Vec::new();
    match prefix {
        Some("") => wrong.push("prefix part must be non-empty".to_owned()),
        Some(prefix) => wrong.extend(subdomain(prefix).iter().map(|why| format!("prefix part {why}"))),
        None => {}
    }
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push(format!("name part {}", too_long(63)));
    }
    if !is_value(name) {
        wrong.push(NAME_PART.to_owned());
    }
    wrong
}

/// Checks labels, at that path.
pub(super) fn labels(value: &Value, path: impl Display + Copy, errors: &mut Errors) {
    for (key, value) in value.as_object().into_iter().flatten() {
        for why in qualified(key) {
            errors.push(FieldError::invalid(path, &json!(key), why));
        }
        let word = value.as_str().unwrap_or_default();
        if word.len() > 63 {
            errors.push(FieldError::invalid(path, value, too_long(63)));
        }
        if !word.is_empty() && !is_value(word) {
            errors.push(FieldError::invalid(path, value, LABEL_VALUE));
        }
    }
}

/// Checks annotations, at that path.
pub(super) fn annotations(value: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in value.as_object().into_iter().flatten() {
        let lower =
            if key.chars().any(char::is_uppercase) { Cow::Owned(key.to_lowercase()) } else { Cow::Borrowed(key) };
        for why in qualified(&lower) {
            errors.push(FieldError::invalid(path, &json!(key), why));
        }
        size += key.len() + value.as_str().unwrap_or_default().len();
    }
    if size > 256 << 10 {
        let detail = format!("may not be more than {} bytes", 256 << 10);
        errors.push(FieldError::new(path, FieldProblem::TooLong, detail));
    }
}

fn name_problems(of: &Subject<'_>, name: &str) -> Vec<String> {
    match (of.group, of.kind) {
        ("", "Namespace") => label(name),
        ("", "Service") => old_label(name),
        ("rbac.authorization.k8s.io", _) => path_segment(name),
        ("batch", "CronJob") => {
            let mut wrong = subdomain(name);
            if name.len() > 52 {
                wrong.push("must be no more than 52 characters".to_owned());
            }
            wrong
        }
        _ => subdomain(name),
    }
}

/// Checks the metadata of an object.
pub(super) fn metadata(of: &Subject<'_>, object: &Value, errors: &mut Errors) {
    let metadata = &object["metadata"];
    let name = text(metadata, "name");
    if name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        for why in name_problems(of, name) {
            errors.push(FieldError::invalid("metadata.name", &json!(name), why));
        }
    }
    labels(&metadata["labels"], "metadata.labels", errors);
    annotations(&metadata["annotations"], "metadata.annotations", errors);
    for (place, owner) in super::items(metadata, "ownerReferences") {
        let path = format_args!("metadata.ownerReferences[{place}]");
        for field in ["apiVersion", "kind", "name", "uid"] {
            if text(owner, field).is_empty() {
                let field_path = if field == "apiVersion" { "version" } else { field };
                let detail = format!("{field} must not be empty");
                errors.push(FieldError::invalid(format!("{path}.{field_path}"), &json!(""), detail));
            }
        }
    }
    for (_, finalizer) in super::items(metadata, "finalizers") {
        let word = finalizer.as_str().unwrap_or_default();
        for why in qualified(word) {
            errors.push(FieldError::invalid("metadata.finalizers", finalizer, why));
        }
    }
}

/// Checks how metadata changed.
pub(super) fn metadata_change(live: &Value, object: &Value, errors: &mut Errors) {
    if live["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    let list = |value: &Value| value["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    let had = list(live);
    let added: Vec<String> = list(object).iter().filter(|one| !had.contains(one)).map(ToString::to_string).collect();
    if !added.is_empty() {
        let detail = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            added.join(", ")
        );
        errors.push(FieldError::forbidden("metadata.finalizers", detail));
    }
}

/// Checks a label selector, at that path.
pub(super) fn selector(value: &Value, path: impl Display + Copy, errors: &mut Errors) {
    labels(&value["matchLabels"], format_args!("{path}.matchLabels"), errors);
    for (place, one) in super::items(value, "matchExpressions") {
        let path = format_args!("{path}.matchExpressions[{place}]");
        let none = one["values"].as_array().is_none_or(Vec::is_empty);
        match text(one, "operator") {
            "In" | "NotIn" if none => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(format!("{path}.values"), detail));
            }
            "Exists" | "DoesNotExist" if !none => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(format!("{path}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                errors.push(FieldError::invalid(
                    format!("{path}.operator"),
                    &json!(other),
                    "not a valid selector operator",
                ));
            }
        }
        for why in qualified(text(one, "key")) {
            errors.push(FieldError::invalid(format!("{path}.key"), &one["key"], why));
        }
    }
}

/// Whether labels are selected.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let mut equal = equal.map(|(key, value)| labels.get(key) == Some(value));
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    let mut expressions = expressions.map(|one| {
        let found = labels.get(text(one, "key"));
        let listed = || found.is_some_and(|value| one["values"].as_array().is_some_and(|list| list.contains(value)));
        match text(one, "operator") {
            "In" => listed(),
            "NotIn" => !listed(),
            "Exists" => found.is_some(),
            "DoesNotExist" => found.is_none(),
            _ => false,
        }
    });
    equal.all(|holds| holds) && expressions.all(|holds| holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ports_are_short_and_have_a_letter() {
        assert!(port("http").is_empty());
        assert_eq!(port("a-port-name-that-is-too-long"), ["must be no more than 15 characters"]);
        assert_eq!(port("8080"), ["must contain at least one letter (a-z)"]);
    }

    #[test]
    fn qualified_names_have_a_prefix_or_none() {
        for good in ["app", "app.kubernetes.io/name", "a_b.C-d"] {
            assert!(qualified(good).is_empty(), "{good}");
        }
        for bad in ["", "a/b/c", "/a", "A.b/", "-a", "Ä/x"] {
            assert!(!qualified(bad).is_empty(), "{bad}");
        }
    }
}
