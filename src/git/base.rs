//! Where the work at hand began: the commit that what is merged is compared with.

use super::{CommitId, GitError, Repository};

/// Where the default branch is looked for, in this order: what the remote says, then the names in use.
const DEFAULT_BRANCHES: [&str; 5] = [
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
];

/// How a commit stands to an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ancestry {
    /// It builds on it, or is the same.
    BuildsOn,
    /// It does not: this is the latest commit that both share.
    TakesBack(CommitId),
    /// They share nothing.
    Unrelated,
    /// The repository does not hold what would tell.
    Unknown,
}

impl Repository {
    /// The latest commit that `revision` and the default branch share; absent where there is no default branch, no commit
    /// yet, or nothing shared.
    ///
    /// # Errors
    /// A clone that is too shallow to tell.
    pub(crate) fn began_from(&self, revision: &str) -> Result<Option<CommitId>, GitError> {
        let inner = self.inner();
        let Ok(here) = inner.revparse_single(revision).and_then(|object| object.peel_to_commit()) else {
            return Ok(None);
        };
        let tip = |name: &&str| inner.find_reference(name).ok()?.peel_to_commit().ok();
        let shared = DEFAULT_BRANCHES.iter().find_map(tip).map(|branch| inner.merge_base(here.id(), branch.id()));
        match shared {
            Some(Ok(id)) => Ok(Some(CommitId(id.to_string()))),
            None | Some(Err(_)) if inner.is_shallow() => Err(GitError::TooShallow),
            None | Some(Err(_)) => Ok(None),
        }
    }

    /// Whether a commit is part of the history of another. One that is not known here is not.
    pub(crate) fn holds(&self, commit: &CommitId, earlier: &CommitId) -> bool {
        let id = |commit: &CommitId| git2::Oid::from_str(&commit.0).ok();
        let (Some(commit), Some(earlier)) = (id(commit), id(earlier)) else { return false };
        self.inner().merge_base(commit, earlier).is_ok_and(|shared| shared == earlier)
    }

    /// How a commit stands to an earlier one. That nothing shows how is no proof that it builds on it.
    pub(crate) fn ancestry(&self, earlier: &CommitId, commit: &CommitId) -> Ancestry {
        let known = |commit: &CommitId| self.inner().find_commit(git2::Oid::from_str(&commit.0).ok()?).ok();
        let (Some(earlier), Some(commit)) = (known(earlier), known(commit)) else { return Ancestry::Unknown };
        match self.inner().merge_base(earlier.id(), commit.id()) {
            Ok(shared) if shared == earlier.id() => Ancestry::BuildsOn,
            Ok(shared) => Ancestry::TakesBack(CommitId(shared.to_string())),
            Err(_) if self.inner().is_shallow() => Ancestry::Unknown,
            Err(_) => Ancestry::Unrelated,
        }
    }

    /// Whether a commit is held here.
    pub(crate) fn has(&self, commit: &CommitId) -> bool {
        git2::Oid::from_str(&commit.0).is_ok_and(|id| self.inner().find_commit(id).is_ok())
    }
}
