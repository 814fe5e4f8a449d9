//! Pure: plans without a cluster: from a snapshot of our objects, or from what another commit renders.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definitions;
use super::packed_objects::PackedObjects;
use super::stages::read;
use super::state::{ClusterFailure, ClusterState, LiveState, OrganisationState, RoundState};
use crate::cel::DefinitionRules;
use crate::cluster::{Facts, StoredInventories, StoredInventory};
use crate::kind;
use crate::merge::{self, ApplyOptions, Schemas};
use crate::name::Name;
use crate::plan::{Copy, Entry, Inventory, Live, LiveObject, MANAGER, OwnFields, Presence, Unseen};
use crate::render::{self, Object, ObjectId, OrganisationObjects, SecretRequest, SecretSource};

/// The schema of a snapshot; it moves with every change that a reader must know of.
pub(crate) const SNAPSHOT_SCHEMA: &str = "parcelle.dev/snapshot/v1";

/// Our objects in the clusters at one moment: enough to plan without asking them. Holds no value of a Secret, and none
/// of a field that is not ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveSnapshot {
    pub(crate) schema: String,
    /// The garden's name.
    pub(crate) garden: Name,
    /// When it was taken, in Unix seconds.
    pub(crate) taken: i64,
    /// Organisations that findings stopped then: nothing is known of what is theirs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) left_out: BTreeSet<Name>,
    /// The clusters that could be read.
    pub(crate) clusters: BTreeMap<Name, ClusterSnapshot>,
    /// The definitions of custom kinds that have rules, reduced to what these need, by a hash of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) definitions: BTreeMap<String, Value>,
}

/// One cluster's part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClusterSnapshot {
    /// The uid of its `kube-system` namespace.
    pub(crate) uid: String,
    /// One for each organisation that is on it or was.
    pub(crate) organisations: BTreeMap<Name, OrganisationSnapshot>,
    /// Which of the snapshot's definitions it has.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) definitions: BTreeSet<String>,
}

/// One organisation's part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct OrganisationSnapshot {
    /// What is ours.
    pub(crate) inventory: Inventory,
    /// Why it is paused in the cluster, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paused: Option<String>,
    /// What is ours of the objects (`plan::kept`); of Secrets the keys only.
    pub(crate) objects: PackedObjects,
    /// Copied Secrets whose source has other values by now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) behind: Vec<ObjectId>,
    /// What lies in its namespace and is not ours, where that was read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) foreign: Vec<ObjectId>,
    /// Of what it is not known whether any lies there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unseen: Vec<Unseen>,
    /// Kinds that could not be read, with the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) unread: BTreeMap<String, String>,
}

impl LiveSnapshot {
    /// Adds what another batch read.
    pub(crate) fn join(&mut self, other: Self) {
        let Self { schema: _, garden: _, taken: _, left_out: _, clusters, definitions } = other;
        for (name, cluster) in clusters {
            match self.clusters.get_mut(&name) {
                Some(known) => {
                    let ClusterSnapshot { uid: _, organisations, definitions } = cluster;
                    known.organisations.extend(organisations);
                    known.definitions.extend(definitions);
                }
                None => drop(self.clusters.insert(name, cluster)),
            }
        }
        self.definitions.extend(definitions);
    }
}

/// What was read, as a value to be kept.
pub fn snapshot(round: &RoundState<'_>, live: &LiveState) -> LiveSnapshot {
    let (definitions, mut defined) = definitions::kept(live);
    let read = live.clusters.iter().filter_map(|(name, read)| Some((name, read.as_ref().ok()?)));
    let clusters = read.map(|(name, cluster)| {
        let schemas = &cluster.facts.schemas;
        let organisations = cluster.organisations.iter();
        let organisations = organisations.map(|(name, state)| (name.clone(), organisation(schemas, state)));
        let uid = cluster.organisations.values().map(|state| state.live.cluster_uid.clone()).next();
        let uid = uid.unwrap_or_else(|| round.garden.clusters[name].uid.value.clone());
        let definitions = defined.remove(name).unwrap_or_default();
        (name.clone(), ClusterSnapshot { uid, organisations: organisations.collect(), definitions })
    });
    LiveSnapshot {
        schema: SNAPSHOT_SCHEMA.to_owned(),
        garden: round.garden.name.clone(),
        taken: round.seconds(),
        left_out: round.garden.broken.clone(),
        clusters: clusters.collect(),
        definitions,
    }
}

