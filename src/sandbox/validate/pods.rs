//! Pods and their templates.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Errors, items, names, needed, not_negative, one_of, port_number, scheduling, text};
use crate::{kind::unions, merge::canonical_quantity, sandbox::status::FieldError};

/// Checks a template of pods, at that path. `restarts` are the restart policies allowed.
pub(super) fn template(template: &Value, path: &str, restarts: &[&str], errors: &mut Errors) {
    let metadata = &template["metadata"];
    names::labels(&metadata["labels"], &format!("{path}.labels"), errors);
    names::annotations(&metadata["annotations"], &format!("{path}.annotations"), errors);
    spec(&template["spec"], &format!("{path}.spec"), restarts, errors);
}

/// Checks the spec of a pod, at that path.
pub(super) fn spec(spec: &Value, path: &str, restarts: &[&str], errors: &mut Errors) {
    let volumes = volumes(spec, &format!("{path}.volumes"), errors);
    if spec["containers"].as_array().is_none_or(Vec::is_empty) {
        errors.push(FieldError::required(format!("{path}.containers"), ""));
    }
    let mut seen = BTreeSet::new();
    for (list, init) in [("containers", false), ("initContainers", true)] {
        for (place, one) in items(spec, list) {
            let path = format!("{path}.{list}[{place}]");
            container(one, &path, &volumes, errors);
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
    one_of(&spec["dnsPolicy"], &format!("{path}.dnsPolicy"), &dns, errors);
    not_negative(&spec["terminationGracePeriodSeconds"], &format!("{path}.terminationGracePeriodSeconds"), errors);
    names::labels(&spec["nodeSelector"], &format!("{path}.nodeSelector"), errors);
    profile(&spec["securityContext"], &format!("{path}.securityContext"), errors);
    scheduling::affinity(&spec["affinity"], &format!("{path}.affinity"), errors);
    scheduling::spread(spec, path, errors);
    let account = text(spec, "serviceAccountName");
    if !account.is_empty() {
        for why in names::subdomain(account) {
            errors.push(FieldError::invalid(format!("{path}.serviceAccountName"), &json!(account), why));
        }
    }
    scheduling::tolerations(spec, path, errors);
}

/// The names of the volumes that can be mounted: those with an error cannot.
fn volumes(spec: &Value, path: &str, errors: &mut Errors) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for (place, volume) in items(spec, "volumes") {
        let path = format!("{path}[{place}]");
        let before = errors.len();
        let name = text(volume, "name");
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        } else {
            for why in names::label(name) {
                errors.push(FieldError::invalid(format!("{path}.name"), &json!(name), why));
            }
        }
        if seen.contains(name) {
            errors.push(FieldError::duplicate(format!("{path}.name"), &json!(name)));
        }
        let mut sources = unions::members("api.core.v1.Volume").filter(|source| !volume[*source].is_null());
        if sources.next().is_none() {
            errors.push(FieldError::required(&path, "must specify a volume type"));
        }
        volume_source(volume, &path, errors);
        for more in sources {
            let detail = "may not specify more than 1 volume type";
            errors.push(FieldError::forbidden(format!("{path}.{more}"), detail));
        }
        if errors.len() == before {
            seen.insert(name.to_owned());
        }
    }
    seen
}

fn volume_source(volume: &Value, path: &str, errors: &mut Errors) {
    for (kind, field) in
        [("configMap", "name"), ("secret", "secretName"), ("persistentVolumeClaim", "claimName"), ("hostPath", "path")]
    {
        if volume[kind].is_object() {
            needed(&volume[kind], field, &format!("{path}.{kind}"), errors);
        }
    }
    for (place, source) in items(&volume["projected"], "sources") {
        if unions::members("api.core.v1.VolumeProjection").filter(|kind| !source[*kind].is_null()).count() > 1 {
            let detail = "may not specify more than 1 volume type per source";
            errors.push(FieldError::forbidden(format!("{path}.projected.sources[{place}]"), detail));
        }
    }
}

fn container(one: &Value, path: &str, volumes: &BTreeSet<String>, errors: &mut Errors) {
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
    ports(one, &format!("{path}.ports"), errors);
    environment(one, &format!("{path}.env"), errors);
    environment_sources(one, &format!("{path}.envFrom"), errors);
    mounts(one, &format!("{path}.volumeMounts"), volumes, errors);
    let pulls = ["Always", "IfNotPresent", "Never"];
    one_of(&one["imagePullPolicy"], &format!("{path}.imagePullPolicy"), &pulls, errors);
    let messages = ["FallbackToLogsOnError", "File"];
    one_of(&one["terminationMessagePolicy"], &format!("{path}.terminationMessagePolicy"), &messages, errors);
    resources(&one["resources"], &format!("{path}.resources"), errors);
    for kind in ["postStart", "preStop"] {
        let hook = &one["lifecycle"][kind];
        if hook.is_object() {
            handler(hook, "api.core.v1.LifecycleHandler", &format!("{path}.lifecycle.{kind}"), errors);
        }
    }
    profile(&one["securityContext"], &format!("{path}.securityContext"), errors);
    for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
        probe(&one[kind], &format!("{path}.{kind}"), kind == "readinessProbe", errors);
    }
}

