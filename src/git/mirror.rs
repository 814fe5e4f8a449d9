//! A bare mirror of a repository, kept in a folder of our own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::consent_refs::HeldStatements;
use super::transport::{self, GitAccess, GitAddress, shown};
use super::{CommitId, GitError, Repository, library, words};
use crate::private;

/// How much one fetch may bring.
#[derive(Clone, Copy, Debug)]
pub(super) struct FetchLimits {
    pub(super) bytes: usize,
    pub(super) objects: usize,
}

/// The most bytes that one fetch may bring.
const LARGEST_FETCH: usize = 512 << 20;
/// The most objects that one fetch may bring; a garden of a thousand organisations gains some three with each commit.
pub(super) const MOST_FETCHED: usize = 2_000_000;
/// How much any fetch may bring.
const ANY_FETCH: FetchLimits = FetchLimits { bytes: LARGEST_FETCH, objects: MOST_FETCHED };
/// Where the mirror keeps the repository's HEAD; its branches stand beside it, each under its own name.
const HEAD: &str = "refs/parcelle/head";
/// Where the mirror keeps branches.
const BRANCHES: &str = "refs/parcelle/branches";

/// Where the mirror keeps commits that were asked for by their ids.
const ASKED: &str = "refs/parcelle/asked";
/// How many commits are asked for at once.
const MOST_ASKED: usize = 50;

/// Where a mirror fetches from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// A path, or an address (`https://`, `ssh://`, `git@host:path`).
    pub address: String,
    /// The branch; the repository's HEAD where absent.
    pub branch: Option<String>,
    /// A token for https, from the environment; never kept on disk.
    pub token: Option<String>,
    /// One further header for https: name and value.
    pub header: Option<(String, String)>,
    /// A file of certificates that are trusted for https instead of the system's.
    pub certificates: Option<PathBuf>,
}

impl Remote {
    /// A remote that asks for no credentials.
    pub fn open_to_all(address: impl Into<String>, branch: Option<String>) -> Self {
        Self { address: address.into(), branch, token: None, header: None, certificates: None }
    }

    /// The reference that is fetched, and the one of the mirror that keeps it.
    fn refs(&self) -> (String, String) {
        match &self.branch {
            None => ("HEAD".to_owned(), HEAD.to_owned()),
            Some(branch) => (format!("refs/heads/{branch}"), format!("{BRANCHES}/{branch}")),
        }
    }
}

/// The mirror of one remote.
pub struct RemoteMirror {
    repository: Repository,
    remote: Remote,
    access: GitAccess,
    /// The branch that the remote's HEAD named with the last fetch.
    head_branch: RefCell<Option<String>>,
    /// The statements of consent that were brought.
    pub(super) held: HeldStatements,
}

impl RemoteMirror {
    /// Opens the mirror in `folder`, or starts an empty one there.
    pub fn open(folder: &Path, remote: Remote) -> Result<Self, GitError> {
        library::ready();
        let access = access(&remote)?;
        if let Some(branch) =
            remote.branch.clone().filter(|branch| !git2::Branch::name_is_valid(branch).unwrap_or(false))
        {
            return Err(GitError::NoBranch { branch, others: Vec::new() });
        }
        clear_locks(folder, &remote.refs().1);
        let existing = git2::Repository::open_bare(folder);
        let inner = match existing {
            Ok(inner) => inner,
            Err(_) => create(folder)?,
        };
        let (head_branch, held) = (RefCell::default(), HeldStatements::default());
        Ok(Self { repository: Repository::wrap(inner), remote, access, head_branch, held })
    }

    /// Brings what is new and returns the commit that the branch names now.
    pub fn fetch(&self) -> Result<CommitId, GitError> {
        let address = &self.remote.address;
        if self.access.is_folder() {
            look_at_folder(address)?;
        }
        let (from, kept) = self.remote.refs();
        let mut remote = self.remote()?;
        self.bring(&mut remote, &format!("+{from}:{kept}"))?;
        // A fetch of what is not there goes well, and leaves what was fetched before it was taken away.
        let listed = remote.list().unwrap_or_default();
        let Some(found) = listed.iter().find(|head| name_of(head) == Some(&from)) else {
            return Err(self.nothing_fetched(&remote));
        };
        let named = found.symref_target().and_then(|name| name.strip_prefix("refs/heads/"));
        *self.head_branch.borrow_mut() = named.map(str::to_owned);
        let head = self.repository.inner().refname_to_id(&kept).map_err(|_| self.nothing_fetched(&remote))?;
        Ok(CommitId(head.to_string()))
    }

    /// Asks for commits that the mirror lacks, each by its id; a server that has one may refuse to give it.
    pub(crate) fn ask_for(&self, commits: &[CommitId]) {
        let Ok(mut remote) = self.repository.inner().remote_anonymous(&self.remote.address) else { return };
        for commit in commits.iter().take(MOST_ASKED) {
            let wanted = format!("+{commit}:{ASKED}/{commit}", commit = commit.0);
            if let Err(error) = self.bring(&mut remote, &wanted) {
                tracing::debug!(commit = commit.short(), %error, "the server does not give a commit");
            }
        }
    }

