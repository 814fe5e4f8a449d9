//! What runs all the time: Deployment or StatefulSet, Service, disruption budget and autoscaler.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{ObjectDraft, Owner};
use super::life::Now;
use super::pod::{self, Rendered};
use super::providers::Claim;
use super::scope::AppScope;
use super::tree::{Tree, tree};
use super::{Contribution, ResourceName, SecretRequest, naming};
use crate::kind::{self, GroupKind};
use crate::model::App;
use crate::model::definition::{Probe, ProbeKind, Workload};
use crate::source::Span;

/// How full processors are before another pod comes, where nobody says.
const CPU_PERCENT: i64 = 70;

/// A workload to be rendered.
pub(super) struct WorkloadContext<'a> {
    pub(crate) scope: &'a AppScope<'a>,
    pub(crate) app: &'a App,
    pub(crate) owner: &'a Owner,
    pub(crate) now: &'a Now,
    pub(crate) workload: &'a Workload,
    /// The app's volumes by need.
    pub(crate) claims: &'a BTreeMap<String, Claim>,
}

/// Its objects and what they take.
#[derive(Default)]
pub(super) struct WorkloadObjects {
    pub(crate) drafts: Vec<ObjectDraft>,
    pub(crate) secrets: Vec<SecretRequest>,
    pub(crate) contributions: Vec<Contribution>,
    /// The needs whose volumes a StatefulSet claims for each of its pods.
    pub(crate) claimed: BTreeSet<String>,
}

/// How many pods there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Replicas {
    least: i64,
    most: i64,
    /// The most that a planned peak brings, now or later.
    at_most: i64,
    least_origin: Span,
    most_origin: Span,
}

/// All objects of a workload.
pub(super) fn render(asked: &WorkloadContext) -> WorkloadObjects {
    let replicas = replicas(asked);
    // Each pod needs a volume of its own only where there are several.
    let by_template = asked.workload.stateful && replicas.at_most > 1;
    let rendered = pod::render(&pod::PodContext {
        scope: asked.scope,
        app: asked.app,
        owner: asked.owner,
        component: component(asked),
        pod: &asked.workload.pod,
        claims: asked.claims,
        extra: ports_and_probes(asked),
        claimed_by_template: by_template,
        origin: asked.workload.span,
    });
    let mut objects = WorkloadObjects {
        contributions: contributions(asked, &replicas, &rendered, by_template),
        claimed: if by_template { rendered.mounts.clone() } else { BTreeSet::new() },
        secrets: rendered.secrets.clone(),
        drafts: rendered.drafts.clone(),
    };
    objects.drafts.push(controller(asked, replicas, rendered, by_template));
    objects.drafts.extend(service(asked));
    if replicas.at_most > 1 {
        objects.drafts.push(disruption_budget(asked));
    }
    if replicas.most > replicas.least {
        objects.drafts.push(autoscaler(asked, replicas));
    }
    objects
}

fn component<'a>(asked: &'a WorkloadContext) -> &'a str {
    asked.workload.name.value.as_str()
}

fn name(asked: &WorkloadContext, kind: GroupKind) -> String {
    naming::part(kind, &asked.app.name, component(asked))
}

/// The name of the Deployment or StatefulSet. Claims that a StatefulSet makes for its pods are called after it, and hold data.
fn controller_name(asked: &WorkloadContext, replicas: Replicas) -> String {
    if asked.workload.stateful && replicas.at_most > 1 {
        return naming::part(kind::STATEFUL_SET, asked.app.data_name(), component(asked));
    }
    name(asked, if asked.workload.stateful { kind::STATEFUL_SET } else { kind::DEPLOYMENT })
}

fn replicas(asked: &WorkloadContext) -> Replicas {
    let span = asked.workload.span;
    let Some((least, most)) = &asked.workload.replicas else {
        return Replicas { least: 1, most: 1, at_most: 1, least_origin: span, most_origin: span };
    };
    let mut replicas = Replicas {
        least: asked.scope.integer(least).unwrap_or(1).max(1),
        most: asked.scope.integer(most).unwrap_or(1).max(1),
        at_most: asked.now.peak_at_most,
        least_origin: asked.scope.origin(least),
        most_origin: asked.scope.origin(most),
    };
    if let Some((peak, origin)) = asked.now.peak.filter(|(peak, _)| *peak > replicas.least) {
        replicas.least = peak;
        replicas.least_origin = origin;
    }
    replicas.most = replicas.most.max(replicas.least);
    replicas.at_most = replicas.at_most.max(replicas.most);
    replicas
}

