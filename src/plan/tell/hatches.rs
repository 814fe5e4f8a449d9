//! The hatches of an organisation as plans list them: what each changes in the objects as they are rendered, by the lines
//! that decided their values.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{list, mask};
use crate::model::looks_secret;
use crate::name::Name;
use crate::plan::decide::action::{Place, Shown};
use crate::plan::state::hatches::{HatchLine, HatchWord};
use crate::plan::{FieldChange, Input};
use crate::render::{Object, path};
use crate::source::Span;

/// So many fields of a hatch are listed; the others are counted.
const MOST_FIELDS: usize = 20;

/// So many characters of a value are kept.
const MOST_LETTERS: usize = 200;

/// A hatch that an organisation uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hatch {
    pub(crate) word: HatchWord,
    /// The app that it belongs to; absent for one of the organisation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<Name>,
    /// What it is about: `Deployment cloud-web`, `PHP_MEMORY_LIMIT`, `Deployment cloud-web "spec.replicas" leave`.
    pub(crate) about: String,
    /// The line.
    pub(crate) origin: Place,
    /// Whether it says something that was not applied whole before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) new: bool,
    /// The fields that it decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<HatchChange>,
    /// How many further fields it decides.
    #[serde(default, skip_serializing_if = "super::brief::is_none")]
    pub(crate) more: usize,
}

/// A field that a hatch decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HatchChange {
    /// The object: `Deployment cloud-web`.
    pub(crate) object: String,
    /// Its value, under its path.
    #[serde(flatten)]
    pub(crate) field: FieldChange,
}

/// The hatches of an organisation: what is new first, then in the order of the garden.
pub(in crate::plan) fn of(input: &Input<'_>) -> Vec<Hatch> {
    let known = &input.inventory.hatches;
    let lines = &input.directives.hatches;
    let mut hatches: Vec<Hatch> = lines.iter().map(|line| hatch(input, line, !known.contains(&line.hash))).collect();
    hatches.sort_by(|a, b| (!a.new, &a.origin, a.word, &a.about).cmp(&(!b.new, &b.origin, b.word, &b.about)));
    hatches
}

fn hatch(input: &Input<'_>, line: &HatchLine, new: bool) -> Hatch {
    let mut changes = match line.word {
        HatchWord::Env | HatchWord::Patch => changes(input, line),
        HatchWord::Field | HatchWord::Allow => Vec::new(),
    };
    let more = changes.len().saturating_sub(MOST_FIELDS);
    changes.truncate(MOST_FIELDS);
    let origin = Place::of(input.sources, line.span);
    Hatch { word: line.word, app: line.app.clone(), about: line.about.clone(), origin, new, changes, more }
}

/// The fields of rendered objects that a line decided.
fn changes(input: &Input<'_>, line: &HatchLine) -> Vec<HatchChange> {
    let objects = input.desired.objects.iter().filter(|object| object.app == line.app);
    objects
        .flat_map(|object| decided(object, line.span).into_iter().map(|pointer| change(input, object, pointer)))
        .collect()
}

/// The pointers to what lies inside of a span, the innermost only.
fn decided(object: &Object, within: Span) -> Vec<&str> {
    let is_inside = |span: &Span| span.file == within.file && within.start <= span.start && span.end <= within.end;
    let inside: BTreeSet<&str> =
        object.origins.0.iter().filter(|(_, span)| is_inside(span)).map(|(pointer, _)| &**pointer).collect();
    let is_innermost = |pointer: &&str| {
        let below = format!("{pointer}/");
        inside.range(&*below..).next().is_none_or(|next| !next.starts_with(&below))
    };
    inside.iter().copied().filter(|pointer| !pointer.is_empty()).filter(is_innermost).collect()
}

fn change(input: &Input<'_>, object: &Object, pointer: &str) -> HatchChange {
    let path = path_of(&object.body, pointer);
    let after = object.body.pointer(pointer).map(|value| shown(&path, value));
    let origin = object.origins.of(pointer).map(|span| Place::of(input.sources, span));
    let field = FieldChange { path, before: None, after, origin, drift_by: Vec::new() };
    HatchChange { object: object.id.to_string(), field }
}

/// A value as a plan may show it: what looks secret is not, although a garden holds it.
fn shown(path: &str, value: &Value) -> Shown {
    if mask::looks_secret(path, value) || holds_secret(value) {
        return Shown::Secret;
    }
    match value {
        Value::String(text) if text.chars().count() > MOST_LETTERS => {
            Shown::Value(format!("{}…", text.chars().take(MOST_LETTERS).collect::<String>()).into())
        }
        value if value.to_string().len() > 4 * MOST_LETTERS => Shown::Value("…".into()),
        value => Shown::Value(value.clone()),
    }
}

fn holds_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => text.split([' ', '\n', '=', ',', '"', '\'']).any(|word| looks_secret(word).is_some()),
        Value::Array(items) => items.iter().any(holds_secret),
        Value::Object(map) => map.values().any(holds_secret),
        _ => false,
    }
}

/// The path of a JSON pointer as plans print it.
fn path_of(body: &Value, pointer: &str) -> String {
    let (mut out, mut at, mut list_name) = (String::new(), body, String::new());
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        if let Value::Array(items) = at {
            let item = token.parse::<usize>().ok().and_then(|at| items.get(at)).unwrap_or(&Value::Null);
            let label = list::keys(&list_name, &[], items).map(|keys| list::label(keys, item));
            out.push_str(&label.unwrap_or_else(|| format!("[{token}]")));
            at = item;
        } else {
            path::push_field(&mut out, &token);
            at = at.get(&token).unwrap_or(&Value::Null);
        }
        list_name = token;
    }
    out
}
