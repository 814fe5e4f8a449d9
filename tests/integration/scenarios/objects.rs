//! Faults 33–37, 39, 40: objects that others make anew, strip, scale, and objects that cannot be as the garden says.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parcelle::cluster::{Permit, StoredInventory, inventory};
use parcelle::plan::{Changing, Entry, Inventory, OwnFields, Presence, Reason, Refusing, Replacing, Verb};
use parcelle::render::ObjectId;
use serde_json::{Value, json};

use super::{data, settled};
use crate::story::{World, deployment, fault, name, refusal};

#[tokio::test]
async fn scenario_33_an_object_that_somebody_made_anew_is_neither_deleted_nor_taken() {
    let (mut world, alpha) = settled().await;
    for object in ["extra", "wanted"] {
        world.put(&alpha, "ConfigMap", object, Some("web"), data("1"));
    }
    world.round().await.assert_all_done();
    for object in ["extra", "wanted"] {
        // With all our labels: only the uid tells.
        let labels = world.get("ConfigMap", &alpha, object).await.unwrap()["metadata"]["labels"].clone();
        world.delete("ConfigMap", &alpha, object).await;
        world.make("ConfigMap", &alpha, object, json!({"metadata": {"labels": labels}, "data": {"b": "2"}})).await;
    }
    world.drop_object(&alpha, "ConfigMap", "extra");
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "ConfigMap", "wanted").reason(), Reason::Refusing(&Refusing::MadeAnew));
    assert_eq!(round.writes(), Vec::<String>::new());
    for object in ["extra", "wanted"] {
        assert_eq!(world.get("ConfigMap", &alpha, object).await.unwrap()["data"], json!({"b": "2"}), "{object}");
    }
    assert!(round.findings().iter().any(|finding| finding.code.as_str() == "E0481"));
    world.end().await;
}

#[tokio::test]
async fn scenario_34_an_object_that_lost_our_label_is_mended_while_wanted_and_not_deleted_after() {
    let (mut world, alpha) = settled().await;
    world.put(&alpha, "ConfigMap", "extra", Some("web"), data("1"));
    world.round().await.assert_all_done();
    let unlabelled = json!({"metadata": {"labels": null}});
    world.edit("ConfigMap", &alpha, "extra", unlabelled.clone()).await;
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.writes(), ["Change ConfigMap extra"]);
    let labels = world.get("ConfigMap", &alpha, "extra").await.unwrap()["metadata"]["labels"].clone();
    assert_eq!(labels["parcelle.dev/organisation"], alpha.as_str(), "found again by its name, and labelled");

    world.edit("ConfigMap", &alpha, "extra", unlabelled).await;
    world.drop_object(&alpha, "ConfigMap", "extra");
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    assert!(matches!(round.action(&alpha, "ConfigMap", "extra").reason(), Reason::Refusing(Refusing::Disowned { .. })));
    assert!(world.get("ConfigMap", &alpha, "extra").await.is_some());
    world.end().await;
}

#[tokio::test]
async fn scenario_34_an_object_that_lost_its_managed_fields_is_owned_again_and_not_deleted_without_them() {
    let (mut world, alpha) = settled().await;
    world.put(&alpha, "ConfigMap", "extra", Some("web"), json!({"data": {"a": "1", "b": "2"}}));
    world.round().await.assert_all_done();
    let stripped = json!({"metadata": {"managedFields": [{}]}});
    world.edit("ConfigMap", &alpha, "extra", stripped.clone()).await;
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.writes(), ["Change ConfigMap extra"], "nothing moves but who owns it");
    assert_eq!(round.action(&alpha, "ConfigMap", "extra").reason(), Reason::Changing(&Changing::OwnershipOnly));
    assert_eq!(world.get("ConfigMap", &alpha, "extra").await.unwrap()["data"], json!({"a": "1", "b": "2"}));
    assert_eq!(world.round().await.writes(), Vec::<String>::new());

    world.edit("ConfigMap", &alpha, "extra", stripped).await;
    world.drop_object(&alpha, "ConfigMap", "extra");
    let round = world.round().await;
    assert!(matches!(round.action(&alpha, "ConfigMap", "extra").reason(), Reason::Refusing(Refusing::Disowned { .. })));
    assert!(world.get("ConfigMap", &alpha, "extra").await.is_some());
    world.end().await;
}

