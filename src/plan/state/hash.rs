//! Hashes by which saved plans and inventories know values again without holding them.

use serde_json::Value;

use super::path;
use crate::plan::decide::action::FieldChange;
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
pub(crate) fn values_hash(live: &Value, wanted: Option<&Value>, changes: &[FieldChange]) -> String {
    let mut hash = Hash::new();
    if let Some(wanted) = wanted {
        project(&mut hash, "", Some(live), wanted);
    }
    for change in changes.iter().filter(|change| change.after.is_none()) {
        hash.text(&change.path);
        match path::get(live, &change.path) {
            Some(value) => hash.value(value),
            None => hash.text("-"),
        }
    }
    hash.finish()
}

/// Feeds the part of `live` that has the shape of `wanted`.
fn project(hash: &mut Hash, name: &str, live: Option<&Value>, wanted: &Value) {
    match (live, wanted) {
        (Some(Value::Object(live)), Value::Object(wanted)) => {
            for (key, wanted) in wanted {
                hash.text(key);
                project(hash, key, live.get(key), wanted);
            }
        }
        (Some(Value::Array(live)), Value::Array(wanted)) => match list::keys(name, live, wanted) {
            Some(keys) => {
                for wanted in wanted {
                    let item = live.iter().find(|item| list::same(keys, item, wanted));
                    project(hash, "", item, wanted);
                }
            }
            None => live.iter().for_each(|value| hash.value(value)),
        },
        (Some(live), _) => hash.value(live),
        (None, _) => hash.text("-"),
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
}
