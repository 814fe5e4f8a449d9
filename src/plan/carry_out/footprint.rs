//! What may be in the cluster once a plan has begun, and what is known to be there once it has run: the past that a later
//! check compares with.
//!
//! | when | the footprint |
//! |---|---|
//! | before the first write ([`begin`]) | gains the commit, and the state of each app of which something new is written |
//! | after the last ([`end`]) | of an app that is as the garden asks: exactly that; of one of which nothing was written: as before; of any other: all that it may be |

use std::collections::BTreeSet;

use super::outcome::{Done, OrganisationOutcome, Outcome, Skip};
use crate::model::{AppFootprint, Footprint, below};
use crate::name::Name;
use crate::plan::decide::action::{Action, What};
use crate::plan::decide::deed::Deed;
use crate::plan::decide::reason::{Holding, Keeping};
use crate::plan::decide::restores;
use crate::plan::{Input, Inventory, OrganisationPlan};

/// Writes ahead what is about to be there, into an inventory whose entries may be written ahead already.
pub(super) fn begin(input: &Input<'_>, plan: &OrganisationPlan, next: &mut Inventory) {
    let news: Vec<&Action> = plan.actions.iter().filter(|action| is_news(input, action)).collect();
    if news.is_empty() {
        return;
    }
    if input.commit != next.commit {
        input.commit.clone_into(&mut next.footprint.begun);
    }
    if next.footprint.files.is_empty() {
        next.footprint.files.clone_from(&input.directives.files);
    }
    if let Some(domain) = &input.directives.domain {
        next.footprint.domains.get_or_insert_default().insert(domain.clone());
    }
    let apps: BTreeSet<&Name> = news.iter().filter_map(|action| action.app.as_ref()).collect();
    for app in apps {
        if let Some(state) = input.directives.states.get(app) {
            next.footprint.apps.entry(app.clone()).or_default().begin(state);
        }
    }
}

/// Narrows what was written ahead down to what may be there after a plan has run. `earlier` is what stood there before
/// [`begin`]. The commit itself is the caller's to set, once everything is done.
pub(super) fn end(
    input: &Input<'_>,
    plan: &OrganisationPlan,
    outcome: &OrganisationOutcome,
    earlier: &Footprint,
    next: &mut Inventory,
) {
    let done: Vec<(&Action, &Outcome)> = plan.actions.iter().zip(&outcome.outcomes).collect();
    let written = |app: Option<&Name>| {
        let mut of_app = done.iter().filter(|(action, _)| app.is_none() || action.app.as_ref() == app);
        of_app.any(|(action, outcome)| is_news(input, action) && may_be_written(&outcome.done))
    };
    for (app, state) in &input.directives.states {
        let mut of_app = done.iter().filter(|(action, _)| action.app.as_ref() == Some(app));
        if of_app.all(|(action, outcome)| is_as_asked(input, action, outcome)) {
            next.footprint.apps.insert(app.clone(), AppFootprint::of_whole(state.clone()));
        } else if !written(Some(app)) {
            match earlier.apps.get(app) {
                Some(before) => drop(next.footprint.apps.insert(app.clone(), before.clone())),
                None => drop(next.footprint.apps.remove(app)),
            }
        }
    }
    if !written(None) {
        next.footprint.begun.clone_from(&earlier.begun);
    }
    end_domains(input, outcome, earlier, written(None), next);
    let left: BTreeSet<&Name> = next.entries.values().filter_map(|entry| entry.app.as_ref()).collect();
    next.footprint.apps.retain(|app, _| input.directives.states.contains_key(app) || left.contains(app));
}

/// Once everything is as the garden asks, the organisation comes from the files that say it and has their domain, and earlier ones for as long as an object
/// leads to a host inside; once nothing is left of it, none. Of one that the garden does not write nothing is concluded.
fn end_domains(
    input: &Input<'_>,
    outcome: &OrganisationOutcome,
    earlier: &Footprint,
    written: bool,
    next: &mut Inventory,
) {
    if next.entries.is_empty() {
        next.footprint.domains.iter_mut().for_each(BTreeSet::clear);
    } else if input.directives.span.is_none() || input.directives.paused.is_some() {
        // Nobody says what it should have.
    } else if outcome.failure.is_none() && !outcome.outcomes.iter().any(Outcome::is_open) {
        let hosts: Vec<&String> = next.entries.values().flat_map(|entry| &entry.hosts).collect();
        let domains = next.footprint.domains.get_or_insert_default();
        domains.retain(|domain| hosts.iter().any(|host| below(host, domain)));
        domains.extend(input.directives.domain.clone());
        next.footprint.files.clone_from(&input.directives.files);
    } else if !written {
        next.footprint.domains.clone_from(&earlier.domains);
    }
}

/// Whether an action writes more than what was applied before.
fn is_news(input: &Input<'_>, action: &Action) -> bool {
    action.verb().writes() && !restores(input, action)
}

/// Whether the garden asks for the same of an object as was applied last.
fn is_applied(input: &Input<'_>, action: &Action) -> bool {
    input.inventory.find(&action.id).is_some_and(|(_, entry)| entry.desired_hash == action.desired_hash)
}

/// Whether an action may have changed something in the cluster: a failure that may pass by itself says nothing about that.
fn may_be_written(done: &Done) -> bool {
    match done {
        Done::Applied { .. } | Done::Unchanged | Done::Deleted | Done::Deleting => true,
        Done::Failed { passing, .. } => *passing,
        Done::Skipped { why } => matches!(why, Skip::Stale { .. } | Skip::Interrupted),
    }
}

/// Whether an object is as the garden asks. What it does not ask for any more says nothing about that.
fn is_as_asked(input: &Input<'_>, action: &Action, outcome: &Outcome) -> bool {
    if action.what == What::Object && action.desired_hash.is_empty() {
        return true;
    }
    match &action.deed {
        Deed::Keep { why: Keeping::Terminating, .. } | Deed::Refused { .. } => false,
        Deed::Keep { .. } => true,
        Deed::Held { why: Holding::FoughtOver { .. }, .. } => is_applied(input, action),
        Deed::Held { .. } => false,
        Deed::Create(_) | Deed::Change { .. } | Deed::Replace { .. } | Deed::Adopt { .. } | Deed::Delete { .. } => {
            !outcome.is_open()
        }
    }
}
