//! Volumes of pods and what is put into them.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde_json::{Value, json};

use super::{Errors, FieldError, items, names, needed, text};
use crate::kind::unions;

/// The names of the volumes that can be mounted: those with an error cannot.
pub(super) fn volumes(spec: &Value, path: impl Display + Copy, errors: &mut Errors) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for (place, volume) in items(spec, "volumes") {
        let path = format_args!("{path}[{place}]");
        let before = errors.len();
        let name = text(volume, "name");
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        } else {
            for why in names::label(name) {
                errors.push(FieldError::invalid(format!("{path}.name"), &json!(name), why));
            }
        }
        if seen.contains(name) {
            errors.push(FieldError::duplicate(format!("{path}.name"), &json!(name)));
        }
        let mut sources = unions::members("api.core.v1.Volume").filter(|source| !volume[*source].is_null());
        if sources.next().is_none() {
            errors.push(FieldError::required(path, "must specify a volume type"));
        }
        volume_source(volume, path, errors);
        for more in sources {
            let detail = "may not specify more than 1 volume type";
            errors.push(FieldError::forbidden(format!("{path}.{more}"), detail));
        }
        if errors.len() == before {
            seen.insert(name.to_owned());
        }
    }
    seen
}

fn volume_source(volume: &Value, path: impl Display + Copy, errors: &mut Errors) {
    for (kind, field) in
        [("configMap", "name"), ("secret", "secretName"), ("persistentVolumeClaim", "claimName"), ("hostPath", "path")]
    {
        if volume[kind].is_object() {
            needed(&volume[kind], field, format_args!("{path}.{kind}"), errors);
        }
    }
    for kind in ["configMap", "secret"] {
        modes_and_paths(&volume[kind], format_args!("{path}.{kind}"), errors);
    }
    mode(&volume["projected"]["defaultMode"], format_args!("{path}.projected.defaultMode"), errors);
    for (place, source) in items(&volume["projected"], "sources") {
        for kind in ["configMap", "secret"] {
            modes_and_paths(&source[kind], format_args!("{path}.projected.sources[{place}].{kind}"), errors);
        }
        if unions::members("api.core.v1.VolumeProjection").filter(|kind| !source[*kind].is_null()).count() > 1 {
            let detail = "may not specify more than 1 volume type per source";
            errors.push(FieldError::forbidden(format!("{path}.projected.sources[{place}]"), detail));
        }
    }
}

/// Checks which keys are put where, and with which rights.
fn modes_and_paths(source: &Value, path: impl Display + Copy, errors: &mut Errors) {
    mode(&source["defaultMode"], format_args!("{path}.defaultMode"), errors);
    for (place, item) in items(source, "items") {
        let path = format_args!("{path}.items[{place}]");
        needed(item, "key", path, errors);
        needed(item, "path", path, errors);
        relative(&item["path"], format_args!("{path}.path"), errors);
        mode(&item["mode"], format_args!("{path}.mode"), errors);
    }
}

fn mode(mode: &Value, path: impl Display + Copy, errors: &mut Errors) {
    if mode.as_i64().is_some_and(|mode| !(0..=0o777).contains(&mode)) {
        let detail = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(FieldError::invalid(path, mode, detail));
    }
}

/// Refuses paths that lead out of the folder in which they begin.
pub(super) fn relative(value: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let word = value.as_str().unwrap_or_default();
    if word.starts_with('/') {
        errors.push(FieldError::invalid(path, value, "must be a relative path"));
    } else if word.split('/').any(|part| part == "..") {
        errors.push(FieldError::invalid(path, value, "must not contain '..'"));
    }
}
