//! Health of the kinds that Kubernetes brings.

use serde_json::Value;

use super::{Health, condition, failed, number, progressing, ready};

/// Has the controller seen it at all? A fresh object has no status.
fn unseen(object: &Value) -> bool {
    object["status"]["observedGeneration"].as_i64().is_none()
}

pub(super) fn deployment(object: &Value) -> Health {
    let status = &object["status"];
    if unseen(object) {
        return progressing("its controller has not seen it yet");
    }
    if let Some(progress) =
        condition(status, "Progressing").filter(|condition| condition.reason == "ProgressDeadlineExceeded")
    {
        return progress.failed();
    }
    if let Some(failure) = condition(status, "ReplicaFailure").filter(|condition| condition.is_true) {
        return failure.failed();
    }
    let wanted = number(&object["spec"]["replicas"], 1);
    let (updated, all) = (number(&status["updatedReplicas"], 0), number(&status["replicas"], 0));
    let available = number(&status["availableReplicas"], 0);
    if updated < wanted {
        return progressing(format!("{updated} of {wanted} pods are of the new version"));
    }
    if all > updated {
        return progressing(format!("{} old pods are still there", all - updated));
    }
    if available < updated.min(wanted) {
        return progressing(format!("{available} of {wanted} pods are available"));
    }
    ready()
}

pub(super) fn stateful_set(object: &Value) -> Health {
    let status = &object["status"];
    if unseen(object) {
        return progressing("its controller has not seen it yet");
    }
    let wanted = number(&object["spec"]["replicas"], 1);
    let ready_pods = number(&status["readyReplicas"], 0);
    if ready_pods < wanted {
        return progressing(format!("{ready_pods} of {wanted} pods are ready"));
    }
    if number(&status["replicas"], 0) > wanted {
        return progressing("pods that are no longer wanted are still there");
    }
    let strategy = &object["spec"]["updateStrategy"];
    let partition = number(&strategy["rollingUpdate"]["partition"], 0);
    let updated = number(&status["updatedReplicas"], 0);
    let on_delete = strategy["type"] == "OnDelete";
    if !on_delete && status["currentRevision"] != status["updateRevision"] && updated < wanted - partition {
        return progressing(format!("{updated} of {wanted} pods are of the new version"));
    }
    ready()
}

pub(super) fn job(object: &Value) -> Health {
    let status = &object["status"];
    if let Some(failure) = condition(status, "Failed").filter(|condition| condition.is_true) {
        return failure.failed();
    }
    if condition(status, "Complete").is_some_and(|condition| condition.is_true)
        || condition(status, "SuccessCriteriaMet").is_some_and(|condition| condition.is_true)
    {
        return ready();
    }
    if object["spec"]["suspend"] == true {
        return ready();
    }
    let (failures, limit) = (number(&status["failed"], 0), number(&object["spec"]["backoffLimit"], 6));
    if failures > 0 {
        return progressing(format!("it failed {failures} of at most {} times", limit + 1));
    }
    if number(&status["ready"], 0) > 0 { Health::running() } else { progressing("no container of it runs yet") }
}

pub(super) fn claim(object: &Value) -> Health {
    let status = &object["status"];
    match status["phase"].as_str() {
        Some("Bound") => {}
        Some("Lost") => return failed("Lost", "its volume is gone"),
        // Where the storage class binds at first use this lasts until a pod comes: see `order::is_awaited`.
        _ => return progressing("it waits for a volume"),
    }
    if let Some(resizing) = condition(status, "FileSystemResizePending").filter(|condition| condition.is_true) {
        return resizing.progressing();
    }
    if let Some(resizing) = condition(status, "Resizing").filter(|condition| condition.is_true) {
        return resizing.progressing();
    }
    ready()
}

pub(super) fn namespace(object: &Value) -> Health {
    match object["status"]["phase"].as_str() {
        Some("Terminating") => Health { state: super::HealthState::Terminating, ..ready() },
        _ => ready(),
    }
}

pub(super) fn pod(object: &Value) -> Health {
    let status = &object["status"];
    match status["phase"].as_str() {
        Some("Succeeded") => ready(),
        Some("Failed") => {
            failed(status["reason"].as_str().unwrap_or("Failed"), status["message"].as_str().unwrap_or_default())
        }
        _ => match condition(status, "Ready") {
            Some(condition) if condition.is_true => ready(),
            Some(condition) => condition.progressing(),
            None => progressing("it starts"),
        },
    }
}

pub(super) fn service(object: &Value) -> Health {
    let waits = object["spec"]["type"] == "LoadBalancer"
        && object["status"]["loadBalancer"]["ingress"].as_array().is_none_or(Vec::is_empty);
    if waits { progressing("it waits for an address") } else { ready() }
}

pub(super) fn autoscaler(object: &Value) -> Health {
    let status = &object["status"];
    if let Some(able) = condition(status, "AbleToScale").filter(|condition| condition.is_false) {
        return able.failed();
    }
    match condition(status, "ScalingActive") {
        // Scaled to nothing on purpose: a night asleep.
        Some(active) if active.is_false && active.reason != "ScalingDisabled" => active.progressing(),
        _ => ready(),
    }
}

pub(super) fn disruption_budget(object: &Value) -> Health {
    if unseen(object) {
        return progressing("its controller has not seen it yet");
    }
    let status = &object["status"];
    let (healthy, desired) = (number(&status["currentHealthy"], 0), number(&status["desiredHealthy"], 0));
    if healthy < desired { progressing(format!("{healthy} of {desired} pods are healthy")) } else { ready() }
}

pub(super) fn definition(object: &Value) -> Health {
    let status = &object["status"];
    if let Some(names) = condition(status, "NamesAccepted").filter(|condition| condition.is_false) {
        return names.failed();
    }
    match condition(status, "Established") {
        Some(established) if established.is_true => ready(),
        Some(established) => established.progressing(),
        None => progressing("it is being set up"),
    }
}
