//! Stories of applying: nothing twice, drift corrected, conflicts and others' objects left alone.

use parcelle::plan::{Changing, Creating, Done, Reason, Refusing, Skip, Verb};
use serde_json::json;

use crate::story::{World, deployment};

#[tokio::test]
async fn what_is_applied_once_is_not_written_again() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.generated(&alpha, "web-instance");
    let first = world.round().await;
    first.assert_all_done();
    assert_eq!(first.writes().len(), 5, "{:?}", first.writes());
    world.assert_inventory_exact(&alpha).await;
    assert_eq!(world.inventory(&alpha).await.commit, "c1");

    let before = world.versions(&[&alpha]).await;
    let counts = world.connection.counts();
    let second = world.round().await;
    second.assert_all_done();
    assert_eq!(second.writes(), Vec::<String>::new());
    assert_eq!(world.versions(&[&alpha]).await, before);
    let after = world.connection.counts();
    assert_eq!((after.writes, after.trials), (counts.writes, counts.trials), "no write, and no trial either");
    world.end().await;
}

#[tokio::test]
async fn drift_is_corrected_and_the_culprit_named() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.round().await.assert_all_done();
    world.edit("ConfigMap", &alpha, "settings", json!({"data": {"colour": "blue"}})).await;
    world.edit("Deployment", &alpha, "web", json!({"spec": {"replicas": 7}})).await;

    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(
        round.action(&alpha, "ConfigMap", "settings").reason(),
        Reason::Changing(&Changing::Drift { by: vec!["kubectl-edit".into()] })
    );
    assert_eq!(round.writes().len(), 2, "{:?}", round.writes());
    assert_eq!(world.get("ConfigMap", &alpha, "settings").await.unwrap()["data"]["colour"], "green");
    assert_eq!(world.get("Deployment", &alpha, "web").await.unwrap()["spec"]["replicas"], 2);
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn an_object_that_somebody_deleted_comes_back() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.round().await.assert_all_done();
    world.delete("Service", &alpha, "web").await;

    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.action(&alpha, "Service", "web").reason(), Reason::Creating(&Creating::DeletedBehindOurBack));
    assert!(world.get("Service", &alpha, "web").await.is_some());
    world.assert_inventory_exact(&alpha).await;
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn an_object_of_somebody_else_with_the_name_of_ours_is_left_alone() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    world.make("ConfigMap", &alpha, "settings", json!({"data": {"owner": "them"}})).await;
    let before = world.get("ConfigMap", &alpha, "settings").await.unwrap();

    world.ordinary(&alpha);
    world.put(&alpha, "Deployment", "pads", Some("pads"), deployment(1));
    let round = world.round().await;
    let action = round.action(&alpha, "ConfigMap", "settings");
    assert_eq!((action.verb(), action.reason()), (Verb::Refused, Reason::Refusing(&Refusing::NotOurs)));
    assert_eq!(world.get("ConfigMap", &alpha, "settings").await.unwrap(), before);
    // What reads it waits, and another app does not.
    let held = round.action(&alpha, "Deployment", "web");
    assert_eq!(held.reason().to_string(), "held back since ConfigMap settings was refused");
    assert_eq!(
        round.done(&alpha, "Deployment", "web"),
        &Done::Skipped { why: Skip::AfterFailure { of: action.id.clone() } }
    );
    assert!(world.get("Deployment", &alpha, "web").await.is_none());
    assert!(matches!(round.done(&alpha, "Deployment", "pads"), Done::Applied { .. }));
    world.end().await;
}

#[tokio::test]
async fn a_namespace_of_somebody_else_is_refused_whole() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.make("Namespace", &alpha, alpha.as_str(), json!({})).await;
    world.ordinary(&alpha);
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "Namespace", alpha.as_str()).reason(), Reason::Refusing(&Refusing::NotOurs));
    assert_eq!(round.writes(), Vec::<String>::new());
    assert!(world.get("Deployment", &alpha, "web").await.is_none());
    world.end().await;
}

