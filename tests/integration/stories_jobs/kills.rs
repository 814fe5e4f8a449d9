//! One-time jobs in a process that ends between any two writes: each is made once, and once more where a person said so.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use kube::api::{WatchEvent, WatchParams};
use parcelle::name::Name;
use parcelle::sandbox::controllers::SimulatedRun;

use super::{
    LARGE, SMALL, asked_again, done, fares, job, record, recovers, skipped, uid, until, until_it_runs, upgrade, world,
};
use crate::story::World;

/// The uids of all Jobs of a namespace that could ever start: that were seen not to be suspended.
pub(super) struct Made {
    uids: Arc<Mutex<BTreeSet<String>>>,
    watch: tokio::task::JoinHandle<()>,
}

impl Made {
    pub(super) fn begin(world: &World, alpha: &Name) -> Self {
        let uids = Arc::new(Mutex::new(BTreeSet::new()));
        let (api, seen) = (world.api("Job", alpha), Arc::clone(&uids));
        let watch = tokio::spawn(async move {
            let stream = api.watch(&WatchParams::default().timeout(290), "0").await.unwrap();
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = stream.next().await {
                if let Ok(WatchEvent::Added(job) | WatchEvent::Modified(job)) = event
                    && job.data["spec"]["suspend"] != true
                {
                    seen.lock().unwrap().extend(job.metadata.uid);
                }
            }
        });
        Self { uids, watch }
    }

    /// How many there were, once the watch has shown so many.
    pub(super) async fn count(self, at_least: usize) -> usize {
        for _ in 0..200 {
            if self.uids.lock().unwrap().len() >= at_least {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.watch.abort();
        let uids = self.uids.lock().unwrap();
        uids.len()
    }
}

/// Rounds until nothing is left to do.
pub(super) async fn converged(world: &mut World, alpha: &Name) {
    world.wait = Some(Duration::from_secs(10));
    for _ in 0..6 {
        if !world.round().await.outcome.is_open() {
            break;
        }
    }
    let last = world.round().await;
    last.assert_all_done();
    assert_eq!(last.writes(), Vec::<String>::new());
    world.assert_inventory_exact(alpha).await;
}

/// Tells a story for each write after which its process ends, until it is through before that.
pub(super) async fn at_any_write(tell: impl AsyncFn(u64) -> bool) {
    for writes in 0..60 {
        if tell(writes).await {
            assert!(writes > 2, "there is nothing to kill: {writes}");
            return;
        }
    }
    panic!("it is never through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_made_once_wherever_the_process_ends() {
    if skipped() {
        return;
    }
    at_any_write(async |writes| {
        let (mut world, alpha) = world().await;
        world.wait = Some(Duration::from_secs(10));
        let made = Made::begin(&world, &alpha);
        let killed = world.killed_after(writes).await;
        let through = !killed.outcome.is_open();
        // A pod of another size in between is no other run.
        upgrade(&mut world, &alpha, "32", LARGE);
        converged(&mut world, &alpha).await;
        assert_eq!(done(&world, &alpha).await.as_deref(), Some("32"), "killed after {writes}");
        assert!(job(&world, &alpha, "32").await.is_none());
        assert_eq!(made.count(1).await, 1, "killed after {writes}");
        world.end().await;
        through
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_person_runs_again_is_made_once_more_wherever_the_process_ends() {
    if skipped() {
        return;
    }
    at_any_write(async |writes| {
        let (mut world, alpha) = world().await;
        let made = Made::begin(&world, &alpha);
        fares(&mut world, SimulatedRun::Fails, "it failed");
        world.round().await;
        let failed = until(&world, &alpha, "32", |job| job["status"]["failed"].is_i64()).await;
        world.round().await;
        recovers(&mut world);
        asked_again(&world, &alpha, uid(&failed)).await;
        world.wait = Some(Duration::from_secs(10));
        let killed = world.killed_after(writes).await;
        let through = !killed.outcome.is_open();
        converged(&mut world, &alpha).await;
        let kept = record(&world, &alpha).await;
        assert!(kept.rerun.is_none() && kept.done.is_some_and(|done| done.by != uid(&failed)), "killed after {writes}");
        assert_eq!(made.count(2).await, 2, "killed after {writes}");
        world.end().await;
        through
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_gives_way_to_other_inputs_does_so_once_wherever_the_process_ends() {
    if skipped() {
        return;
    }
    at_any_write(async |writes| {
        let (mut world, alpha) = world().await;
        let made = Made::begin(&world, &alpha);
        fares(&mut world, SimulatedRun::NeverStarts, "no such image");
        world.round().await;
        until(&world, &alpha, "32", |job| job["status"]["active"] == 1).await;
        upgrade(&mut world, &alpha, "33", SMALL);
        world.wait = Some(Duration::from_millis(500));
        let killed = world.killed_after(writes).await;
        let through = !killed.of(&alpha).actions.is_empty() && job(&world, &alpha, "33").await.is_some();
        recovers(&mut world);
        // What did not give way before it could start has run: it is done, and the other one runs after it.
        converged(&mut world, &alpha).await;
        assert_eq!(done(&world, &alpha).await.as_deref(), Some("33"), "killed after {writes}");
        assert_eq!(made.count(2).await, 2, "killed after {writes}");
        world.end().await;
        through
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_runs_while_processes_end_goes_on() {
    if skipped() {
        return;
    }
    let (mut world, alpha) = world().await;
    fares(&mut world, SimulatedRun::GoesOn, "it goes on");
    world.round().await;
    let before = until_it_runs(&world, &alpha, "32").await;
    for (writes, release) in (0..4).zip(["32", "33", "34", "32"]) {
        upgrade(&mut world, &alpha, release, LARGE);
        world.killed_after(writes).await;
        assert_eq!(uid(&job(&world, &alpha, "32").await.unwrap()), uid(&before));
    }
    world.end().await;
}
