//! The loop on one screen: a checked garden and its objects in, a plan and its outcome out.
//!
//! ```text
//! read   IO     inventories, live objects, the server's word on what would change
//! plan   pure   what is done, with reasons; the guard checks it
//! apply  IO     the inventory ahead, the steps, the inventory after
//! ```
//!
//! Clusters and organisations go side by side; none waits for another, and a failure stays where it happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc::UnboundedSender;

use crate::cluster::{
    ApiError, Connection, Facts, Inventories, InventoryError, Mirror, Permit, Progress, Reading, Resource, Stored,
    WrongCluster,
};
use crate::finding::Findings;
use crate::model::Garden;
use crate::name::Name;
use crate::plan::{self, Live, OrganisationOutcome, Plan, Said};
use crate::render::{ObjectId, OrganisationObjects};
use crate::source::Sources;

mod carry_out;
mod decide;
mod offline;
mod read;
mod stale;
mod survey;

pub use decide::MOVED;
pub use offline::{ClusterSnapshot, OrganisationSnapshot, SNAPSHOT_SCHEMA, Snapshot, as_applied, snapshot, state};
pub use stale::stale;
pub use survey::{LACKS, OTHER, RIGHTS, Survey, survey};

/// What a run is about: a garden at a commit, and the clusters it speaks of.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// The checked garden.
    pub garden: &'a Garden,
    /// The texts that spans refer to.
    pub sources: &'a Sources,
    /// The objects of every organisation that can be rendered.
    pub objects: &'a BTreeMap<Name, Arc<OrganisationObjects>>,
    /// The commit they were rendered from, in hexadecimal; empty for a working tree.
    pub commit: &'a str,
    /// The hash of the renderer and the built-in definitions.
    pub renderer_hash: &'a str,
    /// Clusters that can be reached. One of the garden that is missing here is a failure of its organisations.
    pub clusters: &'a BTreeMap<Name, Connection>,
    /// What a loop knows of them; nothing for a single run.
    pub watched: &'a BTreeMap<Name, Watched>,
    /// The rest.
    pub options: &'a Options,
}

/// What a loop knows of a cluster beforehand.
#[derive(Clone)]
pub struct Watched {
    /// What its watches show.
    pub mirror: Arc<Mirror>,
    /// What it serves, where it was asked already.
    pub facts: Option<Arc<Facts>>,
}

/// For runs that know nothing beforehand.
pub static UNWATCHED: BTreeMap<Name, Watched> = BTreeMap::new();

/// How a run is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The time, in Unix seconds.
    pub now: i64,
    /// How long each step is waited for; `None` goes through all stages at once.
    pub wait: Option<Duration>,
    /// Only these organisations; all where absent.
    pub only: Option<BTreeSet<Name>>,
    /// How much is read of what lives.
    pub reading: Reading,
    /// What the server is asked about.
    pub ask: Ask,
    /// Clusters of which an earlier batch of the same round verified which they are, and read what they serve.
    pub verified: BTreeSet<Name>,
    /// The cluster that each organisation has objects on, as the inventories say: it is not carried to another one.
    pub homes: BTreeMap<Name, Name>,
    /// Objects that others keep changing back, and until when they are left as they are, in Unix seconds.
    pub truces: BTreeMap<ObjectId, i64>,
    /// Until when writing is allowed, by cluster; always where absent.
    pub permits: BTreeMap<Name, Permit>,
    /// Who is told while it goes on.
    pub progress: Option<UnboundedSender<Progress>>,
}

/// What the server is asked to try (`dryRun=All`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing: plans are reckoned here, and marked as not verified.
    Nothing,
    /// What is not known to be as it should be: what a plan says that people read before it is done.
    WhereUnsure,
    /// The same without what somebody surely changed: putting it back is one request, and the server took it before.
    WhereItDecides,
    /// Every object: what webhooks and defaults make of it now.
    Everything,
}

/// Why a whole cluster could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection was made.
    #[error("cluster `{cluster}` is not reached")]
    NotReached {
        /// Which.
        cluster: Name,
    },
    /// The snapshot that stands for the clusters does not hold it.
    #[error("the snapshot holds nothing of cluster `{cluster}`")]
    NotInSnapshot {
        /// Which.
        cluster: Name,
    },
    /// It is another cluster than the garden's, or cannot say.
    #[error(transparent)]
    Wrong(#[from] WrongCluster),
    /// It cannot be read.
    #[error("cluster `{cluster}` cannot be read")]
    Api {
        /// Which.
        cluster: Name,
        /// What the server or the network said.
        #[source]
        source: ApiError,
    },
    /// The system gives no random bytes: nothing can be made that a crash would not orphan.
    #[error("the system gives no random bytes")]
    NoRandom,
}

