//! What is checked of rendered objects, one file a rule: ceilings, limits of Kubernetes, names,
//! objects written in KDL, tests of definitions.

use jiff::Timestamp;

use super::allowance::RenderAllowance;
use super::{OrganisationObjects, with_findings};
use crate::finding::{Finding, Findings};
use crate::model::{Garden, ODD_PEAK, Organisation};
use crate::syntax::TOO_MUCH;

pub(crate) mod ceilings;
pub(crate) mod field_decisions;
mod judged;
pub(in crate::render) mod limits;
pub(crate) mod named_objects;
pub(crate) mod names;
pub(crate) mod own_secrets;
mod past_peaks;
mod tests_of_definitions;

/// The most findings about the objects of one organisation.
const MOST_FINDINGS: usize = 200;

pub use tests_of_definitions::check as tests_of_definitions;

/// Renders an organisation and holds its objects against every rule; each error stops that organisation alone.
pub fn render(
    garden: &Garden,
    organisation: &Organisation,
    moment: Timestamp,
    findings: &mut Findings,
) -> OrganisationObjects {
    let mut found = Findings::default();
    let objects = with_findings(garden, organisation, moment, &mut RenderAllowance::of_organisation(), &mut found);
    ceilings::check(organisation, &objects, &mut found);
    let settled = judged::check(organisation, &objects, &mut found);
    limits::check(organisation, &objects, &settled, &mut found);
    past_peaks::check(organisation, moment, &mut found);
    found.limit(MOST_FINDINGS, |more, first| Finding {
        severity: first.severity,
        ..Finding::refused(
            TOO_MUCH,
            format!("{more} more findings about the objects of {}", organisation.name),
            organisation.span,
        )
        .why(format!("at most {MOST_FINDINGS} are shown of one organisation"))
        .help("so many usually have one cause: mend the first ones and check again")
    });
    let stops = |finding: Finding| match finding.stops {
        Some(_) => finding,
        None if finding.code == ODD_PEAK => finding,
        None => finding.stops(organisation.name.clone()),
    };
    found.into_iter().map(stops).for_each(|finding| findings.push(finding));
    objects
}
