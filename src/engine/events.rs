//! What wakes the loop: a closed set of events.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// What the watches show is looked at so long after the first sign: changes come in swarms.
const SWARM: Duration = Duration::from_millis(300);

/// Why a round begins, or the loop ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is time to look at the repository.
    Poll,
    /// It is time to compare everything with the clusters.
    Resync,
    /// A night or a peak changes what is rendered.
    Clock,
    /// A watch showed something of ours to be another.
    Stirred,
    /// An organisation is to be tried again.
    Due,
    /// An organisation is to be verified with the server.
    Verify,
    /// It is time to see whether a lease that somebody else holds is free.
    Lease,
    /// Ctrl-C, or a polite request to end.
    Stop,
}

impl Event {
    /// Whether it may bring another commit, or another rendering of the same one: what only the clusters stirred needs
    /// neither fetch nor check.
    pub(super) fn looks_at_the_repository(self) -> bool {
        matches!(self, Self::Poll | Self::Resync | Self::Clock)
    }
}

/// How long from now something is due that the loop itself knows of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waits {
    /// The next night or peak.
    pub(super) clock: Option<Duration>,
    /// The next organisation to be tried again.
    pub(super) due: Option<Duration>,
    /// The next organisation to be verified.
    pub(super) verify: Option<Duration>,
    /// The next look at leases that somebody else holds.
    pub(super) lease: Option<Duration>,
}

/// The times at which events are due, and the bell that the watches ring.
#[derive(Debug)]
pub(super) struct Events {
    interval: Duration,
    resync: Duration,
    next_poll: Instant,
    next_resync: Instant,
    bell: Arc<Notify>,
}

impl Events {
    /// A poll every `interval`, everything compared every `resync`; both counted from now.
    pub(super) fn every(interval: Duration, resync: Duration) -> Self {
        let now = Instant::now();
        Self { interval, resync, next_poll: now + interval, next_resync: now + resync, bell: Arc::default() }
    }

    /// What rings when a watch shows something of ours to be another.
    pub(super) fn bell(&self) -> &Arc<Notify> {
        &self.bell
    }

    /// Waits for what comes first.
    pub(super) async fn next(&mut self, waits: Waits, stop: impl Future<Output = ()>) -> Event {
        tokio::select! {
            biased;
            () = stop => Event::Stop,
            () = sleep_until(self.next_resync) => {
                self.next_resync = Instant::now() + self.resync;
                Event::Resync
            }
            () = after(waits.clock) => Event::Clock,
            () = async { self.bell.notified().await; sleep(SWARM).await } => Event::Stirred,
            () = sleep_until(self.next_poll) => {
                self.next_poll = Instant::now() + self.interval;
                Event::Poll
            }
            () = after(waits.due) => Event::Due,
            () = after(waits.verify) => Event::Verify,
            () = after(waits.lease) => Event::Lease,
        }
    }
}

async fn after(wait: Option<Duration>) {
    match wait {
        Some(wait) => sleep(wait).await,
        None => std::future::pending().await,
    }
}
