//! What is done with each desired object.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::action::{Action, Base, FieldChange, Place, What};
use super::deed::Deed;
use super::immutable;
use super::reason::{Adopting, Changing, Creating, Holding, Keeping, Refusing, Replacing};
use super::take_over;
use crate::merge::{self, ApplyError, ApplyOptions};
use crate::plan::state::directives::means;
use crate::plan::state::input::{AppliedBefore, body_to_send, is_taken, kind_key};
use crate::plan::state::live::{Cause, Conflict, DryRun};
use crate::plan::state::owners;
use crate::plan::state::standing::{Index, Standing};
use crate::plan::tell::diff::{Compared, diff};
use crate::plan::tell::words::people;
use crate::plan::{Entry, Input, LiveObject, MANAGER, desired_hash, values_hash};
use crate::render::Object;

/// The action of one desired object; `None` for an object of a retired app that is not made (any more).
pub(in crate::plan) fn object(input: &Input<'_>, index: &Index<'_>, object: &Object) -> Option<Action> {
    if input.live.settled.contains_key(&object.id) {
        return Some(action(input, object, Deed::keep(Keeping::Unchanged)));
    }
    if let Some(why) = input.live.unread.get(&kind_key(&object.id)) {
        return Some(action(input, object, Deed::held(Holding::NotRead { why: why.clone() })));
    }
    let standing = index.standing(input, &object.id);
    if index.is_past(input.now, object.app.as_ref()) {
        return None;
    }
    Some(match standing {
        Standing::Absent(entry) => create(input, object, entry),
        Standing::Terminating => action(input, object, Deed::keep(Keeping::Terminating)),
        Standing::Refused(why) => action(input, object, Deed::refused(why)),
        Standing::Adopted(live) => compare(input, object, live, None),
        Standing::Ours { live, entry } => compare(input, object, live, Some(entry)),
    })
}

/// An action of `object`, with nothing known of its fields yet.
fn action(input: &Input<'_>, object: &Object, deed: Deed) -> Action {
    Action {
        id: object.id.clone(),
        deed,
        what: What::Object,
        app: object.app.clone(),
        stage: object.stage,
        holds_data: object.holds_data,
        origin: object.origins.of("").map(|span| Place::of(input.sources, span)),
        changes: Vec::new(),
        conflicts: Vec::new(),
        causes: Vec::new(),
        verified: true,
        desired_hash: desired_hash(object),
        note: None,
    }
}

fn create(input: &Input<'_>, object: &Object, entry: Option<&Entry>) -> Action {
    let why = match entry {
        None => Creating::NotThere,
        Some(entry) if entry.uid().is_some() => Creating::DeletedBehindOurBack { with_data: takes_data(object) },
        Some(_) => Creating::Resumed,
    };
    let wanted = body_to_send(object, input.directives, None);
    let changes = changes(input, object, None, &wanted, &wanted, AppliedBefore::Nothing);
    let (deed, verified) = match input.live.dry_runs.get(&object.id) {
        Some(DryRun::Result(_) | DryRun::Accepted) => (Deed::Create(why), true),
        Some(DryRun::Refused { status, message, .. }) => {
            (Deed::refused(Refusing::ServerRefused { status: *status, message: message.clone() }), true)
        }
        Some(DryRun::NotVerified(_) | DryRun::Conflict { .. }) | None => (Deed::Create(why), false),
    };
    let causes = causes(&deed, input.live.dry_runs.get(&object.id));
    Action { changes, causes, verified, ..action(input, object, deed) }
}

/// The fields that the server named when it refused.
fn causes(deed: &Deed, asked: Option<&DryRun>) -> Vec<Cause> {
    match (deed, asked) {
        (Deed::Refused { why: Refusing::ServerRefused { .. }, .. }, Some(DryRun::Refused { causes, .. })) => {
            causes.clone()
        }
        _ => Vec::new(),
    }
}

/// Whether deleting the object by hand loses data. What is inside of a database server stays there, by its policy.
fn takes_data(object: &Object) -> bool {
    let policy = object.id.facts().reclaim_policy;
    object.holds_data && policy.is_none_or(|policy| object.body["spec"][policy.field()] != "retain")
}

