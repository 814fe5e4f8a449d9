//! Security contexts: whose rights processes have.

use std::fmt::Display;

use serde_json::Value;

use super::{Errors, FieldError, items};

/// Checks the users and groups of a pod or container, at that path.
pub(super) fn context(context: &Value, path: impl Display + Copy, errors: &mut Errors) {
    for name in ["runAsUser", "runAsGroup", "fsGroup"] {
        id(&context[name], format_args!("{path}.{name}"), errors);
    }
    for (place, group) in items(context, "supplementalGroups") {
        id(group, format_args!("{path}.supplementalGroups[{place}]"), errors);
    }
    let profile = &context["seccompProfile"];
    if !profile["localhostProfile"].is_null() && profile["type"] != "Localhost" {
        let detail = "can only be set when seccomp type is Localhost";
        let value = &profile["localhostProfile"];
        errors.push(FieldError::invalid(format!("{path}.seccompProfile.localhostProfile"), value, detail));
    }
}

fn id(id: &Value, path: impl Display + Copy, errors: &mut Errors) {
    if id.as_i64().is_some_and(|id| !(0..=i64::from(i32::MAX)).contains(&id)) {
        errors.push(FieldError::invalid(path, id, "must be between 0 and 2147483647, inclusive"));
    }
}
