//! Kinds of Kubernetes objects and every fact that parcelle goes by, in one table.
//!
//! A kind is its group and its name: `Cluster` of `postgresql.cnpg.io` has nothing in common with `Cluster` of
//! `cluster.x-k8s.io`. A kind that is rendered, watched or judged has a row in `table.rs`; every other one gets
//! [`UNKNOWN`]. The guard of plans keeps a list of its own, on purpose (`plan/carry_out/guard.rs`).

use std::sync::LazyLock;

use serde_json::Value;

mod table;
pub(crate) mod unions;

pub(crate) use table::KINDS;

/// A kind by group and name, whatever the version of its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupKind {
    /// The API group; empty for the core group.
    pub(crate) group: &'static str,
    /// The name: `Deployment`.
    pub(crate) kind: &'static str,
}

pub(crate) const NAMESPACE: GroupKind = GroupKind::new("", "Namespace");
pub(crate) const CONFIG_MAP: GroupKind = GroupKind::new("", "ConfigMap");
pub(crate) const SECRET: GroupKind = GroupKind::new("", "Secret");
pub(crate) const SERVICE: GroupKind = GroupKind::new("", "Service");
pub(crate) const SERVICE_ACCOUNT: GroupKind = GroupKind::new("", "ServiceAccount");
pub(crate) const POD: GroupKind = GroupKind::new("", "Pod");
pub(crate) const PERSISTENT_VOLUME_CLAIM: GroupKind = GroupKind::new("", "PersistentVolumeClaim");
pub(crate) const DEPLOYMENT: GroupKind = GroupKind::new("apps", "Deployment");
pub(crate) const STATEFUL_SET: GroupKind = GroupKind::new("apps", "StatefulSet");
pub(crate) const JOB: GroupKind = GroupKind::new("batch", "Job");
pub(crate) const CRON_JOB: GroupKind = GroupKind::new("batch", "CronJob");
pub(crate) const AUTOSCALER: GroupKind = GroupKind::new("autoscaling", "HorizontalPodAutoscaler");
pub(crate) const DISRUPTION_BUDGET: GroupKind = GroupKind::new("policy", "PodDisruptionBudget");
pub(crate) const INGRESS: GroupKind = GroupKind::new("networking.k8s.io", "Ingress");
pub(crate) const NETWORK_POLICY: GroupKind = GroupKind::new("networking.k8s.io", "NetworkPolicy");
pub(crate) const DEFINITION: GroupKind = GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition");
pub(crate) const HTTP_ROUTE: GroupKind = GroupKind::new("gateway.networking.k8s.io", "HTTPRoute");
pub(crate) const LISTENER_SET: GroupKind = GroupKind::new("gateway.networking.k8s.io", "ListenerSet");
pub(crate) const CERTIFICATE: GroupKind = GroupKind::new("cert-manager.io", "Certificate");
pub(crate) const POSTGRES_CLUSTER: GroupKind = GroupKind::new("postgresql.cnpg.io", "Cluster");
pub(crate) const POSTGRES_DATABASE: GroupKind = GroupKind::new("postgresql.cnpg.io", "Database");
pub(crate) const POSTGRES_ROLE: GroupKind = GroupKind::new("postgresql.cnpg.io", "DatabaseRole");
pub(crate) const POSTGRES_POOLER: GroupKind = GroupKind::new("postgresql.cnpg.io", "Pooler");
pub(crate) const SCHEDULED_BACKUP: GroupKind = GroupKind::new("postgresql.cnpg.io", "ScheduledBackup");
pub(crate) const PERCONA_MONGODB: GroupKind = GroupKind::new("psmdb.percona.com", "PerconaServerMongoDB");
pub(crate) const GARAGE_BUCKET: GroupKind = GroupKind::new("garage.rajsingh.info", "GarageBucket");
pub(crate) const GARAGE_KEY: GroupKind = GroupKind::new("garage.rajsingh.info", "GarageKey");
pub(crate) const SERVICE_MONITOR: GroupKind = GroupKind::new("monitoring.coreos.com", "ServiceMonitor");
pub(crate) const BACKUP_SCHEDULE: GroupKind = GroupKind::new("k8up.io", "Schedule");

impl GroupKind {
    const fn new(group: &'static str, kind: &'static str) -> Self {
        Self { group, kind }
    }

    /// The kind of an API version and a name: `apps/v1`, `Deployment`.
    pub(crate) fn of(api_version: &'static str, kind: &'static str) -> Self {
        Self { group: group_of(api_version), kind }
    }

    /// Whether an object of that API version and kind is one.
    pub(crate) fn is_of(self, api_version: &str, kind: &str) -> bool {
        kind == self.kind && group_of(api_version) == self.group
    }

    /// Whether the body of an object says that it is one.
    pub(crate) fn is_body(self, body: &Value) -> bool {
        let text = |field: &str| body.get(field).and_then(Value::as_str);
        text("kind") == Some(self.kind) && group_of(text("apiVersion").unwrap_or_default()) == self.group
    }

    /// The row of this kind.
    pub(crate) fn facts(self) -> &'static Kind {
        facts(self.group, self.kind)
    }
}

