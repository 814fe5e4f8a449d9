//! What stands in the inventory before the first write of a plan, and after its last.

use std::collections::{BTreeMap, BTreeSet};

use super::footprint;
use super::gone;
use super::jobs;
use super::keys;
use super::outcome::{Done, OrganisationOutcome, Outcome, Skip};
use crate::merge;
use crate::model::Footprint;
use crate::plan::decide::action::{Action, Verb, What};
use crate::plan::decide::deed::Deed;
use crate::plan::decide::reason::{Creating, Keeping, Replacing};
use crate::plan::state::hosts::hosts;
use crate::plan::state::renames::Renames;
use crate::plan::state::{data_named, decisions, standing};
use crate::plan::tell::acts_later;
use crate::plan::{Entry, Input, Inventory, OrganisationPlan, OwnFields, Presence};
use crate::render::{Object, ObjectId};

/// The inventory before the first write: everything that may exist of ours once the plan has run.
///
/// `nonce` is a random word made for this run. Nothing leaves the inventory here but what is gone already.
pub(crate) fn ahead(input: &Input<'_>, plan: &OrganisationPlan, nonce: &str) -> Inventory {
    let mut next = input.inventory.clone();
    for action in plan.actions.iter().filter(|action| action.verb().applies()) {
        let known = next.find(&action.id).map(|(id, _)| id.clone());
        if known.as_ref() == Some(&action.id) {
            continue;
        }
        // Where the version of its API moved, the entry moves with it.
        let entry = known.and_then(|id| next.entries.remove(&id)).unwrap_or_else(|| Entry {
            presence: Presence::Intended { nonce: nonce.to_owned(), was: None },
            desired_hash: String::new(),
            own_fields: OwnFields::default(),
            holds_data: action.holds_data,
            app: action.app.clone(),
            hosts: BTreeSet::new(),
            retired_since: None,
            note: None,
            recovered: false,
            data: None,
        });
        next.entries.insert(action.id.clone(), entry);
    }
    // Made again: it will have another uid, which only the nonce can prove.
    for action in plan.actions.iter().filter(|action| is_made_anew(action) || is_made_anew_renamed(action)) {
        if let Some(entry) = next.entries.get_mut(&action.id) {
            let nonce = entry.nonce().unwrap_or(nonce).to_owned();
            let was = entry.uid().or(entry.former_uid()).map(str::to_owned);
            entry.presence = Presence::Intended { nonce, was };
        }
    }
    // Replaced: until the new uid is recorded, the nonce proves which one is ours.
    for action in plan.actions.iter().filter(|action| action.verb() == Verb::Replace) {
        if let Some(Presence::Known { nonce: known @ None, .. }) =
            next.entries.get_mut(&action.id).map(|e| &mut e.presence)
        {
            *known = Some(nonce.to_owned());
        }
    }
    follow_versions(plan, &mut next);
    keys::ahead(input, plan, &mut next);
    name_recovered(input, &mut next);
    for id in &plan.gone {
        next.entries.remove(id);
    }
    claim_hosts(input, plan, &mut next);
    jobs::ahead(input, plan, &mut next);
    retire(input, plan, &mut next);
    gone::ahead(input, plan, &mut next);
    footprint::begin(input, plan, &mut next);
    next
}

/// Adds the hosts that objects will lead to; those that they lead to already stay until it is known that they do not any more.
fn claim_hosts(input: &Input<'_>, plan: &OrganisationPlan, next: &mut Inventory) {
    let written: BTreeSet<&ObjectId> =
        plan.actions.iter().filter(|action| action.verb().applies()).map(|action| &action.id).collect();
    for object in input.desired.objects.iter().filter(|object| written.contains(&object.id)) {
        if let Some(entry) = next.entries.get_mut(&object.id) {
            entry.hosts.extend(hosts(&object.id, &object.body));
        }
    }
}

/// What was taken back is like everything else once the garden says `adopt` of it.
fn name_recovered(input: &Input<'_>, next: &mut Inventory) {
    let recovered = next.entries.iter_mut().filter(|(_, entry)| entry.recovered);
    recovered.filter(|(id, _)| input.directives.adopts(id)).for_each(|(_, entry)| entry.recovered = false);
}

/// Where the version of an API moved and the object stayed as it is, its entry moves alone.
fn follow_versions(plan: &OrganisationPlan, next: &mut Inventory) {
    for action in plan.actions.iter().filter(|action| is_unchanged(action)) {
        let known = next.find(&action.id).map(|(id, _)| id.clone()).filter(|id| *id != action.id);
        if let Some(entry) = known.and_then(|id| next.entries.remove(&id)) {
            next.entries.insert(action.id.clone(), entry);
        }
    }
}

fn is_made_anew(action: &Action) -> bool {
    matches!(
        action.deed,
        Deed::Create(Creating::DeletedBehindOurBack | Creating::Acknowledged { .. } | Creating::Resumed)
    )
}

/// Whether an object goes and comes again since its app is called otherwise: a run that ends in between lost nothing.
fn is_made_anew_renamed(action: &Action) -> bool {
    matches!(action.deed, Deed::Replace { why: Replacing::Renamed { .. }, .. })
}

pub(super) fn is_unchanged(action: &Action) -> bool {
    matches!(action.deed, Deed::Keep { why: Keeping::Unchanged | Keeping::LeftToOthers(_) | Keeping::SecretKept, .. })
}

