//! One writer at a time: the leases of a garden's clusters, renewed for as long as they are kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join_all};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::clusters::Clusters;
use crate::cause::reason_of;
use crate::cluster::lease::{LeaseState, Taken, Timing};
use crate::cluster::{Connection, Lease, LoopState, Permit, Writer};
use crate::name::Name;

/// How long a process that ends tries to give its leases up.
const LONGEST_RELEASE: Duration = Duration::from_secs(2);

/// How long a cluster is asked for its lease before it rests: it delays the others so long and no longer.
const LONGEST_ASKED: Duration = Duration::from_secs(10);

/// How long a cluster rests that could not be asked; doubled each time.
const FIRST_REST: Duration = Duration::from_secs(5);

/// The longest such rest.
const LONGEST_REST: Duration = Duration::from_mins(5);

/// How leases are leadership.
#[derive(Clone, Debug)]
pub struct LeaseOptions {
    /// Who we are: unique to this process, and telling enough for people who look for the holder.
    pub identity: String,
    /// The times of a lease.
    pub timing: Timing,
    /// Whether a holder who shows no life for as long as a lease lasts is waited out.
    pub patient: bool,
    /// What the machine's clock shows, for people who look at a lease: nothing is decided by it.
    pub clock: fn() -> jiff::Timestamp,
}

/// The leases that are ours. Those that are not released end by themselves, [`Timing::duration`] after the last renewal.
pub(super) struct Leases {
    options: LeaseOptions,
    kept: BTreeMap<Name, Kept>,
    /// Clusters whose lease we reached for, with the garden: it may be ours although no answer said so.
    reached_for: std::sync::Mutex<BTreeMap<Name, (Name, Writer)>>,
    /// Leases of others as they were seen last.
    rivals: BTreeMap<Name, Lease>,
    /// Clusters that could not be asked.
    silent: BTreeMap<Name, Silent>,
    /// How this process fares, as it stands beside the leases that it holds.
    says: Arc<std::sync::Mutex<String>>,
}

/// A cluster that could not be asked for its lease.
struct Silent {
    why: String,
    /// How often in a row.
    times: u32,
    asked_again: Instant,
}

/// What came of asking for the leases of all clusters.
#[derive(Debug, Default)]
pub(super) struct Leadership {
    /// Clusters whose lease is ours since now, with how it came to be, where somebody else had it.
    pub(super) gained: BTreeMap<Name, Option<Taken>>,
    /// Clusters that somebody else leads, with who it is.
    pub(super) held_by_others: BTreeMap<Name, String>,
    /// Clusters that could not be asked, with the reason.
    pub(super) unasked: BTreeMap<Name, String>,
}

/// The answer of one cluster.
enum Answer {
    Ours(Writer),
    Rivals(String),
    None(String),
}

struct Kept {
    lease: Arc<Mutex<Lease>>,
    writer: Writer,
    permit: Permit,
    keeper: JoinHandle<()>,
}

