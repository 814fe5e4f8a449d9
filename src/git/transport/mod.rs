//! How repositories are reached: HTTPS by the client that speaks to clusters too, ssh by the system's `ssh`, as Git itself does.
//!
//! libgit2 speaks Git's protocol over streams that come from here, so that credentials go to the scheme, host and port of the
//! configured address and nowhere else, and no second TLS library is built.

mod address;
mod pack;
mod ssh;
mod web;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) use address::{GitAddress, shown};
pub(crate) use ssh::is_there as has_ssh;

use super::GitRefusal;

/// What a fetch may use.
#[derive(Clone, Debug)]
pub(super) struct GitAccess {
    pub(super) address: GitAddress,
    /// A token for HTTPS.
    pub(super) token: Option<String>,
    /// One further header for HTTPS: its name and value.
    pub(super) header: Option<(String, String)>,
    /// Certificates that are trusted instead of the system's, PEM.
    pub(super) certificates: Option<PathBuf>,
    /// Why it was refused, as the stream that failed knows it: libgit2 passes on a text alone.
    refusal: Arc<Mutex<Option<GitRefusal>>>,
}

impl GitAccess {
    pub(super) fn new(
        address: GitAddress,
        token: Option<String>,
        header: Option<(String, String)>,
        certificates: Option<PathBuf>,
    ) -> Self {
        Self { address, token, header, certificates, refusal: Arc::default() }
    }

    /// Whether the repository lies in a folder of this machine.
    pub(super) fn is_folder(&self) -> bool {
        self.address == GitAddress::Folder
    }

    fn refuse(&self, refusal: GitRefusal) -> String {
        let why = refusal.why.clone();
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        why
    }

    /// Why the last stream failed, where one did.
    pub(super) fn take_refusal(&self) -> Option<GitRefusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

thread_local! {
    /// What the fetch of this thread may use: libgit2 makes its transports inside of it, and hands them nothing but an address.
    static IN_USE: RefCell<Option<GitAccess>> = const { RefCell::new(None) };
}

/// Runs a fetch with what it may use.
pub(super) fn with<T>(access: &GitAccess, fetch: impl FnOnce() -> T) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            IN_USE.set(None);
        }
    }
    IN_USE.set(Some(access.clone()));
    let _reset = Reset;
    fetch()
}

/// The transport of the fetch that is under way.
pub(super) fn transport(remote: &git2::Remote<'_>) -> Result<git2::transport::Transport, git2::Error> {
    let access = IN_USE.with_borrow(Clone::clone);
    let Some(access) = access else { return Err(git2::Error::from_str("no fetch is under way")) };
    match access.address.clone() {
        GitAddress::Web(address) => {
            git2::transport::Transport::smart(remote, true, web::WebTransport::new(address, access)?)
        }
        GitAddress::Ssh(address) => {
            git2::transport::Transport::smart(remote, false, ssh::SshTransport::new(address, access))
        }
        GitAddress::Folder => Err(git2::Error::from_str("a folder needs no transport")),
    }
}

/// An error of libgit2 that stands for a refusal.
fn refused(access: &GitAccess, refusal: GitRefusal) -> git2::Error {
    git2::Error::from_str(&access.refuse(refusal))
}
