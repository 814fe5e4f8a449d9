//! Stories of the loop between rounds: what the watches show is looked at, everything else is left alone, and nothing is
//! asked of a cluster in which nothing changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parcelle::check::{Checked, check};
use parcelle::cluster::{self, Access, Limits, Reading};
use parcelle::daemon::{self, Asked, Known, Round, Watching};
use parcelle::git::{RawFile, Snapshot};
use parcelle::name::Name;
use parcelle::plan::{Done, Verb};
use parcelle::reconcile::Ask;
use parcelle::sandbox::{self, ControllerOptions, Handle};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::sandbox::client_of;
use crate::stories_doctor::everything;

const UID: &str = "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11";

fn files() -> Vec<RawFile> {
    let garden = "edition 2026\n\ngarden loops {\n    title \"Loops\"\n}\n";
    let cluster = format!(
        "edition 2026\n\ncluster ada-lovelace {{\n    title \"Ada\"\n    uid \"{UID}\"\n    timezone \"Europe/Paris\"\n    domain ada.example\n    \
         provides {{\n        postgres cloudnative-pg {{ storage-class fast; }}\n        volume storage-class {{ class fast; }}\n        \
         route gateway-api {{ gateway public; namespace gateways; certificates letsencrypt; }}\n    }}\n}}\n"
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
        file("alpha.kdl", organisation("alpha")),
        file("beta.kdl", organisation("beta")),
        file("garden.kdl", garden.to_owned()),
    ]
}

/// A loop as `run` makes it, one turn at a time.
struct Loop {
    handle: Handle,
    checked: Checked,
    known: Known,
    clusters: BTreeMap<Name, cluster::Connection>,
    bell: Arc<Notify>,
    now: jiff::Timestamp,
}

impl Loop {
    /// On a cluster that has nothing yet; brought about when this returns.
    async fn begun() -> Self {
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let snapshot = Snapshot { commit: None, folder: String::new(), files: files() };
        let checked = check(snapshot, None, now);
        assert!(!checked.findings.has_errors(), "{:?}", checked.findings.iter().next());
        let handle = sandbox::serve(sandbox::Options {
            cluster_uid: Some(UID.to_owned()),
            made: everything(&checked),
            controllers: ControllerOptions { delay: Duration::from_millis(20), ..ControllerOptions::default() },
            ..sandbox::Options::default()
        });
        let handle = handle.await.unwrap();
        let ada = Name::new("ada-lovelace").unwrap();
        let access = Access::Text { kubeconfig: handle.kubeconfig("ada"), context: "ada".to_owned() };
        let connection = cluster::connect(&ada, &access, Limits::default()).await.unwrap();
        let (clusters, bell) = (BTreeMap::from([(ada, connection)]), Arc::new(Notify::new()));
        let watching = Watching::begin(&clusters, &Name::new("loops").unwrap(), &bell);
        let mut known = Known::default();
        known.watching = watching;
        let mut this = Self { handle, checked, known, clusters, bell, now };
        this.turn(true, BTreeSet::new()).await;
        this.until_calm().await;
        assert!(!this.known.attention.is_open(), "something is left to do");
        this
    }

    async fn turn(&mut self, whole: bool, also: BTreeSet<Name>) -> Round {
        let world = daemon::World { clusters: &self.clusters, repository: None, progress: None };
        let reading = if whole { Reading::Lean } else { Reading::Watched };
        let wait = Some(Duration::ZERO);
        let asked = Asked { wait, whole, also, reading, ask: Ask::WhereItDecides, ..Asked::everything(self.now) };
        daemon::round(&mut self.known, &world, &self.checked, &asked, (BTreeMap::new(), &BTreeMap::new())).await
    }

    /// Waits for the bell and does what is due: absent where it stays silent.
    async fn next(&mut self, patience: Duration) -> Option<Round> {
        tokio::time::timeout(patience, self.bell.notified()).await.ok()?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let stir = self.known.watching.stirred(&self.known.attention);
        Some(self.turn(false, stir.organisations).await)
    }

