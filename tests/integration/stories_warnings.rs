//! Stories of what an API server warns of: told once, on the line that it is about, and stopping nothing.

use parcelle::engine::Event;
use parcelle::finding::Severity;
use parcelle::sandbox::{Fault, FaultEffect, RequestMatcher};
use serde_json::{Value, json};

use crate::stories_loop::{Loop, commit};
use crate::stories_past::{garden, notes};
use crate::story::{World, deployment, fault, line};

const OLD: &str = "spec.template.spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use \"kubernetes.io/arch\" instead";

fn warn(message: &str) -> FaultEffect {
    FaultEffect::Warn { message: message.to_owned() }
}

/// A Deployment that chooses its nodes by a label that has another name by now.
fn choosing() -> Value {
    let mut body = deployment(1);
    body["spec"]["template"]["spec"]["nodeSelector"] = json!({"beta.kubernetes.io/arch": "amd64"});
    body
}

/// What was warned of in a round: line and words.
fn warned(round: &crate::story::Round) -> Vec<(usize, String)> {
    let findings = round.findings();
    let mine = findings.iter().filter(|finding| finding.code.as_str() == "W0650");
    mine.map(|finding| {
        assert_eq!(finding.severity, Severity::Warning);
        let at = (1..200).find(|at| line(*at) == finding.primary.span).expect("a line of the test's file");
        (at, finding.why.clone().unwrap())
    })
    .collect()
}

#[tokio::test]
async fn a_field_that_is_deprecated_is_told_on_its_line_by_plan_and_outcome() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    world.put(&alpha, "Deployment", "web", Some("web"), choosing());
    let (_, plan) = world.plan().await;
    let planned: Vec<_> = plan.organisations[0].findings.iter().map(|finding| finding.why.clone().unwrap()).collect();
    assert_eq!(planned, [OLD]);
    let round = world.round().await;
    round.assert_all_done();
    let told = warned(&round);
    assert!(told.iter().all(|(at, words)| *at > 30 && words == OLD), "on the line of the field: {told:?}");
    let outcomes = &round.outcome.organisations[0].outcomes;
    let outcome = outcomes.iter().find(|outcome| &*outcome.id.kind == "Deployment").unwrap();
    assert_eq!(outcome.warnings, [OLD]);
    assert_eq!(serde_json::to_value(outcome).unwrap()["warnings"], json!([OLD]));
    assert!(outcomes.iter().filter(|other| other.id != outcome.id).all(|other| other.warnings.is_empty()));
    // Nothing is written, nothing is warned of.
    assert_eq!(warned(&world.round().await), []);
    world.end().await;
}

#[tokio::test]
async fn what_webhooks_say_is_bounded_plain_and_told_of_each_object() {
    let mut world = World::new().await;
    let Some(faults) = world.faults() else { return };
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    world.put(&alpha, "ConfigMap", "a", Some("web"), json!({"data": {"x": "1"}}));
    world.put(&alpha, "ConfigMap", "b", Some("web"), json!({"data": {"x": "1"}}));
    world.generated(&alpha, "web-instance");
    for message in
        ["say \"please\", \u{202e}or\u{1b}[31m else", &"long ".repeat(1_000), "data.x: is odd", "data.x: is odd"]
    {
        faults.add(fault(&["create", "patch"], "configmaps", 0, warn(message)));
    }
    faults.add(fault(&["create"], "secrets", 0, warn("a secret, too")));
    world.ask = false;
    let round = world.round().await;
    round.assert_all_done();
    let told = warned(&round);
    let words = |wanted: &str| told.iter().filter(|(_, words)| words == wanted).count();
    assert_eq!(
        (words("say \"please\", or[31m else"), words("data.x: is odd"), words("a secret, too")),
        (2, 2, 1),
        "{told:?}"
    );
    assert!(told.iter().all(|(_, words)| words.chars().count() <= 501 && !words.contains(char::is_control)));
    let odd = told.iter().find(|(_, words)| words == "data.x: is odd").unwrap();
    let please = told.iter().find(|(_, words)| words.starts_with("say")).unwrap();
    assert!(odd.0 >= 30 && please.0 == 10, "the field's line, the object's line: {told:?}");
    world.end().await;
}

#[tokio::test]
async fn a_version_of_an_api_that_goes_away_is_told() {
    let mut world = World::bare().await;
    if world.sandbox.is_none() {
        return;
    }
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    let structure = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1alpha1", "served": true, "storage": true, "deprecated": true, "schema": structure}],
        },
    });
    let resource = kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
    ));
    let api: kube::Api<kube::api::DynamicObject> = kube::Api::all_with(world.admin.clone(), &resource);
    api.create(&kube::api::PostParams::default(), &serde_json::from_value(definition).unwrap()).await.unwrap();
    world.put(&alpha, "Widget", "one", Some("web"), json!({"spec": {"size": 3}}));
    let mut told = Vec::new();
    // The definition is served a moment later.
    for _ in 0..50 {
        told = warned(&world.round().await);
        if !told.is_empty() {
            break;
        }
    }
    assert_eq!(told.last(), Some(&(10, "example.org/v1alpha1 Widget is deprecated".to_owned())));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_tells_each_warning_once_on_the_line_of_the_garden() {
    let mut this = Loop::begun_with(&garden(&notes(32, ""))).await;
    let on = RequestMatcher {
        verbs: vec!["patch".to_owned()],
        resource: Some("persistentvolumeclaims".to_owned()),
        namespace: Some("alpha".to_owned()),
        ..RequestMatcher::default()
    };
    this.handle.faults().add(Fault { on, effect: warn("spec.resources.requests.storage: the class rounds up") });
    let mut told = Vec::new();
    for size in [3, 4, 5] {
        commit(&this.folder.path().join("garden"), &garden(&notes(32, &format!("        storage {size} GiB\n"))));
        let turn = this.turn(Event::Poll).await.unwrap();
        assert!(turn.writes.contains(&"Change PersistentVolumeClaim notes-data".to_owned()), "{:?}", turn.writes);
        told.extend(turn.places.into_iter().filter(|place| place.contains("warns of")));
        this.until_calm().await;
    }
    // Once, where the size is said, although each commit moved the value.
    let title =
        "the API server warns of `spec.resources.requests.storage` of `PersistentVolumeClaim notes-data` in `alpha`";
    assert_eq!(told, [format!("organisations/alpha.kdl:10:9 {title}")]);
    this.ended().await;
}
