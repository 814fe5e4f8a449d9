//! What the watches of one cluster show, in a few words an object: whether it is as desired, and how it fares.
//!
//! Pure but for a lock and a bell. Reads, watches and writes all tell it what they saw; the loop asks it which
//! organisations were stirred and which objects need no look. It holds hashes, never bodies, and nothing of a Secret's
//! values: under 400 bytes an object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::Notify;

use self::fields::{has_run, organisation, version_of};
use super::followed::{FollowedSecrets, SecretPlace, SecretVersion, SourceRead};
use super::inventory::{INVENTORY_LABEL, PAUSED, is_part};
use super::marks::is_mark;
use crate::kind;
use crate::name::Name;
use crate::plan::{Health, LiveObject, OwnValues, Settled, Verified, data_of, health, is_complete, marked_generation};
use crate::render::ObjectId;

mod fields;

/// What the watches of one cluster show.
#[derive(Debug, Default)]
pub struct Mirror {
    seen: Mutex<Seen>,
    bell: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Seen {
    /// By kind and group, whatever the version of the API.
    records: BTreeMap<String, BTreeMap<Place, Record>>,
    /// Objects of which something of ours moved, and whose they are.
    moved: BTreeMap<(String, Place), Option<Name>>,
    /// Organisations in which the health of an object is another.
    fared: BTreeSet<Name>,
    /// Why each organisation is paused in the cluster, if it is.
    paused: BTreeMap<Name, Option<String>>,
    /// Organisations that were paused, or are no longer, and those of which a job has ended.
    lifted: BTreeSet<Name>,
    /// Secrets that others follow.
    followed: FollowedSecrets,
    /// Jobs that were seen to have done their work, by uid: they may be gone before that is recorded.
    ended: BTreeMap<Place, Box<str>>,
    /// Jobs of which a container was seen, by uid.
    ran: BTreeMap<Place, Box<str>>,
    /// Jobs that were watched until they were gone, and of which no container was ever seen, by uid.
    unstarted: BTreeMap<Place, Box<str>>,
    /// The generation of its inventory that each namespace carries, by its name.
    generations: BTreeMap<Arc<str>, u64>,
    /// Whether people's words lie there.
    has_words: bool,
    /// Whether definitions of kinds or webhooks changed.
    facts: bool,
}

/// Namespace and name.
type Place = (Arc<str>, Arc<str>);

#[derive(Debug)]
struct Record {
    organisation: Option<Name>,
    uid: Box<str>,
    /// The resourceVersion, where it is a number.
    version: Option<u64>,
    /// Our fields as they are; where some are left to others, with what others own.
    own: OwnValues,
    /// Whether fields of it are left to others.
    leaves_fields: bool,
    /// Our fields as they were when applying what is desired was known to change nothing, and the hash of what was
    /// desired (T0).
    verified: Option<(OwnValues, Box<str>)>,
    health: Health,
    /// Which data it stands for.
    data: Option<Box<str>>,
}

/// What happened since it was asked last.
#[derive(Debug, Default)]
pub(crate) struct Stirred {
    /// Organisations of which something of ours is not as it was verified.
    pub(crate) moved: BTreeSet<Name>,
    /// Organisations in which the health of an object is another.
    pub(crate) fared: BTreeSet<Name>,
    /// Whether definitions of kinds or webhooks changed: what is desired has to be verified anew.
    pub(crate) facts: bool,
}

impl Mirror {
    /// An empty one; `bell` is rung when something is stirred.
    pub(crate) fn new(bell: Arc<Notify>) -> Self {
        Self { seen: Mutex::default(), bell }
    }

