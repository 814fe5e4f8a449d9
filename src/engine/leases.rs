//! One writer at a time: the leases of a garden's clusters, renewed for as long as they are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::clusters::Clusters;
use crate::cause::reason_of;
use crate::cluster::lease::{LeaseState, Timing};
use crate::cluster::{Connection, Lease, Permit, Writer};
use crate::name::Name;

/// How leases are taken.
#[derive(Clone, Debug)]
pub struct LeaseOptions {
    /// Who we are: unique to this process, and telling enough for people who look for the holder.
    pub identity: String,
    /// The times of a lease.
    pub timing: Timing,
    /// Whether a holder who shows no life for as long as a lease lasts is waited out.
    pub patient: bool,
}

/// The leases that are ours. Those that are not released end by themselves, [`Timing::duration`] after the last renewal.
pub(super) struct Leases {
    options: LeaseOptions,
    kept: BTreeMap<Name, Kept>,
    /// Leases of others as they were seen last.
    rivals: BTreeMap<Name, Lease>,
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
        Self { options, kept: BTreeMap::new(), rivals: BTreeMap::new() }
    }

    /// How often leases that somebody else holds are looked at: so often that one which is not renewed any more is taken
    /// within [`Timing::renewal`] after its end.
    pub(super) fn patience(&self) -> Duration {
        self.options.timing.renewal / 3
    }

    /// IO: takes the lease of every cluster that is not ours yet. Returns those that were gained, and those that are
    /// somebody else's, or could not be asked for, with the reason; nothing may be written there.
    pub(super) async fn take(&mut self, clusters: &Clusters) -> (BTreeSet<Name>, BTreeMap<Name, String>) {
        let connections = clusters.connections();
        self.kept.retain(|name, kept| connections.contains_key(name) && kept.permit.holds());
        let mut missing = Vec::new();
        for (name, connection) in connections.iter().filter(|(name, _)| !self.kept.contains_key(*name)) {
            let LeaseOptions { identity, timing, .. } = &self.options;
            // Whether a lease still moves shows only over time.
            let seen = self.rivals.remove(name);
            missing.push((connection, seen.unwrap_or_else(|| Lease::new(&clusters.garden, identity.clone(), *timing))));
        }
        let asked = missing.into_iter().map(|(connection, mut lease)| async {
            let taken = self.take_one(connection, clusters, &mut lease).await;
            (connection.cluster().clone(), lease, taken)
        });
        let asked = join_all(asked).await;
        let (mut gained, mut refused) = (BTreeSet::new(), BTreeMap::new());
        for (name, lease, taken) in asked {
            match taken {
                Ok(writer) => {
                    self.kept.insert(name.clone(), Kept::new(lease, writer, self.options.timing));
                    gained.insert(name);
                }
                Err(why) => {
                    self.rivals.insert(name.clone(), lease);
                    refused.insert(name, why);
                }
            }
        }
        (gained, refused)
    }

    /// IO: takes one lease.
    async fn take_one(
        &self,
        connection: &Connection,
        clusters: &Clusters,
        lease: &mut Lease,
    ) -> Result<Writer, String> {
        let LeaseOptions { timing, patient, .. } = &self.options;
        let reason = |error: &(dyn std::error::Error + 'static)| reason_of(error);
        let cluster = &clusters.written[connection.cluster()];
        let writer = connection.writer(cluster, Permit::Always).await.map_err(|error| reason(&error))?;
        let end = Instant::now() + timing.duration + timing.margin;
        loop {
            match lease.acquire_or_renew(&writer).await.map_err(|error| reason(&error))? {
                LeaseState::Held => return Ok(writer),
                LeaseState::HeldBy { holder, alive } if !*patient || alive || Instant::now() > end => {
                    return Err(format!(
                        "`{holder}` holds the lease of the garden `{}`, so nothing is written: one parcelle writes at a time",
                        clusters.garden
                    ));
                }
                LeaseState::HeldBy { .. } => sleep(timing.margin / 5).await,
            }
        }
    }

    /// What allows writing, by cluster.
    pub(super) fn permits(&self) -> BTreeMap<Name, Permit> {
        self.kept.iter().map(|(name, kept)| (name.clone(), kept.permit.clone())).collect()
    }

    /// IO: gives all of them up, so that the next one need not wait.
    pub(super) async fn release(&mut self) {
        for kept in std::mem::take(&mut self.kept).into_values() {
            kept.keeper.abort(); // before the lease is given up, so that it is not taken again
            // Where it cannot be given up, it ends by itself.
            let _ = kept.lease.lock().await.release(&kept.writer).await;
        }
    }
}

/// Renews until somebody else has it. A renewal that fails is tried again: until the deadline nobody else may take it.
async fn keep(lease: Arc<Mutex<Lease>>, writer: Writer, timing: Timing) {
    loop {
        sleep(timing.renewal).await;
        let renewed = lease.lock().await.acquire_or_renew(&writer).await;
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
