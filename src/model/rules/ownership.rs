//! Ownership of domains, by what organisations say and what they may have in a cluster: the rules about claims share it.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::model::domain::{below, domain_of, parents};
use crate::model::draft::Draft;
use crate::model::rules::View;
use crate::name::Name;

/// Returns the organisations that say a domain of another one, each with that owner.
pub(super) fn newcomers<'a>(view: &View<'a>) -> Vec<(&'a Draft, &'a Draft)> {
    let mut newcomers = Vec::new();
    for domain in view.index.shared_domains() {
        let Some(owner) = owner(view, domain) else { continue };
        newcomers.extend(claimants(view, domain).filter(|one| !std::ptr::eq(*one, owner)).map(|one| (one, owner)));
    }
    for domain in view.index.nested_domains() {
        let Some(draft) = owner(view, domain) else { continue };
        let Some(outer) = outer(view, domain) else { continue };
        // Whether what it has is still lent to it is not known.
        let unknown = !outer.resolved.delegates && had(view, draft);
        if !unknown && !is_lent(domain, &draft.organisation.name, view) {
            newcomers.push((draft, outer));
        }
    }
    newcomers
}

/// Returns the names of the organisations whose domain does not count: it is another one's, or a cluster's.
pub(super) fn contested<'a>(view: &View<'a>) -> BTreeSet<&'a Name> {
    let newcomers = newcomers(view).into_iter().map(|(draft, _)| &draft.organisation.name);
    newcomers.chain(view.refused.domains()).collect()
}

/// Who says a domain, and may.
fn claimants<'a>(view: &View<'a>, domain: &str) -> impl Iterator<Item = &'a Draft> {
    let claimants = view.in_order(view.index.owners(domain)).into_iter();
    claimants.filter(|draft| !view.refused.domain(&draft.organisation.name))
}

/// Who has a domain of those that say it: who had it last keeps it, else the first in file order.
fn owner<'a>(view: &View<'a>, domain: &str) -> Option<&'a Draft> {
    claimants(view, domain).min_by_key(|draft| !had(view, draft))
}

/// Who has the nearest domain around another one.
fn outer<'a>(view: &View<'a>, domain: &str) -> Option<&'a Draft> {
    parents(domain).find_map(|parent| owner(view, parent))
}

/// Who has the nearest domain in which a host lies.
pub(super) fn around<'a>(view: &View<'a>, host: &str) -> Option<&'a Draft> {
    owner(view, host).or_else(|| outer(view, host))
}

/// Whether the organisation may have its domain in a cluster.
fn had(view: &View<'_>, draft: &Draft) -> bool {
    let past = view.holdings.of(&draft.organisation.name);
    past.is_some_and(|past| {
        draft.organisation.domain.as_ref().is_some_and(|domain| past.domains.contains(&domain.value))
    })
}

/// Whether the owner of a host's domain lends it to an organisation.
pub(super) fn is_lent(host: &str, to: &Name, view: &View<'_>) -> bool {
    let mut lenders = view.index.lenders(to).filter_map(|name| view.draft(name));
    lenders.any(|lender| lends(lender, host, to) && has_own(view, lender, host))
}

/// Whether an organisation says that it lends a host, or what lies around it.
fn lends(lender: &Draft, host: &str, to: &Name) -> bool {
    lender.organisation.delegates.iter().any(|(lent, borrower)| borrower == to && below(host, &lent.value))
}

/// Whether a host lies in a domain that is an organisation's own, or was lent to it.
fn has_own(view: &View<'_>, draft: &Draft, host: &str) -> bool {
    let organisation = &draft.organisation;
    if view.refused.domain(&organisation.name) || domain_of(organisation).is_none_or(|domain| !below(host, &domain)) {
        return false;
    }
    let Some(domain) = &organisation.domain else { return true };
    let is_own = owner(view, &domain.value).is_some_and(|owner| std::ptr::eq(owner, draft));
    is_own && outer(view, &domain.value).is_none_or(|outer| lends(outer, &domain.value, &organisation.name))
}

/// Adds to a finding who has what a newcomer asks for: where its file says it, or that none does.
pub(super) fn told_of_holder(view: &View<'_>, finding: Finding, newcomer: &Name, holder: &Name) -> Finding {
    if let Some(draft) = view.draft(holder) {
        let place = draft.organisation.domain.as_ref().map_or(draft.organisation.span, |domain| domain.span);
        return finding.also(place, format!("`{holder}` has it"));
    }
    if view.called.contains(holder) {
        return finding.help(format!("the file of `{holder}` cannot be read: mend it first"));
    }
    finding
        .help(format!(
            "no file mentions `{holder}`: if `{newcomer}` is its new name, call it `{holder}` again, since its data lies under that \
             name; what people read is its `title`"
        ))
        .help(format!(
            "to let it go instead, bring its file back with `retired organisation {holder}`: what it has is free once `parcelle \
             status` says gone"
        ))
}
