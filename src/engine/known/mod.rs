//! What stays known between rounds: what was parsed and rendered, what is applied, what is to be looked at and when.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::round::RoundOutcome;
use super::state::LiveState;
use crate::check::{Checked, History, MOST_QUESTIONS, Memo, check_again, check_beside};
use crate::cluster::inventory::PackedInventory;
use crate::cluster::{
    Connection, InventoryError, PackedInventories, Reading, Shutdown, StoredInventories, StoredInventory,
};
use crate::git::{Repository, Snapshot};
use crate::model::{Life, Past, PastOrganisation};
use crate::name::Name;
use crate::plan::{Inventory, OrganisationPlan, Plan};

mod attention;
pub(super) mod past;
mod warned;
mod watching;

pub(super) use attention::Attention;
pub(crate) use attention::{Moment, VERIFY_EVERY, VERIFY_PACE};
pub(super) use past::AppliedState;
pub(super) use warned::Warned;
pub(super) use watching::Watching;

/// What stays known between rounds.
#[derive(Default)]
pub struct Known {
    /// What was parsed and rendered.
    pub(super) memo: Memo,
    /// What the repository's history said of claims that nothing else tells apart.
    history: History,
    /// What each cluster holds applied.
    pub(super) applied: Option<AppliedState>,
    /// Clusters of which every inventory was read once.
    learnt: BTreeSet<Name>,
    /// Inventories that were read and not used yet.
    pub(super) inventories: BTreeMap<Name, PackedInventories>,
    /// Clusters whose inventories could not be read: what is applied there is not known.
    pub(super) unread: BTreeSet<Name>,
    /// Why the inventories of clusters could not be read when they were asked for last.
    pub(super) unanswered: BTreeMap<Name, String>,
    /// Those of them, and others, of which some inventory was never read: whose claims are there is not known.
    pub(super) unlearnt: BTreeSet<Name>,
    /// Organisations whose inventories are there and cannot be read.
    pub(super) unreadable: BTreeSet<Name>,
    /// Whether an organisation was taken back that the last check did not know of.
    pub(super) recovered: bool,
    /// Organisations that a watch stirred and no round has looked at yet.
    pub(super) stirred: BTreeSet<Name>,
    /// What is looked at next, and when.
    pub(super) attention: Attention,
    /// What API servers warned of and was told.
    pub(super) warned: Warned,
    /// The watches of each cluster; none for a single round.
    pub(super) watching: Watching,
}

impl Known {
    /// Pure: the snapshot checked against what may be in the clusters; only what changed is parsed and rendered.
    pub fn check(&mut self, snapshot: Snapshot, now: jiff::Timestamp) -> Checked {
        let past = self.history.known(self.applied.as_ref().map(|applied| &applied.past));
        check_again(&mut self.memo, snapshot, past.as_deref(), now)
    }

    /// The same on a thread of its own, since a large garden takes as long as people wait for a process to end. What was parsed
    /// and rendered is away until it is done; absent where the process is to end before.
    async fn check_aside(&mut self, snapshot: Snapshot, now: jiff::Timestamp, shutdown: &Shutdown) -> Option<Checked> {
        self.check_by(check_again, snapshot, now, shutdown).await
    }