/// A Deployment that says nothing of its replicas.
fn scaled_by_others() -> Value {
    let mut body = deployment(1);
    body["spec"].as_object_mut().unwrap().remove("replicas");
    body
}

async fn replicas(world: &World, alpha: &parcelle::name::Name) -> u64 {
    world.get("Deployment", alpha, "web").await.unwrap()["spec"]["replicas"].as_u64().unwrap()
}

#[tokio::test]
async fn scenario_35_replicas_pass_to_an_autoscaler_and_back_without_a_jump() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.put(&alpha, "Deployment", "web", Some("web"), deployment(4));
    world.round().await.assert_all_done();

    // From us to the autoscaler: dropped, the field would fall back to 1.
    world.put(&alpha, "Deployment", "web", Some("web"), scaled_by_others());
    let round = world.round().await;
    let action = round.action(&alpha, "Deployment", "web");
    assert_eq!((action.reason(), action.changes.len()), (Reason::Changing(&Changing::HandedOver), 0), "{action:?}");
    round.assert_all_done();
    assert_eq!(replicas(&world, &alpha).await, 4);
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    let scale = |replicas: u32| json!({"spec": {"replicas": replicas}});
    world.write_as("kube-controller-manager", "Deployment", &alpha, "web", scale(6)).await;
    assert_eq!(world.round().await.writes(), Vec::<String>::new(), "what it does is nobody's drift");
    assert_eq!(replicas(&world, &alpha).await, 6);

    // And back: a fixed number is asked for again, and nobody needs to say `take`.
    world.put(&alpha, "Deployment", "web", Some("web"), deployment(3));
    world.round().await.assert_all_done();
    assert_eq!(replicas(&world, &alpha).await, 3);
    assert_eq!(world.round().await.writes(), Vec::<String>::new());

    // Scaled between plan and apply: the newer number stays.
    world.put(&alpha, "Deployment", "web", Some("web"), scaled_by_others());
    let (mut state, plan) = world.plan().await;
    world.write_as("kube-controller-manager", "Deployment", &alpha, "web", scale(9)).await;
    assert!(!world.apply(&mut state, &plan).await.is_open());
    assert_eq!(replicas(&world, &alpha).await, 9);
    world.end().await;
}

fn job(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {
        "restartPolicy": "Never",
        "containers": [{"name": "app", "image": image}],
    }}}})
}

fn claim(class: &str, mode: &str) -> Value {
    json!({"spec": {
        "accessModes": [mode], "storageClassName": class, "resources": {"requests": {"storage": "1Gi"}},
    }})
}

fn stateful(size: &str) -> Value {
    json!({"spec": {
        "replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "example.org/db:1"}]}},
        "volumeClaimTemplates": [{
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
        }],
    }})
}

async fn uids(world: &World, alpha: &parcelle::name::Name) -> Vec<Value> {
    let mut uids = Vec::new();
    for (kind, object) in [("Job", "upgrade"), ("PersistentVolumeClaim", "files"), ("StatefulSet", "db")] {
        uids.push(world.get(kind, alpha, object).await.unwrap()["metadata"]["uid"].clone());
    }
    uids
}

