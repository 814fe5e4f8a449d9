//! Who said what of a change.

use super::ChangeId;
use crate::git::CommitId;
use crate::model::ForgeWord;
use crate::name::Name;

/// What somebody says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConsentWord {
    /// Yes.
    Approve,
    /// Now, for a reason, and agreed afterwards.
    Urgent,
    /// What was said before counts no longer.
    Withdraw,
    /// No, for a reason; nothing is applied until it is withdrawn.
    Object,
}

/// The commits that somebody looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(crate) struct Given {
    /// The head of the change, as it was then.
    pub(crate) head: CommitId,
    /// Where it began: its merge base with the branch that it goes to, as it was then.
    pub(crate) base: CommitId,
}

/// How a word came here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Via {
    /// A signed statement, by the SHA-256 of its bytes.
    Signature { digest: String },
    /// A review on a forge.
    Forge { kind: ForgeWord, request: u64 },
}

/// What one of the garden's people said of a change: known to be theirs, and of exactly this change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(crate) struct Voice {
    pub(crate) person: Name,
    pub(crate) word: ConsentWord,
    pub(crate) change: ChangeId,
    pub(crate) given: Given,
    /// When they said it, in Unix seconds, as the statement or the forge says.
    pub(crate) when: i64,
    /// Why, in their words; empty for an approval.
    pub(crate) reason: String,
    pub(crate) via: Via,
}
