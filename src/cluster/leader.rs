//! Who leads a garden on a cluster, as its lease shows to somebody who looks once.
//!
//! The lease carries times of its holder's clock, which may be wrong, and whoever looks has another one. So ages are counted
//! by the API server's clock alone (when it last stored a renewal, and when it answered), and how long somebody has led by
//! the holder's clock alone.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::connect::Connection;
use super::errors::ApiError;
use super::lease::{PATH, SAYS, name_of};
use super::request::{Answer, JSON};
use crate::name::Name;

/// Who leads a garden on a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leader {
    /// The holder of the lease; absent where nobody has it.
    pub(crate) holder: Option<String>,
    /// How long that one has led; absent where its times cannot be read.
    pub(crate) leads_for: Option<Duration>,
    /// How long ago the lease was renewed, taken or given up last; absent where the server does not say.
    pub(crate) written_ago: Option<Duration>,
    /// When that was by the clock of whoever wrote it.
    pub(crate) written_at: Option<jiff::Timestamp>,
    /// How long the lease lasts without a renewal.
    pub(crate) lasts: Duration,
    /// How often it has passed from one to another.
    pub(crate) transitions: u64,
    /// When the server answered, by its clock.
    pub(crate) seen_at: Option<jiff::Timestamp>,
    /// How the holder fares, as it says itself.
    pub(crate) says: LoopState,
}

/// How a loop fares, as it says beside its lease.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LoopState {
    /// The commit that it keeps the clusters true to, in hexadecimal; empty for none.
    pub(crate) commit: String,
    /// Since when it cannot look at the repository, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) without_repository_since: Option<i64>,
    /// Why not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) why: String,
}

/// The most characters of a reason beside a lease.
const LONGEST_REASON: usize = 300;

impl LoopState {
    /// The state as it stands beside a lease.
    pub(crate) fn written(&self) -> String {
        let why = self.why.chars().take(LONGEST_REASON).collect();
        serde_json::to_string(&Self { why, ..self.clone() }).unwrap_or_default()
    }
}

impl Leader {
    /// IO: reads who leads; absent where no lease was ever written.
    pub(crate) async fn read(connection: &Connection, garden: &Name) -> Result<Option<Self>, ApiError> {
        match connection.get_answer::<Value>(&format!("{PATH}/{}", name_of(garden)), JSON).await {
            Ok(answer) => Ok(Some(Self::of(&answer))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of(answer: &Answer<Value>) -> Self {
        let spec = &answer.body["spec"];
        let (acquired, renewed) = (time(&spec["acquireTime"]), time(&spec["renewTime"]));
        let written_ago = answer.date.zip(stored_at(&answer.body)).map(|(now, stored)| between(stored, now));
        let led_until_then = acquired.zip(renewed).map(|(acquired, renewed)| between(acquired, renewed));
        let holder = spec["holderIdentity"].as_str().filter(|holder| !holder.is_empty()).map(str::to_owned);
        Self {
            leads_for: holder.as_ref().and(led_until_then).map(|led| led + written_ago.unwrap_or_default()),
            holder,
            written_ago,
            written_at: renewed,
            lasts: Duration::from_secs(spec["leaseDurationSeconds"].as_u64().unwrap_or_default()),
            transitions: spec["leaseTransitions"].as_u64().unwrap_or_default(),
            seen_at: answer.date,
            says: said(&answer.body),
        }
    }

    /// Whether the holder has renewed the lease in time; not known where the server does not say when it was.
    pub(crate) fn lives(&self) -> Option<bool> {
        self.holder.as_ref()?;
        // The server stores whole seconds.
        self.written_ago.map(|ago| ago <= self.lasts + Duration::from_secs(1))
    }

    /// Since when the holder has led, by the server's clock.
    pub(crate) fn since(&self) -> Option<jiff::Timestamp> {
        let led = jiff::SignedDuration::try_from(self.leads_for?).ok()?;
        self.seen_at?.checked_sub(led).ok()
    }
}

/// What a holder says beside its lease; nothing where that cannot be read.
fn said(lease: &Value) -> LoopState {
    let text = lease["metadata"]["annotations"][SAYS].as_str().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

/// When the server last stored a change of what a lease says.
fn stored_at(lease: &Value) -> Option<jiff::Timestamp> {
    let entries = lease.pointer("/metadata/managedFields")?.as_array()?;
    let of_spec = entries.iter().filter(|entry| entry["fieldsV1"].get("f:spec").is_some());
    of_spec.filter_map(|entry| time(&entry["time"])).max()
}

fn time(value: &Value) -> Option<jiff::Timestamp> {
    value.as_str()?.parse().ok()
}

/// From one moment to a later one; nothing where it is not later.
fn between(earlier: jiff::Timestamp, later: jiff::Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A lease taken two hours before its last renewal, as a server shows it some seconds after that.
    fn seen(offset_of_holder: i64, seconds_later: i64, holder: Option<&str>) -> Leader {
        let stored: jiff::Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let at = |seconds| (stored + jiff::SignedDuration::from_secs(seconds)).to_string();
        let body = json!({
            "metadata": { "managedFields": [
                { "manager": "somebody", "time": at(100), "fieldsV1": { "f:metadata": {} } },
                { "manager": "parcelle", "time": at(0), "fieldsV1": { "f:spec": { "f:renewTime": {} } } },
            ] },
            "spec": {
                "holderIdentity": holder, "leaseDurationSeconds": 30, "leaseTransitions": 2,
                "acquireTime": at(offset_of_holder - 7_200), "renewTime": at(offset_of_holder),
            },
        });
        Leader::of(&Answer { code: 200, body, date: at(seconds_later).parse().ok(), warnings: Vec::new() })
    }

    #[test]
    fn no_clock_but_the_servers_says_how_long_ago_a_lease_was_renewed() {
        for offset in [-3_600, 0, 3_600] {
            let leader = seen(offset, 4, Some("one"));
            assert_eq!((leader.written_ago, leader.lives()), (Some(Duration::from_secs(4)), Some(true)));
            assert_eq!(leader.leads_for, Some(Duration::from_secs(7_204)));
            assert_eq!(leader.since().unwrap().to_string(), "2026-11-20T10:00:00Z");
        }
    }

    #[test]
    fn a_lease_that_was_not_renewed_in_time_or_given_up_is_told_from_one_that_lives() {
        assert_eq!(seen(0, 31, Some("one")).lives(), Some(true));
        assert_eq!(seen(0, 32, Some("one")).lives(), Some(false));
        let given_up = seen(0, 300, None);
        assert_eq!((given_up.lives(), given_up.leads_for), (None, None));
        assert_eq!(given_up.written_ago, Some(Duration::from_mins(5)));
    }
}
