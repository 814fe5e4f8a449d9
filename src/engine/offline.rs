//! Plans without a cluster: against a snapshot, or against another commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::definitions;
use super::known::{AppliedState, past};
use super::options::RoundOptions;
use super::round::Round;
use super::snapshot::{self, LiveSnapshot};
use super::stages::{self, choose};
use super::state::RoundState;
use super::waiting::WaitingFor;
use crate::check::{Checked, Memo, check_in_history};
use crate::git::{Repository, Snapshot};
use crate::model::{Organisation, Past};
use crate::name::Name;
use crate::plan::{self, OrganisationPlan, Plan};
use crate::render::{self, OrganisationObjects};

/// The state that a plan without clusters compares with.
pub(crate) enum Baseline<'a> {
    /// What they held at some moment.
    Snapshot(&'a LiveSnapshot),
    /// What another commit renders.
    Commit(&'a Checked),
}

/// Pure: plans against a snapshot, or against another commit, in the place of the clusters, batch by batch; each is handed
/// over when it is made. `None` where there is no garden to plan for.
///
/// # Errors
/// What `each` returns ends it.
pub(crate) fn plan_offline<E>(
    checked: &Checked,
    only: Option<&BTreeSet<Name>>,
    now: jiff::Timestamp,
    against: &Baseline<'_>,
    mut each: impl FnMut(Plan) -> Result<(), E>,
) -> Result<Option<Round>, E> {
    let Some(garden) = checked.garden.as_ref() else { return Ok(None) };
    let homes = against.homes();
    let all = checked.objects.keys().chain(homes.keys());
    let waits = |name: &Name| {
        let awaited = garden.awaited.get(name)?.first()?;
        Some((name.clone(), WaitingFor::HandOver { held: awaited.held.clone(), by: awaited.by.clone() }))
    };
    let waiting: BTreeMap<Name, WaitingFor> = checked.objects.keys().filter_map(waits).collect();
    let wanted = |name: &&Name| only.is_none_or(|only| only.contains(*name)) && !waiting.contains_key(*name);
    let chosen: BTreeSet<Name> = all.filter(wanted).cloned().collect();
    let (mut alike, chosen) = match against {
        Baseline::Snapshot(_) => (BTreeSet::new(), chosen),
        Baseline::Commit(base) => chosen.into_iter().partition(|name| is_alike(base, checked, name)),
    };
    let mut whole = Round { waiting: waiting.clone(), ..Round::default() };
    let mut batches = choose::batches(checked, chosen, true).into_iter().peekable();
    while let Some(batch) = batches.next() {
        let (objects, options) = (opened(checked, &batch), RoundOptions::unasked(now));
        let state = RoundState::of(checked, garden, &objects, &options);
        let round = RoundState { organisations: Some(&batch), homes: &homes, ..state };
        let mut live = match against {
            Baseline::Snapshot(snapshot) => snapshot::state(&round, snapshot),
            Baseline::Commit(base) => {
                let commit = base.commit.as_ref().map_or("", |commit| commit.id.0.as_str());
                let mut applied = snapshot::as_applied(&round, commit, &opened(base, &batch));
                note_words(base, &mut applied);
                snapshot::state(&round, &applied)
            }
        };
        whole.left_to_server.extend(definitions::judge(&round, &mut live));
        whole.unreached.extend(live.unreached());
        let mut plan = stages::guard(&round, &live, stages::plan(&round, &live));
        let later = match (batch.last(), batches.peek()) {
            (Some(last), Some(_)) => alike.split_off(last),
            _ => BTreeSet::new(),
        };
        let unchanged = std::mem::replace(&mut alike, later);
        plan.organisations.extend(unchanged.iter().filter_map(|name| unchanged_plan(checked, name)));
        plan.organisations.sort_by(|a, b| a.organisation.cmp(&b.organisation));
        each(plan)?;
    }
    Ok(Some(whole))
}

/// Whether two checks that share what they know found one and the same of an organisation: its text, what it is rendered from, and
/// what the garden says of all.
fn is_alike(base: &Checked, checked: &Checked, name: &Name) -> bool {
    let (Some(before), Some(after)) = (&base.garden, &checked.garden) else { return false };
    let is_one = |one: Option<&Arc<Organisation>>, other: Option<&Arc<Organisation>>| {
        one.zip(other).is_some_and(|(one, other)| Arc::ptr_eq(one, other))
    };
    let packed = base.objects.get(name).zip(checked.objects.get(name));
    packed.is_some_and(|(one, other)| Arc::ptr_eq(one, other))
        && before.span == after.span
        && is_one(before.organisations.get(name), after.organisations.get(name))
}

/// The plan of an organisation of which nothing changes.
fn unchanged_plan(checked: &Checked, name: &Name) -> Option<OrganisationPlan> {
    let packed = checked.objects.get(name)?;
    Some(OrganisationPlan::unchanged(name.clone(), packed.cluster.clone(), packed.objects))
}

/// Notes the hatches and brakes that the organisations of another commit have, as if it had been applied whole.
fn note_words(base: &Checked, applied: &mut LiveSnapshot) {
    let Some(garden) = &base.garden else { return };
    let brakes = render::of_deletions(&garden.deletions);
    for (name, one) in applied.clusters.values_mut().flat_map(|cluster| &mut cluster.organisations) {
        let written = garden.organisations.get(name);
        let lines = written.map(|written| plan::hatches_of(garden, written)).unwrap_or_default();
        one.inventory.hatches = lines.into_iter().map(|line| line.hash).collect();
        let brakes = brakes.iter().map(|brake| (brake.key.clone(), brake.says.clone()));
        one.inventory.terms.get_or_insert_default().extend(brakes);
    }
}

impl Baseline<'_> {
    /// What is applied, as far as it is known. IO: the repository's history.
    pub(super) fn applied(&self, repository: Option<&Repository>, now: jiff::Timestamp) -> AppliedState {
        match self {
            Self::Snapshot(snapshot) => past::applied(&inventories_of(snapshot), repository, now),
            Self::Commit(base) => {
                let (homes, commit) = (self.homes(), base.commit.as_ref().map(|commit| commit.id.clone()));
                let commits = commit.iter().flat_map(|commit| homes.keys().map(|name| (name.clone(), commit.clone())));
                AppliedState { commits: commits.collect(), homes: homes.clone(), ..AppliedState::default() }
            }
        }
    }

    /// The cluster that each organisation has objects on.
    fn homes(&self) -> BTreeMap<Name, Name> {
        match self {
            Self::Snapshot(snapshot) => {
                let known = inventories_of(snapshot).into_iter();
                let full = known.filter(|(_, (_, inventory))| !inventory.entries.is_empty());
                full.map(|(name, (cluster, _))| (name, cluster)).collect()
            }
            Self::Commit(base) => {
                let rendered = base.objects.iter().filter(|(_, packed)| packed.objects > 0);
                rendered.map(|(name, packed)| (name.clone(), packed.cluster.clone())).collect()
            }
        }
    }
}

/// What was rendered for some organisations, to be looked at.
fn opened(checked: &Checked, organisations: &BTreeSet<Name>) -> BTreeMap<Name, Arc<OrganisationObjects>> {
    let wanted = checked.objects.iter().filter(|(name, _)| organisations.contains(*name));
    wanted.map(|(name, packed)| (name.clone(), Arc::new(packed.open()))).collect()
}

/// A garden checked against what a snapshot says may be in the clusters, with that. IO: the repository's history.
pub(crate) fn check_against_snapshot(
    garden: &Snapshot,
    live: &LiveSnapshot,
    repository: Option<&Repository>,
    now: jiff::Timestamp,
) -> (Checked, Past) {
    let mut past = past::applied(&inventories_of(live), repository, now).past;
    let mut memo = Memo::default();
    let checked = check_in_history(&mut memo, garden, Some(&past), repository, now);
    if !past::take_back(&mut past, checked.garden.as_ref(), repository) {
        return (checked, past);
    }
    (check_in_history(&mut memo, garden, Some(&past), repository, now), past)
}

/// The cluster and the inventory of each organisation of a snapshot.
fn inventories_of(snapshot: &LiveSnapshot) -> past::Inventories<'_> {
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
