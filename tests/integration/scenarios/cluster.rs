//! Faults 19, 20, 25–32, 38: what the cluster serves, denies or does on its own.

use std::time::{Duration, Instant};

use parcelle::plan::{Changing, Done, Holding, Keeping, Reason, Refusing, Verb};
use parcelle::sandbox::{Fault, FaultEffect, RequestMatcher};
use serde_json::json;

use super::{assert_completes, data, settled, why};
use crate::story::{World, fault, refusal};

/// A world with an object of a kind that a stranger defines.
async fn with_widget(versions: &[(&str, bool)]) -> (World, parcelle::name::Name) {
    let mut world = World::new().await;
    world.define_widgets(versions).await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.put(&alpha, "Widget", "one", Some("web"), json!({"spec": {"size": 3}}));
    world.round().await.assert_all_done();
    (world, alpha)
}

/// Only the sandbox defines kinds for one story alone.
fn shared() -> bool {
    crate::story::real().is_some()
}

/// The garden asks for the widget in another version of its API.
fn ask_in(world: &mut World, alpha: &parcelle::name::Name, version: &str) {
    for object in &mut world.objects_of(alpha).objects {
        if &*object.id.kind == "Widget" {
            object.id.api_version = format!("example.org/{version}").into();
            object.body["apiVersion"] = format!("example.org/{version}").into();
        }
    }
}

async fn uid_of(world: &World, alpha: &parcelle::name::Name, version: &str) -> Option<String> {
    let kind = kube::core::GroupVersionKind::gvk("example.org", version, "Widget");
    let resource = kube::core::ApiResource::from_gvk(&kind);
    let api: kube::Api<kube::api::DynamicObject> =
        kube::Api::namespaced_with(world.admin.clone(), alpha.as_str(), &resource);
    api.get_opt("one").await.unwrap().and_then(|found| found.metadata.uid)
}

#[tokio::test]
async fn scenario_19_a_version_of_an_api_that_is_removed_loses_nothing() {
    if shared() {
        return;
    }
    let (mut world, alpha) = with_widget(&[("v1alpha1", true), ("v1", true)]).await;
    let uid = uid_of(&world, &alpha, "v1").await;
    assert!(uid.is_some());
    world.define_widgets(&[("v1alpha1", false), ("v1", true)]).await;

    // The garden still asks for the old one: it is said, and nothing is deleted or forgotten.
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    assert!(round.findings().iter().any(|finding| finding.code.as_str() == "E0653"), "{:?}", round.findings());
    assert_eq!(uid_of(&world, &alpha, "v1").await, uid);

    // Asked for in the version that is left, it is there as it was.
    ask_in(&mut world, &alpha, "v1");
    world.round().await.assert_all_done();
    assert_eq!(uid_of(&world, &alpha, "v1").await, uid, "the same object");
    let inventory = world.inventory(&alpha).await;
    let widgets: Vec<&str> =
        inventory.entries.keys().filter(|id| &*id.kind == "Widget").map(|id| &*id.api_version).collect();
    assert_eq!(widgets, ["example.org/v1"], "the entry moved with its version");
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.drop_object(&alpha, "Widget", "one");
    world.round().await.assert_all_done();
    assert_eq!(uid_of(&world, &alpha, "v1").await, None);
}

#[tokio::test]
async fn scenario_20_an_api_group_whose_server_is_down_is_not_pruned() {
    if shared() {
        return;
    }
    let (mut world, alpha) = with_widget(&[("v1alpha1", true)]).await;
    let Some(faults) = world.faults() else { return };
    faults.add(fault(
        &[],
        "*.example.org",
        0,
        refusal(503, "ServiceUnavailable", "the server is currently unable to handle the request"),
    ));
    world.drop_object(&alpha, "Widget", "one");
    world.put(&alpha, "ConfigMap", "settings", Some("web"), data("2"));
    let round = world.round().await;
    assert_eq!(round.writes(), ["Change ConfigMap settings"], "everything else goes on");
    let action = round.action(&alpha, "Widget", "one");
    assert!(
        matches!((action.verb(), action.reason()), (Verb::Held, Reason::Holding(Holding::NotRead { .. }))),
        "{action:?}"
    );
    assert!(!round.findings().iter().any(|finding| finding.code.as_str() == "E0653"), "it is silent, not missing");
    assert!(world.inventory(&alpha).await.entries.keys().any(|id| &*id.kind == "Widget"), "its entry is kept");
    faults.clear();
    assert!(uid_of(&world, &alpha, "v1alpha1").await.is_some());
    assert_eq!(world.round().await.writes(), ["Delete Widget one"]);
    assert_eq!(uid_of(&world, &alpha, "v1alpha1").await, None);
}

