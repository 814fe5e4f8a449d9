//! Validation beyond types: what a real server refuses with 422, in its words.
//!
//! The list is that of what a hoster meets: names and labels, pods, services, claims, schedules,
//! immutable fields, roles, definitions. Whatever else a real server checks is taken here.

use serde_json::Value;

use super::{resources::ServedResource, server::Server, status::FieldError};

mod cron;
mod custom;
mod definitions;
mod names;
mod network;
mod objects;
mod pods;
mod roles;
mod scheduling;
mod workloads;

/// Errors found so far.
pub(super) type Errors = Vec<FieldError>;

/// What is wrong with a new object.
pub(crate) fn new_object(_server: &Server, resource: &ServedResource, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    names::metadata(resource, object, &mut errors);
    own(resource, None, object, &mut errors);
    errors
}

/// Whether a request says data empty where immutable data is absent: a change to the server, though none once it is stored.
pub(crate) fn empties_immutable(resource: &ServedResource, live: &Value, sent: &Value) -> bool {
    (resource.is("", "configmaps") || resource.is("", "secrets"))
        && live["immutable"] == Value::Bool(true)
        && ["data", "binaryData"].iter().any(|field| objects::is_said_empty(live, sent, field))
}

/// What is wrong with a change, which came by that subresource (empty for the object itself); `sent` is what the request
/// brought.
pub(crate) fn change(
    _server: &Server,
    resource: &ServedResource,
    subresource: &str,
    live: &Value,
    sent: &Value,
    object: &Value,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if subresource == "status" && resource.custom.is_none() || subresource == "finalize" {
        return errors;
    }
    names::metadata(resource, object, &mut errors);
    names::metadata_change(live, object, &mut errors);
    own(resource, Some(live), object, &mut errors);
    if resource.custom.is_none() {
        changed(resource, live, sent, object, &mut errors);
    }
    errors
}

fn own(resource: &ServedResource, live: Option<&Value>, object: &Value, errors: &mut Errors) {
    if let Some(custom) = &resource.custom {
        errors.extend(custom::check(custom, &resource.version, live, object));
        return;
    }
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("apps", "deployments") => workloads::deployment(object, errors),
        ("apps", "statefulsets") => workloads::stateful_set(object, errors),
        ("apps", "daemonsets") => workloads::daemon_set(object, errors),
        ("apps", "replicasets") => workloads::replica_set(object, errors),
        ("batch", "jobs") => workloads::job(object, "spec", &object["spec"], errors),
        ("batch", "cronjobs") => workloads::cron_job(object, errors),
        ("autoscaling", "horizontalpodautoscalers") => workloads::autoscaler(object, errors),
        ("policy", "poddisruptionbudgets") => workloads::disruption_budget(object, errors),
        ("", "pods") => pods::spec(&object["spec"], "spec", &["Always", "OnFailure", "Never"], errors),
        ("", "services") => network::service(object, errors),
        ("networking.k8s.io", "ingresses") => network::ingress(object, errors),
        ("networking.k8s.io", "networkpolicies") => network::policy(object, errors),
        ("", "persistentvolumeclaims") => objects::claim(&object["spec"], "spec", errors),
        ("", "configmaps") => objects::config_map(object, errors),
        ("", "secrets") => objects::secret(object, errors),
        ("", "resourcequotas") => objects::quota(object, errors),
        ("", "limitranges") => objects::limit_range(object, errors),
        ("coordination.k8s.io", "leases") => objects::lease(object, errors),
        ("storage.k8s.io", "storageclasses") => objects::storage_class(object, errors),
        ("rbac.authorization.k8s.io", "roles" | "clusterroles") => roles::role(resource, object, errors),
        ("rbac.authorization.k8s.io", _) => roles::binding(object, errors),
        ("apiextensions.k8s.io", "customresourcedefinitions") => definitions::definition(object, errors),
        _ => {}
    }
}

fn changed(resource: &ServedResource, live: &Value, sent: &Value, object: &Value, errors: &mut Errors) {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("apps", "deployments" | "daemonsets" | "replicasets") => {
            immutable(live, object, "spec.selector", errors);
        }
        ("apps", "statefulsets") => workloads::stateful_set_change(live, object, errors),
        ("batch", "jobs") => workloads::job_change(live, object, errors),
        ("", "services") => network::service_change(live, object, errors),
        ("", "persistentvolumeclaims") => objects::claim_change(live, object, errors),
        ("", "resourcequotas") => objects::quota_change(live, object, errors),
        ("", "configmaps") => objects::immutable_data(live, sent, object, &["data", "binaryData"], errors),
        ("", "secrets") => {
            immutable(live, object, "type", errors);
            objects::immutable_data(live, sent, object, &["data"], errors);
        }
        ("storage.k8s.io", "storageclasses") => objects::storage_class_change(live, object, errors),
        ("scheduling.k8s.io", "priorityclasses") => objects::priority_class_change(live, object, errors),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            roles::binding_change(live, object, errors);
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            immutable(live, object, "spec.scope", errors);
            immutable(live, object, "spec.group", errors);
        }
        _ => {}
    }
}

/// The value at a dotted path; null where nothing is.
pub(super) fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    let pointer = format!("/{}", path.replace('.', "/"));
    object.pointer(&pointer).unwrap_or(&Value::Null)
}

/// The items of a list, none where there is no list.
pub(super) fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    value[name].as_array().into_iter().flatten().enumerate()
}

/// The text at a member, empty where there is none.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// Refuses another value at that path.
pub(super) fn immutable(live: &Value, object: &Value, path: &str, errors: &mut Errors) {
    let value = at(object, path);
    if value != at(live, path) {
        errors.push(FieldError::invalid(path, value, "field is immutable"));
    }
}

/// Refuses negative numbers.
pub(super) fn not_negative(value: &Value, path: &str, errors: &mut Errors) {
    if value.as_i64().is_some_and(|number| number < 0) {
        errors.push(FieldError::invalid(path, value, "must be greater than or equal to 0"));
    }
}

/// Refuses numbers that are no ports.
pub(super) fn port_number(value: &Value, path: &str, errors: &mut Errors) {
    if value.as_i64().is_some_and(|number| !(1..=65_535).contains(&number)) {
        errors.push(FieldError::invalid(path, value, "must be between 1 and 65535, inclusive"));
    }
}

/// Refuses words other than these; absent ones pass.
pub(super) fn one_of(value: &Value, path: &str, allowed: &[&str], errors: &mut Errors) {
    if let Some(word) = value.as_str()
        && !allowed.contains(&word)
    {
        errors.push(FieldError::unsupported(path, value, allowed));
    }
}

/// Asks for a text that is not empty.
pub(super) fn needed(value: &Value, name: &str, path: &str, errors: &mut Errors) {
    if text(value, name).is_empty() {
        errors.push(FieldError::required(format!("{path}.{name}"), ""));
    }
}
