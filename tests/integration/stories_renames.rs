//! Stories of renaming: what holds data keeps its name and passes on, what ran is stopped with its pods before its successor
//! starts, and nothing else of the old name is left. They stand on gardens as people write them, checked and rendered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use parcelle::check::check;
use parcelle::git::{RawFile, Snapshot};
use parcelle::plan::{Deleting, Holding, Reason, Refusing, Verb};
use parcelle::render;
use parcelle::sandbox::ControllerOptions;
use serde_json::{Value, json};

use crate::story::{World, name, real};

/// Notes that keep what they hold in a volume; `NAME` is the name of their workload, `NEED` that of the volume.
pub(crate) const NOTES: &str = r#"edition 2026

definition notes {
    about "Notes."
    single-replica "it locks its files"
    releases { channel stable 1; release 1 image="registry.example/notes:1"; }
    needs {
        volume NEED { size 2 GiB; }
        secret keys { key salt length=30; }
        redis cache
        route web { host "${settings.at}"; to NAME; }
    }
    workload NAME {
        port http 3000
        run-as 10000
        recreate "its volume can be mounted once"
        volume NEED at="/data"
        env SALT "${needs.keys.salt}"
        ready http path="/"
    }
    job tidy { every "17 3 * * *"; like NAME; run notes tidy; }
    test smallest {
        given { at notes.example.org; }
        expect "objects.Deployment.NAME.spec.replicas == 1"
    }
}
"#;

/// The same app by its definition as it is written first.
pub(crate) fn notes() -> String {
    NOTES.replace("NAME", "web").replace("NEED", "data")
}

/// A cluster on which nothing is yet, waited for.
pub(crate) async fn world() -> World {
    let delay = Duration::from_millis(20);
    let mut world = World::with(ControllerOptions { delay, ..ControllerOptions::default() }).await;
    world.wait = Some(Duration::from_secs(10));
    world
}

/// Asks for what a garden says in which `alpha` has these apps, by this definition of notes.
pub(crate) async fn ask(world: &mut World, definition: &str, apps: &str, commit: &str) {
    let uid = world.connection.uid().await.unwrap();
    let cluster = format!(
        "edition 2026\n\ncluster ada {{\n    title \"Ada\"\n    uid \"{uid}\"\n    timezone \"Europe/Paris\"\n    domain ada.example\n    \
         provides {{\n        postgres cloudnative-pg {{ storage-class fast; }}\n        volume storage-class {{ class fast; }}\n        \
         redis valkey\n        route gateway-api {{ gateway public; namespace gateways; certificates letsencrypt; }}\n    }}\n}}\n"
    );
    let garden = format!(
        "edition 2026\n\ngarden {} {{\n    title \"Renames\"\n    ceiling {{ cpu 64 cores; memory 256 GiB; storage 8 TiB; }}\n}}\n",
        world.garden.name
    );
    let alpha = format!(
        "edition 2026\n\norganisation alpha {{\n    title \"Alpha\"\n    cluster ada\n    domain alpha.example\n\n    {apps}\n}}\n"
    );
    let file = |path: &str, text: &str| RawFile {
        path: path.to_owned(),
        blob: text.to_owned(),
        bytes: text.as_bytes().to_vec().into(),
    };
    let files = vec![
        file("ada.kdl", &cluster),
        file("garden.kdl", &garden),
        file("notes.kdl", definition),
        file("organisations/alpha.kdl", &alpha),
    ];
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let checked = check(Snapshot::of(files), None, now);
    assert!(!checked.findings.has_errors(), "{:?}", checked.findings.iter().next());
    let garden = checked.garden.unwrap();
    let rendered = garden.organisations.values().map(|one| (one.name.clone(), render::organisation(&garden, one, now)));
    world.objects = rendered.map(|(name, objects)| (name, Arc::new(objects))).collect();
    world.garden = garden;
    world.sources = Arc::unwrap_or_clone(checked.sources);
    commit.clone_into(&mut world.commit);
}

/// Everything of `alpha` that carries our labels: kind and name, the whole object.
async fn there(world: &World) -> BTreeMap<String, Value> {
    let alpha = name("alpha");
    let kinds = world.objects[&alpha].objects.iter().map(|object| object.id.kind.to_string());
    let kinds: BTreeSet<String> = kinds.chain(["Secret".to_owned()]).collect();
    let ours = ListParams::default().labels("parcelle.dev/organisation=alpha");
    let mut found = BTreeMap::new();
    for kind in &kinds {
        for object in world.api(kind, &alpha).list(&ours).await.unwrap() {
            let object = serde_json::to_value(&object).unwrap();
            found.insert(format!("{kind} {}", object["metadata"]["name"].as_str().unwrap()), object);
        }
    }
    found
}

