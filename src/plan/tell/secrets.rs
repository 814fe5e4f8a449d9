//! What people must know of Secrets that are made once and are not whole, and the ways out.

use super::words::people;
use crate::finding::{Code, Finding};
use crate::render::ObjectId;
use crate::source::Span;

/// What was made once is gone.
const LOST: Code = Code::new("E0486");

/// Keys of a Secret contradict one another.
const ODD: Code = Code::new("W0499");

/// A Secret that is gone; `app` is what `parcelle acknowledge` is given.
pub(super) fn gone(id: &ObjectId, app: Option<&str>, span: Span) -> Finding {
    let finding = Finding::refused(LOST, format!("`{id}` was made once and is gone"), span)
        .why("its values cannot be made again: what was encrypted or set up with them would be lost")
        .help(format!(
            "restore it under its name from a backup of the cluster, and say `adopt {} {}` in the app where it comes back without its annotations",
            id.kind, id.name
        ));
    match app {
        Some(app) => finding.help(anew(app)),
        None => finding,
    }
}

/// Keys of a Secret that are gone.
pub(super) fn keys_lost(id: &ObjectId, keys: &[String], app: &str, span: Span) -> Finding {
    let verb = if keys.len() == 1 { "was" } else { "were" };
    let finding =
        Finding::refused(LOST, format!("{} of `{id}` {verb} made once, and gone or empty now", people(keys)), span)
            .why("nothing that is there says what it was, and another one would contradict what was set up with it");
    out_of_lost_keys(id, keys, app).into_iter().fold(finding, Finding::help)
}

/// Keys that others are put together of, and that somebody changed.
pub(super) fn odd(id: &ObjectId, keys: &[String], span: Span) -> Finding {
    let title = format!("the keys of `{id}` contradict one another");
    Finding::warning(ODD, title, span)
        .why(format!(
            "somebody changed it: {} does not hold what it is put together of, and parcelle does not know which of the two counts",
            people(keys)
        ))
        .help(out_of_odd_keys(id, keys))
}

/// The ways out where keys of a Secret are gone.
pub(crate) fn out_of_lost_keys(id: &ObjectId, keys: &[String], app: &str) -> Vec<String> {
    let fields: Vec<String> = keys.iter().map(|key| format!("\"{key}\":\"…\"")).collect();
    let patch = format!("{{\"stringData\":{{{}}}}}", fields.join(","));
    let back = format!(
        "put the old value back: `kubectl patch secret {} --namespace {} --patch '{patch}'`",
        id.name, id.namespace
    );
    let anew = (!app.is_empty()).then(|| anew(app));
    [back].into_iter().chain(anew).collect()
}

/// The way out where nobody has the old values any more.
pub(crate) fn anew(app: &str) -> String {
    format!(
        "where nobody has the old values any more: `parcelle acknowledge {app}` makes new ones, and says what that comes to"
    )
}

/// The way out where keys contradict one another.
pub(crate) fn out_of_odd_keys(id: &ObjectId, keys: &[String]) -> String {
    let paths: Vec<String> = keys.iter().map(|key| format!("\"{key}\":null")).collect();
    let patch = format!("{{\"data\":{{{}}}}}", paths.join(","));
    format!(
        "put back what was changed; or have {} put together again of what is there: `kubectl patch secret {} --namespace {} --patch '{patch}'`",
        people(keys),
        id.name,
        id.namespace
    )
}
