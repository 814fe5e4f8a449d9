//! Stories of the loop between rounds: what the watches show is looked at, everything else is left alone, and nothing is
//! asked of a cluster in which nothing changes. They drive the very [`Daemon`] of `parcelle run`, over a Git repository and
//! a sandbox.

use std::collections::BTreeMap;
use std::time::Duration;

use parcelle::check::check;
use parcelle::cluster::{Connection, Shutdown, lease::Timing};
use parcelle::engine::{ClusterAccess, Daemon, DaemonOptions, Event, ForgeAccess, LeaseOptions, Source};
use parcelle::git::{RawFile, Remote, Snapshot};
use parcelle::plan::{Done, OrganisationPlan, Verb};
use parcelle::sandbox::{self, ControllerOptions, Handle};
use serde_json::{Value, json};

use crate::sandbox::client_of;
use crate::stories_doctor::everything;
use crate::story::rights;

const UID: &str = "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11";

pub(crate) fn files() -> Vec<RawFile> {
    let garden = "edition 2026\n\ngarden loops {\n    title \"Loops\"\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n    allow W0443 \"what is tried here is lost anyway\"\n}\n";
    let cluster = format!(
        "edition 2026\n\ncluster ada-lovelace {{\n    title \"Ada\"\n    uid \"{UID}\"\n    timezone \"Europe/Paris\"\n    domain ada.example\n    \
         provides {{\n        postgres cloudnative-pg {{ storage-class fast; }}\n        volume storage-class {{ class fast; }}\n        \
         route gateway-api {{ gateway public; namespace gateways; certificates letsencrypt; }}\n    }}\n    network {{ nodes \"203.0.113.0/26\"; api-server \"203.0.113.2\"; }}\n}}\n"
    );
    let organisation = |name: &str| {
        format!(
            "edition 2026\n\norganisation {name} {{\n    title \"{name}\"\n    cluster ada-lovelace\n    domain {name}.example\n\n    \
             app static-site www\n\n    app hedgedoc pads\n}}\n"
        )
    };
    let file = |path: &str, text: String| RawFile {
        path: path.to_owned(),
        blob: path.to_owned(),
        bytes: text.into_bytes().into(),
    };
    vec![
        file("ada.kdl", cluster),
        file("organisations/alpha.kdl", organisation("alpha")),
        file("organisations/beta.kdl", organisation("beta")),
        file("garden.kdl", garden.to_owned()),
    ]
}

/// The loop of `parcelle run`, over a repository and a sandbox, and what it told in its turns.
pub(crate) struct Loop {
    pub(crate) handle: Handle,
    pub(crate) daemon: Box<Daemon>,
    pub(crate) now: jiff::Timestamp,
    pub(crate) folder: tempfile::TempDir,
}

/// What one turn told.
#[derive(Default)]
pub(crate) struct Told {
    /// What was written, as `verb kind name`.
    pub(crate) writes: Vec<String>,
    /// Whether something is left to do.
    pub(crate) open: bool,
    pub(crate) plans: Vec<OrganisationPlan>,
    /// What was found of the garden and refused by the cluster, as `CODE title`.
    pub(crate) findings: Vec<String>,
    /// What was planned and done in part, as `PLACE title`.
    pub(crate) places: Vec<String>,
    /// The lines about consent: each change that waits, with those it waits for.
    pub(crate) consent: Vec<String>,
}

impl Loop {
    /// On a cluster that has nothing yet; brought about when this returns.
    async fn begun() -> Self {
        Self::begun_with(&files()).await
    }

    /// The same with another garden.
    pub(crate) async fn begun_with(files: &[RawFile]) -> Self {
        Self::begun_reaching(files, None).await
    }

    /// The same, where the loop reaches forges as it is told.
    pub(crate) async fn begun_reaching(files: &[RawFile], forges: Option<ForgeAccess>) -> Self {
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let checked = check(Snapshot::of(files.to_vec()), None, now);
        assert!(!checked.findings.has_errors(), "{:?}", checked.findings.iter().next());
        let handle = rights::serve_with_policy(sandbox::Options {
            cluster_uid: Some(UID.to_owned()),
            made: everything(&checked),
            controllers: ControllerOptions { delay: Duration::from_millis(20), ..ControllerOptions::default() },
            ..sandbox::Options::default()
        });
        let handle = handle.await;
        let folder = tempfile::tempdir().unwrap();
        commit(&folder.path().join("garden"), files);
        let daemon = daemon(&handle, folder.path(), "mirror");
        let daemon = Box::new(match forges {
            Some(forges) => daemon.reaching(forges),
            None => daemon,
        });
        let mut this = Self { handle, daemon, now, folder };
        this.turn(Event::Resync).await.expect("the first turn");
        this.until_calm().await;
        let told = this.turn(Event::Resync).await.expect("a turn over everything");
        assert!(!told.open && told.writes.is_empty(), "something is left to do: {:?}", told.writes);
        this.until_calm().await;
        this
    }

