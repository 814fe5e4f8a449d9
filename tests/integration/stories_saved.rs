//! Stories of plans that are applied later: exactly, or not where the world has moved.

use kube::api::{Patch, PatchParams};
use parcelle::plan::{Done, Plan, Skip};
use serde_json::json;

use crate::story::World;

#[expect(clippy::unwrap_used, reason = "a test")]
async fn changed(world: &mut World) -> (parcelle::name::Name, Plan) {
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.put(&alpha, "ConfigMap", "gone", Some("web"), json!({"data": {"a": "1"}}));
    world.round().await.assert_all_done();
    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "red", "size": "3"}}));
    world.put(&alpha, "ConfigMap", "new", Some("web"), json!({"data": {"a": "1"}}));
    world.put(&alpha, "Deployment", "web", Some("web"), crate::story::deployment(3));
    world.drop_object(&alpha, "ConfigMap", "gone");
    let plan = world.plan().await.1;
    // Saved and read again.
    let plan: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    (alpha, plan)
}

#[expect(clippy::unwrap_used, reason = "a test")]
fn done<'a>(outcome: &'a parcelle::engine::RoundOutcome, object: &str) -> &'a Done {
    &outcome.organisations[0].outcomes.iter().find(|one| &*one.id.name == object).unwrap().done
}

#[tokio::test]
async fn a_saved_plan_is_applied_exactly_also_after_status_writes() {
    let mut world = World::new().await;
    let (alpha, plan) = changed(&mut world).await;
    // Others write where the plan does not: versions move, the plan stands.
    world.edit("ConfigMap", &alpha, "settings", json!({"metadata": {"annotations": {"x": "y"}}})).await;
    world.edit("ConfigMap", &alpha, "gone", json!({"metadata": {"annotations": {"x": "y"}}})).await;
    let status = Patch::Merge(json!({"status": {"replicas": 2, "observedGeneration": 1}}));
    let controller = PatchParams { field_manager: Some("controller".to_owned()), ..PatchParams::default() };
    world.api("Deployment", &alpha).patch_status("web", &controller, &status).await.unwrap();
    assert_eq!(world.stale(&plan).await, Vec::<String>::new());
    let (mut state, _) = world.plan().await;
    world.api("Deployment", &alpha).patch_status("web", &controller, &status).await.unwrap();
    let outcome = world.apply(&mut state, &plan).await;
    assert!(!outcome.is_open(), "{outcome:?}");
    let web = world.get("Deployment", &alpha, "web").await.unwrap();
    assert_eq!((&web["spec"]["replicas"], &web["status"]["replicas"]), (&json!(3), &json!(2)));
    assert_eq!(world.get("ConfigMap", &alpha, "settings").await.unwrap()["data"]["colour"], "red");
    assert!(world.get("ConfigMap", &alpha, "gone").await.is_none());
    assert!(world.get("ConfigMap", &alpha, "new").await.is_some());
    world.assert_inventory_exact(&alpha).await;
    world.end().await;
}

#[tokio::test]
async fn a_saved_plan_is_stale_when_what_it_stands_on_has_moved() {
    let mut world = World::new().await;
    let (alpha, plan) = changed(&mut world).await;

    world.commit = "c2".to_owned();
    assert_eq!(world.stale(&plan).await, ["the commit was `c1` when it was made and is `c2` now"]);
    world.commit = "c1".to_owned();

    world.put(&alpha, "ConfigMap", "more", Some("web"), json!({"data": {"a": "1"}}));
    assert!(world.stale(&plan).await[0].starts_with("what is rendered for "));
    world.drop_object(&alpha, "ConfigMap", "more");

    world.edit("ConfigMap", &alpha, "settings", json!({"data": {"colour": "blue"}})).await;
    let moved = [format!("ConfigMap settings of `{alpha}` was changed where the plan writes")];
    assert_eq!(world.stale(&plan).await, moved);
    world.edit("ConfigMap", &alpha, "settings", json!({"data": {"colour": "green"}})).await;
    assert_eq!(world.stale(&plan).await, Vec::<String>::new());

    world.make("ConfigMap", &alpha, "new", json!({})).await;
    assert_eq!(world.stale(&plan).await, [format!("ConfigMap new of `{alpha}` is there by now")]);
    world.delete("ConfigMap", &alpha, "new").await;

    world.delete("ConfigMap", &alpha, "settings").await;
    assert_eq!(world.stale(&plan).await, [format!("ConfigMap settings of `{alpha}` is not there any more")]);

    let mut other = plan.clone();
    other.organisations[0].cluster_uid = "another".to_owned();
    assert!(world.stale(&other).await.contains(&"cluster `ada` is another one".to_owned()));
    world.end().await;
}

