//! Simulated controllers: ordinary clients of the API that make objects ready.
//!
//! They know a server by its address only, so they serve any API server that has no controllers of
//! its own. [`engine`] watches everything and decides when to act; [`workloads`] and [`operators`]
//! say what a kind needs to be ready, as pure functions of the object; [`collect`] empties
//! namespaces and removes what lost its owner.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use kube::{
    Client, Config,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use tokio::{sync::mpsc, task::JoinHandle};

use super::server::locked;

mod collect;
mod engine;
mod jobs;
mod operators;
mod workloads;
mod write;

/// The field manager of the controllers.
pub(crate) const MANAGER: &str = "sandbox-controllers";

/// How the simulated controllers behave.
#[derive(Clone, Debug, PartialEq)]
pub struct ControllerOptions {
    /// Whether they run at all.
    pub enabled: bool,
    /// How long something takes to become ready.
    pub delay: Duration,
    /// Objects that never become ready.
    pub failures: Vec<InjectedFailure>,
}

impl Default for ControllerOptions {
    fn default() -> Self {
        Self { enabled: true, delay: Duration::from_millis(50), failures: Vec::new() }
    }
}

/// An object that fails on demand instead of becoming ready. An empty word matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InjectedFailure {
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// The namespace of the object that fails.
    pub namespace: String,
    /// The name of the object that fails.
    pub name: String,
    /// What it says.
    pub message: String,
    /// How a Job fails.
    pub run: SimulatedRun,
}

/// What becomes of a Job that does not do its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SimulatedRun {
    /// Its containers end with an error until it is given up.
    #[default]
    Fails,
    /// Its container runs, and does not end.
    GoesOn,
    /// No container of it starts.
    NeverStarts,
}

impl InjectedFailure {
    fn hits(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let is = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        is(&self.kind, kind) && is(&self.namespace, namespace) && is(&self.name, name)
    }
}

/// Why the controllers did not start.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The address or the kubeconfig cannot be used.
    #[error("cannot use the cluster's address or kubeconfig")]
    Config(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> ControllerError {
    ControllerError::Config(Box::new(error))
}

/// What can change while the controllers run.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) delay: Duration,
    pub(crate) failures: Vec<InjectedFailure>,
}

/// Running controllers. Dropping this stops them.
#[derive(Debug)]
pub struct Running {
    task: JoinHandle<()>,
    settings: Arc<Mutex<Settings>>,
    again: mpsc::UnboundedSender<()>,
}

impl Running {
    pub(crate) fn stop(self) {
        self.task.abort();
    }

    /// Lets objects fail from now on.
    pub fn fail(&self, failure: InjectedFailure) {
        locked(&self.settings).failures.push(failure);
        let _ = self.again.send(());
    }

    /// Ends all failures: what failed becomes ready.
    pub fn recover(&self) {
        locked(&self.settings).failures.clear();
        let _ = self.again.send(());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts the controllers against a server of that address.
pub(crate) fn start(url: &str, token: &str, options: ControllerOptions) -> Result<Running, ControllerError> {
    let mut config = Config::new(url.parse().map_err(unusable)?);
    config.auth_info = AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() };
    config.read_timeout = None;
    begin(config, options)
}

/// Starts the controllers against the server of a kubeconfig's current context.
pub(crate) async fn run_for(kubeconfig: &Path) -> Result<Running, ControllerError> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).map_err(unusable)?;
    let choice = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &choice).await;
    begin(config.map_err(unusable)?, ControllerOptions::default())
}

fn begin(config: Config, options: ControllerOptions) -> Result<Running, ControllerError> {
    let client = Client::try_from(config).map_err(unusable)?;
    let settings = Arc::new(Mutex::new(Settings { delay: options.delay, failures: options.failures }));
    let (again, asked) = mpsc::unbounded_channel();
    let task = tokio::spawn(engine::run(client, Arc::clone(&settings), asked));
    Ok(Running { task, settings, again })
}
