//! Stories of removing: within the budget, at their time, data last, never what is not ours.

use std::collections::BTreeSet;
use std::sync::Arc;

use parcelle::plan::{Holding, Keeping, Reason, Verb};
use serde_json::json;

use crate::story::{World, count, line, name};

fn volume() -> serde_json::Value {
    json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
}

#[tokio::test]
async fn what_is_no_longer_asked_for_goes_within_the_budget() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.put(&alpha, "ConfigMap", "extra", Some("web"), json!({"data": {"a": "1"}}));
    world.round().await.assert_all_done();
    world.drop_object(&alpha, "ConfigMap", "extra");
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.writes(), ["Delete ConfigMap extra"]);
    assert!(world.get("ConfigMap", &alpha, "extra").await.is_none());
    world.assert_inventory_exact(&alpha).await;
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn more_deletions_than_the_budget_allows_are_none_at_all() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    for at in 0..8 {
        world.put(&alpha, "ConfigMap", &format!("extra-{at}"), Some("web"), json!({"data": {"a": "1"}}));
    }
    world.round().await.assert_all_done();
    for at in 0..4 {
        world.drop_object(&alpha, "ConfigMap", &format!("extra-{at}"));
    }
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    let reason = round.action(&alpha, "ConfigMap", "extra-0").reason();
    assert_eq!(reason, Reason::Holding(&Holding::OverBudget { would: 4, allowed: 3 }));
    assert!(world.get("ConfigMap", &alpha, "extra-3").await.is_some());
    assert!(round.findings().has_errors());
    world.end().await;
}

#[tokio::test]
async fn what_holds_data_stays_when_nothing_asks_for_it_any_more() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.put(&alpha, "PersistentVolumeClaim", "web-files", Some("web"), volume());
    world.round().await.assert_all_done();
    world.drop_object(&alpha, "PersistentVolumeClaim", "web-files");
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    assert_eq!(
        round.action(&alpha, "PersistentVolumeClaim", "web-files").reason(),
        Reason::Keeping(&Keeping::Detached)
    );
    assert!(world.get("PersistentVolumeClaim", &alpha, "web-files").await.is_some());
    world.end().await;
}

#[tokio::test]
async fn an_organisation_that_vanished_from_the_garden_loses_nothing() {
    let mut world = World::new().await;
    let (alpha, beta) = (world.organisation("alpha"), world.organisation("beta"));
    world.ordinary(&alpha);
    world.ordinary(&beta);
    world.round().await.assert_all_done();
    let objects = world.objects.remove(&alpha).unwrap();
    let written = world.garden.organisations.remove(&alpha).unwrap();
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    assert_eq!(count(&round.plan, Verb::Delete), 0);
    assert!(world.get("Deployment", &alpha, "web").await.is_some());
    // Nor does one whose file has a finding.
    world.garden.broken = BTreeSet::from([alpha.clone()]);
    assert!(world.round().await.plan.organisations.iter().all(|plan| plan.organisation != alpha));
    world.garden.broken.clear();
    world.objects.insert(alpha.clone(), objects);
    world.garden.organisations.insert(alpha.clone(), written);
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn a_retired_app_keeps_its_data_until_its_time_and_then_loses_exactly_its_own() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.put(&alpha, "Deployment", "notes", Some("notes"), crate::story::deployment(1));
    world.put(&alpha, "PersistentVolumeClaim", "notes-files", Some("notes"), volume());
    world.round().await.assert_all_done();

    let keep = 20 * 86_400;
    world.objects_of(&alpha).retired.insert(name("notes"), (keep, line(3)));
    world.drop_object(&alpha, "Deployment", "notes");
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.writes(), ["Delete Deployment notes"], "at once asleep");
    assert!(world.get("PersistentVolumeClaim", &alpha, "notes-files").await.is_some());
    let before = world.versions(&[&alpha]).await;

    world.now += 19 * 86_400;
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    assert_eq!(world.versions(&[&alpha]).await, before);

    world.now += 2 * 86_400;
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.writes(), ["Delete PersistentVolumeClaim notes-files"]);
    assert!(world.get("Deployment", &alpha, "web").await.is_some());
    world.end().await;
}

#[tokio::test]
async fn a_database_that_is_kept_without_its_object_is_told_to_go_with_it_before_it_is_deleted() {
    let mut world = World::new().await;
    if !world.has_databases().await {
        return world.end().await;
    }
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    let spec = json!({"spec": {
        "cluster": {"name": "pg"}, "name": "notes", "owner": "notes", "databaseReclaimPolicy": "retain",
    }});
    world.put(&alpha, "Database", "notes-db", Some("notes"), spec);
    let objects = &mut world.objects_of(&alpha).objects;
    objects.iter_mut().filter(|object| &*object.id.kind == "Database").for_each(|object| object.holds_data = true);
    world.round().await.assert_all_done();
    world.objects_of(&alpha).retired.insert(name("notes"), (20 * 86_400, line(3)));
    world.round().await.assert_all_done();
    // Somebody watches what becomes of it: with a finalizer it stays in sight after the delete.
    let held = json!({"metadata": {"finalizers": ["test.parcelle.dev/held"]}});
    world.edit("Database", &alpha, "notes-db", held).await;
    world.now += 21 * 86_400;
    let round = world.round().await;
    let action = round.action(&alpha, "Database", "notes-db");
    assert_eq!((action.verb(), action.prepare().is_some()), (Verb::Delete, true), "{action:?}");
    let going = world.get("Database", &alpha, "notes-db").await.unwrap();
    assert_eq!(going["spec"]["databaseReclaimPolicy"], "delete", "the policy is switched first");
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    assert!(world.inventory(&alpha).await.entries.keys().any(|id| &*id.kind == "Database"), "known until it is gone");
    world.edit("Database", &alpha, "notes-db", json!({"metadata": {"finalizers": []}})).await;
    world.round().await.assert_all_done();
    assert!(world.get("Database", &alpha, "notes-db").await.is_none());
    world.assert_inventory_exact(&alpha).await;
    world.end().await;
}

#[tokio::test]
async fn a_retired_organisation_goes_whole_at_its_time_but_not_with_what_others_put_there() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.put(&alpha, "PersistentVolumeClaim", "web-files", Some("web"), volume());
    world.generated(&alpha, "web-instance");
    world.round().await.assert_all_done();
    world.make("ConfigMap", &alpha, "theirs", json!({"data": {"x": "y"}})).await;

    let mut written = (*world.garden.organisations[&alpha]).clone();
    let keep_data = world.garden.deletions.keep_data;
    written.retired = Some(parcelle::model::Retired { keep_data, span: line(2) });
    world.garden.organisations.insert(alpha.clone(), Arc::new(written));
    world.round().await;
    assert!(world.get("PersistentVolumeClaim", &alpha, "web-files").await.is_some(), "data stays for now");

    world.now += i64::try_from(keep_data.amount).unwrap() + 1;
    for _ in 0..4 {
        world.round().await;
        world.finish_deletions(&alpha).await;
    }
    assert!(world.get("ConfigMap", &alpha, "theirs").await.is_some(), "the namespace holds what others made");
    assert!(world.get("Namespace", &alpha, alpha.as_str()).await.is_some());

    world.delete("ConfigMap", &alpha, "theirs").await;
    for _ in 0..4 {
        world.round().await;
        world.finish_deletions(&alpha).await;
    }
    let namespace = world.get("Namespace", &alpha, alpha.as_str()).await;
    assert!(namespace.is_none_or(|namespace| !namespace["metadata"]["deletionTimestamp"].is_null()));
    world.end().await;
}
