//! The loop on one screen: a checked garden and its objects in, a plan and its outcome out.
//!
//! ```text
//! read   IO     inventories, live objects, the server's word on what would change
//! plan   pure   what is done, with reasons; the guard checks it
//! apply  IO     the inventory ahead, the steps, the inventory after
//! ```
//!
//! Clusters and organisations go side by side; none waits for another, and a failure stays where it happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc::UnboundedSender;

use crate::cluster::{
    self, ApiError, Connection, InventoryError, Kinds, Permit, Progress, Scope, Stored, Work, WrongCluster,
};
use crate::finding::{Code, Finding, Findings};
use crate::merge::Schemas;
use crate::model::Garden;
use crate::name::Name;
use crate::plan::{self, Action, DryRun, Input, Inventory, Live, OrganisationOutcome, OrganisationPlan, Plan, Said};
use crate::render::{Object, OrganisationObjects};
use crate::source::Sources;

/// An organisation was written for another cluster than the one that holds its objects.
pub const MOVED: Code = Code("E0490");

/// What a run is about: a garden at a commit, and the clusters it speaks of.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// The checked garden.
    pub garden: &'a Garden,
    /// The texts that spans refer to.
    pub sources: &'a Sources,
    /// The objects of every organisation that can be rendered.
    pub objects: &'a BTreeMap<Name, Arc<OrganisationObjects>>,
    /// The commit they were rendered from, in hexadecimal; empty for a working tree.
    pub commit: &'a str,
    /// The hash of the renderer and the built-in definitions.
    pub renderer_hash: &'a str,
    /// Clusters that can be reached. One of the garden that is missing here is a failure of its organisations.
    pub clusters: &'a BTreeMap<Name, Connection>,
    /// The rest.
    pub options: &'a Options,
}

/// How a run is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The time, in Unix seconds.
    pub now: i64,
    /// How long each step is waited for; `None` goes through all stages at once.
    pub wait: Option<Duration>,
    /// Only these organisations; all where absent.
    pub only: Option<BTreeSet<Name>>,
    /// Whether plans ask the server (`dryRun=All`); where not, they are reckoned here and marked as not verified.
    pub ask: bool,
    /// Until when writing is allowed, by cluster; always where absent.
    pub permits: BTreeMap<Name, Permit>,
    /// Who is told while it goes on.
    pub progress: Option<UnboundedSender<Progress>>,
}

/// Why a whole cluster could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection was made.
    #[error("cluster `{cluster}` is not reached")]
    NotReached {
        /// Which.
        cluster: Name,
    },
    /// It is another cluster than the garden's, or cannot say.
    #[error(transparent)]
    Wrong(#[from] WrongCluster),
    /// It cannot be read.
    #[error("cluster `{cluster}` cannot be read")]
    Api {
        /// Which.
        cluster: Name,
        /// What the server or the network said.
        #[source]
        source: ApiError,
    },
    /// The system gives no random bytes: nothing can be made that a crash would not orphan.
    #[error("the system gives no random bytes")]
    NoRandom,
}

/// What was read: by cluster, everything that its plans are decided from.
#[derive(Debug, Default)]
pub struct State {
    /// Clusters that were read, or why not.
    pub clusters: BTreeMap<Name, Result<ClusterState, Failure>>,
}

/// What was read of one cluster.
#[derive(Debug)]
pub struct ClusterState {
    /// Its kinds.
    pub kinds: Kinds,
    /// What fields are: those of the built-in kinds, and of the custom ones as the cluster defines them.
    pub schemas: Schemas,
    /// One for each organisation that is on it or was.
    pub organisations: BTreeMap<Name, OrganisationState>,
    /// Organisations whose inventory is unreadable: nothing of them is touched.
    pub unreadable: BTreeMap<Name, InventoryError>,
}

/// What was read of one organisation.
#[derive(Debug)]
pub struct OrganisationState {
    /// What it should have; empty for one that the garden no longer holds.
    pub objects: Arc<OrganisationObjects>,
    /// What the garden says about changing it.
    pub said: Said,
    /// What is ours, and how it is stored.
    pub stored: Stored,
    /// What is there.
    pub live: Live,
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// One for each organisation of the plan, in its order.
    pub organisations: Vec<OrganisationOutcome>,
    /// Refusals of API servers, on the lines that caused them.
    pub findings: Findings,
}

