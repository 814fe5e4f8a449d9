//! The short table: every field that `patch`, `object` and `env` may write. `docs/policy.md` shows it.
//!
//! A path is field names joined by dots; `*` stands for each item of a list or each key of a map, `a|b` for either.

use super::WritingHatch;
use crate::kind::{
    AUTOSCALER, CERTIFICATE, CONFIG_MAP, CRON_JOB, DEPLOYMENT, DISRUPTION_BUDGET, GARAGE_BUCKET, GARAGE_KEY, GroupKind,
    HTTP_ROUTE, INGRESS, JOB, LISTENER_SET, NETWORK_POLICY, PERSISTENT_VOLUME_CLAIM, POSTGRES_DATABASE,
    POSTGRES_POOLER, POSTGRES_ROLE, SCHEDULED_BACKUP, SERVICE, SERVICE_ACCOUNT, SERVICE_MONITOR, STATEFUL_SET,
};

/// A row of the table: fields of some kinds.
pub(crate) struct Reach {
    pub(crate) kinds: &'static [GroupKind],
    /// What the fields are for, for people.
    pub(crate) about: &'static str,
    /// Whether only an `object` of a definition writes them, and no `patch`.
    pub(crate) of_objects: bool,
    /// Whether the paths begin at the specification of the kind's pods.
    pub(crate) in_pods: bool,
    pub(crate) fields: &'static [&'static str],
}

const PODS: &[GroupKind] = &[DEPLOYMENT, STATEFUL_SET, CRON_JOB, JOB];

/// The kinds whose labels and annotations may be added to.
const LABELLED: &[GroupKind] = &[
    DEPLOYMENT,
    STATEFUL_SET,
    CRON_JOB,
    JOB,
    CONFIG_MAP,
    SERVICE,
    SERVICE_ACCOUNT,
    PERSISTENT_VOLUME_CLAIM,
    AUTOSCALER,
    DISRUPTION_BUDGET,
    HTTP_ROUTE,
    INGRESS,
    LISTENER_SET,
    CERTIFICATE,
    NETWORK_POLICY,
    POSTGRES_DATABASE,
    POSTGRES_ROLE,
    POSTGRES_POOLER,
    SCHEDULED_BACKUP,
    SERVICE_MONITOR,
    GARAGE_BUCKET,
    GARAGE_KEY,
];

const fn any(kinds: &'static [GroupKind], about: &'static str, fields: &'static [&'static str]) -> Reach {
    Reach { kinds, about, of_objects: false, in_pods: false, fields }
}