#[tokio::test]
async fn scenario_36_a_field_that_cannot_change_is_a_replace_in_the_plan_and_never_of_what_holds_data() {
    let (mut world, alpha) = settled().await;
    world.put(&alpha, "Job", "upgrade", Some("pads"), job("example.org/web:1"));
    world.put(&alpha, "PersistentVolumeClaim", "files", Some("web"), claim("fast", "ReadWriteOnce"));
    world.put(&alpha, "StatefulSet", "db", Some("web"), stateful("1Gi"));
    world.round().await.assert_all_done();
    let before = uids(&world, &alpha).await;

    world.put(&alpha, "Job", "upgrade", Some("pads"), job("example.org/web:2"));
    world.put(&alpha, "PersistentVolumeClaim", "files", Some("web"), claim("slow", "ReadWriteMany"));
    world.put(&alpha, "StatefulSet", "db", Some("web"), stateful("2Gi"));
    let round = world.round().await;
    let action = round.action(&alpha, "Job", "upgrade");
    assert_eq!(
        (action.verb(), action.reason()),
        (Verb::Replace, Reason::Replacing(&Replacing::Immutable { path: "spec.template".to_owned() }))
    );
    for (kind, object, path) in
        [("PersistentVolumeClaim", "files", "spec.accessModes"), ("StatefulSet", "db", "spec.volumeClaimTemplates")]
    {
        let action = round.action(&alpha, kind, object);
        let reason = Reason::Refusing(&Refusing::ImmutableWithData { path: path.to_owned() });
        assert_eq!((action.verb(), action.reason()), (Verb::Refused, reason), "{kind}");
    }
    let told = round.findings();
    assert_eq!(told.iter().filter(|finding| finding.code.as_str() == "E0484").count(), 2, "{told:?}");
    world.finish_deletions(&alpha).await;
    world.round().await;
    let after = uids(&world, &alpha).await;
    assert_ne!(after[0], before[0], "the Job was made anew");
    assert_eq!(after[1..], before[1..], "what holds data is the same");
    world.end().await;
}

#[tokio::test]
async fn a_claim_stays_on_the_storage_class_that_it_was_made_on() {
    let (mut world, alpha) = settled().await;
    world.put(&alpha, "PersistentVolumeClaim", "files", Some("web"), claim("fast", "ReadWriteOnce"));
    world.round().await.assert_all_done();
    for class in ["slow", "fast"] {
        world.put(&alpha, "PersistentVolumeClaim", "files", Some("web"), claim(class, "ReadWriteOnce"));
        world.round().await.assert_all_done();
        assert_eq!(world.round().await.writes(), Vec::<String>::new());
        let live = world.get("PersistentVolumeClaim", &alpha, "files").await.unwrap();
        assert_eq!(live["spec"]["storageClassName"], "fast");
    }
    world.end().await;
}

#[tokio::test]
async fn scenario_37_an_invalid_object_is_never_deleted_to_be_made_anew() {
    let (mut world, alpha) = settled().await;
    world.put(&alpha, "Job", "upgrade", Some("web"), job("example.org/web:1"));
    world.round().await.assert_all_done();
    let before = world.versions(&[&alpha]).await;
    let uid = world.get("Job", &alpha, "upgrade").await.unwrap()["metadata"]["uid"].clone();

    // Invalid alone, and invalid together with a field that cannot change.
    let mut web = deployment(2);
    web["spec"]["template"]["spec"]["containers"][0]["ports"][0]["name"] = "a-port-name-that-is-too-long".into();
    world.put(&alpha, "Deployment", "web", Some("web"), web);
    let mut upgrade = job("example.org/web:2");
    upgrade["spec"]["template"]["spec"]["restartPolicy"] = "Sometimes".into();
    world.put(&alpha, "Job", "upgrade", Some("web"), upgrade);
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    for (kind, object) in [("Deployment", "web"), ("Job", "upgrade")] {
        let action = round.action(&alpha, kind, object);
        assert!(
            matches!(action.reason(), Reason::Refusing(Refusing::ServerRefused { status: 422, .. })),
            "{kind}: {:?}",
            action.reason()
        );
    }
    assert_eq!(world.versions(&[&alpha]).await, before);
    assert_eq!(world.get("Job", &alpha, "upgrade").await.unwrap()["metadata"]["uid"], uid);
    world.end().await;
}

