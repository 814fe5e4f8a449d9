//! What a plan is decided from, and what the API server is asked and sent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::decisions;
use super::live::Conflict;
use super::lost;
use super::path;
use super::standing;
use super::union;
use crate::kind;
use crate::merge::{self, ApplyError, ApplyOptions, Schemas};
use crate::model::Deletions;
use crate::name::Name;
use crate::plan::decide::job;
use crate::plan::{Directives, Entry, Inventory, Live, OwnFields, desired_hash};
use crate::render::{Object, ObjectId, OrganisationObjects};
use crate::source::Sources;

/// Everything that one organisation's plan is decided from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The garden's name, as its label says.
    pub garden: &'a Name,
    /// The commit that the objects were rendered from; empty for a working tree.
    pub commit: &'a str,
    /// The hash of the renderer and the definitions.
    pub renderer_hash: &'a str,
    /// What should be.
    pub desired: &'a OrganisationObjects,
    /// What was read of the cluster.
    pub live: &'a Live,
    /// What is ours.
    pub inventory: &'a Inventory,
    /// What the garden says about changing it.
    pub directives: &'a Directives,
    /// The garden's brakes on deletion.
    pub limits: &'a Deletions,
    /// The time, in Unix seconds.
    pub now: i64,
    /// What fields are, of the kinds that are known.
    pub schemas: &'a Schemas,
    /// The texts that spans refer to.
    pub sources: &'a Sources,
}

impl Input<'_> {
    /// Whether the commit is the applied one and only parcelle is another.
    pub(in crate::plan) fn is_renderers(&self) -> bool {
        let Inventory { commit, renderer_hash, .. } = self.inventory;
        !self.commit.is_empty() && commit == self.commit && renderer_hash != self.renderer_hash
    }
}

/// The objects that the API server is to be asked about by a dry-run: places in `desired.objects`.
///
/// Left out are those that are settled, that are as they should be by our own reckoning, that are not ours, those of
/// retired apps that will not be made, and those in a namespace that is not there: the server cannot try them. With `all`,
/// those of ours are asked about whatever we reckon.
pub(crate) fn questions(input: &Input<'_>, all: bool) -> Vec<usize> {
    let mut there = input.live.objects.keys().chain(input.live.settled.keys());
    let namespace = &input.desired.namespace;
    let is_there = there.any(|id| id.namespace == *namespace || (id.is(kind::NAMESPACE) && id.name == *namespace));
    questions_of(input, all, |object| is_there || object.id.namespace != input.desired.namespace)
}

/// The same of some objects, also of those in a namespace that is not there.
pub(in crate::plan) fn questions_of(input: &Input<'_>, all: bool, wanted: impl Fn(&Object) -> bool) -> Vec<usize> {
    let index = standing::Index::new(input);
    // Nothing is applied while the inventory is lost.
    if lost::is_lost(input, &index) {
        return Vec::new();
    }
    let open = |object: &Object| {
        if input.live.settled.contains_key(&object.id)
            || input.live.unread.contains_key(&kind_key(&object.id))
            || index.is_past(input.now, object.app.as_ref())
            || !job::is_asked_about(input, &index, object)
        {
            return false;
        }
        match index.standing(input, &object.id) {
            standing::Standing::Ours { live, entry } => {
                let wanted = body_to_send(input.schemas, input.directives, object, Some(entry), Some(&live.body));
                all || merge::would_change(input.schemas, &live.body, &wanted, crate::plan::MANAGER)
            }
            standing::Standing::Absent(_) | standing::Standing::Adopted(_) => true,
            standing::Standing::Terminating | standing::Standing::Refused(_) => false,
        }
    };
    let objects = input.desired.objects.iter().enumerate();
    objects.filter(|(_, object)| wanted(object) && open(object)).map(|(at, _)| at).collect()
}

/// The JSON patches of the objects that are not as they should be and of which something is taken away first, since it cannot
/// stand beside ours: the server would refuse the apply itself.
pub(crate) fn displacements(input: &Input<'_>) -> BTreeMap<ObjectId, Value> {
    let objects = questions(input, false).into_iter().map(|at| &input.desired.objects[at]);
    let patches = objects.filter_map(|object| {
        let live = input.live.objects.get(&object.id)?;
        let entry = input.inventory.find(&object.id).map(|(_, entry)| entry);
        let wanted = body_to_send(input.schemas, input.directives, object, entry, Some(&live.body));
        let displacement = union::displacement(input.schemas, &live.body, &wanted)?;
        Some((object.id.clone(), union::patch(&live.body, &displacement)))
    });
    patches.collect()
}

