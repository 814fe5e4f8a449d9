//! Adopting from tools that write without server-side apply: their part in `managedFields` becomes ours, once, so that fields
//! which the garden does not ask for go with the first apply and nothing is owned by a tool that is gone. Pure.

use serde_json::{Map, Value, json};

use crate::plan::state::owners;
use crate::plan::{Entry, LiveObject, MANAGER};
use crate::render::Object;

/// Field managers of tools that an adoption takes over from; people and controllers keep what they hold.
const TOOLS: &[&str] = &["helm", "kubectl-client-side-apply", "kubectl-create", "before-first-apply"];

/// Whether an adoption takes over from this manager.
pub(in crate::plan) fn is_tool(manager: &str) -> bool {
    TOOLS.contains(&manager)
}

/// The tools that hold fields of an object, in order of name.
pub(in crate::plan) fn tools(live: &Value) -> Vec<String> {
    let held = entries(live).iter().filter(|entry| is_tools(entry));
    let mut names: Vec<String> = held.filter_map(|entry| Some(entry["manager"].as_str()?.to_owned())).collect();
    names.sort();
    names.dedup();
    names
}

/// `metadata.managedFields` with the parts of all tools joined into one apply of ours; `None` where no tool has one.
pub(crate) fn taken_over(live: &Value) -> Option<Value> {
    let mut fields = Value::Object(Map::new());
    let mut rest = Vec::new();
    let mut version = None;
    for entry in entries(live) {
        let ours = entry["manager"] == MANAGER && entry["operation"] == "Apply";
        let same = version.as_ref().is_none_or(|version| *version == entry["apiVersion"]);
        if (is_tools(entry) || ours) && same {
            version = Some(entry["apiVersion"].clone());
            join(&mut fields, &entry["fieldsV1"]);
        } else {
            rest.push(entry.clone());
        }
    }
    if tools(live).is_empty() {
        return None;
    }
    rest.push(json!({
        "manager": MANAGER, "operation": "Apply", "apiVersion": version?, "fieldsType": "FieldsV1", "fieldsV1": fields,
    }));
    Some(Value::Array(rest))
}

fn entries(live: &Value) -> &[Value] {
    live["metadata"]["managedFields"].as_array().map_or(&[], Vec::as_slice)
}

fn is_tools(entry: &Value) -> bool {
    let of_object = entry["subresource"].as_str().is_none_or(str::is_empty);
    of_object && entry["manager"].as_str().is_some_and(is_tool)
}

/// The union of two field sets in the form of `fieldsV1`.
fn join(all: &mut Value, more: &Value) {
    let (Value::Object(all), Value::Object(more)) = (all, more) else { return };
    for (key, below) in more {
        join(all.entry(key.as_str()).or_insert_with(|| Value::Object(Map::new())), below);
    }
}

/// The number of replicas that passes from us to an autoscaler: as it is live, to be held by a second manager before we drop
/// it, since it would fall back to 1 otherwise.
pub(super) fn handed_over(object: &Object, live: &LiveObject, entry: Option<&Entry>, wanted: &Value) -> Option<u64> {
    let scales = object.id.facts().scales && entry.is_some();
    let held = owners::ours(&live.body).is_some_and(|fields| fields.pointer("/f:spec/f:replicas").is_some());
    let replicas = live.body.pointer("/spec/replicas")?.as_u64()?;
    (scales && held && wanted.pointer("/spec/replicas").is_none()).then_some(replicas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_hold_becomes_one_apply_of_ours_and_others_keep_theirs() {
        let entry = |manager: &str, operation: &str, fields: Value| json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields});
        let person = entry("kubectl-edit", "Update", json!({"f:data": {"f:c": {}}}));
        let mut status = entry("helm", "Update", json!({"f:status": {}}));
        status["subresource"] = "status".into();
        let live = json!({"metadata": {"managedFields": [
            entry("helm", "Update", json!({"f:data": {"f:a": {}}})),
            entry("kubectl-client-side-apply", "Update", json!({"f:data": {"f:b": {}}})),
            person, status,
        ]}});
        let ours = entry("parcelle", "Apply", json!({"f:data": {"f:a": {}, "f:b": {}}}));
        assert_eq!(taken_over(&live), Some(json!([person, status, ours])));
        assert_eq!(tools(&live), ["helm", "kubectl-client-side-apply"]);
        assert_eq!(taken_over(&json!({"metadata": {"managedFields": [person]}})), None);
    }
}
