//! The Pod Security Standards as far as they are warned of (`pod-security.kubernetes.io/warn` on a namespace): what of a pod
//! a level would refuse, in the words of the API server. Nothing is refused here.

use serde_json::Value;

/// A check of one level: what is wrong with a pod, and with which of its containers.
type Check = fn(&Pod<'_>) -> Option<String>;

const BASELINE: &[Check] = &[host_namespaces, host_path, host_ports, privileged];
/// The stricter level names a volume by its type, whichever it is.
const RESTRICTED: &[Check] = &[
    host_namespaces,
    host_ports,
    privileged,
    escalation,
    capabilities,
    volume_types,
    run_as_non_root,
    run_as_root,
    seccomp,
];
/// Sources of volumes that the stricter level takes.
const SOURCES: &[&str] =
    &["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

/// The sentence about a pod in a namespace with these labels; none where nothing is wrong or nothing is asked for.
pub(super) fn violation(labels: &Value, pod: &Value) -> Option<String> {
    let level = labels["pod-security.kubernetes.io/warn"].as_str()?;
    let version = labels["pod-security.kubernetes.io/warn-version"].as_str().unwrap_or("latest");
    let checks = match level {
        "baseline" => BASELINE,
        "restricted" => RESTRICTED,
        _ => return None,
    };
    let pod = Pod::of(pod);
    let wrong: Vec<String> = checks.iter().filter_map(|check| check(&pod)).collect();
    (!wrong.is_empty()).then(|| format!("would violate PodSecurity \"{level}:{version}\": {}", wrong.join(", ")))
}

/// A pod and its containers, those that prepare it first.
struct Pod<'a> {
    spec: &'a Value,
    containers: Vec<&'a Value>,
}

impl<'a> Pod<'a> {
    fn of(spec: &'a Value) -> Self {
        let of = |list: &str| spec[list].as_array().into_iter().flatten();
        Self { spec, containers: of("initContainers").chain(of("containers")).collect() }
    }

    /// The names of the containers of which something holds, as the server writes them.
    fn named(&self, holds: impl Fn(&Value) -> bool) -> Option<Named> {
        let names = self.containers.iter().filter(|container| holds(container));
        let names: Vec<String> =
            names.filter_map(|container| Some(format!("{:?}", container["name"].as_str()?))).collect();
        let word = if names.len() == 1 { "container" } else { "containers" };
        (!names.is_empty()).then(|| Named { subject: format!("{word} {}", names.join(", ")) })
    }

    /// What a container says, or its pod for it.
    fn context<'v>(&'v self, container: &'v Value, pointer: &str) -> &'v Value {
        let own = container["securityContext"].pointer(pointer).filter(|value| !value.is_null());
        own.or_else(|| self.spec["securityContext"].pointer(pointer)).unwrap_or(&Value::Null)
    }
}

/// Some containers.
struct Named {
    subject: String,
}

impl Named {
    fn must(&self, what: &str, to_set: &str) -> String {
        format!("{what} ({} must {to_set})", self.subject)
    }

    fn or_pod(&self, what: &str, to_set: &str) -> String {
        format!("{what} (pod or {} must {to_set})", self.subject)
    }
}

fn host_namespaces(pod: &Pod<'_>) -> Option<String> {
    let set = ["hostNetwork", "hostPID", "hostIPC"].into_iter().filter(|field| pod.spec[field] == true);
    let set: Vec<String> = set.map(|field| format!("{field}=true")).collect();
    (!set.is_empty()).then(|| format!("host namespaces ({})", set.join(", ")))
}

fn privileged(pod: &Pod<'_>) -> Option<String> {
    let named = pod.named(|container| container["securityContext"]["privileged"] == true)?;
    Some(named.must("privileged", "not set securityContext.privileged=true"))
}

fn host_path(pod: &Pod<'_>) -> Option<String> {
    let volumes = pod.spec["volumes"].as_array().into_iter().flatten();
    let names: Vec<String> = volumes
        .filter(|volume| volume.get("hostPath").is_some_and(|path| !path.is_null()))
        .filter_map(|volume| Some(format!("{:?}", volume["name"].as_str()?)))
        .collect();
    let word = if names.len() == 1 { "volume" } else { "volumes" };
    (!names.is_empty()).then(|| format!("hostPath volumes ({word} {})", names.join(", ")))
}

fn host_ports(pod: &Pod<'_>) -> Option<String> {
    let ports = |container: &Value| -> Vec<i64> {
        let ports = container["ports"].as_array().into_iter().flatten();
        ports.filter_map(|port| port["hostPort"].as_i64()).filter(|port| *port != 0).collect()
    };
    let named = pod.named(|container| !ports(container).is_empty())?;
    let mut all: Vec<i64> = pod.containers.iter().flat_map(|container| ports(container)).collect();
    all.sort_unstable();
    all.dedup();
    let word = if all.len() == 1 { "hostPort" } else { "hostPorts" };
    let verb = if pod.containers.iter().filter(|one| !ports(one).is_empty()).count() == 1 { "uses" } else { "use" };
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    Some(format!("hostPort ({} {verb} {word} {})", named.subject, all.join(", ")))
}

fn escalation(pod: &Pod<'_>) -> Option<String> {
    let named = pod.named(|container| container["securityContext"]["allowPrivilegeEscalation"] != false)?;
    Some(named.must("allowPrivilegeEscalation != false", "set securityContext.allowPrivilegeEscalation=false"))
}

fn capabilities(pod: &Pod<'_>) -> Option<String> {
    let drops = |container: &Value| {
        let dropped = container["securityContext"]["capabilities"]["drop"].as_array();
        dropped.is_some_and(|dropped| dropped.iter().any(|one| one == "ALL"))
    };
    let added = |container: &Value| -> Vec<String> {
        let added = container["securityContext"]["capabilities"]["add"].as_array().into_iter().flatten();
        added.filter_map(|one| Some(one.as_str()?.to_owned())).filter(|one| one != "NET_BIND_SERVICE").collect()
    };
    let mut all: Vec<String> = pod.containers.iter().flat_map(|container| added(container)).collect();
    all.sort_unstable();
    all.dedup();
    let all: Vec<String> = all.iter().map(|one| format!("{one:?}")).collect();
    let (keeping, adding) =
        (pod.named(|container| !drops(container)), pod.named(|container| !added(container).is_empty()));
    let drop = "must set securityContext.capabilities.drop=[\"ALL\"]";
    let add = format!("must not include {} in securityContext.capabilities.add", all.join(", "));
    let keeping = keeping.map(|named| format!("{} {drop}", named.subject));
    let wrong: Vec<String> =
        keeping.into_iter().chain(adding.map(|named| format!("{} {add}", named.subject))).collect();
    (!wrong.is_empty()).then(|| format!("unrestricted capabilities ({})", wrong.join("; ")))
}

fn volume_types(pod: &Pod<'_>) -> Option<String> {
    let volumes = pod.spec["volumes"].as_array().into_iter().flatten();
    let source = |volume: &Value| {
        let fields = volume.as_object()?.iter().filter(|(field, value)| *field != "name" && !value.is_null());
        let strange = fields.map(|(field, _)| field).find(|field| !SOURCES.contains(&field.as_str()))?;
        Some((format!("{:?}", volume["name"].as_str()?), format!("{strange:?}")))
    };
    let (names, mut types): (Vec<_>, Vec<_>) = volumes.filter_map(source).unzip();
    types.sort_unstable();
    types.dedup();
    let (subject, verb) = if names.len() == 1 { ("volume", "uses") } else { ("volumes", "use") };
    let kinds = if types.len() == 1 { "type" } else { "types" };
    let (names, types) = (names.join(", "), types.join(", "));
    (!names.is_empty())
        .then(|| format!("restricted volume types ({subject} {names} {verb} restricted volume {kinds} {types})"))
}

fn run_as_non_root(pod: &Pod<'_>) -> Option<String> {
    let named = pod.named(|container| *pod.context(container, "/runAsNonRoot") != true)?;
    Some(named.or_pod("runAsNonRoot != true", "set securityContext.runAsNonRoot=true"))
}

fn run_as_root(pod: &Pod<'_>) -> Option<String> {
    let root = |value: &Value| value["securityContext"]["runAsUser"] == 0;
    let named = pod.named(|container| root(container));
    let subjects = root(pod.spec).then(|| "pod".to_owned()).into_iter().chain(named.map(|named| named.subject));
    let subjects: Vec<String> = subjects.collect();
    (!subjects.is_empty()).then(|| format!("runAsUser=0 ({} must not set runAsUser=0)", subjects.join(" and ")))
}

fn seccomp(pod: &Pod<'_>) -> Option<String> {
    let sound = |container: &Value| {
        matches!(pod.context(container, "/seccompProfile/type").as_str(), Some("RuntimeDefault" | "Localhost"))
    };
    let named = pod.named(|container| !sound(container))?;
    let to_set = "set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
    Some(named.or_pod("seccompProfile", to_set))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn labels(level: &str) -> Value {
        json!({"pod-security.kubernetes.io/warn": level, "pod-security.kubernetes.io/warn-version": "latest"})
    }

    #[test]
    fn a_pod_that_says_nothing_is_warned_of_as_a_server_does() {
        let pod = json!({"containers": [{"name": "nginx", "image": "nginx"}]});
        assert_eq!(
            violation(&labels("restricted"), &pod).as_deref(),
            Some(
                "would violate PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"nginx\" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container \"nginx\" must set securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod or container \"nginx\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container \"nginx\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"
            )
        );
        assert_eq!(violation(&labels("baseline"), &pod), None);
        assert_eq!(violation(&labels("privileged"), &pod), None);
        assert_eq!(violation(&json!({}), &pod), None);
    }

    #[test]
    fn a_sound_pod_is_not_warned_of_and_each_level_has_its_own_checks() {
        let sound = json!({
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "a", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}],
        });
        assert_eq!(violation(&labels("restricted"), &sound), None);
        let pod = json!({
            "hostNetwork": true,
            "volumes": [{"name": "all", "hostPath": {"path": "/"}}],
            "containers": [{"name": "a", "ports": [{"hostPort": 80}], "securityContext": {"privileged": true}}, {"name": "b", "securityContext": {"privileged": true}}],
        });
        assert_eq!(
            violation(&labels("baseline"), &pod).as_deref(),
            Some(
                "would violate PodSecurity \"baseline:latest\": host namespaces (hostNetwork=true), hostPath volumes (volume \"all\"), hostPort (container \"a\" uses hostPort 80), privileged (containers \"a\", \"b\" must not set securityContext.privileged=true)"
            )
        );
        let strict = violation(&labels("restricted"), &pod).unwrap();
        assert!(
            strict.contains("restricted volume types (volume \"all\" uses restricted volume type \"hostPath\")"),
            "{strict}"
        );
        assert!(!strict.contains("hostPath volumes"), "{strict}");
    }
}
