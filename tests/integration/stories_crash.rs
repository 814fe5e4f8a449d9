//! Stories of runs that end between any two writes, and of answers that are lost: everything converges, nothing is orphaned.

use futures::{StreamExt, stream};
use parcelle::cluster::lease::{LeaseState, Timing};
use parcelle::cluster::{Lease, Permit, Writer};
use parcelle::sandbox::{ControllerOptions, Fault, FaultEffect, RequestMatcher};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

use crate::stories_past::{garden, notes};
use crate::story::{World, deployment, real};

/// What a garden asked for once, and asks for now: something made, changed, replaced, kept, adopted, retired and dropped.
fn before(world: &mut World, alpha: &parcelle::name::Name) {
    world.ordinary(alpha);
    world.generated(alpha, "web-instance");
    world.put(alpha, "ConfigMap", "dropped", Some("web"), json!({"data": {"a": "1"}}));
    world.put(alpha, "ConfigMap", "frozen", Some("web"), json!({"data": {"a": "1"}, "immutable": true}));
}

fn after(world: &mut World, alpha: &parcelle::name::Name) {
    world.drop_object(alpha, "ConfigMap", "dropped");
    world.put(alpha, "ConfigMap", "frozen", Some("web"), json!({"data": {"a": "2"}, "immutable": true}));
    world.put(alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "red"}}));
    world.put(alpha, "ConfigMap", "new", Some("web"), json!({"data": {"a": "1"}}));
    world.generated(alpha, "web-second");
}

async fn assert_converged(world: &World, alpha: &parcelle::name::Name) {
    for _ in 0..4 {
        let round = world.round().await;
        if round.writes().is_empty() {
            break;
        }
    }
    let last = world.round().await;
    last.assert_all_done();
    assert_eq!(last.writes(), Vec::<String>::new());
    world.assert_inventory_exact(alpha).await;
}

#[tokio::test]
async fn a_run_killed_between_any_two_writes_is_completed_by_the_next() {
    for writes in 0.. {
        let mut world = World::new().await;
        let alpha = world.organisation("alpha");
        before(&mut world, &alpha);
        let first = world.killed_after(writes).await;
        let done = !first.outcome.is_open();
        let password = world.get("Secret", &alpha, "web-instance").await.map(|secret| secret["data"].clone());
        assert_converged(&world, &alpha).await;
        let found = world.get("Secret", &alpha, "web-instance").await.unwrap()["data"].clone();
        assert!(password.is_none_or(|password| password == found), "a Secret is made once");
        world.end().await;
        if done {
            assert!(writes > 8, "inventory twice and seven objects");
            return;
        }
    }
}

fn claim() -> serde_json::Value {
    json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
}

fn job(image: &str) -> serde_json::Value {
    json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": image}]}}}})
}

/// A garden in the middle of its life: one app was retired long ago and its time has come, one is retired now; a second
/// organisation and a person have things of their own. The next run creates, changes, replaces, adopts, retires and prunes.
async fn in_the_middle_of_its_life() -> (World, [parcelle::name::Name; 2]) {
    // Controllers, so that what is deleted goes while it is waited for.
    let delay = Duration::from_millis(20);
    let mut world = World::with(ControllerOptions { delay, ..ControllerOptions::default() }).await;
    world.wait = Some(Duration::from_secs(10));
    let (alpha, beta) = (world.organisation("alpha"), world.organisation("beta"));
    world.put(&beta, "ConfigMap", "settings", Some("web"), json!({"data": {"a": "1"}}));
    world.generated(&beta, "web-instance");
    before(&mut world, &alpha);
    world.put(&alpha, "Job", "upgrade", Some("web"), job("example.org/web:1"));
    world.put(&alpha, "Service", "notes", Some("notes"), json!({"spec": {"ports": [{"port": 80, "protocol": "TCP"}]}}));
    for app in ["notes", "old"] {
        world.put(&alpha, "PersistentVolumeClaim", &format!("{app}-files"), Some(app), claim());
    }
    world.round().await.assert_all_done();
    let retire = |world: &mut World, app: &str| {
        world.objects_of(&alpha).retired.insert(crate::story::name(app), (14 * 86_400, crate::story::line(3)));
    };
    retire(&mut world, "old");
    world.round().await.assert_all_done();
    world.now += 15 * 86_400;
    world.make("ConfigMap", &alpha, "theirs", json!({"data": {"x": "y"}})).await;
    world.make("ConfigMap", &alpha, "adopted", json!({"data": {"x": "y"}})).await;

    after(&mut world, &alpha);
    world.put(&alpha, "Job", "upgrade", Some("web"), job("example.org/web:2"));
    retire(&mut world, "notes");
    world.drop_object(&alpha, "Service", "notes");
    world.put(&alpha, "ConfigMap", "adopted", Some("web"), json!({"data": {"x": "y", "z": "ours"}}));
    world.adopt(&alpha, "ConfigMap", "adopted");
    (world, [alpha, beta])
}

