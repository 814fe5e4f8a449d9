//! Stories of pods that a workload leaves behind: nothing starts on their data before they are gone, by whatever way the workload
//! went, and people are told which they are, since when, and the way out.

use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use parcelle::plan::{Done, Holding, Reason, Skip, Verb};
use serde_json::{Value, json};

use crate::stories_renames::{NOTES, ask, notes, skipped, uid, world};
use crate::story::{Round, World, name};

fn api(world: &World, group: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    Api::namespaced_with(world.admin.clone(), "alpha", &resource)
}

async fn make(world: &World, group: &str, object: Value) -> Value {
    let api = api(world, group, object["kind"].as_str().unwrap());
    let made = api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    made.metadata.uid.unwrap().into()
}

fn owner(api_version: &str, kind: &str, name: &str, uid: &Value) -> Value {
    json!([{ "apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": true }])
}

/// A pod as a Deployment of the notes has it, on the volume `pads-data`.
fn pod(world: &World, spec: &Value, owners: &Value) -> Value {
    let labels = json!({
        "parcelle.dev/app": "pads", "parcelle.dev/garden": world.garden.name.as_str(), "app.kubernetes.io/component": "web",
    });
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "pads-web-1", "labels": labels, "ownerReferences": owners },
        "spec": {
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "pads-data" } }],
            "containers": [{
                "name": "web", "image": "registry.example/notes:1",
                "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
            }],
        },
    });
    pod["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    pod
}

/// Gives the notes' Deployment what a real controller makes of it: a ReplicaSet and a pod. The latter's node ends it, or not.
async fn run_pod(world: &World, spec: Value) {
    let deployment = uid(world, "Deployment", "pads-web").await.unwrap();
    let labels = json!({ "parcelle.dev/app": "pads", "app.kubernetes.io/component": "web" });
    let set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": "pads-web-7d4", "labels": labels,
            "ownerReferences": owner("apps/v1", "Deployment", "pads-web", &deployment),
        },
        "spec": { "replicas": 1, "selector": { "matchLabels": labels }, "template": {
            "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "web", "image": "registry.example/notes:1" }] },
        } },
    });
    let set = make(world, "apps", set).await;
    make(world, "", pod(world, &spec, &owner("apps/v1", "ReplicaSet", "pads-web-7d4", &set))).await;
}

/// The notes with a pod whose node nobody hears of: once it is to end, it does not.
async fn on_a_lost_node() -> World {
    let mut world = world().await;
    ask(&mut world, &notes(), "app notes pads", "c1").await;
    world.round().await.assert_all_done();
    run_pod(&world, json!({ "nodeName": "lost" })).await;
    world.wait = Some(Duration::from_millis(300));
    world
}

async fn is_there(world: &World, group: &str, kind: &str, object: &str) -> bool {
    api(world, group, kind).get_opt(object).await.unwrap().is_some()
}

