//! An independent checker of plans: it knows nothing of how they are decided, and refuses what would break a promise.
//!
//! It derives everything again from the inventory and from live, on purpose without the code that made the plan.

use std::collections::{BTreeMap, BTreeSet};

use super::guard_names::{is_laid_ready, is_rendered, present_name};
use super::promise::Promise;
use super::{guard_data, guard_jobs, guard_recovered};
use crate::model::Deletions;
use crate::name::Name;
use crate::plan::decide::action::{Action, Base};
use crate::plan::decide::deed::Deed;
use crate::plan::decide::reason::{Deleting, Refusing};
use crate::plan::state::path;
use crate::plan::state::unseen::full_name;
use crate::plan::{
    Entry, GARDEN_LABEL, Inventory, Live, LiveObject, MANAGER, NONCE, ORGANISATION_LABEL, OrganisationPlan,
};
use crate::policy::{self, Grounds};
use crate::render::{Object, ObjectId, OrganisationObjects};

/// Group and kind of what holds people's data whatever anyone says of an object: a list of its own, since a mistake in the
/// table of kinds must not pass here too.
const DATA_KINDS: &[(&str, &str)] = &[
    ("", "Namespace"),
    ("", "PersistentVolume"),
    ("", "PersistentVolumeClaim"),
    ("garage.rajsingh.info", "GarageBucket"),
    ("garage.rajsingh.info", "GarageKey"),
    ("k8s.mariadb.com", "Database"),
    ("k8s.mariadb.com", "MariaDB"),
    ("k8s.mariadb.com", "User"),
    ("objectbucket.io", "ObjectBucketClaim"),
    ("postgresql.cnpg.io", "Cluster"),
    ("postgresql.cnpg.io", "Database"),
    ("postgresql.cnpg.io", "DatabaseRole"),
    ("psmdb.percona.com", "PerconaServerMongoDB"),
];

/// The input that the guard checks a plan against.
#[derive(Clone, Copy)]
pub(crate) struct GuardInput<'a> {
    /// The garden's name.
    pub(crate) garden: &'a Name,
    /// The uid that the garden gives for the cluster.
    pub(crate) cluster_uid: &'a str,
    pub(crate) live: &'a Live,
    /// What is ours.
    pub(crate) inventory: &'a Inventory,
    /// What the garden asks for.
    pub(crate) desired: &'a OrganisationObjects,
    /// The app to whom data belongs, by the name that the data is called by.
    pub(crate) data_names: &'a BTreeMap<Name, Name>,
    /// For how long the garden keeps the data of the whole organisation, in seconds, where it is retired.
    pub(crate) retired: Option<u64>,
    /// The garden's brakes on deletion.
    pub(crate) limits: &'a Deletions,
    /// Objects that the garden says to `adopt`, as (kind, name).
    pub(crate) adopted: &'a BTreeSet<(String, String)>,
    /// What the organisation may name and reach.
    pub(crate) grounds: &'a Grounds,
    /// Whether the organisation and every file it uses are clean on one commit.
    pub(crate) clean: bool,
    /// The time, in Unix seconds.
    pub(crate) now: i64,
}

/// An action that would break a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokenPromise {
    /// Its place in the plan's `actions`.
    pub(crate) action: usize,
    /// The promise that it would break.
    pub(crate) promise: Promise,
    /// Why, in words.
    pub(crate) why: String,
}

/// Every action of a plan that would break a promise. Empty: the plan may run.
pub fn check(plan: &OrganisationPlan, input: &GuardInput<'_>) -> Vec<BrokenPromise> {
    let mut broken = Vec::new();
    let writes = plan.changes_anything();
    let desired: BTreeMap<&ObjectId, &Object> =
        input.desired.objects.iter().filter(|_| writes).map(|object| (&object.id, object)).collect();
    for (at, action) in plan.actions.iter().enumerate() {
        let refused = check_action(plan, input, action).or_else(|| check_content(input, &desired, action));
        broken.extend(refused.map(|(promise, why)| BrokenPromise { action: at, promise, why }));
    }
    broken.extend(check_budget(plan, input));
    broken.sort_by_key(|promise| promise.action);
    broken.dedup_by_key(|promise| promise.action);
    broken
}

