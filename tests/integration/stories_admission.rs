//! Stories of the shipped admission policy: what parcelle's account may write, whatever its role grants. In every other
//! story on the sandbox parcelle writes under it too.

use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::story::{World, name};

/// A write of somebody who holds parcelle's token.
struct Attempt {
    what: &'static str,
    kind: (&'static str, &'static str),
    namespace: &'static str,
    name: &'static str,
    write: Write,
}

enum Write {
    Apply(Value),
    Create(Value),
    Merge(Value),
    Json(Value),
    Delete,
    DeleteAll,
}

const NAMESPACE: (&str, &str) = ("v1", "Namespace");
const SETTINGS: (&str, &str) = ("v1", "ConfigMap");
const SECRET: (&str, &str) = ("v1", "Secret");
const WORKLOAD: (&str, &str) = ("apps/v1", "Deployment");
const ROLE: (&str, &str) = ("rbac.authorization.k8s.io/v1", "ClusterRole");
const BINDING: (&str, &str) = ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding");
const DEFINITION: (&str, &str) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
const WEBHOOK: (&str, &str) = ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration");
const CLASS: (&str, &str) = ("storage.k8s.io/v1", "StorageClass");
const LEASE: (&str, &str) = ("coordination.k8s.io/v1", "Lease");

fn labelled() -> Value {
    json!({"metadata": {"labels": {"parcelle.dev/garden": "mine", "parcelle.dev/organisation": "theirs"}}})
}

fn workload() -> Value {
    let pod = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}});
    json!({"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": pod}})
}

fn binding() -> Value {
    json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "parcelle-system", "name": "parcelle"}]})
}

