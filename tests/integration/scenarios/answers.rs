//! Faults 16–18, 23: lists and watches that grow too old, fall silent or lag behind, and clocks that are wrong.

use std::time::{Duration, Instant};

use kube::api::PostParams;
use parcelle::cluster::Lease;
use parcelle::cluster::lease::{LeaseState, Timing};
use parcelle::plan::{Creating, Deleting, Done, HealthState, Reason};
use parcelle::render::naming;
use parcelle::sandbox::{ControllerOptions, Fault, FaultEffect, RequestMatcher};
use serde_json::json;

use super::{assert_completes, data, expired, settled};
use crate::stories_crash::until_held;
use crate::story::{World, fault, line, name};

#[tokio::test]
async fn scenario_16_a_list_that_grows_too_old_between_its_pages_is_begun_anew() {
    let (mut world, alpha) = settled().await;
    let Some(faults) = world.faults() else { return world.end().await };
    // More than one page of them, made by us.
    for at in 0..520 {
        world.put(&alpha, "ConfigMap", &format!("many-{at}"), Some("web"), data("1"));
    }
    world.round().await.assert_all_done();
    let on = |nth| RequestMatcher {
        verbs: vec!["list".to_owned()],
        resource: Some("configmaps".to_owned()),
        namespace: Some(alpha.to_string()),
        nth: Some(nth),
        ..RequestMatcher::default()
    };
    faults.add(Fault { on: on(2), effect: expired() });
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(faults.all()[0].1, 1, "the second page was refused");
    assert_eq!(round.writes(), Vec::<String>::new(), "what the first page lacks is not missing");
    faults.clear();

    // A list that never comes to its end is no list: nothing of the kind is touched, although something is to go.
    world.drop_object(&alpha, "ConfigMap", "many-7");
    faults.add(fault(&["list"], "configmaps", 0, expired()));
    let failure = world.round().await;
    assert!(world.get("ConfigMap", &alpha, "many-7").await.is_some());
    assert_eq!(failure.writes(), Vec::<String>::new());
    faults.clear();
    assert_completes(&world, &alpha).await;
    assert!(world.get("ConfigMap", &alpha, "many-7").await.is_none());
    world.end().await;
}

/// A world that waits for a database which becomes ready after a while.
async fn waiting(delay: Duration) -> (World, parcelle::name::Name) {
    let mut world = World::with(ControllerOptions { delay, ..ControllerOptions::default() }).await;
    world.wait = Some(Duration::from_secs(20));
    let alpha = world.organisation("alpha");
    world.put(&alpha, "Cluster", "db", Some("web"), json!({"spec": {"instances": 1, "storage": {"size": "1Gi"}}}));
    world.ordinary(&alpha);
    (world, alpha)
}

#[tokio::test]
async fn scenario_16_a_watch_that_grows_too_old_is_opened_anew() {
    if crate::story::real().is_some() {
        return;
    }
    let (world, alpha) = waiting(Duration::from_millis(1_500)).await;
    let Some(faults) = world.faults() else { return world.end().await };
    faults.add(fault(&["watch"], "clusters.postgresql.cnpg.io", 2, FaultEffect::WatchExpires));
    let round = world.round().await;
    round.assert_all_done();
    assert!(matches!(round.done(&alpha, "Cluster", "db"),
        Done::Applied { health: Some(health), .. } if health.state == HealthState::Ready));
    assert!(faults.all()[0].1 > 0, "a watch was expired");
}

#[tokio::test]
async fn scenario_17_a_watch_that_falls_silent_is_opened_anew() {
    if crate::story::real().is_some() {
        return;
    }
    let (mut world, alpha) = waiting(Duration::from_millis(800)).await;
    let Some(faults) = world.faults() else { return world.end().await };
    // As long as an answer may take, a watch may be silent in this world.
    world.reconnect(Duration::from_secs(2)).await;
    faults.add(fault(&["watch"], "clusters.postgresql.cnpg.io", 1, FaultEffect::WatchStalls));
    let begun = Instant::now();
    let round = world.round().await;
    round.assert_all_done();
    assert!(matches!(round.done(&alpha, "Cluster", "db"),
        Done::Applied { health: Some(health), .. } if health.state == HealthState::Ready));
    assert_eq!(faults.all()[0].1, 1, "the first watch was silent");
    assert!(begun.elapsed() < Duration::from_secs(15), "not waited for until the deadline: {:?}", begun.elapsed());
}