/// Turns every action that [`check`] refuses into one that does nothing; says how many.
pub(crate) fn enforce(plan: &mut OrganisationPlan, input: &GuardInput<'_>) -> usize {
    let broken = check(plan, input);
    for promise in &broken {
        plan.actions[promise.action].refuse(Refusing::Guarded { why: promise.why.clone() });
    }
    broken.len()
}

pub(super) type Breach = Option<(Promise, String)>;

fn check_action(plan: &OrganisationPlan, input: &GuardInput<'_>, action: &Action) -> Breach {
    if !action.verb().writes() {
        return None;
    }
    check_place(plan, input, action).or_else(|| match &action.deed {
        Deed::Change { base, take_away, .. } | Deed::Adopt { base, take_away, .. } => {
            check_apply(plan, input, action, base).or_else(|| check_take_away(input, action, take_away))
        }
        Deed::Create(_) if guard_jobs::is_done_already(input, action) => {
            Some((Promise::RunsOnce, format!("`{}` is recorded as done", action.id)))
        }
        Deed::Create(_) if guard_jobs::has_run_already(input, action) => {
            Some((Promise::RunsOnce, format!("a run of `{}` began already, and nobody saw it do its work", action.id)))
        }
        Deed::Create(_) => guard_data::check(input, action)
            .or_else(|| check_create(plan, input, action))
            .or_else(|| guard_jobs::check_alone(input, action)),
        Deed::Replace { base, .. } => {
            check_replace(input, action, base).or_else(|| guard_jobs::check_end(input, action, base))
        }
        Deed::Delete { base, .. } => {
            check_delete(plan, input, action, base).or_else(|| guard_jobs::check_end(input, action, base))
        }
        Deed::Keep { .. } | Deed::Held { .. } | Deed::Refused { .. } => None,
    })
}

/// Nothing is written to another cluster, nor outside the organisation's namespace.
fn check_place(plan: &OrganisationPlan, input: &GuardInput<'_>, action: &Action) -> Breach {
    if plan.cluster_uid != input.cluster_uid || input.live.cluster_uid != input.cluster_uid {
        let (live, garden) = (&input.live.cluster_uid, input.cluster_uid);
        return Some((Promise::OneCluster, format!("the cluster's uid is `{live}`, the garden names `{garden}`")));
    }
    let is_own_namespace = is_namespace(&action.id) && *action.id.name == *plan.namespace;
    let is_inside = *action.id.namespace == *plan.namespace;
    (!is_own_namespace && !is_inside)
        .then(|| (Promise::OneOrganisation, format!("`{}` lies outside the namespace `{}`", action.id, plan.namespace)))
}

/// What is applied is nothing that reaches out of its organisation, whatever a check said of it.
fn check_content(input: &GuardInput<'_>, desired: &BTreeMap<&ObjectId, &Object>, action: &Action) -> Breach {
    let object = desired.get(&action.id).filter(|_| action.verb().applies())?;
    let violation = policy::attacks(&object.judged(), input.grounds).into_iter().next()?;
    Some((Promise::OneOrganisation, format!("{}: {}", violation.title, violation.why)))
}

/// What is made is not there yet.
fn check_create(plan: &OrganisationPlan, input: &GuardInput<'_>, action: &Action) -> Breach {
    let live = live(input, &action.id)?;
    let whose = foreign_label(plan, input, live).map(|whose| (Promise::OneOrganisation, whose));
    whose.or_else(|| Some((Promise::AsPlanned, format!("`{}` is there by now", action.id))))
}

