//! What may be in the clusters: read once from their inventories and the commits these name, then kept up by the rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;

use crate::cause::reason_of;
use crate::check::{Memo, check_in_history};
use crate::cluster::{self, Connection};
use crate::git::{CommitId, Repository, commit_snapshot_after};
use crate::model::{Claims, Garden, Organisation, Past, PastOrganisation};
use crate::name::Name;
use crate::plan::Inventory;

/// What may be in the clusters of each organisation.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct AppliedState {
    /// The commit each organisation was last brought about whole from.
    pub(crate) commits: BTreeMap<Name, CommitId>,
    /// The hash of the renderer that each organisation was last brought about by.
    pub(in crate::engine) renderers: BTreeMap<Name, String>,
    /// The newest commit of which something may be there, of each organisation where that is another one.
    pub(crate) begun: BTreeMap<Name, CommitId>,
    /// The cluster that each organisation has objects on.
    pub(crate) homes: BTreeMap<Name, Name>,
    /// What the rules of a check compare with.
    pub(crate) past: Past,
}

impl AppliedState {
    /// The same, with what `before` knew of organisations at home on some clusters, and of those whose inventories cannot be
    /// read, unless they are at home elsewhere by now.
    #[must_use]
    pub(in crate::engine) fn with_homes_on(
        mut self,
        clusters: &BTreeSet<Name>,
        unreadable: &BTreeSet<Name>,
        mut before: Self,
    ) -> Self {
        for (name, home) in before.homes {
            if !(clusters.contains(&home) || unreadable.contains(&name)) || self.homes.contains_key(&name) {
                continue;
            }
            self.commits.extend(before.commits.remove_entry(&name));
            self.renderers.extend(before.renderers.remove_entry(&name));
            self.begun.extend(before.begun.remove_entry(&name));
            self.past.footprints.extend(before.past.footprints.remove_entry(&name));
            self.past.gone.extend(before.past.gone.iter().filter(|(owner, _)| *owner == name).cloned());
            let file = before.past.files.remove_entry(&format!("organisation {name}"));
            self.past.files.extend(file);
            self.homes.insert(name, home);
        }
        self
    }

    /// The title of an organisation as it may be there, where the repository still holds that commit.
    pub(crate) fn title(&self, name: &Name) -> Option<String> {
        let newest = self.past.footprints.get(name).and_then(|past| past.each().next_back());
        newest.map(|organisation| organisation.title.clone())
    }

    /// Takes note of an inventory that was read or written: what it names may be there. `at` is the organisation at a
    /// commit, where that is known.
    pub(crate) fn note(
        &mut self,
        name: &Name,
        cluster: &Name,
        inventory: &Inventory,
        at: impl Fn(&str) -> Option<Arc<Organisation>>,
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
        self.past.files.extend(inventory.footprint.files.clone());
        self.past.gone.retain(|(owner, _)| owner != name);
        self.past.gone_organisations.remove(name);
        let (commit, begun) = (&inventory.commit, &inventory.footprint.begun);
        for (commits, commit) in [(&mut self.commits, commit), (&mut self.begun, begun)] {
            if commit.is_empty() {
                commits.remove(name);
            } else {
                commits.insert(name.clone(), CommitId(commit.clone()));
            }
        }
        self.renderers.insert(name.clone(), inventory.renderer_hash.clone());
        // What was taken back after an inventory was lost may have no commit, and is compared all the same.
        if commit.is_empty() && begun.is_empty() && inventory.footprint.apps.is_empty() {
            self.past.footprints.remove(name);
            return;
        }
        let before = self.past.footprints.get(name);
        let organisation = |commit: &str| before.and_then(|past| past.at(commit)).cloned().or_else(|| at(commit));
        let past = PastOrganisation {
            whole: (!commit.is_empty()).then(|| organisation(commit)).flatten(),
            begun: (!begun.is_empty()).then(|| organisation(begun)).flatten(),
            commit: commit.clone(),
            begun_commit: begun.clone(),
            apps: inventory.footprint.apps.clone(),
            claims: Claims::default(),
        };
        let past = PastOrganisation { claims: inventory.claims().unwrap_or_else(|| past.written_claims()), ..past };
        self.past.gone.extend(super::gone(&past, inventory).into_iter().map(|app| (name.clone(), app)));
        self.past.footprints.insert(name.clone(), Arc::new(past));
        if inventory.entries.is_empty() {
            self.past.gone_organisations.insert(name.clone());
        }
    }

