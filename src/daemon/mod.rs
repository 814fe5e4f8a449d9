//! The loop: rounds of fetch, check, read, plan, apply, report, and what stays known between them.
//!
//! ```text
//! events ─▶ which commit? ─▶ check (what changed is rendered) ─▶ reconcile (what changed, was stirred, is due) ─▶ report
//! ```
//!
//! Between rounds nothing is asked of the clusters: watches show what changes there ([`watching`]), and [`attention`] knows
//! what is to be looked at and when. A round over everything goes through the garden in batches, so that what it holds
//! does not grow with the garden.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::check::{Checked, Memo, check_again};
use crate::cluster::{Connection, Inventories, Permit, Progress, Reading};
use crate::git::{Commit, CommitId, Repository, Snapshot};
use crate::model::{Garden, Life, Past};
use crate::name::Name;
use crate::plan::{Inventory, OrganisationOutcome, OrganisationPlan, Plan};
use crate::reconcile::{self, Ask, Outcome, State};
use crate::render::{OrganisationObjects, Packed};

mod attention;
mod events;
mod leases;
mod past;
mod status;
mod watching;

pub use attention::{Attention, Moment, VERIFY_EVERY, VERIFY_PACE};
pub use events::{Event, Events, Waits};
pub use leases::Leases;
pub use past::{Applied, read_inventories};
pub use watching::{Stir, Watching};

/// What a round is asked to do.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The time.
    pub now: jiff::Timestamp,
    /// How long each step is waited for.
    pub wait: Option<Duration>,
    /// Only these organisations; all where absent.
    pub only: Option<BTreeSet<Name>>,
    /// Whether organisations that have not changed are read again too (drift is then found).
    pub whole: bool,
    /// Organisations that are looked at although nothing of theirs changed in the garden.
    pub also: BTreeSet<Name>,
    /// How much is read of what lives.
    pub reading: Reading,
    /// Whether the server is asked what would change; where not, plans are reckoned here.
    pub ask: Ask,
    /// Whether what the round tells leaves out what stays as it is, and what new objects are made of.
    pub brief: bool,
}

impl Asked {
    /// Everything is looked at, and kept whole: for those who look at the bodies.
    pub fn everything(now: jiff::Timestamp) -> Self {
        Self {
            now,
            wait: None,
            only: None,
            whole: true,
            also: BTreeSet::new(),
            reading: Reading::Bodies,
            ask: Ask::WhereUnsure,
            brief: false,
        }
    }
}

/// What a round found and did.
#[derive(Debug, Default)]
pub struct Round {
    /// The plan; absent where there was no garden to plan for.
    pub plan: Option<Plan>,
    /// What came of it; absent where nothing was to be applied.
    pub outcome: Option<Outcome>,
    /// Clusters that could not be read, with the reason.
    pub unreached: BTreeMap<Name, String>,
    /// Organisations of which this commit takes back what is applied: nothing of them is touched.
    pub backwards: BTreeMap<Name, TakenBack>,
    /// Organisations that were neither rendered nor read, since nothing of them changed.
    pub untouched: usize,
    /// Organisations that were rendered anew.
    pub rendered: usize,
}

/// What is applied of an organisation, and not part of the commit at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// The commit that is applied.
    pub at: CommitId,
    /// The latest commit that both share: what `rollback to=` has to name.
    pub shared: CommitId,
}

/// What stays known between rounds.
#[derive(Default)]
pub struct Known {
    /// What was parsed and rendered.
    memo: Memo,
    /// What each cluster holds applied.
    applied: Option<Applied>,
    /// Inventories that were read and not used yet.
    inventories: BTreeMap<Name, Inventories>,
    /// What is looked at next, and when.
    pub attention: Attention,
    /// The watches of each cluster; none for a single round.
    pub watching: Watching,
}

impl Known {
    /// When what is rendered next changes by itself: a night, a peak.
    pub fn next_change(&self) -> Option<jiff::Timestamp> {
        self.attention.objects().filter_map(|(_, objects)| objects.next_change).min()
    }
}

