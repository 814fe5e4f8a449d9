//! Workloads: deployments and their like, jobs, schedules, autoscalers.

use std::fmt::Display;

use serde_json::{Value, json};

use super::{Errors, FieldError, at, cron, immutable, items, names, needed, not_negative, objects, one_of, pods, text};

fn counts(object: &Value, fields: &[&str], errors: &mut Errors) {
    for field in fields {
        not_negative(&object["spec"][*field], format_args!("spec.{field}"), errors);
    }
}

/// Checks selector and template of a workload of that kind.
fn selected(object: &Value, kind: &str, errors: &mut Errors) {
    let selector = &object["spec"]["selector"];
    if selector.is_object() {
        names::selector(selector, "spec.selector", errors);
        let empty = |name: &str| {
            let value = &selector[name];
            value.as_object().is_none_or(serde_json::Map::is_empty) && value.as_array().is_none_or(Vec::is_empty)
        };
        if empty("matchLabels") && empty("matchExpressions") {
            let detail = format!("empty selector is invalid for {kind}");
            errors.push(FieldError::invalid("spec.selector", selector, detail));
        }
    } else {
        errors.push(FieldError::required("spec.selector", ""));
    }
    let labels = at(object, "spec.template.metadata.labels");
    if selector.is_object() && !names::selects(selector, labels) {
        let shown = if labels.is_null() { json!({}) } else { labels.clone() };
        let detail = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid("spec.template.metadata.labels", &shown, detail));
    }
    pods::template(&object["spec"]["template"], "spec.template", &["Always"], errors);
}

/// Whether a number or percentage of pods is none.
fn is_none(count: &Value) -> bool {
    count.is_null() || *count == json!(0) || *count == json!("0%")
}

/// Checks a number or percentage of pods, at that path; of some there are no more than all.
fn share(value: &Value, path: impl Display + Copy, at_most_all: bool, errors: &mut Errors) {
    let Some(word) = value.as_str() else { return not_negative(value, path, errors) };
    let percent = word.strip_suffix('%').filter(|digits| !digits.is_empty());
    match percent.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit())) {
        None => {
            let detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
            errors.push(FieldError::invalid(path, value, detail));
        }
        Some(digits) if at_most_all && digits.parse::<u32>().map_or(true, |percent| percent > 100) => {
            errors.push(FieldError::invalid(path, value, "must not be greater than 100%"));
        }
        Some(_) => {}
    }
}

/// Checks a Deployment.
pub(super) fn deployment(object: &Value, errors: &mut Errors) {
    counts(object, &["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"], errors);
    selected(object, "deployment", errors);
    let strategy = &object["spec"]["strategy"];
    one_of(&strategy["type"], "spec.strategy.type", &["Recreate", "RollingUpdate"], errors);
    if strategy["type"] == "Recreate" && !strategy["rollingUpdate"].is_null() {
        let detail = "may not be specified when strategy `type` is 'Recreate'";
        errors.push(FieldError::forbidden("spec.strategy.rollingUpdate", detail));
    }
    let rolling = &strategy["rollingUpdate"];
    for name in ["maxUnavailable", "maxSurge"] {
        share(&rolling[name], format_args!("spec.strategy.rollingUpdate.{name}"), name == "maxUnavailable", errors);
    }
    if rolling.is_object() && is_none(&rolling["maxUnavailable"]) && is_none(&rolling["maxSurge"]) {
        let value = &rolling["maxUnavailable"];
        let detail = "may not be 0 when `maxSurge` is 0";
        errors.push(FieldError::invalid("spec.strategy.rollingUpdate.maxUnavailable", value, detail));
    }
    // Ten minutes where none is said.
    let deadline = object["spec"]["progressDeadlineSeconds"].as_i64().or(Some(600));
    let least = object["spec"]["minReadySeconds"].as_i64().unwrap_or(0);
    if deadline.is_some_and(|deadline| deadline >= 0 && deadline <= least) {
        let value = &object["spec"]["progressDeadlineSeconds"];
        errors.push(FieldError::invalid("spec.progressDeadlineSeconds", value, "must be greater than minReadySeconds"));
    }
}

