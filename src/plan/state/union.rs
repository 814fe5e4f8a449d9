//! What others wrote beside fields of ours that stand alone (`merge::displacement`): who wrote it, whether we had applied its
//! place before; and what an interrupted run left of the managers that are ours for a moment only.

use serde_json::{Value, json};

use super::input::AppliedBefore;
use super::owners;
use super::path::plain;
use crate::merge::{self, ApplyOptions, Displacement, Path, Schemas, UpdateOptions};
use crate::plan::{HANDOVER, MANAGER, UNION};

/// The time goes into managedFields only, which are not compared.
const NOW: &str = "1970-01-01T00:00:00Z";

/// What cannot stand beside fields of ours at one place of an object.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::plan) struct Siblings {
    /// What has to go, in plain form.
    pub(in crate::plan) away: Vec<String>,
    /// What we apply in its place.
    pub(in crate::plan) ours: Vec<String>,
    /// Who wrote it; nobody is named for what the server filled in.
    pub(in crate::plan) by: Vec<String>,
    /// Whether we had applied one of the two before: somebody changed it.
    pub(in crate::plan) is_drift: bool,
    /// Whether it could stand beside ours, and undoes what that is for.
    pub(in crate::plan) is_undoing: bool,
}

/// What has to go from `live` before what we want is applied.
pub(crate) fn displacement(schemas: &Schemas, live: &Value, wanted: &Value) -> Option<Displacement> {
    merge::displacement(
        schemas,
        live,
        wanted,
        &ApplyOptions { manager: MANAGER, force: true, subresource: None, now: NOW },
    )
}

/// The fields that a displacement takes away, in plain form.
pub(crate) fn away(displacement: &Displacement) -> Vec<String> {
    displacement.clashes.iter().flat_map(|clash| &clash.away).map(|path| plain(&path.to_string())).collect()
}

/// The JSON patch of a displacement: nothing of it is done to another object than the one that was read, or to a later one.
pub(crate) fn patch(live: &Value, displacement: &Displacement) -> Value {
    let test =
        |field: &str| json!({ "op": "test", "path": format!("/metadata/{field}"), "value": live["metadata"][field] });
    let tests = [test("uid"), test("resourceVersion")];
    tests.into_iter().chain(displacement.operations.iter().cloned()).collect()
}

/// The object after that patch, as the server would store it.
pub(crate) fn patched(schemas: &Schemas, live: &Value, displacement: &Displacement) -> Option<Value> {
    let options = UpdateOptions { manager: UNION, subresource: None, now: NOW };
    merge::update(schemas, Some(live), displacement.patched.clone(), &options).ok()
}

/// Whose each place of a displacement is.
pub(in crate::plan) fn siblings(
    schemas: &Schemas,
    live: &Value,
    wanted: &Value,
    displacement: &Displacement,
    applied: AppliedBefore<'_>,
) -> Vec<Siblings> {
    let others = owners::others(live);
    let held_before = |object: &Value, path: &Path| {
        applied.holds(&path.to_string())
            || merge::leaves_below(schemas, object, path).iter().any(|leaf| applied.holds(&leaf.to_string()))
    };
    let of = |clash: &merge::Clash| {
        let mut by: Vec<String> = others
            .iter()
            .filter(|other| clash.away.iter().any(|path| other.holds(path)))
            .map(|other| other.name().to_owned())
            .filter(|manager| !is_ours_for_a_moment(manager))
            .collect();
        by.sort();
        by.dedup();
        let words = |paths: &[Path]| paths.iter().map(|path| plain(&path.to_string())).collect();
        let is_drift = clash.ours.iter().any(|path| held_before(wanted, path))
            || clash.away.iter().any(|path| held_before(live, path));
        Siblings { away: words(&clash.away), ours: words(&clash.ours), by, is_drift, is_undoing: clash.is_undoing }
    };
    displacement.clashes.iter().map(of).collect()
}

/// Whether a manager holds something for us between two requests.
pub(in crate::plan) fn is_ours_for_a_moment(manager: &str) -> bool {
    manager == UNION || manager == HANDOVER
}

/// Whether an entry of `managedFields` is that of such a manager.
pub(crate) fn is_passing(entry: &Value) -> bool {
    entry["manager"].as_str().is_some_and(is_ours_for_a_moment)
}

/// Whether such an entry is left in the books: by a run that was interrupted, or just before it is taken out.
pub(crate) fn has_passing(live: &Value) -> bool {
    entries(live).iter().any(is_passing)
}

/// The merge patch that takes such entries out, with uid and version as preconditions; `None` where there are none.
pub(crate) fn without_passing(live: &Value) -> Option<Value> {
    let kept: Vec<&Value> = entries(live).iter().filter(|entry| !is_passing(entry)).collect();
    if kept.len() == entries(live).len() {
        return None;
    }
    let metadata = &live["metadata"];
    // An empty list would leave the books as they are; a list of one empty entry closes them.
    let kept = if kept.is_empty() { json!([{}]) } else { json!(kept) };
    Some(json!({ "metadata": {
        "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"], "managedFields": kept,
    } }))
}

fn entries(live: &Value) -> &[Value] {
    live["metadata"]["managedFields"].as_array().map_or(&[], Vec::as_slice)
}

/// Whether an object is as we want it: applying it would change nothing, and no interrupted run left anything in its books.
pub(crate) fn is_as_wanted(schemas: &Schemas, live: &Value, wanted: &Value) -> bool {
    !has_passing(live) && !merge::would_change(schemas, live, wanted, MANAGER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_managers_that_are_ours_for_a_moment_are_taken_out_of_the_books() {
        let entry = |manager: &str| json!({"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": {}}});
        let (ours, theirs) = (entry("parcelle"), entry("kubectl-edit"));
        let live = json!({"metadata": {"uid": "u", "resourceVersion": "7", "managedFields": [
            ours, entry("parcelle-union"), theirs, entry("parcelle-handover"),
        ]}});
        assert!(has_passing(&live));
        let expected = json!({"metadata": {"uid": "u", "resourceVersion": "7", "managedFields": [ours, theirs]}});
        assert_eq!(without_passing(&live), Some(expected));
        assert_eq!(without_passing(&json!({"metadata": {"managedFields": [ours, theirs]}})), None);
    }
}
