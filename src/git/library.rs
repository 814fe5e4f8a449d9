//! The one call that git2 marks as unsafe: it puts transports into a list of libgit2 that nothing else may use meanwhile.

#![expect(unsafe_code, reason = "git2 offers no other way to bring a transport; what it asks for is said at the call")]

use std::sync::Once;

static REGISTERED: Once = Once::new();

/// Registers the transports, before the first fetch.
///
/// # Panics
/// Where libgit2 has no memory left.
pub(super) fn register() {
    REGISTERED.call_once(|| {
        for scheme in ["https", "http", "ssh"] {
            // SAFETY: nothing else may make a transport meanwhile. Every fetch comes through here first and waits until this is
            // done, and nothing but a fetch makes one.
            let registered = unsafe { git2::transport::register(scheme, super::transport) };
            registered.expect("a list grows by three entries");
        }
    });
}
