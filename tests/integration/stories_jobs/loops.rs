//! One-time jobs of the real loop: what its watches saw counts, whatever others take away before it is recorded.

use std::time::Duration;

use kube::api::DeleteParams;
use parcelle::cluster::inventory;
use parcelle::engine::Event;
use parcelle::git::RawFile;
use parcelle::name::Name;
use parcelle::sandbox::controllers::{InjectedFailure, SimulatedRun};

use super::skipped;
use crate::stories_loop::Loop;
use crate::stories_past::garden;

/// A definition with a job of its own for each note, and the organisation's file.
fn files(note: &str, size: &str) -> Vec<RawFile> {
    let definition = "edition 2026\n\ndefinition page {\n    about \"A page.\"\n    releases { channel stable 1; release 1 image=\"registry.example/page:1\"; }\n    \
         settings { setting note text { about \"What it says.\"; default \"\"; }; }\n    needs { route web { host \"${settings.at}\"; to web; }; }\n    \
         workload web { port http 8080; ready http path=\"/\"; resources { memory \"${quantity('64 MiB') * app.factor}\"; }; }\n    \
         job note { on-change settings.note; like web; deadline 2 hours; run tell \"${settings.note}\"; }\n    \
         test smallest { expect \"objects.Deployment.web.spec.replicas == 1\"; }\n}\n";
    let mut files = garden(&format!("app page www {{ note \"{note}\"; size {size}; }}"));
    files.push(RawFile {
        path: "page.kdl".to_owned(),
        blob: "page.kdl".to_owned(),
        bytes: definition.as_bytes().into(),
    });
    files
}

async fn jobs(this: &Loop) -> Vec<String> {
    let all = this.api("batch/v1", "Job", "alpha").list(&kube::api::ListParams::default()).await.unwrap();
    all.items.into_iter().filter_map(|job| job.metadata.name).collect()
}

