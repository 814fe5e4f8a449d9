//! Starting the sandbox, and the handle by which its host speaks to it.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    access::User,
    bootstrap,
    controllers::{self, ControllerOptions},
    faults::Fault,
    http, route,
    server::{Clock, Sent, Server, locked},
    state,
    store::Store,
};

/// The version of an empty store. A real server has written some before anyone asks, too.
const FIRST_VERSION: u64 = 200;

/// How a sandbox is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// File that keeps the state; `None` keeps it in memory only.
    pub state: Option<PathBuf>,
    /// Users by token. The first one that is an administrator is named in the kubeconfig.
    pub tokens: BTreeMap<String, User>,
    /// Uid of the namespace `kube-system`, which is what a cluster is known by; `None` makes one up.
    /// A state file that holds another one wins.
    pub cluster_uid: Option<String>,
    /// How the simulated controllers behave.
    pub controllers: ControllerOptions,
    /// Where the time comes from.
    pub clock: Clock,
    /// Whether the reduced definitions of our providers' custom resources are installed.
    pub definitions: bool,
    /// Objects that the operators of a real cluster would have made, such as the credentials of a mail relay or a
    /// storage class; those that are there already stay.
    pub made: Vec<serde_json::Value>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            state: None,
            tokens: BTreeMap::from([("admintoken".to_owned(), User::administrator())]),
            cluster_uid: None,
            controllers: ControllerOptions::default(),
            clock: Clock::system(),
            definitions: true,
            made: Vec::new(),
        }
    }
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// The state file cannot be read or written.
    #[error("cannot keep the sandbox's state in `{}`", path.display())]
    State {
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// No token was given that may do everything.
    #[error("the sandbox needs the token of an administrator")]
    NoAdministrator,
    /// The simulated controllers cannot be connected.
    #[error("cannot start the simulated controllers")]
    Controllers(#[source] controllers::ControllerError),
}

/// Requests that were answered, by verb and resource (`deployments.apps/status`). Watches have the
/// verb `watch`, discovery and other paths the verb `get` and the path. The sandbox's own controllers
/// are not counted, and no fault hits them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Number by verb and resource.
    pub requests: BTreeMap<(String, String), u64>,
    pub objects: usize,
    /// Bytes that they take in memory.
    pub bytes: usize,
}

impl Stats {
    /// Requests that read or write objects, watches not counted.
    pub fn reads_and_writes(&self) -> u64 {
        self.sum(|verb| verb != "watch")
    }

    /// Requests that write objects.
    pub fn writes(&self) -> u64 {
        self.sum(|verb| !["watch", "get", "list"].contains(&verb))
    }

    fn sum(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        let pairs = self.requests.iter();
        let pairs = pairs.filter(|((verb, _), _)| wanted(verb));
        pairs.map(|(_, count)| count).sum()
    }
}

/// Faults of a running sandbox.
#[derive(Clone, Debug)]
pub struct Faults(Arc<Server>);

impl Faults {
    /// Seeds the dice of faults with a probability.
    pub fn seed(&self, seed: u64) {
        locked(&self.0.faults).seed(seed);
    }

    /// Adds a fault.
    pub fn add(&self, fault: Fault) {
        locked(&self.0.faults).add(fault);
    }

    /// Removes all faults and lets stalled watches go on.
    pub fn clear(&self) {
        locked(&self.0.faults).clear();
        self.0.control.send_modify(|control| control.stalled = false);
    }

    /// Faults that wait, each with how often it has hit.
    pub fn all(&self) -> Vec<(Fault, u64)> {
        locked(&self.0.faults).all()
    }

    /// Forgets the history and ends all open watches with 410.
    pub fn expire_watches(&self) {
        self.0.store().compact();
        self.0.control.send_modify(|control| control.expired += 1);
    }
}

/// A running sandbox. Dropping the handle stops it.
#[derive(Debug)]
pub struct Handle {
    /// Address that it listens on.
    pub address: SocketAddr,
    /// Token of an administrator.
    pub token: String,
    server: Arc<Server>,
    task: JoinHandle<()>,
    controllers: Option<controllers::Running>,
}

impl Handle {
    /// Address as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig (YAML, which is JSON here) with one context of that name.
    pub fn kubeconfig(&self, context: &str) -> String {
        kubeconfig(&[(context, &self.url(), &self.token)])
    }

