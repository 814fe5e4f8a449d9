//! Every object as it will be applied, held against the policy; each violation stands on the line that wrote the value.

use std::collections::BTreeSet;

use crate::finding::{Finding, Findings};
use crate::model::Organisation;
use crate::policy::{self, FinalObject};
use crate::render::{Object, OrganisationObjects, providers};
use crate::source::Span;

/// After how many violations no more are looked for: more than are shown, though some of them were told on other lines.
const MOST_FOUND: usize = 2_000;

/// Amounts of containers about which there is a finding: of each the object, by its place, and the container's `resources`.
pub(super) type SettledAmounts = BTreeSet<(usize, String)>;

/// Every object of an organisation. What was told of a hatch on its own line is not told again.
pub(super) fn check(organisation: &Organisation, out: &OrganisationObjects, findings: &mut Findings) -> SettledAmounts {
    let mut settled = SettledAmounts::new();
    let grounds = providers::grounds(organisation, out);
    let mut found = Vec::new();
    for (place, object) in out.objects.iter().enumerate() {
        for violation in policy::judge(&object.judged(), &grounds) {
            if let Some((container, _)) = violation.pointer.split_once("/resources/") {
                settled.insert((place, format!("{container}/resources/")));
            }
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
        return settled;
    }
    let of_policy = findings.iter().filter(|told| policy::CODES.contains(&told.code));
    let told: BTreeSet<Span> = of_policy.map(|told| told.primary.span).collect();
    found.retain(|finding| !told.contains(&finding.primary.span));
    // A line may be wrong in each of several objects, and is one mistake.
    let mut once = BTreeSet::new();
    found.retain(|finding| once.insert((finding.primary.span, finding.title.clone())));
    found.into_iter().for_each(|finding| findings.push(finding));
    settled
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