/// What applying an object would come to.
struct Prospect<'a> {
    after: Option<Cow<'a, Value>>,
    conflicts: Vec<Conflict>,
    verified: bool,
    refused: Option<Refusing>,
}

/// An object that is there, beside what the garden asks of it.
struct There<'a> {
    input: &'a Input<'a>,
    object: &'a Object,
    live: &'a LiveObject,
    /// Absent for one that is adopted.
    entry: Option<&'a Entry>,
    /// The body that would be sent.
    wanted: &'a Value,
    /// What the server said of it.
    asked: Option<&'a DryRun>,
    /// What we applied of it before.
    applied: AppliedBefore<'a>,
    /// The tools that made it, of one that is adopted.
    tools: Vec<String>,
    /// The number of replicas that passes from us to an autoscaler.
    hand_over: Option<u64>,
}

fn compare(input: &Input<'_>, object: &Object, live: &LiveObject, entry: Option<&Entry>) -> Action {
    let wanted = body_to_send(object, input.directives, entry);
    let asked = input.live.dry_runs.get(&object.id);
    if entry.is_some() && asked.is_none() && !merge::would_change(input.schemas, &live.body, &wanted, MANAGER) {
        return action(input, object, Deed::keep(as_it_should_be(input, object)));
    }
    let applied = AppliedBefore::of(object, entry);
    let tools = if entry.is_none() { take_over::tools(&live.body) } else { Vec::new() };
    let hand_over = handed_over(object, live, entry, &wanted);
    let there = There { input, object, live, entry, wanted: &wanted, asked, applied, tools, hand_over };
    let prospect = there.prospect();
    let after = prospect.after.as_deref().unwrap_or(&wanted);
    let mut changes = changes(input, object, Some(&live.body), after, &wanted, applied);
    let base = Base {
        uid: live.uid.clone(),
        resource_version: live.resource_version.clone(),
        values_hash: values_hash(&live.body, Some(&wanted), &changes),
    };
    changes.retain(|change| hand_over.is_none() || change.path != "spec.replicas");
    let note = (!there.tools.is_empty()).then(|| format!("the fields of {} become parcelle's", people(&there.tools)));
    let deed = there.decided(&prospect, &changes, base);
    let causes = causes(&deed, asked);
    let (conflicts, verified) = (prospect.conflicts, prospect.verified);
    Action { changes, conflicts, causes, verified, note, ..action(input, object, deed) }
}

