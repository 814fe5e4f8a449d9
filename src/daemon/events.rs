//! What wakes the loop: a closed set of events.

use std::time::Duration;

use tokio::time::Instant;

/// Why a round begins, or the loop ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is time to look at the repository.
    Poll,
    /// It is time to compare everything with the clusters.
    Resync,
    /// A night or a peak changes what is rendered.
    Clock,
    /// Ctrl-C, or a polite request to end.
    Stop,
}

/// The times at which events are due.
#[derive(Debug)]
pub struct Events {
    interval: Duration,
    resync: Duration,
    next_poll: Instant,
    next_resync: Instant,
}

impl Events {
    /// A poll every `interval`, everything compared every `resync`; both counted from now.
    pub fn every(interval: Duration, resync: Duration) -> Self {
        let now = Instant::now();
        Self { interval, resync, next_poll: now + interval, next_resync: now + resync }
    }

    /// Waits for what comes first. `clock` is how long from now the next night or peak is, where there is one.
    pub async fn next(&mut self, clock: Option<Duration>, stop: impl Future<Output = ()>) -> Event {
        let clock = async {
            match clock {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stop => Event::Stop,
            () = tokio::time::sleep_until(self.next_resync) => {
                self.next_resync = Instant::now() + self.resync;
                Event::Resync
            }
            () = clock => Event::Clock,
            () = tokio::time::sleep_until(self.next_poll) => {
                self.next_poll = Instant::now() + self.interval;
                Event::Poll
            }
        }
    }
}
