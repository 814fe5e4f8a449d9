//! What is retired keeps its data at least as long as the garden says.

use crate::finding::{Applicability, Code, Finding, Findings};
use crate::model::rules::One;
use crate::model::{Life, Retired};
use crate::schema::scalar::BAD_NAME;

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
    for (name, retired) in organisation.retired_needs.iter().filter(|(name, _)| is_name(name)) {
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
    for (name, retired) in organisation.retired_needs.iter().filter(|(name, _)| !is_name(name)) {
        let finding = Finding::refused(BAD_NAME, format!("no need is called `{name}`"), retired.span)
            .why("each need that is let go is named by itself, as its object is called in the cluster")
            .help("write the name that a plan or `parcelle status` shows, such as `cloud-files`")
            .stops(organisation.name.clone());
        findings.push(finding);
    }
}

/// Whether an object may be called so.
fn is_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let ends = |end: char| end == '-' || end == '.';
    (1..=253).contains(&name.len()) && name.bytes().all(good) && !name.starts_with(ends) && !name.ends_with(ends)
}
