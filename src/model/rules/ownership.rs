//! Ownership of domains, by what organisations say and what was applied last: the rules about domains and about hosts share it.

use std::collections::BTreeSet;

use crate::model::domain::{below, domain_of, parents};
use crate::model::draft::Draft;
use crate::model::rules::View;
use crate::name::Name;
use crate::source::Spanned;

/// Returns the organisations that say a domain of another one, each with that owner.
pub(super) fn newcomers<'a>(view: &View<'a>) -> Vec<(&'a Draft, &'a Draft)> {
    let mut newcomers = Vec::new();
    for domain in view.index.shared_domains() {
        let Some(owner) = owner(view, domain) else { continue };
        let others = view.in_order(view.index.owners(domain)).into_iter();
        newcomers.extend(others.filter(|one| !std::ptr::eq(*one, owner)).map(|one| (one, owner)));
    }
    for domain in view.index.nested_domains() {
        let Some(draft) = owner(view, domain) else { continue };
        let Some(outer) = parents(domain).find_map(|parent| owner(view, parent)) else { continue };
        if !is_lent(domain, &draft.organisation.name, view) {
            newcomers.push((draft, outer));
        }
    }
    newcomers
}

/// Returns the names of the organisations that say a domain of another one.
pub(super) fn contested<'a>(view: &View<'a>) -> BTreeSet<&'a Name> {
    newcomers(view).into_iter().map(|(draft, _)| &draft.organisation.name).collect()
}

/// Who has a domain of those that say it: who had it last keeps it, else the first in file order.
fn owner<'a>(view: &View<'a>, domain: &str) -> Option<&'a Draft> {
    view.in_order(view.index.owners(domain)).into_iter().min_by_key(|draft| !had(view, draft))
}

/// Whether the organisation had its domain when the garden was last applied.
fn had(view: &View<'_>, draft: &Draft) -> bool {
    let mut past = view.past_organisations(&draft.organisation.name).filter_map(|past| past.domain.as_ref());
    past.any(|past| draft.organisation.domain.as_ref().is_some_and(|domain| domain.value == past.value))
}

/// Whether the owner of a host's domain lends it to an organisation.
pub(super) fn is_lent(host: &str, to: &Name, view: &View<'_>) -> bool {
    view.index.lenders(to).filter_map(|name| view.draft(name)).any(|owner| {
        let lends = |(lent, borrower): &(Spanned<String>, Name)| borrower == to && below(host, &lent.value);
        owner.organisation.delegates.iter().any(lends)
            && domain_of(&owner.organisation).is_some_and(|domain| below(host, &domain))
    })
}
