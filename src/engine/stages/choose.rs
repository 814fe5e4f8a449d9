//! Which organisations a round is about, in which batches, and which stay as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::check::Checked;
use crate::engine::known::Known;
use crate::engine::options::RoundOptions;
use crate::engine::round::TakenBack;
use crate::git::{Ancestry, CommitId, Repository, SHORTEST_COMMIT};
use crate::model::Garden;
use crate::name::Name;
use crate::render::Packed;

/// So many objects are read and planned at once. An organisation is never divided.
pub(crate) const BATCH: usize = 500;

/// Organisations of which something is written are gathered until they have so many objects: they go side by side, so few
/// wait for others.
pub(crate) const AT_ONCE: usize = 2_000;

/// Organisations in batches of up to [`BATCH`] objects. An empty garden still has clusters to be compared with.
pub(in crate::engine) fn batches(checked: &Checked, only: BTreeSet<Name>, whole: bool) -> Vec<BTreeSet<Name>> {
    let mut batches = Vec::new();
    let (mut batch, mut objects) = (BTreeSet::new(), 0);
    let nobody = only.is_empty();
    let count = |name: &Name| checked.objects.get(name).map_or(0, |packed| packed.objects);
    for name in only {
        let more = count(&name);
        if objects + more > BATCH && !batch.is_empty() {
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

/// Organisations of which this commit takes back what is applied: they stay as they are (promise 9), until the garden says
/// `rollback to=` with the commit that both share.
pub(in crate::engine) fn backwards(
    known: &Known,
    repository: Option<&Repository>,
    garden: &Garden,
    checked: &Checked,
) -> BTreeMap<Name, TakenBack> {
    checked.commit.as_ref().map(|commit| backwards_from(known, repository, garden, &commit.id)).unwrap_or_default()
}

/// The same of any commit.
pub(in crate::engine) fn backwards_from(
    known: &Known,
    repository: Option<&Repository>,
    garden: &Garden,
    commit: &CommitId,
) -> BTreeMap<Name, TakenBack> {
    let (Some(applied), Some(repository)) = (&known.applied, repository) else { return BTreeMap::new() };
    let is_declared = |named: &CommitId| {
        let to = garden.rollback.as_ref().map(|to| to.value.as_str());
        to.is_some_and(|to| to.len() >= SHORTEST_COMMIT && named.0.starts_with(to))
    };
    let taken_back = |at: &CommitId| match repository.ancestry(at, commit) {
        Ancestry::BuildsOn => None,
        ancestry => Some(TakenBack { at: at.clone(), ancestry }).filter(|back| !is_declared(back.named())),
    };
    let mut verdicts: BTreeMap<&CommitId, Option<TakenBack>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for (name, at) in applied.commits.iter().chain(&applied.begun) {
        if let Some(taken_back) = verdicts.entry(at).or_insert_with(|| taken_back(at)) {
            found.insert(name.clone(), taken_back.clone());
        }
    }
    found
}

/// The organisations that a round is about: those that changed in the garden, those that are to be looked at for another
/// reason, or all; and those that only their inventories still know, whenever everything is looked at.
pub(in crate::engine) fn chosen(
    known: &Known,
    checked: &Checked,
    options: &RoundOptions,
    backwards: &BTreeMap<Name, TakenBack>,
) -> BTreeSet<Name> {
    let wanted = |name: &Name| options.only.as_ref().is_none_or(|only| only.contains(name));
    let all = checked.objects.iter().filter(|(name, _)| wanted(name) && !backwards.contains_key(*name));
    let resting = known.attention.resting(options.now.as_millisecond());
    let looked_at = |name: &Name, objects: &Arc<Packed>| {
        if resting.contains(&objects.cluster) && !options.whole {
            return false;
        }
        options.whole || options.also.contains(name) || !known.attention.was_tried(name, objects)
    };
    let mut only: BTreeSet<Name> =
        all.filter(|(name, objects)| looked_at(name, objects)).map(|(name, _)| name.clone()).collect();
    let Some(garden) = checked.garden.as_ref().filter(|_| options.whole && options.only.is_none()) else { return only };
    let applied = known.applied.iter().flat_map(|applied| applied.commits.keys().chain(applied.begun.keys()));
    let left = applied.filter(|name| !garden.organisations.contains_key(*name) && !backwards.contains_key(*name));
    only.extend(left.cloned());
    only
}
