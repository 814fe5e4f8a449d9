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

pub use carry_out::outcome;
pub(crate) use carry_out::{agreed, eject, guard, order};
pub(crate) use decide::job::rerun_command;
pub(crate) use decide::later::hold_later;
pub use decide::organisation;
pub(crate) use decide::stops::starts;
pub(crate) use decide::{action, deed, reason, rules, take_over};
pub(crate) use state::{directives, health, inventory, live, own_fields, path};

pub use action::{Action, Verb};
pub(crate) use action::{Base, FieldChange, Place, Shown, What};
pub(crate) use carry_out::jobs::about_to_start;
pub(crate) use carry_out::promise::Promise;
pub(crate) use carry_out::record::{after, ahead};
pub(crate) use carry_out::recover::{FoundObject, Recovery, recovery};
pub(crate) use deed::Deed;
pub use directives::Directives;
pub(crate) use inventory::RecoveredObjects;
pub use inventory::{Entry, Inventory, Presence};
pub(crate) use live::{Cause, Conflict, Copy, DryRun, MissingSource, Settled};
pub use live::{Live, LiveObject};
pub use outcome::{Done, OrganisationOutcome, Outcome, Skip};
pub use own_fields::OwnFields;
pub use reason::{Changing, Creating, Deleting, Holding, Keeping, Reason, Refusing, Replacing};
pub(crate) use state::data_named::data_of;
pub(crate) use state::gone::AcknowledgedLoss;
pub(crate) use state::gone::DataLost;
pub use state::gone::GoneData;
pub use state::hash::hash_of;
pub(crate) use state::hash::{desired_hash, values_hash};
pub(crate) use state::hatches::{HatchWord, hatches_of};
pub use state::health::HealthState;
pub(crate) use state::health::{Health, health};
pub use state::input::Input;
pub(crate) use state::input::{
    body_to_send, displacements, is_sure_drift, leaves_fields, may_force, may_still_force, questions,
};
pub use state::jobs::{BegunRun, FinishedRun, JobRecord, RerunAsked};
pub(crate) use state::jobs::{failed_with_way_out, finished, is_complete, is_done, job_runs_since};
pub(crate) use state::kept::{kept, texts_of_others};
pub use state::left_pods::LeftPod;
pub(crate) use state::left_pods::{PodsSeen, Surroundings, have_replica_sets, seen as seen_pods};
pub(crate) use state::lost::{carried_generation, marked_generation, recover_command};
pub(crate) use state::made_keys::{JoinedPiece, KeysSeen, has_value, lacking, pieces, was_made};
pub(crate) use state::own_values::OwnValues;
pub(crate) use state::owners::own_keys;
pub(crate) use state::pods::{JOB_NAME, JobPods, by_job};
pub(crate) use state::settle::{Judge, Verified, request_hash};
pub(crate) use state::union;
pub use state::unseen::Unseen;
pub(crate) use state::unseen::{full_name, role_rule, way_out as way_out_of_unseen};
pub(crate) use state::words::{
    LONGEST_REASON, SpokenWord, VERSION as MARK_VERSION, WordMark, WordTarget, carry_out as carry_out_word,
    is_paused_for, last_run,
};
pub(crate) use tell::acts_later::{HourOfPlan, LaterAct};
pub(crate) use tell::adopted::{out_of_adopted_otherwise, out_of_controlled};
pub(crate) use tell::gone::lost_data;
pub use tell::hatches::Hatch;
pub(crate) use tell::hatches::HatchChange;
pub(crate) use tell::lost::{damaged, out_of_recovered};
pub(crate) use tell::mask::says_a_secret;
pub(crate) use tell::secrets::{anew, out_of_lost_keys, out_of_odd_keys};
pub(crate) use tell::warnings::{WARNED, of as of_warning};
pub(crate) use tell::words::{day, minute, out_of_conflict};

