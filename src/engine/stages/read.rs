//! IO: what a round's plans are decided from: kinds, inventories, live objects, the server's word.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;

use super::decide::input;
use super::echo;
use crate::cluster::{
    self, ApiError, Connection, Facts, InventoryError, Listing, Progress, ReadRequest, ReadScope, Reading,
    StoredInventories, StoredInventory,
};
use crate::engine::definitions;
use crate::engine::options::Ask;
use crate::engine::state::{ClusterAhead, ClusterFailure, ClusterState, OrganisationState, RoundState};
use crate::merge::Schemas;
use crate::name::Name;
use crate::plan::{self, Directives, DryRun, Judge, Live};
use crate::render::{Object, ObjectId, OrganisationObjects};

/// IO: everything of one cluster.
pub(super) async fn cluster(
    round: &RoundState<'_>,
    name: &Name,
    inventories: Option<StoredInventories>,
) -> Result<ClusterState, ClusterFailure> {
    let connection = round.clusters.get(name).ok_or_else(|| ClusterFailure::NotReached { cluster: name.clone() })?;
    let api = |source| ClusterFailure::Api { cluster: name.clone(), source };
    let watched = round.watched.get(name);
    let ahead = match round.ahead.get(name) {
        Some(Err(failure)) => return Err(failure.clone()),
        ahead => ahead.and_then(|ahead| ahead.as_ref().ok()),
    };
    let asked_before = round.options.reading == Reading::Watched;
    let known = watched.and_then(|watched| watched.facts.clone()).filter(|_| asked_before);
    let known = ahead.map(|ahead| Arc::clone(&ahead.facts)).or(known);
    if known.is_none() {
        connection.verify(&round.garden.clusters[name]).await?;
    }
    let inventories = match inventories {
        Some(inventories) => inventories,
        None => cluster::inventory::read_of(connection, &round.garden.name, by_name(round)).await.map_err(api)?,
    };
    let (mut organisations, unreadable) = gather(round, name, inventories);
    round.tell(Progress::Reading { cluster: name.clone(), organisations: organisations.len() });
    let facts = facts(connection, known, &organisations).await.map_err(api)?;
    let scopes = organisations.iter().map(|(name, state)| (name.clone(), scope(round, &facts, state))).collect();
    let request = ReadRequest {
        connection,
        uid: &round.garden.clusters[name].uid.value,
        kinds: &facts.kinds,
        garden: &round.garden.name,
        reading: round.options.reading,
        mirror: watched.map(|watched| &*watched.mirror),
        scopes: &scopes,
        listing: ahead.map(|ahead| &ahead.listing),
        by_name: by_name(round),
    };
    let mut found = cluster::read::live(&request).await.map_err(api)?;
    for (name, state) in &mut organisations {
        state.live = found.lives.remove(name).unwrap_or_default();
    }
    if round.options.ask != Ask::Nothing {
        ask(round, connection, &facts, &mut organisations).await;
    }
    Ok(ClusterState { facts, listed: found.listed, organisations, unreadable })
}

/// IO: what many batches need of one cluster: that it is the garden's, what it serves, each kind listed once. `kinds` are
/// the API versions and kinds of all that is wanted there or known to be.
pub(super) async fn ahead(
    round: &RoundState<'_>,
    name: &Name,
    organisations: &BTreeSet<Name>,
    kinds: &BTreeSet<(Arc<str>, Arc<str>)>,
) -> Result<ClusterAhead, ClusterFailure> {
    let connection = round.clusters.get(name).ok_or_else(|| ClusterFailure::NotReached { cluster: name.clone() })?;
    connection.verify(&round.garden.clusters[name]).await?;
    let id = |(api_version, kind): &(Arc<str>, Arc<str>)| ObjectId {
        api_version: Arc::clone(api_version),
        kind: Arc::clone(kind),
        namespace: "".into(),
        name: "".into(),
    };
    let ids: Vec<ObjectId> = kinds.iter().map(id).collect();
    let facts = Facts::read(connection, ids.iter()).await;
    let facts = facts.map_err(|source| ClusterFailure::Api { cluster: name.clone(), source })?;
    let listing = Listing::read(connection, &facts.kinds, &round.garden.name, kinds, organisations).await;
    Ok(ClusterAhead { facts: Arc::new(facts), listing })
}

/// The organisations that are asked for by name; all where they are many, or are all there are.
fn by_name<'r>(round: &RoundState<'r>) -> Option<&'r BTreeSet<Name>> {
    let everyone = |only: &BTreeSet<Name>| round.garden.organisations.keys().all(|name| only.contains(name));
    round.organisations.filter(|only| only.len() <= MOST_BY_NAME && !everyone(only))
}

