//! Stories of `field … take|leave`: what others own is left to them, or taken, as long as they own it; what keeps
//! organisations apart is left to nobody.

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use parcelle::engine::Event;
use parcelle::git::RawFile;
use parcelle::name::Name;
use parcelle::plan::{Changing, Keeping, Reason, Verb};
use serde_json::{Value, json};

use crate::command::TestEnvironment;
use crate::stories_loop::{Loop, commit};
use crate::story::{World, deployment};

/// A Deployment with everything that hardens it.
fn hardened() -> Value {
    let mut body = deployment(2);
    let context = json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true});
    let pod = &mut body["spec"]["template"]["spec"];
    pod["securityContext"] = json!({"runAsNonRoot": true});
    pod["automountServiceAccountToken"] = false.into();
    pod["containers"][0]["securityContext"] = context.clone();
    pod["initContainers"] = json!([{"name": "first", "image": "example.org/first:1", "securityContext": context}]);
    body["spec"]["template"]["metadata"]["labels"]["tier"] = "web".into();
    body
}

/// The organisation `alpha` with a hardened Deployment, applied.
async fn hardened_world() -> (World, Name) {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.put(&alpha, "Deployment", "web", Some("web"), hardened());
    world.round().await.assert_all_done();
    (world, alpha)
}

/// The garden says these lines in the app `web`, as a check would have refused where that looks at what is rendered: plans do
/// not trust it. (Of what sleeps a check does not miss objects.)
fn decide(world: &mut World, alpha: &Name, lines: &[&str]) {
    let lines: Vec<&str> = ["state paused"].iter().chain(lines).copied().collect();
    world.decide(alpha, &lines);
}

/// Somebody applies a part of an object by server-side apply, and owns exactly that.
async fn owns(world: &World, manager: &str, kind: &str, alpha: &Name, object: &str, part: Value) {
    let api_version = if kind == "Deployment" { "apps/v1" } else { "v1" };
    let mut body = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": object}});
    body.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    let by = PatchParams::apply(manager).force();
    world.api(kind, alpha).patch(object, &by, &Patch::Apply(body)).await.unwrap();
}

#[tokio::test]
async fn replicas_are_left_to_whoever_owns_them_and_come_back_when_these_let_go() {
    let (mut world, alpha) = hardened_world().await;
    decide(&mut world, &alpha, &["field Deployment web \".spec.replicas\" leave"]);
    // Nobody else owns them: the word changes nothing.
    world.edit("Deployment", &alpha, "web", json!({"metadata": {"annotations": {"theirs": "x"}}})).await;
    assert_eq!(world.round().await.writes(), Vec::<String>::new());

    owns(&world, "scaler", "Deployment", &alpha, "web", json!({"spec": {"replicas": 5}})).await;
    let round = world.round().await;
    let reason = round.action(&alpha, "Deployment", "web").reason();
    let Reason::Keeping(Keeping::LeftToOthers(_)) = reason else { panic!("{reason:?}") };
    let line = reason.to_string();
    assert!(line.starts_with("`spec.replicas` is left to `scaler`, as orgs/test.kdl:"), "{line}");
    assert_eq!(world.get("Deployment", &alpha, "web").await.unwrap()["spec"]["replicas"], 5);

    // What else changes goes on.
    let mut next = hardened();
    next["spec"]["minReadySeconds"] = 3.into();
    world.put(&alpha, "Deployment", "web", Some("web"), next);
    let round = world.round().await;
    round.assert_all_done();
    let action = round.action(&alpha, "Deployment", "web");
    assert!(!action.force(), "nothing is taken");
    let note = action.note.clone().unwrap_or_default();
    assert!(note.contains("`spec.replicas` is left to `scaler`, as orgs/test.kdl:"), "{note}");
    let found = world.get("Deployment", &alpha, "web").await.unwrap();
    assert_eq!((&found["spec"]["replicas"], &found["spec"]["minReadySeconds"]), (&json!(5), &json!(3)));

    owns(&world, "scaler", "Deployment", &alpha, "web", json!({})).await;
    let round = world.round().await;
    round.assert_all_done();
    let reason = round.action(&alpha, "Deployment", "web").reason();
    let Reason::Changing(Changing::LeftAlone { .. }) = reason else { panic!("{reason:?}") };
    assert!(reason.to_string().contains("orgs/test.kdl:"), "{reason}");
    assert_eq!(world.get("Deployment", &alpha, "web").await.unwrap()["spec"]["replicas"], 2);
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn what_was_left_is_not_taken_when_the_line_goes() {
    let (mut world, alpha) = hardened_world().await;
    owns(&world, "scaler", "Deployment", &alpha, "web", json!({"spec": {"minReadySeconds": 9}})).await;
    let mut body = hardened();
    body["spec"]["minReadySeconds"] = 3.into();
    world.put(&alpha, "Deployment", "web", Some("web"), body);
    decide(&mut world, &alpha, &["field Deployment web \"spec.minReadySeconds\" leave"]);
    world.round().await.assert_all_done();
    decide(&mut world, &alpha, &[]);
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "Deployment", "web").verb(), Verb::Refused);
    assert!(round.findings().iter().any(|finding| finding.code.as_str() == "E0480"));
    assert_eq!(world.get("Deployment", &alpha, "web").await.unwrap()["spec"]["minReadySeconds"], 9);
    world.end().await;
}