/// What was read: by cluster, everything that its plans are decided from.
#[derive(Debug, Default)]
pub struct State {
    /// Clusters that were read, or why not.
    pub clusters: BTreeMap<Name, Result<ClusterState, Failure>>,
}

/// What was read of one cluster.
#[derive(Debug)]
pub struct ClusterState {
    /// What it serves.
    pub facts: Arc<Facts>,
    /// The kinds that were listed whole, with the version from which a watch goes on.
    pub listed: Vec<(Arc<Resource>, String)>,
    /// One for each organisation that is on it or was.
    pub organisations: BTreeMap<Name, OrganisationState>,
    /// Organisations whose inventory is unreadable: nothing of them is touched.
    pub unreadable: BTreeMap<Name, InventoryError>,
}

/// What was read of one organisation.
#[derive(Debug)]
pub struct OrganisationState {
    /// What it should have; empty for one that the garden no longer holds.
    pub objects: Arc<OrganisationObjects>,
    /// What the garden says about changing it.
    pub said: Said,
    /// What is ours, and how it is stored.
    pub stored: Stored,
    /// What is there.
    pub live: Live,
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// One for each organisation of the plan, in its order.
    pub organisations: Vec<OrganisationOutcome>,
    /// Refusals of API servers, on the lines that caused them.
    pub findings: Findings,
}

impl Outcome {
    /// Whether anything is left to do, for a person or a later round.
    pub fn is_open(&self) -> bool {
        let open = |one: &OrganisationOutcome| one.failure.is_some() || one.outcomes.iter().any(plan::Outcome::is_open);
        self.organisations.iter().any(open)
    }
}

/// IO: reads every cluster that the run speaks of, side by side.
pub async fn read(run: &Run<'_>) -> State {
    read_knowing(run, BTreeMap::new()).await
}

/// The same, with inventories that were read just now: they are not read again.
pub async fn read_knowing(run: &Run<'_>, mut inventories: BTreeMap<Name, Inventories>) -> State {
    let names: Vec<&Name> = run.garden.clusters.keys().filter(|name| run.concerns(name)).collect();
    let states = join_all(names.iter().map(|name| read::cluster(run, name, inventories.remove(*name)))).await;
    State { clusters: names.into_iter().cloned().zip(states).collect() }
}

/// Pure: decides what is done, and lets the guard refuse what breaks a promise.
pub fn plan(run: &Run<'_>, state: &State) -> Plan {
    let read = state.clusters.values().flatten();
    let mut organisations: Vec<_> = read
        .flat_map(|cluster| cluster.organisations.values().map(|one| decide::organisation(run, cluster, one)))
        .collect();
    organisations.sort_by(|a, b| a.organisation.cmp(&b.organisation));
    decide::refuse_moves(run, &mut organisations);
    Plan {
        schema: plan::SCHEMA.to_owned(),
        garden: run.garden.name.clone(),
        commit: run.commit.to_owned(),
        garden_hash: decide::garden_hash(run),
        renderer_hash: run.renderer_hash.to_owned(),
        made: run.options.now,
        organisations,
    }
}

/// IO: does a plan, organisations side by side.
pub async fn apply(run: &Run<'_>, state: &mut State, plan: &Plan) -> Outcome {
    let clusters = state.clusters.iter_mut().map(|(name, read)| carry_out::cluster(run, name, read, plan));
    let mut outcome = Outcome::default();
    for (organisations, findings) in join_all(clusters).await {
        outcome.organisations.extend(organisations);
        outcome.findings.extend(findings);
    }
    outcome.organisations.sort_by(|a, b| a.organisation.cmp(&b.organisation));
    outcome
}

impl Run<'_> {
    /// Whether the run is about an organisation.
    fn wants(&self, organisation: &Name) -> bool {
        self.options.only.as_ref().is_none_or(|only| only.contains(organisation))
    }

    /// Whether the run is about anything on a cluster.
    fn concerns(&self, cluster: &Name) -> bool {
        let here = |objects: &OrganisationObjects| objects.cluster == *cluster && self.wants(&objects.organisation);
        let left = |(name, home): (&Name, &Name)| home == cluster && self.wants(name);
        self.options.only.is_none()
            || self.objects.values().any(|objects| here(objects))
            || self.options.homes.iter().any(left)
    }

    /// Says how far it is.
    fn tell(&self, progress: Progress) {
        if let Some(to) = &self.options.progress {
            // Nobody listening is no failure.
            let _closed = to.send(progress);
        }
    }
}

/// An error with its sources in one line.
pub fn reason_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        let words = next.downcast_ref().map_or_else(|| next.to_string(), crate::cause::of_io);
        // Many errors repeat their source in their own words.
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = next.source();
    }
    text
}
