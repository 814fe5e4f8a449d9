//! One row a kind: what differs from what holds for most.

use super::{
    AUTOSCALER, BACKUP_SCHEDULE, CERTIFICATE, CONFIG_MAP, CRON_JOB, DEFINITION, DEPLOYMENT, DISRUPTION_BUDGET,
    DataLoss, Departure, GARAGE_BUCKET, GARAGE_KEY, GroupKind, HTTP_ROUTE, HealthRule, INGRESS, JOB, Kind,
    LISTENER_SET, Made, NAMESPACE, NETWORK_POLICY, PERCONA_MONGODB, PERSISTENT_VOLUME_CLAIM, POD, POSTGRES_CLUSTER,
    POSTGRES_DATABASE, POSTGRES_POOLER, POSTGRES_ROLE, Propagation, ReclaimPolicy, SCHEDULED_BACKUP, SECRET, SERVICE,
    SERVICE_ACCOUNT, SERVICE_MONITOR, STATEFUL_SET, Stage, WatchedKind,
};

const fn core(kind: &'static str, stage: Stage) -> Kind {
    Kind::new(GroupKind::new("", kind), stage)
}

const fn of(group: &'static str, kind: &'static str, stage: Stage) -> Kind {
    Kind::new(GroupKind::new(group, kind), stage)
}

/// A kind that decides over every apply of ours, watched in the whole cluster.
const fn decisive(id: GroupKind, api_version: &'static str, plural: &'static str) -> Kind {
    let watched = WatchedKind { api_version, plural };
    Kind { namespaced: false, watched: Some(watched), ..Kind::new(id, Stage::Ground) }
}

/// A kind that Kubernetes makes by itself beside everybody's objects.
const fn derived(group: &'static str, kind: &'static str) -> Kind {
    Kind { made_by_kubernetes: true, ..of(group, kind, Stage::Edge) }
}

const ADMISSION: &str = "admissionregistration.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";

/// The pods of a workload or Job.
const TEMPLATE: &[&str] = &["spec", "template", "spec"];

