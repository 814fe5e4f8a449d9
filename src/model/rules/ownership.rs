//! Ownership of domains, by what organisations say and what they may have in a cluster: the rules about claims share it.

use std::collections::BTreeSet;

use crate::finding::{Code, Finding};
use crate::model::domain::{below, domain_of, parents};
use crate::model::draft::Draft;
use crate::model::rules::View;
use crate::model::{Age, WrittenClaim};
use crate::name::Name;

/// A host or domain that is given to whom it belongs anyhow.
pub(crate) const ANYHOW: Code = Code::new("W0445");

/// An organisation that says a domain which is not its own.
pub(super) struct Newcomer<'a> {
    pub(crate) draft: &'a Draft,
    /// Who has it, or says it too where nobody knows whose it is.
    pub(crate) other: &'a Draft,
    /// Whether the other one has it.
    pub(crate) decided: bool,
}

/// Returns the organisations that say a domain of another one, or one of which nobody knows whose it is.
pub(super) fn newcomers<'a>(view: &View<'a>) -> Vec<Newcomer<'a>> {
    let mut newcomers = Vec::new();
    for domain in view.index.shared_domains() {
        let Some(owner) = owner(view, domain) else {
            let claimants: Vec<&Draft> = claimants(view, domain).collect();
            newcomers.extend(claimants.iter().enumerate().filter_map(|(at, draft)| {
                let other = claimants.iter().enumerate().find(|(beside, _)| *beside != at)?.1;
                Some(Newcomer { draft, other, decided: false })
            }));
            continue;
        };
        let others = claimants(view, domain).filter(|one| !std::ptr::eq(*one, owner));
        newcomers.extend(others.map(|draft| Newcomer { draft, other: owner, decided: true }));
    }
    for (inner, outer) in nested(view) {
        let had = (had(view, inner), had(view, outer));
        let was_first = |one, other| Age::is_older(age(view, one), age(view, other));
        // Whoever has a domain has what lies in it, unless that was there before.
        newcomers.extend(if had == (true, false) || had.0 == had.1 && was_first(inner, outer) {
            vec![Newcomer { draft: outer, other: inner, decided: true }]
        } else if had.1 || was_first(outer, inner) {
            vec![Newcomer { draft: inner, other: outer, decided: true }]
        } else {
            let both = [(inner, outer), (outer, inner)];
            both.map(|(draft, other)| Newcomer { draft, other, decided: false }).into()
        });
    }
    newcomers
}

/// Returns organisations whose domain lies in that of another one who does not lend it, each with that one.
fn nested<'a>(view: &View<'a>) -> Vec<(&'a Draft, &'a Draft)> {
    let pairs = view.index.nested_domains().filter_map(|domain| {
        let (inner, outer) = (owner(view, domain)?, outer(view, domain)?);
        // Whether what it has is still lent to it is not known.
        let unknown = !outer.resolved.delegates && had(view, inner);
        (!unknown && !is_lent(domain, &inner.organisation.name, view)).then_some((inner, outer))
    });
    pairs.collect()
}

/// Returns the lines about domains of which only the history knows who had them first.
pub(in crate::model) fn undecided(view: &View<'_>) -> BTreeSet<WrittenClaim> {
    let shared = view.index.shared_domains().map(|domain| candidates(view, domain)).filter(|all| all.len() > 1);
    let both = nested(view).into_iter().filter(|(inner, outer)| had(view, inner) == had(view, outer));
    shared
        .flatten()
        .chain(both.flat_map(|(inner, outer)| [inner, outer]))
        .filter_map(|draft| claim(view, draft))
        .collect()
}

/// Returns the names of the organisations whose domain does not count: it is another one's, or a cluster's.
pub(super) fn contested<'a>(view: &View<'a>) -> BTreeSet<&'a Name> {
    let newcomers = newcomers(view).into_iter().map(|newcomer| &newcomer.draft.organisation.name);
    newcomers.chain(view.refused.domains()).collect()
}

/// Who says a domain, and may.
fn claimants<'a>(view: &View<'a>, domain: &str) -> impl Iterator<Item = &'a Draft> {
    let claimants = view.in_order(view.index.owners(domain)).into_iter();
    claimants.filter(|draft| !view.refused.domain(&draft.organisation.name))
}

/// Who has a domain of those that say it: who had it last keeps it; of several who did, or of whom none did, whose claim is the
/// oldest in the history. Nobody where that is not known: the order of files says nothing.
fn owner<'a>(view: &View<'a>, domain: &str) -> Option<&'a Draft> {
    let mut candidates = candidates(view, domain);
    if candidates.len() > 1 {
        let all = candidates.clone();
        let is_oldest = |one: &&Draft| {
            all.iter().all(|other| std::ptr::eq(*one, *other) || Age::is_older(age(view, one), age(view, other)))
        };
        candidates.retain(is_oldest);
    }
    match candidates[..] {
        [one] => Some(one),
        _ => None,
    }
}

/// Who may have a domain of those that say it: who had it last, or all where none did.
fn candidates<'a>(view: &View<'a>, domain: &str) -> Vec<&'a Draft> {
    let mut candidates: Vec<&Draft> = claimants(view, domain).collect();
    if candidates.iter().any(|draft| had(view, draft)) {
        candidates.retain(|draft| had(view, draft));
    }
    candidates
}

/// How old the claim of an organisation is by the history; nothing where that was not asked or is not known.
fn age(view: &View<'_>, draft: &Draft) -> Option<Age> {
    view.past?.ages.get(&claim(view, draft)?).copied()
}

/// The line by which an organisation says its domain.
fn claim(view: &View<'_>, draft: &Draft) -> Option<WrittenClaim> {
    let domain = draft.organisation.domain.as_ref()?;
    let path = view.sources.path(draft.organisation.file)?.to_owned();
    Some(WrittenClaim { path, kind: "domain", value: domain.value.clone() })
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
    let mut lenders = view.index.lenders(host, to).filter_map(|name| view.draft(name));
    lenders.any(|lender| has_own(view, lender, host))
}

/// Whether a host lies in a domain that is an organisation's own, or was lent to it.
fn has_own(view: &View<'_>, draft: &Draft, host: &str) -> bool {
    let organisation = &draft.organisation;
    if view.refused.domain(&organisation.name) || domain_of(organisation).is_none_or(|domain| !below(host, &domain)) {
        return false;
    }
    let Some(domain) = &organisation.domain else { return true };
    // Who says it is one of those who may have it.
    let is_own = owner(view, &domain.value).is_none_or(|owner| std::ptr::eq(owner, draft));
    let lends = |outer: &Draft| view.index.lends(&outer.organisation.name, &domain.value, &organisation.name);
    is_own && outer(view, &domain.value).is_none_or(lends)
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
