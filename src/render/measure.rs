//! What hatches add to what an app takes of its offer, measured on its objects as they will be.
//!
//! Workloads and needs say themselves what they take. An `object` stands beside them, and a `patch` changes them: each is
//! measured before and after, and what is more counts. Where a hatch writes a request, a limit or how many pods there are, the
//! larger of request and limit counts;
//! scratch volumes of a hatch count as storage.

use std::collections::BTreeMap;

use serde_json::Value;

use super::draft::ObjectDraft;
use super::tree::Finished;
use super::{Contribution, ResourceName, ground, providers};
use crate::kind::{self, GroupKind};
use crate::name::Name;
use crate::policy;
use crate::source::Span;

/// What an object takes at its most.
#[derive(Clone, Debug, Default)]
pub(super) struct Measure {
    /// Of each pod: millicores, bytes of memory, bytes of volumes.
    each: [u64; 3],
    /// The same by limits, where those are more.
    most: [u64; 3],
    pods: u64,
    /// Whether it stands still at the moment.
    asleep: bool,
    component: String,
    /// The line of a hatch that decided it, or the object's own.
    origin: Option<Span>,
}

impl Measure {
    /// Whether it stands still: no replicas, or suspended.
    pub(super) fn is_asleep(&self) -> bool {
        self.asleep
    }
}

/// The measures of drafts, by kind and name.
pub(super) type Measures = BTreeMap<(GroupKind, String), Measure>;

const RESOURCES: [ResourceName; 3] = [ResourceName::Cpu, ResourceName::Memory, ResourceName::Storage];

/// Measures the drafts of an app.
pub(super) fn measures(drafts: &[ObjectDraft]) -> Measures {
    let mut measures = Measures::new();
    let mut scaled = Vec::new();
    for draft in drafts {
        let id = draft.group_kind();
        let finished = draft.body.clone().finish();
        if id == kind::AUTOSCALER {
            scaled.push((finished, draft.origin));
        } else if let Some(measure) = measure(id, draft, &finished) {
            measures.insert((id, draft.name.clone()), measure);
        }
    }
    for (finished, origin) in scaled {
        let target = &finished.value["spec"]["scaleTargetRef"];
        let most = finished.value["spec"]["maxReplicas"].as_u64().unwrap_or(0);
        let is_meant = |(id, name): &(GroupKind, String)| target["kind"] == id.kind && target["name"] == name.as_str();
        for (_, measure) in measures.iter_mut().filter(|(key, _)| is_meant(key)) {
            if most > measure.pods {
                measure.pods = most;
                if finished.by_hand.contains("/spec/maxReplicas") {
                    measure.each = measure.most;
                }
                measure.origin = line(&finished).or(measure.origin).or(Some(origin));
            }
        }
    }
    measures
}

fn measure(id: GroupKind, draft: &ObjectDraft, finished: &Finished) -> Option<Measure> {
    let spec = &finished.value["spec"];
    let storage = |claim: &Value| amount(&claim["resources"]["requests"]["storage"], 1).unwrap_or(0);
    let count = |value: &Value, default: u64| value.as_u64().unwrap_or(default);
    let by_hand = |pointer: &str| finished.by_hand.contains(pointer);
    let (each, most, pods) = if id == kind::PERSISTENT_VOLUME_CLAIM {
        let each = [0, 0, storage(spec)];
        (each, each, 1)
    } else if id == kind::POSTGRES_POOLER {
        let (cpu, memory) = providers::POOLER_REQUESTS;
        let each = [cpu, memory, 0];
        (each, each, count(&spec["instances"], 1))
    } else {
        let path = id.facts().pod_spec;
        let pod = (!path.is_empty()).then(|| format!("/{}", path.join("/")))?;
        let templates = spec["volumeClaimTemplates"].as_array().into_iter().flatten();
        let claimed =
            templates.map(|template| storage(&template["spec"])).fold(of_scratch(finished, &pod), u64::saturating_add);
        let pods = match id {
            kind::CRON_JOB => count(&spec["jobTemplate"]["spec"]["parallelism"], 1),
            kind::JOB => count(&spec["parallelism"], 1),
            _ => count(&spec["replicas"], 1),
        };
        let counted = ["/spec/replicas", "/spec/parallelism", "/spec/jobTemplate/spec/parallelism"];
        let of = |by_limits: bool| {
            let [cpu, memory] = of_pod(finished, &pod, by_limits);
            [cpu, memory, claimed]
        };
        (of(counted.into_iter().any(by_hand)), of(true), pods)
    };
    let component = draft.component.clone().unwrap_or_default();
    let asleep = spec["replicas"] == 0 || spec["suspend"] == true;
    Some(Measure { each, most, pods, asleep, component, origin: line(finished).or(Some(draft.origin)) })
}

