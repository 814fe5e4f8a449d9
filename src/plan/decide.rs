//! What is done with each desired object.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};

use super::action::{Action, Base, FieldChange, Place, Verb, What};
use super::diff::{Compared, diff};
use super::input::{body_to_send, is_taken, kind_key, was_ours};
use super::live::{Conflict, DryRun};
use super::reason::{Reason, people};
use super::said::means;
use super::standing::{Index, Standing};
use super::{Entry, Input, LiveObject, MANAGER, desired_hash, immutable, owners, take_over, values_hash};
use crate::merge::{self, ApplyError, ApplyOptions};
use crate::render::Object;

/// The action of one desired object; `None` for an object of a retired app that is not made (any more).
pub(super) fn object(input: &Input<'_>, index: &Index<'_>, object: &Object) -> Option<Action> {
    if input.live.settled.contains_key(&object.id) {
        return Some(action(input, object, Verb::Keep, Reason::Unchanged));
    }
    if let Some(why) = input.live.unread.get(&kind_key(&object.id)) {
        return Some(action(input, object, Verb::Held, Reason::NotRead { why: why.clone() }));
    }
    let standing = index.standing(input, &object.id);
    if index.is_past(input.now, object.app.as_ref()) {
        return None;
    }
    Some(match standing {
        Standing::Absent(entry) => create(input, object, entry),
        Standing::Terminating => action(input, object, Verb::Keep, Reason::Terminating),
        Standing::Refused(reason) => action(input, object, Verb::Refused, reason),
        Standing::Adopted(live) => compare(input, object, live, None),
        Standing::Ours { live, entry } => compare(input, object, live, Some(entry)),
    })
}

/// An action of `object` that changes nothing yet.
pub(super) fn action(input: &Input<'_>, object: &Object, verb: Verb, reason: Reason) -> Action {
    Action {
        id: object.id.clone(),
        verb,
        reason,
        what: What::Object,
        app: object.app.clone(),
        stage: object.stage,
        holds_data: object.holds_data,
        origin: object.origins.of("").map(|span| Place::of(input.sources, span)),
        changes: Vec::new(),
        conflicts: Vec::new(),
        causes: Vec::new(),
        verified: true,
        force: false,
        base: None,
        desired_hash: desired_hash(object),
        prepare: None,
        note: None,
    }
}

fn create(input: &Input<'_>, object: &Object, entry: Option<&Entry>) -> Action {
    let reason = match entry {
        None => Reason::NotThere,
        Some(entry) if entry.uid().is_some() => Reason::DeletedBehindOurBack { with_data: takes_data(object) },
        Some(_) => Reason::Resumed,
    };
    let mut action = action(input, object, Verb::Create, reason);
    let wanted = body_to_send(object, input.said, None);
    action.changes = changes(input, object, None, &wanted, &wanted, &|_| false);
    match input.live.dry_runs.get(&object.id) {
        Some(DryRun::Result(_) | DryRun::Accepted) => {}
        Some(DryRun::Refused { status, message, causes }) => {
            action.verb = Verb::Refused;
            action.reason = Reason::ServerRefused { status: *status, message: message.clone() };
            action.causes.clone_from(causes);
        }
        Some(DryRun::NotVerified(_) | DryRun::Conflict { .. }) | None => action.verified = false,
    }
    action
}

/// Whether deleting the object by hand loses data. What is inside of a database server stays there, by its policy.
fn takes_data(object: &Object) -> bool {
    let policy = object.id.facts().reclaim_field;
    object.holds_data && policy.is_none_or(|policy| object.body["spec"][policy] != "retain")
}

/// What applying an object would come to.
struct Prospect<'a> {
    after: Option<Cow<'a, Value>>,
    conflicts: Vec<Conflict>,
    verified: bool,
    refused: Option<Reason>,
}

