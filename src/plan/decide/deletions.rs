//! What becomes of objects in the inventory that nothing asks for any more.

use std::collections::BTreeSet;

use super::action::{Action, Base, Verb, What};
use super::deed::Deed;
use super::job::{self, Leftover};
use super::reason::{Deleting, Holding, Keeping, Refusing};
use crate::kind::{self, ReclaimPolicy};
use crate::name::Name;
use crate::plan::state::hosts::hosts;
use crate::plan::state::identity::Identity;
use crate::plan::state::input::kind_key;
use crate::plan::state::owners;
use crate::plan::state::standing::{Index, is_same, retirement, some};
use crate::plan::tell::words::people;
use crate::plan::{Entry, GARDEN_LABEL, Input, LiveObject};
use crate::render::{ObjectId, Stage};

/// What becomes of what is no longer asked for.
pub(in crate::plan) struct Vanished {
    /// An action for each object that is still there.
    pub(in crate::plan) actions: Vec<Action>,
    /// Entries whose objects are gone.
    pub(in crate::plan) gone: Vec<ObjectId>,
}

/// Decides on every entry of the inventory that is not among the wanted.
pub(in crate::plan) fn vanished(input: &Input<'_>, index: &Index<'_>, wanted: &BTreeSet<Identity<'_>>) -> Vanished {
    let mut vanished = Vanished { actions: Vec::new(), gone: Vec::new() };
    let entries = input.inventory.entries.iter().filter(|(id, _)| !wanted.contains(&id.identity()));
    for (id, entry) in entries {
        if let Some(why) = input.live.unread.get(&kind_key(id)) {
            vanished.actions.push(action(index, id, entry, None, Deed::held(Holding::NotRead { why: why.clone() })));
            continue;
        }
        // One that is settled is there, although it has no body.
        if input.live.settled.contains_key(id) {
            continue;
        }
        let Some(live) = index.live(id) else {
            vanished.gone.push(id.clone());
            continue;
        };
        if !is_same(entry, live, input.garden) {
            vanished.gone.push(id.clone());
            continue;
        }
        vanished.actions.extend(present(input, index, id, entry, live));
    }
    brake(input, &mut vanished.actions);
    namespace_last(input, &mut vanished.actions);
    vanished
}

fn present(input: &Input<'_>, index: &Index<'_>, id: &ObjectId, entry: &Entry, live: &LiveObject) -> Option<Action> {
    if live.is_terminating() {
        return Some(action(index, id, entry, Some(live), Deed::keep(Keeping::Leaving)));
    }
    let verdict = verdict(input, index, (id, entry, live));
    let is_due = matches!(&verdict, Verdict::Delete(why) if job::is_due(why));
    match job::leftover(input, id, live, is_due) {
        Leftover::Keep(why, stage) => {
            let kept = action(index, id, entry, Some(live), Deed::keep(why));
            return Some(Action { stage: stage.unwrap_or(kept.stage), ..kept });
        }
        Leftover::OfSuccessor => return None,
        Leftover::AsUsual => {}
    }
    let why = match verdict {
        Verdict::Keep(why) => return Some(action(index, id, entry, Some(live), Deed::keep(why))),
        Verdict::Delete(why) => why,
    };
    if let Some(what) = disowned(input, live) {
        return Some(action(index, id, entry, Some(live), Deed::refused(Refusing::Disowned { what })));
    }
    let (uid, resource_version) = (live.uid.clone(), live.resource_version.clone());
    let base = Base { uid, resource_version, values_hash: String::new() };
    let deed = Deed::Delete { why, base, reclaim: reclaim(id, live) };
    let mut action = action(index, id, entry, Some(live), deed);
    let on_delete = || id.facts().on_delete.map(str::to_owned);
    action.note = entry.note.clone().or_else(on_delete).or_else(|| unreachable_hosts(input, entry));
    Some(action)
}

/// The hosts of a route that goes, where no other one leads there.
fn unreachable_hosts(input: &Input<'_>, entry: &Entry) -> Option<String> {
    let objects = input.desired.objects.iter();
    let stay: BTreeSet<String> = objects.flat_map(|object| hosts(&object.id, &object.body)).collect();
    let gone: Vec<String> = entry.hosts.difference(&stay).cloned().collect();
    let verb = if gone.len() == 1 { "leads" } else { "lead" };
    (!gone.is_empty()).then(|| format!("{} {verb} nowhere from then on", people(&gone)))
}

/// An action of what is no longer asked for: it belongs to its app under the present name.
fn action(index: &Index<'_>, id: &ObjectId, entry: &Entry, live: Option<&LiveObject>, deed: Deed) -> Action {
    let renamed = index.renames.of_entry(id, entry, live).map(|(_, now)| now.clone());
    Action {
        id: id.clone(),
        deed,
        what: What::Object,
        app: renamed.or_else(|| entry.app.clone()),
        stage: id.facts().stage,
        holds_data: holds_data(id, entry),
        origin: None,
        changes: Vec::new(),
        conflicts: Vec::new(),
        causes: Vec::new(),
        verified: true,
        desired_hash: String::new(),
        note: None,
    }
}