#[tokio::test]
async fn nothing_is_written_to_a_cluster_with_another_uid() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    let mut cluster = (*world.garden.clusters[&crate::story::name("ada")]).clone();
    cluster.uid.value = "0c0ffee0-0000-4000-8000-000000000000".to_owned();
    world.garden.clusters.insert(crate::story::name("ada"), cluster.into());

    let round = world.round().await;
    let failure = round.outcome.organisations[0].failure.clone().unwrap();
    let uid = world.connection.uid().await.unwrap();
    assert!(failure.contains(&format!("write `uid \"{uid}\"` in the file of cluster `ada`")), "{failure}");
    assert_eq!(world.connection.counts().writes, 0);
    assert!(world.get("Namespace", &alpha, alpha.as_str()).await.is_none());
    world.end().await;
}

#[tokio::test]
async fn one_organisations_failure_stops_only_that_organisation() {
    let mut world = World::new().await;
    let (alpha, beta) = (world.organisation("alpha"), world.organisation("beta"));
    world.ordinary(&alpha);
    world.ordinary(&beta);
    let mut body = crate::story::deployment(2);
    body["spec"]["template"]["spec"]["containers"][0]["imag"] = "example.org/web:2".into();
    world.put(&alpha, "Deployment", "web", Some("web"), body);

    // Not asked beforehand, the apply is refused: the organisation stops there, the other goes on.
    world.ask = false;
    let round = world.round().await;
    assert!(matches!(round.done(&beta, "Deployment", "web"), Done::Applied { .. }));
    let Done::Failed { why, place, passing } = round.done(&alpha, "Deployment", "web") else { panic!("not refused") };
    assert!(why.contains(".spec.template.spec.containers[name=\"app\"].imag: field not declared in schema"), "{why}");
    assert!(!passing);
    let object = world.objects[&alpha].objects.iter().find(|object| &*object.id.kind == "Deployment").unwrap();
    let origin = object.origins.of("/spec/template/spec/containers/0/imag").unwrap();
    assert_eq!(place.as_ref().map(|place| place.line), Some(world.sources.start(origin).line));
    let finding = round.outcome.findings.iter().next().expect("a finding");
    assert_eq!(finding.primary.span, origin, "on the line of the field");
    assert_eq!(finding.why.as_deref(), Some("field not declared in schema"));

    // Asked, the plan knows it before anything is tried.
    world.ask = true;
    let round = world.round().await;
    assert!(matches!(
        round.action(&alpha, "Deployment", "web").reason(),
        Reason::Refusing(Refusing::ServerRefused { .. })
    ));
    assert_eq!(round.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn an_app_that_fails_keeps_no_other_app_down_and_nothing_is_deleted() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.put(&alpha, "ConfigMap", "old", Some("site"), json!({"data": {"a": "1"}}));
    world.round().await.assert_all_done();
    let Some(faults) = world.faults() else { return world.end().await };
    world.drop_object(&alpha, "ConfigMap", "old");
    for app in ["cloud", "site"] {
        world.put(&alpha, "ConfigMap", &format!("{app}-settings"), Some(app), json!({"data": {"a": "1"}}));
        world.put(&alpha, "Deployment", app, Some(app), crate::story::deployment(1));
    }
    let mut fault = crate::story::fault(&["patch"], "configmaps", 0, crate::story::refusal(403, "Forbidden", "no"));
    (fault.on.name, fault.on.dry_run) = (Some("cloud-settings".to_owned()), Some(false));
    faults.add(fault);
    let round = world.round().await;
    assert!(matches!(round.done(&alpha, "ConfigMap", "cloud-settings"), Done::Failed { .. }));
    let after = Done::Skipped {
        why: Skip::AfterFailure { of: round.action(&alpha, "ConfigMap", "cloud-settings").id.clone() },
    };
    assert_eq!(*round.done(&alpha, "Deployment", "cloud"), after);
    assert!(matches!(round.done(&alpha, "Deployment", "site"), Done::Applied { .. }), "it needs nothing of the other");
    assert_eq!(*round.done(&alpha, "ConfigMap", "old"), after, "nothing is deleted after something went wrong");
    faults.clear();
    world.round().await.assert_all_done();
    world.assert_inventory_exact(&alpha).await;
    world.end().await;
}
