//! What can keep a write from being merged, in the server's words.

use super::element::Path;
use super::text::go_quote;

/// Why an object could not be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields with other values, and force was not asked for (status 409, reason `Conflict`).
    #[error("{}", conflict_message(.0))]
    Conflicts(Vec<FieldManagerConflict>),
    /// An object does not fit its schema, or cannot be read (status 500 without reason when it was applied,
    /// 400 `BadRequest` when it was sent otherwise).
    #[error("{0}")]
    Typed(String),
    /// The request itself is wrong (status 400, reason `BadRequest`).
    #[error("{0}")]
    BadRequest(String),
    /// No schema for this kind (status 404).
    #[error("no schema for {kind} of {api_version}")]
    UnknownKind {
        /// The object's `apiVersion`.
        api_version: String,
        /// The object's `kind`.
        kind: String,
    },
}

/// How an entry in `managedFields` came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// By server-side apply.
    Apply,
    /// By a create, an update or another patch.
    Update,
}

impl Operation {
    /// The word that `managedFields` uses.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// A field that somebody else owns with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldManagerConflict {
    /// Who owns it.
    pub(crate) manager: String,
    /// How they came to own it.
    pub(crate) operation: Operation,
    /// The version in which they wrote it.
    pub(crate) api_version: String,
    /// The subresource by which they wrote it.
    pub(crate) subresource: Option<String>,
    pub(crate) path: Path,
}

impl FieldManagerConflict {
    /// The message of the cause: `conflict with "kubectl-edit" using apps/v1`.
    pub(crate) fn message(&self) -> String {
        format!("conflict with {}", self.owner())
    }

    /// The owner as messages name it: `"kubectl-edit" using apps/v1`, `"parcelle"`, `"x" with subresource "status" using v1`.
    pub(crate) fn owner(&self) -> String {
        let mut text = go_quote(&self.manager);
        if let Some(subresource) = &self.subresource {
            text.push_str(" with subresource ");
            text.push_str(&go_quote(subresource));
        }
        if self.operation == Operation::Update {
            text.push_str(" using ");
            text.push_str(&self.api_version);
        }
        text
    }

    /// The order in which the server lists owners: by the JSON text that identifies an entry.
    pub(super) fn identity(&self) -> (String, &'static str, Option<&str>, Option<&str>) {
        let version = (self.operation == Operation::Update).then_some(self.api_version.as_str());
        (go_quote(&self.manager), self.operation.as_str(), version, self.subresource.as_deref())
    }
}

/// The message of a refused apply, with every conflict.
pub(crate) fn conflict_message(conflicts: &[FieldManagerConflict]) -> String {
    if let [one] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {}: {}", one.owner(), one.path);
    }
    let mut ordered: Vec<&FieldManagerConflict> = conflicts.iter().collect();
    ordered.sort_by(|a, b| a.identity().cmp(&b.identity()));
    let mut message = format!("Apply failed with {} conflicts: ", conflicts.len());
    let mut last = None;
    for conflict in ordered {
        if last != Some(conflict.identity()) {
            let line = if last.is_some() { "\nconflicts with " } else { "conflicts with " };
            message.extend([line, &conflict.owner(), ":"]);
            last = Some(conflict.identity());
        }
        message.extend(["\n- ", &conflict.path.to_string()]);
    }
    message
}
