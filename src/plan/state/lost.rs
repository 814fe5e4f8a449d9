//! How a lost or outdated inventory is told from a first install: by what a round reads of the namespace already.
//!
//! An inventory is written before the first object is, so a namespace that carries our labels and our entry in `managedFields`
//! was made when there was one. It carries the generation of the inventory too, from before the first step of the last plan: one of
//! an earlier generation was put back from a copy. Neither proves anything: a stranger can forge both, and all that comes of it is
//! that nothing is done and a person is asked.
//!
//! | who put it back | what is told |
//! |---|---|
//! | an earlier copy of this inventory | it is older than the cluster |
//! | the whole cluster as it was earlier | nothing: both are of one time |
//! | that of another organisation or garden | it cannot be read (`cluster::inventory`) |
//! | that of another cluster | it is of another cluster |

use super::owners;
use super::standing::{Index, is_same};
use crate::kind;
use crate::name::Name;
use crate::plan::decide::reason::{Holding, Refusing};
use crate::plan::{Action, GARDEN_LABEL, GENERATION, Input, Live, LiveObject, ORGANISATION_LABEL, OrganisationPlan};
use crate::render::ObjectId;

/// How the uid begins of what was there and is not: no object has it.
pub(in crate::plan) const NOT_THERE: &str = "not there when the inventory was recovered";

/// Whether a uid is that of something that was not there, or was somebody else's, when the inventory was recovered.
pub(in crate::plan) fn was_not_there(uid: &str) -> bool {
    uid.starts_with(NOT_THERE)
}

/// What is wrong with what is known of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) enum InventoryLoss {
    /// It does not know the namespace, which looks as if we had made it.
    Missing,
    /// It is older than what the namespace says of it.
    Older,
    /// It is that of another cluster.
    OfAnotherCluster,
}

/// What is wrong with the inventory of an organisation, if anything is.
pub(in crate::plan) fn loss(input: &Input<'_>, index: &Index<'_>) -> Option<InventoryLoss> {
    let (known, here) = (&input.inventory.cluster, &input.live.cluster_uid);
    if !known.is_empty() && !here.is_empty() && known != here {
        return Some(InventoryLoss::OfAnotherCluster);
    }
    let id = namespace(input)?;
    let live = index.live(id).filter(|live| !live.is_terminating());
    let Some(entry) = index.entry(id) else {
        let is_marked = live.is_some_and(|live| is_marked(input.garden, &input.desired.organisation, live));
        return (is_marked && !input.directives.adopts(id)).then_some(InventoryLoss::Missing);
    };
    let carried = match live {
        Some(live) => is_same(entry, live, input.garden).then(|| marked_generation(&live.body)).flatten(),
        None => input.live.settled.get(id).and_then(|settled| settled.generation),
    };
    carried.is_some_and(|carried| carried > input.inventory.generation).then_some(InventoryLoss::Older)
}

/// Whether the inventory of an organisation is lost, or not that of the cluster as it is.
pub(in crate::plan) fn is_lost(input: &Input<'_>, index: &Index<'_>) -> bool {
    loss(input, index).is_some()
}

/// The namespace of an organisation: of one that the garden does not hold any more, as the inventory knows it.
fn namespace<'a>(input: &Input<'a>) -> Option<&'a ObjectId> {
    let is_it = |id: &&ObjectId| id.is(kind::NAMESPACE) && id.name == input.desired.namespace;
    let asked = input.desired.objects.iter().map(|object| &object.id).find(is_it);
    asked.or_else(|| input.inventory.entries.keys().find(is_it))
}

/// The generation of its inventory that the namespace of an organisation carries, as it was read.
pub(crate) fn carried_generation(live: &Live, namespace: &str) -> Option<u64> {
    let is_it = |id: &ObjectId| id.is(kind::NAMESPACE) && *id.name == *namespace;
    let whole = live.objects.iter().find(|(id, _)| is_it(id)).and_then(|(_, live)| marked_generation(&live.body));
    whole.or_else(|| live.settled.iter().find(|(id, _)| is_it(id)).and_then(|(_, settled)| settled.generation))
}

/// The generation of the inventory that a namespace carries.
pub(crate) fn marked_generation(namespace: &serde_json::Value) -> Option<u64> {
    namespace["metadata"]["annotations"].get(GENERATION)?.as_str()?.parse().ok()
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
pub(in crate::plan) fn bar(actions: &mut Vec<Action>, loss: InventoryLoss) -> usize {
    let all = actions.len();
    actions.retain(|action| action.id.is(kind::NAMESPACE));
    let why = match loss {
        InventoryLoss::Missing => Refusing::InventoryLost,
        InventoryLoss::Older | InventoryLoss::OfAnotherCluster => Refusing::InventoryOutdated,
    };
    actions.iter_mut().for_each(|action| action.refuse(why.clone()));
    all - actions.len()
}

/// Why nothing is done.
pub(in crate::plan) fn standstill(loss: InventoryLoss) -> Holding {
    match loss {
        InventoryLoss::Missing => Holding::InventoryLost,
        InventoryLoss::Older => Holding::InventoryOutdated { of_cluster: false },
        InventoryLoss::OfAnotherCluster => Holding::InventoryOutdated { of_cluster: true },
    }
}

impl OrganisationPlan {
    /// Whether nothing is done since the inventory is lost, or not that of the cluster as it is.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.standstill, Some(Holding::InventoryLost | Holding::InventoryOutdated { .. }))
    }
}

/// The command by which a person takes an organisation back.
pub(crate) fn recover_command(organisation: &str) -> String {
    format!("parcelle recover inventory {organisation}")
}
