//! Plans without a cluster: against a snapshot, or against another commit.

use std::collections::{BTreeMap, BTreeSet};

use super::{Round, World, opened, past, run_of, unasked, unreached};
use crate::check::Checked;
use crate::git::Repository;
use crate::model::Past;
use crate::name::Name;
use crate::reconcile;

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
