//! Amounts that a hatch writes: of processor time, memory, volumes and scratch. Each is one that means something, since the
//! kubelet takes none for no end, and what is too small to run would stand in for what is taken in truth.

use serde_json::Value;

use super::{Judging, amount, each, text};
use crate::kind;

/// What is written, in which units it is held against its least, and how that reads.
const LEAST: &[(&str, u128, u64, &str)] = &[
    ("cpu", 1_000_000_000, 1_000_000, "1m"),
    ("memory", 1, 4 << 20, "4Mi"),
    ("storage", 1, 1 << 20, "1Mi"),
    ("sizeLimit", 1, 1 << 20, "1Mi"),
];

/// The most that a scratch volume of a hatch takes of its node, in bytes, and all of one pod together.
const SCRATCH: (u64, u64) = (2 << 30, 4 << 30);

pub(super) fn check(judged: &mut Judging<'_>) {
    for pointer in judged.object.by_hand {
        of_amount(judged, pointer);
    }
    let path = kind::facts(judged.object.group, judged.object.kind).pod_spec;
    let at = format!("/{}", path.join("/"));
    if let Some(pod) = judged.body().pointer(&at).filter(|_| !path.is_empty()) {
        scratch(judged, &at, pod);
    }
}

/// An amount below `resources` or of a volume.
fn of_amount(judged: &mut Judging<'_>, pointer: &str) {
    let mut segments = pointer.rsplit('/');
    let (field, list) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let Some((_, per, least, shown)) = LEAST.iter().find(|(name, ..)| *name == field) else { return };
    if !["requests", "limits", "emptyDir"].contains(&list) {
        return;
    }
    let value = judged.body().pointer(pointer).unwrap_or(&Value::Null);
    if read(value, *per).is_some_and(|amount| amount >= *least) {
        return;
    }
    let why = match read(value, *per) {
        Some(0) => "of nothing the kubelet makes no limit at all",
        Some(_) => "nothing runs with so little, and what it takes in truth is counted by what is written",
        None => "what cannot be read as an amount cannot be counted",
    };
    let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let title = format!("`{field} {written}` is no amount to ask for");
    judged.excessive(pointer, title, why, &format!("write `{shown}` or more"));
}

/// An amount as JSON says it.
fn read(value: &Value, per: u128) -> Option<u64> {
    match value {
        Value::String(text) => amount(text, per),
        Value::Number(number) => amount(&number.to_string(), per),
        _ => None,
    }
}

/// What lies on the node's own disk has an end, each volume and all of them; a volume without a source lies there.
fn scratch(judged: &mut Judging<'_>, at: &str, pod: &Value) {
    let mut sum = 0_u64;
    for (pointer, volume) in each(pod, at, "volumes/*") {
        let sources = volume.as_object().map_or(0, |fields| fields.keys().filter(|key| *key != "name").count());
        let lies_there = sources == 0 || !volume["emptyDir"].is_null();
        if !lies_there || !judged.by_hand_below(&pointer) {
            continue;
        }
        let why = "it lies on the disk of the node, which belongs to all organisations";
        let help = "write `emptyDir { sizeLimit 1 GiB; }`, at most 2 GiB, or ask for a volume in the definition";
        let size = amount(text(volume, "/emptyDir/sizeLimit"), 1);
        let title = format!("the scratch volume `{}` has no end", text(volume, "/name"));
        let Some(size) = size.filter(|size| *size <= SCRATCH.0) else {
            judged.excessive(&pointer, title, why, help);
            continue;
        };
        let fitted = sum <= SCRATCH.1;
        sum = sum.saturating_add(size);
        if fitted && sum > SCRATCH.1 {
            let title = "the scratch volumes of the pod are over 4 GiB together".to_owned();
            judged.excessive(&pointer, title, why, "write less, or ask for a volume in the definition");
        }
    }
}
