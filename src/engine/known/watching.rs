//! What the loop knows of the clusters between rounds: their watches, and what each serves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Notify;

use super::attention::Attention;
use crate::cluster::{Connection, Mirror, Watches, follows_others};
use crate::engine::state::{LiveState, WatchedCluster};
use crate::kind;
use crate::name::Name;

/// The watches of every cluster; none where a single round is made.
#[derive(Default)]
pub(in crate::engine) struct Watching {
    clusters: BTreeMap<Name, WatchedCluster>,
    watches: BTreeMap<Name, Watches>,
}

/// What the watches ask to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Stir {
    /// Organisations to look at.
    pub(in crate::engine) organisations: BTreeSet<Name>,
    /// Whether what clusters serve, or make of an apply, is another: everything is to be verified anew.
    pub(in crate::engine) facts: bool,
}

impl Watching {
    /// Begins to watch: what the next round over everything lists, watches go on from.
    pub(in crate::engine) fn begin(
        connections: &BTreeMap<Name, Connection>,
        garden: &Name,
        bell: &Arc<Notify>,
    ) -> Self {
        let mut watching = Self::default();
        for (name, connection) in connections {
            let mirror = Arc::new(Mirror::new(Arc::clone(bell)));
            let watches = Watches::new(connection.clone(), garden.clone(), Arc::clone(&mirror));
            watching.watches.insert(name.clone(), watches);
            watching.clusters.insert(name.clone(), WatchedCluster { mirror, facts: None });
        }
        watching
    }

    /// What is known of each cluster.
    pub(in crate::engine) fn clusters(&self) -> &BTreeMap<Name, WatchedCluster> {
        &self.clusters
    }

    /// After a round: watches are opened on the kinds that it met, and what clusters serve is remembered.
    pub(super) fn look_after(&mut self, live: &LiveState) {
        let read = live.clusters.iter().filter_map(|(name, read)| Some((name, read.as_ref().ok()?)));
        for (name, cluster) in read {
            let (Some(watches), Some(watched)) = (self.watches.get_mut(name), self.clusters.get_mut(name)) else {
                continue;
            };
            watched.facts = Some(Arc::clone(&cluster.facts));
            for (resource, version) in &cluster.listed {
                watches.open(resource, Some(version.clone()));
            }
            watches.open_config_maps();
            if cluster.organisations.values().any(|one| one.objects.secrets.iter().any(follows_others)) {
                // What a round lists, it lists before it reads the sources.
                let listed = cluster.listed.iter().find(|(resource, _)| resource.is(kind::SECRET));
                watches.open_sources(listed.map(|(_, version)| version.clone()));
            }
            for one in cluster.organisations.values() {
                let objects = one.objects.objects.iter().map(|object| &object.id);
                let ids = objects.chain(one.objects.secrets.iter().map(|request| &request.id));
                ids.filter_map(|id| cluster.facts.kinds.of(id).ok()).for_each(|resource| watches.open(resource, None));
            }
        }
    }

    /// Clusters in which words of people were seen since this was asked last.
    pub(in crate::engine) fn with_words(&self) -> BTreeSet<Name> {
        let spoken = self.clusters.iter().filter(|(_, watched)| watched.mirror.take_words());
        spoken.map(|(name, _)| name.clone()).collect()
    }

    /// Words of people on a cluster are to be looked at again.
    pub(in crate::engine) fn look_at_words(&self, cluster: &Name) {
        self.clusters.get(cluster).iter().for_each(|watched| watched.mirror.look_at_words());
    }

    /// What was stirred since this was asked last. Of an organisation that has nothing left to do, only matters what moved.
    pub(in crate::engine) fn stirred(&mut self, attention: &Attention) -> Stir {
        let mut stir = Stir::default();
        for watched in self.clusters.values_mut() {
            let stirred = watched.mirror.take_stirred();
            stir.organisations.extend(stirred.moved);
            stir.organisations.extend(stirred.fared.into_iter().filter(|name| attention.is_open_in(name)));
            if stirred.facts {
                (watched.facts, stir.facts) = (None, true);
            }
        }
        stir
    }

    /// Forgets what organisations follow that the garden does not have any more.
    pub(super) fn forget(&self, known: impl Fn(&Name) -> bool) {
        self.clusters.values().for_each(|watched| watched.mirror.forget_followers(&known));
    }
}
