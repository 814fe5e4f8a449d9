//! Stories of waiting: data services before what uses them, a deadline, a failure that is not waited for.

use std::time::Duration;

use parcelle::plan::{Done, HealthState, Skip};
use parcelle::sandbox::ControllerOptions;
use parcelle::sandbox::controllers::InjectedFailure;
use serde_json::json;
use tokio::time::Instant;

use crate::story::{World, real};

/// These need controllers, which a bare API server has not.
fn skipped() -> bool {
    if real().is_some() {
        println!("skipped: the test server has no controllers");
    }
    real().is_some()
}

fn with_database(world: &mut World) -> parcelle::name::Name {
    let alpha = world.organisation("alpha");
    world.put(&alpha, "Cluster", "db", Some("web"), json!({"spec": {"instances": 1, "storage": {"size": "1Gi"}}}));
    world.ordinary(&alpha);
    alpha
}

#[tokio::test]
async fn workloads_come_after_the_data_services_are_ready() {
    if skipped() {
        return;
    }
    let delay = Duration::from_millis(700);
    let mut world = World::with(ControllerOptions { delay, ..ControllerOptions::default() }).await;
    world.wait = Some(Duration::from_secs(20));
    let alpha = with_database(&mut world);
    let begun = Instant::now();
    let round = world.round().await;
    round.assert_all_done();
    assert!(begun.elapsed() >= delay);
    let Done::Applied { health: Some(health), .. } = round.done(&alpha, "Cluster", "db") else { panic!() };
    assert_eq!(health.state, HealthState::Ready);
    let made = async |kind: &str, object: &str| {
        let found = world.get(kind, &alpha, object).await.unwrap();
        found["metadata"]["creationTimestamp"].as_str().unwrap().to_owned()
    };
    assert!(made("Deployment", "web").await >= made("Cluster", "db").await);
    // What controllers write is not ours to write again.
    while world.get("Deployment", &alpha, "web").await.unwrap()["status"]["readyReplicas"] != 2 {
        assert!(begun.elapsed() < Duration::from_mins(1), "the pods are never ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_data_service_that_is_not_ready_in_time_keeps_the_workloads_waiting_and_the_next_round_goes_on() {
    if skipped() {
        return;
    }
    let delay = Duration::from_secs(2);
    let mut world = World::with(ControllerOptions { delay, ..ControllerOptions::default() }).await;
    world.wait = Some(Duration::from_millis(300));
    let alpha = with_database(&mut world);
    let round = world.round().await;
    let Done::Skipped { why: Skip::WaitsFor { object, .. } } = round.done(&alpha, "Deployment", "web") else {
        panic!("{:?}", round.done(&alpha, "Deployment", "web"))
    };
    assert_eq!(&*object.name, "db");
    assert!(world.get("Deployment", &alpha, "web").await.is_none());
    world.wait = Some(Duration::from_secs(20));
    world.round().await.assert_all_done();
}

#[tokio::test]
async fn a_data_service_that_fails_is_said_and_not_waited_for() {
    if skipped() {
        return;
    }
    let failure = InjectedFailure {
        kind: "Deployment".to_owned(),
        message: "no such image".to_owned(),
        ..InjectedFailure::default()
    };
    let mut world = World::with(ControllerOptions { failures: vec![failure], ..ControllerOptions::default() }).await;
    world.wait = Some(Duration::from_secs(20));
    let alpha = with_database(&mut world);
    let begun = Instant::now();
    let round = world.round().await;
    assert!(matches!(round.done(&alpha, "Deployment", "web"), Done::Applied { .. }));
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn without_waiting_all_stages_are_gone_through_at_once() {
    if skipped() {
        return;
    }
    let delay = Duration::from_secs(30);
    let mut world = World::with(ControllerOptions { delay, ..ControllerOptions::default() }).await;
    let alpha = with_database(&mut world);
    let begun = Instant::now();
    let round = world.round().await;
    round.assert_all_done();
    assert!(begun.elapsed() < Duration::from_secs(10));
    let Done::Applied { health: Some(health), .. } = round.done(&alpha, "Cluster", "db") else { panic!() };
    assert_ne!(health.state, HealthState::Ready);
}