/// Checks a `ReplicaSet`.
pub(super) fn replica_set(object: &Value, errors: &mut Errors) {
    counts(object, &["replicas", "minReadySeconds"], errors);
    selected(object, "replicaset", errors);
}

/// Checks a `DaemonSet`.
pub(super) fn daemon_set(object: &Value, errors: &mut Errors) {
    counts(object, &["minReadySeconds", "revisionHistoryLimit"], errors);
    selected(object, "daemonset", errors);
    let rolling = &object["spec"]["updateStrategy"]["rollingUpdate"];
    if rolling.is_object() {
        let path = "spec.updateStrategy.rollingUpdate";
        match (is_none(&rolling["maxUnavailable"]), is_none(&rolling["maxSurge"])) {
            (true, true) => {
                errors.push(FieldError::required(format!("{path}.maxUnavailable"), "cannot be 0 when maxSurge is 0"));
            }
            (false, false) => {
                let detail = "may not be set when maxUnavailable is non-zero";
                errors.push(FieldError::invalid(format!("{path}.maxSurge"), &rolling["maxSurge"], detail));
            }
            _ => {}
        }
    }
}

/// Checks a StatefulSet.
pub(super) fn stateful_set(object: &Value, errors: &mut Errors) {
    counts(object, &["replicas", "minReadySeconds", "revisionHistoryLimit"], errors);
    let spec = &object["spec"];
    one_of(&spec["podManagementPolicy"], "spec.podManagementPolicy", &["OrderedReady", "Parallel"], errors);
    one_of(&spec["updateStrategy"]["type"], "spec.updateStrategy.type", &["OnDelete", "RollingUpdate"], errors);
    let rolling = &spec["updateStrategy"]["rollingUpdate"];
    if spec["updateStrategy"]["type"] == "OnDelete" && !rolling.is_null() {
        let detail = "only allowed for updateStrategy 'RollingUpdate'";
        errors.push(FieldError::invalid("spec.updateStrategy.rollingUpdate", rolling, detail));
    }
    for (place, template) in items(spec, "volumeClaimTemplates") {
        objects::claim(&template["spec"], format_args!("spec.volumeClaimTemplates[{place}].spec"), errors);
    }
    let rolling = &spec["updateStrategy"]["rollingUpdate"];
    not_negative(&rolling["partition"], "spec.updateStrategy.rollingUpdate.partition", errors);
    not_negative(&spec["ordinals"]["start"], "spec.ordinals.start", errors);
    if items(spec, "volumeClaimTemplates").next().is_none() {
        return selected(object, "statefulset", errors);
    }
    // Claims of templates count as volumes of the pods.
    let mut with_claims = object.clone();
    let claims: Vec<Value> = items(spec, "volumeClaimTemplates")
        .map(|(_, claim)| json!({"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": "of-template"}}))
        .collect();
    if let Some(pod) = with_claims.pointer_mut("/spec/template/spec").and_then(Value::as_object_mut) {
        let volumes = pod.entry("volumes").or_insert_with(|| json!([]));
        if let Value::Array(volumes) = volumes {
            let named = |one: &Value| claims.iter().any(|claim| claim["name"] == one["name"]);
            volumes.retain(|volume| !named(volume));
            volumes.extend(claims.iter().cloned());
        }
    }
    selected(&with_claims, "statefulset", errors);
}

/// Checks how a StatefulSet changed.
pub(super) fn stateful_set_change(live: &Value, object: &Value, errors: &mut Errors) {
    let fixed = |object: &Value| {
        let mut spec = object["spec"].as_object().cloned().unwrap_or_default();
        for name in [
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
        ] {
            spec.remove(name);
        }
        spec
    };
    if fixed(live) != fixed(object) {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        errors.push(FieldError::forbidden("spec", detail));
    }
}

/// Checks the spec of a job, at that path.
pub(super) fn job(object: &Value, path: impl Display + Copy, spec: &Value, errors: &mut Errors) {
    for field in ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"] {
        not_negative(&spec[field], format_args!("{path}.{field}"), errors);
    }
    one_of(&spec["completionMode"], format_args!("{path}.completionMode"), &["Indexed", "NonIndexed"], errors);
    let labels = at(spec, "template.metadata.labels");
    let of_its_own = object["spec"]["jobTemplate"].is_null();
    if of_its_own && spec["selector"].is_object() && !names::selects(&spec["selector"], labels) {
        let detail = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid(format!("{path}.template.metadata.labels"), labels, detail));
    }
    pods::template(&spec["template"], format_args!("{path}.template"), &["OnFailure", "Never"], errors);
}