    /// A read, or the answer to a write, showed an object; `verified` is what it is as desired against, where it is that.
    pub(crate) fn read(&self, id: &ObjectId, live: &LiveObject, verified: Option<Verified>) {
        let leaves_fields = verified.as_ref().is_some_and(|verified| verified.leaves_fields);
        let own = own_of(&live.body, leaves_fields);
        let version = live.resource_version.parse().ok();
        let mut record = Record {
            organisation: organisation(&live.body),
            uid: live.uid.as_str().into(),
            version,
            own,
            leaves_fields,
            verified: verified.map(|verified| (own, verified.hash.into())),
            health: health(&live.body),
            data: data_of(&live.body).map(Box::from),
        };
        let mut seen = self.seen();
        seen.note_generation(id, &live.body);
        let records = seen.records.entry(kind_of(id)).or_default();
        // A watch may have been quicker.
        if let Some(newer) = records.remove(&place_of(id)).filter(|known| known.version > version) {
            record = Record { verified: record.verified, ..newer };
        }
        records.insert(place_of(id), record);
    }

    /// We deleted an object.
    pub(crate) fn deleted(&self, id: &ObjectId) {
        let mut seen = self.seen();
        if let Some(records) = seen.records.get_mut(&kind_of(id)) {
            records.remove(&place_of(id));
        }
        if id.is(kind::JOB) {
            seen.ended.remove(&place_of(id));
            seen.ran.remove(&place_of(id));
        }
    }

    /// Whether a Job of this uid was seen to have done its work.
    pub(crate) fn saw_end(&self, id: &ObjectId, uid: &str) -> bool {
        self.seen().ended.get(&place_of(id)).is_some_and(|seen| **seen == *uid)
    }

    /// Whether a Job of this uid was watched until it was gone, and no container of it was seen.
    pub(crate) fn never_saw_start(&self, id: &ObjectId, uid: &str) -> bool {
        self.seen().unstarted.get(&place_of(id)).is_some_and(|seen| **seen == *uid)
    }

    /// What is known of an object that is as desired: seen with this uid, and unchanged since it was verified against
    /// this hash.
    pub(crate) fn settled(&self, id: &ObjectId, uid: &str, wanted: &str) -> Option<Settled> {
        let (kind, place) = (kind_of(id), place_of(id));
        let seen = self.seen();
        let record = seen.record(&kind, &place).filter(|record| &*record.uid == uid)?;
        if seen.is_behind(&kind, &place) {
            return None;
        }
        let hash = record.verified_against()?;
        let generation = seen.generations.get(&id.name).copied().filter(|_| id.is(kind::NAMESPACE));
        (hash == wanted).then(|| Settled { health: record.health.clone(), data: record.data.clone(), generation })
    }

    /// Notes that a Secret is about to be read for those that follow it; to be given to [`follow`](Self::follow).
    pub(super) fn begin_source(&self, place: &SecretPlace) -> u64 {
        self.seen().followed.begin_read(place)
    }

    /// Notes what a Secret of an organisation follows, as it was read.
    pub(super) fn follow(&self, follower: &ObjectId, organisation: &Name, reads: &[SourceRead]) {
        self.seen().followed.follow(&place_of(follower), organisation, reads);
    }

    /// Forgets what organisations follow that are not known any more.
    pub(crate) fn forget_followers(&self, known: impl Fn(&Name) -> bool) {
        self.seen().followed.forget(known);
    }

