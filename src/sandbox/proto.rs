//! Bodies in protobuf, of the few kinds that kubectl sends so: `create namespace`, `create
//! configmap`, `create secret`, `create serviceaccount`, `auth can-i`, `auth whoami`. All others are refused with
//! 415. Answers are always JSON, which every client takes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

/// Every body begins so.
const MAGIC: &[u8] = b"k8s\0";

/// What a field holds.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Number,
    Texts,
    TextMap,
    BytesMap,
    Message(&'static [Field]),
    Messages(&'static [Field]),
}

type Field = (u64, &'static str, Kind);

const OWNER: &[Field] = &[
    (1, "kind", Kind::Text),
    (3, "name", Kind::Text),
    (4, "uid", Kind::Text),
    (5, "apiVersion", Kind::Text),
    (6, "controller", Kind::Flag),
    (7, "blockOwnerDeletion", Kind::Flag),
];
const METADATA: &[Field] = &[
    (1, "name", Kind::Text),
    (2, "generateName", Kind::Text),
    (3, "namespace", Kind::Text),
    (5, "uid", Kind::Text),
    (6, "resourceVersion", Kind::Text),
    (7, "generation", Kind::Number),
    (11, "labels", Kind::TextMap),
    (12, "annotations", Kind::TextMap),
    (13, "ownerReferences", Kind::Messages(OWNER)),
    (14, "finalizers", Kind::Texts),
];
const NAMESPACE: &[Field] =
    &[(1, "metadata", Kind::Message(METADATA)), (2, "spec", Kind::Message(&[(1, "finalizers", Kind::Texts)]))];
const CONFIG_MAP: &[Field] = &[
    (1, "metadata", Kind::Message(METADATA)),
    (2, "data", Kind::TextMap),
    (3, "binaryData", Kind::BytesMap),
    (4, "immutable", Kind::Flag),
];
const SECRET: &[Field] = &[
    (1, "metadata", Kind::Message(METADATA)),
    (2, "data", Kind::BytesMap),
    (3, "type", Kind::Text),
    (4, "stringData", Kind::TextMap),
    (5, "immutable", Kind::Flag),
];
const ACCOUNT: &[Field] = &[(1, "metadata", Kind::Message(METADATA)), (4, "automountServiceAccountToken", Kind::Flag)];
const OBJECTS: &[Field] = &[
    (1, "namespace", Kind::Text),
    (2, "verb", Kind::Text),
    (3, "group", Kind::Text),
    (4, "version", Kind::Text),
    (5, "resource", Kind::Text),
    (6, "subresource", Kind::Text),
    (7, "name", Kind::Text),
];
const PATHS: &[Field] = &[(1, "path", Kind::Text), (2, "verb", Kind::Text)];
const ATTRIBUTES: &[Field] = &[
    (1, "resourceAttributes", Kind::Message(OBJECTS)),
    (2, "nonResourceAttributes", Kind::Message(PATHS)),
    (3, "user", Kind::Text),
    (4, "groups", Kind::Texts),
];
const REVIEW: &[Field] = &[(1, "metadata", Kind::Message(METADATA)), (2, "spec", Kind::Message(ATTRIBUTES))];
const RULES_REVIEW: &[Field] =
    &[(1, "metadata", Kind::Message(METADATA)), (2, "spec", Kind::Message(&[(1, "namespace", Kind::Text)]))];

fn fields_of(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "Namespace" => NAMESPACE,
        "ConfigMap" => CONFIG_MAP,
        "Secret" => SECRET,
        "ServiceAccount" => ACCOUNT,
        "SelfSubjectAccessReview" | "SubjectAccessReview" | "LocalSubjectAccessReview" => REVIEW,
        "SelfSubjectRulesReview" => RULES_REVIEW,
        "SelfSubjectReview" => &[(1, "metadata", Kind::Message(METADATA))],
        _ => return None,
    })
}

