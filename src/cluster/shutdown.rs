//! The wish that the process ends: whatever waits, ends with it.

use std::sync::Arc;

use tokio::sync::watch;

/// The wish that the process ends. Its clones are of one wish.
///
/// Once it is there, nothing more is read, no further action begins, and no wait goes on; a write that was sent is waited
/// for, and what was done is recorded.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// Asks the process to end.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    /// Whether the process was asked to end.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the process is asked to end.
    pub async fn asked(&self) {
        let mut wish = self.0.subscribe();
        // The sender lives as long as this value, so the channel is never closed.
        let _never_closed = wish.wait_for(|asked| *asked).await;
    }
}
