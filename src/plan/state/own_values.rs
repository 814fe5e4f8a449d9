//! The fields of ours in a live object, as a hash: while it stands still, nothing that we applied has changed.
//!
//! What the loop remembers of an object instead of its body. A status write, a label of somebody else or a new resource
//! version leave it where it is; a changed value, a field taken from us or a beginning deletion move it.

use serde_json::{Map, Value};

use crate::kind;
use crate::kind::unions::{self, Union};
use crate::merge::{Schemas, TypeId, TypeRef, TypeShape, TypeTable};
use crate::plan::MANAGER;

/// A hash over the fields that our `managedFields` entries name, and their live values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OwnValues([u8; 16]);

impl OwnValues {
    /// Reads them from an object as the server sends it, with its `kind`. Of a Secret the values are left out: whoever
    /// changes one takes its field from us.
    ///
    /// # Panics
    /// Never: a SHA-256 is longer than what is kept of it.
    pub(crate) fn of(live: &Value) -> Self {
        Self::ended(Self::begun(live))
    }

    /// The same with the names of the fields that others own: they let go of one that is left to them.
    pub(crate) fn with_others(live: &Value) -> Self {
        let mut hash = Self::begun(live);
        let entries = live["metadata"]["managedFields"].as_array().map_or(&[][..], Vec::as_slice);
        let others = entries.iter().filter(|entry| entry["manager"] != MANAGER && entry["subresource"] != "status");
        for entry in others {
            hash.update(entry["manager"].as_str().unwrap_or_default().as_bytes());
            hash.update(entry["fieldsV1"].to_string().as_bytes());
        }
        Self::ended(hash)
    }

    fn begun(live: &Value) -> ring::digest::Context {
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        let metadata = &live["metadata"];
        hash.update(metadata["uid"].as_str().unwrap_or_default().as_bytes());
        hash.update(&[u8::from(metadata.get("deletionTimestamp").is_some_and(|time| !time.is_null()))]);
        let secret = kind::SECRET.is_body(live);
        let entries = metadata["managedFields"].as_array().map_or(&[][..], Vec::as_slice);
        let ours = entries.iter().filter(|entry| entry["manager"] == MANAGER && entry["subresource"] != "status");
        let of = Schemas::builtin().of(live);
        for fields in ours.filter_map(|entry| entry.get("fieldsV1")?.as_object()) {
            walk(&mut hash, fields, Some(live), secret, of.as_ref().map(TypeAt::root));
            custom_siblings(&mut hash, fields, live);
        }
        hash
    }

    fn ended(hash: ring::digest::Context) -> Self {
        let digest = hash.finish();
        Self(digest.as_ref()[..16].try_into().expect("a SHA-256 has 32 bytes"))
    }
}

/// The type of what a walk stands at, of kinds whose types are known.
#[derive(Clone, Copy)]
pub(super) struct TypeAt<'t> {
    table: &'t TypeTable,
    id: TypeId,
}

impl<'t> TypeAt<'t> {
    /// The type of a whole object.
    pub(super) fn root(of: &'t TypeRef) -> Self {
        Self { table: of.table(), id: of.root() }
    }

    /// Whether it is a map that is owned as a whole.
    pub(super) fn is_atomic_map(self) -> bool {
        matches!(&self.table.get(self.id).shape, TypeShape::Map(object) if object.atomic)
    }

    /// Whether every object of the kind may have a field of this name there; keys of maps are not declared.
    pub(super) fn declares(self, name: &str) -> bool {
        matches!(&self.table.get(self.id).shape, TypeShape::Map(object) if object.fields.contains_key(name))
    }

    /// Whether a text is one of the words that may stand there, or what the server fills in.
    pub(super) fn is_own_word(self, text: &str) -> bool {
        let of = self.table.get(self.id);
        of.allowed.iter().any(|word| **word == *text) || of.default.as_ref().is_some_and(|word| word == text)
    }

    /// The type of what a key of `fieldsV1` means.
    pub(super) fn child(self, key: &str) -> Option<Self> {
        let id = match &self.table.get(self.id).shape {
            TypeShape::Map(object) => object.child(key.strip_prefix("f:")?)?,
            TypeShape::List(list) => list.items,
            TypeShape::Scalar(_) | TypeShape::Any => return None,
        };
        Some(Self { table: self.table, id })
    }

    pub(super) fn unions(self) -> &'t [Union] {
        match &self.table.get(self.id).shape {
            TypeShape::Map(object) => object.unions,
            _ => &[],
        }
    }
}

/// Adds the names of what cannot stand beside our fields and does: it is drift, although no value of ours moved.
fn siblings(hash: &mut ring::digest::Context, unions: &[Union], fields: &Map<String, Value>, live: &Value) {
    let Some(live) = live.as_object() else { return };
    let ours = |name: &str| fields.keys().any(|key| key.strip_prefix("f:") == Some(name));
    let value_of = |name: &str| live.get(name)?.as_str();
    let bars = |union: &Union, name: &str, value: &Value| union.counts(value) && union.is_barred(name, ours, value_of);
    let others = live.iter().filter(|(name, _)| !ours(name));
    for (name, _) in others.filter(|(name, value)| unions.iter().any(|union| bars(union, name, value))) {
        hash.update(b"!");
        hash.update(name.as_bytes());
    }
}

/// The same for custom kinds, whose unions are known by their place.
fn custom_siblings(hash: &mut ring::digest::Context, fields: &Map<String, Value>, live: &Value) {
    let text = |name: &str| live[name].as_str().unwrap_or_default();
    for (place, unions) in unions::of_custom(kind::group_of(text("apiVersion")), text("kind")) {
        let inside = place.split('.').try_fold((fields, live), |(fields, live), name| {
            Some((fields.get(&format!("f:{name}"))?.as_object()?, live.get(name)?))
        });
        if let Some((fields, live)) = inside {
            siblings(hash, unions, fields, live);
        }
    }
}

