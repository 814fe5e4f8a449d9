//! Pods and their templates.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use serde_json::{Value, json};

use super::{
    Errors, FieldError, items, names, needed, not_negative, one_of, port_number, scheduling, security, text, volumes,
};
use crate::kind::unions;
use crate::merge::canonical_quantity;

/// Checks a template of pods, at that path. `restarts` are the restart policies allowed.
pub(super) fn template(template: &Value, path: impl Display + Copy, restarts: &[&str], errors: &mut Errors) {
    let metadata = &template["metadata"];
    names::labels(&metadata["labels"], format_args!("{path}.labels"), errors);
    names::annotations(&metadata["annotations"], format_args!("{path}.annotations"), errors);
    spec(&template["spec"], format_args!("{path}.spec"), restarts, errors);
}

/// Checks the spec of a pod, at that path.
pub(super) fn spec(spec: &Value, path: impl Display + Copy, restarts: &[&str], errors: &mut Errors) {
    let volumes = volumes::volumes(spec, format_args!("{path}.volumes"), errors);
    if spec["containers"].as_array().is_none_or(Vec::is_empty) {
        errors.push(FieldError::required(format!("{path}.containers"), ""));
    }
    let mut seen = BTreeSet::new();
    for (list, init) in [("containers", false), ("initContainers", true)] {
        for (place, one) in items(spec, list) {
            let path = format_args!("{path}.{list}[{place}]");
            container(one, path, &volumes, errors);
            sleeps(one, &spec["terminationGracePeriodSeconds"], path, errors);
            let name = text(one, "name");
            if !name.is_empty() && !seen.insert(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), &one["name"]));
            }
            if init && one["restartPolicy"].is_null() {
                for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
                    if !one[probe].is_null() {
                        let detail = "may not be set for init containers without restartPolicy=Always";
                        errors.push(FieldError::forbidden(format!("{path}.{probe}"), detail));
                    }
                }
            }
        }
    }
    let restart = format!("{path}.restartPolicy");
    if restarts == ["OnFailure", "Never"] {
        if !restarts.contains(&text(spec, "restartPolicy")) {
            errors.push(FieldError::required(restart, "valid values: \"OnFailure\", \"Never\""));
        }
    } else {
        one_of(&spec["restartPolicy"], &restart, restarts, errors);
    }
    let dns = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
    one_of(&spec["dnsPolicy"], format_args!("{path}.dnsPolicy"), &dns, errors);
    not_negative(&spec["terminationGracePeriodSeconds"], format_args!("{path}.terminationGracePeriodSeconds"), errors);
    if spec["activeDeadlineSeconds"].as_i64().is_some_and(|seconds| !(1..=i64::from(i32::MAX)).contains(&seconds)) {
        let (value, detail) = (&spec["activeDeadlineSeconds"], "must be between 1 and 2147483647, inclusive");
        errors.push(FieldError::invalid(format!("{path}.activeDeadlineSeconds"), value, detail));
    }
    for name in ["hostname", "subdomain"] {
        for why in spec[name].as_str().filter(|word| !word.is_empty()).map(names::label).into_iter().flatten() {
            errors.push(FieldError::invalid(format!("{path}.{name}"), &spec[name], why));
        }
    }
    security::context(&spec["securityContext"], format_args!("{path}.securityContext"), errors);
    names::labels(&spec["nodeSelector"], format_args!("{path}.nodeSelector"), errors);
    scheduling::affinity(&spec["affinity"], format_args!("{path}.affinity"), errors);
    scheduling::spread(spec, path, errors);
    let account = text(spec, "serviceAccountName");
    if !account.is_empty() {
        for why in names::subdomain(account) {
            errors.push(FieldError::invalid(format!("{path}.serviceAccountName"), &json!(account), why));
        }
    }
    scheduling::tolerations(spec, path, errors);
}

