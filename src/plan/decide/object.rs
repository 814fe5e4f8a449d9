//! What is done with each desired object.

use std::collections::BTreeSet;

use serde_json::Value;

use super::action::{Action, Base, FieldChange, Place, What};
use super::create::{causes, create};
use super::databases;
use super::deed::Deed;
use super::gone::Losses;
use super::immutable;
use super::job;
use super::prospect::{Prospect, overlaid, prospect, reckoned};
use super::reason::{Adopting, Changing, Holding, Keeping, LeftToOthers, Refusing, Replacing};
use super::stops::{keeps_its_claims, renamed};
use super::take_over;
use crate::merge::Displacement;
use crate::model::FieldDecision;
use crate::plan::state::decisions::{self, LeftField, body_without};
use crate::plan::state::input::{AppliedBefore, is_taken, kind_key};
use crate::plan::state::live::{Conflict, DryRun};
use crate::plan::state::standing::{Index, Standing};
use crate::plan::state::union::{self, Siblings};
use crate::plan::state::{owners, path};
use crate::plan::tell::diff::{Compared, diff};
use crate::plan::tell::words::people;
use crate::plan::{Entry, Input, LiveObject, desired_hash, values_hash};
use crate::policy::protected::at_pointer;
use crate::render::Object;
use crate::source::Span;

/// The action of one desired object; `None` for an object of a retired app that is not made (any more).
pub(in crate::plan) fn object(
    input: &Input<'_>,
    index: &Index<'_>,
    losses: &Losses,
    object: &Object,
) -> Option<Action> {
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
    if let Some(once) = &object.once {
        return job::job(input, index, object, once);
    }
    if let Some(lost) = losses.of(&object.id)
        && !matches!(standing, Standing::Refused(Refusing::OtherGarden { .. }))
    {
        return Some(lost.decided(input, object));
    }
    Some(match standing {
        Standing::Absent(entry) if object.holds_data && index.is_never_made(object.app.as_ref(), entry) => return None,
        Standing::Absent(entry) => create(input, object, entry),
        Standing::Terminating => action(input, object, Deed::keep(Keeping::Terminating)),
        Standing::Refused(why) => action(input, object, Deed::refused(why)),
        Standing::Adopted(live) => compare(input, object, live, None),
        Standing::Ours { live, entry } => compare(input, object, live, Some(entry)),
    })
}

/// An action of `object`, with nothing known of its fields yet.
pub(super) fn action(input: &Input<'_>, object: &Object, deed: Deed) -> Action {
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
    /// Fields that are left to others.
    left: Vec<LeftField>,
}

pub(super) fn compare(input: &Input<'_>, object: &Object, live: &LiveObject, entry: Option<&Entry>) -> Action {
    let left = decisions::left(input.schemas, input.directives, object, &live.body);
    let wanted = body_without(object, entry, Some(&live.body), &left);
    let asked = input.live.dry_runs.get(&object.id);
    if entry.is_some() && asked.is_none() && union::is_as_wanted(input.schemas, &live.body, &wanted) {
        return action(input, object, Deed::keep(as_it_should_be(input, &left)));
    }
    let applied = AppliedBefore::of(object, entry);
    let tools = if entry.is_none() { take_over::tools(&live.body) } else { Vec::new() };
    let hand_over = take_over::handed_over(object, live, entry, &wanted);
    let there = There { input, object, live, entry, wanted: &wanted, asked, applied, tools, hand_over, left };
    let prospect = there.prospect();
    let after = prospect.after.as_deref().unwrap_or(&wanted);
    let mut changes = changes(input, object, Some(&live.body), after, &wanted, applied);
    let base = Base {
        uid: live.uid.clone(),
        resource_version: live.resource_version.clone(),
        values_hash: values_hash(&live.body, Some(&wanted), &changes),
    };
    changes.retain(|change| hand_over.is_none() || change.path != "spec.replicas");
    let deed = there.decided(&prospect, &changes, base);
    let note = deed.verb().writes().then(|| there.note(&prospect, &changes)).flatten();
    let causes = causes(&deed, asked);
    let conflicts = prospect
        .conflicts
        .into_iter()
        .chain(prospect.siblings.iter().flat_map(|one| in_the_way(object, one)))
        .collect();
    // Where nothing moves but our books there is nothing to verify.
    let verified = prospect.verified || matches!(deed, Deed::Change { why: Changing::Interrupted, .. });
    Action { changes, conflicts, causes, verified, note, ..action(input, object, deed) }
}

