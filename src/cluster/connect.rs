//! A connection to one cluster: who we are, how long we wait, how much at once; and the right to write, earned by the uid.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::errors::ApiError;
use super::gate::GatedClient;
use super::shutdown::Shutdown;
use super::warnings::Heard;
use super::words;
use crate::model::Cluster;
use crate::name::Name;
use crate::secrets::HashKey;

/// How to reach a cluster.
#[derive(Clone, Debug)]
pub enum Access {
    /// A context of a kubeconfig.
    Kubeconfig {
        /// The file; the usual ones (`$KUBECONFIG`, `~/.kube/config`) where absent.
        file: Option<PathBuf>,
        /// The context, named as the cluster unless the command line maps it.
        context: String,
    },
    /// A kubeconfig as a text (YAML), as the sandbox hands it out.
    Text {
        /// The whole kubeconfig.
        kubeconfig: String,
        /// The name of the context.
        context: String,
    },
    /// The service account of the pod that we run in.
    InCluster,
}

/// How much is asked of a server at once, and how long an answer may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests under way at once; HTTP/1.1, so as many connections.
    pub in_flight: usize,
    /// For a connection to stand.
    pub connect: Duration,
    /// For the whole answer to a request that is no watch.
    pub answer: Duration,
    /// A watch that is silent for so long is opened anew: a connection may be dead without a word.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 32,
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(40),
            silence: Duration::from_mins(1),
        }
    }
}

/// Why no client could be made. Nothing was asked of the cluster yet.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig is not readable or has no such context.
    #[error(
        "cluster `{cluster}` is not asked: {why}. Name the file with --kubeconfig, the context with \
         --context {cluster}=CONTEXT"
    )]
    Kubeconfig {
        /// The cluster as the garden names it.
        cluster: Name,
        /// Why, in plain words.
        why: String,
    },
    /// We run in no pod, or its service account is not mounted.
    #[error(
        "cluster `{cluster}` was to be reached from inside, but no service account is mounted here: run parcelle in a \
         pod of that cluster, or leave --in-cluster out"
    )]
    InCluster {
        /// The cluster as the garden names it.
        cluster: Name,
    },
    /// The system gives no random bytes, without which no secret can be made or compared.
    #[error("no connection to cluster `{cluster}` can be set up: the system gives no random bytes")]
    NoRandom {
        /// The cluster as the garden names it.
        cluster: Name,
    },
    /// TLS or the proxy cannot be set up.
    #[error("no connection to cluster `{cluster}` can be set up: {why}")]
    Client {
        /// The cluster as the garden names it.
        cluster: Name,
        /// Why, in plain words.
        why: String,
    },
}

/// Requests since the connection was made, as the client counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// GET of objects and lists, discovery included.
    pub reads: u64,
    /// Writes that the server was asked to only try (`dryRun=All`).
    pub trials: u64,
    /// POST, PUT, PATCH, DELETE in earnest, those of the lease among them.
    pub writes: u64,
    /// Watches opened or re-opened.
    pub(crate) watches: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) reads: AtomicU64,
    pub(super) trials: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) watches: AtomicU64,
}

/// A cluster that can be read. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    pub(super) inner: Arc<Inner>,
    /// Whoever uses this connection ends when the process is asked to.
    pub(super) shutdown: Shutdown,
}

pub(super) struct Inner {
    pub(super) cluster: Name,
    pub(super) client: kube::Client,
    /// For writes under a lease.
    pub(super) gated: GatedClient,
    pub(super) in_flight: Semaphore,
    pub(super) limits: Limits,
    pub(super) counters: Counters,
    key: HashKey,
    warnings: Mutex<BTreeSet<String>>,
}

/// Makes the client. Nothing is sent before the first request.
pub async fn connect(cluster: &Name, access: &Access, limits: Limits) -> Result<Connection, ConnectError> {
    let mut config = match access {
        Access::Kubeconfig { file, context } => from_kubeconfig(cluster, file.as_ref(), context).await?,
        Access::Text { kubeconfig, context } => {
            of_context(cluster, Kubeconfig::from_yaml(kubeconfig), "the kubeconfig", context).await?
        }
        Access::InCluster => {
            kube::Config::incluster().map_err(|_| ConnectError::InCluster { cluster: cluster.clone() })?
        }
    };
    config.connect_timeout = Some(limits.connect);
    // kube's retries know no lost answers: ours do (see `retry`).
    config.default_retry = false;
    let gated = GatedClient::new(config.clone());
    let client = kube::Client::try_from(config)
        .map_err(|error| ConnectError::Client { cluster: cluster.clone(), why: words::of_client(&error) })?;
    let inner = Inner {
        cluster: cluster.clone(),
        client,
        gated,
        in_flight: Semaphore::new(limits.in_flight),
        limits,
        counters: Counters::default(),
        key: HashKey::random().ok_or_else(|| ConnectError::NoRandom { cluster: cluster.clone() })?,
        warnings: Mutex::default(),
    };
    Ok(Connection { inner: Arc::new(inner), shutdown: Shutdown::default() })
}

async fn from_kubeconfig(cluster: &Name, file: Option<&PathBuf>, context: &str) -> Result<kube::Config, ConnectError> {
    match file {
        Some(file) => {
            let named = format!("the kubeconfig `{}`", file.display());
            of_context(cluster, Kubeconfig::read_from(file), &named, context).await
        }
        None => of_context(cluster, Kubeconfig::read(), "the kubeconfig", context).await,
    }
}