/// What somebody breaks of a hardened Deployment, and the paths by which the garden is asked to agree.
fn weakened() -> Value {
    let none = json!({"allowPrivilegeEscalation": true, "readOnlyRootFilesystem": false});
    json!({"spec": {"template": {"spec": {
        "securityContext": {"runAsNonRoot": false},
        "automountServiceAccountToken": true,
        "containers": [{"name": "app", "securityContext": none}],
        "initContainers": [{"name": "first", "securityContext": none}],
    }}}})
}

#[tokio::test]
async fn what_hardens_a_pod_is_left_to_nobody_however_it_is_said() {
    let pod = "spec.template.spec";
    let ways: [Vec<String>; 5] = [
        vec![String::new()],
        vec![".spec".to_owned()],
        vec!["spec.template".to_owned()],
        vec![format!(".{pod}")],
        [
            "securityContext",
            "automountServiceAccountToken",
            "containers[name=app]",
            "containers[0].securityContext",
            "containers[name=\\\"app\\\"].securityContext.allowPrivilegeEscalation",
            "initContainers",
            "initContainers[name=first].securityContext.readOnlyRootFilesystem",
        ]
        .iter()
        .map(|path| format!("{pod}.{path}"))
        .collect(),
    ];
    let (mut world, alpha) = hardened_world().await;
    let asked = world.get("Deployment", &alpha, "web").await.unwrap()["spec"].clone();
    for paths in ways {
        let lines: Vec<String> = paths.iter().map(|path| format!("field Deployment web \"{path}\" leave")).collect();
        if !paths[0].is_empty() {
            decide(&mut world, &alpha, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        }
        owns(&world, "stranger", "Deployment", &alpha, "web", weakened()).await;
        let round = world.round().await;
        round.assert_all_done();
        let found = world.get("Deployment", &alpha, "web").await.unwrap();
        assert_eq!(found["spec"], asked, "{paths:?}");
        let is_told = round.findings().iter().any(|finding| finding.code.as_str() == "E0470");
        assert_eq!(is_told, !paths[0].is_empty(), "{paths:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn labels_and_the_objects_of_others_are_left_to_nobody() {
    let (mut world, alpha) = hardened_world().await;
    world.put(&alpha, "ConfigMap", "other", Some("mail"), json!({"data": {"a": "1"}}));
    world.put(&alpha, "ConfigMap", "own", None, json!({"data": {"a": "1"}}));
    world.round().await.assert_all_done();
    let labels = "metadata.labels";
    decide(
        &mut world,
        &alpha,
        &[
            &format!("field Deployment web \"{labels}[parcelle.dev/app]\" leave"),
            &format!("field Deployment web \"spec.template.{labels}.tier\" leave"),
            &format!("field Namespace {alpha} \"{labels}\" leave"),
            "field ConfigMap other \"data.a\" leave",
            "field ConfigMap own \".data.a\" leave",
        ],
    );
    let tier = json!({"metadata": {"labels": {"tier": "other"}}});
    let part = json!({"metadata": {"name": "web", "labels": {"parcelle.dev/app": "x"}}, "spec": {"template": tier}});
    owns(&world, "stranger", "Deployment", &alpha, "web", part).await;
    for object in ["other", "own"] {
        owns(&world, "stranger", "ConfigMap", &alpha, object, json!({"data": {"a": "2"}})).await;
    }
    let ours = json!({"metadata": {"name": alpha.as_str(), "labels": {"app.kubernetes.io/managed-by": "them"}}});
    owns(&world, "stranger", "Namespace", &alpha, alpha.as_str(), ours).await;
    let round = world.round().await;
    round.assert_all_done();
    let found = world.get("Deployment", &alpha, "web").await.unwrap();
    assert_eq!(found["metadata"]["labels"]["parcelle.dev/app"], "web");
    assert_eq!(found["spec"]["template"]["metadata"]["labels"]["tier"], "web");
    for object in ["other", "own"] {
        assert_eq!(world.get("ConfigMap", &alpha, object).await.unwrap()["data"]["a"], "1", "{object}");
    }
    let namespace = world.get("Namespace", &alpha, alpha.as_str()).await.unwrap();
    assert_eq!(namespace["metadata"]["labels"]["app.kubernetes.io/managed-by"], "parcelle");
    let codes: Vec<_> = round.findings().iter().map(|finding| finding.code.as_str().to_owned()).collect();
    assert_eq!(codes.iter().filter(|code| *code == "E0470").count(), 2, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "E0471").count(), 3, "{codes:?}");
    world.end().await;
}

#[tokio::test]
async fn what_is_taken_is_exactly_the_field_that_is_named() {
    let (mut world, alpha) = hardened_world().await;
    world.put(&alpha, "ConfigMap", "conf", Some("web"), json!({"data": {"ours": "1"}}));
    world.round().await.assert_all_done();
    owns(&world, "stranger", "ConfigMap", &alpha, "conf", json!({"data": {"a": "them", "b": "them"}})).await;
    world.put(&alpha, "ConfigMap", "conf", Some("web"), json!({"data": {"ours": "1", "a": "us", "b": "us"}}));
    decide(&mut world, &alpha, &["field ConfigMap conf \".data.a\" take"]);
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "ConfigMap", "conf").verb(), Verb::Refused, "`b` is nobody's word");
    let found = world.get("ConfigMap", &alpha, "conf").await.unwrap();
    assert_eq!(found["data"], json!({"ours": "1", "a": "them", "b": "them"}));

    decide(&mut world, &alpha, &["field ConfigMap conf \".data.a\" take", "field ConfigMap conf \"data.b\" leave"]);
    let round = world.round().await;
    round.assert_all_done();
    let action = round.action(&alpha, "ConfigMap", "conf");
    assert!(action.force());
    let reason = action.reason().to_string();
    assert!(reason.starts_with("the garden asks for it and takes it from `stranger`, as orgs/test.kdl:"), "{reason}");
    let found = world.get("ConfigMap", &alpha, "conf").await.unwrap();
    assert_eq!(found["data"], json!({"ours": "1", "a": "us", "b": "them"}));

    // Once taken, the word does nothing more, and nothing is forced.
    world.put(&alpha, "ConfigMap", "conf", Some("web"), json!({"data": {"ours": "2", "a": "us", "b": "us"}}));
    let round = world.round().await;
    round.assert_all_done();
    assert!(!round.action(&alpha, "ConfigMap", "conf").force());
    world.end().await;
}