    /// Turns until nothing is stirred any more.
    async fn until_calm(&mut self) {
        for _ in 0..60 {
            if self.next(Duration::from_millis(1500)).await.is_none() {
                return;
            }
        }
        panic!("the loop does not come to rest");
    }

    fn api(&self, api_version: &str, kind: &str, namespace: &str) -> kube::Api<kube::api::DynamicObject> {
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

/// What a round wrote, as `verb kind name`.
fn writes(round: &Round) -> Vec<String> {
    let outcomes = round.outcome.iter().flat_map(|outcome| &outcome.organisations).flat_map(|one| &one.outcomes);
    let written = outcomes.filter(|outcome| matches!(outcome.done, Done::Applied { .. } | Done::Deleted));
    written.map(|outcome| format!("{:?} {}", outcome.verb, outcome.id)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_changes_nothing_is_asked() {
    let mut this = Loop::begun().await;
    this.handle.reset_stats();
    assert!(this.next(Duration::from_secs(3)).await.is_none(), "something was stirred");
    assert_eq!(this.handle.stats().requests, BTreeMap::new());
    this.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_and_fields_of_others_cost_nothing_and_drift_one_write() {
    let mut this = Loop::begun().await;
    let before = this.clusters.values().next().unwrap().counts();
    let parameters = kube::api::PatchParams { field_manager: Some("controller".to_owned()), ..Default::default() };
    let status = kube::api::Patch::Merge(json!({ "status": { "observedGeneration": 77 } }));
    this.api("apps/v1", "Deployment", "alpha").patch_status("www-web", &parameters, &status).await.unwrap();
    this.edit("kubectl-label", json!({ "metadata": { "labels": { "theirs": "x" } } })).await;
    if let Some(round) = this.next(Duration::from_secs(2)).await {
        assert_eq!(writes(&round), Vec::<String>::new());
    }
    assert_eq!(this.clusters.values().next().unwrap().counts(), before, "something was asked or written");
    this.drift().await;
    let round = this.next(Duration::from_secs(5)).await.expect("drift is seen");
    assert_eq!(writes(&round), ["Change Deployment www-web"]);
    this.until_calm().await;
    // The field is put back with one request: nothing is tried before, and there is nothing to record.
    let after = this.clusters.values().next().unwrap().counts();
    assert_eq!((after.writes - before.writes, after.trials - before.trials), (1, 0));
    this.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_is_made_again_even_after_the_watches_lost_their_place() {
    let mut this = Loop::begun().await;
    this.handle.faults().expire_watches();
    tokio::time::sleep(Duration::from_secs(1)).await;
    this.until_calm().await;
    this.api("v1", "Service", "beta").delete("pads-web", &kube::api::DeleteParams::default()).await.unwrap();
    let round = this.next(Duration::from_secs(10)).await.expect("the deletion is seen");
    assert_eq!(writes(&round), ["Create Service pads-web"]);
    this.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_fought_over_is_left_alone_after_five_corrections_and_told() {
    let mut this = Loop::begun().await;
    for correction in 1..=5 {
        this.drift().await;
        let round = this.next(Duration::from_secs(5)).await.expect("drift is seen");
        assert_eq!(writes(&round), ["Change Deployment www-web"], "correction {correction}");
        this.until_calm().await;
    }
    this.drift().await;
    let round = this.next(Duration::from_secs(5)).await.expect("drift is seen");
    assert_eq!(writes(&round), Vec::<String>::new());
    let plan = &round.plan.as_ref().unwrap().organisations[0];
    let held = plan.actions.iter().find(|action| action.verb == Verb::Held).unwrap();
    assert!(held.reason.to_string().contains("`kubectl-edit` keeps changing it back"), "{}", held.reason);
    assert!(plan.findings.iter().any(|finding| finding.code.0 == "W0482"));
    // After the truce it is tried once more.
    this.now += jiff::SignedDuration::from_mins(31);
    let due = this.known.attention.due(this.now.as_millisecond());
    assert_eq!(due, BTreeSet::from([Name::new("alpha").unwrap()]));
    let round = this.turn(false, due).await;
    assert_eq!(writes(&round), ["Change Deployment www-web"]);
    this.handle.shutdown().await;
}
