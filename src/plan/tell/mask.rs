//! What may not be shown although its kind is no Secret: values that others wrote into our objects.

use serde_json::Value;

use crate::model;

/// Parts of names whose values are likely to be secret.
const SECRET_WORDS: &[&str] =
    &["password", "passwd", "passphrase", "secret", "token", "apikey", "api_key", "api-key", "credential", "private"];

/// Whether a value that we did not write looks like a secret: by the name it stands under, or by itself.
///
/// Names of Secrets and their keys (`secretName`, `secretKeyRef`) are no secrets.
pub(in crate::plan) fn looks_secret(path: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => is_secret_name(path) || has_password(text) || text.contains("PRIVATE KEY"),
        Value::Array(items) => items.iter().any(|item| looks_secret(path, item)),
        Value::Object(map) => {
            let named = map.get("name").and_then(Value::as_str).is_some_and(has_secret_word);
            (named && map.contains_key("value"))
                || map.iter().any(|(key, value)| looks_secret(&format!("{path}.{key}"), value))
        }
        _ => false,
    }
}

/// Whether a line of a text says a secret: `password = hunter2`, `"token": "…"`, a token of a known form, a URL with a password.
pub(crate) fn says_a_secret(line: &str) -> bool {
    let said = line.split_once(['=', ':']).is_some_and(|(name, value)| {
        let value = value.trim_matches(|letter: char| letter.is_whitespace() || "=>'\",;".contains(letter));
        has_secret_word(name) && !value.is_empty() && !value.starts_with('$')
    });
    let is_known = |word: &str| model::looks_secret(word).is_some();
    said || has_password(line)
        || line.contains("PRIVATE KEY")
        || line.split([' ', '=', ',', '"', '\'', ':', '?', '&']).any(is_known)
}

/// Whether a path is that of a variable's value: `…env[name=SALT].value`.
pub(in crate::plan) fn is_value_of_variable(path: &str) -> bool {
    path.strip_suffix(".value")
        .and_then(|variable| variable.rsplit('.').next())
        .is_some_and(|of| of.starts_with("env["))
}

/// Whether the last words of a path name a secret value: `env[name=DB_PASSWORD].value`, `data[token]`.
fn is_secret_name(path: &str) -> bool {
    let last = path.strip_suffix(".value").unwrap_or(path);
    let last = last.rsplit(['.', '[']).next().unwrap_or(last);
    let is_reference = last.ends_with("Name") || last.ends_with("Ref") || path.contains("KeyRef");
    let has_value = path.strip_suffix(".value").is_some() || path.contains("data[") || path.contains("data.");
    !is_reference && has_value && has_secret_word(last)
}

fn has_secret_word(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Whether a text holds a URL with a password: `postgres://user:password@host/`.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', ' ', '?', '#']).next().unwrap_or(rest);
    // `$(NAME)` is expanded by the kubelet: the text holds the name only.
    authority.rsplit_once('@').is_some_and(|(user, _)| {
        user.split_once(':').is_some_and(|(_, password)| !password.is_empty() && !password.starts_with("$("))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_others_that_look_secret_are_recognised() {
        let secret = |path: &str, value: Value| looks_secret(path, &value);
        assert!(secret("spec.containers[name=app].env[name=DB_PASSWORD].value", json!("hunter2")));
        assert!(secret("spec.env[name=URL].value", json!("postgres://a:b@c/d")));
        assert!(secret("spec.containers[name=app].env", json!([{"name": "TOKEN", "value": "x"}])));
        assert!(!secret("spec.env[name=URL].value", json!("postgres://a:$(PASSWORD)@c/d")));
        assert!(!secret("spec.volumes[name=x].secret.secretName", json!("cloud-secret")));
        assert!(!secret("spec.replicas", json!(2)));
        assert!(is_value_of_variable("spec.containers[name=app].env[name=SALT].value"));
        assert!(!is_value_of_variable("spec.containers[name=app].env[name=SALT].valueFrom"));
        assert!(!is_value_of_variable("metadata.labels.value"));
    }
}
