//! Stories of what was written in part: it counts as past, whoever looks at it later. They drive the very `Daemon` of
//! `parcelle run`, over a Git repository and a sandbox.

use parcelle::check::{check, past_of};
use parcelle::engine::Event;
use parcelle::finding::Severity;
use parcelle::git::{RawFile, Snapshot};
use parcelle::sandbox::{Fault, FaultEffect, RequestMatcher};

use crate::stories_loop::{Loop, commit, daemon, files};

/// Notes with a volume, and a job that moves it to each release.
const NOTES: &str = r#"edition 2026

definition notes {
    about "Notes."
    single-replica "it locks its files"
    settings {
        refine storage { about "Room for notes."; default 2 GiB; only-grows "a volume cannot shrink"; }
    }
    releases {
        channel stable 34
        release 34 image="registry.example/notes:34" after=33
        release 33 image="registry.example/notes:33" after=32
        release 32 image="registry.example/notes:32" after=31
        release 31 image="registry.example/notes:31"
    }
    needs {
        volume data { size "${settings.storage}"; }
        route web { host "${settings.at}"; to web; }
    }
    workload web {
        image "${release.image}"
        port http 3000
        run-as 10000
        recreate "its volume can be mounted once"
        volume data at="/data"
        ready http path="/"
    }
    job upgrade {
        on-upgrade "moves the notes to the release"
        like web
        run notes migrate
    }
    test smallest {
        given { at notes.example.org; }
        expect "objects.Deployment.web.spec.replicas == 1"
    }
}
"#;

fn file(path: &str, text: &str) -> RawFile {
    RawFile { path: path.to_owned(), blob: text.to_owned(), bytes: text.as_bytes().to_vec().into() }
}

/// A garden in which `alpha` has these apps, and `beta` what it always has.
fn garden(apps: &str) -> Vec<RawFile> {
    garden_saying(apps, "")
}