#[tokio::test]
async fn scenario_25_a_kind_that_comes_and_goes_is_looked_for_anew() {
    if shared() {
        return;
    }
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.put(&alpha, "Widget", "one", Some("web"), json!({"spec": {"size": 3}}));
    let round = world.round().await;
    assert!(round.findings().iter().any(|finding| finding.code.as_str() == "E0653"));
    assert_eq!(round.action(&alpha, "Widget", "one").verb(), Verb::Held);
    assert!(world.get("Deployment", &alpha, "web").await.is_some(), "everything else goes on");

    world.define_widgets(&[("v1alpha1", true)]).await;
    assert_eq!(world.round().await.writes(), ["Create Widget one"]);

    // Deleted after the plan was made: a 404 while applying.
    world.put(&alpha, "Widget", "one", Some("web"), json!({"spec": {"size": 4}}));
    let (mut state, plan) = world.plan().await;
    world.forget_widgets().await;
    let outcome = world.apply(&mut state, &plan).await;
    assert!(outcome.is_open(), "{outcome:?}");
    // From then on the kind is missing, its objects with it, and the entry is no reason to delete or to forget anything.
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "Widget", "one").verb(), Verb::Held);
    assert!(world.inventory(&alpha).await.entries.keys().any(|id| &*id.kind == "Widget"));
    world.define_widgets(&[("v1alpha1", true)]).await;
    world.round().await.assert_all_done();
    assert!(uid_of(&world, &alpha, "v1alpha1").await.is_some());
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn scenario_26_a_conversion_webhook_that_is_down_holds_its_kind_only() {
    if shared() {
        return;
    }
    let (mut world, alpha) = with_widget(&[("v1alpha1", true)]).await;
    let Some(faults) = world.faults() else { return };
    let words = "conversion webhook for example.org/v1, Kind=Widget failed: Post \"https://widgets.example.org/convert\": connection refused";
    faults.add(fault(&["list", "get", "patch"], "widgets.example.org", 0, refusal(500, "InternalError", words)));
    world.drop_object(&alpha, "Widget", "one");
    world.put(&alpha, "ConfigMap", "settings", Some("web"), data("2"));
    let round = world.round().await;
    assert_eq!(round.writes(), ["Change ConfigMap settings"]);
    let Reason::Holding(Holding::NotRead { why }) = round.action(&alpha, "Widget", "one").reason() else {
        panic!("it was read")
    };
    assert!(why.contains("conversion webhook"), "{why}");
    faults.clear();
    assert_eq!(world.round().await.writes(), ["Delete Widget one"]);
}

#[tokio::test]
async fn scenario_27_a_namespace_that_is_being_deleted_is_waited_for() {
    let (mut world, alpha) = settled().await;
    // Something in it keeps it from going.
    world.make("ConfigMap", &alpha, "kept", json!({"metadata": {"finalizers": ["example.org/never"]}})).await;
    world.put(&alpha, "ConfigMap", "new", Some("web"), data("1"));
    let (mut state, plan) = world.plan().await;
    world.delete("Namespace", &alpha, alpha.as_str()).await;

    // The plan was made before: the server says that the namespace is being terminated.
    let outcome = world.apply(&mut state, &plan).await;
    let new = outcome.organisations[0].outcomes.iter().find(|one| &*one.id.name == "new").unwrap();
    assert!(matches!(&new.done, Done::Failed { passing: true, .. }), "{new:?}");
    // From then on nothing is tried, round after round.
    for _ in 0..3 {
        let round = world.round().await;
        assert_eq!(round.writes(), Vec::<String>::new());
        assert_eq!(round.action(&alpha, "ConfigMap", "new").reason(), Reason::Holding(&Holding::NamespaceBarred));
    }
    assert!(!world.inventory(&alpha).await.entries.is_empty(), "what is ours is known as long as it may be there");
    world.edit("ConfigMap", &alpha, "kept", json!({"metadata": {"finalizers": null}})).await;
    world.end().await;
}

