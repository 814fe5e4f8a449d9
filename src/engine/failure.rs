//! What keeps a session from beginning or going on. What goes wrong with one cluster is no failure of the session.

use crate::git::GitError;
use crate::sandbox::SandboxError;

/// What keeps a session from beginning or going on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Git, or the garden's files.
    #[error(transparent)]
    Git(GitError),
    /// An embedded sandbox.
    #[error(transparent)]
    Sandbox(SandboxError),
    /// The process was asked to end.
    #[error("parcelle was asked to end")]
    Ending,
    /// The garden has no cluster of that name.
    #[error("the garden has no cluster `{cluster}`")]
    NoCluster {
        /// The name that was asked for.
        cluster: String,
        /// The clusters of the garden.
        known: Vec<String>,
    },
}

impl Failure {
    /// The way out, where there is one that the message does not say.
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::Git(error) => error.help(),
            Self::Sandbox(_) | Self::Ending | Self::NoCluster { .. } => None,
        }
    }
}
