//! An organisation is let go: its objects stay; labels, ownership and inventory go.

use std::collections::BTreeMap;

use super::session::Session;
use crate::cause::reason_of;
use crate::cluster::eject::{self, Ejection};
use crate::cluster::{Connection, Kinds, StoredInventory, discover, inventory};
use crate::model::Garden;
use crate::name::Name;

/// A cluster with the objects of an organisation that is ejected.
pub(crate) struct EjectTarget {
    connection: Connection,
    kinds: Kinds,
    stored: StoredInventory,
    /// Its objects, and those that are somebody else's by now or cannot be read.
    pub(crate) ejection: Ejection,
}

/// Why an organisation was not let go.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EjectFailure {
    /// A cluster cannot be used; nothing was changed.
    #[error("cluster `{cluster}`: {why}")]
    Cluster { cluster: Name, why: String },
    /// Somebody else writes to a cluster; nothing was changed.
    #[error("cluster `{cluster}`: {why}")]
    Leased {
        cluster: Name,
        /// Who holds the lease.
        why: String,
    },
    /// It stopped in the middle: what was let go stays so.
    #[error("{why}")]
    Stopped {
        /// At what, and why.
        why: String,
    },
}

impl Session {
    /// IO: what each cluster holds of an organisation; clusters that hold nothing are left out.
    pub(crate) async fn held_of(&self, organisation: &Name) -> Result<BTreeMap<Name, EjectTarget>, EjectFailure> {
        let mut places = BTreeMap::new();
        let Some(garden) = &self.checked.garden else { return Ok(places) };
        for (cluster, connection) in self.connections() {
            let target = target_on(connection, garden, organisation).await;
            let target = target.map_err(|why| EjectFailure::Cluster { cluster: cluster.clone(), why })?;
            places.extend(target.map(|target| (cluster, target)));
        }
        Ok(places)
    }

    /// IO: lets go of what clusters hold of an organisation, as the only writer; how many objects were let go.
    pub(crate) async fn let_go(
        &mut self,
        organisation: &Name,
        places: &BTreeMap<Name, EjectTarget>,
    ) -> Result<usize, EjectFailure> {
        self.take_leases().await;
        let (refused, unasked) = (std::mem::take(&mut self.refused), std::mem::take(&mut self.unasked));
        let done = match refused.into_iter().chain(unasked).next() {
            Some((cluster, why)) => Err(EjectFailure::Leased { cluster, why }),
            None => self.let_go_with_leases(organisation, places).await,
        };
        self.leases.release().await;
        done
    }

    /// The objects first, the inventory last, so that what is still ours is known at every moment.
    async fn let_go_with_leases(
        &self,
        organisation: &Name,
        places: &BTreeMap<Name, EjectTarget>,
    ) -> Result<usize, EjectFailure> {
        let Some(garden) = &self.checked.garden else { return Ok(0) };
        let permits = self.permits();
        let mut released = 0;
        for (cluster, target) in places {
            let permit = permits.get(cluster).cloned().unwrap_or(crate::cluster::Permit::Always);
            let writer = target.connection.writer(&garden.clusters[cluster], permit).await;
            let writer =
                writer.map_err(|error| EjectFailure::Cluster { cluster: cluster.clone(), why: reason_of(&error) })?;
            let stopped = |why: String| EjectFailure::Stopped { why };
            released += eject::let_go(&writer, &target.kinds, &garden.name, &target.stored, &target.ejection.held)
                .await
                .map_err(|(id, error)| stopped(format!("{id} could not be let go: {error}")))?;
            eject::forget(&writer, &garden.name, organisation, &target.stored)
                .await
                .map_err(|error| stopped(reason_of(&error)))?;
        }
        Ok(released)
    }
}

/// IO: what a cluster holds of the organisation; `None` for nothing.
async fn target_on(
    connection: Connection,
    garden: &Garden,
    organisation: &Name,
) -> Result<Option<EjectTarget>, String> {
    let reason = |error: &(dyn std::error::Error + 'static)| reason_of(error);
    let cluster = &garden.clusters[connection.cluster()];
    connection.verify(cluster).await.map_err(|error| reason(&error))?;
    let mut inventories = inventory::read(&connection, &garden.name).await.map_err(|error| reason(&error))?;
    let Some(stored) = inventories.remove(organisation) else { return Ok(None) };
    let stored = stored.map_err(|error| reason(&error))?;
    let kinds = discover(&connection).await.map_err(|error| reason(&error))?;
    let ejection = eject::look(&connection, &kinds, &garden.name, &stored).await.map_err(|error| reason(&error))?;
    Ok(Some(EjectTarget { connection, kinds, stored, ejection }))
}