/// A garden with one organisation, whose file says these lines in its only app.
pub(crate) fn garden(lines: &str) -> Vec<RawFile> {
    let cluster = "edition 2026\n\ncluster ada-lovelace {\n    title Ada\n    uid \"5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11\"\n    timezone \"Europe/Paris\"\n    \
         domain ada.example\n    provides {\n        volume storage-class { class fast; }\n        \
         route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n}\n";
    let offer = "edition 2026\n\noffer small {\n    title Small\n    grants {\n        cpu 4 cores\n        memory 8 GiB\n        storage 50 GiB\n    }\n}\n";
    let organisation = format!(
        "edition 2026\n\norganisation alpha {{\n    title Alpha\n    offer small\n    cluster ada-lovelace\n    domain alpha.example\n\n    \
         app static-site www {{\n{lines}    }}\n}}\n"
    );
    let file = |path: &str, text: &str| RawFile {
        path: path.to_owned(),
        blob: format!("{path} {}", text.len()),
        bytes: text.as_bytes().to_vec().into(),
    };
    vec![
        file("clusters/ada.kdl", cluster),
        file("garden.kdl", "edition 2026\n\ngarden loops {\n    title Loops\n}\n"),
        file("offers/small.kdl", offer),
        file("organisations/alpha.kdl", &organisation),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loop_sees_who_owns_what_is_left_and_asks_nothing_meanwhile() {
    let leave = "        field Deployment www-web \"spec.replicas\" leave\n";
    let mut this = Loop::begun_with(&garden(leave)).await;
    let api = this.api("apps/v1", "Deployment", "alpha");
    let replicas = async || api.get("www-web").await.unwrap().data["spec"]["replicas"].clone();
    let ours = replicas().await;
    let scaler = async |spec: Value| {
        let body =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "www-web"}, "spec": spec});
        let by = PatchParams::apply("scaler").force();
        api.patch("www-web", &by, &Patch::Apply(body)).await.unwrap();
    };
    scaler(json!({"replicas": 3})).await;
    while let Some(told) = this.next(Duration::from_millis(700)).await {
        assert_eq!(told.writes, Vec::<String>::new(), "it is left");
    }
    assert_eq!(replicas().await, 3);
    this.handle.reset_stats();
    assert!(this.next(Duration::from_millis(400)).await.is_none(), "nothing is stirred while they own it");
    assert!(this.handle.stats().requests.is_empty(), "{:?}", this.handle.stats().requests);

    scaler(json!({})).await;
    let told = this.next(Duration::from_secs(5)).await.expect("that they let go is seen");
    assert_eq!(told.writes, ["Change Deployment www-web"]);
    this.until_calm().await;
    assert_eq!(replicas().await, ours);

    // The line goes while somebody owns the field that we had applied: that is drift again.
    scaler(json!({"replicas": 3})).await;
    this.until_calm().await;
    commit(&this.folder.path().join("garden"), &garden(""));
    this.turn(Event::Poll).await;
    this.until_calm().await;
    assert_eq!(replicas().await, ours);
    this.ended().await;
}

