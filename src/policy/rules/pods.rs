//! Pods: hardened in every container, and naming only what their app has.

use serde_json::Value;

use super::{Judging, each, text};
use crate::kind;
use crate::policy::words::weaker;
use crate::policy::{FOREIGN, Owned, Violation};

/// The capabilities that an image may have that starts as root and steps down itself: those of the baseline standard.
const OF_ROOT: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_BIND_SERVICE", "SETGID", "SETUID"];

/// The lists of containers of a pod.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

pub(super) fn check(judged: &mut Judging<'_>) {
    let path = kind::facts(judged.object.group, judged.object.kind).pod_spec;
    if path.is_empty() {
        return;
    }
    let at = format!("/{}", path.join("/"));
    let Some(pod) = judged.body().pointer(&at) else { return };
    context(judged, &format!("{at}/securityContext"), &pod["securityContext"]);
    account(judged, &at, pod);
    for list in CONTAINERS {
        for (pointer, container) in each(pod, &at, &format!("{list}/*")) {
            hardened(judged, &format!("{pointer}/securityContext"), &container["securityContext"]);
            names(judged, &pointer, container);
        }
    }
    of_pod(judged, &at, pod);
}

impl Judging<'_> {
    /// What every pod of ours has is not there.
    fn lacks(&mut self, pointer: &str, what: &str, why: &str) {
        let title = format!("the pod would lack {what}");
        let help = "leave out what takes it away".to_owned();
        let (code, pointer, why) = (crate::policy::WEAKER, pointer.to_owned(), why.to_owned());
        self.found(Violation { pointer, code, title, why, help, of_renderer: true });
    }

    fn weak(&mut self, pointer: &str, field: &str, why: &str) {
        self.found(weaker(pointer, field, why, "leave it out"));
    }
}

const ROOT: &str = "root in a container is root outside once it gets out";
const CALLS: &str = "containers keep the runtime's filter of system calls";

/// The context of a whole pod.
fn context(judged: &mut Judging<'_>, at: &str, context: &Value) {
    let non_root = format!("{at}/runAsNonRoot");
    match &context["runAsNonRoot"] {
        Value::Bool(true) => {}
        // A definition may say why its image starts as root; a hatch may not.
        Value::Bool(false) if !judged.by_hand(&non_root) => {}
        Value::Bool(false) => judged.weak(&non_root, "runAsNonRoot", ROOT),
        _ => judged.lacks(at, "`runAsNonRoot`", ROOT),
    }
    if context["seccompProfile"].is_null() {
        judged.lacks(at, "`seccompProfile`", CALLS);
    }
    of_both(judged, at, context);
    for (pointer, group) in each(context, at, "supplementalGroups/*") {
        if group == 0 {
            judged.weak(&pointer, "supplementalGroups", ROOT);
        }
    }
    if context["fsGroup"] == 0 {
        judged.weak(&format!("{at}/fsGroup"), "fsGroup", ROOT);
    }
}

/// What pods and containers say alike.
fn of_both(judged: &mut Judging<'_>, at: &str, context: &Value) {
    let profile = format!("{at}/seccompProfile/type");
    if !context["seccompProfile"].is_null() && text(context, "/seccompProfile/type") != "RuntimeDefault" {
        judged.weak(&profile, "seccompProfile", CALLS);
    }
    for field in ["runAsUser", "runAsGroup"] {
        let pointer = format!("{at}/{field}");
        if context[field] == 0 && judged.by_hand(&pointer) {
            judged.weak(&pointer, field, ROOT);
        }
    }
}

/// The context of a container.
fn hardened(judged: &mut Judging<'_>, at: &str, context: &Value) {
    const GAINS: &str = "a process could gain more rights than it started with";
    let pointer = |field: &str| format!("{at}/{field}");
    match &context["allowPrivilegeEscalation"] {
        Value::Bool(false) => {}
        Value::Null => judged.lacks(at, "`allowPrivilegeEscalation off`", GAINS),
        _ => judged.weak(&pointer("allowPrivilegeEscalation"), "allowPrivilegeEscalation", GAINS),
    }
    let read_only = pointer("readOnlyRootFilesystem");
    match &context["readOnlyRootFilesystem"] {
        Value::Bool(true) => {}
        Value::Bool(false) if !judged.by_hand(&read_only) => {}
        Value::Null => judged.lacks(at, "`readOnlyRootFilesystem`", "what is written into a container stays there"),
        _ => {
            let why = "a definition says why its image must be written to: `writable \"why\"`";
            judged.weak(&read_only, "readOnlyRootFilesystem", why);
        }
    }
    let dropped = each(context, at, "capabilities/drop/*");
    if !dropped.iter().any(|(_, capability)| *capability == "ALL") {
        judged.lacks(at, "`capabilities { drop ALL; }`", "containers drop all capabilities");
    }
    for (pointer, capability) in each(context, at, "capabilities/add/*") {
        let is_taken = capability.as_str().is_some_and(|capability| OF_ROOT.contains(&capability));
        if !is_taken || judged.by_hand(&pointer) {
            judged.weak(&pointer, "add", "containers drop all capabilities");
        }
    }
    if context["privileged"] == true {
        judged.weak(&pointer("privileged"), "privileged", "a privileged container owns its node");
    }
    if context["runAsNonRoot"] == false {
        judged.weak(&pointer("runAsNonRoot"), "runAsNonRoot", ROOT);
    }
    of_both(judged, at, context);
}

