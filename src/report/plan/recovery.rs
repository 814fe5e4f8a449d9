//! What would be taken back of an organisation whose inventory is lost, object by object.

use std::fmt::Write as _;

use anstyle::Style;
use serde_json::{Value, json};

use super::TextStyle;
use super::words::{bullet, many, paint};
use crate::name::Name;
use crate::plan::{FoundObject, Recovery, Verb};
use crate::render::ObjectId;
use crate::visible;

/// The list that a person confirms.
pub(crate) fn recovery(heading: &str, found: &Recovery, style: TextStyle) -> String {
    let mut out = format!("{}\n", paint(style.drawing, Style::new().bold(), heading));
    let mark = |verb| bullet(style.drawing, verb);
    let mut section = |title: String, verb: Verb, lines: Vec<String>| {
        if lines.is_empty() {
            return;
        }
        let _ = writeln!(out, "  {title}:");
        for line in lines {
            let _ = writeln!(out, "    {}{}", mark(verb), visible::line(&line));
        }
    };
    let taken = format!("would be taken back for changing only, {}", many(found.taken.len(), "object"));
    section(taken, Verb::Adopt, found.taken.iter().map(taken_line).collect());
    let left = found.left.iter().map(|(id, why)| format!("{id} — {why}"));
    section("are there, and are not taken back".to_owned(), Verb::Refused, left.collect());
    let names = |ids: &[ObjectId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let unasked =
        "carry the organisation's labels, and nothing in the garden asks for them: they stay, and are not taken back";
    section(unasked.to_owned(), Verb::Keep, names(&found.unasked));
    let gone = "are not there although their apps are: nothing is made in their place, and what needs them is held until a person says so";
    section(gone.to_owned(), Verb::Refused, names(&found.gone));
    section("are not there: the next round makes them".to_owned(), Verb::Create, names(&found.missing));
    let words = |(of, what): (String, &String)| format!("{of} — {what}");
    let jobs = found.jobs.iter().map(|(job, what)| words((job.clone(), what)));
    section("one-time jobs".to_owned(), Verb::Keep, jobs.collect());
    let compared = found.compared.iter().map(|(app, what)| words((app.to_string(), what)));
    section("what later changes are compared with".to_owned(), Verb::Keep, compared.collect());
    let uncompared = found.uncompared.iter().map(|(app, what)| words((app.to_string(), what)));
    section("what cannot be compared".to_owned(), Verb::Refused, uncompared.collect());
    let unread = found.unread.iter().map(|(kind, why)| words((kind.clone(), why)));
    section("could not be read, so nothing of it is taken back".to_owned(), Verb::Refused, unread.collect());
    out
}

/// The same as a value.
pub(crate) fn recovery_value(found: &Recovery) -> Value {
    let Recovery { taken, left, unasked, gone, missing, jobs, compared, uncompared, unread, .. } = found;
    let taken = taken.iter().map(|one| {
        let FoundObject { id, has_fields, has_nonce, difference, .. } = one;
        json!({ "object": id, "isFieldManager": has_fields, "hasNonce": has_nonce, "differs": difference })
    });
    let left = left.iter().map(|(id, why)| json!({ "object": id, "why": why }));
    let words = |words: &[(String, String)]| -> Vec<Value> {
        words.iter().map(|(of, what)| json!({ "of": of, "what": what })).collect()
    };
    let of_apps = |words: &[(Name, String)]| -> Vec<Value> {
        words.iter().map(|(app, what)| json!({ "app": app, "what": what })).collect()
    };
    json!({
        "taken": taken.collect::<Vec<_>>(), "left": left.collect::<Vec<_>>(), "unasked": unasked, "gone": gone,
        "missing": missing, "jobs": words(jobs), "compared": of_apps(compared), "uncompared": of_apps(uncompared),
        "unreadKinds": unread,
    })
}

/// An object with what hints at its being ours, and how it stands to what the garden asks.
fn taken_line(one: &FoundObject) -> String {
    let hints = match (one.has_fields, one.has_nonce) {
        (true, true) => "labels, fields and nonce",
        (true, false) => "labels and fields",
        (false, true) => "labels and nonce; parcelle is not among its field managers",
        (false, false) => "labels alone; parcelle is not among its field managers",
    };
    let difference = one.difference.as_deref().unwrap_or("as the garden asks");
    format!("{} ({hints}) — {difference}", one.id)
}
