//! What the world or parcelle did wrong, as people are told of it.

use std::error::Error;
use std::fmt::Write as _;

use super::Exit;
use crate::cause;
use crate::sandbox::SandboxError;
use crate::visible;

/// What stands before the further lines of a message: they are none of their own.
const MARGIN: &str = "      │ ";

/// A command that could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandFailure {
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
    /// A saved plan that must not be applied.
    #[error("{0}")]
    Stale(String),
    /// Something asked for that is not there, with what is.
    #[error("{message}")]
    Asked {
        /// The fact.
        message: String,
        /// The way out.
        help: String,
    },
}

impl CommandFailure {
    /// Something asked for on the command line that cannot be.
    pub(crate) fn asked(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Asked { message: message.into(), help: help.into() }
    }

    /// How a command ends for it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Stale(_) => Exit::Garden,
            _ => Exit::World,
        }
    }

    pub(crate) fn file(doing: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::File { doing, path, source }
    }

    /// The fact, its causes, the way out.
    pub(crate) fn render(&self, colour: bool) -> String {
        let (on, off) = if colour { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
        let mut text = format!("{on}failed{off}: {}\n", visible::lines(&self.to_string(), MARGIN));
        for words in self.causes() {
            let _ = writeln!(text, "why     {}", visible::lines(&words, MARGIN));
        }
        if let Some(help) = self.help() {
            let _ = writeln!(text, "help    {}", visible::lines(&help, MARGIN));
        }
        text
    }

    /// What it came of, the nearest cause first; what repeats another is left out.
    pub(crate) fn causes(&self) -> Vec<String> {
        let mut said = vec![self.to_string()];
        let mut cause = self.source();
        while let Some(error) = cause {
            let words = error.downcast_ref().map_or_else(|| error.to_string(), cause::of_io);
            if !said.iter().any(|before| before.contains(&words)) {
                said.push(words);
            }
            cause = error.source();
        }
        said.split_off(1)
    }

    /// The way out, where there is one that is known.
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::Asked { help, .. } => Some(help.clone()).filter(|help| !help.is_empty()),
            Self::Stale(_) => {
                Some("plan again with `parcelle plan --save FILE`, and have it looked at again".to_owned())
            }
            Self::Git(error) => error.help(),
            Self::File { source, .. } => of_folder(source),
            Self::Sandbox(SandboxError::State { source, .. }) => {
                Some(of_folder(source).unwrap_or_else(|| "name another file, or `none` to keep no state".to_owned()))
            }
            Self::Sandbox(SandboxError::Listen { .. }) => {
                Some("end the other program, or choose another address with --listen".to_owned())
            }
            Self::Sandbox(_) | Self::Write(_) | Self::Runtime(_) => None,
        }
    }
}

/// What to do about a file that cannot be used, by what the system says.
fn of_folder(source: &std::io::Error) -> Option<String> {
    use std::io::ErrorKind;
    let help = match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "check the path; folders are not made for you",
        ErrorKind::PermissionDenied => "give this user the right, or choose another place",
        ErrorKind::IsADirectory => "name a file inside of it",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room, then run this again: nothing was half written",
        ErrorKind::ReadOnlyFilesystem | ErrorKind::AlreadyExists => "choose another place",
        _ => return None,
    };
    Some(help.to_owned())
}