    /// Asks for commits that the mirror lacks, each by a ref that the server has it under.
    pub(crate) fn ask_for_named(&self, commits: &BTreeMap<CommitId, String>) {
        let Ok(mut remote) = self.remote() else { return };
        for (commit, reference) in commits.iter().take(MOST_ASKED) {
            let kept = format!("{ASKED}/{}", commit.0);
            if let Err(error) = self.bring(&mut remote, &format!("+{reference}:{kept}")) {
                tracing::debug!(commit = commit.short(), %error, "the server does not give a commit");
            }
            // What the ref names by now may be another commit, which nobody asked for.
            let inner = self.repository.inner();
            if let Ok(mut found) = inner.find_reference(&kept)
                && found.target().is_none_or(|id| id.to_string() != commit.0)
            {
                let _stays = found.delete();
            }
        }
    }

    /// The branch that is followed, without `refs/heads/`; unknown where the server does not say what its HEAD names.
    pub(crate) fn branch(&self) -> Option<String> {
        self.remote.branch.clone().or_else(|| self.head_branch.borrow().clone())
    }

    /// The refs below a prefix that the repository offers: their names without it, and what they name.
    pub(super) fn offered(&self, prefix: &str) -> Result<Vec<(String, git2::Oid)>, GitError> {
        let mut remote = self.remote()?;
        let listed = transport::with(&self.access, || {
            remote.connect(git2::Direction::Fetch)?;
            let heads = remote.list()?.iter();
            let names = heads.filter_map(|head| Some((name_of(head)?.strip_prefix(prefix)?.to_owned(), head.oid())));
            let names = names.collect();
            remote.disconnect()?;
            Ok(names)
        });
        let said = self.access.take_refusal();
        listed.map_err(|error: git2::Error| {
            let refusal = said.unwrap_or_else(|| words::of(&error));
            GitError::Fetch { address: shown(&self.remote.address), refusal }
        })
    }

    /// Whether it is fetched from a folder of this machine.
    pub(super) fn is_of_a_folder(&self) -> bool {
        self.access.is_folder()
    }

    /// Fetches what references name, within limits of their own or those of every fetch.
    pub(super) fn bring_within(&self, references: &[String], limits: Option<FetchLimits>) -> Result<(), GitError> {
        let mut remote = self.remote()?;
        let limits = limits.unwrap_or(ANY_FETCH);
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        self.bring_each(&mut remote, &references, limits)
    }

    fn remote(&self) -> Result<git2::Remote<'_>, GitError> {
        let address = &self.remote.address;
        let remote = self.repository.inner().remote_anonymous(address);
        remote.map_err(GitError::git(format!("use the address `{}`", shown(address))))
    }

    /// Fetches one reference, within the limits of a fetch.
    fn bring(&self, remote: &mut git2::Remote<'_>, reference: &str) -> Result<(), GitError> {
        self.bring_each(remote, &[reference], ANY_FETCH)
    }

    fn bring_each(
        &self,
        remote: &mut git2::Remote<'_>,
        references: &[&str],
        limits: FetchLimits,
    ) -> Result<(), GitError> {
        let mut too_much = None;
        let fetched = {
            let mut callbacks = git2::RemoteCallbacks::new();
            callbacks.transfer_progress(|progress| {
                too_much = words::of_size(progress.received_bytes(), progress.total_objects(), limits);
                too_much.is_none()
            });
            let mut options = git2::FetchOptions::new();
            options.remote_callbacks(callbacks);
            options.download_tags(git2::AutotagOption::None).update_fetchhead(false);
            options.follow_redirects(git2::RemoteRedirect::None);
            transport::with(&self.access, || remote.fetch(references, Some(&mut options), None))
        };
        let said = self.access.take_refusal();
        fetched.map_err(|error| {
            let refusal = too_much.or(said).unwrap_or_else(|| words::of(&error));
            GitError::Fetch { address: shown(&self.remote.address), refusal }
        })
    }

    /// Why a fetch that went well brought nothing.
    fn nothing_fetched(&self, remote: &git2::Remote<'_>) -> GitError {
        let heads = remote.list().unwrap_or_default();
        let others: Vec<String> =
            heads.iter().filter_map(|head| name_of(head)?.strip_prefix("refs/heads/")).map(str::to_owned).collect();
        let address = shown(&self.remote.address);
        match self.remote.branch.clone() {
            Some(branch) => GitError::NoBranch { branch, others },
            None if others.is_empty() => GitError::Empty(address),
            None => GitError::NoHead { address, others },
        }
    }

    /// The repository of the mirror.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }
}