/// One field on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Wire<'a>)> {
    let tag = varint(bytes)?;
    let length = match tag & 7 {
        0 => return Some((tag >> 3, Wire::Number(varint(bytes)?))),
        1 => 8,
        2 => usize::try_from(varint(bytes)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (value, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some((tag >> 3, Wire::Bytes(value)))
}

fn text(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok().map(Value::from)
}

fn entry(mut bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let (mut key, mut value) = (String::new(), Vec::new());
    while !bytes.is_empty() {
        match next(&mut bytes)? {
            (1, Wire::Bytes(found)) => key = String::from_utf8(found.to_vec()).ok()?,
            (2, Wire::Bytes(found)) => value = found.to_vec(),
            _ => {}
        }
    }
    Some((key, value))
}

fn message(mut bytes: &[u8], fields: &[Field]) -> Option<Value> {
    let mut object = Map::new();
    while !bytes.is_empty() {
        let (number, wire) = next(&mut bytes)?;
        let Some((_, name, kind)) = fields.iter().find(|field| field.0 == number) else {
            continue;
        };
        let slot = object.entry(*name);
        match (kind, wire) {
            (Kind::Flag, Wire::Number(value)) => *slot.or_insert(Value::Null) = json!(value != 0),
            (Kind::Number, Wire::Number(value)) => *slot.or_insert(Value::Null) = json!(value),
            // Go writes empty texts, which JSON leaves out.
            (Kind::Text, Wire::Bytes(b"")) => {}
            (Kind::Text, Wire::Bytes(value)) => *slot.or_insert(Value::Null) = text(value)?,
            (Kind::Texts, Wire::Bytes(value)) => slot.or_insert(json!([])).as_array_mut()?.push(text(value)?),
            (Kind::TextMap, Wire::Bytes(value)) => {
                let (key, value) = entry(value)?;
                slot.or_insert(json!({})).as_object_mut()?.insert(key, text(&value)?);
            }
            (Kind::BytesMap, Wire::Bytes(value)) => {
                let (key, value) = entry(value)?;
                slot.or_insert(json!({})).as_object_mut()?.insert(key, json!(STANDARD.encode(value)));
            }
            (Kind::Message(fields), Wire::Bytes(value)) => *slot.or_insert(Value::Null) = message(value, fields)?,
            (Kind::Messages(fields), Wire::Bytes(value)) => {
                slot.or_insert(json!([])).as_array_mut()?.push(message(value, fields)?);
            }
            _ => return None,
        }
    }
    Some(Value::Object(object))
}

/// Reads a body; `None` when it is damaged or of a kind that is not read here.
pub(crate) fn body(bytes: &[u8]) -> Option<Value> {
    let mut bytes = bytes.strip_prefix(MAGIC)?;
    let (mut kind, mut version, mut raw) = (String::new(), String::new(), &[][..]);
    while !bytes.is_empty() {
        match next(&mut bytes)? {
            (1, Wire::Bytes(found)) => {
                let fields: &[Field] = &[(1, "apiVersion", Kind::Text), (2, "kind", Kind::Text)];
                let meta = message(found, fields)?;
                let word = |name: &str| meta[name].as_str().unwrap_or_default().to_owned();
                (kind, version) = (word("kind"), word("apiVersion"));
            }
            (2, Wire::Bytes(found)) => raw = found,
            _ => {}
        }
    }
    let mut object = message(raw, fields_of(&kind)?)?;
    object["apiVersion"] = json!(version);
    object["kind"] = json!(kind);
    Some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend_from_slice(bytes);
        out
    }

    #[test]
    fn a_config_map_is_read() {
        let metadata = field(1, b"c");
        let pair = [field(1, b"a"), field(2, b"b")].concat();
        let raw = [field(1, &metadata), field(2, &pair)].concat();
        let meta = [field(1, b"v1"), field(2, b"ConfigMap")].concat();
        let mut bytes = MAGIC.to_vec();
        bytes.extend([field(1, &meta), field(2, &raw)].concat());
        let expected = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}});
        assert_eq!(body(&bytes), Some(expected));
        for end in 0..bytes.len() {
            let _ = body(&bytes[..end]);
        }
        assert_eq!(body(b"k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }
}
