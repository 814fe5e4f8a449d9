//! Stories of fields of which only one may be said, and somebody else said the other: it is drift, told in words, taken away by one
//! patch, and nothing of it stays in the books, whenever a run ends.

use futures::{StreamExt, stream};
use kube::api::{Patch, PatchParams};
use parcelle::name::Name;
use parcelle::plan::{Done, Skip, Verb};
use parcelle::sandbox::{FaultEffect, RequestMatcher};
use serde_json::{Value, json};

use crate::story::unions::{breaks, container, web};
use crate::story::{World, real};

async fn settled() -> (World, Name) {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.put(&alpha, "Deployment", "web", Some("web"), web());
    world.round().await.assert_all_done();
    (world, alpha)
}

#[expect(clippy::unwrap_used, reason = "a test")]
async fn edit(world: &World, by: &str, alpha: &Name, patch: &Value) {
    let by = PatchParams { field_manager: Some(by.to_owned()), ..PatchParams::default() };
    world.api("Deployment", alpha).patch("web", &by, &Patch::Strategic(patch)).await.unwrap();
}

fn managers(object: &Value) -> Vec<&str> {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries.filter_map(|entry| entry["manager"].as_str()).collect()
}

/// What is wanted is live, nothing that was ours for a moment is in the books, and the next round has nothing to do.
#[expect(clippy::unwrap_used, reason = "a test")]
async fn assert_put_right(world: &World, alpha: &Name, told: &str) {
    let found = world.get("Deployment", alpha, "web").await.unwrap();
    let spec = &found["spec"];
    assert_eq!(spec["strategy"], json!({"type": "Recreate"}), "{told}");
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["volumes"], json!([{"name": "v", "emptyDir": {}}]), "{told}");
    assert_eq!(pod["securityContext"]["seccompProfile"], json!({"type": "RuntimeDefault"}), "{told}");
    let app = &pod["containers"][0];
    assert_eq!(app["env"], web()["spec"]["template"]["spec"]["containers"][0]["env"], "{told}");
    assert_eq!(app["lifecycle"], json!({"preStop": {"sleep": {"seconds": 5}}}), "{told}");
    assert_eq!(app["volumeMounts"], json!([{"name": "v", "mountPath": "/v", "subPath": "a"}]), "{told}");
    let probe = &app["readinessProbe"];
    assert_eq!((&probe["httpGet"]["port"], &probe["periodSeconds"]), (&json!(8080), &json!(7)), "{told}");
    assert!(["tcpSocket", "exec", "grpc"].iter().all(|handler| probe.get(handler).is_none()), "{told}");
    let books = managers(&found);
    assert!(!books.iter().any(|name| name.starts_with("parcelle-")), "{told}: {books:?}");
    assert_eq!(world.round().await.writes(), Vec::<String>::new(), "{told}");
}

#[tokio::test]
async fn each_field_in_place_of_ours_is_told_and_taken_away() {
    let (world, alpha) = settled().await;
    for (patch, field) in breaks() {
        edit(&world, "kubectl-edit", &alpha, &patch).await;
        let round = world.round().await;
        assert_eq!(round.writes(), ["Change Deployment web"], "{field}");
        let action = round.action(&alpha, "Deployment", "web");
        let note = action.note.clone().unwrap_or_default();
        assert!(note.starts_with("takes away `") && note.contains(field), "{field}: {note}");
        assert_eq!(action.reason().to_string(), "drift: `kubectl-edit` changed it in the cluster", "{field}");
        assert!(action.verified, "the server was asked about the patch: {field}");
        round.assert_all_done();
        assert_put_right(&world, &alpha, field).await;
    }
    world.assert_inventory_exact(&alpha).await;
    world.end().await;
}

#[tokio::test]
async fn several_of_several_managers_go_in_one_patch_and_what_they_wrote_besides_stays() {
    let (world, alpha) = settled().await;
    for (at, (patch, _)) in breaks().into_iter().enumerate().filter(|(at, _)| [0, 3, 6, 8].contains(at)) {
        edit(&world, ["kubectl-edit", "argocd"][at % 2], &alpha, &patch).await;
    }
    edit(&world, "argocd", &alpha, &json!({"metadata": {"annotations": {"theirs": "x"}}, "spec": {"paused": true}}))
        .await;
    let before = world.connection.counts().writes;
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(
        round.action(&alpha, "Deployment", "web").note.as_deref().unwrap_or_default().matches("takes away").count(),
        4
    );
    assert_eq!(world.connection.counts().writes - before, 3, "one patch, our apply, and the books");
    assert_put_right(&world, &alpha, "several").await;
    let found = world.get("Deployment", &alpha, "web").await.expect("it is there");
    assert_eq!((&found["metadata"]["annotations"]["theirs"], &found["spec"]["paused"]), (&json!("x"), &json!(true)));
    world.end().await;
}