#[tokio::test]
async fn a_run_that_does_everything_killed_between_any_two_writes_is_completed_by_the_next() {
    if real().is_some() {
        println!("skipped: the test server has no controllers");
        return;
    }
    let points = kill_points().await;
    assert!(points > 12, "inventory twice, and everything else: {points}");
    // Side by side: most of the time is spent waiting.
    stream::iter((0..points).map(killed_at)).buffer_unordered(4).collect::<()>().await;
}

/// How many writes the whole run takes.
async fn kill_points() -> u64 {
    let (world, _) = in_the_middle_of_its_life().await;
    let before = world.connection.counts().writes;
    let round = world.round().await;
    assert!(!round.outcome.is_open(), "{:?}", round.outcome);
    world.connection.counts().writes - before
}

#[expect(clippy::unwrap_used, reason = "a test")]
async fn killed_at(writes: u64) {
    let (mut world, [alpha, beta]) = in_the_middle_of_its_life().await;
    let others = async |world: &World| {
        let theirs = world.get("ConfigMap", &alpha, "theirs").await.unwrap();
        let mut versions = world.versions(&[&beta]).await;
        versions.retain(|key, _| !key.contains("parcelle-system"));
        (theirs, versions)
    };
    let untouched = others(&world).await;
    let killed = world.killed_after(writes).await;
    if writes == 0 {
        let verbs: std::collections::BTreeSet<parcelle::plan::Verb> =
            killed.of(&alpha).actions.iter().map(parcelle::plan::Action::verb).filter(|verb| verb.writes()).collect();
        assert_eq!(verbs.len(), 5, "it creates, changes, replaces, adopts and deletes: {:?}", killed.writes());
    }
    for _ in 0..4 {
        world.round().await;
    }
    assert_converged(&world, &alpha).await;
    assert_as_the_garden_says(&world, &alpha, writes).await;
    assert_eq!(others(&world).await, untouched, "nothing of others is touched, after {writes} writes");
    world.assert_inventory_exact(&beta).await;
}

#[expect(clippy::unwrap_used, reason = "a test")]
async fn assert_as_the_garden_says(world: &World, alpha: &parcelle::name::Name, writes: u64) {
    let gone = [("ConfigMap", "dropped"), ("Service", "notes"), ("PersistentVolumeClaim", "old-files")];
    for (kind, object) in gone {
        assert!(world.get(kind, alpha, object).await.is_none(), "{kind} {object} is left after {writes} writes");
    }
    let value =
        async |object: &str, key: &str| world.get("ConfigMap", alpha, object).await.unwrap()["data"][key].clone();
    assert_eq!(value("frozen", "a").await, "2");
    assert_eq!(value("settings", "colour").await, "red");
    assert_eq!(value("adopted", "z").await, "ours");
    assert_eq!(value("new", "a").await, "1");
    let job = world.get("Job", alpha, "upgrade").await.unwrap();
    assert_eq!(job["spec"]["template"]["spec"]["containers"][0]["image"], "example.org/web:2");
    assert!(world.get("Secret", alpha, "web-second").await.is_some());
    // Data of what is retired now is there, and its time is counted from this run.
    assert!(world.get("PersistentVolumeClaim", alpha, "notes-files").await.is_some());
    let inventory = world.inventory(alpha).await;
    let (_, entry) = inventory.entries.iter().find(|(id, _)| &*id.name == "notes-files").unwrap();
    assert_eq!(entry.retired_since, Some(world.now), "after {writes} writes");
}

#[tokio::test]
async fn a_changing_run_killed_between_any_two_writes_is_completed_by_the_next() {
    for writes in 0.. {
        let mut world = World::new().await;
        let alpha = world.organisation("alpha");
        before(&mut world, &alpha);
        world.round().await.assert_all_done();
        world.make("ConfigMap", &alpha, "theirs", json!({"data": {"x": "y"}})).await;
        after(&mut world, &alpha);
        let killed = world.killed_after(writes).await;
        let done = !killed.outcome.is_open();
        assert_converged(&world, &alpha).await;
        assert!(world.get("ConfigMap", &alpha, "dropped").await.is_none(), "after {writes} writes");
        assert_eq!(world.get("ConfigMap", &alpha, "frozen").await.unwrap()["data"]["a"], "2");
        assert!(world.get("ConfigMap", &alpha, "theirs").await.is_some());
        world.end().await;
        if done {
            assert!(writes > 6, "inventory twice and six objects");
            return;
        }
    }
}

