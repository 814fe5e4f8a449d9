//! What is made again from a dump: it has the name, the labels and the nonce of what was lost, and stands for its data only where
//! whoever keeps the data says so.

use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::dump;
use super::words::{CLAIM, command, delete, ground, is_there, once, uid};
use crate::ground::Ground;
use crate::story::real;

/// An organisation of which everything is applied, and known by its data.
async fn known() -> Ground {
    let ground = ground().await;
    for _ in 0..2 {
        assert_eq!(once(&ground).code, 0);
    }
    ground
}

/// Somebody takes a dump, deletes the object, and makes it again of the dump, changed.
async fn made_again(ground: &Ground, api_version: &str, kind: &str, name: &str, change: impl Fn(&mut Value)) {
    let mut body = dump(is_there(ground, api_version, kind, name).await.unwrap());
    delete(ground, api_version, kind, name).await;
    change(&mut body);
    make(ground, api_version, kind, body).await;
}

async fn make(ground: &Ground, api_version: &str, kind: &str, body: Value) {
    let object: DynamicObject = serde_json::from_value(body).unwrap();
    let api = ground.api(api_version, kind, "alpha");
    api.create(&PostParams::default(), &object).await.unwrap();
}

fn without_volume(body: &mut Value) {
    body["spec"].as_object_mut().unwrap().remove("volumeName");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_volume_with_the_nonce_and_label_of_the_lost_one_does_not_end_the_hold() {
    if real().is_some() {
        return;
    }
    let ground = known().await;
    delete(&ground, "apps/v1", "Deployment", "one-web").await;
    // Before a round has seen that it is gone, and with the dump's own entries in `managedFields`.
    made_again(&ground, "v1", CLAIM, "one-files", without_volume).await;
    let bound = async || is_there(&ground, "v1", CLAIM, "one-files").await.unwrap()["status"]["phase"] == "Bound";
    ground.until("it is bound", bound).await;
    let theirs = uid(&ground, "one-files").await;
    for _ in 0..2 {
        let told = once(&ground);
        assert!(told.code == 1 && told.text().contains("another object has the place"), "{}", told.text());
        assert!(!ground.is_ready("one-web").await);
    }
    let told = command(&ground, &["status", "alpha"]);
    assert!(told.code == 1 && told.text().contains("one is held"), "{}", told.text());
    let said = command(&ground, &["acknowledge", "alpha/one", "--yes"]);
    assert!(said.code == 0 && said.text().contains("AS IT IS"), "{}", said.text());
    assert_eq!((once(&ground).code, uid(&ground, "one-files").await), (0, theirs));
    // It is known by its own volume from now on.
    once(&ground);
    made_again(&ground, "v1", CLAIM, "one-files", |_| ()).await;
    once(&ground);
    assert_eq!(once(&ground).code, 0, "the claim is bound to the same volume");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_is_not_bound_yet_is_waited_for() {
    if real().is_some() {
        return;
    }
    let ground = known().await;
    let before = dump(is_there(&ground, "v1", CLAIM, "one-files").await.unwrap());
    delete(&ground, "v1", CLAIM, "one-files").await;
    assert!(once(&ground).text().contains("E0434"));
    make(&ground, "v1", CLAIM, before).await;
    let bound = async || is_there(&ground, "v1", CLAIM, "one-files").await.unwrap()["status"]["phase"] == "Bound";
    ground.until("it is bound", bound).await;
    let claims = ground.api("v1", CLAIM, "alpha");
    let lost = Patch::Merge(json!({ "status": { "phase": "Lost" } }));
    claims.patch_status("one-files", &PatchParams::default(), &lost).await.unwrap();
    let told = once(&ground);
    let is_lost = is_there(&ground, "v1", CLAIM, "one-files").await.unwrap()["status"]["phase"] == "Lost";
    assert!(!is_lost || told.text().contains("E0434"), "{}", told.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_server_made_again_from_a_dump_is_another_one() {
    if real().is_some() {
        return;
    }
    let ground = known().await;
    let (api_version, kind) = ("postgresql.cnpg.io/v1", "Cluster");
    delete(&ground, "apps/v1", "Deployment", "one-web").await;
    made_again(&ground, api_version, kind, "postgres", |_| ()).await;
    for _ in 0..2 {
        let told = once(&ground);
        assert!(told.code == 1 && told.text().contains("the data of `one` and `two` is gone"), "{}", told.text());
        assert!(!ground.is_ready("one-web").await);
    }
    for app in ["alpha/one", "alpha/two"] {
        let said = command(&ground, &["acknowledge", app, "--yes"]);
        assert_eq!(said.code, 0, "{}", said.text());
    }
    assert!(once(&ground).code == 0 && ground.is_ready("one-web").await);
    // What lies inside of the server stays there: it is ours again.
    made_again(&ground, api_version, "Database", "one-db", |_| ()).await;
    once(&ground);
    assert_eq!(once(&ground).code, 0);
}
