//! Faults 1–8: the process ends at any moment. The kill points of a whole run are in `stories_crash.rs`.

use std::path::Path;

use parcelle::git::{Remote, RemoteMirror};
use parcelle::plan::Presence;

use super::{assert_completes, data, settled};
use crate::story::World;

#[tokio::test]
async fn scenario_01_killed_between_the_inventory_and_the_first_apply() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    world.ordinary(&alpha);
    world.killed_after(1).await;
    let inventory = world.inventory(&alpha).await;
    let intended = inventory.entries.values().filter(|entry| matches!(entry.presence, Presence::Intended { .. }));
    assert_eq!(intended.count(), 3, "written ahead");
    for (kind, object) in [("ConfigMap", "settings"), ("Deployment", "web"), ("Service", "web")] {
        assert!(world.get(kind, &alpha, object).await.is_none(), "{kind} {object}");
    }
    assert_completes(&world, &alpha).await;
    assert!(world.get("Deployment", &alpha, "web").await.is_some());
    world.end().await;
}

#[tokio::test]
async fn scenario_02_killed_between_two_applies() {
    for applied in 1..=2 {
        let mut world = World::new().await;
        let alpha = world.organisation("alpha");
        world.round().await.assert_all_done();
        world.ordinary(&alpha);
        // The inventory ahead, and the namespace that carries its generation.
        world.killed_after(2 + applied).await;
        let mut there = 0;
        for (kind, object) in [("ConfigMap", "settings"), ("Deployment", "web"), ("Service", "web")] {
            there += u64::from(world.get(kind, &alpha, object).await.is_some());
        }
        assert_eq!(there, applied);
        assert_completes(&world, &alpha).await;
        world.end().await;
    }
}

#[tokio::test]
async fn scenario_03_killed_after_all_applies_and_before_the_inventory_shrinks() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    world.ordinary(&alpha);
    world.killed_after(5).await;
    let known =
        |inventory: &parcelle::plan::Inventory| inventory.entries.values().filter(|e| e.uid().is_some()).count();
    assert_eq!(known(&world.inventory(&alpha).await), 1, "only the namespace's uid is recorded");
    let mut before = world.versions(&[&alpha]).await;
    before.retain(|key, _| !key.contains("parcelle-system"));

    // The next run knows them again by their nonce, and writes none of them.
    world.round().await.assert_all_done();
    assert_eq!(known(&world.inventory(&alpha).await), 4);
    let mut after = world.versions(&[&alpha]).await;
    after.retain(|key, _| !key.contains("parcelle-system"));
    assert_eq!(after, before);
    assert_completes(&world, &alpha).await;
    world.end().await;
}

/// Applied: the ordinary objects and two more, which nothing asks for any more.
async fn about_to_prune() -> (World, parcelle::name::Name) {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    for extra in ["extra-a", "extra-b"] {
        world.put(&alpha, "ConfigMap", extra, Some("web"), data("1"));
    }
    world.round().await.assert_all_done();
    for extra in ["extra-a", "extra-b"] {
        world.drop_object(&alpha, "ConfigMap", extra);
    }
    (world, alpha)
}

#[tokio::test]
async fn scenario_04_killed_in_the_middle_of_pruning() {
    let (mut world, alpha) = about_to_prune().await;
    world.killed_after(1).await;
    let left = [world.get("ConfigMap", &alpha, "extra-a").await, world.get("ConfigMap", &alpha, "extra-b").await];
    assert_eq!(left.iter().flatten().count(), 1, "one of two");
    let entries = world.inventory(&alpha).await.entries.len();
    assert_eq!(entries, 6, "the inventory shrinks afterwards only");
    assert_completes(&world, &alpha).await;
    assert_eq!(world.inventory(&alpha).await.entries.len(), 4);
    world.end().await;
}

#[tokio::test]
async fn scenario_05_killed_after_pruning_and_before_it_is_recorded() {
    let (mut world, alpha) = about_to_prune().await;
    world.killed_after(2).await;
    assert_eq!(world.inventory(&alpha).await.entries.len(), 6);
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.writes(), Vec::<String>::new(), "gone is gone: nothing is deleted twice");
    assert_eq!(world.inventory(&alpha).await.entries.len(), 4);
    assert_completes(&world, &alpha).await;
    world.end().await;
}

