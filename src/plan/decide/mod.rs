//! One organisation's plan, put together: each object's part, what the garden holds back, and what people must know.

pub(crate) mod action;
mod create;
mod cut_off;
mod databases;
pub(crate) mod deed;
mod deletions;
pub(in crate::plan) mod gone;
pub(super) mod immutable;
pub(in crate::plan) mod job;
pub(super) mod later;
mod object;
mod prospect;
mod recovered;
pub(crate) mod reason;
pub(crate) mod rules;
mod secret;
pub(crate) mod stops;
pub(crate) mod take_over;

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Findings;
use crate::kind;
use crate::name::Name;
use crate::plan::state::identity::Identity;
use crate::plan::state::lost;
use crate::plan::state::renames::Renames;
use crate::plan::state::standing::Index;
use crate::plan::tell::{acts_later, findings, hatches};
use crate::plan::{Input, OrganisationPlan, health};
use crate::render::WaitingRelease;
use action::Action;
use deed::Deed;
use gone::Losses;
use reason::{Changing, Creating, Holding, Keeping, Refusing};

/// Decides what would be done for one organisation.
pub fn organisation(input: &Input<'_>) -> OrganisationPlan {
    let index = Index::new(input);
    let losses = Losses::find(input, &index);
    let objects = input.desired.objects.iter().filter_map(|object| object::object(input, &index, &losses, object));
    let secrets = input.desired.secrets.iter().filter_map(|request| secret::request(input, &index, request));
    let mut actions: Vec<Action> = objects.chain(secrets).collect();
    let wanted: BTreeSet<Identity<'_>> = actions.iter().map(|action| action.id.identity()).collect();
    let vanished = deletions::vanished(input, &index, &wanted);
    actions.extend(vanished.actions);
    name_finalizers(&index, &mut actions);
    stops::refuse_empty_twins(&index, &mut actions);
    bar_namespace(&mut actions, &input.desired.namespace);
    recovered::spare(input, &mut actions);
    let loss = lost::loss(input, &index);
    let unchanged = loss.map_or(0, |loss| lost::bar(&mut actions, loss));
    let held = hold_back(input, &mut actions);
    let standstill = loss.map(lost::standstill).or(held);
    losses.hold(input, &mut actions);
    actions.sort_by(|a, b| (a.stage, &a.id.kind, &a.id.name, &a.id).cmp(&(b.stage, &b.id.kind, &b.id.name, &b.id)));
    let mut plan = OrganisationPlan {
        organisation: input.desired.organisation.clone(),
        cluster: input.desired.cluster.clone(),
        cluster_uid: input.live.cluster_uid.clone(),
        namespace: input.desired.namespace.to_string(),
        rendered_hash: String::new(),
        hatches: hatches::of(input),
        actions,
        unchanged,
        // What an inventory knows that is not the cluster's says nothing about what is gone.
        gone: if loss.is_some() { Vec::new() } else { vanished.gone },
        lost: if loss.is_some() { Vec::new() } else { losses.records },
        retired: index.retired,
        retired_organisation: index.retired_organisation,
        later: Vec::new(),
        hour: None,
        standstill,
        findings: Findings::default(),
    };
    plan.later = acts_later::of(input, &plan);
    plan.hour = acts_later::hour(input, &plan);
    plan.findings = findings::of(input, &plan);
    plan
}

/// Says of each object whose deletion has begun what that waits for.
fn name_finalizers(index: &Index<'_>, actions: &mut [Action]) {
    for action in actions {
        if !matches!(action.deed, Deed::Keep { why: Keeping::Terminating | Keeping::Leaving, .. }) {
            continue;
        }
        let waits = index.live(&action.id).map(|live| health(&live.body).message);
        action.note = waits.filter(|waits| !waits.is_empty());
    }
}