fn walk(
    hash: &mut ring::digest::Context,
    fields: &Map<String, Value>,
    live: Option<&Value>,
    secret: bool,
    of: Option<TypeAt<'_>>,
) {
    if let (Some(of), Some(live)) = (of, live)
        && !of.unions().is_empty()
    {
        siblings(hash, of.unions(), fields, live);
    }
    if fields.is_empty() {
        match live {
            Some(value) => hash.update(value.to_string().as_bytes()),
            None => hash.update(b"-"),
        }
        return;
    }
    for (key, below) in fields {
        hash.update(key.as_bytes());
        let Some(below) = below.as_object() else { continue };
        let closed = secret && matches!(key.as_str(), "f:data" | "f:stringData");
        let at = if closed { None } else { live.and_then(|live| child(live, key)) };
        // `.` and the members of a set say all with their key.
        if key != "." && !key.starts_with("v:") {
            walk(hash, below, at, secret && !closed, of.and_then(|of| of.child(key)));
        }
    }
}

/// The part of a value that a key of `fieldsV1` means.
fn child<'v>(live: &'v Value, key: &str) -> Option<&'v Value> {
    if let Some(name) = key.strip_prefix("f:") {
        return live.get(name);
    }
    if let Some(keys) = key.strip_prefix("k:") {
        let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
        return live.as_array()?.iter().find(|item| keys.iter().all(|(name, value)| item.get(name) == Some(value)));
    }
    let at: usize = key.strip_prefix("i:")?.parse().ok()?;
    live.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn live() -> Value {
        json!({
            "kind": "Deployment",
            "metadata": {
                "uid": "1", "resourceVersion": "7", "labels": { "ours": "a" },
                "managedFields": [
                    { "manager": "parcelle", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": {
                        "f:metadata": { "f:labels": { "f:ours": {} } },
                        "f:spec": { "f:template": { "f:spec": { "f:containers": {
                            "k:{\"name\":\"web\"}": { ".": {}, "f:name": {}, "f:image": {} } } } } } } },
                ],
            },
            "spec": { "template": { "spec": { "containers": [{ "name": "web", "image": "a:1" }] } } },
        })
    }

    #[test]
    fn what_others_write_beside_our_fields_leaves_them_alone() {
        let before = OwnValues::of(&live());
        let mut after = live();
        after["status"] = json!({ "replicas": 3 });
        after["metadata"]["resourceVersion"] = "9".into();
        after["metadata"]["labels"]["theirs"] = "b".into();
        after["spec"]["template"]["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .insert(0, json!({ "name": "sidecar", "image": "s:1" }));
        after["metadata"]["managedFields"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "manager": "kubectl", "fieldsV1": {} }));
        after["metadata"]["managedFields"][0]["time"] = "2026-02-02T00:00:00Z".into();
        assert_eq!(OwnValues::of(&after), before);
    }

    #[test]
    fn what_cannot_stand_beside_our_fields_is_seen_and_what_can_is_not() {
        let probe = |part: Value| {
            let mut live = live();
            live["apiVersion"] = "apps/v1".into();
            let ours = &mut live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:template"]["f:spec"];
            ours["f:containers"]["k:{\"name\":\"web\"}"]["f:readinessProbe"] = json!({ "f:httpGet": { "f:port": {} } });
            live["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = json!({ "httpGet": { "port": 80 } });
            let probe = live.pointer_mut("/spec/template/spec/containers/0/readinessProbe").unwrap();
            probe.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
            OwnValues::of(&live)
        };
        let alone = probe(json!({}));
        assert_eq!(probe(json!({ "periodSeconds": 3 })), alone);
        assert_ne!(probe(json!({ "exec": { "command": ["true"] } })), alone);
        let cluster = |spec: Value| {
            OwnValues::of(
                &json!({ "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "spec": spec, "metadata": {
                "managedFields": [{ "manager": "parcelle", "fieldsV1": { "f:spec": { "f:imageName": {} } } }] } }),
            )
        };
        let alone = cluster(json!({ "imageName": "a" }));
        assert_eq!(cluster(json!({ "imageName": "a", "instances": 3 })), alone);
        assert_ne!(cluster(json!({ "imageName": "a", "imageCatalogRef": { "name": "c" } })), alone);
    }

    #[test]
    fn a_changed_value_a_lost_field_another_object_and_a_beginning_end_are_seen() {
        let before = OwnValues::of(&live());
        let changes: [(&str, Value); 4] = [
            ("/spec/template/spec/containers/0/image", json!("a:2")),
            ("/metadata/managedFields/0/fieldsV1/f:metadata", json!({})),
            ("/metadata/uid", json!("2")),
            ("/metadata/labels", json!({})),
        ];
        for (path, value) in changes {
            let mut after = live();
            *after.pointer_mut(path).unwrap() = value;
            assert_ne!(OwnValues::of(&after), before, "{path}");
        }
        let mut leaving = live();
        leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert_ne!(OwnValues::of(&leaving), before);
    }

    #[test]
    fn a_secret_is_the_same_with_and_without_its_values() {
        let mut whole = json!({
            "kind": "Secret",
            "metadata": { "uid": "1", "labels": { "a": "b" }, "managedFields": [
                { "manager": "parcelle", "operation": "Update", "fieldsV1": {
                    "f:data": { ".": {}, "f:password": {} }, "f:metadata": { "f:labels": { "f:a": {} } } } }] },
            "data": { "password": "c2VjcmV0" },
        });
        let before = OwnValues::of(&whole);
        whole.as_object_mut().unwrap().remove("data");
        assert_eq!(OwnValues::of(&whole), before);
    }
}