    /// Takes note of what the garden takes back by word: of organisations whose commit applied whole is part of what
    /// `rollback to=` names, what was begun since and is not. Says whether that moved.
    pub(crate) fn note_rollback(&mut self, garden: Option<&Garden>, repository: Option<&Repository>) -> bool {
        take_back(&mut self.past, garden, repository)
    }
}

/// Takes note of what a garden takes back by word; says whether that moved.
pub(in crate::engine) fn take_back(past: &mut Past, garden: Option<&Garden>, repository: Option<&Repository>) -> bool {
    let named = garden.and_then(|garden| garden.rollback.as_ref()).filter(|to| !to.value.is_empty());
    let commit = |to: &str, repository: &Repository| repository.commit(to).ok().map(|commit| commit.id);
    let to = named.zip(repository).and_then(|(to, repository)| Some((commit(&to.value, repository)?, to, repository)));
    // Branches and words that move are no commit.
    let to = to.filter(|(id, to, _)| id.0.starts_with(&to.value)).map(|(id, _, repository)| (id, repository));
    let is_taken_back = |past: &PastOrganisation| {
        let holds = |commit: &str| {
            to.as_ref().is_some_and(|(to, repository)| repository.holds(to, &CommitId(commit.to_owned())))
        };
        !past.begun_commit.is_empty() && !past.commit.is_empty() && holds(&past.commit) && !holds(&past.begun_commit)
    };
    let taken_back = past.footprints.iter().filter(|(_, past)| is_taken_back(past));
    let taken_back = taken_back.map(|(name, _)| name.clone()).collect();
    std::mem::replace(&mut past.taken_back, taken_back) != past.taken_back
}

/// IO: reads the inventories of every cluster that answers; of the others it says why not.
pub(in crate::engine) async fn read_inventories(
    clusters: &BTreeMap<Name, Connection>,
    garden: &Name,
) -> (BTreeMap<Name, cluster::StoredInventories>, BTreeMap<Name, String>) {
    let reads = clusters
        .iter()
        .map(|(name, connection)| async move { (name.clone(), cluster::inventory::read(connection, garden).await) });
    let (mut inventories, mut failed) = (BTreeMap::new(), BTreeMap::new());
    for (name, read) in join_all(reads).await {
        match read {
            Ok(read) => drop(inventories.insert(name, read)),
            Err(error) => drop(failed.insert(name, reason_of(&error))),
        }
    }
    (inventories, failed)
}

/// The organisations of which an inventory cannot be read although its cluster can.
pub(in crate::engine) fn unreadable(read: &BTreeMap<Name, cluster::StoredInventories>) -> BTreeSet<Name> {
    let unread = read.values().flatten().filter(|(_, stored)| stored.is_err());
    unread.map(|(name, _)| name.clone()).collect()
}

/// The commits that inventories name.
pub(in crate::engine) fn named_commits(read: &BTreeMap<Name, cluster::StoredInventories>) -> BTreeSet<CommitId> {
    let stored = read.values().flat_map(BTreeMap::values).filter_map(|stored| stored.as_ref().ok());
    let named = stored.flat_map(|stored| [&stored.inventory.commit, &stored.inventory.footprint.begun]);
    named.filter(|commit| !commit.is_empty()).map(|commit| CommitId(commit.clone())).collect()
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
    let mut applied = AppliedState::default();
    let files = inventories.values().flat_map(|(_, inventory)| inventory.footprint.files.clone());
    let past = Past { files: files.collect(), ..Past::default() };
    let gardens = at_commits(inventories, repository, now, &past);
    applied.past = past;
    for (name, (cluster, inventory)) in inventories {
        let at = |commit: &str| gardens.get(commit).and_then(|organisations| organisations.get(name)).cloned();
        applied.note(name, cluster, inventory, at);
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
    past: &Past,
) -> BTreeMap<String, Organisations> {
    let named = |inventory: &'_ Inventory| [inventory.commit.clone(), inventory.footprint.begun.clone()];
    let commits: BTreeSet<String> = inventories.values().flat_map(|(_, inventory)| named(inventory)).collect();
    let (mut memo, mut before) = (Memo::default(), None);
    let mut gardens = BTreeMap::new();
    for commit in commits.into_iter().filter(|commit| !commit.is_empty()) {
        let read = |repository| commit_snapshot_after(repository, &commit, None, before.as_ref()).ok();
        let Some(snapshot) = repository.and_then(read) else { continue };
        let checked = check_in_history(&mut memo, before.insert(snapshot), Some(past), repository, now);
        gardens.insert(commit, checked.garden.map(|garden| garden.organisations).unwrap_or_default());
    }
    gardens
}
