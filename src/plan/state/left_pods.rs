//! Pods that work on an app's data although no workload that is there stands behind them: what a deletion in the background leaves,
//! a node that nobody hears of, a ReplicaSet that was let go, or what somebody else started on the same volume.
//!
//! | a pod | is left |
//! |---|---|
//! | that has ended, or that only reads (a backup) | no |
//! | of a workload that is there, by the uids of those that it is owned by | no |
//! | that a workload which the garden asks for takes for its own: free, and with the labels that it selects | no |
//! | with the labels of the app, under its present name or an earlier one | yes |
//! | that mounts a claim which the workload mounts | yes |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::health::Health;
use super::pods::seconds;
use super::renames::{APP_LABEL, Renames};
use crate::kind;
use crate::name::Name;
use crate::plan::tell::words::{minute, people};
use crate::plan::{Directives, GARDEN_LABEL, Input, Inventory, Live, is_done};
use crate::render::{Object, ObjectId, OrganisationObjects};

/// The label of the pods that K8up reads volumes with.
const OF_BACKUP: &str = "k8upjob";

/// The pods of a namespace, where something is about to start in it that may not run beside others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PodsSeen {
    pub(crate) pods: Vec<SeenPod>,
    /// Why it is not known which there are, or by whom they are owned.
    pub(crate) unread: Option<String>,
}

/// What is kept of a pod that has not ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeenPod {
    name: String,
    labels: BTreeMap<String, String>,
    /// The claims that it may write to.
    claims: BTreeSet<String>,
    since: i64,
    is_leaving: bool,
    finalizers: Vec<String>,
    /// Its controller and the controller of that, as far as they are known.
    controllers: Vec<Controller>,
    /// Whether its ReplicaSet is there and has no controller.
    has_free_replica_set: bool,
}

/// Who owns a pod, or a ReplicaSet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Controller {
    kind: String,
    name: String,
    uid: String,
}

/// A pod that is left, as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftPod {
    /// Its name.
    pub name: String,
    /// Since when it runs, or is being ended, in Unix seconds.
    pub(crate) since: i64,
    /// Whether its deletion has begun.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) leaves: bool,
    /// The claim that it shares with what would start, or that its app has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) claim: Option<String>,
    /// Kind and name of what keeps it running: `ReplicaSet pads-web-7d4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) of: Option<(String, String)>,
    /// What its deletion waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) finalizers: Vec<String>,
}

impl fmt::Display for LeftPod {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "pod `{}`", self.name)?;
        match (&self.claim, &self.of) {
            (Some(claim), _) => write!(to, ", which has `{claim}`")?,
            (None, Some((kind, name))) => write!(to, " of {kind} `{name}`")?,
            (None, None) => {}
        }
        let since = minute(self.since);
        if !self.leaves {
            return write!(to, " and runs since {since}");
        }
        write!(to, " and is being ended since {since}")?;
        if self.finalizers.is_empty() { Ok(()) } else { write!(to, ", waits for {}", people(&self.finalizers)) }
    }
}

impl LeftPod {
    /// The pod as an object of its namespace.
    pub(crate) fn id(&self, namespace: &str) -> ObjectId {
        let (api_version, kind) = ("v1".into(), kind::POD.kind.into());
        ObjectId { api_version, kind, namespace: namespace.into(), name: (&*self.name).into() }
    }

    /// How it is, as what waits for it says it.
    pub(crate) fn health(&self) -> Health {
        let since = minute(self.since);
        if !self.leaves {
            return Health::progressing(format!("it runs since {since}"));
        }
        let held_by = if self.finalizers.is_empty() {
            String::new()
        } else {
            format!(", waits for {}", people(&self.finalizers))
        };
        Health { message: format!("since {since}{held_by}"), ..Health::leaving() }
    }