impl Outcome {
    /// Whether anything is left to do, for a person or a later round.
    pub fn is_open(&self) -> bool {
        let open = |one: &OrganisationOutcome| one.failure.is_some() || one.outcomes.iter().any(plan::Outcome::is_open);
        self.organisations.iter().any(open)
    }
}

/// IO: reads every cluster that the run speaks of, side by side.
pub async fn read(run: &Run<'_>) -> State {
    let names: Vec<&Name> = run.garden.clusters.keys().filter(|name| concerns(run, name)).collect();
    let states = join_all(names.iter().map(|name| read_cluster(run, name))).await;
    State { clusters: names.into_iter().cloned().zip(states).collect() }
}

/// Pure: decides what is done, and lets the guard refuse what breaks a promise.
pub fn plan(run: &Run<'_>, state: &State) -> Plan {
    let mut organisations = Vec::new();
    for cluster in state.clusters.values().flatten() {
        for organisation in cluster.organisations.values() {
            let mut plan = plan::organisation(&input(run, &cluster.schemas, organisation));
            guard(run, organisation, &mut plan);
            missing_kinds(&cluster.kinds, organisation, &mut plan.findings);
            let writes = plan.actions.iter().filter(|action| action.verb.writes()).count();
            tell(run, Progress::Planned { organisation: plan.organisation.clone(), writes });
            organisations.push(plan);
        }
    }
    organisations.sort_by(|a, b| a.organisation.cmp(&b.organisation));
    refuse_moves(run, state, &mut organisations);
    Plan {
        schema: plan::SCHEMA.to_owned(),
        garden: run.garden.name.clone(),
        commit: run.commit.to_owned(),
        garden_hash: garden_hash(run),
        renderer_hash: run.renderer_hash.to_owned(),
        made: run.options.now,
        organisations,
    }
}

/// IO: does a plan, organisations side by side.
pub async fn apply(run: &Run<'_>, state: &mut State, plan: &Plan) -> Outcome {
    let clusters = state.clusters.iter_mut().map(|(name, read)| apply_cluster(run, name, read, plan));
    let mut outcome = Outcome::default();
    for (organisations, findings) in join_all(clusters).await {
        outcome.organisations.extend(organisations);
        outcome.findings.extend(findings);
    }
    outcome.organisations.sort_by(|a, b| a.organisation.cmp(&b.organisation));
    outcome
}

// ── reading ──

fn concerns(run: &Run<'_>, cluster: &Name) -> bool {
    let Some(only) = &run.options.only else { return true };
    run.objects.values().any(|objects| objects.cluster == *cluster && only.contains(&objects.organisation))
}

async fn read_cluster(run: &Run<'_>, name: &Name) -> Result<ClusterState, Failure> {
    let connection = run.clusters.get(name).ok_or_else(|| Failure::NotReached { cluster: name.clone() })?;
    let api = |source| Failure::Api { cluster: name.clone(), source };
    connection.verify(&run.garden.clusters[name]).await?;
    let (kinds, inventories) =
        futures::try_join!(cluster::discover(connection), cluster::inventory::read(connection, &run.garden.name))
            .map_err(api)?;
    let (mut organisations, unreadable) = gather(run, name, inventories);
    tell(run, Progress::Reading { cluster: name.clone(), organisations: organisations.len() });
    let scopes = organisations
        .iter()
        .map(|(name, state)| {
            let foreign = state.said.retired.is_some();
            (name.clone(), Scope { objects: &state.objects, inventory: &state.stored.inventory, foreign })
        })
        .collect();
    let mut lives = cluster::read::live(connection, &kinds, &run.garden.name, &scopes).await.map_err(api)?;
    for (name, state) in &mut organisations {
        state.live = lives.remove(name).unwrap_or_default();
    }
    let custom = custom_kinds(&kinds, &organisations);
    let schemas = cluster::read::schemas(connection, &custom).await.map_err(api)?;
    if run.options.ask {
        ask(run, connection, &kinds, &schemas, &mut organisations).await;
    }
    Ok(ClusterState { kinds, schemas, organisations, unreadable })
}

/// Pure: the kinds of some organisations' objects that are not built in, as the cluster serves them.
fn custom_kinds(kinds: &Kinds, organisations: &BTreeMap<Name, OrganisationState>) -> BTreeSet<String> {
    let built_in = Schemas::builtin();
    let ids = organisations.values().flat_map(|state| state.objects.objects.iter().map(|object| &object.id));
    let custom = ids.filter(|id| built_in.kind(&id.api_version, &id.kind).is_none());
    custom.filter_map(|id| Some(format!("{}.{}", kinds.of(id).ok()?.plural, id.group()))).collect()
}