#[tokio::test]
async fn scenario_18_a_read_that_lags_behind_prunes_and_takes_nothing() {
    let (mut world, alpha) = settled().await;
    let Some(faults) = world.faults() else { return world.end().await };
    let stale =
        |verbs: &[&str], resource: &str, versions| fault(verbs, resource, 0, FaultEffect::StaleRead { versions });

    // The list shows an object of ours that somebody deleted and made anew since: it is read once more before it goes.
    world.put(&alpha, "ConfigMap", "extra", Some("web"), data("1"));
    world.round().await.assert_all_done();
    world.drop_object(&alpha, "ConfigMap", "extra");
    world.delete("ConfigMap", &alpha, "extra").await;
    world.make("ConfigMap", &alpha, "extra", data("theirs")).await;
    faults.add(stale(&["list"], "configmaps", 2));
    let round = world.round().await;
    assert_eq!(
        round.action(&alpha, "ConfigMap", "extra").reason(),
        Reason::Deleting(&Deleting::NoLongerAsked),
        "as the old list has it"
    );
    faults.clear();
    assert_eq!(world.get("ConfigMap", &alpha, "extra").await.unwrap()["data"]["a"], "theirs");
    assert_completes(&world, &alpha).await;

    // No read shows an object that we made last: it is not made anew, and nothing of it is given up.
    world.put(&alpha, "Service", "late", Some("web"), json!({"spec": {"ports": [{"port": 80, "protocol": "TCP"}]}}));
    world.round().await.assert_all_done();
    let before = world.get("Service", &alpha, "late").await.unwrap();
    faults.add(stale(&["list", "get"], "services", 8));
    world.ask = false;
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "Service", "late").reason(), Reason::Creating(&Creating::DeletedBehindOurBack));
    faults.clear();
    let after = world.get("Service", &alpha, "late").await.unwrap();
    assert_eq!((&after["metadata"]["uid"], &after["spec"]), (&before["metadata"]["uid"], &before["spec"]));
    assert_eq!(after["metadata"]["labels"], before["metadata"]["labels"]);
    assert_completes(&world, &alpha).await;
    world.end().await;
}

#[tokio::test]
async fn scenario_23_a_clock_that_is_an_hour_wrong_shortens_no_time_and_steals_no_lease() {
    // A retired app's data: what the first run wrote counts, and an hour back or forth deletes nothing early.
    let (mut world, alpha) = settled().await;
    let claim = json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    world.put(&alpha, "PersistentVolumeClaim", "notes-files", Some("notes"), claim);
    world.round().await.assert_all_done();
    world.objects_of(&alpha).retired.insert(name("notes"), (14 * 86_400, line(3)));
    world.round().await.assert_all_done();
    let since = world.now;
    for skew in [3_600, -3_600, 14 * 86_400 - 1] {
        world.now = since + skew;
        assert_eq!(world.round().await.writes(), Vec::<String>::new(), "{skew} s");
        let (_, entry) =
            world.inventory(&alpha).await.entries.into_iter().find(|(id, _)| &*id.name == "notes-files").unwrap();
        assert_eq!(entry.retired_since, Some(since), "{skew} s");
    }

    // A lease says when it was renewed by its holder's clock, which nobody believes.
    let (writer, timing) = (world.writer().await, timing());
    for (at, renewed) in ["2001-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"].into_iter().enumerate() {
        let garden = world.own(&format!("skewed-{at}"));
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": format!("parcelle-{garden}"), "namespace": naming::SYSTEM_NAMESPACE},
            "spec": {"holderIdentity": "rival", "leaseDurationSeconds": 1, "acquireTime": renewed, "renewTime": renewed},
        });
        let kind = kube::core::GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease");
        let resource = kube::core::ApiResource::from_gvk(&kind);
        let api: kube::Api<kube::api::DynamicObject> =
            kube::Api::namespaced_with(world.admin.clone(), naming::SYSTEM_NAMESPACE, &resource);
        api.create(&PostParams::default(), &serde_json::from_value(lease).unwrap()).await.unwrap();
        let mut ours = Lease::new(&garden, "ours".to_owned(), timing, jiff::Timestamp::now);
        let theirs = LeaseState::HeldBy { holder: "rival".to_owned(), alive: false };
        assert_eq!(ours.acquire_or_renew(&writer).await.unwrap(), theirs, "not at first sight, whatever it says");
        let waited = until_held(&mut ours, &writer).await;
        assert!(waited >= Duration::from_millis(900), "it stood still for its duration: {waited:?}");
        api.delete(&format!("parcelle-{garden}"), &kube::api::DeleteParams::default()).await.unwrap();
    }
    world.end().await;
}

fn timing() -> Timing {
    Timing { duration: Duration::from_secs(1), renewal: Duration::from_millis(200), margin: Duration::from_millis(300) }
}
