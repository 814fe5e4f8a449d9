//! What the rules make of a change and of what was said of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Record, Voice};
use crate::git::CommitId;
use crate::model::{Class, Consent, Person};
use crate::name::Name;

/// Everything that a verdict depends on.
pub(crate) struct Question<'a> {
    /// The rules and people of the accepted commit.
    pub(crate) rules: &'a Consent,
    pub(crate) people: &'a BTreeMap<Name, Person>,
    pub(crate) change: &'a Change,
    /// What was said of this change, in any order; of others too, which count for nothing here.
    pub(crate) voices: &'a [Voice],
    pub(crate) record: &'a Record,
    /// The time, in Unix seconds, by parcelle's clock.
    pub(crate) now: i64,
    /// Whether the first commit is the second one or builds on it.
    pub(crate) contains: &'a dyn Fn(&CommitId, &CommitId) -> bool,
}

/// Why a change may be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// No rule asks for anything.
    NothingAsked,
    /// All who must have agreed, and nobody objects.
    Agreed,
    /// Somebody said that it is urgent; whether it is agreed by now.
    Urgent { agreed: bool },
    /// It was allowed before, and is applied.
    Recorded,
}

/// Approvals that a rule asks for and that are not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// How many more.
    pub(crate) count: u32,
    pub(crate) from: Name,
    /// For which class it is asked; absent where for every change.
    pub(crate) class: Option<Class>,
    /// Those who could give one: in the group, not authors, and not said yes.
    pub(crate) who: BTreeSet<Name>,
    /// Whether one of them is asked for only because nobody vouches for who wrote it.
    pub(crate) one_more: bool,
}

/// What somebody said, and why it does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Discounted {
    pub(crate) person: Name,
    /// In words, after "the approval of PERSON does not count: ".
    pub(crate) why: String,
}

/// An objection that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) person: Name,
    pub(crate) reason: String,
    pub(crate) when: i64,
}

/// Whether a change may be applied, and why, or what it waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Absent where it may not.
    pub(crate) allowed: Option<Allowed>,
    /// Who approved it, and counts.
    pub(crate) approved: BTreeSet<Name>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) discounted: Vec<Discounted>,
    pub(crate) objections: Vec<Objection>,
    /// Until when people may object, in Unix seconds; absent where nothing waits, or the time has passed.
    pub(crate) until: Option<i64>,
    /// Why it cannot be allowed by anybody as it stands: commits that are not signed.
    pub(crate) refused: Vec<String>,
}

/// What the rules make of a change.
pub(crate) fn judge(_question: &Question<'_>) -> Verdict {
    Verdict::default()
}
