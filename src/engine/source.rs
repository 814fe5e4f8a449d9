//! IO: where the garden's files come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::failure::Failure;
use crate::git::{
    CommitId, RawFile, Remote, RemoteMirror, Repository, Snapshot, Statements, Workspace, commit_snapshot_after,
};
use crate::name::Name;

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
        /// The mirror that is fetched; away while it is, or when that was not waited for.
        mirror: Option<Box<RemoteMirror>>,
        /// The garden's folder inside of the repository, where it is known beforehand.
        folder: Option<String>,
        /// The snapshot that was read last: the next one shares with it what did not change.
        last: Option<Snapshot>,
    },
}

impl Source {
    /// The mirror of `remote`, kept in `place`; the garden lies in `folder` of the repository.
    pub fn mirror(place: &Path, remote: Remote, folder: Option<String>) -> Result<Self, Failure> {
        let mirror = RemoteMirror::open(place, remote).map_err(Failure::Git)?;
        Ok(Self::Mirror { mirror: Some(Box::new(mirror)), folder, last: None })
    }

    /// IO: brings what is new; the commit that is to be applied, where it can move. `hears` names the people who are known, where
    /// statements of consent are brought too.
    pub(super) async fn fetch(&mut self, hears: Option<BTreeSet<Name>>) -> Result<Option<CommitId>, Failure> {
        let Self::Mirror { mirror, .. } = self else { return Ok(None) };
        let Some(mut fetched) = mirror.take() else { return Err(Failure::Ending) };
        // Git knows no asynchronous fetch, and a server that says nothing is waited for by a thread of its own.
        let fetch = move || {
            let head = fetched.fetch();
            // Without them nothing new is allowed, and the loop goes on with what was.
            match (&hears, &head) {
                (Some(_), Err(error)) => fetched.miss_statements(error),
                (Some(known), Ok(_)) => {
                    if let Err(error) = fetched.fetch_statements(known) {
                        tracing::warn!(%error, "statements of consent cannot be fetched");
                    }
                }
                (None, _) => {}
            }
            (fetched, head)
        };
        let (fetched, head) = tokio::task::spawn_blocking(fetch).await.map_err(|_| Failure::Ending)?;
        *mirror = Some(fetched);
        head.map(Some).map_err(Failure::Git)
    }

    /// IO: asks the remote for commits that the mirror lacks: of those that are applied it is to be known how the one at hand
    /// stands to them, also after a force-push, and after the mirror was lost.
    pub(super) async fn ask_for(&mut self, commits: impl IntoIterator<Item = CommitId>) {
        let Self::Mirror { mirror, .. } = self else { return };
        let Some(asked) = mirror.take() else { return };
        let missing: Vec<CommitId> = commits.into_iter().filter(|commit| !asked.repository().has(commit)).collect();
        if missing.is_empty() {
            *mirror = Some(asked);
            return;
        }
        let ask = move || {
            asked.ask_for(&missing);
            asked
        };
        // One that panics takes the mirror with it, which the next fetch says.
        *mirror = tokio::task::spawn_blocking(ask).await.ok();
    }

    /// IO: asks the remote for commits that the mirror lacks, each by a ref that the remote may have it under. What is followed in
    /// somebody's clone brings nothing.
    pub(super) async fn ask_for_named(&mut self, commits: BTreeMap<CommitId, String>) {
        let Self::Mirror { mirror, .. } = self else { return };
        let Some(asked) = mirror.take_if(|_| !commits.is_empty()) else { return };
        let ask = move || {
            asked.ask_for_named(&commits);
            asked
        };
        *mirror = tokio::task::spawn_blocking(ask).await.ok();
    }

    /// The branch that is followed, as its forge names it; absent where nothing says which that is.
    pub(super) fn branch(&self) -> Option<String> {
        match self {
            Self::Workspace { workspace, .. } => workspace.repository.as_ref()?.main_branch_name(),
            Self::Mirror { mirror, .. } => mirror.as_ref()?.branch(),
        }
    }

    /// IO: the garden's files; at `head`, where the source has commits to choose from.
    pub(super) fn snapshot(&mut self, head: Option<&CommitId>) -> Result<Snapshot, Failure> {
        match self {
            Self::Workspace { workspace, revision } => workspace.snapshot(revision.as_deref()).map_err(Failure::Git),
            Self::Mirror { mirror, folder, last } => {
                let Some(mirror) = mirror else { return Err(Failure::Ending) };
                let head = head.map_or("HEAD", |head| head.0.as_str());
                let read = commit_snapshot_after(mirror.repository(), head, folder.as_deref(), last.as_ref());
                Ok(last.insert(read.map_err(Failure::Git)?).clone())
            }
        }
    }

    /// IO: the garden at a revision, whatever the source gives otherwise.
    pub(super) fn snapshot_of(&self, revision: &str) -> Result<Snapshot, Failure> {
        match self {
            Self::Workspace { workspace, .. } => workspace.snapshot(Some(revision)).map_err(Failure::Git),
            Self::Mirror { mirror, folder, last } => {
                let mirror = mirror.as_ref().ok_or(Failure::Ending)?;
                let read = commit_snapshot_after(mirror.repository(), revision, folder.as_deref(), last.as_ref());
                read.map_err(Failure::Git)
            }
        }
    }

    /// IO: the garden's files as they were read last; those on disk are read again.
    pub(super) fn files(&self) -> Option<Vec<RawFile>> {
        match self {
            Self::Workspace { workspace, revision } => {
                workspace.snapshot(revision.as_deref()).ok().map(|snapshot| snapshot.files)
            }
            Self::Mirror { last, .. } => last.as_ref().map(|snapshot| snapshot.files.clone()),
        }
    }

    /// IO: the garden's files at an earlier commit, where the repository holds it.
    pub(super) fn files_at(&self, commit: &CommitId) -> Option<Vec<RawFile>> {
        let repository = self.repository().filter(|repository| repository.has(commit))?;
        let files = |snapshot: Snapshot| snapshot.files;
        match self {
            Self::Workspace { workspace, .. } => workspace.earlier(&commit.0).ok().flatten().map(files),
            Self::Mirror { folder, last, .. } => {
                commit_snapshot_after(repository, &commit.0, folder.as_deref(), last.as_ref()).ok().map(files)
            }
        }
    }

    /// IO: the garden in a folder at an earlier commit; absent where the repository does not hold it, or it has no garden there.
    pub(super) fn snapshot_at(&self, commit: &CommitId, folder: &str) -> Option<Snapshot> {
        let repository = self.repository().filter(|repository| repository.has(commit))?;
        let last = match self {
            Self::Workspace { .. } => None,
            Self::Mirror { last, .. } => last.as_ref(),
        };
        commit_snapshot_after(repository, &commit.0, Some(folder), last).ok()
    }

    /// IO: the signed statements of consent: of a mirror as they were brought last, of a clone as they lie in it.
    pub(super) fn statements(&self) -> Arc<Statements> {
        match self {
            Self::Workspace { workspace, .. } => {
                Arc::new(workspace.repository.as_ref().map(Repository::statements).unwrap_or_default())
            }
            Self::Mirror { mirror, .. } => mirror.as_ref().map(|mirror| mirror.statements()).unwrap_or_default(),
        }
    }

    /// The repository, to compare commits and to read the applied past.
    pub(super) fn repository(&self) -> Option<&Repository> {
        match self {
            Self::Workspace { workspace, .. } => workspace.repository.as_ref(),
            Self::Mirror { mirror, .. } => mirror.as_ref().map(|mirror| mirror.repository()),
        }
    }
}
