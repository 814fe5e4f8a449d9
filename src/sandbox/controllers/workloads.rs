//! What built-in kinds need to be ready.

use serde_json::{Map, Value, json};

use super::write::ControllerWrite;
use super::{SimulatedRun, jobs};

/// What is known of the world besides the object.
#[derive(Clone, Debug)]
pub(crate) struct ClusterView<'a> {
    /// The time, as the API writes it.
    pub(crate) now: &'a str,
    /// What the object is to say instead of becoming ready.
    pub(crate) failure: Option<&'a str>,
    /// What becomes of a Job that fails.
    pub(crate) run: SimulatedRun,
    /// Replicas of the workload that an autoscaler points to, by kind and name.
    pub(crate) replicas: Option<i64>,
}

/// A condition of that type.
pub(crate) fn condition(world: &ClusterView<'_>, kind: &str, status: bool, reason: &str, message: &str) -> Value {
    json!({
        "type": kind,
        "status": if status { "True" } else { "False" },
        "reason": reason,
        "message": message,
        "lastTransitionTime": world.now,
    })
}

/// Numbers as a status shows them: zero is left out, which a merge patch says with null.
fn counts(pairs: &[(&str, i64)]) -> Map<String, Value> {
    let pairs = pairs.iter();
    let pairs = pairs.map(|(name, count)| {
        let value = if *count == 0 { Value::Null } else { json!(count) };
        ((*name).to_owned(), value)
    });
    pairs.collect()
}

pub(super) fn number(object: &Value, pointer: &str, default: i64) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(default)
}

/// The writes that make a built-in object ready; none when it is, or needs nothing.
pub(crate) fn writes(kind: &str, object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    match kind {
        "Deployment" => vec![ControllerWrite::Status(deployment(object, world))],
        "StatefulSet" => stateful_set(object, world),
        "DaemonSet" => vec![ControllerWrite::Status(daemon_set(object, world))],
        "ReplicaSet" => vec![ControllerWrite::Status(replica_set(object))],
        "PersistentVolumeClaim" => claim(object, world),
        "PersistentVolume" => protected(object, "kubernetes.io/pv-protection"),
        "Job" => jobs::job(object, world),
        "Pod" => jobs::pod(object, world),
        "HorizontalPodAutoscaler" => autoscaler(object, world),
        "PodDisruptionBudget" => vec![ControllerWrite::Status(disruption_budget(object, world))],
        "ResourceQuota" => vec![ControllerWrite::Status(quota(object))],
        "Service" => service(object),
        "Ingress" => vec![ControllerWrite::Status(balancer())],
        "Namespace" => namespace(object),
        _ => Vec::new(),
    }
}

fn deployment(object: &Value, world: &ClusterView<'_>) -> Value {
    let wanted = number(object, "/spec/replicas", 1);
    let ready = if world.failure.is_some() { 0 } else { wanted };
    let mut status = counts(&[
        ("replicas", wanted),
        ("updatedReplicas", wanted),
        ("readyReplicas", ready),
        ("availableReplicas", ready),
        ("unavailableReplicas", wanted - ready),
    ]);
    status.insert("observedGeneration".to_owned(), object["metadata"]["generation"].clone());
    let conditions = match world.failure {
        None => json!([
            condition(world, "Available", true, "MinimumReplicasAvailable", "Deployment has minimum availability."),
            condition(world, "Progressing", true, "NewReplicaSetAvailable", "ReplicaSet has successfully progressed."),
        ]),
        Some(message) => json!([
            condition(world, "Available", false, "MinimumReplicasUnavailable", message),
            condition(world, "Progressing", false, "ProgressDeadlineExceeded", message),
        ]),
    };
    status.insert("conditions".to_owned(), conditions);
    Value::Object(status)
}

fn stateful_set(object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    let wanted = number(object, "/spec/replicas", 1);
    let mut writes = claims_of(object, wanted);
    let ready = if world.failure.is_some() { 0 } else { wanted };
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let generation = number(object, "/metadata/generation", 1);
    let revision = format!("{name}-{generation}");
    let mut status = counts(&[("readyReplicas", ready), ("currentReplicas", wanted), ("updatedReplicas", wanted)]);
    for (field, value) in [
        ("replicas", json!(wanted)),
        ("availableReplicas", json!(ready)),
        ("observedGeneration", json!(generation)),
        ("currentRevision", json!(revision)),
        ("updateRevision", json!(revision)),
    ] {
        status.insert(field.to_owned(), value);
    }
    writes.push(ControllerWrite::Status(Value::Object(status)));
    writes
}

