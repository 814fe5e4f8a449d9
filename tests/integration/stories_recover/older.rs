//! Inventories that are put back and are not that of the cluster as it is: told, used for nothing, and recovered like lost ones.

use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{applied, ended, lose, once, organisation, say, stored, www};
use crate::ground::Ground;
use crate::stories_jobs::skipped;

const NAME: &str = "parcelle-grounds--alpha";

/// The ConfigMap of an inventory, as a backup keeps it.
async fn kept(ground: &Ground, name: &str) -> DynamicObject {
    let mut found = ground.api("v1", "ConfigMap", "parcelle-system").get(name).await.unwrap();
    found.metadata.uid = None;
    found.metadata.resource_version = None;
    found.metadata.managed_fields = None;
    found.metadata.creation_timestamp = None;
    found
}

/// Deletes the inventory and puts another one in its place.
async fn put_back(ground: &Ground, copy: &DynamicObject) {
    lose(ground).await;
    let maps = ground.api("v1", "ConfigMap", "parcelle-system");
    maps.create(&PostParams::default(), copy).await.unwrap();
}

/// Writes the text of an inventory into the one that is there.
async fn overwrite(ground: &Ground, text: &str) {
    let maps = ground.api("v1", "ConfigMap", "parcelle-system");
    let patch = json!({ "data": { "inventory.json": text } });
    maps.patch(NAME, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

async fn image(ground: &Ground) -> String {
    let web = ground.api("apps/v1", "Deployment", "alpha").get("www-web").await.unwrap();
    web.data["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
}

/// A garden whose app went from its first release to its second, with the inventories of both.
async fn upgraded() -> (Ground, DynamicObject, DynamicObject) {
    let ground = applied().await;
    let first = kept(&ground, NAME).await;
    ground.commit("organisations/alpha.kdl", &www(2, ""), "the second release");
    for _ in 0..3 {
        let said = once(&ground);
        assert_eq!(said.code, 0, "{}", said.text());
    }
    let second = kept(&ground, NAME).await;
    (ground, first, second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_inventory_runs_no_job_again_and_takes_no_release_back() {
    if skipped() {
        return;
    }
    let (ground, first, second) = upgraded().await;
    let (live, before) = (ground.live("alpha").await, ended(&ground));
    put_back(&ground, &first).await;
    for version in [2, 1] {
        ground.commit("organisations/alpha.kdl", &www(version, ""), &format!("version {version}"));
        for said in [once(&ground), say(&ground, &["plan", "alpha"]), say(&ground, &["status", "alpha"])] {
            let text = said.text();
            assert!(said.code == 1 && text.contains("older than the cluster"), "{text}");
            assert!(!text.contains("Job www-upgrade") && !text.contains("drift"), "{text}");
        }
    }
    assert!(once(&ground).text().contains("E0498"));
    // Nor does a word of people make it any younger.
    assert_eq!(say(&ground, &["pause", "alpha", "--reason", "a look"]).code, 0);
    assert_eq!(say(&ground, &["resume", "alpha"]).code, 0);
    assert!(once(&ground).text().contains("E0498"));
    assert_eq!((ground.live("alpha").await, ended(&ground)), (live.clone(), before));
    assert_eq!(image(&ground).await, "docker.io/example/page:2.0");
    // The newest one is as good as it was.
    put_back(&ground, &second).await;
    let said = once(&ground);
    assert!(said.code == 1 && said.text().contains("E0405"), "{}", said.text());
    ground.commit("organisations/alpha.kdl", &www(2, ""), "the second release again");
    let said = once(&ground);
    assert_eq!(said.code, 0, "{}", said.text());
    // Without it, what runs is what is compared with.
    put_back(&ground, &first).await;
    ground.commit("organisations/alpha.kdl", &www(1, ""), "back to the first");
    let said = say(&ground, &["recover", "inventory", "alpha", "--yes"]);
    assert!(said.code == 0 && said.text().contains("it is older than the cluster"), "{}", said.text());
    assert!(said.text().contains("counts as done for release 2, which runs"), "{}", said.text());
    let said = once(&ground);
    assert!(said.code == 1 && said.text().contains("E0405"), "{}", said.text());
    ground.commit("organisations/alpha.kdl", &www(2, ""), "and forward");
    let said = once(&ground);
    assert_eq!(said.code, 0, "{}", said.text());
    assert_eq!((ground.live("alpha").await, ended(&ground)), (live, before));
    // What was recovered is younger than any copy from before, once it was used.
    ground.commit("organisations/alpha.kdl", &www(2, "note two;"), "another note");
    assert_eq!(once(&ground).code, 0);
    for copy in [&first, &second] {
        put_back(&ground, copy).await;
        assert!(once(&ground).text().contains("E0498"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inventory_that_is_put_back_under_a_running_loop_is_told() {
    if skipped() {
        return;
    }
    let (ground, first, _) = upgraded().await;
    let mut process = ground.run("one");
    process.wait_for("Nothing was written");
    ground.until_calm().await;
    let (live, before) = (ground.live("alpha").await, ended(&ground));
    overwrite(&ground, first.data["data"]["inventory.json"].as_str().unwrap()).await;
    ground.commit("organisations/alpha.kdl", &www(2, "note two;"), "another note");
    process.wait_for("E0498");
    ground.until_calm().await;
    assert_eq!((ground.live("alpha").await, ended(&ground)), (live, before));
    let said = say(&ground, &["recover", "inventory", "alpha", "--yes"]);
    assert!(said.code == 0 && said.text().contains("taken up by"), "{}", said.text());
    process.wait_for("taken back for changing only");
    process.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_put_back_whole_agrees_with_its_inventory() {
    if skipped() {
        return;
    }
    let (ground, first, _) = upgraded().await;
    let stored: Value = serde_json::from_str(first.data["data"]["inventory.json"].as_str().unwrap()).unwrap();
    put_back(&ground, &first).await;
    let generation = stored["generation"].to_string();
    let namespace = json!({ "metadata": { "annotations": { "parcelle.dev/inventory-generation": generation } } });
    let namespaces = ground.cluster_api("v1", "Namespace");
    namespaces.patch("alpha", &PatchParams::default(), &Patch::Merge(namespace)).await.unwrap();
    let said = once(&ground);
    assert!(!said.text().contains("E0498"), "{}", said.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inventory_of_another_organisation_or_cluster_is_told_and_used_for_nothing() {
    if skipped() {
        return;
    }
    let ground = applied().await;
    ground.commit(
        "organisations/beta.kdl",
        &organisation("beta", "Beta", "app page www { version 1; }"),
        "another one",
    );
    assert_eq!(once(&ground).code, 0);
    let (live, others) = (ground.live("alpha").await, ground.live("beta").await);
    let (own, beta) = (kept(&ground, NAME).await, kept(&ground, "parcelle-grounds--beta").await);
    let text = |kept: &DynamicObject| kept.data["data"]["inventory.json"].as_str().unwrap().to_owned();
    overwrite(&ground, &text(&beta)).await;
    let said = once(&ground);
    assert!(said.code == 1 && said.text().contains("it is the inventory of `grounds/beta`"), "{}", said.text());
    assert!(said.text().contains("E0435"), "{}", said.text());
    let mut elsewhere = serde_json::from_str::<Value>(&text(&own)).unwrap();
    elsewhere["cluster"] = "11111111-1111-1111-1111-111111111111".into();
    overwrite(&ground, &elsewhere.to_string()).await;
    let said = once(&ground);
    assert!(said.code == 1 && said.text().contains("that of another cluster"), "{}", said.text());
    assert!(said.text().contains("E0498"), "{}", said.text());
    let said = say(&ground, &["recover", "inventory", "--yes"]);
    assert!(said.code == 0 && said.text().contains("it is that of another cluster"), "{}", said.text());
    assert!(!said.text().contains("beta on"), "the other one is not lost: {}", said.text());
    let said = once(&ground);
    assert_eq!(said.code, 0, "{}", said.text());
    assert_eq!((ground.live("alpha").await, ground.live("beta").await), (live, others));
    let known = stored(&ground).await;
    assert!(known["entries"].as_array().unwrap().iter().all(|line| line["id"]["namespace"] != "beta"), "{known}");
    let maps = ground.api("v1", "ConfigMap", "parcelle-system");
    maps.delete(NAME, &DeleteParams::default()).await.unwrap();
}
