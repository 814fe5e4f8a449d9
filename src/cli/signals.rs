//! Ctrl-C and SIGTERM: the first one asks for an orderly end, the second one for an end at once.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use crate::cluster::Shutdown;

/// How long what goes on may take to end in order: with the release of the leases within 10 seconds of the signal.
const GRACE: Duration = Duration::from_secs(6);

/// How long leases are still given up after a second signal: a cluster that answers takes no longer.
const LAST_WORD: Duration = Duration::from_millis(500);

/// Signals that ask the process to end, caught from [`listen`](Self::listen) on.
pub(crate) struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Signals {
    pub(crate) fn listen() -> Self {
        Self { interrupt: signal(SignalKind::interrupt()).ok(), terminate: signal(SignalKind::terminate()).ok() }
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            () = caught(&mut self.interrupt) => {}
            () = caught(&mut self.terminate) => {}
        }
    }
}

/// Waits for a signal; for ever where it could not be listened to.
async fn caught(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}

/// The end of the process, as signals ask for it.
pub(crate) struct Ending {
    orderly: Shutdown,
    at_once: Shutdown,
}

impl Ending {
    /// Listens from now on: the first signal is the wish `orderly`.
    pub(crate) fn listen(orderly: Shutdown) -> Self {
        let ending = Self { orderly, at_once: Shutdown::default() };
        let (orderly, at_once) = (ending.orderly.clone(), ending.at_once.clone());
        let mut signals = Signals::listen();
        tokio::spawn(async move {
            signals.next().await;
            orderly.ask();
            signals.next().await;
            at_once.ask();
        });
        ending
    }

    /// Waits for what is done last, the release of the leases; after a second signal no longer than [`LAST_WORD`].
    pub(crate) async fn at_last(&self, last: impl Future<Output = ()>) {
        let too_late = async {
            self.at_once.asked().await;
            sleep(LAST_WORD).await;
        };
        tokio::select! {
            () = last => {}
            () = too_late => {}
        }
    }

    /// Waits for what goes on; after a signal no longer than [`GRACE`], and not at all after a second one. Absent where it
    /// was not waited for to its end.
    pub(crate) async fn in_time<T>(&self, going_on: impl Future<Output = T>) -> Option<T> {
        let too_late = async {
            self.orderly.asked().await;
            sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            done = going_on => Some(done),
            () = self.at_once.asked() => None,
            () = too_late => None,
        }
    }
}
