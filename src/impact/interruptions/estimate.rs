//! For about how long an app is away while one pod of it takes the place of another.
//!
//! An estimate, the same for every cluster: a program stops in ten seconds, and starts in a tenth of the time that its startup
//! probe allows, since that is written for the worst day. Where there is no such probe, it starts in half a minute. The most is what
//! the fields allow: the grace time of the old pod, and the whole time of the probe.

use serde_json::Value;

/// How long a program takes to stop, in seconds.
const STOPS: u64 = 10;
/// How long one takes to start that says nothing of it, in seconds.
const STARTS: u64 = 30;
/// The shortest and the longest time that a start is taken to last, in seconds.
const START: (u64, u64) = (20, 600);
/// A program starts in such a part of the time that it is given.
const PART: u64 = 10;
/// What Kubernetes gives a pod to end that says nothing, in seconds.
const GRACE: u64 = 30;
/// What Kubernetes takes of a probe that says nothing: seconds between two tries, and how many may fail.
const PROBE: (u64, u64) = (10, 3);
/// How long a job takes that brings an app's data to a release, in seconds.
pub(super) const JOB: u64 = 60;
/// How long a database server is away whose major version changes, in seconds: all its servers stop while its files are brought
/// over (CloudNativePG's documentation, "Offline In-Place Major Upgrades").
pub(super) const MAJOR: u64 = 300;

/// How long an app is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Away {
    /// As it usually is, in seconds.
    pub(super) seconds: u64,
    /// At the most, in seconds; 0 where nothing says it.
    pub(super) most: u64,
}

/// How long it takes until a pod of this specification is there in the place of another.
pub(super) fn of_pod(pod: &Value) -> Away {
    let number = |value: &Value, default: u64| value.as_u64().unwrap_or(default);
    let containers = pod["containers"].as_array().into_iter().flatten();
    let allowed = containers
        .map(|container| &container["startupProbe"])
        .filter(|probe| probe.is_object())
        .map(|probe| {
            number(&probe["initialDelaySeconds"], 0).saturating_add(
                number(&probe["periodSeconds"], PROBE.0).saturating_mul(number(&probe["failureThreshold"], PROBE.1)),
            )
        })
        .max();
    let grace = number(&pod["terminationGracePeriodSeconds"], GRACE);
    let starts = allowed.map_or(STARTS, |allowed| (allowed / PART).clamp(START.0, START.1));
    Away { seconds: STOPS.min(grace) + starts, most: allowed.map_or(0, |allowed| grace.saturating_add(allowed)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_start_is_a_tenth_of_what_its_probe_allows() {
        let of = |container: Value| of_pod(&json!({"containers": [container]}));
        assert_eq!(of(json!({})), Away { seconds: 40, most: 0 });
        let probe = json!({"startupProbe": {"periodSeconds": 10, "failureThreshold": 60}});
        assert_eq!(of(probe), Away { seconds: 70, most: 630 });
        let probe = json!({"startupProbe": {"failureThreshold": 3}});
        assert_eq!(of(probe), Away { seconds: 30, most: 60 });
        let hostile = json!({"startupProbe": {"periodSeconds": u64::MAX, "failureThreshold": u64::MAX}});
        assert_eq!(of(hostile).seconds, 610);
    }
}
