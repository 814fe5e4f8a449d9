//! What is applied: read once from the clusters' inventories and the commits they name, then kept up by the rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;

use crate::check::{Memo, check_again};
use crate::cluster::{self, Connection};
use crate::git::{CommitId, Repository, commit_snapshot_after};
use crate::model::{Organisation, Past};
use crate::name::Name;
use crate::plan::Inventory;

/// What is applied of each organisation.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct AppliedState {
    /// The commit each organisation was last brought about whole from.
    pub(crate) commits: BTreeMap<Name, CommitId>,
    /// The cluster that each organisation has objects on.
    pub(crate) homes: BTreeMap<Name, Name>,
    /// What the rules of a check compare with.
    pub(crate) past: Past,
}

impl AppliedState {
    /// The same, with what `before` knew of organisations at home on some clusters, unless they are at home elsewhere by now.
    #[must_use]
    pub(in crate::engine) fn with_homes_on(mut self, clusters: &BTreeSet<Name>, mut before: Self) -> Self {
        for (name, home) in before.homes {
            if !clusters.contains(&home) || self.homes.contains_key(&name) {
                continue;
            }
            self.commits.extend(before.commits.remove_entry(&name));
            self.past.organisations.extend(before.past.organisations.remove_entry(&name));
            self.past.gone.extend(before.past.gone.iter().filter(|(owner, _)| *owner == name).cloned());
            self.homes.insert(name, home);
        }
        self
    }

    /// The title of an organisation as it was applied, where the repository still holds that commit.
    pub(crate) fn title(&self, name: &Name) -> Option<String> {
        self.past.organisations.get(name).map(|organisation| organisation.title.clone())
    }

    /// Takes note of an inventory after a round: where it names a commit, that is what is applied.
    pub(crate) fn note(
        &mut self,
        name: &Name,
        cluster: &Name,
        organisation: Option<&Arc<Organisation>>,
        inventory: &Inventory,
    ) {
        // One that was to move has nothing on the new cluster yet, and is still at home on the old one.
        if self.homes.get(name).is_none_or(|home| home == cluster) {
            if inventory.entries.is_empty() {
                self.homes.remove(name);
            } else {
                self.homes.insert(name.clone(), cluster.clone());
            }
        } else {
            return;
        }
        self.past.gone.retain(|(owner, _)| owner != name);
        self.past.gone_organisations.remove(name);
        if inventory.commit.is_empty() {
            return;
        }
        let commit = CommitId(inventory.commit.clone());
        let moved = self.commits.insert(name.clone(), commit.clone()) != Some(commit);
        match organisation {
            Some(organisation) if moved || !self.past.organisations.contains_key(name) => {
                self.past.organisations.insert(name.clone(), Arc::clone(organisation));
            }
            _ => {}
        }
        if let Some(organisation) = self.past.organisations.get(name) {
            self.past.gone.extend(super::gone(organisation, inventory).into_iter().map(|app| (name.clone(), app)));
        }
        if inventory.entries.is_empty() {
            self.past.gone_organisations.insert(name.clone());
        }
    }
}

/// IO: reads the inventories of every cluster that answers.
pub(in crate::engine) async fn read_inventories(
    clusters: &BTreeMap<Name, Connection>,
    garden: &Name,
) -> BTreeMap<Name, cluster::StoredInventories> {
    let reads = clusters.iter().map(|(name, connection)| async move {
        Some((name.clone(), cluster::inventory::read(connection, garden).await.ok()?))
    });
    join_all(reads).await.into_iter().flatten().collect()
}

/// The inventory of each organisation, on the cluster that holds something of it.
pub(in crate::engine) fn fullest(read: &BTreeMap<Name, cluster::StoredInventories>) -> Inventories<'_> {
    let mut inventories = Inventories::new();
    for (cluster, read) in read {
        for (name, stored) in read {
            let Ok(stored) = stored else { continue };
            if is_fuller(&inventories, name, &stored.inventory) {
                inventories.insert(name.clone(), (cluster.clone(), &stored.inventory));
            }
        }
    }
    inventories
}

/// What some inventories say is applied, with the organisations at the commits that they name.
///
/// A commit that the repository does not hold (rewritten history, a shallow clone) gives no past to compare with; the
/// inventory still says what is ours.
pub(in crate::engine) fn applied(
    inventories: &Inventories<'_>,
    repository: Option<&Repository>,
    now: jiff::Timestamp,
) -> AppliedState {
    let gardens = at_commits(inventories, repository, now);
    let mut applied = AppliedState::default();
    for (name, (cluster, inventory)) in inventories {
        let organisation = gardens.get(&inventory.commit).and_then(|organisations| organisations.get(name));
        applied.note(name, cluster, organisation, inventory);
    }
    applied
}

/// The cluster and the inventory of each organisation.
pub(in crate::engine) type Inventories<'i> = BTreeMap<Name, (Name, &'i Inventory)>;

/// Whether an inventory counts where another cluster has one of the same organisation: the one that holds something does.
pub(in crate::engine) fn is_fuller(known: &Inventories<'_>, name: &Name, inventory: &Inventory) -> bool {
    known.get(name).is_none_or(|(_, other)| other.entries.is_empty() && !inventory.entries.is_empty())
}

type Organisations = BTreeMap<Name, Arc<Organisation>>;

/// The organisations at each commit that an inventory names; files that the commits share are read once.
fn at_commits(
    inventories: &Inventories<'_>,
    repository: Option<&Repository>,
    now: jiff::Timestamp,
) -> BTreeMap<String, Organisations> {
    let commits: BTreeSet<&String> = inventories.values().map(|(_, inventory)| &inventory.commit).collect();
    let (mut memo, mut before) = (Memo::default(), None);
    let mut gardens = BTreeMap::new();
    for commit in commits.into_iter().filter(|commit| !commit.is_empty()) {
        let read = |repository| commit_snapshot_after(repository, commit, None, before.as_ref()).ok();
        let Some(snapshot) = repository.and_then(read) else { continue };
        let checked = check_again(&mut memo, before.insert(snapshot).clone(), None, now);
        gardens.insert(commit.clone(), checked.garden.map(|garden| garden.organisations).unwrap_or_default());
    }
    gardens
}