/// Somebody broke two unions, and the number of replicas passes to an autoscaler in the same round.
async fn broken() -> (World, Name) {
    let (mut world, alpha) = settled().await;
    for at in [0, 8] {
        edit(&world, "kubectl-edit", &alpha, &breaks()[at].0).await;
    }
    let mut body = web();
    body["spec"].as_object_mut().expect("a spec").remove("replicas");
    world.put(&alpha, "Deployment", "web", Some("web"), body);
    (world, alpha)
}

#[tokio::test]
async fn a_run_killed_between_any_two_of_its_requests_is_completed_by_the_next() {
    for writes in 0.. {
        let (mut world, alpha) = broken().await;
        let killed = world.killed_after(writes).await;
        let done = !killed.outcome.is_open();
        for _ in 0..2 {
            world.round().await;
        }
        assert_put_right(&world, &alpha, &format!("after {writes} writes")).await;
        let found = world.get("Deployment", &alpha, "web").await.expect("it is there");
        assert_eq!(found["spec"]["replicas"], 2, "after {writes} writes");
        world.assert_inventory_exact(&alpha).await;
        world.end().await;
        if done {
            assert!(writes >= 5, "hand-over, patch, apply, books, inventory: {writes}");
            return;
        }
    }
}

#[tokio::test]
async fn what_a_killed_run_left_in_the_books_is_told_and_taken_out() {
    let (world, alpha) = settled().await;
    for manager in ["parcelle-union", "parcelle-handover"] {
        edit(&world, manager, &alpha, &json!({"spec": {"minReadySeconds": 3}})).await;
        let round = world.round().await;
        assert_eq!(round.writes(), ["Change Deployment web"], "{manager}");
        let reason = round.action(&alpha, "Deployment", "web").reason().to_string();
        assert_eq!(reason, "nothing moves; what an interrupted run left in its books is taken out", "{manager}");
        round.assert_all_done();
        assert_put_right(&world, &alpha, manager).await;
        edit(&world, "kubectl-edit", &alpha, &json!({"spec": {"minReadySeconds": null}})).await;
    }
    world.end().await;
}

#[tokio::test]
async fn a_lost_answer_to_any_of_the_requests_is_read_back() {
    if real().is_some() {
        println!("skipped: a real server has no faults on demand");
        return;
    }
    let cases = (1..=5).flat_map(|nth| [(FaultEffect::CutAfter, nth), (FaultEffect::CutBefore, nth)]);
    let cases: Vec<_> = cases.map(|(effect, nth)| lost_answer(effect, nth)).collect();
    stream::iter(cases).buffer_unordered(10).collect::<()>().await;
}

async fn lost_answer(effect: FaultEffect, nth: u64) {
    let (world, alpha) = broken().await;
    let faults = world.faults().expect("a sandbox has faults");
    let verbs = vec!["patch".to_owned(), "update".to_owned()];
    let on = RequestMatcher { verbs, nth: Some(nth), ..RequestMatcher::default() };
    faults.add(parcelle::sandbox::Fault { on, effect: effect.clone() });
    world.round().await.assert_all_done();
    faults.clear();
    assert_put_right(&world, &alpha, &format!("{effect:?} at {nth}")).await;
    world.end().await;
}

#[tokio::test]
async fn the_patch_waits_for_nobody_and_writes_over_nothing_that_the_plan_did_not_see() {
    let (world, alpha) = settled().await;
    let (taken, _) = &breaks()[0];
    edit(&world, "kubectl-edit", &alpha, taken).await;
    // A plan as it is saved; until it is applied the status moves on, which is nobody's concern.
    let (mut live, plan) = world.plan().await;
    let plan: parcelle::plan::Plan =
        serde_json::from_str(&serde_json::to_string(&plan).expect("JSON")).expect("a plan");
    assert_eq!(world.stale(&plan).await, Vec::<String>::new());
    let status = Patch::Merge(json!({"status": {"observedGeneration": 1}}));
    let controller = PatchParams { field_manager: Some("controller".to_owned()), ..PatchParams::default() };
    world.api("Deployment", &alpha).patch_status("web", &controller, &status).await.expect("a status");
    assert!(!world.apply(&mut live, &plan).await.is_open());
    assert_put_right(&world, &alpha, "a status").await;
    // Somebody writes something else in its place: that is not what was planned, and it is planned anew.
    edit(&world, "kubectl-edit", &alpha, taken).await;
    let (mut live, plan) = world.plan().await;
    edit(&world, "kubectl-edit", &alpha, &breaks()[3].0).await;
    let outcome = world.apply(&mut live, &plan).await;
    let done =
        &outcome.organisations[0].outcomes.iter().find(|one| &*one.id.name == "web" && &*one.id.kind == "Deployment");
    assert!(matches!(done.map(|one| &one.done), Some(Done::Skipped { why: Skip::Stale { .. } })), "{done:?}");
    let found = world.get("Deployment", &alpha, "web").await.expect("it is there");
    assert!(!managers(&found).contains(&"parcelle-union"), "nothing was written");
    world.round().await.assert_all_done();
    assert_put_right(&world, &alpha, "both").await;
    world.end().await;
}