#[tokio::test]
async fn scenario_39_what_is_too_large_for_the_server_is_said_and_not_tried_again_and_again() {
    let (mut world, alpha) = settled().await;
    let before = world.versions(&[&alpha]).await;
    // More than 1 MiB of data, more than 256 KiB of annotations: the server names both.
    world.put(&alpha, "ConfigMap", "large", Some("web"), json!({"data": {"a": "x".repeat(1_100_000)}}));
    let annotations = json!({"metadata": {"annotations": {"example.org/a": "x".repeat(270_000)}}});
    world.put(&alpha, "ConfigMap", "noted", Some("web"), annotations);
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    for object in ["large", "noted"] {
        let Reason::Refusing(Refusing::ServerRefused { status: 422, message }) =
            round.action(&alpha, "ConfigMap", object).reason()
        else {
            panic!("{:?}", round.action(&alpha, "ConfigMap", object).reason())
        };
        assert!(message.contains("may not be more than") || message.contains("Too long"), "{message}");
        assert!(message.len() < 2_000, "the words, not the object");
    }
    assert_eq!(world.versions(&[&alpha]).await, before);

    // And what only etcd refuses: a status 500 that is no passing trouble.
    let Some(faults) = world.faults() else { return world.end().await };
    for object in ["large", "noted"] {
        world.put(&alpha, "ConfigMap", object, Some("web"), data("1"));
    }
    faults.add(fault(&["patch"], "configmaps", 0, refusal(500, "", "etcdserver: request is too large")));
    world.ask = false;
    let round = world.round().await;
    let done = round.done(&alpha, "ConfigMap", "large");
    let parcelle::plan::Done::Failed { passing: false, why, .. } = done else { panic!("{done:?}") };
    assert!(why.contains("request is too large"), "{why}");
    assert!(round.findings().iter().any(|finding| finding.code.as_str() == "E0654"), "{:?}", round.findings());
    let sent: u64 = faults.all().iter().map(|(_, hits)| hits).sum();
    assert_eq!(sent, 2, "each was sent once");
    world.end().await;
}

fn inventory_of(objects: usize) -> Inventory {
    let entry = |at: usize| {
        let (kind, name) = ("Deployment".into(), format!("web-{at}").into());
        let id = ObjectId { api_version: "apps/v1".into(), kind, namespace: "n".into(), name };
        let entry = Entry {
            presence: Presence::Known { uid: format!("{at:036}"), nonce: None },
            desired_hash: "1".repeat(64),
            own_fields: OwnFields::default(),
            holds_data: false,
            app: None,
            hosts: std::collections::BTreeSet::new(),
            retired_since: None,
            note: None,
            recovered: false,
            data: None,
        };
        (id, entry)
    };
    Inventory { commit: "c1".to_owned(), entries: (0..objects).map(entry).collect(), ..Inventory::default() }
}

#[tokio::test]
async fn scenario_40_an_inventory_that_is_too_large_for_one_object_is_spread_over_several() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    let garden = world.garden.name.clone();
    let read = async |world: &World| {
        inventory::read(&world.connection, &garden).await.unwrap().remove(&alpha).map(|stored| stored.unwrap())
    };
    let (small, large) = (inventory_of(3_000), inventory_of(9_000));
    let always = world.writer().await;
    let mut stored = StoredInventory::default();
    inventory::write(&always, &garden, &alpha, alpha.as_str(), &mut stored, &small).await.unwrap();
    // It grows over several: ended between any two of those writes, nothing that was known is forgotten.
    for writes in 0..4 {
        let permit = Permit::AtMost(Arc::new(AtomicU64::new(writes)));
        let writer = world.connection.writer(&world.garden.clusters[&name("ada")], permit).await.unwrap();
        let mut stored = read(&world).await.unwrap();
        let written = inventory::write(&writer, &garden, &alpha, alpha.as_str(), &mut stored, &large).await;
        let found = read(&world).await.unwrap().inventory;
        assert!(small.entries.iter().all(|(id, entry)| found.entries.get(id) == Some(entry)), "after {writes} writes");
        if written.is_ok() {
            break;
        }
    }
    let mut stored = read(&world).await.unwrap();
    inventory::write(&always, &garden, &alpha, alpha.as_str(), &mut stored, &large).await.unwrap();
    let found = read(&world).await.unwrap().inventory;
    assert_eq!(found.of, format!("{garden}/{alpha}"));
    assert_eq!(Inventory { of: String::new(), ..found }, large);
    let ours = format!("parcelle.dev/garden={garden},parcelle.dev/organisation={alpha}");
    let system = name(parcelle::render::naming::SYSTEM_NAMESPACE);
    let list = world.api("ConfigMap", &system).list(&kube::api::ListParams::default().labels(&ours)).await.unwrap();
    let sizes: Vec<usize> = list.into_iter().map(|map| map.data.to_string().len()).collect();
    assert!(sizes.len() > 1 && sizes.iter().all(|size| *size < 1 << 20), "{sizes:?}");
    world.end().await;
}
