//! Words of people beside a running loop: carried out once by whoever holds the lease, removed, and told.

use kube::api::{ListParams, PostParams};
use serde_json::{Value, json};

use super::skipped;
use crate::command::Process;
use crate::ground::{Ground, organisation};

/// An app with a job for each note that hangs or fails as its setting says.
const PAGE: &str = r#"edition 2026

definition page {
    about "A page."
    releases { channel stable 1; release 1 image="docker.io/example/page:1.0"; }
    settings {
        setting note text { about "What it says."; default ""; }
        setting step choice { about "What its job does."; default fine; option fine; option fail; option hang; }
    }
    needs { route web { host "${settings.at}"; to web; }; }
    workload web { port http 8080; ready http path="/"; }
    job note {
        on-change settings.note
        like web
        run "${settings.step == 'fail' ? 'false' : settings.step == 'hang' ? 'sleep' : 'tell'}" "${settings.note}"
    }
    test smallest { expect "objects.Deployment.web.spec.replicas == 1"; }
}
"#;

fn alpha(note: &str, step: &str) -> String {
    organisation("alpha", "Alpha", &format!("app page www {{ note \"{note}\"; step {step}; }}"))
}

async fn ground(step: &str) -> Ground {
    Ground::new(&[("page.kdl", PAGE), ("organisations/alpha.kdl", &alpha("one", step))]).await
}

/// What the clock of every process shows.
fn now() -> i64 {
    "2026-11-20T11:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second()
}

fn say(ground: &Ground, words: &[&str]) -> crate::command::Output {
    let kubeconfig = ground.environment.path("two").display().to_string();
    let all = words.iter().copied().chain(["--kubeconfig", &kubeconfig]);
    ground.environment.run(all.map(str::to_owned).collect::<Vec<_>>())
}

async fn marks(ground: &Ground) -> Vec<Value> {
    let labelled = ListParams::default().labels("parcelle.dev/word");
    let found = ground.api("v1", "ConfigMap", "parcelle-system").list(&labelled).await.unwrap();
    found.items.into_iter().map(|mark| serde_json::to_value(mark).unwrap()).collect()
}

async fn jobs(ground: &Ground) -> Vec<(String, String)> {
    let all = ground.api("batch/v1", "Job", "alpha").list(&ListParams::default()).await.unwrap();
    all.items.into_iter().map(|job| (job.metadata.name.unwrap(), job.metadata.uid.unwrap())).collect()
}

async fn paused(ground: &Ground) -> Option<String> {
    let found = ground.api("v1", "ConfigMap", "parcelle-system").get("parcelle-grounds--alpha").await.unwrap();
    found.metadata.annotations.and_then(|notes| notes.get("parcelle.dev/paused").cloned())
}

