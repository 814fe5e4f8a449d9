//! MongoDB by Percona's operator: a replica set for each need, with one user beside those of the operator.

use std::collections::BTreeMap;

use super::backup::BackupTarget;
use super::{Met, NeedContext, int, option_number, option_text, outputs, random, secret_value, server_image};
use crate::expression::Value;
use crate::kind;
use crate::model::ProviderChoice;
use crate::quantity::{Dimension, Quantity};
use crate::render::backup::Backup;
use crate::render::draft::ObjectDraft;
use crate::render::flow::{Flow, Peer, tcp};
use crate::render::pod::hardened;
use crate::render::tree::{Tree, tree};
use crate::render::{Generated, ResourceName, SecretSource, naming};
use crate::source::Span;

const API: &str = "psmdb.percona.com/v1";
/// The version of the operator whose defaults are meant.
const VERSION: &str = "1.22.0";
const REPLICA_SET: &str = "rs0";
const PORT: u16 = 27017;
/// The user `mongodb` of that image.
const USER: u32 = 1001;
/// What each server asks for: processor in millicores, memory in bytes.
const REQUESTS: (u64, u64) = (200, 512 << 20);
const MEMORY_LIMIT: u64 = 1 << 30;
/// What makes backups, beside each server.
const BACKUP_IMAGE: &str = "docker.io/percona/percona-backup-mongodb:2.12.0";
const AGENT: (u64, u64) = (50, 128 << 20);
const AGENT_LIMIT: u64 = 512 << 20;
/// The operator's word for where they go.
const TARGET: &str = "target";
const STORAGE: u64 = 8 << 30;
/// Fewer servers than this survive no loss of one, which the operator wants to be told is meant.
const SAFE: u32 = 3;

/// A replica set, a user and its password.
pub(super) fn meet(asked: &NeedContext, choice: &ProviderChoice) -> Met {
    let (app, part) = (asked.data_name(), asked.name());
    let name = naming::part(kind::PERCONA_MONGODB, app, part);
    let secret = naming::part(kind::SECRET, app, part);
    let inside = naming::in_sql(app, part);
    let host = format!("{name}-{REPLICA_SET}");
    let (members, members_at) = option_number(choice, "members").unwrap_or((1, choice.options.span));
    let size = Quantity { dimension: Dimension::Size, amount: STORAGE };
    let (size, size_at) = asked.size().unwrap_or((size, asked.need.span));
    let share =
        |resource, each: u64, at: Span| asked.contribution(resource, each.saturating_mul(u64::from(members)), at);
    Met {
        outputs: outputs([
            ("host", Value::text(&host)),
            ("port", int(PORT)),
            ("database", Value::text(&inside)),
            ("user", Value::text(&inside)),
            ("password", secret_value(&secret, "password")),
            ("url", secret_value(&secret, "url")),
        ]),
        drafts: vec![replica_set(asked, choice, &name, &inside, &secret)],
        secrets: std::iter::once(asked.secret(&secret, password(&inside, &host), "Opaque"))
            .chain(backup(asked).map(|(_, target)| asked.secret(&backup_secret(asked), credentials(&target), "Opaque")))
            .collect(),
        flows: flows(asked, choice, &name),
        contributions: vec![
            share(ResourceName::Cpu, REQUESTS.0, members_at),
            share(ResourceName::Memory, REQUESTS.1, members_at),
            share(ResourceName::Storage, size.amount, size_at),
        ],
        overhead: backup(asked).map_or_else(Vec::new, |_| {
            vec![share(ResourceName::Cpu, AGENT.0, members_at), share(ResourceName::Memory, AGENT.1, members_at)]
        }),
        ..Met::default()
    }
}