/// What is there that has a word in its name, a label or what it asks for.
async fn saying(world: &World, word: &str) -> Vec<String> {
    let says = |object: &Value| {
        let Value::Object(metadata) = &object["metadata"] else { return false };
        format!("{} {} {}", metadata["name"], metadata["labels"], object["spec"]).contains(word)
    };
    there(world).await.into_iter().filter(|(_, object)| says(object)).map(|(id, _)| id).collect()
}

/// The inventory knows what is there, all of it and nothing else.
async fn assert_inventory_exact(world: &World) {
    let uid = |object: &Value| object["metadata"]["uid"].as_str().map(str::to_owned);
    let there: BTreeMap<_, _> = there(world).await.iter().map(|(id, object)| (id.clone(), uid(object))).collect();
    let known = world.inventory(&name("alpha")).await.entries;
    let known = known.iter().map(|(id, entry)| (format!("{} {}", id.kind, id.name), entry.uid().map(str::to_owned)));
    assert_eq!(known.collect::<BTreeMap<_, _>>(), there);
}

pub(crate) async fn uid(world: &World, kind: &str, object: &str) -> Option<Value> {
    Some(world.get(kind, &name("alpha"), object).await?["metadata"]["uid"].clone())
}

/// The places of the first requests whose verb, address and body say these words, among what was sent.
fn places(world: &World, wanted: &[(&str, &str)]) -> Vec<Option<usize>> {
    let sent = world.sandbox.as_ref().unwrap().keep_sent();
    let place = |(verb, path): &(&str, &str)| {
        sent.iter().position(|one| one.verb == *verb && one.address.contains(path) && !one.address.contains("dryRun"))
    };
    wanted.iter().map(place).collect()
}

pub(crate) fn skipped() -> bool {
    if real().is_some() {
        println!("skipped: the test server has no controllers");
    }
    real().is_some()
}

#[tokio::test]
async fn a_renamed_app_hands_its_data_over_and_leaves_nothing_else() {
    if skipped() {
        return;
    }
    let mut world = world().await;
    ask(&mut world, &notes(), "app notes pads", "c1").await;
    world.round().await.assert_all_done();
    let data = [("PersistentVolumeClaim", "pads-data"), ("Secret", "pads-keys"), ("Secret", "pads-cache")];
    let mut before = Vec::new();
    for (kind, object) in data {
        before.push(world.get(kind, &name("alpha"), object).await.unwrap());
    }
    ask(&mut world, &notes(), "app notes texts { was pads; }", "c2").await;
    world.sandbox.as_ref().unwrap().keep_sent();
    let round = world.round().await;
    round.assert_all_done();
    let route = round.action(&name("alpha"), "HTTPRoute", "pads-web");
    assert!(matches!(route.reason(), Reason::Deleting(Deleting::Renamed { .. })), "{:?}", route.reason());
    assert_eq!(route.note.as_deref(), Some("`pads.alpha.example` leads nowhere from then on"));
    let order = places(
        &world,
        &[
            ("patch", "networkpolicies/texts--app"),
            ("delete", "deployments/pads-cache"),
            ("patch", "deployments/texts-cache"),
            ("delete", "deployments/pads-web"),
            ("delete", "cronjobs/pads-tidy"),
            ("patch", "deployments/texts-web"),
            ("patch", "cronjobs/texts-tidy"),
            ("delete", "networkpolicies/pads--app"),
        ],
    );
    let at = |index: usize| order[index].unwrap_or_else(|| panic!("{index} was never sent: {order:?}"));
    assert!(at(0) < at(3), "the new policies stand first: {order:?}");
    assert!(at(1) < at(2) && at(3) < at(2), "what ran is stopped before anything starts: {order:?}");
    assert!(at(3) < at(5) && at(4) < at(6), "{order:?}");
    assert!(at(5) < at(7), "the old policies go last: {order:?}");
    for ((kind, object), before) in data.iter().zip(before) {
        let now = world.get(kind, &name("alpha"), object).await.unwrap();
        assert_eq!(now["metadata"]["uid"], before["metadata"]["uid"], "{kind} {object}");
        assert_eq!(now["data"], before["data"], "{kind} {object}");
        assert_eq!(now["metadata"]["labels"]["parcelle.dev/app"], "texts", "{kind} {object}");
    }
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    let left = saying(&world, "pads").await;
    let data = ["PersistentVolumeClaim pads-data", "Secret pads-cache", "Secret pads-keys"];
    let who_names_it = ["CronJob texts-tidy", "Deployment texts-cache", "Deployment texts-web"];
    assert_eq!(left, who_names_it.into_iter().chain(data).collect::<Vec<_>>());
    assert_inventory_exact(&world).await;
    let inventory = world.inventory(&name("alpha")).await;
    assert!(inventory.entries.values().all(|entry| entry.app.as_ref() != Some(&name("pads"))));
    world.end().await;
}