    /// What a person does where it does not go by itself.
    pub(crate) fn way_out(&self, namespace: &str) -> String {
        let name = &self.name;
        match (&self.of, self.leaves) {
            (_, true) if !self.finalizers.is_empty() => {
                format!("it goes on once {} lets go of the pod", people(&self.finalizers))
            }
            (_, true) => format!(
                "it goes on once the pod has ended; where its node does not answer and is surely off, `kubectl delete pod {name} --namespace {namespace} --force --grace-period=0`"
            ),
            (Some((kind, owner)), false) => format!(
                "it goes on once the pod has ended; where nothing ends it, `kubectl delete {} {owner} --namespace {namespace}`",
                kind.to_ascii_lowercase()
            ),
            (None, false) => {
                format!(
                    "it goes on once the pod has ended; where nothing ends it, `kubectl delete pod {name} --namespace {namespace}`"
                )
            }
        }
    }
}

/// Whether the ReplicaSets of a namespace have to be known beside these pods.
pub(crate) fn have_replica_sets(pods: &[Value]) -> bool {
    pods.iter().any(|pod| controller(pod).is_some_and(|owner| owner.kind == REPLICA_SET))
}

const REPLICA_SET: &str = "ReplicaSet";

/// Reads the pods of a namespace; `replica_sets` are its ReplicaSets, by uid.
pub(crate) fn seen(pods: &[Value], replica_sets: &BTreeMap<String, Value>) -> Vec<SeenPod> {
    let is_over = |pod: &&Value| matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    pods.iter().filter(|pod| !is_over(pod)).map(|pod| SeenPod::of(pod, replica_sets)).collect()
}

impl SeenPod {
    fn of(pod: &Value, replica_sets: &BTreeMap<String, Value>) -> Self {
        let metadata = &pod["metadata"];
        let labels = metadata["labels"].as_object().into_iter().flatten();
        let owner = controller(pod);
        let above = owner.as_ref().and_then(|owner| replica_sets.get(&owner.uid));
        let has_free_replica_set = above.is_some_and(|set| controller(set).is_none());
        let leaving = seconds(&metadata["deletionTimestamp"]).map(|at| {
            // What stands there is when it has to be over.
            at.saturating_sub(metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0))
        });
        let started = seconds(&pod["status"]["startTime"]).or_else(|| seconds(&metadata["creationTimestamp"]));
        let finalizers = metadata["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Self {
            name: metadata["name"].as_str().unwrap_or_default().to_owned(),
            labels: labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
            claims: written(&pod["spec"]),
            since: leaving.or(started).unwrap_or_default(),
            is_leaving: leaving.is_some(),
            finalizers: finalizers.map(str::to_owned).collect(),
            controllers: owner.into_iter().chain(above.and_then(controller)).collect(),
            has_free_replica_set,
        }
    }

    /// The app of the garden that it is of, by its label.
    fn app(&self, garden: &Name) -> Option<Name> {
        let is_of_garden = self.labels.get(GARDEN_LABEL).is_some_and(|label| label == garden.as_str());
        self.labels.get(APP_LABEL).filter(|_| is_of_garden).and_then(|label| Name::new(label).ok())
    }

    /// Whether a workload that starts takes it for its own instead of starting another one.
    fn is_taken_by(&self, object: &Object) -> bool {
        let selector = object.body["spec"]["selector"]["matchLabels"].as_object();
        let is_selected = selector.is_some_and(|selector| {
            selector.iter().all(|(key, value)| self.labels.get(key).map(String::as_str) == value.as_str())
        });
        let is_free =
            if object.id.is(kind::DEPLOYMENT) { self.has_free_replica_set } else { self.controllers.is_empty() };
        is_selected && is_free && !self.is_leaving
    }

    fn told(&self, claims: &Claims<'_>, garden: &Name) -> LeftPod {
        let shared = self.claims.iter().find(|claim| claims.has(claim));
        let own = || self.claims.first().filter(|_| self.app(garden).is_some());
        LeftPod {
            name: self.name.clone(),
            since: self.since,
            leaves: self.is_leaving,
            claim: shared.or_else(own).cloned(),
            of: self.controllers.first().map(|owner| (owner.kind.clone(), owner.name.clone())),
            finalizers: if self.is_leaving { self.finalizers.clone() } else { Vec::new() },
        }
    }
}

