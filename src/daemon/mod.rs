//! The loop: rounds of fetch, check, read, plan, apply, report, and what stays known between them.
//!
//! ```text
//! events ─▶ which commit? ─▶ check (what changed is rendered) ─▶ reconcile (what changed, or all) ─▶ report
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::check::{Checked, Memo, check_again};
use crate::cluster::{Connection, Permit, Progress};
use crate::git::{Commit, CommitId, Repository, Snapshot};
use crate::model::{Garden, Life, Past};
use crate::name::Name;
use crate::plan::{Inventory, Plan};
use crate::reconcile::{self, Outcome, State};
use crate::render::OrganisationObjects;

mod events;
mod leases;
mod past;
mod status;

pub use events::{Event, Events};
pub use leases::Leases;
pub use past::{Applied, read_applied};

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
    /// Whether the server is asked what would change; where not, plans are reckoned here.
    pub ask: bool,
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
    /// Organisations whose applied commit is newer than this one: nothing of them is touched.
    pub backwards: BTreeMap<Name, CommitId>,
    /// Organisations that were neither rendered nor read, since nothing of them changed.
    pub untouched: usize,
    /// Organisations that were rendered anew.
    pub rendered: usize,
}

/// What stays known between rounds.
#[derive(Default)]
pub struct Known {
    /// What was parsed and rendered.
    memo: Memo,
    /// What each cluster holds applied.
    applied: Option<Applied>,
    /// The objects of each organisation that the last round brought about whole.
    settled: BTreeMap<Name, Arc<OrganisationObjects>>,
    /// Organisations of which something was left to do.
    open: BTreeSet<Name>,
}

impl Known {
    /// Whether something was left to do that a further round may bring about.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// When what is rendered next changes by itself: a night, a peak.
    pub fn next_change(&self) -> Option<jiff::Timestamp> {
        self.settled.values().filter_map(|objects| objects.next_change).min()
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
    let (applied, failed) = read_applied(world.clusters, world.repository, &garden.name, now).await;
    known.applied = Some(applied);
    failed
}

/// Pure: the snapshot checked against what is applied; only what changed is parsed and rendered.
pub fn examine(known: &mut Known, snapshot: Snapshot, now: jiff::Timestamp) -> Checked {
    let past: Option<Past> = known.applied.as_ref().map(Applied::past);
    check_again(&mut known.memo, snapshot, past.as_ref(), now)
}

/// A plan, with everything that carrying it out needs.
pub struct Prepared {
    options: reconcile::Options,
    state: State,
    /// What would be done.
    pub plan: Plan,
    /// Clusters that could not be read, with the reason.
    pub unreached: BTreeMap<Name, String>,
    /// Organisations whose applied commit is newer than this one.
    pub backwards: BTreeMap<Name, CommitId>,
    untouched: usize,
}

impl Prepared {
    /// What was read, as a value to be kept for plans without a cluster.
    pub fn snapshot(&self, world: &World<'_>, checked: &Checked) -> Option<reconcile::Snapshot> {
        let garden = checked.garden.as_ref()?;
        Some(reconcile::snapshot(&run_of(world, checked, garden, &self.options), &self.state))
    }

