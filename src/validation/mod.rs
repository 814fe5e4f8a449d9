//! Validation beyond types: what a real API server refuses with 422, in its words.
//!
//! Pure, and the same for everybody: the sandbox answers with it, and a check of a garden holds what is rendered against
//! it before any cluster is asked. The list is that of what a hoster meets: names and labels, pods, services, claims,
//! schedules, immutable fields, roles, definitions. Whatever else a real server checks is taken here.

use std::fmt::Display;

use serde_json::Value;

use crate::cel::Rules;

mod cron;
mod custom;
mod definitions;
mod duration;
mod error;
mod names;
mod network;
mod objects;
mod pattern;
mod pods;
mod roles;
mod scheduling;
mod security;
mod volumes;
mod workloads;

pub(crate) use cron::{least_gap, problem_of as schedule};
pub(crate) use custom::{fill, flag, joined, words};
pub(crate) use error::{FieldError, FieldProblem};

/// Errors found so far.
pub(crate) type Errors = Vec<FieldError>;

/// What an object is checked as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// The API group; empty for the core group.
    pub(crate) group: &'a str,
    pub(crate) kind: &'a str,
    /// The schema of its definition (`openAPIV3Schema`); absent for built-in kinds.
    pub(crate) schema: Option<&'a Value>,
    /// The rules of its definition in CEL, where they are to be judged.
    pub(crate) rules: Option<&'a Rules>,
}

impl Subject<'_> {
    fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }
}

/// What is wrong with a new object.
pub(crate) fn new_object(of: Subject<'_>, object: &Value) -> Errors {
    let mut errors = Vec::new();
    names::metadata(&of, object, &mut errors);
    own(&of, None, object, &mut errors);
    errors
}

/// Whether a request says data empty where immutable data is absent: a change to the server, though none once it is stored.
pub(crate) fn empties_immutable(of: Subject<'_>, live: &Value, sent: &Value) -> bool {
    (of.is("", "ConfigMap") || of.is("", "Secret"))
        && live["immutable"] == Value::Bool(true)
        && ["data", "binaryData"].iter().any(|field| objects::is_said_empty(live, sent, field))
}

/// What is wrong with a change, which came by that subresource (empty for the object itself); `sent` is what the request
/// brought.
pub(crate) fn change(of: Subject<'_>, subresource: &str, live: &Value, sent: &Value, object: &Value) -> Errors {
    let mut errors = Vec::new();
    if subresource == "status" && of.schema.is_none() || subresource == "finalize" {
        return errors;
    }
    names::metadata(&of, object, &mut errors);
    names::metadata_change(live, object, &mut errors);
    own(&of, Some(live), object, &mut errors);
    if of.schema.is_none() {
        changed(&of, live, sent, object, &mut errors);
    }
    errors
}

fn own(of: &Subject<'_>, live: Option<&Value>, object: &Value, errors: &mut Errors) {
    if let Some(schema) = of.schema {
        errors.extend(custom::check(schema, of.rules, live, object));
        return;
    }
    match (of.group, of.kind) {
        ("apps", "Deployment") => workloads::deployment(object, errors),
        ("apps", "StatefulSet") => workloads::stateful_set(object, errors),
        ("apps", "DaemonSet") => workloads::daemon_set(object, errors),
        ("apps", "ReplicaSet") => workloads::replica_set(object, errors),
        ("batch", "Job") => workloads::job(object, "spec", &object["spec"], errors),
        ("batch", "CronJob") => workloads::cron_job(object, errors),
        ("autoscaling", "HorizontalPodAutoscaler") => workloads::autoscaler(object, errors),
        ("policy", "PodDisruptionBudget") => workloads::disruption_budget(object, errors),
        ("", "Pod") => pods::spec(&object["spec"], "spec", &["Always", "OnFailure", "Never"], errors),
        ("", "Service") => network::service(object, errors),
        ("networking.k8s.io", "Ingress") => network::ingress(object, errors),
        ("networking.k8s.io", "NetworkPolicy") => network::policy(object, errors),
        ("", "PersistentVolumeClaim") => objects::claim(&object["spec"], "spec", errors),
        ("", "ConfigMap") => objects::config_map(object, errors),
        ("", "Secret") => objects::secret(object, errors),
        ("", "ResourceQuota") => objects::quota(object, errors),
        ("", "LimitRange") => objects::limit_range(object, errors),
        ("coordination.k8s.io", "Lease") => objects::lease(object, errors),
        ("storage.k8s.io", "StorageClass") => objects::storage_class(object, errors),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => roles::role(of.kind == "Role", object, errors),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => roles::binding(object, errors),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definitions::definition(object, errors),
        _ => {}
    }
}

fn changed(of: &Subject<'_>, live: &Value, sent: &Value, object: &Value, errors: &mut Errors) {
    match (of.group, of.kind) {
        ("apps", "Deployment" | "DaemonSet" | "ReplicaSet") => {
            immutable(live, object, "spec.selector", errors);
        }
        ("apps", "StatefulSet") => workloads::stateful_set_change(live, object, errors),
        ("batch", "Job") => workloads::job_change(live, object, errors),
        ("", "Service") => network::service_change(live, object, errors),
        ("", "PersistentVolumeClaim") => objects::claim_change(live, object, errors),
        ("", "ResourceQuota") => objects::quota_change(live, object, errors),
        ("", "ConfigMap") => objects::immutable_data(live, sent, object, &["data", "binaryData"], errors),
        ("", "Secret") => {
            immutable(live, object, "type", errors);
            objects::immutable_data(live, sent, object, &["data"], errors);
        }
        ("storage.k8s.io", "StorageClass") => objects::storage_class_change(live, object, errors),
        ("scheduling.k8s.io", "PriorityClass") => objects::priority_class_change(live, object, errors),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            roles::binding_change(live, object, errors);
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            immutable(live, object, "spec.scope", errors);
            immutable(live, object, "spec.group", errors);
        }
        _ => {}
    }
}

/// The item of an old list that is the same one: by its keys in a list of keyed items, by its place where no type is said.
fn fellow<'o>(schema: &Value, place: usize, item: &Value, old: &'o [Value]) -> Option<&'o Value> {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("map") => {
            let keys = words(&schema["x-kubernetes-list-map-keys"]);
            old.iter().find(|old| keys.iter().all(|key| old.get(key) == item.get(key)))
        }
        Some(_) => None,
        None => old.get(place),
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
pub(super) fn not_negative(value: &Value, path: impl Display + Copy, errors: &mut Errors) {
    if value.as_i64().is_some_and(|number| number < 0) {
        errors.push(FieldError::invalid(path, value, "must be greater than or equal to 0"));
    }
}

/// Refuses numbers that are no ports.
pub(super) fn port_number(value: &Value, path: impl Display + Copy, errors: &mut Errors) {
    if value.as_i64().is_some_and(|number| !(1..=65_535).contains(&number)) {
        errors.push(FieldError::invalid(path, value, "must be between 1 and 65535, inclusive"));
    }
}

/// Refuses words other than these; absent ones pass.
pub(super) fn one_of(value: &Value, path: impl Display + Copy, allowed: &[&str], errors: &mut Errors) {
    if let Some(word) = value.as_str()
        && !allowed.contains(&word)
    {
        errors.push(FieldError::unsupported(path, value, allowed));
    }
}

/// Asks for a text that is not empty.
pub(super) fn needed(value: &Value, name: &str, path: impl Display + Copy, errors: &mut Errors) {
    if text(value, name).is_empty() {
        errors.push(FieldError::required(format!("{path}.{name}"), ""));
    }
}
