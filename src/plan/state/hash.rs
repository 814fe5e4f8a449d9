//! Hashes by which saved plans and inventories know values again without holding them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::path;
use super::union::is_ours_for_a_moment;
use crate::plan::MANAGER;
use crate::plan::decide::action::{FieldChange, Shown};
use crate::plan::decide::take_over;
use crate::plan::tell::list;
use crate::render::Object;

/// The hash of what an object should be: 32 hexadecimal digits over its whole body.
pub(crate) fn desired_hash(object: &Object) -> String {
    hash_of(&object.body)
}

/// The hash of any JSON value; equal values have equal hashes, since maps are sorted.
pub fn hash_of(value: &Value) -> String {
    let mut hash = Hash::new();
    hash.value(value);
    hash.finish()
}

/// The hash of the live values that an action writes over: those at the leaves of `wanted`, and those at the paths of
/// `changes` (fields that go). What others write elsewhere, status first of all, does not move it.
///
/// Values that `changes` do not show are not in it, since a short one could be found from its hash: who wrote to the object,
/// and when, stands for them.
pub(crate) fn values_hash(live: &Value, wanted: Option<&Value>, changes: &[FieldChange]) -> String {
    let is_hidden = |shown: &Shown| !matches!(shown, Shown::Value(_));
    let hidden = changes.iter().filter(|change| change.before.as_ref().is_some_and(is_hidden));
    let mut projection = Projection { hash: Hash::new(), hidden: hidden.map(|change| &*change.path).collect() };
    if let Some(wanted) = wanted {
        projection.feed(&mut String::new(), "", Some(live), wanted);
    }
    for change in changes.iter().filter(|change| change.after.is_none()) {
        projection.hash.text(&change.path);
        projection.leaf(&change.path, path::get(live, &change.path));
    }
    let Projection { mut hash, hidden } = projection;
    if !hidden.is_empty() {
        writes(live).for_each(|entry| {
            ["manager", "operation", "time"].iter().for_each(|name| hash.value(&entry[*name]));
        });
    }
    hash.finish()
}

/// The entries of those who wrote to an object itself; without ours, and those that an adoption makes ours.
fn writes(live: &Value) -> impl Iterator<Item = &Value> {
    let entries = live["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries.filter(|entry| {
        let manager = entry["manager"].as_str().unwrap_or_default();
        let is_own = manager == MANAGER || is_ours_for_a_moment(manager) || take_over::is_tool(manager);
        !is_own && entry.get("subresource").is_none()
    })
}

/// The part of a live object that has the shape of a wanted one, on its way into a hash.
struct Projection<'a> {
    hash: Hash,
    /// Paths at which values are not looked at.
    hidden: BTreeSet<&'a str>,
}

impl Projection<'_> {
    fn leaf(&mut self, path: &str, live: Option<&Value>) {
        match live {
            None => self.hash.text("-"),
            Some(_) if self.hidden.contains(path) => self.hash.text("*"),
            Some(value) => self.hash.value(value),
        }
    }

    fn feed(&mut self, path: &mut String, name: &str, live: Option<&Value>, wanted: &Value) {
        let end = path.len();
        match (live, wanted) {
            _ if self.hidden.contains(path.as_str()) => self.leaf(path, live),
            (Some(Value::Object(live)), Value::Object(wanted)) => {
                for (key, wanted) in wanted {
                    self.hash.text(key);
                    path::push_field(path, key);
                    self.feed(path, key, live.get(key), wanted);
                    path.truncate(end);
                }
            }
            (Some(Value::Array(live)), Value::Array(wanted)) => match list::keys(name, live, wanted) {
                Some(keys) => {
                    for wanted in wanted {
                        let item = live.iter().find(|item| list::same(keys, item, wanted));
                        path.push_str(&list::label(keys, wanted));
                        self.feed(path, "", item, wanted);
                        path.truncate(end);
                    }
                }
                None => live.iter().for_each(|value| self.hash.value(value)),
            },
            (live, _) => self.leaf(path, live),
        }
    }
}

struct Hash(ring::digest::Context);

impl Hash {
    fn new() -> Self {
        Self(ring::digest::Context::new(&ring::digest::SHA256))
    }

    fn text(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        self.text(&value.to_string());
    }

    fn finish(self) -> String {
        hex(&self.0.finish().as_ref()[..16])
    }
}

pub(in crate::plan) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn status_and_fields_of_others_do_not_move_the_hash_of_values() {
        let wanted = json!({"spec": {"replicas": 1, "containers": [{"name": "app", "image": "a"}]}});
        let live = json!({"spec": {"replicas": 2, "containers": [{"name": "app", "image": "a", "tty": true}]}});
        let later = json!({"status": {"x": 1}, "metadata": {"resourceVersion": "9"},
            "spec": {"replicas": 2, "paused": true, "containers": [{"name": "side"}, {"name": "app", "image": "a"}]}});
        let moved = json!({"spec": {"replicas": 3, "containers": [{"name": "app", "image": "a"}]}});
        let hash = |live| values_hash(live, Some(&wanted), &[]);
        assert_eq!(hash(&live), hash(&later));
        assert_ne!(hash(&live), hash(&moved));
    }
    #[test]
    fn a_value_that_is_not_shown_is_not_in_the_hash_and_who_wrote_it_is() {
        let live = |value: &str, time: &str| {
            json!({"metadata": {"managedFields": [{"manager": "kubectl-edit", "operation": "Update", "time": time}]},
                "spec": {"env": [{"name": "A", "value": value}], "b": "x"}})
        };
        let wanted = json!({"spec": {"env": [{"name": "A", "value": "ours"}], "b": "y"}});
        let path = "spec.env[name=A].value".to_owned();
        let hidden = FieldChange { path, before: Some(Shown::Secret), after: None, origin: None, drift_by: Vec::new() };
        let hash = |live| values_hash(&live, Some(&wanted), std::slice::from_ref(&hidden));
        assert_eq!(hash(live("1234", "10:00")), hash(live("5678", "10:00")));
        assert_ne!(hash(live("1234", "10:00")), hash(live("1234", "10:01")));
        let gone = json!({"metadata": live("", "10:00")["metadata"], "spec": {"b": "x"}});
        assert_ne!(hash(live("1234", "10:00")), hash(gone));
    }
}