fn compare(input: &Input<'_>, object: &Object, live: &LiveObject, entry: Option<&Entry>) -> Action {
    let wanted = body_to_send(object, input.said, entry);
    let mut action = action(input, object, Verb::Change, Reason::GardenChanged);
    let asked = input.live.dry_runs.get(&object.id);
    if entry.is_some() && asked.is_none() && !merge::would_change(input.schemas, &live.body, &wanted, MANAGER) {
        return settled(input, object, action);
    }
    let tools = if entry.is_none() { take_over::tools(&live.body) } else { Vec::new() };
    let prospect = match after_take_over(input, live, &wanted, &tools) {
        // The server was asked without it, so only what it refuses of the object itself counts.
        Some(reckoned) => Prospect { refused: prospect(input, live, &wanted, asked).refused, ..reckoned },
        None => prospect(input, live, &wanted, asked),
    };
    let was_ours = was_ours(object, entry);
    let after = prospect.after.as_deref().unwrap_or(&wanted);
    action.changes = changes(input, object, Some(&live.body), after, &wanted, &was_ours);
    action.verified = prospect.verified;
    action.conflicts = prospect.conflicts;
    let base = Base {
        uid: live.uid.clone(),
        resource_version: live.resource_version.clone(),
        values_hash: values_hash(&live.body, Some(&wanted), &action.changes),
    };
    action.base = Some(base);
    action.prepare = handed_over(object, live, entry, &wanted);
    action.changes.retain(|change| action.prepare.is_none() || change.path != "spec.replicas");
    if !tools.is_empty() {
        action.note = Some(format!("the fields of {} become parcelle's", people(&tools)));
        action.prepare = Some(json!({ "takeOver": tools }));
    }
    // Whether a field may change in place is known beforehand: an invalid value is never read as an immutable field.
    if let Some(path) = immutable::violated(&object.id, &live.body, &action.changes)
        && !immutable::is_invalid_besides(&path, asked)
    {
        let holds_data = object.holds_data || object.id.facts().may_hold_data();
        (action.verb, action.reason) = if holds_data {
            (Verb::Refused, Reason::ImmutableWithData { path })
        } else {
            (Verb::Replace, Reason::Immutable { path })
        };
        return action;
    }
    if let Some(reason) = prospect.refused {
        if let Some(DryRun::Refused { causes, .. }) = asked {
            action.causes.clone_from(causes);
        }
        (action.verb, action.reason) = (Verb::Refused, reason);
        return action;
    }
    // Nothing that people can see may move, and still what we hold does: the apply makes us its owner.
    let takes_note = owners::ours(&live.body) != owners::ours(after);
    let rewritten = || rewritten(input, object, after, &wanted, asked);
    decided(input, object, entry, action, &was_ours, (takes_note, &rewritten))
}

/// What an adoption comes to once the part of the tools that made the object is ours; absent where no tool did.
fn after_take_over<'a>(input: &Input<'_>, live: &LiveObject, wanted: &Value, tools: &[String]) -> Option<Prospect<'a>> {
    let ours = take_over::taken_over(&live.body).filter(|_| !tools.is_empty())?;
    let mut body = (*live.body).clone();
    body["metadata"]["managedFields"] = ours;
    Some(reckoned(input, &body, wanted))
}

/// The number of replicas that passes from us to an autoscaler: as it is live, to be held by a second manager before we drop
/// it, since it would fall back to 1 otherwise.
fn handed_over(object: &Object, live: &LiveObject, entry: Option<&Entry>, wanted: &Value) -> Option<Value> {
    let scales = object.id.facts().scales && entry.is_some();
    let held = owners::ours(&live.body).is_some_and(|fields| fields.pointer("/f:spec/f:replicas").is_some());
    let replicas = live.body.pointer("/spec/replicas")?;
    (scales && held && wanted.pointer("/spec/replicas").is_none()).then(|| json!({"spec": {"replicas": replicas}}))
}

/// The first field that the server would not take as we send it: something on its way in (a mutating webhook) changes it.
fn rewritten(
    input: &Input<'_>,
    object: &Object,
    after: &Value,
    wanted: &Value,
    asked: Option<&DryRun>,
) -> Option<String> {
    let known = input.schemas.kind(&object.id.api_version, &object.id.kind).is_some();
    if !known || !matches!(asked, Some(DryRun::Result(_))) {
        return None;
    }
    let as_sent = overlaid(after, wanted);
    let changes = changes(input, object, Some(after), &as_sent, wanted, &|_| false);
    changes.into_iter().next().map(|change| change.path)
}

/// An object that is as it should be: a word where fields of it are left to others.
fn settled(input: &Input<'_>, object: &Object, mut action: Action) -> Action {
    let left =
        input.said.fields.iter().any(|decision| !decision.take && means(&decision.kind, &decision.name, &object.id));
    action.verb = Verb::Keep;
    action.reason = if left { Reason::LeftToOthers } else { Reason::Unchanged };
    action
}

