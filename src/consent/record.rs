//! What is remembered of consent on each cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::{ChangeId, Voice};
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
    /// Whose approvals were used.
    pub(crate) by: BTreeSet<Name>,
}

/// A change that was applied before it was agreed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct UrgentUse {
    pub(crate) change: ChangeId,
    pub(crate) commit: CommitId,
    pub(crate) person: Name,
    pub(crate) reason: String,
    pub(crate) when: i64,
    pub(crate) classes: BTreeSet<Class>,
}
