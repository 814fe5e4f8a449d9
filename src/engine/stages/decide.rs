//! Pure: what is done with one organisation, and what is refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::cause::reason_of;
use crate::cluster::{self, InventoryError, Kinds, Progress};
use crate::engine::state::{ClusterState, OrganisationState, RoundState};
use crate::finding::{Code, Finding, Findings};
use crate::merge::Schemas;
use crate::name::Name;
use crate::plan::{self, Holding, Input, OrganisationPlan};
use crate::render::{OrganisationObjects, providers};

/// An organisation was written for another cluster than the one that holds its objects.
pub(crate) const MOVED: Code = Code::new("E0490");

/// The plan of one organisation, before the guard has looked at it.
pub(super) fn organisation(
    round: &RoundState<'_>,
    cluster: &ClusterState,
    state: &OrganisationState,
) -> OrganisationPlan {
    let mut plan = plan::organisation(&input(round, &cluster.facts.schemas, state));
    missing_kinds(&cluster.facts.kinds, state, &mut plan.findings);
    let writes = plan.actions.iter().filter(|action| action.verb().writes()).count();
    round.tell(Progress::Planned { organisation: plan.organisation.clone(), writes });
    plan
}

/// All that an organisation's plan is decided from.
pub(in crate::engine) fn input<'a>(
    round: &RoundState<'a>,
    schemas: &'a Schemas,
    state: &'a OrganisationState,
) -> Input<'a> {
    Input {
        garden: &round.garden.name,
        commit: round.commit_of(&state.objects.organisation),
        renderer_hash: round.renderer_hash,
        desired: &state.objects,
        live: &state.live,
        inventory: &state.stored.inventory,
        directives: &state.directives,
        limits: &round.garden.deletions,
        now: round.seconds(),
        schemas,
        sources: round.sources,
    }
}

/// The second opinion: what breaks a promise is refused, whatever decided it, and holds back what comes after it.
pub(in crate::engine) fn guard(
    round: &RoundState<'_>,
    cluster: &ClusterState,
    state: &OrganisationState,
    plan: &mut OrganisationPlan,
) {
    let (of, writes) = (plan.cluster.clone(), plan.changes_anything());
    with_facts(round, state, (&of, writes), |facts| plan::guard::enforce(plan, facts));
    plan::hold_later(&input(round, &cluster.facts.schemas, state), &mut plan.actions);
}

/// What the guard refuses of a plan that comes from a file. What has moved since is told as stale.
pub(in crate::engine) fn refusals(
    round: &RoundState<'_>,
    state: &OrganisationState,
    plan: &OrganisationPlan,
) -> Vec<String> {
    let of = (&plan.cluster, plan.changes_anything());
    let refused = with_facts(round, state, of, |facts| plan::guard::check(plan, facts)).unwrap_or_default();
    let refused = refused.into_iter().filter(|refusal| refusal.promise != plan::Promise::AsPlanned);
    refused.map(|refusal| refusal.why).collect()
}

