//! Each kind's rule on the statuses that its controller writes: tests/cases/plan/health.json.

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
