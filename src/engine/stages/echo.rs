//! Pure: what servers said of objects, without the values of others that stand in the organisation's.

use crate::cluster::echo;
use crate::engine::state::OrganisationState;
use crate::merge::Schemas;
use crate::plan::DryRun;

/// Takes the values of others out of the answers to trials and out of warnings.
pub(super) fn without_others(schemas: &Schemas, state: &mut OrganisationState) {
    let speaks = |answer: &&mut DryRun| matches!(answer, DryRun::Refused { .. } | DryRun::NotVerified(_));
    let OrganisationState { objects, directives, stored, live } = state;
    if live.warnings.is_empty() && !live.dry_runs.values_mut().any(|answer| speaks(&answer)) {
        return;
    }
    let tainted = echo::others_in(schemas, (objects, directives), &stored.inventory, live);
    live.dry_runs.values_mut().filter(speaks).for_each(|answer| echo::of_trial(answer, &tainted));
    live.warnings.values_mut().flatten().for_each(|text| *text = tainted.mask(text));
}
