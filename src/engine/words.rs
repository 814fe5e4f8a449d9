//! Words of people beside a running loop: marks that whoever holds the lease carries out once, removes, and tells.
//!
//! A command puts its word down, and waits until the holder of the lease has taken it up. Where nobody holds the lease, it takes
//! that itself and does the same: there is one way by which a word comes about.
//!
//! | the process ends | what the next holder finds |
//! |---|---|
//! | before the inventory is written | the mark: it is carried out |
//! | after it | the mark, and in the inventory that it was carried out: it is only removed |
//! | after the mark is removed | nothing to do; what the word asked for stands in the inventory, and plans are made of it |

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::clusters::Clusters;
use super::note::Note;
use super::recover::Recovered;
use super::session::Session;
use crate::cause::reason_of;
use crate::cluster::marks::{self, FoundMark};
use crate::cluster::{Connection, Leader, Permit, StoredInventories, StoredInventory, Writer, inventory};
use crate::name::Name;
use crate::plan::{self, MARK_VERSION, SpokenWord, WordMark, WordTarget};

/// How long a command waits for the holder of the lease to take its word up.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(20);

/// So many words that were carried out are remembered before those whose marks are gone are forgotten.
const REMEMBERED: usize = 16;

/// How often it looks.
const LOOKS: Duration = Duration::from_millis(250);

/// What became of the words of a command on one cluster.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heeded {
    /// This process carried them out.
    Here,
    /// The holder of the lease has taken them up.
    By(String),
    /// They lie there: the holder of the lease has not taken them up yet.
    LeftFor(String),
}

/// What a person says, and why.
#[derive(Clone, Debug)]
pub(crate) struct Speaker {
    pub(crate) who: String,
    pub(crate) why: String,
    /// When, in Unix seconds.
    pub(crate) when: i64,
}

impl Speaker {
    /// A mark of this person.
    pub(crate) fn mark(&self, organisation: &Name, word: SpokenWord, uid: String) -> WordMark {
        let Self { who, why, when } = self.clone();
        WordMark { version: MARK_VERSION, organisation: organisation.clone(), word, uid, who, when, why }
    }
}

/// One cluster on which words are heard.
struct Hearing<'a> {
    writer: &'a Writer,
    garden: &'a Name,
    /// The names of all marks that lie there.
    lying: BTreeSet<String>,
}

impl Session {
    /// IO: carries out the words that lie on the clusters that this process leads: on all of them, or on those where a watch
    /// has seen some. Says whether there was any.
    pub(super) async fn hear_words(&mut self, now: jiff::Timestamp, all: bool) -> bool {
        let Some(garden) = self.clusters.as_ref().map(|clusters| clusters.garden.clone()) else { return false };
        let (connections, permits) = (self.connections(), self.permits());
        let seen = self.known.watching.with_words();
        let mut any = false;
        for (cluster, connection) in &connections {
            if self.is_left_alone(cluster) || !(all || seen.contains(cluster)) {
                continue;
            }
            let permit = permits.get(cluster).cloned().unwrap_or(Permit::Always);
            match self.hear_on(cluster, connection, &garden, permit, now).await {
                Ok(heard) => any |= heard,
                Err(why) => {
                    self.notes.push(Note::WordFailed { cluster: cluster.clone(), why });
                    self.known.watching.look_at_words(cluster);
                }
            }
        }
        if std::mem::take(&mut self.known.recovered) {
            self.compare_with_recovered(now).await;
        }
        any
    }

    /// IO: what was taken back is the past that the garden is checked against from now on.
    async fn compare_with_recovered(&mut self, now: jiff::Timestamp) {
        self.learn(now).await;
        let head = self.checked.commit.as_ref().map(|commit| commit.id.clone());
        // What cannot be checked again now is with the next commit, and until then stays as it was checked.
        let _failed = self.check(head.as_ref(), now).await;
    }

