//! Findings about one-time jobs.

use crate::finding::{Code, Finding};
use crate::plan::decide::action::Action;
use crate::plan::decide::reason::Refusing;
use crate::source::Span;

pub(super) fn failed(why: &str, rerun: &str, span: Span) -> Finding {
    let title = format!("the job `{}` of `{}` failed", job_of(rerun), app_of(rerun));
    Finding::refused(Code::new("E0478"), title, span)
        .why(why)
        .help(format!("mend what it says, then `parcelle rerun {rerun}`; what comes after it waits"))
}

pub(super) fn end_unknown(action: &Action, why: &Refusing, rerun: &str, span: Span) -> Finding {
    let title = format!("nobody knows how the job `{}` of `{}` ended", job_of(rerun), app_of(rerun));
    let name = &action.id.name;
    Finding::refused(Code::new("E0477"), title, span).why(format!("`Job {name}`: {why}")).help(format!(
        "look at the data that it works on; where it is to run, `parcelle rerun {rerun}`; what comes after it waits"
    ))
}

pub(super) fn overdue(action: &Action, rerun: &str, span: Span) -> Finding {
    let title = format!("the job `{}` of `{}` is overdue", job_of(rerun), app_of(rerun));
    let (namespace, name, why) = (&action.id.namespace, &action.id.name, action.reason());
    Finding::warning(Code::new("W0478"), title, span)
        .why(format!("{why}; what comes after it goes on waiting"))
        .help(format!(
            "look at it: `kubectl logs --namespace {namespace} job/{name}`; `parcelle rerun {rerun}` stops it and runs it again"
        ))
}

/// The job in what `parcelle rerun` is given: `upgrade` of `alternatiba/cloud upgrade`.
fn job_of(rerun: &str) -> &str {
    rerun.split_once(' ').map_or(rerun, |(_, job)| job)
}

/// The app in what `parcelle rerun` is given.
fn app_of(rerun: &str) -> &str {
    rerun.split_once(' ').map_or(rerun, |(app, _)| app)
}