/// No token, no other account, nothing of the node.
fn account(judged: &mut Judging<'_>, at: &str, pod: &Value) {
    const TOKEN: &str = "pods have no business with the API server";
    match &pod["automountServiceAccountToken"] {
        Value::Bool(false) => {}
        Value::Null => judged.lacks(at, "`automountServiceAccountToken off`", TOKEN),
        _ => {
            judged.weak(&format!("{at}/automountServiceAccountToken"), "automountServiceAccountToken", TOKEN);
        }
    }
    let account = text(pod, "/serviceAccountName");
    if !account.is_empty() && judged.object.app != Some(account) {
        let why = "pods run as the app's own account, which has no rights";
        judged.weak(&format!("{at}/serviceAccountName"), "serviceAccountName", why);
    }
    for field in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] {
        if pod[field] == true {
            judged.weak(&format!("{at}/{field}"), field, "the pod would see more of its node than is its own");
        }
    }
}

/// Judges the Secrets, ConfigMaps and volumes that a container names.
fn names(judged: &mut Judging<'_>, at: &str, container: &Value) {
    for (pointer, name) in each(container, at, "env/*/valueFrom/secretKeyRef/name") {
        secret(judged, &pointer, name);
    }
    for (pointer, name) in each(container, at, "envFrom/*/secretRef/name") {
        secret(judged, &pointer, name);
    }
    for path in ["env/*/valueFrom/configMapKeyRef/name", "envFrom/*/configMapRef/name"] {
        for (pointer, name) in each(container, at, path) {
            owned(judged, &pointer, name, "ConfigMap", |owned| &owned.config_maps);
        }
    }
    for (pointer, port) in each(container, at, "ports/*/hostPort") {
        if port != 0 {
            judged.weak(&pointer, "hostPort", "a port of the node belongs to all organisations");
        }
    }
    for probe in ["readinessProbe", "livenessProbe", "startupProbe", "lifecycle/postStart", "lifecycle/preStop"] {
        for action in ["httpGet", "tcpSocket"] {
            for (pointer, _) in each(container, at, &format!("{probe}/{action}/host")) {
                judged.weak(&pointer, "host", "the node would dial that address, past every network policy");
            }
        }
    }
}

/// Volumes and pull secrets of a pod.
fn of_pod(judged: &mut Judging<'_>, at: &str, pod: &Value) {
    for (pointer, name) in each(pod, at, "volumes/*/secret/secretName") {
        secret(judged, &pointer, name);
    }
    for (pointer, name) in each(pod, at, "imagePullSecrets/*/name") {
        secret(judged, &pointer, name);
    }
    for (pointer, name) in each(pod, at, "volumes/*/configMap/name") {
        owned(judged, &pointer, name, "ConfigMap", |owned| &owned.config_maps);
    }
    for (pointer, name) in each(pod, at, "volumes/*/persistentVolumeClaim/claimName") {
        owned(judged, &pointer, name, "PersistentVolumeClaim", |owned| &owned.claims);
    }
}

/// A Secret that is named: one that is made for the app, or that it names as the organisation's own.
fn secret(judged: &mut Judging<'_>, pointer: &str, name: &Value) {
    owned(judged, pointer, name, "Secret", |owned| &owned.secrets);
}

fn owned(
    judged: &mut Judging<'_>,
    pointer: &str,
    name: &Value,
    kind: &str,
    of: impl Fn(&Owned) -> &std::collections::BTreeSet<String>,
) {
    let name = name.as_str().unwrap_or_default();
    let by_hand = judged.by_hand(pointer);
    let owned = judged.grounds.owned(judged.object.app, by_hand);
    // A Secret of a part may be one that others make beforehand.
    let is_given = !by_hand && kind == "Secret" && judged.grounds.is_part_of(judged.object.app, name);
    if is_given || owned.is_some_and(|owned| of(owned).contains(name)) {
        return;
    }
    let (title, why) = if by_hand {
        (
            format!("{kind} `{name}` is none of this app's"),
            "a hatch names only what is made for its app, or what the app names as the organisation's own",
        )
    } else {
        (format!("{kind} `{name}` is none of the organisation's"), "pods name what is made for their organisation")
    };
    let known = owned.map(|owned| of(owned).iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "));
    let known = known.filter(|known| !known.is_empty());
    let help = match (kind, known) {
        (_, Some(known)) => format!("the app has {known}"),
        ("Secret", None) => "name it in an `env` line: `env NAME secret=SECRET key=KEY`".to_owned(),
        (_, None) => "the app has none".to_owned(),
    };
    let (pointer, why) = (pointer.to_owned(), why.to_owned());
    judged.found(Violation { pointer, code: FOREIGN, title, why, help, of_renderer: !by_hand });
}