fn holds_data(id: &ObjectId, entry: &Entry) -> bool {
    entry.holds_data || id.facts().holds_data()
}

/// What becomes of an object that nothing asks for.
enum Verdict {
    Delete(Deleting),
    Keep(Keeping),
}

/// What the garden's words make of an object that nothing asks for.
fn verdict(input: &Input<'_>, index: &Index<'_>, of: (&ObjectId, &Entry, &LiveObject)) -> Verdict {
    let (id, entry, live) = of;
    let renamed = index.renames.of_entry(id, entry, Some(live));
    let app = entry.app.as_ref().map(|app| index.renames.now(app));
    let data = holds_data(id, entry);
    if input.desired.objects.is_empty() && input.directives.apps.is_empty() && input.directives.retired.is_none() {
        return Verdict::Keep(Keeping::OrganisationVanished);
    }
    // The time of what holds data is counted for each object, so that nothing young goes with something old.
    let is_due = |since: Option<i64>, keep: u64| {
        since.is_some_and(|since| retirement(input, Some(since), keep).until <= input.now)
    };
    if let (Some(organisation), Some((keep, _))) = (index.retired_organisation, input.directives.retired) {
        let since = entry.retired_since.or(input.inventory.retired_since);
        return match (organisation.until <= input.now, data) {
            (true, true) if !is_due(since, keep) => Verdict::Keep(Keeping::DataKept { until: organisation.until }),
            (true, _) => Verdict::Delete(Deleting::OrganisationRetired { since: organisation.since }),
            (false, true) => Verdict::Keep(Keeping::DataKept { until: organisation.until }),
            (false, false) => asleep(app).unwrap_or(Verdict::Keep(Keeping::DataKept { until: organisation.until })),
        };
    }
    if let Some((app, retired)) = app.and_then(|app| Some((app, index.retired.get(app)?))) {
        let keep = input.desired.retired.get(app).map_or(0, |(keep, _)| *keep);
        let due = retired.until <= input.now && (!data || is_due(entry.retired_since, keep));
        return match (due, data) {
            // It stops before what sleeps under the present name is made.
            (false, false) if let Some((from, to)) = renamed => {
                Verdict::Delete(Deleting::Renamed { from: from.clone(), to: to.clone() })
            }
            (true, _) => Verdict::Delete(Deleting::Retired { app: app.clone(), since: retired.since }),
            (false, true) => Verdict::Keep(Keeping::DataKept { until: retired.until }),
            (false, false) => Verdict::Delete(Deleting::Asleep { app: app.clone() }),
        };
    }
    if let Some(app) = app.filter(|app| !input.directives.apps.contains(*app)) {
        if input.inventory.never_begun(app) {
            return Verdict::Delete(Deleting::NeverBegun { app: app.clone() });
        }
        return Verdict::Keep(Keeping::AppVanished { app: app.clone() });
    }
    if data {
        let Some((need, (keep, _))) = input.directives.retired_needs.get_key_value(&*id.name) else {
            return Verdict::Keep(Keeping::Detached);
        };
        let retired = retirement(input, entry.retired_since, *keep);
        return if is_due(entry.retired_since, *keep) {
            Verdict::Delete(Deleting::NeedRetired { need: need.clone() })
        } else {
            Verdict::Keep(Keeping::DataKept { until: retired.until })
        };
    }
    if let Some((from, to)) = renamed {
        return Verdict::Delete(Deleting::Renamed { from: from.clone(), to: to.clone() });
    }
    match successor(input, id, entry) {
        Some(by) => Verdict::Delete(Deleting::Superseded { by }),
        None => Verdict::Delete(Deleting::NoLongerAsked),
    }
}

fn asleep(app: Option<&Name>) -> Option<Verdict> {
    Some(Verdict::Delete(Deleting::Asleep { app: app?.clone() }))
}

/// What no longer agrees with the inventory: all of label, field manager and uid must, or nothing is deleted.
fn disowned(input: &Input<'_>, live: &LiveObject) -> Option<String> {
    match live.label(GARDEN_LABEL) {
        Some(garden) if garden == input.garden.as_str() => {}
        Some(garden) => return Some(format!("its label `{GARDEN_LABEL}` says `{garden}`")),
        None => return Some(format!("its label `{GARDEN_LABEL}` is gone")),
    }
    (!owners::has_ours(&live.body)).then(|| "parcelle is not among its field managers".to_owned())
}

