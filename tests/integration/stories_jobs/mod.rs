//! Stories of one-time jobs: each runs once for its inputs, is not touched while it runs, and is told where it does not end well.

use std::time::Duration;

use parcelle::cluster::inventory;
use parcelle::name::Name;
use parcelle::plan::{Done, Holding, JobRecord, Keeping, Reason, Refusing, RerunAsked, Skip};
use parcelle::render::OneTime;
use parcelle::sandbox::ControllerOptions;
use parcelle::sandbox::controllers::{InjectedFailure, SimulatedRun};
use serde_json::{Value, json};

use crate::story::{World, real};

mod kills;
mod loops;
mod vanished;
mod words;

/// These need controllers, which a bare API server has not.
pub(crate) fn skipped() -> bool {
    if real().is_some() {
        println!("skipped: the test server has no controllers");
    }
    real().is_some()
}

/// The size of a job's pod, which is no input of it.
const SMALL: &str = "64Mi";
const LARGE: &str = "128Mi";

/// A cluster whose jobs end, run or do not start as a story says, and an organisation with an upgrade before its workload.
pub(crate) async fn world() -> (World, Name) {
    let delay = Duration::from_millis(10);
    let mut world = World::with(ControllerOptions { delay, ..ControllerOptions::default() }).await;
    world.wait = Some(Duration::from_secs(20));
    world.now = jiff::Timestamp::now().as_second();
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    upgrade(&mut world, &alpha, "32", SMALL);
    (world, alpha)
}

/// Asks for the upgrade of the app `web` to a release, by a pod of this size.
pub(crate) fn upgrade(world: &mut World, alpha: &Name, release: &str, memory: &str) {
    let objects = &mut world.objects_of(alpha).objects;
    objects.retain(|object| object.once.is_none());
    let container = json!({ "name": "app", "image": "example.org/web:1", "command": ["upgrade"],
        "resources": { "limits": { "memory": memory } } });
    let labels = json!({ "app.kubernetes.io/component": "upgrade", "parcelle.dev/garden": world.garden.name.as_str() });
    let body = json!({
        "metadata": { "labels": { "app.kubernetes.io/component": "upgrade" } },
        "spec": { "template": {
            "metadata": { "labels": labels },
            "spec": { "restartPolicy": "OnFailure", "containers": [container] },
        } },
    });
    let name = job_of(release);
    world.put(alpha, "Job", &name, Some("web"), body);
    let objects = &mut world.objects_of(alpha).objects;
    let job = objects.iter_mut().find(|object| *object.id.name == *name).unwrap();
    job.once = Some(OneTime {
        key: "web/upgrade".to_owned(),
        was: None,
        job: "upgrade".to_owned(),
        inputs: release.to_owned(),
        deadline: 3_600,
    });
    job.stage = parcelle::render::Stage::Upgrade;
    objects.sort_by(|a, b| (a.stage, &a.id).cmp(&(b.stage, &b.id)));
}

pub(crate) fn job_of(release: &str) -> String {
    format!("web-upgrade--{release}")
}

/// From now on jobs fare so.
pub(crate) fn fares(world: &mut World, run: SimulatedRun, message: &str) {
    let failure = InjectedFailure { kind: "Job".to_owned(), message: message.to_owned(), run, ..Default::default() };
    if run != SimulatedRun::Fails {
        world.wait = Some(Duration::from_millis(200));
    }
    world.sandbox.as_ref().unwrap().controllers().unwrap().fail(failure);
}

/// From now on they do their work, those that are under way too.
pub(crate) fn recovers(world: &mut World) {
    world.wait = Some(Duration::from_secs(20));
    world.sandbox.as_ref().unwrap().controllers().unwrap().recover();
}

pub(crate) async fn record(world: &World, alpha: &Name) -> JobRecord {
    world.inventory(alpha).await.jobs.get("web/upgrade").cloned().unwrap_or_default()
}

/// The releases that the upgrade is recorded as done for: the last one.
async fn done(world: &World, alpha: &Name) -> Option<String> {
    record(world, alpha).await.done.map(|done| done.inputs)
}

pub(crate) async fn job(world: &World, alpha: &Name, release: &str) -> Option<Value> {
    world.get("Job", alpha, &job_of(release)).await
}