/// Nothing of another garden or organisation is written to, nor what is neither ours nor adopted by word.
fn check_apply(plan: &OrganisationPlan, input: &GuardInput<'_>, action: &Action, base: &Base) -> Breach {
    let Some(live) = live(input, &action.id) else {
        let lost = !input.live.settled.contains_key(&action.id);
        return lost.then(|| (Promise::AsPlanned, format!("`{}` is not there to change", action.id)));
    };
    if let Some(whose) = foreign_label(plan, input, live) {
        return Some((Promise::OneOrganisation, whose));
    }
    if let Some(moved) = moved(action, base, live) {
        return Some((Promise::AsPlanned, moved));
    }
    let adopted = input.adopted.contains(&(action.id.kind.to_string(), action.id.name.to_string()));
    let ours = entry(input, &action.id).is_some_and(|entry| is_it(entry, live));
    if let Some(unseen) = input.live.unseen.first().filter(|_| !ours && is_namespace(&action.id)) {
        let what = full_name(&unseen.group, &unseen.resource);
        return Some((Promise::NoForeignDelete, format!("whether the namespace holds any {what} is not known")));
    }
    (!ours && !adopted)
        .then(|| (Promise::NoForeignDelete, format!("`{}` exists and is neither ours nor adopted", action.id)))
}

/// What is taken away from others is a field of the object's own substance, is there, and nothing of what holds data.
fn check_take_away(input: &GuardInput<'_>, action: &Action, fields: &[String]) -> Breach {
    let first = fields.first()?;
    let id = &action.id;
    if action.holds_data || is_data(id) || entry(input, id).is_some_and(|entry| entry.holds_data) {
        return Some((Promise::NoDataLost, format!("`{first}` would be taken away from `{id}`, which holds data")));
    }
    let live = live(input, id)?;
    let outside = |field: &&String| field.starts_with("metadata") || field.starts_with("status");
    if let Some(field) = fields.iter().find(outside) {
        return Some((Promise::NoForeignDelete, format!("`{field}` of `{id}` is nothing that stands beside ours")));
    }
    let missing = fields.iter().find(|field| path::get(&live.body, field).is_none())?;
    Some((Promise::AsPlanned, format!("`{missing}` of `{id}` is not there to take away")))
}

fn check_replace(input: &GuardInput<'_>, action: &Action, base: &Base) -> Breach {
    let holds_data = action.holds_data || entry(input, &action.id).is_some_and(|entry| entry.holds_data);
    if is_data(&action.id) || holds_data && !claims_stay(input, &action.id) {
        return Some((Promise::NoDataLost, format!("replacing `{}` would lose its data", action.id)));
    }
    let taken_back = guard_recovered::check(input, action, Some(base));
    taken_back.or_else(|| owned(input, action, base).err().map(|why| (Promise::NoForeignDelete, why)))
}

