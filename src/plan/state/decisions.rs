//! `field … take|leave` as it counts now: only where another manager owns the field, never on what is protected, and
//! for objects of the app that says so. Each field that a decision covers is looked at on its own.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::path::{self, covers, plain};
use super::union::{self, is_ours_for_a_moment};
use super::{chosen_once, owners};
use crate::merge::{self, Path, Schemas};
use crate::model::FieldDecision;
use crate::plan::{Directives, Entry, NONCE};
use crate::policy::protected::{GroupAndName, ProtectedField, steps_of, why_protected};
use crate::render::{Object, ObjectId};
use crate::source::Span;

/// A field of ours that is left to whoever owns it now.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::plan) struct LeftField {
    /// The field, without a part of its own.
    path: Path,
    /// Who owns it.
    pub(in crate::plan) by: Vec<String>,
    /// The `field` node.
    pub(in crate::plan) said: Span,
}

impl LeftField {
    /// The field as people read it.
    pub(in crate::plan) fn field(&self) -> String {
        plain(&self.path.to_string())
    }

    /// Whether we own it by applying.
    pub(in crate::plan) fn is_ours(&self, live: &Value) -> bool {
        merge::owned(live, crate::plan::MANAGER).is_some_and(|ours| ours.contains(self.path.elements()))
    }
}

/// The group and the name of an object's kind.
pub(in crate::plan) fn kind_of(id: &ObjectId) -> GroupAndName<'_> {
    (id.group(), &id.kind)
}

/// The fields of an object that the garden leaves to others, given who owns what in the live one.
pub(in crate::plan) fn left(
    schemas: &Schemas,
    directives: &Directives,
    object: &Object,
    live: &Value,
) -> Vec<LeftField> {
    let decisions: Vec<&FieldDecision> = directives.about(object).filter(|decision| !decision.take).collect();
    let mut found = Vec::new();
    if decisions.is_empty() {
        return found;
    }
    let owned = Owned::of(schemas, &object.body, live);
    for decision in decisions {
        for path in covered(schemas, object, &decision.path).into_iter().filter(|_| !is_whole(object, decision)) {
            let by = owned.by(&path);
            let known = found.iter().any(|one: &LeftField| one.path == path);
            if !by.is_empty() && !known && protection(object, &path).is_none() {
                found.push(LeftField { path, by, said: decision.span });
            }
        }
    }
    found
}

/// The first field that a decision covers, that is protected, and that another manager owns now.
pub(in crate::plan) fn barred(
    schemas: &Schemas,
    object: &Object,
    live: &Value,
    decision: &FieldDecision,
) -> Option<ProtectedField> {
    let owned = Owned::of(schemas, &object.body, live);
    let covered = covered(schemas, object, &decision.path).into_iter();
    let mut others = covered.filter(|path| !owned.by(path).is_empty());
    others.find_map(|path| Some(ProtectedField { field: plain(&path.to_string()), why: protection(object, &path)? }))
}

/// Whether another manager owns anything now that a decision covers, or that cannot stand beside it.
pub(in crate::plan) fn is_owned_by_others(
    schemas: &Schemas,
    object: &Object,
    live: &Value,
    decision: &FieldDecision,
) -> bool {
    let owned = Owned::of(schemas, &object.body, live);
    let decided = plain(&decision.path);
    owned.away.iter().any(|away| covers(&decided, away))
        || covered(schemas, object, &decision.path).iter().any(|path| !owned.by(path).is_empty())
}

/// The word `take` about a field that another manager owns, where the garden has it and may.
pub(in crate::plan) fn taking<'d>(
    directives: &'d Directives,
    object: &'d Object,
    field: &str,
) -> Option<&'d FieldDecision> {
    let field = plain(field);
    if why_protected(kind_of(&object.id), &steps_of(&field)).is_some() {
        return None;
    }
    let (at, is_there) = path::pointer(&object.body, &field);
    directives.about(object).filter(|decision| decision.take).find(|decision| {
        let decided = plain(&decision.path);
        let (above, is_known) = path::pointer(&object.body, &decided);
        let inside = |rest: &str| rest.is_empty() || rest.starts_with('/');
        covers(&decided, &field) || (is_there && is_known && at.strip_prefix(&above).is_some_and(inside))
    })
}

/// The body that is sent for an object: as rendered, without the fields that are left to others, with what was chosen once as
/// the `live` one has it, and with the nonce that it was first made with.
pub(in crate::plan) fn body_without<'a>(
    object: &'a Object,
    entry: Option<&Entry>,
    live: Option<&Value>,
    left: &[LeftField],
) -> Cow<'a, Value> {
    let mut body = Cow::Borrowed(&object.body);
    if let Some(kept) = live.and_then(|live| chosen_once::kept(object.id.facts(), live, &object.body)) {
        body = Cow::Owned(kept);
    }
    if !left.is_empty() {
        take_out(body.to_mut(), left);
    }
    if let Some(nonce) = entry.and_then(Entry::nonce)
        && let Some(metadata) = body.to_mut().get_mut("metadata").and_then(Value::as_object_mut)
    {
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(serde_json::Map::new()));
        annotations[NONCE] = nonce.into();
    }
    body
}

