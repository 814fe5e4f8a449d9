//! What a change of an object does to the pods behind it, a row a kind.
//!
//! What a workload of Kubernetes does follows from its own fields (`workload.rs`). What an operator does with its objects is
//! known from its documentation; a kind that nobody here knows may restart anything.

use crate::kind::{self, GroupKind, PERCONA_MONGODB, POSTGRES_CLUSTER, POSTGRES_POOLER, facts};
use crate::render::ObjectId;

/// What stands behind an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Runs {
    /// Pods that serve people, by a template.
    Workload,
    /// Pods that do something once or by the clock: nobody is interrupted when they change.
    Once,
    /// Pods that an operator makes.
    Operated(&'static Operated),
    /// No pod.
    Nothing,
    /// Nobody here knows.
    Unknown,
}

/// What an operator does when fields of its object change.
#[derive(Debug, PartialEq)]
pub(super) struct Operated {
    /// Where it says how many pods there are, as a JSON pointer, and how many there are where it does not.
    pub(super) pods: (&'static str, u64),
    /// Fields whose change restarts every pod.
    pub(super) restart: &'static [&'static str],
    /// Fields of which some values restart pods.
    pub(super) may_restart: &'static [&'static str],
    /// The field that stops everything while it is `true`.
    pub(super) pause: Option<&'static str>,
}

/// CloudNativePG's documentation, "Rolling updates": a change of `imageName`, of the images of extensions, of resources, and of
/// parameters that PostgreSQL cannot reload; replicas one by one, the primary last. Of other fields that its pods carry it says
/// nothing.
static POSTGRES: Operated = Operated {
    pods: ("/spec/instances", 1),
    restart: &["spec.imageName", "spec.imageCatalogRef", "spec.resources", "spec.postgresql.extensions"],
    may_restart: &[
        "spec.postgresql",
        "spec.plugins",
        "spec.env",
        "spec.envFrom",
        "spec.affinity",
        "spec.topologySpreadConstraints",
        "spec.projectedVolumeTemplate",
        "spec.priorityClassName",
        "spec.walStorage",
        "spec.certificates",
    ],
    pause: None,
};

/// CloudNativePG's documentation, "Connection pooling": a Deployment of `PgBouncer`, which rolls with its template; parameters are reloaded.
static POOLER: Operated = Operated {
    pods: ("/spec/instances", 1),
    restart: &["spec.template", "spec.type"],
    may_restart: &["spec.pgbouncer"],
    pause: None,
};

/// Percona Operator for MongoDB, "Update" and "Pause/resume": `SmartUpdate` restarts its pods in order when the version of the
/// object, images, resources, configuration or passwords change; `pause` stops every pod.
static MONGODB: Operated = Operated {
    pods: ("/spec/replsets/0/size", 3),
    restart: &["spec.image", "spec.replsets", "spec.mongod", "spec.sharding", "spec.secrets", "spec.crVersion"],
    may_restart: &["spec.backup.enabled", "spec.backup.image", "spec.backup.resources"],
    pause: Some("spec.pause"),
};

/// mariadb-operator, "Updates": replicas first and the primary last (`ReplicasFirstPrimaryLast`) when anything of the pod's template
/// or `my.cnf` changes. `suspend` stops the operator's work and no pod.
static MARIADB: Operated = Operated {
    pods: ("/spec/replicas", 1),
    restart: &["spec.image", "spec.resources", "spec.podMetadata", "spec.env", "spec.affinity", "spec.myCnf"],
    may_restart: &["spec.galera", "spec.replication", "spec.storage"],
    pause: None,
};

/// What stands behind an object of a kind.
pub(super) fn runs(id: &ObjectId) -> Runs {
    of_kind(id.group(), &id.kind)
}

fn of_kind(group: &str, kind: &str) -> Runs {
    let is = |one: GroupKind| one.group == group && one.kind == kind;
    if is(POSTGRES_CLUSTER) {
        return Runs::Operated(&POSTGRES);
    }
    if is(POSTGRES_POOLER) {
        return Runs::Operated(&POOLER);
    }
    if is(PERCONA_MONGODB) {
        return Runs::Operated(&MONGODB);
    }
    match (group, kind) {
        ("k8s.mariadb.com", "MariaDB") => Runs::Operated(&MARIADB),
        ("batch" | "k8up.io", _) | ("postgresql.cnpg.io", "Backup" | "ScheduledBackup") => Runs::Once,
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("", "Pod") => Runs::Workload,
        // Where a gateway is made of pods, they are the cluster's and follow by themselves.
        _ if kind::find(group, kind).is_some() && facts(group, kind).pod_spec.is_empty() => Runs::Nothing,
        _ => Runs::Unknown,
    }
}

/// Whether a path is one of these fields, or lies in one.
pub(super) fn within(path: &str, fields: &[&str]) -> bool {
    fields
        .iter()
        .any(|field| path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::KINDS;

    #[test]
    fn every_kind_that_runs_pods_has_a_row() {
        for row in KINDS {
            let runs = of_kind(row.id.group, row.id.kind);
            let makes_pods = row.makes.iter().any(|made| matches!(made.kind, "Deployment" | "StatefulSet"));
            let is_operated = makes_pods || row.id == POSTGRES_CLUSTER;
            if !row.pod_spec.is_empty() {
                assert!(matches!(runs, Runs::Workload | Runs::Once), "{:?} runs pods: {runs:?}", row.id);
            }
            if is_operated {
                assert!(matches!(runs, Runs::Operated(_)), "{:?} makes pods: {runs:?}", row.id);
            }
            assert_ne!(runs, Runs::Unknown, "{:?} stands in the table of kinds", row.id);
        }
        assert_eq!(of_kind("example.org", "Machine"), Runs::Unknown);
    }

    #[test]
    fn a_field_lies_in_another_by_whole_words() {
        assert!(within("spec.image", &["spec.image"]) && within("spec.replsets[name=rs0].size", &["spec.replsets"]));
        assert!(!within("spec.imagePullPolicy", &["spec.image"]));
    }
}
