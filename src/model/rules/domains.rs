//! A domain belongs to one organisation; a domain inside another's must be lent. Who has it in a cluster keeps it, also where
//! another one claims a domain around it.

use super::holdings::{HeldKind, HeldName};
use super::ownership::Newcomer;
use super::refused::{ClaimKind, ClaimedName};
use crate::finding::{Code, Finding, Findings};
use crate::model::domain::below;
use crate::model::rules::{View, ownership};
use crate::name::Name;

/// A domain that is another organisation's.
pub(crate) const TAKEN: Code = Code::new("E0403");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    ownership::newcomers(view)
        .into_iter()
        .filter_map(|newcomer| if newcomer.decided { taken(&newcomer) } else { undecided(&newcomer) })
        .for_each(|finding| findings.push(finding));
    for (name, refused) in &view.refused.all {
        let domains = refused.disputed.iter().filter(|(claim, _)| claim.kind == ClaimKind::Domain);
        // One holder is told of: the others are met once that one is settled.
        if let Some((claim, holding)) = { domains }.next() {
            findings.push(disputed(view, name, claim, holding));
        }
    }
}

fn taken(newcomer: &Newcomer<'_>) -> Option<Finding> {
    let Newcomer { draft, other: owner, .. } = newcomer;
    let (domain, theirs) = (draft.organisation.domain.as_ref()?, owner.organisation.domain.as_ref()?);
    let name = &owner.organisation.name;
    if domain.value != theirs.value && below(&theirs.value, &domain.value) {
        let title = format!("`{}` holds `{}`, which `{name}` had before", domain.value, theirs.value);
        let finding = Finding::refused(TAKEN, title, domain.span)
            .also(theirs.span, format!("the domain of `{name}`"))
            .why("whoever has a domain has every host inside it, and the history shows who was first")
            .help("write a domain that holds nobody else's")
            .stops(draft.organisation.name.clone());
        return Some(finding);
    }
    let finding = Finding::refused(TAKEN, format!("`{}` belongs to `{name}`", domain.value), domain.span)
        .also(theirs.span, format!("the domain of `{name}`"))
        .why("whoever has a domain has every host inside it, so a domain has one owner")
        .help(format!("`{name}` can lend it: `delegate {} to={}`", domain.value, draft.organisation.name))
        .stops(draft.organisation.name.clone());
    Some(finding)
}

/// The finding about a domain that several say, where nothing tells who had it first.
fn undecided(newcomer: &Newcomer<'_>) -> Option<Finding> {
    let Newcomer { draft, other, .. } = newcomer;
    let (domain, theirs) = (draft.organisation.domain.as_ref()?, other.organisation.domain.as_ref()?);
    let (name, claimed) = (&other.organisation.name, &domain.value);
    let own = &draft.organisation.name;
    let outer = if below(claimed, &theirs.value) { &theirs.value } else { claimed };
    let (title, lend) = if *claimed == theirs.value {
        (format!("`{name}` says the domain `{claimed}`, too"), None)
    } else if below(claimed, &theirs.value) {
        let lend = format!("or let `{name}` lend it: `delegate {claimed} to={own}`");
        (format!("`{claimed}` lies in `{}`, which `{name}` says", theirs.value), Some(lend))
    } else {
        let lend = format!("or lend it: `delegate {} to={name}`", theirs.value);
        (format!("`{claimed}` holds `{}`, which `{name}` says", theirs.value), Some(lend))
    };
    let mut finding = Finding::refused(TAKEN, title, domain.span)
        .also(theirs.span, format!("`{name}` says it here"))
        .why(
            "a domain has one owner, and who had it first is not known here: it is in no cluster yet, and the history does not tell",
        )
        .help("take the line away from the one that came later")
        .help(format!("or say whose it is in the file of the cluster: `belongs {outer} to=…`"))
        .stops(own.clone());
    finding.help.extend(lend);
    Some(finding)
}

/// The finding about a domain of which another organisation has something in a cluster.
fn disputed(view: &View<'_>, name: &Name, claim: &ClaimedName, holding: &HeldName) -> Finding {
    let HeldName { by, kind, name: held } = holding;
    let domain = &claim.name;
    let what = match kind {
        HeldKind::Host => "host",
        HeldKind::Domain => "domain",
        HeldKind::Sender => "sender of mail",
    };
    let title = if held == domain {
        format!("`{domain}` belongs to `{by}`")
    } else {
        format!("`{domain}` cannot be `{name}`'s: `{by}` has the {what} `{held}` in the cluster")
    };
    let finding = Finding::refused(TAKEN, title, claim.span)
        .why("whoever has a domain has every host inside it, and what an organisation has in a cluster stays its own until it is gone");
    let finding = ownership::told_of_holder(view, finding, name, by);
    let finding = if held != domain && held.ends_with(domain.as_str()) {
        finding
            .help("write a domain that holds nobody else's, or hosts one by one that the owner of their domain lends")
    } else if view.draft(by).is_some() {
        finding.help(format!("`{by}` can lend it: `delegate {domain} to={name}`"))
    } else {
        finding
    };
    finding.stops(name.clone())
}