/// Whether the data of a StatefulSet is in claims that stay when it goes, and that the one made in its place takes by name.
fn claims_stay(input: &GuardInput<'_>, id: &ObjectId) -> bool {
    let templates = |body: &serde_json::Value| -> Vec<String> {
        let all = body["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten();
        all.map(|template| template["metadata"]["name"].to_string()).collect()
    };
    let wanted = input.desired.objects.iter().find(|object| object.id == *id);
    (id.group(), &*id.kind) == ("apps", "StatefulSet")
        && live(input, id).zip(wanted).is_some_and(|(live, wanted)| {
            live.body["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] != "Delete"
                && templates(&live.body) == templates(&wanted.body)
        })
}

/// Label, field manager and uid agree; what holds data is retired and its time has passed.
fn check_delete(plan: &OrganisationPlan, input: &GuardInput<'_>, action: &Action, base: &Base) -> Breach {
    let entry = match owned(input, action, base) {
        Ok(entry) => entry,
        Err(why) => return Some((Promise::NoForeignDelete, why)),
    };
    if let Some(breach) = guard_recovered::check(input, action, None) {
        return Some(breach);
    }
    if is_wanted(input, &action.id) {
        return Some((Promise::Wanted, format!("the garden asks for `{}`", action.id)));
    }
    if !input.clean {
        return Some((Promise::CleanPrune, "the organisation is not clean on one commit".to_owned()));
    }
    if action.holds_data || entry.holds_data || is_data(&action.id) {
        let since = entry.retired_since.or(input.inventory.retired_since);
        let keep = i64::try_from(input.limits.keep_data.amount).unwrap_or(i64::MAX);
        match since {
            None => return Some((Promise::NoDataLost, format!("`{}` holds data and is not retired", action.id))),
            Some(since) if since.saturating_add(keep) > input.now => {
                return Some((Promise::NoDataLost, format!("`{}` holds data and its time has not passed", action.id)));
            }
            Some(_) => {}
        }
    }
    if is_namespace(&action.id) { check_namespace(plan, input) } else { None }
}

/// Whether the garden asks for an object, by whichever version of its API: what is retired it asks for until the time of
/// that has come.
fn is_wanted(input: &GuardInput<'_>, id: &ObjectId) -> bool {
    let objects = input.desired.objects.iter().map(|object| (&object.id, object.app.as_ref()));
    let secrets = input.desired.secrets.iter().map(|secret| (&secret.id, secret.app.as_ref()));
    let Some((_, app)) = objects.chain(secrets).find(|(other, _)| other.identity() == id.identity()) else {
        return false;
    };
    let is_past = |since: Option<i64>, keep: u64| {
        let keep = i64::try_from(keep.max(input.limits.keep_data.amount)).unwrap_or(i64::MAX);
        since.unwrap_or(input.now).saturating_add(keep) <= input.now
    };
    let of_app = || {
        let app = app?;
        let (keep, _) = input.desired.retired.get(app)?;
        let entries = input.inventory.entries.values().filter(|entry| entry.app.as_ref() == Some(app));
        Some(is_past(entries.filter_map(|entry| entry.retired_since).min(), *keep))
    };
    let of_all = input.retired.is_some_and(|keep| is_past(input.inventory.retired_since, keep));
    !of_all && !of_app().unwrap_or(false)
}

/// A namespace goes only when nothing foreign is in it and everything of ours in it goes in the same plan.
fn check_namespace(plan: &OrganisationPlan, input: &GuardInput<'_>) -> Breach {
    if let Some(foreign) = input.live.foreign.first() {
        return Some((Promise::NoDataLost, format!("the namespace holds objects of others (`{foreign}`)")));
    }
    if let Some(unseen) = input.live.unseen.first() {
        let what = full_name(&unseen.group, &unseen.resource);
        return Some((Promise::NoDataLost, format!("whether the namespace holds any {what} is not known")));
    }
    let deleted =
        |id: &ObjectId| plan.actions.iter().any(|action| is_delete(action) && action.id.identity() == id.identity());
    let mut inside = input.inventory.entries.keys().filter(|id| live(input, id).is_some());
    let stays = inside.find(|id| !deleted(id));
    stays.map(|id| (Promise::NoDataLost, format!("`{id}` in the namespace stays")))
}

/// The inventory's entry of an object whose label, field manager and uid agree with it.
fn owned<'a>(input: &GuardInput<'a>, action: &Action, base: &Base) -> Result<&'a Entry, String> {
    let id = action.target();
    let entry = entry(input, id).ok_or_else(|| format!("`{id}` is not in the inventory"))?;
    let live = live(input, id).ok_or_else(|| format!("`{id}` was not read"))?;
    if !is_it(entry, live) {
        return Err(format!("the uid of `{id}` is not the one in the inventory"));
    }
    if let Some(moved) = moved(action, base, live) {
        return Err(moved);
    }
    if live.label(GARDEN_LABEL) != Some(input.garden.as_str()) {
        return Err(format!("`{id}` does not carry the label of this garden"));
    }
    let managers = live.body["metadata"]["managedFields"].as_array();
    let ours = managers.is_some_and(|entries| entries.iter().any(|entry| entry["manager"] == MANAGER));
    if !ours {
        return Err(format!("parcelle is not among the field managers of `{id}`"));
    }
    Ok(entry)
}

/// Says when the action was decided on another object than the one that is there.
fn moved(action: &Action, base: &Base, live: &LiveObject) -> Option<String> {
    (base.uid != live.uid).then(|| format!("`{}` is another object than the one the plan was made for", action.id))
}

fn is_it(entry: &Entry, live: &LiveObject) -> bool {
    match entry.uid() {
        Some(uid) if uid == live.uid => true,
        // Brought back from a copy, or replaced by a run that ended before it recorded that.
        Some(_) => {
            entry.nonce().is_some() && live.annotation(NONCE) == entry.nonce() && guard_data::is_same_data(entry, live)
        }
        None if entry.former_uid() == Some(&live.uid) => true,
        None => entry.nonce().is_some() && live.annotation(NONCE) == entry.nonce(),
    }
}