#[tokio::test]
async fn a_lost_answer_to_any_write_is_read_back() {
    if real().is_some() {
        println!("skipped: a real server has no faults on demand");
        return;
    }
    let everywhere = (1..=14).map(|nth| (FaultEffect::CutAfter, nth));
    let here_and_there = [FaultEffect::CutBefore, FaultEffect::Truncate, status(503), status(429), status(500)];
    let here_and_there = here_and_there.iter().flat_map(|effect| [1, 4, 8].map(|nth| (effect.clone(), nth)));
    let cases: Vec<_> = everywhere.chain(here_and_there).map(|(effect, nth)| lost_answer(effect, nth)).collect();
    // Most of the time is spent waiting before a request is tried again.
    stream::iter(cases).buffer_unordered(14).collect::<()>().await;
}

#[expect(clippy::unwrap_used, reason = "a test")]
async fn lost_answer(effect: FaultEffect, nth: u64) {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    before(&mut world, &alpha);
    let faults = world.sandbox.as_ref().unwrap().faults();
    let verbs = ["create", "update", "patch", "delete"].map(str::to_owned).to_vec();
    let on = RequestMatcher { verbs, nth: Some(nth), ..RequestMatcher::default() };
    faults.add(Fault { on: on.clone(), effect: effect.clone() });
    world.round().await.assert_all_done();
    world.assert_inventory_exact(&alpha).await;
    faults.clear();

    after(&mut world, &alpha);
    faults.add(Fault { on, effect: effect.clone() });
    world.round().await.assert_all_done();
    faults.clear();
    world.assert_inventory_exact(&alpha).await;
    assert_eq!(world.round().await.writes(), Vec::<String>::new(), "{effect:?} at write {nth}");
}

fn status(code: u16) -> FaultEffect {
    FaultEffect::Status { code, reason: String::new(), retry_after: None, message: String::new() }
}

/// Reaches for a lease as often as it takes; returns how long it took.
#[expect(clippy::unwrap_used, reason = "a test")]
pub(crate) async fn until_held(lease: &mut Lease, writer: &Writer) -> Duration {
    let begun = Instant::now();
    while lease.acquire_or_renew(writer).await.unwrap() != LeaseState::Held {
        assert!(begun.elapsed() < Duration::from_mins(1), "the lease is never free");
        sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn one_holds_the_lease_and_writes_nothing_after_its_end() {
    let world = World::new().await;
    let writer = world.writer().await;
    let timing = Timing {
        duration: Duration::from_secs(2),
        renewal: Duration::from_millis(200),
        margin: Duration::from_millis(1_700),
    };
    let garden = &world.garden.name;
    let mut one = Lease::new(garden, "one".to_owned(), timing, jiff::Timestamp::now);
    let mut two = Lease::new(garden, "two".to_owned(), timing, jiff::Timestamp::now);
    assert!(!one.permit().holds(), "nothing may be written before the lease is held");
    assert_eq!(one.acquire_or_renew(&writer).await.unwrap(), LeaseState::Held);
    assert!(one.permit().holds());
    let by_one = LeaseState::HeldBy { holder: "one".to_owned(), alive: false };
    assert_eq!(two.acquire_or_renew(&writer).await.unwrap(), by_one);
    while one.permit().holds() {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(two.acquire_or_renew(&writer).await.unwrap(), by_one, "the right ends before the lease does");
    assert_eq!(one.acquire_or_renew(&writer).await.unwrap(), LeaseState::Held);
    // From here on `one` is silent; what `two` saw changed just now, so it waits the whole time.
    let renewed = LeaseState::HeldBy { holder: "one".to_owned(), alive: true };
    assert_eq!(two.acquire_or_renew(&writer).await.unwrap(), renewed);
    let waited = until_held(&mut two, &writer).await;
    assert!(waited >= Duration::from_millis(1_900), "{waited:?}");
    assert_eq!(
        one.acquire_or_renew(&writer).await.unwrap(),
        LeaseState::HeldBy { holder: "two".to_owned(), alive: true }
    );
    two.release(&writer).await.unwrap();
    assert!(!two.permit().holds());
    assert_eq!(one.acquire_or_renew(&writer).await.unwrap(), LeaseState::Held);
    one.release(&writer).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn without_the_lease_nothing_is_written() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    let lease = Lease::new(&world.garden.name, "nobody".to_owned(), Timing::default(), jiff::Timestamp::now);
    world.permit = lease.permit();
    let round = world.round().await;
    assert!(round.outcome.is_open());
    assert_eq!(world.connection.counts().writes, 0);
    world.permit = Permit::Always;
    world.round().await.assert_all_done();
    world.end().await;
}

/// A cluster on which the notes run at a release, and a garden that asks for another.
async fn in_the_middle_of_an_upgrade(from: u32, to: u32) -> (World, parcelle::name::Name) {
    let mut world = World::with(ControllerOptions::default()).await;
    world.wait = Some(std::time::Duration::from_secs(10));
    let alpha = world.organisation("alpha");
    ask_for(&mut world, &alpha, from);
    world.round().await.assert_all_done();
    ask_for(&mut world, &alpha, to);
    (world, alpha)
}

fn ask_for(world: &mut World, alpha: &parcelle::name::Name, version: u32) {
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let files = garden(&notes(version, ""));
    let checked = parcelle::check::check(parcelle::git::Snapshot::of(files), None, now);
    let app = checked
        .garden
        .unwrap()
        .organisations
        .values()
        .find_map(|one| one.apps.get(&crate::story::name("notes")).cloned());
    world.say(alpha, app.unwrap());
    world.commit = format!("c{version}");
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "app", "image": format!("example.org/notes:{version}")}]});
    world.put(alpha, "ConfigMap", "settings", Some("notes"), json!({"data": {"version": version.to_string()}}));
    world.put(alpha, "Job", "upgrade", Some("notes"), json!({"spec": {"template": {"spec": pod}}}));
    let mut web = deployment(1);
    web["spec"]["template"]["spec"]["containers"][0]["image"] = format!("example.org/notes:{version}").into();
    world.put(alpha, "Deployment", "web", Some("notes"), web);
}