/// What the workload takes at its most.
fn contributions(
    asked: &WorkloadContext,
    replicas: &Replicas,
    rendered: &Rendered,
    by_template: bool,
) -> Vec<Contribution> {
    let pods = u64::try_from(replicas.at_most).unwrap_or(1);
    let share = |resource, (each, origin): (u64, Span)| Contribution {
        app: Some(asked.app.name.clone()),
        part: component(asked).to_owned(),
        resource,
        amount: each.saturating_mul(pods),
        // Several pods are the doing of whoever asked for several.
        origin: if pods > 1 { replicas.most_origin } else { origin },
    };
    let mut shares =
        vec![share(ResourceName::Cpu, rendered.requests.cpu), share(ResourceName::Memory, rendered.requests.memory)];
    if by_template {
        // The need counts the first volume.
        for claim in rendered.mounts.iter().filter_map(|need| asked.claims.get(need)) {
            let more = Contribution {
                amount: claim.bytes.saturating_mul(pods - 1),
                ..share(ResourceName::Storage, (0, claim.origin))
            };
            shares.push(more);
        }
    }
    shares
}

fn controller(asked: &WorkloadContext, replicas: Replicas, rendered: Rendered, by_template: bool) -> ObjectDraft {
    let kind = if asked.workload.stateful { kind::STATEFUL_SET } else { kind::DEPLOYMENT };
    let selector = asked.owner.selector(component(asked));
    let mut pod = rendered.spec;
    pod.set("topologySpreadConstraints", spread(asked, replicas));
    let mut spec = tree! {
        "replicas": replica_count(asked, replicas),
        "revisionHistoryLimit": 3,
        "selector": tree! { "matchLabels": selector },
        "template": tree! {
            "metadata": tree! {
                "labels": asked.owner.pod_labels(Some(component(asked))),
                "annotations": rendered.annotations,
            },
            "spec": pod,
        },
    };
    let exclusive = rendered.mounts.iter().filter_map(|need| asked.claims.get(need)).any(|claim| !claim.shared);
    if asked.workload.stateful {
        spec.set("serviceName", name(asked, kind::SERVICE));
        if by_template {
            spec.set(
                "volumeClaimTemplates",
                Tree::list(rendered.mounts.iter().filter_map(|need| template(asked, need))),
            );
        }
    } else {
        spec.set("strategy", strategy(asked.workload.recreate || exclusive));
    }
    let name = controller_name(asked, replicas);
    ObjectDraft::new("apps/v1", kind.kind, name, tree! { "spec": spec }, asked.workload.span)
        .component(component(asked))
}

/// Nothing while it sleeps; absent where an autoscaler counts, which then rests while zero stands there.
fn replica_count(asked: &WorkloadContext, replicas: Replicas) -> Tree {
    if asked.now.asleep() {
        return Tree::from(0).at(asked.now.origin());
    }
    if replicas.most > replicas.least {
        return Tree::ABSENT;
    }
    Tree::from(replicas.least).at(replicas.least_origin)
}

/// Two pods cannot mount a volume of one node; where nothing forbids it, a new pod is ready before an old one goes.
fn strategy(recreate: bool) -> Tree {
    if recreate {
        return tree! { "type": "Recreate" };
    }
    tree! { "type": "RollingUpdate", "rollingUpdate": tree! { "maxSurge": 1, "maxUnavailable": 0 } }
}

fn template(asked: &WorkloadContext, need: &str) -> Option<Tree> {
    let claim = asked.claims.get(need)?;
    let metadata = tree! { "name": need, "labels": asked.owner.selector(component(asked)) };
    Some(tree! { "metadata": metadata, "spec": claim.spec.clone() }.at(claim.origin))
}

fn spread(asked: &WorkloadContext, replicas: Replicas) -> Tree {
    if replicas.at_most < 2 {
        return Tree::ABSENT;
    }
    let selector = tree! { "matchLabels": asked.owner.selector(component(asked)) };
    Tree::list([tree! {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": selector,
    }])
}

