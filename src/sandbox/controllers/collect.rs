//! What goes when its owner goes, and the end of namespaces.

use std::{sync::Arc, time::Duration};

use kube::{
    Client,
    api::{ApiResource, DeleteParams, ListParams, Patch},
    discovery::{Discovery, Scope, verbs},
};
use serde_json::json;

use super::write;

/// Finalizer of an object whose dependents stay.
pub(super) const ORPHAN: &str = "orphan";
/// Finalizer of an object that waits for its dependents to go.
pub(super) const FOREGROUND: &str = "foregroundDeletion";

/// Whom an object belongs to.
#[derive(Clone, Debug)]
pub(super) struct OwnerRef {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    /// Whether the owner waits for the object where it is deleted in the foreground.
    pub(crate) blocks: bool,
}

/// Where an object is.
#[derive(Clone, Debug)]
pub(super) struct ObjectRef {
    pub(crate) of: Arc<ApiResource>,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// The owners in an object's metadata.
pub(super) fn owners(metadata: &kube::api::ObjectMeta) -> Vec<OwnerRef> {
    let references = metadata.owner_references.iter().flatten();
    references
        .map(|one| OwnerRef {
            api_version: one.api_version.clone(),
            kind: one.kind.clone(),
            name: one.name.clone(),
            uid: one.uid.clone(),
            blocks: one.block_owner_deletion == Some(true),
        })
        .collect()
}

/// Removes an object if none of its owners is there, after a while: until then it goes on as before. An owner of an unknown kind counts as there.
pub(super) async fn remove_orphan(
    client: Client,
    place: ObjectRef,
    owners: Vec<OwnerRef>,
    kinds: Vec<(Arc<ApiResource>, bool)>,
    delay: Duration,
) {
    tokio::time::sleep(delay).await;
    for owner in &owners {
        let known = kinds.iter().find(|(of, _)| of.api_version == owner.api_version && of.kind == owner.kind);
        let Some((of, namespaced)) = known else { return };
        let namespace = if *namespaced { place.namespace.as_str() } else { "" };
        match write::api(&client, of, namespace).get_metadata_opt(&owner.name).await {
            Ok(Some(found)) if found.metadata.uid.as_deref() == Some(owner.uid.as_str()) => return,
            Ok(_) => {}
            Err(_) => return,
        }
    }
    let _ = write::delete(&client, &place, false).await;
}

async fn drop_finalizer(client: &Client, place: &ObjectRef, mut finalizers: Vec<String>, name: &str) {
    finalizers.retain(|one| one != name);
    let patch = Patch::Merge(json!({"metadata": {"uid": place.uid, "finalizers": finalizers}}));
    let api = write::api(client, &place.of, &place.namespace);
    let _ = api.patch(&place.name, &write::as_controller(), &patch).await;
}

/// Lets the dependents of a deleted object go on without it.
pub(super) async fn orphan(client: Client, place: ObjectRef, finalizers: Vec<String>, dependents: Vec<ObjectRef>) {
    for dependent in dependents {
        disown(&client, &place.uid, &dependent).await;
    }
    drop_finalizer(&client, &place, finalizers, ORPHAN).await;
}

/// Takes the reference to an owner from an object.
async fn disown(client: &Client, owner: &str, dependent: &ObjectRef) {
    let api = write::api(client, &dependent.of, &dependent.namespace);
    let Ok(Some(found)) = api.get_metadata_opt(&dependent.name).await else { return };
    let mut references = found.metadata.owner_references.unwrap_or_default();
    references.retain(|one| one.uid != owner);
    let patch = Patch::Merge(json!({"metadata": {"uid": dependent.uid, "ownerReferences": references}}));
    let _ = api.patch(&dependent.name, &write::as_controller(), &patch).await;
}

/// An object that another one waits for which is being deleted.
pub(super) struct Dependent {
    pub(crate) place: ObjectRef,
    /// Whether it has another owner that stays: it goes on without this one.
    pub(crate) is_shared: bool,
    /// Whether its own deletion has begun.
    pub(crate) is_going: bool,
    /// Whether other objects are its own: it waits for them in turn.
    pub(crate) is_owner: bool,
}

/// Deletes the dependents that an object waits for, down the whole chain; lets it go when there are none.
pub(super) async fn foreground(client: Client, place: ObjectRef, finalizers: Vec<String>, dependents: Vec<Dependent>) {
    if dependents.is_empty() {
        drop_finalizer(&client, &place, finalizers, FOREGROUND).await;
        return;
    }
    for one in dependents {
        if one.is_shared {
            disown(&client, &place.uid, &one.place).await;
        } else if !one.is_going {
            let _ = write::delete(&client, &one.place, one.is_owner).await;
        }
    }
}

/// Empties a namespace that is being deleted, then lets it go.
pub(super) async fn end_namespace(client: Client, place: ObjectRef, done: impl FnOnce()) {
    let mut pause = Duration::from_millis(20);
    loop {
        match empty(&client, &place.name).await {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, namespace = place.name, "emptying a namespace failed"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
    let _ = finalize(&client, &place).await;
    done();
}

/// Deletes what is in a namespace, of whichever version of its group each kind is. Says whether nothing was left.
async fn empty(client: &Client, namespace: &str) -> Result<bool, kube::Error> {
    let discovery = Discovery::new(client.clone()).run_aggregated().await?;
    let mut nothing = true;
    for group in discovery.groups() {
        for (of, capabilities) in group.resources_by_stability() {
            let fits = capabilities.scope == Scope::Namespaced
                && capabilities.supports_operation(verbs::LIST)
                && capabilities.supports_operation(verbs::DELETE);
            if !fits {
                continue;
            }
            let api = write::api(client, &of, namespace);
            let few = ListParams::default().limit(1);
            if api.list_metadata(&few).await?.items.is_empty() {
                continue;
            }
            nothing = false;
            api.delete_collection(&DeleteParams::background(), &ListParams::default()).await?;
        }
    }
    Ok(nothing)
}

async fn finalize(client: &Client, place: &ObjectRef) -> Result<(), kube::Error> {
    let api = write::api(client, &place.of, "");
    let Some(found) = api.get_opt(&place.name).await? else { return Ok(()) };
    if found.metadata.uid.as_deref() != Some(place.uid.as_str()) {
        return Ok(());
    }
    let mut object = serde_json::to_value(found).unwrap_or_default();
    object["spec"]["finalizers"] = json!([]);
    let request = http::Request::put(format!("/api/v1/namespaces/{}/finalize", place.name))
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(object.to_string().into_bytes())
        .map_err(kube::Error::HttpError)?;
    client.request_text(request).await.map(drop)
}
