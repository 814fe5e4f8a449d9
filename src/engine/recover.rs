//! Organisations whose inventories are lost: what could be taken back, and how it is, once a person has seen the list.
//!
//! The list is made twice by the same code: for the person who confirms it, and by whoever carries the word out, who takes nothing
//! back unless it comes to the same. Killed before the inventory is written, the mark still lies there; after it, the inventory says
//! that the word was carried out.

use std::collections::{BTreeMap, BTreeSet};

use super::options::RoundOptions;
use super::session::Session;
use super::stages;
use super::stages::decide::input;
use super::state::RoundState;
use crate::cause::reason_of;
use crate::cluster::marks::FoundMark;
use crate::cluster::read::{Leftovers, leftovers};
use crate::cluster::{Connection, StoredInventories, StoredInventory, Writer, inventory};
use crate::git::{CommitId, GitError};
use crate::kind;
use crate::name::Name;
use crate::plan::{self, Inventory, Recovery, SpokenWord};

/// An organisation whose inventory is lost or cannot be read.
#[derive(Debug)]
pub(crate) struct LostInventory {
    pub(crate) organisation: Name,
    pub(crate) cluster: Name,
    /// Why it cannot be read, where it is there.
    pub(crate) damaged: Option<String>,
    /// What would be taken back.
    pub(crate) recovery: Recovery,
    /// What else lies in its namespace with our labels.
    pub(crate) leftovers: Leftovers,
}

/// What was found out of organisations that a person asked about.
#[derive(Debug, Default)]
pub(crate) struct LostInventories {
    pub(crate) found: Vec<LostInventory>,
    /// How many objects the inventories of others know, which are not lost.
    pub(crate) known: BTreeMap<Name, usize>,
    /// Organisations of which nothing is there: nothing is lost.
    pub(crate) unmade: BTreeSet<Name>,
    /// Clusters that could not be read, with the reason.
    pub(crate) unread: BTreeMap<Name, String>,
}

/// What was read of one organisation.
struct ReadAgain {
    recovery: Recovery,
    /// Whether it looks as if an inventory was there.
    is_lost: bool,
}

impl Session {
    /// The commit that a revision names.
    pub(crate) fn commit_of(&self, revision: &str) -> Result<CommitId, GitError> {
        let repository = self.repository().ok_or_else(|| GitError::NoRepository("the garden".to_owned()))?;
        Ok(repository.commit(revision)?.id)
    }

    /// IO: the organisations among these whose inventories are lost, with what is there of them.
    pub(crate) async fn lost_inventories(
        &self,
        wanted: &BTreeSet<Name>,
        commit: &str,
        now: jiff::Timestamp,
    ) -> LostInventories {
        let (inventories, unread) = self.inventories().await;
        let mut lost = LostInventories { unread, ..LostInventories::default() };
        lost.unread.extend(self.unreached());
        for (cluster, stored) in &inventories {
            let here = |name: &&Name| self.checked.objects.get(*name).is_some_and(|packed| packed.cluster == *cluster);
            for name in wanted.iter().filter(here) {
                let damaged = match stored.get(name) {
                    Some(Ok(stored)) if knows_namespace(&stored.inventory, name) => {
                        match self.outdated(cluster, name, &stored.inventory).await {
                            Ok(None) => {
                                lost.known.insert(name.clone(), stored.inventory.entries.len());
                                continue;
                            }
                            Ok(why) => why,
                            Err(why) => {
                                lost.unread.insert(cluster.clone(), why);
                                continue;
                            }
                        }
                    }
                    Some(Err(error)) => Some(reason_of(error)),
                    Some(Ok(_)) | None => None,
                };
                match self.lost_inventory(cluster, name, damaged, commit, now).await {
                    Ok(Some(found)) => lost.found.push(found),
                    Ok(None) => drop(lost.unmade.insert(name.clone())),
                    Err(why) => drop(lost.unread.insert(cluster.clone(), why)),
                }
            }
        }
        lost
    }

    /// IO: why an inventory is not that of the cluster as it is; `None` where it is.
    async fn outdated(&self, cluster: &Name, name: &Name, inventory: &Inventory) -> Result<Option<String>, String> {
        let written = self.clusters.as_ref().and_then(|clusters| clusters.written.get(cluster));
        if written.is_some_and(|written| !inventory.cluster.is_empty() && inventory.cluster != written.uid.value) {
            return Ok(Some("it is that of another cluster".to_owned()));
        }
        let connections = self.connections();
        let connection = connections.get(cluster).ok_or("it is not reached")?;
        let carried = inventory::marked(connection, name.as_str()).await.map_err(|error| reason_of(&error))?;
        let is_older = carried.is_some_and(|carried| carried > inventory.generation);
        Ok(is_older.then(|| "it is older than the cluster".to_owned()))
    }

    async fn lost_inventory(
        &self,
        cluster: &Name,
        name: &Name,
        damaged: Option<String>,
        commit: &str,
        now: jiff::Timestamp,
    ) -> Result<Option<LostInventory>, String> {
        let ReadAgain { mut recovery, is_lost } = self.read_again(cluster, name, commit, now).await?;
        if !is_lost && damaged.is_none() {
            return Ok(None);
        }
        let connections = self.connections();
        let (Some(connection), Some(clusters)) = (connections.get(cluster), &self.clusters) else {
            return Err("it is not reached".to_owned());
        };
        let leftovers = leftovers(connection, &clusters.garden, name).await.map_err(|error| reason_of(&error))?;
        let is_told = |id: &crate::render::ObjectId| recovery.is_listed(id);
        let unasked: BTreeSet<_> = leftovers.objects.iter().filter(|id| !is_told(id)).cloned().collect();
        recovery.unasked.extend(unasked);
        let (organisation, cluster) = (name.clone(), cluster.clone());
        Ok(Some(LostInventory { organisation, cluster, damaged, recovery, leftovers }))
    }

