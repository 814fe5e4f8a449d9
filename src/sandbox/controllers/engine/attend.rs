//! What one object needs, and doing it.

use kube::{Client, api::ApiResource};
use serde_json::Value;

use crate::sandbox::controllers::{
    InjectedFailure, collect, operators, workloads,
    workloads::ClusterView,
    write::{self, ControllerWrite},
};

/// The writes that make an object ready.
pub(super) fn wanted(of: &ApiResource, object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    let built_in = of.group.is_empty() || !of.group.contains('.') || of.group.ends_with(".k8s.io");
    let ours = operators::writes(&of.group, &of.kind, object, world);
    if ours.is_empty() && built_in { workloads::writes(&of.kind, object, world) } else { ours }
}

/// Reads an object again and does what it needs now.
pub(super) async fn attend(
    client: &Client,
    place: &collect::ObjectRef,
    failure: Option<&InjectedFailure>,
) -> Result<(), kube::Error> {
    let api = write::api(client, &place.of, &place.namespace);
    let Some(object) = api.get_opt(&place.name).await? else {
        return Ok(());
    };
    if object.metadata.uid.as_deref() != Some(place.uid.as_str()) {
        return Ok(());
    }
    let Ok(object) = serde_json::to_value(object) else { return Ok(()) };
    let replicas = if place.of.kind == "HorizontalPodAutoscaler" {
        target_replicas(client, &object, &place.namespace).await?
    } else {
        None
    };
    let now = jiff_now();
    let (message, run) = super::parts(failure);
    let world = ClusterView { now: &now, failure: message, run, replicas };
    for write in wanted(&place.of, &object, &world) {
        let idle = matches!(&write, ControllerWrite::Status(patch) if !workloads::changes(&object["status"], patch));
        if !idle {
            write::perform(client, &place.of, &place.namespace, &place.name, write).await?;
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a port: controllers are clients with a clock of their own")]
fn jiff_now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

async fn target_replicas(client: &Client, scaler: &Value, namespace: &str) -> Result<Option<i64>, kube::Error> {
    let target = &scaler["spec"]["scaleTargetRef"];
    let plural = match target["kind"].as_str() {
        Some("Deployment") => "deployments",
        Some("StatefulSet") => "statefulsets",
        _ => return Ok(None),
    };
    let of = write::resource(target, plural);
    let name = target["name"].as_str().unwrap_or_default();
    let found = write::api(client, &of, namespace).get_opt(name).await?;
    Ok(found.map(|object| object.data["spec"]["replicas"].as_i64().unwrap_or(1)))
}