fn ports(container: &Value, path: &str, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for (place, port) in items(container, "ports") {
        let path = format!("{path}[{place}]");
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
            port_number(&port["containerPort"], &format!("{path}.containerPort"), errors);
        }
        if port["hostPort"].as_i64().is_some_and(|number| number != 0) {
            port_number(&port["hostPort"], &format!("{path}.hostPort"), errors);
        }
        one_of(&port["protocol"], &format!("{path}.protocol"), &["SCTP", "TCP", "UDP"], errors);
    }
}

fn environment(container: &Value, path: &str, errors: &mut Errors) {
    for (place, one) in items(container, "env") {
        let path = format!("{path}[{place}]");
        let name = text(one, "name");
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        } else if !name.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=') {
            let detail =
                "a valid environment variable name must consist only of printable ASCII characters other than '='";
            errors.push(FieldError::invalid(format!("{path}.name"), &one["name"], detail));
        }
        let Some(source) = one["valueFrom"].as_object() else { continue };
        let path = format!("{path}.valueFrom");
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
            errors.push(FieldError::invalid(&path, &json!(""), detail));
        }
        for kind in ["configMapKeyRef", "secretKeyRef"] {
            if value[kind].is_object() {
                needed(&value[kind], "key", &format!("{path}.{kind}"), errors);
            }
        }
    }
}

fn environment_sources(container: &Value, path: &str, errors: &mut Errors) {
    for (place, one) in items(container, "envFrom") {
        let given: Vec<&str> =
            unions::members("api.core.v1.EnvFromSource").filter(|kind| one[*kind].is_object()).collect();
        for kind in &given {
            needed(&one[*kind], "name", &format!("{path}[{place}].{kind}"), errors);
        }
        let detail = match given.len() {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        errors.push(FieldError::invalid(path, &json!(""), detail));
    }
}

fn mounts(container: &Value, path: &str, volumes: &BTreeSet<String>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for (place, mount) in items(container, "volumeMounts") {
        let path = format!("{path}[{place}]");
        let name = text(mount, "name");
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        }
        if !volumes.contains(name) {
            errors.push(FieldError::not_found(format!("{path}.name"), &json!(name)));
        }
        let target = text(mount, "mountPath");
        if target.is_empty() {
            errors.push(FieldError::required(format!("{path}.mountPath"), ""));
        }
        if !seen.insert(target) {
            errors.push(FieldError::invalid(format!("{path}.mountPath"), &json!(target), "must be unique"));
        }
        let below = text(mount, "subPath");
        if below.starts_with('/') {
            errors.push(FieldError::invalid(format!("{path}.subPath"), &json!(below), "must be a relative path"));
        } else if below.split('/').any(|part| part == "..") {
            errors.push(FieldError::invalid(format!("{path}.subPath"), &json!(below), "must not contain '..'"));
        }
        if !below.is_empty() && !text(mount, "subPathExpr").is_empty() {
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

fn resources(value: &Value, path: &str, errors: &mut Errors) {
    let mut limits = BTreeMap::new();
    for list in ["limits", "requests"] {
        for (name, quantity) in value[list].as_object().into_iter().flatten() {
            let path = format!("{path}.{list}");
            let standard = ["cpu", "memory", "ephemeral-storage"].contains(&name.as_str())
                || name.starts_with("hugepages-")
                || name.contains('/');
            if !standard {
                let detail = "must be a standard resource for containers";
                errors.push(FieldError::invalid(&path, &json!(name), detail));
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

/// Checks the profiles of a security context: only one on the node has a path.
fn profile(context: &Value, path: &str, errors: &mut Errors) {
    let profile = &context["seccompProfile"];
    if !profile["localhostProfile"].is_null() && profile["type"] != "Localhost" {
        let detail = "can only be set when seccomp type is Localhost";
        let value = &profile["localhostProfile"];
        errors.push(FieldError::invalid(format!("{path}.seccompProfile.localhostProfile"), value, detail));
    }
}

fn probe(probe: &Value, path: &str, readiness: bool, errors: &mut Errors) {
    if !probe.is_object() {
        return;
    }
    handler(probe, "api.core.v1.Probe", path, errors);
    for name in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        not_negative(&probe[name], &format!("{path}.{name}"), errors);
    }
    if !readiness && probe["successThreshold"].as_i64().is_some_and(|number| number != 1) {
        errors.push(FieldError::invalid(format!("{path}.successThreshold"), &probe["successThreshold"], "must be 1"));
    }
}

/// Checks that exactly one of the handlers of a type is given, at that path.
fn handler(of: &Value, handlers: &str, path: &str, errors: &mut Errors) {
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
    for name in ["httpGet", "tcpSocket"] {
        let port = &of[name]["port"];
        let path = format!("{path}.{name}.port");
        if let Some(word) = port.as_str() {
            for why in names::port(word) {
                errors.push(FieldError::invalid(&path, port, why));
            }
        } else {
            port_number(port, &path, errors);
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
