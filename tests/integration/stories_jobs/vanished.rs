//! One-time jobs whose Jobs somebody takes away with everything that was theirs: none runs again without a word.

use std::time::Duration;

use kube::api::DeleteParams;
use parcelle::name::Name;
use parcelle::plan::{Reason, Refusing};
use parcelle::sandbox::controllers::SimulatedRun;

use super::kills::{Made, at_any_write, converged};
use super::{
    LARGE, SMALL, asked_again, done, fares, job, job_of, record, recovers, skipped, uid, until, until_it_runs, upgrade,
    world,
};
use crate::story::{Round, World};

/// Takes a Job away, and its pods, as `kubectl delete` does.
async fn taken_away(world: &World, alpha: &Name, release: &str) {
    let jobs = world.api("Job", alpha);
    jobs.delete(&job_of(release), &DeleteParams::background()).await.unwrap();
    let pods = world.api("Pod", alpha);
    while job(world, alpha, release).await.is_some()
        || pods.get_opt(&format!("{}-pod", job_of(release))).await.unwrap().is_some()
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn codes(round: &Round) -> Vec<String> {
    round
        .findings()
        .iter()
        .map(|finding| finding.code.as_str().to_owned())
        .filter(|code| code.starts_with("E047"))
        .collect()
}

#[tokio::test]
async fn a_job_that_failed_and_is_gone_does_not_run_again_without_a_word() {
    if skipped() {
        return;
    }
    // Told by the round that saw it fail, or by a later one.
    for later in [false, true] {
        let (mut world, alpha) = world().await;
        let made = Made::begin(&world, &alpha);
        fares(&mut world, SimulatedRun::Fails, "the database is locked");
        world.round().await;
        until(&world, &alpha, "32", |job| job["status"]["failed"].is_i64()).await;
        if later {
            world.round().await;
        }
        taken_away(&world, &alpha, "32").await;
        recovers(&mut world);
        for memory in [SMALL, LARGE, SMALL] {
            upgrade(&mut world, &alpha, "32", memory);
            let round = world.round().await;
            let refused = round.action(&alpha, "Job", &job_of("32"));
            let Reason::Refusing(Refusing::JobFailed { why, rerun }) = refused.reason() else { panic!("{refused:?}") };
            assert!(why.ends_with("the database is locked; its Job is gone"), "{why}");
            assert_eq!((&**rerun, codes(&round)), (&*format!("{alpha}/web upgrade"), vec!["E0478".to_owned()]));
            assert!(world.get("Deployment", &alpha, "web").await.is_none(), "what comes after it waits");
        }
        let of = record(&world, &alpha).await.run.unwrap().uid.unwrap();
        asked_again(&world, &alpha, &of).await;
        converged(&mut world, &alpha).await;
        assert_eq!((done(&world, &alpha).await.as_deref(), made.count(2).await), (Some("32"), 2));
        world.end().await;
    }
}

#[tokio::test]
async fn a_job_that_failed_and_is_gone_gives_way_to_other_inputs_and_they_to_it() {
    if skipped() {
        return;
    }
    let (mut world, alpha) = world().await;
    world.round().await.assert_all_done();
    upgrade(&mut world, &alpha, "33", SMALL);
    fares(&mut world, SimulatedRun::Fails, "the database is locked");
    world.round().await;
    until(&world, &alpha, "33", |job| job["status"]["failed"].is_i64()).await;
    world.round().await;
    taken_away(&world, &alpha, "33").await;
    recovers(&mut world);
    assert_eq!(codes(&world.round().await), ["E0478"]);
    // What it is done for is as it was.
    upgrade(&mut world, &alpha, "32", SMALL);
    world.round().await.assert_all_done();
    // A commit that asks for the other one again is another run.
    upgrade(&mut world, &alpha, "33", SMALL);
    converged(&mut world, &alpha).await;
    assert_eq!(done(&world, &alpha).await.as_deref(), Some("33"));
    world.end().await;
}

#[tokio::test]
async fn a_job_that_ran_and_is_gone_does_not_run_again_without_a_word() {
    if skipped() {
        return;
    }
    // Whether a round saw it run or not.
    for seen in [false, true] {
        let (mut world, alpha) = world().await;
        let made = Made::begin(&world, &alpha);
        fares(&mut world, SimulatedRun::GoesOn, "it goes on");
        world.round().await;
        until_it_runs(&world, &alpha, "32").await;
        if seen {
            world.round().await;
        }
        taken_away(&world, &alpha, "32").await;
        recovers(&mut world);
        for memory in [SMALL, LARGE, SMALL] {
            upgrade(&mut world, &alpha, "32", memory);
            let round = world.round().await;
            let refused = round.action(&alpha, "Job", &job_of("32"));
            let Reason::Refusing(Refusing::JobEndUnknown { since, .. }) = refused.reason() else {
                panic!("{refused:?}")
            };
            assert_eq!((since.is_some(), codes(&round)), (seen, vec!["E0477".to_owned()]));
            assert!(round.outcome.is_open());
        }
        let of = record(&world, &alpha).await.run.unwrap().uid.unwrap();
        asked_again(&world, &alpha, &of).await;
        converged(&mut world, &alpha).await;
        assert_eq!((done(&world, &alpha).await.as_deref(), made.count(2).await), (Some("32"), 2));
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_somebody_takes_away_wherever_the_process_ends_never_starts_twice() {
    if skipped() {
        return;
    }
    at_any_write(async |writes| {
        let (mut world, alpha) = world().await;
        let made = Made::begin(&world, &alpha);
        fares(&mut world, SimulatedRun::GoesOn, "it goes on");
        let killed = world.killed_after(writes).await;
        let is_killed = killed.outcome.organisations.iter().any(|one| one.failure.is_some())
            || job(&world, &alpha, "32").await.is_none_or(|job| job["spec"]["suspend"] == true);
        let found = job(&world, &alpha, "32").await;
        let ran = found.as_ref().is_some_and(|job| job["spec"]["suspend"] != true);
        if ran {
            until_it_runs(&world, &alpha, "32").await;
        }
        if found.is_some() {
            taken_away(&world, &alpha, "32").await;
        }
        recovers(&mut world);
        world.wait = Some(Duration::from_secs(10));
        // From the record of its uid on it could start, whether it did or not.
        let could_start = record(&world, &alpha).await.run.is_some_and(|run| run.uid.is_some());
        assert!(could_start || !ran, "killed after {writes}: it runs, and nobody knows");
        if could_start {
            for _ in 0..3 {
                assert_eq!(codes(&world.round().await), ["E0477"], "killed after {writes}");
            }
            assert!(job(&world, &alpha, "32").await.is_none());
        } else {
            converged(&mut world, &alpha).await;
            assert_eq!(done(&world, &alpha).await.as_deref(), Some("32"), "killed after {writes}");
        }
        let started = usize::from(ran || !could_start);
        assert_eq!(made.count(started).await, started, "killed after {writes}");
        world.end().await;
        !is_killed
    })
    .await;
}

#[tokio::test]
async fn a_job_is_made_suspended_and_starts_once_it_is_recorded() {
    if skipped() {
        return;
    }
    let (mut world, alpha) = world().await;
    fares(&mut world, SimulatedRun::GoesOn, "it goes on");
    world.round().await;
    let running = until_it_runs(&world, &alpha, "32").await;
    let kept = record(&world, &alpha).await.run.unwrap();
    assert_eq!(kept.uid.as_deref(), Some(uid(&running)));
    assert!(running["spec"]["suspend"] != true, "{running}");
    world.end().await;
}
