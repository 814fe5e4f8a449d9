//! How a lost inventory is told from a first install: by what a round reads of the namespace already.
//!
//! An inventory is written before the first object is, so a namespace that carries our labels and our entry in `managedFields`
//! was made when there was one. Neither proves anything: a stranger can forge both, and all that comes of it is that nothing is
//! done and a person is asked.

use super::owners;
use super::standing::Index;
use crate::kind;
use crate::name::Name;
use crate::plan::decide::reason::{Holding, Refusing};
use crate::plan::{Action, GARDEN_LABEL, Input, LiveObject, ORGANISATION_LABEL, OrganisationPlan};

/// How the uid begins of what was there and is not: no object has it.
pub(in crate::plan) const NOT_THERE: &str = "not there when the inventory was recovered";

/// Whether a uid is that of something that was not there, or was somebody else's, when the inventory was recovered.
pub(in crate::plan) fn was_not_there(uid: &str) -> bool {
    uid.starts_with(NOT_THERE)
}

/// Whether the inventory of an organisation is lost: it does not know the namespace, which looks as if we had made it.
pub(in crate::plan) fn is_lost(input: &Input<'_>, index: &Index<'_>) -> bool {
    let is_namespace = |id: &&crate::render::ObjectId| id.is(kind::NAMESPACE) && id.name == input.desired.namespace;
    let Some(id) = input.desired.objects.iter().map(|object| &object.id).find(is_namespace) else { return false };
    let live = index.live(id).filter(|live| !live.is_terminating());
    index.entry(id).is_none()
        && !input.directives.adopts(id)
        && live.is_some_and(|live| is_marked(input.garden, &input.desired.organisation, live))
}

/// Whether an object carries the labels of an organisation and our entry in `managedFields`.
pub(in crate::plan) fn is_marked(garden: &Name, organisation: &Name, live: &LiveObject) -> bool {
    is_labelled(garden, organisation, live) && owners::has_ours(&live.body)
}

/// Whether an object carries the labels of an organisation.
pub(in crate::plan) fn is_labelled(garden: &Name, organisation: &Name, live: &LiveObject) -> bool {
    live.label(GARDEN_LABEL) == Some(garden.as_str()) && live.label(ORGANISATION_LABEL) == Some(organisation.as_str())
}

/// Nothing of an organisation is changed while its inventory is lost: its namespace is refused, and that stands for everything
/// in it. Returns how many objects stay as they are besides.
pub(in crate::plan) fn bar(actions: &mut Vec<Action>) -> usize {
    let all = actions.len();
    actions.retain(|action| action.id.is(kind::NAMESPACE));
    actions.iter_mut().for_each(|action| action.refuse(Refusing::InventoryLost));
    all - actions.len()
}

impl OrganisationPlan {
    /// Whether nothing is done since the inventory is lost.
    pub(crate) fn is_lost(&self) -> bool {
        self.standstill == Some(Holding::InventoryLost)
    }
}

/// The command by which a person takes an organisation back.
pub(crate) fn recover_command(organisation: &str) -> String {
    format!("parcelle recover inventory {organisation}")
}