/// Whether it is sure without a question that somebody changed what we had applied: the garden asks for the same as
/// before, and a field of it is no longer ours.
pub(crate) fn is_sure_drift(input: &Input<'_>, object: &Object) -> bool {
    let entry = input.inventory.find(&object.id).map(|(_, entry)| entry);
    let (Some(entry), Some(live)) = (entry, input.live.objects.get(&object.id)) else { return false };
    let wanted = body_to_send(input.schemas, input.directives, object, Some(entry), Some(&live.body));
    entry.desired_hash == desired_hash(object)
        && merge::own_fields(input.schemas, &wanted).is_ok_and(|fields| {
            merge::owned(&live.body, crate::plan::MANAGER).is_some_and(|ours| !fields.difference(&ours).is_empty())
        })
}

/// How [`Live::unread`] names a kind: `apps/v1 Deployment`.
pub(crate) fn kind_key(id: &ObjectId) -> String {
    format!("{} {}", id.api_version, id.kind)
}

/// The body that is sent for an object: as rendered, without fields that the garden leaves to whoever owns them in `live`,
/// and with the nonce that it was first made with. Of what is made anew nothing is left out.
pub(crate) fn body_to_send<'a>(
    schemas: &Schemas,
    directives: &Directives,
    object: &'a Object,
    entry: Option<&Entry>,
    live: Option<&Value>,
) -> Cow<'a, Value> {
    let left = live.map(|live| decisions::left(schemas, directives, object, live)).unwrap_or_default();
    decisions::body_without(object, entry, live, &left)
}

/// Whether fields of an object are left to others as it is.
pub(crate) fn leaves_fields(schemas: &Schemas, directives: &Directives, object: &Object, live: &Value) -> bool {
    !decisions::left(schemas, directives, object, live).is_empty()
}

/// Whether an apply of the object may be sent with force: every conflict is drift (a field that we applied last), or
/// taken by word.
pub(crate) fn may_force(
    object: &Object,
    entry: Option<&Entry>,
    directives: &Directives,
    conflicts: &[Conflict],
) -> bool {
    let before = AppliedBefore::of(object, entry);
    conflicts.iter().all(|conflict| before.holds(&conflict.field) || is_taken(directives, object, entry, conflict))
}

/// Whether an apply that was planned with force may still be sent so to an object as it is now: by our own reckoning.
pub(crate) fn may_still_force(
    schemas: &Schemas,
    object: &Object,
    entry: Option<&Entry>,
    directives: &Directives,
    live: &Value,
    wanted: &Value,
) -> bool {
    let options =
        ApplyOptions { manager: crate::plan::MANAGER, force: false, subresource: None, now: "1970-01-01T00:00:00Z" };
    let Err(ApplyError::Conflicts(conflicts)) = merge::apply(schemas, Some(live), wanted, &options) else {
        return true;
    };
    let conflict =
        |found: merge::FieldManagerConflict| Conflict { field: found.path.to_string(), manager: found.manager };
    may_force(object, entry, directives, &conflicts.into_iter().map(conflict).collect::<Vec<_>>())
}

/// Whether a field of others may be taken: the garden says `field … take`, or it is the number of replicas of an object
/// of ours that was lent to the autoscaler and is asked back (a night asleep, a fixed scale).
pub(in crate::plan) fn is_taken(
    directives: &Directives,
    object: &Object,
    entry: Option<&Entry>,
    conflict: &Conflict,
) -> bool {
    let lent = entry.is_some()
        && path::plain(&conflict.field) == "spec.replicas"
        && &*conflict.manager == "kube-controller-manager";
    lent || union::is_ours_for_a_moment(&conflict.manager)
        || decisions::taking(directives, object, &conflict.field).is_some()
}

/// The fields of an object that we applied last.
#[derive(Clone, Copy)]
pub(in crate::plan) enum AppliedBefore<'a> {
    /// None: the object is not ours yet.
    Nothing,
    /// Those that the inventory has.
    Fields(&'a OwnFields),
    /// All that we want but what was left to others: we want what we applied.
    All(&'a OwnFields),
}

impl<'a> AppliedBefore<'a> {
    /// Returns what the inventory's entry says of an object.
    pub(in crate::plan) fn of(object: &Object, entry: Option<&'a Entry>) -> Self {
        match entry {
            None => Self::Nothing,
            Some(entry) if entry.desired_hash == desired_hash(object) => Self::All(&entry.own_fields),
            Some(entry) => Self::Fields(&entry.own_fields),
        }
    }

    /// Whether a field, named as the server does, is among them.
    pub(in crate::plan) fn holds(self, field: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Fields(fields) => fields.contains(field),
            Self::All(fields) => !fields.leaves(field),
        }
    }
}