/// The same, whose `garden` node says something more.
fn garden_saying(apps: &str, said: &str) -> Vec<RawFile> {
    let mut files = files();
    files.retain(|file| file.path == "ada.kdl" || file.path == "beta.kdl");
    let alpha = "edition 2026\n\norganisation alpha {\n    title \"alpha\"\n    cluster ada-lovelace\n    domain alpha.example\n\n";
    files.push(file("alpha.kdl", &format!("{alpha}{apps}}}\n")));
    files.push(file("garden.kdl", &format!("edition 2026\n\ngarden loops {{\n    title \"Loops\"\n{said}}}\n")));
    files.push(file("notes.kdl", NOTES));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The app at a release, with what is said of it besides.
fn notes(version: u32, more: &str) -> String {
    format!("    app notes notes {{\n        version {version}\n{more}    }}\n")
}

fn refused(verbs: &[&str], resource: &str, name: Option<&str>) -> Fault {
    Fault {
        on: RequestMatcher {
            verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
            resource: Some(resource.to_owned()),
            name: name.map(str::to_owned),
            namespace: Some("alpha".to_owned()),
            ..RequestMatcher::default()
        },
        effect: FaultEffect::Status {
            code: 403,
            reason: "Forbidden".to_owned(),
            retry_after: None,
            message: "exceeded quota: organisation".to_owned(),
        },
    }
}

impl Loop {
    /// Pushes a garden and makes a turn; what it told.
    async fn pushed(&mut self, files: &[RawFile]) -> crate::stories_loop::Told {
        commit(&self.folder.path().join("garden"), files);
        self.turn(Event::Poll).await.expect("a commit is news")
    }

    async fn image(&self) -> String {
        let deployment = self.api("apps/v1", "Deployment", "alpha").get("notes-web").await.unwrap();
        let image = &deployment.data["spec"]["template"]["spec"]["containers"][0]["image"];
        image.as_str().unwrap().to_owned()
    }

    /// What may be in the cluster of `notes`, as the inventory says: the versions, the last whole one first.
    async fn versions(&self) -> Vec<String> {
        let stored = self.api("v1", "ConfigMap", "parcelle-system").get("parcelle-loops--alpha").await.unwrap();
        let text = stored.data["data"]["inventory.json"].as_str().unwrap();
        let inventory: serde_json::Value = serde_json::from_str(text).unwrap();
        let app = &inventory["footprint"]["apps"]["notes"];
        let begun = app["begun"].as_array().cloned().unwrap_or_default();
        let states = std::iter::once(app["whole"].clone()).chain(begun).filter(|state| !state.is_null());
        states.map(|state| state["version"].as_str().unwrap().to_owned()).collect()
    }

    /// The loop ends and another process begins, with a clone of its own.
    async fn followed(&mut self) {
        let next = Box::new(daemon(&self.handle, self.folder.path(), "another-mirror"));
        Box::pin(std::mem::replace(&mut self.daemon, next).close()).await;
    }
}

/// What a check of one garden against another finds wrong.
fn found_between(before: &[RawFile], after: &[RawFile]) -> Vec<String> {
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let snapshot = |files: &[RawFile]| Snapshot { commit: None, folder: String::new(), files: files.to_vec() };
    let past = past_of(&check(snapshot(before), None, now));
    let checked = check(snapshot(after), Some(&past), now);
    let wrong = checked.findings.iter().filter(|finding| finding.severity == Severity::Error);
    wrong.map(|finding| format!("{} {}", finding.code.as_str(), finding.title)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_whose_job_was_refused_rolls_nothing_out_and_its_revert_is_refused_as_check_does() {
    let before = garden(&notes(32, ""));
    let mut this = Loop::begun_with(&before).await;
    assert_eq!(
        (this.image().await, this.versions().await),
        ("registry.example/notes:32".to_owned(), vec!["32".to_owned()])
    );
    this.handle.faults().add(refused(&["create", "patch"], "jobs.batch", None));
    let upgraded = garden(&format!("{}    app static-site docs\n", notes(33, "")));
    let told = this.pushed(&upgraded).await;
    assert!(told.open, "the job is refused");
    assert!(told.writes.contains(&"Create Deployment docs-web".to_owned()), "another app goes on: {:?}", told.writes);
    let job = told.plans[0].actions.iter().find(|action| &*action.id.kind == "Job").unwrap();
    let web =
        told.plans[0].actions.iter().find(|action| &*action.id.name == "notes-web" && &*action.id.kind == "Deployment");
    assert_eq!(web.unwrap().reason().to_string(), format!("held back since {} cannot be done", job.id));
    this.until_calm().await;
    assert_eq!(
        (this.image().await, this.versions().await),
        ("registry.example/notes:32".to_owned(), vec!["32".to_owned(), "33".to_owned()])
    );

    let back = "E0405 `alpha/notes` runs 33 and cannot go back to 32".to_owned();
    let reverted = garden(&format!("{}    app static-site docs\n", notes(32, "")));
    assert_eq!(found_between(&upgraded, &reverted), [back.clone()]);
    let told = this.pushed(&reverted).await;
    assert_eq!((told.findings, told.writes), (vec![back.clone()], Vec::new()));
    // Neither does a step further go on from both ends.
    let told = this.pushed(&garden(&format!("{}    app static-site docs\n", notes(34, "")))).await;
    assert_eq!(told.findings, ["E0406 `alpha/notes` runs 32 and cannot go to 34 at once"]);
    // Another process, with a clone of its own, knows the same.
    this.followed().await;
    this.pushed(&reverted).await;
    let told = this.turn(Event::Resync).await.unwrap();
    assert_eq!((told.findings, told.writes), (vec![back], Vec::new()));

    // What was refused is tried again, and then it is whole.
    this.handle.faults().clear();
    let told = this.pushed(&upgraded).await;
    assert!(told.findings.is_empty(), "{:?}", told.findings);
    this.until_calm().await;
    assert_eq!(
        (this.image().await, this.versions().await),
        ("registry.example/notes:33".to_owned(), vec!["33".to_owned()])
    );
    this.ended().await;
}