impl There<'_> {
    /// What applying it would come to.
    fn prospect(&self) -> Prospect<'_> {
        let Self { input, live, wanted, asked, .. } = self;
        match after_take_over(input, live, wanted, &self.tools) {
            // The server was asked without it, so only what it refuses of the object itself counts.
            Some(reckoned) => Prospect { refused: prospect(input, live, wanted, *asked).refused, ..reckoned },
            None => prospect(input, live, wanted, *asked),
        }
    }

    /// What is done with it.
    fn decided(&self, prospect: &Prospect<'_>, changes: &[FieldChange], base: Base) -> Deed {
        let id = &self.object.id;
        // Whether a field may change in place is known beforehand: an invalid value is never read as an immutable field.
        if let Some(path) = immutable::violated(id, &self.live.body, changes)
            && !immutable::is_invalid_besides(&path, self.asked)
        {
            let holds_data = self.object.holds_data || id.facts().may_hold_data();
            return if holds_data {
                Deed::Refused { why: Refusing::ImmutableWithData { path }, base: Some(base) }
            } else {
                Deed::Replace { why: Replacing::Immutable { path }, base }
            };
        }
        if let Some(why) = &prospect.refused {
            return Deed::Refused { why: why.clone(), base: Some(base) };
        }
        let (drifted, others): (Vec<_>, Vec<_>) =
            prospect.conflicts.iter().partition(|conflict| self.applied.holds(&conflict.field));
        if !others.iter().all(|conflict| is_taken(self.input.directives, self.object, self.entry, conflict)) {
            return Deed::Refused { why: Refusing::Conflict, base: Some(base) };
        }
        let force = !prospect.conflicts.is_empty();
        let Some(entry) = self.entry else {
            return Deed::Adopt { why: Adopting::AdoptSaid, base, force, take_over: self.tools.clone() };
        };
        if changes.is_empty() && !force {
            return self.without_changes(prospect, base);
        }
        let drifted = drifted.into_iter().map(|conflict| &conflict.manager);
        let by = names(drifted.chain(changes.iter().flat_map(|change| &change.drift_by)));
        let from = names(others.into_iter().map(|conflict| &conflict.manager));
        let why = match (entry.desired_hash == desired_hash(self.object), by.is_empty()) {
            (true, _) => Changing::Drift { by },
            (false, false) => Changing::GardenChangedAndDrift { by },
            (false, true) if !from.is_empty() => Changing::Taken { from },
            (false, true) if is_renderers(self.input) => Changing::RendererChanged,
            (false, true) => Changing::GardenChanged,
        };
        Deed::Change { why, base, force, hand_over: self.hand_over }
    }

    /// What is done where nothing that people can see moves: what we hold may, since the apply makes us its owner.
    fn without_changes(&self, prospect: &Prospect<'_>, base: Base) -> Deed {
        let after = prospect.after.as_deref().unwrap_or(self.wanted);
        if owners::ours(&self.live.body) != owners::ours(after) {
            let why = if self.hand_over.is_some() { Changing::HandedOver } else { Changing::OwnershipOnly };
            return Deed::Change { why, base, force: false, hand_over: self.hand_over };
        }
        let why = match self.rewritten(after) {
            Some(path) => Keeping::Rewritten { path },
            None => as_it_should_be(self.input, self.object),
        };
        Deed::Keep { why, base: Some(base) }
    }

    /// The first field that the server would not take as we send it: something on its way in (a mutating webhook) changes it.
    fn rewritten(&self, after: &Value) -> Option<String> {
        let Self { input, object, wanted, .. } = *self;
        let known = input.schemas.kind(&object.id.api_version, &object.id.kind).is_some();
        if !known || !matches!(self.asked, Some(DryRun::Result(_))) {
            return None;
        }
        let as_sent = overlaid(after, wanted);
        let changes = changes(input, object, Some(after), &as_sent, wanted, AppliedBefore::Nothing);
        changes.into_iter().next().map(|change| change.path)
    }
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
fn handed_over(object: &Object, live: &LiveObject, entry: Option<&Entry>, wanted: &Value) -> Option<u64> {
    let scales = object.id.facts().scales && entry.is_some();
    let held = owners::ours(&live.body).is_some_and(|fields| fields.pointer("/f:spec/f:replicas").is_some());
    let replicas = live.body.pointer("/spec/replicas")?.as_u64()?;
    (scales && held && wanted.pointer("/spec/replicas").is_none()).then_some(replicas)
}

/// Why an object that is as it should be is kept: a word where fields of it are left to others.
fn as_it_should_be(input: &Input<'_>, object: &Object) -> Keeping {
    let left = input
        .directives
        .fields
        .iter()
        .any(|decision| !decision.take && means(&decision.kind, &decision.name, &object.id));
    if left { Keeping::LeftToOthers } else { Keeping::Unchanged }
}

/// Whether the commit is the applied one and only parcelle is another.
fn is_renderers(input: &Input<'_>) -> bool {
    let inventory = input.inventory;
    !input.commit.is_empty() && inventory.commit == input.commit && inventory.renderer_hash != input.renderer_hash
}

/// Names in order, each once.
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
            let refused = Some(Refusing::ServerRefused { status: *status, message: message.clone() });
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
            let conflict = |conflict: merge::FieldManagerConflict| Conflict {
                field: conflict.path.to_string(),
                manager: conflict.manager,
            };
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
    applied: AppliedBefore<'_>,
) -> Vec<FieldChange> {
    diff(&Compared { before, after, wanted, origins: &object.origins, sources: input.sources, applied })
}