fn organisation(schemas: &Schemas, state: &OrganisationState) -> OrganisationSnapshot {
    let behind = state.live.copies.iter().filter(|(_, copy)| **copy == Copy::Behind);
    let wanted: BTreeMap<&ObjectId, &Object> =
        state.objects.objects.iter().map(|object| (&object.id, object)).collect();
    let kept = |(id, live): (&ObjectId, &LiveObject)| {
        let object = wanted.get(id);
        let sent = object.map(|object| {
            let entry = state.stored.inventory.find(id).map(|(_, entry)| entry);
            crate::plan::body_to_send(schemas, &state.directives, object, entry, Some(&live.body))
        });
        crate::plan::kept(schemas, &live.body, sent.as_deref())
    };
    OrganisationSnapshot {
        inventory: state.stored.inventory.clone(),
        paused: state.stored.paused.clone(),
        objects: state.live.objects.iter().map(kept).collect(),
        behind: behind.map(|(id, _)| id.clone()).collect(),
        foreign: state.live.foreign.clone(),
        unseen: state.live.unseen.clone(),
        unread: state.live.unread.clone(),
    }
}

/// The state that a snapshot stands for, for a round. The server is not asked: plans made from it are reckoned here.
pub fn state(round: &RoundState<'_>, snapshot: &LiveSnapshot) -> LiveState {
    let concerned = round.garden.clusters.keys().filter(|name| round.concerns(name));
    let states = concerned.map(|name| {
        let found = snapshot.clusters.get(name).ok_or_else(|| ClusterFailure::NotInSnapshot { cluster: name.clone() });
        let read = found.map(|cluster| {
            let known = definitions::known(snapshot, &cluster.definitions);
            let mut state = cluster_state(round, name, cluster, known);
            state.organisations.retain(|organisation, _| !snapshot.left_out.contains(organisation));
            state
        });
        (name.clone(), read)
    });
    LiveState { clusters: states.collect() }
}

fn cluster_state(
    round: &RoundState<'_>,
    name: &Name,
    snapshot: &ClusterSnapshot,
    (schemas, rules): (Schemas, DefinitionRules),
) -> ClusterState {
    let inventories: StoredInventories = snapshot
        .organisations
        .iter()
        .filter(|(organisation, _)| round.wants(organisation))
        .map(|(name, organisation)| {
            let mut stored = StoredInventory::default();
            stored.inventory = organisation.inventory.clone();
            stored.paused.clone_from(&organisation.paused);
            (name.clone(), Ok(stored))
        })
        .collect();
    let (mut organisations, unreadable) = read::gather(round, name, inventories);
    for (name, state) in &mut organisations {
        state.live = live(snapshot, snapshot.organisations.get(name));
    }
    let facts = Arc::new(Facts::unasked(schemas, rules));
    ClusterState { facts, listed: Vec::new(), organisations, unreadable }
}

fn live(cluster: &ClusterSnapshot, organisation: Option<&OrganisationSnapshot>) -> Live {
    let mut live = Live { cluster_uid: cluster.uid.clone(), ..Live::default() };
    let Some(organisation) = organisation else { return live };
    let objects = organisation.objects.open().into_iter().map(|mut body| {
        say_values(&mut body);
        (ObjectId::of(&body), LiveObject::new(body))
    });
    live.objects = objects.collect();
    live.copies = organisation.behind.iter().map(|id| (id.clone(), Copy::Behind)).collect();
    live.foreign.clone_from(&organisation.foreign);
    live.unseen.clone_from(&organisation.unseen);
    live.unread.clone_from(&organisation.unread);
    live
}

/// A key of a Secret that is kept had a value: nothing else is known of it.
fn say_values(body: &mut Value) {
    if !kind::SECRET.is_body(body) {
        return;
    }
    let values = body.get_mut("data").and_then(Value::as_object_mut).into_iter().flatten();
    values.for_each(|(_, value)| *value = "kept".into());
}