/// The object that takes the place of one whose name ends in a hash of its inputs (a job after a change).
fn successor(input: &Input<'_>, id: &ObjectId, entry: &Entry) -> Option<String> {
    let stem = hash_stem(&id.name)?;
    let object = input.desired.objects.iter().find(|object| {
        (object.id.group(), &object.id.kind) == (id.group(), &id.kind)
            && object.app == entry.app
            && hash_stem(&object.id.name) == Some(stem)
    })?;
    Some(object.id.name.to_string())
}

/// The part of a name before the hash that it ends in: six to ten characters with a digit.
fn hash_stem(name: &str) -> Option<&str> {
    let (stem, hash) = name.rsplit_once('-')?;
    let is_hash = (6..=10).contains(&hash.len())
        && hash.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && hash.bytes().any(|byte| byte.is_ascii_digit());
    is_hash.then_some(stem)
}

/// Holds deletions back: all of an organisation that is not clean, the undeclared ones over the budget.
fn brake(input: &Input<'_>, actions: &mut [Action]) {
    let empty = input.desired.objects.is_empty() && input.directives.retired.is_none();
    if !input.directives.clean || empty {
        for action in actions.iter_mut().filter(|action| action.verb() == Verb::Delete) {
            action.hold(Holding::NotClean);
        }
    }
    let undeclared = |action: &&mut Action| matches!(action.deed, Deed::Delete { why: Deleting::NoLongerAsked, .. });
    let would = actions.iter_mut().filter(undeclared).count() as u64;
    let allowed = budget(input.limits, input.inventory.entries.len());
    if would > allowed {
        for action in actions.iter_mut().filter(undeclared) {
            action.hold(Holding::OverBudget { would, allowed });
        }
    }
}

/// How many undeclared deletions the garden allows an organisation of so many objects: the smaller of both rules, where
/// any share at all is at least one object.
pub(in crate::plan) fn budget(limits: &crate::model::Deletions, objects: usize) -> u64 {
    let share = (objects as u64).saturating_mul(limits.undeclared_percent).div_ceil(100);
    share.min(limits.undeclared_at_most)
}

/// A namespace goes when everything of ours in it goes too, and nothing foreign is in it.
fn namespace_last(input: &Input<'_>, actions: &mut [Action]) {
    let others_stay = actions.iter().any(|action| !action.id.is(kind::NAMESPACE) && action.verb() != Verb::Delete);
    let namespaces = actions.iter_mut().filter(|action| action.id.is(kind::NAMESPACE) && action.verb() == Verb::Delete);
    for action in namespaces {
        if !input.live.foreign.is_empty() {
            action.hold(Holding::ForeignInside { objects: some(&input.live.foreign) });
        } else if !input.live.unseen.is_empty() {
            action.hold(Holding::NotKnownEmpty { unseen: input.live.unseen.clone() });
        } else if others_stay {
            action.hold(Holding::AfterTheRest);
        }
        action.stage = Stage::Ground;
    }
}

/// The policy that is switched just before a delete, so that the data goes with the object.
fn reclaim(id: &ObjectId, live: &LiveObject) -> Option<ReclaimPolicy> {
    let policy = id.facts().reclaim_policy?;
    (live.body["spec"][policy.field()] != "delete").then_some(policy)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_budget_is_the_smaller_of_both_rules() {
        let limits = |at_most, percent| crate::model::Deletions {
            undeclared_at_most: at_most,
            undeclared_percent: percent,
            keep_data: crate::quantity::Quantity::parse("30", "days").unwrap(),
            span: None,
        };
        assert_eq!(budget(&limits(20, 10), 45), 5);
        assert_eq!(budget(&limits(20, 10), 4000), 20);
        assert_eq!(budget(&limits(20, 10), 3), 1);
        assert_eq!(budget(&limits(20, 0), 400), 0);
    }

    #[test]
    fn a_reclaim_policy_is_switched_in_the_operator_s_own_kinds_alone() {
        let switched = |api_version: &str, kind: &str, spec: Value| {
            let body = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "a" }, "spec": spec });
            reclaim(&ObjectId::of(&body), &LiveObject::new(body))
        };
        let postgres = "postgresql.cnpg.io/v1";
        assert_eq!(switched(postgres, "Database", json!({})), Some(ReclaimPolicy::DatabaseReclaimPolicy));
        assert_eq!(switched(postgres, "DatabaseRole", json!({})), Some(ReclaimPolicy::DatabaseRoleReclaimPolicy));
        assert_eq!(switched(postgres, "Database", json!({ "databaseReclaimPolicy": "delete" })), None);
        assert_eq!(switched("k8s.mariadb.com/v1alpha1", "Database", json!({})), None);
    }

    #[test]
    fn a_hash_at_the_end_of_a_name_is_told_from_a_word() {
        assert_eq!(hash_stem("cloud-office-1f3a9c"), Some("cloud-office"));
        assert_eq!(hash_stem("cloud-office"), None);
        assert_eq!(hash_stem("cloud-coffee"), None);
    }
}