/// The world that a round acts on.
pub struct World<'a> {
    /// Connections by cluster; one that cannot be reached is absent.
    pub clusters: &'a BTreeMap<Name, Connection>,
    /// The repository, to compare commits and to read the applied past.
    pub repository: Option<&'a Repository>,
    /// Who is told while it goes on.
    pub progress: Option<tokio::sync::mpsc::UnboundedSender<Progress>>,
}

/// IO: reads which commit each organisation is applied at, and what it was. Known from then on.
pub async fn learn(
    known: &mut Known,
    world: &World<'_>,
    garden: &Garden,
    now: jiff::Timestamp,
) -> BTreeMap<Name, String> {
    let (inventories, failed) = read_inventories(world.clusters, &garden.name).await;
    known.applied = Some(past::applied(&past::fullest(&inventories), world.repository, now));
    known.inventories = inventories;
    failed
}

/// Pure: the snapshot checked against what is applied; only what changed is parsed and rendered.
pub fn examine(known: &mut Known, snapshot: Snapshot, now: jiff::Timestamp) -> Checked {
    let past = known.applied.as_ref().map(|applied| &applied.past);
    check_again(&mut known.memo, snapshot, past, now)
}

/// A plan, with everything that carrying it out needs.
pub struct Prepared {
    options: reconcile::Options,
    objects: BTreeMap<Name, Arc<OrganisationObjects>>,
    state: State,
    /// What would be done.
    pub plan: Plan,
    /// Clusters that could not be read, with the reason.
    pub unreached: BTreeMap<Name, String>,
    /// Organisations whose applied commit is newer than this one.
    pub backwards: BTreeMap<Name, TakenBack>,
    untouched: usize,
}

impl Prepared {
    /// What was read, as a value to be kept for plans without a cluster.
    pub fn snapshot(&self, world: &World<'_>, checked: &Checked) -> Option<reconcile::Snapshot> {
        let garden = checked.garden.as_ref()?;
        let run = run_of(world, checked, garden, &self.objects, &reconcile::UNWATCHED, &self.options);
        Some(reconcile::snapshot(&run, &self.state))
    }

    /// Why a saved plan must not be applied to what was read; empty where it may.
    pub fn stale(&self, world: &World<'_>, checked: &Checked, saved: &Plan) -> Vec<String> {
        let Some(garden) = &checked.garden else { return vec!["there is no garden at its commit".to_owned()] };
        let backwards =
            self.backwards.iter().map(|(name, back)| format!("`{name}` is at {}, a newer commit", back.at.short()));
        let run = run_of(world, checked, garden, &self.objects, &reconcile::UNWATCHED, &self.options);
        backwards.chain(reconcile::stale(&run, &self.state, saved)).collect()
    }

    /// Writing is allowed as these permits say, and not at all on the clusters that are refused.
    #[must_use]
    pub fn permitted(mut self, permits: BTreeMap<Name, Permit>, refused: &BTreeMap<Name, String>) -> Self {
        self.options.permits = permits;
        self.plan.organisations.retain(|one| !refused.contains_key(&one.cluster));
        self
    }

    /// A saved plan in the place of the one that was made now.
    #[must_use]
    pub fn with_plan(self, plan: Plan) -> Self {
        Self { plan, ..self }
    }

    /// The plan as a round that applied nothing.
    pub fn into_round(self) -> Round {
        let Self { plan, unreached, backwards, untouched, options: _, objects: _, state: _ } = self;
        Round { plan: Some(plan), outcome: None, unreached, backwards, untouched, rendered: 0 }
    }

    /// The same, to be shown before it is carried out.
    pub fn preview(&self) -> Round {
        Round {
            plan: Some(self.plan.clone()),
            outcome: None,
            unreached: self.unreached.clone(),
            backwards: self.backwards.clone(),
            untouched: self.untouched,
            rendered: 0,
        }
    }
}