/// Starts the clocks of what is retired, and stops those of what lives again.
fn retire(input: &Input<'_>, plan: &OrganisationPlan, next: &mut Inventory) {
    next.retired_since = plan.retired_organisation.map(|retired| retired.since);
    let organisation = next.retired_since;
    let renames = Renames::of(input);
    let wanted: BTreeSet<&ObjectId> = input
        .desired
        .objects
        .iter()
        .map(|object| &object.id)
        .chain(input.desired.secrets.iter().map(|s| &s.id))
        .collect();
    for (id, entry) in &mut next.entries {
        let app = entry.app.as_ref().and_then(|app| plan.retired.get(renames.now(app))).map(|retired| retired.since);
        let need = (!wanted.contains(id) && input.directives.retired_needs.contains_key(&*id.name))
            .then(|| entry.retired_since.unwrap_or(input.now));
        entry.retired_since = app.or(organisation).or(need);
    }
}

/// The inventory after a plan has run: what was applied is recorded, what was deleted is dropped.
///
/// `before` is what [`ahead`] wrote, `finished` are jobs that did their work while they were waited for, `earlier` the footprint that stood there before it. The commit and the hashes of the whole are the caller's to set, once everything is done.
pub(crate) fn after(
    input: &Input<'_>,
    before: Inventory,
    plan: &OrganisationPlan,
    outcome: &OrganisationOutcome,
    finished: &BTreeSet<ObjectId>,
    earlier: &Footprint,
) -> Inventory {
    let mut next = before;
    recover(input, &mut next);
    for (action, outcome) in plan.actions.iter().zip(&outcome.outcomes) {
        match &outcome.done {
            Done::Deleted => {
                next.entries.remove(&action.id);
            }
            Done::Applied { uid, .. } => {
                if let Some(entry) = next.entries.get_mut(&action.id) {
                    let nonce = entry.nonce().map(str::to_owned);
                    if entry.uid() != Some(uid) {
                        entry.data = None;
                    }
                    entry.presence = Presence::Known { uid: uid.clone(), nonce };
                    // Another object stands in the place of the one that was taken back, and this one we made.
                    entry.recovered &= !matches!(action.verb(), Verb::Create | Verb::Replace);
                    // What was left to others until now may be ours.
                    if action.what == What::Object {
                        entry.own_fields = OwnFields::default();
                    }
                    record(input, action.what, &action.id, entry);
                }
            }
            Done::Unchanged => {
                if let Some(entry) = next.entries.get_mut(&action.id) {
                    record(input, action.what, &action.id, entry);
                }
            }
            Done::Skipped { why: Skip::Planned } if is_unchanged(action) => {
                if let Some(entry) = next.entries.get_mut(&action.id) {
                    record(input, action.what, &action.id, entry);
                }
            }
            Done::Deleting | Done::Failed { .. } | Done::Skipped { .. } => {}
        }
    }
    jobs::after(input, plan, outcome, finished, &mut next);
    data_named::note(input, &mut next);
    gone::after(plan, outcome, &mut next);
    if !outcome.outcomes.iter().any(Outcome::is_open) {
        next.hatches = input.directives.hatches.iter().map(|line| line.hash.clone()).collect();
        next.terms = Some(acts_later::remembered(input));
    }
    footprint::end(input, plan, outcome, earlier, &mut next);
    next
}

/// Fills in the uids of what an interrupted run made and did not record: nonce, label and our managed fields agree.
fn recover(input: &Input<'_>, next: &mut Inventory) {
    let live: BTreeMap<_, _> = input.live.objects.iter().map(|(id, object)| (id.identity(), object)).collect();
    for (id, entry) in &mut next.entries {
        let found = live.get(&id.identity()).filter(|found| entry.uid() != Some(&found.uid));
        if let Some(found) = found.filter(|found| standing::is_same(entry, found, input.garden)) {
            let nonce = entry.nonce().map(str::to_owned);
            entry.presence = Presence::Known { uid: found.uid.clone(), nonce };
        }
    }
}

/// Notes what was applied of an object.
fn record(input: &Input<'_>, what: What, id: &ObjectId, entry: &mut Entry) {
    if what == What::Secret {
        let request = input.desired.secrets.iter().find(|request| request.id == *id);
        if let Some(request) = request {
            entry.app.clone_from(&request.app);
            keys::record(request, entry);
        }
        return;
    }
    let Some(object) = input.desired.objects.iter().find(|object| object.id == *id) else { return };
    let hash = crate::plan::desired_hash(object);
    if entry.desired_hash != hash || entry.own_fields.is_empty() {
        entry.own_fields = own_fields(input, object, entry);
        entry.desired_hash = hash;
    }
    entry.hosts = hosts(id, &object.body);
    entry.holds_data = object.holds_data;
    entry.app.clone_from(&object.app);
}

fn own_fields(input: &Input<'_>, object: &Object, entry: &Entry) -> OwnFields {
    let live = input.live.objects.get(&object.id).filter(|_| entry.uid().is_some());
    let left = live.map(|live| decisions::left(input.schemas, input.directives, object, &live.body));
    let left = left.unwrap_or_default();
    let body = decisions::body_without(object, Some(entry), live.map(|live| &*live.body), &left);
    let fields = merge::own_fields(input.schemas, &body).map(|fields| OwnFields::of(&fields)).unwrap_or_default();
    fields.leaving(left.iter().map(decisions::LeftField::field))
}
