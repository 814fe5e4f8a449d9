//! Fields that `field … take|leave` never reaches: by them parcelle knows its own objects, and keeps organisations apart.
//!
//! Kinds of operators stand the other way round: what is not named [`OPEN`] is protected, since parcelle does not know
//! what an operator makes of it.

use serde_json::Value;

use crate::kind;

/// A field that nothing is decided about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProtectedField {
    /// The field as people read it, without the keys of items: `spec.template.spec.securityContext`.
    pub(crate) field: String,
    /// Why, as a sentence.
    pub(crate) why: &'static str,
}

/// The group of a kind, and its name.
pub(crate) type GroupAndName<'a> = (&'a str, &'a str);

const WHOLE: &str = "a whole object, or a whole part of one, holds more than people see at a glance";
const NAMED: &str = "by labels, annotations and the rest of the metadata objects are known, selected and steered";
const NETWORK: &str = "who may reach whom, and under which host, is decided in the garden alone";
const HARDENED: &str = "no pod has more rights than parcelle gives it";
const SECRETS: &str = "which Secret is read where is decided in the garden alone";
const STORED: &str = "what is mounted, and from where, is decided in the garden alone";
const GROUND: &str = "it keeps the organisation within its place and its offer";
const OPERATED: &str = "what an operator makes of it may reach further than the object";

const ONCE: &str = "a job that runs once is ended and removed by no clock: parcelle counts its deadline, and removes it once it is recorded as done";

/// Fields of a Job that end or remove it by a clock, wherever they stand in it.
const OF_JOB: &[&str] = &["activeDeadlineSeconds", "ttlSecondsAfterFinished"];

