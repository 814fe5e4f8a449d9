//! `delegate HOST to=ORGANISATION` lends a host of one's own domain to an organisation of the garden.

use crate::finding::{Code, Finding, Findings};
use crate::model::domain::{below, domain_of};
use crate::model::names::unknown;
use crate::model::rules::View;
use crate::name::Name;
use crate::source::Spanned;

/// Lending a host that is not one's own.
pub(crate) const NOT_YOURS: Code = Code::new("E0310");

/// Lending a host to an organisation that is not there.
pub(crate) const TO_NOBODY: Code = Code::new("W0310");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for draft in view.index.lending().filter_map(|name| view.draft(name)) {
        let organisation = &draft.organisation;
        for (host, to) in &organisation.delegates {
            if !view.places.contains_key(to) && !view.called.contains(to) {
                let written = Spanned::new(to.to_string(), host.span);
                let others = view.places.keys().filter(|name| **name != organisation.name).map(Name::as_str);
                let meant = unknown("organisation", &written, others);
                let title = format!("`{}` is lent to `{to}`, and there is no such organisation", host.value);
                let finding = Finding::warning(TO_NOBODY, title, host.span)
                    .label(meant.primary.text)
                    .why("nobody can ask for it; everything else of this organisation goes on");
                let finding = meant.help.into_iter().fold(finding, Finding::help);
                findings.push(finding.help("write the name of one that there is, or take the line away"));
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
