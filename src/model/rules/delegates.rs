//! `delegate HOST to=ORGANISATION` lends a host of one's own domain to an organisation of the garden.

use crate::finding::{Code, Finding, Findings};
use crate::model::domain::{below, domain_of};
use crate::model::draft::Draft;
use crate::model::names::unknown;
use crate::model::rules::View;
use crate::model::rules::ownership::ANYHOW;
use crate::name::Name;
use crate::source::Spanned;

/// Lending a host that is not one's own.
pub(crate) const NOT_YOURS: Code = Code::new("E0310");

/// Lending a host to an organisation that is not there.
pub(crate) const TO_NOBODY: Code = Code::new("W0310");

/// How many names that nobody has are compared with those of the garden, for one organisation.
const MOST_COMPARED: usize = 200;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for draft in view.index.lending().filter_map(|name| view.draft(name)) {
        let organisation = &draft.organisation;
        let mut to_nobody = 0;
        let domain = domain_of(organisation);
        let found = organisation.delegates.iter().flat_map(|(host, to)| {
            let is_there = view.places.contains_key(to) || view.called.contains(to);
            to_nobody += usize::from(!is_there);
            // Of very many nobody reads which names are meant.
            let is_read = to_nobody <= MOST_COMPARED;
            let nobody = (!is_there).then(|| self::to_nobody(view, draft, (host, to), is_read));
            let own = domain.as_ref().is_none_or(|domain| below(&host.value, domain));
            let itself = (*to == organisation.name).then(|| to_itself(host, to));
            nobody
                .into_iter()
                .chain(itself)
                .chain((!own).then(|| not_yours(draft, host, domain.as_deref().unwrap_or_default())))
        });
        view.tell(&organisation.name, found, findings);
    }
}

/// The finding about a host that is lent to its lender.
fn to_itself(host: &Spanned<String>, to: &Name) -> Finding {
    let title = format!("`delegate {}` changes nothing: `{to}` lends it to itself", host.value);
    Finding::warning(ANYHOW, title, host.span)
        .why("an organisation has every host inside its domain without a word")
        .help("take the line away, or write who gets it")
}

/// The finding about a host that is lent to an organisation which is not there; with the name that may be meant.
fn to_nobody(view: &View<'_>, draft: &Draft, (host, to): (&Spanned<String>, &Name), is_read: bool) -> Finding {
    let title = format!("`{}` is lent to `{to}`, and there is no such organisation", host.value);
    let finding = Finding::warning(TO_NOBODY, title, host.span)
        .why("nobody can ask for it; everything else of this organisation goes on");
    let finding = if is_read {
        let written = Spanned::new(to.to_string(), host.span);
        let others = view.places.keys().filter(|name| **name != draft.organisation.name).map(Name::as_str);
        let meant = unknown("organisation", &written, others);
        meant.help.into_iter().fold(finding.label(meant.primary.text), Finding::help)
    } else {
        finding
    };
    finding.help("write the name of one that there is, or take the line away")
}

/// The finding about a host that is lent and lies outside the domain of its lender.
fn not_yours(draft: &Draft, host: &Spanned<String>, domain: &str) -> Finding {
    let title = format!("`{}` is not `{}`'s to lend", host.value, draft.organisation.name);
    Finding::error(NOT_YOURS, title, host.span)
        .why(format!("it is not inside its domain, `{domain}`"))
        .help("the organisation that has the domain lends its hosts")
}
