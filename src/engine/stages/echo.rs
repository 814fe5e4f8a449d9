//! Pure: what servers said of objects, without the values of others that stand in these.

use crate::cluster::echo;
use crate::engine::state::OrganisationState;
use crate::merge::Schemas;
use crate::plan::{DryRun, body_to_send, texts_of_others};
use crate::render::ObjectId;
use crate::secrets::Tainted;

/// Takes the values of others out of the answers to trials and out of warnings.
pub(super) fn without_others(schemas: &Schemas, state: &mut OrganisationState) {
    let speaks = |answer: &DryRun| matches!(answer, DryRun::Refused { .. } | DryRun::NotVerified(_));
    let told = state.live.dry_runs.iter().filter(|(_, answer)| speaks(answer)).map(|(id, _)| id);
    let told: Vec<ObjectId> = told.chain(state.live.warnings.keys()).cloned().collect();
    for id in told {
        let tainted = tainted(schemas, state, &id);
        if let Some(answer) = state.live.dry_runs.get_mut(&id) {
            echo::of_trial(answer, &tainted);
        }
        let warnings = state.live.warnings.get_mut(&id).into_iter().flatten();
        warnings.for_each(|text| *text = tainted.mask(text));
    }
}

/// What others wrote into an object, as far as it is known.
fn tainted(schemas: &Schemas, state: &OrganisationState, id: &ObjectId) -> Tainted {
    let Some(live) = state.live.objects.get(id) else { return Tainted::default() };
    let entry = state.stored.inventory.find(id).map(|(_, entry)| entry);
    let object = state.objects.objects.iter().find(|object| object.id == *id);
    let wanted = object.map(|object| body_to_send(schemas, &state.directives, object, entry, Some(&live.body)));
    Tainted::of_others(texts_of_others(schemas, &live.body, wanted.as_deref()))
}
