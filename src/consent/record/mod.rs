//! What is remembered of consent on each cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::{ChangeId, ConsentWord, Via, Voice};
use crate::git::CommitId;
use crate::model::Class;
use crate::name::Name;
use crate::visible;

/// The schema of a record.
pub(crate) const SCHEMA: &str = "parcelle.dev/consent/v1";

/// What is remembered of consent: one value, kept on each cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Record {
    pub(crate) schema: String,
    /// The accepted commit: its rules and people count.
    pub(crate) accepted: Option<CommitId>,
    /// The commit from which the line is walked: up to it everything was allowed for everybody.
    pub(crate) floor: Option<CommitId>,
    /// When parcelle saw each open change first, in Unix seconds.
    pub(crate) announced: BTreeMap<ChangeId, i64>,
    /// Changes that were allowed, with the commit that they came to: what was said of them is used.
    pub(crate) used: Vec<Used>,
    /// The newest of those uses that were forgotten to make room: what was given before it counts no longer.
    pub(crate) forgotten: Option<ForgottenUse>,
    /// Objections that were seen, and what took them back: that their ref goes away takes nothing back. The last of each word.
    pub(crate) said: Vec<Voice>,
    /// Since when what was accepted is known only by what is applied, in Unix seconds: the record was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<i64>,
    /// Changes that were applied because somebody said that they are urgent, until they are agreed.
    pub(crate) urgent: Vec<UrgentUse>,
}

/// The newest use that was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ForgottenUse {
    /// The commit that the change came to.
    pub(crate) commit: CommitId,
    /// When it was used, in Unix seconds.
    pub(crate) when: i64,
}

/// A change that was allowed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Used {
    pub(crate) change: ChangeId,
    /// The commit that it came to.
    pub(crate) commit: CommitId,
    pub(crate) when: i64,
    /// The people whose approvals were used, ten at most.
    pub(crate) by: BTreeSet<Name>,
}

/// A change that was applied before it was agreed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct UrgentUse {
    pub(crate) change: ChangeId,
    /// The commit that it was made to, and the one that it came to.
    pub(crate) before: CommitId,
    pub(crate) commit: CommitId,
    pub(crate) person: Name,
    pub(crate) reason: String,
    pub(crate) when: i64,
    pub(crate) classes: BTreeSet<Class>,
}

/// The most bytes of a record: a ConfigMap holds a mebibyte with all that stands around it. Every list below at its limit, with the
/// longest names and reasons, takes less.
const LARGEST: usize = 900 << 10;
/// The most uses that are remembered; of older ones the newest is.
pub(crate) const MOST_USED: usize = 500;
/// The most people who are named in a use.
const MOST_USERS: usize = 10;
/// The most objections that are remembered, with what took them back.
pub(crate) const MOST_SAID: usize = 256;
/// The most open changes whose first sight is remembered.
pub(crate) const MOST_ANNOUNCED: usize = 1_000;
/// The most urgent changes that wait to be agreed: where so many do, no further one is urgent.
pub(crate) const MOST_URGENT: usize = 64;
/// The most bytes of a reason that are remembered.
const LONGEST_REASON: usize = 300;

/// Says whether the first commit is the second one or builds on it.
pub(crate) type Contains<'a> = &'a dyn Fn(&CommitId, &CommitId) -> bool;

/// Why a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnreadRecord {
    /// Another parcelle wrote it, by this schema: it stays as it is.
    #[error("another parcelle wrote it: its schema is `{0}`, and this one reads `{SCHEMA}`; run the newer one")]
    Foreign(String),
    /// No parcelle can read it, for this reason: it is lost.
    #[error("{0}")]
    Damaged(String),
}

/// The schema of a text, whatever else stands in it.
#[derive(serde::Deserialize)]
struct SchemaOnly {
    schema: String,
}