/// Pure: the organisations of a cluster: those that the garden puts there, and those that only its inventories know.
fn gather(
    run: &Run<'_>,
    cluster: &Name,
    inventories: cluster::Inventories,
) -> (BTreeMap<Name, OrganisationState>, BTreeMap<Name, InventoryError>) {
    let wanted = |name: &Name| run.options.only.as_ref().is_none_or(|only| only.contains(name));
    let mut organisations = BTreeMap::new();
    let mut unreadable = BTreeMap::new();
    let here = run.objects.values().filter(|objects| objects.cluster == *cluster && wanted(&objects.organisation));
    for objects in here {
        let said = said(run, &objects.organisation);
        let state =
            OrganisationState { objects: Arc::clone(objects), said, stored: Stored::default(), live: Live::default() };
        organisations.insert(objects.organisation.clone(), state);
    }
    for (name, read) in inventories.into_iter().filter(|(name, _)| wanted(name)) {
        match (read, organisations.get_mut(&name)) {
            (Ok(stored), Some(state)) => {
                state.said.paused.clone_from(&stored.paused);
                state.stored = stored;
            }
            (Ok(stored), None) if is_left_over(run, &name) => {
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
fn is_left_over(run: &Run<'_>, name: &Name) -> bool {
    run.garden.unreadable.is_empty()
        && !run.garden.broken.contains(name)
        && !run.garden.organisations.contains_key(name)
}

/// Nothing is asked for and nothing said, so nothing of it is deleted; the plan says so.
fn left_over(cluster: &Name, organisation: Name, stored: Stored) -> OrganisationState {
    let objects = OrganisationObjects {
        namespace: organisation.as_str().into(),
        organisation,
        cluster: cluster.clone(),
        objects: Vec::new(),
        secrets: Vec::new(),
        held: BTreeMap::new(),
        retired: BTreeMap::new(),
        states: BTreeMap::new(),
        contributions: Vec::new(),
        next_change: None,
    };
    OrganisationState { objects: Arc::new(objects), said: Said::default(), stored, live: Live::default() }
}

fn said(run: &Run<'_>, organisation: &Name) -> Said {
    let mut said = run.garden.organisations.get(organisation).map(|written| Said::of(written)).unwrap_or_default();
    said.clean &= run.garden.unreadable.is_empty();
    // What renders an object is in the garden.
    let rendered = run.objects.get(organisation).map(|objects| objects.objects.iter()).into_iter().flatten();
    said.apps.extend(rendered.filter_map(|object| object.app.clone()));
    let garden = run.garden.hold.as_ref().map(|hold| hold.value.clone());
    let pinned = run.garden.pin.as_ref().filter(|pin| pin.value != run.renderer_hash);
    let changed = pinned.map(|_| "parcelle changed: this one renders other objects than the pinned one".to_owned());
    said.hold = said.hold.or(garden).or(changed);
    said
}

/// Asks the server about what is not known to be as it should be; those that may be forced, once more with force.
async fn ask(
    run: &Run<'_>,
    connection: &Connection,
    kinds: &Kinds,
    schemas: &Schemas,
    organisations: &mut BTreeMap<Name, OrganisationState>,
) {
    join_all(organisations.values_mut().map(|state| async {
        let asked = questions(run, schemas, state, |_| true);
        state.live.dry_runs = cluster::read::dry_runs(connection, kinds, &asked, false).await;
        let again = questions(run, schemas, state, |object| {
            let entry = state.stored.inventory.find(&object.id).map(|(_, entry)| entry);
            let conflict = state.live.dry_runs.get(&object.id);
            matches!(conflict, Some(DryRun::Conflict { conflicts, .. }) if plan::may_force(object, entry, &state.said, conflicts))
        });
        for (id, answer) in cluster::read::dry_runs(connection, kinds, &again, true).await {
            if let (DryRun::Result(body), Some(DryRun::Conflict { forced, .. })) = (answer, state.live.dry_runs.get_mut(&id)) {
                *forced = Some(body);
            }
        }
    }))
    .await;
}

/// Pure: the bodies that the server is asked about.
fn questions(
    run: &Run<'_>,
    schemas: &Schemas,
    state: &OrganisationState,
    wanted: impl Fn(&Object) -> bool,
) -> Vec<(crate::render::ObjectId, Arc<serde_json::Value>)> {
    let objects = plan::questions(&input(run, schemas, state)).into_iter().map(|at| &state.objects.objects[at]);
    let asked = objects.filter(|object| wanted(object)).map(|object| {
        let entry = state.stored.inventory.find(&object.id).map(|(_, entry)| entry);
        (object.id.clone(), Arc::new(plan::body_to_send(object, &state.said, entry).into_owned()))
    });
    asked.collect()
}

// ── planning ──

fn input<'a>(run: &Run<'a>, schemas: &'a Schemas, state: &'a OrganisationState) -> Input<'a> {
    Input {
        garden: &run.garden.name,
        commit: run.commit,
        renderer_hash: run.renderer_hash,
        desired: &state.objects,
        live: &state.live,
        inventory: &state.stored.inventory,
        said: &state.said,
        limits: &run.garden.deletions,
        now: run.options.now,
        schemas,
        sources: run.sources,
    }
}

/// The second opinion: what breaks a promise is refused, whatever decided it.
fn guard(run: &Run<'_>, state: &OrganisationState, plan: &mut OrganisationPlan) {
    let Some(cluster) = run.garden.clusters.get(&plan.cluster) else { return };
    let adopted = state.said.adopt.iter().map(|adopt| (adopt.kind.clone(), adopt.name.clone())).collect();
    let facts = plan::guard::Facts {
        garden: &run.garden.name,
        cluster_uid: &cluster.uid.value,
        live: &state.live,
        inventory: &state.stored.inventory,
        limits: &run.garden.deletions,
        adopted: &adopted,
        clean: state.said.clean,
        now: run.options.now,
    };
    plan::guard::enforce(plan, &facts);
}

/// Kinds that the cluster does not serve, each on the line of the first object that wants it.
fn missing_kinds(kinds: &Kinds, state: &OrganisationState, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for object in &state.objects.objects {
        let (Err(missing), Some(span)) = (kinds.of(&object.id), object.origins.of("")) else { continue };
        if missing.silent || !seen.insert(missing.clone()) {
            continue;
        }
        let title = format!("cluster `{}` knows no `{}`", state.objects.cluster, missing.kind);
        let mut finding = Finding::error(cluster::errors::MISSING_KIND, title, span)
            .label(format!("asks for {}", object.id))
            .why(format!("its API `{}` is not installed there", missing.api_version))
            .stops(state.objects.organisation.clone());
        if let Some((need, provider, install)) = missing.wanted_by() {
            finding = finding.help(format!(
                "the need `{need}` is met by `{provider}` here: install {install}, or choose another provider in the cluster's file"
            ));
        }
        findings.push(finding.help("nothing of that kind is made or deleted until then"));
    }
}

/// The hash of everything that was rendered for the run. Where a line only moved, it stays.
fn garden_hash(run: &Run<'_>) -> String {
    let objects = run.objects.values().flat_map(|one| one.objects.iter().map(|object| object.body.clone()));
    let secrets =
        run.objects.values().flat_map(|one| &one.secrets).map(|request| {
            serde_json::Value::from(format!("{:?} {:?} {:?}", request.id, request.source, request.labels))
        });
    plan::hash_of(&serde_json::Value::Array(objects.chain(secrets).collect()))
}

/// Pure: why a saved plan must not be applied any more: the garden, a cluster or what it writes over has moved.
/// Empty: it may be. What moves later is found action by action while applying.
pub fn stale(run: &Run<'_>, state: &State, plan: &Plan) -> Vec<String> {
    let mut moved = Vec::new();
    let mut differ = |what: &str, then: &str, now: &str| {
        if then != now {
            moved.push(format!("{what} was `{then}` when it was made and is `{now}` now"));
        }
    };
    differ("the form of plans", &plan.schema, plan::SCHEMA);
    differ("the garden", plan.garden.as_str(), run.garden.name.as_str());
    differ("the commit", &plan.commit, run.commit);
    differ("what is rendered", &plan.garden_hash, &garden_hash(run));
    differ("the renderer", &plan.renderer_hash, run.renderer_hash);
    for organisation in &plan.organisations {
        let Some(Ok(cluster)) = state.clusters.get(&organisation.cluster) else {
            moved.push(format!("cluster `{}` cannot be read", organisation.cluster));
            continue;
        };
        let Some(found) = cluster.organisations.get(&organisation.organisation) else {
            moved.push(format!("`{}` is not on cluster `{}`", organisation.organisation, organisation.cluster));
            continue;
        };
        if found.live.cluster_uid != organisation.cluster_uid {
            moved.push(format!("cluster `{}` is another one", organisation.cluster));
        }
        let actions = organisation.actions.iter().filter(|action| action.verb.writes());
        moved.extend(actions.filter_map(|action| stale_action(found, action)));
    }
    moved
}

fn stale_action(state: &OrganisationState, action: &Action) -> Option<String> {
    let live = state.live.objects.iter().find(|(id, _)| id.identity() == action.id.identity()).map(|(_, live)| live);
    let what = match (&action.base, live) {
        (None, Some(_)) => "is there by now",
        (Some(_), None) => "is not there any more",
        (Some(base), Some(live)) if base.uid != live.uid => "was made anew",
        (Some(base), Some(live)) if !base.values_hash.is_empty() => {
            let object = state.objects.objects.iter().find(|object| object.id == action.id)?;
            let entry = state.stored.inventory.find(&object.id).map(|(_, entry)| entry);
            let wanted = plan::body_to_send(object, &state.said, entry);
            if plan::values_hash(&live.body, Some(&wanted), &action.changes) == base.values_hash {
                return None;
            }
            "was changed where the plan writes"
        }
        _ => return None,
    };
    Some(format!("{} of `{}` {what}", action.id, state.objects.organisation))
}

/// An organisation that has objects on one cluster and is written for another: moving it is refused, with the way.
fn refuse_moves(run: &Run<'_>, state: &State, plans: &mut [OrganisationPlan]) {
    let mut homes: BTreeMap<&Name, BTreeSet<&Name>> = BTreeMap::new();
    for (cluster, read) in &state.clusters {
        let Ok(read) = read else { continue };
        let known = read.organisations.iter().filter(|(_, state)| !state.stored.inventory.entries.is_empty());
        known.for_each(|(name, _)| {
            homes.entry(name).or_default().insert(cluster);
        });
    }
    for plan in plans.iter_mut() {
        let other = homes.get(&plan.organisation).and_then(|homes| homes.iter().find(|home| ***home != plan.cluster));
        let (Some(other), Some(organisation)) = (other, run.garden.organisations.get(&plan.organisation)) else {
            continue;
        };
        plan.actions.clear();
        plan.gone.clear();
        let title = format!("`{}` cannot move from cluster `{other}` to `{}`", plan.organisation, plan.cluster);
        let finding = Finding::error(MOVED, title, organisation.span)
            .label(format!("asks for cluster `{}`", plan.cluster))
            .why(format!("its objects and data are on cluster `{other}`; parcelle cannot carry them over yet"))
            .help(format!("write `cluster {other}` again, or retire the organisation there before it starts anew"))
            .stops(plan.organisation.clone());
        plan.findings.push(finding);
    }
}

// ── applying ──

async fn apply_cluster(
    run: &Run<'_>,
    name: &Name,
    read: &mut Result<ClusterState, Failure>,
    plan: &Plan,
) -> (Vec<OrganisationOutcome>, Findings) {
    let mut plans = plan.organisations.iter().filter(|one| one.cluster == *name).peekable();
    let state = match read {
        Ok(state) => state,
        Err(failure) => return (failed_all(run, name, &reason_of(failure)), Findings::default()),
    };
    let mut outcomes: Vec<OrganisationOutcome> =
        state.unreadable.iter().map(|(organisation, error)| failed(organisation, name, reason_of(error))).collect();
    if plans.peek().is_none() {
        return (outcomes, Findings::default());
    }
    let writer = match writer(run, name).await {
        Ok(writer) => writer,
        Err(failure) => return (failed_all(run, name, &reason_of(&failure)), Findings::default()),
    };
    let (kinds, schemas) = (&state.kinds, &state.schemas);
    let mut states: BTreeMap<&Name, &mut OrganisationState> = state.organisations.iter_mut().collect();
    let applied = plans.filter_map(|plan| Some((plan, states.remove(&plan.organisation)?)));
    let applied = applied.map(|(plan, state)| apply_organisation(run, &writer, (kinds, schemas), state, plan));
    let mut findings = Findings::default();
    for (outcome, found) in join_all(applied).await {
        outcomes.push(outcome);
        findings.extend(found);
    }
    (outcomes, findings)
}

async fn writer(run: &Run<'_>, name: &Name) -> Result<cluster::Writer, Failure> {
    let connection = run.clusters.get(name).ok_or_else(|| Failure::NotReached { cluster: name.clone() })?;
    let permit = run.options.permits.get(name).cloned().unwrap_or(Permit::Always);
    Ok(connection.writer(&run.garden.clusters[name], permit).await?)
}

/// One organisation: the inventory ahead, the steps, the inventory after. Nothing to write, nothing is sent.
async fn apply_organisation(
    run: &Run<'_>,
    writer: &cluster::Writer,
    (kinds, schemas): (&Kinds, &Schemas),
    state: &mut OrganisationState,
    plan: &OrganisationPlan,
) -> (OrganisationOutcome, Findings) {
    let Some(nonce) = nonce() else {
        let failure = reason_of(&Failure::NoRandom);
        return (failed(&plan.organisation, &plan.cluster, failure), Findings::default());
    };
    let before = plan::ahead(&input(run, schemas, state), plan, &nonce); // pure
    if let Err(error) = record(run, writer, plan, &mut state.stored, &before).await {
        return (failed(&plan.organisation, &plan.cluster, reason_of(&error)), Findings::default());
    }
    let work = Work {
        writer,
        kinds,
        garden: &run.garden.name,
        plan,
        objects: &state.objects,
        said: &state.said,
        live: &state.live,
        inventory: &before,
        schemas,
        sources: run.sources,
        wait: run.options.wait,
        progress: run.options.progress.as_ref(),
    };
    let mut applied = cluster::apply::organisation(&work).await; // IO
    let mut after = plan::after(&input(run, schemas, state), before, plan, &applied.outcome); // pure
    if after != state.stored.inventory || plan.changes_anything() {
        stamp(run, plan, &applied.outcome, &mut after);
    }
    if let Err(error) = record(run, writer, plan, &mut state.stored, &after).await {
        applied.outcome.failure = Some(reason_of(&error));
    }
    (applied.outcome, applied.findings)
}

/// The commit moves when all of an organisation's plan is done.
fn stamp(run: &Run<'_>, plan: &OrganisationPlan, outcome: &OrganisationOutcome, inventory: &mut Inventory) {
    if outcome.outcomes.iter().any(plan::Outcome::is_open) {
        return;
    }
    run.commit.clone_into(&mut inventory.commit);
    run.renderer_hash.clone_into(&mut inventory.renderer_hash);
    let actions = serde_json::to_value(&plan.actions).unwrap_or_default();
    inventory.plan_hash = plan::hash_of(&actions);
}

async fn record(
    run: &Run<'_>,
    writer: &cluster::Writer,
    plan: &OrganisationPlan,
    stored: &mut Stored,
    next: &Inventory,
) -> Result<(), InventoryError> {
    if *next == stored.inventory {
        return Ok(());
    }
    cluster::inventory::write(writer, &run.garden.name, &plan.organisation, &plan.namespace, stored, next).await
}

/// A random word for this run: what a crash leaves half done is known again by it.
fn nonce() -> Option<String> {
    let mut bytes = [0_u8; 12];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).ok()?;
    Some(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|n| char::from_digit(n.into(), 16)).collect())
}

fn failed(organisation: &Name, cluster: &Name, why: String) -> OrganisationOutcome {
    let (organisation, cluster) = (organisation.clone(), cluster.clone());
    OrganisationOutcome { organisation, cluster, outcomes: Vec::new(), failure: Some(why) }
}

/// The same failure for every organisation of a cluster.
fn failed_all(run: &Run<'_>, cluster: &Name, why: &str) -> Vec<OrganisationOutcome> {
    let wanted = |name: &Name| run.options.only.as_ref().is_none_or(|only| only.contains(name));
    let here = run.objects.values().filter(|one| one.cluster == *cluster && wanted(&one.organisation));
    here.map(|one| failed(&one.organisation, cluster, why.to_owned())).collect()
}

/// An error with its sources in one line.
pub fn reason_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        text = format!("{text}: {next}");
        source = next.source();
    }
    text
}

fn tell(run: &Run<'_>, progress: Progress) {
    if let Some(to) = &run.options.progress {
        // Nobody listening is no failure.
        let _closed = to.send(progress);
    }
}
