//! What the world or parcelle did wrong, as people are told of it.

use std::error::Error;
use std::fmt::Write as _;

/// A command that could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Git, or the garden's files.
    #[error(transparent)]
    Git(#[from] crate::git::GitError),
    /// The embedded sandbox.
    #[error(transparent)]
    Sandbox(#[from] crate::sandbox::SandboxError),
    /// Standard output.
    #[error("cannot write the result")]
    Write(#[source] std::io::Error),
    /// A file that was asked for.
    #[error("cannot {doing} `{path}`")]
    File {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The asynchronous runtime.
    #[error("cannot start the runtime")]
    Runtime(#[source] std::io::Error),
    /// Something asked for that is not there, with what is.
    #[error("{message}")]
    Asked {
        /// The fact.
        message: String,
        /// The way out.
        help: String,
    },
}

impl Failure {
    /// Something asked for on the command line that cannot be.
    pub(crate) fn asked(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Asked { message: message.into(), help: help.into() }
    }

    pub(crate) fn file(doing: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::File { doing, path, source }
    }

    /// The fact, its causes, the way out.
    pub(crate) fn render(&self, colour: bool) -> String {
        let (on, off) = if colour { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
        let mut text = format!("{on}failed{off}: {self}\n");
        let mut cause = self.source();
        while let Some(error) = cause {
            let words = error.to_string();
            if !text.contains(&words) {
                let _ = writeln!(text, "why     {words}");
            }
            cause = error.source();
        }
        if let Self::Asked { help, .. } = self
            && !help.is_empty()
        {
            let _ = writeln!(text, "help    {help}");
        }
        text
    }
}
