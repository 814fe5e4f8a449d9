//! A checked garden and its clusters, for as long as a command takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::clusters::{ClusterAccess, Clusters};
use super::consent::ConsentState;
use super::failure::Failure;
use super::known::{Known, Watching, past};
use super::leases::{LeaseOptions, Leases};
use super::note::Note;
use super::options::RoundOptions;
use super::prepared::Prepared;
use super::round::{Round, TakenBack};
use super::source::Source;
use super::stages::{self, choose};
use super::state::RoundState;
use super::waiting::WaitingFor;
use super::{snapshot, stale, status, survey};
use crate::check::Checked;
use crate::cluster::{Connection, Progress, Shutdown};
use crate::forge::consent::credentials::ForgeAccess;
use crate::git::{CommitId, Repository};
use crate::impact::{AppliedGarden, ImpactContext};
use crate::name::Name;
use crate::plan::{OrganisationPlan, Plan};
use crate::render::{ObjectId, OrganisationObjects};
use crate::report::plan::{LastChange, OrganisationStatus};

/// A checked garden and its clusters, for as long as a command takes.
pub struct Session {
    pub(super) source: Source,
    access: ClusterAccess,
    pub(super) clusters: Option<Clusters>,
    pub(super) leases: Leases,
    /// Whether this process writes by itself: it takes the leases before it learns what is applied.
    pub(super) leads: bool,
    /// Clusters that somebody else leads, with the reason.
    pub(super) refused: BTreeMap<Name, String>,
    /// Clusters that could not be asked who leads, with the reason.
    pub(super) unasked: BTreeMap<Name, String>,
    pub(super) known: Known,
    pub(super) checked: Arc<Checked>,
    pub(super) consent: ConsentState,
    /// How the forges are reached whose reviews count.
    pub(super) forges: ForgeAccess,
    /// What watches ring when they show a change; absent where nothing is watched.
    bell: Option<Arc<Notify>>,
    /// The wish that the process ends.
    pub(super) shutdown: Shutdown,
    /// What people are to know of how the session began.
    pub(super) notes: Vec<Note>,
    /// Who is told while something goes on.
    pub(crate) progress: Option<UnboundedSender<Progress>>,
}

/// Which organisations a round is about.
pub(super) struct Chosen {
    pub(super) organisations: BTreeSet<Name>,
    /// Organisations of which the commit takes back what is applied.
    pub(super) backwards: BTreeMap<Name, TakenBack>,
    /// How many organisations are left alone.
    pub(super) untouched: usize,
    /// Organisations that are left alone for now, with what they wait for.
    pub(super) waiting: BTreeMap<Name, WaitingFor>,
}

impl Session {
    /// A session that knows nothing yet.
    fn new(source: Source, access: ClusterAccess, leases: LeaseOptions) -> Self {
        Self {
            source,
            access,
            clusters: None,
            leases: Leases::new(leases),
            leads: false,
            refused: BTreeMap::new(),
            unasked: BTreeMap::new(),
            known: Known::default(),
            checked: Arc::default(),
            consent: ConsentState::default(),
            forges: ForgeAccess::of_environment(),
            bell: None,
            shutdown: Shutdown::default(),
            notes: Vec::new(),
            progress: None,
        }
    }

    /// A session of the loop: it leads, and its watches ring `bell`.
    pub(super) fn of_loop(
        source: Source,
        access: ClusterAccess,
        leases: LeaseOptions,
        bell: Option<Arc<Notify>>,
        shutdown: Shutdown,
    ) -> Self {
        Self { leads: true, bell, shutdown, ..Self::new(source, access, leases) }
    }

    /// IO: checks the garden against what its clusters hold applied.
    pub(crate) async fn open(
        source: Source,
        access: ClusterAccess,
        leases: LeaseOptions,
        now: jiff::Timestamp,
    ) -> Result<Self, Failure> {
        let mut session = Self::new(source, access, leases);
        let head = session.fetch().await?;
        session.check(head.as_ref(), now).await?;
        Ok(session)
    }