#[tokio::test]
async fn scenario_28_a_finalizer_that_never_completes_holds_its_own_object_only() {
    let (mut world, alpha) = settled().await;
    world.put(&alpha, "ConfigMap", "stuck", Some("web"), data("1"));
    world.round().await.assert_all_done();
    world.edit("ConfigMap", &alpha, "stuck", json!({"metadata": {"finalizers": ["example.org/never"]}})).await;
    world.drop_object(&alpha, "ConfigMap", "stuck");
    let round = world.round().await;
    assert_eq!(*round.done(&alpha, "ConfigMap", "stuck"), Done::Deleting);
    for value in ["2", "3"] {
        world.put(&alpha, "ConfigMap", "settings", Some("web"), data(value));
        let round = world.round().await;
        assert_eq!(
            round.action(&alpha, "ConfigMap", "stuck").reason(),
            Reason::Keeping(&Keeping::Leaving),
            "not deleted again"
        );
        assert_eq!(round.writes(), ["Change ConfigMap settings"], "and nothing waits for it");
        assert!(world.inventory(&alpha).await.entries.keys().any(|id| &*id.name == "stuck"), "known until it is gone");
    }
    world.edit("ConfigMap", &alpha, "stuck", json!({"metadata": {"finalizers": null}})).await;
    assert_completes(&world, &alpha).await;
    world.end().await;
}

const POLICY: &str = "admission webhook \"policy.example.org\" denied the request: images need a digest";

#[tokio::test]
async fn scenario_29_admission_that_denies_a_write_is_said_on_its_line() {
    let (mut world, alpha) = settled().await;
    let Some(faults) = world.faults() else { return world.end().await };
    faults.add(fault(&["patch"], "deployments.apps", 0, refusal(403, "Forbidden", POLICY)));
    world.put(&alpha, "ConfigMap", "settings", Some("web"), data("2"));
    world.put(&alpha, "Deployment", "web", Some("web"), crate::story::deployment(4));
    // Asked, the plan knows it.
    let round = world.round().await;
    assert_eq!(round.writes(), ["Change ConfigMap settings"]);
    let Reason::Refusing(Refusing::ServerRefused { status: 403, message }) =
        round.action(&alpha, "Deployment", "web").reason()
    else {
        panic!("{:?}", round.action(&alpha, "Deployment", "web"))
    };
    assert_eq!(message, POLICY);
    // Not asked, the outcome says it, and the object is not deleted for it.
    world.ask = false;
    let round = world.round().await;
    assert!(why(&round, &alpha, "Deployment", "web").contains(POLICY));
    let findings = round.findings();
    let finding = findings.iter().find(|finding| finding.code.as_str() == "E0652").expect("a finding");
    assert_eq!(finding.why.as_deref(), Some(POLICY));
    assert_eq!(world.sources.start(finding.primary.span).line, 10, "the line that asks for the object");
    assert_eq!(world.get("Deployment", &alpha, "web").await.unwrap()["spec"]["replicas"], 2);
    world.end().await;
}

#[tokio::test]
async fn scenario_30_admission_that_denies_a_delete_keeps_the_entry() {
    let (mut world, alpha) = settled().await;
    let Some(faults) = world.faults() else { return world.end().await };
    world.drop_object(&alpha, "Service", "web");
    faults.add(fault(&["delete"], "services", 0, refusal(403, "Forbidden", POLICY)));
    let round = world.round().await;
    assert!(why(&round, &alpha, "Service", "web").contains(POLICY));
    assert!(world.inventory(&alpha).await.entries.keys().any(|id| &*id.kind == "Service"));
    faults.clear();
    assert_completes(&world, &alpha).await;
    assert!(world.get("Service", &alpha, "web").await.is_none());
    world.end().await;
}