/// Checks how a job changed.
pub(super) fn job_change(live: &Value, object: &Value, errors: &mut Errors) {
    for path in ["spec.completions", "spec.selector", "spec.template", "spec.completionMode", "spec.podFailurePolicy"] {
        immutable(live, object, path, errors);
    }
}

/// Checks a CronJob.
pub(super) fn cron_job(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    let schedule = text(spec, "schedule");
    if schedule.is_empty() {
        errors.push(FieldError::required("spec.schedule", ""));
    } else if let Err(why) = cron::problem(schedule) {
        errors.push(FieldError::invalid("spec.schedule", &spec["schedule"], why));
    } else if schedule.contains("TZ") {
        let detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        errors.push(FieldError::invalid("spec.schedule", &spec["schedule"], detail));
    }
    if let Some(zone) = spec["timeZone"].as_str() {
        if zone.is_empty() {
            errors.push(FieldError::invalid(
                "spec.timeZone",
                &spec["timeZone"],
                "timeZone must be nil or non-empty string",
            ));
        } else if jiff::tz::TimeZone::get(zone).is_err() {
            errors.push(FieldError::invalid("spec.timeZone", &spec["timeZone"], format!("unknown time zone {zone}")));
        }
    }
    let policies = ["Allow", "Forbid", "Replace"];
    one_of(&spec["concurrencyPolicy"], "spec.concurrencyPolicy", &policies, errors);
    counts(object, &["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"], errors);
    job(object, "spec.jobTemplate.spec", &spec["jobTemplate"]["spec"], errors);
}

/// Checks a `HorizontalPodAutoscaler`.
pub(super) fn autoscaler(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    let least = spec["minReplicas"].as_i64();
    let most = spec["maxReplicas"].as_i64().unwrap_or(0);
    if least.is_some_and(|least| least < 1) {
        let detail = "must be greater than or equal to 1";
        errors.push(FieldError::invalid("spec.minReplicas", &spec["minReplicas"], detail));
    }
    if most < 1 {
        errors.push(FieldError::invalid("spec.maxReplicas", &json!(most), "must be greater than 0"));
    }
    if least.is_some_and(|least| most < least) {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid("spec.maxReplicas", &json!(most), detail));
    }
    for field in ["kind", "name"] {
        needed(&spec["scaleTargetRef"], field, "spec.scaleTargetRef", errors);
    }
    for (place, metric) in items(spec, "metrics") {
        if text(metric, "type").is_empty() {
            errors
                .push(FieldError::required(format!("spec.metrics[{place}].type"), "must specify a metric source type"));
        }
        let target = &metric["resource"]["target"];
        if target["averageUtilization"].as_i64().is_some_and(|percent| percent < 1) {
            let path = format_args!("spec.metrics[{place}].resource.target.averageUtilization");
            errors.push(FieldError::invalid(path, &target["averageUtilization"], "must be greater than 0"));
        }
    }
    for direction in ["scaleUp", "scaleDown"] {
        let rules = &spec["behavior"][direction];
        if rules.is_object() {
            scaling_rules(rules, format_args!("spec.behavior.{direction}"), errors);
        }
    }
}

