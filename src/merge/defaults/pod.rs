//! Pods and pod templates.

use serde_json::{Value, json};

use super::{Fields, child, default, each, existing};

/// The fields of a volume that are no source.
const NO_SOURCE: &str = "name";

/// What a pod template's spec gets.
pub(super) fn spec(spec: &mut Fields) {
    default(spec, "restartPolicy", "Always");
    default(spec, "terminationGracePeriodSeconds", 30);
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "securityContext", json!({}));
    default(spec, "schedulerName", "default-scheduler");
    service_account(spec);
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        each(spec, list).for_each(container);
    }
    each(spec, "volumes").for_each(volume);
    if spec.get("hostNetwork") == Some(&Value::Bool(true)) {
        for list in ["containers", "initContainers"] {
            each(spec, list).for_each(host_ports);
        }
    }
}

/// The account stands under its old name beside the new one; the old name alone says it, too.
fn service_account(spec: &mut Fields) {
    let named = |name: &str| spec.get(name).filter(|account| account.as_str().is_some_and(|word| !word.is_empty()));
    if let Some(account) = named("serviceAccountName").or_else(|| named("serviceAccount")).cloned() {
        spec.insert("serviceAccountName".to_owned(), account.clone());
        spec.insert("serviceAccount".to_owned(), account);
    }
}

/// What a pod itself gets besides.
pub(super) fn pod(fields: &mut Fields) {
    spec(fields);
    for list in ["containers", "initContainers"] {
        each(fields, list).for_each(requests_from_limits);
    }
    default(fields, "enableServiceLinks", true);
}

fn requests_from_limits(container: &mut Fields) {
    let Some(resources) = existing(container, "resources") else { return };
    let Some(limits) = existing(resources, "limits").cloned() else { return };
    for (name, amount) in limits {
        default(child(resources, "requests"), &name, amount);
    }
}

fn host_ports(container: &mut Fields) {
    for port in each(container, "ports") {
        if let Some(number) = port.get("containerPort").cloned() {
            default(port, "hostPort", number);
        }
    }
}

fn container(fields: &mut Fields) {
    let image = fields.get("image").and_then(Value::as_str).unwrap_or_default();
    default(fields, "imagePullPolicy", pull_policy(image));
    default(fields, "terminationMessagePath", "/dev/termination-log");
    default(fields, "terminationMessagePolicy", "File");
    each(fields, "ports").for_each(|port| default(port, "protocol", "TCP"));
    for variable in each(fields, "env") {
        if let Some(source) = existing(variable, "valueFrom") {
            if let Some(reference) = existing(source, "fieldRef") {
                default(reference, "apiVersion", "v1");
            }
            if let Some(reference) = existing(source, "fileKeyRef") {
                default(reference, "optional", false);
            }
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(fields) = existing(fields, name) {
            probe(fields);
        }
    }
    if let Some(lifecycle) = existing(fields, "lifecycle") {
        for name in ["postStart", "preStop"] {
            if let Some(get) = existing(lifecycle, name).and_then(|handler| existing(handler, "httpGet")) {
                http_get(get);
            }
        }
    }
}

fn probe(fields: &mut Fields) {
    for (name, value) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        default(fields, name, value);
    }
    if let Some(get) = existing(fields, "httpGet") {
        http_get(get);
    }
    if let Some(grpc) = existing(fields, "grpc")
        && grpc.get("service").is_none_or(Value::is_null)
    {
        grpc.insert("service".to_owned(), json!(""));
    }
}

fn http_get(fields: &mut Fields) {
    default(fields, "path", "/");
    default(fields, "scheme", "HTTP");
}

fn volume(fields: &mut Fields) {
    if !fields.iter().any(|(name, value)| name != NO_SOURCE && !value.is_null()) {
        default(fields, "emptyDir", json!({}));
    }
    for name in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = existing(fields, name) {
            default(source, "defaultMode", 420);
            each(source, "items").for_each(downward_item);
        }
    }
    if let Some(projected) = existing(fields, "projected") {
        for source in each(projected, "sources") {
            if let Some(token) = existing(source, "serviceAccountToken") {
                default(token, "expirationSeconds", 3600);
            }
            if let Some(downward) = existing(source, "downwardAPI") {
                each(downward, "items").for_each(downward_item);
            }
        }
    }
    volume_source(fields);
}

fn downward_item(item: &mut Fields) {
    if let Some(reference) = existing(item, "fieldRef") {
        default(reference, "apiVersion", "v1");
    }
}

/// The rarer sources of volumes.
fn volume_source(fields: &mut Fields) {
    if let Some(path) = existing(fields, "hostPath") {
        default(path, "type", "");
    }
    if let Some(iscsi) = existing(fields, "iscsi") {
        default(iscsi, "iscsiInterface", "default");
    }
    if let Some(rbd) = existing(fields, "rbd") {
        default(rbd, "pool", "rbd");
        default(rbd, "user", "admin");
        default(rbd, "keyring", "/etc/ceph/keyring");
    }
    if let Some(image) = existing(fields, "image") {
        let reference = image.get("reference").and_then(Value::as_str).unwrap_or_default();
        default(image, "pullPolicy", pull_policy(reference));
    }
    if let Some(claim) = existing(fields, "ephemeral").and_then(|of| existing(of, "volumeClaimTemplate")) {
        default(child(claim, "spec"), "volumeMode", "Filesystem");
    }
}

/// `Always` for images with the tag `latest`, said or meant.
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let after_slash = name.rfind('/').map_or(0, |at| at + 1);
    let (repository, tag) = match name[after_slash..].split_once(':') {
        Some((_, tag)) => (&name[..name.len() - tag.len() - 1], Some(tag)),
        None => (name, None),
    };
    let has_registry =
        repository.split_once('/').is_some_and(|(first, _)| first.contains(['.', ':']) || first == "localhost");
    let path = if has_registry { repository.split_once('/').map_or("", |(_, path)| path) } else { repository };
    let readable = !path.is_empty() && !path.bytes().any(|b| b.is_ascii_uppercase() || b.is_ascii_whitespace());
    match (tag, digest) {
        _ if !readable => "IfNotPresent",
        (Some("latest"), _) | (None, None) => "Always",
        _ => "IfNotPresent",
    }
}

#[cfg(test)]
mod tests {
    use super::pull_policy;

    #[test]
    fn images_tagged_latest_or_not_at_all_are_always_pulled() {
        for (image, policy) in [
            ("x", "Always"),
            ("nginx:1", "IfNotPresent"),
            ("busybox", "Always"),
            ("localhost:5000/a/b", "Always"),
            ("localhost:5000/a/b:2", "IfNotPresent"),
            ("a/b:latest", "Always"),
            ("a@sha256:0", "IfNotPresent"),
            ("Upper", "IfNotPresent"),
            ("", "IfNotPresent"),
            ("ghcr.io/x/y:latest@sha256:0", "Always"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }
}
