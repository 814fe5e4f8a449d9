//! Each kind's rule on the statuses that its controller writes: tests/cases/plan/health.json.

use serde_json::json;

use super::*;

#[derive(Deserialize)]
struct Case {
    is: String,
    state: HealthState,
    #[serde(default)]
    message: String,
    object: Value,
}

#[test]
fn health_is_read_from_what_controllers_write() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../../tests/cases/plan/health.json")).unwrap();
    for case in cases {
        let health = health(&case.object);
        assert_eq!(health.state, case.state, "{}: {health:?}", case.is);
        assert!(health.message.contains(&case.message), "{}: {health:?}", case.is);
    }
}

#[test]
fn who_holds_up_a_deletion_is_named_whoever_wrote_it() {
    let live = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "web", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["backup.example.org/hold"],
            "annotations": {"note": "backup.example.org/hold, says somebody"},
            "managedFields": [{"manager": "parcelle", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}}],
        },
        "spec": {},
    });
    assert_eq!(health(&live).message, "waits for backup.example.org/hold");
}