/// Holds everything inside a namespace back that is not ours, not known to be, or is being deleted.
fn bar_namespace(actions: &mut [Action], namespace: &str) {
    let is_barred = |action: &Action| {
        action.id.is(kind::NAMESPACE)
            && *action.id.name == *namespace
            && matches!(
                action.deed,
                Deed::Refused { .. }
                    | Deed::Keep { why: Keeping::Terminating | Keeping::Leaving, .. }
                    | Deed::Held { why: Holding::NotRead { .. }, .. }
            )
    };
    let Some(barred) = actions.iter().find(|action| is_barred(action)) else { return };
    let why = match &barred.deed {
        Deed::Held { why: why @ Holding::NotRead { .. }, .. } => why.clone(),
        _ => Holding::NamespaceBarred,
    };
    // A server that was asked refuses everything in a namespace that goes: that is nobody's mistake.
    let is_open = |action: &&mut Action| {
        action.verb().writes() || matches!(action.deed, Deed::Refused { why: Refusing::ServerRefused { .. }, .. })
    };
    for action in actions.iter_mut().filter(|action| &*action.id.namespace == namespace).filter(is_open) {
        action.hold(why.clone());
        action.causes.clear();
    }
}

/// Holds back what the garden holds and what somebody paused in the cluster; drift is corrected under a hold.
fn hold_back(input: &Input<'_>, actions: &mut [Action]) -> Option<Holding> {
    let paused = input.directives.paused.as_ref().map(|why| Holding::Paused { why: why.clone() });
    let whole = input.directives.hold.as_ref().map(|why| Holding::Hold { why: why.clone() });
    let waiting = releases(input);
    for action in actions.iter_mut().filter(|action| action.verb().writes()) {
        if let Some(reason) = &paused {
            action.hold(reason.clone());
            continue;
        }
        let drift = match &action.deed {
            Deed::Change { why: Changing::Drift { by } | Changing::GardenChangedAndDrift { by }, .. } => Some(by),
            _ => None,
        };
        if let Some((until, by)) = input.directives.truces.get(&action.id).zip(drift) {
            let (by, until) = (by.clone(), *until);
            action.hold(Holding::FoughtOver { by, until });
            continue;
        }
        let of_app = action.app.as_ref().and_then(|app| input.desired.held.get(app).or_else(|| waiting.get(app)));
        let reason = whole.clone().or_else(|| of_app.map(|why| Holding::Hold { why: why.clone() }));
        if let Some(reason) = reason.filter(|_| !restores(input, action)) {
            action.hold(reason);
        }
    }
    cut_off::hold_policies(input, actions, |app| {
        let why = app.and_then(|app| input.desired.held.get(app).or_else(|| waiting.get(app)))?;
        Some(Holding::Hold { why: why.clone() })
    });
    paused.or(whole)
}

/// Apps that run another release than the garden's, at an hour at which none may be put in: they stay as they are applied.
fn releases(input: &Input<'_>) -> BTreeMap<Name, String> {
    waiting_releases(input).map(|(app, waits, _)| (app.clone(), waits.says())).collect()
}

/// The apps whose release waits, with the version that runs.
pub(in crate::plan) fn waiting_releases<'i>(
    input: &'i Input<'_>,
) -> impl Iterator<Item = (&'i Name, &'i WaitingRelease, &'i str)> {
    let renames = Renames::of(input);
    let running = move |app: &Name, version: &str| {
        input.live.objects.values().find_map(|live| {
            let label = |key: &str| live.body["metadata"]["labels"][key].as_str();
            let other = label("app.kubernetes.io/version").filter(|running| *running != version)?;
            let of_app = label("parcelle.dev/app")
                .is_some_and(|label| Name::new(label).is_ok_and(|label| renames.now(&label) == app));
            (of_app && label("parcelle.dev/garden") == Some(input.garden.as_str())).then_some(other)
        })
    };
    input.desired.waiting.iter().filter_map(move |(app, waits)| Some((app, waits, running(app, &waits.version)?)))
}

/// Whether an action only brings back what was applied.
pub(in crate::plan) fn restores(input: &Input<'_>, action: &Action) -> bool {
    let applied = input.inventory.find(&action.id).map(|(_, entry)| &*entry.desired_hash);
    let brings_back = matches!(
        action.deed,
        Deed::Change {
            why: Changing::Drift { .. }
                | Changing::CopyFollows { .. }
                | Changing::KeysBack { .. }
                | Changing::Interrupted,
            ..
        } | Deed::Create(Creating::DeletedBehindOurBack)
    );
    brings_back && applied == Some(&*action.desired_hash)
}
