//! Whether an object does its work, read from the object alone: the conventions of kstatus, and own rules a kind.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kept::texts_of_others;
use super::owners;
use crate::kind::{self, HealthRule};
use crate::merge::Schemas;

mod custom;
mod workload;

/// An object's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// In one word.
    pub state: HealthState,
    /// The reason as the object's controller writes it (`ProgressDeadlineExceeded`); may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    /// In words; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
}

/// Health in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HealthState {
    /// It does its work.
    Ready,
    /// It is on its way.
    Progressing,
    /// It will not get there by itself.
    Failed,
    /// It is being deleted.
    Terminating,
}

impl fmt::Display for HealthState {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Ready => "ready",
            Self::Progressing => "progressing",
            Self::Failed => "failed",
            Self::Terminating => "being deleted",
        })
    }
}

impl Health {
    /// Whether what waits for it may go on.
    pub(crate) fn is_ready(&self) -> bool {
        self.state == HealthState::Ready
    }

    /// The health of what is on its way.
    pub(crate) fn progressing(message: impl Into<String>) -> Self {
        progressing(message)
    }

    /// The health of a job that is under way.
    pub(crate) fn running() -> Self {
        progressing("it runs")
    }

    /// The health of an object whose deletion has begun.
    pub(crate) fn leaving() -> Self {
        let message = "it is being deleted".to_owned();
        Self { state: HealthState::Terminating, reason: String::new(), message }
    }
}

fn ready() -> Health {
    Health { state: HealthState::Ready, reason: String::new(), message: String::new() }
}

fn progressing(message: impl Into<String>) -> Health {
    Health { state: HealthState::Progressing, reason: String::new(), message: message.into() }
}

fn failed(reason: impl Into<String>, message: impl Into<String>) -> Health {
    Health { state: HealthState::Failed, reason: reason.into(), message: message.into() }
}

/// The health of an object as the server sends it.
///
/// An object whose controller has not seen its newest generation is progressing, one without a status that its kind
/// always has likewise; kinds without controllers are ready as soon as they are there. What a controller says is told without
/// what others wrote into an object of ours.
pub(crate) fn health(object: &Value) -> Health {
    let mut health = as_said(object);
    if !health.message.is_empty() && owners::has_ours(object) {
        let texts = texts_of_others(&Schemas::builtin(), object, None);
        let long = texts.iter().filter(|text| text.len() >= LONG && health.message.contains(&***text));
        let masked = long.fold(health.message.clone(), |message, text| message.replace(&**text, "(not shown)"));
        health.message = masked;
    }
    health
}

/// Shorter texts occur in sentences that are about something else.
const LONG: usize = 8;

fn as_said(object: &Value) -> Health {
    let metadata = &object["metadata"];
    if metadata.get("deletionTimestamp").is_some_and(|time| !time.is_null()) {
        let finalizers = metadata["finalizers"].as_array().map_or(&[][..], Vec::as_slice);
        let names: Vec<_> = finalizers.iter().filter_map(Value::as_str).collect();
        let message = if names.is_empty() { String::new() } else { format!("waits for {}", names.join(", ")) };
        return Health { state: HealthState::Terminating, reason: String::new(), message };
    }
    let observed = object["status"]["observedGeneration"].as_i64();
    if let (Some(observed), Some(generation)) = (observed, metadata["generation"].as_i64())
        && observed < generation
    {
        return progressing("its controller has not seen the change yet");
    }
    by_rule(kind::facts_of_body(object).health, object)
}

fn by_rule(rule: HealthRule, object: &Value) -> Health {
    match rule {
        HealthRule::Standard => standard(object),
        HealthRule::Exists => ready(),
        HealthRule::ReadyCondition => custom::ready_condition(object),
        HealthRule::Deployment => workload::deployment(object),
        HealthRule::StatefulSet => workload::stateful_set(object),
        HealthRule::Job => workload::job(object),
        HealthRule::Claim => workload::claim(object),
        HealthRule::Namespace => workload::namespace(object),
        HealthRule::Pod => workload::pod(object),
        HealthRule::Service => workload::service(object),
        HealthRule::Autoscaler => workload::autoscaler(object),
        HealthRule::DisruptionBudget => workload::disruption_budget(object),
        HealthRule::Definition => workload::definition(object),
        HealthRule::PostgresCluster => custom::postgres_cluster(object),
        HealthRule::PostgresInside => custom::applied(object),
        HealthRule::PostgresBackup => custom::phase(object, &["completed"], &["failed", "walArchivingFailing"]),
        HealthRule::PerconaMongodb => custom::mongodb(object),
        HealthRule::Garage => custom::garage(object),
        HealthRule::Certificate => custom::certificate(object),
        HealthRule::Route => custom::route(object),
        HealthRule::Listeners => custom::listeners(object),
        HealthRule::BackupRun => custom::k8up(object),
    }
}

/// A condition of the object's status.
#[derive(Clone, Copy, Debug)]
struct Condition<'a> {
    is_true: bool,
    is_false: bool,
    reason: &'a str,
    message: &'a str,
}

impl Condition<'_> {
    fn failed(&self) -> Health {
        failed(self.reason, self.message)
    }

    fn progressing(&self) -> Health {
        Health { reason: self.reason.to_owned(), ..progressing(self.message) }
    }
}

fn condition<'a>(status: &'a Value, name: &str) -> Option<Condition<'a>> {
    let conditions = status["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == name)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default();
    let (is_true, is_false) = (found["status"] == "True", found["status"] == "False");
    Some(Condition { is_true, is_false, reason: text("reason"), message: text("message") })
}

/// What kstatus says of any object: `Stalled` is failed, `Reconciling` and a `Ready` that is not true are progressing.
fn standard(object: &Value) -> Health {
    let status = &object["status"];
    if let Some(stalled) = condition(status, "Stalled").filter(|condition| condition.is_true) {
        return stalled.failed();
    }
    if let Some(reconciling) = condition(status, "Reconciling").filter(|condition| condition.is_true) {
        return reconciling.progressing();
    }
    match condition(status, "Ready") {
        Some(condition) if !condition.is_true => condition.progressing(),
        _ => ready(),
    }
}

fn number(value: &Value, default: i64) -> i64 {
    value.as_i64().unwrap_or(default)
}

#[cfg(test)]
mod tests;
