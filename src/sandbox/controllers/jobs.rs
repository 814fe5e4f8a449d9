//! Jobs and their pods: done at once, or failing, running or never starting on demand. One that is done leaves no pod.
//!
//! Without a demand the command decides: `false` fails, `sleep` goes on for ever, and an image that is called `missing` is never
//! pulled.

use serde_json::{Value, json};

use super::SimulatedRun;
use super::workloads::{ClusterView, condition, number};
use super::write::ControllerWrite;

/// The end of the name of the pod that a Job has.
const POD: &str = "-pod";

/// The name of the Job that a pod of that name is of.
pub(super) fn job_of(pod: &str) -> Option<&str> {
    pod.strip_suffix(POD)
}

/// What a pod comes to: nothing where it does its work, else how it fails and what it says.
fn comes_to<'a>(pod: &'a Value, world: &ClusterView<'a>) -> Option<(SimulatedRun, &'a str)> {
    if let Some(message) = world.failure {
        return Some((world.run, message));
    }
    let container = &pod["containers"][0];
    let image = container["image"].as_str().unwrap_or_default();
    if image.rsplit('/').next().is_some_and(|name| name.split(':').next() == Some("missing")) {
        return Some((SimulatedRun::NeverStarts, "the image is not there"));
    }
    match container["command"][0].as_str()? {
        "false" => Some((SimulatedRun::Fails, "false is never true")),
        "sleep" => Some((SimulatedRun::GoesOn, "it sleeps")),
        _ => None,
    }
}

/// The writes that carry a Job on.
pub(super) fn job(object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    let ended = object["status"]["conditions"].as_array().into_iter().flatten();
    let ended = ended.filter(|one| one["type"] == "Complete" || one["type"] == "Failed");
    let is_leaving = !object["metadata"]["deletionTimestamp"].is_null();
    if ended.count() > 0 || is_leaving || object["spec"]["suspend"] == json!(true) {
        return Vec::new();
    }
    let Some((run, message)) = comes_to(&object["spec"]["template"]["spec"], world) else {
        return vec![ControllerWrite::Status(done(object, world))];
    };
    let status = match run {
        SimulatedRun::Fails => failed(object, world, message),
        SimulatedRun::GoesOn => under_way(world, 1),
        SimulatedRun::NeverStarts => under_way(world, 0),
    };
    vec![ControllerWrite::Ensure("pods", new_pod(object)), ControllerWrite::Status(status)]
}

fn done(object: &Value, world: &ClusterView<'_>) -> Value {
    let reached =
        |kind| condition(world, kind, true, "CompletionsReached", "Reached expected number of succeeded pods");
    json!({
        "startTime": world.now,
        "completionTime": world.now,
        "active": null,
        "succeeded": number(object, "/spec/completions", 1),
        "ready": 0,
        "terminating": 0,
        "uncountedTerminatedPods": {},
        "conditions": [reached("SuccessCriteriaMet"), reached("Complete")],
    })
}

fn failed(object: &Value, world: &ClusterView<'_>, message: &str) -> Value {
    let exceeded = |kind| condition(world, kind, true, "BackoffLimitExceeded", message);
    json!({
        "startTime": world.now,
        "active": null,
        "failed": number(object, "/spec/backoffLimit", 6) + 1,
        "ready": 0,
        "terminating": 0,
        "uncountedTerminatedPods": {},
        "conditions": [exceeded("FailureTarget"), exceeded("Failed")],
    })
}

fn under_way(world: &ClusterView<'_>, ready: i64) -> Value {
    json!({
        "startTime": world.now,
        "active": 1,
        "ready": ready,
        "terminating": 0,
        "uncountedTerminatedPods": {},
    })
}

fn new_pod(job: &Value) -> Value {
    let metadata = &job["metadata"];
    let (name, uid) = (metadata["name"].as_str().unwrap_or_default(), &metadata["uid"]);
    let template = &job["spec"]["template"];
    let mut labels = template["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    for (label, value) in [("job-name", &metadata["name"]), ("controller-uid", uid)] {
        labels.insert(label.to_owned(), value.clone());
        labels.insert(format!("batch.kubernetes.io/{label}"), value.clone());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": format!("{name}{POD}"),
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid,
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": template["spec"],
    })
}

/// The writes that carry the pod of a Job on; pods of others stay as they are.
pub(super) fn pod(object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    let job = object["metadata"]["labels"]["job-name"].as_str();
    let is_ours = job.is_some() && object["metadata"]["name"].as_str().and_then(job_of) == job;
    if !is_ours || !object["metadata"]["deletionTimestamp"].is_null() {
        return Vec::new();
    }
    let name = object["spec"]["containers"][0]["name"].clone();
    let ended = |code: i64, reason: &str, message: Option<&str>| {
        json!({ "terminated": {
            "exitCode": code, "reason": reason, "message": message, "startedAt": world.now, "finishedAt": world.now,
        } })
    };
    let (phase, state) = match comes_to(&object["spec"], world) {
        None => ("Succeeded", ended(0, "Completed", None)),
        Some((SimulatedRun::Fails, message)) => ("Failed", ended(1, "Error", Some(message))),
        Some((SimulatedRun::GoesOn, _)) => ("Running", json!({ "running": { "startedAt": world.now } })),
        Some((SimulatedRun::NeverStarts, message)) => {
            ("Pending", json!({ "waiting": { "reason": "ImagePullBackOff", "message": message } }))
        }
    };
    let is_running = phase == "Running";
    let image = &object["spec"]["containers"][0]["image"];
    let container = json!({
        "name": name, "image": image, "imageID": "", "ready": is_running, "started": is_running, "restartCount": 0,
        "state": state, "lastState": {},
    });
    vec![ControllerWrite::Status(json!({ "phase": phase, "containerStatuses": [container] }))]
}
