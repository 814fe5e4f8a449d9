//! Stories of names that change together with something else: an app is what its data is of, whatever is written of it since.

use std::collections::BTreeMap;

use kube::api::{DeleteParams, ListParams};
use parcelle::engine::Event;
use parcelle::git::RawFile;

use crate::command::{Output, TestEnvironment};
use crate::ground::{Ground, organisation};
use crate::stories_loop::{Loop, Told};
use crate::stories_past::garden;
use crate::story::real;

/// Pads with a volume; one job for each release, one for whatever its pod is given, which names a service of the app itself, and
/// one for what a setting says, the name of another app.
const PADS: &str = r#"edition 2026

definition pads {
    about "Pads."
    single-replica "it locks its files"
    settings { setting beside app=pads { about "Another one."; }; }
    releases { channel stable 1; release 1 image="registry.example/pads:1"; }
    needs { volume uploads { size 2 GiB; }; route web { host "${settings.at}"; to web; }; }
    workload web { port http 3000; run-as 10000; recreate "one volume"; volume uploads at="/data"; ready http path="/"; }
    job UPGRADE { on-upgrade "moves the pads"; like web; run pads migrate; }
    job tell { on-change; like web; env SELF "http://${workloads.web.host}"; run pads tell; }
    @when "has(settings.beside)" { job know { on-change settings.beside; like web; run pads know; }; }
    test smallest { given { at notes.example.org; }; expect "objects.Deployment.web.spec.replicas == 1"; }
}
"#;

/// A forum that keeps what it has under other names.
const FORUM: &str = r#"
definition forum {
    about "A forum."
    single-replica "it locks its files"
    releases { channel stable 1; release 1 image="registry.example/forum:1"; }
    needs { volume threads { size 2 GiB; }; route web { host "${settings.at}"; to web; }; }
    workload web { port http 3000; run-as 10000; recreate "one volume"; volume threads at="/data"; ready http path="/"; }
    test smallest { given { at notes.example.org; }; expect "objects.Deployment.web.spec.replicas == 1"; }
}
"#;

fn pads(apps: &str) -> Vec<RawFile> {
    let mut files = garden(&format!("    {apps}\n"));
    let own = files.iter_mut().find(|file| file.path == "notes.kdl").unwrap();
    let text = format!("{}{FORUM}", PADS.replace("UPGRADE", "upgrade"));
    (own.blob, own.bytes) = (text.clone(), text.into_bytes().into());
    files
}

/// The errors among what was told.
fn errors(told: &Told) -> Vec<&str> {
    told.findings.iter().filter(|found| found.starts_with('E')).map(|found| &found[..5]).collect()
}

impl Loop {
    /// Pushes a garden that nobody refuses, and lets the loop come to its end.
    async fn brought(&mut self, files: &[RawFile]) -> Vec<String> {
        let mut told = self.pushed(files).await;
        let mut writes = std::mem::take(&mut told.writes);
        for _ in 0..6 {
            assert_eq!(errors(&told), Vec::<&str>::new());
            told = self.turn(Event::Resync).await.unwrap();
            if told.writes.is_empty() && !told.open {
                return writes;
            }
            writes.append(&mut told.writes);
        }
        panic!("it does not come to an end: {writes:?}");
    }