/// The field manager of everything that parcelle applies.
pub const MANAGER: &str = "parcelle";
/// The manager that keeps `replicas` where they are while they pass from us to an autoscaler.
pub(crate) const HANDOVER: &str = "parcelle-handover";
/// The manager that takes away what cannot stand beside our fields. It is in nobody's books but between two requests.
pub(crate) const UNION: &str = "parcelle-union";
/// The label that names the garden of an object.
pub(crate) const GARDEN_LABEL: &str = "parcelle.dev/garden";
/// The label that names the organisation of an object.
pub(crate) const ORGANISATION_LABEL: &str = "parcelle.dev/organisation";
/// The annotation with the nonce of the run that made an object.
pub(crate) const NONCE: &str = "parcelle.dev/nonce";
/// The annotation of an organisation's namespace: the generation of its inventory when a plan was carried out last.
pub(crate) const GENERATION: &str = "parcelle.dev/inventory-generation";
/// The schema of a saved plan; it moves with every change that a reader must know of.
pub(crate) const SCHEMA: &str = "parcelle.dev/plan/v5";

/// What would be done, everywhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What it was made from.
    #[serde(flatten)]
    pub head: PlanHead,
    /// One for each organisation, in order of name.
    pub organisations: Vec<OrganisationPlan>,
}

/// What a plan was made from, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanHead {
    pub(crate) schema: String,
    /// The garden's name.
    pub(crate) garden: Name,
    /// The commit it was made from, in hexadecimal; empty for a working tree.
    pub(crate) commit: String,
    /// The hash of the renderer and the built-in definitions.
    pub(crate) renderer_hash: String,
    /// When it was made, in Unix seconds.
    pub(crate) made: i64,
}

/// What would be done for one organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganisationPlan {
    /// The organisation that the plan is for.
    pub organisation: Name,
    /// On which cluster.
    pub(crate) cluster: Name,
    /// The uid of that cluster when the plan was made.
    pub cluster_uid: String,
    /// In which namespace.
    pub(crate) namespace: String,
    /// The hash of what was rendered for it; empty where nothing is written, so that nothing of it can be stale.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) rendered_hash: String,
    /// The hatches that its apps use, what is new first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hatches: Vec<Hatch>,
    /// One for each object that is desired or in the inventory, in order of stage, kind, name.
    pub actions: Vec<Action>,
    /// Objects that stay as they are and were left out of `actions` (see [`shorten`](Self::shorten)).
    #[serde(default, skip_serializing_if = "tell::brief::is_none")]
    pub(crate) unchanged: usize,
    /// Inventory entries whose objects are gone already: they are dropped when the plan was applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gone: Vec<ObjectId>,
    /// Data that is gone although nobody here deleted it, and the apps that are held for it.
    #[serde(default, rename = "goneData", skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<GoneData>,
    /// Retired apps: since when, and when their time comes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) retired: BTreeMap<Name, Retirement>,
    /// The same for the whole organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retired_organisation: Option<Retirement>,
    /// What acts later than it is applied, where the garden says otherwise of it than was applied last; brakes and days first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) later: Vec<LaterAct>,
    /// How far the plan is that of an hour; absent where nothing is told or nothing depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hour: Option<HourOfPlan>,
    /// Why nothing (or nothing but drift) is done although something would be: a hold, a pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standstill: Option<Holding>,
    /// What people must know, with the line to look at.
    #[serde(skip)]
    pub findings: Findings,
}

/// Since when something is retired, and when its time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retirement {
    /// Since when, in Unix seconds: the day parcelle first applied the word.
    pub(crate) since: i64,
    /// From when its data may be deleted, in Unix seconds.
    pub(crate) until: i64,
}

impl OrganisationPlan {
    /// The plan of an organisation of which all objects stay as they are.
    pub(crate) fn unchanged(organisation: Name, cluster: Name, objects: usize) -> Self {
        Self {
            namespace: organisation.to_string(),
            organisation,
            cluster,
            cluster_uid: String::new(),
            rendered_hash: String::new(),
            hatches: Vec::new(),
            actions: Vec::new(),
            unchanged: objects,
            gone: Vec::new(),
            lost: Vec::new(),
            retired: BTreeMap::new(),
            retired_organisation: None,
            later: Vec::new(),
            hour: None,
            standstill: None,
            findings: Findings::default(),
        }
    }

    /// How many actions there are of each verb.
    pub(crate) fn counts(&self) -> BTreeMap<Verb, usize> {
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
    pub(crate) fn changes_anything(&self) -> bool {
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