fn claims_of(object: &Value, wanted: i64) -> Vec<ControllerWrite> {
    let metadata = &object["metadata"];
    let set = metadata["name"].as_str().unwrap_or_default();
    let templates = object["spec"]["volumeClaimTemplates"].as_array();
    let labels = &object["spec"]["selector"]["matchLabels"];
    let mut writes = Vec::new();
    for template in templates.into_iter().flatten() {
        let name = template["metadata"]["name"].as_str().unwrap_or_default();
        for ordinal in 0..wanted {
            let mut all = labels.as_object().cloned().unwrap_or_default();
            let own = template["metadata"]["labels"].as_object().cloned();
            all.extend(own.unwrap_or_default());
            let claim = json!({
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {
                    "name": format!("{name}-{set}-{ordinal}"),
                    "namespace": metadata["namespace"],
                    "labels": all,
                },
                "spec": template["spec"],
            });
            writes.push(ControllerWrite::Ensure("persistentvolumeclaims", claim));
        }
    }
    writes
}

fn daemon_set(object: &Value, world: &ClusterView<'_>) -> Value {
    let ready = i64::from(world.failure.is_none());
    let mut status =
        counts(&[("numberAvailable", ready), ("numberUnavailable", 1 - ready), ("updatedNumberScheduled", 1)]);
    for (field, value) in [
        ("currentNumberScheduled", json!(1)),
        ("desiredNumberScheduled", json!(1)),
        ("numberMisscheduled", json!(0)),
        ("numberReady", json!(ready)),
        ("observedGeneration", object["metadata"]["generation"].clone()),
    ] {
        status.insert(field.to_owned(), value);
    }
    Value::Object(status)
}

fn replica_set(object: &Value) -> Value {
    let wanted = number(object, "/spec/replicas", 1);
    let mut status =
        counts(&[("readyReplicas", wanted), ("availableReplicas", wanted), ("fullyLabeledReplicas", wanted)]);
    status.insert("replicas".to_owned(), json!(wanted));
    status.insert("observedGeneration".to_owned(), object["metadata"]["generation"].clone());
    Value::Object(status)
}

/// Takes a protecting finalizer from an object that is being deleted: nothing uses it here.
fn protected(object: &Value, finalizer: &str) -> Vec<ControllerWrite> {
    let metadata = &object["metadata"];
    if metadata["deletionTimestamp"].is_null() {
        return Vec::new();
    }
    let list = metadata["finalizers"].as_array().cloned().unwrap_or_default();
    let left: Vec<Value> = list.iter().filter(|one| **one != *finalizer).cloned().collect();
    if left.len() == list.len() {
        return Vec::new();
    }
    vec![ControllerWrite::Merge(json!({"metadata": {"finalizers": left}}))]
}

fn claim(object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return protected(object, "kubernetes.io/pvc-protection");
    }
    if world.failure.is_some() {
        return Vec::new();
    }
    let spec = &object["spec"];
    if spec["volumeName"].as_str().is_none_or(str::is_empty) {
        let volume = format!("pvc-{}", object["metadata"]["uid"].as_str().unwrap_or_default());
        return vec![ControllerWrite::Merge(json!({"spec": {"volumeName": volume}}))];
    }
    vec![ControllerWrite::Status(json!({
        "phase": "Bound",
        "accessModes": spec["accessModes"],
        "capacity": {"storage": spec["resources"]["requests"]["storage"]},
    }))]
}

fn autoscaler(object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    let Some(current) = world.replicas else {
        let conditions = json!([condition(world, "AbleToScale", false, "FailedGetScale", "the target is not there")]);
        return vec![ControllerWrite::Status(json!({"conditions": conditions}))];
    };
    let least = number(object, "/spec/minReplicas", 1);
    let most = number(object, "/spec/maxReplicas", least);
    let wanted = if current == 0 { 0 } else { current.clamp(least, most.max(least)) };
    let mut writes = Vec::new();
    if wanted != current {
        let target = &object["spec"]["scaleTargetRef"];
        let text = |name: &str| target[name].as_str().unwrap_or_default().to_owned();
        writes.push(ControllerWrite::Scale(text("kind"), text("name"), wanted));
    }
    writes.push(ControllerWrite::Status(json!({
        "currentReplicas": wanted,
        "desiredReplicas": wanted,
        "conditions": [
            condition(world, "AbleToScale", true, "ReadyForNewScale", "recommended size matches current size"),
            condition(world, "ScalingActive", current != 0, "ValidMetricFound", "the metrics are simulated"),
            condition(world, "ScalingLimited", false, "DesiredWithinRange", "the desired count is within the acceptable range"),
        ],
    })));
    writes
}