#[tokio::test]
async fn scenario_06_killed_and_the_object_dropped_from_the_garden_before_the_restart() {
    let (mut world, alpha) = settled().await;
    world.put(&alpha, "ConfigMap", "extra", Some("web"), data("1"));
    world.killed_after(3).await;
    assert!(world.get("ConfigMap", &alpha, "extra").await.is_some(), "it was made");
    let presence = world.inventory(&alpha).await.entries.into_values().find(|entry| entry.uid().is_none());
    assert!(presence.is_some(), "and its uid was never recorded");

    world.drop_object(&alpha, "ConfigMap", "extra");
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.writes(), ["Delete ConfigMap extra"]);
    assert!(world.get("ConfigMap", &alpha, "extra").await.is_none());
    assert_completes(&world, &alpha).await;
    world.end().await;
}

/// Writes a file into a repository and commits it on its HEAD.
fn commit(repository: &git2::Repository, text: &str) -> String {
    let blob = repository.blob(text.as_bytes()).unwrap();
    let mut tree = repository.treebuilder(None).unwrap();
    tree.insert("garden.kdl", blob, 0o100_644).unwrap();
    let tree = repository.find_tree(tree.write().unwrap()).unwrap();
    let who = git2::Signature::new("Tim", "tim@example.org", &git2::Time::new(1_800_000_000, 0)).unwrap();
    let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, text, &tree, &parents).unwrap().to_string()
}

#[test]
fn scenario_07_killed_while_fetching() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let repository = git2::Repository::init_bare(&source).unwrap();
    let first = commit(&repository, "edition 2026\n");
    let remote = || Remote::open_to_all(source.display().to_string(), None);
    let mirror = folder.path().join("state/mirror");
    let fetched = |mirror: &Path| RemoteMirror::open(mirror, remote()).unwrap().fetch().unwrap().0;

    // Killed before the mirror stood: what lies beside its place is half of one.
    std::fs::create_dir_all(mirror.with_file_name("mirror.new/objects")).unwrap();
    assert_eq!(fetched(&mirror), first);

    // Killed while a pack came in and a reference was moved.
    let second = commit(&repository, "edition 2026\n// more\n");
    std::fs::create_dir_all(mirror.join("objects/pack")).unwrap();
    std::fs::write(mirror.join("objects/pack/tmp_pack_x1"), b"PACK\0\0").unwrap();
    std::fs::write(mirror.join("refs/parcelle/head.lock"), b"").unwrap();
    assert_eq!(fetched(&mirror), second);

    // Killed by a disk that lost what was not yet written: it is fetched anew, not mended.
    std::fs::write(mirror.join("HEAD"), b"").unwrap();
    assert_eq!(fetched(&mirror), second);
}

#[test]
fn a_branch_that_is_gone_is_told_whatever_was_fetched_before() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let repository = git2::Repository::init_bare(&source).unwrap();
    let first = commit(&repository, "edition 2026\n");
    let tip = repository.head().unwrap().peel_to_commit().unwrap();
    let mut live = repository.branch("live", &tip, false).unwrap();
    let second = commit(&repository, "edition 2026\n// more\n");
    let fetch = |branch: Option<&str>| {
        let remote = Remote::open_to_all(source.display().to_string(), branch.map(str::to_owned));
        RemoteMirror::open(&folder.path().join("mirror"), remote).and_then(|mirror| mirror.fetch())
    };
    assert_eq!(fetch(Some("live")).unwrap().0, first);
    assert_eq!(fetch(None).unwrap().0, second);
    let told = |branch: &str| fetch(Some(branch)).expect_err("there is no such branch").to_string();
    assert!(told("nope").starts_with("the repository has no branch `nope`"), "{}", told("nope"));
    assert!(told("../nope").starts_with("the repository has no branch `../nope`"), "{}", told("../nope"));
    live.delete().unwrap();
    assert!(told("live").starts_with("the repository has no branch `live`"), "{}", told("live"));
    assert_eq!(fetch(None).unwrap().0, second, "other branches go on");
}

#[tokio::test]
async fn scenario_08_killed_again_and_again_each_run_gets_further_and_the_last_status_survives() {
    let (mut world, alpha) = settled().await;
    world.commit = "c2".to_owned();
    world.put(&alpha, "ConfigMap", "settings", Some("web"), data("2"));
    for at in 0..6 {
        world.put(&alpha, "ConfigMap", &format!("new-{at}"), Some("web"), data("1"));
    }
    let mut runs = 0;
    loop {
        runs += 1;
        let done = !world.killed_after(3).await.outcome.is_open();
        let commit = world.inventory(&alpha).await.commit;
        if done && commit == "c2" {
            break;
        }
        assert_eq!(commit, "c1", "what is applied whole is still the last commit");
        assert!(runs < 12, "three writes a run, and never done");
    }
    assert!(runs > 2, "it was killed {runs} times");
    assert_completes(&world, &alpha).await;
    world.end().await;
}
