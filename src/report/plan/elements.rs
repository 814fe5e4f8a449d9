//! Lists compared item by item: which go, which come, and what moves inside of one that stays.
//!
//! ```text
//! + autre.alternatiba.example
//! ~ [0].resource.target.averageUtilization: 60 → 50
//! ```

use std::collections::BTreeSet;

use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::value::{Line, WIDEST, differing, flow, short};

/// The differences of two lists, in the order of the lists.
pub(super) fn lines(before: &[Value], after: &[Value]) -> Vec<Line> {
    let mut lines = Vec::new();
    list("", before, after, &mut lines);
    lines
}

fn list(path: &str, before: &[Value], after: &[Value], lines: &mut Vec<Line>) {
    let texts = |items: &[Value]| items.iter().map(Value::to_string).collect::<Vec<_>>();
    for operation in capture_diff_slices(Algorithm::Myers, &texts(before), &texts(after)) {
        if matches!(operation, DiffOp::Equal { .. }) {
            continue;
        }
        let (old, new) = (operation.old_range(), operation.new_range());
        let both = old.len().min(new.len());
        for (at_old, new) in old.clone().zip(new.clone()) {
            let (old, item) = (&before[at_old], &after[new]);
            if are_alike(old, item) {
                inside(&format!("{path}[{new}]"), old, item, lines);
            } else {
                whole(Line::Removed, path, Some(at_old), old, lines);
                whole(Line::Added, path, Some(new), item, lines);
            }
        }
        old.skip(both).for_each(|at| whole(Line::Removed, path, Some(at), &before[at], lines));
        new.skip(both).for_each(|at| whole(Line::Added, path, Some(at), &after[at], lines));
    }
}

/// Whether two items are one that changed: maps that have half of what they say in common, or say the same things.
fn are_alike(one: &Value, other: &Value) -> bool {
    let (Value::Object(one), Value::Object(other)) = (one, other) else { return false };
    let equal = one.iter().filter(|(key, value)| other.get(*key) == Some(value)).count();
    equal * 2 >= one.len().max(other.len()) || one.keys().eq(other.keys())
}

/// What moves between two values of one place.
fn inside(path: &str, before: &Value, after: &Value, lines: &mut Vec<Line>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Object(before), Value::Object(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let path = format!("{path}.{key}");
                match (before.get(key), after.get(key)) {
                    (Some(before), Some(after)) => inside(&path, before, after, lines),
                    (Some(before), None) => whole(Line::Removed, &path, None, before, lines),
                    (None, Some(after)) => whole(Line::Added, &path, None, after, lines),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => list(path, before, after, lines),
        (before, after) => {
            let (before, after) = differing(&flow(before), &flow(after));
            lines.push(Line::Changed(path.to_owned(), before, after));
        }
    }
}

/// A value that goes or comes as a whole: on one line, or where it is too long part by part. `at` is its place in a list.
fn whole(line: fn(String) -> Line, path: &str, at: Option<usize>, value: &Value, lines: &mut Vec<Line>) {
    let text = flow(value);
    if text.chars().count() <= WIDEST || !(value.is_object() || value.is_array()) {
        let text = short(&text);
        lines.push(line(if path.is_empty() { text } else { format!("{path}: {text}") }));
        return;
    }
    let path = at.map_or(path.to_owned(), |at| format!("{path}[{at}]"));
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| whole(line, &format!("{path}.{key}"), None, value, lines));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| whole(line, &path, Some(at), item, lines));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(before: Value, after: Value) -> Vec<Line> {
        let (Value::Array(before), Value::Array(after)) = (before, after) else { panic!("lists are compared") };
        lines(&before, &after)
    }

    fn added(text: &str) -> Line {
        Line::Added(text.to_owned())
    }

    fn removed(text: &str) -> Line {
        Line::Removed(text.to_owned())
    }

    #[test]
    fn words_that_come_and_go_are_named_alone() {
        let found = of(json!(["a.example", "b.example", "c.example"]), json!(["a.example", "c.example", "d.example"]));
        assert_eq!(found, [removed("b.example"), added("d.example")]);
    }

    #[test]
    fn an_item_that_stays_shows_what_moves_inside_of_it() {
        let metric = |at: u8| json!({"type": "Resource", "resource": {"name": "cpu", "target": {"use": at}}});
        let changed = Line::Changed("[0].resource.target.use".to_owned(), "60".to_owned(), "50".to_owned());
        assert_eq!(of(json!([metric(60)]), json!([metric(50)])), [changed]);
    }

    #[test]
    fn an_item_put_before_others_moves_none_of_them() {
        let rule = |port: u16| json!({"ports": [{"port": port}], "to": [{"namespace": port}]});
        let found = of(json!([rule(80), rule(443)]), json!([rule(25), rule(80), rule(443)]));
        assert_eq!(found, [added("{ports: [{port: 25}], to: [{namespace: 25}]}")]);
    }

    #[test]
    fn nothing_of_a_large_item_is_cut_away() {
        let words: Vec<String> = (0..40).map(|at| format!("word-{at}")).collect();
        let found = of(json!([]), json!([{"a": words, "b": "end"}]));
        assert_eq!(found.len(), 41);
        assert_eq!(found[..1], [added("[0].a: word-0")]);
        assert_eq!(found[40..], [added("[0].b: end")]);
    }
}