#[tokio::test]
async fn pods_of_the_old_name_are_gone_before_the_new_ones_are_asked_for() {
    if skipped() {
        return;
    }
    let mut world = world().await;
    ask(&mut world, &notes(), "app notes pads", "c1").await;
    world.round().await.assert_all_done();
    let alpha = name("alpha");
    let owner = uid(&world, "Deployment", "pads-web").await.unwrap();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "pads-web-1", "finalizers": ["example.org/writes"], "labels": { "parcelle.dev/app": "pads" },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": "pads-web", "uid": owner,
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": { "containers": [{ "name": "web", "image": "registry.example/notes:1" }] },
    });
    let pods: kube::Api<kube::api::DynamicObject> = kube::Api::namespaced_with(
        world.admin.clone(),
        "alpha",
        &kube::api::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk("", "v1", "Pod")),
    );
    pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    ask(&mut world, &notes(), "app notes texts { was pads; }", "c2").await;
    world.wait = Some(Duration::from_millis(300));
    for _ in 0..2 {
        let round = world.round().await;
        assert!(round.outcome.is_open());
        assert!(uid(&world, "Deployment", "pads-web").await.is_some(), "its pod still writes");
        assert!(uid(&world, "Deployment", "texts-web").await.is_none(), "nothing starts beside it");
        assert!(uid(&world, "NetworkPolicy", "pads--app").await.is_some(), "it reaches what it did");
        assert!(uid(&world, "ServiceAccount", "pads").await.is_some());
    }
    let held = world.round().await;
    let web = held.action(&alpha, "Deployment", "texts-web");
    assert!(matches!(web.reason(), Reason::Holding(Holding::StillRuns { leaves: true, .. })), "{:?}", web.reason());
    let none = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    pods.patch("pads-web-1", &PatchParams::default(), &none).await.unwrap();
    let _gone = pods.delete("pads-web-1", &DeleteParams::default()).await;
    world.wait = Some(Duration::from_secs(10));
    for _ in 0..3 {
        world.round().await;
    }
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    assert!(uid(&world, "Deployment", "texts-web").await.is_some());
    assert!(uid(&world, "NetworkPolicy", "pads--app").await.is_none());
    world.end().await;
}

/// A cluster on which the notes run, and a garden that calls them otherwise and lets them grow in the same commit.
async fn in_the_middle_of_a_rename() -> World {
    let mut world = world().await;
    ask(&mut world, &notes(), "app notes pads", "c1").await;
    world.round().await.assert_all_done();
    let larger = notes().replace("size 2 GiB", "size 3 GiB");
    ask(&mut world, &larger, "app notes texts { was pads; }", "c2").await;
    world
}

#[tokio::test]
async fn a_rename_killed_between_any_two_writes_is_completed_and_nothing_runs_twice() {
    if skipped() {
        return;
    }
    let world = in_the_middle_of_a_rename().await;
    let before = world.connection.counts().writes;
    world.round().await.assert_all_done();
    let points = world.connection.counts().writes - before;
    assert!(points > 20, "{points}");
    stream::iter((0..points).map(renamed_and_killed)).buffer_unordered(4).collect::<()>().await;
}

async fn renamed_and_killed(writes: u64) {
    let mut world = in_the_middle_of_a_rename().await;
    let claim = uid(&world, "PersistentVolumeClaim", "pads-data").await;
    let keys = world.get("Secret", &name("alpha"), "pads-keys").await.unwrap()["data"].clone();
    world.killed_after(writes).await;
    let running = [uid(&world, "Deployment", "pads-web").await, uid(&world, "Deployment", "texts-web").await];
    assert!(running.iter().flatten().count() < 2, "both run after {writes} writes");
    for _ in 0..3 {
        world.round().await;
    }
    let last = world.round().await;
    last.assert_all_done();
    assert_eq!(last.writes(), Vec::<String>::new(), "after {writes} writes");
    assert_inventory_exact(&world).await;
    assert_eq!(uid(&world, "PersistentVolumeClaim", "pads-data").await, claim);
    assert_eq!(world.get("Secret", &name("alpha"), "pads-keys").await.unwrap()["data"], keys);
    for (kind, object) in [("Deployment", "pads-web"), ("NetworkPolicy", "pads--app"), ("HTTPRoute", "pads-web")] {
        assert_eq!(uid(&world, kind, object).await, None, "{kind} {object} after {writes} writes");
    }
    assert!(uid(&world, "PersistentVolumeClaim", "texts-data").await.is_none());
}

