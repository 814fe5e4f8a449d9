//! What counts: jobs at once, pods that may not go, room that has no end. What the offer grants is a rule of its own
//! (`render/rules/ceilings`).

use serde_json::Value;

use super::{Judging, each, text};
use crate::validation;

/// Finished Jobs of a schedule that are kept at most.
const KEPT: i64 = 10;
/// Former versions of a workload that are kept at most.
const VERSIONS: i64 = 100;
/// How often a Job is done at most.
const COMPLETIONS: i64 = 100;
/// How long a pod that is to end may take, in seconds.
const GRACE: i64 = 3_600;

/// How often a Job is tried again at most.
const TRIES: i64 = 20;
/// How long a finished Job is kept at most, in seconds.
const REMEMBERED: i64 = 7 * 86_400;
/// How many pods a workload or Job has at most, or brings beside them while it is replaced.
const PODS: i64 = 100;

/// How many come beside them at most as a share of those that there are, in percent.
const SHARE: i64 = 200;

/// Why pods have an end, whatever they ask for.
const CROWDED: &str = "each pod takes one of the places of a node, which belong to all organisations";

/// Numbers that have an end: the last fields of their pointers, the most, and why.
const ENDS: &[(&str, i64, &str)] = &[
    ("successfulJobsHistoryLimit", KEPT, "finished Jobs are kept by the API server"),
    ("failedJobsHistoryLimit", KEPT, "finished Jobs are kept by the API server"),
    ("revisionHistoryLimit", VERSIONS, "former versions are kept by the API server"),
    ("completions", COMPLETIONS, "finished pods are kept by the API server"),
    ("terminationGracePeriodSeconds", GRACE, "a node that is to be emptied waits for every pod"),
    ("preStop/sleep/seconds", GRACE, "a node that is to be emptied waits for every pod"),
    ("postStart/sleep/seconds", GRACE, "a container that sleeps counts as starting all the time"),
    ("backoffLimit", TRIES, "a job that fails at every turn would be tried for ever"),
    ("ttlSecondsAfterFinished", REMEMBERED, "finished Jobs are kept by the API server"),
    ("replicas", PODS, CROWDED),
    ("minReplicas", PODS, CROWDED),
    ("maxReplicas", PODS, CROWDED),
    ("parallelism", PODS, CROWDED),
    ("instances", PODS, CROWDED),
    ("maxSurge", PODS, CROWDED),
    // Of all pods there are.
    ("maxUnavailable", PODS, CROWDED),
];

/// Numbers of which less is more work for others: the last fields of their pointers, the least, and why.
const LEASTS: &[(&str, i64, &str)] =
    &[("Probe/periodSeconds", 3, "the kubelet of a node asks on behalf of all organisations")];

/// Maps whose keys are nobody's field.
const CHOSEN: [&str; 4] = ["/labels/", "/annotations/", "/matchLabels/", "/selector/"];

/// How often a schedule may come about, in seconds, and how many fields it has: with seconds or without.
const TURNS: [(&str, &str, u64, &str, bool); 2] = [
    ("batch", "CronJob", 60, "once a minute", false),
    ("postgresql.cnpg.io", "ScheduledBackup", 3_600, "once an hour", true),
];

pub(super) fn check(judged: &mut Judging<'_>) {
    // Texts of a ConfigMap, labels and what selects them have keys that anybody may choose.
    let is_chosen = |pointer: &&String| CHOSEN.iter().any(|map| pointer.contains(map));
    for pointer in judged.object.by_hand.iter().filter(|pointer| pointer.starts_with("/spec/") && !is_chosen(pointer)) {
        number(judged, pointer);
    }
    turns(judged);
    match (judged.object.group, judged.object.kind) {
        ("batch", "CronJob") => cron_job(judged),
        ("policy", "PodDisruptionBudget") => budget(judged),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler(judged),
        _ => {}
    }
}

/// A number of a hatch that has an end; what cannot be read as one is over every end.
fn number(judged: &mut Judging<'_>, pointer: &str) {
    let field = pointer.rsplit('/').next().unwrap_or_default();
    let value = judged.body().pointer(pointer).unwrap_or(&Value::Null);
    let is_meant = |name: &str| {
        let end = pointer.strip_suffix(name);
        end.is_some_and(|before| before.ends_with('/') || name.starts_with(char::is_uppercase))
    };
    if let Some((_, most, why)) = ENDS.iter().find(|(name, ..)| is_meant(name))
        && !is_within(value, *most)
    {
        let shown = if value.is_string() { format!("{SHARE} %") } else { most.to_string() };
        judged.excessive(pointer, format!("`{field}` is over {shown}"), why, "write a smaller number");
    }
    if let Some((_, least, why)) = LEASTS.iter().find(|(name, ..)| is_meant(name))
        && value.as_i64().is_none_or(|number| (0..*least).contains(&number))
    {
        judged.excessive(pointer, format!("`{field}` is under {least}"), why, &format!("write `{least}` or more"));
    }
}

/// Whether a value is a whole number up to the most, or a share of the pods that there are, which have an end of their own.
fn is_within(value: &Value, most: i64) -> bool {
    match value {
        Value::String(text) => {
            let digits = text.strip_suffix('%').unwrap_or_default();
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number && digits.parse::<i64>().is_ok_and(|share| share <= SHARE)
        }
        // What is under none is told by the limits of Kubernetes.
        value => value.as_i64().is_some_and(|number| number <= most),
    }
}

