//! Stories of what is tried again: alike wherever something is sent, and never without knowing what the first try did.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parcelle::cluster::inventory;
use parcelle::engine::RoundOutcome;
use parcelle::name::Name;
use parcelle::plan::{Done, Outcome as ActionOutcome};

use parcelle::render::{Generated, SecretSource};
use parcelle::sandbox::{Fault, FaultEffect};
use serde_json::json;

use crate::story::{World, fault, line, name, refusal};

/// A fault on one write in earnest of these verbs.
fn once(verb: &str, resource: &str, nth: u64, effect: FaultEffect) -> Fault {
    let mut fault = fault(&[verb], resource, 0, effect);
    fault.on.dry_run = Some(false);
    fault.on.nth = Some(nth);
    fault
}

fn unwell() -> FaultEffect {
    refusal(503, "ServiceUnavailable", "apiserver is shutting down")
}

fn done<'a>(outcome: &'a RoundOutcome, organisation: &Name, object: &str) -> &'a Done {
    let mut of = outcome.organisations.iter().filter(|one| one.organisation == *organisation);
    let outcomes: &[ActionOutcome] = &of.next().expect("an outcome").outcomes;
    &outcomes.iter().find(|one| &*one.id.name == object).expect("an outcome").done
}

fn left_as_it_was(done: &Done) -> bool {
    matches!(done, Done::Failed { why, .. } if why.contains("it was left as it was"))
}

#[tokio::test]
async fn a_copy_is_not_taken_for_ours_when_somebody_made_it_after_an_answer_was_lost() {
    let mut world = World::new().await;
    let Some(faults) = world.faults() else { return world.end().await };
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    world.make("Secret", &alpha, "source", json!({"data": {"pass": STANDARD.encode("ours")}})).await;
    let keys = BTreeMap::from([("pass".to_owned(), "password".to_owned())]);
    world.request(&alpha, "smtp", SecretSource::Copied { namespace: alpha.to_string(), name: "source".into(), keys });
    let (mut state, plan) = world.plan().await;
    world.make("Secret", &alpha, "smtp", json!({"data": {"theirs": STANDARD.encode("theirs")}})).await;
    faults.add(once("patch", "secrets", 1, unwell()));

    let outcome = world.apply(&mut state, &plan).await;
    let done = done(&outcome, &alpha, "smtp");
    assert!(left_as_it_was(done), "{done:?}");
    let secret = world.get("Secret", &alpha, "smtp").await.unwrap();
    assert_eq!(secret["data"], json!({"theirs": STANDARD.encode("theirs")}), "nothing of ours is in it");
    world.end().await;
}

#[tokio::test]
async fn what_was_not_ours_is_given_back_although_the_server_is_unwell_for_a_moment() {
    let mut world = World::new().await;
    let Some(faults) = world.faults() else { return world.end().await };
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"ours": "1"}}));
    let (mut state, plan) = world.plan().await;
    world.make("ConfigMap", &alpha, "settings", json!({"data": {"theirs": "1"}})).await;
    // The first patch is the apply that finds it there, the second one gives it back.
    faults.add(once("patch", "configmaps", 2, unwell()));

    let outcome = world.apply(&mut state, &plan).await;
    let done = done(&outcome, &alpha, "settings");
    assert!(left_as_it_was(done), "{done:?}");
    let config_map = world.get("ConfigMap", &alpha, "settings").await.unwrap();
    assert_eq!(config_map["data"], json!({"theirs": "1"}), "nothing of ours is in it");
    world.end().await;
}

#[tokio::test]
async fn keys_that_a_lost_answer_added_count_as_added() {
    let mut world = World::new().await;
    let Some(faults) = world.faults() else { return world.end().await };
    let alpha = world.organisation("alpha");
    world.generated(&alpha, "instance");
    world.round().await.assert_all_done();
    let SecretSource::Generated { keys } = &mut world.objects_of(&alpha).secrets[0].source else { panic!("generated") };
    keys.insert("salt".to_owned(), Generated::Random { length: 12 });
    faults.add(once("patch", "secrets", 1, FaultEffect::CutAfter));
    let round = world.round().await;
    let done = round.done(&alpha, "Secret", "instance");
    assert!(matches!(done, Done::Applied { .. }), "{done:?}");
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn the_patch_before_a_delete_is_tried_again() {
    let mut world = World::new().await;
    let Some(faults) = world.faults() else { return world.end().await };
    if !world.has_databases().await {
        return world.end().await;
    }
    let alpha = world.organisation("alpha");
    let spec = json!({"spec": {
        "cluster": {"name": "pg"}, "name": "notes", "owner": "notes", "databaseReclaimPolicy": "retain",
    }});
    world.put(&alpha, "Database", "notes-db", Some("notes"), spec);
    world.objects_of(&alpha).objects.iter_mut().for_each(|object| object.holds_data = &*object.id.kind == "Database");
    world.round().await.assert_all_done();
    world.objects_of(&alpha).retired.insert(name("notes"), (20 * 86_400, line(3)));
    world.round().await.assert_all_done();
    world.now += 21 * 86_400;
    faults.add(once("patch", "databases.postgresql.cnpg.io", 1, unwell()));
    let round = world.round().await;
    assert!(round.action(&alpha, "Database", "notes-db").prepare().is_some(), "{:?}", round.plan);
    let done = round.done(&alpha, "Database", "notes-db");
    assert!(matches!(done, Done::Deleted | Done::Deleting), "{done:?}");
    world.end().await;
}

#[tokio::test]
async fn a_pause_is_not_taken_for_set_because_the_inventory_beside_it_is_there() {
    let mut world = World::new().await;
    let Some(faults) = world.faults() else { return world.end().await };
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.round().await.assert_all_done();
    let writer = world.writer().await;
    let garden = &world.garden.name;
    let mut stored = inventory::read(&world.connection, garden).await.unwrap().remove(&alpha).unwrap().unwrap();
    faults.add(once("update", "configmaps", 1, unwell()));
    inventory::pause(&writer, garden, &alpha, alpha.as_str(), &mut stored, Some("a move")).await.unwrap();
    let read = inventory::read(&world.connection, garden).await.unwrap().remove(&alpha).unwrap().unwrap();
    assert_eq!(read.paused.as_deref(), Some("a move"));
    world.end().await;
}

#[test]
fn nothing_in_the_client_counts_attempts_or_sleeps_beside_its_retry() {
    let mut found = Vec::new();
    look(Path::new("src/cluster"), &mut found);
    assert_eq!(found, Vec::<String>::new(), "hand the error to a `Retry` (src/cluster/retry.rs)");
}

/// Enters the lines of the files below a folder that pause or count attempts by hand.
fn look(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look(&path, found);
        } else if !path.ends_with("retry.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let by_hand = ["sleep(", "sleep_until(", "attempt += 1", "attempts += 1", "failures += 1"];
            let lines = text.lines().filter(|line| by_hand.iter().any(|words| line.contains(words)));
            found.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
        }
    }
}
