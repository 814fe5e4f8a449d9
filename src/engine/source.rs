//! IO: where the garden's files come from.

use std::path::Path;

use super::failure::Failure;
use crate::git::{CommitId, Remote, RemoteMirror, Repository, Snapshot, Workspace, commit_snapshot_after};

/// Where the garden's files come from.
pub enum Source {
    /// A working tree, or a commit of the repository around it: read once.
    Workspace {
        /// The garden's folder, and the repository around it.
        workspace: Workspace,
        /// The commit; the files as they lie on disk where absent.
        revision: Option<String>,
    },
    /// A mirror that is fetched again and again.
    Mirror {
        /// The mirror that is fetched.
        mirror: RemoteMirror,
        /// The garden's folder inside of the repository, where it is known beforehand.
        folder: Option<String>,
        /// The snapshot that was read last: the next one shares with it what did not change.
        last: Option<Snapshot>,
    },
}

impl Source {
    /// The mirror of `remote`, kept in `place`; the garden lies in `folder` of the repository.
    pub fn mirror(place: &Path, remote: Remote, folder: Option<String>) -> Result<Self, Failure> {
        Ok(Self::Mirror { mirror: RemoteMirror::open(place, remote).map_err(Failure::Git)?, folder, last: None })
    }

    /// IO: brings what is new; the commit that is to be applied, where it can move.
    pub(super) fn fetch(&self) -> Result<Option<CommitId>, Failure> {
        match self {
            Self::Workspace { .. } => Ok(None),
            Self::Mirror { mirror, .. } => mirror.fetch().map(Some).map_err(Failure::Git),
        }
    }

    /// IO: the garden's files; at `head`, where the source has commits to choose from.
    pub(super) fn snapshot(&mut self, head: Option<&CommitId>) -> Result<Snapshot, Failure> {
        match self {
            Self::Workspace { workspace, revision } => workspace.snapshot(revision.as_deref()).map_err(Failure::Git),
            Self::Mirror { mirror, folder, last } => {
                let head = head.map_or("HEAD", |head| head.0.as_str());
                let read = commit_snapshot_after(mirror.repository(), head, folder.as_deref(), last.as_ref());
                Ok(last.insert(read.map_err(Failure::Git)?).clone())
            }
        }
    }

    /// The repository, to compare commits and to read the applied past.
    pub(super) fn repository(&self) -> Option<&Repository> {
        match self {
            Self::Workspace { workspace, .. } => workspace.repository.as_ref(),
            Self::Mirror { mirror, .. } => Some(mirror.repository()),
        }
    }
}
