//! What the stages of a round work on: the round's context, and what was read of the clusters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::options::RoundOptions;
use crate::check::Checked;
use crate::cluster::{
    ApiError, Connection, Facts, InventoryError, Listing, Mirror, Permit, Progress, Resource, StoredInventory,
    WrongCluster,
};
use crate::git::CommitId;
use crate::model::Garden;
use crate::name::Name;
use crate::plan::{Directives, Live};
use crate::render::{ObjectId, OrganisationObjects};
use crate::source::Sources;

/// What one batch of a round is about: a garden at a commit, some of its organisations, the clusters they live on, and
/// what is known of them beforehand.
#[derive(Clone, Copy)]
pub struct RoundState<'a> {
    /// How the round is made.
    pub options: &'a RoundOptions,
    /// The organisations of this batch; all where absent.
    pub organisations: Option<&'a BTreeSet<Name>>,
    /// The checked garden.
    pub garden: &'a Garden,
    /// The texts that spans refer to.
    pub sources: &'a Sources,
    /// The commit that the objects were rendered from, in hexadecimal; empty for a working tree.
    pub commit: &'a str,
    /// Organisations that were rendered from another commit, with that.
    pub commits: &'a BTreeMap<Name, CommitId>,
    /// The hash of the renderer and the built-in definitions.
    pub renderer_hash: &'a str,
    /// The objects of every organisation that can be rendered.
    pub objects: &'a BTreeMap<Name, Arc<OrganisationObjects>>,
    /// Clusters that can be reached. One of the garden that is missing here is a failure of its organisations.
    pub clusters: &'a BTreeMap<Name, Connection>,
    /// What a loop knows of the clusters.
    pub watched: &'a BTreeMap<Name, WatchedCluster>,
    /// What was read of clusters before the batches of the round began.
    pub ahead: &'a BTreeMap<Name, ReadAhead>,
    /// The cluster that each organisation has objects on, as the inventories say: it is not carried to another one.
    pub homes: &'a BTreeMap<Name, Name>,
    /// Objects that others keep changing back, and until when they are left as they are, in Unix seconds.
    pub truces: &'a BTreeMap<ObjectId, i64>,
    /// Until when writing is allowed, by cluster; always where absent.
    pub permits: &'a BTreeMap<Name, Permit>,
    /// Who is told while it goes on.
    pub progress: Option<&'a UnboundedSender<Progress>>,
}

/// A cluster that a loop watches, with what it knows of it beforehand.
#[derive(Clone)]
pub struct WatchedCluster {
    /// What its watches show.
    pub(crate) mirror: Arc<Mirror>,
    /// What it serves, where it was asked already.
    pub(crate) facts: Option<Arc<Facts>>,
}

/// What was read of a cluster before the batches of a round began, or why nothing could be.
pub type ReadAhead = Result<ClusterAhead, ClusterFailure>;

/// What a cluster serves, and what was listed of it for all batches of a round.
#[derive(Debug)]
pub struct ClusterAhead {
    pub(crate) facts: Arc<Facts>,
    pub(crate) listing: Listing,
}

static NO_WATCHES: BTreeMap<Name, WatchedCluster> = BTreeMap::new();
static NO_CLUSTERS: BTreeMap<Name, Connection> = BTreeMap::new();
static NOTHING_AHEAD: BTreeMap<Name, ReadAhead> = BTreeMap::new();
static NO_HOMES: BTreeMap<Name, Name> = BTreeMap::new();
static NO_TRUCES: BTreeMap<ObjectId, i64> = BTreeMap::new();
static NO_PERMITS: BTreeMap<Name, Permit> = BTreeMap::new();

impl<'a> RoundState<'a> {
    /// The state of a round over a checked garden that knows nothing beforehand and reaches no cluster.
    pub fn of(
        checked: &'a Checked,
        garden: &'a Garden,
        objects: &'a BTreeMap<Name, Arc<OrganisationObjects>>,
        options: &'a RoundOptions,
    ) -> Self {
        Self {
            options,
            organisations: options.only.as_ref(),
            garden,
            sources: &checked.sources,
            commit: checked.commit.as_ref().map_or("", |commit| commit.id.0.as_str()),
            commits: &checked.commits,
            renderer_hash: &checked.renderer_hash,
            objects,
            clusters: &NO_CLUSTERS,
            watched: &NO_WATCHES,
            ahead: &NOTHING_AHEAD,
            homes: &NO_HOMES,
            truces: &NO_TRUCES,
            permits: &NO_PERMITS,
            progress: None,
        }
    }

