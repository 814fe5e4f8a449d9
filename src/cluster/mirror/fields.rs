//! The few fields of an object that the mirror reads.

use serde_json::Value;

use crate::name::Name;
use crate::plan::ORGANISATION_LABEL;

/// The organisation that an object says it is of.
pub(super) fn organisation(object: &Value) -> Option<Name> {
    Name::new(object["metadata"]["labels"][ORGANISATION_LABEL].as_str()?).ok()
}

/// Whether a Job counts a container that runs, or ever did.
pub(super) fn has_run(job: &Value) -> bool {
    let count = |field: &str| job["status"][field].as_i64().unwrap_or(0);
    ["ready", "failed", "succeeded", "terminating"].into_iter().any(|field| count(field) > 0)
}

/// The resourceVersion, where it is a number.
pub(super) fn version_of(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}
