//! The writes of controllers to the cluster.

use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::MANAGER;
use super::collect::ObjectRef;

/// One write of a controller.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ControllerWrite {
    /// Merges this into the object's status.
    Status(Value),
    /// Merges this into the object itself.
    Merge(Value),
    /// Creates an object where none is there. Holds the plural of its kind.
    Ensure(&'static str, Value),
    /// Scales what an autoscaler points to: kind, name, number.
    Scale(String, String, i64),
}

/// The resource of an object, by its own apiVersion and kind.
pub(crate) fn resource(object: &Value, plural: &str) -> ApiResource {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = object["kind"].as_str().unwrap_or_default();
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: object["apiVersion"].as_str().unwrap_or_default().to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

/// The API for one resource in a namespace, or (empty) in the whole cluster.
pub(crate) fn api(client: &Client, resource: &ApiResource, namespace: &str) -> Api<DynamicObject> {
    if namespace.is_empty() {
        Api::all_with(client.clone(), resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, resource)
    }
}

/// Parameters of the controllers' patches.
pub(crate) fn as_controller() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

/// Makes one write for the object of that place.
pub(crate) async fn perform(
    client: &Client,
    of: &ApiResource,
    namespace: &str,
    name: &str,
    write: ControllerWrite,
) -> Result<(), kube::Error> {
    let own = api(client, of, namespace);
    let result = match write {
        ControllerWrite::Status(status) => {
            let patch = Patch::Merge(json!({"status": status}));
            own.patch_status(name, &as_controller(), &patch).await.map(drop)
        }
        ControllerWrite::Merge(value) => own.patch(name, &as_controller(), &Patch::Merge(value)).await.map(drop),
        ControllerWrite::Ensure(plural, object) => ensure(client, plural, object).await,
        ControllerWrite::Scale(kind, target, replicas) => scale(client, namespace, &kind, &target, replicas).await,
    };
    match result {
        // It went away meanwhile, or somebody else was faster: there is nothing to do then.
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
        other => other,
    }
}

async fn ensure(client: &Client, plural: &str, object: Value) -> Result<(), kube::Error> {
    let of = resource(&object, plural);
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let Ok(object) = serde_json::from_value::<DynamicObject>(object) else {
        return Ok(());
    };
    let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
    api(client, &of, &namespace).create(&params, &object).await.map(drop)
}

async fn scale(client: &Client, namespace: &str, kind: &str, name: &str, replicas: i64) -> Result<(), kube::Error> {
    let plural = match kind {
        "Deployment" => "deployments",
        "StatefulSet" => "statefulsets",
        _ => return Ok(()),
    };
    let of = resource(&json!({"apiVersion": "apps/v1", "kind": kind}), plural);
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    let params = PatchParams { field_manager: Some("horizontal-pod-autoscaler".to_owned()), ..PatchParams::default() };
    api(client, &of, namespace).patch_scale(name, &params, &patch).await.map(drop)
}

/// Deletes one object if it is still the one of that uid; in the foreground it waits for what is its own.
pub(crate) async fn delete(client: &Client, place: &ObjectRef, in_foreground: bool) -> Result<(), kube::Error> {
    let mut params = if in_foreground { DeleteParams::foreground() } else { DeleteParams::background() };
    params.preconditions = Some(kube::api::Preconditions { uid: Some(place.uid.clone()), resource_version: None });
    match api(client, &place.of, &place.namespace).delete(&place.name, &params).await {
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
        other => other.map(drop),
    }
}
