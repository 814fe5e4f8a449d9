//! What an app lacks of its data after its inventory was lost: it is held, whatever of the app is there.

use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::{lose, stored};
use crate::command::Output;
use crate::ground::Ground;
use crate::stories_gone::words::{CLAIM, command, delete, ground, is_there, once, uid};
use crate::stories_jobs::skipped;

/// Takes everything back that is there; returns what was said.
async fn recovered(ground: &Ground) -> Output {
    lose(ground).await;
    let said = command(ground, &["recover", "inventory", "alpha", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.text());
    said
}

/// The first app is held, nothing is made in the place of what it lacks, and the other app goes on.
async fn is_held(ground: &Ground, lacks: (&str, &str, &str)) {
    delete(ground, "apps/v1", "Deployment", "two-web").await;
    for _ in 0..2 {
        let told = once(ground);
        assert!(told.code == 1 && told.text().contains("E0434"), "{}", told.text());
        assert!(is_there(ground, lacks.0, lacks.1, lacks.2).await.is_none(), "{}", told.text());
    }
    assert!(is_there(ground, "apps/v1", "Deployment", "one-web").await.is_none());
    assert!(ground.is_ready("two-web").await, "the other app goes on");
    let told = command(ground, &["status", "alpha"]);
    assert!(told.code == 1 && told.text().contains("one is held"), "{}", told.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_that_is_missing_beside_databases_is_not_made_empty() {
    if skipped() {
        return;
    }
    let ground = ground().await;
    assert_eq!(once(&ground).code, 0);
    delete(&ground, "apps/v1", "Deployment", "one-web").await;
    delete(&ground, "v1", CLAIM, "one-files").await;
    let said = recovered(&ground).await;
    assert!(said.text().contains("nothing is made in their place"), "{}", said.text());
    is_held(&ground, ("v1", CLAIM, "one-files")).await;
    let told = command(&ground, &["status", "alpha"]);
    assert!(told.text().contains("for changing only"), "{}", told.text());
    assert!(!told.text().contains("nothing was applied yet"), "{}", told.text());
    let said = command(&ground, &["acknowledge", "alpha/one", "--yes"]);
    assert!(said.code == 0 && said.text().contains("EMPTY"), "{}", said.text());
    assert!(ground.is_ready("one-web").await && uid(&ground, "one-files").await.is_some());
    assert_eq!(once(&ground).code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_missing_beside_a_volume_and_the_server_itself_hold_who_used_them() {
    if skipped() {
        return;
    }
    let ground = ground().await;
    assert_eq!(once(&ground).code, 0);
    delete(&ground, "apps/v1", "Deployment", "one-web").await;
    let databases = ("postgresql.cnpg.io/v1", "Database", "one-db");
    delete(&ground, databases.0, databases.1, databases.2).await;
    recovered(&ground).await;
    is_held(&ground, databases).await;
    // Then the server of all.
    delete(&ground, "postgresql.cnpg.io/v1", "Cluster", "postgres").await;
    recovered(&ground).await;
    let told = once(&ground);
    assert!(told.code == 1 && told.text().contains("the data of `one` and `two` is gone"), "{}", told.text());
    assert!(is_there(&ground, "postgresql.cnpg.io/v1", "Cluster", "postgres").await.is_none());
}

/// Takes everything of the first app away.
async fn delete_all(ground: &Ground) {
    for (api_version, kind) in [
        ("apps/v1", "Deployment"),
        ("v1", "Service"),
        ("v1", CLAIM),
        ("v1", "Secret"),
        ("v1", "ConfigMap"),
        ("v1", "ServiceAccount"),
        ("postgresql.cnpg.io/v1", "Database"),
        ("postgresql.cnpg.io/v1", "DatabaseRole"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("gateway.networking.k8s.io/v1", "ListenerSet"),
        ("cert-manager.io/v1", "Certificate"),
    ] {
        let api = ground.api(api_version, kind, "alpha");
        let all = api.list(&kube::api::ListParams::default().labels("parcelle.dev/app=one")).await.unwrap();
        for name in all.items.into_iter().filter_map(|item| item.metadata.name) {
            delete(ground, api_version, kind, &name).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_counts_as_there_by_whatever_is_left_of_it_also_a_strangers() {
    if skipped() {
        return;
    }
    let ground = ground().await;
    assert_eq!(once(&ground).code, 0);
    // Everything that has its name goes, and a stranger's Deployment comes.
    delete_all(&ground).await;
    let stranger = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "one-web" }, "spec": {
        "replicas": 0, "selector": { "matchLabels": { "a": "b" } }, "template": { "metadata": { "labels": { "a": "b" } },
        "spec": { "containers": [{ "name": "web", "image": "docker.io/example/theirs:1" }] } } } });
    let deployments = ground.api("apps/v1", "Deployment", "alpha");
    deployments.create(&PostParams::default(), &serde_json::from_value(stranger).unwrap()).await.unwrap();
    recovered(&ground).await;
    let told = once(&ground);
    assert!(told.code == 1 && told.text().contains("E0434"), "{}", told.text());
    assert!(uid(&ground, "one-files").await.is_none(), "{}", told.text());
    assert!(is_there(&ground, "v1", "Secret", "one-db").await.is_none(), "nor is a password: {}", told.text());
    // What of an app nothing is there is made as on its first day.
    delete(&ground, "apps/v1", "Deployment", "one-web").await;
    delete_all(&ground).await;
    recovered(&ground).await;
    let told = once(&ground);
    assert_eq!(told.code, 0, "{}", told.text());
    assert!(uid(&ground, "one-files").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_that_is_going_or_a_strangers_when_the_inventory_is_recovered_holds_its_app() {
    if skipped() {
        return;
    }
    let ground = ground().await;
    assert_eq!(once(&ground).code, 0);
    let claims = ground.api("v1", CLAIM, "alpha");
    let finalizers = |list: serde_json::Value| Patch::Merge(json!({ "metadata": { "finalizers": list } }));
    claims.patch("one-files", &PatchParams::default(), &finalizers(json!(["test.parcelle.dev/held"]))).await.unwrap();
    claims.delete("one-files", &DeleteParams::default()).await.unwrap();
    let said = recovered(&ground).await;
    assert!(said.text().contains("it is being deleted: what needs it is held"), "{}", said.text());
    claims.patch("one-files", &PatchParams::default(), &finalizers(json!(null))).await.unwrap();
    ground.until("it is gone", async || uid(&ground, "one-files").await.is_none()).await;
    delete(&ground, "apps/v1", "Deployment", "one-web").await;
    is_held(&ground, ("v1", CLAIM, "one-files")).await;
    // A fresh claim under its name, before it is recovered once more.
    let claim = json!({ "apiVersion": "v1", "kind": CLAIM, "metadata": { "name": "one-files" }, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": { "requests": { "storage": "1Gi" } } } });
    claims.create(&PostParams::default(), &serde_json::from_value(claim).unwrap()).await.unwrap();
    let theirs = uid(&ground, "one-files").await;
    recovered(&ground).await;
    let told = once(&ground);
    assert!(told.code == 1 && told.text().contains("another object has the place"), "{}", told.text());
    let said = command(&ground, &["acknowledge", "alpha/one", "--yes"]);
    assert!(said.code == 0 && said.text().contains("AS IT IS"), "{}", said.text());
    assert_eq!((uid(&ground, "one-files").await, once(&ground).code), (theirs, 0));
    assert!(stored(&ground).await["entries"].is_array());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_names_the_release_that_runs_beside_the_one_that_is_asked_for() {
    if skipped() {
        return;
    }
    let ground = super::applied().await;
    let told = command(&ground, &["status", "alpha", "--verbose"]);
    assert!(told.text().contains("(page 1)"), "{}", told.text());
    delete(&ground, "v1", CLAIM, "www-files").await;
    ground.commit("organisations/alpha.kdl", &super::www(2, ""), "another release");
    assert_eq!(once(&ground).code, 1);
    let told = command(&ground, &["status", "alpha"]);
    assert!(told.text().contains("(page 1, 2 is asked for)"), "{}", told.text());
    let told = command(&ground, &["status", "alpha", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&json[0]["apps"][0]["release"], &json[0]["apps"][0]["wanted"]), (&json!("1"), &json!("2")));
}