fn disruption_budget(object: &Value, world: &ClusterView<'_>) -> Value {
    json!({
        "currentHealthy": 1,
        "desiredHealthy": 1,
        "disruptionsAllowed": 0,
        "expectedPods": 1,
        "observedGeneration": object["metadata"]["generation"],
        "conditions": [condition(world, "DisruptionAllowed", false, "InsufficientPods", "")],
    })
}

fn quota(object: &Value) -> Value {
    let hard = object["spec"]["hard"].as_object().cloned().unwrap_or_default();
    let used: Map<String, Value> = hard.keys().map(|name| (name.clone(), json!("0"))).collect();
    json!({"hard": hard, "used": used})
}

fn balancer() -> Value {
    json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}})
}

fn service(object: &Value) -> Vec<ControllerWrite> {
    if object["spec"]["type"] != "LoadBalancer" {
        return Vec::new();
    }
    let mut status = balancer();
    status["loadBalancer"]["ingress"][0]["ipMode"] = json!("VIP");
    vec![ControllerWrite::Status(status)]
}

/// Every namespace has an account and the certificate of the server.
fn namespace(object: &Value) -> Vec<ControllerWrite> {
    let metadata = &object["metadata"];
    if !metadata["deletionTimestamp"].is_null() {
        return Vec::new();
    }
    let namespace = &metadata["name"];
    vec![
        ControllerWrite::Ensure(
            "serviceaccounts",
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}}),
        ),
        ControllerWrite::Ensure(
            "configmaps",
            json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "kube-root-ca.crt", "namespace": namespace},
                "data": {"ca.crt": ""},
            }),
        ),
    ]
}

const TIMES: [&str; 9] = [
    "lastTransitionTime",
    "startedAt",
    "finishedAt",
    "startTime",
    "completionTime",
    "createdAt",
    "notBefore",
    "notAfter",
    "renewalTime",
];

/// Whether merging `patch` into `live` changes anything but times.
pub(crate) fn changes(live: &Value, patch: &Value) -> bool {
    match (live, patch) {
        (live, Value::Null) => !live.is_null(),
        (Value::Object(live), Value::Object(patch)) => patch.iter().any(|(name, patch)| {
            let live = live.get(name).unwrap_or(&Value::Null);
            if TIMES.contains(&name.as_str()) { live.is_null() } else { changes(live, patch) }
        }),
        (Value::Array(live), Value::Array(patch)) => {
            live.len() != patch.len() || live.iter().zip(patch).any(|(live, patch)| changes(live, patch))
        }
        (Value::Null, Value::Object(patch)) => patch.is_empty() || patch.values().any(|value| !value.is_null()),
        (live, patch) => live != patch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(failure: Option<&'static str>) -> ClusterView<'static> {
        ClusterView { now: "2026-11-21T10:00:00Z", failure, run: SimulatedRun::Fails, replicas: None }
    }

    #[test]
    fn a_deployment_becomes_ready_once() {
        let mut object = json!({"metadata": {"generation": 3}, "spec": {"replicas": 2}, "status": {}});
        let [ControllerWrite::Status(status)] = &writes("Deployment", &object, &world(None))[..] else { panic!() };
        assert!(changes(&object["status"], status));
        assert_eq!((&status["readyReplicas"], &status["observedGeneration"]), (&json!(2), &json!(3)));
        object["status"] = crate::merge::json_merge_patch(json!({}), status);
        let later = ClusterView { now: "2026-11-21T11:00:00Z", ..world(None) };
        let [ControllerWrite::Status(status)] = &writes("Deployment", &object, &later)[..] else { panic!() };
        assert!(!changes(&object["status"], status));
        let [ControllerWrite::Status(status)] = &writes("Deployment", &object, &world(Some("no image")))[..] else {
            panic!()
        };
        assert!(changes(&object["status"], status));
    }

    #[test]
    fn claims_of_a_stateful_set_are_made_by_template_and_ordinal() {
        let object = json!({"metadata": {"name": "db", "namespace": "n"}, "spec": {"replicas": 2,
            "selector": {"matchLabels": {"a": "b"}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"x": 1}}]}});
        let made = writes("StatefulSet", &object, &world(None));
        let names: Vec<&Value> = made
            .iter()
            .filter_map(|write| match write {
                ControllerWrite::Ensure(_, claim) => Some(&claim["metadata"]["name"]),
                _ => None,
            })
            .collect();
        assert_eq!(names, ["data-db-0", "data-db-1"]);
    }
}
