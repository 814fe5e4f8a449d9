//! Plans that ask no cluster say what plans that do would say.

use parcelle::engine::LiveSnapshot;
use parcelle::plan::Verb;
use serde_json::json;

use crate::story::World;

#[expect(clippy::unwrap_used, reason = "a test")]
fn kept(snapshot: &LiveSnapshot) -> LiveSnapshot {
    serde_json::from_str(&serde_json::to_string(snapshot).unwrap()).unwrap()
}

#[tokio::test]
async fn a_plan_from_a_snapshot_is_the_plan_that_the_cluster_would_give() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.generated(&alpha, "instance");
    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "red", "size": "3"}}));
    world.round().await.assert_all_done();
    let snapshot = kept(&world.snapshot().await);
    assert!(!world.plan_from(&snapshot).changes_anything(), "nothing has changed since");

    // One value moves, one key goes, one object is new.
    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "blue"}}));
    world.put(&alpha, "ConfigMap", "new", Some("web"), json!({"data": {"a": "1"}}));
    let (there, here) = (world.plan().await.1, world.plan_from(&snapshot));
    assert_eq!(crate::story::writes(&here), crate::story::writes(&there));
    let changes = |plan| {
        let action = crate::story::action(plan, &alpha, "ConfigMap", "settings");
        action.changes.iter().map(|change| change.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(changes(&here), ["data.colour", "data.size"]);
    assert_eq!(changes(&here), changes(&there));
    world.end().await;
}

#[tokio::test]
async fn a_snapshot_holds_no_value_of_a_secret() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.generated(&alpha, "instance");
    world.round().await.assert_all_done();
    let secret = world.get("Secret", &alpha, "instance").await.expect("it was made");
    let text = serde_json::to_string(&world.snapshot().await).expect("a snapshot is JSON");
    let data = secret["data"].as_object().expect("it has keys");
    assert!(!data.is_empty() && data.values().all(|value| !text.contains(value.as_str().unwrap_or("-"))));
    assert!(data.keys().all(|key| text.contains(key)), "its keys are there");
    world.end().await;
}

#[tokio::test]
async fn two_commits_are_compared_without_a_cluster() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.generated(&alpha, "instance");
    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "red"}}));
    world.put(&alpha, "ConfigMap", "gone", Some("web"), json!({"data": {"a": "1"}}));
    let base = world.as_applied("c0", &world.objects);
    assert!(!world.plan_from(&base).changes_anything(), "a commit against itself");

    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "blue"}}));
    world.drop_object(&alpha, "ConfigMap", "gone");
    let plan = world.plan_from(&base);
    assert_eq!(crate::story::action(&plan, &alpha, "ConfigMap", "settings").verb(), Verb::Change);
    assert_eq!(crate::story::action(&plan, &alpha, "ConfigMap", "gone").verb(), Verb::Delete);
    assert_eq!(crate::story::writes(&plan).len(), 2, "{:?}", crate::story::writes(&plan));
    world.end().await;
}

#[tokio::test]
async fn an_organisation_is_not_carried_to_another_cluster() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.homes.insert(alpha.clone(), crate::story::name("louise"));
    let (_, plan) = world.plan().await;
    let [one] = &plan.organisations[..] else { panic!("{plan:?}") };
    assert!(one.actions.is_empty(), "nothing is done on either cluster");
    let finding = one.findings.iter().next().expect("it is said why");
    assert_eq!(finding.code.as_str(), "E0490");
    assert_eq!(finding.title, format!("`{alpha}` cannot move from cluster `louise` to `ada`"));
    assert!(finding.help.iter().any(|help| help.contains("write `cluster louise` again")), "{finding:?}");
    world.end().await;
}
