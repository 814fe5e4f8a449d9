//! PostgreSQL by CloudNativePG: one Cluster an organisation, shared by its apps; a Database and a role each.

use std::collections::BTreeMap;

use super::backup::{BackupTarget, SECRET};
use super::reach::api_server;
use super::{Met, NeedContext, int, option_number, option_text, outputs, random, secret_value};
use crate::expression::Value;
use crate::kind;
use crate::model::{Organisation, ProviderChoice};
use crate::quantity::{Dimension, Quantity};
use crate::render::backup::Backup;
use crate::render::draft::ObjectDraft;
use crate::render::flow::{Flow, Peer, tcp};
use crate::render::tree::{Tree, tree};
use crate::render::{Contribution, Generated, ResourceName, SecretSource, naming};
use crate::source::Span;

const API: &str = "postgresql.cnpg.io/v1";

/// The name of an organisation's Cluster: alone of its kind in the namespace.
pub(super) const CLUSTER: &str = "postgres";

/// What each server asks for: processor in millicores, memory in bytes.
const REQUESTS: (u64, u64) = (250, 512 << 20);
const MEMORY_LIMIT: u64 = 1 << 30;
/// What each pooler asks for.
pub(in crate::render) const POOLER_REQUESTS: (u64, u64) = (50, 64 << 20);
const POOLER_MEMORY_LIMIT: u64 = 128 << 20;
/// What keeps backups, beside each server.
const BARMAN: &str = "barman-cloud.cloudnative-pg.io";
const STORE_API: &str = "barmancloud.cnpg.io/v1";
const SIDECAR: (u64, u64) = (50, 128 << 20);
const SIDECAR_LIMIT: u64 = 512 << 20;

/// The operator's label on the pods of a cluster.
fn pods() -> Peer {
    Peer::Pods(BTreeMap::from([("cnpg.io/cluster".to_owned(), CLUSTER.to_owned())]))
}

/// A database, its owner, and the owner's password.
pub(super) fn meet(asked: &NeedContext, choice: &ProviderChoice) -> Met {
    let (app, part) = (asked.data_name(), asked.name());
    let inside = naming::in_sql(app, part);
    let secret = naming::part(kind::SECRET, app, part);
    let host = format!("{CLUSTER}-rw");
    let pooled = asked.option("pool") == Some(Value::Bool(true));
    let pool = pooled.then(|| naming::role(kind::POSTGRES_POOLER, app, part, "pool"));
    let mut drafts = vec![role(asked, &inside, &secret), database(asked, &inside)];
    drafts.extend(pool.as_ref().map(|pool| pooler(asked, choice, pool.clone())));
    Met {
        outputs: outputs([
            ("host", Value::text(&host)),
            ("port", int(5432)),
            ("pool-host", Value::text(pool.as_ref().unwrap_or(&host))),
            ("database", Value::text(&inside)),
            ("user", Value::text(&inside)),
            ("password", secret_value(&secret, "password")),
            ("url", secret_value(&secret, "url")),
        ]),
        drafts,
        secrets: vec![asked.secret(&secret, password(&inside, &host), "kubernetes.io/basic-auth")],
        flows: vec![Flow {
            from: Peer::App(asked.app.name.clone()),
            to: pods(),
            ports: tcp(&[5432]),
            origin: asked.need.span,
        }],
        contributions: if pooled { pooler_shares(asked, choice) } else { Vec::new() },
        database: true,
        ..Met::default()
    }
}

/// How many poolers stand before a database: as many as servers.
fn pooler_instances(choice: &ProviderChoice) -> (u32, Span) {
    option_number(choice, "instances").unwrap_or((1, choice.provider.span))
}

/// Connections of many pods, kept for the length of a transaction. Its pods bear the label of the cluster's, so that the
/// same flows hold.
fn pooler(asked: &NeedContext, choice: &ProviderChoice, name: String) -> ObjectDraft {
    let (instances, instances_at) = pooler_instances(choice);
    let container = tree! {
        "name": "pgbouncer",
        "resources": tree! {
            "requests": tree! {
                "cpu": Quantity { dimension: Dimension::Cpu, amount: POOLER_REQUESTS.0 },
                "memory": Quantity { dimension: Dimension::Size, amount: POOLER_REQUESTS.1 },
            },
            "limits": tree! { "memory": Quantity { dimension: Dimension::Size, amount: POOLER_MEMORY_LIMIT } },
        },
    };
    let spec = tree! {
        "cluster": tree! { "name": CLUSTER },
        "instances": Tree::from(instances).at(instances_at),
        "type": "rw",
        "pgbouncer": tree! {
            "poolMode": "transaction",
            "parameters": tree! { "max_client_conn": "1000", "default_pool_size": "20" },
        },
        "template": tree! { "spec": tree! { "containers": vec![container] } },
    };
    ObjectDraft::new(API, "Pooler", name, tree! { "spec": spec }, asked.need.span).component(asked.name())
}

