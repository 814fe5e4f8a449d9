//! Paths of fields as people read them: `spec.template.spec.containers[name=app].image`.

use serde_json::Value;

/// The form that plans print, from any form that people or the server write: no leading dot, no quotes around keys.
pub(crate) fn plain(path: &str) -> String {
    let path = path.strip_prefix('.').unwrap_or(path);
    path.chars().filter(|char| *char != '"').collect()
}

/// Whether `path` is `ancestor` or lies below it; both in plain form.
pub(crate) fn covers(ancestor: &str, path: &str) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The JSON pointer to the value that a path names, or to its nearest ancestor that is there.
///
/// Takes every form: `.spec.ports[port=80,protocol="TCP"].name`, `spec.ports[0].name`, `metadata.finalizers[="x"]`;
/// keys with dots in them are found too (`metadata.labels.app.kubernetes.io/name`). The second value says whether all
/// of the path was found.
pub(crate) fn pointer(object: &Value, path: &str) -> (String, bool) {
    let path = plain(path);
    let mut pointer = String::new();
    let mut rest = path.as_str();
    let mut at = object;
    while !rest.is_empty() {
        let Some((step, child, remaining)) = step(at, rest) else { return (pointer, false) };
        pointer.push('/');
        pointer.push_str(&step);
        (at, rest) = (child, remaining);
    }
    (pointer, true)
}

/// The value that a path names.
pub(crate) fn get<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
    match pointer(object, path) {
        (pointer, true) => object.pointer(&pointer),
        (_, false) => None,
    }
}

/// One step into a value: the pointer's token, the child, and what is left of the path.
fn step<'v, 'p>(at: &'v Value, path: &'p str) -> Option<(String, &'v Value, &'p str)> {
    match at {
        Value::Object(map) => {
            let path = path.strip_prefix('.').unwrap_or(path);
            let (bracketed, inner) = match path.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((key, rest)) => (Some(key), rest),
                None => (None, path),
            };
            if let Some(key) = bracketed {
                let child = map.get(key)?;
                return Some((escape(key), child, inner));
            }
            // The longest key that fits, since keys may hold dots.
            let (key, child) = map.iter().filter(|(key, _)| covers(key, path)).max_by_key(|(key, _)| key.len())?;
            Some((escape(key), child, &path[key.len()..]))
        }
        Value::Array(items) => {
            let (key, rest) = path.strip_prefix('[')?.split_once(']')?;
            let index = match key.parse::<usize>() {
                Ok(index) => index,
                Err(_) => items.iter().position(|item| matches_key(item, key))?,
            };
            Some((index.to_string(), items.get(index)?, rest))
        }
        _ => None,
    }
}

/// Whether an item is the one that `name=app`, `port=80,protocol=TCP` or `=value` selects.
fn matches_key(item: &Value, key: &str) -> bool {
    if let Some(value) = key.strip_prefix('=') {
        return text_of(item) == value;
    }
    key.split(',').all(|pair| {
        let Some((name, wanted)) = pair.split_once('=') else { return false };
        match item.get(name) {
            Some(value) => text_of(value) == wanted,
            // The server names keys by their defaults too.
            None => name == "protocol" && wanted == "TCP",
        }
    })
}

/// Adds a field, or a key of a map, to a path as people read it.
pub(crate) fn push_field(path: &mut String, key: &str) {
    if key.contains(['.', '/', '[']) {
        path.push('[');
        path.push_str(key);
        path.push(']');
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

/// A scalar without quotes.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A key as a token of a JSON pointer.
pub(crate) fn escape(key: &str) -> String {
    if key.contains(['~', '/']) { key.replace('~', "~0").replace('/', "~1") } else { key.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment() -> Value {
        json!({
            "metadata": {"labels": {"app.kubernetes.io/name": "x", "app": "y"}, "finalizers": ["a", "b"]},
            "spec": {"template": {"spec": {"containers": [
                {"name": "side"},
                {"name": "app", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]},
            ]}}},
        })
    }

    #[test]
    fn every_form_of_a_path_finds_its_value() {
        let find = |path| pointer(&deployment(), path);
        let container = "/spec/template/spec/containers/1";
        assert_eq!(
            find(".spec.template.spec.containers[name=\"app\"].env[name=\"A\"].value"),
            (format!("{container}/env/0/value"), true)
        );
        assert_eq!(find("spec.template.spec.containers[1].env[0].value"), (format!("{container}/env/0/value"), true));
        assert_eq!(
            find(".spec.template.spec.containers[name=\"app\"].ports[containerPort=80,protocol=\"TCP\"]"),
            (format!("{container}/ports/0"), true)
        );
        assert_eq!(find(".metadata.labels.app.kubernetes.io/name").0, "/metadata/labels/app.kubernetes.io~1name");
        assert_eq!(find("metadata.labels[app.kubernetes.io/name]").0, "/metadata/labels/app.kubernetes.io~1name");
        assert_eq!(find(".metadata.labels.app").0, "/metadata/labels/app");
        assert_eq!(find(".metadata.finalizers[=\"b\"]").0, "/metadata/finalizers/1");
    }

    #[test]
    fn what_is_not_there_falls_back_to_its_nearest_ancestor() {
        assert_eq!(pointer(&deployment(), ".spec.template.spec.replicaz"), ("/spec/template/spec".to_owned(), false));
        assert_eq!(get(&deployment(), "spec.nothing"), None);
    }
}