fn service(asked: &WorkloadContext) -> Option<ObjectDraft> {
    let ports: Vec<Tree> = ports(asked, |name, number, udp| {
        tree! { "name": name, "port": number, "targetPort": name, "protocol": if udp { "UDP" } else { "TCP" } }
    });
    if ports.is_empty() {
        return None;
    }
    // Said, so that a Service opened to the outside behind our back is seen and closed again.
    let spec = tree! { "type": "ClusterIP", "selector": asked.owner.selector(component(asked)), "ports": ports };
    let name = name(asked, kind::SERVICE);
    let draft = ObjectDraft::new("v1", "Service", name, tree! { "spec": spec }, asked.workload.span);
    Some(draft.component(component(asked)))
}

/// The ports that exist, each shown by `show(name, number, udp)`.
fn ports(asked: &WorkloadContext, show: impl Fn(&str, u16, bool) -> Tree) -> Vec<Tree> {
    let mut shown = Vec::new();
    for guarded in &asked.workload.ports {
        if !asked.scope.guarded(guarded).is_empty() {
            let port = &guarded.item;
            shown.push(show(&port.name.value, port.number, port.udp).at(port.name.span));
        }
    }
    shown
}

fn ports_and_probes(asked: &WorkloadContext) -> Tree {
    let ports = ports(asked, |name, number, udp| {
        tree! { "name": name, "containerPort": number, "protocol": if udp { "UDP" } else { "TCP" } }
    });
    let probe = |probe: &Option<Probe>| probe.as_ref().map(|probe| probe_tree(asked, probe));
    tree! {
        "ports": ports,
        "readinessProbe": probe(&asked.workload.ready),
        "livenessProbe": probe(&asked.workload.alive),
        "startupProbe": probe(&asked.workload.started),
    }
}

fn probe_tree(asked: &WorkloadContext, probe: &Probe) -> Tree {
    let first = || asked.workload.ports.first().map(|port| port.item.name.value.clone());
    let port = |named: &Option<String>| named.clone().or_else(first);
    let mut tree = tree! {
        "periodSeconds": probe.period,
        "timeoutSeconds": probe.timeout,
        "failureThreshold": probe.failures,
    };
    match &probe.kind {
        ProbeKind::Http { path, port: named, host } => {
            let header = host.as_ref().map(|host| tree! { "name": "Host", "value": asked.scope.tree(host) });
            let get = tree! {
                "path": asked.scope.tree(path),
                "port": port(named),
                "httpHeaders": Tree::list(header),
            };
            tree.set("httpGet", get);
        }
        ProbeKind::Tcp { port: named } => tree.set("tcpSocket", tree! { "port": port(named) }),
        ProbeKind::Run(words) => {
            // Not expanded by the kubelet, so nothing is escaped.
            let command = Tree::list(words.iter().map(|word| asked.scope.tree(word)));
            tree.set("exec", tree! { "command": command });
        }
    }
    tree.at(probe.span)
}

fn disruption_budget(asked: &WorkloadContext) -> ObjectDraft {
    let spec = tree! {
        "maxUnavailable": 1,
        "selector": tree! { "matchLabels": asked.owner.selector(component(asked)) },
        // A pod that is not well already must not hold up a drain.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    };
    edge(asked, "policy/v1", kind::DISRUPTION_BUDGET, spec)
}

fn autoscaler(asked: &WorkloadContext, replicas: Replicas) -> ObjectDraft {
    let kind = if asked.workload.stateful { kind::STATEFUL_SET } else { kind::DEPLOYMENT };
    let percent = asked.app.settings.get("scale").and_then(|scale| scale.props.get("cpu-percent"));
    let (percent, origin) = percent
        .and_then(|written| Some((written.text.parse().ok()?, written.span)))
        .unwrap_or((CPU_PERCENT, replicas.most_origin));
    let target = tree! { "type": "Utilization", "averageUtilization": Tree::from(percent).at(origin) };
    let spec = tree! {
        "scaleTargetRef": tree! { "apiVersion": "apps/v1", "kind": kind.kind, "name": controller_name(asked, replicas) },
        "minReplicas": Tree::from(replicas.least).at(replicas.least_origin),
        "maxReplicas": Tree::from(replicas.most).at(replicas.most_origin),
        "metrics": vec![tree! { "type": "Resource", "resource": tree! { "name": "cpu", "target": target } }],
    };
    edge(asked, "autoscaling/v2", kind::AUTOSCALER, spec)
}

fn edge(asked: &WorkloadContext, api: &'static str, kind: GroupKind, spec: Tree) -> ObjectDraft {
    let name = name(asked, kind);
    ObjectDraft::new(api, kind.kind, name, tree! { "spec": spec }, asked.workload.span).component(component(asked))
}
