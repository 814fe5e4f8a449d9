//! Plans without a cluster: against a snapshot, or against another commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::definitions;
use super::known::past;
use super::options::RoundOptions;
use super::round::Round;
use super::snapshot::{self, LiveSnapshot};
use super::stages;
use super::state::RoundState;
use crate::check::{self, Checked};
use crate::git::{Repository, Snapshot};
use crate::name::Name;
use crate::render::OrganisationObjects;

/// The state that a plan without clusters compares with.
pub(crate) enum Baseline<'a> {
    /// What they held at some moment.
    Snapshot(&'a LiveSnapshot),
    /// What another commit renders.
    Commit(&'a Checked),
}

/// Pure: plans against a snapshot, or against another commit, in the place of the clusters.
pub(crate) fn plan_offline(
    checked: &Checked,
    only: Option<BTreeSet<Name>>,
    now: jiff::Timestamp,
    against: &Baseline<'_>,
) -> Option<Round> {
    let garden = checked.garden.as_ref()?;
    let objects = opened(checked);
    let options = RoundOptions { only, ..RoundOptions::unasked(now) };
    let round = RoundState::of(checked, garden, &objects, &options);
    let pretended;
    let snapshot = match against {
        Baseline::Snapshot(snapshot) => snapshot,
        Baseline::Commit(base) => {
            let commit = base.commit.as_ref().map_or("", |commit| commit.id.0.as_str());
            pretended = snapshot::as_applied(&round, commit, &opened(base));
            &pretended
        }
    };
    let homes = inventories_of(snapshot).into_iter().filter(|(_, (_, inventory))| !inventory.entries.is_empty());
    let homes = homes.map(|(name, (cluster, _))| (name, cluster)).collect();
    let round = RoundState { homes: &homes, ..round };
    let mut live = snapshot::state(&round, snapshot);
    let left_to_server = definitions::judge(&round, &mut live);
    let plan = stages::guard(&round, &live, stages::plan(&round, &live));
    Some(Round { plan: Some(plan), unreached: live.unreached(), left_to_server, ..Round::default() })
}

/// All that was rendered, to be looked at.
pub(super) fn opened(checked: &Checked) -> BTreeMap<Name, Arc<OrganisationObjects>> {
    checked.objects.iter().map(|(name, packed)| (name.clone(), Arc::new(packed.open()))).collect()
}

/// A garden checked against what a snapshot says may be in the clusters. IO: the repository's history.
pub(crate) fn check_against_snapshot(
    garden: &Snapshot,
    live: &LiveSnapshot,
    repository: Option<&Repository>,
    now: jiff::Timestamp,
) -> Checked {
    let mut past = past::applied(&inventories_of(live), repository, now).past;
    let checked = check::check(garden.clone(), Some(&past), now);
    if !past::take_back(&mut past, checked.garden.as_ref(), repository) {
        return checked;
    }
    check::check(garden.clone(), Some(&past), now)
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
