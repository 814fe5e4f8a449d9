//! Where the work at hand began: the commit that what is merged is compared with.

use super::{CommitId, GitError, Repository};

/// The names that a main branch has by custom.
const CUSTOMARY: [&str; 2] = ["main", "master"];

/// What is known of the branch that the work goes to from where the program runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MergeTarget {
    /// The commit that the work began from, as the CI tells it.
    pub(crate) base: Option<String>,
    /// The branch that a merge request goes to.
    pub(crate) branch: Option<String>,
    /// The main branch of the repository.
    pub(crate) main: Option<String>,
}

/// Where the work at hand began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Began {
    /// The commit.
    pub(crate) commit: CommitId,
    /// The branch that was left there, as Git names it in short; absent where the CI tells the commit.
    pub(crate) branch: Option<String>,
}

/// The commit that one was made on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Its first parent.
    Commit(CommitId),
    /// It was made on none.
    First,
    /// The clone is too shallow to hold it.
    NotHeld,
}

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
    /// The latest commit that `revision` and the branch that the work goes to share; absent where there is no commit or branch yet.
    ///
    /// # Errors
    /// Nothing says which branch that is, it shares nothing with `revision`, or the clone is too shallow to tell.
    pub(crate) fn began_from(&self, revision: &str, target: &MergeTarget) -> Result<Option<Began>, GitError> {
        let inner = self.inner();
        let Ok(here) = inner.revparse_single(revision).and_then(|object| object.peel_to_commit()) else {
            return if self.is_unborn(revision) { Ok(None) } else { self.commit(revision).map(|_| None) };
        };
        if let Some(told) = &target.base {
            let told = self.commit(told)?.id;
            let told = git2::Oid::from_str(&told.0).map_err(GitError::git("read a commit's id"))?;
            let shared = inner.merge_base(here.id(), told).map_err(|_| GitError::Unrelated(told.to_string()))?;
            return Ok(Some(Began { commit: CommitId(shared.to_string()), branch: None }));
        }
        let too_shallow = |otherwise| if inner.is_shallow() { GitError::TooShallow } else { otherwise };
        let main = match self.main_branch(target) {
            Ok(main) => main,
            // The first push to a repository: its commit is there, and no branch yet.
            Err(GitError::NoMainBranch { branches, .. }) if branches.is_empty() && inner.is_bare() => return Ok(None),
            Err(error) => return Err(too_shallow(error)),
        };
        let tip = main.peel_to_commit().map_err(GitError::git("read the main branch"))?;
        let named = main.resolve().ok().and_then(|named| named.shorthand().ok().map(str::to_owned));
        let branch = named.unwrap_or_default();
        match inner.merge_base(here.id(), tip.id()) {
            Ok(id) => Ok(Some(Began { commit: CommitId(id.to_string()), branch: Some(branch) })),
            Err(_) => Err(too_shallow(GitError::Unrelated(branch))),
        }
    }

    /// The branch that the work goes to, as Git names it in short, and its latest commit; absent where nothing says which that is.
    pub(crate) fn target_tip(&self, target: &MergeTarget) -> Option<(String, CommitId)> {
        let main = self.main_branch(target).ok()?;
        let tip = main.peel_to_commit().ok()?;
        let named = main.resolve().ok().and_then(|named| named.shorthand().ok().map(str::to_owned));
        Some((named?, CommitId(tip.id().to_string())))
    }

    /// The name of the branch that the work goes to, as its forge has it; absent where nothing says which that is.
    pub(crate) fn main_branch_name(&self) -> Option<String> {
        let main = self.main_branch(&MergeTarget::default()).ok()?;
        let resolved = main.resolve().ok()?;
        let name = resolved.name().ok()?;
        match name.strip_prefix("refs/remotes/") {
            Some(of_remote) => {
                let own = |remote: String| of_remote.strip_prefix(&remote)?.strip_prefix('/').map(str::to_owned);
                self.remotes().into_iter().find_map(own)
            }
            None => name.strip_prefix("refs/heads/").map(str::to_owned),
        }
    }

    /// The latest commit that two revisions share.
    ///
    /// # Errors
    /// One of them names no commit, they share none, or the clone is too shallow to tell.
    pub(crate) fn shared(&self, revision: &str, other: &str) -> Result<CommitId, GitError> {
        let id = |revision: &str| {
            let commit = self.commit(revision)?.id;
            git2::Oid::from_str(&commit.0).map_err(GitError::git("read a commit's id"))
        };
        match self.inner().merge_base(id(revision)?, id(other)?) {
            Ok(shared) => Ok(CommitId(shared.to_string())),
            Err(_) if self.inner().is_shallow() => Err(GitError::TooShallow),
            Err(_) => Err(GitError::Unrelated(revision.to_owned())),
        }
    }

    /// The first parent of a commit: what the branch was before it.
    ///
    /// # Errors
    /// The commit cannot be read.
    pub(crate) fn commit_before(&self, commit: &CommitId) -> Result<Before, GitError> {
        let inner = self.inner();
        let read = GitError::git("read a commit");
        let found = git2::Oid::from_str(&commit.0).and_then(|id| inner.find_commit(id)).map_err(read)?;
        // Where a clone ends, libgit2 tells no parents, and the commit itself still names them.
        let is_made_on_one =
            found.raw_header_bytes().split(|byte| *byte == b'\n').any(|line| line.starts_with(b"parent "));
        Ok(match found.parent_id(0) {
            Ok(parent) if inner.find_commit(parent).is_ok() => Before::Commit(CommitId(parent.to_string())),
            Err(_) if !is_made_on_one => Before::First,
            _ => Before::NotHeld,
        })
    }

    /// Whether a revision is the branch at hand, which has no commit yet.
    fn is_unborn(&self, revision: &str) -> bool {
        revision == "HEAD" && self.inner().head().is_err_and(|error| error.code() == git2::ErrorCode::UnbornBranch)
    }

    /// The branch that work goes to: the one that the CI names, else the remote's own, else by name, else the only other one.
    fn main_branch(&self, target: &MergeTarget) -> Result<git2::Reference<'_>, GitError> {
        let inner = self.inner();
        let remotes = self.remotes();
        let find = |name: &str| inner.find_reference(name).ok().filter(|found| found.peel_to_commit().is_ok());
        let called = |branch: &str| {
            let remote = remotes.iter().find_map(|remote| find(&format!("refs/remotes/{remote}/{branch}")));
            remote.or_else(|| find(&format!("refs/heads/{branch}")))
        };
        let missing = |branch: &String| {
            let remote = remotes.first().map_or("origin", String::as_str).to_owned();
            GitError::NoTarget { branch: branch.clone(), remote }
        };
        if let Some(branch) = &target.branch {
            return called(branch).ok_or_else(|| missing(branch));
        }
        if let Some(head) = remotes.iter().find_map(|remote| find(&format!("refs/remotes/{remote}/HEAD"))) {
            return Ok(head);
        }
        if let Some(own) = inner.head().ok().filter(|head| inner.is_bare() && head.is_branch()) {
            return Ok(own);
        }
        if let Some(main) = &target.main {
            return called(main).ok_or_else(|| missing(main));
        }
        let chosen = inner.config().and_then(|config| config.get_string("init.defaultBranch")).ok();
        let names = chosen.iter().map(String::as_str).chain(CUSTOMARY);
        { names }.find_map(called).map_or_else(|| self.only_branch(), Ok)
    }

    /// The first remote that is reached by ssh.
    pub(crate) fn ssh_remote(&self) -> Option<String> {
        let is_ssh = |address: &str| {
            // `git@host:path`, as Git itself reads it: a colon before the first slash.
            let is_short = address.split('/').next().is_some_and(|host| host.contains(':')) && !address.contains("://");
            address.starts_with("ssh://") || address.starts_with("git+ssh://") || is_short
        };
        let address = |name: &String| self.inner().find_remote(name).ok()?.url().ok().map(is_ssh);
        self.remotes().into_iter().find(|name| address(name) == Some(true))
    }

    /// The remotes, `origin` first.
    pub(super) fn remotes(&self) -> Vec<String> {
        let names = self.inner().remotes();
        let mut names: Vec<String> = names
            .iter()
            .flat_map(|names| {
                names.iter().filter_map(|name| name.ok().flatten()).map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        names.sort_by_key(|name| (name != "origin", name.clone()));
        names
    }

    /// The only branch that there is; with a remote, the only one of it that is not the work itself.
    fn only_branch(&self) -> Result<git2::Reference<'_>, GitError> {
        let inner = self.inner();
        let head = inner.head().ok();
        let work = head.as_ref().filter(|head| head.is_branch()).and_then(|head| head.shorthand().ok());
        let remote = self.remotes().into_iter().next();
        let kind = if remote.is_some() { git2::BranchType::Remote } else { git2::BranchType::Local };
        let branches = inner.branches(Some(kind)).map_err(GitError::git("list the branches"))?;
        let mut known: Vec<_> = branches.filter_map(|branch| Some(branch.ok()?.0.into_reference())).collect();
        let is_work = |branch: &git2::Reference<'_>| {
            let name = branch.shorthand().ok().and_then(|name| name.split_once('/')).map(|(_, name)| name);
            name == work || branch.target() == head.as_ref().and_then(git2::Reference::target)
        };
        let mut others: Vec<usize> = (0..known.len()).collect();
        others.retain(|at| remote.is_none() || !is_work(&known[*at]));
        if let [only] = others[..] {
            return Ok(known.swap_remove(only));
        }
        let branches = known.iter().filter_map(|branch| branch.shorthand().ok().map(str::to_owned)).collect();
        Err(GitError::NoMainBranch { branches, remote })
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
