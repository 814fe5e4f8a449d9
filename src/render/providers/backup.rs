//! Backups at an S3 service away from the cluster: volumes by K8up, buckets by copying; databases by their operators, in
//! the files of their providers.
//!
//! Each organisation has a bucket there and credentials of its own, so that no organisation can read what is kept of
//! another. They are copied into its namespace, since backups run there.

use std::collections::BTreeMap;

use super::reach::{ReachedService, api_server};
use super::{Met, NeedContext, address, option_text, valkey};
use crate::expression::{SecretRef, Value};
use crate::kind;
use crate::model::Organisation;
use crate::model::definition::NeedKind;
use crate::quantity::{Dimension, Quantity};
use crate::render::backup::Backup;
use crate::render::draft::{ObjectDraft, Owner};
use crate::render::flow::{Flow, Peer};
use crate::render::pod::hardened;
use crate::render::tree::{Tree, tree};
use crate::render::{Contribution, ResourceName, SecretRequest, SecretSource, naming};
use crate::source::Span;

const K8UP: &str = "k8up.io/v1";
/// The Secret of an organisation with its credentials: alone of its kind, as no app's Secret is named without a hyphen.
pub(super) const SECRET: &str = "backup";
/// What copies buckets.
const RCLONE: &str = "docker.io/rclone/rclone:1.71.1";
/// A user who owns nothing, for what reads no volume.
const NOBODY: u32 = 65_534;
/// What each backup asks for while it runs: processor in millicores, memory in bytes.
const REQUESTS: (u64, u64) = (50, 128 << 20);
const MEMORY_LIMIT: u64 = 1 << 30;
/// After how many seconds a copy of a bucket is given up.
const DEADLINE: i64 = 20 * 3_600;

/// Makes the target equal to the bucket. What was changed or deleted moves into a folder of that day, and such folders go
/// when they are older than what is kept.
const COPY: &str = r#"rclone sync "from:$BUCKET" "to:$TARGET/current" --backup-dir "to:$TARGET/changed/`date +%Y%m%d`"
now=`date +%s`
oldest=`expr $now - $DAYS \* 86400`
oldest=`date -d @$oldest +%Y%m%d`
rclone lsf --dirs-only "to:$TARGET/changed" | while read -r day; do
    if [ "${day%/}" -lt "$oldest" ]; then rclone purge "to:$TARGET/changed/${day%/}"; fi
done"#;

/// Where an organisation's backups go.
pub(in crate::render) struct BackupTarget {
    /// The address of the service.
    pub(crate) endpoint: String,
    pub(crate) port: u16,
    /// The region that clients name.
    pub(crate) region: String,
    /// The organisation's bucket.
    pub(crate) bucket: String,
    /// The operators' Secret with its credentials.
    credentials: String,
    /// The line of the cluster's file.
    pub(crate) span: Span,
}

impl BackupTarget {
    /// The target of an organisation; none where its cluster has none.
    pub(crate) fn of(organisation: &Organisation) -> Option<Self> {
        let choice = organisation.cluster.provides.get("backup")?;
        let text = |name| option_text(choice, name).map(|(text, _)| text);
        let endpoint = text("endpoint")?.trim_end_matches('/').to_owned();
        Some(Self {
            port: address(&endpoint).map_or(443, |(_, _, port)| port),
            region: text("region").unwrap_or("us-east-1").to_owned(),
            bucket: naming::of_organisation(text("bucket")?, &organisation.name),
            credentials: naming::of_organisation(text("credentials")?, &organisation.name),
            span: choice.provider.span,
            endpoint,
        })
    }

    /// Leave to reach the service for some pods.
    pub(crate) fn flows(&self, organisation: &Organisation, from: &Peer) -> Vec<Flow> {
        let Some(choice) = organisation.cluster.provides.get("backup") else { return Vec::new() };
        let host = address(&self.endpoint).map_or("", |(_, host, _)| host);
        ReachedService::new(choice, host, self.port).flows(organisation, from, self.span)
    }

    /// A copy of the credentials, with keys there to keys here.
    pub(crate) fn copied(&self, keys: &[(&str, &str)]) -> SecretSource {
        SecretSource::Copied {
            namespace: naming::SYSTEM_NAMESPACE.to_owned(),
            name: self.credentials.clone(),
            keys: keys.iter().map(|(there, here)| ((*there).to_owned(), (*here).to_owned())).collect(),
        }
    }

    /// The organisation's Secret with its credentials.
    pub(crate) fn secret(&self, owner: &Owner) -> SecretRequest {
        SecretRequest {
            id: owner.id("v1", "Secret", SECRET),
            source: self.copied(&["access-key", "secret-key", "passphrase"].map(|key| (key, key))),
            labels: owner.labels(None),
            secret_type: "Opaque".to_owned(),
            app: None,
            origin: self.span,
        }
    }
}

/// Who reaches the service: the pods that K8up starts, which also tell the API server what they did.
pub(in crate::render) fn flows(organisation: &Organisation, target: &BackupTarget) -> Vec<Flow> {
    let pods = Peer::Pods(BTreeMap::from([("k8upjob".to_owned(), "true".to_owned())]));
    let mut flows = target.flows(organisation, &pods);
    flows.push(api_server(organisation, pods, target.span));
    flows
}

