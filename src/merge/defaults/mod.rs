//! The defaults that a server fills into built-in kinds, where the schema does not say them.
//!
//! Only what decoding does: addresses of services, labels of jobs and finalizers come from the stores behind it.

use serde_json::{Map, Value, json};

mod cluster;
mod pod;

type Fields = Map<String, Value>;

/// Fills the server's defaults into an object of a built-in kind whose empty values are gone already.
pub(super) fn fill(api_version: &str, kind: &str, object: &mut Value) {
    let Some(object) = object.as_object_mut() else { return };
    match (api_version, kind) {
        ("v1", _) => core(kind, object),
        ("apps/v1", _) => workload(kind, object),
        ("batch/v1", "Job") => {
            copy_labels(object);
            job(child(object, "spec"));
        }
        ("batch/v1", "CronJob") => cron_job(child(object, "spec")),
        _ => cluster::fill(api_version, kind, object),
    }
}

/// Puts a value where none is.
fn default(fields: &mut Fields, name: &str, value: impl Into<Value>) {
    if !fields.contains_key(name) {
        fields.insert(name.to_owned(), value.into());
    }
}

/// The object in a field, made when it is absent or null.
fn child<'f>(fields: &'f mut Fields, name: &str) -> &'f mut Fields {
    if !fields.get(name).is_some_and(Value::is_object) {
        fields.insert(name.to_owned(), json!({}));
    }
    fields.get_mut(name).and_then(Value::as_object_mut).expect("made an object just above")
}

/// The object in a field, when there is one.
fn existing<'f>(fields: &'f mut Fields, name: &str) -> Option<&'f mut Fields> {
    fields.get_mut(name)?.as_object_mut()
}

/// The objects in a list field.
fn each<'f>(fields: &'f mut Fields, name: &str) -> impl Iterator<Item = &'f mut Fields> {
    fields.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

fn core(kind: &str, object: &mut Fields) {
    match kind {
        "Namespace" => {
            let name = object.get("metadata").and_then(|m| m.get("name")).and_then(Value::as_str).map(str::to_owned);
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                child(child(object, "metadata"), "labels")
                    .insert("kubernetes.io/metadata.name".to_owned(), name.into());
            }
            default(child(object, "status"), "phase", "Active");
        }
        "Secret" => secret(object),
        "Service" => service(child(object, "spec")),
        "Pod" => pod::pod(child(object, "spec")),
        "PersistentVolumeClaim" => {
            default(child(object, "spec"), "volumeMode", "Filesystem");
            default(child(object, "status"), "phase", "Pending");
        }
        "PersistentVolume" => {
            let spec = child(object, "spec");
            default(spec, "persistentVolumeReclaimPolicy", "Retain");
            default(spec, "volumeMode", "Filesystem");
            default(child(object, "status"), "phase", "Pending");
        }
        "LimitRange" => each(child(object, "spec"), "limits").for_each(limit),
        "Endpoints" => each(object, "subsets").for_each(|subset| {
            each(subset, "ports").for_each(|port| default(port, "protocol", "TCP"));
        }),
        "Node" => {
            let status = child(object, "status");
            if let Some(capacity) = status.get("capacity").cloned() {
                default(status, "allocatable", capacity);
            }
        }
        _ => {}
    }
}

/// `stringData` goes into `data`, encoded; a type is always given.
fn secret(object: &mut Fields) {
    use base64::Engine;
    if let Some(Value::Object(plain)) = object.remove("stringData") {
        for (name, value) in plain {
            let text = value.as_str().unwrap_or_default();
            let encoded = base64::engine::general_purpose::STANDARD.encode(text);
            child(object, "data").insert(name, Value::String(encoded));
        }
    }
    default(object, "type", "Opaque");
}

