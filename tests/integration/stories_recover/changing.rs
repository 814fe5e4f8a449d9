//! What was taken back is changed, and neither deleted nor replaced until the garden names it.

use parcelle::cluster::inventory;
use parcelle::name::Name;
use parcelle::plan::Verb;
use serde_json::json;

use crate::story::World;

/// An organisation of which everything was taken back.
async fn taken_back(prepare: impl Fn(&mut World, &Name)) -> (World, Name) {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    prepare(&mut world, &alpha);
    world.round().await.assert_all_done();
    let writer = world.writer().await;
    let mut all = inventory::read(&world.connection, &world.garden.name).await.unwrap();
    let mut stored = all.remove(&alpha).unwrap().unwrap();
    let mut next = stored.inventory.clone();
    next.entries.values_mut().for_each(|entry| entry.recovered = true);
    inventory::write(&writer, &world.garden.name, &alpha, alpha.as_str(), &mut stored, &next).await.unwrap();
    (world, alpha)
}

fn frozen(text: &str) -> serde_json::Value {
    json!({"data": {"a": text}, "immutable": true})
}

#[tokio::test]
async fn what_nothing_asks_for_and_what_would_be_made_anew_stays_until_the_garden_says_adopt() {
    let (mut world, alpha) = taken_back(|world, alpha| {
        world.put(alpha, "ConfigMap", "dropped", Some("web"), json!({"data": {"a": "1"}}));
        world.put(alpha, "ConfigMap", "frozen", Some("web"), frozen("1"));
    })
    .await;
    let uid = |body: Option<serde_json::Value>| body.map(|body| body["metadata"]["uid"].clone());
    let before = uid(world.get("ConfigMap", &alpha, "frozen").await);
    world.drop_object(&alpha, "ConfigMap", "dropped");
    world.put(&alpha, "ConfigMap", "frozen", Some("web"), frozen("2"));
    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "red"}}));
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "ConfigMap", "dropped").verb(), Verb::Refused);
    assert_eq!(round.action(&alpha, "ConfigMap", "frozen").verb(), Verb::Refused);
    assert_eq!(round.action(&alpha, "ConfigMap", "settings").verb(), Verb::Change, "it is changed");
    let told = round.findings().iter().filter(|finding| finding.code.as_str() == "W0435").count();
    assert_eq!(told, 2);
    assert!(world.get("ConfigMap", &alpha, "dropped").await.is_some());
    assert_eq!(uid(world.get("ConfigMap", &alpha, "frozen").await), before);
    world.adopt(&alpha, "ConfigMap", "frozen");
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "ConfigMap", "frozen").verb(), Verb::Replace);
    let after = uid(world.get("ConfigMap", &alpha, "frozen").await);
    assert!(after.is_some() && after != before);
    assert!(!world.inventory(&alpha).await.entries.iter().any(|(id, entry)| &*id.name == "frozen" && entry.recovered));
    world.end().await;
}

#[tokio::test]
async fn a_commit_that_retires_its_app_names_it_and_its_time_begins_anew() {
    let (mut world, alpha) = taken_back(|world, alpha| {
        let claim = json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
        world.put(alpha, "PersistentVolumeClaim", "files", Some("web"), claim);
    })
    .await;
    let keep = 14 * 86_400;
    for kind in ["Deployment", "Service", "ConfigMap"] {
        let name = if kind == "ConfigMap" { "settings" } else { "web" };
        world.drop_object(&alpha, kind, name);
    }
    world.objects_of(&alpha).retired.insert(crate::story::name("web"), (keep, crate::story::line(3)));
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "Deployment", "web").verb(), Verb::Delete, "it sleeps");
    assert!(world.get("PersistentVolumeClaim", &alpha, "files").await.is_some());
    let since = world.inventory(&alpha).await.entries.values().filter_map(|entry| entry.retired_since).min();
    assert_eq!(since, Some(world.now), "its time begins now");
    world.end().await;
}