/// Whether a decision means an object, or one of its parts, as a whole: nobody sees what goes with it.
fn is_whole(object: &Object, decision: &FieldDecision) -> bool {
    let (pointer, _) = path::pointer(&object.body, &decision.path);
    pointer.matches('/').count() < 2 && object.body.pointer(&pointer).is_some_and(Value::is_object)
}

/// Why a field of an object is protected.
fn protection(object: &Object, path: &Path) -> Option<&'static str> {
    let steps: Vec<&str> = path.elements().iter().filter_map(merge::Element::as_field).collect();
    why_protected(kind_of(&object.id), &steps)
}

/// What other managers own in a live object, beside what we ask of it.
struct Owned<'a> {
    others: Vec<owners::OtherManager<'a>>,
    /// Fields of ours beside which something of others cannot stand, and whose that is.
    beside: Vec<(Path, Vec<String>)>,
    /// What of others cannot stand there.
    away: Vec<String>,
}

impl<'a> Owned<'a> {
    fn of(schemas: &Schemas, wanted: &Value, live: &'a Value) -> Self {
        let mut others = owners::others(live);
        others.retain(|other| !is_ours_for_a_moment(other.name()));
        let (mut beside, mut away) = (Vec::new(), Vec::new());
        let clashes = union::displacement(schemas, live, wanted).map(|found| found.clashes).unwrap_or_default();
        for clash in clashes {
            let by: BTreeSet<String> = clash.away.iter().flat_map(|away| holders(&others, away)).collect();
            let by: Vec<String> = by.into_iter().collect();
            if !by.is_empty() {
                away.extend(clash.away.iter().map(|path| plain(&path.to_string())));
            }
            beside.extend(clash.ours.into_iter().filter(|_| !by.is_empty()).map(|ours| (ours, by.clone())));
        }
        Self { others, beside, away }
    }

    /// Who owns a field, or what cannot stand beside it.
    fn by(&self, path: &Path) -> Vec<String> {
        let beside = self.beside.iter().filter(|(ours, _)| path.elements().starts_with(ours.elements()));
        let by = holders(&self.others, path).chain(beside.flat_map(|(_, by)| by.iter().cloned()));
        by.collect::<BTreeSet<String>>().into_iter().collect()
    }
}

fn holders<'o>(others: &'o [owners::OtherManager<'_>], path: &'o Path) -> impl Iterator<Item = String> + 'o {
    others.iter().filter(|other| other.holds(path)).map(|other| other.name().to_owned())
}

/// The fields of an object, without those that only hold others, at or below a path that people wrote.
fn covered(schemas: &Schemas, object: &Object, written: &str) -> Vec<Path> {
    let (pointer, true) = path::pointer(&object.body, written) else { return Vec::new() };
    let Some(target) = object.body.pointer(&pointer) else { return Vec::new() };
    let is_within = |path: &Path| {
        let elements = path.elements();
        (0..=elements.len()).any(|end| {
            let above = Path::from(elements[..end].to_vec());
            above.get(&object.body).is_some_and(|value| std::ptr::eq(value, target))
        })
    };
    let mut all = merge::leaves_below(schemas, &object.body, &Path::root());
    all.retain(is_within);
    let is_above = |path: &Path, other: &Path| {
        other.elements().len() > path.elements().len() && other.elements().starts_with(path.elements())
    };
    let holds_others = |path: &Path| all.iter().any(|other| is_above(path, other));
    all.iter().filter(|path| !holds_others(path)).cloned().collect()
}

/// Takes fields out of a body; maps, lists and items of which nothing is left but their keys go too.
fn take_out(body: &mut Value, left: &[LeftField]) {
    for field in left.iter().filter(|field| !is_key(&field.path)) {
        field.path.remove_from(body);
    }
    for field in left {
        let mut above = field.path.clone();
        above.pop();
        while above.elements().len() > 1 && is_hollow(body, &above, left) {
            above.remove_from(body);
            above.pop();
        }
    }
}

/// Whether a path is that of a key of its item: `containers[name=app].name`.
fn is_key(path: &Path) -> bool {
    let Some((last, above)) = path.elements().split_last() else { return false };
    let keys = above.last().map(keys_of).unwrap_or_default();
    last.as_field().is_some_and(|name| keys.iter().any(|key| key == name))
}

/// The names of the keys by which an element selects the item of a list.
fn keys_of(element: &merge::Element) -> Vec<String> {
    match element.step() {
        merge::ElementKind::Key(keys) => keys.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// Whether nothing is left at a path, or of an item nothing but keys that are left to others too.
fn is_hollow(body: &Value, path: &Path, left: &[LeftField]) -> bool {
    match path.get(body) {
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(map)) => {
            let keys = path.elements().last().map(keys_of).unwrap_or_default();
            map.keys().all(|name| {
                let of_key = path.join(merge::Element::field(name));
                keys.contains(name) && left.iter().any(|field| field.path == of_key)
            })
        }
        _ => false,
    }
}
