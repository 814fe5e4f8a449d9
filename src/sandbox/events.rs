//! Events have other names for their fields in `events.k8s.io`; they are kept by their old ones.

use serde_json::Value;

const EVENT_NAMES: [(&str, &str); 7] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
];

/// Events have other names for their fields in `events.k8s.io`; they are kept by their old ones.
pub(crate) fn event_in(object: &mut Value) {
    rename(object, |(new, old)| (*new, *old));
}

/// The other way round.
pub(crate) fn event_out_value(object: &mut Value) {
    rename(object, |(new, old)| (*old, *new));
}

fn rename<'a>(object: &mut Value, pair: impl Fn(&'a (&'a str, &'a str)) -> (&'a str, &'a str)) {
    if let Value::Object(fields) = object {
        for names in &EVENT_NAMES {
            let (from, to) = pair(names);
            if let Some(value) = fields.remove(from) {
                fields.insert(to.to_owned(), value);
            }
        }
    }
}

/// The members `,"reason":…` of a stored event by their new names.
pub(crate) fn event_out(rest: &str) -> String {
    let text = format!("{{{}}}", rest.trim_start_matches(','));
    let Ok(mut value) = serde_json::from_str::<Value>(&text) else {
        return rest.to_owned();
    };
    event_out_value(&mut value);
    let text = value.to_string();
    match &text[1..text.len() - 1] {
        "" => String::new(),
        members => format!(",{members}"),
    }
}