/// The releases that may be in the cluster, as its inventory says, and the commit that was begun.
async fn possible(world: &World, alpha: &parcelle::name::Name) -> (Vec<String>, String, String) {
    let inventory = serde_json::to_value(world.inventory(alpha).await).unwrap();
    let app = &inventory["footprint"]["apps"]["notes"];
    let states = app["begun"].as_array().cloned().unwrap_or_default().into_iter().chain([app["whole"].clone()]);
    let mut versions: Vec<String> = states.filter_map(|state| state["version"].as_str().map(str::to_owned)).collect();
    versions.sort();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    (versions, text(&inventory["commit"]), text(&inventory["footprint"]["begun"]))
}

#[tokio::test]
async fn killed_between_any_two_writes_the_inventory_says_every_release_that_may_run() {
    if real().is_some() {
        println!("skipped: the test server has no controllers");
        return;
    }
    let (world, alpha) = in_the_middle_of_an_upgrade(32, 33).await;
    let before = world.connection.counts().writes;
    world.round().await.assert_all_done();
    let points = world.connection.counts().writes - before;
    assert!(points >= 6, "the inventory twice, settings, the job twice, the workload: {points}");
    assert_eq!(possible(&world, &alpha).await, (vec!["33".to_owned()], "c33".to_owned(), String::new()));
    for writes in 0..points {
        let (mut world, alpha) = in_the_middle_of_an_upgrade(32, 33).await;
        world.killed_after(writes).await;
        let (versions, commit, begun) = possible(&world, &alpha).await;
        let image = |object: Option<serde_json::Value>| {
            object
                .map(|object| object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned())
        };
        let there =
            [image(world.get("Job", &alpha, "upgrade").await), image(world.get("Deployment", &alpha, "web").await)];
        for image in there.iter().flatten() {
            let version = image.rsplit(':').next().unwrap().to_owned();
            assert!(versions.contains(&version), "after {writes} writes {image} is there, and {versions:?} is known");
        }
        assert!(versions.contains(&"32".to_owned()), "after {writes} writes it is not whole");
        assert_eq!(commit, "c32", "after {writes} writes");
        assert_eq!(begun, if writes == 0 { "" } else { "c33" }, "after {writes} writes");
        // A step further goes on from there, and only its whole leaves one release.
        world.round().await.assert_all_done();
        assert_eq!(possible(&world, &alpha).await, (vec!["33".to_owned()], "c33".to_owned(), String::new()));
    }
}