fn scaling_rules(rules: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let at_most = |value: &Value, path: String, most: i64, errors: &mut Errors| {
        if value.as_i64().is_some_and(|seconds| seconds > most) {
            errors.push(FieldError::invalid(path, value, format!("must be less than or equal to {most}")));
        }
    };
    let window = &rules["stabilizationWindowSeconds"];
    if window.as_i64().is_some_and(|seconds| seconds < 0) {
        let detail = "must be greater than or equal to zero";
        errors.push(FieldError::invalid(format!("{path}.stabilizationWindowSeconds"), window, detail));
    }
    at_most(window, format!("{path}.stabilizationWindowSeconds"), 3600, errors);
    one_of(&rules["selectPolicy"], format_args!("{path}.selectPolicy"), &["Disabled", "Max", "Min"], errors);
    if rules["policies"].as_array().is_none_or(Vec::is_empty) {
        errors.push(FieldError::required(format!("{path}.policies"), "must specify at least one Policy"));
    }
    for (place, policy) in items(rules, "policies") {
        let path = format_args!("{path}.policies[{place}]");
        one_of(&policy["type"], format_args!("{path}.type"), &["Percent", "Pods"], errors);
        for name in ["value", "periodSeconds"] {
            if policy[name].as_i64().unwrap_or(0) <= 0 {
                let detail = "must be greater than zero";
                errors.push(FieldError::invalid(format!("{path}.{name}"), &policy[name], detail));
            }
        }
        at_most(&policy["periodSeconds"], format!("{path}.periodSeconds"), 1800, errors);
    }
}

/// Checks a `PodDisruptionBudget`.
pub(super) fn disruption_budget(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(FieldError::invalid("spec", spec, detail));
    }
    for field in ["minAvailable", "maxUnavailable"] {
        share(&spec[field], format_args!("spec.{field}"), true, errors);
    }
    names::selector(&spec["selector"], "spec.selector", errors);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(check: fn(&Value, &mut Errors), spec: Value) -> Errors {
        let mut errors = Errors::new();
        check(&json!({ "spec": spec }), &mut errors);
        errors
    }

    #[test]
    fn nothing_unavailable_and_nothing_more_is_no_way_to_roll() {
        let rolling = |unavailable: Value, surge: Value| json!({ "maxUnavailable": unavailable, "maxSurge": surge });
        let about = |errors: Errors, field: &str| -> Vec<FieldError> {
            errors.into_iter().filter(|error| format!("{error:?}").contains(field)).collect()
        };
        let deployments = |of: Value| {
            about(
                told(deployment, json!({ "strategy": { "type": "RollingUpdate", "rollingUpdate": of } })),
                "rollingUpdate",
            )
        };
        let path = "spec.strategy.rollingUpdate.maxUnavailable";
        let detail = "may not be 0 when `maxSurge` is 0";
        assert_eq!(deployments(rolling(json!(0), json!("0%"))), [FieldError::invalid(path, &json!(0), detail)]);
        assert_eq!(deployments(rolling(json!(0), json!(1))), []);
        let daemons =
            |of: Value| about(told(daemon_set, json!({ "updateStrategy": { "rollingUpdate": of } })), "rollingUpdate");
        let path = "spec.updateStrategy.rollingUpdate";
        let needed = FieldError::required(format!("{path}.maxUnavailable"), "cannot be 0 when maxSurge is 0");
        assert_eq!(daemons(rolling(json!(0), json!(0))), [needed]);
        let both = FieldError::invalid(
            format!("{path}.maxSurge"),
            &json!(2),
            "may not be set when maxUnavailable is non-zero",
        );
        assert_eq!(daemons(rolling(json!(1), json!(2))), [both]);
        assert_eq!(daemons(rolling(json!(1), json!(0))), []);
    }

    #[test]
    fn scaling_rules_need_a_policy() {
        let rules = |down: Value| {
            let target = json!({ "kind": "Deployment", "name": "x" });
            told(autoscaler, json!({ "maxReplicas": 1, "scaleTargetRef": target, "behavior": { "scaleDown": down } }))
        };
        let path = "spec.behavior.scaleDown";
        let none = FieldError::required(format!("{path}.policies"), "must specify at least one Policy");
        assert_eq!(rules(json!({ "policies": [] })), [none]);
        let zero = FieldError::invalid(format!("{path}.policies[0].value"), &json!(0), "must be greater than zero");
        assert_eq!(rules(json!({ "policies": [{ "type": "Pods", "value": 0, "periodSeconds": 15 }] })), [zero]);
    }

    #[test]
    fn a_template_of_claims_is_checked_as_a_claim_is() {
        let claim = json!({ "metadata": { "name": "data" }, "spec": { "accessModes": ["ReadWriteOnce"] } });
        let errors = told(stateful_set, json!({ "volumeClaimTemplates": [claim] }));
        assert_eq!(errors[0], FieldError::required("spec.volumeClaimTemplates[0].spec.resources[storage]", ""));
    }
}