/// Up to so many organisations are asked for by name: they stand in the address of a request.
const MOST_BY_NAME: usize = 128;

/// What is read of an organisation, and what it is judged by.
fn scope<'a>(round: &RoundState<'a>, facts: &'a Facts, state: &'a OrganisationState) -> ReadScope<'a> {
    let judge = Judge {
        garden: &round.garden.name,
        schemas: &facts.schemas,
        desired: &state.objects,
        inventory: &state.stored.inventory,
        directives: &state.directives,
    };
    ReadScope { judge, foreign: state.directives.retired.is_some() }
}

/// IO: what the cluster serves, as it is known, or asked anew where these organisations need more than that.
async fn facts(
    connection: &Connection,
    known: Option<Arc<Facts>>,
    organisations: &BTreeMap<Name, OrganisationState>,
) -> Result<Arc<Facts>, ApiError> {
    let ids = || organisations.values().flat_map(|state| state.objects.objects.iter().map(|object| &object.id));
    if let Some(known) = known.filter(|known| known.cover(ids())) {
        return Ok(known);
    }
    Ok(Arc::new(Facts::read(connection, ids()).await?))
}

/// Pure: the organisations of a cluster: those that the garden puts there, and those that only its inventories know.
pub(in crate::engine) fn gather(
    round: &RoundState<'_>,
    cluster: &Name,
    inventories: StoredInventories,
) -> (BTreeMap<Name, OrganisationState>, BTreeMap<Name, InventoryError>) {
    let mut organisations = BTreeMap::new();
    let mut unreadable = BTreeMap::new();
    let here =
        round.objects.values().filter(|objects| objects.cluster == *cluster && round.wants(&objects.organisation));
    for objects in here {
        let state = OrganisationState::unread(Arc::clone(objects), directives(round, &objects.organisation));
        organisations.insert(objects.organisation.clone(), state);
    }
    for (name, read) in inventories.into_iter().filter(|(name, _)| round.wants(name)) {
        match (read, organisations.get_mut(&name)) {
            (Ok(stored), Some(state)) => {
                state.directives.paused.clone_from(&stored.paused);
                state.stored = stored;
            }
            (Ok(stored), None) if is_left_over(round, &name) => {
                organisations.insert(name.clone(), left_over(cluster, name, stored));
            }
            (Ok(_), None) => {}
            (Err(error), _) => {
                organisations.remove(&name);
                unreadable.insert(name, error);
            }
        }
    }
    (organisations, unreadable)
}

/// An organisation that the garden does not hold, and not because of a finding.
fn is_left_over(round: &RoundState<'_>, name: &Name) -> bool {
    round.garden.unreadable.is_empty()
        && !round.garden.broken.contains(name)
        && !round.garden.organisations.contains_key(name)
}

/// Nothing is asked for and nothing said, so nothing of it is deleted; the plan says so.
fn left_over(cluster: &Name, organisation: Name, stored: StoredInventory) -> OrganisationState {
    let objects = OrganisationObjects {
        namespace: organisation.as_str().into(),
        organisation,
        cluster: cluster.clone(),
        objects: Vec::new(),
        secrets: Vec::new(),
        held: BTreeMap::new(),
        waiting: BTreeMap::new(),
        retired: BTreeMap::new(),
        states: BTreeMap::new(),
        terms: Vec::new(),
        contributions: Vec::new(),
        next_change: None,
    };
    OrganisationState { objects: Arc::new(objects), directives: Directives::default(), stored, live: Live::default() }
}

fn directives(round: &RoundState<'_>, organisation: &Name) -> Directives {
    let mut directives =
        round.garden.organisations.get(organisation).map(|written| Directives::of(written)).unwrap_or_default();
    let written = round.garden.organisations.get(organisation);
    directives.files = written.map(|written| written.files(round.sources)).unwrap_or_default();
    directives.hatches = written.map(|written| plan::hatches_of(round.garden, written)).unwrap_or_default();
    directives.clean &= round.garden.unreadable.is_empty();
    // What renders an object is in the garden.
    let rendered = round.objects.get(organisation).map(|objects| objects.objects.iter()).into_iter().flatten();
    directives.apps.extend(rendered.filter_map(|object| object.app.clone()));
    let garden = round.garden.hold.as_ref().map(|hold| hold.value.clone());
    let pinned = round.garden.pin.as_ref().filter(|pin| pin.value != round.renderer_hash);
    let changed = pinned.map(|_| "parcelle changed: this one renders other objects than the pinned one".to_owned());
    directives.hold = directives.hold.or(garden).or(changed);
    directives.truces.clone_from(round.truces);
    directives
}

