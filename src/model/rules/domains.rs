//! A domain belongs to one organisation; a domain inside another's must be lent.

use crate::finding::{Code, Finding, Findings};
use crate::model::organisation::Draft;
use crate::model::rules::View;
use crate::model::rules::hosts::{below, lent};

/// A domain that is another organisation's.
pub const TAKEN: Code = Code("E0403");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (at, draft) in view.drafts.iter().enumerate() {
        let Some(domain) = &draft.organisation.domain else { continue };
        let others = view.drafts.iter().enumerate().filter(|(other, _)| *other != at);
        let owner = others.map(|(other, owner)| (other, owner)).find(|(other, owner)| {
            let Some(theirs) = &owner.organisation.domain else { return false };
            let same = domain.value == theirs.value;
            let inside = below(&domain.value, &theirs.value) && !same;
            inside && !lent(&domain.value, &draft.organisation.name, view.drafts)
                || same && newcomer(view, (at, draft), (*other, owner))
        });
        let Some((_, owner)) = owner else { continue };
        let Some(theirs) = &owner.organisation.domain else { continue };
        let name = &owner.organisation.name;
        let finding = Finding::error(TAKEN, format!("`{}` belongs to `{name}`", domain.value), domain.span)
            .also(theirs.span, format!("the domain of `{name}`"))
            .why("whoever has a domain has every host inside it, so a domain has one owner")
            .help(format!("`{name}` can lend it: `delegate {} to={}`", domain.value, draft.organisation.name))
            .stops(draft.organisation.name.clone());
        findings.push(finding);
    }
}

/// Of two organisations with the same domain, whether `one` is the one to give way: who had it last keeps it.
fn newcomer(view: &View<'_>, one: (usize, &Draft), other: (usize, &Draft)) -> bool {
    let had = |draft: &Draft| {
        let past = view.past_organisation(&draft.organisation.name).and_then(|past| past.domain.as_ref());
        past.is_some_and(|past| draft.organisation.domain.as_ref().is_some_and(|domain| domain.value == past.value))
    };
    (!had(one.1), one.0) > (!had(other.1), other.0)
}
