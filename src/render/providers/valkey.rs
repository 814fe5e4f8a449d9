//! Caches by Valkey: one small server for each need, in memory alone.

use super::{Met, NeedContext, int, option_text, outputs, random, secret_value, server_image};
use crate::expression::Value;
use crate::kind;
use crate::model::ProviderChoice;
use crate::quantity::{Dimension, Quantity};
use crate::render::draft::ObjectDraft;
use crate::render::pod::hardened;
use crate::render::tree::{Tree, tree};
use crate::render::{Generated, ResourceName, SecretSource, Stage, naming};

/// The user `valkey` of that image.
pub(super) const USER: u32 = 999;
const PORT: u16 = 6379;
const REQUESTS: (u64, u64) = (50, 64 << 20);
const MEMORY_LIMIT: u64 = 256 << 20;
/// Below the container's limit, so that entries are dropped or refused before the kernel kills the server.
const MAX_MEMORY: &str = "192mb";
/// The volume of one that keeps: its memory, and its log while that is rewritten.
const STORAGE: u64 = 1 << 30;
const DATA: &str = "/data";

/// A server, its Service and its password.
pub(super) fn meet(asked: &NeedContext, choice: &ProviderChoice) -> Met {
    let (app, part) = (&asked.app.name, asked.name());
    let secret = naming::part(kind::SECRET, asked.data_name(), part);
    let host = naming::part(kind::SERVICE, app, part);
    let url = format!("redis://:{{password}}@{host}:{PORT}");
    let keys = [("password", random(32)), ("url", Generated::Joined(url))];
    let source = SecretSource::Generated { keys: keys.into_iter().map(|(key, made)| (key.to_owned(), made)).collect() };
    let claim = keeps(asked).then(|| claim(asked));
    let stored = claim.is_some().then(|| asked.contribution(ResourceName::Storage, STORAGE, asked.need.span));
    let mut drafts = vec![service(asked, host.clone()), deployment(asked, choice, &secret)];
    drafts.extend(claim);
    Met {
        outputs: outputs([
            ("host", Value::text(&host)),
            ("port", int(PORT)),
            ("password", secret_value(&secret, "password")),
            ("url", secret_value(&secret, "url")),
        ]),
        drafts,
        secrets: vec![asked.secret(&secret, source, "Opaque")],
        contributions: vec![
            asked.contribution(ResourceName::Cpu, REQUESTS.0, asked.need.span),
            asked.contribution(ResourceName::Memory, REQUESTS.1, asked.need.span),
        ]
        .into_iter()
        .chain(stored)
        .collect(),
        ..Met::default()
    }
}

/// Whether what it holds must not be lost.
fn keeps(asked: &NeedContext) -> bool {
    asked.option("keep") == Some(Value::Bool(true))
}

/// The volume of a server that keeps, of the class that volumes have in this cluster.
fn claim(asked: &NeedContext) -> ObjectDraft {
    let class = asked.organisation.cluster.provides.get("volume").and_then(|volume| option_text(volume, "class"));
    let size = Quantity { dimension: Dimension::Size, amount: STORAGE };
    let spec = tree! {
        "accessModes": vec!["ReadWriteOnce".into()],
        "storageClassName": class.map(|(class, span)| Tree::from(class).at(span)),
        "resources": tree! { "requests": tree! { "storage": size } },
    };
    let name = claim_name(asked);
    ObjectDraft::new("v1", "PersistentVolumeClaim", name, tree! { "spec": spec }, asked.need.span)
        .component(asked.name())
}

fn claim_name(asked: &NeedContext) -> String {
    naming::part(kind::PERSISTENT_VOLUME_CLAIM, asked.data_name(), asked.name())
}

fn service(asked: &NeedContext, name: String) -> ObjectDraft {
    let spec = tree! {
        "type": "ClusterIP",
        "selector": asked.owner.selector(asked.name()),
        "ports": vec![tree! { "name": "redis", "port": PORT, "targetPort": "redis", "protocol": "TCP" }],
    };
    ObjectDraft::new("v1", "Service", name, tree! { "spec": spec }, asked.need.span)
        .stage(Stage::Data)
        .component(asked.name())
}

fn deployment(asked: &NeedContext, choice: &ProviderChoice, secret: &str) -> ObjectDraft {
    let keeps = keeps(asked);
    let (log, full, folder) = if keeps { ("yes", "noeviction", DATA) } else { ("no", "allkeys-lru", "/tmp") };
    let args = ["--requirepass", "$(VALKEY_PASSWORD)", "--save", "", "--appendonly", log, "--maxmemory", MAX_MEMORY];
    let policy = ["--maxmemory-policy", full, "--dir", folder];
    let reference = tree! { "secretKeyRef": tree! { "name": secret, "key": "password" } };
    let container = tree! {
        "name": asked.name(),
        "image": server_image(choice),
        "command": vec!["valkey-server".into()],
        "args": Tree::list(args.iter().chain(&policy).map(|word| Tree::from(*word))),
        "env": vec![tree! { "name": "VALKEY_PASSWORD", "valueFrom": reference }],
        "ports": vec![tree! { "name": "redis", "containerPort": PORT, "protocol": "TCP" }],
        "readinessProbe": tree! { "tcpSocket": tree! { "port": "redis" }, "periodSeconds": 10, "timeoutSeconds": 3 },
        "resources": tree! {
            "requests": tree! {
                "cpu": Quantity { dimension: Dimension::Cpu, amount: REQUESTS.0 },
                "memory": Quantity { dimension: Dimension::Size, amount: REQUESTS.1 },
            },
            "limits": tree! { "memory": Quantity { dimension: Dimension::Size, amount: MEMORY_LIMIT } },
        },
        "securityContext": hardened(None, None),
        "volumeMounts": Tree::list(keeps.then(|| tree! { "name": "data", "mountPath": DATA })),
    };
    let replicas = Tree::from(i32::from(!asked.now.asleep())).at(asked.now.origin());
    let spec = tree! {
        "replicas": replicas,
        "selector": tree! { "matchLabels": asked.owner.selector(asked.name()) },
        // Two servers behind one Service would each hold half of the entries.
        "strategy": tree! { "type": "Recreate" },
        "template": tree! {
            "metadata": tree! { "labels": asked.owner.pod_labels(Some(asked.name())) },
            "spec": tree! {
                "serviceAccountName": asked.app.name.as_str(),
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "securityContext": tree! {
                    "runAsNonRoot": true,
                    "runAsUser": USER,
                    "fsGroup": keeps.then_some(USER),
                    "seccompProfile": tree! { "type": "RuntimeDefault" },
                },
                "containers": vec![container],
                "volumes": Tree::list(keeps.then(|| {
                    tree! { "name": "data", "persistentVolumeClaim": tree! { "claimName": claim_name(asked) } }
                })),
            },
        },
    };
    let name = naming::part(kind::DEPLOYMENT, &asked.app.name, asked.name());
    ObjectDraft::new("apps/v1", "Deployment", name, tree! { "spec": spec }, asked.need.span)
        .stage(Stage::Data)
        .component(asked.name())
}
