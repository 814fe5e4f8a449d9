//! Which clusters this process leads: what it may write, and what it leaves to others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::clusters::Clusters;
use super::leases::Taken;
use super::session::Session;
use crate::cluster::Permit;
use crate::name::Name;

impl Session {
    /// IO: takes the leases of all clusters that are not ours yet, and says which were gained. What others applied
    /// meanwhile is learnt before anything is planned.
    pub(super) async fn lead(&mut self, now: jiff::Timestamp) -> BTreeSet<Name> {
        let gained = self.take_leases().await;
        let readable = self.known.unread.iter().any(|cluster| !self.is_left_alone(cluster));
        if !gained.is_empty() || readable {
            self.learn(now).await;
        }
        gained
    }

    /// IO: takes the leases of all clusters that are not ours yet; those that were gained. Embedded sandboxes need none.
    pub(super) async fn take_leases(&mut self) -> BTreeSet<Name> {
        let Some(clusters) = self.clusters.as_ref().filter(|clusters| clusters.are_shared()) else {
            return BTreeSet::new();
        };
        let Taken { gained, held_by_others, unasked } = self.leases.take(clusters).await;
        (self.refused, self.unasked) = (held_by_others, unasked);
        gained
    }

    /// What allows writing, by cluster: our lease, or that nobody else reaches an embedded sandbox.
    pub(super) fn permits(&self) -> BTreeMap<Name, Permit> {
        if !self.clusters.as_ref().is_some_and(Clusters::are_shared) {
            return BTreeMap::new();
        }
        let mut permits = self.leases.permits();
        // Without a lease nothing is written.
        let never = || Permit::AtMost(Arc::default());
        for cluster in self.connections().into_keys() {
            permits.entry(cluster).or_insert_with(never);
        }
        permits
    }

    /// Whether somebody else leads a cluster, or nobody can say who does: nothing of it is read or written.
    pub(super) fn is_left_alone(&self, cluster: &Name) -> bool {
        self.refused.contains_key(cluster) || self.unasked.contains_key(cluster)
    }
}
