//! IO: how a garden's clusters are reached: a kubeconfig, the pod's own account, or embedded sandboxes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::failure::Failure;
use super::note::Note;
use crate::cause::reason_of;
use crate::cluster::{self, Access, Connection, Limits, Shutdown};
use crate::model::{Cluster, Garden};
use crate::name::Name;
use crate::render;
use crate::render::providers::{Want, copied_from, wants};
use crate::sandbox;

/// How a garden's clusters are reached: a matter of the command line, never of the garden.
#[derive(Clone, Debug)]
pub enum ClusterAccess {
    /// As a client from outside, or from inside one of them.
    Outside {
        /// The kubeconfig; the usual ones (`$KUBECONFIG`, `~/.kube/config`) where absent.
        kubeconfig: Option<PathBuf>,
        /// The context of each cluster that is not called as the cluster is.
        contexts: BTreeMap<String, String>,
        /// The cluster whose service account is used.
        in_cluster: Option<String>,
    },
    /// An embedded sandbox for every cluster.
    Sandbox(SandboxState),
}

/// Where embedded sandboxes keep their state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SandboxState {
    /// In memory alone.
    Memory,
    /// In this file; of several clusters each adds its name.
    File(PathBuf),
    /// In a folder: a folder for each garden, a file for each cluster.
    Folder(PathBuf),
}

/// How each cluster of a garden is reached. Embedded sandboxes live as long as this value.
pub(super) struct Clusters {
    /// The garden that they were reached for.
    pub(super) garden: Name,
    /// The clusters as the garden writes them.
    pub(super) written: BTreeMap<Name, Arc<Cluster>>,
    reached: BTreeMap<Name, Reached>,
    sandboxes: Vec<sandbox::Handle>,
}

/// One cluster's connection, or why there is none: one that cannot be reached delays nobody else.
type Reached = Result<Connection, cluster::ConnectError>;

impl Clusters {
    /// Prepares a connection to every cluster of the garden; nothing is asked of them yet.
    pub(super) async fn reach(
        access: &ClusterAccess,
        garden: &Garden,
        shutdown: &Shutdown,
    ) -> Result<(Self, Vec<Note>), Failure> {
        let mut clusters = Self {
            garden: garden.name.clone(),
            written: garden.clusters.clone(),
            reached: BTreeMap::new(),
            sandboxes: Vec::new(),
        };
        let mut notes = Vec::new();
        for (name, cluster) in &garden.clusters {
            let access = match access {
                ClusterAccess::Sandbox(state) => {
                    let file = state.file(garden, &cluster.name);
                    notes.extend(
                        file.iter().map(|file| Note::SandboxState { cluster: name.clone(), file: file.clone() }),
                    );
                    clusters.embed(file, garden, cluster).await?
                }
                ClusterAccess::Outside { in_cluster: Some(inside), .. } if inside == name.as_str() => Access::InCluster,
                ClusterAccess::Outside { kubeconfig, contexts, .. } => {
                    let context = contexts.get(name.as_str()).cloned().unwrap_or_else(|| name.to_string());
                    Access::Kubeconfig { file: kubeconfig.clone(), context }
                }
            };
            let reached = cluster::connect(name, &access, Limits::default()).await;
            clusters.reached.insert(name.clone(), reached.map(|connection| connection.until(shutdown.clone())));
        }
        Ok((clusters, notes))
    }

    async fn embed(&mut self, state: Option<PathBuf>, garden: &Garden, cluster: &Cluster) -> Result<Access, Failure> {
        let options = sandbox::Options {
            state,
            cluster_uid: Some(cluster.uid.value.clone()),
            made: made_by_operators(garden, cluster),
            ..sandbox::Options::default()
        };
        let handle = sandbox::serve(options).await.map_err(Failure::Sandbox)?;
        let context = cluster.name.to_string();
        let kubeconfig = handle.kubeconfig(&context);
        self.sandboxes.push(handle);
        Ok(Access::Text { kubeconfig, context })
    }

    /// Whether others could write to them too: an embedded sandbox is reached by nobody else.
    pub(super) fn are_shared(&self) -> bool {
        self.sandboxes.is_empty()
    }

    /// Whether these are the garden's clusters: of the same names and uids.
    pub(super) fn cover(&self, garden: &Garden) -> bool {
        let named = |(name, cluster): (&Name, &Arc<Cluster>)| (name.clone(), cluster.uid.value.clone());
        self.garden == garden.name && self.written.iter().map(named).eq(garden.clusters.iter().map(named))
    }

