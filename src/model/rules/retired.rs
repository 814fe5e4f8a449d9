//! What is retired keeps its data at least as long as the garden says.

use crate::finding::{Applicability, Code, Finding, Findings};
use crate::model::rules::One;
use crate::model::{Life, Retired};

/// A shorter time than the garden's.
pub(crate) const TOO_SHORT: Code = Code::new("E0409");

pub(super) fn check(one: &One, findings: &mut Findings) {
    let least = one.keep_data;
    let mut tell = |retired: &Retired, what: &str, organisation: &crate::name::Name| {
        if retired.keep_data.amount >= least.amount {
            return;
        }
        let title = format!("{what} would keep its data for {} only", retired.keep_data);
        let finding = Finding::refused(TOO_SHORT, title, retired.span)
            .also(one.garden, format!("the garden keeps data for {least} at least"))
            .why("time to change one's mind, and to fetch what is missed")
            .help(format!("write `keep-data {least}` or more"))
            .fix(Applicability::Safe, format!("write `keep-data {least}`"), retired.span, format!("keep-data {least}"))
            .stops(organisation.clone());
        findings.push(finding);
    };
    let organisation = &one.draft.organisation;
    if let Some(retired) = &organisation.retired {
        tell(retired, &format!("`{}`", organisation.name), &organisation.name);
    }
    for (name, retired) in &organisation.retired_needs {
        tell(retired, &format!("`{name}`"), &organisation.name);
    }
    for app in organisation.apps.values() {
        match &app.life {
            Life::Retired(retired) if organisation.retired.as_ref() != Some(retired) => {
                tell(retired, &format!("`{}/{}`", organisation.name, app.name), &organisation.name);
            }
            _ => {}
        }
    }
}
