//! Pure: what is done with one organisation, and what is refused.

use std::collections::BTreeSet;

use super::{ClusterState, OrganisationState, Run};
use crate::cluster::{self, Kinds, Progress};
use crate::finding::{Code, Finding, Findings};
use crate::merge::Schemas;
use crate::name::Name;
use crate::plan::{self, Input, OrganisationPlan};

/// An organisation was written for another cluster than the one that holds its objects.
pub const MOVED: Code = Code("E0490");

/// The plan of one organisation, as the guard lets it pass.
pub(super) fn organisation(run: &Run<'_>, cluster: &ClusterState, state: &OrganisationState) -> OrganisationPlan {
    let mut plan = plan::organisation(&input(run, &cluster.facts.schemas, state));
    guard(run, state, &mut plan);
    missing_kinds(&cluster.facts.kinds, state, &mut plan.findings);
    let writes = plan.actions.iter().filter(|action| action.verb.writes()).count();
    run.tell(Progress::Planned { organisation: plan.organisation.clone(), writes });
    plan
}

/// All that an organisation's plan is decided from.
pub(super) fn input<'a>(run: &Run<'a>, schemas: &'a Schemas, state: &'a OrganisationState) -> Input<'a> {
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
    with_facts(run, state, &plan.cluster.clone(), |facts| plan::guard::enforce(plan, facts));
}

/// What the guard refuses of a plan that comes from a file. What has moved since (promise 5) is told as stale.
pub(super) fn refusals(run: &Run<'_>, state: &OrganisationState, plan: &OrganisationPlan) -> Vec<String> {
    let refused = with_facts(run, state, &plan.cluster, |facts| plan::guard::check(plan, facts)).unwrap_or_default();
    refused.into_iter().filter(|refusal| refusal.promise != 5).map(|refusal| refusal.why).collect()
}

/// The facts that the guard compares a plan with; absent for a cluster that the garden does not know.
fn with_facts<T>(
    run: &Run<'_>,
    state: &OrganisationState,
    cluster: &Name,
    check: impl FnOnce(&plan::guard::Facts<'_>) -> T,
) -> Option<T> {
    let cluster = run.garden.clusters.get(cluster)?;
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
    Some(check(&facts))
}

/// Kinds that the cluster does not serve, each on the line of the first object that wants it.
pub(super) fn missing_kinds(kinds: &Kinds, state: &OrganisationState, findings: &mut Findings) {
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
pub(super) fn garden_hash(run: &Run<'_>) -> String {
    let objects = run.objects.values().flat_map(|one| one.objects.iter().map(|object| object.body.clone()));
    let secrets =
        run.objects.values().flat_map(|one| &one.secrets).map(|request| {
            serde_json::Value::from(format!("{:?} {:?} {:?}", request.id, request.source, request.labels))
        });
    plan::hash_of(&serde_json::Value::Array(objects.chain(secrets).collect()))
}

/// An organisation that has objects on one cluster and is written for another: moving it is refused, with the way.
pub(super) fn refuse_moves(run: &Run<'_>, plans: &mut [OrganisationPlan]) {
    for plan in plans.iter_mut() {
        let home = run.options.homes.get(&plan.organisation).filter(|home| **home != plan.cluster);
        let (Some(home), Some(organisation)) = (home, run.garden.organisations.get(&plan.organisation)) else {
            continue;
        };
        plan.actions.clear();
        plan.gone.clear();
        let title = format!("`{}` cannot move from cluster `{home}` to `{}`", plan.organisation, plan.cluster);
        let finding = Finding::error(MOVED, title, organisation.span)
            .label(format!("asks for cluster `{}`", plan.cluster))
            .why(format!("its objects and data are on cluster `{home}`; parcelle cannot carry them over yet"))
            .help(format!("write `cluster {home}` again, or retire the organisation there before it starts anew"))
            .stops(plan.organisation.clone());
        plan.findings.push(finding);
    }
}