/// Kinds of which no field is anybody else's.
const KINDS: &[(GroupAndName<'_>, &str)] = &[
    (("", "Namespace"), GROUND),
    (("", "ResourceQuota"), GROUND),
    (("", "LimitRange"), GROUND),
    (("", "ServiceAccount"), HARDENED),
    (("", "Secret"), SECRETS),
];

/// Groups of which no field of any kind is anybody else's.
const GROUPS: &[(&str, &str)] = &[
    ("networking.k8s.io", NETWORK),
    ("gateway.networking.k8s.io", NETWORK),
    ("cert-manager.io", NETWORK),
    ("rbac.authorization.k8s.io", HARDENED),
];

/// Groups of Kubernetes itself whose kinds are protected by [`NAMES`].
const KNOWN: &[&str] = &["", "apps", "batch", "autoscaling", "policy"];

/// Names of fields that are protected wherever they stand, with everything in them.
const NAMES: &[(&str, &str)] = &[
    ("apiVersion", NAMED),
    ("kind", NAMED),
    ("metadata", NAMED),
    ("labels", NAMED),
    ("annotations", NAMED),
    ("selector", NAMED),
    ("labelSelector", NAMED),
    ("matchLabels", NAMED),
    ("matchExpressions", NAMED),
    ("scaleTargetRef", NAMED),
    ("securityContext", HARDENED),
    ("serviceAccountName", HARDENED),
    ("serviceAccount", HARDENED),
    ("automountServiceAccountToken", HARDENED),
    ("enableServiceLinks", HARDENED),
    ("shareProcessNamespace", HARDENED),
    ("ephemeralContainers", HARDENED),
    ("hostNetwork", HARDENED),
    ("hostPID", HARDENED),
    ("hostIPC", HARDENED),
    ("hostUsers", HARDENED),
    ("hostPort", HARDENED),
    ("hostIP", HARDENED),
    ("hostAliases", HARDENED),
    ("host", HARDENED),
    ("nodeName", HARDENED),
    ("runtimeClassName", HARDENED),
    ("priorityClassName", HARDENED),
    ("resourceClaims", HARDENED),
    ("imagePullSecrets", SECRETS),
    ("envFrom", SECRETS),
    ("secretKeyRef", SECRETS),
    ("secretRef", SECRETS),
    ("secretName", SECRETS),
    ("volumes", STORED),
    ("volumeMounts", STORED),
    ("volumeDevices", STORED),
    ("volumeClaimTemplates", STORED),
    ("volumeName", STORED),
    ("storageClassName", STORED),
    ("dataSource", STORED),
    ("dataSourceRef", STORED),
];

/// Fields of a Service that open it to more than its cluster.
const OF_SERVICE: &[&str] = &[
    "type",
    "nodePort",
    "clusterIP",
    "clusterIPs",
    "externalIPs",
    "externalName",
    "loadBalancerIP",
    "loadBalancerClass",
    "loadBalancerSourceRanges",
    "allocateLoadBalancerNodePorts",
    "publishNotReadyAddresses",
];

/// What may be decided about in kinds of operators.
const OPEN: &[&[&str]] = &[
    &["spec", "instances"],
    &["spec", "replicas"],
    &["spec", "image"],
    &["spec", "imageName"],
    &["spec", "imageCatalogRef"],
    &["spec", "resources"],
    &["spec", "storage", "size"],
    &["spec", "schedule"],
    &["spec", "suspend"],
];

/// Why a field of a kind is protected; `steps` are the names of fields from the root to it, items of lists stepped over.
pub(crate) fn why_protected(kind: GroupAndName<'_>, steps: &[&str]) -> Option<&'static str> {
    let of_kind = KINDS.iter().find(|(other, _)| *other == kind).map(|(_, why)| *why);
    let of_group = || GROUPS.iter().find(|(group, _)| *group == kind.0).map(|(_, why)| *why);
    if let Some(why) = of_kind.or_else(of_group) {
        return Some(why);
    }
    let is = |other: kind::GroupKind| kind == (other.group, other.kind);
    match steps {
        [] => Some(WHOLE),
        ["metadata", ..] => Some(NAMED),
        // What people call their own keys means nothing here.
        ["data" | "binaryData", ..] if is(kind::CONFIG_MAP) => None,
        _ if !KNOWN.contains(&kind.0) => {
            let is_open = OPEN.iter().any(|open| steps.starts_with(open));
            (!is_open).then_some(OPERATED)
        }
        _ if is(kind::SERVICE) && steps.iter().any(|step| OF_SERVICE.contains(step)) => Some(NETWORK),
        _ if is(kind::JOB) && steps.iter().any(|step| OF_JOB.contains(step)) => Some(ONCE),
        _ => steps.iter().find_map(|step| NAMES.iter().find(|(name, _)| name == step).map(|(_, why)| *why)),
    }
}

/// The first protected field at a JSON pointer into a body: the one it points at, one that holds it, or one inside of it.
pub(crate) fn at_pointer(kind: GroupAndName<'_>, body: &Value, pointer: &str) -> Option<ProtectedField> {
    let (steps, value) = walked(body, pointer)?;
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let found = |why| ProtectedField { field: steps.join("."), why };
    if let Some(why) = why_protected(kind, &steps) {
        return Some(found(why));
    }
    if steps.len() < 2 && value.is_object() {
        return Some(found(WHOLE));
    }
    inside(kind, value, &mut steps.clone())
}

/// The same of a path that leads nowhere in what is rendered, as far as its words tell.
pub(crate) fn at_path(kind: GroupAndName<'_>, path: &str) -> Option<ProtectedField> {
    let steps = steps_of(path);
    let why = why_protected(kind, &steps)?;
    Some(ProtectedField { field: steps.join("."), why })
}

/// The names of fields in a path as people write it; what selects the item of a list is stepped over.
pub(crate) fn steps_of(path: &str) -> Vec<&str> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = inner.split_once(']').unwrap_or((inner, ""));
            let is_item = key.contains('=') || key.parse::<usize>().is_ok();
            if !is_item {
                steps.push(key);
            }
            rest = after;
            continue;
        }
        let inner = rest.strip_prefix('.').unwrap_or(rest);
        let end = inner.find(['.', '[']).unwrap_or(inner.len());
        if end > 0 {
            steps.push(&inner[..end]);
        }
        rest = &inner[end..];
    }
    steps
}

/// The names of fields on the way to a pointer, and what stands there.
fn walked<'v>(body: &'v Value, pointer: &str) -> Option<(Vec<String>, &'v Value)> {
    let mut steps = Vec::new();
    let mut at = body;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        at = match at {
            Value::Array(items) => items.get(token.parse::<usize>().ok()?)?,
            Value::Object(map) => {
                let child = map.get(&token)?;
                steps.push(token);
                child
            }
            _ => return None,
        };
    }
    Some((steps, at))
}