fn webhook() -> Value {
    json!({"webhooks": [{"name": "a.example.org", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": {"url": "https://a.example.org/"}}]})
}

fn definition() -> Value {
    json!({"spec": {"group": "example.net", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things",
        "singular": "thing", "listKind": "ThingList"}, "versions": [{"name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object"}}}]}})
}

/// What reaches out of the gardens' namespaces. `theirs` is the namespace of a stranger with a ConfigMap `theirs` in it.
fn hostile() -> Vec<Attempt> {
    use Write::{Apply, Create, Delete, DeleteAll, Json, Merge};
    let row = |what, kind, namespace, name, write| Attempt { what, kind, namespace, name, write };
    let label = || json!([{"op": "add", "path": "/metadata/labels/parcelle.dev~1garden", "value": "mine"}]);
    vec![
        row("labels its way into a namespace by apply", NAMESPACE, "", "theirs", Apply(labelled())),
        row("labels its way in by a merge patch", NAMESPACE, "", "theirs", Merge(labelled())),
        row("labels its way in by a JSON patch", NAMESPACE, "", "theirs", Json(label())),
        row("labels kube-system", NAMESPACE, "", "kube-system", Merge(labelled())),
        row("labels parcelle-system", NAMESPACE, "", "parcelle-system", Merge(labelled())),
        row("deletes a namespace", NAMESPACE, "", "theirs", Delete),
        row("deletes parcelle-system", NAMESPACE, "", "parcelle-system", Delete),
        row("makes a namespace of no garden", NAMESPACE, "", "planted", Create(json!({}))),
        row(
            "makes a namespace with another label of ours",
            NAMESPACE,
            "",
            "planted",
            Create(json!({"metadata": {"labels": {"parcelle.dev/organisation": "planted"}}})),
        ),
        row("applies a namespace of no garden", NAMESPACE, "", "planted", Apply(json!({}))),
        row("plants a ConfigMap", SETTINGS, "theirs", "planted", Create(json!({"data": {"a": "b"}}))),
        row("plants a ConfigMap by apply", SETTINGS, "theirs", "planted", Apply(json!({"data": {"a": "b"}}))),
        row("plants one with our labels", SETTINGS, "theirs", "planted", Create(labelled())),
        row("changes a ConfigMap", SETTINGS, "theirs", "theirs", Merge(json!({"data": {"a": "other"}}))),
        row("takes a ConfigMap over", SETTINGS, "theirs", "theirs", Apply(labelled())),
        row("deletes a ConfigMap", SETTINGS, "theirs", "theirs", Delete),
        row("deletes all of them", SETTINGS, "theirs", "", DeleteAll),
        row("plants a Secret in kube-system", SECRET, "kube-system", "planted", Create(json!({}))),
        row("runs a workload in kube-system", WORKLOAD, "kube-system", "planted", Apply(workload())),
        row("runs a workload in default", WORKLOAD, "default", "planted", Apply(workload())),
        row("runs a workload beside itself", WORKLOAD, "parcelle-system", "planted", Apply(workload())),
        row("plants a Secret beside itself", SECRET, "parcelle-system", "garden-token", Create(json!({}))),
        row("takes a lease of others", LEASE, "kube-system", "kube-scheduler", Apply(json!({"spec": {}}))),
        row("makes a role", ROLE, "", "planted", Create(json!({"rules": []}))),
        row("makes itself an administrator", BINDING, "", "planted", Create(binding())),
        row("makes a kind", DEFINITION, "", "things.example.net", Create(definition())),
        row("intercepts every write", WEBHOOK, "", "planted", Create(webhook())),
        row("makes a storage class", CLASS, "", "planted", Create(json!({"provisioner": "example.net/none"}))),
    ]
}

async fn attempt(client: &kube::Client, attempt: &Attempt) -> kube::Result<()> {
    let (api_version, kind) = attempt.kind;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api: Api<DynamicObject> = match attempt.namespace {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    let whole = |body: &Value| {
        let mut whole = body.clone();
        whole["apiVersion"] = api_version.into();
        whole["kind"] = kind.into();
        whole["metadata"]["name"] = attempt.name.into();
        whole
    };
    let (name, by) = (attempt.name, PatchParams { field_manager: Some("parcelle".to_owned()), ..Default::default() });
    match &attempt.write {
        Write::Apply(body) => api.patch(name, &by.force(), &Patch::Apply(whole(body))).await.map(drop),
        Write::Create(body) => {
            let object = serde_json::from_value(whole(body)).expect("an object");
            api.create(&PostParams::default(), &object).await.map(drop)
        }
        Write::Merge(body) => api.patch(name, &by, &Patch::Merge(body)).await.map(drop),
        Write::Json(body) => {
            let patch = serde_json::from_value(body.clone()).expect("a patch");
            api.patch(name, &by, &Patch::<Value>::Json(patch)).await.map(drop)
        }
        Write::Delete => api.delete(name, &DeleteParams::default()).await.map(drop),
        Write::DeleteAll => api.delete_collection(&DeleteParams::default(), &ListParams::default()).await.map(drop),
    }
}

#[tokio::test]
async fn whoever_holds_parcelles_token_writes_in_the_namespaces_of_gardens_only() {
    let mut world = World::new().await;
    let account = world.under_policy().await;
    let theirs = world.own("theirs");
    for namespace in [theirs.as_str(), "parcelle-system"] {
        let labels = json!({"metadata": {"labels": {"app": "x"}}});
        if world.get("Namespace", &name(namespace), namespace).await.is_none() {
            world.make("Namespace", &name(namespace), namespace, labels).await;
        } else {
            world.edit("Namespace", &name(namespace), namespace, labels).await;
        }
    }
    world.make("ConfigMap", &theirs, "theirs", json!({"data": {"a": "b"}})).await;
    let before = world.get("ConfigMap", &theirs, "theirs").await;
    for mut row in hostile() {
        if row.namespace == "theirs" || (row.kind == NAMESPACE && row.name == "theirs") {
            let place = if row.kind == NAMESPACE { &mut row.name } else { &mut row.namespace };
            *place = leak(theirs.as_str());
        }
        let answer = attempt(&account, &row).await;
        let Err(kube::Error::Api(status)) = answer else { panic!("{}: {answer:?}", row.what) };
        assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"), "{}: {status:?}", row.what);
        assert!(status.message.contains("ValidatingAdmissionPolicy '"), "{}: {status:?}", row.what);
    }
    assert_eq!(world.get("ConfigMap", &theirs, "theirs").await, before);
    assert!(world.get("Namespace", &name("planted"), "planted").await.is_none());

    // What is a garden's stays writable, as does what parcelle keeps beside itself.
    let mine = world.own("mine");
    let good = [
        (NAMESPACE, "", mine.as_str(), Write::Apply(labelled())),
        (NAMESPACE, "", mine.as_str(), Write::Merge(json!({"metadata": {"annotations": {"a": "b"}}}))),
        (SETTINGS, mine.as_str(), "settings", Write::Apply(json!({"data": {"a": "b"}}))),
        (SETTINGS, mine.as_str(), "settings", Write::Delete),
        (SETTINGS, "parcelle-system", "trial", Write::Apply(json!({"data": {"a": "b"}}))),
        (SETTINGS, "parcelle-system", "trial", Write::Delete),
        (LEASE, "parcelle-system", "trial", Write::Apply(json!({"spec": {}}))),
        (LEASE, "parcelle-system", "trial", Write::Delete),
        (NAMESPACE, "", mine.as_str(), Write::Delete),
    ];
    for (kind, namespace, name, write) in good {
        let row = Attempt { what: "good", kind, namespace: leak(namespace), name: leak(name), write };
        attempt(&account, &row).await.unwrap_or_else(|error| panic!("{kind:?} {namespace} {name}: {error}"));
    }
    world.delete("Namespace", &theirs, theirs.as_str()).await;
    world.end_of_policy().await;
}

/// A name of this story alone, which lives as long as the test.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

#[tokio::test]
async fn a_namespace_that_is_to_be_adopted_is_labelled_by_a_person_first() {
    let mut world = World::new().await;
    world.under_policy().await;
    let taken = world.own("taken");
    world.make("Namespace", &taken, taken.as_str(), json!({})).await;
    let (taken, beta) = (world.organisation("taken"), world.organisation("beta"));
    world.ordinary(&taken);
    world.ordinary(&beta);
    world.adopt(&taken, "Namespace", taken.as_str());
    let round = world.round().await;
    let findings = round.findings();
    let told = findings.iter().find(|finding| finding.title.contains(taken.as_str())).expect("a finding");
    let garden = world.garden.name.to_string();
    let command = format!("kubectl label namespace {taken} parcelle.dev/garden={garden}");
    assert!(format!("{told:?}").contains(&command), "{told:#?}");
    assert!(world.get("Deployment", &beta, "web").await.is_some(), "the others go on");
    assert!(world.get("Deployment", &taken, "web").await.is_none());

    let label = json!({"metadata": {"labels": {"parcelle.dev/garden": garden}}});
    world.edit("Namespace", &taken, taken.as_str(), label).await;
    world.round().await.assert_all_done();
    assert!(world.get("Deployment", &taken, "web").await.is_some());
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end_of_policy().await;
}
