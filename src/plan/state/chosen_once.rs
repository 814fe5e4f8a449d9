//! Fields that are chosen once, when an object is made: a garden that says something else means objects that are made from now on.

use serde_json::{Map, Value};

use super::owners;
use crate::kind::Kind;

/// The body that is sent with what the live object has, where the kind lets a field be chosen once and the two differ: a storage
/// class.
pub(super) fn kept(kind: &Kind, live: &Value, body: &Value) -> Option<Value> {
    if kind.chosen_once.is_empty() {
        return None;
    }
    let mut kept = body.clone();
    for path in kind.chosen_once {
        let steps: Vec<&str> = path.split('.').collect();
        keep_below(&steps, live, Some(owners::ours(live).unwrap_or(&Value::Null)), &mut kept);
    }
    (kept != *body).then_some(kept)
}

fn keep_below(steps: &[&str], live: &Value, ours: Option<&Value>, body: &mut Value) {
    match (steps, body) {
        ([], _) => {}
        ([field], Value::Object(map)) => keep_field(field, live, ours, map),
        (["*", rest @ ..], Value::Array(items)) => {
            for item in items {
                let name = name_of(item).cloned();
                let found =
                    live.as_array().into_iter().flatten().find(|item| name.is_some() && name_of(item) == name.as_ref());
                if let Some(found) = found {
                    keep_below(rest, found, None, item);
                }
            }
        }
        ([field, rest @ ..], body) => {
            if let Some(below) = body.get_mut(*field) {
                let ours = ours.and_then(|ours| ours.get(format!("f:{field}")));
                keep_below(rest, &live[*field], ours, below);
            }
        }
    }
}

/// Keeps one field. One that the garden no longer says is still sent where it is ours: it would be taken away otherwise.
fn keep_field(field: &str, live: &Value, ours: Option<&Value>, body: &mut Map<String, Value>) {
    let Some(has) = live.get(field).filter(|has| !has.is_null()) else { return };
    let is_ours = ours.is_none_or(|ours| ours.get(format!("f:{field}")).is_some());
    if body.contains_key(field) || is_ours {
        body.insert(field.to_owned(), has.clone());
    }
}

/// The name by which an item of a list is known.
fn name_of(item: &Value) -> Option<&Value> {
    item.pointer("/metadata/name").or_else(|| item.get("name"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::render::ObjectId;

    fn sent(api_version: &str, kind: &str, live: &Value, body: Value) -> Value {
        let id =
            ObjectId { api_version: api_version.into(), kind: kind.into(), namespace: "a".into(), name: "a".into() };
        kept(id.facts(), live, &body).unwrap_or(body)
    }

    #[test]
    fn a_claim_stays_on_its_class_whatever_the_garden_says_later() {
        let ours = |fields: Value| {
            let entry = json!({"manager": "parcelle", "operation": "Apply", "fieldsV1": {"f:spec": fields}});
            json!({"metadata": {"managedFields": [entry]}, "spec": {"storageClassName": "slow"}})
        };
        let claim = |live: &Value, spec: Value| sent("v1", "PersistentVolumeClaim", live, json!({ "spec": spec }));
        let own = ours(json!({"f:storageClassName": {}}));
        assert_eq!(claim(&own, json!({"storageClassName": "fast"})), json!({"spec": {"storageClassName": "slow"}}));
        assert_eq!(claim(&own, json!({})), json!({"spec": {"storageClassName": "slow"}}));
        let defaulted = ours(json!({"f:accessModes": {}}));
        assert_eq!(claim(&defaulted, json!({})), json!({"spec": {}}));
        assert_eq!(
            claim(&json!({"spec": {}}), json!({"storageClassName": "fast"})),
            json!({"spec": {"storageClassName": "fast"}})
        );
    }

    #[test]
    fn claims_of_a_list_are_found_by_their_names() {
        let template =
            |name: &str, class: &str| json!({"metadata": {"name": name}, "spec": {"storageClassName": class}});
        let set = |templates: Value| json!({"spec": {"volumeClaimTemplates": templates}});
        let live = set(json!([template("a", "one"), template("b", "two")]));
        let wanted = set(json!([template("b", "new"), template("c", "new")]));
        let sent = sent("apps/v1", "StatefulSet", &live, wanted);
        assert_eq!(sent, set(json!([template("b", "two"), template("c", "new")])));
    }
}
