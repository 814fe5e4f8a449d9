//! Simulated controllers: ordinary clients of the API that make objects ready.

use std::time::Duration;

/// How the simulated controllers behave.
#[derive(Clone, Debug, PartialEq)]
pub struct ControllerOptions {
    /// Whether they run at all.
    pub enabled: bool,
    /// How long something takes to become ready.
    pub delay: Duration,
    /// Objects that never become ready.
    pub failures: Vec<Failure>,
}

impl Default for ControllerOptions {
    fn default() -> Self {
        Self { enabled: true, delay: Duration::from_millis(50), failures: Vec::new() }
    }
}

/// An object that fails on demand instead of becoming ready. An empty word matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What it says.
    pub message: String,
}

/// Why the controllers did not start.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The address or the kubeconfig cannot be used.
    #[error("cannot use the cluster's address")]
    Config(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Running controllers.
#[derive(Debug)]
pub struct Running {}

impl Running {
    /// Stops them.
    pub fn stop(self) {}
}

/// Starts the controllers against a server.
pub async fn start(url: &str, token: &str, options: ControllerOptions) -> Result<Running, ControllerError> {
    let _ = (url, token, options);
    Ok(Running {})
}