/// `apps` of `apps/v1`; empty for `v1`.
pub(crate) fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// When objects are applied: earlier stages first, each awaited where it must be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Namespace, quota, limits, network policy.
    Ground,
    /// Service accounts, roles, secrets, configuration.
    Configuration,
    /// Databases, caches, buckets, volumes: ready before what uses them.
    Data,
    /// Jobs of an upgrade, before the workloads switch.
    Upgrade,
    /// Deployments, `StatefulSets`, Services.
    Workload,
    /// Routes, certificates, autoscalers, disruption budgets, schedules, jobs after a change.
    Edge,
}

/// A field of an operator's object that says what becomes of the data when the object is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReclaimPolicy {
    /// Of a `Database` of CloudNativePG.
    DatabaseReclaimPolicy,
    /// Of a `DatabaseRole` of CloudNativePG.
    DatabaseRoleReclaimPolicy,
}

impl ReclaimPolicy {
    /// Returns the field's name in `spec`.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::DatabaseReclaimPolicy => "databaseReclaimPolicy",
            Self::DatabaseRoleReclaimPolicy => "databaseRoleReclaimPolicy",
        }
    }
}

/// When objects are deleted, first to last: what is reached, what runs, what configures; then what holds data, from the
/// inside out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Departure {
    /// Routes, schedules, autoscalers.
    Edge,
    Workload,
    Job,
    /// Configuration, and the ground that everything stands on.
    Configuration,
    /// Data services that hold no data themselves.
    DataService,
    /// What stands inside a data service: a database, a role, a key.
    Inside,
    /// Data services with their data, and every object that holds data although its kind need not.
    Data,
    /// Volume claims, which pods of the former may still mount.
    Volume,
    /// Secrets with generated keys, without which the data may be unreadable.
    Key,
    Namespace,
}

/// What the deletion of an object means for people's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DataLoss {
    /// No object of this kind holds any by its kind; a single one may (a Secret with generated keys).
    None,
    /// Deleting any object of this kind destroys data.
    Own,
    /// An object with `volumeClaimTemplates` stands for claims that outlive it and that nobody else keeps a record of.
    InClaims,
    /// Nobody knows: what the inventory says of the object counts, and it is never deleted to be made anew.
    Unknown,
}

/// What the API server does with the objects that a deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted first: the object counts as gone only when its pods are.
    Foreground,
}

impl Propagation {
    /// The word of the API.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
        }
    }
}

/// The rule by which `plan/health` reads an object's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum HealthRule {
    /// The conventions of kstatus.
    Standard,
    /// Ready as soon as it is there.
    Exists,
    /// A condition `Ready` that must be there and true.
    ReadyCondition,
    Deployment,
    StatefulSet,
    Job,
    Claim,
    Namespace,
    Pod,
    Service,
    Autoscaler,
    DisruptionBudget,
    Definition,
    PostgresCluster,
    /// What lies inside a cluster of CloudNativePG says `status.applied`.
    PostgresInside,
    PostgresBackup,
    PerconaMongodb,
    Garage,
    Certificate,
    Route,
    Listeners,
    /// What K8up runs once: a backup, a check, a restore.
    BackupRun,
}

/// Objects that an operator makes beside one of a kind: their names are its name with an ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    /// The API version of what is made.
    pub(crate) api_version: &'static str,
    /// The kind of what is made.
    pub(crate) kind: &'static str,
    /// The endings of the names.
    pub(crate) endings: &'static [&'static str],
}

/// A kind whose objects decide what the server makes of every apply, and are watched for that in the whole cluster: a
/// change has everything verified anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WatchedKind {
    /// The API version that is watched.
    pub(crate) api_version: &'static str,
    /// The plural in paths.
    pub(crate) plural: &'static str,
}