    async fn hear_on(
        &mut self,
        cluster: &Name,
        connection: &Connection,
        garden: &Name,
        permit: Permit,
        now: jiff::Timestamp,
    ) -> Result<bool, String> {
        let marks = marks::list(connection, garden, now.as_second()).await.map_err(|error| reason_of(&error))?;
        if marks.is_empty() {
            return Ok(false);
        }
        let written = self.clusters.as_ref().and_then(|clusters| clusters.written.get(cluster));
        let Some(written) = written else { return Ok(false) };
        let writer = connection.writer(written, permit).await.map_err(|error| reason_of(&error))?;
        let named: BTreeSet<Name> = marks.iter().filter_map(|mark| Name::new(&mark.organisation).ok()).collect();
        let mut stored =
            inventory::read_of(connection, garden, Some(&named)).await.map_err(|error| reason_of(&error))?;
        let lying = marks.iter().map(|mark| mark.name.clone()).collect();
        let hearing = Hearing { writer: &writer, garden, lying };
        for mark in &marks {
            let told = if is_recovery(mark) {
                let place = (cluster, connection, &writer);
                self.recover_by_word(place, mark, &mut stored, now).await.map(|recovered| match recovered {
                    Recovered::Taken(text) => {
                        self.known.recovered = true;
                        Some(text)
                    }
                    Recovered::Not(text) => text,
                })
            } else {
                hearing.carry_out(mark, &mut stored).await
            };
            let done = match told {
                Ok(told) => {
                    self.notes.extend(told.map(|text| Note::Word { cluster: cluster.clone(), text }));
                    marks::remove(&writer, mark).await.map_err(|error| reason_of(&error))
                }
                failed => failed.map(drop),
            };
            if let Err(why) = done {
                self.notes.push(Note::WordFailed { cluster: cluster.clone(), why });
                self.known.watching.look_at_words(cluster);
            }
        }
        for (name, stored) in stored {
            self.known.stirred.insert(name.clone());
            // What was read a moment ago is not what is there any more.
            if let (Some(known), Ok(stored)) = (self.known.inventories.get_mut(cluster), stored) {
                known.insert(name, Ok(stored.pack()));
            }
        }
        Ok(true)
    }

    /// IO: puts words down on a cluster, and sees to it that they are carried out: by the holder of the lease, or here.
    pub(crate) async fn say(
        &mut self,
        cluster: &Name,
        words: &[WordMark],
        now: jiff::Timestamp,
    ) -> Result<Heeded, String> {
        let connections = self.connections();
        let (Some(connection), Some(clusters)) = (connections.get(cluster), &self.clusters) else {
            return Err("it is not reached".to_owned());
        };
        let (garden, written) = (clusters.garden.clone(), clusters.written.get(cluster).cloned());
        let Some(written) = written else { return Err("the garden does not know it".to_owned()) };
        let writer = connection.writer(&written, Permit::Always).await.map_err(|error| reason_of(&error))?;
        let mut lying = Vec::new();
        for word in words {
            let nonce = nonce().ok_or("the system gives no random bytes")?;
            lying.push(marks::put(&writer, &garden, word, &nonce).await.map_err(|error| reason_of(&error))?);
        }
        let holder = self.holder(connection, &garden).await;
        if let Some(holder) = holder
            && taken_up(connection, &lying).await
        {
            self.assert_counted(connection, &garden, words, &lying).await?;
            return Ok(Heeded::By(holder));
        }
        self.take_leases().await;
        if self.is_left_alone(cluster) {
            let holder = self.holder(connection, &garden).await;
            return Ok(Heeded::LeftFor(holder.unwrap_or_else(|| "whoever holds the lease".to_owned())));
        }
        let _heard = self.hear_words(now, true).await;
        self.assert_counted(connection, &garden, words, &lying).await?;
        Ok(Heeded::Here)
    }

    /// IO: that words came about, and were not told to count for nothing: the inventories remember those that did. What was taken
    /// back stands for itself.
    async fn assert_counted(
        &mut self,
        connection: &Connection,
        garden: &Name,
        words: &[WordMark],
        lying: &[String],
    ) -> Result<(), String> {
        let named: BTreeSet<Name> = words.iter().map(|word| word.organisation.clone()).collect();
        let read = inventory::read_of(connection, garden, Some(&named)).await.map_err(|error| reason_of(&error))?;
        for (word, name) in words.iter().zip(lying).filter(|(word, _)| !matches!(word.word, SpokenWord::Recover { .. }))
        {
            let counted = read.get(&word.organisation).and_then(|stored| stored.as_ref().ok());
            if counted.is_some_and(|stored| stored.inventory.words.contains(name)) {
                continue;
            }
            let is_own = |note: &Note| matches!(note, Note::Word { text, .. } if text.contains(name));
            let why = match self.notes.iter().position(is_own).map(|at| self.notes.remove(at)) {
                Some(Note::Word { text, .. }) => text,
                _ => format!("the word `{name}` counts for nothing: what it is about has changed since it was said"),
            };
            return Err(why);
        }
        Ok(())
    }