    /// A watch showed an object as it is now, with its type.
    pub(super) fn is(&self, id: &ObjectId, object: &Value) {
        if is_mark(object) {
            let mut seen = self.seen();
            seen.has_words = true;
            return self.ring(seen);
        }
        if id.is(kind::CONFIG_MAP) && is_part(object) {
            return self.inventory_is(object);
        }
        let (fares, version) = (health(object), version_of(object));
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        let organisation = organisation(object);
        let (kind, place) = (kind_of(id), place_of(id));
        let mut seen = self.seen();
        if id.is(kind::JOB) && is_complete(object) {
            seen.ended.insert(place.clone(), uid.into());
        }
        seen.note_generation(id, object);
        if id.is(kind::JOB) && has_run(object) {
            seen.ran.insert(place.clone(), uid.into());
        }
        let records = seen.records.entry(kind.clone()).or_default();
        let known = records.remove(&place);
        if known.as_ref().is_some_and(|known| known.version > version) {
            records.extend(known.map(|known| (place, known)));
            return;
        }
        let leaves_fields = known.as_ref().is_some_and(|known| known.leaves_fields);
        let own = own_of(object, leaves_fields);
        let same = known.as_ref().is_some_and(|known| known.own == own);
        let as_healthy = known.as_ref().is_none_or(|known| known.health.state == fares.state);
        // Of a job it matters that it starts, fails once more, and ends.
        let has_moved = known.as_ref().is_some_and(|known| known.health != fares);
        let data: Option<Box<str>> = data_of(object).map(Box::from);
        // It has been given a volume: the inventory is to know which.
        let is_named = data.is_some() && known.as_ref().is_some_and(|known| known.data != data);
        let verified = known.and_then(|known| known.verified);
        let (whose, uid) = (organisation.clone(), uid.into());
        let record = Record { organisation: whose, uid, version, own, leaves_fields, verified, health: fares, data };
        records.insert(place.clone(), record);
        let is_looked_at = is_named || (id.is(kind::JOB) && has_moved);
        if is_looked_at {
            seen.lifted.extend(organisation.clone());
        }
        if !same {
            seen.moved.insert((kind, place), organisation.clone());
        }
        if !as_healthy {
            seen.fared.extend(organisation);
        }
        if !(same && as_healthy) || is_looked_at {
            self.ring(seen);
        }
    }

    /// Of inventories only matters whether somebody paused their organisation: the rest we write ourselves.
    fn inventory_is(&self, object: &Value) {
        let Some(organisation) = organisation(object) else { return };
        if object["metadata"]["labels"][INVENTORY_LABEL] != "0" {
            return;
        }
        let paused = object["metadata"]["annotations"][PAUSED].as_str().map(str::to_owned);
        let mut seen = self.seen();
        let before = seen.paused.insert(organisation.clone(), paused.clone());
        if before.is_some_and(|before| before != paused) {
            seen.lifted.insert(organisation);
            self.ring(seen);
        }
    }

    /// A watch showed that an object is gone, or has lost our labels.
    pub(super) fn gone(&self, id: &ObjectId) {
        let (kind, place) = (kind_of(id), place_of(id));
        let mut seen = self.seen();
        if id.is(kind::JOB)
            && let Some(uid) = seen.record(&kind, &place).map(|record| record.uid.clone())
            && seen.ran.remove(&place).is_none_or(|ran| ran != uid)
        {
            seen.unstarted.insert(place.clone(), uid);
        }
        if seen.drop_record(&kind, &place) {
            self.ring(seen);
        }
    }

    /// A list showed everything there is of a kind: the rest is gone.
    pub(super) fn only(&self, kind: &ObjectId, there: &BTreeSet<Place>) {
        let kind = kind_of(kind);
        let mut seen = self.seen();
        let known = seen.records.get(&kind).into_iter().flatten().map(|(place, _)| place);
        let missing: Vec<Place> = known.filter(|place| !there.contains(*place)).cloned().collect();
        let dropped = missing.iter().filter(|place| seen.drop_record(&kind, place)).count();
        if dropped > 0 {
            self.bell.notify_one();
        }
        drop(seen);
        if kind == secrets() {
            missing.iter().for_each(|place| self.source_is(place, None));
        }
    }

    /// A watch showed a version of a Secret, ours or not: whoever follows another one is looked at.
    pub(super) fn source_is(&self, place: &SecretPlace, version: SecretVersion) {
        let mut seen = self.seen();
        let behind = seen.followed.show(place, version);
        if behind.is_empty() {
            return;
        }
        let kind = secrets();
        seen.moved.extend(behind.into_iter().map(|(place, whose)| ((kind.clone(), place), Some(whose))));
        self.ring(seen);
    }

