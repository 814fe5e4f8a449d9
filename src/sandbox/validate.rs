//! Where the sandbox validates: the rules themselves are those of [`crate::validation`], which need no server.

use serde_json::Value;

use super::resources::ServedResource;
use super::status::FieldError;
use crate::validation::{self, Subject};

fn subject(resource: &ServedResource) -> Subject<'_> {
    let custom = resource.custom.as_ref();
    let schema = custom.map(|custom| custom.schema(&resource.version));
    let rules = custom.and_then(|custom| custom.rules(&resource.version));
    Subject { group: &resource.group, kind: &resource.kind, schema, rules }
}

/// What is wrong with a new object.
pub(crate) fn new_object(resource: &ServedResource, object: &Value) -> Vec<FieldError> {
    validation::new_object(subject(resource), object)
}

/// Whether a request says data empty where immutable data is absent.
pub(crate) fn empties_immutable(resource: &ServedResource, live: &Value, sent: &Value) -> bool {
    validation::empties_immutable(subject(resource), live, sent)
}

/// What is wrong with a change, which came by that subresource (empty for the object itself).
pub(crate) fn change(
    resource: &ServedResource,
    subresource: &str,
    live: &Value,
    sent: &Value,
    object: &Value,
) -> Vec<FieldError> {
    validation::change(subject(resource), subresource, live, sent, object)
}
