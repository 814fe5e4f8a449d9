//! Every organisation has a ceiling: its offer's, and of what that leaves open the garden's.

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::{One, View};

/// Something that nothing bounds.
pub(crate) const UNBOUNDED: Code = Code::new("E0421");

/// What every organisation takes of a cluster, others lack.
const WHY: &str = "organisations share their cluster, and what nothing bounds is taken from all others";
/// How a garden says its ceiling.
const CEILING: &str = "`ceiling { cpu 4 cores; memory 16 GiB; storage 200 GiB; }`";

/// An organisation without an offer, in a garden without a ceiling.
pub(super) fn check(one: &One, findings: &mut Findings) {
    let organisation = &one.draft.organisation;
    if one.bounded || organisation.offer.is_some() || !one.draft.resolved.offer {
        return;
    }
    let title =
        format!("nothing bounds what `{}` takes: it has no offer, and the garden no ceiling", organisation.name);
    let finding = Finding::refused(UNBOUNDED, title, organisation.span)
        .also(one.garden, "the garden")
        .why(WHY)
        .help(format!("subscribe it to an offer: `offer NAME`, or say in the garden: {CEILING}"))
        .stops(organisation.name.clone());
    findings.push(finding);
}

/// Offers that leave something open, in a garden without a ceiling.
pub(super) fn check_offers(view: &View<'_>, findings: &mut Findings) {
    if view.garden.ceiling.is_some() {
        return;
    }
    for offer in view.garden.offers.values().filter(|offer| offer.complete) {
        let unsaid = offer.grants.unsaid();
        if unsaid.is_empty() {
            continue;
        }
        let open = unsaid.join(", ");
        let finding = Finding::refused(UNBOUNDED, format!("`{}` grants {open} without end", offer.name), offer.span)
            .also(view.garden.span, "the garden says no ceiling")
            .why(WHY)
            .help(format!("say {open} in its `grants`, or say in the garden: {CEILING}"));
        findings.push(finding);
    }
}
