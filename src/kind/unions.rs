//! The fields of which only one may be said: every union of the kinds that are known, in one table.
//!
//! Server-side apply leaves what others own, and the server refuses an object that says two members of a union; so whoever
//! applies one has to know what cannot stand beside it. Built-in kinds name their types as `schemas/kubernetes/1.36.json`
//! does, custom kinds the place in the object.

/// A rule over fields that stand side by side in one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Union {
    /// One of these is said. Fields named together (`podSelector namespaceSelector`) are one member.
    OneOf(&'static [&'static str]),
    /// A field says which of the others may stand beside it: each of those with the values that allow it.
    By { field: &'static str, members: &'static [(&'static str, &'static [&'static str])] },
    /// No key stands in both of these maps.
    Keys(&'static str, &'static str),
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
];

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
mod tests {
    use super::*;

    fn barred(union: Union, ours: &[&str], value: Option<&str>) -> Vec<&'static str> {
        let fields = union.fields().into_iter();
        fields.filter(|field| union.is_barred(field, |name| ours.contains(&name), |_| value)).collect()
    }

    #[test]
    fn what_is_said_bars_the_other_members_and_nothing_where_none_is_said() {
        let peers = Union::OneOf(&["ipBlock", "podSelector namespaceSelector"]);
        assert_eq!(barred(peers, &["podSelector"], None), ["ipBlock"]);
        assert_eq!(barred(peers, &["ipBlock"], None), ["podSelector", "namespaceSelector"]);
        assert_eq!(barred(peers, &["ports"], None), [""; 0]);
    }

    #[test]
    fn a_discriminator_bars_what_its_value_does_not_allow() {
        let union = ROLLING[0];
        assert_eq!(barred(union, &["type"], Some("Recreate")), ["rollingUpdate"]);
        assert_eq!(barred(union, &["type"], Some("RollingUpdate")), [""; 0]);
        assert_eq!(barred(union, &[], Some("Recreate")), [""; 0], "nothing of it is ours");
        let demands = |ours: &[&str], value: &'static str| union.demands(|name| ours.contains(&name), |_| Some(value));
        assert_eq!(demands(&["rollingUpdate"], "Recreate"), Some(("type", "RollingUpdate")));
        assert_eq!(demands(&["rollingUpdate", "type"], "Recreate"), None, "what we say ourselves is for the server");
        assert_eq!(demands(&["rollingUpdate"], "RollingUpdate"), None);
    }

    /// Types of the facts that look like a union: fields of which the table knows one and not another.
    #[test]
    fn every_member_is_a_field_of_its_type_and_no_source_is_left_out() {
        let facts: serde_json::Value =
            serde_json::from_str(include_str!("../../schemas/kubernetes/1.36.json")).unwrap();
        for (name, unions) in BUILTIN {
            let of = facts["types"][name]["fields"].as_object().unwrap_or_else(|| panic!("{name} is no type"));
            for field in unions.iter().flat_map(Union::fields) {
                assert!(of.contains_key(field), "{name} has no {field}");
            }
        }
        // In these, every object beside those named is a member.
        for (name, besides) in [
            ("api.core.v1.Volume", &[][..]),
            ("api.core.v1.VolumeProjection", &[]),
            ("api.core.v1.EnvVarSource", &[]),
            ("api.core.v1.EnvFromSource", &[]),
            ("api.core.v1.Probe", &[]),
            ("api.core.v1.LifecycleHandler", &[]),
            ("api.core.v1.PersistentVolumeSpec", &["claimRef", "nodeAffinity"]),
            ("api.autoscaling.v2.MetricSpec", &[]),
            ("api.networking.v1.NetworkPolicyPeer", &[]),
            ("api.networking.v1.IngressBackend", &[]),
        ] {
            let members: Vec<&str> = of_type(name).iter().flat_map(Union::fields).collect();
            let objects = facts["types"][name]["fields"].as_object().unwrap().iter();
            for (field, _) in
                objects.filter(|(field, of)| of.get("ref").is_some() && !besides.contains(&field.as_str()))
            {
                assert!(members.contains(&field.as_str()), "{name}.{field} is in no union");
            }
        }
        // Every type that is discriminated by a strategy, or has the shape of a source, is known.
        for (name, of) in facts["types"].as_object().unwrap() {
            let Some(fields) = of["fields"].as_object() else { continue };
            let is_strategy = fields.contains_key("rollingUpdate") && fields.contains_key("type");
            let is_handler = fields.contains_key("httpGet") && fields.contains_key("exec");
            let is_value = fields.contains_key("value") && fields.contains_key("valueFrom");
            let is_client = fields.contains_key("service") && fields.contains_key("url");
            let is_profile = fields.contains_key("localhostProfile");
            if is_strategy || is_handler || is_value || is_client || is_profile {
                assert!(!of_type(name).is_empty(), "{name} has no union");
            }
        }
    }

    #[test]
    fn the_places_of_custom_unions_are_in_the_definitions_that_we_keep() {
        let mut seen = 0;
        for text in [
            include_str!("../../schemas/kubernetes/custom/cloudnative-pg.json"),
            include_str!("../../schemas/kubernetes/custom/k8up.json"),
        ] {
            let definitions: serde_json::Value = serde_json::from_str(text).unwrap();
            for definition in definitions.as_array().unwrap() {
                let group = definition["spec"]["group"].as_str().unwrap();
                let kind = definition["spec"]["names"]["kind"].as_str().unwrap();
                for (place, _) in of_custom(group, kind) {
                    let root = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
                    let at = place.split('.').fold(root, |at, name| &at["properties"][name]);
                    assert!(at.is_object(), "{kind} has no {place}");
                    seen += 1;
                }
            }
        }
        assert!(seen >= 4, "{seen}");
    }
}