fn pooler_shares(asked: &NeedContext, choice: &ProviderChoice) -> Vec<Contribution> {
    let (instances, at) = pooler_instances(choice);
    let share = |resource, each: u64| asked.contribution(resource, each.saturating_mul(u64::from(instances)), at);
    vec![share(ResourceName::Cpu, POOLER_REQUESTS.0), share(ResourceName::Memory, POOLER_REQUESTS.1)]
}

fn password(user: &str, host: &str) -> SecretSource {
    let url = format!("postgres://{{username}}:{{password}}@{host}:5432/{user}");
    let keys =
        [("username", Generated::Fixed(user.to_owned())), ("password", random(32)), ("url", Generated::Joined(url))];
    SecretSource::Generated { keys: keys.into_iter().map(|(key, made)| (key.to_owned(), made)).collect() }
}

/// What happens inside PostgreSQL when the object goes: data stays. Where it is to go, a plan switches this just before it
/// deletes, so that nobody's slip does before its time.
const RECLAIM: &str = "retain";

fn role(asked: &NeedContext, inside: &str, secret: &str) -> ObjectDraft {
    let spec = tree! {
        "cluster": tree! { "name": CLUSTER },
        "name": inside,
        "login": true,
        "passwordSecret": tree! { "name": secret },
        "databaseRoleReclaimPolicy": RECLAIM,
    };
    let name = naming::part(kind::POSTGRES_ROLE, asked.data_name(), asked.name());
    data(asked, "DatabaseRole", name, spec)
}

fn database(asked: &NeedContext, inside: &str) -> ObjectDraft {
    let extensions = asked.texts("extensions");
    let locale = asked.text("locale").map(|(locale, span)| Tree::from(locale).at(span));
    let extension = |name: &str| tree! { "name": name, "ensure": "present" };
    let spec = tree! {
        "cluster": tree! { "name": CLUSTER },
        "name": inside,
        "owner": inside,
        "ensure": "present",
        // Another locale than that of the template database needs the one that has none.
        "template": locale.is_some().then_some("template0"),
        "localeCollate": locale.clone(),
        "localeCType": locale,
        "extensions": Tree::list(extensions.iter().map(|name| extension(name))),
        "databaseReclaimPolicy": RECLAIM,
    };
    data(asked, "Database", naming::part(kind::POSTGRES_DATABASE, asked.data_name(), asked.name()), spec)
}

fn data(asked: &NeedContext, kind: &'static str, name: String, spec: Tree) -> ObjectDraft {
    ObjectDraft::new(API, kind, name, tree! { "spec": spec }, asked.need.span).component(asked.name())
}