async fn of_context(
    cluster: &Name,
    read: Result<Kubeconfig, KubeconfigError>,
    file: &str,
    context: &str,
) -> Result<kube::Config, ConnectError> {
    let unusable = |error: &KubeconfigError, contexts: &[String]| ConnectError::Kubeconfig {
        cluster: cluster.clone(),
        why: words::of_kubeconfig(error, file, context, contexts),
    };
    let kubeconfig = read.map_err(|error| unusable(&error, &[]))?;
    let contexts: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    config.map_err(|error| unusable(&error, &contexts))
}

impl Connection {
    /// The cluster's name in the garden.
    pub(crate) fn cluster(&self) -> &Name {
        &self.inner.cluster
    }

    /// The same connection for those who end when the process is asked to.
    #[must_use]
    pub(crate) fn until(self, shutdown: Shutdown) -> Self {
        Self { shutdown, ..self }
    }

    /// The same connection for what must still be done when the process ends: inventories, leases.
    pub(crate) fn to_the_end(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), shutdown: Shutdown::default() }
    }

    /// Whether the process was asked to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.shutdown.is_asked()
    }

    /// The key of the hashes that stand for the values of Secrets.
    pub(crate) fn key(&self) -> &HashKey {
        &self.inner.key
    }

    /// The requests so far.
    pub fn counts(&self) -> RequestCounts {
        let counters = &self.inner.counters;
        RequestCounts {
            reads: counters.reads.load(Ordering::Relaxed),
            trials: counters.trials.load(Ordering::Relaxed),
            writes: counters.writes.load(Ordering::Relaxed),
            watches: counters.watches.load(Ordering::Relaxed),
        }
    }

    /// What the server warned of (deprecations, admission), each once, masked; the list starts anew.
    pub fn take_warnings(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.inner.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes up what people should know of the cluster, once.
    pub(crate) fn warned(&self, warning: String) {
        let mut warnings = self.inner.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < 100 {
            warnings.insert(warning);
        }
    }

    /// The uid of the cluster: that of its `kube-system` namespace.
    pub async fn uid(&self) -> Result<String, ApiError> {
        let namespace = self.get("/api/v1/namespaces/kube-system").await?;
        let uid = namespace.pointer("/metadata/uid").and_then(serde_json::Value::as_str);
        uid.map(str::to_owned).ok_or_else(|| ApiError::Garbled { why: "kube-system has no uid".to_owned() })
    }

    /// Compares the cluster's uid with the one in the garden.
    pub(crate) async fn verify(&self, cluster: &Cluster) -> Result<(), WrongCluster> {
        let found =
            self.uid().await.map_err(|source| WrongCluster::Unknown { cluster: cluster.name.clone(), source })?;
        if found == cluster.uid.value {
            return Ok(());
        }
        Err(WrongCluster::Other { cluster: cluster.name.clone(), written: cluster.uid.value.clone(), found })
    }

    /// The right to write, for whom the uid in the garden is that of the cluster.
    pub async fn writer(&self, cluster: &Cluster, permit: Permit) -> Result<Writer, WrongCluster> {
        self.verify(cluster).await?;
        Ok(Writer { connection: self.clone(), permit, acting_as: None, heard: Heard::default() })
    }
}

/// Why nothing may be written to a cluster.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WrongCluster {
    /// Its uid is not the one in the garden.
    #[error(
        "cluster `{cluster}` is left alone: the garden knows it by the uid `{written}`, but the server that \
         answers has `{found}`; if that is the right server, write `uid \"{found}\"` in the file of cluster `{cluster}`"
    )]
    Other {
        /// The cluster as the garden names it.
        cluster: Name,
        /// The uid in the garden.
        written: String,
        /// The uid of the server's kube-system.
        found: String,
    },
    /// Its uid could not be read.
    #[error("cluster `{cluster}` is left alone: its uid could not be read")]
    Unknown {
        /// The cluster as the garden names it.
        cluster: Name,
        #[source]
        /// What the server or the network said.
        source: ApiError,
    },
}

/// Until when writing is allowed.
#[derive(Clone, Debug)]
pub enum Permit {
    /// Nobody else writes: no lease is needed (tests, a sandbox of our own).
    Always,
    /// While the lease is ours: the deadline moves with each renewal.
    Lease(Arc<Mutex<Instant>>),
    /// So many writes and no more: how a run ends between any two of them, for tests of what a crash leaves.
    AtMost(Arc<AtomicU64>),
}

impl Permit {
    /// Whether a write may be sent now; asked once for each.
    pub fn holds(&self) -> bool {
        match self {
            Self::Always => true,
            Self::AtMost(left) => {
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            }
            Self::Lease(deadline) => Instant::now() < *deadline.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// A cluster that may be written to: its uid was compared, and the permit is asked before every write.
#[derive(Clone)]
pub struct Writer {
    pub(super) connection: Connection,
    pub(super) permit: Permit,
    pub(super) acting_as: Option<String>,
    /// What the answers warn of.
    pub(super) heard: Heard,
}

impl Writer {
    /// The same right for what must still be written when the process ends.
    pub(crate) fn to_the_end(&self) -> Self {
        Self { connection: self.connection.to_the_end(), ..self.clone() }
    }

    /// The same right, with warnings of its own.
    pub(super) fn heard_by(&self, heard: &Heard) -> Self {
        Self { heard: heard.clone(), ..self.clone() }
    }

    /// The same cluster for reading.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}
