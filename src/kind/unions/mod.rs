//! The fields of which only one may be said: every union of the kinds that are known, in one table.
//!
//! Server-side apply leaves what others own, and the server refuses an object that says two members of a union; so whoever
//! applies one has to know what cannot stand beside it. Built-in kinds name their types as `schemas/kubernetes/1.36.json`
//! does, custom kinds the place in the object.

use serde_json::Value;

/// A rule over fields that stand side by side in one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Union {
    /// One of these is said. Fields named together (`podSelector namespaceSelector`) are one member.
    OneOf(&'static [&'static str]),
    /// A field says which of the others may stand beside it: each of those with the values that allow it.
    By { field: &'static str, members: &'static [(&'static str, &'static [&'static str])] },
    /// No key stands in both of these maps.
    Keys(&'static str, &'static str),
    /// Beside `said`, where that is ours, nobody else says one of `undoing`: the server takes it, and the object would no
    /// longer do what it is there for. What says nothing, as `{}` does, undoes nothing.
    Alone { said: &'static str, undoing: &'static [&'static str] },
}

/// The unions of a built-in type (`api.core.v1.EnvVar`).
pub(crate) fn of_type(name: &str) -> &'static [Union] {
    BUILTIN.iter().find(|(of, _)| *of == name).map_or(&[], |(_, unions)| unions)
}

/// The members of the first union of a built-in type, in the order in which the server looks at them.
pub(crate) fn members(name: &str) -> impl Iterator<Item = &'static str> {
    of_type(name).iter().take(1).flat_map(Union::fields)
}

/// The unions of a custom kind: where they stand (`spec.pgbouncer`), and what they are.
pub(crate) fn of_custom(group: &str, kind: &str) -> impl Iterator<Item = (&'static str, &'static [Union])> {
    let rows = CUSTOM.iter().filter(move |row| row.group == group && row.kind == kind);
    rows.map(|row| (row.place, row.unions))
}

impl Union {
    /// Whether a field that is there cannot stand beside those of `said`; `value` is that of the discriminator. What is said
    /// itself is never barred.
    pub(crate) fn is_barred<'v>(
        &self,
        name: &str,
        said: impl Fn(&str) -> bool,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> bool {
        match self {
            Self::OneOf(members) => {
                let of_name = |member: &&&str| member.split(' ').any(|field| field == name);
                let is_said = |member: &&str| member.split(' ').any(&said);
                let own = members.iter().find(of_name);
                own.is_some_and(|own| !is_said(own) && members.iter().any(is_said))
            }
            Self::By { field, members } => {
                let own = members.iter().find(|(member, _)| *member == name).filter(|_| !said(name));
                own.is_some_and(|(_, values)| {
                    let ours = said(field) || members.iter().any(|(member, _)| said(member));
                    ours && value(field).is_some_and(|value| !values.contains(&value))
                })
            }
            Self::Keys(..) => false,
            Self::Alone { said: ours, undoing } => said(ours) && !said(name) && undoing.contains(&name),
        }
    }

    /// Whether a value that stands there counts for this rule.
    pub(crate) fn counts(&self, value: &Value) -> bool {
        match value {
            Value::Null => false,
            Value::Object(fields) if fields.is_empty() => !matches!(self, Self::Alone { .. }),
            Value::Array(items) if items.is_empty() => !matches!(self, Self::Alone { .. }),
            Value::Bool(false) => !matches!(self, Self::Alone { .. }),
            _ => true,
        }
    }

    /// The discriminator and the value that it has to have, where a member is said that its own does not allow and nothing
    /// is said of it.
    pub(crate) fn demands<'v>(
        &self,
        said: impl Fn(&str) -> bool,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> Option<(&'static str, &'static str)> {
        let Self::By { field, members } = self else { return None };
        let value = value(field).filter(|_| !said(field))?;
        let (_, values) = members.iter().find(|(member, _)| said(member))?;
        let needed = values.first().filter(|_| !values.contains(&value))?;
        Some((field, needed))
    }

    /// The fields that it speaks of, the discriminator first.
    pub(crate) fn fields(&self) -> Vec<&'static str> {
        match self {
            Self::OneOf(members) => members.iter().flat_map(|member| member.split(' ')).collect(),
            Self::By { field, members } => {
                std::iter::once(*field).chain(members.iter().map(|(member, _)| *member)).collect()
            }
            Self::Keys(one, other) => vec![one, other],
            Self::Alone { said, undoing } => std::iter::once(*said).chain(undoing.iter().copied()).collect(),
        }
    }
}

/// The sources of a volume of a pod, in the order in which the server looks for a second one.
const VOLUME: &[&str] = &[
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];

/// The sources of a persistent volume.
const PERSISTENT_VOLUME: &[&str] = &[
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

const ROLLING: &[Union] = &[Union::By { field: "type", members: &[("rollingUpdate", &["RollingUpdate"])] }];
const LOCAL_PROFILE: &[Union] = &[Union::By { field: "type", members: &[("localhostProfile", &["Localhost"])] }];

/// Of a Service only what the server does not take away itself when the type moves.
const SERVICE: &[Union] = &[
    Union::By {
        field: "type",
        members: &[("externalName", &["ExternalName"]), ("loadBalancerSourceRanges", &["LoadBalancer"])],
    },
    Union::By { field: "sessionAffinity", members: &[("sessionAffinityConfig", &["ClientIP"])] },
    Union::Alone { said: "selector", undoing: &["externalIPs"] },
];

/// Whoever adds a direction or a narrower selection lets through what the policy is there to refuse.
const POLICY: &[Union] = &[Union::Alone { said: "policyTypes", undoing: &["podSelector", "ingress", "egress"] }];

/// Unions by the name of the type that has the fields.
const BUILTIN: &[(&str, &[Union])] = &[
    ("api.admissionregistration.v1.ParamRef", &[Union::OneOf(&["name", "selector"])]),
    ("api.admissionregistration.v1.WebhookClientConfig", &[Union::OneOf(&["service", "url"])]),
    ("api.apps.v1.DaemonSetUpdateStrategy", ROLLING),
    ("api.apps.v1.DeploymentStrategy", ROLLING),
    ("api.apps.v1.StatefulSetUpdateStrategy", ROLLING),
    (
        "api.authorization.v1.SelfSubjectAccessReviewSpec",
        &[Union::OneOf(&["resourceAttributes", "nonResourceAttributes"])],
    ),
    (
        "api.autoscaling.v2.MetricSpec",
        &[Union::By {
            field: "type",
            members: &[
                ("object", &["Object"]),
                ("pods", &["Pods"]),
                ("resource", &["Resource"]),
                ("containerResource", &["ContainerResource"]),
                ("external", &["External"]),
            ],
        }],
    ),
    (
        "api.autoscaling.v2.MetricTarget",
        &[Union::By {
            field: "type",
            members: &[
                ("averageUtilization", &["Utilization"]),
                ("averageValue", &["AverageValue"]),
                ("value", &["Value"]),
            ],
        }],
    ),
    ("api.batch.v1.PodFailurePolicyRule", &[Union::OneOf(&["onExitCodes", "onPodConditions"])]),
    ("api.core.v1.AppArmorProfile", LOCAL_PROFILE),
    ("api.core.v1.ClusterTrustBundleProjection", &[Union::OneOf(&["name", "signerName labelSelector"])]),
    ("api.core.v1.ConfigMap", &[Union::Keys("data", "binaryData")]),
    ("api.core.v1.DownwardAPIVolumeFile", &[Union::OneOf(&["fieldRef", "resourceFieldRef"])]),
    ("api.core.v1.EnvFromSource", &[Union::OneOf(&["configMapRef", "secretRef"])]),
    ("api.core.v1.EnvVar", &[Union::OneOf(&["value", "valueFrom"])]),
    (
        "api.core.v1.EnvVarSource",
        &[Union::OneOf(&["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"])],
    ),
    ("api.core.v1.FCVolumeSource", &[Union::OneOf(&["targetWWNs lun", "wwids"])]),
    ("api.core.v1.LifecycleHandler", &[Union::OneOf(&["exec", "httpGet", "tcpSocket", "sleep"])]),
    ("api.core.v1.PersistentVolumeSpec", &[Union::OneOf(PERSISTENT_VOLUME)]),
    ("api.core.v1.PodResourceClaim", &[Union::OneOf(&["resourceClaimName", "resourceClaimTemplateName"])]),
    ("api.core.v1.Probe", &[Union::OneOf(&["exec", "httpGet", "tcpSocket", "grpc"])]),
    ("api.core.v1.SeccompProfile", LOCAL_PROFILE),
    ("api.core.v1.ServiceSpec", SERVICE),
    ("api.core.v1.Volume", &[Union::OneOf(VOLUME)]),
    ("api.core.v1.VolumeMount", &[Union::OneOf(&["subPath", "subPathExpr"])]),
    (
        "api.core.v1.VolumeProjection",
        &[Union::OneOf(&[
            "secret",
            "configMap",
            "downwardAPI",
            "serviceAccountToken",
            "clusterTrustBundle",
            "podCertificate",
        ])],
    ),
    (
        "api.networking.v1.IngressClassParametersReference",
        &[Union::By { field: "scope", members: &[("namespace", &["Namespace"])] }],
    ),
    ("api.networking.v1.IngressBackend", &[Union::OneOf(&["service", "resource"])]),
    ("api.core.v1.ResourceQuotaSpec", &[Union::Alone { said: "hard", undoing: &["scopes", "scopeSelector"] }]),
    ("api.networking.v1.IngressSpec", &[Union::Alone { said: "rules", undoing: &["defaultBackend"] }]),
    ("api.networking.v1.NetworkPolicySpec", POLICY),
    ("api.networking.v1.NetworkPolicyPeer", &[Union::OneOf(&["ipBlock", "podSelector namespaceSelector"])]),
    ("api.networking.v1.ServiceBackendPort", &[Union::OneOf(&["name", "number"])]),
    ("api.policy.v1.PodDisruptionBudgetSpec", &[Union::OneOf(&["minAvailable", "maxUnavailable"])]),
    (
        "apiextensions.v1.CustomResourceConversion",
        &[Union::By { field: "strategy", members: &[("webhook", &["Webhook"])] }],
    ),
    ("apiextensions.v1.WebhookClientConfig", &[Union::OneOf(&["service", "url"])]),
];

/// The unions at one place of a custom kind.
struct CustomUnions {
    group: &'static str,
    kind: &'static str,
    /// Names of fields with points between them.
    place: &'static str,
    unions: &'static [Union],
}

const ISSUER: &[Union] = &[Union::OneOf(&["acme", "ca", "selfSigned", "vault", "venafi"])];
const BACKEND: &[Union] = &[Union::OneOf(&["azure", "b2", "gcs", "local", "rest", "s3", "swift"])];

/// Unions of custom kinds. What stands inside an atomic list (filters and matches of routes) is left out: it is written as a
/// whole, so nobody else's member can stand beside ours.
const CUSTOM: &[CustomUnions] = &[
    CustomUnions { group: "cert-manager.io", kind: "ClusterIssuer", place: "spec", unions: ISSUER },
    CustomUnions { group: "cert-manager.io", kind: "Issuer", place: "spec", unions: ISSUER },
    CustomUnions {
        group: "garage.rajsingh.info",
        kind: "GarageBucket",
        place: "spec",
        unions: &[Union::Alone { said: "clusterRef", undoing: &["keyPermissions"] }],
    },
    CustomUnions {
        group: "garage.rajsingh.info",
        kind: "GarageKey",
        place: "spec",
        unions: &[Union::Alone { said: "bucketPermissions", undoing: &["allBuckets"] }],
    },
    CustomUnions { group: "k8up.io", kind: "Backup", place: "spec.backend", unions: BACKEND },
    CustomUnions { group: "k8up.io", kind: "Restore", place: "spec.backend", unions: BACKEND },
    CustomUnions { group: "k8up.io", kind: "Schedule", place: "spec.backend", unions: BACKEND },
    CustomUnions {
        group: "postgresql.cnpg.io",
        kind: "Cluster",
        place: "spec",
        unions: &[Union::OneOf(&["imageName", "imageCatalogRef"])],
    },
    CustomUnions {
        group: "postgresql.cnpg.io",
        kind: "Cluster",
        place: "spec.bootstrap",
        unions: &[Union::OneOf(&["initdb", "recovery", "pg_basebackup"])],
    },
    CustomUnions {
        group: "postgresql.cnpg.io",
        kind: "DatabaseRole",
        place: "spec",
        unions: &[Union::OneOf(&["passwordSecret", "disablePassword"])],
    },
    CustomUnions {
        group: "postgresql.cnpg.io",
        kind: "Pooler",
        place: "spec.pgbouncer",
        unions: &[Union::OneOf(&["image", "imageCatalogRef"])],
    },
];

#[cfg(test)]
mod tests;