    /// Who holds the lease of a cluster and shows life.
    async fn holder(&self, connection: &Connection, garden: &Name) -> Option<String> {
        if !self.clusters.as_ref().is_some_and(Clusters::are_shared) {
            return None;
        }
        let leader = Leader::read(connection, garden).await.ok().flatten()?;
        leader.holder.clone().filter(|_| leader.lives() != Some(false))
    }

    /// IO: the inventories of each cluster as they are now.
    pub(crate) async fn inventories(&self) -> (BTreeMap<Name, StoredInventories>, BTreeMap<Name, String>) {
        let Some(clusters) = &self.clusters else { return (BTreeMap::new(), BTreeMap::new()) };
        super::known::past::read_inventories(&self.connections(), &clusters.garden).await
    }

    /// IO: what lies there and was not carried out yet, in words, by organisation. What cannot be read is told when it is heard.
    pub(crate) async fn lying_words(&self, now: jiff::Timestamp) -> BTreeMap<String, Vec<String>> {
        let mut lying: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let Some(clusters) = &self.clusters else { return lying };
        for connection in self.connections().values() {
            let marks = marks::list(connection, &clusters.garden, now.as_second()).await.unwrap_or_default();
            for mark in marks {
                let words = mark
                    .word
                    .map_or_else(|why| format!("a word that counts for nothing: {why}"), |word| word.to_string());
                lying.entry(mark.organisation).or_default().push(words);
            }
        }
        lying
    }
}

impl Hearing<'_> {
    /// IO: carries out one mark, unless that was done; says what people are to know of it. A mark that counts for nothing is
    /// told, and goes.
    async fn carry_out(&self, mark: &FoundMark, stored: &mut StoredInventories) -> Result<Option<String>, String> {
        let nothing =
            |why: &str| Ok(Some(format!("the word `{}` counts for nothing and is removed: {why}", mark.name)));
        let word = match &mark.word {
            Ok(word) => word,
            Err(why) => return nothing(why),
        };
        let stored = match stored.get_mut(&word.organisation) {
            Some(Ok(stored)) if !stored.uid.is_empty() => stored,
            Some(Err(error)) => return Err(reason_of(error)),
            _ => return nothing(&format!("nothing of `{}` is known here", word.organisation)),
        };
        if stored.inventory.words.contains(&mark.name) {
            return Ok(None);
        }
        let mut next = stored.inventory.clone();
        let mut paused = stored.paused.clone();
        let mut target = WordTarget { uid: &stored.uid, inventory: &mut next, paused: &mut paused };
        if let Err(why) = plan::carry_out_word(word, &mut target) {
            return nothing(&why);
        }
        // Whoever said one looks for it for a moment after its mark is gone.
        if next.words.len() >= REMEMBERED {
            next.words.retain(|name| self.lying.contains(name));
        }
        next.words.insert(mark.name.clone());
        self.write(&word.organisation, stored, paused, &next).await?;
        Ok(Some(word.to_string()))
    }

    /// IO: writes what a word comes to, and that it was carried out, at once.
    async fn write(
        &self,
        organisation: &Name,
        stored: &mut StoredInventory,
        paused: Option<String>,
        next: &plan::Inventory,
    ) -> Result<(), String> {
        stored.paused = paused;
        let written = inventory::write_words(self.writer, self.garden, organisation, stored, next).await;
        written.map_err(|error| reason_of(&error))
    }
}

/// Whether a mark says that an organisation is taken back.
fn is_recovery(mark: &FoundMark) -> bool {
    matches!(&mark.word, Ok(WordMark { word: SpokenWord::Recover { .. }, .. }))
}

/// IO: whether marks are gone in time.
async fn taken_up(connection: &Connection, lying: &[String]) -> bool {
    let end = Instant::now() + TAKEN_UP_WITHIN;
    loop {
        let mut left = false;
        for name in lying {
            left |= marks::is_there(connection, name).await.unwrap_or(true);
        }
        if !left {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        sleep(LOOKS).await;
    }
}

/// A random word by which a mark has a name of its own.
fn nonce() -> Option<String> {
    let mut bytes = [0_u8; 6];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
