//! One object's part in a plan: what is done, why, and which fields move.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::deed::{Deed, Prepare};
use super::reason::{Holding, Reason, Refusing};
use crate::name::Name;
use crate::plan::state::live::{Cause, Conflict};
use crate::render::{ObjectId, Stage};

/// What is done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// It is made.
    Create,
    /// Fields of it are set.
    Change,
    /// It is deleted and made anew, since a field that must change cannot.
    Replace,
    /// It exists, is not ours yet, and the garden says to take it.
    Adopt,
    /// It is deleted.
    Delete,
    /// Nothing is done, for a reason that may be worth saying.
    Keep,
    /// Something would be done, and is held back.
    Held,
    /// What the garden asks cannot be done.
    Refused,
}

impl Verb {
    /// Whether it writes to the cluster.
    pub fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Change | Self::Replace | Self::Adopt | Self::Delete)
    }

    /// Whether its part in the work is an apply (or the create-only POST of a Secret).
    pub(crate) fn applies(self) -> bool {
        matches!(self, Self::Create | Self::Change | Self::Replace | Self::Adopt)
    }
}

/// One object's part in a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// The object, by the id under which it is desired (or stands in the inventory).
    pub id: ObjectId,
    /// What is done, and why.
    #[serde(flatten)]
    pub(crate) deed: Deed,
    /// Whether the object itself or a Secret that we make is meant.
    #[serde(default)]
    pub(crate) what: What,
    /// The app it belongs to; absent for the organisation's own objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<Name>,
    /// When it is its turn.
    pub(crate) stage: Stage,
    /// Whether deleting it loses people's data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) holds_data: bool,
    /// The line that asks for the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Place>,
    /// The fields that move, in order of path. Of a create: what is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// Fields that others own and that stand in the way or are taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// Fields that the server refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) causes: Vec<Cause>,
    /// Whether the API server confirmed this by a dry-run (or the fields are known to be as wanted).
    pub verified: bool,
    /// [`desired_hash`](crate::plan::desired_hash) of what is to be; empty for deletes and for Secrets that we make.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) desired_hash: String,
    /// Of a delete: the provider's word on what goes with it and what is left. Of an adoption: from whom it is taken over. Of
    /// both an adoption and a change: what is taken away. Of a Secret: what it waits for, and who makes that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Action {
    /// What is done.
    pub fn verb(&self) -> Verb {
        self.deed.verb()
    }

    /// The reason for its verb.
    pub fn reason(&self) -> Reason<'_> {
        self.deed.reason()
    }

    /// What it was decided on; checked again before it is done.
    pub(crate) fn base(&self) -> Option<&Base> {
        self.deed.base()
    }

    /// Whether it is applied with force.
    pub fn force(&self) -> bool {
        self.deed.force()
    }

    /// What is written just before it.
    pub fn prepare(&self) -> Option<Prepare> {
        self.deed.prepare()
    }

    /// Holds back what was decided.
    pub(crate) fn hold(&mut self, why: Holding) {
        // What would be taken from others is not.
        if self.verb() != Verb::Delete {
            self.note = None;
        }
        self.deed = Deed::Held { why, base: self.base().cloned() };
    }

    /// Refuses what was decided.
    pub(crate) fn refuse(&mut self, why: Refusing) {
        self.deed = Deed::Refused { why, base: self.base().cloned() };
    }
}

/// What an action is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum What {
    /// An object with a body, applied server-side.
    #[default]
    Object,
    /// A Secret that parcelle makes or copies: a request, its value is in no plan.
    Secret,
}

/// The live state that an action was decided on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Base {
    /// The object's uid: any other object is not meant.
    pub(crate) uid: String,
    /// Its resourceVersion when the plan was made: the precondition of a delete that follows at once.
    pub(crate) resource_version: String,
    /// [`values_hash`](crate::plan::values_hash) of the live values that the action writes over. Status writes do not move it.
    pub(crate) values_hash: String,
}

/// A field that moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// The field: `spec.template.spec.containers[name=app].env[name=A].value`.
    pub path: String,
    /// What it is now; absent where it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Shown>,
    /// What it will be; absent where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Shown>,
    /// The line that decided the new value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Place>,
    /// Who changed a field that we had applied (`kubectl-edit`); empty where nobody did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) drift_by: Vec<String>,
}

/// A value as a plan may show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Shown {
    /// A value that is no secret.
    Value(Value),
    /// A secret: neither its text nor its length.
    Secret,
    /// A value of a field that is not ours.
    Others,
    /// What is ours of a value with lists in it, and how many of their items are somebody else's.
    Part {
        /// The items that are ours.
        value: Value,
        /// How many others there are.
        others: usize,
    },
}

/// A place in the garden, as people read it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file, relative to the repository.
    pub(crate) file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub(crate) column: usize,
}

impl Place {
    /// The place where a span starts.
    pub(crate) fn of(sources: &crate::source::Sources, span: crate::source::Span) -> Self {
        let at = sources.start(span);
        Self { file: sources.file(span.file).path.to_string(), line: at.line, column: at.column }
    }
}

impl std::fmt::Display for Place {
    /// `orgs/alternatiba.kdl:17`: the column says little beside a whole line.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.file, self.line)
    }
}