/// Verb, reason and force of an object that may change in place.
fn decided(
    input: &Input<'_>,
    object: &Object,
    entry: Option<&Entry>,
    mut action: Action,
    was_ours: &dyn Fn(&str) -> bool,
    (takes_note, rewritten): (bool, &dyn Fn() -> Option<String>),
) -> Action {
    let (drifted, others): (Vec<_>, Vec<_>) = action.conflicts.iter().partition(|conflict| was_ours(&conflict.field));
    let taken = others.iter().all(|conflict| is_taken(input.said, object, entry, conflict));
    if !taken {
        (action.verb, action.reason) = (Verb::Refused, Reason::Conflict);
        return action;
    }
    let from = names(others.iter().map(|conflict| &conflict.manager));
    let mut by = names(drifted.iter().map(|conflict| &conflict.manager));
    by.extend(action.changes.iter().flat_map(|change| change.drift_by.iter().cloned()));
    by.sort();
    by.dedup();
    action.force = !action.conflicts.is_empty();
    let Some(entry) = entry else {
        (action.verb, action.reason) = (Verb::Adopt, Reason::AdoptSaid);
        return action;
    };
    if action.changes.is_empty() && action.conflicts.is_empty() {
        if !takes_note {
            return match rewritten() {
                Some(path) => Action { verb: Verb::Keep, reason: Reason::Rewritten { path }, ..action },
                None => settled(input, object, action),
            };
        }
        action.reason = if action.prepare.is_some() { Reason::HandedOver } else { Reason::OwnershipOnly };
        return action;
    }
    let same = entry.desired_hash == action.desired_hash;
    action.reason = match (same, by.is_empty()) {
        (true, _) => Reason::Drift { by },
        (false, false) => Reason::GardenChangedAndDrift { by },
        (false, true) if !from.is_empty() => Reason::Taken { from },
        (false, true) if is_renderers(input) => Reason::RendererChanged,
        (false, true) => Reason::GardenChanged,
    };
    action
}

/// Whether the commit is the applied one and only parcelle is another.
fn is_renderers(input: &Input<'_>) -> bool {
    let inventory = input.inventory;
    !input.commit.is_empty() && inventory.commit == input.commit && inventory.renderer_hash != input.renderer_hash
}

fn names<'n>(managers: impl Iterator<Item = &'n String>) -> Vec<String> {
    let mut names: Vec<_> = managers.cloned().collect();
    names.sort();
    names.dedup();
    names
}

/// The server's word where it was asked, our own reckoning where not.
fn prospect<'a>(input: &Input<'a>, live: &LiveObject, wanted: &Value, asked: Option<&'a DryRun>) -> Prospect<'a> {
    let verified = |after: &'a Arc<Value>| Prospect {
        after: Some(Cow::Borrowed(&**after)),
        conflicts: Vec::new(),
        verified: true,
        refused: None,
    };
    match asked {
        Some(DryRun::Result(after)) => verified(after),
        Some(DryRun::Conflict { conflicts, forced: Some(after) }) => {
            Prospect { conflicts: conflicts.clone(), ..verified(after) }
        }
        Some(DryRun::Conflict { conflicts, forced: None }) => {
            Prospect { conflicts: conflicts.clone(), verified: true, ..reckoned(input, &live.body, wanted) }
        }
        Some(DryRun::Refused { status, message, .. }) => {
            let refused = Some(Reason::ServerRefused { status: *status, message: message.clone() });
            Prospect { refused, conflicts: Vec::new(), verified: true, ..reckoned(input, &live.body, wanted) }
        }
        Some(DryRun::Accepted) => Prospect { verified: true, ..reckoned(input, &live.body, wanted) },
        Some(DryRun::NotVerified(_)) | None => reckoned(input, &live.body, wanted),
    }
}

/// What applying would come to by the structured merge alone.
fn reckoned<'a>(input: &Input<'_>, live: &Value, wanted: &Value) -> Prospect<'a> {
    // The time goes into managedFields only, which are not compared.
    let options = |force| ApplyOptions { manager: MANAGER, force, subresource: None, now: "1970-01-01T00:00:00Z" };
    let apply = |force| merge::apply(input.schemas, Some(live), wanted, &options(force));
    let (after, conflicts) = match apply(false) {
        Ok(after) => (Some(after), Vec::new()),
        Err(ApplyError::Conflicts(conflicts)) => {
            let conflict =
                |conflict: merge::Conflict| Conflict { field: conflict.path.to_string(), manager: conflict.manager };
            (apply(true).ok(), conflicts.into_iter().map(conflict).collect())
        }
        // Whether the body is valid is for the server to say; until then its own fields are what is known.
        Err(_) => (None, Vec::new()),
    };
    let after = after.unwrap_or_else(|| overlaid(live, wanted));
    Prospect { after: Some(Cow::Owned(after)), conflicts, verified: false, refused: None }
}

/// The live object with the fields of the wanted one laid over it: for kinds without a known schema.
fn overlaid(live: &Value, wanted: &Value) -> Value {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let mut result = live.clone();
            for (key, wanted) in wanted {
                let value = live.get(key).map_or_else(|| wanted.clone(), |live| overlaid(live, wanted));
                result.insert(key.clone(), value);
            }
            Value::Object(result)
        }
        _ => wanted.clone(),
    }
}

fn changes(
    input: &Input<'_>,
    object: &Object,
    before: Option<&Value>,
    after: &Value,
    wanted: &Value,
    was_ours: &dyn Fn(&str) -> bool,
) -> Vec<FieldChange> {
    diff(&Compared { before, after, wanted, origins: &object.origins, sources: input.sources, was_ours })
}