impl There<'_> {
    /// What applying it would come to.
    fn prospect(&self) -> Prospect<'_> {
        let Self { input, live, wanted, asked, .. } = self;
        let taken_over = take_over::taken_over(&live.body).filter(|_| !self.tools.is_empty()).map(|ours| {
            let mut body = (*live.body).clone();
            body["metadata"]["managedFields"] = ours;
            body
        });
        let body = taken_over.as_ref().unwrap_or(&live.body);
        if let Some(displacement) = union::displacement(input.schemas, body, wanted) {
            return self.displaced(body, &displacement);
        }
        match taken_over {
            // The server was asked without it, so only what it refuses of the object itself counts.
            Some(body) => {
                Prospect { refused: prospect(input, live, wanted, *asked).refused, ..reckoned(input, &body, wanted) }
            }
            None => prospect(input, live, wanted, *asked),
        }
    }

    /// What applying it comes to once what cannot stand beside ours is gone. The server was asked about that alone.
    fn displaced(&self, body: &Value, displacement: &Displacement) -> Prospect<'_> {
        let Self { input, wanted, asked, applied, .. } = self;
        let Some(patched) = union::patched(input.schemas, body, displacement) else {
            return reckoned(input, body, wanted);
        };
        let siblings = union::siblings(input.schemas, body, wanted, displacement, *applied);
        let conflicts = reckoned(input, body, wanted).conflicts;
        let refused = match asked {
            Some(DryRun::Refused { status, message, .. }) => {
                Some(Refusing::ServerRefused { status: *status, message: message.clone() })
            }
            _ => None,
        };
        let verified = matches!(asked, Some(DryRun::Accepted | DryRun::Refused { .. }));
        Prospect { conflicts, siblings, verified, refused, ..reckoned(input, &patched, wanted) }
    }

    /// What is written in the books of others, or taken away from them, in words.
    fn note(&self, prospect: &Prospect<'_>, changes: &[FieldChange]) -> Option<String> {
        let stops = databases::stops(self.input, self.object, changes);
        let tools =
            (!self.tools.is_empty()).then(|| format!("the fields of {} become parcelle's", people(&self.tools)));
        let away = prospect.siblings.iter().map(|siblings| {
            let (away, ours) = (people(&siblings.away), people(&siblings.ours));
            if siblings.is_undoing {
                return format!("takes away {away}, which undoes what {ours} is for");
            }
            format!("takes away {away}, which cannot stand beside {ours}")
        });
        let left = (!self.left.is_empty()).then(|| left_to_others(self.input, &self.left).to_string());
        let notes: Vec<String> = tools.into_iter().chain(away).chain(left).chain(stops).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    /// What is done with it.
    fn decided(&self, prospect: &Prospect<'_>, changes: &[FieldChange], base: Base) -> Deed {
        let id = &self.object.id;
        // Whether a field may change in place is known beforehand: an invalid value is never read as an immutable field.
        if let Some(path) = immutable::violated(id, &self.live.body, changes)
            && !immutable::is_invalid_besides(&path, self.asked)
        {
            let holds_data = self.object.holds_data || id.facts().may_hold_data();
            let renamed = self.entry.and_then(|entry| renamed(self.input, self.object.app.as_ref(), entry));
            if let Some((from, to)) = renamed.filter(|_| keeps_its_claims(self.object, &self.live.body)) {
                return Deed::Replace { why: Replacing::Renamed { from, to }, base };
            }
            return if holds_data {
                Deed::Refused { why: Refusing::ImmutableWithData { path }, base: Some(base) }
            } else if self.entry.is_none() {
                Deed::Refused { why: Refusing::AdoptedOtherwise { path }, base: Some(base) }
            } else {
                Deed::Replace { why: Replacing::Immutable { path }, base }
            };
        }
        if let Some(why) = &prospect.refused {
            return Deed::Refused { why: why.clone(), base: Some(base) };
        }
        let (drifted, others): (Vec<_>, Vec<_>) =
            prospect.conflicts.iter().partition(|conflict| self.applied.holds(&conflict.field));
        let (moved, newly): (Vec<_>, Vec<_>) = prospect.siblings.iter().partition(|siblings| siblings.is_drift);
        let is_allowed =
            others.iter().all(|conflict| is_taken(self.input.directives, self.object, self.entry, conflict))
                && newly.iter().all(|siblings| self.may_take_away(siblings));
        if !is_allowed {
            return Deed::Refused { why: Refusing::Conflict, base: Some(base) };
        }
        if let Some(siblings) = prospect.siblings.first().filter(|_| self.object.holds_data || id.facts().holds_data())
        {
            let path = siblings.away.first().cloned().unwrap_or_default();
            return Deed::Refused {
                why: Refusing::SiblingWithData { path, by: siblings.by.clone() },
                base: Some(base),
            };
        }
        let force = !prospect.conflicts.is_empty();
        let take_away: Vec<String> = prospect.siblings.iter().flat_map(|siblings| siblings.away.clone()).collect();
        let Some(entry) = self.entry else {
            let take_over = self.tools.clone();
            return Deed::Adopt { why: Adopting::AdoptSaid, base, force, take_over, take_away };
        };
        if changes.is_empty() && !force && take_away.is_empty() {
            return self.without_changes(prospect, base);
        }
        let drifted = drifted.into_iter().map(|conflict| &conflict.manager);
        let drifted = drifted.chain(moved.iter().flat_map(|siblings| &siblings.by));
        let drifted = drifted.chain(changes.iter().flat_map(|change| &change.drift_by));
        let by = names(drifted.filter(|manager| !union::is_ours_for_a_moment(manager)));
        let from =
            names(others.into_iter().map(|conflict| &conflict.manager).chain(newly.iter().flat_map(|one| &one.by)));
        let is_same = entry.desired_hash == desired_hash(self.object);
        let renamed = renamed(self.input, self.object.app.as_ref(), entry);
        let why = match (is_same, by.is_empty()) {
            (_, true) if !from.is_empty() => Changing::Taken { from, said: self.taking(prospect) },
            (true, true) => self.left_alone(changes).unwrap_or(Changing::Drift { by }),
            (true, false) => Changing::Drift { by },
            (false, false) => Changing::GardenChangedAndDrift { by },
            (false, true) if self.input.is_renderers() => Changing::RendererChanged,
            (false, true) => renamed.map_or(Changing::GardenChanged, |(from, to)| Changing::Renamed { from, to }),
        };
        Deed::Change { why, base, force, hand_over: self.hand_over, take_away }
    }

    /// The lines that take fields of others.
    fn taking(&self, prospect: &Prospect<'_>) -> Vec<Place> {
        let fields = prospect.conflicts.iter().map(|conflict| &conflict.field);
        let fields = fields.chain(prospect.siblings.iter().flat_map(|one| one.ours.iter().chain(&one.away)));
        let said = fields.filter_map(|field| decisions::taking(self.input.directives, self.object, field));
        places(self.input, said.map(|decision| decision.span))
    }

    /// Why fields move that were left to others until now: all that does was not applied last, and the garden says `leave`.
    fn left_alone(&self, changes: &[FieldChange]) -> Option<Changing> {
        let leaves = self.input.directives.about(self.object).filter(|decision| !decision.take);
        let leaves: Vec<&FieldDecision> = leaves.collect();
        let of = |change: &FieldChange| {
            let was_left = !self.applied.holds(&change.path);
            leaves.iter().find(|one| was_left && path::covers(&path::plain(&one.path), &change.path))
        };
        let said = changes.iter().map(of).collect::<Option<Vec<_>>>()?;
        let fields = changes.iter().map(|change| change.path.clone()).collect();
        let said = places(self.input, said.into_iter().map(|decision| decision.span));
        (!changes.is_empty()).then_some(Changing::LeftAlone { fields, said })
    }

    /// Whether what we had not applied before may be taken away: it is nobody's, or the garden says `field … take`.
    fn may_take_away(&self, siblings: &Siblings) -> bool {
        let mut fields = siblings.ours.iter().chain(&siblings.away);
        let is_said = |field: &String| decisions::taking(self.input.directives, self.object, field).is_some();
        siblings.by.is_empty() || fields.any(is_said)
    }

    /// What is done where nothing that people can see moves: what we hold may, since the apply makes us its owner.
    fn without_changes(&self, prospect: &Prospect<'_>, base: Base) -> Deed {
        let after = prospect.after.as_deref().unwrap_or(self.wanted);
        if owners::ours(&self.live.body) != owners::ours(after) {
            let passes = self.left.iter().any(|field| field.is_ours(&self.live.body));
            let why = match self.hand_over {
                Some(_) => Changing::HandedOver,
                None if passes => Changing::Left(left_to_others(self.input, &self.left)),
                None => Changing::OwnershipOnly,
            };
            return Deed::Change { why, base, force: false, hand_over: self.hand_over, take_away: Vec::new() };
        }
        if union::has_passing(&self.live.body) && self.entry.is_some() {
            let why = Changing::Interrupted;
            return Deed::Change { why, base, force: false, hand_over: None, take_away: Vec::new() };
        }
        let why = match self.rewritten(after) {
            Some(path) => Keeping::Rewritten { path },
            None => as_it_should_be(self.input, &self.left),
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

/// Who stands in the way of what we say, where only one of several may be said. What is theirs is named where ours is
/// protected: it may be taken away by word.
fn in_the_way(object: &Object, siblings: &Siblings) -> Vec<Conflict> {
    let kind = decisions::kind_of(&object.id);
    let is_open = |field: &&String| at_pointer(kind, &object.body, &path::pointer(&object.body, field).0).is_none();
    let ours = siblings.ours.first().filter(is_open);
    let field = ours.or(siblings.away.first()).cloned().unwrap_or_default();
    siblings.by.iter().map(|manager| Conflict { manager: manager.clone(), field: format!(".{field}") }).collect()
}

/// Why an object that is as it should be is kept: with the lines where fields of it are left to others.
fn as_it_should_be(input: &Input<'_>, left: &[LeftField]) -> Keeping {
    if left.is_empty() { Keeping::Unchanged } else { Keeping::LeftToOthers(left_to_others(input, left)) }
}

/// Fields that are left to others, as plans tell it.
fn left_to_others(input: &Input<'_>, left: &[LeftField]) -> LeftToOthers {
    LeftToOthers {
        fields: left.iter().map(LeftField::field).collect(),
        to: names(left.iter().flat_map(|field| &field.by)),
        said: places(input, left.iter().map(|field| field.said)),
    }
}

/// The places of some lines, each once.
fn places(input: &Input<'_>, spans: impl Iterator<Item = Span>) -> Vec<Place> {
    spans.map(|span| Place::of(input.sources, span)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Names in order, each once.
fn names<'n>(managers: impl Iterator<Item = &'n String>) -> Vec<String> {
    managers.cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

pub(super) fn changes(
    input: &Input<'_>,
    object: &Object,
    before: Option<&Value>,
    after: &Value,
    wanted: &Value,
    applied: AppliedBefore<'_>,
) -> Vec<FieldChange> {
    let (origins, sources, schemas) = (&object.origins, input.sources, input.schemas);
    diff(&Compared { before, after, wanted, origins, sources, applied, schemas })
}