fn container(one: &Value, path: impl Display + Copy, volumes: &BTreeSet<String>, errors: &mut Errors) {
    let name = text(one, "name");
    if name.is_empty() {
        errors.push(FieldError::required(format!("{path}.name"), ""));
    } else {
        for why in names::label(name) {
            errors.push(FieldError::invalid(format!("{path}.name"), &json!(name), why));
        }
    }
    let image = text(one, "image");
    if image.is_empty() {
        errors.push(FieldError::required(format!("{path}.image"), ""));
    } else if image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid(format!("{path}.image"), &one["image"], detail));
    }
    ports(one, format_args!("{path}.ports"), errors);
    environment(one, format_args!("{path}.env"), errors);
    environment_sources(one, format_args!("{path}.envFrom"), errors);
    mounts(one, format_args!("{path}.volumeMounts"), volumes, errors);
    let pulls = ["Always", "IfNotPresent", "Never"];
    one_of(&one["imagePullPolicy"], format_args!("{path}.imagePullPolicy"), &pulls, errors);
    let messages = ["FallbackToLogsOnError", "File"];
    one_of(&one["terminationMessagePolicy"], format_args!("{path}.terminationMessagePolicy"), &messages, errors);
    resources(&one["resources"], format_args!("{path}.resources"), errors);
    security::context(&one["securityContext"], format_args!("{path}.securityContext"), errors);
    for kind in ["postStart", "preStop"] {
        let hook = &one["lifecycle"][kind];
        if hook.is_object() {
            handler(hook, "api.core.v1.LifecycleHandler", format_args!("{path}.lifecycle.{kind}"), errors);
        }
    }
    for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
        probe(&one[kind], format_args!("{path}.{kind}"), kind == "readinessProbe", errors);
    }
}

/// A hook sleeps no longer than the pod has to end.
fn sleeps(container: &Value, grace: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let grace = grace.as_i64().unwrap_or(30);
    for kind in ["postStart", "preStop"] {
        let seconds = &container["lifecycle"][kind]["sleep"]["seconds"];
        if seconds.as_i64().is_some_and(|seconds| !(0..=grace).contains(&seconds)) {
            let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
            errors.push(FieldError::invalid(format!("{path}.lifecycle.{kind}.sleep"), seconds, detail));
        }
    }
}

fn ports(container: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for (place, port) in items(container, "ports") {
        let path = format_args!("{path}[{place}]");
        let name = text(port, "name");
        if !name.is_empty() {
            for why in names::port(name) {
                errors.push(FieldError::invalid(format!("{path}.name"), &port["name"], why));
            }
            if !seen.insert(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), &port["name"]));
            }
        }
        if port["containerPort"].as_i64().unwrap_or(0) == 0 {
            errors.push(FieldError::required(format!("{path}.containerPort"), ""));
        } else {
            port_number(&port["containerPort"], format_args!("{path}.containerPort"), errors);
        }
        if port["hostPort"].as_i64().is_some_and(|number| number != 0) {
            port_number(&port["hostPort"], format_args!("{path}.hostPort"), errors);
        }
        one_of(&port["protocol"], format_args!("{path}.protocol"), &["SCTP", "TCP", "UDP"], errors);
    }
}

fn environment(container: &Value, path: impl Display + Copy, errors: &mut Errors) {
    for (place, one) in items(container, "env") {
        let path = format_args!("{path}[{place}]");
        let name = text(one, "name");
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        } else if !name.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=') {
            let detail =
                "a valid environment variable name must consist only of printable ASCII characters other than '='";
            errors.push(FieldError::invalid(format!("{path}.name"), &one["name"], detail));
        }
        let Some(source) = one["valueFrom"].as_object() else { continue };
        let path = format_args!("{path}.valueFrom");
        let value = &one["valueFrom"];
        let detail = match source.len() {
            0 => {
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            }
            1 if !text(one, "value").is_empty() => "may not be specified when `value` is not empty",
            1 => "",
            _ => "may not have more than one field specified at a time",
        };
        if !detail.is_empty() {
            errors.push(FieldError::invalid(path, &json!(""), detail));
        }
        for kind in ["configMapKeyRef", "secretKeyRef"] {
            if value[kind].is_object() {
                needed(&value[kind], "key", format_args!("{path}.{kind}"), errors);
            }
        }
    }
}

