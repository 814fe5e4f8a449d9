//! Stories of what was written in part: it counts as past, whoever looks at it later. They drive the very `Daemon` of
//! `parcelle run`, over a Git repository and a sandbox.

use parcelle::check::{check, past_of};
use parcelle::engine::Event;
use parcelle::finding::Severity;
use parcelle::git::{RawFile, Snapshot};
use parcelle::sandbox::controllers::InjectedFailure;
use parcelle::sandbox::{Fault, FaultEffect, RequestMatcher};

use crate::stories_loop::{Loop, commit, daemon, files};

/// Notes with a volume, and a job that moves it to each release.
const NOTES: &str = r#"edition 2026

definition notes {
    about "Notes."
    single-replica "it locks its files"
    settings {
        refine storage { about "Room for notes."; default 2 GiB; only-grows "a volume cannot shrink"; }
        setting level word { about "How much it tells."; default low; }
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
        env LEVEL "${settings.level}"
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
pub(crate) fn garden(apps: &str) -> Vec<RawFile> {
    garden_saying(apps, "")
}

/// The same, whose `garden` node says something more.
fn garden_saying(apps: &str, said: &str) -> Vec<RawFile> {
    let mut files = files();
    files.retain(|file| file.path == "ada.kdl" || file.path == "organisations/beta.kdl");
    let alpha = "edition 2026\n\norganisation alpha {\n    title \"alpha\"\n    cluster ada-lovelace\n    domain alpha.example\n\n";
    files.push(file("organisations/alpha.kdl", &format!("{alpha}{apps}}}\n")));
    files.push(file("garden.kdl", &format!("edition 2026\n\ngarden loops {{\n    title \"Loops\"\n    ceiling {{ cpu 64 cores; memory 256 GiB; storage 8 TiB; }}\n    allow W0443 \"what is tried here is lost anyway\"\n{said}}}\n")));
    files.push(file("notes.kdl", NOTES));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The app at a release, with what is said of it besides.
pub(crate) fn notes(version: u32, more: &str) -> String {
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
    pub(crate) async fn pushed(&mut self, files: &[RawFile]) -> crate::stories_loop::Told {
        commit(&self.folder.path().join("garden"), files);
        self.turn(Event::Poll).await.expect("a commit is news")
    }

    /// The commit that was pushed last.
    fn head(&self) -> String {
        let repository = git2::Repository::open(self.folder.path().join("garden")).unwrap();
        repository.head().unwrap().peel_to_commit().unwrap().id().to_string()
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
    let snapshot = |files: &[RawFile]| Snapshot::of(files.to_vec());
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
    assert_eq!(web.unwrap().reason().to_string(), format!("held back since {} was refused", job.id));
    this.until_calm().await;
    assert_eq!(
        (this.image().await, this.versions().await),
        ("registry.example/notes:32".to_owned(), vec!["32".to_owned(), "33".to_owned()])
    );

    let back = "E0405 `alpha/notes` runs 33 and cannot go back to 32".to_owned();
    let reverted = garden(&format!("{}    app static-site docs\n", notes(32, "")));
    assert_eq!(found_between(&upgraded, &reverted), std::slice::from_ref(&back));
    let told = this.pushed(&reverted).await;
    let begun = "E0405 33 was begun on `alpha/notes`, which cannot go back to 32".to_owned();
    assert_eq!((told.findings, told.writes), (vec![begun.clone()], Vec::new()));
    // Neither does a step further go on from both ends.
    let told = this.pushed(&garden(&format!("{}    app static-site docs\n", notes(34, "")))).await;
    assert_eq!(told.findings, ["E0406 `alpha/notes` runs 32 and cannot go to 34 at once"]);
    // Another process, with a clone of its own, knows the same.
    this.followed().await;
    this.pushed(&reverted).await;
    let told = this.turn(Event::Resync).await.unwrap();
    assert_eq!((told.findings, told.writes), (vec![begun], Vec::new()));

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_is_taken_back_where_the_garden_declares_it() {
    let before = garden(&notes(32, ""));
    let mut this = Loop::begun_with(&before).await;
    let whole = this.head();
    this.handle.faults().add(refused(&["create", "patch"], "jobs.batch", None));
    this.pushed(&garden(&notes(33, ""))).await;
    let begun = this.head();
    assert_eq!(this.versions().await, ["32", "33"]);
    // Another commit is no declaration of it, and what moves or is short is no commit.
    for (to, code) in [(begun.as_str(), "E0405"), ("main", "E0204"), ("", "E0204"), (&whole[..11], "E0204")] {
        let said = format!("    rollback to=\"{to}\"\n");
        let told = this.pushed(&garden_saying(&notes(32, ""), &said)).await;
        assert_eq!(told.findings.first().map(|told| &told[..5]), Some(code), "{to}: {:?}", told.findings);
    }
    let said = format!("    rollback to=\"{}\"\n", &whole[..12]);
    let told = this.pushed(&garden_saying(&notes(32, ""), &said)).await;
    assert_eq!((told.findings, told.open), (Vec::new(), false));
    this.until_calm().await;
    assert_eq!(this.versions().await, ["32"]);
    // From here it goes on as ever, whatever stands there still.
    this.handle.faults().clear();
    let told = this.pushed(&garden_saying(&notes(33, ""), &said)).await;
    assert!(told.findings.is_empty(), "{:?}", told.findings);
    this.until_calm().await;
    let told = this.pushed(&garden_saying(&notes(32, ""), &said)).await;
    assert_eq!(told.findings, ["E0405 `alpha/notes` runs 33 and cannot go back to 32"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_was_set_back_takes_nothing_back_not_even_for_a_clone_that_lacks_the_commit() {
    let mut this = Loop::begun_with(&garden(&notes(32, ""))).await;
    let whole = this.head();
    this.handle.faults().add(refused(&["create", "patch"], "jobs.batch", None));
    this.pushed(&garden(&notes(33, ""))).await;
    this.handle.faults().clear();
    let repository = git2::Repository::open(this.folder.path().join("garden")).unwrap();
    repository.reset(&repository.revparse_single(&whole).unwrap(), git2::ResetType::Hard, None).unwrap();
    // The loop has the commit that was begun.
    let told = this.turn(Event::Poll).await.unwrap();
    assert_eq!(told.writes, Vec::<String>::new());
    this.until_calm().await;
    this.followed().await;
    let told = this.turn(Event::Resync).await.unwrap();
    assert_eq!(told.findings, ["E0405 33 was begun on `alpha/notes`, which cannot go back to 32"]);
    assert!(!told.writes.iter().any(|write| write.contains("notes")), "{:?}", told.writes);
    assert_eq!(this.versions().await, ["32", "33"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_size_that_was_written_in_part_does_not_shrink_and_one_that_was_refused_was_never_there() {
    let mut this = Loop::begun_with(&garden(&notes(32, ""))).await;
    let grown =
        |size: u32, level: &str| garden(&notes(32, &format!("        storage {size} GiB\n        level {level}\n")));
    // The claim is refused, and everything after it held: the size was never in the cluster.
    this.handle.faults().add(refused(&["patch"], "persistentvolumeclaims", None));
    let told = this.pushed(&grown(4, "high")).await;
    assert!(told.open && !told.writes.iter().any(|write| write.contains("notes")), "{:?}", told.writes);
    let told = this.pushed(&garden(&notes(32, ""))).await;
    assert_eq!((told.findings, told.open), (Vec::new(), false));
    this.handle.faults().clear();
    this.until_calm().await;
    // The claim grows, and its Deployment is refused.
    this.handle.faults().add(refused(&["patch"], "deployments.apps", None));
    let told = this.pushed(&grown(4, "high")).await;
    assert!(
        told.open && told.writes.contains(&"Change PersistentVolumeClaim notes-data".to_owned()),
        "{:?}",
        told.writes
    );
    let told = this.pushed(&grown(3, "high")).await;
    assert_eq!(told.findings, ["E0407 `storage` of `alpha/notes` cannot shrink from 4 GiB to 3 GiB"]);
    this.handle.faults().clear();
    let told = this.pushed(&grown(5, "high")).await;
    assert_eq!(told.findings, Vec::<String>::new());
    this.until_calm().await;
    assert!(!this.turn(Event::Resync).await.unwrap().open);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_was_begun_does_not_vanish_and_one_that_was_refused_whole_may() {
    let apps = |more: &str| garden(&format!("    app static-site www\n{more}"));
    let mut this = Loop::begun_with(&apps("")).await;
    let new = notes(33, "");
    // Its network policies and its claim come first.
    this.handle.faults().add(refused(&["create", "patch"], "deployments.apps", Some("notes-web")));
    let told = this.pushed(&apps(&new)).await;
    assert!(told.open, "{:?}", told.writes);
    this.until_calm().await;
    let told = this.pushed(&apps("")).await;
    assert_eq!(told.findings, ["E0410 `notes` runs, and `alpha` does not mention it any more"]);
    assert_eq!(told.writes, Vec::<String>::new());
    this.ended().await;

    let mut this = Loop::begun_with(&apps("")).await;
    for resource in ["persistentvolumeclaims", "networkpolicies.networking.k8s.io", "serviceaccounts"] {
        this.handle.faults().add(refused(&["create", "patch"], resource, None));
    }
    this.pushed(&apps(&new)).await;
    assert_eq!(this.versions().await, Vec::<String>::new());
    this.handle.faults().clear();
    let told = this.pushed(&apps("")).await;
    assert!(!told.findings.iter().any(|found| found.starts_with('E')), "{:?}", told.findings);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_is_held_was_never_there() {
    let mut this = Loop::begun_with(&garden(&format!("{}    app static-site www\n", notes(32, "")))).await;
    let held = |version| {
        garden(&format!(
            "{}    app static-site www {{ title Ours; }}\n",
            notes(version, "        hold \"after the fair\"\n")
        ))
    };
    let told = this.pushed(&held(33)).await;
    assert!(!told.open && !told.writes.is_empty(), "the other app is whole: {:?}", told.writes);
    assert!(!told.writes.iter().any(|write| write.contains("notes")), "{:?}", told.writes);
    assert_eq!(this.versions().await, ["32"]);
    let told = this.pushed(&held(34)).await;
    assert_eq!(told.findings, ["E0406 `alpha/notes` runs 32 and cannot go to 34 at once"]);
    let told = this.pushed(&held(32)).await;
    assert_eq!(told.findings, Vec::<String>::new());
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_failed_in_an_earlier_round_holds_its_release_back_in_the_next() {
    let mut this = Loop::begun_with(&garden(&notes(32, ""))).await;
    let failure = InjectedFailure { kind: "Job".to_owned(), message: "it failed".to_owned(), ..Default::default() };
    this.handle.controllers().unwrap().fail(failure);
    this.pushed(&garden(&notes(33, ""))).await;
    this.until_calm().await;
    let told = this.turn(Event::Resync).await.unwrap();
    assert!(told.open, "it waits for its job");
    assert_eq!(
        (this.image().await, this.versions().await),
        ("registry.example/notes:32".to_owned(), vec!["32".to_owned(), "33".to_owned()])
    );
    this.ended().await;
}