/// Waits for what the garbage collector does.
async fn until(world: &World, group: &str, kind: &str, object: &str, is: impl Fn(Option<&DynamicObject>) -> bool) {
    for _ in 0..200 {
        if is(api(world, group, kind).get_opt(object).await.unwrap().as_ref()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{kind} {object} did not come to it");
}

async fn delete(world: &World, kind: &str, object: &str, how: &DeleteParams) {
    let group = if kind == "Pod" { "" } else { "apps" };
    let _answer = api(world, group, kind).delete(object, how).await.unwrap();
}

async fn force(world: &World) {
    delete(world, "Pod", "pads-web-1", &DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() })
        .await;
    until(world, "", "Pod", "pads-web-1", |found| found.is_none()).await;
}

/// The words of what is held for a pod, and the pods themselves.
fn stray(round: &Round, kind: &str, object: &str) -> Option<(String, Vec<String>)> {
    let action = round.action(&name("alpha"), kind, object);
    match action.reason() {
        Reason::Holding(why @ Holding::StrayPods { pods, .. }) => {
            Some((why.to_string(), pods.iter().map(|pod| pod.name.clone()).collect()))
        }
        _ => None,
    }
}

#[tokio::test]
async fn a_deletion_in_the_foreground_waits_down_the_whole_chain() {
    if skipped() {
        return;
    }
    let mut world = on_a_lost_node().await;
    ask(&mut world, &notes(), "app notes texts { was pads; }", "c2").await;
    for nth in 0..2 {
        let round = world.round().await;
        assert!(round.outcome.is_open());
        let by = "waits for foregroundDeletion";
        let told = match round.done(&name("alpha"), "Deployment", "texts-web") {
            Done::Skipped { why: Skip::WaitsFor { health, .. } } if nth == 0 => serde_json::to_string(health).unwrap(),
            _ => round.action(&name("alpha"), "Deployment", "pads-web").note.clone().unwrap_or_default(),
        };
        assert!(told.contains(by), "who holds its deletion up is named: {told}");
        assert!(uid(&world, "Deployment", "pads-web").await.is_some(), "its ReplicaSet still has a pod");
        assert!(is_there(&world, "apps", "ReplicaSet", "pads-web-7d4").await);
        assert!(uid(&world, "Deployment", "texts-web").await.is_none());
    }
    force(&world).await;
    until(&world, "apps", "Deployment", "pads-web", |found| found.is_none()).await;
    world.wait = Some(Duration::from_secs(10));
    world.round().await;
    assert!(uid(&world, "Deployment", "texts-web").await.is_some());
    world.end().await;
}

#[tokio::test]
async fn a_pod_that_a_deletion_in_the_background_left_is_waited_for_by_its_successor() {
    if skipped() {
        return;
    }
    let mut world = on_a_lost_node().await;
    delete(&world, "Deployment", "pads-web", &DeleteParams::background()).await;
    assert!(is_there(&world, "apps", "ReplicaSet", "pads-web-7d4").await, "what is collected goes on for a while");
    until(&world, "", "Pod", "pads-web-1", |pod| pod.unwrap().metadata.deletion_timestamp.is_some()).await;
    ask(&mut world, &notes(), "app notes texts { was pads; }", "c2").await;
    for _ in 0..3 {
        let round = world.round().await;
        let (words, pods) = stray(&round, "Deployment", "texts-web").expect("it is held");
        assert!(words.starts_with("does not start beside pod `pads-web-1`, which has `pads-data`"), "{words}");
        assert!(words.contains("is being ended since 20"), "{words}");
        assert_eq!(pods, ["pads-web-1"]);
        let Done::Skipped { why: Skip::WaitsFor { object, .. } } =
            round.done(&name("alpha"), "Deployment", "texts-web")
        else {
            panic!("it waits");
        };
        assert_eq!((&*object.kind, &*object.name), ("Pod", "pads-web-1"));
        assert!(uid(&world, "Deployment", "texts-web").await.is_none());
        assert!(uid(&world, "NetworkPolicy", "pads--app").await.is_some(), "it reaches what it did");
        assert!(round.outcome.is_open());
    }
    force(&world).await;
    world.wait = Some(Duration::from_secs(10));
    world.round().await;
    assert!(uid(&world, "Deployment", "texts-web").await.is_some());
    for _ in 0..2 {
        world.round().await;
    }
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn a_workload_that_is_made_again_or_called_otherwise_waits_for_the_pods_of_the_one_before_it() {
    if skipped() {
        return;
    }
    let mut world = on_a_lost_node().await;
    delete(&world, "Deployment", "pads-web", &DeleteParams::background()).await;
    until(&world, "", "Pod", "pads-web-1", |pod| pod.unwrap().metadata.deletion_timestamp.is_some()).await;
    let round = world.round().await;
    assert!(stray(&round, "Deployment", "pads-web").is_some(), "{:?}", round.writes());
    assert!(uid(&world, "Deployment", "pads-web").await.is_none());
    ask(&mut world, &NOTES.replace("NAME", "server").replace("NEED", "data"), "app notes pads", "c2").await;
    let round = world.round().await;
    assert!(stray(&round, "Deployment", "pads-server").is_some(), "{:?}", round.writes());
    assert!(uid(&world, "Deployment", "pads-server").await.is_none());
    // Nothing of the earlier one is in the inventory by now.
    let round = world.round().await;
    assert!(stray(&round, "Deployment", "pads-server").is_some(), "{:?}", round.writes());
    force(&world).await;
    world.round().await;
    assert!(uid(&world, "Deployment", "pads-server").await.is_some());
    world.end().await;
}

#[tokio::test]
async fn a_replica_set_that_was_let_go_holds_a_rename_up_and_is_taken_by_the_same_workload_made_again() {
    if skipped() {
        return;
    }
    let mut world = on_a_lost_node().await;
    let orphaned =
        DeleteParams { propagation_policy: Some(kube::api::PropagationPolicy::Orphan), ..DeleteParams::default() };
    delete(&world, "Deployment", "pads-web", &orphaned).await;
    until(&world, "apps", "Deployment", "pads-web", |found| found.is_none()).await;
    ask(&mut world, &notes(), "app notes texts { was pads; }", "c2").await;
    let round = world.round().await;
    let (words, _) = stray(&round, "Deployment", "texts-web").expect("it is held");
    assert!(words.contains("pod `pads-web-1`, which has `pads-data` and runs since 20"), "{words}");
    ask(&mut world, &notes(), "app notes pads", "c3").await;
    let (_, plan) = world.plan().await;
    let again = crate::story::action(&plan, &name("alpha"), "Deployment", "pads-web");
    assert_eq!(again.verb(), Verb::Create, "a Deployment takes its ReplicaSet back");
    world.end().await;
}

#[tokio::test]
async fn a_pod_that_is_left_between_plan_and_work_is_waited_for_too() {
    if skipped() {
        return;
    }
    let mut world = on_a_lost_node().await;
    ask(&mut world, &notes(), "app notes texts { was pads; }", "c2").await;
    let (mut live, plan) = world.plan().await;
    delete(&world, "Deployment", "pads-web", &DeleteParams::background()).await;
    until(&world, "apps", "Deployment", "pads-web", |found| found.is_none()).await;
    let outcome = world.apply(&mut live, &plan).await;
    assert!(outcome.is_open());
    assert!(uid(&world, "Deployment", "texts-web").await.is_none());
    assert!(uid(&world, "NetworkPolicy", "pads--app").await.is_some(), "what still runs reaches what it did");
    world.end().await;
}

#[tokio::test]
async fn a_stranger_on_the_volume_is_waited_for_and_a_backup_is_not() {
    if skipped() {
        return;
    }
    let mut world = world().await;
    ask(&mut world, &notes(), "app notes pads", "c1").await;
    world.round().await.assert_all_done();
    world.wait = Some(Duration::from_millis(300));
    let labelled = |labels: Value| {
        let mut pod = pod(&world, &json!({}), &Value::Null);
        pod["metadata"] = json!({ "name": "pads-web-1", "labels": labels });
        pod
    };
    let (theirs, backup) = (labelled(json!({ "app": "shell" })), labelled(json!({ "k8upjob": "true" })));
    make(&world, "", theirs).await;
    ask(&mut world, &notes(), "app notes texts { was pads; }", "c2").await;
    let round = world.round().await;
    assert!(uid(&world, "Deployment", "pads-web").await.is_none(), "it was stopped, and its pods are gone");
    assert!(uid(&world, "Deployment", "texts-web").await.is_none(), "{:?}", round.outcome);
    assert!(stray(&world.round().await, "Deployment", "texts-web").is_some());
    let pods = api(&world, "", "Pod");
    let _deleted = pods.delete("pads-web-1", &DeleteParams::default()).await.unwrap();
    make(&world, "", backup).await;
    world.round().await;
    assert!(uid(&world, "Deployment", "texts-web").await.is_some());
    world.end().await;
}

#[tokio::test]
async fn pods_that_may_not_be_listed_count_as_there() {
    if skipped() {
        return;
    }
    let world = on_a_lost_node().await;
    delete(&world, "Deployment", "pads-web", &DeleteParams::background()).await;
    for resource in ["pods", "replicasets.apps"] {
        let effect = crate::story::refusal(403, "Forbidden", "may not list");
        world.faults().unwrap().clear();
        world.faults().unwrap().add(crate::story::fault(&["list"], resource, 0, effect));
        let round = world.round().await;
        let (words, pods) = stray(&round, "Deployment", "pads-web").expect("it is held");
        assert!(words.contains("is not known") && words.contains("verbs: [list]"), "{words}");
        assert_eq!(pods, Vec::<String>::new());
        assert!(uid(&world, "Deployment", "pads-web").await.is_none());
    }
    world.end().await;
}
