//! From flags to a checked garden: what `check`, `render`, `plan` and `explain` have in common.

use std::path::{Path, PathBuf};

use crate::check::{Checked, Memo, check, check_again, past_of};
use crate::git::{self, Repository, Snapshot};
use crate::model::Past;

use super::{Common, Failure, Output};

/// Where the garden lies and the repository around it, if any.
pub(crate) struct Workspace {
    /// The folder of `garden.kdl`.
    pub(crate) folder: PathBuf,
    /// The root that paths are shown relative to: the working tree's, else the garden's folder.
    pub(crate) root: PathBuf,
    /// The repository, where there is one.
    pub(crate) repository: Option<Repository>,
}

impl Workspace {
    /// Finds the garden that the flags or the current folder name.
    #[expect(clippy::disallowed_methods, reason = "a port: the current folder")]
    pub(crate) fn find(common: &Common, path: Option<&Path>) -> Result<Self, Failure> {
        let current = std::env::current_dir().map_err(Failure::file("read", Path::new(".")))?;
        let named = path.or(common.garden.as_deref());
        let folder = absolute(&current, &git::find_garden(named, &current)?);
        let repository = match Repository::containing(&folder) {
            Ok(repository) => Some(repository),
            Err(git::GitError::NoRepository(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let root = repository.as_ref().and_then(Repository::working_tree).unwrap_or(&folder);
        let root = root.canonicalize().map_err(Failure::file("read", root))?;
        Ok(Self { folder, root, repository })
    }

    /// The garden's files: of a commit where one is named, else as they lie on disk.
    pub(crate) fn snapshot(&self, commit: Option<&str>) -> Result<Snapshot, Failure> {
        match commit {
            None => Ok(git::worktree_snapshot(&self.root, &self.folder)?),
            Some(revision) => {
                Ok(git::commit_snapshot(self.repository()?, revision, Some(&self.folder_in_repository()))?)
            }
        }
    }

    /// What a plan without a commit was made from.
    pub(crate) fn what_was_read(&self) -> &'static str {
        match self.repository {
            Some(_) => "read from the files on disk; `run` and `apply` take commits only (see --commit)",
            None => "read from the files on disk, which lie in no Git repository",
        }
    }

    /// The repository, or a failure that says that one is needed.
    pub(crate) fn repository(&self) -> Result<&Repository, Failure> {
        let missing = || git::GitError::NoRepository(self.folder.display().to_string()).into();
        self.repository.as_ref().ok_or_else(missing)
    }

    /// The garden's folder relative to the repository.
    pub(crate) fn folder_in_repository(&self) -> String {
        self.folder.strip_prefix(&self.root).unwrap_or(Path::new("")).display().to_string()
    }

    /// Checks the garden as it lies on disk (or at a commit), at this moment.
    pub(crate) fn check(&self, commit: Option<&str>) -> Result<Checked, Failure> {
        Ok(check(self.snapshot(commit)?, None, now()))
    }

    /// Checks the garden against where the work began, or against `base` (`none`: against nothing).
    pub(crate) fn check_since(
        &self,
        memo: &mut Memo,
        commit: Option<&str>,
        base: Option<&str>,
    ) -> Result<Checked, Failure> {
        let past = self.past_since(memo, commit, base)?;
        Ok(check_again(memo, self.snapshot(commit)?, past.as_ref(), now()))
    }

    /// The garden as it was where the work began, or at `base`; absent where it was not there yet. What did not change
    /// since is not read again by those who go on with `memo`.
    pub(crate) fn past_since(
        &self,
        memo: &mut Memo,
        commit: Option<&str>,
        base: Option<&str>,
    ) -> Result<Option<Past>, Failure> {
        let began = match (base, &self.repository) {
            (Some("none"), _) | (None, None) => None,
            (Some(base), _) => Some(base.to_owned()),
            (None, Some(repository)) => repository.began_from(commit.unwrap_or("HEAD"))?.map(|id| id.0),
        };
        let Some(began) = began else { return Ok(None) };
        let snapshot = match git::commit_snapshot(self.repository()?, &began, Some(&self.folder_in_repository())) {
            Err(git::GitError::NoGarden(_)) if base.is_none() => return Ok(None),
            snapshot => snapshot?,
        };
        Ok(Some(past_of(&check_again(memo, snapshot, None, now()))))
    }
}

fn absolute(current: &Path, folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| current.join(folder))
}

/// The time, read once a command.
#[expect(clippy::disallowed_methods, reason = "a port: the clock")]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Who writes, as others are told in a lease: the machine (or pod), the process, a word of its own.
#[expect(clippy::disallowed_methods, reason = "a port: the name of the machine")]
pub(crate) fn identity() -> String {
    let pod = std::env::var("HOSTNAME").ok();
    let machine = pod.or_else(|| std::fs::read_to_string("/etc/hostname").ok()).unwrap_or_default();
    let machine = machine.trim();
    let machine = if machine.is_empty() { "parcelle" } else { machine };
    format!("{machine}-{}-{:x}", std::process::id(), now().as_nanosecond() % 0xffff_ffff)
}

/// The user's state folder of parcelle.
#[expect(clippy::disallowed_methods, reason = "a port: where state is kept")]
pub(crate) fn state_folder() -> Result<PathBuf, Failure> {
    let named = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = named("XDG_STATE_HOME").or_else(|| named("HOME").map(|home| home.join(".local/state")));
    base.map(|base| base.join("parcelle")).ok_or_else(|| {
        Failure::asked("there is no folder to keep state in", "set HOME or XDG_STATE_HOME, or use --sandbox-state none")
    })
}

/// The findings of a check, to standard error.
pub(crate) fn show_findings(checked: &Checked, output: &Output) {
    if !checked.findings.is_empty() {
        let text = crate::report::render(
            crate::report::Format::Text,
            &checked.findings,
            &checked.sources,
            output.drawing_of_notes(),
        );
        output.note(text.trim_end());
    }
}