fn password(user: &str, host: &str) -> SecretSource {
    let query = format!("replicaSet={REPLICA_SET}&authSource={user}");
    let url = format!("mongodb://{{username}}:{{password}}@{host}:{PORT}/{user}?{query}");
    let keys =
        [("username", Generated::Fixed(user.to_owned())), ("password", random(32)), ("url", Generated::Joined(url))];
    SecretSource::Generated { keys: keys.into_iter().map(|(key, made)| (key.to_owned(), made)).collect() }
}

fn replica_set(asked: &NeedContext, choice: &ProviderChoice, name: &str, inside: &str, secret: &str) -> ObjectDraft {
    let (members, _) = option_number(choice, "members").unwrap_or((1, choice.options.span));
    let role = |role: &str, database: &str| tree! { "name": role, "db": database };
    let user = tree! {
        "name": inside,
        "db": inside,
        "passwordSecretRef": tree! { "name": secret, "key": "password" },
        "roles": vec![role("readWrite", inside), role("clusterMonitor", "admin")],
    };
    let spec = tree! {
        "crVersion": VERSION,
        "image": server_image(choice),
        "initContainerSecurityContext": container_context(),
        // It sleeps with its app, and is awake to be backed up.
        "pause": Tree::from(asked.now.asleep() && !asked.now.woken).at(asked.now.origin()),
        "unsafeFlags": (members < SAFE).then(|| tree! { "replsetSize": true }),
        "updateStrategy": "SmartUpdate",
        // Another version is a commit's to choose.
        "upgradeOptions": tree! { "apply": "disabled", "setFCV": false },
        "secrets": tree! { "users": naming::role(kind::SECRET, asked.data_name(), asked.name(), "system") },
        "replsets": vec![servers(asked, choice)],
        "sharding": tree! { "enabled": false },
        "backup": backup(asked).map(|(backup, target)| backups(asked, backup, &target)),
        "users": vec![user],
    };
    ObjectDraft::new(API, "PerconaServerMongoDB", name.to_owned(), tree! { "spec": spec }, asked.need.span)
        .component(asked.name())
}

/// What its app says of backups, and where they go.
fn backup<'a>(asked: &'a NeedContext) -> Option<(&'a Backup, BackupTarget)> {
    Some((asked.now.backup.as_ref()?, BackupTarget::of(asked.organisation)?))
}

/// The credentials under the names that the operator reads.
fn credentials(target: &BackupTarget) -> SecretSource {
    target.copied(&[("access-key", "AWS_ACCESS_KEY_ID"), ("secret-key", "AWS_SECRET_ACCESS_KEY")])
}

fn backup_secret(asked: &NeedContext) -> String {
    naming::role(kind::SECRET, asked.data_name(), asked.name(), "backup")
}

/// An agent beside each server, and a task for each kind of backup that is kept.
fn backups(asked: &NeedContext, backup: &Backup, target: &BackupTarget) -> Tree {
    let folder = naming::part(kind::PERCONA_MONGODB, asked.data_name(), asked.name());
    let storage = tree! {
        "type": "s3",
        "s3": tree! {
            "bucket": Tree::from(target.bucket.as_str()).at(target.span),
            "prefix": format!("mongodb/{folder}"),
            "endpointUrl": Tree::from(target.endpoint.as_str()).at(target.span),
            "region": Tree::from(target.region.as_str()).at(target.span),
            "credentialsSecret": backup_secret(asked),
            "forcePathStyle": true,
        },
    };
    tree! {
        "enabled": true,
        "image": BACKUP_IMAGE,
        "containerSecurityContext": container_context(),
        "resources": tree! {
            "requests": tree! {
                "cpu": Quantity { dimension: Dimension::Cpu, amount: AGENT.0 },
                "memory": Quantity { dimension: Dimension::Size, amount: AGENT.1 },
            },
            "limits": tree! { "memory": Quantity { dimension: Dimension::Size, amount: AGENT_LIMIT } },
        },
        "storages": tree! { TARGET: storage },
        "tasks": Tree::list(tasks(backup)),
    }
}

