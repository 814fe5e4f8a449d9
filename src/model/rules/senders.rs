//! Mail comes from the organisation that sends it: from its own domain or place, one that is lent to it, or the relay's.

use super::{View, ownership};
use crate::finding::{Code, Finding, Findings};
use crate::model::domain::domain_of;
use crate::schema::scalar::domain_error;

/// Mail as a domain that is not the organisation's.
pub(crate) const FOREIGN: Code = Code::new("E0427");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (name, refused) in &view.refused.all {
        let own = view.draft(name).and_then(|draft| domain_of(&draft.organisation));
        for claim in &refused.senders {
            let finding =
                Finding::refused(FOREIGN, format!("`{name}` cannot send mail as `{}`", claim.name), claim.span)
                    .why("people and filters take mail for what its sender's domain says");
            let finding = match ownership::around(view, &claim.name) {
                Some(owner) if owner.organisation.name != *name => {
                    let place =
                        owner.organisation.domain.as_ref().map_or(owner.organisation.span, |domain| domain.span);
                    let other = &owner.organisation.name;
                    finding
                        .also(place, format!("`{other}` has this domain"))
                        .help(format!("`{other}` can lend it: `delegate {} to={name}`", claim.name))
                }
                _ if domain_error(&claim.name).is_some() => finding,
                _ => finding.help(format!(
                    "where that is a second domain of its own, the file of the cluster says so: `belongs {} to={name}`",
                    claim.name
                )),
            };
            let finding = match &own {
                Some(domain) => finding.help(format!("write an address of its own, such as `noreply@{domain}`")),
                None => finding.help("give the organisation a `domain`, and write an address of it"),
            };
            findings.push(finding.stops(name.clone()));
        }
    }
}