    pub(crate) async fn turn(&mut self, event: Event) -> Option<Told> {
        let turn = self.daemon.turn(event, self.now).await.unwrap()?;
        let outcome = turn.round.outcome.as_ref();
        let outcomes = outcome.iter().flat_map(|outcome| &outcome.organisations).flat_map(|one| &one.outcomes);
        let written = outcomes.filter(|outcome| matches!(outcome.done, Done::Applied { .. } | Done::Deleted));
        let refused = outcome.map(|outcome| outcome.findings.iter()).into_iter().flatten();
        let planned = turn.round.plan.iter().flat_map(|plan| &plan.organisations).flat_map(|plan| plan.findings.iter());
        let at = |span| turn.checked.sources.locate(span);
        let told = refused
            .clone()
            .chain(planned.clone())
            .map(|finding| format!("{} {}", at(finding.primary.span), finding.title));
        let places = told.collect();
        let findings = turn.checked.findings.iter().chain(refused);
        let consent = turn.checked.agreement.iter().flat_map(|agreement| agreement.lines());
        Some(Told {
            consent: consent.collect(),
            places,
            findings: findings.map(|finding| format!("{} {}", finding.code.as_str(), finding.title)).collect(),
            writes: written.map(|outcome| format!("{:?} {}", outcome.verb, outcome.id)).collect(),
            open: outcome.is_some_and(parcelle::engine::RoundOutcome::is_open),
            plans: turn.round.plan.map(|plan| plan.organisations).unwrap_or_default(),
        })
    }

    /// Waits for the next event and does what it asks for: absent where none comes in time.
    pub(crate) async fn next(&mut self, patience: Duration) -> Option<Told> {
        match self.daemon.next(self.now, tokio::time::sleep(patience)).await {
            Event::Stop => None,
            event => Some(self.turn(event).await.unwrap_or_default()),
        }
    }

    /// Turns until nothing is stirred any more.
    pub(crate) async fn until_calm(&mut self) {
        for _ in 0..60 {
            if self.next(CALM).await.is_none() {
                return;
            }
        }
        panic!("the loop does not come to rest");
    }

    pub(crate) fn connection(&self) -> Connection {
        self.daemon.session().connections().into_values().next().unwrap()
    }

    pub(crate) async fn ended(self) {
        Box::pin(self.daemon.close()).await;
        self.handle.shutdown().await;
        drop(self.folder);
    }

    pub(crate) fn api(&self, api_version: &str, kind: &str, namespace: &str) -> kube::Api<kube::api::DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk(group, version, kind));
        kube::Api::namespaced_with(client_of(&self.handle.url(), &self.handle.token), namespace, &resource)
    }

    /// Somebody else writes to the web site's Deployment in `alpha`.
    async fn edit(&self, by: &str, change: Value) {
        let parameters = kube::api::PatchParams { field_manager: Some(by.to_owned()), ..Default::default() };
        let patch = kube::api::Patch::Strategic(change);
        self.api("apps/v1", "Deployment", "alpha").patch("www-web", &parameters, &patch).await.unwrap();
    }

    async fn drift(&self) {
        let container = json!({ "name": "web", "image": "registry.example/other:1" });
        self.edit("kubectl-edit", json!({ "spec": { "template": { "spec": { "containers": [container] } } } })).await;
    }
}

/// When no event came for so long, the loop is at rest: swarms are gathered for 300 ms.
const CALM: Duration = Duration::from_millis(700);

/// A loop over a repository with the garden in it, whose timers stay silent for the length of a test.
pub(crate) fn daemon(handle: &Handle, folder: &std::path::Path, mirror: &str) -> Daemon {
    let repository = folder.join("garden");
    let kubeconfig = folder.join("kubeconfig");
    std::fs::write(&kubeconfig, rights::kubeconfig(handle, "ada")).unwrap();
    let remote = Remote::open_to_all(repository.display().to_string(), None);
    let contexts = BTreeMap::from([("ada-lovelace".to_owned(), "ada".to_owned())]);
    let hours = |hours| Duration::from_hours(hours);
    Daemon::new(
        Source::mirror(&folder.join(mirror), remote, None).unwrap(),
        ClusterAccess::Outside { kubeconfig: Some(kubeconfig), contexts, in_cluster: None },
        LeaseOptions {
            identity: "story".to_owned(),
            timing: Timing::lasting(hours(3)),
            patient: false,
            clock: jiff::Timestamp::now,
        },
        DaemonOptions { interval: hours(2), resync: hours(2), wait: Some(hours(1)), once: false, brief: false },
        Shutdown::default(),
    )
}