fn inside<'v>(kind: GroupAndName<'_>, value: &'v Value, steps: &mut Vec<&'v str>) -> Option<ProtectedField> {
    match value {
        Value::Object(map) => map.iter().find_map(|(key, value)| {
            steps.push(key);
            let found = match why_protected(kind, steps) {
                Some(why) => Some(ProtectedField { field: steps.join("."), why }),
                None => inside(kind, value, steps),
            };
            steps.pop();
            found
        }),
        Value::Array(items) => items.iter().find_map(|item| inside(kind, item, steps)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DEPLOYMENT: GroupAndName<'_> = ("apps", "Deployment");

    fn deployment() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "labels": { "app.kubernetes.io/name": "web" } },
            "spec": { "replicas": 2, "minReadySeconds": 3, "strategy": { "type": "Recreate" }, "template": { "spec": {
                "securityContext": { "runAsNonRoot": true },
                "initContainers": [{ "name": "first", "securityContext": { "privileged": false } }],
                "containers": [{ "name": "app", "image": "a:1", "resources": { "limits": { "memory": "1Gi" } },
                    "env": [{ "name": "A", "value": "1" },
                        { "name": "B", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } }] }],
            } } },
        })
    }

    #[test]
    fn what_is_protected_is_so_from_above_and_from_below() {
        let body = deployment();
        let pod = "/spec/template/spec";
        let found = |pointer: &str| at_pointer(DEPLOYMENT, &body, pointer).map(|found| found.field);
        for (pointer, field) in [
            ("", ""),
            ("/spec", "spec"),
            ("/metadata", "metadata"),
            ("/metadata/labels/app.kubernetes.io~1name", "metadata.labels.app.kubernetes.io/name"),
            ("/spec/template", "spec.template.spec.containers.env.valueFrom.secretKeyRef"),
            (&format!("{pod}/initContainers/0"), "spec.template.spec.initContainers.securityContext"),
            (&format!("{pod}/initContainers"), "spec.template.spec.initContainers.securityContext"),
            (&format!("{pod}/securityContext/runAsNonRoot"), "spec.template.spec.securityContext.runAsNonRoot"),
            (
                &format!("{pod}/containers/0/env/1/valueFrom"),
                "spec.template.spec.containers.env.valueFrom.secretKeyRef",
            ),
        ] {
            assert_eq!(found(pointer).as_deref(), Some(field), "{pointer}");
        }
        for pointer in [
            "/spec/replicas",
            "/spec/minReadySeconds",
            "/spec/strategy",
            &format!("{pod}/containers/0/image"),
            &format!("{pod}/containers/0/resources"),
            &format!("{pod}/containers/0/env/0"),
        ] {
            assert_eq!(found(pointer), None, "{pointer}");
        }
    }

    #[test]
    fn of_some_kinds_nothing_is_anybody_elses_and_of_operators_little_is() {
        let of = |group: &str, kind: &str, path: &str| why_protected((group, kind), &steps_of(path)).is_some();
        for (group, kind, path) in [
            ("", "Namespace", "metadata.labels.x"),
            ("", "ResourceQuota", "spec.hard.cpu"),
            ("", "Secret", "data.password"),
            ("networking.k8s.io", "NetworkPolicy", "spec.egress"),
            ("networking.k8s.io", "Ingress", "spec.rules"),
            ("gateway.networking.k8s.io", "HTTPRoute", "spec.hostnames"),
            ("gateway.networking.k8s.io", "ListenerSet", "spec.listeners[name=a].hostname"),
            ("cert-manager.io", "Certificate", "spec.dnsNames"),
            ("", "Service", "spec.type"),
            ("", "Service", "spec.ports[port=80].nodePort"),
            ("postgresql.cnpg.io", "Cluster", "spec.superuserSecret.name"),
            ("postgresql.cnpg.io", "Cluster", "spec"),
            ("garage.rajsingh.info", "GarageBucket", "spec.globalAlias"),
            ("batch", "Job", "spec.activeDeadlineSeconds"),
            ("batch", "Job", "spec.ttlSecondsAfterFinished"),
            ("batch", "Job", "spec.template.spec.activeDeadlineSeconds"),
        ] {
            assert!(of(group, kind, path), "{kind} {path}");
        }
        for (group, kind, path) in [
            ("", "ConfigMap", "data.labels"),
            ("", "Service", "spec.sessionAffinity"),
            ("postgresql.cnpg.io", "Cluster", "spec.instances"),
            ("batch", "CronJob", "spec.jobTemplate.spec.activeDeadlineSeconds"),
            ("postgresql.cnpg.io", "Cluster", "spec.storage.size"),
            ("autoscaling", "HorizontalPodAutoscaler", "spec.maxReplicas"),
        ] {
            assert!(!of(group, kind, path), "{kind} {path}");
        }
    }

    #[test]
    fn a_path_is_read_in_every_form() {
        let steps = ["metadata", "labels", "a.b/c"];
        assert_eq!(steps_of(".metadata.labels[a.b/c]"), steps);
        assert_eq!(steps_of("spec.containers[name=\"app\"].env[0].value"), ["spec", "containers", "env", "value"]);
        assert_eq!(steps_of(""), [""; 0]);
    }
}
