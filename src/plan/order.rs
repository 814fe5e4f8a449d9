//! In which order a plan is done: stages one after the other, inside a step everything at once, data last to go.

use std::collections::BTreeMap;

use super::action::Verb;
use super::{OrganisationPlan, immutable};
use crate::render::Stage;

/// Actions that are done at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whether they are applied or deleted.
    pub phase: Phase,
    /// Their stage.
    pub stage: Stage,
    /// Their places in the plan's `actions`.
    pub actions: Vec<usize>,
    /// Whether the next step waits until these are ready (applied) or gone (deleted).
    pub wait: bool,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Creates, changes, replaces, adoptions.
    Apply,
    /// Deletes.
    Delete,
}

/// The steps of a plan, in order. Only actions that write are in them.
pub fn steps(plan: &OrganisationPlan) -> Vec<Step> {
    // A namespace stands before anything is put into it, its own quota included.
    let mut applies: BTreeMap<(Stage, bool), Vec<usize>> = BTreeMap::new();
    let mut deletes: BTreeMap<(u8, Stage), Vec<usize>> = BTreeMap::new();
    for (at, action) in plan.actions.iter().enumerate() {
        match action.verb {
            Verb::Delete => {
                let rank = delete_rank(&action.id.kind, action.holds_data || immutable::holds_data(&action.id));
                deletes.entry((rank, action.stage)).or_default().push(at);
            }
            verb if verb.applies() => {
                applies.entry((action.stage, &*action.id.kind != "Namespace")).or_default().push(at);
            }
            _ => {}
        }
    }
    let applies = applies.into_iter().map(|((stage, _), actions)| Step {
        phase: Phase::Apply,
        stage,
        actions,
        wait: matches!(stage, Stage::Ground | Stage::Data | Stage::Upgrade),
    });
    let deletes =
        deletes.into_iter().map(|((_, stage), actions)| Step { phase: Phase::Delete, stage, actions, wait: true });
    applies.chain(deletes).collect()
}

/// Whether a step that waits waits for this object. Not for claims: where the storage class binds them at first use, they
/// wait for the workload of a later stage.
pub fn is_awaited(id: &crate::render::ObjectId) -> bool {
    &*id.kind != "PersistentVolumeClaim"
}

/// What goes first: what is reached, what runs, what configures; then what holds data, from the inside out.
fn delete_rank(kind: &str, holds_data: bool) -> u8 {
    match (kind, holds_data) {
        ("Namespace", _) => 9,
        ("Database" | "DatabaseRole" | "GarageKey", _) => 5,
        ("PersistentVolumeClaim", _) => 7,
        ("Secret", true) => 8,
        (_, true) => 6,
        (kind, false) => match stage_of(kind) {
            Stage::Edge => 0,
            Stage::Workload => 1,
            Stage::Upgrade => 2,
            Stage::Data => 4,
            Stage::Configuration | Stage::Ground => 3,
        },
    }
}

/// The stage of a kind, for objects that nothing renders any more.
pub(super) fn stage_of(kind: &str) -> Stage {
    match kind {
        "Namespace" | "ResourceQuota" | "LimitRange" | "NetworkPolicy" => Stage::Ground,
        "ServiceAccount" | "Role" | "RoleBinding" | "Secret" | "ConfigMap" => Stage::Configuration,
        "PersistentVolumeClaim"
        | "Cluster"
        | "Database"
        | "DatabaseRole"
        | "GarageBucket"
        | "GarageKey"
        | "MariaDB"
        | "PerconaServerMongoDB" => Stage::Data,
        "Job" => Stage::Upgrade,
        "Deployment" | "StatefulSet" | "DaemonSet" | "Service" => Stage::Workload,
        _ => Stage::Edge,
    }
}
