//! Stories of data that is gone although parcelle did not delete it: its app is held until it is there again, or a person says so.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::api::{Patch, PatchParams};
use parcelle::name::Name;
use parcelle::plan::{Holding, Reason};
use parcelle::sandbox::ControllerOptions;
use serde_json::{Value, json};

use crate::story::{World, deployment, line, name};

mod copies;
mod keys;
mod kills;
pub(super) mod words;

const CLAIM: &str = "PersistentVolumeClaim";

fn volume() -> Value {
    json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
}

/// An organisation whose app `web` has a volume, beside an app `wiki` with one of its own.
async fn world() -> (World, Name) {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.put(&alpha, CLAIM, "web-files", Some("web"), volume());
    world.put(&alpha, CLAIM, "wiki-files", Some("wiki"), volume());
    world.put(&alpha, "Deployment", "wiki", Some("wiki"), deployment(1));
    world.round().await.assert_all_done();
    (world, alpha)
}

/// Somebody deletes a claim, and no pod uses it.
async fn lose(world: &World, alpha: &Name, claim: &str) -> Value {
    let before = world.get(CLAIM, alpha, claim).await.unwrap();
    world.delete(CLAIM, alpha, claim).await;
    if world.get(CLAIM, alpha, claim).await.is_some() {
        world.edit(CLAIM, alpha, claim, json!({"metadata": {"finalizers": null}})).await;
    }
    assert!(world.get(CLAIM, alpha, claim).await.is_none());
    before
}

/// What binds claims to volumes, by hand where nothing else does.
async fn bind(world: &World, alpha: &Name, claim: &str, volume: &str) {
    world.edit(CLAIM, alpha, claim, json!({"spec": {"volumeName": volume}})).await;
    let bound = Patch::Merge(json!({"status": {"phase": "Bound"}}));
    world.api(CLAIM, alpha).patch_status(claim, &PatchParams::default(), &bound).await.unwrap();
}

/// An object as a dump has it, without what only a server says.
fn dump(mut body: Value) -> Value {
    let metadata = body["metadata"].as_object_mut().unwrap();
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "deletionTimestamp", "finalizers"] {
        metadata.remove(field);
    }
    body.as_object_mut().unwrap().remove("status");
    body
}

async fn replicas(world: &World, alpha: &Name, deployment: &str) -> Value {
    world.get("Deployment", alpha, deployment).await.unwrap()["spec"]["replicas"].clone()
}

fn codes(round: &crate::story::Round, alpha: &Name) -> Vec<&'static str> {
    round.of(alpha).findings.iter().map(|found| found.code.as_str()).collect()
}

/// The apps that the inventory remembers as held.
async fn held(world: &World, alpha: &Name) -> BTreeSet<String> {
    world.inventory(alpha).await.gone.iter().flat_map(|gone| &gone.apps).map(ToString::to_string).collect()
}

fn only(app: &str) -> BTreeSet<String> {
    BTreeSet::from([app.to_owned()])
}

#[tokio::test]
async fn an_app_whose_volume_somebody_deleted_is_held_through_rounds_commits_and_restarts() {
    let (mut world, alpha) = world().await;
    lose(&world, &alpha, "web-files").await;
    // Somebody is about to restore it: nothing is to run meanwhile.
    world.edit("Deployment", &alpha, "web", json!({"spec": {"replicas": 0}})).await;
    world.edit("Deployment", &alpha, "wiki", json!({"spec": {"replicas": 0}})).await;
    world.delete("ConfigMap", &alpha, "settings").await;
    let since = world.now;
    let round = world.round().await;
    let action = round.action(&alpha, CLAIM, "web-files");
    assert!(
        matches!(action.reason(), Reason::Holding(Holding::DataGone { since: at, .. }) if *at == since),
        "{action:?}"
    );
    assert_eq!(codes(&round, &alpha), ["E0434"]);
    assert!(round.outcome.is_open(), "it is not applied whole");
    assert_eq!(round.writes(), ["Create ConfigMap settings", "Change Deployment wiki"], "the other app goes on");
    assert_eq!((replicas(&world, &alpha, "web").await, replicas(&world, &alpha, "wiki").await), (0.into(), 1.into()));
    // Nor does a further round, a commit, the loss of the workload itself, or another process change that.
    world.reconnect(Duration::from_secs(5)).await;
    world.now += 3_600;
    world.commit = "c2".to_owned();
    world.put(&alpha, "Deployment", "web", Some("web"), deployment(3));
    world.delete("Deployment", &alpha, "web").await;
    world.finish_deletions(&alpha).await;
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    let action = round.action(&alpha, "Deployment", "web");
    assert!(
        matches!(action.reason(), Reason::Holding(Holding::WithoutData { since: at, .. }) if *at == since),
        "{action:?}"
    );
    assert_eq!(codes(&round, &alpha), ["E0434"], "told as long as it stands");
    assert_eq!(held(&world, &alpha).await, only("web"));
    assert_ne!(world.inventory(&alpha).await.commit, "c2", "the commit is not applied whole");
    world.end().await;
}

