//! What came of consent for one head: how far the garden and each organisation went, and what waits for whom.

use std::collections::BTreeMap;

use super::{Change, ConsentVerdict, Unheard, UrgentUse};
use crate::git::CommitId;
use crate::name::Name;

/// What came of consent for one head.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    /// The newest commit.
    pub(crate) head: Option<CommitId>,
    /// The accepted commit: its rules and people count, and the garden's own words are those of it.
    pub(crate) accepted: Option<CommitId>,
    /// Whether it was accepted as it is, since nothing was ever applied before.
    pub(crate) is_first: bool,
    /// Since when what was accepted is known by what is applied alone, in Unix seconds: the record was lost.
    pub(crate) lost: Option<i64>,
    /// Changes that are not allowed yet, the oldest first.
    pub(crate) open: Vec<OpenChange>,
    /// Organisations that stay behind the head.
    pub(crate) held: BTreeMap<Name, HeldBack>,
    /// What was applied before it was agreed, and is not agreed yet.
    pub(crate) urgent: Vec<UrgentUse>,
    /// Statements that count for nothing.
    pub(crate) unheard: Vec<Unheard>,
    /// Reviews of changes that are open which count for nothing, in words.
    pub(crate) unheard_reviews: Vec<String>,
    /// Why a source could not be asked, in words.
    pub(crate) silent: Vec<String>,
    /// Whether it is obeyed; of embedded sandboxes it is only told.
    pub(crate) is_obeyed: bool,
}

/// A change on the line that is not allowed yet.
#[derive(Clone, Debug)]
pub(crate) struct OpenChange {
    pub(crate) change: Change,
    /// The first line of the message of the commit that it comes to.
    pub(crate) summary: String,
    pub(crate) verdict: ConsentVerdict,
    /// The organisations that wait for it, in order.
    pub(crate) holds: Vec<Name>,
    /// Whether what all share waits for it.
    pub(crate) holds_garden: bool,
}

/// Where an organisation stays, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeldBack {
    /// The commit that it is rendered at.
    pub(crate) at: CommitId,
    /// Which of the open changes it waits for; absent where it waits with another organisation or for a finding.
    pub(crate) by: Option<usize>,
    /// The organisation that it goes together with.
    pub(crate) with: Option<Name>,
}

impl Agreement {
    /// Whether anything waits for somebody.
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty() || !self.held.is_empty() || !self.urgent.is_empty()
    }

    /// Whether something of the newest commit is not applied for it.
    pub(crate) fn holds_back(&self) -> bool {
        let is_unknown = self.accepted.is_none() && !self.silent.is_empty();
        self.is_obeyed && (!self.open.is_empty() || !self.held.is_empty() || is_unknown)
    }

    /// When a waiting time ends next, in Unix seconds.
    pub(crate) fn until(&self) -> Option<i64> {
        self.open.iter().filter_map(|open| open.verdict.until).min()
    }
}