    /// What was asked of it and what it holds.
    pub fn stats(&self) -> Stats {
        let (objects, bytes) = self.server.store().size();
        Stats { requests: self.server.counted(), objects, bytes }
    }

    /// Keeps what clients (not its own controllers) send from now on, and returns what was kept before.
    pub fn keep_sent(&self) -> Vec<Sent> {
        self.server.keep_sent()
    }

    /// Forgets what was counted so far.
    pub fn reset_stats(&self) {
        self.server.recount();
    }

    /// Its simulated controllers, unless it was started without.
    pub fn controllers(&self) -> Option<&controllers::Running> {
        self.controllers.as_ref()
    }

    /// Injects faults into this server.
    pub fn faults(&self) -> Faults {
        Faults(Arc::clone(&self.server))
    }

    /// Stops it: watches end, controllers stop, the state is kept.
    pub async fn shutdown(mut self) {
        if let Some(controllers) = self.controllers.take() {
            controllers.stop();
        }
        self.server.control.send_modify(|control| control.stopped = true);
        let _ = tokio::time::timeout(Duration::from_secs(2), &mut self.task).await;
        self.server.flush().await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.server.control.send_modify(|control| control.stopped = true);
        self.task.abort();
        // Connections may live a little longer; the state file is free now.
        self.server.end_record();
    }
}

/// A kubeconfig for several sandboxes: context, URL and token of each. The first is current. The
/// token is in the URL too, since kubectl sends none over plain HTTP otherwise.
pub fn kubeconfig(contexts: &[(&str, &str, &str)]) -> String {
    use serde_json::json;
    let clusters = contexts
        .iter()
        .map(|(name, url, token)| json!({"name": name, "cluster": {"server": with_password(url, token)}}));
    let users = contexts.iter().map(|(name, _, token)| json!({"name": name, "user": {"token": token}}));
    let pairs = contexts.iter().map(|(name, ..)| json!({"name": name, "context": {"cluster": name, "user": name}}));
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": contexts.first().map_or("", |first| first.0),
        "clusters": clusters.collect::<Vec<_>>(),
        "users": users.collect::<Vec<_>>(),
        "contexts": pairs.collect::<Vec<_>>(),
    });
    format!("{config:#}\n")
}

fn with_password(url: &str, token: &str) -> String {
    let token = route::encoded(token);
    url.replacen("http://", &format!("http://sandbox:{token}@"), 1)
}

/// Starts a sandbox on the present tokio runtime.
///
/// # Errors
/// The address is taken, the state file is not readable or not writable, no administrator's token.
pub async fn serve(options: Options) -> Result<Handle, SandboxError> {
    let token = options
        .tokens
        .iter()
        .find(|(_, user)| user.is_administrator())
        .map(|(token, _)| token.clone())
        .ok_or(SandboxError::NoAdministrator)?;
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|source| SandboxError::Listen { address: options.listen, source })?;
    let address = listener.local_addr().map_err(|source| SandboxError::Listen { address: options.listen, source })?;
    let server = Arc::new(open(&options)?);
    bootstrap::bootstrap(&server, options.cluster_uid.as_deref(), options.definitions, &options.made);
    server.store().compact();
    let task = tokio::spawn(http::run(listener, Arc::clone(&server)));
    let mut handle = Handle { address, token, server, task, controllers: None };
    if options.controllers.enabled {
        let own = handle.server.uid();
        handle.server.admit(own.clone(), User::controllers());
        let running =
            controllers::start(&handle.url(), &own, options.controllers).map_err(SandboxError::Controllers)?;
        handle.controllers = Some(running);
    }
    Ok(handle)
}

fn open(options: &Options) -> Result<Server, SandboxError> {
    let Some(path) = &options.state else {
        let store = Store::new(FIRST_VERSION);
        return Ok(Server::new(store, options.tokens.clone(), options.clock.clone(), None));
    };
    let failed = |source| SandboxError::State { path: path.clone(), source };
    let (store, recorder) = state::open(path, Store::new(FIRST_VERSION)).map_err(failed)?;
    Ok(Server::new(store, options.tokens.clone(), options.clock.clone(), Some(recorder)))
}
