//! Where pods may run: affinities, spread, tolerations.

use std::fmt::Display;

use serde_json::{Value, json};

use super::{Errors, FieldError, items, names, one_of, text};

const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Checks affinities to pods, and away from them, at that path.
pub(super) fn affinity(affinity: &Value, path: impl Display + Copy, errors: &mut Errors) {
    for kind in ["podAffinity", "podAntiAffinity"] {
        let (terms, path) = (&affinity[kind], format_args!("{path}.{kind}"));
        for (place, term) in items(terms, REQUIRED) {
            pod_term(term, format_args!("{path}.{REQUIRED}[{place}]"), errors);
        }
        for (place, weighted) in items(terms, PREFERRED) {
            let path = format_args!("{path}.{PREFERRED}[{place}]");
            let weight = weighted["weight"].as_i64().unwrap_or(0);
            if !(1..=100).contains(&weight) {
                errors.push(FieldError::invalid(
                    format!("{path}.weight"),
                    &json!(weight),
                    "must be in the range 1-100",
                ));
            }
            pod_term(&weighted["podAffinityTerm"], format_args!("{path}.podAffinityTerm"), errors);
        }
    }
}

fn pod_term(term: &Value, path: impl Display + Copy, errors: &mut Errors) {
    for selector in ["labelSelector", "namespaceSelector"] {
        names::selector(&term[selector], format_args!("{path}.{selector}"), errors);
    }
    for (_, namespace) in items(term, "namespaces") {
        for why in names::label(namespace.as_str().unwrap_or_default()) {
            errors.push(FieldError::invalid(format!("{path}.namespace"), namespace, why));
        }
    }
    topology_key(term, path, errors);
}

fn topology_key(term: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let (key, path) = (text(term, "topologyKey"), format_args!("{path}.topologyKey"));
    if key.is_empty() {
        errors.push(FieldError::required(path, "can not be empty"));
    }
    for why in names::qualified(key) {
        errors.push(FieldError::invalid(path, &json!(key), why));
    }
}

/// Checks how pods are spread, at that path.
pub(super) fn spread(spec: &Value, path: impl Display + Copy, errors: &mut Errors) {
    for (place, one) in items(spec, "topologySpreadConstraints") {
        let path = format_args!("{path}.topologySpreadConstraints[{place}]");
        let skew = one["maxSkew"].as_i64().unwrap_or(0);
        if skew < 1 {
            errors.push(FieldError::invalid(format!("{path}.maxSkew"), &json!(skew), "must be greater than zero"));
        }
        topology_key(one, path, errors);
        let otherwise = ["DoNotSchedule", "ScheduleAnyway"];
        one_of(&one["whenUnsatisfiable"], format_args!("{path}.whenUnsatisfiable"), &otherwise, errors);
        names::selector(&one["labelSelector"], format_args!("{path}.labelSelector"), errors);
    }
}

/// Checks which taints are borne, at that path.
pub(super) fn tolerations(spec: &Value, path: impl Display + Copy, errors: &mut Errors) {
    for (place, one) in items(spec, "tolerations") {
        let path = format_args!("{path}.tolerations[{place}]");
        let (key, operator) = (text(one, "key"), text(one, "operator"));
        if !key.is_empty() {
            for why in names::qualified(key) {
                errors.push(FieldError::invalid(format!("{path}.key"), &one["key"], why));
            }
        }
        if key.is_empty() && operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(FieldError::invalid(format!("{path}.operator"), &json!(operator), detail));
        }
        if !one["tolerationSeconds"].is_null() && one["effect"] != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(FieldError::invalid(format!("{path}.effect"), &json!(text(one, "effect")), detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anti(term: Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let pod = json!({"podAntiAffinity": {PREFERRED: [{"weight": 1, "podAffinityTerm": term}]}});
        affinity(&pod, "spec.affinity", &mut errors);
        errors
    }

    #[test]
    fn the_selector_of_an_affinity_needs_values_for_in() {
        let path = format!("spec.affinity.podAntiAffinity.{PREFERRED}[0].podAffinityTerm");
        let of = |values: Value| {
            anti(json!({"topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": values}]}}))
        };
        assert_eq!(of(json!(["b"])), []);
        let detail = "must be specified when `operator` is 'In' or 'NotIn'";
        let expected = FieldError::required(format!("{path}.labelSelector.matchExpressions[0].values"), detail);
        assert_eq!(of(Value::Null), [expected]);
        assert_eq!(anti(json!({}))[0], FieldError::required(format!("{path}.topologyKey"), "can not be empty"));
    }

    #[test]
    fn a_toleration_of_everything_says_exists() {
        let mut errors = Vec::new();
        let spec = json!({"tolerations": [{"operator": "Exists"}, {"key": "k", "tolerationSeconds": 0}, {}]});
        tolerations(&spec, "spec", &mut errors);
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}