#[tokio::test]
async fn what_the_server_filled_in_and_what_a_key_moved_to_go_too() {
    let (mut world, alpha) = settled().await;
    // Rolling updates are the server's own default: nobody owns them, and nobody's leave is needed.
    let mut body = web();
    body["spec"].as_object_mut().expect("a spec").remove("strategy");
    world.put(&alpha, "Deployment", "plain", Some("web"), body);
    world.round().await.assert_all_done();
    world.put(&alpha, "Deployment", "plain", Some("web"), web());
    world.edit("ConfigMap", &alpha, "settings", json!({"data": {"size": null}, "binaryData": {"size": "Mw=="}})).await;
    let round = world.round().await;
    round.assert_all_done();
    let reason = |kind: &str, name: &str| round.action(&alpha, kind, name).reason().to_string();
    assert_eq!(reason("Deployment", "plain"), "the garden asks for it");
    assert_eq!(reason("ConfigMap", "settings"), "drift: `kubectl-edit` changed it in the cluster");
    let found = world.get("ConfigMap", &alpha, "settings").await.expect("it is there");
    assert_eq!((&found["data"]["size"], found.get("binaryData")), (&json!("3"), None));
    let found = world.get("Deployment", &alpha, "plain").await.expect("it is there");
    assert_eq!(found["spec"]["strategy"], json!({"type": "Recreate"}));
    assert_put_right(&world, &alpha, "defaults").await;
    world.end().await;
}

