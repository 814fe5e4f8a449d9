//! A domain belongs to one organisation; a domain inside another's must be lent.

use crate::finding::{Code, Finding, Findings};
use crate::model::draft::Draft;
use crate::model::rules::{View, ownership};

/// A domain that is another organisation's.
pub(crate) const TAKEN: Code = Code::new("E0403");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    ownership::newcomers(view)
        .into_iter()
        .filter_map(|(draft, owner)| taken(draft, owner))
        .for_each(|finding| findings.push(finding));
}

fn taken(draft: &Draft, owner: &Draft) -> Option<Finding> {
    let (domain, theirs) = (draft.organisation.domain.as_ref()?, owner.organisation.domain.as_ref()?);
    let name = &owner.organisation.name;
    let finding = Finding::refused(TAKEN, format!("`{}` belongs to `{name}`", domain.value), domain.span)
        .also(theirs.span, format!("the domain of `{name}`"))
        .why("whoever has a domain has every host inside it, so a domain has one owner")
        .help(format!("`{name}` can lend it: `delegate {} to={}`", domain.value, draft.organisation.name))
        .stops(draft.organisation.name.clone());
    Some(finding)
}
