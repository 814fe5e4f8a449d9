//! `delegate HOST to=ORGANISATION` lends a host of one's own domain to an organisation of the garden.

use crate::finding::{Code, Finding, Findings};
use crate::model::domain::{below, domain_of};
use crate::model::names::unknown;
use crate::model::rules::View;
use crate::name::Name;
use crate::source::Spanned;

/// Lending a host that is not one's own.
pub(crate) const NOT_YOURS: Code = Code::new("E0310");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for draft in view.index.lending().filter_map(|name| view.draft(name)) {
        let organisation = &draft.organisation;
        for (host, to) in &organisation.delegates {
            if !view.places.contains_key(to) && !view.called.contains(to) {
                let written = Spanned::new(to.to_string(), host.span);
                let others = view.places.keys().filter(|name| **name != organisation.name).map(Name::as_str);
                let mut finding = unknown("organisation", &written, others);
                finding.fixes.clear();
                findings.push(finding);
            }
            let Some(domain) = domain_of(organisation) else { continue };
            if !below(&host.value, &domain) {
                let title = format!("`{}` is not `{}`'s to lend", host.value, organisation.name);
                let finding = Finding::error(NOT_YOURS, title, host.span)
                    .why(format!("it is not inside its domain, `{domain}`"))
                    .help("the organisation that has the domain lends its hosts");
                findings.push(finding);
            }
        }
    }
}
