//! What is checked of rendered objects, one file a rule: ceilings, names, objects written in KDL, tests of definitions.

use jiff::Timestamp;

use super::{OrganisationObjects, with_findings};
use crate::finding::{Finding, Findings};
use crate::model::{Garden, Organisation};

pub mod ceilings;
pub mod names;
mod tests_of_definitions;

pub use tests_of_definitions::check as tests_of_definitions;

/// Holds an organisation's objects against every rule; each error stops that organisation alone.
pub fn check(garden: &Garden, organisation: &Organisation, objects: &OrganisationObjects, findings: &mut Findings) {
    let mut found = Findings::default();
    ceilings::check(organisation, objects, &mut found);
    // What is wrong in rendering itself does not depend on the hour.
    with_findings(garden, organisation, Timestamp::UNIX_EPOCH, &mut found);
    let stops = |finding: Finding| match finding.stops {
        Some(_) => finding,
        None => finding.stops(organisation.name.clone()),
    };
    found.into_iter().map(stops).for_each(|finding| findings.push(finding));
}
