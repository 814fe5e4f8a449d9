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

use crate::check::{Checked, Memo, check_again};
use crate::cluster::{Connection, Inventories, Permit, Progress, Reading};
use crate::git::{Repository, Snapshot};
use crate::model::{Garden, Life};
use crate::name::Name;
use crate::plan::{Inventory, OrganisationPlan, Plan};
use crate::reconcile::{self, Ask, Outcome, State};
use crate::render::OrganisationObjects;

mod attention;
mod chosen;
mod events;
mod leases;
mod offline;
mod past;
mod round;
mod status;
mod watching;

pub use attention::{Attention, Moment, VERIFY_EVERY, VERIFY_PACE};
pub use chosen::{BATCH, ONE_BATCH};
use chosen::{backwards, batches, chosen};
pub use events::{Event, Events, Waits};
pub use leases::Leases;
pub use offline::{Against, past_of_snapshot, prepare_offline};
pub use past::{Applied, read_inventories};
pub use round::{Asked, Round, TakenBack};
pub use watching::{Stir, Watching};

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