fn controller(body: &Value) -> Option<Controller> {
    let owners = body["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let text = |field: &str| owner[field].as_str().unwrap_or_default().to_owned();
    Some(Controller { kind: text("kind"), name: text("name"), uid: text("uid") })
}

/// The claims that a pod may write to.
fn written(spec: &Value) -> BTreeSet<String> {
    let lists = ["initContainers", "containers", "ephemeralContainers"].into_iter();
    let containers: Vec<&Value> = lists.filter_map(|list| spec[list].as_array()).flatten().collect();
    let is_written = |volume: &Value| {
        let mounts = containers.iter().filter_map(|container| container["volumeMounts"].as_array()).flatten();
        let mut mounts = mounts.filter(|mount| mount["name"] == volume["name"]);
        let devices = containers.iter().filter_map(|container| container["volumeDevices"].as_array()).flatten();
        let mut devices = devices.filter(|device| device["name"] == volume["name"]);
        volume["persistentVolumeClaim"]["readOnly"] != true
            && (mounts.any(|mount| mount["readOnly"] != true) || devices.next().is_some())
    };
    let volumes = spec["volumes"].as_array().into_iter().flatten().filter(|volume| is_written(volume));
    volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str().map(str::to_owned)).collect()
}

/// The claims of a workload: those that its pods mount, and those that it makes for each of them.
struct Claims<'a> {
    mounted: BTreeSet<&'a str>,
    /// How the names of those begin that a StatefulSet makes: a number follows.
    made: Vec<String>,
}

impl<'a> Claims<'a> {
    fn of(object: &'a Object) -> Self {
        let path = object.id.facts().pod_spec;
        let spec = path.iter().try_fold(&object.body, |value, name| value.get(*name));
        let volumes = spec.and_then(|spec| spec["volumes"].as_array()).into_iter().flatten();
        let mounted = volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
        let templates = object.body["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten();
        let templates = templates.filter_map(|template| template["metadata"]["name"].as_str());
        Self {
            mounted: mounted.collect(),
            made: templates.map(|template| format!("{template}-{}-", object.id.name)).collect(),
        }
    }

    fn has(&self, claim: &str) -> bool {
        let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|digit| digit.is_ascii_digit());
        self.mounted.contains(claim)
            || self.made.iter().any(|start| claim.strip_prefix(&**start).is_some_and(is_number))
    }
}

/// What is known of an organisation while it is told which pods are left.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) garden: &'a Name,
    pub(crate) desired: &'a OrganisationObjects,
    pub(crate) inventory: &'a Inventory,
    pub(crate) directives: &'a Directives,
    pub(crate) live: &'a Live,
}

impl<'a> Surroundings<'a> {
    pub(in crate::plan) fn of(input: &Input<'a>) -> Self {
        let Input { garden, desired, inventory, directives, live, .. } = *input;
        Self { garden, desired, inventory, directives, live }
    }

    /// Whether anything that is not there is about to start where something ran before: only then are pods looked at.
    pub(crate) fn may_have_left_pods(self) -> bool {
        let is_there = |id: &ObjectId| {
            let Live { objects, settled, .. } = self.live;
            objects.contains_key(id) || settled.contains_key(id)
        };
        let objects = self.desired.objects.iter().filter(|object| runs_pods(object) && !is_there(&object.id));
        let mut starts = objects.filter(|object| !is_done(self.inventory, object)).peekable();
        starts.peek().is_some() && {
            let renames = self.renames();
            starts.any(|object| self.had_pods(&renames, object))
        }
    }

    /// Whether something may have run for a workload before: its app is known, or a claim of it is there.
    pub(crate) fn had_pods(self, renames: &Renames<'_>, object: &Object) -> bool {
        let claims = Claims::of(object);
        let mut entries = self.inventory.entries.iter().filter(|(_, entry)| entry.uid().is_some());
        let is_claim = |id: &ObjectId| id.is(kind::PERSISTENT_VOLUME_CLAIM) && claims.has(&id.name);
        entries.any(|(id, entry)| {
            let is_of_app =
                object.app.is_some() && entry.app.as_ref().map(|app| renames.now(app)) == object.app.as_ref();
            is_of_app || is_claim(id)
        }) || self.live.objects.keys().any(is_claim)
    }

