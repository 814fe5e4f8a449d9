//! Paths of fields as people read them: `spec.template.spec.containers[name=app].image`.

/// The form that plans print, from any form that people or the server write: no leading dot, no quotes around keys.
pub fn plain(path: &str) -> String {
    let path = path.strip_prefix('.').unwrap_or(path);
    path.chars().filter(|char| *char != '"').collect()
}

/// Whether `path` is `ancestor` or lies below it; both in plain form.
pub fn covers(ancestor: &str, path: &str) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