/// Reads and plans: what [`carry_out`] would do. Absent where there is no garden to plan for.
pub async fn prepare(known: &mut Known, world: &World<'_>, checked: &Checked, asked: &Asked) -> Option<Prepared> {
    let garden = checked.garden.as_ref()?;
    let backwards = backwards(known, world, garden, checked.commit.as_ref()); // IO: the repository
    let only = chosen(known, checked, asked, &backwards);
    let untouched = checked.objects.len() - checked.objects.keys().filter(|name| only.contains(*name)).count();
    let prepared = prepare_some(known, world, checked, asked, (only, BTreeSet::new())).await?;
    known.inventories.clear();
    Some(Prepared { backwards, untouched, ..prepared })
}

/// The same of some organisations.
async fn prepare_some(
    known: &mut Known,
    world: &World<'_>,
    checked: &Checked,
    asked: &Asked,
    (only, verified): (BTreeSet<Name>, BTreeSet<Name>),
) -> Option<Prepared> {
    let garden = checked.garden.as_ref()?;
    let opened = checked.objects.iter().filter(|(name, _)| only.contains(*name));
    let objects = opened.map(|(name, packed)| (name.clone(), Arc::new(packed.open()))).collect();
    let options = reconcile::Options {
        now: asked.now.as_second(),
        wait: asked.wait,
        only: Some(only),
        reading: asked.reading,
        ask: asked.ask,
        verified,
        homes: known.applied.as_ref().map(|applied| applied.homes.clone()).unwrap_or_default(),
        truces: known.attention.truces(asked.now.as_millisecond()),
        permits: BTreeMap::new(),
        progress: world.progress.clone(),
    };
    let inventories = known.watching.inventories_for(&mut known.inventories, &options);
    let run = run_of(world, checked, garden, &objects, known.watching.clusters(), &options);
    let state = reconcile::read_knowing(&run, inventories).await; // IO
    let plan = reconcile::plan(&run, &state); // pure
    let unreached = unreached(&state);
    Some(Prepared { options, objects, state, plan, unreached, backwards: BTreeMap::new(), untouched: 0 })
}

/// A round over up to so many objects goes in one batch: one list a kind.
pub const ONE_BATCH: usize = 5_000;

/// Of a larger round so many objects are read, planned and applied at once, since the rest of a large garden takes memory
/// too. An organisation is never divided.
pub const BATCH: usize = 2_000;

/// Prepares and carries out, batch by batch; writing is allowed as the permits say, and not at all on clusters that are
/// refused.
pub async fn round(
    known: &mut Known,
    world: &World<'_>,
    checked: &Checked,
    asked: &Asked,
    (permits, refused): (BTreeMap<Name, Permit>, &BTreeMap<Name, String>),
) -> Round {
    let Some(garden) = &checked.garden else { return Round::default() };
    let backwards = backwards(known, world, garden, checked.commit.as_ref()); // IO: the repository
    let only = chosen(known, checked, asked, &backwards);
    let untouched = checked.objects.keys().filter(|name| !only.contains(*name)).count();
    let mut round = Round { untouched, rendered: checked.rendered, backwards, ..Round::default() };
    let mut verified = BTreeSet::new();
    for batch in batches(checked, only, asked.whole) {
        let Some(prepared) = prepare_some(known, world, checked, asked, (batch, verified.clone())).await else {
            break;
        };
        let read = prepared.state.clusters.iter().filter(|(_, read)| read.is_ok());
        verified.extend(read.map(|(cluster, _)| cluster.clone()));
        let mut done = carry_out(known, world, checked, prepared.permitted(permits.clone(), refused)).await;
        if asked.brief {
            done.shorten();
        }
        round.join(done);
    }
    known.inventories.clear();
    round
}

