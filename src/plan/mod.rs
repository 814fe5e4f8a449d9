//! The changes that turn live into objects: a value with reasons, printable, saved, applied exactly.
//!
//! Everything here is pure, and stands in four groups: `state` is what is known (live, inventory, what the garden says),
//! and [`questions`] which objects the API server is asked about; `decide` holds [`organisation`], which decides, and the
//! actions it decides on; `carry_out` the [`guard`](guard::check), which checks the decision on its own, the
//! [`order`](order::steps) in which it is done, and what stands in the inventory [`ahead`] of the first write and [`after`]
//! the last; `tell` what people see of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::Findings;
use crate::name::Name;
use crate::render::ObjectId;

mod carry_out;
mod decide;
mod state;
mod tell;

pub use carry_out::{eject, guard, order, outcome};
pub use decide::{action, deed, organisation, reason, take_over};
pub use state::{health, inventory, live, own_fields, path, said};

pub use action::{Action, Base, FieldChange, Place, Shown, Verb, What};
pub use carry_out::promise::Promise;
pub use carry_out::record::{after, ahead};
pub use deed::{Deed, Prepare};
pub use inventory::{Entry, Inventory, Presence};
pub use live::{Cause, Conflict, Copy, DryRun, Live, LiveObject, Settled};
pub use order::{Phase, Step, is_awaited, steps};
pub use outcome::{Done, OrganisationOutcome, Outcome, Skip};
pub use own_fields::OwnFields;
pub use reason::{Adopting, Changing, Creating, Deleting, Holding, Keeping, Reason, Refusing, Replacing};
pub use said::Said;
pub use state::hash::{desired_hash, hash_of, values_hash};
pub use state::health::{Health, HealthState, health};
pub use state::identity::Identity;
pub use state::input::{Input, body_to_send, is_sure_drift, kind_key, may_force, questions};
pub use state::own_values::OwnValues;
pub use state::settle::{Judge, request_hash};

/// The field manager of everything that parcelle applies.
pub const MANAGER: &str = "parcelle";
/// The manager that keeps `replicas` where they are while they pass from us to an autoscaler.
pub const HANDOVER: &str = "parcelle-handover";
/// The label that names the garden of an object.
pub const GARDEN_LABEL: &str = "parcelle.dev/garden";
/// The label that names the organisation of an object.
pub const ORGANISATION_LABEL: &str = "parcelle.dev/organisation";
/// The annotation with the nonce of the run that made an object.
pub const NONCE: &str = "parcelle.dev/nonce";
/// The schema of a saved plan; it moves with every change that a reader must know of.
pub const SCHEMA: &str = "parcelle.dev/plan/v2";

/// What would be done, everywhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: String,
    /// The garden's name.
    pub garden: Name,
    /// The commit it was made from, in hexadecimal; empty for a working tree.
    pub commit: String,
    /// The hash of everything that was rendered.
    pub garden_hash: String,
    /// The hash of the renderer and the built-in definitions.
    pub renderer_hash: String,
    /// When it was made, in Unix seconds.
    pub made: i64,
    /// One for each organisation, in order of name.
    pub organisations: Vec<OrganisationPlan>,
}

/// What would be done for one organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganisationPlan {
    /// Whose.
    pub organisation: Name,
    /// On which cluster.
    pub cluster: Name,
    /// The uid of that cluster when the plan was made.
    pub cluster_uid: String,
    /// In which namespace.
    pub namespace: String,
    /// One for each object that is desired or in the inventory, in order of stage, kind, name.
    pub actions: Vec<Action>,
    /// Objects that stay as they are and were left out of `actions` (see [`shorten`](Self::shorten)).
    #[serde(default, skip_serializing_if = "tell::brief::is_none")]
    pub unchanged: usize,
    /// Inventory entries whose objects are gone already: they are dropped when the plan was applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<ObjectId>,
    /// Retired apps: since when, and when their time comes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub retired: BTreeMap<Name, Retirement>,
    /// The same for the whole organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_organisation: Option<Retirement>,
    /// Why nothing (or nothing but drift) is done although something would be: a hold, a pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standstill: Option<Holding>,
    /// What people must know, with the line to look at.
    #[serde(skip)]
    pub findings: Findings,
}

/// Since when something is retired, and when its time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// Since when, in Unix seconds: the day parcelle first applied the word.
    pub since: i64,
    /// From when its data may be deleted, in Unix seconds.
    pub until: i64,
}

impl OrganisationPlan {
    /// How many actions there are of each verb.
    pub fn counts(&self) -> BTreeMap<Verb, usize> {
        let mut counts = BTreeMap::new();
        for action in &self.actions {
            *counts.entry(action.verb()).or_default() += 1;
        }
        if self.unchanged > 0 {
            *counts.entry(Verb::Keep).or_default() += self.unchanged;
        }
        counts
    }

    /// Whether anything would be written.
    pub fn changes_anything(&self) -> bool {
        self.actions.iter().any(|action| action.verb().writes())
    }
}

impl Plan {
    /// Whether anything would be written anywhere.
    pub fn changes_anything(&self) -> bool {
        self.organisations.iter().any(OrganisationPlan::changes_anything)
    }
}

#[cfg(test)]
mod tests;