fn service(spec: &mut Fields) {
    default(spec, "sessionAffinity", "None");
    if spec["sessionAffinity"] == "None" {
        spec.remove("sessionAffinityConfig");
    } else if spec["sessionAffinity"] == "ClientIP" {
        default(child(child(spec, "sessionAffinityConfig"), "clientIP"), "timeoutSeconds", 10_800);
    }
    default(spec, "type", "ClusterIP");
    each(spec, "ports").for_each(service_port);
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    let external = spec.contains_key("externalIPs") || kind == "NodePort" || kind == "LoadBalancer";
    if external {
        default(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind != "ExternalName" {
        default(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        default(spec, "allocateLoadBalancerNodePorts", true);
    }
}

fn service_port(port: &mut Fields) {
    default(port, "protocol", "TCP");
    let target = port.get("targetPort");
    if target.is_none_or(|target| target == &json!(0) || target == &json!("")) {
        let number = port.get("port").cloned().unwrap_or(json!(0));
        port.insert("targetPort".to_owned(), number);
    }
}

fn limit(item: &mut Fields) {
    if item.get("type") != Some(&json!("Container")) {
        return;
    }
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
        let Some(amounts) = existing(item, from).cloned() else { continue };
        for (name, amount) in amounts {
            default(child(item, to), &name, amount);
        }
    }
}

fn workload(kind: &str, object: &mut Fields) {
    let spec = child(object, "spec");
    if let Some(template) = existing(spec, "template") {
        pod::spec(child(template, "spec"));
    }
    match kind {
        "Deployment" => deployment(spec),
        "StatefulSet" => stateful_set(spec),
        "DaemonSet" => daemon_set(spec),
        "ReplicaSet" => default(spec, "replicas", 1),
        _ => {}
    }
}

fn deployment(spec: &mut Fields) {
    default(spec, "replicas", 1);
    let strategy = child(spec, "strategy");
    default(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        let rolling = child(strategy, "rollingUpdate");
        default(rolling, "maxUnavailable", "25%");
        default(rolling, "maxSurge", "25%");
    }
    default(spec, "revisionHistoryLimit", 10);
    default(spec, "progressDeadlineSeconds", 600);
}

fn stateful_set(spec: &mut Fields) {
    default(spec, "podManagementPolicy", "OrderedReady");
    let strategy = child(spec, "updateStrategy");
    if !strategy.contains_key("type") {
        default(strategy, "type", "RollingUpdate");
        child(strategy, "rollingUpdate");
    }
    if strategy["type"] == "RollingUpdate"
        && let Some(rolling) = existing(strategy, "rollingUpdate")
    {
        default(rolling, "partition", 0);
    }
    let retention = child(spec, "persistentVolumeClaimRetentionPolicy");
    default(retention, "whenDeleted", "Retain");
    default(retention, "whenScaled", "Retain");
    default(spec, "replicas", 1);
    default(spec, "revisionHistoryLimit", 10);
    for claim in each(spec, "volumeClaimTemplates") {
        claim.insert("apiVersion".to_owned(), json!("v1"));
        claim.insert("kind".to_owned(), json!("PersistentVolumeClaim"));
        default(child(claim, "spec"), "volumeMode", "Filesystem");
        default(child(claim, "status"), "phase", "Pending");
    }
}

fn daemon_set(spec: &mut Fields) {
    let strategy = child(spec, "updateStrategy");
    default(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        let rolling = child(strategy, "rollingUpdate");
        default(rolling, "maxUnavailable", 1);
        default(rolling, "maxSurge", 0);
    }
    default(spec, "revisionHistoryLimit", 10);
}

/// A job without labels takes those of its pods.
fn copy_labels(object: &mut Fields) {
    let labels = object.get("spec").and_then(|spec| spec.pointer("/template/metadata/labels")).cloned();
    if let Some(labels) = labels.filter(Value::is_object) {
        default(child(object, "metadata"), "labels", labels);
    }
}

fn job(spec: &mut Fields) {
    if !spec.contains_key("parallelism") {
        default(spec, "completions", 1);
    }
    default(spec, "parallelism", 1);
    let limit = if spec.contains_key("backoffLimitPerIndex") { i32::MAX } else { 6 };
    default(spec, "backoffLimit", limit);
    default(spec, "completionMode", "NonIndexed");
    default(spec, "suspend", false);
    default(spec, "manualSelector", false);
    let replacement = if spec.contains_key("podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    default(spec, "podReplacementPolicy", replacement);
    if let Some(policy) = existing(spec, "podFailurePolicy") {
        for rule in each(policy, "rules") {
            each(rule, "onPodConditions").for_each(|pattern| default(pattern, "status", "True"));
        }
    }
    if let Some(template) = existing(spec, "template") {
        pod::spec(child(template, "spec"));
    }
}

fn cron_job(spec: &mut Fields) {
    default(spec, "concurrencyPolicy", "Allow");
    default(spec, "suspend", false);
    default(spec, "successfulJobsHistoryLimit", 3);
    default(spec, "failedJobsHistoryLimit", 1);
    let template = child(child(child(spec, "jobTemplate"), "spec"), "template");
    pod::spec(child(template, "spec"));
}