#[tokio::test]
async fn what_moves_between_plan_and_apply_stops_there() {
    let mut world = World::new().await;
    let (alpha, plan) = changed(&mut world).await;
    let (mut state, _) = world.plan().await;
    world.edit("ConfigMap", &alpha, "settings", json!({"data": {"colour": "blue"}})).await;
    let outcome = world.apply(&mut state, &plan).await;
    let Done::Failed { why, passing: false, .. } = done(&outcome, "settings") else { panic!("{outcome:?}") };
    assert!(why.contains("conflict with \"kubectl-edit\""), "{why}");
    assert_eq!(outcome.findings.iter().next().map(|finding| finding.code.as_str()), Some("E0651"));
    assert_eq!(world.get("ConfigMap", &alpha, "settings").await.unwrap()["data"]["colour"], "blue");
    assert!(world.get("ConfigMap", &alpha, "gone").await.is_some(), "nothing is deleted after something went wrong");

    // Drift is corrected with force: what moves after the plan must not be lost to that.
    let (mut state, plan) = world.plan().await;
    assert!(crate::story::action(&plan, &alpha, "ConfigMap", "settings").force());
    world.edit("ConfigMap", &alpha, "settings", json!({"data": {"colour": "black"}})).await;
    let outcome = world.apply(&mut state, &plan).await;
    assert!(matches!(done(&outcome, "settings"), Done::Skipped { why: Skip::Stale { .. } }), "{outcome:?}");
    assert_eq!(world.get("ConfigMap", &alpha, "settings").await.unwrap()["data"]["colour"], "black");
    world.end().await;
}

#[tokio::test]
async fn an_object_that_somebody_makes_between_plan_and_apply_is_left_as_it_was() {
    let mut world = World::new().await;
    let (alpha, plan) = changed(&mut world).await;
    let (mut state, _) = world.plan().await;
    world.make("ConfigMap", &alpha, "new", json!({"data": {"b": "2"}})).await;
    let outcome = world.apply(&mut state, &plan).await;
    let Done::Failed { why, .. } = done(&outcome, "new") else { panic!("{outcome:?}") };
    assert!(why.contains("somebody made an object of that name"), "{why}");
    let theirs = world.get("ConfigMap", &alpha, "new").await.unwrap();
    assert_eq!(theirs["data"], json!({"b": "2"}));
    assert!(theirs["metadata"]["labels"].is_null() && theirs["metadata"]["annotations"].is_null(), "{theirs}");
    // And it is not ours afterwards either.
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "ConfigMap", "new").verb(), parcelle::plan::Verb::Refused);
    world.end().await;
}

#[tokio::test]
async fn of_two_runs_at_once_one_is_refused_before_it_writes_anything() {
    let mut world = World::new().await;
    let (alpha, plan) = changed(&mut world).await;
    let (mut one, _) = world.plan().await;
    let (mut two, _) = world.plan().await;
    assert!(!world.apply(&mut one, &plan).await.is_open());
    let before = world.versions(&[&alpha]).await;
    let outcome = world.apply(&mut two, &plan).await;
    let failure = outcome.organisations[0].failure.clone().unwrap();
    assert!(failure.contains("was written by somebody else meanwhile"), "{failure}");
    assert_eq!(world.versions(&[&alpha]).await, before);
    world.end().await;
}

#[tokio::test]
async fn a_pause_in_the_cluster_stops_everything_until_it_is_lifted() {
    let mut world = World::new().await;
    let (alpha, _) = changed(&mut world).await;
    let writer = world.writer().await;
    let pause = async |why: Option<&str>| {
        let mut all = parcelle::cluster::inventory::read(&world.connection, &world.garden.name).await.unwrap();
        let mut stored = all.remove(&alpha).unwrap().unwrap();
        let garden = &world.garden.name;
        parcelle::cluster::inventory::pause(&writer, garden, &alpha, alpha.as_str(), &mut stored, why).await.unwrap();
    };
    pause(Some("a database is being moved")).await;
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    assert!(round.of(&alpha).standstill.is_some());
    world.round().await;
    pause(None).await;
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.writes().len(), 4);
    world.end().await;
}

#[tokio::test]
async fn a_kind_that_the_cluster_does_not_know_is_a_finding_that_names_who_wants_it() {
    let mut world = World::bare().await;
    let alpha = world.organisation("alpha");
    if world.knows_databases().await {
        println!("skipped: this server knows the kind that is to be missing");
        return world.end().await;
    }
    world.put(&alpha, "Cluster", "db", Some("web"), json!({"spec": {"instances": 1}}));
    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"a": "1"}}));
    let round = world.round().await;
    let findings = round.findings();
    let finding = findings.iter().find(|finding| finding.code.as_str() == "E0653").expect("a finding");
    assert_eq!(finding.title, "cluster `ada` knows no `Cluster`");
    assert!(finding.help[0].contains("install the CloudNativePG operator"), "{:?}", finding.help);
    assert_eq!(round.action(&alpha, "Cluster", "db").verb(), parcelle::plan::Verb::Held);
    assert!(world.get("ConfigMap", &alpha, "settings").await.is_some(), "everything else goes on");
    world.end().await;
}