/// What a pod asks for: all containers together, or the largest that runs before them.
fn of_pod(finished: &Finished, at: &str, by_limits: bool) -> [u64; 2] {
    let of = |list: &str| {
        let containers = finished.value.pointer(&format!("{at}/{list}")).and_then(Value::as_array);
        let containers = containers.into_iter().flatten().enumerate();
        containers
            .map(|(place, container)| of_container(finished, &format!("{at}/{list}/{place}"), container, by_limits))
            .collect()
    };
    let (running, before): (Vec<[u64; 2]>, Vec<[u64; 2]>) = (of("containers"), of("initContainers"));
    [0, 1].map(|resource| {
        let sum = running.iter().fold(0_u64, |sum, one| sum.saturating_add(one[resource]));
        before.iter().map(|one| one[resource]).fold(sum, u64::max)
    })
}

fn of_container(finished: &Finished, at: &str, container: &Value, by_limits: bool) -> [u64; 2] {
    let (cpu, memory) = ground::DEFAULT_REQUEST;
    [("cpu", 1000, cpu, 0), ("memory", 1, memory, ground::DEFAULT_MEMORY_LIMIT)].map(|(name, per, default, limit)| {
        let of = |list: &str| amount(&container["resources"][list][name], per);
        let (asked, most) = (of("requests"), of("limits"));
        let by_hand = |part: &str| finished.by_hand.contains(&format!("{at}/{part}"));
        let written = ["requests", "limits"].iter().any(|list| by_hand(&format!("resources/{list}/{name}")));
        let request = asked.or(most).unwrap_or(default);
        // What says no limit has the namespace's own.
        let own = by_hand("image") && most.is_none();
        if written || own || by_limits { request.max(most.unwrap_or(limit)) } else { request }
    })
}

/// What the scratch volumes of a hatch may take of the disk of their node.
fn of_scratch(finished: &Finished, at: &str) -> u64 {
    let volumes = finished.value.pointer(&format!("{at}/volumes")).and_then(Value::as_array);
    let sizes = volumes.into_iter().flatten().enumerate().filter_map(|(place, volume)| {
        let by_hand = finished.by_hand.contains(&format!("{at}/volumes/{place}/emptyDir/sizeLimit"));
        amount(&volume["emptyDir"]["sizeLimit"], 1).filter(|_| by_hand)
    });
    sizes.fold(0, u64::saturating_add)
}

fn amount(value: &Value, per: u128) -> Option<u64> {
    match value {
        // What is no amount that can be read is told by the limits of Kubernetes.
        Value::String(text) => policy::amount(text, per),
        Value::Number(number) => policy::amount(&number.to_string(), per),
        _ => None,
    }
}

/// The line of a hatch that decided how much there is.
fn line(finished: &Finished) -> Option<Span> {
    const COUNTED: [&str; 7] =
        ["/resources/", "/replicas", "/maxReplicas", "/parallelism", "/instances", "/storage", "/sizeLimit"];
    let counts = |pointer: &&String| COUNTED.iter().any(|word| pointer.contains(word));
    finished.by_hand.iter().find(counts).and_then(|pointer| finished.origins.of(pointer))
}

/// What objects take beyond what they took before hatches, over what their workloads and needs said of themselves.
pub(super) fn beyond(app: &Name, before: &Measures, after: &Measures, said: &[Contribution]) -> Vec<Contribution> {
    let mut beyond = Vec::new();
    for (key, now) in after {
        let was = before.get(key).cloned().unwrap_or_default();
        for (at, resource) in RESOURCES.into_iter().enumerate() {
            let own = |share: &&Contribution| share.part == now.component && share.resource == resource;
            let said = said.iter().filter(own).fold(0_u64, |sum, share| sum.saturating_add(share.amount));
            let counted = if before.contains_key(key) { said.max(was.each[at].saturating_mul(was.pods)) } else { 0 };
            // Peaks and nights bring other numbers of pods than stand there at the moment.
            let at_most =
                if resource == ResourceName::Storage { 0 } else { counted.checked_div(was.each[at]).unwrap_or(0) };
            let amount = now.each[at].saturating_mul(now.pods.max(at_most)).saturating_sub(counted);
            if amount > 0 && (was.each[at], was.pods) != (now.each[at], now.pods) {
                let (app, part) = (Some(app.clone()), now.component.clone());
                let Some(origin) = now.origin else { continue };
                beyond.push(Contribution { app, part, resource, amount, origin });
            }
        }
    }
    beyond
}