/// Organisations in one batch of up to [`ONE_BATCH`] objects, or in several of up to [`BATCH`]. An empty garden still has
/// clusters to be compared with.
fn batches(checked: &Checked, only: BTreeSet<Name>, whole: bool) -> Vec<BTreeSet<Name>> {
    let mut batches = Vec::new();
    let (mut batch, mut objects) = (BTreeSet::new(), 0);
    let nobody = only.is_empty();
    let count = |name: &Name| checked.objects.get(name).map_or(0, |packed| packed.objects);
    let limit = if only.iter().map(count).sum::<usize>() > ONE_BATCH { BATCH } else { ONE_BATCH };
    for name in only {
        let more = count(&name);
        if objects + more > limit && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            objects = 0;
        }
        objects += more;
        batch.insert(name);
    }
    if !batch.is_empty() || (nobody && whole) {
        batches.push(batch);
    }
    batches
}

impl Round {
    fn shorten(&mut self) {
        self.plan.iter_mut().flat_map(|plan| &mut plan.organisations).for_each(OrganisationPlan::shorten);
        let outcomes = self.outcome.iter_mut().flat_map(|outcome| &mut outcome.organisations);
        outcomes.for_each(OrganisationOutcome::shorten);
    }

    /// Adds what another batch of the same round came to.
    fn join(&mut self, other: Self) {
        let Self { plan, outcome, unreached, .. } = other;
        match (&mut self.plan, plan) {
            (Some(mine), Some(plan)) => mine.organisations.extend(plan.organisations),
            (mine @ None, plan) => *mine = plan,
            (Some(_), None) => {}
        }
        match (&mut self.outcome, outcome) {
            (Some(mine), Some(outcome)) => {
                mine.organisations.extend(outcome.organisations);
                mine.findings.extend(outcome.findings);
            }
            (mine @ None, outcome) => *mine = outcome,
            (Some(_), None) => {}
        }
        self.unreached.extend(unreached);
    }
}

/// Pure: plans against a snapshot, or against another commit, in the place of the clusters.
pub fn prepare_offline(
    checked: &Checked,
    only: Option<BTreeSet<Name>>,
    now: jiff::Timestamp,
    against: &Against<'_>,
) -> Option<Round> {
    let garden = checked.garden.as_ref()?;
    let objects = opened(checked);
    let options = unasked(now, only);
    let nowhere = BTreeMap::new();
    let world = World { clusters: &nowhere, repository: None, progress: None };
    let run = run_of(&world, checked, garden, &objects, &reconcile::UNWATCHED, &options);
    let pretended;
    let snapshot = match against {
        Against::Snapshot(snapshot) => snapshot,
        Against::Commit(base) => {
            let commit = base.commit.as_ref().map_or("", |commit| commit.id.0.as_str());
            pretended = reconcile::as_applied(&run, commit, &opened(base));
            &pretended
        }
    };
    let homes = inventories_of(snapshot).into_iter().filter(|(_, (_, inventory))| !inventory.entries.is_empty());
    let homes = homes.map(|(name, (cluster, _))| (name, cluster)).collect();
    let options = reconcile::Options { homes, ..options.clone() };
    let run = run_of(&world, checked, garden, &objects, &reconcile::UNWATCHED, &options);
    let state = reconcile::state(&run, snapshot);
    let plan = reconcile::plan(&run, &state);
    Some(Round { plan: Some(plan), unreached: unreached(&state), ..Round::default() })
}

/// All that was rendered, to be looked at.
fn opened(checked: &Checked) -> BTreeMap<Name, Arc<OrganisationObjects>> {
    checked.objects.iter().map(|(name, packed)| (name.clone(), Arc::new(packed.open()))).collect()
}

/// How a run is made that asks no server what would change.
fn unasked(now: jiff::Timestamp, only: Option<BTreeSet<Name>>) -> reconcile::Options {
    reconcile::Options {
        now: now.as_second(),
        wait: None,
        only,
        reading: Reading::Bodies,
        ask: Ask::Nothing,
        verified: BTreeSet::new(),
        homes: BTreeMap::new(),
        truces: BTreeMap::new(),
        permits: BTreeMap::new(),
        progress: None,
    }
}

