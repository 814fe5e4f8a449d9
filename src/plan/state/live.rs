//! What is in the cluster, as far as one organisation's plan needs to know it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::health::Health;
use super::jobs::JobsSeen;
use super::left_pods::PodsSeen;
use super::made_keys::KeysSeen;
use super::unseen::Unseen;
use crate::render::ObjectId;

/// One organisation's part of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// The uid of the cluster's kube-system namespace.
    pub(crate) cluster_uid: String,
    /// Objects found by our labels, and those that exist under an id that is desired or in the inventory.
    pub objects: BTreeMap<ObjectId, LiveObject>,
    /// Objects that are known to be as desired, by what a watch or a list told: they have no entry in `objects`.
    pub(crate) settled: BTreeMap<ObjectId, Settled>,
    /// The server's word on what applying an object would do. Asked for those of [`questions`](crate::plan::questions).
    pub(crate) dry_runs: BTreeMap<ObjectId, DryRun>,
    /// What the server warned of when it was asked.
    pub(crate) warnings: BTreeMap<ObjectId, Vec<String>>,
    /// How copied Secrets stand to their source. One without an entry counts as in step when it exists.
    pub(crate) copies: BTreeMap<ObjectId, Copy>,
    /// What the values of generated Secrets say that lack keys, or of which others wrote some.
    pub(crate) keys: BTreeMap<ObjectId, KeysSeen>,
    /// What is known of the runs of one-time jobs.
    pub(crate) jobs: JobsSeen,
    /// The pods of the organisation's namespace, read where something starts that may not run beside them.
    pub(crate) pods: PodsSeen,
    /// What lies in the organisation's namespace and is nobody's of this garden (service accounts, root certificates
    /// and events that Kubernetes makes itself left out). Read where the namespace is to be adopted or deleted.
    pub(crate) foreign: Vec<ObjectId>,
    /// Of which kinds it is not known whether any lie there, where that was to be read: it is then not known to be empty.
    pub(crate) unseen: Vec<Unseen>,
    /// Kinds (`apps/v1 Deployment`) that could not be listed, with the reason: nothing of them is created or deleted.
    pub(crate) unread: BTreeMap<String, String>,
}

/// What is kept of an object that is as desired.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settled {
    /// How it fares.
    pub(crate) health: Health,
    /// Which data it stands for.
    pub(crate) data: Option<Box<str>>,
    /// Of a namespace the generation of the inventory that it carries.
    pub(crate) generation: Option<u64>,
}

/// An object as it is in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveObject {
    pub(crate) uid: String,
    /// Its resourceVersion when it was read.
    pub(crate) resource_version: String,
    /// `metadata.generation`; 0 for kinds that do not count.
    pub(crate) generation: i64,
    /// The whole object with its managedFields. Of a Secret, values under `data` are replaced before it is kept.
    pub(crate) body: Arc<Value>,
}

impl LiveObject {
    /// Reads uid, version and generation from a body as the server sends it.
    pub fn new(body: impl Into<Arc<Value>>) -> Self {
        let body = body.into();
        let metadata = &body["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
        let (uid, resource_version) = (text("uid"), text("resourceVersion"));
        let generation = metadata["generation"].as_i64().unwrap_or_default();
        Self { uid, resource_version, generation, body }
    }

    /// The value of a label.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.body["metadata"]["labels"].get(name)?.as_str()
    }

    /// The value of an annotation.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.body["metadata"]["annotations"].get(name)?.as_str()
    }

    /// Whether its deletion has begun.
    pub(crate) fn is_terminating(&self) -> bool {
        self.body["metadata"].get("deletionTimestamp").is_some_and(|time| !time.is_null())
    }
}

/// What a server-side dry-run of applying an object answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DryRun {
    /// The object as it would be.
    Result(Arc<Value>),
    /// The server takes it, or took the same before: what it makes of it is as we reckon.
    Accepted,
    /// 409: other managers own fields that we want.
    Conflict {
        /// Every field in conflict.
        conflicts: Vec<Conflict>,
        /// The answer to the same question with force, asked where [`may_force`](crate::plan::may_force) says yes.
        forced: Option<Arc<Value>>,
    },
    /// Any other refusal.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's words, masked.
        message: String,
        /// Fields that the server named.
        causes: Vec<Cause>,
    },
    /// The server could not be asked: the namespace or the CRD is made by the same plan, a webhook knows no dry-run.
    NotVerified(String),
}

/// A field that we want and somebody else owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The field manager in the way.
    pub manager: String,
    /// The field as the server names it: `.spec.replicas`.
    pub field: String,
}

/// A field that the server refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    /// The field as the server names it: `spec.ports[0].name`.
    pub(crate) field: String,
    /// The server's words, masked.
    pub(crate) message: String,
    /// Whether it is a rule of the definition that does not hold, in its own words.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) by_rule: bool,
}

/// How a copied Secret stands to its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Copy {
    /// Every key has the source's value.
    InStep,
    /// The source has other values.
    Behind,
    /// The source of a copy is not there, or lacks keys.
    SourceMissing(Vec<MissingSource>),
    /// Secrets that it is put together from are not there, or lack keys: an operator or a person may still make them.
    Awaits(Vec<MissingSource>),
    /// A Secret that it is made from could not be read: it stays as it is.
    NotRead {
        /// The API server's words.
        why: String,
    },
}

/// A Secret that others draw on, and that is not there or lacks keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MissingSource {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Whether the Secret is in the cluster; then it lacks keys.
    pub(crate) is_there: bool,
    /// The keys that are wanted of it and missing.
    pub(crate) keys: BTreeSet<String>,
}

impl fmt::Display for MissingSource {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(|key| format!("`{key}`")).collect();
        write!(
            to,
            "Secret `{}` with the {} {}",
            self.name,
            if keys.len() == 1 { "key" } else { "keys" },
            keys.join(", ")
        )
    }
}

impl MissingSource {
    /// The command by which a person makes it, or adds what it lacks.
    pub(crate) fn command(&self) -> String {
        let Self { namespace, name, is_there, keys } = self;
        if *is_there {
            let keys: Vec<String> = keys.iter().map(|key| format!("\"{key}\":\"…\"")).collect();
            let patch = format!("{{\"stringData\":{{{}}}}}", keys.join(","));
            return format!("kubectl patch secret {name} --namespace {namespace} --patch '{patch}'");
        }
        let keys: Vec<String> = keys.iter().map(|key| format!("--from-literal={key}=…")).collect();
        format!("kubectl create secret generic {name} --namespace {namespace} {}", keys.join(" "))
    }
}