const fn pods(about: &'static str, fields: &'static [&'static str]) -> Reach {
    Reach { in_pods: true, ..any(PODS, about, fields) }
}

const fn of_objects(row: Reach) -> Reach {
    Reach { of_objects: true, ..row }
}

/// What a hatch may write of a kind, in words.
pub(super) fn about((group, kind): (&str, &str), hatch: WritingHatch) -> String {
    let is_meant = |row: &&Reach| {
        let is_kind = row.kinds.iter().any(|id| (id.group, id.kind) == (group, kind));
        is_kind && (hatch == WritingHatch::Object || !row.of_objects)
    };
    let rows: Vec<&str> = TABLE.iter().filter(is_meant).map(|row| row.about).collect();
    if rows.is_empty() { "nothing".to_owned() } else { rows.join("; ") }
}

/// Every field that a hatch may write; values are judged beside it (`policy/rules`).
pub(crate) const TABLE: &[Reach] = &[
    any(LABELLED, "notes", &["metadata.labels|annotations.*"]),
    pods(
        "what containers run and are told",
        &[
            "containers|initContainers.*.name|workingDir|imagePullPolicy|terminationMessagePath|terminationMessagePolicy",
            "containers|initContainers.*.command|args.*",
            "containers|initContainers.*.env.*.name|value",
            "containers|initContainers.*.env.*.valueFrom.secretKeyRef|configMapKeyRef.name|key|optional",
            "containers|initContainers.*.env.*.valueFrom.fieldRef.apiVersion|fieldPath",
            "containers|initContainers.*.env.*.valueFrom.resourceFieldRef.containerName|resource|divisor",
            "containers|initContainers.*.envFrom.*.prefix",
            "containers|initContainers.*.envFrom.*.secretRef|configMapRef.name|optional",
            "containers|initContainers.*.ports.*.name|containerPort|protocol",
        ],
    ),
    pods("what containers take", &["containers|initContainers.*.resources.requests|limits.cpu|memory"]),
    pods(
        "how containers are looked after",
        &[
            "containers.*.readinessProbe|livenessProbe|startupProbe.initialDelaySeconds|periodSeconds|timeoutSeconds|failureThreshold|successThreshold|terminationGracePeriodSeconds",
            "containers.*.readinessProbe|livenessProbe|startupProbe.exec.command.*",
            "containers.*.readinessProbe|livenessProbe|startupProbe.httpGet.path|port|scheme",
            "containers.*.readinessProbe|livenessProbe|startupProbe.httpGet.httpHeaders.*.name|value",
            "containers.*.readinessProbe|livenessProbe|startupProbe.tcpSocket.port",
            "containers.*.readinessProbe|livenessProbe|startupProbe.grpc.port|service",
            "containers.*.lifecycle.postStart|preStop.exec.command.*",
            "containers.*.lifecycle.postStart|preStop.sleep.seconds",
            "terminationGracePeriodSeconds|restartPolicy",
        ],
    ),
    // What runs once is ended by nobody's clock.
    Reach { kinds: &[DEPLOYMENT, STATEFUL_SET, CRON_JOB], ..pods("when pods are ended", &["activeDeadlineSeconds"]) },
    pods(
        "hardening, no weaker than ours",
        &[
            "containers|initContainers.*.securityContext.allowPrivilegeEscalation|readOnlyRootFilesystem|runAsNonRoot|runAsUser|runAsGroup",
            "containers|initContainers.*.securityContext.capabilities.drop.*",
            "containers|initContainers.*.securityContext.seccompProfile.type",
            "securityContext.runAsNonRoot|runAsUser|runAsGroup|fsGroup|fsGroupChangePolicy",
            "securityContext.supplementalGroups.*",
            "securityContext.seccompProfile.type",
            "automountServiceAccountToken|enableServiceLinks",
        ],
    ),
    pods(
        "volumes of the app's own objects, and scratch",
        &[
            "containers|initContainers.*.volumeMounts.*.name|mountPath|subPath|readOnly",
            "volumes.*.name",
            "volumes.*.emptyDir.sizeLimit",
            "volumes.*.configMap.name|optional|defaultMode",
            "volumes.*.secret.secretName|optional|defaultMode",
            "volumes.*.configMap|secret.items.*.key|path|mode",
            "volumes.*.persistentVolumeClaim.claimName|readOnly",
            "imagePullSecrets.*.name",
        ],
    ),
    of_objects(pods("images", &["containers|initContainers.*.image"])),
    any(
        &[DEPLOYMENT, STATEFUL_SET],
        "how many there are, and how they are replaced",
        &[
            "spec.replicas|minReadySeconds|revisionHistoryLimit|progressDeadlineSeconds",
            "spec.strategy|updateStrategy.type",
            "spec.strategy|updateStrategy.rollingUpdate.maxSurge|maxUnavailable|partition",
            "spec.podManagementPolicy",
            "spec.template.metadata.labels|annotations.*",
        ],
    ),
    of_objects(any(
        &[DEPLOYMENT, STATEFUL_SET],
        "which pods are meant, and volumes of each",
        &[
            "spec.selector.matchLabels.*",
            "spec.serviceName",
            "spec.volumeClaimTemplates.*.metadata.name",
            "spec.volumeClaimTemplates.*.metadata.labels.*",
            "spec.volumeClaimTemplates.*.spec.storageClassName",
            "spec.volumeClaimTemplates.*.spec.accessModes.*",
            "spec.volumeClaimTemplates.*.spec.resources.requests.storage",
        ],
    )),
    any(&[JOB], "how a job is run", &["spec.backoffLimit|suspend", "spec.template.metadata.labels|annotations.*"]),
    of_objects(any(&[JOB], "how many pods do its work", &["spec.parallelism|completions|completionMode"])),
    any(
        &[CRON_JOB],
        "when a job is run, and how",
        &[
            "spec.schedule|timeZone|suspend|concurrencyPolicy|startingDeadlineSeconds",
            "spec.successfulJobsHistoryLimit|failedJobsHistoryLimit",
            "spec.jobTemplate.spec.backoffLimit|activeDeadlineSeconds|ttlSecondsAfterFinished|parallelism|completions",
            "spec.jobTemplate.spec.template.metadata.labels|annotations.*",
        ],
    ),
    any(&[CONFIG_MAP], "texts", &["data|binaryData.*", "immutable"]),
    any(
        &[SERVICE],
        "ports inside the namespace",
        &[
            "spec.ports.*.name|port|targetPort|protocol|appProtocol",
            "spec.selector.*",
            "spec.type|clusterIP|sessionAffinity|publishNotReadyAddresses|internalTrafficPolicy",
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
        ],
    ),
    of_objects(any(
        &[PERSISTENT_VOLUME_CLAIM],
        "volumes",
        &["spec.storageClassName", "spec.accessModes.*", "spec.resources.requests.storage"],
    )),
    any(
        &[AUTOSCALER],
        "how many there are by load",
        &[
            "spec.minReplicas|maxReplicas",
            "spec.metrics.*.type",
            "spec.metrics.*.resource|containerResource.name",
            "spec.metrics.*.containerResource.container",
            "spec.metrics.*.resource|containerResource.target.type|averageUtilization|averageValue",
            "spec.behavior.scaleUp|scaleDown.stabilizationWindowSeconds|selectPolicy",
            "spec.behavior.scaleUp|scaleDown.policies.*.type|value|periodSeconds",
        ],
    ),
    of_objects(any(&[AUTOSCALER], "of which workload", &["spec.scaleTargetRef.apiVersion|kind|name"])),
    any(&[DISRUPTION_BUDGET], "how many go at once", &["spec.maxUnavailable|unhealthyPodEvictionPolicy"]),
    of_objects(any(&[DISRUPTION_BUDGET], "of which pods", &["spec.selector.matchLabels.*"])),
    any(
        &[POSTGRES_POOLER],
        "connections to the organisation's databases",
        &["spec.instances", "spec.pgbouncer.poolMode", "spec.pgbouncer.parameters.*"],
    ),
    of_objects(any(&[POSTGRES_POOLER], "of which cluster", &["spec.cluster.name", "spec.type"])),
    any(
        &[SCHEDULED_BACKUP],
        "further backups of the organisation's databases",
        &["spec.schedule|immediate|suspend|backupOwnerReference"],
    ),
    of_objects(any(
        &[SCHEDULED_BACKUP],
        "of which cluster, and by which means",
        &["spec.cluster.name", "spec.method", "spec.pluginConfiguration.name"],
    )),
    of_objects(any(
        &[SERVICE_MONITOR],
        "measurements of the organisation's own Services",
        &["spec.selector.matchLabels.*", "spec.endpoints.*.port|path|interval|scrapeTimeout|scheme"],
    )),
];
