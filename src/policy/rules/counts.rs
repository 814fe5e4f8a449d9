//! What counts: jobs at once, pods that may not go, room that has no end. What the offer grants is a rule of its own
//! (`render/rules/ceilings`).

use serde_json::Value;

use super::{Judging, each, text};

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

pub(super) fn check(judged: &mut Judging<'_>) {
    for pointer in judged.object.by_hand {
        let field = pointer.rsplit('/').next().unwrap_or_default();
        let Some((_, most, why)) = ENDS.iter().find(|(name, ..)| *name == field) else { continue };
        let is_over = |value: &Value| match value {
            // A share is one of the pods that there are, which have an end of their own.
            Value::String(text) => text.trim_end_matches('%').parse::<i64>().is_ok_and(|number| number > SHARE),
            value => value.as_i64().map_or(value.is_number(), |number| number > *most),
        };
        if judged.body().pointer(pointer).is_some_and(is_over) {
            judged.excessive(pointer, format!("`{field}` is over {most}"), why, "write a smaller number");
        }
    }
    match (judged.object.group, judged.object.kind) {
        ("batch", "CronJob") => cron_job(judged),
        ("policy", "PodDisruptionBudget") => budget(judged),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler(judged),
        _ => {}
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
