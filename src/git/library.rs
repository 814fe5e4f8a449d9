//! What libgit2 is told once, by calls that git2 marks as unsafe: they write to lists that nothing else may use meanwhile.

#![expect(unsafe_code, reason = "git2 offers no other way; what each call asks for is said there")]

use std::sync::Once;

use super::transport;

static READY: Once = Once::new();

/// Registers the transports, and takes clones that leave out objects: what is missing of them is told where it is needed. Before
/// the first repository is opened.
///
/// # Panics
/// Where libgit2 has no memory left.
pub(super) fn ready() {
    READY.call_once(|| {
        for scheme in ["https", "http", "ssh"] {
            // SAFETY: nothing else may make a transport meanwhile. Whoever opens a repository comes through here first and waits
            // until this is done, and nothing makes a transport but a fetch of one.
            let registered = unsafe { git2::transport::register(scheme, transport::transport) };
            registered.expect("a list grows by three entries");
        }
        // SAFETY: nothing else may open a repository meanwhile, which is so for the same reason.
        let extended = unsafe { git2::opts::set_extensions(&["partialclone"]) };
        extended.expect("a list grows by one entry");
    });
}