/// Commits these files on top of what is committed; the repository is made where there is none.
pub(crate) fn commit(folder: &std::path::Path, files: &[RawFile]) {
    let made = || git2::Repository::init_opts(folder, git2::RepositoryInitOptions::new().initial_head("main"));
    let repository = git2::Repository::open(folder).or_else(|_| made()).unwrap();
    let mut index = repository.index().unwrap();
    for file in files {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.bytes).unwrap();
        index.add_path(std::path::Path::new(&file.path)).unwrap();
    }
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = git2::Signature::new("ada", "ada@example.org", &git2::Time::new(1_700_000_000, 0)).unwrap();
    let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
    repository.commit(Some("HEAD"), &who, &who, "the garden", &tree, &Vec::from_iter(&parent)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_changes_nothing_is_asked() {
    let mut this = Loop::begun().await;
    this.handle.reset_stats();
    assert!(this.next(CALM).await.is_none(), "something was stirred");
    assert_eq!(this.handle.stats().requests, BTreeMap::new());
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_and_fields_of_others_cost_nothing_and_drift_one_write() {
    let mut this = Loop::begun().await;
    let before = this.connection().counts();
    let parameters = kube::api::PatchParams { field_manager: Some("controller".to_owned()), ..Default::default() };
    let status = kube::api::Patch::Merge(json!({ "status": { "observedGeneration": 77 } }));
    this.api("apps/v1", "Deployment", "alpha").patch_status("www-web", &parameters, &status).await.unwrap();
    this.edit("kubectl-label", json!({ "metadata": { "labels": { "theirs": "x" } } })).await;
    if let Some(told) = this.next(CALM).await {
        assert_eq!(told.writes, Vec::<String>::new());
    }
    assert_eq!(this.connection().counts(), before, "something was asked or written");
    this.drift().await;
    let told = this.next(Duration::from_secs(5)).await.expect("drift is seen");
    assert_eq!(told.writes, ["Change Deployment www-web"]);
    this.until_calm().await;
    // The field is put back with one request: nothing is tried before, and there is nothing to record.
    let after = this.connection().counts();
    assert_eq!((after.writes - before.writes, after.trials - before.trials), (1, 0));
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_label_of_our_own_books_on_an_object_hides_nothing_of_it() {
    let mut this = Loop::begun().await;
    for label in ["parcelle.dev/inventory", "parcelle.dev/word"] {
        this.edit("kubectl-label", json!({ "metadata": { "labels": { label: "0" } } })).await;
        this.until_calm().await;
        this.drift().await;
        let told = this.next(Duration::from_secs(5)).await.expect("drift is seen");
        assert_eq!(told.writes, ["Change Deployment www-web"], "{label}");
        this.until_calm().await;
        let told = this.turn(Event::Resync).await.expect("a turn over everything");
        assert!(!told.open && told.writes.is_empty(), "{label}: {:?}", told.writes);
    }
    // A word that is put on an inventory is no word, and the inventory stays.
    let maps = this.api("v1", "ConfigMap", "parcelle-system");
    let ours = kube::api::ListParams::default().labels("parcelle.dev/inventory=0");
    let name = maps.list(&ours).await.unwrap().items[0].metadata.name.clone().unwrap();
    let patch = kube::api::Patch::Merge(json!({ "metadata": { "labels": { "parcelle.dev/word": "1" } } }));
    maps.patch(&name, &kube::api::PatchParams::default(), &patch).await.unwrap();
    this.until_calm().await;
    this.turn(Event::Resync).await;
    assert!(maps.get_opt(&name).await.unwrap().is_some());
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_is_made_again_even_after_the_watches_lost_their_place() {
    let mut this = Loop::begun().await;
    this.handle.faults().expire_watches();
    this.until_calm().await;
    this.api("v1", "Service", "beta").delete("pads-web", &kube::api::DeleteParams::default()).await.unwrap();
    let told = this.next(Duration::from_secs(10)).await.expect("the deletion is seen");
    assert_eq!(told.writes, ["Create Service pads-web"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_fought_over_is_left_alone_after_five_corrections_and_told() {
    let mut this = Loop::begun().await;
    for correction in 1..=5 {
        this.drift().await;
        let told = this.next(Duration::from_secs(5)).await.expect("drift is seen");
        assert_eq!(told.writes, ["Change Deployment www-web"], "correction {correction}");
        this.until_calm().await;
    }
    this.drift().await;
    let told = this.next(Duration::from_secs(5)).await.expect("drift is seen");
    assert_eq!(told.writes, Vec::<String>::new());
    let plan = &told.plans[0];
    let held = plan.actions.iter().find(|action| action.verb() == Verb::Held).unwrap();
    assert!(held.reason().to_string().contains("`kubectl-edit` keeps changing it back"), "{}", held.reason());
    assert!(plan.findings.iter().any(|finding| finding.code.as_str() == "W0482"));
    // After the truce it is tried once more.
    this.now += jiff::SignedDuration::from_mins(31);
    let told = this.next(CALM).await.expect("the truce is over");
    assert_eq!(told.writes, ["Change Deployment www-web"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stirred_is_looked_at_whatever_event_comes_first() {
    let mut this = Loop::begun().await;
    this.drift().await;
    let seen = async |this: &Loop| {
        let pods = this.api("apps/v1", "Deployment", "alpha").get("www-web").await.unwrap();
        pods.data["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    assert_eq!(seen(&this).await, "registry.example/other:1");
    // The watch needs a moment to show it; the poll finds no news in the repository.
    let mut writes = Vec::new();
    for _ in 0..50 {
        writes = this.turn(Event::Poll).await.map(|told| told.writes).unwrap_or_default();
        if !writes.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(writes, ["Change Deployment www-web"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_while_the_garden_cannot_be_read_is_put_back_once_it_can() {
    let mut this = Loop::begun().await;
    let repository = this.folder.path().join("garden");
    let broken = RawFile { path: "garden.kdl".to_owned(), blob: String::new(), bytes: b"nonsense {".to_vec().into() };
    commit(&repository, &[broken]);
    this.turn(Event::Poll).await;
    this.drift().await;
    while let Some(told) = this.next(CALM).await {
        assert_eq!(told.writes, Vec::<String>::new(), "there is no garden to put anything back for");
    }
    commit(&repository, &files());
    let told = this.turn(Event::Poll).await.expect("a commit is news");
    assert_eq!(told.writes, ["Change Deployment www-web"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_stand_beside_ours_is_seen_and_taken_away_and_fought_over_like_any_drift() {
    let mut this = Loop::begun().await;
    let seen = async |this: &Loop| this.api("apps/v1", "Deployment", "alpha").get("www-web").await.unwrap();
    let ours = seen(&this).await;
    let handler = &ours.data["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"];
    assert!(handler.is_object(), "the site has a probe over HTTP: {ours:?}");
    let probe = json!({ "httpGet": null, "tcpSocket": { "port": 8080 } });
    let change =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "web", "readinessProbe": probe }] } } } });
    for correction in 1..=5 {
        let before = this.connection().counts();
        this.edit("probe-operator", change.clone()).await;
        let told = this.next(Duration::from_secs(5)).await.expect("it is seen");
        assert_eq!(
            (told.writes, told.open),
            (vec!["Change Deployment www-web".to_owned()], false),
            "correction {correction}"
        );
        this.until_calm().await;
        let after = this.connection().counts();
        // Patch, apply, books; a status that is written in between costs one more.
        let cost = (after.writes - before.writes, after.trials - before.trials);
        assert!((3..=5).contains(&cost.0) && cost.1 == 0, "{cost:?}");
        let found = seen(&this).await;
        assert_eq!(found.data["spec"], ours.data["spec"]);
        let books: Vec<_> =
            found.metadata.managed_fields.into_iter().flatten().filter_map(|entry| entry.manager).collect();
        assert!(!books.contains(&"parcelle-union".to_owned()), "{books:?}");
    }
    this.edit("probe-operator", change).await;
    let told = this.next(Duration::from_secs(5)).await.expect("it is seen");
    assert_eq!(told.writes, Vec::<String>::new());
    let held = told.plans[0].actions.iter().find(|action| action.verb() == Verb::Held).unwrap();
    assert!(held.reason().to_string().contains("`probe-operator` keeps changing it back"), "{}", held.reason());
    this.ended().await;
}