#[test]
fn a_check_refuses_every_way_to_leave_what_keeps_organisations_apart() {
    let lines = [
        "field Namespace alpha \"metadata.labels\" leave",
        "field ResourceQuota default \"spec.hard\" leave",
        "field NetworkPolicy default--deny \"spec.policyTypes\" leave",
        "field Deployment www-web \"spec.template.spec.securityContext\" leave",
        "field Deployment www-web \"spec.template.spec.containers[0].securityContext\" leave",
        "field Deployment www-web \"spec.template.spec\" take",
        "field HTTPRoute www-web \"spec.hostnames\" leave",
        "field HTTPRoute www-web \"spec.rules\" leave",
        "field ListenerSet www-web \"spec.listeners\" leave",
        "field ServiceAccount www \"automountServiceAccountToken\" take",
    ];
    for line in lines {
        let environment = TestEnvironment::new();
        let files = garden(&format!("        {line}\n"));
        environment.garden(files.iter().map(|file| (&*file.path, String::from_utf8(file.bytes.to_vec()).unwrap())));
        let output = environment.run(["check", "--format", "short"]);
        let text = output.stdout.clone();
        assert_eq!(output.code, 1, "{line}: {text}");
        assert!(text.contains("E0470") || text.contains("E0471") || text.contains("E0607"), "{line}: {text}");
        assert!(text.contains("organisations/alpha.kdl:10"), "{line}: {text}");
    }
}