    async fn claims(&self) -> BTreeMap<String, String> {
        let all = self.api("v1", "PersistentVolumeClaim", "alpha").list(&ListParams::default()).await.unwrap();
        let meta = all.items.into_iter().map(|claim| claim.metadata);
        meta.map(|claim| (claim.name.unwrap(), claim.uid.unwrap())).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_was_renamed_and_retired_at_once_comes_back_to_its_data_by_its_name_alone() {
    if real().is_some() {
        return;
    }
    let mut this = Loop::begun_with(&pads("app pads pads")).await;
    let claims = this.claims().await;
    let retired = "retired app pads notes { was pads; keep-data 30 days; }";
    this.brought(&pads(retired)).await;
    for refused in ["retired app pads notes { keep-data 30 days; }", "app pads notes"] {
        let told = this.pushed(&pads(refused)).await;
        assert_eq!((errors(&told), told.writes.len()), (vec!["E0430"], 0), "{refused}");
    }
    let told = this.pushed(&pads("app forum notes")).await;
    assert_eq!((errors(&told), told.writes.len()), (vec!["E0419"], 0));
    let told = this.pushed(&pads("app forum log")).await;
    assert_eq!((errors(&told), told.writes.len()), (vec!["E0411"], 0));
    this.brought(&pads(retired)).await;
    // What sleeps begins nothing, whatever it is called.
    let writes = this.brought(&pads("retired app pads texts { was pads; keep-data 30 days; }")).await;
    assert!(!writes.iter().any(|write| write.contains(" Job ")), "{writes:?}");
    this.brought(&pads("app pads texts { was pads; }")).await;
    assert_eq!(this.claims().await, claims);
    this.brought(&pads("app pads pads")).await;
    assert_eq!(this.claims().await, claims);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_in_part_does_not_make_an_app_another_one() {
    if real().is_some() {
        return;
    }
    let mut this = Loop::begun_with(&pads("app pads pads")).await;
    let claims = this.claims().await;
    // Under another name of its need the app would start empty: that is refused, after its policies were put in.
    let moved = |apps: &str| {
        let mut files = pads(apps);
        let own = files.iter_mut().find(|file| file.path == "notes.kdl").unwrap();
        let text = String::from_utf8(own.bytes.to_vec()).unwrap();
        let text = text.replace("about \"A forum.\"", "about \"A forum.\"\n    was pads");
        (own.blob, own.bytes) = (text.clone(), text.into_bytes().into());
        files
    };
    let told = this.pushed(&moved("app forum notes { was pads; }")).await;
    assert!(told.open && !told.writes.is_empty(), "{:?}", told.writes);
    assert!(told.plans.iter().any(|plan| plan.findings.iter().any(|found| found.code.as_str() == "E0432")));
    this.brought(&moved("app pads pads")).await;
    assert_eq!(this.claims().await, claims);
    let all = this.api("networking.k8s.io/v1", "NetworkPolicy", "alpha").list(&ListParams::default()).await.unwrap();
    let left: Vec<_> = all.items.into_iter().filter_map(|one| one.metadata.name).collect();
    assert!(!left.iter().any(|name| name.starts_with("notes")), "{left:?}");
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_done_under_whatever_name_of_its_app_of_another_app_or_of_its_own() {
    if real().is_some() {
        return;
    }
    let apps =
        |one: &str, other: &str, of: &str| format!("app pads {one} {{ {other}beside {of}; }}\n    app pads beside");
    let mut this = Loop::begun_with(&pads(&apps("pads", "", "beside"))).await;
    let renamed = [
        pads(&apps("notes", "was pads; ", "beside")),
        pads("app pads notes { was pads; beside side; }\n    app pads side { was beside; }"),
        called_anew(pads("app pads notes { was pads; beside side; }\n    app pads side { was beside; }")),
    ];
    for (at, files) in renamed.into_iter().enumerate() {
        let writes = this.brought(&files).await;
        assert!(!writes.iter().any(|write| write.contains("Create Job")), "{at}: {writes:?}");
    }
    this.ended().await;
}

/// The same with a job that its definition calls otherwise.
fn called_anew(mut files: Vec<RawFile>) -> Vec<RawFile> {
    let own = files.iter_mut().find(|file| file.path == "notes.kdl").unwrap();
    let earlier = PADS.replace("job UPGRADE {", "job migrate { was upgrade;");
    let text = format!("{earlier}{FORUM}");
    (own.blob, own.bytes) = (text.clone(), text.into_bytes().into());
    files
}

/// A ground on which two apps have a database each, and the process of one user.
async fn shared() -> Ground {
    let definition = PADS
        .replace("UPGRADE", "upgrade")
        .replace("volume uploads { size 2 GiB; };", "volume uploads { size 2 GiB; }; postgres db;");
    let definition = definition
        .replace("volume uploads at=\"/data\";", "volume uploads at=\"/data\"; env HOST \"${needs.db.host}\";");
    let alpha = organisation("alpha", "Alpha", "app pads one\n    app pads two");
    Ground::new(&[("pads.kdl", &definition), ("organisations/alpha.kdl", &alpha)]).await
}

fn command(ground: &Ground, words: &[&str]) -> Output {
    let kubeconfig = ground.environment.path("two").display().to_string();
    let all = words.iter().copied().chain(["--kubeconfig", &kubeconfig]);
    ground.environment.run(all.map(str::to_owned).collect::<Vec<_>>())
}

fn once(ground: &Ground) -> Output {
    ground.environment.run(ground.arguments("one", &["--once"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_waits_for_its_data_is_held_under_another_name_too() {
    if real().is_some() {
        return;
    }
    let ground = shared().await;
    assert_eq!(once(&ground).code, 0);
    let server = ground.api("postgresql.cnpg.io/v1", "Cluster", "alpha");
    server.delete("postgres", &DeleteParams::background()).await.unwrap();
    ground.until("it is gone", async || server.get_opt("postgres").await.unwrap().is_none()).await;
    assert_eq!(once(&ground).code, 1);
    assert_eq!(command(&ground, &["acknowledge", "alpha/one", "--yes"]).code, 0);
    let renamed = organisation("alpha", "Alpha", "app pads one\n    app pads three { was two; }");
    ground.commit("organisations/alpha.kdl", &renamed, "another name");
    for _ in 0..2 {
        let told = once(&ground);
        assert!(told.code == 1 && told.text().contains("the data of `three` is gone"), "{}", told.text());
        assert!(!ground.is_ready("three-web").await);
    }
    assert_eq!(command(&ground, &["acknowledge", "alpha/three", "--yes"]).code, 0);
    assert_eq!(once(&ground).code, 0);
    assert!(ground.is_ready("three-web").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_app_whose_only_workload_is_missing_is_not_said_to_be_nearly_well() {
    if real().is_some() {
        return;
    }
    let ground = shared().await;
    assert_eq!(once(&ground).code, 0);
    let renamed = organisation("alpha", "Alpha", "app pads one\n    app pads three { was two; }");
    ground.commit("organisations/alpha.kdl", &renamed, "another name");
    assert_eq!(once(&ground).code, 0);
    let deployments = ground.api("apps/v1", "Deployment", "alpha");
    deployments.delete("three-web", &DeleteParams::background()).await.unwrap();
    ground.until("it is gone", async || deployments.get_opt("three-web").await.unwrap().is_none()).await;
    let told = command(&ground, &["status", "alpha"]).text();
    assert!(told.contains("not running, `Deployment three-web` is not there"), "{told}");
    assert_eq!(told.matches("not running").count(), 1, "{told}");
}

#[test]
fn what_mends_a_commit_that_was_refused_is_compared_with_the_one_before_it() {
    let environment = TestEnvironment::new();
    let write = |app: &str| {
        environment
            .garden(pads(app).into_iter().map(|file| (file.path, String::from_utf8(file.bytes.to_vec()).unwrap())));
    };
    write("app pads pads");
    environment.commit("as it is applied");
    write("app pads notes");
    environment.commit("renamed without a word, and merged all the same");
    let refused = environment.run(["check", "--base", "HEAD~1"]).text();
    assert!(refused.contains("E0410") && refused.contains("write `was pads` in `notes`"), "{refused}");
    write("app pads notes { was pads; }");
    let mended = environment.run(["check", "--base", "HEAD"]);
    assert!(mended.code == 0 && mended.text().contains("was refused itself"), "{}", mended.text());
    write("app pads pads");
    assert_eq!(environment.run(["check", "--base", "HEAD"]).code, 0);
    write("app forum notes { was pads; }");
    assert!(environment.run(["check", "--base", "HEAD"]).text().contains("E0419"));
}