fn foreign_label(plan: &OrganisationPlan, input: &GuardInput<'_>, live: &LiveObject) -> Option<String> {
    let garden = live.label(GARDEN_LABEL).filter(|garden| *garden != input.garden.as_str());
    let organisation = live.label(ORGANISATION_LABEL).filter(|name| *name != plan.organisation.as_str());
    garden
        .map(|garden| format!("it belongs to the garden `{garden}`"))
        .or_else(|| organisation.map(|name| format!("it belongs to the organisation `{name}`")))
}

/// Undeclared deletions of one organisation fit the garden's budget, or none of them is done.
fn check_budget(plan: &OrganisationPlan, input: &GuardInput<'_>) -> Vec<BrokenPromise> {
    let is_declared = |action: &Action| {
        let entry = entry(input, &action.id);
        let retired =
            entry.is_some_and(|entry| entry.retired_since.is_some()) || input.inventory.retired_since.is_some();
        let app = entry.and_then(|entry| entry.app.as_ref());
        let now = app.and_then(|app| present_name(input, app)).or(app);
        let retired = retired || now.is_some_and(|app| plan.retired.contains_key(app));
        let renamed = matches!(&action.deed, Deed::Delete { why: Deleting::Renamed { from, to }, .. }
            if present_name(input, from) == Some(to) && !is_rendered(input, from));
        let never_begun = matches!(&action.deed, Deed::Delete { why: Deleting::NeverBegun { app }, .. }
            if entry.and_then(|entry| entry.app.as_ref()) == Some(app) && is_laid_ready(input, app));
        retired
            || renamed
            || never_begun
            || matches!(action.deed, Deed::Delete { why: Deleting::Superseded { .. }, .. })
    };
    let undeclared: Vec<usize> = plan
        .actions
        .iter()
        .enumerate()
        .filter(|(_, action)| is_delete(action) && !is_declared(action))
        .map(|(at, _)| at)
        .collect();
    let objects = input.inventory.entries.len() as u64;
    let share = (objects * input.limits.undeclared_percent).div_ceil(100);
    let allowed = share.min(input.limits.undeclared_at_most);
    if undeclared.len() as u64 <= allowed {
        return Vec::new();
    }
    let why = format!("{} undeclared deletions where the garden allows {allowed}", undeclared.len());
    undeclared
        .into_iter()
        .map(|action| BrokenPromise { action, promise: Promise::CleanPrune, why: why.clone() })
        .collect()
}

fn is_delete(action: &Action) -> bool {
    matches!(action.deed, Deed::Delete { .. })
}

/// Whether an object is of a kind that holds people's data whatever anyone says of it.
pub(super) fn is_data(id: &ObjectId) -> bool {
    DATA_KINDS.contains(&(id.group(), &*id.kind))
}

fn is_namespace(id: &ObjectId) -> bool {
    (id.group(), &*id.kind) == ("", "Namespace")
}

pub(super) fn entry<'a>(input: &GuardInput<'a>, id: &ObjectId) -> Option<&'a Entry> {
    input.inventory.find(id).map(|(_, entry)| entry)
}

pub(super) fn live<'a>(input: &GuardInput<'a>, id: &ObjectId) -> Option<&'a LiveObject> {
    let exact = input.live.objects.get(id);
    exact.or_else(|| {
        let mut others = input.live.objects.iter();
        others.find(|(other, _)| other.identity() == id.identity()).map(|(_, live)| live)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::KINDS;

    #[test]
    fn what_holds_data_in_the_table_of_kinds_holds_data_here() {
        let missing: Vec<_> = KINDS
            .iter()
            .filter(|row| row.holds_data() && !DATA_KINDS.contains(&(row.id.group, row.id.kind)))
            .map(|row| row.id)
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn a_kind_of_another_group_is_another_kind() {
        let id = |api_version: &str, kind: &str| ObjectId {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: "o".into(),
            name: "postgres".into(),
        };
        assert!(is_data(&id("postgresql.cnpg.io/v1", "Cluster")));
        assert!(!is_data(&id("cluster.x-k8s.io/v1beta1", "Cluster")));
        assert!(is_namespace(&id("v1", "Namespace")) && !is_namespace(&id("example.org/v1", "Namespace")));
    }
}
