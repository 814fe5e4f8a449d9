//! What is checked of rendered objects, one file a rule: ceilings, limits of Kubernetes, names,
//! objects written in KDL, tests of definitions.

use jiff::Timestamp;

use super::{OrganisationObjects, with_findings};
use crate::finding::{Finding, Findings};
use crate::model::{Garden, Organisation};

pub(crate) mod ceilings;
pub(crate) mod field_decisions;
mod judged;
pub(in crate::render) mod limits;
pub(crate) mod named_objects;
pub(crate) mod names;
pub(crate) mod own_secrets;
mod tests_of_definitions;

pub use tests_of_definitions::check as tests_of_definitions;

/// Renders an organisation and holds its objects against every rule; each error stops that organisation alone.
pub fn render(
    garden: &Garden,
    organisation: &Organisation,
    moment: Timestamp,
    findings: &mut Findings,
) -> OrganisationObjects {
    let mut found = Findings::default();
    let objects = with_findings(garden, organisation, moment, &mut found);
    ceilings::check(organisation, &objects, &mut found);
    limits::check(organisation, &objects, &mut found);
    judged::check(organisation, &objects, &mut found);
    let stops = |finding: Finding| match finding.stops {
        Some(_) => finding,
        None => finding.stops(organisation.name.clone()),
    };
    found.into_iter().map(stops).for_each(|finding| findings.push(finding));
    objects
}