/// Turns until the inventory says how the run of `alpha`'s job stands: what is taken away before that is a run nobody knows of.
async fn until_recorded(this: &mut Loop, run: SimulatedRun) {
    for _ in 0..600 {
        let connection = this.connection();
        let all = inventory::read(&connection, &Name::new("loops").unwrap()).await.unwrap();
        let alpha = all.into_iter().find(|(name, _)| name.as_str() == "alpha").unwrap().1.unwrap();
        let recorded = alpha.inventory.jobs.values().filter_map(|job| job.run.as_ref());
        let mut recorded =
            recorded.map(|begun| if run == SimulatedRun::NeverStarts { begun.idle } else { begun.started.is_some() });
        if recorded.next() == Some(true) {
            return;
        }
        this.turn(Event::Resync).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the run of the job is not recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_was_seen_to_end_is_done_although_somebody_took_it_away_before_that_was_recorded() {
    if skipped() {
        return;
    }
    let mut this = Loop::begun_with(&files("one", "small")).await;
    assert_eq!(jobs(&this).await, Vec::<String>::new(), "what is done goes");
    this.handle.controllers().unwrap().fail(InjectedFailure {
        kind: "Job".to_owned(),
        run: SimulatedRun::GoesOn,
        ..Default::default()
    });
    this.pushed(&files("two", "small")).await;
    this.until_calm().await;
    let running = jobs(&this).await;
    assert_eq!(running.len(), 1);
    // It ends, and goes, while the loop is busy with something else.
    this.handle.controllers().unwrap().recover();
    let api = this.api("batch/v1", "Job", "alpha");
    while api.get(&running[0]).await.unwrap().data["status"]["succeeded"] != 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    api.delete(&running[0], &DeleteParams::background()).await.unwrap();
    while api.get_opt(&running[0]).await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    this.until_calm().await;
    assert_eq!(jobs(&this).await, Vec::<String>::new(), "it was seen to be done");
    let told = this.turn(Event::Resync).await.unwrap();
    assert!(told.writes.is_empty() && !told.open, "{:?}", told.writes);
    // Nor does another size of its pod run it again.
    this.pushed(&files("two", "large")).await;
    this.until_calm().await;
    assert_eq!(jobs(&this).await, Vec::<String>::new());
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_jobs_are_done_nothing_is_asked() {
    if skipped() {
        return;
    }
    let mut this = Loop::begun_with(&files("one", "small")).await;
    this.handle.reset_stats();
    assert!(this.next(Duration::from_millis(700)).await.is_none(), "something was stirred");
    assert_eq!(this.handle.stats().requests, std::collections::BTreeMap::new());
    // Of what is done nothing is looked for when everything is.
    this.turn(Event::Resync).await;
    let asked = this.handle.stats().requests;
    let single = asked.iter().filter(|((verb, resource), _)| verb == "get" && resource.starts_with("jobs"));
    assert_eq!(single.count(), 0, "{asked:?}");
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_app_neither_runs_its_jobs_again_nor_beside_one_that_runs() {
    if skipped() {
        return;
    }
    let renamed = |note: &str| {
        let mut files = files(note, "small");
        let alpha = files.iter_mut().find(|file| file.path == "organisations/alpha.kdl").unwrap();
        let text = String::from_utf8(alpha.bytes.to_vec()).unwrap();
        alpha.bytes = text.replace("app page www {", "app page site { was www;").into_bytes().into();
        alpha.blob = format!("renamed {note}");
        files
    };
    let mut this = Loop::begun_with(&files("one", "small")).await;
    this.handle.controllers().unwrap().fail(InjectedFailure {
        kind: "Job".to_owned(),
        run: SimulatedRun::GoesOn,
        ..Default::default()
    });
    this.pushed(&files("two", "small")).await;
    this.until_calm().await;
    let running = jobs(&this).await;
    assert_eq!(running.len(), 1);
    for note in ["two", "three"] {
        this.pushed(&renamed(note)).await;
        this.until_calm().await;
        assert_eq!(jobs(&this).await, running, "{note}");
    }
    this.handle.controllers().unwrap().recover();
    this.until_calm().await;
    this.turn(Event::Resync).await;
    this.until_calm().await;
    assert_eq!(jobs(&this).await, Vec::<String>::new());
    let told = this.turn(Event::Resync).await.unwrap();
    assert!(!told.open && told.writes.is_empty(), "{:?}", told.writes);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_loop_watched_to_its_end_begins_anew_where_no_container_of_it_started_and_not_where_one_did() {
    if skipped() {
        return;
    }
    let mut this = Loop::begun_with(&files("one", "small")).await;
    let fail = |this: &Loop, run| {
        let failure = InjectedFailure { kind: "Job".to_owned(), run, ..Default::default() };
        this.handle.controllers().unwrap().fail(failure);
    };
    for (note, run) in [("two", SimulatedRun::NeverStarts), ("three", SimulatedRun::GoesOn)] {
        fail(&this, run);
        this.pushed(&files(note, "small")).await;
        this.until_calm().await;
        until_recorded(&mut this, run).await;
        let before = jobs(&this).await;
        assert_eq!(before.len(), 1, "{note}");
        let api = this.api("batch/v1", "Job", "alpha");
        let uid = api.get(&before[0]).await.unwrap().metadata.uid;
        api.delete(&before[0], &DeleteParams::background()).await.unwrap();
        while api.get_opt(&before[0]).await.unwrap().is_some_and(|job| job.metadata.uid == uid) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        this.until_calm().await;
        this.handle.controllers().unwrap().recover();
        // What never ran was made again, and is done; of what ran nobody knows. A busy machine takes its time.
        let mut came = (Vec::new(), false);
        for _ in 0..10 {
            this.until_calm().await;
            let told = this.turn(Event::Resync).await.unwrap();
            came = (jobs(&this).await, told.open);
            if came == (Vec::new(), run == SimulatedRun::GoesOn) {
                break;
            }
        }
        assert_eq!(came, (Vec::new(), run == SimulatedRun::GoesOn), "{note}");
    }
    this.ended().await;
}
