//! What may be in the cluster once a plan has begun, and what is known to be there once it has run: the past that a later
//! check compares with.
//!
//! | when | the footprint |
//! |---|---|
//! | before the first write ([`begin`]) | gains the commit, and the state of each app of which something new is written that runs or holds data |
//! | after the last ([`end`]) | of an app that is as the garden asks: exactly that; of one of which nothing such was written: as before; of any other: all that it may be |
//!
//! An app that is called otherwise goes on from the footprint that its data has under the earlier name. A retired one keeps the
//! one that it had when it lived: what it is and how its data is called stays known for as long as anything of it is there.

use std::collections::{BTreeMap, BTreeSet};

use super::outcome::{Done, OrganisationOutcome, Outcome, Skip};
use crate::model::{AppFootprint, AppliedApp, Footprint, below};
use crate::name::Name;
use crate::plan::decide::action::{Action, Verb, What};
use crate::plan::decide::deed::Deed;
use crate::plan::decide::reason::{Holding, Keeping};
use crate::plan::decide::restores;
use crate::plan::{Input, Inventory, OrganisationPlan};
use crate::render::Stage;

/// Writes ahead what is about to be there, into an inventory whose entries may be written ahead already.
pub(super) fn begin(input: &Input<'_>, plan: &OrganisationPlan, next: &mut Inventory) {
    let news: Vec<&Action> = plan.actions.iter().filter(|action| is_news(input, action)).collect();
    if news.is_empty() {
        return;
    }
    next.footprint.apps = carried(input, &next.footprint);
    if input.commit != next.commit {
        input.commit.clone_into(&mut next.footprint.begun);
    }
    if next.footprint.files.is_empty() {
        next.footprint.files.clone_from(&input.directives.files);
    }
    if let Some(domain) = &input.directives.domain {
        next.footprint.domains.get_or_insert_default().insert(domain.clone());
    }
    for (app, state) in &input.directives.states {
        let extent = news.iter().filter(|action| action.app.as_ref() == Some(app)).map(|action| extent(action)).max();
        begin_app(app, state, extent, &mut next.footprint.apps);
    }
}

/// Adds the state of an app of which something is about to be written, as far as that makes it another one.
fn begin_app(app: &Name, state: &AppliedApp, extent: Option<Extent>, apps: &mut BTreeMap<Name, AppFootprint>) {
    let last = apps.get(app).and_then(|before| before.possible(false).last());
    let begun = match (extent, last) {
        (None | Some(Extent::Ready), _) => return,
        (Some(Extent::Grows), Some(last)) if last.definition != state.definition => AppliedApp {
            definition: last.definition.clone(),
            version: last.version.clone(),
            data: last.data.clone(),
            ..state.clone()
        },
        (Some(Extent::Grows | Extent::Starts), _) => state.clone(),
    };
    apps.entry(app.clone()).or_default().begin(&begun);
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
    let is_written = |(action, outcome): &(&Action, &Outcome)| is_news(input, action) && may_be_written(&outcome.done);
    let before = carried(input, earlier);
    for (app, state) in &input.directives.states {
        let of_app: Vec<_> = done.iter().filter(|(action, _)| action.app.as_ref() == Some(app)).collect();
        if of_app.iter().all(|(action, outcome)| is_as_asked(input, action, outcome)) {
            let state = AppliedApp { data: data_name(state, before.get(app), app, next), ..state.clone() };
            next.footprint.apps.insert(app.clone(), AppFootprint::of_whole(state));
        } else {
            let written = of_app.iter().filter(|one| is_written(one)).map(|(action, _)| extent(action)).max();
            if written < Some(Extent::Starts) {
                match before.get(app) {
                    Some(before) => drop(next.footprint.apps.insert(app.clone(), before.clone())),
                    None => drop(next.footprint.apps.remove(app)),
                }
                begin_app(app, state, written, &mut next.footprint.apps);
            }
        }
    }
    let is_begun = done.iter().any(is_written);
    if !is_begun {
        next.footprint.begun.clone_from(&earlier.begun);
    }
    end_domains(input, outcome, earlier, is_begun, next);
    let left: BTreeSet<&Name> = next.entries.values().filter_map(|entry| entry.app.as_ref()).collect();
    for (app, retired) in input.directives.retired_states.iter().filter(|(app, _)| left.contains(app)) {
        let known = || before.get(app).cloned().unwrap_or_else(|| AppFootprint::of_whole(retired.clone()));
        next.footprint.apps.entry(app.clone()).or_insert_with(known);
    }
    next.footprint.apps.retain(|app, _| input.directives.states.contains_key(app) || left.contains(app));
}

/// The footprints of all apps, those that are called otherwise under their present names too: an app is what its data is of.
fn carried(input: &Input<'_>, footprint: &Footprint) -> BTreeMap<Name, AppFootprint> {
    let mut apps = footprint.apps.clone();
    for (data, app) in &input.directives.data_names {
        let is_earlier = |(name, before): &(&Name, &AppFootprint)| {
            !input.directives.apps.contains(*name) && before.data_name(name) == data
        };
        let earlier = footprint.apps.iter().filter(|_| !footprint.apps.contains_key(app)).find(is_earlier);
        if let Some((name, earlier)) = earlier {
            apps.insert(app.clone(), earlier.clone().of_data(earlier.data_name(name)));
        }
    }
    apps
}

/// The name by which the data of an app that is as the garden asks is called. Where its definition has none now, what it had
/// before may be there still.
fn data_name(state: &AppliedApp, before: Option<&AppFootprint>, app: &Name, next: &Inventory) -> Option<Name> {
    let known = before.map(|before| before.data_name(app)).filter(|known| state.data.as_ref() != Some(*known));
    let has_data = || next.entries.values().any(|entry| entry.holds_data && entry.app.as_ref() == Some(app));
    known.filter(|_| has_data()).cloned().or_else(|| state.data.clone())
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

/// How far an action makes an app another one than it was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// What is laid ready for pods starts nothing, and can be taken back.
    Ready,
    /// What holds its data changes: it may be larger from then on, and is of the same application.
    Grows,
    /// Something runs by what is asked for, or new data is made.
    Starts,
}

fn extent(action: &Action) -> Extent {
    let makes_data = action.holds_data && action.verb() != Verb::Change;
    match action.stage {
        _ if action.verb() == Verb::Delete => Extent::Ready,
        _ if makes_data => Extent::Starts,
        Stage::Ground | Stage::Configuration => Extent::Ready,
        Stage::Data => Extent::Grows,
        Stage::Upgrade | Stage::Workload | Stage::Edge => Extent::Starts,
    }
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
