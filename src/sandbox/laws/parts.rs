//! What is sent: parts of objects as a real server was sent them, edited at random.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::MANAGERS;

/// Bodies of each resource as a real server was sent them.
pub(super) static PARTS: LazyLock<BTreeMap<String, Vec<Value>>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../tests/cases/merge/parts.json")).expect("the parts are JSON")
});

/// What is done to one place of a body before it is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum BodyEdit {
    Remove,
    Null,
    /// The zero of its type: `0`, `""`, `false`, `[]`, `{}`.
    Zero,
    /// The value that another body has there.
    Other(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Means {
    Apply {
        force: bool,
    },
    MergePatch,
    StrategicPatch,
    /// An apply of nothing but the name: the manager gives up what it owns.
    Leave,
}

/// One write: by whom, how, which body, and what is changed in it.
#[derive(Clone, Debug)]
pub(super) struct WriteStep {
    pub(super) manager: usize,
    pub(super) means: Means,
    pub(super) body: usize,
    pub(super) edits: Vec<(usize, BodyEdit)>,
}

pub(super) fn step() -> impl Strategy<Value = WriteStep> {
    let means = prop_oneof![
        5 => any::<bool>().prop_map(|force| Means::Apply { force }),
        1 => Just(Means::MergePatch),
        1 => Just(Means::StrategicPatch),
        1 => Just(Means::Leave),
    ];
    let edit = prop_oneof![
        3 => Just(BodyEdit::Remove),
        1 => Just(BodyEdit::Null),
        2 => Just(BodyEdit::Zero),
        1 => (0..8_usize).prop_map(BodyEdit::Other),
    ];
    let edits = vec((0..400_usize, edit), 0..5);
    (0..MANAGERS.len(), means, 0..8_usize, edits).prop_map(|(manager, means, body, edits)| WriteStep {
        manager,
        means,
        body,
        edits,
    })
}

pub(super) fn steps() -> impl Strategy<Value = (String, Vec<WriteStep>)> {
    let resources: Vec<String> = PARTS.keys().cloned().collect();
    (prop::sample::select(resources), vec(step(), 1..6))
}

/// Every place of a body that may be edited.
pub(super) fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    let mut below = |name: &str, value: &Value| {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        if !matches!(at.as_str(), "/apiVersion" | "/kind") {
            out.push(at.clone());
            places(value, &at, out);
        }
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| below(&at.to_string(), value)),
        _ => {}
    }
}

pub(super) fn edited(bodies: &[Value], step: &WriteStep) -> Value {
    let mut body = bodies[step.body % bodies.len()].clone();
    for (nth, edit) in &step.edits {
        let mut all = Vec::new();
        places(&body, "", &mut all);
        if all.is_empty() {
            continue;
        }
        let place = all[nth % all.len()].clone();
        let Some(value) = body.pointer_mut(&place) else { continue };
        match edit {
            BodyEdit::Null => *value = Value::Null,
            BodyEdit::Zero => *value = zero(value),
            BodyEdit::Other(other) => {
                if let Some(other) = bodies[other % bodies.len()].pointer(&place) {
                    *value = other.clone();
                }
            }
            BodyEdit::Remove => remove(&mut body, &place),
        }
    }
    body
}

pub(super) fn zero(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => json!(false),
        Value::Number(_) => json!(0),
        Value::String(_) => json!(""),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({}),
    }
}

pub(super) fn remove(body: &mut Value, place: &str) {
    let Some((parent, name)) = place.rsplit_once('/') else { return };
    match body.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.remove(&name.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => drop(name.parse::<usize>().map(|at| items.remove(at))),
        _ => {}
    }
}