impl Kept {
    /// Renews a lease that was just taken, from now on.
    fn new(lease: Lease, writer: Writer, timing: Timing) -> Self {
        let permit = lease.permit();
        let lease = Arc::new(Mutex::new(lease));
        let keeper = tokio::spawn(keep(Arc::clone(&lease), writer.clone(), timing));
        Self { lease, writer, permit, keeper }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Leases {
    pub(super) fn new(options: LeaseOptions) -> Self {
        Self {
            options,
            kept: BTreeMap::new(),
            reached_for: std::sync::Mutex::default(),
            rivals: BTreeMap::new(),
            silent: BTreeMap::new(),
            says: Arc::default(),
        }
    }

    /// Says how this process fares beside the leases that it holds, from their next renewal on: no request is sent for it.
    pub(super) fn say(&self, state: &LoopState) {
        *self.says.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = state.written();
    }

    /// How long from now leases that are not ours are to be asked for again: those of others so often that one which is not
    /// renewed any more is taken within [`Timing::renewal`] after its end. Absent where all are ours.
    pub(super) fn next_asked(&self) -> Option<Duration> {
        let rival = (!self.rivals.is_empty()).then(|| self.options.timing.renewal / 3);
        let now = Instant::now();
        let silent = self.silent.values().map(|silent| silent.asked_again.saturating_duration_since(now));
        silent.chain(rival).min()
    }

    /// IO: takes the lease of every cluster that is not ours yet. Nothing may be written where it is not gained.
    pub(super) async fn take(&mut self, clusters: &Clusters) -> Leadership {
        let connections = clusters.connections();
        self.kept.retain(|name, kept| connections.contains_key(name) && kept.permit.holds());
        self.silent.retain(|name, _| connections.contains_key(name));
        let now = Instant::now();
        let mut asked = Vec::new();
        for (name, connection) in &connections {
            let rests = self.silent.get(name).is_some_and(|silent| silent.asked_again > now);
            if !self.kept.contains_key(name) && !rests {
                let LeaseOptions { identity, timing, clock, .. } = &self.options;
                // Whether a lease still moves shows only over time.
                let seen = self.rivals.remove(name);
                let new = || Lease::new(&clusters.garden, identity.clone(), *timing, *clock).saying(self.says.clone());
                let lease = seen.unwrap_or_else(new);
                asked.push((connection.to_the_end(), lease));
            }
        }
        self.rivals.clear();
        let asked = asked.into_iter().map(async |(connection, mut lease)| {
            let answer = self.ask(&connection, clusters, &mut lease).await;
            (connection.cluster().clone(), lease, answer)
        });
        let asked = join_all(asked).await;
        let mut leadership = Leadership::default();
        for (name, mut lease, answer) in asked {
            match answer {
                Answer::Ours(writer) => {
                    self.silent.remove(&name);
                    leadership.gained.insert(name.clone(), lease.take_taken());
                    self.kept.insert(name, Kept::new(lease, writer, self.options.timing));
                }
                Answer::Rivals(why) => {
                    self.silent.remove(&name);
                    self.rivals.insert(name.clone(), lease);
                    leadership.held_by_others.insert(name, why);
                }
                Answer::None(why) => self.note_silence(name, why),
            }
        }
        leadership.unasked = self.silent.iter().map(|(name, silent)| (name.clone(), silent.why.clone())).collect();
        leadership
    }

    /// A cluster that gave no answer rests, longer each time, so that it delays nobody else.
    fn note_silence(&mut self, cluster: Name, why: String) {
        let times = self.silent.get(&cluster).map_or(0, |silent| silent.times);
        let rest = FIRST_REST.saturating_mul(1 << times.min(8)).min(LONGEST_REST);
        self.silent.insert(cluster, Silent { why, times: times + 1, asked_again: Instant::now() + rest });
    }

    /// IO: asks for one lease. A single command waits for a holder who shows no life; the loop looks again.
    async fn ask(&self, connection: &Connection, clusters: &Clusters, lease: &mut Lease) -> Answer {
        let LeaseOptions { timing, patient, .. } = &self.options;
        let cluster = &clusters.written[connection.cluster()];
        let end = Instant::now() + timing.duration + timing.margin;
        let limit = if *patient { timing.duration + timing.margin + LONGEST_ASKED } else { LONGEST_ASKED };
        let asked = async {
            let writer = match connection.writer(cluster, Permit::Always).await {
                Ok(writer) => writer,
                Err(error) => return Answer::None(reason_of(&error)),
            };
            let reached_for = (clusters.garden.clone(), writer.clone());
            self.reached_for().insert(connection.cluster().clone(), reached_for);
            loop {
                match lease.acquire_or_renew(&writer).await {
                    Ok(LeaseState::Held) => return Answer::Ours(writer),
                    Ok(LeaseState::HeldBy { holder, alive }) if !*patient || alive || Instant::now() > end => {
                        return Answer::Rivals(format!(
                            "`{holder}` holds the lease of the garden `{}`, so nothing is written: one parcelle writes at a time",
                            clusters.garden
                        ));
                    }
                    Ok(LeaseState::HeldBy { .. }) => sleep(timing.margin / 5).await,
                    Err(error) => return Answer::None(reason_of(&error)),
                }
            }
        };
        let silent = || Answer::None(format!("its API server gave no answer within {} s", limit.as_secs()));
        tokio::time::timeout(limit, asked).await.unwrap_or_else(|_elapsed| silent())
    }

    /// What allows writing, by cluster.
    pub(super) fn permits(&self) -> BTreeMap<Name, Permit> {
        self.kept.iter().map(|(name, kept)| (name.clone(), kept.permit.clone())).collect()
    }

    fn reached_for(&self) -> std::sync::MutexGuard<'_, BTreeMap<Name, (Name, Writer)>> {
        self.reached_for.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// IO: gives all of them up, so that the next one need not wait; those too of which it is not known whether they are ours.
    pub(super) async fn release(&mut self) {
        let kept = std::mem::take(&mut self.kept);
        let mut unsure = std::mem::take(&mut *self.reached_for());
        unsure.retain(|name, _| !kept.contains_key(name));
        let LeaseOptions { identity, timing, clock, .. } = &self.options;
        let unsure =
            join_all(unsure.values().map(async |(garden, writer)| {
                Lease::new(garden, identity.clone(), *timing, *clock).release(writer).await
            }));
        let kept = join_all(kept.values().map(async |kept| {
            kept.keeper.abort(); // before the lease is given up, so that it is not taken again
            kept.lease.lock().await.release(&kept.writer).await
        }));
        // Those that cannot be given up in time end by themselves.
        let _ended = tokio::time::timeout(LONGEST_RELEASE, join(kept, unsure)).await;
    }
}

/// Renews until somebody else has it. A renewal that fails is tried again: until the deadline nobody else may take it.
async fn keep(lease: Arc<Mutex<Lease>>, writer: Writer, timing: Timing) {
    loop {
        sleep(timing.renewal).await;
        let renewed = lease.lock().await.renew(&writer).await;
        match renewed {
            Ok(LeaseState::Held) => {}
            Ok(LeaseState::HeldBy { holder, .. }) => {
                tracing::warn!(%holder, "the lease was taken by somebody else; nothing is written any more");
                return;
            }
            Err(error) => {
                tracing::warn!(error = %reason_of(&error), "the lease could not be renewed");
            }
        }
    }
}