/// Waits until a Job is as asked.
async fn until(world: &World, alpha: &Name, release: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..500 {
        if let Some(job) = job(world, alpha, release).await.filter(|job| is_so(job)) {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", job(world, alpha, release).await)
}

async fn until_it_runs(world: &World, alpha: &Name, release: &str) -> Value {
    let job = until(world, alpha, release, |job| job["status"]["ready"] == 1).await;
    for _ in 0..500 {
        let pod = world.get("Pod", alpha, &format!("{}-pod", job_of(release))).await;
        if pod.is_some_and(|pod| pod["status"]["phase"] == "Running") {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("its pod never runs")
}

/// What the word of a person comes to.
pub(crate) async fn asked_again(world: &World, alpha: &Name, of: &str) {
    let mut stored =
        inventory::read(&world.connection, &world.garden.name).await.unwrap().remove(alpha).unwrap().unwrap();
    let mut next = stored.inventory.clone();
    let record = next.jobs.get_mut("web/upgrade").unwrap();
    (record.done, record.rerun) = (None, Some(RerunAsked { of: of.to_owned(), who: "tim".to_owned() }));
    let writer = world.writer().await;
    inventory::write(&writer, &world.garden.name, alpha, alpha.as_str(), &mut stored, &next).await.unwrap();
}

fn uid(job: &Value) -> &str {
    job["metadata"]["uid"].as_str().unwrap()
}

#[tokio::test]
async fn a_job_that_is_done_goes_once_that_is_recorded_and_no_change_of_its_pod_runs_it_again() {
    if skipped() {
        return;
    }
    let (mut world, alpha) = world().await;
    world.round().await.assert_all_done();
    assert_eq!(done(&world, &alpha).await.as_deref(), Some("32"));
    assert!(job(&world, &alpha, "32").await.is_none(), "it is recorded, so it went");
    assert!(world.get("Deployment", &alpha, "web").await.is_some());
    upgrade(&mut world, &alpha, "32", LARGE);
    let before = world.connection.counts();
    let round = world.round().await;
    assert_eq!((round.writes(), world.connection.counts().writes), (Vec::new(), before.writes));
    assert!(job(&world, &alpha, "32").await.is_none());
    // Back and forth is another run each time.
    for release in ["33", "32", "33"] {
        upgrade(&mut world, &alpha, release, SMALL);
        let round = world.round().await;
        round.assert_all_done();
        assert_eq!(round.writes(), [format!("Create Job {}", job_of(release))]);
        assert_eq!(done(&world, &alpha).await.as_deref(), Some(release));
    }
    world.end().await;
}

#[tokio::test]
async fn a_job_that_runs_is_not_touched_by_any_commit_and_what_comes_after_it_waits() {
    if skipped() {
        return;
    }
    let (mut world, alpha) = world().await;
    fares(&mut world, SimulatedRun::GoesOn, "it goes on");
    world.round().await;
    let before = until_it_runs(&world, &alpha, "32").await;
    // A size, other inputs, other inputs again, a night, an app that is held: nothing.
    for (release, memory) in [("32", LARGE), ("33", SMALL), ("34", LARGE), ("32", SMALL)] {
        upgrade(&mut world, &alpha, release, memory);
        let round = world.round().await;
        let now = job(&world, &alpha, "32").await.unwrap();
        assert_eq!((uid(&now), &now["spec"]), (uid(&before), &before["spec"]), "{release} {memory}");
        let kept = round.action(&alpha, "Job", &job_of("32"));
        assert!(matches!(kept.reason(), Reason::Keeping(Keeping::JobRuns { since: Some(_), .. })), "{kept:?}");
        let waits = round.done(&alpha, "Deployment", "web");
        let why = format!("{release} {memory}: {waits:?}");
        assert!(matches!(waits, Done::Skipped { why: Skip::WaitsFor { .. } }), "{why}");
        if release != "32" {
            let held = round.action(&alpha, "Job", &job_of(release));
            let Reason::Holding(Holding::AfterJob { of, failed: false }) = held.reason() else { panic!("{held:?}") };
            assert_eq!(&*of.name, job_of("32"));
            assert!(job(&world, &alpha, release).await.is_none(), "two copies would run on one set of data");
        }
    }
    let app = &mut world.objects_of(&alpha).objects;
    app.iter_mut().find(|object| object.once.is_some()).unwrap().body["spec"]["suspend"] = true.into();
    world.round().await;
    assert_eq!(job(&world, &alpha, "32").await.unwrap()["spec"], before["spec"], "a night would end it");
    upgrade(&mut world, &alpha, "33", SMALL);
    recovers(&mut world);
    until(&world, &alpha, "32", |job| job["status"]["succeeded"] == 1).await;
    world.round().await.assert_all_done();
    assert_eq!(done(&world, &alpha).await.as_deref(), Some("33"), "the other trigger only waited");
    world.end().await;
}

#[tokio::test]
async fn a_job_that_failed_is_told_with_its_end_and_only_other_inputs_or_a_person_run_it() {
    if skipped() {
        return;
    }
    let (mut world, alpha) = world().await;
    fares(&mut world, SimulatedRun::Fails, "the database is locked");
    let round = world.round().await;
    assert!(round.outcome.is_open(), "a job that failed is no success");
    let before = until(&world, &alpha, "32", |job| job["status"]["failed"].is_i64()).await;
    for memory in [SMALL, LARGE] {
        upgrade(&mut world, &alpha, "32", memory);
        let round = world.round().await;
        let refused = round.action(&alpha, "Job", &job_of("32"));
        let Reason::Refusing(Refusing::JobFailed { why, rerun }) = refused.reason() else { panic!("{refused:?}") };
        assert_eq!(why, "its last container ended with exit code 1: the database is locked");
        assert_eq!(*rerun, format!("{alpha}/web upgrade"));
        assert_eq!(uid(&job(&world, &alpha, "32").await.unwrap()), uid(&before));
        let waits = round.done(&alpha, "Deployment", "web");
        assert!(matches!(waits, Done::Skipped { why: Skip::AfterFailure { .. } }), "{waits:?}");
        let told = round.findings().iter().any(|finding| finding.code.as_str() == "E0478");
        assert!(told && round.outcome.is_open());
    }
    recovers(&mut world);
    world.round().await;
    assert_eq!(uid(&job(&world, &alpha, "32").await.unwrap()), uid(&before), "nobody said that it runs again");
    upgrade(&mut world, &alpha, "33", SMALL);
    let round = world.round().await;
    assert_eq!(round.writes()[0], format!("Replace Job {}", job_of("33")));
    round.assert_all_done();
    assert_eq!(done(&world, &alpha).await.as_deref(), Some("33"));
    assert!(job(&world, &alpha, "32").await.is_none());
    world.assert_inventory_exact(&alpha).await;
    world.end().await;
}

#[tokio::test]
async fn a_job_of_which_no_container_started_gives_way_to_a_commit_and_one_that_did_does_not() {
    if skipped() {
        return;
    }
    let (mut world, alpha) = world().await;
    fares(&mut world, SimulatedRun::NeverStarts, "no such image");
    world.round().await;
    let first = until(&world, &alpha, "32", |job| job["status"]["active"] == 1).await;
    let round = world.round().await;
    let waits = round.action(&alpha, "Job", &job_of("32"));
    let Reason::Keeping(Keeping::JobWaits { .. }) = waits.reason() else { panic!("{waits:?}") };
    assert_eq!(uid(&job(&world, &alpha, "32").await.unwrap()), uid(&first), "nothing asks for another");
    // The same inputs by another pod.
    upgrade(&mut world, &alpha, "32", LARGE);
    for _ in 0..200 {
        world.round().await;
        if job(&world, &alpha, "32").await.is_some_and(|job| uid(&job) != uid(&first)) {
            break;
        }
    }
    let second = job(&world, &alpha, "32").await.unwrap();
    assert_ne!(uid(&second), uid(&first));
    // Other inputs.
    upgrade(&mut world, &alpha, "33", LARGE);
    recovers(&mut world);
    until(&world, &alpha, "32", |job| job["status"]["active"].is_null()).await;
    world.round().await.assert_all_done();
    assert_eq!(done(&world, &alpha).await.as_deref(), Some("33"));
    assert!(job(&world, &alpha, "32").await.is_none());
    world.end().await;
}

#[tokio::test]
async fn a_job_is_overdue_counted_from_its_first_container_and_goes_on() {
    if skipped() {
        return;
    }
    let (mut world, alpha) = world().await;
    fares(&mut world, SimulatedRun::GoesOn, "it goes on");
    world.round().await;
    until_it_runs(&world, &alpha, "32").await;
    world.round().await;
    let started = record(&world, &alpha).await.run.unwrap().started.expect("its start is remembered");
    for (now, late) in [(started + 3_599, false), (started + 3_600, true)] {
        world.now = now;
        let round = world.round().await;
        let kept = round.action(&alpha, "Job", &job_of("32"));
        let is_late = matches!(kept.reason(), Reason::Keeping(Keeping::JobOverdue { .. }));
        assert_eq!(is_late, late, "{kept:?}");
        let told = round.findings().iter().filter(|finding| finding.code.as_str() == "W0478").count();
        assert_eq!(told, usize::from(late));
        assert!(matches!(round.done(&alpha, "Deployment", "web"), Done::Skipped { .. }), "it goes on waiting");
    }
    // Its pod is lost: when it began is remembered.
    let pod = format!("{}-pod", job_of("32"));
    world.api("Pod", &alpha).delete(&pod, &kube::api::DeleteParams::default()).await.unwrap();
    let round = world.round().await;
    let kept = round.action(&alpha, "Job", &job_of("32"));
    assert!(matches!(kept.reason(), Reason::Keeping(Keeping::JobOverdue { .. })), "{kept:?}");
    assert!(job(&world, &alpha, "32").await.unwrap()["spec"]["activeDeadlineSeconds"].is_null());
    world.end().await;
}

#[tokio::test]
async fn a_job_whose_pods_may_not_be_read_counts_as_running() {
    if skipped() {
        return;
    }
    let (mut world, alpha) = world().await;
    fares(&mut world, SimulatedRun::NeverStarts, "no such image");
    world.round().await;
    let before = until(&world, &alpha, "32", |job| job["status"]["active"] == 1).await;
    world.restricted(|rules| rules.retain(|rule| rule["resources"] != json!(["pods"]))).await;
    upgrade(&mut world, &alpha, "32", LARGE);
    let round = world.round().await;
    let kept = round.action(&alpha, "Job", &job_of("32"));
    let Reason::Keeping(Keeping::JobRuns { unknown: Some(why), .. }) = kept.reason() else { panic!("{kept:?}") };
    assert!(why.ends_with("- {apiGroups: [\"\"], resources: [pods], verbs: [list]}"), "{why}");
    assert_eq!(uid(&job(&world, &alpha, "32").await.unwrap()), uid(&before));
    world.end_of_rights().await;
}

#[tokio::test]
async fn a_job_that_somebody_took_away_while_it_ran_begins_anew_by_a_word_alone_and_when_its_pods_have_ended() {
    if skipped() {
        return;
    }
    let (mut world, alpha) = world().await;
    fares(&mut world, SimulatedRun::GoesOn, "it goes on");
    world.round().await;
    until_it_runs(&world, &alpha, "32").await;
    world.round().await;
    let name = job_of("32");
    let orphaned = kube::api::DeleteParams {
        propagation_policy: Some(kube::api::PropagationPolicy::Orphan),
        ..kube::api::DeleteParams::default()
    };
    world.api("Job", &alpha).delete(&name, &orphaned).await.unwrap();
    while job(&world, &alpha, "32").await.is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let round = world.round().await;
    let held = round.action(&alpha, "Job", &name);
    let Reason::Holding(Holding::PodsLeft { pods }) = held.reason() else { panic!("{held:?}") };
    assert_eq!(*pods, [format!("{name}-pod")]);
    assert!(matches!(round.done(&alpha, "Deployment", "web"), Done::Skipped { .. }));
    recovers(&mut world);
    world.api("Pod", &alpha).delete(&format!("{name}-pod"), &kube::api::DeleteParams::default()).await.unwrap();
    let round = world.round().await;
    let refused = round.action(&alpha, "Job", &name);
    assert!(
        matches!(refused.reason(), Reason::Refusing(Refusing::JobEndUnknown { since: Some(_), .. })),
        "{refused:?}"
    );
    let of = record(&world, &alpha).await.run.unwrap().uid.unwrap();
    asked_again(&world, &alpha, &of).await;
    world.round().await.assert_all_done();
    assert_eq!(done(&world, &alpha).await.as_deref(), Some("32"));
    world.end().await;
}

#[tokio::test]
async fn what_a_job_is_done_for_survives_a_pause_and_a_retired_app_that_comes_back() {
    if skipped() {
        return;
    }
    let (mut world, alpha) = world().await;
    let claim =
        json!({ "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } });
    world.put(&alpha, "PersistentVolumeClaim", "files", Some("web"), claim);
    world.round().await.assert_all_done();
    let living = world.objects[&alpha].clone();
    let objects = world.objects_of(&alpha);
    objects.objects.retain(|object| object.holds_data || object.app.is_none());
    objects.retired.insert(crate::story::name("web"), (30 * 86_400, crate::story::line(3)));
    world.round().await;
    world.now += 20 * 86_400;
    world.round().await;
    assert_eq!(done(&world, &alpha).await.as_deref(), Some("32"));
    world.objects.insert(alpha.clone(), living.clone());
    world.round().await.assert_all_done();
    assert!(job(&world, &alpha, "32").await.is_none(), "its data is as it was");
    // Once its time has come, a new app of that name begins from nothing.
    let objects = world.objects_of(&alpha);
    objects.objects.retain(|object| object.holds_data || object.app.is_none());
    objects.retired.insert(crate::story::name("web"), (30 * 86_400, crate::story::line(3)));
    world.round().await;
    world.now += 31 * 86_400;
    for _ in 0..4 {
        world.round().await;
    }
    assert_eq!(done(&world, &alpha).await, None);
    world.end().await;
}