/// The name of a ref that a remote offers; absent where it is no UTF-8. Git takes any bytes, and git2 panics at them.
fn name_of<'h>(head: &'h git2::RemoteHead<'_>) -> Option<&'h str> {
    catch_unwind(AssertUnwindSafe(|| head.name())).ok()
}

/// Starts the mirror beside its place and moves it there whole, so that a kill leaves either none or a good one.
#[expect(clippy::disallowed_methods, reason = "a port: the mirror's own folder")]
fn create(folder: &Path) -> Result<git2::Repository, GitError> {
    let beside = with_suffix(folder, "new");
    let parent = folder.parent().unwrap_or(Path::new("."));
    private::make_folder(parent).map_err(GitError::io("make the folder", parent))?;
    for stale in [folder, &beside] {
        if stale.exists() {
            std::fs::remove_dir_all(stale).map_err(GitError::io("clear the folder", stale))?;
        }
    }
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).external_template(false).no_reinit(true);
    git2::Repository::init_opts(&beside, &options)
        .map_err(GitError::git(format!("start a mirror in `{}`", folder.display())))?;
    private::make_private(&beside).map_err(GitError::io("close the folder", &beside))?;
    std::fs::rename(&beside, folder).map_err(GitError::io("move the mirror to", folder))?;
    git2::Repository::open_bare(folder).map_err(GitError::git(format!("open the mirror in `{}`", folder.display())))
}

/// Removes the locks that a kill may have left: the mirror is nobody's but ours, and they would stop every later fetch.
#[expect(clippy::disallowed_methods, reason = "a port: the mirror's own folder")]
fn clear_locks(folder: &Path, kept: &str) {
    for locked in [kept, "packed-refs", "HEAD", "config"] {
        // That it is not there is the usual case.
        let _absent = std::fs::remove_file(folder.join(format!("{locked}.lock")));
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

/// What a fetch from a remote may use; an address that is none is refused.
fn access(remote: &Remote) -> Result<GitAccess, GitError> {
    let address = GitAddress::parse(&remote.address)?;
    if address == GitAddress::Folder {
        look_at_folder(&remote.address)?;
    }
    let Remote { address: _, branch: _, token, header, certificates } = remote.clone();
    Ok(GitAccess::new(address, token, header, certificates))
}

/// Looks whether there is a repository in a folder: of one that is gone libgit2 says that it knows no such protocol.
#[expect(clippy::disallowed_methods, reason = "a port: the repository that is fetched from")]
fn look_at_folder(address: &str) -> Result<(), GitError> {
    let path = match address.strip_prefix("file://") {
        Some(path) => percent_decode_str(path).decode_utf8_lossy().into_owned(),
        None => address.to_owned(),
    };
    if !Path::new(&path).exists() {
        return Err(GitError::NoFolder(shown(address)));
    }
    match git2::Repository::open(&path) {
        Ok(_) => Ok(()),
        Err(error) if error.code() == git2::ErrorCode::Owner => Err(GitError::Owner(address.to_owned())),
        Err(error) if error.code() == git2::ErrorCode::NotFound => Err(GitError::NotARepository(shown(address))),
        Err(error) => Err(GitError::Unreadable { folder: shown(address), refusal: words::of_format(&error) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_is_asked_for_by_a_ref_is_kept_where_the_ref_still_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let origin = git2::Repository::init_bare(folder.path().join("origin")).unwrap();
        let tree = origin.find_tree(origin.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let who = git2::Signature::new("ada", "ada@example.org", &git2::Time::new(1_700_000_000, 0)).unwrap();
        let commit = |text: &str| origin.commit(None, &who, &who, text, &tree, &[]).unwrap();
        origin.reference("refs/heads/work", commit("main"), true, "").unwrap();
        origin.set_head("refs/heads/work").unwrap();
        let remote = Remote::open_to_all(folder.path().join("origin").display().to_string(), None);
        let mirror = RemoteMirror::open(&folder.path().join("mirror"), remote).unwrap();
        assert_eq!(mirror.branch(), None, "nobody asked yet");
        mirror.fetch().unwrap();
        assert_eq!(mirror.branch().as_deref(), Some("work"));
        let (first, moved) = (commit("first"), commit("moved"));
        origin.reference("refs/pull/7/head", first, true, "").unwrap();
        origin.reference("refs/pull/8/head", moved, true, "").unwrap();
        let id = |id: git2::Oid| CommitId(id.to_string());
        let elsewhere = CommitId("c".repeat(40));
        let asked = [(id(first), 7), (elsewhere.clone(), 8), (CommitId("d".repeat(40)), 9)];
        mirror.ask_for_named(&asked.map(|(id, number)| (id, format!("refs/pull/{number}/head"))).into());
        let kept = |id: &CommitId| mirror.repository().inner().find_reference(&format!("{ASKED}/{}", id.0)).is_ok();
        assert!(kept(&id(first)) && mirror.repository().has(&id(first)));
        assert!(!kept(&elsewhere), "the ref names another commit by now");
    }
}