/// What comes about by the clock does so no oftener than everybody can bear.
fn turns(judged: &mut Judging<'_>) {
    let row = TURNS.iter().find(|(group, kind, ..)| judged.is(group, kind));
    let Some((_, _, least, words, seconds)) = row else { return };
    let schedule = text(judged.body(), "/spec/schedule");
    // What is no schedule at all is told by the limits of Kubernetes, and taken by nobody.
    if validation::least_gap(schedule, *seconds).is_ok_and(|gap| gap < *least) {
        let why = "each turn makes a pod or asks an operator, and finished ones are kept by the API server";
        let title = format!("`{schedule}` is more often than {words}");
        judged.excessive("/spec/schedule", title, why, &format!("write a schedule of {words} at most"));
    }
}

fn cron_job(judged: &mut Judging<'_>) {
    let spec = &judged.body()["spec"];
    let policy = text(spec, "/concurrencyPolicy");
    if !["Forbid", "Replace"].contains(&policy) {
        let why = "one that hangs would be joined by another at every turn";
        let title = "jobs of the schedule could pile up".to_owned();
        let at = if policy.is_empty() { "/spec" } else { "/spec/concurrencyPolicy" };
        judged.excessive(at, title, why, "write `concurrencyPolicy Forbid`");
    }
}

/// A node can be emptied whatever runs on it.
fn budget(judged: &mut Judging<'_>) {
    let spec = &judged.body()["spec"];
    let goes = match &spec["maxUnavailable"] {
        Value::Number(number) => number.as_i64().is_some_and(|number| number > 0),
        Value::String(share) => share.trim_end_matches('%').parse::<u32>().is_ok_and(|share| share > 0),
        _ => false,
    };
    if !goes || !spec["minAvailable"].is_null() {
        let why = "a node that is to be emptied waits for every pod that may not go";
        let at = if spec["maxUnavailable"].is_null() { "/spec" } else { "/spec/maxUnavailable" };
        judged.excessive(at, "no pod could ever go".to_owned(), why, "write `maxUnavailable 1`");
    }
}

fn autoscaler(judged: &mut Judging<'_>) {
    let target = &judged.body()["spec"]["scaleTargetRef"];
    let (kind, name) = (text(target, "/kind"), text(target, "/name"));
    let by_hand = judged.by_hand("/spec/scaleTargetRef/name") || judged.by_hand("/spec/scaleTargetRef/kind");
    let owned = judged.grounds.owned(judged.object.app, by_hand);
    if !owned.is_some_and(|owned| owned.workloads.contains(&format!("{kind}/{name}"))) {
        let title = format!("{kind} `{name}` is no workload of this app");
        judged.foreign(
            "/spec/scaleTargetRef",
            title,
            "an autoscaler is for a workload of its app",
            "name one of the app",
        );
    }
    for (at, metric) in each(judged.body(), "", "spec/metrics/*/type") {
        if !["Resource", "ContainerResource"].contains(&metric.as_str().unwrap_or_default()) {
            let why = "other measurements are of the whole cluster";
            judged.foreign(&at, format!("{metric} is no measurement of the workload"), why, "write `Resource`");
        }
    }
}

/// A quantity in units of `1/per` (bytes by 1, millicores by 1000), rounded up; `None` where it is none.
pub(crate) fn amount(text: &str, per: u128) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() && letter != 'e' && letter != 'E');
    let (number, unit) =
        if text.ends_with(['E', 'e']) { text.split_at(text.len() - 1) } else { (digits, &text[digits.len()..]) };
    let (number, exponent) = match number.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + fraction.len() > 24 || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mantissa: u128 = format!("{whole}{fraction}").parse().ok()?;
    let (binary, decimal): (u32, i32) = match unit {
        "" => (0, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        _ => return None,
    };
    let decimal = decimal.saturating_add(exponent).saturating_sub(i32::try_from(fraction.len()).ok()?);
    let scaled = mantissa.checked_mul(per)?.checked_mul(1 << binary)?;
    let power = 10_u128.checked_pow(decimal.unsigned_abs())?;
    let amount = if decimal < 0 { scaled.div_ceil(power) } else { scaled.checked_mul(power)? };
    u64::try_from(amount).ok()
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn quantities_are_read_in_every_spelling() {
        let bytes =
            [("1Gi", 1 << 30), ("1.5Ki", 1536), ("1e3", 1000), ("2M", 2_000_000), ("100", 100), ("1E", 10_u64.pow(18))];
        bytes.into_iter().for_each(|(text, expected)| assert_eq!(amount(text, 1), Some(expected), "{text}"));
        let cpu = [("250m", 250), ("2", 2000), ("0.5", 500), ("1u", 1), ("1k", 1_000_000)];
        cpu.into_iter().for_each(|(text, expected)| assert_eq!(amount(text, 1000), Some(expected), "{text}"));
        ["", "Gi", "-1", "1Xi", "999Ei9", "1e99", "99999999999999999999999999"]
            .into_iter()
            .for_each(|text| assert_eq!(amount(text, 1), None, "{text}"));
    }
}
