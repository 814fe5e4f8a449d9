//! What a server says of an object, without the values of others in it: an admission webhook may quote whatever it is shown.

use super::errors::{ApiError, Refusal, StatusCause};
use crate::plan::DryRun;
use crate::secrets::Tainted;

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