fn environment_sources(container: &Value, path: impl Display + Copy, errors: &mut Errors) {
    for (place, one) in items(container, "envFrom") {
        let given: Vec<&str> =
            unions::members("api.core.v1.EnvFromSource").filter(|kind| one[*kind].is_object()).collect();
        for kind in &given {
            needed(&one[*kind], "name", format_args!("{path}[{place}].{kind}"), errors);
        }
        let detail = match given.len() {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        errors.push(FieldError::invalid(path, &json!(""), detail));
    }
}

fn mounts(container: &Value, path: impl Display + Copy, known: &BTreeSet<String>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for (place, mount) in items(container, "volumeMounts") {
        let path = format_args!("{path}[{place}]");
        let name = text(mount, "name");
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        }
        if !known.contains(name) {
            errors.push(FieldError::not_found(format!("{path}.name"), &json!(name)));
        }
        let target = text(mount, "mountPath");
        if target.is_empty() {
            errors.push(FieldError::required(format!("{path}.mountPath"), ""));
        }
        if !seen.insert(target) {
            errors.push(FieldError::invalid(format!("{path}.mountPath"), &json!(target), "must be unique"));
        }
        volumes::relative(&mount["subPath"], format_args!("{path}.subPath"), errors);
        if !text(mount, "subPath").is_empty() && !text(mount, "subPathExpr").is_empty() {
            let detail = "subPathExpr and subPath are mutually exclusive";
            errors.push(FieldError::invalid(format!("{path}.subPathExpr"), &mount["subPathExpr"], detail));
        }
    }
}

/// The amount of a quantity, for comparisons.
pub(super) fn amount(value: &Value) -> Option<f64> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = canonical_quantity(&text).ok()?;
    let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let factor = match unit {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        "Ei" => 1024.0_f64.powi(6),
        power => 10.0_f64.powi(power.trim_start_matches(['e', 'E']).parse().ok()?),
    };
    Some(number * factor)
}

fn resources(value: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let mut limits = BTreeMap::new();
    for list in ["limits", "requests"] {
        for (name, quantity) in value[list].as_object().into_iter().flatten() {
            let path = format_args!("{path}.{list}");
            let standard = ["cpu", "memory", "ephemeral-storage"].contains(&name.as_str())
                || name.starts_with("hugepages-")
                || name.contains('/');
            if !standard {
                let detail = "must be a standard resource for containers";
                errors.push(FieldError::invalid(path, &json!(name), detail));
            }
            let Some(amount) = amount(quantity) else { continue };
            if amount < 0.0 {
                let detail = "must be greater than or equal to 0";
                errors.push(FieldError::invalid(format!("{path}[{name}]"), quantity, detail));
            }
            if list == "limits" {
                limits.insert(name.clone(), (amount, quantity));
            } else if let Some((limit, shown)) = limits.get(name)
                && amount > *limit
            {
                let limit = shown.as_str().unwrap_or_default();
                let detail = format!("must be less than or equal to {name} limit of {limit}");
                errors.push(FieldError::invalid(path, quantity, detail));
            }
        }
    }
}

fn probe(probe: &Value, path: impl Display + Copy, readiness: bool, errors: &mut Errors) {
    if !probe.is_object() {
        return;
    }
    handler(probe, "api.core.v1.Probe", path, errors);
    for name in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        not_negative(&probe[name], format_args!("{path}.{name}"), errors);
    }
    let grace = &probe["terminationGracePeriodSeconds"];
    if readiness && !grace.is_null() {
        let detail = "must not be set for readinessProbes";
        errors.push(FieldError::invalid(format!("{path}.terminationGracePeriodSeconds"), grace, detail));
    } else if grace.as_i64().is_some_and(|seconds| seconds < 1) {
        let detail = "must be greater than 0";
        errors.push(FieldError::invalid(format!("{path}.terminationGracePeriodSeconds"), grace, detail));
    }
    if !readiness && probe["successThreshold"].as_i64().is_some_and(|number| number != 1) {
        errors.push(FieldError::invalid(format!("{path}.successThreshold"), &probe["successThreshold"], "must be 1"));
    }
}