impl Record {
    /// Reads a record as a cluster keeps it, within its limits.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(crate) fn parse(text: &str) -> Result<Self, UnreadRecord> {
        let damaged = UnreadRecord::Damaged;
        if text.len() > LARGEST {
            return Err(damaged(format!("it has more than {} KiB", LARGEST >> 10)));
        }
        let at = |error: serde_json::Error| {
            damaged(format!("it is damaged at column {} of line {}", error.column(), error.line()))
        };
        let SchemaOnly { schema } = serde_json::from_str(text).map_err(at)?;
        if schema != SCHEMA {
            let schema = short(&schema);
            return Err(UnreadRecord::Foreign(schema));
        }
        let record: Self = serde_json::from_str(text).map_err(at)?;
        let too_many = record.used.len() > MOST_USED
            || record.said.len() > MOST_SAID
            || record.announced.len() > MOST_ANNOUNCED
            || record.urgent.len() > MOST_URGENT;
        if too_many {
            return Err(damaged("it holds more than any parcelle writes".to_owned()));
        }
        if record.holds_odd_ids() {
            return Err(damaged("it names changes or commits as nobody does".to_owned()));
        }
        Ok(record)
    }

    /// Whether an id in it has a shape that no id has.
    fn holds_odd_ids(&self) -> bool {
        let changes = self.announced.keys();
        let changes = changes.chain(self.used.iter().map(|used| &used.change));
        let changes = changes.chain(self.said.iter().map(|voice| &voice.change));
        let mut changes = changes.chain(self.urgent.iter().map(|urgent| &urgent.change));
        let commits = self.accepted.iter().chain(&self.floor);
        let commits = commits.chain(self.forgotten.iter().map(|forgotten| &forgotten.commit));
        let commits = commits.chain(self.used.iter().map(|used| &used.commit));
        let commits = commits.chain(self.said.iter().flat_map(|voice| [&voice.given.head, &voice.given.base]));
        let mut commits = commits.chain(self.urgent.iter().flat_map(|urgent| [&urgent.before, &urgent.commit]));
        let is_word = |text: &str| {
            (1..=64).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        changes.any(|change| !is_word(&change.0)) || commits.any(|commit| !is_word(&commit.0))
    }

    /// The record as it is kept.
    pub(crate) fn text(&self) -> String {
        let kept = Self { schema: SCHEMA.to_owned(), ..self.clone() };
        serde_json::to_string(&kept).unwrap_or_default()
    }

    /// Several copies as one: the newest commits by ancestry, everything that any of them remembers.
    pub(crate) fn merged(records: Vec<Self>, contains: Contains<'_>) -> Self {
        let mut all = Self::default();
        let mut announced = Vec::new();
        for record in records {
            let newer = |known: &mut Option<CommitId>, other: Option<CommitId>| {
                if let Some(other) = other
                    && known.as_ref().is_none_or(|known| contains(&other, known))
                {
                    *known = Some(other);
                }
            };
            newer(&mut all.accepted, record.accepted);
            newer(&mut all.floor, record.floor);
            record.forgotten.into_iter().for_each(|forgotten| all.note_forgotten(forgotten, contains));
            all.lost = all.lost.max(record.lost);
            announced.extend(record.announced);
            for used in record.used {
                if !all.used.iter().any(|known| known.change == used.change && known.commit == used.commit) {
                    all.used.push(used);
                }
            }
            for voice in record.said {
                all.keep_said(voice);
            }
            for urgent in record.urgent {
                if !all.urgent.iter().any(|known| known.change == urgent.change && known.commit == urgent.commit) {
                    all.urgent.push(urgent);
                }
            }
        }
        // Each copy has its own uses in order; what two copies have of one second stays as it came.
        all.used.sort_by_key(|used| used.when);
        all.urgent.sort_by_key(|urgent| urgent.when);
        all.urgent.truncate(MOST_URGENT);
        all.announce_merged(announced);
        all.bound(contains);
        all
    }

    /// Takes the announcements of several copies: of each change the first one after its last use. What a copy that is behind says
    /// of an earlier time counts for nothing: made again after a revert, a change waits again.
    fn announce_merged(&mut self, mut announced: Vec<(ChangeId, i64)>) {
        let mut used: BTreeMap<&ChangeId, i64> = BTreeMap::new();
        for one in &self.used {
            let last = used.entry(&one.change).or_insert(one.when);
            *last = one.when.max(*last);
        }
        let forgotten = self.forgotten.as_ref().map(|forgotten| forgotten.when);
        announced.retain(|(change, when)| {
            used.get(change).is_none_or(|used| when > used) && forgotten.is_none_or(|forgotten| *when > forgotten)
        });
        announced.sort_by_key(|(_, when)| *when);
        for (change, when) in announced {
            self.announce(&change, when);
        }
    }

    /// Remembers when a change was seen first: after its last use, whatever the clock says.
    pub(crate) fn announce(&mut self, change: &ChangeId, now: i64) {
        if self.announced.len() >= MOST_ANNOUNCED || self.announced.contains_key(change) {
            return;
        }
        let used = self.used.iter().filter(|used| used.change == *change).map(|used| used.when);
        let used = used.chain(self.forgotten.as_ref().map(|forgotten| forgotten.when)).max();
        let seen = used.map_or(now, |used| now.max(used.saturating_add(1)));
        self.announced.insert(change.clone(), seen);
    }

    /// Remembers that a change was allowed, and by whom: what was said of it is used.
    pub(crate) fn use_change(&mut self, used: Used, contains: Contains<'_>) {
        if self.used.iter().any(|known| known.change == used.change && known.commit == used.commit) {
            return;
        }
        self.announced.remove(&used.change);
        let by = used.by.into_iter().take(MOST_USERS).collect();
        self.used.push(Used { by, ..used });
        self.bound(contains);
    }

    /// Whether no further change can be applied before it is agreed.
    pub(crate) fn is_full_of_urgent(&self) -> bool {
        self.urgent.len() >= MOST_URGENT
    }

    /// Remembers that a change was applied before it was agreed.
    pub(crate) fn open_urgent(&mut self, urgent: UrgentUse) {
        let is_same = |known: &UrgentUse| known.change == urgent.change && known.commit == urgent.commit;
        if !self.urgent.iter().any(is_same) && !self.is_full_of_urgent() {
            self.urgent.push(UrgentUse { reason: short(&urgent.reason), ..urgent });
        }
    }

    /// Remembers an objection, a withdrawal, or an approval after an objection, which takes it back. A signed objection that is dated
    /// ahead is remembered with the time at which it was seen, so that a withdrawal made after that is later. Says whether there was
    /// room.
    pub(crate) fn note_said(&mut self, voice: &Voice, now: i64) -> bool {
        let is_known = |said: &Voice| is_of_the_same(said, voice) && said.word == ConsentWord::Object;
        let is_the_same = |said: &Voice| is_known(said) && said.via == voice.via;
        match voice.word {
            ConsentWord::Object if matches!(voice.via, Via::Signature { .. }) => {
                let is_new = !self.said.iter().any(is_the_same);
                !is_new || self.keep_said(Voice { when: voice.when.min(now), ..voice.clone() })
            }
            ConsentWord::Object => self.keep_said(voice.clone()),
            // That its ref goes brings nothing back that it took back.
            ConsentWord::Withdraw => self.keep_said(voice.clone()),
            ConsentWord::Approve => !self.said.iter().any(is_known) || self.keep_said(voice.clone()),
            ConsentWord::Urgent => true,
        }
    }

    /// Keeps the last of each word that somebody said of a change. Says whether there was room.
    fn keep_said(&mut self, voice: Voice) -> bool {
        let is_same = |said: &Voice| is_of_the_same(said, &voice) && said.word == voice.word;
        if let Some(known) = self.said.iter_mut().find(|said| is_same(said)) {
            if known.when < voice.when {
                *known = Voice { reason: short(&voice.reason), ..voice };
            }
            return true;
        }
        let has_room = self.said.len() < MOST_SAID;
        if has_room {
            self.said.push(Voice { reason: short(&voice.reason), ..voice });
        }
        has_room
    }

    /// Forgets what was remembered of changes that are on the line no more: what was said of them at once where they were used, else
    /// once half the room is taken, the oldest first.
    pub(crate) fn fold(&mut self, open: &BTreeSet<ChangeId>) {
        self.announced.retain(|change, _| open.contains(change));
        let used: BTreeSet<&ChangeId> = self.used.iter().map(|used| &used.change).collect();
        self.said.retain(|voice| open.contains(&voice.change) || !used.contains(&voice.change));
        let mut more = self.said.len().saturating_sub(MOST_SAID / 2);
        self.said.retain(|voice| {
            let goes = more > 0 && !open.contains(&voice.change);
            more -= usize::from(goes);
            !goes
        });
    }

    /// Makes room: the oldest uses are forgotten, and what was given before them counts no longer.
    fn bound(&mut self, contains: Contains<'_>) {
        let more = self.used.len().saturating_sub(MOST_USED);
        let dropped: Vec<Used> = self.used.drain(..more).collect();
        for Used { commit, when, .. } in dropped {
            self.note_forgotten(ForgottenUse { commit, when }, contains);
        }
    }

    /// Keeps the newer of two forgotten uses: by ancestry, and where history was rewritten between them, by time.
    fn note_forgotten(&mut self, other: ForgottenUse, contains: Contains<'_>) {
        let is_newer = |known: &ForgottenUse| {
            contains(&other.commit, &known.commit)
                || (!contains(&known.commit, &other.commit) && other.when >= known.when)
        };
        if self.forgotten.as_ref().is_none_or(is_newer) {
            self.forgotten = Some(other);
        }
    }
}

/// Whether two words are of one person about one change.
fn is_of_the_same(one: &Voice, other: &Voice) -> bool {
    one.person == other.person && one.change == other.change
}

/// A text of somebody's as far as it is remembered, without what steers a terminal.
fn short(text: &str) -> String {
    let text = visible::line(text);
    text[..text.floor_char_boundary(LONGEST_REASON)].to_owned()
}

#[cfg(test)]
mod tests;
