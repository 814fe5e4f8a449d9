//! A domain belongs to one organisation; a domain inside another's must be lent.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Code, Finding, Findings};
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
fn newcomers<'a>(view: &View<'a>) -> Vec<(&'a Draft<'a>, &'a Draft<'a>)> {
    let mut owners: BTreeMap<&str, &Draft<'_>> = BTreeMap::new();
    let mut newcomers = Vec::new();
    let mut by_right: Vec<&Draft<'_>> = view.drafts.iter().collect();
    // Who had its domain last keeps it; the sort keeps the order of the files otherwise.
    by_right.sort_by_key(|draft| !had(view, draft));
    for draft in by_right {
        let Some(domain) = &draft.organisation.domain else { continue };
        match owners.get(domain.value.as_str()) {
            Some(owner) => newcomers.push((draft, *owner)),
            None => drop(owners.insert(&domain.value, draft)),
        }
    }
    let inside = owners.values().filter_map(|draft| {
        let domain = &draft.organisation.domain.as_ref()?.value;
        let owner = parents(domain).find_map(|parent| owners.get(parent))?;
        (!lent(domain, &draft.organisation.name, view.drafts)).then_some((*draft, *owner))
    });
    newcomers.extend(inside);
    newcomers
}

/// Whether the organisation had its domain when the garden was last applied.
fn had(view: &View<'_>, draft: &Draft<'_>) -> bool {
    let past = view.past_organisation(&draft.organisation.name).and_then(|past| past.domain.as_ref());
    past.is_some_and(|past| draft.organisation.domain.as_ref().is_some_and(|domain| domain.value == past.value))
}

/// `b.c` and `c` of `a.b.c`.
fn parents(domain: &str) -> impl Iterator<Item = &str> {
    domain.match_indices('.').map(|(at, _)| &domain[at + 1..])
}

fn taken(draft: &Draft<'_>, owner: &Draft<'_>) -> Option<Finding> {
    let (domain, theirs) = (draft.organisation.domain.as_ref()?, owner.organisation.domain.as_ref()?);
    let name = &owner.organisation.name;
    let finding = Finding::error(TAKEN, format!("`{}` belongs to `{name}`", domain.value), domain.span)
        .also(theirs.span, format!("the domain of `{name}`"))
        .why("whoever has a domain has every host inside it, so a domain has one owner")
        .help(format!("`{name}` can lend it: `delegate {} to={}`", domain.value, draft.organisation.name))
        .stops(draft.organisation.name.clone());
    Some(finding)
}
