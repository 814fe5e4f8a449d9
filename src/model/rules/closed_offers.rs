//! An offer that says `only` is for the organisations that it names.

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::One;

/// An offer that is for others.
pub(crate) const CLOSED_OFFER: Code = Code::new("E0428");

pub(super) fn check(one: &One, findings: &mut Findings) {
    let organisation = &one.draft.organisation;
    let name = &organisation.name;
    let Some(offer) = organisation.offer.as_ref().filter(|offer| !offer.only.is_empty()) else { return };
    if offer.only.contains(name) {
        return;
    }
    let place = one.draft.node().child("offer").map_or(organisation.span, |node| node.head);
    let finding = Finding::refused(CLOSED_OFFER, format!("the offer `{}` is not for `{name}`", offer.name), place)
        .also(offer.span, "it says `only` for whom it is")
        .why("what an offer grants and allows is for whoever runs the cluster to give")
        .help("choose another offer")
        .help(format!("or ask for `{name}` in its `only`"))
        .stops(name.clone());
    findings.push(finding);
}
