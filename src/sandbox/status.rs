//! The errors of the API: `Status` objects with the words of the real server.

use serde_json::{Map, Value, json};

use super::resources::ServedResource;
pub(crate) use crate::validation::{FieldError, FieldProblem};

/// Reply of the API that is not a success, as it goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    /// HTTP status code, also in the body.
    pub(crate) code: u16,
    /// Machine-readable word such as `NotFound`; empty where the real server leaves it out.
    pub(crate) reason: &'static str,
    /// Sentence for people.
    pub(crate) message: String,
    /// What it is about; absent when `None`.
    pub(crate) details: Option<Value>,
}

impl Status {
    /// A failure without details.
    pub(crate) fn plain(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    /// 400 with the reason `BadRequest`.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::plain(400, "BadRequest", message)
    }

    /// 500 without a reason, as the server answers errors it has no type for.
    pub(crate) fn untyped(message: impl Into<String>) -> Self {
        Self::plain(500, "", message)
    }

    /// 401: no such token.
    pub(crate) fn unauthorized() -> Self {
        Self::plain(401, "Unauthorized", "Unauthorized")
    }

    /// 404 for an object.
    pub(crate) fn not_found(resource: &ServedResource, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.qualified());
        Self::about(404, "NotFound", message, resource, name)
    }

    /// 404 for a path below a known group and version.
    pub(crate) fn no_such_resource() -> Self {
        Self {
            details: Some(json!({})),
            ..Self::plain(404, "NotFound", "the server could not find the requested resource")
        }
    }

    /// 405 for a verb that a resource does not have.
    pub(crate) fn not_allowed() -> Self {
        Self {
            details: Some(json!({})),
            ..Self::plain(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        }
    }

    /// 409: an object of that name exists.
    pub(crate) fn already_exists(resource: &ServedResource, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource.qualified());
        Self::about(409, "AlreadyExists", message, resource, name)
    }

    /// 409 with the words of `why`.
    pub(crate) fn conflict(resource: &ServedResource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource.qualified());
        Self::about(409, "Conflict", message, resource, name)
    }

    /// 409: the resourceVersion sent is not the current one.
    pub(crate) fn modified(resource: &ServedResource, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 403 with the words of `why`.
    pub(crate) fn forbidden(resource: &ServedResource, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{} is forbidden: {why}", resource.qualified())
        } else {
            format!("{} {name:?} is forbidden: {why}", resource.qualified())
        };
        Self::about(403, "Forbidden", message, resource, name)
    }

    /// 422 with one cause for each error. `group` and `kind` name what is invalid.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let texts: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.body())).collect();
        let all = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut details = Map::new();
        for (key, word) in [("name", name), ("group", group), ("kind", kind)] {
            if !word.is_empty() {
                details.insert(key.to_owned(), Value::from(word));
            }
        }
        let causes = errors.iter().map(FieldError::cause).collect();
        details.insert("causes".to_owned(), Value::Array(causes));
        Self {
            code: 422,
            reason: "Invalid",
            message: format!("{qualified} {name:?} is invalid: {all}"),
            details: Some(Value::Object(details)),
        }
    }

    /// 422 about an object of `resource`.
    pub(crate) fn invalid_object(resource: &ServedResource, name: &str, errors: &[FieldError]) -> Self {
        Self::invalid(&resource.group, &resource.kind, name, errors)
    }

    /// 422 about the options of a request, such as `PatchOptions`.
    pub(crate) fn invalid_options(kind: &str, error: FieldError) -> Self {
        Self::invalid("meta.k8s.io", kind, "", &[error])
    }

    /// 410: the version asked for is no longer kept.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::plain(410, "Expired", message)
    }

    fn about(code: u16, reason: &'static str, message: String, resource: &ServedResource, name: &str) -> Self {
        let mut details = Map::new();
        let words = [("name", name), ("group", resource.group.as_str()), ("kind", resource.plural.as_str())];
        for (key, word) in words {
            if !word.is_empty() {
                details.insert(key.to_owned(), Value::from(word));
            }
        }
        Self { code, reason, message, details: Some(Value::Object(details)) }
    }

    /// The `Status` object of the wire.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            body["reason"] = Value::from(self.reason);
        }
        if let Some(details) = &self.details {
            body["details"] = details.clone();
        }
        body
    }
}
