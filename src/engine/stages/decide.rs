//! Pure: what is done with one organisation, and what is refused.

use std::collections::BTreeSet;

use crate::cluster::{self, Kinds, Progress};
use crate::engine::state::{ClusterState, OrganisationState, RoundState};
use crate::finding::{Code, Finding, Findings};
use crate::merge::Schemas;
use crate::name::Name;
use crate::plan::{self, Input, OrganisationPlan};

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
        commit: round.commit,
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

/// The second opinion: what breaks a promise is refused, whatever decided it.
pub(super) fn guard(round: &RoundState<'_>, state: &OrganisationState, plan: &mut OrganisationPlan) {
    with_facts(round, state, &plan.cluster.clone(), |facts| plan::guard::enforce(plan, facts));
}

/// What the guard refuses of a plan that comes from a file. What has moved since is told as stale.
pub(in crate::engine) fn refusals(
    round: &RoundState<'_>,
    state: &OrganisationState,
    plan: &OrganisationPlan,
) -> Vec<String> {
    let refused = with_facts(round, state, &plan.cluster, |facts| plan::guard::check(plan, facts)).unwrap_or_default();
    let refused = refused.into_iter().filter(|refusal| refusal.promise != plan::Promise::AsPlanned);
    refused.map(|refusal| refusal.why).collect()
}

/// The facts that the guard compares a plan with; absent for a cluster that the garden does not know.
fn with_facts<T>(
    round: &RoundState<'_>,
    state: &OrganisationState,
    cluster: &Name,
    check: impl FnOnce(&plan::guard::GuardInput<'_>) -> T,
) -> Option<T> {
    let cluster = round.garden.clusters.get(cluster)?;
    let adopted = state.directives.adopt.iter().map(|adopt| (adopt.kind.clone(), adopt.name.clone())).collect();
    let facts = plan::guard::GuardInput {
        garden: &round.garden.name,
        cluster_uid: &cluster.uid.value,
        live: &state.live,
        inventory: &state.stored.inventory,
        limits: &round.garden.deletions,
        adopted: &adopted,
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

/// The hash of everything that was rendered for the round. Where a line only moved, it stays.
pub(in crate::engine) fn garden_hash(round: &RoundState<'_>) -> String {
    let objects = round.objects.values().flat_map(|one| one.objects.iter().map(|object| object.body.clone()));
    let secrets =
        round.objects.values().flat_map(|one| &one.secrets).map(|request| {
            serde_json::Value::from(format!("{:?} {:?} {:?}", request.id, request.source, request.labels))
        });
    plan::hash_of(&serde_json::Value::Array(objects.chain(secrets).collect()))
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
