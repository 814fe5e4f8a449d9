//! Validation beyond types.

use serde_json::Value;

use super::{custom, resources::Resource, server::Server, status::FieldError};

/// What is wrong with a new object.
pub(crate) fn new_object(_server: &Server, resource: &Resource, object: &Value) -> Vec<FieldError> {
    own(resource, object)
}

/// What is wrong with a change, which came by that subresource (empty for the object itself).
pub(crate) fn change(
    _server: &Server,
    resource: &Resource,
    _subresource: &str,
    _live: &Value,
    object: &Value,
) -> Vec<FieldError> {
    own(resource, object)
}

fn own(resource: &Resource, object: &Value) -> Vec<FieldError> {
    match &resource.custom {
        Some(custom) => custom::check(custom.schema(&resource.version), object),
        None => Vec::new(),
    }
}
