//! What is remembered of consent on each cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::{ChangeId, ConsentWord, Voice};
use crate::git::CommitId;
use crate::model::Class;
use crate::name::Name;

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
    /// The newest commit of those uses that were forgotten to make room: what was given before it counts no longer.
    pub(crate) forgotten: Option<CommitId>,
    /// Objections and withdrawals that were seen: that their ref goes away takes nothing back.
    pub(crate) said: Vec<Voice>,
    /// Since when what was accepted is known only by what is applied, in Unix seconds: the record was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<i64>,
    /// Changes that were applied because somebody said that they are urgent, until they are agreed.
    pub(crate) urgent: Vec<UrgentUse>,
}

/// A change that was allowed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Used {
    pub(crate) change: ChangeId,
    /// The commit that it came to.
    pub(crate) commit: CommitId,
    pub(crate) when: i64,
    /// The people whose approvals were used.
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

/// The most bytes of a record: a ConfigMap holds a mebibyte with all that stands around it.
const LARGEST: usize = 900 << 10;
/// The most uses that are remembered; of older ones the newest commit is.
pub(crate) const MOST_USED: usize = 2_000;
/// The most objections and withdrawals that are remembered.
pub(crate) const MOST_SAID: usize = 400;
/// The most open changes whose first sight is remembered.
pub(crate) const MOST_ANNOUNCED: usize = 1_000;
/// The most urgent changes that wait to be agreed.
pub(crate) const MOST_URGENT: usize = 200;
/// The most bytes of a reason that are remembered.
const LONGEST_REASON: usize = 500;

impl Record {
    /// What a record says.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!("it has more than {} KiB", LARGEST >> 10));
        }
        let record: Self = serde_json::from_str(text).map_err(|error| format!("it cannot be read: {error}"))?;
        if record.schema != SCHEMA {
            return Err(format!("its schema is another than `{SCHEMA}`: another parcelle wrote it"));
        }
        let too_many = record.used.len() > MOST_USED
            || record.said.len() > MOST_SAID
            || record.announced.len() > MOST_ANNOUNCED
            || record.urgent.len() > MOST_URGENT;
        if too_many { Err("it holds more than any parcelle writes".to_owned()) } else { Ok(record) }
    }

    /// The record as it is kept.
    pub(crate) fn text(&self) -> String {
        let kept = Self { schema: SCHEMA.to_owned(), ..self.clone() };
        serde_json::to_string(&kept).unwrap_or_default()
    }

    /// Several copies as one: the newest commits by ancestry, everything that any of them remembers.
    pub(crate) fn merged(records: Vec<Self>, contains: &dyn Fn(&CommitId, &CommitId) -> bool) -> Self {
        let mut all = Self::default();
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
            newer(&mut all.forgotten, record.forgotten);
            all.lost = all.lost.max(record.lost);
            for (change, when) in record.announced {
                let known = all.announced.entry(change).or_insert(when);
                *known = when.min(*known);
            }
            for used in record.used {
                if !all.used.iter().any(|known| known.change == used.change && known.commit == used.commit) {
                    all.used.push(used);
                }
            }
            for voice in &record.said {
                all.keep_said(voice);
            }
            for urgent in record.urgent {
                if !all.urgent.iter().any(|known| known.change == urgent.change && known.commit == urgent.commit) {
                    all.urgent.push(urgent);
                }
            }
        }
        all.used.sort_by(|one, other| (one.when, &one.commit).cmp(&(other.when, &other.commit)));
        all.bound();
        all
    }

    /// Remembers when a change was seen first.
    pub(crate) fn announce(&mut self, change: &ChangeId, now: i64) {
        if self.announced.len() < MOST_ANNOUNCED {
            self.announced.entry(change.clone()).or_insert(now);
        }
    }

    /// Remembers that a change was allowed, and by whom: what was said of it is used.
    pub(crate) fn use_change(&mut self, change: &ChangeId, commit: &CommitId, by: &BTreeSet<Name>, now: i64) {
        if self.used.iter().any(|used| used.change == *change && used.commit == *commit) {
            return;
        }
        self.used.push(Used { change: change.clone(), commit: commit.clone(), when: now, by: by.clone() });
        self.announced.remove(change);
        self.bound();
    }

    /// Remembers that a change was applied before it was agreed.
    pub(crate) fn open_urgent(&mut self, urgent: UrgentUse) {
        let is_same = |known: &UrgentUse| known.change == urgent.change && known.commit == urgent.commit;
        if !self.urgent.iter().any(is_same) && self.urgent.len() < MOST_URGENT {
            self.urgent.push(UrgentUse { reason: short(&urgent.reason), ..urgent });
        }
    }

    /// Remembers an objection, or what takes something back. An approval after an objection takes it
    /// back as well.
    pub(crate) fn note_said(&mut self, voice: &Voice) {
        let counts = match voice.word {
            ConsentWord::Object | ConsentWord::Withdraw => true,
            ConsentWord::Approve | ConsentWord::Urgent => self.said.iter().any(|said| is_of_the_same(said, voice)),
        };
        if counts {
            self.keep_said(voice);
        }
    }

    /// Keeps what somebody said of a change, unless they said something later.
    fn keep_said(&mut self, voice: &Voice) {
        let is_later = |said: &Voice| (said.when, said.word) >= (voice.when, voice.word);
        if self.said.iter().any(|said| is_of_the_same(said, voice) && is_later(said)) {
            return;
        }
        self.said.retain(|said| !is_of_the_same(said, voice));
        if self.said.len() < MOST_SAID {
            self.said.push(Voice { reason: short(&voice.reason), ..voice.clone() });
        }
    }

    /// Forgets what was remembered of changes that are on the line no more.
    pub(crate) fn fold(&mut self, open: &BTreeSet<ChangeId>) {
        self.announced.retain(|change, _| open.contains(change));
        let used: BTreeSet<&ChangeId> = self.used.iter().map(|used| &used.change).collect();
        self.said.retain(|voice| open.contains(&voice.change) || !used.contains(&voice.change));
    }

    /// Makes room: the oldest uses are forgotten, and what was given before them counts no longer.
    fn bound(&mut self) {
        let more = self.used.len().saturating_sub(MOST_USED);
        if let Some(newest) = self.used.drain(..more).next_back() {
            self.forgotten = Some(newest.commit);
        }
    }
}

/// Whether two words are of one person about one change.
fn is_of_the_same(one: &Voice, other: &Voice) -> bool {
    one.person == other.person && one.change == other.change
}

/// A reason, as far as it is remembered.
fn short(reason: &str) -> String {
    let mut end = reason.len().min(LONGEST_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}