    /// IO: brings what is new in the repository; the commit that is to be applied, where it can move.
    pub(super) async fn fetch(&mut self) -> Result<Option<CommitId>, Failure> {
        // Whether anybody is asked is known once the garden was read.
        let hears = (!self.has_checked() || self.hears()).then(|| self.known_people());
        self.begin_look();
        tokio::select! {
            head = self.source.fetch(hears) => head,
            () = self.shutdown.asked() => Err(Failure::Ending),
        }
    }

    /// The wish that the process ends, for whoever hears it.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// IO: reads the garden at a commit and checks it, only what changed anew. Where its clusters are not reached yet, they
    /// are, and it is checked again, now against what is applied there. Says whether that was so.
    pub(super) async fn check(&mut self, head: Option<&CommitId>, now: jiff::Timestamp) -> Result<bool, Failure> {
        let snapshot = self.source.snapshot(head)?;
        let checked = self.known.check_in(self.source.repository(), &snapshot, now, &self.shutdown).await;
        let mut checked = checked.ok_or(Failure::Ending)?;
        let reaches = match &checked.garden {
            Some(garden) => self.clusters.as_ref().is_none_or(|clusters| !clusters.cover(garden)),
            None => false,
        };
        if reaches {
            self.reach(&checked, now).await?;
            let again = self.known.check_in(self.source.repository(), &snapshot, now, &self.shutdown).await;
            checked = again.ok_or(Failure::Ending)?;
        }
        self.checked = self.by_consent(checked, &snapshot, now).await?;
        Ok(reaches)
    }

    /// IO: connects to the garden's clusters and reads what is applied there.
    async fn reach(&mut self, checked: &Checked, now: jiff::Timestamp) -> Result<(), Failure> {
        let Some(garden) = &checked.garden else { return Ok(()) };
        // Names of the command line are held against the first garden; a cluster may leave it later.
        if self.clusters.is_none() {
            self.access.check(garden)?;
        }
        if let Some(clusters) = self.clusters.take() {
            // A lease of the old clusters allows nothing on the new ones, whatever they are called.
            self.leases.release().await;
            clusters.close().await;
        }
        let (clusters, notes) = Clusters::reach(&self.access, garden, &self.shutdown).await?;
        self.notes.extend(notes);
        if let Some(bell) = &self.bell {
            self.known.watching = Watching::begin(&clusters.connections(), &garden.name, bell);
        }
        self.clusters = Some(clusters);
        if self.leads {
            self.take_leases().await;
        }
        self.learn(now).await;
        Ok(())
    }

    /// IO: reads what is applied, and at which commits.
    pub(super) async fn learn(&mut self, now: jiff::Timestamp) {
        let Some(clusters) = &self.clusters else { return };
        let inventories = past::read_inventories(&clusters.connections(), &clusters.garden).await;
        let asked = self.source.ask_for(past::named_commits(&inventories.0));
        tokio::select! {
            () = asked => {}
            () = self.shutdown.asked() => return,
        }
        self.known.learn(inventories, clusters.written.keys(), self.source.repository(), now);
        // Another process may have written it meanwhile.
        self.consent.is_read = false;
    }

    /// Whether a garden was read and checked already.
    pub(super) fn has_checked(&self) -> bool {
        self.checked.commit.is_some()
    }

    /// What the last check found.
    pub(crate) fn checked(&self) -> &Checked {
        &self.checked
    }