    /// The apps that are called otherwise by now.
    pub(crate) fn renames(self) -> Renames<'a> {
        Renames::between(self.inventory, self.directives)
    }

    /// The uids of what is there, as it was read.
    pub(crate) fn uids(self) -> BTreeSet<&'a str> {
        let settled = self.inventory.entries.iter().filter(|(id, _)| self.live.settled.contains_key(id));
        let settled = settled.filter_map(|(_, entry)| entry.uid());
        self.live.objects.values().map(|live| &*live.uid).chain(settled).collect()
    }

    /// The pods that are left where a workload would start, of those that were seen. `standing` are the uids of workloads that
    /// are there.
    pub(crate) fn left(
        self,
        renames: &Renames<'_>,
        standing: &BTreeSet<&str>,
        seen: &[SeenPod],
        object: &Object,
    ) -> Vec<LeftPod> {
        let claims = Claims::of(object);
        let now = |app: &Name| match self.directives.data_names.get(app) {
            Some(now) if !self.directives.apps.contains(app) => now.clone(),
            _ => renames.now(app).clone(),
        };
        let is_left = |pod: &&SeenPod| {
            let app = pod.app(self.garden);
            let is_of_app = object.app.is_some() && app.as_ref().map(now) == object.app;
            let is_of_backup = app.is_none() && pod.labels.contains_key(OF_BACKUP);
            let shares = || !is_of_backup && pod.claims.iter().any(|claim| claims.has(claim));
            (is_of_app || shares())
                && !pod.controllers.iter().any(|owner| standing.contains(&*owner.uid))
                && !self.desired.objects.iter().any(|other| runs_pods(other) && pod.is_taken_by(other))
        };
        seen.iter().filter(is_left).map(|pod| pod.told(&claims, self.garden)).collect()
    }
}

fn runs_pods(object: &Object) -> bool {
    !object.id.facts().pod_spec.is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(volume: Value, mount: Value) -> Value {
        json!({ "metadata": { "name": "a" }, "spec": {
            "volumes": [{ "name": "v", "persistentVolumeClaim": volume }],
            "containers": [{ "name": "c", "volumeMounts": [mount] }],
        } })
    }

    #[test]
    fn what_a_pod_only_reads_it_does_not_share() {
        let claims = |volume: Value, mount: Value| seen(&[pod(volume, mount)], &BTreeMap::new())[0].claims.len();
        let mount = json!({ "name": "v", "mountPath": "/data" });
        assert_eq!(claims(json!({ "claimName": "data" }), mount.clone()), 1);
        assert_eq!(claims(json!({ "claimName": "data", "readOnly": true }), mount), 0);
        assert_eq!(claims(json!({ "claimName": "data" }), json!({ "name": "v", "readOnly": true })), 0);
        assert_eq!(claims(json!({ "claimName": "data" }), json!({ "name": "other" })), 0);
    }

    #[test]
    fn a_pod_that_is_ended_counts_from_when_that_began() {
        let mut leaving = pod(json!({}), json!({}));
        leaving["metadata"]["creationTimestamp"] = "2026-11-20T12:00:00Z".into();
        let since = |pod: &Value| seen(std::slice::from_ref(pod), &BTreeMap::new())[0].since;
        let created = since(&leaving);
        leaving["metadata"]["deletionTimestamp"] = "2026-11-20T13:00:30Z".into();
        leaving["metadata"]["deletionGracePeriodSeconds"] = 30.into();
        assert_eq!(since(&leaving) - created, 3600);
        leaving["status"]["phase"] = "Failed".into();
        assert_eq!(seen(&[leaving], &BTreeMap::new()), []);
    }
}
