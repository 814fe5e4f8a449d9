//! The rules over one object: fields first, then values, one file a kind of thing.

mod counts;
mod network;
mod operators;
mod pods;
mod resources;
mod routes;
mod senders;
mod told;
mod volumes;

pub(crate) use counts::amount;

use serde_json::Value;

use super::paths::{self, ListedField};
use super::words::{self, WritingHatch};
use super::{EXCESSIVE, FOREIGN, FinalObject, Grounds, UNLISTED, Violation};
use crate::finding::Code;

/// An object under judgement, and what was found.
pub(super) struct Judging<'a> {
    pub(super) object: &'a FinalObject<'a>,
    pub(super) grounds: &'a Grounds,
    pub(super) violations: Vec<Violation>,
}

/// Holds an object against every rule.
pub(super) fn check(judged: &mut Judging<'_>) {
    fields(judged);
    place(judged);
    pods::check(judged);
    told::check(judged);
    senders::check(judged);
    resources::check(judged);
    volumes::check(judged);
    network::check(judged);
    routes::check(judged);
    operators::check(judged);
    counts::check(judged);
}

impl<'a> Judging<'a> {
    fn is(&self, group: &str, kind: &str) -> bool {
        self.object.group == group && self.object.kind == kind
    }

    fn body(&self) -> &'a Value {
        self.object.body
    }

    /// Whether a hatch wrote the scalar at a pointer.
    fn by_hand(&self, pointer: &str) -> bool {
        self.object.by_hand.contains(pointer)
    }

    /// Whether a hatch wrote something at or below a pointer.
    fn by_hand_below(&self, pointer: &str) -> bool {
        let mut from = self.object.by_hand.range(pointer.to_owned()..);
        from.next().is_some_and(|first| {
            first.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }) || self.object.by_hand.contains(pointer)
    }

    fn found(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// A value that names what is not the organisation's.
    fn foreign(&mut self, pointer: &str, title: String, why: &str, help: impl Into<String>) {
        self.refuse(FOREIGN, pointer, title, why, help.into());
    }

    /// A value that takes or gives too much.
    fn excessive(&mut self, pointer: &str, title: String, why: &str, help: &str) {
        self.refuse(EXCESSIVE, pointer, title, why, help.to_owned());
    }

    /// A value or a lack that only parcelle itself could have brought about in an object that no hatch wrote in.
    fn amiss(&mut self, code: Code, pointer: &str, title: String, why: &str, help: String) {
        self.refuse(code, pointer, title, why, help);
        if let Some(last) = self.violations.last_mut() {
            last.of_renderer = true;
        }
    }

    fn refuse(&mut self, code: Code, pointer: &str, title: String, why: &str, help: String) {
        let pointer = pointer.to_owned();
        self.violations.push(Violation { pointer, code, title, why: why.to_owned(), help, of_renderer: false });
    }
}

/// The text at a pointer below a value; empty where there is none.
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Every value at a path below a value, with its JSON pointer; `*` stands for each item or key.
fn each<'v>(value: &'v Value, at: &str, path: &str) -> Vec<(String, &'v Value)> {
    let mut found = vec![(at.to_owned(), value)];
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let mut below = Vec::new();
        for (pointer, value) in found {
            match (segment, value) {
                ("*", Value::Array(items)) => {
                    below.extend(items.iter().enumerate().map(|(at, item)| (format!("{pointer}/{at}"), item)));
                }
                ("*", Value::Object(entries)) => {
                    below.extend(entries.iter().map(|(key, entry)| {
                        (format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), entry)
                    }));
                }
                (key, Value::Object(entries)) => {
                    below.extend(entries.get(key).map(|entry| (format!("{pointer}/{key}"), entry)));
                }
                _ => {}
            }
        }
        found = below;
    }
    found
}

/// Every scalar stands where parcelle renders one, or where a hatch may write and did.
fn fields(judged: &mut Judging<'_>) {
    let FinalObject { group, kind, .. } = *judged.object;
    let (rendered, written) = (paths::rendered(group, kind), paths::written(group, kind));
    if rendered.is_none() && written.is_none() {
        let title = format!("`{kind}` of `{group}` is no kind that an organisation has");
        let violation = Violation {
            pointer: String::new(),
            code: UNLISTED,
            title,
            why: "objects are of the kinds that parcelle renders".to_owned(),
            help: "ask for a need: parcelle renders what meets it".to_owned(),
            of_renderer: true,
        };
        return judged.found(violation);
    }
    walk(judged, judged.object.body, &mut String::new(), [Some(paths::everywhere()), rendered]);
}

fn walk(judged: &mut Judging<'_>, value: &Value, pointer: &mut String, rendered: [Option<&'static ListedField>; 2]) {
    let length = pointer.len();
    let mut below = |judged: &mut Judging<'_>, segment: &str, value: &Value| {
        pointer.push('/');
        push(pointer, segment);
        walk(judged, value, pointer, rendered.map(|fields| fields.and_then(|fields| fields.step(segment))));
        pointer.truncate(length);
    };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| below(judged, key, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| below(judged, &at.to_string(), item)),
        scalar if judged.by_hand(pointer) => {
            let FinalObject { group, kind, .. } = *judged.object;
            let refused = words::of_hatch((group, kind), WritingHatch::Object, pointer, Some(scalar));
            judged.violations.extend(refused);
        }
        _ if rendered.iter().flatten().any(|field| field.ends()) => {}
        _ => {
            let segments: Vec<&str> = pointer.split('/').skip(1).collect();
            let violation = Violation {
                pointer: pointer.clone(),
                code: UNLISTED,
                title: format!("`{}` is no field that a {} of ours has", words::dotted(&segments), judged.object.kind),
                why: "objects have the fields that parcelle renders, and those that a hatch may write".to_owned(),
                help: "this is a mistake of parcelle: please tell us".to_owned(),
                of_renderer: true,
            };
            judged.found(violation);
        }
    }
}

fn push(pointer: &mut String, segment: &str) {
    if segment.contains(['~', '/']) {
        pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(segment);
    }
}

/// An object lies in the organisation's namespace, or is it.
fn place(judged: &mut Judging<'_>) {
    let namespace = judged.grounds.namespace.as_str();
    let lies = if judged.is("", "Namespace") { judged.object.name } else { text(judged.body(), "/metadata/namespace") };
    if lies != namespace {
        let title = format!("{} `{}` lies in the namespace `{lies}`", judged.object.kind, judged.object.name);
        judged.foreign("/metadata/namespace", title, "an organisation has its own namespace alone", "leave it out");
    }
}