    /// What the impact of a plan is told by; absent where there is no garden.
    pub(crate) fn impact_context(&self) -> Option<ImpactContext<'_>> {
        let applied =
            self.known.applied.as_ref().map_or(AppliedGarden::Unknown, |applied| AppliedGarden::Past(&applied.past));
        self.checked.impact_context().map(|context| context.after(applied))
    }

    /// The repository of the garden, where there is one.
    pub(crate) fn repository(&self) -> Option<&Repository> {
        self.source.repository()
    }

    /// What people are to know of how the session began; each is returned once.
    pub(crate) fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    // ── rounds ──

    /// Which organisations a round is about. IO: the repository's history.
    pub(super) fn choose(&self, options: &RoundOptions) -> Chosen {
        let checked = &self.checked;
        let Some(garden) = &checked.garden else {
            return Chosen {
                organisations: BTreeSet::new(),
                backwards: BTreeMap::new(),
                untouched: 0,
                waiting: BTreeMap::new(),
            };
        };
        let backwards = choose::backwards(&self.known, self.repository(), garden, checked);
        let mut organisations = choose::chosen(&self.known, checked, options, &backwards);
        organisations.retain(|name| !self.lives_on(name).is_some_and(|cluster| self.is_left_alone(cluster)));
        let waits = |name: &Name| Some((name.clone(), self.waits_for(name)?));
        let waiting: BTreeMap<Name, WaitingFor> = organisations.iter().filter_map(waits).collect();
        organisations.retain(|name| !waiting.contains_key(name));
        let rest = checked.objects.keys().filter(|name| !organisations.contains(*name) && !waiting.contains_key(*name));
        let untouched = rest.filter(|name| !self.lives_on(name).is_some_and(|cluster| self.is_left_alone(cluster)));
        Chosen { backwards, untouched: untouched.count(), waiting, organisations }
    }

    /// The cluster that an organisation has objects on, or is to have them.
    fn lives_on(&self, organisation: &Name) -> Option<&Name> {
        let home = self.known.applied.as_ref().and_then(|applied| applied.homes.get(organisation));
        home.or_else(|| self.checked.objects.get(organisation).map(|packed| &packed.cluster))
    }

    /// The rendered objects of some organisations, to be looked at.
    pub(super) fn open_objects(&self, organisations: &BTreeSet<Name>) -> BTreeMap<Name, Arc<OrganisationObjects>> {
        let wanted = self.checked.objects.par_iter().filter(|(name, _)| organisations.contains(*name));
        wanted.map(|(name, packed)| (name.clone(), Arc::new(packed.open()))).collect()
    }

    /// Objects that are left as others write them, and until when, in Unix seconds.
    pub(super) fn truces(&self, now: jiff::Timestamp) -> BTreeMap<ObjectId, i64> {
        self.known.attention.truces(now.as_millisecond())
    }

    /// What a batch is about; absent where there is no garden.
    pub(super) fn round_state<'a>(
        &'a self,
        options: &'a RoundOptions,
        organisations: &'a BTreeSet<Name>,
        objects: &'a BTreeMap<Name, Arc<OrganisationObjects>>,
        connections: &'a BTreeMap<Name, Connection>,
        truces: &'a BTreeMap<ObjectId, i64>,
    ) -> Option<RoundState<'a>> {
        let garden = self.checked.garden.as_ref()?;
        let state = RoundState::of(&self.checked, garden, objects, options);
        Some(RoundState {
            organisations: Some(organisations),
            clusters: connections,
            watched: self.known.watching.clusters(),
            homes: self.known.applied.as_ref().map_or(state.homes, |applied| &applied.homes),
            truces,
            progress: self.progress.as_ref(),
            ..state
        })
    }

    /// A round over the checked garden in which nothing was done.
    pub(super) fn nothing_done(&self) -> Round {
        Round { rendered: self.checked.rendered, ..Round::default() }
    }

    // ── what else is known or asked of the clusters ──

    /// How each organisation of a batch fares.
    pub(crate) fn statuses(&self, prepared: &Prepared) -> Vec<OrganisationStatus> {
        prepared.statuses(&self.checked)
    }

    /// What is known of the organisations that a finding stops.
    pub(crate) fn stopped(&self) -> Vec<OrganisationStatus> {
        status::stopped_ones(&self.known, &self.checked)
    }

    /// What is known of an organisation that no round looks at.
    pub(crate) fn applied_status(&self, organisation: &Name) -> OrganisationStatus {
        status::applied_status(&self.known, organisation)
    }

    /// The organisations that should be, or may be, on a cluster that cannot be read, by it: what the garden asks for.
    pub(crate) fn unread_ones(&self, unread: &BTreeMap<Name, String>) -> Vec<(Name, OrganisationStatus)> {
        status::unread_ones(&self.checked, unread)
    }

    /// Whether others could write to the clusters too: embedded sandboxes are reached by nobody else.
    pub(crate) fn has_shared_clusters(&self) -> bool {
        self.clusters.as_ref().is_some_and(Clusters::are_shared)
    }

    /// What a commit was, where the repository holds it.
    pub(crate) fn last_change(&self, commit: &str) -> Option<LastChange> {
        let commit = self.repository()?.commit(commit).ok()?;
        Some(LastChange { summary: commit.summary, author: commit.author, time: commit.time })
    }

    /// What was read, to be kept for plans without a cluster.
    pub(crate) fn snapshot(&self, prepared: &Prepared) -> Option<snapshot::LiveSnapshot> {
        self.with_state(prepared, |round| snapshot::snapshot(round, &prepared.live))
    }

    /// Why a plan must not be applied any more to what was read; empty where it may.
    pub(crate) fn stale(&self, prepared: &Prepared, plan: &Plan) -> Vec<String> {
        let moved = self.with_state(prepared, |round| stale::stale(round, &prepared.live, plan));
        moved.unwrap_or_else(|| vec!["there is no garden at its commit".to_owned()])
    }

    /// The organisations of which carrying out a plan writes something, if only to the inventory.
    pub(crate) fn pending(&self, prepared: &Prepared) -> BTreeSet<Name> {
        let acts = |round: &RoundState<'_>, one: &OrganisationPlan| {
            let cluster = prepared.live.clusters.get(&one.cluster).and_then(|read| read.as_ref().ok());
            cluster.is_some_and(|cluster| stages::acts(round, cluster, one))
        };
        let pending = self.with_state(prepared, |round| {
            let pending = prepared.plan.organisations.iter().filter(|one| acts(round, one));
            pending.map(|one| one.organisation.clone()).collect()
        });
        pending.unwrap_or_default()
    }

    fn with_state<T>(&self, prepared: &Prepared, ask: impl FnOnce(&RoundState<'_>) -> T) -> Option<T> {
        let (connections, truces) = (self.connections(), BTreeMap::new());
        let Prepared { options, organisations, objects, .. } = prepared;
        Some(ask(&self.round_state(options, organisations, objects, &connections, &truces)?))
    }

    /// IO: what a cluster lacks for the garden.
    pub(crate) async fn survey(
        &self,
        cluster: &Name,
        now: jiff::Timestamp,
    ) -> Result<survey::Survey, super::state::ClusterFailure> {
        let Some(garden) = &self.checked.garden else { return Ok(survey::Survey::default()) };
        let (options, connections, none) = (RoundOptions::unasked(now), self.connections(), BTreeMap::new());
        let state = RoundState::of(&self.checked, garden, &none, &options);
        let organisations = self.checked.objects.values().map(|packed| packed.open());
        survey::survey(&RoundState { clusters: &connections, ..state }, cluster, organisations).await
    }

    /// The connections that stand, by cluster.
    pub fn connections(&self) -> BTreeMap<Name, Connection> {
        self.clusters.as_ref().map(Clusters::connections).unwrap_or_default()
    }

    /// Clusters without a connection, with the reason.
    pub(crate) fn unreached(&self) -> BTreeMap<Name, String> {
        self.clusters.as_ref().map(Clusters::unreached).unwrap_or_default()
    }

    /// IO: gives up the leases and ends the embedded sandboxes.
    pub(crate) async fn close(mut self) {
        self.leases.release().await;
        if let Some(clusters) = self.clusters {
            clusters.close().await;
        }
    }
}
