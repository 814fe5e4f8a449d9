//! What the API server warns of beside its answer: versions of its API that go away, what a pod template asks for in vain,
//! and what the level of its namespace would refuse.

use std::sync::Arc;

use serde_json::Value;

use super::http::Call;
use super::pod_security;
use super::reply::Reply;
use super::resources::ServedResource;
use super::server::Server;
use super::store::Key;

/// Labels of nodes that have another name by now, and those names.
const OLD_NODE_LABELS: &[(&str, &str, &str)] = &[
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    ("failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"),
    ("beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"),
];

/// What is looked at once a request is answered.
pub(super) struct Watchful {
    /// The sentence about the version that was asked, where it goes away.
    deprecated: Option<String>,
    written: Option<Written>,
}

/// A write to what pods are made of.
struct Written {
    resource: Arc<ServedResource>,
    /// Its generation before; none of an object that is made.
    generation: Option<i64>,
    /// The labels of its namespace.
    labels: Value,
}

impl Watchful {
    /// What a request has to be looked at for, before it is done.
    pub(super) fn of(server: &Server, call: &Call) -> Self {
        let writes = matches!(call.verb, "create" | "update" | "patch") && call.place.subresource.is_empty();
        let written = (writes && pod_of(&call.resource).is_some()).then(|| {
            let key = Key::new(&call.place.namespace, &call.place.name);
            let live = server.store().get(&call.resource.storage(), &key);
            let generation = live.and_then(|live| live.body()["metadata"]["generation"].as_i64());
            let namespace = server.store().get("/namespaces", &Key::new("", &call.place.namespace));
            let labels = namespace.map(|namespace| namespace.body()["metadata"]["labels"].clone()).unwrap_or_default();
            Written { resource: Arc::clone(&call.resource), generation, labels }
        });
        Self { deprecated: deprecated(&call.resource), written }
    }

    /// What an answer is warned of.
    pub(super) fn warnings(&self, reply: &Reply) -> Vec<String> {
        let mut warnings: Vec<String> = self.deprecated.iter().cloned().collect();
        let (Some(written), Reply::Json { code: 200..=201, text, .. }) = (&self.written, reply) else {
            return warnings;
        };
        let (Some(path), Ok(object)) = (pod_of(&written.resource), serde_json::from_str::<Value>(text)) else {
            return warnings;
        };
        let Some(pod) = object.pointer(&format!("/{}", path.replace('.', "/"))) else { return warnings };
        let generation = object["metadata"]["generation"].as_i64();
        // Nothing is said of a template that stays; the level of the namespace is held against it each time.
        if written.generation.is_none() || written.generation != generation {
            warnings.extend(of_pod(path, pod));
        }
        warnings.extend(pod_security::violation(&written.labels, pod));
        warnings
    }
}

/// Where a kind keeps the `spec` of its pods.
fn pod_of(resource: &ServedResource) -> Option<&'static str> {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => Some("spec"),
        ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets") | ("batch", "jobs") => {
            Some("spec.template.spec")
        }
        ("batch", "cronjobs") => Some("spec.jobTemplate.spec.template.spec"),
        _ => None,
    }
}

/// The sentence about a version that goes away.
fn deprecated(resource: &ServedResource) -> Option<String> {
    if let Some(custom) = &resource.custom {
        let words = custom.deprecation(&resource.version)?;
        let own = || format!("{} {} is deprecated", resource.api_version(), resource.kind);
        return Some(if words.is_empty() { own() } else { words.to_owned() });
    }
    match (resource.group.as_str(), resource.version.as_str(), resource.plural.as_str()) {
        ("", "v1", "endpoints") => {
            Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".to_owned())
        }
        ("", "v1", "componentstatuses") => Some("v1 ComponentStatus is deprecated in v1.19+".to_owned()),
        _ => None,
    }
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

/// What a pod asks for in vain, with `path` before each field.
fn of_pod(path: &str, pod: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    for (old, since, new) in OLD_NODE_LABELS {
        if pod["nodeSelector"].get(old).is_some() {
            warnings.push(format!("{path}.nodeSelector[{old}]: deprecated since {since}; use {new:?} instead"));
        }
    }
    for (at, volume) in list(pod, "volumes").iter().enumerate() {
        if volume.get("gitRepo").is_some() {
            let field = format!("{path}.volumes[{at}].gitRepo");
            warnings.push(format!("{field}: deprecated in v1.11, and disabled by default in v1.33+"));
        }
    }
    for containers in ["initContainers", "containers"] {
        for (at, container) in list(pod, containers).iter().enumerate() {
            of_container(&format!("{path}.{containers}[{at}]"), container, &mut warnings);
        }
    }
    if pod["terminationGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds < 0) {
        let words = "must be >= 0; negative values are invalid and will be treated as 1";
        warnings.push(format!("{path}.terminationGracePeriodSeconds: {words}"));
    }
    warnings
}

fn of_container(path: &str, container: &Value, warnings: &mut Vec<String>) {
    for (at, variable) in list(container, "env").iter().enumerate() {
        let name = variable["name"].as_str().unwrap_or_default();
        let before = &list(container, "env")[..at];
        // One that makes use of what it hides is meant.
        let uses = variable["value"].as_str().is_some_and(|value| value.contains(&format!("$({name})")));
        if !uses && before.iter().any(|other| other["name"] == name) {
            let words = format!("hides previous definition of {name:?}, which may be dropped when using apply");
            warnings.push(format!("{path}.env[{at}]: {words}"));
        }
    }
    let mut ports = Vec::new();
    for (at, port) in list(container, "ports").iter().enumerate() {
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        let place = (port["containerPort"].as_i64(), protocol, port["hostPort"].as_i64(), port["hostIP"].as_str());
        if let Some(first) = ports.iter().position(|other| *other == place) {
            warnings.push(format!("{path}.ports[{at}]: duplicate port definition with {path}.ports[{first}]"));
        }
        ports.push(place);
    }
    for (kind, resource) in
        ["limits", "requests"].into_iter().flat_map(|kind| [(kind, "memory"), (kind, "ephemeral-storage")])
    {
        let is_part = |amount: &&str| {
            amount.strip_suffix('m').and_then(|number| number.parse().ok()).is_some_and(|milli: i64| milli % 1_000 != 0)
        };
        if let Some(amount) = container["resources"][kind][resource].as_str().filter(is_part) {
            let words = format!("fractional byte value {amount:?} is invalid, must be an integer");
            warnings.push(format!("{path}.resources.{kind}[{resource}]: {words}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_is_warned_of_what_it_asks_for_in_vain() {
        let pod = json!({
            "nodeSelector": {"beta.kubernetes.io/arch": "arm64"},
            "terminationGracePeriodSeconds": -1,
            "containers": [{
                "name": "app",
                "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}, {"name": "B", "value": "1"}, {"name": "B", "value": "$(B) 2"}],
                "ports": [{"containerPort": 80}, {"containerPort": 81}, {"containerPort": 80, "protocol": "TCP"}],
                "resources": {"limits": {"memory": "1500m", "cpu": "100m"}},
            }],
        });
        let expected = [
            "spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use \"kubernetes.io/arch\" instead",
            "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply",
            "spec.containers[0].ports[2]: duplicate port definition with spec.containers[0].ports[0]",
            "spec.containers[0].resources.limits[memory]: fractional byte value \"1500m\" is invalid, must be an integer",
            "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
        ];
        assert_eq!(of_pod("spec", &pod), expected);
        assert_eq!(of_pod("spec", &json!({"containers": [{"name": "app"}]})), Vec::<String>::new());
    }
}
