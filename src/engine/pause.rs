//! Break glass: a marked pause in the cluster, or its end.

use std::collections::{BTreeMap, BTreeSet};

use super::session::Session;
use crate::cause::reason_of;
use crate::cluster::{Connection, Permit, inventory};
use crate::model::Garden;
use crate::name::Name;

/// What a pause, or the end of one, came to.
#[derive(Debug, Default)]
pub(crate) struct Marked {
    /// How many organisations were marked.
    pub(crate) organisations: usize,
    /// Organisations that were paused already, with the reason that gave way.
    pub(crate) replaced: BTreeMap<Name, String>,
    /// Clusters on which it failed, with the reason.
    pub(crate) failed: BTreeMap<Name, String>,
}

impl Session {
    /// IO: marks organisations as paused for a reason, or as going on again. Those that were never applied have no
    /// inventory to be marked.
    pub(crate) async fn mark_paused(&self, only: Option<&BTreeSet<Name>>, why: Option<&str>) -> Marked {
        let mut marked = Marked { failed: self.unreached(), ..Marked::default() };
        let Some(garden) = &self.checked.garden else { return marked };
        for (name, connection) in self.connections() {
            if let Err(reason) = mark_cluster(&connection, garden, only, why, &mut marked).await {
                marked.failed.insert(name, reason);
            }
        }
        marked
    }
}

/// IO: marks the inventories of one cluster.
async fn mark_cluster(
    connection: &Connection,
    garden: &Garden,
    only: Option<&BTreeSet<Name>>,
    why: Option<&str>,
    marked: &mut Marked,
) -> Result<(), String> {
    let Some(cluster) = garden.clusters.get(connection.cluster()) else { return Ok(()) };
    let reason = |error: &(dyn std::error::Error + 'static)| reason_of(error);
    let writer = connection.writer(cluster, Permit::Always).await.map_err(|error| reason(&error))?;
    let stored = inventory::read(connection, &garden.name).await.map_err(|error| reason(&error))?;
    for (organisation, stored) in stored.into_iter().filter(|(name, _)| only.is_none_or(|only| only.contains(name))) {
        let mut stored = stored.map_err(|error| reason(&error))?;
        if stored.paused.as_deref() == why {
            continue;
        }
        if let (Some(before), Some(_)) = (&stored.paused, why) {
            marked.replaced.insert(organisation.clone(), before.clone());
        }
        inventory::pause(&writer, &garden.name, &organisation, organisation.as_str(), &mut stored, why)
            .await
            .map_err(|error| reason(&error))?;
        marked.organisations += 1;
    }
    Ok(())
}
