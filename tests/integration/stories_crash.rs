//! Stories of runs that end between any two writes, and of answers that are lost: everything converges, nothing is orphaned.

use futures::{StreamExt, stream};
use parcelle::cluster::lease::{Standing, Timing};
use parcelle::cluster::{Lease, Permit};
use parcelle::sandbox::{Effect, Fault, Trigger};
use serde_json::json;
use std::time::Duration;

use crate::story::{World, real};

/// What a garden asked for once, and asks for now: something made, changed, replaced, kept and dropped.
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
    let everywhere = (1..=14).map(|nth| (Effect::CutAfter, nth));
    let here_and_there = [Effect::CutBefore, Effect::Truncate, status(503), status(429), status(500)];
    let here_and_there = here_and_there.iter().flat_map(|effect| [1, 4, 8].map(|nth| (effect.clone(), nth)));
    let cases: Vec<_> = everywhere.chain(here_and_there).map(|(effect, nth)| lost_answer(effect, nth)).collect();
    // Most of the time is spent waiting before a request is tried again.
    stream::iter(cases).buffer_unordered(14).collect::<()>().await;
}

#[expect(clippy::unwrap_used, reason = "a test")]
async fn lost_answer(effect: Effect, nth: u64) {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    before(&mut world, &alpha);
    let faults = world.sandbox.as_ref().unwrap().faults();
    let verbs = ["create", "update", "patch", "delete"].map(str::to_owned).to_vec();
    let on = Trigger { verbs, nth: Some(nth), ..Trigger::default() };
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

fn status(code: u16) -> Effect {
    Effect::Status { code, reason: String::new(), retry_after: None }
}

#[tokio::test]
async fn one_holds_the_lease_and_writes_nothing_after_its_end() {
    let world = World::new().await;
    let writer = world.writer().await;
    let timing = Timing {
        duration: Duration::from_secs(2),
        renewal: Duration::from_millis(500),
        margin: Duration::from_secs(1),
    };
    let garden = &world.garden.name;
    let mut one = Lease::new(garden, "one".to_owned(), timing);
    let mut two = Lease::new(garden, "two".to_owned(), timing);
    assert!(!one.permit().holds(), "nothing may be written before the lease is held");
    assert_eq!(one.acquire_or_renew(&writer).await.unwrap(), Standing::Held);
    assert!(one.permit().holds());
    let by_one = Standing::HeldBy { holder: "one".to_owned(), alive: false };
    assert_eq!(two.acquire_or_renew(&writer).await.unwrap(), by_one);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert!(!one.permit().holds(), "the right ends before the lease does");
    assert_eq!(two.acquire_or_renew(&writer).await.unwrap(), by_one, "but the lease is not expired yet");
    assert_eq!(one.acquire_or_renew(&writer).await.unwrap(), Standing::Held);
    // From here on `one` is silent; what `two` saw changed just now, so it waits the whole time.
    let renewed = Standing::HeldBy { holder: "one".to_owned(), alive: true };
    assert_eq!(two.acquire_or_renew(&writer).await.unwrap(), renewed);
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    assert_eq!(two.acquire_or_renew(&writer).await.unwrap(), Standing::Held);
    assert_eq!(
        one.acquire_or_renew(&writer).await.unwrap(),
        Standing::HeldBy { holder: "two".to_owned(), alive: true }
    );
    two.release(&writer).await.unwrap();
    assert!(!two.permit().holds());
    assert_eq!(one.acquire_or_renew(&writer).await.unwrap(), Standing::Held);
    one.release(&writer).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn without_the_lease_nothing_is_written() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    let lease = Lease::new(&world.garden.name, "nobody".to_owned(), Timing::default());
    world.permit = lease.permit();
    let round = world.round().await;
    assert!(round.outcome.is_open());
    assert_eq!(world.connection.counts().writes, 0);
    world.permit = Permit::Always;
    world.round().await.assert_all_done();
    world.end().await;
}
