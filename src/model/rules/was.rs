//! `was OLD` says the earlier name of an app, so no other app has it.

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::One;

/// An earlier name that another app has.
pub(crate) const STILL_THERE: Code = Code::new("E0311");

pub(super) fn check(one: &One, findings: &mut Findings) {
    let apps = &one.draft.organisation.apps;
    for app in apps.values() {
        let Some(was) = &app.was else { continue };
        let Some(other) = apps.get(&was.value) else { continue };
        let title = if app.name == other.name {
            format!("`{}` is its name still", was.value)
        } else {
            format!("`{}` cannot have been `{}`: that app is still there", app.name, was.value)
        };
        let finding = Finding::error(STILL_THERE, title, was.span);
        let finding = if app.name == other.name { finding } else { finding.also(other.span, "the other app") };
        let finding = finding
            .why("what holds data keeps the earlier name, so it would belong to both")
            .help("take `was` away, or write the name that no app has any more")
            .stops(one.draft.organisation.name.clone());
        findings.push(finding);
    }
}
