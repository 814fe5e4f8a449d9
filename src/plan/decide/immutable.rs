//! Fields that cannot change in place: those of the table of kinds, so that an invalid value is never read as an immutable field.

use serde_json::Value;

use super::action::{FieldChange, Shown};
use crate::kind;
use crate::plan::state::live::DryRun;
use crate::plan::state::path;
use crate::render::ObjectId;

/// The first field among the changes that cannot change in place.
pub(in crate::plan) fn violated(id: &ObjectId, live: &Value, changes: &[FieldChange]) -> Option<String> {
    let kind = id.facts();
    let frozen = if live["immutable"] == true { kind.frozen } else { &[] };
    changes.iter().find_map(|change| {
        let field = kind.immutable.iter().chain(frozen).find(|field| path::covers(field, &change.path))?;
        // A cluster address that was never asked for is allocated, not changed; removing our wish keeps it.
        let stays = id.is(kind::SERVICE) && (change.after.is_none() || change.before.is_none());
        let unset = matches!(&change.before, None | Some(Shown::Value(Value::Null)));
        let first = id.is(kind::PERSISTENT_VOLUME_CLAIM) && unset && *field == "spec.volumeName";
        (!stays && !first).then(|| (*field).to_owned())
    })
}

/// Whether the server refuses more than the change of that field: an object that is invalid is never deleted to be made anew.
pub(in crate::plan) fn is_invalid_besides(path: &str, asked: Option<&DryRun>) -> bool {
    let Some(DryRun::Refused { message, causes, .. }) = asked else { return false };
    let about_change = |words: &str| {
        ["immutable", "may not change", "cannot change", "updates to", "can not be unset"]
            .iter()
            .any(|say| words.contains(say))
    };
    if causes.is_empty() {
        return !about_change(message);
    }
    causes.iter().any(|cause| !(path::plain(&cause.field) == path || about_change(&cause.message)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(path: &str) -> FieldChange {
        let value = |value: &str| Some(Shown::Value(value.into()));
        FieldChange { path: path.to_owned(), before: value("a"), after: value("b"), origin: None, drift_by: Vec::new() }
    }

    fn id(api_version: &str, kind: &str) -> ObjectId {
        ObjectId { api_version: api_version.into(), kind: kind.into(), namespace: "o".into(), name: "a".into() }
    }

    #[test]
    fn a_selector_cannot_change_and_an_image_can() {
        let live = json!({});
        let violated = |api_version, kind, live: &Value, path| violated(&id(api_version, kind), live, &[change(path)]);
        let found = violated("apps/v1", "Deployment", &live, "spec.selector.matchLabels.app");
        assert_eq!(found.as_deref(), Some("spec.selector"));
        assert_eq!(violated("apps/v1", "Deployment", &live, "spec.template.spec.containers[name=a].image"), None);
        assert_eq!(violated("batch/v1", "Job", &live, "spec.template.x").as_deref(), Some("spec.template"));
        assert_eq!(violated("v1", "ConfigMap", &live, "data.x"), None);
        let frozen = json!({"immutable": true});
        assert_eq!(violated("v1", "ConfigMap", &frozen, "data.x").as_deref(), Some("data"));
    }

    #[test]
    fn a_kind_of_another_group_has_fields_of_its_own() {
        let violated = |api_version, kind, path| violated(&id(api_version, kind), &json!({}), &[change(path)]);
        assert_eq!(violated("postgresql.cnpg.io/v1", "Database", "spec.name").as_deref(), Some("spec.name"));
        assert_eq!(violated("k8s.mariadb.com/v1alpha1", "Database", "spec.name"), None);
        assert_eq!(violated("batch.volcano.sh/v1alpha1", "Job", "spec.template.x"), None);
    }
}
