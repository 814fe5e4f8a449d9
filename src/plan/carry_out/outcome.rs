//! What happened to each action of a plan.

use serde::{Deserialize, Serialize};

use crate::kind;
use crate::name::Name;
use crate::plan::decide::action::{Action, Place, Verb};
use crate::plan::{Health, HealthState, Holding, OrganisationPlan, Reason};
use crate::render::ObjectId;

/// What happened in one organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganisationOutcome {
    /// The organisation that the plan was for.
    pub organisation: Name,
    /// On which cluster.
    pub(crate) cluster: Name,
    /// One for each action of the plan, in the plan's order.
    pub outcomes: Vec<Outcome>,
    /// Objects that stayed as they were and were left out of `outcomes` (see [`shorten`](Self::shorten)).
    #[serde(default, skip_serializing_if = "crate::plan::tell::brief::is_none")]
    pub(crate) unchanged: usize,
    /// A failure of the organisation as a whole (its lists could not be read, the lease was lost).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What happened to one action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The object that was acted on.
    pub id: ObjectId,
    /// What was to be done.
    pub verb: Verb,
    /// The app it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<Name>,
    /// What came of it.
    pub done: Done,
    /// What the API server warned of meanwhile, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Done {
    /// It was written and is there now.
    Applied {
        /// The uid that the server gave it.
        uid: String,
        /// Its health, where it was waited for or seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        health: Option<Health>,
    },
    /// It was written and nothing moved in the cluster, or there was nothing to do.
    Unchanged,
    /// It is gone (or was gone already).
    Deleted,
    /// Its deletion has begun; finalizers or owned objects are not through yet.
    Deleting,
    /// It could not be done.
    Failed {
        /// The failure, masked.
        why: String,
        /// The line of KDL that caused it, where the server named a field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
        /// Whether it may work by itself later (a time-out, a 5xx) or needs a person.
        passing: bool,
    },
    /// It was not tried.
    Skipped {
        /// The reason that it was left out.
        why: Skip,
    },
}

/// Why an action was not tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Skip {
    /// The plan itself does nothing with it.
    Planned,
    /// An earlier step of the organisation failed.
    AfterFailure {
        /// The object that failed.
        of: ObjectId,
    },
    /// What it waits for is not ready yet.
    WaitsFor {
        /// The object that is not ready.
        object: ObjectId,
        /// The health it was last seen in.
        health: Health,
    },
    /// The live object moved since the plan was made.
    Stale {
        /// What has moved, in words.
        what: String,
    },
    /// The saved plan that was applied does not have it.
    NotAgreed,
    /// Data of its app is gone, and nobody said that it may start without it.
    WithoutData {
        /// The object that held it.
        of: ObjectId,
    },
    /// The lease was lost or the process was asked to stop.
    Interrupted,
}

impl Action {
    /// What comes of an action that the plan itself does not do: nothing, or it waits for one before it.
    pub(crate) fn untried(&self) -> Done {
        let why = match self.reason() {
            Reason::Holding(Holding::After { of, leaves: false } | Holding::StillRuns { of, leaves: false }) => {
                Skip::AfterFailure { of: of.clone() }
            }
            Reason::Holding(Holding::After { of, leaves: true } | Holding::StillRuns { of, leaves: true }) => {
                Skip::WaitsFor { object: of.clone(), health: Health::leaving() }
            }
            Reason::Holding(Holding::AfterJob { of, failed: true }) => Skip::AfterFailure { of: of.clone() },
            Reason::Holding(Holding::AfterJob { of, failed: false }) => {
                Skip::WaitsFor { object: of.clone(), health: Health::running() }
            }
            Reason::Holding(Holding::StrayPods { pods, unread }) => {
                let unknown = || {
                    let why = unread.as_deref().unwrap_or_default();
                    Health::progressing(format!("it is not known which pods are left: {why}"))
                };
                let (object, health) = pods
                    .first()
                    .map_or_else(|| (self.id.clone(), unknown()), |pod| (pod.id(&self.id.namespace), pod.health()));
                Skip::WaitsFor { object, health }
            }
            Reason::Holding(Holding::PodsLeft { .. } | Holding::PodsNotRead { .. }) => {
                Skip::WaitsFor { object: self.id.clone(), health: Health::running() }
            }
            Reason::Holding(Holding::DataGone { .. }) => Skip::WithoutData { of: self.id.clone() },
            Reason::Holding(Holding::WithoutData { of, .. }) => Skip::WithoutData { of: of.clone() },
            Reason::Holding(Holding::NotAgreed { open: true }) => Skip::NotAgreed,
            _ => Skip::Planned,
        };
        Done::Skipped { why }
    }
}

impl OrganisationPlan {
    /// The outcome of a plan of which no action is tried.
    pub(crate) fn not_done(&self) -> OrganisationOutcome {
        let not_tried = |action: &Action| Outcome {
            id: action.id.clone(),
            verb: action.verb(),
            app: action.app.clone(),
            done: action.untried(),
            warnings: Vec::new(),
        };
        OrganisationOutcome {
            organisation: self.organisation.clone(),
            cluster: self.cluster.clone(),
            outcomes: self.actions.iter().map(not_tried).collect(),
            unchanged: 0,
            failure: None,
        }
    }
}

impl Outcome {
    /// Whether a person or a later round has something left to do.
    pub fn is_open(&self) -> bool {
        match &self.done {
            Done::Skipped { why: Skip::Planned } => self.verb == Verb::Refused,
            Done::Failed { .. } | Done::Skipped { .. } => true,
            Done::Applied { health: Some(health), .. } if self.id.is(kind::JOB) => health.state == HealthState::Failed,
            Done::Applied { .. } | Done::Unchanged | Done::Deleted | Done::Deleting => false,
        }
    }
}