/// Adds what backs up the volume or bucket of a need.
pub(super) fn add(asked: &NeedContext, backup: &Backup, met: &mut Met) {
    let Some(target) = BackupTarget::of(asked.organisation) else { return };
    let kept = met.drafts.iter().any(|draft| draft.group_kind() == kind::PERSISTENT_VOLUME_CLAIM);
    match asked.need.kind {
        NeedKind::Volume if met.claim.is_some() => volume(asked, backup, &target, reader(asked), met),
        NeedKind::Redis if kept => volume(asked, backup, &target, valkey::USER, met),
        NeedKind::Bucket => bucket(asked, backup, &target, met),
        _ => {}
    }
}

/// The user who may read a volume: the one as whom a workload mounts it.
fn reader(asked: &NeedContext) -> u32 {
    let name = asked.name();
    let mounts = asked.workloads.iter().filter(|(scope, workload)| {
        workload
            .pod
            .volumes
            .iter()
            .any(|mount| scope.name_of(&mount.item.need.value, mount.item.loops).as_str() == name)
    });
    mounts.filter_map(|(_, workload)| workload.pod.run_as).find(|user| *user != 0).unwrap_or(NOBODY)
}

fn reference(key: &str) -> Tree {
    tree! { "name": SECRET, "key": key }
}

fn resources() -> Tree {
    tree! {
        "requests": tree! {
            "cpu": Quantity { dimension: Dimension::Cpu, amount: REQUESTS.0 },
            "memory": Quantity { dimension: Dimension::Size, amount: REQUESTS.1 },
        },
        "limits": tree! { "memory": Quantity { dimension: Dimension::Size, amount: MEMORY_LIMIT } },
    }
}

/// What a backup takes while it runs comes on top of the offer.
fn share(asked: &NeedContext) -> [Contribution; 2] {
    [(ResourceName::Cpu, REQUESTS.0), (ResourceName::Memory, REQUESTS.1)]
        .map(|(resource, amount)| asked.contribution(resource, amount, asked.need.span))
}

/// A schedule of K8up over the claims of one need, into a repository of its own.
fn volume(asked: &NeedContext, backup: &Backup, target: &BackupTarget, user: u32, met: &mut Met) {
    let (app, part) = (asked.data_name(), asked.name());
    let name = naming::part(kind::BACKUP_SCHEDULE, app, part);
    let repository = naming::part(kind::PERSISTENT_VOLUME_CLAIM, app, part);
    let selector = |component: &str| {
        let labels = BTreeMap::from([
            ("parcelle.dev/app".to_owned(), asked.app.name.to_string()),
            ("app.kubernetes.io/component".to_owned(), component.to_owned()),
        ]);
        tree! { "matchLabels": Tree::from(labels) }
    };
    // The claims that a StatefulSet makes bear the name of the workload.
    let stateful = asked.workloads.iter().filter(|(_, workload)| workload.stateful);
    let stateful = stateful.map(|(_, workload)| workload.name.value.to_string());
    let components = std::iter::once(part.to_owned()).chain(stateful);
    let positive = |count: u32| (count > 0).then_some(count);
    let spec = tree! {
        "backend": tree! {
            "repoPasswordSecretRef": reference("passphrase"),
            "s3": tree! {
                "endpoint": Tree::from(target.endpoint.as_str()).at(target.span),
                "bucket": Tree::from(format!("{}/volumes/{repository}", target.bucket)).at(target.span),
                "accessKeyIDSecretRef": reference("access-key"),
                "secretAccessKeySecretRef": reference("secret-key"),
            },
        },
        "podConfigRef": tree! { "name": name.as_str() },
        "podSecurityContext": pod_context(user),
        "resourceRequirementsTemplate": resources(),
        "backup": tree! {
            "schedule": Tree::from(backup.utc()).at(backup.when),
            "labelSelectors": Tree::list(components.map(|component| selector(&component))),
        },
        // At a time of the operator's choice, so that not all begin at once.
        "check": tree! { "schedule": "@weekly-random" },
        "prune": tree! {
            "schedule": "@weekly-random",
            "retention": tree! {
                "keepDaily": positive(backup.keep.daily),
                "keepWeekly": positive(backup.keep.weekly),
                "keepMonthly": positive(backup.keep.monthly),
            }.at(backup.kept),
        },
    };
    met.drafts.push(pod_config(asked, target, name.clone()));
    met.drafts.push(ObjectDraft::new(K8UP, "Schedule", name, tree! { "spec": spec }, backup.when).component(part));
    met.overhead.extend(share(asked));
}

fn pod_context(user: u32) -> Tree {
    tree! {
        "runAsNonRoot": true,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": tree! { "type": "RuntimeDefault" },
    }
}

