//! Which data an object stands for, as whoever keeps that names it: the volume of a claim, the system of a database server.
//!
//! A name, labels and a nonce can be copied from a dump, and what comes of that is empty. The name of the data cannot: a claim is
//! bound to the volume that it says, or it is not bound.

use serde_json::Value;

use crate::kind::{self, DataLoss};
use crate::plan::{Input, Inventory, LiveObject};

/// The name of the data that a live object stands for; absent while there is none, and where its kind names none.
pub(crate) fn data_of(live: &Value) -> Option<&str> {
    let name = live.pointer(kind::facts_of_body(live).data_named?)?.as_str().filter(|name| !name.is_empty());
    let is_bound = || live["status"]["phase"] == "Bound";
    name.filter(|_| !kind::PERSISTENT_VOLUME_CLAIM.is_body(live) || is_bound())
}

/// Whether an object is its data: where another one has its name, that is known by the name of its data alone. What lies inside of a
/// database server stays there when the object goes, and a namespace is what lies in it.
pub(in crate::plan) fn is_its_data(live: &Value) -> bool {
    let facts = kind::facts_of_body(live);
    facts.data == DataLoss::Own && facts.reclaim_policy.is_none() && !kind::NAMESPACE.is_body(live)
}

/// Notes of each object which data it stands for.
pub(in crate::plan) fn note(input: &Input<'_>, next: &mut Inventory) {
    for (id, entry) in next.entries.iter_mut().filter(|(id, _)| id.facts().data_named.is_some()) {
        let of = |live: &&LiveObject| entry.uid() == Some(&live.uid);
        let live = input.live.objects.get(id).filter(of).and_then(|live| data_of(&live.body));
        let settled = || input.live.settled.get(id)?.data.as_deref();
        if let Some(data) = live.or_else(settled).filter(|data| entry.data.as_deref() != Some(data)) {
            entry.data = Some(data.into());
        }
    }
}
