//! What a server says of an object, without the values of others in it: an admission webhook may quote whatever it is shown.

use std::collections::BTreeMap;

use super::errors::{ApiError, Refusal, StatusCause};
use crate::merge::Schemas;
use crate::plan::{Directives, DryRun, Inventory, Live, body_to_send, texts_of_others};
use crate::render::{Object, ObjectId, OrganisationObjects};
use crate::secrets::Tainted;

/// What others wrote into the live objects of one organisation: whoever refuses one may quote another.
pub(crate) fn others_in(
    schemas: &Schemas,
    (objects, directives): (&OrganisationObjects, &Directives),
    inventory: &Inventory,
    live: &Live,
) -> Tainted {
    let rendered: BTreeMap<&ObjectId, &Object> = objects.objects.iter().map(|object| (&object.id, object)).collect();
    let texts = live.objects.iter().flat_map(|(id, live)| {
        let entry = inventory.find(id).map(|(_, entry)| entry);
        let wanted = rendered.get(id).map(|object| body_to_send(schemas, directives, object, entry, Some(&live.body)));
        texts_of_others(schemas, &live.body, wanted.as_deref())
    });
    Tainted::of_others(texts)
}

/// An error without what is tainted.
pub(super) fn of_error(error: ApiError, tainted: &Tainted) -> ApiError {
    let ApiError::Refused(refusal) = error else { return error };
    let Refusal { code, reason, message, causes, retry_after } = *refusal;
    let cause = |cause: StatusCause| StatusCause { message: tainted.mask(&cause.message), ..cause };
    let (message, causes) = (tainted.mask(&message), causes.into_iter().map(cause).collect());
    ApiError::Refused(Box::new(Refusal { code, reason, message, causes, retry_after }))
}

/// The answer to a trial without what is tainted.
pub(crate) fn of_trial(answer: &mut DryRun, tainted: &Tainted) {
    let mask = |text: &mut String| *text = tainted.mask(text);
    match answer {
        DryRun::Result(_) | DryRun::Accepted | DryRun::Conflict { .. } => {}
        DryRun::NotVerified(message) => mask(message),
        DryRun::Refused { status: _, message, causes } => {
            mask(message);
            causes.iter_mut().for_each(|cause| mask(&mut cause.message));
        }
    }
}