#[tokio::test]
async fn scenario_31_a_webhook_that_rewrites_our_field_is_told_and_not_fought() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    let Some(faults) = world.faults() else { return world.end().await };
    let effect = FaultEffect::Rewrite { pointer: "/spec/replicas".to_owned(), value: json!(5) };
    faults.add(fault(&["patch"], "deployments.apps", 0, effect));
    world.ordinary(&alpha);
    world.round().await.assert_all_done();
    let before = world.versions(&[&alpha]).await;
    for _ in 0..3 {
        let round = world.round().await;
        assert_eq!(round.writes(), Vec::<String>::new());
        let action = round.action(&alpha, "Deployment", "web");
        assert_eq!(action.reason(), Reason::Keeping(&Keeping::Rewritten { path: "spec.replicas".to_owned() }));
        assert!(action.reason().to_string().contains("a mutating webhook"), "{}", action.reason());
    }
    assert_eq!(world.versions(&[&alpha]).await, before, "it is asked about, not written again and again");
    world.end().await;
}

#[tokio::test]
async fn scenario_31_a_manager_who_changes_our_field_back_is_named_each_time() {
    let (world, alpha) = settled().await;
    for replicas in [7, 8, 9] {
        world.write_as("scaler", "Deployment", &alpha, "web", json!({"spec": {"replicas": replicas}})).await;
        let round = world.round().await;
        round.assert_all_done();
        assert_eq!(
            round.action(&alpha, "Deployment", "web").reason(),
            Reason::Changing(&Changing::Drift { by: vec!["scaler".to_owned()] })
        );
    }
    world.end().await;
}

#[tokio::test]
async fn scenario_32_a_webhook_that_cannot_be_tried_leaves_the_plan_not_verified() {
    let (mut world, alpha) = settled().await;
    let Some(faults) = world.faults() else { return world.end().await };
    let no_trial = refusal(400, "BadRequest", "admission webhook \"policy.example.org\" does not support dry run");
    let timeout = refusal(504, "Timeout", "failed calling webhook \"policy.example.org\": context deadline exceeded");
    for (at, effect) in [no_trial, timeout].into_iter().enumerate() {
        let on = RequestMatcher { verbs: vec!["patch".to_owned()], dry_run: Some(true), ..RequestMatcher::default() };
        faults.add(Fault { on, effect });
        world.put(&alpha, "ConfigMap", "settings", Some("web"), data(&format!("{at}")));
        let begun = Instant::now();
        let round = world.round().await;
        let action = round.action(&alpha, "ConfigMap", "settings");
        assert_eq!((action.verb(), action.verified), (Verb::Change, false), "{action:?}");
        assert_eq!(action.changes.iter().filter(|change| change.path == "data.a").count(), 1, "reckoned here");
        round.assert_all_done();
        assert!(begun.elapsed() < Duration::from_secs(15));
        faults.clear();
    }
    assert_completes(&world, &alpha).await;
    world.end().await;
}

#[tokio::test]
async fn scenario_38_a_quota_that_is_exceeded_is_said_and_stops_nobody_else() {
    let mut world = World::new().await;
    let (alpha, beta) = (world.organisation("alpha"), world.organisation("beta"));
    let Some(faults) = world.faults() else { return world.end().await };
    world.ordinary(&alpha);
    world.ordinary(&beta);
    let words = "deployments.apps \"web\" is forbidden: exceeded quota: ceiling, requested: limits.memory=64Mi, used: limits.memory=4Gi, limited: limits.memory=4Gi";
    let on = RequestMatcher {
        verbs: vec!["patch".to_owned()],
        resource: Some("deployments.apps".to_owned()),
        namespace: Some(alpha.to_string()),
        ..RequestMatcher::default()
    };
    faults.add(Fault { on, effect: refusal(403, "Forbidden", words) });
    world.ask = false;
    let round = world.round().await;
    assert!(why(&round, &alpha, "Deployment", "web").contains("exceeded quota: ceiling"));
    let findings = round.findings();
    let finding = findings.iter().find(|finding| finding.code.as_str() == "E0652").expect("a finding");
    assert!(finding.why.as_ref().unwrap().contains("limited: limits.memory=4Gi"), "{:?}", finding.why);
    assert!(finding.help[0].contains("a quota"), "{:?}", finding.help);
    assert!(matches!(round.done(&beta, "Deployment", "web"), Done::Applied { .. }));
    assert!(world.get("ConfigMap", &alpha, "settings").await.is_some(), "what fits is there");
    faults.clear();
    assert_completes(&world, &alpha).await;
    world.end().await;
}
