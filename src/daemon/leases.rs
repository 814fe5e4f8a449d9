//! One writer at a time: the leases of a garden's clusters, renewed for as long as they are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::cluster::lease::{Standing, Timing};
use crate::cluster::{Connection, Lease, Permit, Writer};
use crate::model::Garden;
use crate::name::Name;

/// The leases that are ours. Those that are not released end by themselves, [`Timing::duration`] after the last renewal.
pub struct Leases {
    /// Who we are: unique to this process, and telling enough for people who look for the holder.
    identity: String,
    timing: Timing,
    kept: BTreeMap<Name, Kept>,
}

struct Kept {
    lease: Arc<Mutex<Lease>>,
    writer: Writer,
    permit: Permit,
    keeper: JoinHandle<()>,
}

impl Leases {
    /// None yet; `identity` is what others are told.
    pub fn new(identity: String, timing: Timing) -> Self {
        Self { identity, timing, kept: BTreeMap::new() }
    }

    /// IO: takes the lease of every cluster that is not ours yet. The answer names those that are somebody else's, or
    /// could not be asked for, with the reason; nothing may be written there.
    ///
    /// With `patient`, a holder who shows no life for as long as a lease lasts is waited out.
    pub async fn take(
        &mut self,
        clusters: &BTreeMap<Name, Connection>,
        garden: &Garden,
        patient: bool,
    ) -> BTreeMap<Name, String> {
        self.kept.retain(|name, kept| clusters.contains_key(name) && kept.permit.holds());
        let missing = clusters.iter().filter(|(name, _)| !self.kept.contains_key(*name));
        let asked = missing.map(|(name, connection)| async {
            (name.clone(), self.take_one(connection, &garden.clusters[name], garden, patient).await)
        });
        let mut refused = BTreeMap::new();
        for (name, taken) in join_all(asked).await {
            match taken {
                Ok(kept) => {
                    self.kept.insert(name, kept);
                }
                Err(why) => {
                    refused.insert(name, why);
                }
            }
        }
        refused
    }

    async fn take_one(
        &self,
        connection: &Connection,
        cluster: &crate::model::Cluster,
        garden: &Garden,
        patient: bool,
    ) -> Result<Kept, String> {
        let reason = |error: &(dyn std::error::Error + 'static)| crate::reconcile::reason_of(error);
        let writer = connection.writer(cluster, Permit::Always).await.map_err(|error| reason(&error))?;
        let mut lease = Lease::new(&garden.name, self.identity.clone(), self.timing);
        let end = Instant::now() + self.timing.duration + self.timing.margin;
        loop {
            match lease.acquire_or_renew(&writer).await.map_err(|error| reason(&error))? {
                Standing::Held => break,
                Standing::HeldBy { holder, alive } if !patient || alive || Instant::now() > end => {
                    return Err(format!(
                        "`{holder}` holds the lease of the garden `{}`, so nothing is written: one parcelle writes at a time",
                        garden.name
                    ));
                }
                Standing::HeldBy { .. } => sleep(self.timing.margin / 5).await,
            }
        }
        let permit = lease.permit();
        let lease = Arc::new(Mutex::new(lease));
        let keeper = tokio::spawn(keep(Arc::clone(&lease), writer.clone(), self.timing));
        Ok(Kept { lease, writer, permit, keeper })
    }

    /// What allows writing, by cluster.
    pub fn permits(&self) -> BTreeMap<Name, Permit> {
        self.kept.iter().map(|(name, kept)| (name.clone(), kept.permit.clone())).collect()
    }

    /// IO: gives all of them up, so that the next one need not wait.
    pub async fn release(self) {
        for kept in self.kept.into_values() {
            kept.keeper.abort();
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
            Ok(Standing::Held) => {}
            Ok(Standing::HeldBy { holder, .. }) => {
                tracing::warn!(%holder, "the lease was taken by somebody else; nothing is written any more");
                return;
            }
            Err(error) => {
                tracing::warn!(error = %crate::reconcile::reason_of(&error), "the lease could not be renewed");
            }
        }
    }
}