    /// The connections that stand.
    pub(super) fn connections(&self) -> BTreeMap<Name, Connection> {
        let stand =
            self.reached.iter().filter_map(|(name, reached)| Some((name.clone(), reached.as_ref().ok()?.clone())));
        stand.collect()
    }

    /// Clusters without a connection, and why.
    pub(super) fn unreached(&self) -> BTreeMap<Name, String> {
        let missing = self.reached.iter().filter_map(|(name, reached)| Some((name.clone(), reached.as_ref().err()?)));
        missing.map(|(name, error)| (name, reason_of(error))).collect()
    }

    /// Ends the embedded sandboxes, their state kept.
    pub(super) async fn close(self) {
        for handle in self.sandboxes {
            handle.shutdown().await;
        }
    }
}

impl ClusterAccess {
    /// Every cluster that the command line names is one of the garden's.
    pub(super) fn check(&self, garden: &Garden) -> Result<(), Failure> {
        let Self::Outside { contexts, in_cluster, .. } = self else { return Ok(()) };
        let named = contexts.keys().chain(in_cluster);
        match named.into_iter().find(|name| !garden.clusters.keys().any(|known| known.as_str() == **name)) {
            None => Ok(()),
            Some(name) => {
                let known = garden.clusters.keys().map(Name::to_string).collect();
                Err(Failure::NoCluster { cluster: name.clone(), known })
            }
        }
    }
}

impl SandboxState {
    /// The file of an embedded cluster's state; `None` keeps it in memory.
    fn file(&self, garden: &Garden, cluster: &Name) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.join(garden.name.as_str()).join(format!("{cluster}.json"))),
            _ => self.file_of(cluster.as_str(), garden.clusters.len()),
        }
    }

    /// The state file of one of so many clusters: the file itself where there is one, else with the cluster's name added.
    pub(crate) fn file_of(&self, cluster: &str, clusters: usize) -> Option<PathBuf> {
        match (self, clusters) {
            (Self::Memory, _) => None,
            (Self::File(file), 0 | 1) => Some(file.clone()),
            (Self::File(file), _) => Some(PathBuf::from(format!("{}.{cluster}", file.display()))),
            (Self::Folder(folder), _) => Some(folder.join(format!("{cluster}.json"))),
        }
    }
}

/// What the operators and people of a real cluster would have made: in a sandbox there is nobody else to do it.
pub(crate) fn made_by_operators(garden: &Garden, cluster: &Cluster) -> Vec<Value> {
    let here = garden.organisations.values().filter(|organisation| organisation.cluster.name == cluster.name);
    let rendered = here.map(|organisation| render::organisation(garden, organisation, jiff::Timestamp::UNIX_EPOCH));
    let mut secrets: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for want in rendered.flat_map(|objects| copied_from(&objects)) {
        secrets.entry((want.namespace, want.name)).or_default().extend(want.keys);
    }
    let secrets = secrets.into_iter().map(|((namespace, name), keys)| {
        let value = |key: String| (key.clone(), Value::from(STANDARD.encode(format!("sandbox-{key}"))));
        let data: serde_json::Map<String, Value> = keys.into_iter().map(value).collect();
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": { "name": name, "namespace": namespace }, "data": data,
        })
    });
    secrets.chain(wants(cluster).iter().map(made)).collect()
}

/// A stand-in for an object that a cluster's file names.
fn made(want: &Want) -> Value {
    let (api_version, rest) = match want.kind {
        "StorageClass" => ("storage.k8s.io/v1", json!({ "provisioner": "sandbox" })),
        "IngressClass" => ("networking.k8s.io/v1", json!({ "spec": { "controller": "sandbox.example/ingress" } })),
        "Gateway" => {
            let listener = json!({ "name": "http", "port": 80, "protocol": "HTTP" });
            (
                "gateway.networking.k8s.io/v1",
                json!({ "spec": { "gatewayClassName": "sandbox", "listeners": [listener] } }),
            )
        }
        "GarageCluster" => ("garage.rajsingh.info/v1beta2", json!({ "spec": {} })),
        _ => ("cert-manager.io/v1", json!({ "spec": { "selfSigned": {} } })),
    };
    let mut object = json!({ "apiVersion": api_version, "kind": want.kind, "metadata": { "name": want.name } });
    if !want.namespace.is_empty() {
        object["metadata"]["namespace"] = want.namespace.clone().into();
    }
    if let (Value::Object(object), Value::Object(rest)) = (&mut object, rest) {
        object.extend(rest);
    }
    object
}