/// The facts that the guard compares a plan with; absent for a cluster that the garden does not know.
fn with_facts<T>(
    round: &RoundState<'_>,
    state: &OrganisationState,
    (cluster, writes): (&Name, bool),
    check: impl FnOnce(&plan::guard::GuardInput<'_>) -> T,
) -> Option<T> {
    let cluster = round.garden.clusters.get(cluster)?;
    // Where nothing is written, nothing is looked at.
    let organisation = round.garden.organisations.get(&state.objects.organisation).filter(|_| writes);
    let grounds = organisation.map(|organisation| providers::grounds(organisation, &state.objects)).unwrap_or_default();
    let adopted = state.directives.adopt.iter().map(|adopt| (adopt.kind.clone(), adopt.name.clone())).collect();
    let facts = plan::guard::GuardInput {
        garden: &round.garden.name,
        cluster_uid: &cluster.uid.value,
        live: &state.live,
        inventory: &state.stored.inventory,
        desired: &state.objects,
        data_names: &state.directives.data_names,
        retired: state.directives.retired.map(|(keep, _)| keep),
        limits: &round.garden.deletions,
        adopted: &adopted,
        grounds: &grounds,
        clean: state.directives.clean,
        now: round.seconds(),
    };
    Some(check(&facts))
}

/// Kinds that the cluster does not serve, each on the line of the first object that wants it.
pub(in crate::engine) fn missing_kinds(kinds: &Kinds, state: &OrganisationState, findings: &mut Findings) {
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

/// The hash of everything that was rendered for an organisation. Where a line only moved, it stays.
pub(in crate::engine) fn rendered_hash(objects: &OrganisationObjects) -> String {
    let bodies = objects.objects.iter().map(|object| serde_json::Value::from(plan::desired_hash(object)));
    let secrets = objects
        .secrets
        .iter()
        .map(|request| serde_json::Value::from(format!("{:?} {:?} {:?}", request.id, request.source, request.labels)));
    plan::hash_of(&bodies.chain(secrets).collect())
}

/// Pure: the plan of an organisation whose inventory cannot be read: nothing, and that is told.
pub(super) fn damaged(
    round: &RoundState<'_>,
    cluster: &Name,
    organisation: &Name,
    error: &InventoryError,
) -> OrganisationPlan {
    let written = round.garden.organisations.get(organisation);
    let mut findings = Findings::default();
    if let Some(written) = written {
        findings.push(plan::damaged(organisation, &reason_of(error), written.span));
    }
    OrganisationPlan {
        organisation: organisation.clone(),
        cluster: cluster.clone(),
        cluster_uid: round.garden.clusters.get(cluster).map(|one| one.uid.value.clone()).unwrap_or_default(),
        namespace: organisation.to_string(),
        rendered_hash: String::new(),
        hatches: Vec::new(),
        actions: Vec::new(),
        unchanged: 0,
        gone: Vec::new(),
        lost: Vec::new(),
        retired: BTreeMap::new(),
        retired_organisation: None,
        later: Vec::new(),
        hour: None,
        standstill: Some(Holding::InventoryLost),
        findings,
    }
}

/// Whether carrying out a plan that writes no object would still move the inventory: what is gone is dropped, clocks of
/// what is retired start, what was begun is whole.
pub(in crate::engine) fn moves_inventory(
    round: &RoundState<'_>,
    cluster: &ClusterState,
    state: &OrganisationState,
    one: &OrganisationPlan,
) -> bool {
    // What would say what is ours is not made anew by itself.
    if one.is_lost() {
        return false;
    }
    let input = input(round, &cluster.facts.schemas, state);
    let before = plan::ahead(&input, one, "");
    let (stored, outcome) = (&state.stored.inventory, one.not_done());
    // What was begun is whole once nothing is left to do.
    let is_whole = !stored.footprint.begun.is_empty() && !outcome.outcomes.iter().any(plan::Outcome::is_open);
    let is_paused = state.directives.paused.is_some();
    is_whole
        || (!is_paused && !plan::finished(&before, one).is_empty())
        || before != *stored
        || plan::after(&input, before, one, &outcome, &BTreeSet::new(), &stored.footprint) != *stored
}

/// An organisation that has objects on one cluster and is written for another: moving it is refused, with the way.
pub(super) fn refuse_moves(round: &RoundState<'_>, plans: &mut [OrganisationPlan]) {
    for plan in plans.iter_mut() {
        let home = round.homes.get(&plan.organisation).filter(|home| **home != plan.cluster);
        let (Some(home), Some(organisation)) = (home, round.garden.organisations.get(&plan.organisation)) else {
            continue;
        };
        plan.actions.clear();
        plan.gone.clear();
        let title = format!("`{}` cannot move from cluster `{home}` to `{}`", plan.organisation, plan.cluster);
        let finding = Finding::refused(MOVED, title, organisation.span)
            .label(format!("asks for cluster `{}`", plan.cluster))
            .why(format!("its objects and data are on cluster `{home}`; parcelle cannot carry them over yet"))
            .help(format!("write `cluster {home}` again, or retire the organisation there before it starts anew"))
            .stops(plan.organisation.clone());
        plan.findings.push(finding);
    }
}