/// Checks that exactly one of the handlers of a type is given, at that path.
fn handler(of: &Value, handlers: &str, path: impl Display + Copy, errors: &mut Errors) {
    let given: Vec<&str> = unions::members(handlers).filter(|name| of[*name].is_object()).collect();
    match given.as_slice() {
        [] => errors.push(FieldError::required(path, "must specify a handler type")),
        [_] => {}
        [_, more @ ..] => {
            for name in more {
                let detail = "may not specify more than 1 handler type";
                errors.push(FieldError::forbidden(format!("{path}.{name}"), detail));
            }
        }
    }
    if of["exec"].is_object() && of["exec"]["command"].as_array().is_none_or(Vec::is_empty) {
        errors.push(FieldError::required(format!("{path}.exec.command"), ""));
    }
    for (place, header) in items(&of["httpGet"], "httpHeaders") {
        let name = text(header, "name");
        if name.is_empty()
            || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
        {
            let detail = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
            errors.push(FieldError::invalid(format!("{path}.httpGet.httpHeaders[{place}].name"), &json!(name), detail));
        }
    }
    for name in ["httpGet", "tcpSocket"] {
        let port = &of[name]["port"];
        let path = format_args!("{path}.{name}.port");
        if let Some(word) = port.as_str() {
            for why in names::port(word) {
                errors.push(FieldError::invalid(path, port, why));
            }
        } else {
            port_number(port, path, errors);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_compare_by_amount() {
        assert_eq!(amount(&json!("1Gi")), Some(1_073_741_824.0));
        assert_eq!(amount(&json!("2")), Some(2.0));
        assert!(amount(&json!("500m")) < amount(&json!("0.6")));
    }

    #[test]
    fn a_mount_needs_its_volume() {
        let pod = json!({"containers": [{"name": "a", "image": "x",
            "volumeMounts": [{"name": "data", "mountPath": "/d"}]}]});
        let mut errors = Vec::new();
        spec(&pod, "spec", &["Always"], &mut errors);
        assert_eq!(errors.len(), 1);
    }

    #[test]
    fn a_volume_has_one_source_and_cannot_be_mounted_otherwise() {
        let pod = json!({"containers": [{"name": "a", "image": "x",
            "volumeMounts": [{"name": "v", "mountPath": "/d"}]}],
            "volumes": [{"name": "v", "hostPath": {"path": "/x"}, "emptyDir": {}}]});
        let mut errors = Vec::new();
        spec(&pod, "spec", &["Always"], &mut errors);
        let detail = "may not specify more than 1 volume type";
        let expected = [
            FieldError::forbidden("spec.volumes[0].hostPath", detail),
            FieldError::not_found("spec.containers[0].volumeMounts[0].name", &json!("v")),
        ];
        assert_eq!(errors, expected);
    }

    #[test]
    fn a_source_of_variables_and_one_of_a_projection_is_one() {
        let pod = json!({"containers": [{"name": "a", "image": "x",
            "envFrom": [{"configMapRef": {"name": "c"}, "secretRef": {"name": "s"}}, {}]}],
            "volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}, "configMap": {"name": "c"}}]}}]});
        let mut errors = Vec::new();
        spec(&pod, "spec", &["Always"], &mut errors);
        let path = "spec.containers[0].envFrom";
        let expected = [
            FieldError::forbidden(
                "spec.volumes[0].projected.sources[0]",
                "may not specify more than 1 volume type per source",
            ),
            FieldError::invalid(path, &json!(""), "may not have more than one field specified at a time"),
            FieldError::invalid(path, &json!(""), "must specify one of: `configMapRef` or `secretRef`"),
        ];
        assert_eq!(errors, expected);
    }

    #[test]
    fn a_hook_has_one_handler() {
        let pod = json!({"containers": [{"name": "a", "image": "x",
            "lifecycle": {"preStop": {"exec": {"command": ["a"]}, "sleep": {"seconds": 1}}, "postStart": {}}}]});
        let mut errors = Vec::new();
        spec(&pod, "spec", &["Always"], &mut errors);
        let path = "spec.containers[0].lifecycle";
        let expected = [
            FieldError::required(format!("{path}.postStart"), "must specify a handler type"),
            FieldError::forbidden(format!("{path}.preStop.sleep"), "may not specify more than 1 handler type"),
        ];
        assert_eq!(errors, expected);
    }
}