#[tokio::test]
async fn the_hold_is_written_before_anything_else_wherever_the_process_ends() {
    for kill in 0..4 {
        let (mut world, alpha) = world().await;
        lose(&world, &alpha, "web-files").await;
        world.edit("Deployment", &alpha, "wiki", json!({"spec": {"replicas": 0}})).await;
        world.killed_after(kill).await;
        let wrote = replicas(&world, &alpha, "wiki").await == 1;
        assert!(!wrote || held(&world, &alpha).await == only("web"), "{kill}: written ahead of the first write");
        world.round().await;
        assert_eq!(held(&world, &alpha).await, only("web"));
        assert!(world.get(CLAIM, &alpha, "web-files").await.is_none());
        world.end().await;
    }
}

#[tokio::test]
async fn what_is_brought_back_as_it_was_ends_the_hold_and_a_strangers_object_does_not() {
    let (mut world, alpha) = world().await;
    // The round after the claim is bound knows to what.
    bind(&world, &alpha, "web-files", "pvc-web").await;
    world.round().await;
    let before = lose(&world, &alpha, "web-files").await;
    world.delete("Deployment", &alpha, "web").await;
    world.finish_deletions(&alpha).await;
    world.round().await;
    // A fresh claim, even one that the garden has an `adopt` for and that says it is ours.
    world.adopt(&alpha, CLAIM, "web-files");
    let labels = before["metadata"]["labels"].clone();
    world.make(CLAIM, &alpha, "web-files", json!({"metadata": {"labels": labels}, "spec": volume()["spec"]})).await;
    let stranger = world.get(CLAIM, &alpha, "web-files").await.unwrap();
    let round = world.round().await;
    assert_eq!((round.writes(), codes(&round, &alpha)), (Vec::new(), vec!["E0434"]));
    assert_eq!(world.get(CLAIM, &alpha, "web-files").await.unwrap(), stranger, "it is not touched");
    assert!(world.get("Deployment", &alpha, "web").await.is_none());
    // As a backup of the cluster brings it back.
    lose(&world, &alpha, "web-files").await;
    world.round().await;
    world.make(CLAIM, &alpha, "web-files", dump(before)).await;
    let round = world.round().await;
    assert_eq!(codes(&round, &alpha), ["E0434"], "it is not bound yet");
    bind(&world, &alpha, "web-files", "pvc-web").await;
    world.round().await;
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!((codes(&round, &alpha), held(&world, &alpha).await), (Vec::new(), BTreeSet::new()));
    assert_eq!(replicas(&world, &alpha, "web").await, 2);
    world.assert_inventory_exact(&alpha).await;
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn a_volume_that_is_being_deleted_holds_its_app_while_pods_keep_it() {
    let (mut world, alpha) = world().await;
    world.edit(CLAIM, &alpha, "web-files", json!({"metadata": {"finalizers": ["kubernetes.io/pvc-protection"]}})).await;
    world.delete(CLAIM, &alpha, "web-files").await;
    world.put(&alpha, "Deployment", "web", Some("web"), deployment(3));
    let round = world.round().await;
    assert_eq!((round.writes(), codes(&round, &alpha)), (Vec::new(), vec!["E0434"]));
    assert!(
        round.of(&alpha).findings.iter().any(|found| found.help.iter().any(|help| help.contains("copy what is in it")))
    );
    world.edit(CLAIM, &alpha, "web-files", json!({"metadata": {"finalizers": null}})).await;
    let round = world.round().await;
    assert_eq!((round.writes(), codes(&round, &alpha)), (Vec::new(), vec!["E0434"]));
    assert!(world.get(CLAIM, &alpha, "web-files").await.is_none());
    world.end().await;
}

#[tokio::test]
async fn what_parcelle_deletes_itself_and_what_was_never_made_is_no_loss() {
    let (mut world, alpha) = world().await;
    world.put(&alpha, "Deployment", "pads", Some("pads"), deployment(1));
    world.put(&alpha, CLAIM, "pads-files", Some("pads"), volume());
    // Made ahead in the inventory alone.
    world.killed_after(1).await;
    assert!(world.get(CLAIM, &alpha, "pads-files").await.is_none());
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(codes(&round, &alpha), Vec::<&str>::new());
    // Its time has come, its deletion has begun, and somebody takes the word back.
    world.objects_of(&alpha).retired.insert(name("pads"), (20 * 86_400, line(3)));
    world.drop_object(&alpha, "Deployment", "pads");
    world.round().await;
    world.finish_deletions(&alpha).await;
    world.round().await.assert_all_done();
    world.edit(CLAIM, &alpha, "pads-files", json!({"metadata": {"finalizers": ["test.parcelle.dev/held"]}})).await;
    world.now += 21 * 86_400;
    world.round().await;
    assert!(world.get(CLAIM, &alpha, "pads-files").await.unwrap()["metadata"]["deletionTimestamp"].is_string());
    world.objects_of(&alpha).retired.clear();
    let round = world.round().await;
    assert_eq!(codes(&round, &alpha), Vec::<&str>::new(), "it is our own deletion");
    world.edit(CLAIM, &alpha, "pads-files", json!({"metadata": {"finalizers": null}})).await;
    world.round().await;
    let round = world.round().await;
    round.assert_all_done();
    assert!(world.get(CLAIM, &alpha, "pads-files").await.is_some());
    assert!(world.inventory(&alpha).await.deleting.is_empty());
    world.end().await;
}

#[tokio::test]
async fn what_is_lost_while_an_app_is_out_of_the_garden_holds_it_when_it_comes_back() {
    let (mut world, alpha) = world().await;
    let objects = world.objects_of(&alpha).objects.clone();
    world.objects_of(&alpha).objects.retain(|object| object.app.as_ref().is_none_or(|app| app.as_str() != "wiki"));
    world.round().await;
    lose(&world, &alpha, "wiki-files").await;
    let round = world.round().await;
    assert!(!codes(&round, &alpha).contains(&"E0434"), "nobody asks for it now");
    world.round().await;
    world.objects_of(&alpha).objects = objects;
    let round = world.round().await;
    assert_eq!(codes(&round, &alpha), ["E0434"]);
    assert!(world.get(CLAIM, &alpha, "wiki-files").await.is_none());
    world.end().await;
}

#[tokio::test]
async fn the_loss_of_the_organisations_database_server_holds_every_app_with_a_database_in_it() {
    let (mut world, alpha) = world().await;
    if !world.has_databases().await {
        return world.end().await;
    }
    let spec = json!({"spec": {"instances": 1, "storage": {"size": "1Gi"}}});
    world.put(&alpha, "Cluster", "postgres", None, spec);
    let inside = json!({"spec": { "cluster": {"name": "postgres"}, "name": "web", "owner": "web",
        "databaseReclaimPolicy": "retain" }});
    world.put(&alpha, "Database", "web-db", Some("web"), inside);
    let objects = &mut world.objects_of(&alpha).objects;
    objects
        .iter_mut()
        .filter(|one| &*one.id.api_version == "postgresql.cnpg.io/v1")
        .for_each(|one| one.holds_data = true);
    world.round().await.assert_all_done();
    // What is inside of the server stays there.
    world.delete("Database", &alpha, "web-db").await;
    let round = world.round().await;
    assert_eq!((round.writes(), codes(&round, &alpha)), (vec!["Create Database web-db".to_owned()], Vec::new()));
    world.delete("Cluster", &alpha, "postgres").await;
    world.edit("Deployment", &alpha, "web", json!({"spec": {"replicas": 0}})).await;
    world.edit("Deployment", &alpha, "wiki", json!({"spec": {"replicas": 0}})).await;
    let round = world.round().await;
    assert_eq!(round.writes(), ["Change Deployment wiki"]);
    assert_eq!((codes(&round, &alpha), held(&world, &alpha).await), (vec!["E0434"], only("web")));
    world.end().await;
}

#[tokio::test]
async fn a_namespace_that_was_deleted_whole_holds_all_that_had_data_in_it_and_is_told_once() {
    if crate::story::real().is_some() {
        return;
    }
    let mut world =
        World::with(ControllerOptions { delay: Duration::from_millis(5), ..ControllerOptions::default() }).await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.put(&alpha, CLAIM, "wiki-files", Some("wiki"), volume());
    world.put(&alpha, "Deployment", "wiki", Some("wiki"), deployment(1));
    for claim in ["web-a", "web-b", "web-c"] {
        world.put(&alpha, CLAIM, claim, Some("web"), volume());
    }
    world.put(&alpha, "ConfigMap", "free", Some("free"), json!({"data": {"a": "1"}}));
    world.put(&alpha, "Deployment", "free", Some("free"), deployment(1));
    world.round().await.assert_all_done();
    world.delete("Namespace", &alpha, alpha.as_str()).await;
    for _ in 0..500 {
        if world.get("Namespace", &alpha, alpha.as_str()).await.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(world.get("Namespace", &alpha, alpha.as_str()).await.is_none());
    let round = world.round().await;
    assert_eq!(codes(&round, &alpha), ["E0434"], "once for the organisation");
    assert!(world.get("Namespace", &alpha, alpha.as_str()).await.is_some());
    assert!(world.get("Deployment", &alpha, "free").await.is_some(), "what had no data goes on");
    assert!(
        world.get("Deployment", &alpha, "web").await.is_none() && world.get(CLAIM, &alpha, "web-a").await.is_none()
    );
    assert_eq!(held(&world, &alpha).await, BTreeSet::from(["web".to_owned(), "wiki".to_owned()]));
    world.end().await;
}
