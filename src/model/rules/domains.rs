//! A domain belongs to one organisation; a domain inside another's must be lent.

use std::collections::BTreeSet;

use crate::finding::{Code, Finding, Findings};
use crate::model::index::parents;
use crate::model::organisation::Draft;
use crate::model::rules::View;
use crate::model::rules::hosts::lent;
use crate::name::Name;

/// A domain that is another organisation's.
pub const TAKEN: Code = Code("E0403");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let newcomers = newcomers(view);
    newcomers.into_iter().filter_map(|(draft, owner)| taken(draft, owner)).for_each(|finding| findings.push(finding));
}

/// Organisations that say a domain that another one has.
pub(super) fn contested<'a>(view: &View<'a>) -> BTreeSet<&'a Name> {
    newcomers(view).into_iter().map(|(draft, _)| &draft.organisation.name).collect()
}

/// Who says another's domain, and whose it is.
fn newcomers<'a>(view: &View<'a>) -> Vec<(&'a Draft, &'a Draft)> {
    let mut newcomers = Vec::new();
    for domain in view.index.shared_domains() {
        let Some(owner) = owner(view, domain) else { continue };
        let others = view.in_order(view.index.owners(domain)).into_iter();
        newcomers.extend(others.filter(|one| !std::ptr::eq(*one, owner)).map(|one| (one, owner)));
    }
    for domain in view.index.nested_domains() {
        let Some(draft) = owner(view, domain) else { continue };
        let Some(outer) = parents(domain).find_map(|parent| owner(view, parent)) else { continue };
        if !lent(domain, &draft.organisation.name, view) {
            newcomers.push((draft, outer));
        }
    }
    newcomers
}

/// Who has a domain of those that say it: who had it last keeps it, else the first in file order.
fn owner<'a>(view: &View<'a>, domain: &str) -> Option<&'a Draft> {
    view.in_order(view.index.owners(domain)).into_iter().min_by_key(|draft| !had(view, draft))
}

/// Whether the organisation had its domain when the garden was last applied.
fn had(view: &View<'_>, draft: &Draft) -> bool {
    let past = view.past_organisation(&draft.organisation.name).and_then(|past| past.domain.as_ref());
    past.is_some_and(|past| draft.organisation.domain.as_ref().is_some_and(|domain| domain.value == past.value))
}

fn taken(draft: &Draft, owner: &Draft) -> Option<Finding> {
    let (domain, theirs) = (draft.organisation.domain.as_ref()?, owner.organisation.domain.as_ref()?);
    let name = &owner.organisation.name;
    let finding = Finding::error(TAKEN, format!("`{}` belongs to `{name}`", domain.value), domain.span)
        .also(theirs.span, format!("the domain of `{name}`"))
        .why("whoever has a domain has every host inside it, so a domain has one owner")
        .help(format!("`{name}` can lend it: `delegate {} to={}`", domain.value, draft.organisation.name))
        .stops(draft.organisation.name.clone());
    Some(finding)
}
