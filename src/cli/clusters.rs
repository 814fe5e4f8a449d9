//! From flags to reachable clusters: a kubeconfig, the pod's own account, or embedded sandboxes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::workspace::state_folder;
use super::{ClusterFlags, Failure, Output};
use crate::cluster::{self, Access, Connection, Limits};
use crate::model::{Cluster, Garden};
use crate::name::Name;
use crate::render;
use crate::render::providers::{Want, copied_from, wants};
use crate::sandbox;

/// How each cluster of a garden is reached. Embedded sandboxes live as long as this value.
pub(crate) struct Clusters {
    reached: BTreeMap<Name, Reached>,
    sandboxes: Vec<sandbox::Handle>,
}

/// One cluster's connection, or why there is none: one that cannot be reached delays nobody else.
pub(crate) type Reached = Result<Connection, cluster::ConnectError>;

impl Clusters {
    /// Prepares a connection to every cluster of the garden; nothing is asked of them yet.
    pub(crate) async fn reach(flags: &ClusterFlags, garden: &Garden, output: &Output) -> Result<Self, Failure> {
        let mut clusters = Self { reached: BTreeMap::new(), sandboxes: Vec::new() };
        let contexts = contexts(flags, garden)?;
        for (name, cluster) in &garden.clusters {
            let access = if flags.sandbox {
                clusters.embed(flags, garden, cluster, output).await?
            } else if flags.in_cluster.as_deref() == Some(name.as_str()) {
                Access::InCluster
            } else {
                let context = contexts.get(name).cloned().unwrap_or_else(|| name.to_string());
                Access::Kubeconfig { file: flags.kubeconfig.clone(), context }
            };
            let reached = cluster::connect(name, &access, Limits::default()).await;
            clusters.reached.insert(name.clone(), reached);
        }
        Ok(clusters)
    }

    async fn embed(
        &mut self,
        flags: &ClusterFlags,
        garden: &Garden,
        cluster: &Cluster,
        output: &Output,
    ) -> Result<Access, Failure> {
        let state = sandbox_state(flags, garden, cluster)?;
        if let Some(state) = &state {
            output.note(&format!("sandbox {}: state in {}", cluster.name, state.display()));
            make_parent(state)?;
        }
        let options = sandbox::Options {
            state,
            cluster_uid: Some(cluster.uid.value.clone()),
            made: made_by_operators(garden, cluster),
            ..sandbox::Options::default()
        };
        let handle = sandbox::serve(options).await?;
        let context = cluster.name.to_string();
        let kubeconfig = handle.kubeconfig(&context);
        self.sandboxes.push(handle);
        Ok(Access::Text { kubeconfig, context })
    }

    /// Whether others could write to them too: an embedded sandbox is reached by nobody else.
    pub(crate) fn are_shared(&self) -> bool {
        self.sandboxes.is_empty()
    }

    /// Whether these are the garden's clusters.
    pub(crate) fn cover(&self, garden: &Garden) -> bool {
        self.reached.keys().eq(garden.clusters.keys())
    }

    /// The connections that stand.
    pub(crate) fn connections(&self) -> BTreeMap<Name, Connection> {
        let stand =
            self.reached.iter().filter_map(|(name, reached)| Some((name.clone(), reached.as_ref().ok()?.clone())));
        stand.collect()
    }

    /// Clusters without a connection, and why.
    pub(crate) fn unreached(&self) -> BTreeMap<Name, String> {
        let missing = self.reached.iter().filter_map(|(name, reached)| Some((name.clone(), reached.as_ref().err()?)));
        missing.map(|(name, error)| (name, crate::reconcile::reason_of(error))).collect()
    }

    /// Ends the embedded sandboxes, their state kept.
    pub(crate) async fn close(self) {
        for handle in self.sandboxes {
            handle.shutdown().await;
        }
    }
}

fn contexts(flags: &ClusterFlags, garden: &Garden) -> Result<BTreeMap<Name, String>, Failure> {
    let known = || garden.clusters.keys().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let check = |name: &str| {
        garden.clusters.keys().find(|known| known.as_str() == name).cloned().ok_or_else(|| {
            Failure::asked(format!("the garden has no cluster `{name}`"), format!("its clusters: {}", known()))
        })
    };
    if let Some(name) = &flags.in_cluster {
        check(name)?;
    }
    flags
        .context
        .iter()
        .map(|pair| {
            let (name, context) = pair.split_once('=').ok_or_else(|| {
                Failure::asked(format!("`--context {pair}` names no context"), "write CLUSTER=CONTEXT")
            })?;
            Ok((check(name)?, context.to_owned()))
        })
        .collect()
}

/// The file of an embedded cluster's state; `None` keeps it in memory.
fn sandbox_state(flags: &ClusterFlags, garden: &Garden, cluster: &Cluster) -> Result<Option<PathBuf>, Failure> {
    match flags.sandbox_state.as_deref() {
        Some(state) => Ok(state_file(state, cluster.name.as_str(), garden.clusters.len())),
        None => {
            Ok(Some(state_folder()?.join("sandbox").join(garden.name.as_str()).join(format!("{}.json", cluster.name))))
        }
    }
}

/// The state file of one cluster: the file itself where there is one cluster, else with the cluster's name added.
pub(super) fn state_file(state: &str, cluster: &str, clusters: usize) -> Option<PathBuf> {
    match (state, clusters) {
        ("none", _) => None,
        (file, 0 | 1) => Some(PathBuf::from(file)),
        (file, _) => Some(PathBuf::from(format!("{file}.{cluster}"))),
    }
}

#[expect(clippy::disallowed_methods, reason = "a port: the folder of the sandbox's state")]
pub(super) fn make_parent(file: &Path) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Failure::file("make the folder", folder))
}

/// What the operators and people of a real cluster would have made: in a sandbox there is nobody else to do it.
pub(super) fn made_by_operators(garden: &Garden, cluster: &Cluster) -> Vec<Value> {
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