    async fn check_by(
        &mut self,
        check: fn(&mut Memo, Snapshot, Option<&Past>, jiff::Timestamp) -> Checked,
        snapshot: Snapshot,
        now: jiff::Timestamp,
        shutdown: &Shutdown,
    ) -> Option<Checked> {
        let mut memo = std::mem::take(&mut self.memo);
        let past = self.history.known(self.applied.as_ref().map(|applied| &applied.past)).map(Cow::into_owned);
        let check = tokio::task::spawn_blocking(move || {
            let checked = check(&mut memo, snapshot, past.as_ref(), now);
            (memo, checked)
        });
        tokio::select! {
            checked = check => {
                let (memo, checked) = checked.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()));
                self.memo = memo;
                Some(checked)
            }
            () = shutdown.asked() => None,
        }
    }

    /// Another commit, checked beside the head on a thread of its own; absent where the process is to end before it is done.
    pub(super) async fn check_beside(
        &mut self,
        snapshot: Snapshot,
        now: jiff::Timestamp,
        shutdown: &Shutdown,
    ) -> Option<Checked> {
        self.check_by(check_beside, snapshot, now, shutdown).await
    }

    /// The same, with what the history decides of claims, and without what the garden takes back by word of what was begun; absent
    /// where the process is to end before it is done. IO: the repository's history.
    pub(super) async fn check_in(
        &mut self,
        repository: Option<&Repository>,
        snapshot: &Snapshot,
        now: jiff::Timestamp,
        shutdown: &Shutdown,
    ) -> Option<Checked> {
        let mut checked = self.check_aside(snapshot.clone(), now, shutdown).await?;
        for _ in 0..MOST_QUESTIONS {
            let garden = checked.garden.as_ref();
            let took_back = self.applied.as_mut().is_some_and(|applied| applied.note_rollback(garden, repository));
            if !self.history.ask(repository, &checked) && !took_back {
                break;
            }
            checked = self.check_aside(snapshot.clone(), now, shutdown).await?;
        }
        Some(checked)
    }

    /// Takes note of which commit each organisation is applied at, and what it was. IO: the repository's history.
    pub(super) fn learn<'n>(
        &mut self,
        (inventories, failed): (BTreeMap<Name, StoredInventories>, BTreeMap<Name, String>),
        all: impl Iterator<Item = &'n Name>,
        repository: Option<&Repository>,
        now: jiff::Timestamp,
    ) {
        let all: BTreeSet<Name> = all.cloned().collect();
        self.unanswered = failed;
        self.unread = all.iter().filter(|name| !inventories.contains_key(*name)).cloned().collect();
        let before = self.applied.take().unwrap_or_default();
        let is_learnt = |cluster: &Name| match inventories.get(cluster) {
            Some(read) => read.iter().all(|(name, read)| read.is_ok() || before.past.footprints.contains_key(name)),
            None => self.learnt.contains(cluster),
        };
        let unlearnt: BTreeSet<Name> = all.iter().filter(|cluster| !is_learnt(cluster)).cloned().collect();
        self.learnt = all.difference(&unlearnt).cloned().collect();
        self.unlearnt = unlearnt;
        let unreadable = past::unreadable(&inventories);
        self.unreadable.clone_from(&unreadable);
        let applied = past::applied(&past::fullest(&inventories), repository, now);
        self.inventories = packed(inventories);
        // Of a cluster that cannot be read, what was known before is still the best that is known.
        self.applied = Some(applied.with_homes_on(&self.unread, &unreadable, before));
    }

    /// The unread cluster that may hold an organisation of which no inventory is known: it is not made anew on `written`.
    pub(super) fn may_live_on(&self, organisation: &Name, written: &Name) -> Option<&Name> {
        let known = self.applied.as_ref().is_some_and(|applied| applied.homes.contains_key(organisation));
        self.unread.iter().find(|unread| *unread != written).filter(|_| !known)
    }

    /// IO: the inventories of clusters whose were not read a moment ago.
    pub(super) async fn read_inventories(&mut self, clusters: &BTreeMap<Name, Connection>, garden: &Name) {
        let unread = clusters.iter().filter(|(name, _)| !self.inventories.contains_key(*name));
        let unread = unread.map(|(name, connection)| (name.clone(), connection.clone())).collect();
        self.inventories.extend(packed(past::read_inventories(&unread, garden).await.0));
    }

    /// The inventories that were read a moment ago, for a batch that is about these organisations: each batch takes its part.
    pub(super) fn take_inventories(
        &mut self,
        organisations: &BTreeSet<Name>,
        reading: Reading,
    ) -> BTreeMap<Name, StoredInventories> {
        if reading == Reading::Watched {
            let all = std::mem::take(&mut self.inventories);
            return all.into_iter().map(|(cluster, inventories)| (cluster, opened(inventories))).collect();
        }
        let part = |inventories: &mut PackedInventories| {
            let names: Vec<Name> = inventories.keys().filter(|name| organisations.contains(*name)).cloned().collect();
            opened(names.into_iter().filter_map(|name| inventories.remove_entry(&name)))
        };
        self.inventories.iter_mut().map(|(cluster, inventories)| (cluster.clone(), part(inventories))).collect()
    }

    /// When what is rendered next changes by itself: a night, a peak.
    pub(super) fn next_change(&self) -> Option<jiff::Timestamp> {
        self.attention.objects().filter_map(|(_, objects)| objects.next_change).min()
    }

    /// Pure: what was brought about whole is settled; what is applied moves on.
    pub(super) fn remember(
        &mut self,
        checked: &Checked,
        live: &LiveState,
        plan: &Plan,
        outcome: &RoundOutcome,
        moment: Moment,
    ) {
        let Some(garden) = &checked.garden else { return };
        for (cluster, read) in &live.clusters {
            self.attention.note_cluster(cluster, read.is_ok(), moment);
        }
        let read = live.clusters.iter().filter_map(|(cluster, read)| Some((cluster, read.as_ref().ok()?)));
        let inventories: BTreeMap<&Name, (&Name, &Inventory)> = read
            .flat_map(|(cluster, read)| read.organisations.iter().map(move |(name, one)| (name, (cluster, one))))
            .map(|(name, (cluster, one))| (name, (cluster, &one.stored.inventory)))
            .collect();
        let plans: BTreeMap<&Name, &OrganisationPlan> =
            plan.organisations.iter().map(|one| (&one.organisation, one)).collect();
        for done in &outcome.organisations {
            let name = &done.organisation;
            let Some(plan) = plans.get(name) else { continue };
            self.attention.note(checked.objects.get(name), plan, done, moment);
            // Of a lost inventory, what was known before is still the best that is known.
            let inventory = inventories.get(name).filter(|_| !plan.is_lost());
            if let (Some(applied), Some((cluster, inventory))) = (&mut self.applied, inventory) {
                let head = checked.commit.as_ref().map(|commit| &commit.id);
                let now = checked.commits.get(name).or(head).map(|commit| commit.0.as_str());
                let at = |commit: &str| garden.organisations.get(name).filter(|_| now == Some(commit)).cloned();
                applied.note(name, cluster, inventory, at);
            }
        }
        let is_known = |name: &Name| garden.organisations.contains_key(name) || garden.broken.contains(name);
        self.attention.forget(is_known, |cluster| garden.clusters.contains_key(cluster));
        self.watching.forget(is_known);
        self.watching.look_after(live);
    }

    /// Pure: what a round looked at is neither stirred nor due any more.
    pub(super) fn settle(&mut self, looked_at: &BTreeSet<Name>, moment: Moment) {
        self.stirred.retain(|name| !looked_at.contains(name));
        self.attention.settle_dues(looked_at, moment);
    }

    /// Every organisation is to be verified with the servers, one after the other.
    pub(super) fn verify_all(&mut self) {
        let all: Vec<Name> = self.attention.objects().map(|(name, _)| name.clone()).collect();
        self.attention.verify(all.into_iter());
    }
}

/// Inventories that wait for their turn.
fn packed(inventories: BTreeMap<Name, StoredInventories>) -> BTreeMap<Name, PackedInventories> {
    let pack = |inventories: StoredInventories| {
        let packed = inventories.into_iter().map(|(name, read)| (name, read.map(StoredInventory::pack)));
        packed.collect::<PackedInventories>()
    };
    inventories.into_iter().map(|(cluster, inventories)| (cluster, pack(inventories))).collect()
}

/// Inventories whose turn has come.
fn opened(packed: impl IntoIterator<Item = (Name, Result<PackedInventory, InventoryError>)>) -> StoredInventories {
    packed.into_iter().map(|(name, read)| (name, read.map(PackedInventory::open))).collect()
}

/// Apps that are retired in the garden and of which nothing is left.
fn gone(past: &PastOrganisation, inventory: &Inventory) -> BTreeSet<Name> {
    let left: BTreeSet<&Name> = inventory.entries.values().filter_map(|entry| entry.app.as_ref()).collect();
    let retired = past
        .each()
        .flat_map(|organisation| organisation.apps.values())
        .filter(|app| matches!(app.life, Life::Retired(_)));
    retired.map(|app| app.name.clone()).filter(|name| !left.contains(name)).collect()
}