/// What K8up's own fields cannot say of its pods: that the container has no privileges, and the region.
fn pod_config(asked: &NeedContext, target: &BackupTarget, name: String) -> ObjectDraft {
    let container = tree! {
        "name": "backup",
        "env": vec![tree! { "name": "AWS_DEFAULT_REGION", "value": target.region.as_str() }],
        "resources": resources(),
        "securityContext": hardened(None, Some("K8up writes beside its volumes")),
    };
    let spec = tree! { "template": tree! { "spec": tree! { "containers": vec![container] } } };
    ObjectDraft::new(K8UP, "PodConfig", name, tree! { "spec": spec }, asked.need.span).component(asked.name())
}

/// A copy of a bucket by the clock.
fn bucket(asked: &NeedContext, backup: &Backup, target: &BackupTarget, met: &mut Met) {
    let component = format!("{}--backup", asked.name());
    let pods = Peer::Pods(asked.owner.selector(&component));
    met.flows.extend(target.flows(asked.organisation, &pods));
    let job = tree! {
        "backoffLimit": 1,
        "activeDeadlineSeconds": DEADLINE,
        "template": tree! {
            "metadata": tree! { "labels": asked.owner.pod_labels(Some(&component)) },
            "spec": copying_pod(asked, backup, target, met),
        },
    };
    let spec = tree! {
        "schedule": Tree::from(backup.local()).at(backup.when),
        "timeZone": Tree::from(asked.organisation.timezone.as_str()).at(asked.organisation.span),
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 3_600,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": tree! { "spec": job },
    };
    let name = naming::role(kind::CRON_JOB, asked.data_name(), asked.name(), "backup");
    let draft = ObjectDraft::new("batch/v1", "CronJob", name, tree! { "spec": spec }, backup.when);
    met.drafts.push(draft.component(&component));
    met.overhead.extend(share(asked));
}

fn copying_pod(asked: &NeedContext, backup: &Backup, target: &BackupTarget, met: &Met) -> Tree {
    let container = tree! {
        "name": "copy",
        "image": RCLONE,
        "command": vec!["sh".into(), "-euc".into(), COPY.into()],
        "env": copying_environment(asked, backup, target, met),
        "resources": resources(),
        "securityContext": hardened(None, None),
        "volumeMounts": vec![tree! { "name": "scratch", "mountPath": "/tmp" }],
    };
    tree! {
        "serviceAccountName": asked.app.name.as_str(),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "restartPolicy": "OnFailure",
        "securityContext": tree! {
            "runAsNonRoot": true,
            "runAsUser": NOBODY,
            "seccompProfile": tree! { "type": "RuntimeDefault" },
        },
        "containers": vec![container],
        "volumes": vec![tree! { "name": "scratch", "emptyDir": tree! { "sizeLimit": "1Gi" } }],
    }
}

/// Both ends as rclone reads them from its environment.
fn copying_environment(asked: &NeedContext, backup: &Backup, target: &BackupTarget, met: &Met) -> Tree {
    let text = |name: &str| match met.outputs.get(name) {
        Some(Value::Text(text)) => text.text.to_string(),
        _ => String::new(),
    };
    let key = |name: &str| match met.outputs.get(name) {
        Some(Value::Secret(secret)) => secret_key(secret),
        _ => Tree::ABSENT,
    };
    let own = |key: &str| secret_key(&SecretRef { secret: SECRET.into(), key: key.into() });
    let folder = naming::part(kind::PERSISTENT_VOLUME_CLAIM, asked.data_name(), asked.name());
    let value = |name: &str, value: String| tree! { "name": name, "value": value };
    let from = |name: &str, value: Tree| tree! { "name": name, "valueFrom": value };
    Tree::list([
        value("BUCKET", text("bucket")),
        value("TARGET", format!("{}/buckets/{folder}", target.bucket)),
        tree! { "name": "DAYS", "value": Tree::from(backup.days().to_string()).at(backup.kept) },
        value("HOME", "/tmp".to_owned()),
        value("RCLONE_S3_NO_CHECK_BUCKET", "true".to_owned()),
        value("RCLONE_CONFIG_FROM_TYPE", "s3".to_owned()),
        value("RCLONE_CONFIG_FROM_PROVIDER", "Other".to_owned()),
        value("RCLONE_CONFIG_FROM_ENDPOINT", text("endpoint")),
        value("RCLONE_CONFIG_FROM_REGION", text("region")),
        from("RCLONE_CONFIG_FROM_ACCESS_KEY_ID", key("access-key")),
        from("RCLONE_CONFIG_FROM_SECRET_ACCESS_KEY", key("secret-key")),
        value("RCLONE_CONFIG_TO_TYPE", "s3".to_owned()),
        value("RCLONE_CONFIG_TO_PROVIDER", "Other".to_owned()),
        value("RCLONE_CONFIG_TO_ENDPOINT", target.endpoint.clone()),
        value("RCLONE_CONFIG_TO_REGION", target.region.clone()),
        from("RCLONE_CONFIG_TO_ACCESS_KEY_ID", own("access-key")),
        from("RCLONE_CONFIG_TO_SECRET_ACCESS_KEY", own("secret-key")),
    ])
}

fn secret_key(secret: &SecretRef) -> Tree {
    tree! { "secretKeyRef": tree! { "name": &*secret.secret, "key": &*secret.key } }
}