/// Every kind that is rendered, watched, judged, or of which something must be known; those that `object` may write in
/// the order in which they are named to people.
pub(crate) static KINDS: &[Kind] = &[
    // The ground of an organisation.
    Kind {
        namespaced: false,
        data: DataLoss::Own,
        departure_with_data: Departure::Namespace,
        on_delete: Some("everything in it goes with it"),
        health: HealthRule::Namespace,
        status_subresource: true,
        ..Kind::new(NAMESPACE, Stage::Ground)
    },
    Kind { status_subresource: true, ..core("ResourceQuota", Stage::Ground) },
    core("LimitRange", Stage::Ground),
    Kind::new(NETWORK_POLICY, Stage::Ground),
    // Configuration.
    Kind {
        frozen: &["data", "binaryData", "immutable"],
        written_as: Some("v1"),
        ..Kind::new(CONFIG_MAP, Stage::Configuration)
    },
    Kind {
        departure_with_data: Departure::Key,
        immutable: &["type"],
        frozen: &["data", "stringData", "immutable"],
        ..Kind::new(SECRET, Stage::Configuration)
    },
    Kind::new(SERVICE_ACCOUNT, Stage::Configuration),
    of(RBAC, "Role", Stage::Configuration),
    Kind { immutable: &["roleRef"], ..of(RBAC, "RoleBinding", Stage::Configuration) },
    Kind { namespaced: false, immutable: &["roleRef"], ..of(RBAC, "ClusterRoleBinding", Stage::Configuration) },
    // Volumes. Where the storage class binds claims at first use, they wait for the workload of a later stage.
    Kind {
        awaited: false,
        data: DataLoss::Own,
        departure_with_data: Departure::Volume,
        data_named: Some("/spec/volumeName"),
        on_delete: Some("its volume goes by the storage class's reclaim policy"),
        immutable: &[
            "spec.storageClassName",
            "spec.accessModes",
            "spec.volumeMode",
            "spec.selector",
            "spec.volumeName",
            "spec.dataSource",
        ],
        chosen_once: &["spec.storageClassName"],
        health: HealthRule::Claim,
        written_as: Some("v1"),
        status_subresource: true,
        ..Kind::new(PERSISTENT_VOLUME_CLAIM, Stage::Data)
    },
    Kind {
        namespaced: false,
        data: DataLoss::Own,
        on_delete: Some("what it stands for goes or stays by its reclaim policy"),
        status_subresource: true,
        ..core("PersistentVolume", Stage::Data)
    },
    Kind {
        namespaced: false,
        immutable: &["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"],
        ..of("storage.k8s.io", "StorageClass", Stage::Ground)
    },
    // Workloads.
    Kind {
        immutable: &["spec.clusterIP", "spec.clusterIPs"],
        health: HealthRule::Service,
        written_as: Some("v1"),
        status_subresource: true,
        ..Kind::new(SERVICE, Stage::Workload)
    },
    Kind {
        propagation: Propagation::Foreground,
        immutable: &["spec.selector"],
        health: HealthRule::Deployment,
        written_as: Some("apps/v1"),
        pod_spec: TEMPLATE,
        scales: true,
        status_subresource: true,
        ..Kind::new(DEPLOYMENT, Stage::Workload)
    },
    // A StatefulSet's name and a revision hash make a label value.
    Kind {
        data: DataLoss::InClaims,
        propagation: Propagation::Foreground,
        on_delete: Some("the claims of its pods stay"),
        immutable: &["spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"],
        chosen_once: &["spec.volumeClaimTemplates.*.spec.storageClassName"],
        health: HealthRule::StatefulSet,
        name_limit: 52,
        written_as: Some("apps/v1"),
        pod_spec: TEMPLATE,
        scales: true,
        status_subresource: true,
        ..Kind::new(STATEFUL_SET, Stage::Workload)
    },
    Kind {
        propagation: Propagation::Foreground,
        immutable: &["spec.selector"],
        pod_spec: TEMPLATE,
        status_subresource: true,
        ..of("apps", "DaemonSet", Stage::Workload)
    },
    Kind {
        propagation: Propagation::Foreground,
        immutable: &["spec.selector"],
        pod_spec: TEMPLATE,
        status_subresource: true,
        ..of("apps", "ReplicaSet", Stage::Workload)
    },
    Kind { health: HealthRule::Pod, pod_spec: &["spec"], status_subresource: true, ..Kind::new(POD, Stage::Workload) },
    Kind { namespaced: false, status_subresource: true, ..core("Node", Stage::Ground) },
    // The controller appends a time to the names of the Jobs that it makes.
    Kind {
        propagation: Propagation::Foreground,
        health: HealthRule::Exists,
        name_limit: 52,
        written_as: Some("batch/v1"),
        pod_spec: &["spec", "jobTemplate", "spec", "template", "spec"],
        status_subresource: true,
        ..Kind::new(CRON_JOB, Stage::Edge)
    },
    // One of an upgrade is rendered for that stage.
    Kind {
        departure: Departure::Job,
        propagation: Propagation::Foreground,
        immutable: &["spec.template", "spec.selector", "spec.completions", "spec.completionMode"],
        health: HealthRule::Job,
        written_as: Some("batch/v1"),
        pod_spec: TEMPLATE,
        status_subresource: true,
        ..Kind::new(JOB, Stage::Edge)
    },
    Kind {
        health: HealthRule::Autoscaler,
        written_as: Some("autoscaling/v2"),
        status_subresource: true,
        ..Kind::new(AUTOSCALER, Stage::Edge)
    },
    Kind {
        health: HealthRule::DisruptionBudget,
        written_as: Some("policy/v1"),
        status_subresource: true,
        ..Kind::new(DISRUPTION_BUDGET, Stage::Edge)
    },
    // Databases. CloudNativePG derives names of Services and refuses longer ones.
    Kind {
        data: DataLoss::Own,
        propagation: Propagation::Foreground,
        data_named: Some("/status/systemID"),
        on_delete: Some("its volumes go with it, and every database in it"),
        health: HealthRule::PostgresCluster,
        name_limit: 50,
        makes: &[
            Made { api_version: "v1", kind: "Service", endings: &["-rw", "-ro", "-r"] },
            Made {
                api_version: "v1",
                kind: "Secret",
                endings: &["-app", "-superuser", "-ca", "-server", "-replication"],
            },
            Made { api_version: "v1", kind: "ServiceAccount", endings: &[""] },
            Made { api_version: "policy/v1", kind: "PodDisruptionBudget", endings: &["", "-primary"] },
        ],
        ..Kind::new(POSTGRES_CLUSTER, Stage::Data)
    },
    Kind {
        data: DataLoss::Own,
        departure_with_data: Departure::Inside,
        reclaim_policy: Some(ReclaimPolicy::DatabaseReclaimPolicy),
        on_delete: Some("the database goes with it: its reclaim policy is set to `delete` first"),
        immutable: &["spec.name", "spec.cluster"],
        health: HealthRule::PostgresInside,
        ..Kind::new(POSTGRES_DATABASE, Stage::Data)
    },
    // A role owns its database, and its password is known to nobody else.
    Kind {
        data: DataLoss::Own,
        departure_with_data: Departure::Inside,
        reclaim_policy: Some(ReclaimPolicy::DatabaseRoleReclaimPolicy),
        on_delete: Some("the role goes with it once it owns nothing: its reclaim policy is set to `delete` first"),
        immutable: &["spec.cluster"],
        health: HealthRule::PostgresInside,
        ..Kind::new(POSTGRES_ROLE, Stage::Data)
    },
    Kind {
        makes: &[
            Made { api_version: "v1", kind: "Service", endings: &[""] },
            Made { api_version: "v1", kind: "ServiceAccount", endings: &[""] },
            Made { api_version: "apps/v1", kind: "Deployment", endings: &[""] },
        ],
        written_as: Some("postgresql.cnpg.io/v1"),
        ..Kind::new(POSTGRES_POOLER, Stage::Data)
    },
    Kind {
        health: HealthRule::Exists,
        written_as: Some("postgresql.cnpg.io/v1"),
        ..Kind::new(SCHEDULED_BACKUP, Stage::Edge)
    },
    Kind { health: HealthRule::PostgresBackup, ..of("postgresql.cnpg.io", "Backup", Stage::Edge) },
    // What lies in the store stays there.
    Kind { health: HealthRule::Exists, ..of("barmancloud.cnpg.io", "ObjectStore", Stage::Configuration) },
    Kind {
        data: DataLoss::Own,
        propagation: Propagation::Foreground,
        on_delete: Some("its servers go; their volume claims stay unless it says otherwise"),
        health: HealthRule::ReadyCondition,
        ..of("k8s.mariadb.com", "MariaDB", Stage::Data)
    },
    // The operator wants its name and that of its replica set, `rs0`, in 50.
    Kind {
        data: DataLoss::Own,
        propagation: Propagation::Foreground,
        on_delete: Some("its servers go; their volume claims, `mongod-data-…`, stay with everything in them"),
        chosen_once: &["spec.replsets.*.volumeSpec.persistentVolumeClaim.storageClassName"],
        health: HealthRule::PerconaMongodb,
        name_limit: 47,
        makes: &[
            Made { api_version: "v1", kind: "Service", endings: &["-rs0"] },
            Made { api_version: "apps/v1", kind: "StatefulSet", endings: &["-rs0"] },
            Made {
                api_version: "v1",
                kind: "Secret",
                endings: &["-mongodb-keyfile", "-mongodb-encryption-key", "-ssl", "-ssl-internal"],
            },
        ],
        ..Kind::new(PERCONA_MONGODB, Stage::Data)
    },
    // Buckets and their keys. Nobody else knows a key that Garage made.
    Kind {
        data: DataLoss::Own,
        data_named: Some("/status/bucketId"),
        on_delete: Some("the bucket goes once it is empty: Garage refuses to delete one that holds files"),
        immutable: &["spec.clusterRef"],
        health: HealthRule::Garage,
        ..Kind::new(GARAGE_BUCKET, Stage::Data)
    },
    Kind {
        data: DataLoss::Own,
        departure_with_data: Departure::Inside,
        data_named: Some("/status/accessKeyId"),
        on_delete: Some("the key and the Secret that holds it go with it"),
        immutable: &["spec.clusterRef"],
        health: HealthRule::Garage,
        ..Kind::new(GARAGE_KEY, Stage::Data)
    },
    // Backups. Repositories outlive their schedules.
    of("k8up.io", "PreBackupPod", Stage::Edge),
    Kind { health: HealthRule::Exists, ..Kind::new(BACKUP_SCHEDULE, Stage::Edge) },
    Kind { health: HealthRule::Exists, ..of("k8up.io", "PodConfig", Stage::Configuration) },
    Kind { health: HealthRule::BackupRun, ..of("k8up.io", "Backup", Stage::Edge) },
    Kind { health: HealthRule::BackupRun, ..of("k8up.io", "Restore", Stage::Edge) },
    Kind { health: HealthRule::BackupRun, ..of("k8up.io", "Prune", Stage::Edge) },
    Kind { health: HealthRule::BackupRun, ..of("k8up.io", "Check", Stage::Edge) },
    Kind { health: HealthRule::BackupRun, ..of("k8up.io", "Archive", Stage::Edge) },
    // Routes and what stands before them.
    Kind { status_subresource: true, ..Kind::new(INGRESS, Stage::Edge) },
    Kind { health: HealthRule::Route, ..Kind::new(HTTP_ROUTE, Stage::Edge) },
    Kind { health: HealthRule::Listeners, ..Kind::new(LISTENER_SET, Stage::Edge) },
    Kind { health: HealthRule::Listeners, ..of("gateway.networking.k8s.io", "Gateway", Stage::Edge) },
    Kind { health: HealthRule::Certificate, ..Kind::new(CERTIFICATE, Stage::Edge) },
    Kind { health: HealthRule::ReadyCondition, ..of("cert-manager.io", "Issuer", Stage::Edge) },
    Kind {
        namespaced: false,
        health: HealthRule::ReadyCondition,
        ..of("cert-manager.io", "ClusterIssuer", Stage::Edge)
    },
    Kind { written_as: Some("monitoring.coreos.com/v1"), ..Kind::new(SERVICE_MONITOR, Stage::Edge) },
    // What decides over every apply.
    Kind {
        health: HealthRule::Definition,
        status_subresource: true,
        ..decisive(DEFINITION, "apiextensions.k8s.io/v1", "customresourcedefinitions")
    },
    decisive(
        GroupKind::new(ADMISSION, "MutatingWebhookConfiguration"),
        "admissionregistration.k8s.io/v1",
        "mutatingwebhookconfigurations",
    ),
    decisive(
        GroupKind::new(ADMISSION, "ValidatingWebhookConfiguration"),
        "admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
    ),
    Kind {
        status_subresource: true,
        ..decisive(
            GroupKind::new(ADMISSION, "ValidatingAdmissionPolicy"),
            "admissionregistration.k8s.io/v1",
            "validatingadmissionpolicies",
        )
    },
    // What Kubernetes makes by itself.
    derived("", "Event"),
    derived("events.k8s.io", "Event"),
    derived("", "Endpoints"),
    derived("discovery.k8s.io", "EndpointSlice"),
    derived("coordination.k8s.io", "Lease"),
    derived("metrics.k8s.io", "PodMetrics"),
];