    /// Why a saved plan must not be applied to what was read; empty where it may.
    pub fn stale(&self, world: &World<'_>, checked: &Checked, saved: &Plan) -> Vec<String> {
        let Some(garden) = &checked.garden else { return vec!["there is no garden at its commit".to_owned()] };
        let backwards =
            self.backwards.iter().map(|(name, at)| format!("`{name}` is at {}, a newer commit", at.short()));
        let run = run_of(world, checked, garden, &self.options);
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
        let Self { plan, unreached, backwards, untouched, options: _, state: _ } = self;
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
pub async fn prepare(known: &Known, world: &World<'_>, checked: &Checked, asked: &Asked) -> Option<Prepared> {
    let garden = checked.garden.as_ref()?;
    let backwards = backwards(known, world, garden, checked.commit.as_ref()); // IO: the repository
    let only = chosen(known, checked, asked, &backwards);
    let untouched = checked.objects.len() - only.len();
    let options = reconcile::Options {
        now: asked.now.as_second(),
        wait: asked.wait,
        only: Some(with_left_overs(known, garden, asked, only, &backwards)),
        ask: asked.ask,
        homes: known.applied.as_ref().map(|applied| applied.homes.clone()).unwrap_or_default(),
        permits: BTreeMap::new(),
        progress: world.progress.clone(),
    };
    let run = run_of(world, checked, garden, &options);
    let state = reconcile::read(&run).await; // IO
    let plan = reconcile::plan(&run, &state); // pure
    let unreached = unreached(&state);
    Some(Prepared { options, state, plan, unreached, backwards, untouched })
}

/// Pure: plans against a snapshot, or against another commit, in the place of the clusters.
pub fn prepare_offline(
    checked: &Checked,
    only: Option<BTreeSet<Name>>,
    now: jiff::Timestamp,
    against: &Against<'_>,
) -> Option<Round> {
    let garden = checked.garden.as_ref()?;
    let options = reconcile::Options {
        now: now.as_second(),
        wait: None,
        only,
        ask: false,
        homes: BTreeMap::new(),
        permits: BTreeMap::new(),
        progress: None,
    };
    let nowhere = BTreeMap::new();
    let world = World { clusters: &nowhere, repository: None, progress: None };
    let run = run_of(&world, checked, garden, &options);
    let pretended;
    let snapshot = match against {
        Against::Snapshot(snapshot) => snapshot,
        Against::Commit(base) => {
            let commit = base.commit.as_ref().map_or("", |commit| commit.id.0.as_str());
            pretended = reconcile::as_applied(&run, commit, &base.objects);
            &pretended
        }
    };
    let homes = inventories_of(snapshot).into_iter().filter(|(_, (_, inventory))| !inventory.entries.is_empty());
    let homes = homes.map(|(name, (cluster, _))| (name, cluster)).collect();
    let options = reconcile::Options { homes, ..options.clone() };
    let run = run_of(&world, checked, garden, &options);
    let state = reconcile::state(&run, snapshot);
    let plan = reconcile::plan(&run, &state);
    Some(Round { plan: Some(plan), unreached: unreached(&state), ..Round::default() })
}

/// IO: what a cluster lacks for the garden.
pub async fn survey(
    world: &World<'_>,
    checked: &Checked,
    cluster: &Name,
    now: jiff::Timestamp,
) -> Result<reconcile::Survey, reconcile::Failure> {
    let Some(garden) = &checked.garden else { return Ok(reconcile::Survey::default()) };
    let options = reconcile::Options {
        now: now.as_second(),
        wait: None,
        only: None,
        ask: false,
        homes: BTreeMap::new(),
        permits: BTreeMap::new(),
        progress: None,
    };
    reconcile::survey(&run_of(world, checked, garden, &options), cluster).await
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
    past::applied(&inventories_of(snapshot), repository, now).past()
}

/// The cluster and the inventory of each organisation of a snapshot.
fn inventories_of(snapshot: &reconcile::Snapshot) -> past::Inventories {
    let mut inventories = past::Inventories::new();
    for (cluster, read) in &snapshot.clusters {
        for (name, one) in &read.organisations {
            if past::is_fuller(&inventories, name, &one.inventory) {
                inventories.insert(name.clone(), (cluster.clone(), one.inventory.clone()));
            }
        }
    }
    inventories
}

/// Applies exactly what was prepared.
pub async fn carry_out(known: &mut Known, world: &World<'_>, checked: &Checked, prepared: Prepared) -> Round {
    let Some(garden) = &checked.garden else { return Round::default() };
    let Prepared { options, mut state, plan, unreached, backwards, untouched } = prepared;
    let run = run_of(world, checked, garden, &options);
    let outcome = reconcile::apply(&run, &mut state, &plan).await; // IO
    remember(known, checked, &state, &plan, &outcome);
    Round { plan: Some(plan), outcome: Some(outcome), unreached, backwards, untouched, rendered: checked.rendered }
}

fn run_of<'a>(
    world: &'a World<'_>,
    checked: &'a Checked,
    garden: &'a Garden,
    options: &'a reconcile::Options,
) -> reconcile::Run<'a> {
    reconcile::Run {
        garden,
        sources: &checked.sources,
        objects: &checked.objects,
        commit: checked.commit.as_ref().map_or("", |commit| commit.id.0.as_str()),
        renderer_hash: &checked.renderer_hash,
        clusters: world.clusters,
        options,
    }
}

fn unreached(state: &State) -> BTreeMap<Name, String> {
    let failed = state.clusters.iter().filter_map(|(name, read)| Some((name.clone(), read.as_ref().err()?)));
    failed.map(|(name, failure)| (name, reconcile::reason_of(failure))).collect()
}

/// Organisations whose applied commit has this one behind it: they stay as they are (promise 9).
fn backwards(known: &Known, world: &World<'_>, garden: &Garden, commit: Option<&Commit>) -> BTreeMap<Name, CommitId> {
    let (Some(applied), Some(repository), Some(commit)) = (&known.applied, world.repository, commit) else {
        return BTreeMap::new();
    };
    let declared = garden.rollback.as_ref().is_some_and(|to| commit.id.0.starts_with(to.value.as_str()));
    let newer = |at: &CommitId| *at != commit.id && repository.is_ancestor(&commit.id, at).unwrap_or(false);
    let mut verdicts: BTreeMap<&CommitId, bool> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for (name, at) in &applied.commits {
        if !declared && *verdicts.entry(at).or_insert_with(|| newer(at)) {
            found.insert(name.clone(), at.clone());
        }
    }
    found
}

/// The organisations that this round is about: those that changed, those not yet brought about whole, or all.
fn chosen(known: &Known, checked: &Checked, asked: &Asked, backwards: &BTreeMap<Name, CommitId>) -> BTreeSet<Name> {
    let settled = |name: &Name, objects: &Arc<OrganisationObjects>| {
        known.settled.get(name).is_some_and(|settled| Arc::ptr_eq(settled, objects))
    };
    let wanted = |name: &Name| asked.only.as_ref().is_none_or(|only| only.contains(name));
    let all = checked.objects.iter().filter(|(name, _)| wanted(name) && !backwards.contains_key(*name));
    all.filter(|(name, objects)| asked.whole || !settled(name, objects)).map(|(name, _)| name.clone()).collect()
}

/// Organisations that only their inventories still know are looked at whenever everything is.
fn with_left_overs(
    known: &Known,
    garden: &Garden,
    asked: &Asked,
    mut only: BTreeSet<Name>,
    backwards: &BTreeMap<Name, CommitId>,
) -> BTreeSet<Name> {
    if asked.whole && asked.only.is_none() {
        let applied = known.applied.iter().flat_map(|applied| applied.commits.keys());
        let left = applied.filter(|name| !garden.organisations.contains_key(*name) && !backwards.contains_key(*name));
        only.extend(left.cloned());
    }
    only
}

/// What was brought about whole is settled; what is applied moves on.
fn remember(known: &mut Known, checked: &Checked, state: &State, plan: &Plan, outcome: &Outcome) {
    let Some(garden) = &checked.garden else { return };
    let read = state.clusters.iter().filter_map(|(cluster, read)| Some((cluster, read.as_ref().ok()?)));
    let inventories: BTreeMap<&Name, (&Name, &Inventory)> = read
        .flat_map(|(cluster, read)| read.organisations.iter().map(move |(name, one)| (name, (cluster, one))))
        .map(|(name, (cluster, one))| (name, (cluster, &one.stored.inventory)))
        .collect();
    let planned: BTreeSet<&Name> = plan.organisations.iter().map(|one| &one.organisation).collect();
    for done in outcome.organisations.iter().filter(|done| planned.contains(&done.organisation)) {
        let name = &done.organisation;
        let open = done.failure.is_some() || done.outcomes.iter().any(crate::plan::Outcome::is_open);
        if open {
            known.open.insert(name.clone());
        } else {
            known.open.remove(name);
        }
        match checked.objects.get(name) {
            Some(objects) if !open => known.settled.insert(name.clone(), Arc::clone(objects)),
            _ => known.settled.remove(name),
        };
        if let (Some(applied), Some((cluster, inventory))) = (&mut known.applied, inventories.get(name)) {
            applied.note(name, cluster, garden.organisations.get(name), inventory);
        }
    }
}

/// Apps that are retired in the garden and of which nothing is left.
pub(crate) fn gone(organisation: &crate::model::Organisation, inventory: &Inventory) -> BTreeSet<Name> {
    let left: BTreeSet<&Name> = inventory.entries.values().filter_map(|entry| entry.app.as_ref()).collect();
    let retired = organisation.apps.values().filter(|app| matches!(app.life, Life::Retired(_)));
    retired.map(|app| app.name.clone()).filter(|name| !left.contains(name)).collect()
}
