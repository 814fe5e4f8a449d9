//! What the stories of claims stand on: a loop over a repository and a sandbox for each of two clusters.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use parcelle::check::check;
use parcelle::cluster::{Shutdown, lease::Timing};
use parcelle::engine::{ClusterAccess, Daemon, DaemonOptions, Event, LeaseOptions, Source};
use parcelle::git::{RawFile, Remote, Snapshot};
use parcelle::plan::Done;
use parcelle::sandbox::{self, ControllerOptions, Fault, FaultEffect, Handle, RequestMatcher};

use crate::sandbox::client_of;
use crate::stories_doctor::everything;
use crate::story::rights;

const UIDS: [(&str, &str); 2] =
    [("ada-lovelace", "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11"), ("bell", "0b7f3c1e-51a4-4a0e-8a53-6d1f5c0d7e42")];

/// The files of a garden by path.
pub(super) type Files = BTreeMap<String, String>;

/// A garden with two clusters and an offer, and no organisation yet.
pub(super) fn ground() -> Files {
    let cluster = |(name, uid): (&str, &str)| {
        let place = name.split('-').next().unwrap();
        let text = format!(
            "edition 2026\n\ncluster {name} {{\n    title \"{name}\"\n    uid \"{uid}\"\n    timezone \"Europe/Paris\"\n    domain {place}.host.example\n    \
             provides {{\n        volume storage-class {{ class fast; }}\n        postgres cloudnative-pg {{ storage-class fast; }}\n        \
             route gateway-api {{ gateway public; namespace gateways; certificates letsencrypt; }}\n    }}\n}}\n"
        );
        (format!("clusters/{name}.kdl"), text)
    };
    let mut files: Files = UIDS.map(cluster).into();
    files.insert("garden.kdl".to_owned(), "edition 2026\n\ngarden claims {\n    title \"Claims\"\n}\n".to_owned());
    let offer = "edition 2026\n\noffer small {\n    grants {\n        cpu 16 cores\n        memory 64 GiB\n        storage 200 GiB\n    }\n}\n";
    files.insert("offers/small.kdl".to_owned(), offer.to_owned());
    files
}

pub(super) fn text(kind: &str, name: &str, cluster: &str, lines: &str) -> String {
    format!(
        "edition 2026\n\n{kind} {name} {{\n    title \"{name}\"\n    offer small\n    cluster {cluster}\n{lines}}}\n"
    )
}

/// Adds an organisation on a cluster, with these lines.
pub(super) fn add(files: &mut Files, name: &str, cluster: &str, lines: &str) {
    files.insert(path(name), text("organisation", name, cluster, lines));
}

pub(super) fn path(name: &str) -> String {
    format!("organisations/{name}.kdl")
}

/// `alpha` and `beta` on one cluster, each with a web site below a domain of its own.
pub(super) fn two() -> Files {
    let mut files = ground();
    add(
        &mut files,
        "alpha",
        "ada-lovelace",
        "    domain alpha.example\n    app static-site www\n    app hedgedoc pads\n",
    );
    add(&mut files, "beta", "ada-lovelace", "    domain beta.example\n    app static-site www\n");
    files
}

/// The loop over a repository and a sandbox for each cluster.
pub(super) struct Garden {
    pub(super) handles: BTreeMap<&'static str, Handle>,
    daemon: Box<Daemon>,
    pub(super) folder: tempfile::TempDir,
    processes: u32,
}

/// What one turn told, of the garden's findings those that are errors.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    pub(super) findings: Vec<String>,
    /// What was written, as `ORGANISATION verb kind name`.
    pub(super) writes: Vec<String>,
}

impl Told {
    pub(super) fn wrote(&self, organisation: &str) -> bool {
        self.writes.iter().any(|write| write.starts_with(&format!("{organisation} ")))
    }
}

impl Garden {
    /// On clusters that have nothing yet; brought about when this returns.
    pub(super) async fn begun(files: &Files) -> Self {
        let checked = check(snapshot(files), None, now());
        assert!(!checked.findings.has_errors(), "{:?}", checked.findings.iter().next());
        let mut handles = BTreeMap::new();
        for (name, uid) in UIDS {
            let options = sandbox::Options {
                cluster_uid: Some(uid.to_owned()),
                made: everything(&checked),
                controllers: ControllerOptions { delay: Duration::from_millis(20), ..ControllerOptions::default() },
                ..sandbox::Options::default()
            };
            handles.insert(name, rights::serve_with_policy(options).await);
        }
        let folder = tempfile::tempdir().unwrap();
        push(&folder.path().join("garden"), files);
        let daemon = Box::new(daemon(&handles, folder.path(), "mirror-0"));
        let mut this = Self { handles, daemon, folder, processes: 0 };
        this.turn(Event::Resync).await;
        this.until_calm().await;
        assert_eq!(this.turn(Event::Resync).await, Told::default(), "something is left to do");
        this.until_calm().await;
        this
    }

    pub(super) async fn turn(&mut self, event: Event) -> Told {
        let Some(turn) = self.daemon.turn(event, now()).await.unwrap() else { return Told::default() };
        let organisations = turn.round.outcome.iter().flat_map(|outcome| &outcome.organisations);
        let writes = organisations.flat_map(|one| {
            let written =
                one.outcomes.iter().filter(|outcome| matches!(outcome.done, Done::Applied { .. } | Done::Deleted));
            written.map(|outcome| {
                format!("{} {:?} {} {}", one.organisation, outcome.verb, outcome.id.kind, outcome.id.name)
            })
        });
        let findings = turn.checked.findings.iter();
        let wrong = findings.filter(|finding| finding.severity == parcelle::finding::Severity::Error);
        Told {
            findings: wrong.map(|finding| format!("{} {}", finding.code.as_str(), finding.title)).collect(),
            writes: writes.collect(),
        }
    }

