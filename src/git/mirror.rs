//! A bare mirror of a repository, kept in a folder of our own.

use std::path::{Path, PathBuf};

use super::{CommitId, GitError, Repository, words};
use crate::{private, visible};

/// How often a credential is offered before the server's refusal is believed (libgit2 would ask for ever).
const MOST_CREDENTIALS: u32 = 3;
/// The most bytes that one fetch may bring.
const LARGEST_FETCH: usize = 1 << 30;
/// Where the mirror keeps the repository's HEAD; its branches stand beside it, each under its own name.
const HEAD: &str = "refs/parcelle/head";
/// Where the mirror keeps branches.
const BRANCHES: &str = "refs/parcelle/branches";

/// Where a mirror fetches from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// A path, or an address (`https://`, `ssh://`, `git@host:path`).
    pub address: String,
    /// The branch; the repository's HEAD where absent.
    pub branch: Option<String>,
    /// A token for https, from the environment; never kept on disk.
    pub token: Option<String>,
}

impl Remote {
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
}

impl RemoteMirror {
    /// Opens the mirror in `folder`, or starts an empty one there.
    pub fn open(folder: &Path, remote: Remote) -> Result<Self, GitError> {
        check_address(&remote.address)?;
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
        Ok(Self { repository: Repository::wrap(inner), remote })
    }

    /// Brings what is new and returns the commit that the branch names now.
    pub fn fetch(&self) -> Result<CommitId, GitError> {
        let address = &self.remote.address;
        let (from, kept) = self.remote.refs();
        let mut remote = self
            .repository
            .inner()
            .remote_anonymous(address)
            .map_err(GitError::git(format!("use the address `{}`", shown(address))))?;
        let mut options = git2::FetchOptions::new();
        options.remote_callbacks(callbacks(self.remote.token.as_deref()));
        options.download_tags(git2::AutotagOption::None).update_fetchhead(false);
        options.follow_redirects(git2::RemoteRedirect::Initial);
        remote.fetch(&[format!("+{from}:{kept}")], Some(&mut options), None).map_err(|error| {
            let mut refusal = words::of(&error);
            refusal.why = refusal.why.replace(address, &shown(address));
            GitError::Fetch { address: shown(address), refusal }
        })?;
        // A fetch of what is not there goes well, and leaves what was fetched before it was taken away.
        if !remote.list().unwrap_or_default().iter().any(|head| head.name() == from) {
            return Err(self.nothing_fetched(&remote));
        }
        let head = self.repository.inner().refname_to_id(&kept).map_err(|_| self.nothing_fetched(&remote))?;
        Ok(CommitId(head.to_string()))
    }

    /// Why a fetch that went well brought nothing.
    fn nothing_fetched(&self, remote: &git2::Remote<'_>) -> GitError {
        let heads = remote.list().unwrap_or_default();
        let others: Vec<String> =
            heads.iter().filter_map(|head| head.name().strip_prefix("refs/heads/")).map(str::to_owned).collect();
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

fn callbacks(token: Option<&str>) -> git2::RemoteCallbacks<'static> {
    let token = token.map(str::to_owned);
    let mut tries = 0;
    let mut callbacks = git2::RemoteCallbacks::new();
    callbacks.credentials(move |_url, user, allowed| {
        tries += 1;
        if tries > MOST_CREDENTIALS {
            return Err(git2::Error::from_str("the server refused the credentials"));
        }
        match &token {
            Some(token) if allowed.is_user_pass_plaintext() => {
                git2::Cred::userpass_plaintext(user.unwrap_or("oauth2"), token)
            }
            _ if allowed.is_ssh_key() => git2::Cred::ssh_key_from_agent(user.unwrap_or("git")),
            _ => Err(git2::Error::from_str(
                "the server asks for credentials: set PARCELLE_GIT_TOKEN, or load a key into ssh-agent",
            )),
        }
    });
    callbacks.transfer_progress(|progress| progress.received_bytes() < LARGEST_FETCH);
    callbacks
}

/// Only addresses that libgit2 reads as what they look like: `ext::` and the like never reach it.
fn check_address(address: &str) -> Result<(), GitError> {
    let known = ["https://", "ssh://", "http://127.0.0.1", "http://localhost", "file://"]
        .iter()
        .any(|scheme| address.starts_with(scheme));
    let scp_like = address.starts_with("git@") && address.contains(':');
    if known || scp_like {
        return Ok(());
    }
    if address.is_empty() || address.contains("::") || address.contains("://") {
        return Err(GitError::Address(shown(address)));
    }
    match git2::Repository::open(Path::new(address)) {
        Ok(_) => Ok(()),
        Err(error) if error.code() == git2::ErrorCode::Owner => Err(GitError::Owner(address.to_owned())),
        Err(_) => Err(GitError::NotARepository(shown(address))),
    }
}

/// The address without what may be a secret in it: user and password, and everything behind its path.
fn shown(address: &str) -> String {
    let is_path = !address.contains("://") && !address.contains('@');
    let address = if is_path { address } else { address.split(['?', '#']).next().unwrap_or_default() };
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    // A path may hold an `@`; who asks stands before the first slash.
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = match host.rsplit_once('@') {
        Some((user, host)) if scheme.is_empty() && !user.contains(':') => format!("{user}@{host}"),
        Some((_, host)) => host.to_owned(),
        None => host.to_owned(),
    };
    visible::line(&if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_an_address_are_not_shown() {
        assert_eq!(shown("https://user:secret@git.example/x.git"), "https://git.example/x.git");
        assert_eq!(shown("git@git.example:x.git"), "git@git.example:x.git");
        assert_eq!(shown("https://git.example/x.git?private_token=secret#secret"), "https://git.example/x.git");
        assert_eq!(shown("bot:secret@git.example:x/y.git"), "git.example:x/y.git");
        assert_eq!(shown("ssh://bot:secr@et@git.example/@x.git"), "ssh://git.example/@x.git");
        assert_eq!(shown("/srv/a#b?c"), "/srv/a#b?c");
        assert_eq!(shown("file:///srv/a@b/x.git"), "file:///srv/a@b/x.git");
    }

    #[test]
    fn odd_schemes_never_reach_the_transport() {
        assert!(check_address("ext::sh -c id").is_err());
        assert!(check_address("https://git.example/x.git").is_ok());
    }
}