/// IO: what a cluster lacks for the garden.
pub async fn survey(
    world: &World<'_>,
    checked: &Checked,
    cluster: &Name,
    now: jiff::Timestamp,
) -> Result<reconcile::Survey, reconcile::Failure> {
    let Some(garden) = &checked.garden else { return Ok(reconcile::Survey::default()) };
    let (objects, options) = (opened(checked), unasked(now, None));
    reconcile::survey(&run_of(world, checked, garden, &objects, &reconcile::UNWATCHED, &options), cluster).await
}

/// What stands in for the clusters in a plan that asks none.
pub enum Against<'a> {
    /// What they held at some moment.
    Snapshot(&'a reconcile::Snapshot),
    /// What another commit renders.
    Commit(&'a Checked),
}

/// Pure: what a snapshot says is applied, for the rules that compare with the past.
pub fn past_of_snapshot(snapshot: &reconcile::Snapshot, repository: Option<&Repository>, now: jiff::Timestamp) -> Past {
    past::applied(&inventories_of(snapshot), repository, now).past
}

/// The cluster and the inventory of each organisation of a snapshot.
fn inventories_of(snapshot: &reconcile::Snapshot) -> past::Inventories<'_> {
    let mut inventories = past::Inventories::new();
    for (cluster, read) in &snapshot.clusters {
        for (name, one) in &read.organisations {
            if past::is_fuller(&inventories, name, &one.inventory) {
                inventories.insert(name.clone(), (cluster.clone(), &one.inventory));
            }
        }
    }
    inventories
}

/// Applies exactly what was prepared.
pub async fn carry_out(known: &mut Known, world: &World<'_>, checked: &Checked, prepared: Prepared) -> Round {
    let Some(garden) = &checked.garden else { return Round::default() };
    let Prepared { options, objects, mut state, plan, unreached, backwards, untouched } = prepared;
    let run = run_of(world, checked, garden, &objects, known.watching.clusters(), &options);
    let outcome = reconcile::apply(&run, &mut state, &plan).await; // IO
    let moment = Moment { now: options.now * 1000, chance: chance() };
    for (cluster, read) in &state.clusters {
        known.attention.note_cluster(cluster, read.is_ok(), moment);
    }
    remember(known, checked, &state, &plan, &outcome, moment);
    known.watching.look_after(&state);
    Round { plan: Some(plan), outcome: Some(outcome), unreached, backwards, untouched, rendered: checked.rendered }
}

/// A number from 0 to 1, for jitter. Without random bytes all wait alike, which is only less polite.
fn chance() -> f64 {
    let mut byte = [0_u8];
    let _unspecified = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut byte);
    f64::from(byte[0]) / 255.0
}

fn run_of<'a>(
    world: &'a World<'_>,
    checked: &'a Checked,
    garden: &'a Garden,
    objects: &'a BTreeMap<Name, Arc<OrganisationObjects>>,
    watched: &'a BTreeMap<Name, reconcile::Watched>,
    options: &'a reconcile::Options,
) -> reconcile::Run<'a> {
    reconcile::Run {
        garden,
        sources: &checked.sources,
        objects,
        commit: checked.commit.as_ref().map_or("", |commit| commit.id.0.as_str()),
        renderer_hash: &checked.renderer_hash,
        clusters: world.clusters,
        watched,
        options,
    }
}

fn unreached(state: &State) -> BTreeMap<Name, String> {
    let failed = state.clusters.iter().filter_map(|(name, read)| Some((name.clone(), read.as_ref().err()?)));
    failed.map(|(name, failure)| (name, reconcile::reason_of(failure))).collect()
}

