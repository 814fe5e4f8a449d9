//! What may be written in objects and patches: which kinds, and nothing that parcelle keeps for itself or that weakens a pod.

use serde_json::Value;

use crate::finding::{Code, Finding, Findings};
use crate::kind::{self, GroupKind};
use crate::render::Origins;
use crate::render::tree::Tree;
use crate::source::Span;

/// A label or annotation that parcelle writes itself.
pub(crate) const IDENTITY: Code = Code::new("E0604");
/// A pod with more rights than ours have.
pub(crate) const WEAKER: Code = Code::new("E0605");
/// A field that parcelle decides.
pub(crate) const RESERVED: Code = Code::new("E0606");

/// Fields of pods with the values that give more than ours have, and why.
const WEAK: &[(&str, Weak, &str)] = &[
    ("privileged", Weak::True, "a privileged container owns its node"),
    ("allowPrivilegeEscalation", Weak::True, "a process could gain more rights than it started with"),
    ("runAsNonRoot", Weak::False, "root in a container is root outside once it gets out"),
    ("runAsUser", Weak::Zero, "root in a container is root outside once it gets out"),
    ("hostNetwork", Weak::True, "the pod would see the traffic of its node"),
    ("hostPID", Weak::True, "the pod would see the processes of its node"),
    ("hostIPC", Weak::True, "the pod would see the memory of others"),
    ("hostUsers", Weak::True, "users of the pod would be users of its node"),
    ("hostPort", Weak::Any, "a port of the node belongs to all organisations"),
    ("hostPath", Weak::Any, "folders of the node belong to all organisations"),
    ("nfs", Weak::Any, "volumes come from the cluster's storage classes"),
    ("iscsi", Weak::Any, "volumes come from the cluster's storage classes"),
    ("csi", Weak::Any, "volumes come from the cluster's storage classes"),
    ("flexVolume", Weak::Any, "volumes come from the cluster's storage classes"),
    ("serviceAccountToken", Weak::Any, "pods have no business with the API server"),
    ("hostAliases", Weak::Any, "names must mean the same for all"),
    ("procMount", Weak::Any, "the container would see more of its node"),
    ("automountServiceAccountToken", Weak::True, "pods have no business with the API server"),
    ("serviceAccountName", Weak::Any, "pods run as the app's own account, which has no rights"),
    ("serviceAccount", Weak::Any, "pods run as the app's own account, which has no rights"),
    ("seLinuxOptions", Weak::Any, "the cluster decides over it"),
    ("sysctls", Weak::Any, "the cluster decides over it"),
    ("windowsOptions", Weak::Any, "the cluster decides over it"),
    ("add", Weak::Capabilities, "containers drop all capabilities"),
    ("type", Weak::Unconfined, "containers keep the runtime's filter of system calls"),
    ("externalIPs", Weak::Any, "addresses of the cluster belong to all organisations"),
    ("nodeName", Weak::Any, "the scheduler decides over it"),
    ("priorityClassName", Weak::Any, "the cluster decides over it"),
];

#[derive(Clone, Copy)]
enum Weak {
    Any,
    True,
    False,
    Zero,
    Capabilities,
    /// `seccompProfile.type` or `appArmorProfile.type`.
    Unconfined,
}

/// Checks a body as written, with its origins; `head` where a value has none.
pub(super) fn check(body: &Tree, kind: GroupKind, head: Span, findings: &mut Findings) {
    let (value, origins) = body.clone().finish();
    let found = Found { origins: &origins, head, findings };
    found.reserved(&value, kind);
    let mut found = Found { origins: &origins, head, findings };
    found.walk(&value, &mut String::new(), &mut Vec::new());
}

struct Found<'a> {
    origins: &'a Origins,
    head: Span,
    findings: &'a mut Findings,
}

impl Found<'_> {
    fn span(&self, pointer: &str) -> Span {
        self.origins.of(pointer).unwrap_or(self.head)
    }

    /// What parcelle says of every object itself.
    fn reserved(self, value: &Value, kind: GroupKind) {
        let fields = ["apiVersion", "kind", "status"].into_iter().map(|field| (field.to_owned(), format!("/{field}")));
        let metadata = value["metadata"].as_object().into_iter().flat_map(serde_json::Map::keys);
        let metadata = metadata
            .filter(|key| !["labels", "annotations"].contains(&key.as_str()))
            .map(|key| (format!("metadata.{key}"), format!("/metadata/{key}")));
        let account = (kind == kind::SERVICE).then(|| ("spec.clusterIP".to_owned(), "/spec/clusterIP".to_owned()));
        let written = |pointer: &str| value.pointer(pointer).is_some_and(|value| value != "None");
        for (field, pointer) in fields.chain(metadata).chain(account).filter(|(_, pointer)| written(pointer)) {
            let finding = Finding::error(RESERVED, format!("`{field}` is not for writing"), self.span(&pointer))
                .why("parcelle or the API server fills it in")
                .help("leave it out");
            self.findings.push(finding);
        }
    }

    fn walk(&mut self, value: &Value, pointer: &mut String, path: &mut Vec<String>) {
        let length = pointer.len();
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    pointer.push('/');
                    crate::render::tree::push_escaped(pointer, key);
                    self.key(key, value, pointer, path);
                    path.push(key.clone());
                    self.walk(value, pointer, path);
                    path.pop();
                    pointer.truncate(length);
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    pointer.push('/');
                    pointer.push_str(&at.to_string());
                    self.walk(item, pointer, path);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
    }

    fn key(&mut self, key: &str, value: &Value, pointer: &str, path: &[String]) {
        let parent = path.last().map(String::as_str);
        if matches!(parent, Some("labels" | "annotations" | "matchLabels")) {
            return self.label(key, pointer);
        }
        // Data of users is theirs.
        if path.first().is_some_and(|first| first == "data" || first == "binaryData") {
            return;
        }
        let weak = WEAK.iter().find(|(field, weak, _)| *field == key && weak.holds(value, parent));
        if let Some((field, _, why)) = weak {
            let finding = Finding::error(
                WEAKER,
                format!("`{field}` would give the pod more than it may have"),
                self.span(pointer),
            )
            .why(*why)
            .help("leave it out");
            self.findings.push(finding);
        }
    }

    fn label(&mut self, key: &str, pointer: &str) {
        let domain = key.split_once('/').map_or("", |(domain, _)| domain);
        let ours = ["parcelle.dev", "app.kubernetes.io", "applyset.kubernetes.io", "pod-security.kubernetes.io"];
        if ours.contains(&domain) || domain.ends_with(".parcelle.dev") {
            let finding = Finding::error(IDENTITY, format!("`{key}` is not for writing"), self.span(pointer))
                .why("by these labels parcelle knows what is its own")
                .help("leave it out, or use a name of your own");
            self.findings.push(finding);
        }
    }
}

impl Weak {
    fn holds(self, value: &Value, parent: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::True => value == true,
            Self::False => value == false,
            Self::Zero => value == 0,
            Self::Capabilities => parent == Some("capabilities"),
            Self::Unconfined => matches!(parent, Some("seccompProfile" | "appArmorProfile")) && value == "Unconfined",
        }
    }
}