async fn begun(ground: &Ground) -> Process {
    let mut process = ground.run("one");
    process.wait_for("applied");
    ground.until("the site is there", async || ground.is_ready("www-web").await).await;
    ground.until_calm().await;
    process
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_loop_carries_out_what_a_person_says_once_and_tells_it() {
    if skipped() {
        return;
    }
    let ground = ground("fail").await;
    let mut process = begun(&ground).await;
    process.wait_for("E0478");
    let failed = jobs(&ground).await;
    assert_eq!(failed.len(), 1);
    ground.commit("organisations/alpha.kdl", &alpha("one", "fine"), "mended");
    process.wait_for("mended");
    let said = say(&ground, &["rerun", "alpha/www", "note", "--reason", "it was locked"]);
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(said.text().contains("taken up by"), "{}", said.text());
    process.wait_for("says so, it was locked");
    ground.until("it is done", async || jobs(&ground).await.is_empty()).await;
    assert_eq!(marks(&ground).await, Vec::<Value>::new());
    let said = say(&ground, &["pause", "alpha", "--reason", "a move"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let why = paused(&ground).await.unwrap_or_default();
    assert!(why.starts_with("a move (by `somebody@test`, since 2026-11-20 1"), "{why}");
    let said = say(&ground, &["resume", "alpha"]);
    assert_eq!((said.code, paused(&ground).await), (0, None), "{}", said.text());
    process.wait_for("`alpha` goes on");
    process.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_loop_a_command_takes_the_lease_and_does_it_itself() {
    if skipped() {
        return;
    }
    let ground = ground("fail").await;
    let once = || ground.environment.run(ground.arguments("one", &["--once"]));
    assert_eq!(once().code, 1, "its job fails");
    let failed = jobs(&ground).await;
    ground.commit("organisations/alpha.kdl", &alpha("one", "fine"), "mended");
    let said = once();
    assert!(said.code == 1 && said.text().contains("parcelle rerun alpha/www note"), "{}", said.text());
    assert_eq!(jobs(&ground).await, failed, "nobody said that it runs again");
    let said = say(&ground, &["rerun", "alpha/www", "note"]);
    assert!(said.code == 0 && said.text().contains("it is done"), "{}", said.text());
    assert_eq!((jobs(&ground).await, marks(&ground).await), (Vec::new(), Vec::new()));
    assert_eq!(ground.holder().await.as_deref().unwrap_or_default(), "", "it gave the lease back");
    let said = once();
    assert!(said.code == 0 && said.text().contains("Nothing was written"), "{}", said.text());
    let said = say(&ground, &["pause", "--reason", "a move"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let why = paused(&ground).await.unwrap_or_default();
    assert!(why.starts_with("a move (by `somebody@test`, since 2026-11-20 1"), "{why}");
    assert_eq!(say(&ground, &["resume"]).code, 0);
    assert_eq!(paused(&ground).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_runs_in_its_time_is_stopped_by_an_explicit_word_alone() {
    if skipped() {
        return;
    }
    let ground = ground("hang").await;
    let said = ground.environment.run(ground.arguments("one", &["--once", "--wait", "1s"]));
    assert_eq!(said.code, 0, "{}", said.text());
    let running = jobs(&ground).await;
    let said = say(&ground, &["rerun", "alpha/www", "note"]);
    assert!(said.code == 2 && said.text().contains("--yes"), "{}", said.text());
    assert_eq!(jobs(&ground).await, running);
    let said = say(&ground, &["rerun", "alpha/www", "note", "--yes", "--wait", "2s"]);
    assert!(said.code == 0 && said.text().contains("it runs"), "{}", said.text());
    let again = jobs(&ground).await;
    assert!(again.len() == 1 && again != running, "one, and another: {again:?}");
    let said = say(&ground, &["rerun", "alpha/www", "other"]);
    assert!(said.code == 2 && said.text().contains("known: www note"), "{}", said.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_that_counts_for_nothing_is_told_and_removed_and_stops_nobody() {
    if skipped() {
        return;
    }
    let ground = ground("fine").await;
    let mut process = begun(&ground).await;
    let now = now();
    let word = |word: Value, uid: &str, when: i64| json!({ "version": 1, "organisation": "alpha", "word": word, "uid": uid, "who": "mallory", "when": when, "why": "x" });
    let rerun = json!({ "rerun": { "app": "www", "job": "note" } });
    let hostile = [
        ("alpha", json!("no JSON").to_string(), "counts for nothing"),
        ("alpha", word(rerun.clone(), "another", now).to_string(), "an earlier run"),
        ("alpha", word(json!("pause"), "another", now).to_string(), "another inventory"),
        ("alpha", word(json!({ "delete": { "app": "www" } }), "u", now).to_string(), "counts for nothing"),
        ("alpha", word(rerun.clone(), "u", now - 30 * 86_400).to_string(), "seven days"),
        ("alpha", word(rerun.clone(), "u", now + 86_400).to_string(), "future"),
        ("nobody", word(rerun.clone(), "u", now).to_string(), "says `alpha`"),
        ("alpha", "x".repeat(100_000), "at most"),
    ];
    let (before, maps) = (jobs(&ground).await, ground.api("v1", "ConfigMap", "parcelle-system"));
    for (at, (organisation, text, told)) in hostile.iter().enumerate() {
        let mark = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": format!("forged-{at}"), "namespace": "parcelle-system", "labels": {
                "parcelle.dev/garden": "grounds", "parcelle.dev/organisation": organisation, "parcelle.dev/word": "1" } },
            "data": { "word.json": text },
        });
        maps.create(&PostParams::default(), &serde_json::from_value(mark).unwrap()).await.unwrap();
        process.wait_for(told);
        ground.until("it is removed", async || marks(&ground).await.is_empty()).await;
    }
    assert_eq!((jobs(&ground).await, paused(&ground).await), (before, None));
    // The loop goes on.
    ground.commit("organisations/alpha.kdl", &alpha("two", "fine"), "another note");
    process.wait_for("another note");
    process.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_nobody_has_carried_out_is_shown_and_survives_the_end_of_a_loop() {
    if skipped() {
        return;
    }
    let ground = ground("fine").await;
    let mut process = begun(&ground).await;
    process.kill();
    let found = ground.api("v1", "ConfigMap", "parcelle-system").get("parcelle-grounds--alpha").await.unwrap();
    let uid = found.metadata.uid.unwrap();
    let mark = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "parcelle-grounds--alpha--word-1", "namespace": "parcelle-system", "labels": {
            "parcelle.dev/garden": "grounds", "parcelle.dev/organisation": "alpha", "parcelle.dev/word": "1" } },
        "data": { "word.json": json!({ "version": 1, "organisation": "alpha", "word": "pause", "uid": uid,
            "who": "tim@desk", "when": now(), "why": "a move" }).to_string() },
    });
    let maps = ground.api("v1", "ConfigMap", "parcelle-system");
    maps.create(&PostParams::default(), &serde_json::from_value(mark).unwrap()).await.unwrap();
    let said = say(&ground, &["status", "alpha"]);
    assert!(
        said.code == 1 && said.text().contains("not carried out yet: `alpha` is paused by `tim@desk`: a move"),
        "{}",
        said.text()
    );
    let said = ground.environment.run(ground.arguments("three", &["--once"]));
    assert!(said.text().contains("`alpha` is paused by `tim@desk`: a move"), "{}", said.text());
    let why = paused(&ground).await.unwrap_or_default();
    assert!(why.starts_with("a move (by `tim@desk`, since 2026-11-20 1"), "{why}");
    assert_eq!(marks(&ground).await, Vec::<Value>::new());
}
