//! IO: what was planned is done: the inventory ahead, the steps, the inventory after.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use futures::future::join_all;

use super::decide::{input, moves_inventory};
use crate::cause::reason_of;
use crate::cluster::inventory::Ledger;
use crate::cluster::{self, Facts, InventoryError, Permit, Removal, StoredInventory, Work};
use crate::engine::state::{ClusterFailure, ClusterState, OrganisationState, RoundState};
use crate::finding::Findings;
use crate::name::Name;
use crate::plan::{self, Changing, Done, Inventory, OrganisationOutcome, OrganisationPlan, Plan, Reason};

/// IO: the plans of one cluster's organisations, side by side.
pub(super) async fn cluster(
    round: &RoundState<'_>,
    name: &Name,
    read: &mut Result<ClusterState, ClusterFailure>,
    plan: &Plan,
) -> (Vec<OrganisationOutcome>, Findings) {
    let plans = plan.organisations.iter().filter(|one| one.cluster == *name);
    let state = match read {
        Ok(state) => state,
        Err(failure) => return (failed_all(round, name, &reason_of(failure)), Findings::default()),
    };
    let mut outcomes = Vec::new();
    let (active, settled): (Vec<_>, Vec<_>) = plans.partition(|one| acts(round, state, one));
    outcomes.extend(settled.into_iter().map(OrganisationPlan::not_done));
    if active.is_empty() {
        return (outcomes, Findings::default());
    }
    let writer = match writer(round, name).await {
        Ok(writer) => writer,
        Err(failure) => return (failed_all(round, name, &reason_of(&failure)), Findings::default()),
    };
    let facts = Arc::clone(&state.facts);
    let mut states: BTreeMap<&Name, &mut OrganisationState> = state.organisations.iter_mut().collect();
    let applied = active.into_iter().filter_map(|plan| Some((plan, states.remove(&plan.organisation)?)));
    let applied = applied.map(|(plan, state)| organisation(round, &writer, &facts, state, plan));
    let mut findings = Findings::default();
    for (outcome, found) in join_all(applied).await {
        outcomes.push(outcome);
        findings.extend(found);
    }
    (outcomes, findings)
}

/// Whether carrying out a plan sends anything.
pub(in crate::engine) fn acts(round: &RoundState<'_>, cluster: &ClusterState, plan: &OrganisationPlan) -> bool {
    let state = cluster.organisations.get(&plan.organisation);
    plan.changes_anything() || state.is_some_and(|state| moves_inventory(round, cluster, state, plan))
}

async fn writer(round: &RoundState<'_>, name: &Name) -> Result<cluster::Writer, ClusterFailure> {
    let connection = round.clusters.get(name).ok_or_else(|| ClusterFailure::NotReached { cluster: name.clone() })?;
    let permit = round.permits.get(name).cloned().unwrap_or(Permit::Always);
    Ok(connection.writer(&round.garden.clusters[name], permit).await?)
}

/// One organisation: the inventory ahead, the steps, the inventory after. Nothing to write, nothing is sent.
async fn organisation(
    round: &RoundState<'_>,
    writer: &cluster::Writer,
    facts: &Facts,
    state: &mut OrganisationState,
    plan: &OrganisationPlan,
) -> (OrganisationOutcome, Findings) {
    let Facts { kinds, schemas, .. } = facts;
    let Some(nonce) = nonce() else {
        let failure = reason_of(&ClusterFailure::NoRandom);
        return (failed(&plan.organisation, &plan.cluster, failure), Findings::default());
    };
    let earlier = state.stored.inventory.footprint.clone();
    let before = plan::ahead(&input(round, schemas, state), plan, &nonce); // pure
    if let Err(error) = record_ahead(round, writer, plan, state, before.clone()).await {
        return (failed(&plan.organisation, &plan.cluster, reason_of(&error)), Findings::default());
    }
    let others = OnceLock::new();
    let stored = std::mem::take(&mut state.stored);
    let ledger = Ledger::new(&round.garden.name, &plan.organisation, &plan.namespace, stored);
    let work = Work {
        writer,
        kinds,
        garden: &round.garden.name,
        plan,
        objects: &state.objects,
        directives: &state.directives,
        live: &state.live,
        inventory: &before,
        ledger: &ledger,
        schemas,
        others: &others,
        sources: round.sources,
        wait: round.options.wait,
        mirror: round.watched.get(&plan.cluster).map(|watched| &*watched.mirror),
        progress: round.progress,
    };
    let mut applied = cluster::apply::organisation(&work).await; // IO
    state.stored = ledger.close();
    let before = state.stored.inventory.clone();
    let mut after =
        plan::after(&input(round, schemas, state), before, plan, &applied.outcome, &applied.finished, &earlier); // pure
    let is_begun = !after.footprint.begun.is_empty();
    if is_begun || after != state.stored.inventory || changes_for_the_garden(plan) {
        stamp(round, plan, &applied.outcome, &mut after);
    }
    let recorded = record(round, writer, plan, &mut state.stored, &after).await;
    let recorded = match recorded {
        Ok(()) => tidy(round, writer, facts, state, plan, &mut applied.outcome).await,
        failed => failed,
    };
    if let Err(error) = recorded {
        applied.outcome.failure = Some(reason_of(&error));
    }
    (applied.outcome, applied.findings)
}