/// Organisations of which this commit takes back what is applied: they stay as they are (promise 9), until the garden says
/// `rollback to=` with the commit that both share.
fn backwards(known: &Known, world: &World<'_>, garden: &Garden, commit: Option<&Commit>) -> BTreeMap<Name, TakenBack> {
    let (Some(applied), Some(repository), Some(commit)) = (&known.applied, world.repository, commit) else {
        return BTreeMap::new();
    };
    let is_declared = |shared: &CommitId| {
        garden.rollback.as_ref().is_some_and(|to| !to.value.is_empty() && shared.0.starts_with(to.value.as_str()))
    };
    let taken_back = |at: &CommitId| {
        let shared = repository.taken_back(at, &commit.id).filter(|shared| !is_declared(shared))?;
        Some(TakenBack { at: at.clone(), shared })
    };
    let mut verdicts: BTreeMap<&CommitId, Option<TakenBack>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for (name, at) in &applied.commits {
        if let Some(taken_back) = verdicts.entry(at).or_insert_with(|| taken_back(at)) {
            found.insert(name.clone(), taken_back.clone());
        }
    }
    found
}

/// The organisations that a round is about: those that changed in the garden, those that are to be looked at for another
/// reason, or all; and those that only their inventories still know, whenever everything is looked at.
fn chosen(known: &Known, checked: &Checked, asked: &Asked, backwards: &BTreeMap<Name, TakenBack>) -> BTreeSet<Name> {
    let wanted = |name: &Name| asked.only.as_ref().is_none_or(|only| only.contains(name));
    let all = checked.objects.iter().filter(|(name, _)| wanted(name) && !backwards.contains_key(*name));
    let resting = known.attention.resting(asked.now.as_millisecond());
    let looked_at = |name: &Name, objects: &Arc<Packed>| {
        if resting.contains(&objects.cluster) && !asked.whole {
            return false;
        }
        asked.whole || asked.also.contains(name) || !known.attention.was_tried(name, objects)
    };
    let mut only: BTreeSet<Name> =
        all.filter(|(name, objects)| looked_at(name, objects)).map(|(name, _)| name.clone()).collect();
    let Some(garden) = checked.garden.as_ref().filter(|_| asked.whole && asked.only.is_none()) else { return only };
    let applied = known.applied.iter().flat_map(|applied| applied.commits.keys());
    let left = applied.filter(|name| !garden.organisations.contains_key(*name) && !backwards.contains_key(*name));
    only.extend(left.cloned());
    only
}

/// What was brought about whole is settled; what is applied moves on.
fn remember(known: &mut Known, checked: &Checked, state: &State, plan: &Plan, outcome: &Outcome, moment: Moment) {
    let Some(garden) = &checked.garden else { return };
    let read = state.clusters.iter().filter_map(|(cluster, read)| Some((cluster, read.as_ref().ok()?)));
    let inventories: BTreeMap<&Name, (&Name, &Inventory)> = read
        .flat_map(|(cluster, read)| read.organisations.iter().map(move |(name, one)| (name, (cluster, one))))
        .map(|(name, (cluster, one))| (name, (cluster, &one.stored.inventory)))
        .collect();
    let plans: BTreeMap<&Name, &OrganisationPlan> =
        plan.organisations.iter().map(|one| (&one.organisation, one)).collect();
    for done in &outcome.organisations {
        let name = &done.organisation;
        let Some(plan) = plans.get(name) else { continue };
        known.attention.note(checked.objects.get(name), plan, done, moment);
        if let (Some(applied), Some((cluster, inventory))) = (&mut known.applied, inventories.get(name)) {
            applied.note(name, cluster, garden.organisations.get(name), inventory);
        }
    }
    known.attention.forget(|name| garden.organisations.contains_key(name) || garden.broken.contains(name));
}

/// Apps that are retired in the garden and of which nothing is left.
pub(crate) fn gone(organisation: &crate::model::Organisation, inventory: &Inventory) -> BTreeSet<Name> {
    let left: BTreeSet<&Name> = inventory.entries.values().filter_map(|entry| entry.app.as_ref()).collect();
    let retired = organisation.apps.values().filter(|app| matches!(app.life, Life::Retired(_)));
    retired.map(|app| app.name.clone()).filter(|name| !left.contains(name)).collect()
}