#[tokio::test]
async fn a_service_whose_type_somebody_moved_is_put_right_with_what_came_with_it() {
    let (mut world, alpha) = settled().await;
    let spec = json!({"type": "ClusterIP", "selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}]});
    world.put(&alpha, "Service", "web", Some("web"), json!({"spec": spec}));
    world.round().await.assert_all_done();
    let balanced = json!({"spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]}});
    world.edit("Service", &alpha, "web", balanced).await;
    let round = world.round().await;
    let note = round.action(&alpha, "Service", "web").note.clone().unwrap_or_default();
    assert_eq!(note, "takes away `spec.loadBalancerSourceRanges`, which cannot stand beside `spec.type`");
    round.assert_all_done();
    let found = world.get("Service", &alpha, "web").await.expect("it is there");
    assert_eq!((&found["spec"]["type"], found["spec"].get("loadBalancerSourceRanges")), (&json!("ClusterIP"), None));
    assert_put_right(&world, &alpha, "a service").await;
    world.end().await;
}

#[tokio::test]
async fn what_holds_data_is_refused_with_the_way_out() {
    let mut world = World::new().await;
    if !world.has_databases().await {
        return;
    }
    let alpha = world.organisation("alpha");
    let spec = json!({"instances": 1, "imageName": "example.org/postgres:17", "storage": {"size": "1Gi"}});
    world.put(&alpha, "Cluster", "db", Some("web"), json!({"spec": spec}));
    world.round().await.assert_all_done();
    let catalogue = json!({"spec": {"imageName": null, "imageCatalogRef": {"apiGroup": "postgresql.cnpg.io", "kind": "ImageCatalog", "name": "c", "major": 17}}});
    world.edit("Cluster", &alpha, "db", catalogue).await;
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    let action = round.action(&alpha, "Cluster", "db");
    assert_eq!(action.verb(), Verb::Refused);
    let findings = round.findings();
    let finding = findings.iter().find(|finding| finding.code.as_str() == "E0489").expect("it is told");
    assert!(finding.title.starts_with("`spec.imageCatalogRef` of `Cluster db`"), "{}", finding.title);
    assert!(finding.help.iter().any(|help| help.contains("kubectl edit Cluster db")), "{finding:?}");
    let found = world.get("Cluster", &alpha, "db").await.expect("it is there");
    assert_eq!(found["spec"]["imageCatalogRef"]["name"], "c", "it was left alone");
    world.end().await;
}

#[tokio::test]
async fn what_others_said_first_is_taken_away_by_word_only() {
    let (mut world, alpha) = settled().await;
    let without = |body: Value| {
        let mut body = body;
        body["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().expect("a list").pop();
        body
    };
    world.put(&alpha, "Deployment", "web-web", Some("web"), without(web()));
    world.round().await.assert_all_done();
    let by = PatchParams { field_manager: Some("kubectl-set".to_owned()), ..PatchParams::default() };
    let patch = Patch::Strategic(container(json!({"env": [{"name": "TOKEN", "value": "x"}]})));
    world.api("Deployment", &alpha).patch("web-web", &by, &patch).await.expect("it is taken");
    assert_eq!(world.round().await.writes(), Vec::<String>::new(), "what others say beside us stays");
    world.put(&alpha, "Deployment", "web-web", Some("web"), web());
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "Deployment", "web-web").verb(), Verb::Refused);
    assert!(round.findings().iter().any(|finding| finding.code.as_str() == "E0480"));
    world.take(&alpha, "Deployment", "web-web", "spec.template.spec.containers[name=app].env[name=TOKEN].value");
    let round = world.round().await;
    round.assert_all_done();
    let reason = round.action(&alpha, "Deployment", "web-web").reason().to_string();
    assert!(
        reason.starts_with("the garden asks for it and takes it from `kubectl-set`, as orgs/test.kdl:"),
        "{reason}"
    );
    let found = world.get("Deployment", &alpha, "web-web").await.expect("it is there");
    let env = &found["spec"]["template"]["spec"]["containers"][0]["env"];
    assert_eq!(*env, web()["spec"]["template"]["spec"]["containers"][0]["env"]);
    assert!(!managers(&found).contains(&"parcelle-union"));
    assert_put_right(&world, &alpha, "taken").await;
    world.end().await;
}

#[tokio::test]
async fn an_adoption_takes_away_what_cannot_stand_beside_ours() {
    let (mut world, alpha) = settled().await;
    let mut theirs = web();
    theirs["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2}});
    world.make("Deployment", &alpha, "web-web", theirs).await;
    world.put(&alpha, "Deployment", "web-web", Some("web"), web());
    world.adopt(&alpha, "Deployment", "web-web");
    world.take(&alpha, "Deployment", "web-web", "spec.strategy");
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.action(&alpha, "Deployment", "web-web").verb(), Verb::Adopt);
    let found = world.get("Deployment", &alpha, "web-web").await.expect("it is there");
    assert_eq!(found["spec"]["strategy"], json!({"type": "Recreate"}));
    assert!(!managers(&found).contains(&"parcelle-union"));
    assert_put_right(&world, &alpha, "the other one").await;
    world.end().await;
}

#[tokio::test]
async fn a_plan_without_a_cluster_says_the_same() {
    let (world, alpha) = settled().await;
    edit(&world, "kubectl-edit", &alpha, &breaks()[8].0).await;
    let snapshot = world.snapshot().await;
    let plan = world.plan_from(&snapshot);
    let action = crate::story::action(&plan, &alpha, "Deployment", "web");
    let expected = "takes away `spec.strategy.rollingUpdate`, which cannot stand beside `spec.strategy.type`";
    assert_eq!(action.note.as_deref(), Some(expected));
    let with_server = world.plan().await.1;
    let other = crate::story::action(&with_server, &alpha, "Deployment", "web");
    assert_eq!((&other.note, &other.changes), (&action.note, &action.changes));
    world.end().await;
}

/// The text of a plan has the words on the line of the action.
#[tokio::test]
async fn the_printed_plan_says_what_is_taken_away_and_from_whom() {
    let (world, alpha) = settled().await;
    edit(&world, "kubectl-edit", &alpha, &breaks()[8].0).await;
    let plan = world.plan().await.1;
    let text = parcelle::report::plan::text(&plan, parcelle::report::plan::TextStyle::default());
    let line = text.lines().find(|line| line.contains("Deployment web")).unwrap_or_default();
    let expected = "drift: kubectl-edit changed it in the cluster; takes away `spec.strategy.rollingUpdate`";
    assert!(line.replace("`kubectl-edit`", "kubectl-edit").contains(expected), "{text}");
    world.end().await;
}
