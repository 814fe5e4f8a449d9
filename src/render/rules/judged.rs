//! Every object as it will be applied, held against the policy; each violation stands on the line that wrote the value.

use std::collections::BTreeSet;

use crate::finding::{Finding, Findings};
use crate::model::Organisation;
use crate::policy::{self, FinalObject};
use crate::render::{Object, OrganisationObjects, providers};
use crate::source::Span;

/// After how many violations no more are looked for: more than are shown, though some of them were told on other lines.
const MOST_FOUND: usize = 2_000;

/// Every object of an organisation. What was told of a hatch on its own line is not told again.
pub(super) fn check(organisation: &Organisation, out: &OrganisationObjects, findings: &mut Findings) {
    let grounds = providers::grounds(organisation, out);
    let mut found = Vec::new();
    for object in &out.objects {
        for violation in policy::judge(&object.judged(), &grounds) {
            let span = object.origins.of(&violation.pointer).unwrap_or_else(|| whose(organisation, object));
            let finding = Finding::refused(violation.code, violation.title, span)
                .label(format!("in {} `{}`", object.id.kind, object.id.name))
                .why(violation.why)
                .help(violation.help);
            found.push(finding);
            if found.len() > MOST_FOUND {
                break;
            }
        }
        if found.len() > MOST_FOUND {
            break;
        }
    }
    if found.is_empty() {
        return;
    }
    let of_policy = findings.iter().filter(|told| policy::CODES.contains(&told.code));
    let told: BTreeSet<Span> = of_policy.map(|told| told.primary.span).collect();
    found.retain(|finding| !told.contains(&finding.primary.span));
    found.into_iter().for_each(|finding| findings.push(finding));
}

fn whose(organisation: &Organisation, object: &Object) -> Span {
    object.app.as_ref().and_then(|app| organisation.apps.get(app)).map_or(organisation.span, |app| app.span)
}

impl Object {
    /// The object as the policy looks at it.
    pub(crate) fn judged(&self) -> FinalObject<'_> {
        FinalObject {
            group: self.id.group(),
            kind: &self.id.kind,
            name: &self.id.name,
            app: self.app.as_ref().map(crate::name::Name::as_str),
            body: &self.body,
            by_hand: &self.by_hand,
        }
    }
}
