//! Kinds around workloads: scaling, networking, access, admission, storage, definitions.

use serde_json::{Value, json};

use super::{Fields, child, default, each, existing};

pub(super) fn fill(api_version: &str, kind: &str, object: &mut Fields) {
    match (api_version, kind) {
        ("autoscaling/v2", "HorizontalPodAutoscaler") => autoscaler(child(object, "spec")),
        ("networking.k8s.io/v1", "NetworkPolicy") => network_policy(child(object, "spec")),
        ("networking.k8s.io/v1", "IngressClass") => {
            if let Some(parameters) = existing(child(object, "spec"), "parameters")
                && parameters.get("scope").is_none_or(Value::is_null)
            {
                parameters.insert("scope".to_owned(), json!("Cluster"));
            }
        }
        ("rbac.authorization.k8s.io/v1", "RoleBinding" | "ClusterRoleBinding") => binding(object),
        ("storage.k8s.io/v1", "StorageClass") => {
            default(object, "reclaimPolicy", "Delete");
            default(object, "volumeBindingMode", "Immediate");
        }
        ("scheduling.k8s.io/v1", "PriorityClass") => default(object, "preemptionPolicy", "PreemptLowerPriority"),
        ("discovery.k8s.io/v1", "EndpointSlice") => each(object, "ports").for_each(|port| {
            default(port, "name", "");
            default(port, "protocol", "TCP");
        }),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition") => definition(object),
        ("admissionregistration.k8s.io/v1", _) => admission(kind, object),
        _ => {}
    }
}

fn autoscaler(spec: &mut Fields) {
    default(spec, "minReplicas", 1);
    default(
        spec,
        "metrics",
        json!([{ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } } }]),
    );
    let Some(behaviour) = existing(spec, "behavior") else { return };
    let percent = json!({ "type": "Percent", "value": 100, "periodSeconds": 15 });
    let up = child(behaviour, "scaleUp");
    default(up, "stabilizationWindowSeconds", 0);
    default(up, "selectPolicy", "Max");
    default(up, "policies", json!([{ "type": "Pods", "value": 4, "periodSeconds": 15 }, percent.clone()]));
    let down = child(behaviour, "scaleDown");
    default(down, "selectPolicy", "Max");
    default(down, "policies", json!([percent]));
}

fn network_policy(spec: &mut Fields) {
    let has_egress = spec.get("egress").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
    default(spec, "policyTypes", if has_egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) });
    for direction in ["ingress", "egress"] {
        for rule in each(spec, direction) {
            each(rule, "ports").for_each(|port| default(port, "protocol", "TCP"));
        }
    }
}

fn binding(object: &mut Fields) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let role = child(object, "roleRef");
    if role.get("apiGroup").is_none_or(|group| group == "") {
        role.insert("apiGroup".to_owned(), json!(GROUP));
    }
    for subject in each(object, "subjects") {
        if matches!(subject.get("kind").and_then(Value::as_str), Some("User" | "Group")) {
            default(subject, "apiGroup", json!(GROUP));
        }
    }
}

fn definition(object: &mut Fields) {
    let spec = child(object, "spec");
    let names = child(spec, "names");
    if let Some(kind) = names.get("kind").and_then(Value::as_str).filter(|kind| !kind.is_empty()).map(str::to_owned) {
        default(names, "singular", json!(kind.to_lowercase()));
        default(names, "listKind", json!(format!("{kind}List")));
    }
    let conversion = child(spec, "conversion");
    default(conversion, "strategy", "None");
    if conversion["strategy"] == "" {
        conversion.insert("strategy".to_owned(), json!("None"));
    }
    if let Some(service) = existing(conversion, "webhook")
        .and_then(|webhook| existing(webhook, "clientConfig"))
        .and_then(|client| existing(client, "service"))
    {
        default(service, "port", 443);
    }
    let versions = spec.get("versions").and_then(Value::as_array);
    let stored = versions.into_iter().flatten().find(|version| version["storage"] == true);
    if let Some(name) = stored.map(|version| version["name"].clone()) {
        let status = child(object, "status");
        if !status.get("storedVersions").is_some_and(Value::is_array) {
            status.insert("storedVersions".to_owned(), json!([name]));
        }
    }
}

fn admission(kind: &str, object: &mut Fields) {
    match kind {
        "ValidatingWebhookConfiguration" => each(object, "webhooks").for_each(webhook),
        "MutatingWebhookConfiguration" => each(object, "webhooks").for_each(|fields| {
            webhook(fields);
            default(fields, "reinvocationPolicy", "Never");
        }),
        "ValidatingAdmissionPolicy" => {
            let spec = child(object, "spec");
            default(spec, "failurePolicy", "Fail");
            if let Some(constraints) = existing(spec, "matchConstraints") {
                matches(constraints);
            }
        }
        "ValidatingAdmissionPolicyBinding" => {
            if let Some(resources) = existing(child(object, "spec"), "matchResources") {
                matches(resources);
            }
        }
        _ => {}
    }
}

fn webhook(fields: &mut Fields) {
    matches(fields);
    default(fields, "failurePolicy", "Fail");
    default(fields, "timeoutSeconds", 10);
    each(fields, "rules").for_each(|rule| default(rule, "scope", "*"));
    if let Some(service) = existing(fields, "clientConfig").and_then(|client| existing(client, "service")) {
        default(service, "port", 443);
    }
}

fn matches(fields: &mut Fields) {
    default(fields, "matchPolicy", "Equivalent");
    default(fields, "namespaceSelector", json!({}));
    default(fields, "objectSelector", json!({}));
    for list in ["resourceRules", "excludeResourceRules"] {
        each(fields, list).for_each(|rule| default(rule, "scope", "*"));
    }
}
