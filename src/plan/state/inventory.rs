//! What parcelle knows to be its own in one organisation: a superset of what exists, at every instant.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::gone::GoneData;
use super::jobs::JobRecord;
use super::own_fields::OwnFields;
use crate::model::{Claims, Footprint};
use crate::name::Name;
use crate::render::{ObjectId, Stage};

/// The inventory of one organisation on one cluster, as it stands in `parcelle-system`.
///
/// Written ahead of the first write (see [`ahead`](crate::plan::ahead)) and shrunk after the last (see [`after`](crate::plan::after)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Inventory {
    /// The garden and the organisation that it is of (`gardens/alternatiba`); empty until it is written.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub of: String,
    /// The uid of the cluster that it is of; empty until a plan is carried out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// How often it was written ahead of a plan. The namespace carries the last one (see [`GENERATION`](crate::plan::GENERATION)), so
    /// that a copy of an earlier day is told.
    #[serde(skip_serializing_if = "is_zero")]
    pub generation: u64,
    /// The commit that was last applied whole, in hexadecimal; empty before the first.
    pub commit: String,
    /// The hash of the plan that was last applied.
    pub plan_hash: String,
    /// The hash of the renderer and the definitions that made it.
    pub renderer_hash: String,
    /// When it was taken back last after the inventory was lost, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered_on: Option<i64>,
    /// Since when the whole organisation is retired, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_since: Option<i64>,
    /// The hashes of the hatches that were used when it was applied whole last.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub hatches: BTreeSet<String>,
    /// What acts later than it was applied, as it was applied whole last: nights, peaks, brakes, by word and app. Absent in what
    /// was written before it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<BTreeMap<String, String>>,
    /// What may be there besides what was applied whole: what the past of a check is made of.
    pub footprint: Footprint,
    /// What is remembered of one-time jobs, one record a job: by app and job (`cloud/upgrade`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<String, JobRecord>,
    /// The words of people that were carried out and whose marks may still be there: none is carried out twice.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub words: BTreeSet<String>,
    /// Data that is gone although nobody here deleted it: what it belongs to does not start without a person's word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<GoneData>,
    /// The uids of data whose deletion parcelle itself has begun: its end is nobody's loss.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub deleting: BTreeSet<String>,
    /// Everything of ours, by id.
    #[serde(with = "listed")]
    pub entries: BTreeMap<ObjectId, Entry>,
}

/// What was taken back after an inventory was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecoveredObjects {
    /// When, in Unix seconds, where that was noted.
    pub(crate) on: Option<i64>,
    /// How many objects are changed only, until the garden names them.
    pub(crate) objects: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One object of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Whether it is known to exist, or only meant to.
    pub presence: Presence,
    /// [`desired_hash`](crate::plan::desired_hash) of what was last applied; empty before the first apply, and for Secrets that we make.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub desired_hash: String,
    /// The fields that we applied last: what tells drift from conflict.
    #[serde(default, skip_serializing_if = "OwnFields::is_empty")]
    pub own_fields: OwnFields,
    /// Whether deleting it loses people's data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds_data: bool,
    /// The app it belongs to; absent for the organisation's own objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<Name>,
    /// The hosts that it may lead to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hosts: BTreeSet<String>,
    /// Since when its app is retired, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_since: Option<i64>,
    /// The provider's word on what goes with it and what is left ("its claims go with it").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether a person took it back after the inventory was lost: it is changed, and neither deleted nor replaced until the
    /// garden names it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovered: bool,
    /// Which data it stands for, as whoever keeps that names it (a volume, a database system): another object under its name is
    /// taken for it only where it says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<str>>,
}

/// Whether an object is known to exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Presence {
    /// It was written and answered with this uid.
    Known {
        /// The uid that the cluster gave it.
        uid: String,
        /// The nonce that it was made with: applied with it ever after, so that nothing moves.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<String>,
    },
    /// It was about to be written. The object carries the nonce as the annotation [`NONCE`](crate::plan::NONCE), so that a crash
    /// between the write and its record can be told from an object of somebody else.
    Intended {
        /// A random word made for the run that wrote it ahead.
        nonce: String,
        /// The uid it was known by before it was not found: a server that lags behind may still bring it back to light.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
    },
}

impl Entry {
    /// The uid, where the object is known to exist.
    pub fn uid(&self) -> Option<&str> {
        match &self.presence {
            Presence::Known { uid, .. } => Some(uid),
            Presence::Intended { .. } => None,
        }
    }

    /// The uid of the object that was not found when it was to be made again, where it was known before.
    pub(crate) fn former_uid(&self) -> Option<&str> {
        match &self.presence {
            Presence::Known { .. } => None,
            Presence::Intended { was, .. } => was.as_deref(),
        }
    }

    /// The nonce that the object carries, where it was made by us.
    pub(crate) fn nonce(&self) -> Option<&str> {
        match &self.presence {
            Presence::Known { nonce, .. } => nonce.as_deref(),
            Presence::Intended { nonce, .. } => Some(nonce),
        }
    }
}

impl Inventory {
    /// The hosts and domains that the organisation may have; absent where they were not kept when it was written.
    pub(crate) fn claims(&self) -> Option<Claims> {
        let mut claims = Claims { domains: self.footprint.domains.clone()?, ..Claims::default() };
        for entry in self.entries.values() {
            entry.hosts.iter().for_each(|host| claims.add_host(host, entry.app.as_ref()));
        }
        let apps = self.footprint.apps.values().flat_map(|app| app.possible(false));
        claims.senders.extend(apps.flat_map(|app| app.senders.iter().cloned()));
        Some(claims)
    }

    /// Whether nothing of an app ever ran or held data: all that may be there of it was laid ready for pods that never came.
    pub(crate) fn never_begun(&self, app: &Name) -> bool {
        let mut of_app = self.entries.iter().filter(|(_, entry)| entry.app.as_ref() == Some(app));
        let matters = |(id, entry): (&ObjectId, &Entry)| {
            let facts = id.facts();
            entry.holds_data || facts.may_hold_data() || !matches!(facts.stage, Stage::Ground | Stage::Configuration)
        };
        !self.footprint.apps.contains_key(app) && !of_app.any(matters)
    }

    /// When it was taken back, and how many objects are for changing only since; nothing once the garden names them all.
    pub(crate) fn taken_back(&self) -> Option<RecoveredObjects> {
        let objects = self.entries.values().filter(|entry| entry.recovered).count();
        (objects > 0).then_some(RecoveredObjects { on: self.recovered_on, objects })
    }

    /// The entry of an object, whatever the version of its API, with the id under which it stands.
    pub(crate) fn find(&self, id: &ObjectId) -> Option<(&ObjectId, &Entry)> {
        if let Some(found) = self.entries.get_key_value(id) {
            return Some(found);
        }
        self.entries.iter().find(|(other, _)| other.identity() == id.identity())
    }
}

/// Entries as a list: JSON has only texts as keys.
mod listed {
    use crate::plan::{BTreeMap, Entry, ObjectId};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize)]
    struct Line<'a> {
        id: &'a ObjectId,
        entry: &'a Entry,
    }

    #[derive(Deserialize)]
    struct OwnedLine {
        id: ObjectId,
        entry: Entry,
    }

    pub(in crate::plan) fn serialize<S: Serializer>(
        entries: &BTreeMap<ObjectId, Entry>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(entries.iter().map(|(id, entry)| Line { id, entry }))
    }

    pub(in crate::plan) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<ObjectId, Entry>, D::Error> {
        Ok(Vec::<OwnedLine>::deserialize(from)?.into_iter().map(|line| (line.id, line.entry)).collect())
    }
}