    /// IO: reads an organisation as if nothing were known of it.
    async fn read_again(
        &self,
        cluster: &Name,
        name: &Name,
        commit: &str,
        now: jiff::Timestamp,
    ) -> Result<ReadAgain, String> {
        let only = BTreeSet::from([name.clone()]);
        let options = RoundOptions { only: Some(only.clone()), ..RoundOptions::unasked(now) };
        let (objects, connections, truces) = (self.open_objects(&only), self.connections(), BTreeMap::new());
        let unwatched = BTreeMap::new();
        let state = self.round_state(&options, &only, &objects, &connections, &truces);
        let state = state.ok_or("there is no garden at the commit")?;
        let round = RoundState { watched: &unwatched, ..state };
        let nothing = BTreeMap::from([(cluster.clone(), StoredInventories::new())]);
        let live = stages::read(&round, nothing).await;
        let read = live.clusters.get(cluster).ok_or("it is not read")?;
        let read = read.as_ref().map_err(|failure| reason_of(failure))?;
        let written = round.garden.organisations.get(name);
        let (Some(one), Some(written)) = (read.organisations.get(name), written) else {
            return Err(format!("the garden does not render `{name}` at the commit that is known here"));
        };
        let input = input(&round, &read.facts.schemas, one);
        let is_lost = plan::organisation(&input).is_lost();
        Ok(ReadAgain { recovery: plan::recovery(&input, written, commit), is_lost })
    }

    /// IO: takes an organisation back, where what is there comes to the list that a person confirmed; says what people are to know.
    pub(super) async fn recover_by_word(
        &self,
        (cluster, connection, writer): (&Name, &Connection, &Writer),
        mark: &FoundMark,
        stored: &mut StoredInventories,
        now: jiff::Timestamp,
    ) -> Result<Recovered, String> {
        let Ok(word) = &mark.word else { return Ok(Recovered::Not(None)) };
        let SpokenWord::Recover { listed, commit } = &word.word else { return Ok(Recovered::Not(None)) };
        let name = &word.organisation;
        let nothing = |why: &str| {
            Ok(Recovered::Not(Some(format!("the word `{}` counts for nothing and is removed: {why}", mark.name))))
        };
        let garden = self.clusters.as_ref().map(|clusters| clusters.garden.clone()).ok_or("there is no garden")?;
        let mut is_outdated = false;
        let mut kept = match stored.remove(name) {
            Some(Ok(known)) if known.inventory.words.contains(&mark.name) => {
                stored.insert(name.clone(), Ok(known));
                return Ok(Recovered::Not(None));
            }
            Some(Ok(known)) if knows_namespace(&known.inventory, name) => {
                if self.outdated(cluster, name, &known.inventory).await?.is_none() {
                    stored.insert(name.clone(), Ok(known));
                    return nothing("its inventory is not lost any more");
                }
                is_outdated = true;
                known
            }
            Some(Ok(known)) => known,
            Some(Err(_)) => inventory::damaged(connection, &garden, name).await.map_err(|error| reason_of(&error))?,
            None => StoredInventory::default(),
        };
        let ReadAgain { recovery, .. } = self.read_again(cluster, name, commit, now).await?;
        if recovery.digest != *listed || (recovery.namespace != word.uid && word.uid != *name.as_str()) {
            return nothing(&format!(
                "what is there or what the garden asks for has moved since it was listed; list it again: `{}`",
                plan::recover_command(name.as_str())
            ));
        }
        let mut next = recovery.inventory;
        // What is known of it all the same stays known, unless it is known of another day.
        let known = kept.inventory.entries.iter().filter(|_| !is_outdated);
        for (id, entry) in known.filter(|(id, _)| *id.namespace == *name.as_str()) {
            next.entries.entry(id.clone()).or_insert_with(|| entry.clone());
        }
        next.recovered_on = Some(word.when);
        next.words.insert(mark.name.clone());
        let carried = inventory::marked(connection, name.as_str()).await.map_err(|error| reason_of(&error))?;
        next.generation = kept.inventory.generation.max(carried.unwrap_or(0));
        let written = inventory::write(writer, &garden, name, name.as_str(), &mut kept, &next).await;
        written.map_err(|error| reason_of(&error))?;
        stored.insert(name.clone(), Ok(kept));
        let count = next.entries.len();
        Ok(Recovered::Taken(format!("{word}; its inventory knows {count} objects")))
    }
}

/// Whether an inventory is more than a rest: the first thing that it ever knows is the namespace.
fn knows_namespace(inventory: &Inventory, organisation: &Name) -> bool {
    inventory.entries.keys().any(|id| id.is(kind::NAMESPACE) && *id.name == *organisation.as_str())
}

/// What became of the word that an organisation is taken back.
pub(super) enum Recovered {
    /// It was; with what people are to know.
    Taken(String),
    /// It was not, or was before.
    Not(Option<String>),
}
