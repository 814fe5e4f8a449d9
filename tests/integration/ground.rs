//! A garden in a repository, a cluster that the test serves itself, and the built program as a process of its own: so a story
//! knows every request of every process, and can hold any of them up.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use parcelle::check::check;
use parcelle::cluster::{self, Access, Limits};
use parcelle::git::{RawFile, Snapshot};
use parcelle::name::Name;
use parcelle::sandbox::{self, ControllerOptions, Handle, User};

use crate::command::{Process, TestEnvironment};
use crate::sandbox::client_of;
use crate::stories_doctor::everything;
use crate::story::rights;

/// How long the lease of these loops lasts: whole processes have to wait for its end.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// The longest that something is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

const UID: &str = "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a12";

/// Processes that are told apart by the name of their user.
pub(crate) const USERS: [&str; 3] = ["one", "two", "three"];

/// Every kind that these gardens render.
const KINDS: [(&str, &str); 16] = [
    ("v1", "Namespace"),
    ("v1", "LimitRange"),
    ("v1", "ResourceQuota"),
    ("v1", "ServiceAccount"),
    ("v1", "Secret"),
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    ("apps/v1", "Deployment"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("cert-manager.io/v1", "Certificate"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1", "ListenerSet"),
    ("postgresql.cnpg.io/v1", "Cluster"),
    ("postgresql.cnpg.io/v1", "Database"),
    ("postgresql.cnpg.io/v1", "DatabaseRole"),
];

/// A repository with a garden, and its cluster.
pub(crate) struct Ground {
    pub(crate) environment: TestEnvironment,
    pub(crate) handle: Handle,
    client: kube::Client,
}

fn garden() -> [(&'static str, String); 2] {
    let garden = "edition 2026\n\ngarden grounds {\n    title \"Grounds\"\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n";
    let cluster = format!(
        "edition 2026\n\ncluster ada-lovelace {{\n    title \"Ada\"\n    uid \"{UID}\"\n    timezone \"Europe/Paris\"\n    \
         domain ada.example\n    provides {{\n        postgres cloudnative-pg {{ storage-class fast; }}\n        \
         volume storage-class {{ class fast; }}\n        \
         route gateway-api {{ gateway public; namespace gateways; certificates letsencrypt; }}\n    }}\n}}\n"
    );
    [("garden.kdl", garden.to_owned()), ("ada.kdl", cluster)]
}

/// The file of an organisation with these apps.
pub(crate) fn organisation(name: &str, title: &str, apps: &str) -> String {
    format!(
        "edition 2026\n\norganisation {name} {{\n    title \"{title}\"\n    cluster ada-lovelace\n    domain {name}.example\n\n    \
         {apps}\n}}\n"
    )
}

impl Ground {
    /// A cluster on which nothing is yet, for a garden with these files beside its own.
    pub(crate) async fn new(files: &[(&str, &str)]) -> Self {
        let environment = TestEnvironment::new();
        let own = garden();
        let all = || own.iter().map(|(name, text)| (*name, text.as_str())).chain(files.iter().copied());
        environment.garden(all());
        environment.commit("a garden");
        let raw = |(name, text): (&str, &str)| RawFile {
            path: name.to_owned(),
            blob: name.to_owned(),
            bytes: text.as_bytes().to_vec().into(),
        };
        let noon = "2026-11-20T11:00:00Z".parse().unwrap();
        let snapshot = Snapshot::of(all().map(raw).collect());
        let checked = check(snapshot, None, noon);
        assert!(!checked.findings.has_errors(), "{:?}", checked.findings.iter().next());
        let mut options = sandbox::Options {
            cluster_uid: Some(UID.to_owned()),
            made: everything(&checked),
            controllers: ControllerOptions { delay: Duration::from_millis(20), ..ControllerOptions::default() },
            ..sandbox::Options::default()
        };
        options.tokens.extend(USERS.map(|user| (format!("token-of-{user}"), User::administrator_called(user))));
        let handle = rights::serve_with_policy(options).await;
        let client = client_of(&handle.url(), &handle.token);
        let this = Self { environment, handle, client };
        this.environment.write("kubeconfig", rights::kubeconfig(&this.handle, "ada-lovelace"));
        for user in USERS {
            this.reach_through(user, &this.handle.address.to_string());
        }
        this
    }

    /// Lets the processes of a user reach the cluster at this address.
    pub(crate) fn reach_through(&self, user: &str, address: &str) {
        let kubeconfig = self.handle.kubeconfig("ada-lovelace");
        let own = kubeconfig.replace(&self.handle.token, &format!("token-of-{user}"));
        self.environment.write(user, own.replace(&self.handle.address.to_string(), address));
    }

    /// The arguments of a loop of a user that looks at the repository every second.
    pub(crate) fn arguments(&self, user: &str, more: &[&str]) -> Vec<String> {
        let kubeconfig = self.environment.path(user).display().to_string();
        let lease = format!("{}s", LEASE.as_secs());
        let own = ["run", "--kubeconfig", &kubeconfig, "--interval", "1s", "--lease", &lease];
        own.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    /// A loop of a user.
    pub(crate) fn run(&self, user: &str) -> Process {
        self.environment.spawn(self.arguments(user, &[]))
    }

    /// Commits a file of the garden.
    pub(crate) fn commit(&self, file: &str, text: &str, message: &str) {
        self.environment.garden([(file, text)]);
        self.environment.commit(message);
    }

    pub(crate) fn api(&self, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match namespace {
            "" => Api::all_with(self.client.clone(), &resource),
            namespace => Api::namespaced_with(self.client.clone(), namespace, &resource),
        }
    }

    /// A kind that stands in no namespace.
    pub(crate) fn cluster_api(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::all_with(self.client.clone(), &resource)
    }

    /// Who holds the lease; nobody where it is free.
    pub(crate) async fn holder(&self) -> Option<String> {
        let leases = self.api("coordination.k8s.io/v1", "Lease", "parcelle-system");
        let lease = leases.get_opt("parcelle-grounds").await.unwrap()?;
        lease.data["spec"]["holderIdentity"].as_str().map(str::to_owned)
    }

    /// Whether a Deployment of `alpha` does its work.
    pub(crate) async fn is_ready(&self, deployment: &str) -> bool {
        let found = self.api("apps/v1", "Deployment", "alpha").get_opt(deployment).await.unwrap();
        found.is_some_and(|found| found.data["status"]["readyReplicas"].as_u64().is_some_and(|ready| ready > 0))
    }

    /// Waits until nothing but leases is asked for a while.
    pub(crate) async fn until_calm(&self) {
        let asked = || {
            let requests = self.handle.stats().requests;
            let others = requests
                .into_iter()
                .filter(|((verb, resource), _)| verb != "watch" && !resource.starts_with("leases."));
            others.map(|(_, count)| count).sum::<u64>()
        };
        let (mut quiet, mut before) = (0, asked());
        while quiet < 5 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            quiet = if asked() == before { quiet + 1 } else { 0 };
            before = asked();
        }
    }

    /// What is there of an organisation, by its labels: kind and name, uid.
    pub(crate) async fn live(&self, organisation: &str) -> BTreeMap<String, String> {
        let labels = format!("parcelle.dev/garden=grounds,parcelle.dev/organisation={organisation}");
        let ours = ListParams::default().labels(&labels);
        let mut live = BTreeMap::new();
        for (api_version, kind) in KINDS {
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
            for object in api.list(&ours).await.unwrap() {
                // Inventories lie elsewhere, and are of parcelle itself.
                if object.metadata.namespace.as_deref() != Some("parcelle-system") {
                    live.insert(format!("{kind} {}", object.metadata.name.unwrap()), object.metadata.uid.unwrap());
                }
            }
        }
        live
    }

    /// What the inventory of an organisation knows: kind and name, uid where it is known.
    async fn known(&self, organisation: &str) -> BTreeMap<String, Option<String>> {
        let ada = Name::new("ada-lovelace").unwrap();
        let access = Access::Text { kubeconfig: self.handle.kubeconfig("ada"), context: "ada".to_owned() };
        let connection = cluster::connect(&ada, &access, Limits::default()).await.unwrap();
        let mut all = cluster::inventory::read(&connection, &Name::new("grounds").unwrap()).await.unwrap();
        let stored = all.remove(&Name::new(organisation).unwrap()).map(|stored| stored.unwrap().inventory);
        let entries = stored.into_iter().flat_map(|inventory| inventory.entries);
        entries.map(|(id, entry)| (format!("{} {}", id.kind, id.name), entry.uid().map(str::to_owned))).collect()
    }

    /// The inventory knows everything that is there, by uid or as something that was about to be made.
    pub(crate) async fn assert_inventory_covers(&self, organisation: &str, when: &str) {
        let (live, known) = (self.live(organisation).await, self.known(organisation).await);
        for (object, uid) in &live {
            let entry = known.get(object);
            let covered = entry.is_some_and(|known| known.as_ref().is_none_or(|known| known == uid));
            assert!(covered, "{when}: {object} is there, and known as {entry:?}");
        }
    }

    /// The inventory knows what is there, all of it and nothing else.
    pub(crate) async fn assert_inventory_exact(&self, organisation: &str, when: &str) {
        let live = self.live(organisation).await.into_iter().map(|(object, uid)| (object, Some(uid)));
        assert_eq!(self.known(organisation).await, live.collect(), "{when}: what is known, and what is there");
    }

    /// Waits until what is asked of the cluster is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let begun = Instant::now();
        while !is_so().await {
            assert!(begun.elapsed() < PATIENCE, "it never came to be that {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Tells some stories side by side, so many at one time: each in a thread of its own, since waiting for a process keeps its thread.
/// Returns the names of those that failed; each has said why.
pub(crate) fn side_by_side<S: Sync>(
    at_one_time: usize,
    stories: &[S],
    name: impl Fn(&S) -> String + Sync,
    tell: impl AsyncFn(&S) + Sync,
) -> Vec<String> {
    let (next, failed) = (Mutex::new(stories.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|threads| {
        for _ in 0..at_one_time {
            threads.spawn(|| {
                let runtime =
                    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
                loop {
                    let Some(story) = next.lock().unwrap().next() else { return };
                    let told = AssertUnwindSafe(|| runtime.block_on(tell(story)));
                    if std::panic::catch_unwind(told).is_err() {
                        failed.lock().unwrap().push(name(story));
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}