    /// A list showed every Secret that is not ours: sources that are neither in it nor ours are gone.
    pub(super) fn only_sources(&self, there: &BTreeSet<Place>) {
        let seen = self.seen();
        let ours = |place: &Place| seen.record(&secrets(), place).is_some();
        let gone: Vec<Place> =
            seen.followed.there().into_iter().filter(|place| !there.contains(place) && !ours(place)).collect();
        drop(seen);
        gone.iter().for_each(|place| self.source_is(place, None));
    }

    /// A definition of a kind, or a webhook, changed.
    pub(super) fn facts_moved(&self) {
        let mut seen = self.seen();
        seen.facts = true;
        self.ring(seen);
    }

    /// Words of people are to be looked at, or looked at again; nobody is woken for that.
    pub(crate) fn look_at_words(&self) {
        self.seen().has_words = true;
    }

    /// Whether words of people were seen since it was asked last.
    pub(crate) fn take_words(&self) -> bool {
        std::mem::take(&mut self.seen().has_words)
    }

    /// What happened since it was asked last. An organisation counts as moved only while something of it is not as it was
    /// verified: what we wrote ourselves is, as soon as its answer is here.
    pub(crate) fn take_stirred(&self) -> Stirred {
        let mut seen = self.seen();
        let (moved, fared) = (std::mem::take(&mut seen.moved), std::mem::take(&mut seen.fared));
        let facts = std::mem::take(&mut seen.facts);
        let stands = |(kind, place): &(String, Place)| {
            seen.record(kind, place).is_some_and(|record| record.verified_against().is_some())
                && !seen.is_behind(kind, place)
        };
        let mut moved: BTreeSet<Name> =
            moved.into_iter().filter(|(object, _)| !stands(object)).filter_map(|(_, whose)| whose).collect();
        moved.append(&mut seen.lifted);
        Stirred { moved, fared, facts }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self, seen: MutexGuard<'_, Seen>) {
        drop(seen);
        self.bell.notify_one();
    }
}

impl Seen {
    fn note_generation(&mut self, id: &ObjectId, object: &Value) {
        match marked_generation(object) {
            _ if !id.is(kind::NAMESPACE) => {}
            Some(generation) => drop(self.generations.insert(id.name.clone(), generation)),
            None => drop(self.generations.remove(&id.name)),
        }
    }

    fn record(&self, kind: &str, place: &Place) -> Option<&Record> {
        self.records.get(kind)?.get(place)
    }

    /// Whether an object is a Secret of which a source has another version than it follows.
    fn is_behind(&self, kind: &str, place: &Place) -> bool {
        kind == secrets() && self.followed.is_behind(place)
    }

    /// Forgets an object that is gone; says whether it was known.
    fn drop_record(&mut self, kind: &str, place: &Place) -> bool {
        let Some(record) = self.records.get_mut(kind).and_then(|records| records.remove(place)) else { return false };
        self.moved.insert((kind.to_owned(), place.clone()), record.organisation);
        true
    }
}

impl Record {
    /// The hash of what is desired, where the object is still as it was when it was verified against it.
    fn verified_against(&self) -> Option<&str> {
        self.verified.as_ref().filter(|(own, _)| *own == self.own).map(|(_, hash)| &**hash)
    }
}

/// What must stand still for an object to be as it was verified.
fn own_of(object: &Value, leaves_fields: bool) -> OwnValues {
    if leaves_fields { OwnValues::with_others(object) } else { OwnValues::of(object) }
}

fn kind_of(id: &ObjectId) -> String {
    match id.group() {
        "" => id.kind.to_string(),
        group => format!("{}.{group}", id.kind),
    }
}

/// The kind of Secrets, as records are kept by it.
fn secrets() -> String {
    kind::SECRET.kind.to_owned()
}

fn place_of(id: &ObjectId) -> Place {
    (id.namespace.clone(), id.name.clone())
}
