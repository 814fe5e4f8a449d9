//! The stages of a round between the check and the report; each takes what the one before it gave.
//!
//! Clusters and organisations go side by side; none waits for another, and a failure stays where it happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;
use rayon::prelude::*;

use super::round::RoundOutcome;
use super::state::{LiveState, ReadAhead, RoundState};
use crate::cluster::StoredInventories;
use crate::name::Name;
use crate::plan::{self, Plan, PlanHead};

mod apply;
pub(super) use apply::acts;
pub(super) mod choose;
pub(in crate::engine) mod decide;
mod echo;
pub(super) mod read;

/// IO: reads every cluster that the batch is about. Inventories that were read just now are not read again.
pub async fn read(round: &RoundState<'_>, mut inventories: BTreeMap<Name, StoredInventories>) -> LiveState {
    let names: Vec<&Name> = round.garden.clusters.keys().filter(|name| round.concerns(name)).collect();
    let states = join_all(names.iter().map(|name| read::cluster(round, name, inventories.remove(*name)))).await;
    LiveState { clusters: names.into_iter().cloned().zip(states).collect() }
}

/// IO: what many batches need of each cluster, read once: `kinds` by cluster.
pub(super) async fn ahead(
    round: &RoundState<'_>,
    organisations: &BTreeSet<Name>,
    kinds: &BTreeMap<Name, BTreeSet<(Arc<str>, Arc<str>)>>,
) -> BTreeMap<Name, ReadAhead> {
    let reads = kinds
        .iter()
        .map(|(name, kinds)| async move { (name.clone(), read::ahead(round, name, organisations, kinds).await) });
    join_all(reads).await.into_iter().collect()
}

/// A plan that no guard has looked at yet.
#[derive(Debug)]
pub struct Proposed(Plan);

/// Pure: decides what is done, with reasons.
pub fn plan(round: &RoundState<'_>, live: &LiveState) -> Proposed {
    let read = live.clusters.values().flatten();
    let read: Vec<_> = read.flat_map(|cluster| cluster.organisations.values().map(move |one| (cluster, one))).collect();
    let decided = read.into_par_iter().map(|(cluster, one)| decide::organisation(round, cluster, one));
    let mut organisations: Vec<_> = decided.collect();
    for (name, cluster) in live.clusters.iter().filter_map(|(name, read)| Some((name, read.as_ref().ok()?))) {
        let damaged = cluster.unreadable.iter();
        organisations.extend(damaged.map(|(one, error)| decide::damaged(round, name, one, error)));
    }
    organisations.sort_by(|a, b| a.organisation.cmp(&b.organisation));
    decide::refuse_moves(round, &mut organisations);
    let head = PlanHead {
        schema: plan::SCHEMA.to_owned(),
        garden: round.garden.name.clone(),
        commit: round.commit.to_owned(),
        renderer_hash: round.renderer_hash.to_owned(),
        made: round.seconds(),
    };
    Proposed(Plan { head, organisations })
}

/// Pure: the second opinion. What breaks a promise is refused, whatever decided it.
pub fn guard(round: &RoundState<'_>, live: &LiveState, Proposed(mut plan): Proposed) -> Plan {
    for one in &mut plan.organisations {
        let Some(Ok(cluster)) = live.clusters.get(&one.cluster) else { continue };
        if let Some(state) = cluster.organisations.get(&one.organisation) {
            decide::guard(round, cluster, state, one);
        }
    }
    plan
}

/// IO: does a plan, organisations side by side.
pub async fn apply(round: &RoundState<'_>, live: &mut LiveState, plan: &Plan) -> RoundOutcome {
    let clusters = live.clusters.iter_mut().map(|(name, read)| apply::cluster(round, name, read, plan));
    let mut outcome = RoundOutcome::default();
    for (organisations, findings) in join_all(clusters).await {
        outcome.organisations.extend(organisations);
        outcome.findings.extend(findings);
    }
    outcome.organisations.sort_by(|a, b| a.organisation.cmp(&b.organisation));
    outcome
}