/// The organisation's Cluster and its backups, who must reach it, and what it takes beside the offer.
pub(in crate::render) fn cluster(
    organisation: &Organisation,
    choice: &ProviderChoice,
    backup: Option<&Backup>,
) -> (Vec<ObjectDraft>, Vec<Flow>, Vec<Contribution>) {
    let backup = backup.and_then(|backup| Some((backup, BackupTarget::of(organisation)?)));
    let origin = choice.provider.span;
    let (instances, instances_at) = option_number(choice, "instances").unwrap_or((1, origin));
    let (storage, storage_at) = choice.database_size();
    let text = |name| option_text(choice, name).map(|(text, span)| Tree::from(text).at(span));
    let spec = tree! {
        "instances": Tree::from(instances).at(instances_at),
        "imageName": text("image"),
        "storage": tree! {
            "size": Tree::from(storage).at(storage_at),
            "storageClass": text("storage-class"),
            "resizeInUseVolumes": true,
        },
        "enableSuperuserAccess": false,
        // A disruption budget over one server would only hold up the node's drain.
        "enablePDB": instances > 1,
        "plugins": Tree::list(backup.as_ref().map(|(_, target)| archives(target))),
        "resources": tree! {
            "requests": tree! {
                "cpu": Quantity { dimension: Dimension::Cpu, amount: REQUESTS.0 },
                "memory": Quantity { dimension: Dimension::Size, amount: REQUESTS.1 },
            },
            "limits": tree! { "memory": Quantity { dimension: Dimension::Size, amount: MEMORY_LIMIT } },
        },
    };
    let draft = ObjectDraft::new(API, "Cluster", CLUSTER.into(), tree! { "spec": spec }, organisation.span);
    let share = |resource, each: u64| Contribution {
        app: None,
        part: CLUSTER.to_owned(),
        resource,
        amount: each.saturating_mul(u64::from(instances)),
        origin,
    };
    let shares = vec![
        share(ResourceName::Cpu, REQUESTS.0),
        share(ResourceName::Memory, REQUESTS.1),
        share(ResourceName::Storage, storage.amount),
    ];
    let mut whole = (vec![draft], flows(organisation, choice), shares);
    if let Some((backup, target)) = &backup {
        whole.0.extend(backups(backup, target));
        whole.1.extend(target.flows(organisation, &pods()));
        whole.2.extend([share(ResourceName::Cpu, SIDECAR.0), share(ResourceName::Memory, SIDECAR.1)]);
    }
    whole
}

/// The servers send what is written to the object store, moment by moment. Said whole: the list is compared as one value.
fn archives(target: &BackupTarget) -> Tree {
    tree! {
        "name": BARMAN,
        "enabled": true,
        "isWALArchiver": true,
        "parameters": tree! { "barmanObjectName": CLUSTER },
    }
    .at(target.span)
}

/// Where the databases of an organisation are kept, and when they are written there whole.
fn backups(backup: &Backup, target: &BackupTarget) -> [ObjectDraft; 2] {
    let variable = |name: &str, value: &str| tree! { "name": name, "value": value };
    let key = |key: &str| tree! { "name": SECRET, "key": key };
    let store = tree! {
        "configuration": tree! {
            "destinationPath": Tree::from(format!("s3://{}/", target.bucket)).at(target.span),
            "endpointURL": Tree::from(target.endpoint.as_str()).at(target.span),
            "s3Credentials": tree! { "accessKeyId": key("access-key"), "secretAccessKey": key("secret-key") },
            "wal": tree! { "compression": "gzip" },
            "data": tree! { "compression": "gzip" },
        },
        // A window: whatever was, at any moment inside, can be brought back.
        "retentionPolicy": Tree::from(format!("{}d", backup.days())).at(backup.kept),
        "instanceSidecarConfiguration": tree! {
            "env": vec![
                variable("AWS_DEFAULT_REGION", &target.region),
                // Services other than Amazon's refuse the checksums of newer clients.
                variable("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"),
                variable("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required"),
            ],
            "resources": tree! {
                "requests": tree! {
                    "cpu": Quantity { dimension: Dimension::Cpu, amount: SIDECAR.0 },
                    "memory": Quantity { dimension: Dimension::Size, amount: SIDECAR.1 },
                },
                "limits": tree! { "memory": Quantity { dimension: Dimension::Size, amount: SIDECAR_LIMIT } },
            },
        },
    };
    let schedule = tree! {
        "cluster": tree! { "name": CLUSTER },
        // Seconds first.
        "schedule": Tree::from(format!("0 {}", backup.utc())).at(backup.when),
        "method": "plugin",
        "pluginConfiguration": tree! { "name": BARMAN },
        "backupOwnerReference": "self",
        "immediate": true,
    };
    [
        ObjectDraft::new(STORE_API, "ObjectStore", CLUSTER.into(), tree! { "spec": store }, backup.kept),
        ObjectDraft::new(API, "ScheduledBackup", CLUSTER.into(), tree! { "spec": schedule }, backup.when),
    ]
}

/// Servers replicate from each other, report to the operator, and follow their own object at the API server.
fn flows(organisation: &Organisation, choice: &ProviderChoice) -> Vec<Flow> {
    let origin = choice.provider.span;
    let operator = option_text(choice, "namespace").map_or("cnpg-system", |(name, _)| name).to_owned();
    vec![
        Flow { from: pods(), to: pods(), ports: tcp(&[5432, 8000]), origin },
        Flow { from: Peer::Namespace(operator), to: pods(), ports: tcp(&[5432, 8000]), origin },
        api_server(organisation, pods(), origin),
    ]
}