/// Every fact about one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "a row of facts, none of which follows from another")]
pub struct Kind {
    pub(crate) id: GroupKind,
    /// Whether its objects lie in a namespace.
    pub(crate) namespaced: bool,
    /// When its objects are applied, unless the renderer says otherwise of one.
    pub(crate) stage: Stage,
    /// Whether a step that waits waits for its objects to be ready.
    pub(crate) awaited: bool,
    /// Whether its objects hold people's data.
    pub(crate) data: DataLoss,
    /// When its objects are deleted. One that holds data goes with [`Departure::Data`] at the earliest.
    pub(crate) departure: Departure,
    /// The same for its objects that hold data.
    pub(crate) departure_with_data: Departure,
    /// What happens to what its objects own when they are deleted.
    pub(crate) propagation: Propagation,
    /// The field of `spec` that is set to `delete` just before a deletion, so that the data goes with the object.
    pub(crate) reclaim_policy: Option<ReclaimPolicy>,
    /// The field in which whoever keeps its data names that: another object under its name that says the same stands for the same
    /// data. Absent where nothing says it.
    pub(crate) data_named: Option<&'static str>,
    /// What goes with a deleted object and what stays, in words; absent where that is plain.
    pub(crate) on_delete: Option<&'static str>,
    /// Fields that the API server refuses to change.
    pub(crate) immutable: &'static [&'static str],
    /// Fields that are chosen once, when an object is made; what the garden says later is for new objects. `*` is each item.
    pub(crate) chosen_once: &'static [&'static str],
    /// Fields that it refuses to change of an object with `immutable: true`.
    pub(crate) frozen: &'static [&'static str],
    /// How health is read.
    pub(crate) health: HealthRule,
    /// The longest name in characters that the API server and the kind's own controller take.
    pub(crate) name_limit: usize,
    /// What an operator makes beside its objects.
    pub(crate) makes: &'static [Made],
    /// The API version in which `object` in a definition writes it; absent where it may not be written.
    pub(crate) written_as: Option<&'static str>,
    /// The fields down to the specification of its pods; empty where it has none.
    pub(crate) pod_spec: &'static [&'static str],
    /// Whether its `spec.replicas` may be an autoscaler's.
    pub(crate) scales: bool,
    /// Whether its status is written through the subresource only. Of built-in kinds; definitions say it of custom ones.
    pub(crate) status_subresource: bool,
    /// How its objects are watched that are not ours.
    pub(crate) watched: Option<WatchedKind>,
    /// Whether Kubernetes itself puts its objects into every namespace or derives them from ours.
    pub(crate) made_by_kubernetes: bool,
}

/// What holds for most: names are DNS labels or become label values.
const NAME_LIMIT: usize = 63;

impl Kind {
    /// A row with what holds for most kinds of a stage.
    const fn new(id: GroupKind, stage: Stage) -> Self {
        Self {
            id,
            namespaced: true,
            stage,
            awaited: true,
            data: DataLoss::None,
            departure: match stage {
                Stage::Edge => Departure::Edge,
                Stage::Workload => Departure::Workload,
                Stage::Upgrade => Departure::Job,
                Stage::Data => Departure::DataService,
                Stage::Configuration | Stage::Ground => Departure::Configuration,
            },
            departure_with_data: Departure::Data,
            propagation: Propagation::Background,
            reclaim_policy: None,
            data_named: None,
            on_delete: None,
            immutable: &[],
            chosen_once: &[],
            frozen: &[],
            health: HealthRule::Standard,
            name_limit: NAME_LIMIT,
            makes: &[],
            written_as: None,
            pod_spec: &[],
            scales: false,
            status_subresource: false,
            watched: None,
            made_by_kubernetes: false,
        }
    }

    /// Whether every object of this kind holds data, whatever anyone says of it.
    pub(crate) fn holds_data(&self) -> bool {
        self.data == DataLoss::Own
    }

    /// Whether an object of this kind may hold data although nothing says so.
    pub(crate) fn may_hold_data(&self) -> bool {
        self.data != DataLoss::None
    }

    /// Whether an object of this kind with that body holds data.
    pub(crate) fn holds_data_in(&self, body: &Value) -> bool {
        let templates = || body.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
        match self.data {
            DataLoss::Own => true,
            DataLoss::InClaims => templates().is_some_and(|templates| !templates.is_empty()),
            DataLoss::None | DataLoss::Unknown => false,
        }
    }

    /// When an object of this kind is deleted that holds data or not.
    pub(crate) fn departs(&self, holds_data: bool) -> Departure {
        if holds_data || self.holds_data() { self.departure_with_data } else { self.departure }
    }
}

/// What is assumed of a kind without a row: it stands outermost, and it may hold data.
pub(crate) static UNKNOWN: Kind = Kind { data: DataLoss::Unknown, ..Kind::new(GroupKind::new("", ""), Stage::Edge) };

/// The rows in order of kind and group: every object of a garden is looked up several times a round.
static IN_ORDER: LazyLock<Vec<&'static Kind>> = LazyLock::new(|| {
    let mut rows: Vec<&Kind> = KINDS.iter().collect();
    rows.sort_by_key(|row| (row.id.kind, row.id.group));
    rows
});

/// The row of a kind, where it has one.
pub fn find(group: &str, kind: &str) -> Option<&'static Kind> {
    let at = IN_ORDER.binary_search_by(|row| (row.id.kind, row.id.group).cmp(&(kind, group)));
    at.ok().map(|at| IN_ORDER[at])
}

/// The row that a kind without its group means in a garden: names are unique among the kinds that are rendered.
pub(crate) fn named(kind: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|row| row.id.kind == kind)
}

/// The row of a kind, or what is assumed of one without.
pub(crate) fn facts(group: &str, kind: &str) -> &'static Kind {
    find(group, kind).unwrap_or(&UNKNOWN)
}

/// The facts about the kind of a body as the API server sends it.
pub(crate) fn facts_of_body(body: &Value) -> &'static Kind {
    let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
    facts(group_of(text("apiVersion")), text("kind"))
}

/// The kinds that `object` in a definition may write, in the order in which they are named to people.
pub(crate) fn written() -> impl Iterator<Item = (&'static Kind, &'static str)> {
    KINDS.iter().filter_map(|row| Some((row, row.written_as?)))
}

#[cfg(test)]
mod tests;