/// Takes away the Jobs that are recorded as done, and forgets them after that. Those of an organisation that is paused stay.
async fn tidy(
    round: &RoundState<'_>,
    writer: &cluster::Writer,
    facts: &Facts,
    state: &mut OrganisationState,
    plan: &OrganisationPlan,
    outcome: &mut OrganisationOutcome,
) -> Result<(), InventoryError> {
    let finished = plan::finished(&state.stored.inventory, plan);
    if finished.is_empty() || state.directives.paused.is_some() {
        return Ok(());
    }
    let mirror = round.watched.get(&plan.cluster).map(|watched| &*watched.mirror);
    let removal = Removal { writer, kinds: &facts.kinds, garden: &round.garden.name, mirror };
    let removed = removal.remove_all(&finished).await; // IO
    for done in outcome.outcomes.iter_mut().filter(|outcome| !outcome.verb.applies()) {
        match removed.get(&done.id) {
            Some(Ok(())) => done.done = Done::Deleted,
            Some(Err(error)) => {
                let (why, passing) = (reason_of(error), error.is_passing());
                done.done = Done::Failed { why, place: None, passing };
            }
            None => {}
        }
    }
    let mut next = state.stored.inventory.clone();
    next.entries.retain(|id, _| !matches!(removed.get(id), Some(Ok(()))));
    record(round, writer, plan, &mut state.stored, &next).await
}

/// Whether anything is written that is more than putting back what others changed: of that nothing need be recorded.
fn changes_for_the_garden(plan: &OrganisationPlan) -> bool {
    plan.actions
        .iter()
        .any(|action| action.verb().writes() && !matches!(action.reason(), Reason::Changing(Changing::Drift { .. })))
}

/// The commit moves when all of an organisation's plan is done.
fn stamp(round: &RoundState<'_>, plan: &OrganisationPlan, outcome: &OrganisationOutcome, inventory: &mut Inventory) {
    if outcome.outcomes.iter().any(plan::Outcome::is_open) {
        return;
    }
    round.commit_of(&plan.organisation).clone_into(&mut inventory.commit);
    inventory.footprint.begun.clear();
    round.renderer_hash.clone_into(&mut inventory.renderer_hash);
    let actions = serde_json::to_value(&plan.actions).unwrap_or_default();
    inventory.plan_hash = plan::hash_of(&actions);
}

/// Records what is about to be, and has the namespace carry the generation of that record before anything is done.
async fn record_ahead(
    round: &RoundState<'_>,
    writer: &cluster::Writer,
    plan: &OrganisationPlan,
    state: &mut OrganisationState,
    mut next: Inventory,
) -> Result<(), InventoryError> {
    if next == state.stored.inventory {
        return Ok(());
    }
    let carried = plan::carried_generation(&state.live, &plan.namespace);
    next.generation = next.generation.max(carried.unwrap_or(0)) + 1;
    next.cluster.clone_from(&plan.cluster_uid);
    record(round, writer, plan, &mut state.stored, &next).await?;
    // A namespace that cannot carry it keeps nothing from being done: only an earlier copy would not be told.
    let _marked = cluster::inventory::mark_namespace(writer, &plan.namespace, &next).await;
    Ok(())
}

async fn record(
    round: &RoundState<'_>,
    writer: &cluster::Writer,
    plan: &OrganisationPlan,
    stored: &mut StoredInventory,
    next: &Inventory,
) -> Result<(), InventoryError> {
    if *next == stored.inventory {
        return Ok(());
    }
    cluster::inventory::write(
        &writer.to_the_end(),
        &round.garden.name,
        &plan.organisation,
        &plan.namespace,
        stored,
        next,
    )
    .await
}

/// A random word for this run: what a crash leaves half done is known again by it.
fn nonce() -> Option<String> {
    let mut bytes = [0_u8; 12];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).ok()?;
    Some(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|n| char::from_digit(n.into(), 16)).collect())
}

fn failed(organisation: &Name, cluster: &Name, why: String) -> OrganisationOutcome {
    let (organisation, cluster) = (organisation.clone(), cluster.clone());
    OrganisationOutcome { organisation, cluster, outcomes: Vec::new(), unchanged: 0, failure: Some(why) }
}

/// The same failure for every organisation of a cluster.
fn failed_all(round: &RoundState<'_>, cluster: &Name, why: &str) -> Vec<OrganisationOutcome> {
    let here = round.objects.values().filter(|one| one.cluster == *cluster && round.wants(&one.organisation));
    here.map(|one| failed(&one.organisation, cluster, why.to_owned())).collect()
}