/// What the clusters would hold had these objects been applied to empty ones: another commit as something to compare with.
pub fn as_applied(
    round: &RoundState<'_>,
    commit: &str,
    objects: &BTreeMap<Name, Arc<OrganisationObjects>>,
) -> LiveSnapshot {
    let schemas = render::schemas();
    let mut clusters: BTreeMap<Name, ClusterSnapshot> = BTreeMap::new();
    for (name, cluster) in &round.garden.clusters {
        let uid = cluster.uid.value.clone();
        clusters.insert(name.clone(), ClusterSnapshot { uid, ..ClusterSnapshot::default() });
    }
    for (name, rendered) in objects {
        let organisation = applied_organisation(&schemas, commit, rendered);
        let cluster = clusters.entry(rendered.cluster.clone()).or_default();
        cluster.organisations.insert(name.clone(), organisation);
    }
    LiveSnapshot {
        schema: SNAPSHOT_SCHEMA.to_owned(),
        garden: round.garden.name.clone(),
        taken: round.seconds(),
        left_out: BTreeSet::new(),
        clusters,
        definitions: BTreeMap::new(),
    }
}

fn applied_organisation(schemas: &Schemas, commit: &str, rendered: &OrganisationObjects) -> OrganisationSnapshot {
    let mut snapshot = OrganisationSnapshot::default();
    commit.clone_into(&mut snapshot.inventory.commit);
    let terms = rendered.terms.iter().map(|term| (term.key.clone(), term.says.clone()));
    snapshot.inventory.terms = Some(terms.collect());
    // What runs once has done so by the time that a commit is applied, and nothing is left of it.
    for once in rendered.objects.iter().filter_map(|object| object.once.as_ref()) {
        snapshot.inventory.jobs.entry(once.key.clone()).or_default().finish(&once.inputs, PRETENDED);
    }
    let there = || rendered.objects.iter().filter(|object| object.once.is_none());
    let objects = there().map(|object| applied(schemas, &object.body));
    let secrets = rendered.secrets.iter().map(|request| applied(schemas, &secret(request)));
    snapshot.objects = objects.chain(secrets).collect();
    for object in there() {
        let entry = entry(object.holds_data, object.app.as_ref(), own_fields(schemas, object));
        let entry = Entry { desired_hash: crate::plan::desired_hash(object), ..entry };
        snapshot.inventory.entries.insert(object.id.clone(), entry);
    }
    for request in &rendered.secrets {
        let holds_data = matches!(request.source, SecretSource::Generated { .. });
        let entry = entry(holds_data, request.app.as_ref(), OwnFields::default());
        snapshot.inventory.entries.insert(request.id.clone(), entry);
    }
    snapshot
}

fn own_fields(schemas: &Schemas, object: &Object) -> OwnFields {
    merge::own_fields(schemas, &object.body).map(|fields| OwnFields::of(&fields)).unwrap_or_default()
}

fn entry(holds_data: bool, app: Option<&Name>, own_fields: OwnFields) -> Entry {
    Entry {
        presence: Presence::Known { uid: PRETENDED.to_owned(), nonce: None },
        desired_hash: String::new(),
        own_fields,
        holds_data,
        app: app.cloned(),
        hosts: BTreeSet::new(),
        retired_since: None,
        note: None,
        recovered: false,
        data: None,
    }
}

/// The uid and version of an object that no cluster ever held.
const PRETENDED: &str = "0";

/// An object as a server would store it after its first apply.
fn applied(schemas: &Schemas, body: &Value) -> Value {
    let options = ApplyOptions { manager: MANAGER, force: true, subresource: None, now: "1970-01-01T00:00:00Z" };
    // A body that does not fit its schema was refused before it came here, as a finding; compared as it is then.
    let mut stored = merge::apply(schemas, None, body, &options).unwrap_or_else(|_| body.clone());
    stored["metadata"]["uid"] = PRETENDED.into();
    stored["metadata"]["resourceVersion"] = PRETENDED.into();
    stored
}

/// A Secret that a request would have made, its keys without values.
fn secret(request: &SecretRequest) -> Value {
    let keys: Vec<&String> = match &request.source {
        SecretSource::Generated { keys } => keys.keys().collect(),
        SecretSource::Copied { keys, .. } => keys.values().collect(),
        SecretSource::Template { keys } => keys.keys().collect(),
    };
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": &*request.id.name,
            "namespace": &*request.id.namespace,
            "labels": request.labels,
        },
        "data": keys.into_iter().map(|key| (key.clone(), "")).collect::<BTreeMap<_, _>>(),
    })
}