    /// Pushes a garden and makes a turn.
    pub(super) async fn pushed(&mut self, files: &Files) -> Told {
        push(&self.folder.path().join("garden"), files);
        self.turn(Event::Poll).await
    }

    /// Turns until no event came for so long: swarms are gathered for 300 ms.
    pub(super) async fn until_calm(&mut self) {
        for _ in 0..60 {
            match self.daemon.next(now(), tokio::time::sleep(Duration::from_millis(500))).await {
                Event::Stop => return,
                event => drop(self.turn(event).await),
            }
        }
        panic!("the loop does not come to rest");
    }

    /// The loop ends and another process begins, which knows what the inventories say.
    pub(super) async fn followed(&mut self) -> Told {
        self.processes += 1;
        let next = daemon(&self.handles, self.folder.path(), &format!("mirror-{}", self.processes));
        Box::pin(std::mem::replace(&mut self.daemon, Box::new(next)).close()).await;
        self.turn(Event::Resync).await
    }

    pub(super) fn api(
        &self,
        cluster: &str,
        api_version: &str,
        kind: &str,
        namespace: &str,
    ) -> kube::Api<kube::api::DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk(group, version, kind));
        let handle = &self.handles[cluster];
        kube::Api::namespaced_with(client_of(&handle.url(), &handle.token), namespace, &resource)
    }

    /// The hosts of an organisation's routes.
    pub(super) async fn hosts(&self, cluster: &str, organisation: &str) -> Vec<String> {
        let routes = self.api(cluster, "gateway.networking.k8s.io/v1", "HTTPRoute", organisation);
        let all = routes.list(&kube::api::ListParams::default()).await.unwrap();
        let hosts =
            all.items.iter().flat_map(|route| route.data["spec"]["hostnames"].as_array().cloned().unwrap_or_default());
        let mut hosts: Vec<String> = hosts.map(|host| host.as_str().unwrap().to_owned()).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// The inventory of an organisation, as it is stored.
    pub(super) async fn inventory(&self, cluster: &str, organisation: &str) -> serde_json::Value {
        let name = format!("parcelle-claims--{organisation}");
        let stored = self.api(cluster, "v1", "ConfigMap", "parcelle-system").get(&name).await.unwrap();
        serde_json::from_str(stored.data["data"]["inventory.json"].as_str().unwrap()).unwrap()
    }

    pub(super) async fn ended(self) {
        Box::pin(self.daemon.close()).await;
        for handle in self.handles.into_values() {
            handle.shutdown().await;
        }
    }
}

fn now() -> jiff::Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn snapshot(files: &Files) -> Snapshot {
    let raw = |(path, text): (&String, &String)| RawFile {
        path: path.clone(),
        blob: text.clone(),
        bytes: text.clone().into_bytes().into(),
    };
    Snapshot::of(files.iter().map(raw).collect())
}

/// A loop over a repository with the garden in it, whose timers stay silent for the length of a test.
fn daemon(handles: &BTreeMap<&str, Handle>, folder: &Path, mirror: &str) -> Daemon {
    let kubeconfig = folder.join("kubeconfig");
    let urls: BTreeMap<&str, String> = handles.iter().map(|(name, handle)| (*name, handle.url())).collect();
    let all: Vec<(&str, &str, &str)> = handles.keys().map(|name| (*name, urls[name].as_str(), rights::TOKEN)).collect();
    std::fs::write(&kubeconfig, sandbox::kubeconfig(&all)).unwrap();
    let remote = Remote::open_to_all(folder.join("garden").display().to_string(), None);
    let hours = Duration::from_hours;
    Daemon::new(
        Source::mirror(&folder.join(mirror), remote, None).unwrap(),
        ClusterAccess::Outside { kubeconfig: Some(kubeconfig), contexts: BTreeMap::new(), in_cluster: None },
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

/// Commits exactly these files.
pub(super) fn push(folder: &Path, files: &Files) {
    let repository = git2::Repository::open(folder).or_else(|_| git2::Repository::init(folder)).unwrap();
    let mut index = repository.index().unwrap();
    index.clear().unwrap();
    for (path, text) in files {
        let blob = repository.blob(text.as_bytes()).unwrap();
        let entry = git2::IndexEntry {
            ctime: git2::IndexTime::new(0, 0),
            mtime: git2::IndexTime::new(0, 0),
            dev: 0,
            ino: 0,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            file_size: 0,
            id: blob,
            flags: 0,
            flags_extended: 0,
            path: path.clone().into_bytes(),
        };
        index.add(&entry).unwrap();
    }
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = git2::Signature::new("ada", "ada@example.org", &git2::Time::new(1_700_000_000, 0)).unwrap();
    let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
    repository.commit(Some("HEAD"), &who, &who, "the garden", &tree, &Vec::from_iter(&parent)).unwrap();
}

pub(super) fn refused(verbs: &[&str], resource: &str, namespace: &str) -> Fault {
    Fault {
        on: RequestMatcher {
            verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
            resource: Some(resource.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..RequestMatcher::default()
        },
        effect: FaultEffect::Status {
            code: 403,
            reason: "Forbidden".to_owned(),
            retry_after: None,
            message: "refused for the story".to_owned(),
        },
    }
}
