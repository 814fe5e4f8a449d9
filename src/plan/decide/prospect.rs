//! What applying an object would come to, by the server's word or by our own reckoning.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::reason::Refusing;
use crate::merge::{self, ApplyError, ApplyOptions};
use crate::plan::state::live::{Conflict, DryRun};
use crate::plan::state::union::Siblings;
use crate::plan::{Input, LiveObject, MANAGER};

/// What applying an object would come to.
pub(super) struct Prospect<'a> {
    pub(super) after: Option<Cow<'a, Value>>,
    pub(super) conflicts: Vec<Conflict>,
    /// What is taken away first, since it cannot stand beside ours.
    pub(super) siblings: Vec<Siblings>,
    pub(super) verified: bool,
    pub(super) refused: Option<Refusing>,
}

/// The server's word where it was asked, our own reckoning where not.
pub(super) fn prospect<'a>(
    input: &Input<'a>,
    live: &LiveObject,
    wanted: &Value,
    asked: Option<&'a DryRun>,
) -> Prospect<'a> {
    let verified = |after: &'a Arc<Value>| Prospect {
        after: Some(Cow::Borrowed(&**after)),
        conflicts: Vec::new(),
        siblings: Vec::new(),
        verified: true,
        refused: None,
    };
    match asked {
        Some(DryRun::Result(after)) => verified(after),
        Some(DryRun::Conflict { conflicts, forced: Some(after) }) => {
            Prospect { conflicts: conflicts.clone(), ..verified(after) }
        }
        Some(DryRun::Conflict { conflicts, forced: None }) => {
            Prospect { conflicts: conflicts.clone(), verified: true, ..reckoned(input, &live.body, wanted) }
        }
        Some(DryRun::Refused { status, message, .. }) => {
            let refused = Some(Refusing::ServerRefused { status: *status, message: message.clone() });
            Prospect { refused, conflicts: Vec::new(), verified: true, ..reckoned(input, &live.body, wanted) }
        }
        Some(DryRun::Accepted) => Prospect { verified: true, ..reckoned(input, &live.body, wanted) },
        Some(DryRun::NotVerified(_)) | None => reckoned(input, &live.body, wanted),
    }
}

/// What applying would come to by the structured merge alone.
pub(super) fn reckoned<'a>(input: &Input<'_>, live: &Value, wanted: &Value) -> Prospect<'a> {
    // The time goes into managedFields only, which are not compared.
    let options = |force| ApplyOptions { manager: MANAGER, force, subresource: None, now: "1970-01-01T00:00:00Z" };
    let apply = |force| merge::apply(input.schemas, Some(live), wanted, &options(force));
    let (after, conflicts) = match apply(false) {
        Ok(after) => (Some(after), Vec::new()),
        Err(ApplyError::Conflicts(conflicts)) => {
            let conflict = |conflict: merge::FieldManagerConflict| Conflict {
                field: conflict.path.to_string(),
                manager: conflict.manager,
            };
            (apply(true).ok(), conflicts.into_iter().map(conflict).collect())
        }
        // Whether the body is valid is for the server to say; until then its own fields are what is known.
        Err(_) => (None, Vec::new()),
    };
    let after = after.unwrap_or_else(|| overlaid(live, wanted));
    Prospect { after: Some(Cow::Owned(after)), conflicts, siblings: Vec::new(), verified: false, refused: None }
}

/// The live object with the fields of the wanted one laid over it: for kinds without a known schema.
pub(super) fn overlaid(live: &Value, wanted: &Value) -> Value {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let mut result = live.clone();
            for (key, wanted) in wanted {
                let value = live.get(key).map_or_else(|| wanted.clone(), |live| overlaid(live, wanted));
                result.insert(key.clone(), value);
            }
            Value::Object(result)
        }
        _ => wanted.clone(),
    }
}
