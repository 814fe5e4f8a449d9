//! What counts when answers are compared.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::parts::zero;
use crate::merge::{ApplyError, FieldSet};
use crate::sandbox::status::Status;

pub(super) fn counted(object: &Value) -> Option<u64> {
    object["metadata"]["generation"].as_u64()
}

/// Who owns what.
pub(super) fn books(object: &Value) -> Value {
    object["metadata"].get("managedFields").cloned().unwrap_or_default()
}

/// What an answer says, without what differs from write to write.
pub(super) fn told(answer: &Result<Value, Status>) -> Result<Value, (u16, String, BTreeSet<String>)> {
    match answer {
        Ok(object) => {
            let mut object = object.clone();
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.retain(|name, _| !matches!(name.as_str(), "uid" | "resourceVersion"));
            }
            for name in ["clusterIP", "clusterIPs", "ports"] {
                object["spec"].as_object_mut().map(|spec| spec.remove(name));
            }
            Ok(without_uids(object))
        }
        // The order of conflicts is not stable.
        Err(status) => Err((status.code, status.reason.to_owned(), causes(status))),
    }
}

/// A Job's own labels name its uid, which each trial makes anew.
pub(super) fn without_uids(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(name, _)| !name.ends_with("controller-uid"));
            Value::Object(kept.map(|(name, value)| (name, without_uids(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(without_uids).collect(),
        other => other,
    }
}

pub(super) fn causes(status: &Status) -> BTreeSet<String> {
    let causes = status.details.as_ref().and_then(|details| details["causes"].as_array());
    causes.into_iter().flatten().map(Value::to_string).collect()
}

pub(super) fn same_refusal(error: &ApplyError, status: &Status) -> Result<(), TestCaseError> {
    match error {
        ApplyError::Conflicts(conflicts) => {
            prop_assert_eq!(status.code, 409);
            let fields: BTreeSet<String> = conflicts.iter().map(|conflict| conflict.path.to_string()).collect();
            let details = status.details.clone().unwrap_or_default();
            let told = details["causes"].as_array().into_iter().flatten();
            let told: BTreeSet<String> = told.filter_map(|cause| cause["field"].as_str().map(str::to_owned)).collect();
            prop_assert_eq!(told, fields);
        }
        other => prop_assert_eq!((status.code, &status.message), (500, &other.to_string())),
    }
    Ok(())
}

/// Whether every field that somebody else owns has a value, by whatever means they wrote it; `manager` is who applies.
pub(super) fn others_own_only_what_is_there(object: &Value, manager: &str) -> bool {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let others = entries.filter(|entry| entry["manager"] != manager || entry["operation"] != "Apply");
    let owned = others.filter_map(|entry| FieldSet::from_fields_v1(&entry["fieldsV1"]).ok());
    owned.flat_map(|owned| owned.paths()).all(|path| path.get(object).is_some())
}

/// The same values; what the server adds by itself counts as the same where it `gives` some.
pub(super) fn same_values(merged: &Value, stored: &Value, gives: bool) -> Result<(), TestCaseError> {
    let plain = |object: &Value| {
        let mut object = object.clone();
        object.as_object_mut().expect("an object").remove("status");
        let metadata = object["metadata"].as_object_mut().expect("metadata");
        metadata.retain(|name, _| {
            !matches!(
                name.as_str(),
                "uid" | "resourceVersion" | "generation" | "creationTimestamp" | "managedFields" | "namespace"
            )
        });
        object
    };
    let (merged, stored) = (plain(merged), plain(stored));
    if gives {
        prop_assert!(is_within(&merged, &stored), "{merged} is not in {stored}");
    } else {
        prop_assert_eq!(merged, stored);
    }
    Ok(())
}

pub(super) fn is_within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part.iter().all(|(name, value)| {
            whole.get(name).map_or(value.is_null() || is_zero(value), |whole| is_within(value, whole))
        }),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| is_within(part, whole))
        }
        (Value::Null, _) => true,
        _ => part == whole,
    }
}

pub(super) fn is_zero(value: &Value) -> bool {
    *value == zero(value)
}

/// Whether a body says something that is stored otherwise than it is told apart: `null`, or an empty key of an item.
pub(super) fn is_odd(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(is_odd),
        Value::Object(map) => {
            let is_key = |name: &str| matches!(name, "name" | "protocol");
            map.iter().any(|(name, value)| is_odd(value) || (is_key(name) && value == ""))
        }
        _ => false,
    }
}