/// Asks the server about what is not known to be as it should be; those that may be forced, once more with force.
async fn ask(
    round: &RoundState<'_>,
    connection: &Connection,
    facts: &Facts,
    organisations: &mut BTreeMap<Name, OrganisationState>,
) {
    let Facts { kinds, schemas, .. } = facts;
    join_all(organisations.values_mut().map(|state| async {
        let all = round.options.ask == Ask::Everything;
        let by_rules = by_rules(round, connection, facts, state);
        let mut sure = sure_drift(round, schemas, state);
        sure.retain(|id| !by_rules.contains_key(id));
        let mut patches = plan::displacements(&input(round, schemas, state));
        let asked = questions(round, schemas, state, all, |object| {
            !sure.contains(&object.id) && !patches.contains_key(&object.id)
        });
        patches.retain(|id, _| !sure.contains(id));
        let trials = cluster::ask::dry_runs(connection, kinds, &asked, false).await;
        (state.live.dry_runs, state.live.warnings) = (trials.answers, trials.warnings);
        state.live.dry_runs.extend(cluster::ask::patch_trials(connection, kinds, &patches).await);
        // Of what is new only whether it is taken matters; its body is as large as the object.
        for (id, answer) in &mut state.live.dry_runs {
            if matches!(answer, DryRun::Result(_)) && !state.live.objects.contains_key(id) {
                *answer = DryRun::Accepted;
            }
        }
        let again = questions(round, schemas, state, all, |object| {
            let entry = state.stored.inventory.find(&object.id).map(|(_, entry)| entry);
            let conflict = state.live.dry_runs.get(&object.id);
            matches!(conflict, Some(DryRun::Conflict { conflicts, .. }) if plan::may_force(object, entry, &state.directives, conflicts))
        });
        state.live.dry_runs.extend(sure.into_iter().map(|id| (id, DryRun::Accepted)));
        let forced = cluster::ask::dry_runs(connection, kinds, &again, true).await;
        state.live.warnings.extend(forced.warnings);
        for (id, answer) in forced.answers {
            if let (DryRun::Result(body), Some(DryRun::Conflict { forced, .. })) = (answer, state.live.dry_runs.get_mut(&id)) {
                *forced = Some(body);
            }
        }
        for (id, ours) in by_rules {
            let asked = state.live.dry_runs.remove(&id);
            state.live.dry_runs.insert(id, plan::rules::with_rules(asked, ours));
        }
        echo::without_others(schemas, state);
    }))
    .await;
}

/// Objects that break rules of their definitions; what only the server can judge is said once.
fn by_rules(
    round: &RoundState<'_>,
    connection: &Connection,
    facts: &Facts,
    state: &OrganisationState,
) -> BTreeMap<ObjectId, DryRun> {
    let answers = plan::rules::judge_by_rules(&input(round, &facts.schemas, state), &facts.rules);
    facts.rules.news(answers.left).iter().for_each(|left| connection.warned(definitions::words(left)));
    answers.refused
}

/// Pure: objects of which somebody surely changed what we had applied, where these need no question.
fn sure_drift(round: &RoundState<'_>, schemas: &Schemas, state: &OrganisationState) -> BTreeSet<ObjectId> {
    if round.options.ask != Ask::WhereItDecides {
        return BTreeSet::new();
    }
    let input = input(round, schemas, state);
    let objects = plan::questions(&input, false).into_iter().map(|at| &state.objects.objects[at]);
    objects.filter(|object| plan::is_sure_drift(&input, object)).map(|object| object.id.clone()).collect()
}

/// Pure: the bodies that the server is asked about.
fn questions(
    round: &RoundState<'_>,
    schemas: &Schemas,
    state: &OrganisationState,
    all: bool,
    wanted: impl Fn(&Object) -> bool,
) -> Vec<(ObjectId, Arc<serde_json::Value>)> {
    let objects = plan::questions(&input(round, schemas, state), all).into_iter().map(|at| &state.objects.objects[at]);
    let asked = objects.filter(|object| wanted(object)).map(|object| {
        let entry = state.stored.inventory.find(&object.id).map(|(_, entry)| entry);
        let live = state.live.objects.get(&object.id).map(|live| &*live.body);
        let body = plan::body_to_send(schemas, &state.directives, object, entry, live);
        (object.id.clone(), Arc::new(body.into_owned()))
    });
    asked.collect()
}