#[tokio::test]
async fn what_is_renamed_and_retired_at_once_stops_and_keeps_its_data_under_its_name() {
    if skipped() {
        return;
    }
    let mut world = world().await;
    ask(&mut world, &notes(), "app notes pads", "c1").await;
    world.round().await.assert_all_done();
    ask(&mut world, &notes(), "retired app notes texts { was pads; keep-data 30 days; }", "c2").await;
    world.round().await.assert_all_done();
    assert_eq!(uid(&world, "Deployment", "pads-web").await, None);
    assert_eq!(uid(&world, "PersistentVolumeClaim", "texts-data").await, None, "nothing is made for it");
    let claim = uid(&world, "PersistentVolumeClaim", "pads-data").await;
    assert!(claim.is_some());
    for _ in 0..2 {
        world.round().await;
    }
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.now += 29 * 86_400;
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.now += 2 * 86_400;
    world.round().await;
    world.finish_deletions(&name("alpha")).await;
    assert_eq!(uid(&world, "PersistentVolumeClaim", "pads-data").await, None, "its time has come");
    world.end().await;
}

#[tokio::test]
async fn what_is_renamed_under_a_hold_stays_as_it_is_applied() {
    if skipped() {
        return;
    }
    let mut world = world().await;
    ask(&mut world, &notes(), "app notes pads", "c1").await;
    world.round().await.assert_all_done();
    let before = world.versions(&[&name("alpha")]).await;
    let texts = "app notes texts { was pads; hold \"until Friday\"; }";
    ask(&mut world, &notes(), texts, "c2").await;
    let round = world.round().await;
    assert!(!round.outcome.is_open(), "what people hold is nothing that went wrong");
    let of_app = |action: &&parcelle::plan::Action| action.verb() != Verb::Keep && action.verb() != Verb::Held;
    let done: Vec<String> =
        round.of(&name("alpha")).actions.iter().filter(of_app).map(|action| action.id.name.to_string()).collect();
    assert_eq!(done, ["texts--app", "texts-web--part"], "policies of nobody yet, and nothing more");
    let after = world.versions(&[&name("alpha")]).await;
    let moved =
        before.iter().filter(|(key, version)| after.get(*key) != Some(*version) && !key.contains("parcelle-system"));
    assert_eq!(moved.collect::<BTreeMap<_, _>>(), BTreeMap::new());
    ask(&mut world, &notes(), "app notes texts { was pads; }", "c3").await;
    world.round().await.assert_all_done();
    assert_eq!(uid(&world, "Deployment", "pads-web").await, None);
    world.end().await;
}

#[tokio::test]
async fn a_workload_that_its_definition_calls_otherwise_stops_before_its_successor_starts() {
    if skipped() {
        return;
    }
    let mut world = world().await;
    ask(&mut world, &notes(), "app notes pads", "c1").await;
    world.round().await.assert_all_done();
    ask(&mut world, &NOTES.replace("NAME", "server").replace("NEED", "data"), "app notes pads", "c2").await;
    world.sandbox.as_ref().unwrap().keep_sent();
    world.round().await;
    let order = places(&world, &[("delete", "deployments/pads-web"), ("patch", "deployments/pads-server")]);
    assert!(order[0].is_some() && order[0] < order[1], "{order:?}");
    world.end().await;
}

#[tokio::test]
async fn a_volume_that_its_definition_calls_otherwise_is_not_made_anew_empty() {
    if skipped() {
        return;
    }
    let mut world = world().await;
    ask(&mut world, &notes(), "app notes pads", "c1").await;
    world.round().await.assert_all_done();
    let before = uid(&world, "Deployment", "pads-web").await;
    let renamed = NOTES.replace("NAME", "web").replace("NEED", "files");
    ask(&mut world, &renamed, "app notes pads", "c2").await;
    let round = world.round().await;
    let claim = round.action(&name("alpha"), "PersistentVolumeClaim", "pads-files");
    assert!(matches!(claim.reason(), Reason::Refusing(Refusing::DataElsewhere { .. })), "{:?}", claim.reason());
    assert!(round.findings().iter().any(|finding| finding.code.as_str() == "E0432"));
    assert_eq!(uid(&world, "PersistentVolumeClaim", "pads-files").await, None);
    assert_eq!(uid(&world, "Deployment", "pads-web").await, before, "it goes on with what it has");
    // By word the old one may go, and the new one is made.
    ask(&mut world, &renamed, "app notes pads\n    retired need pads-data { keep-data 30 days; }", "c3").await;
    world.round().await.assert_all_done();
    assert!(uid(&world, "PersistentVolumeClaim", "pads-files").await.is_some());
    assert!(uid(&world, "PersistentVolumeClaim", "pads-data").await.is_some(), "its time has not come");
    world.end().await;
}
