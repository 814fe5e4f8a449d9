//! Which clusters this process leads: what it may write, and what it leaves to others.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;

use super::clusters::Clusters;
use super::leases::Leadership;
use super::note::Note;
use super::session::Session;
use crate::cause::reason_of;
use crate::cluster::lease::Taken;
use crate::cluster::{Leader, Permit};
use crate::name::Name;
use crate::report::plan::LeaderStatus;

/// What a turn begins with that the one before it had not.
pub(super) struct Gained {
    /// Leases, by cluster, with how they were taken.
    pub(super) leases: BTreeMap<Name, Option<Taken>>,
    /// Whether a cluster can be read that could not be.
    pub(super) read_again: bool,
}

impl Session {
    /// IO: takes the leases of all clusters that are not ours yet, and says which were gained. What others applied
    /// meanwhile is learnt before anything is planned; so is what a cluster holds that can be read again.
    pub(super) async fn lead(&mut self, now: jiff::Timestamp) -> Gained {
        let gained = self.take_leases().await;
        let readable = self.known.unread.iter().any(|cluster| !self.is_left_alone(cluster));
        let before = self.known.unread.clone();
        if !gained.is_empty() || readable {
            self.learn(now).await;
        }
        Gained { read_again: before.difference(&self.known.unread).next().is_some(), leases: gained }
    }

    /// IO: takes the leases of all clusters that are not ours yet; those that were gained, with how. Embedded sandboxes need none.
    pub(super) async fn take_leases(&mut self) -> BTreeMap<Name, Option<Taken>> {
        let Some(clusters) = self.clusters.as_ref().filter(|clusters| clusters.are_shared()) else {
            return BTreeMap::new();
        };
        let Leadership { gained, held_by_others, unasked } = self.leases.take(clusters).await;
        (self.refused, self.unasked) = (held_by_others, unasked);
        let run_out = gained.iter().filter(|(_, from)| matches!(from, Some(Taken::RunOut { .. })));
        let notes = run_out.map(|(cluster, from)| Note::TakesOver { cluster: cluster.clone(), from: from.clone() });
        self.notes.extend(notes);
        gained
    }

    /// IO: who leads each cluster that could be reached; embedded sandboxes are led by nobody.
    pub(crate) async fn leaders(&self, unreached: &BTreeMap<Name, String>) -> Vec<LeaderStatus> {
        let Some(clusters) = self.clusters.as_ref().filter(|clusters| clusters.are_shared()) else { return Vec::new() };
        let connections = clusters.connections();
        let reached = connections.iter().filter(|(name, _)| !unreached.contains_key(*name));
        let asked = reached.map(async |(name, connection)| match Leader::read(connection, &clusters.garden).await {
            Ok(leader) => LeaderStatus::of(name.to_string(), leader.as_ref()),
            Err(error) => {
                let unknown = Some(reason_of(&error));
                LeaderStatus { cluster: name.to_string(), unknown, ..LeaderStatus::default() }
            }
        });
        join_all(asked).await
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