/// Weekly ones take the day of the week, monthly ones the first of the month.
fn tasks(backup: &Backup) -> Vec<Tree> {
    let utc = backup.utc();
    let (time, day) = utc.split_once(" * * ").unwrap_or((&utc, "*"));
    let sunday = if day == "*" { "0" } else { day };
    let keep = backup.keep;
    let (daily, weekly) = if backup.is_weekly() { (0, keep.weekly.max(keep.daily)) } else { (keep.daily, keep.weekly) };
    let task = |name: &str, days: String, count: u32| {
        let task = tree! {
            "name": name,
            "enabled": true,
            "schedule": Tree::from(format!("{time} {days}")).at(backup.when),
            "storageName": TARGET,
            "type": "logical",
            "compressionType": "gzip",
            "retention": tree! { "type": "count", "count": count, "deleteFromStorage": true }.at(backup.kept),
        };
        (count > 0).then_some(task)
    };
    let all = [
        task("daily", "* * *".to_owned(), daily),
        task("weekly", format!("* * {sunday}"), weekly),
        task("monthly", "1 * *".to_owned(), keep.monthly),
    ];
    all.into_iter().flatten().collect()
}

fn servers(asked: &NeedContext, choice: &ProviderChoice) -> Tree {
    let (members, members_at) = option_number(choice, "members").unwrap_or((1, choice.options.span));
    let size = Quantity { dimension: Dimension::Size, amount: STORAGE };
    let (size, size_at) = asked.size().unwrap_or((size, asked.need.span));
    let class = option_text(choice, "storage-class").map(|(class, span)| Tree::from(class).at(span));
    let claim = tree! {
        "storageClassName": class,
        "accessModes": vec!["ReadWriteOnce".into()],
        "resources": tree! { "requests": tree! { "storage": Tree::from(size).at(size_at) } },
    };
    tree! {
        "name": REPLICA_SET,
        "size": Tree::from(members).at(members_at),
        "affinity": tree! { "antiAffinityTopologyKey": "kubernetes.io/hostname" },
        "expose": tree! { "enabled": false },
        "podSecurityContext": tree! {
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": tree! { "type": "RuntimeDefault" },
        },
        "containerSecurityContext": container_context(),
        "resources": tree! {
            "requests": tree! {
                "cpu": Quantity { dimension: Dimension::Cpu, amount: REQUESTS.0 },
                "memory": Quantity { dimension: Dimension::Size, amount: REQUESTS.1 },
            },
            "limits": tree! { "memory": Quantity { dimension: Dimension::Size, amount: MEMORY_LIMIT } },
        },
        "volumeSpec": tree! { "persistentVolumeClaim": claim },
    }
}

/// What the enforced standard asks of every container; the server writes beside its data.
fn container_context() -> Tree {
    hardened(None, Some("mongod writes its socket and certificates beside its data"))
}

/// The label of the servers of one replica set, by which the operator selects them, too.
fn pods(name: &str) -> Peer {
    let labels = [("app.kubernetes.io/instance", name), ("app.kubernetes.io/name", "percona-server-mongodb")];
    Peer::Pods(BTreeMap::from(labels.map(|(key, value)| (key.to_owned(), value.to_owned()))))
}

/// The app reaches the servers, they each other, and the operator all of them.
fn flows(asked: &NeedContext, choice: &ProviderChoice, name: &str) -> Vec<Flow> {
    let operator = option_text(choice, "namespace").map_or("psmdb-operator", |(name, _)| name).to_owned();
    let from = [Peer::App(asked.app.name.clone()), pods(name), Peer::Namespace(operator)];
    let flow = |from| Flow { from, to: pods(name), ports: tcp(&[PORT]), origin: asked.need.span };
    let outward = backup(asked).into_iter().flat_map(|(_, target)| target.flows(asked.organisation, &pods(name)));
    from.into_iter().map(flow).chain(outward).collect()
}