    /// The commit that an organisation was rendered from.
    pub(super) fn commit_of(&self, organisation: &Name) -> &'a str {
        self.commits.get(organisation).map_or(self.commit, |commit| &commit.0)
    }

    /// Whether this batch is about an organisation.
    pub(super) fn wants(&self, organisation: &Name) -> bool {
        self.organisations.is_none_or(|wanted| wanted.contains(organisation))
    }

    /// Whether this batch is about anything on a cluster.
    pub(super) fn concerns(&self, cluster: &Name) -> bool {
        let here = |objects: &OrganisationObjects| objects.cluster == *cluster && self.wants(&objects.organisation);
        let left = |(name, home): (&Name, &Name)| home == cluster && self.wants(name);
        self.organisations.is_none()
            || self.objects.values().any(|objects| here(objects))
            || self.homes.iter().any(left)
    }

    /// The time, in Unix seconds.
    pub(super) fn seconds(&self) -> i64 {
        self.options.now.as_second()
    }

    /// Says how far the round is.
    pub(super) fn tell(&self, progress: Progress) {
        if let Some(to) = self.progress {
            // Nobody listening is no failure.
            let _closed = to.send(progress);
        }
    }
}

/// What was read: by cluster, everything that its plans are decided from.
#[derive(Debug, Default)]
pub struct LiveState {
    /// Clusters that were read, or why not.
    pub(crate) clusters: BTreeMap<Name, Result<ClusterState, ClusterFailure>>,
}

impl LiveState {
    /// Clusters that could not be read, with the reason.
    pub(super) fn unreached(&self) -> BTreeMap<Name, String> {
        let failed = self.clusters.iter().filter_map(|(name, read)| Some((name.clone(), read.as_ref().err()?)));
        failed.map(|(name, failure)| (name, crate::cause::reason_of(failure))).collect()
    }
}

/// What was read of one cluster.
#[derive(Debug)]
pub(crate) struct ClusterState {
    /// What it serves.
    pub(crate) facts: Arc<Facts>,
    /// The kinds that were listed whole, with the version from which a watch goes on.
    pub(crate) listed: Vec<(Arc<Resource>, String)>,
    /// One for each organisation that is on it or was.
    pub(crate) organisations: BTreeMap<Name, OrganisationState>,
    /// Organisations whose inventory is unreadable: nothing of them is touched.
    pub(crate) unreadable: BTreeMap<Name, InventoryError>,
}

impl ClusterState {
    /// The cluster, with none of its organisations.
    pub(super) fn without_organisations(&self) -> Self {
        let facts = Arc::clone(&self.facts);
        Self { facts, listed: Vec::new(), organisations: BTreeMap::new(), unreadable: BTreeMap::new() }
    }
}

/// What was read of one organisation.
#[derive(Debug)]
pub(crate) struct OrganisationState {
    /// What it should have; empty for one that the garden no longer holds.
    pub(crate) objects: Arc<OrganisationObjects>,
    /// What the garden says about changing it.
    pub(crate) directives: Directives,
    /// What is ours, and how it is stored.
    pub(crate) stored: StoredInventory,
    /// What is there.
    pub(crate) live: Live,
}

impl OrganisationState {
    /// An organisation of which nothing was read yet.
    pub(super) fn unread(objects: Arc<OrganisationObjects>, directives: Directives) -> Self {
        Self { objects, directives, stored: StoredInventory::default(), live: Live::default() }
    }
}

/// Why a whole cluster could not be read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClusterFailure {
    /// No connection was made.
    #[error("cluster `{cluster}` is not reached")]
    NotReached { cluster: Name },
    /// The snapshot that stands for the clusters does not hold it.
    #[error("the snapshot holds nothing of cluster `{cluster}`")]
    NotInSnapshot { cluster: Name },
    /// It is another cluster than the garden's, or cannot say.
    #[error(transparent)]
    Wrong(#[from] WrongCluster),
    /// It cannot be read.
    #[error("cluster `{cluster}` cannot be read")]
    Api {
        cluster: Name,
        /// What the server or the network said.
        #[source]
        source: ApiError,
    },
    /// The system gives no random bytes: nothing can be made that a crash would not orphan.
    #[error("the system gives no random bytes")]
    NoRandom,
}
