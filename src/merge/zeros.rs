//! Zeros, empties and nulls: what stays, what vanishes, what comes back, and who owns it.

use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-01-01T00:00:00Z";

fn us() -> ApplyOptions<'static> {
    ApplyOptions { manager: "us", force: true, subresource: None, now: NOW }
}

/// What the entry of a manager covers.
fn fields<'v>(object: &'v Value, manager: &str) -> &'v Value {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    &entries.iter().find(|entry| entry["manager"] == manager).unwrap()["fieldsV1"]
}

/// The object after each of these applies by its manager, one after the other.
fn after(schemas: &Schemas, applies: &[(&str, Value)]) -> Value {
    let mut live = None;
    for (manager, said) in applies {
        let options = ApplyOptions { manager, force: true, subresource: None, now: NOW };
        live = Some(apply(schemas, live.as_ref(), said, &options).unwrap());
    }
    live.unwrap()
}

fn of(version: &str, kind: &str, spec: &Value) -> Value {
    json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "a" }, "spec": spec })
}

#[test]
fn zero_of_what_is_a_number_or_a_percentage_stays() {
    let schemas = Schemas::builtin();
    let rolling = json!({ "maxUnavailable": 0, "maxSurge": 1 });
    for (version, kind, strategy) in [("apps/v1", "Deployment", "strategy"), ("apps/v1", "DaemonSet", "updateStrategy")]
    {
        let said = of(version, kind, &json!({ strategy: { "type": "RollingUpdate", "rollingUpdate": rolling } }));
        let live = after(&schemas, &[("us", said.clone())]);
        assert_eq!(live["spec"][strategy]["rollingUpdate"], rolling, "{kind}");
        assert!(!would_change(&schemas, &live, &said, "us"));
        let other =
            of(version, kind, &json!({ strategy: { "rollingUpdate": { "maxUnavailable": 1, "maxSurge": 0 } } }));
        assert!(would_change(&schemas, &live, &other, "us"), "one differs from zero");
    }
    for field in ["maxUnavailable", "minAvailable"] {
        let live = after(&schemas, &[("us", of("policy/v1", "PodDisruptionBudget", &json!({ field: 0 })))]);
        assert_eq!(live["spec"][field], 0);
        assert_eq!(*fields(&live, "us"), json!({ "f:spec": { format!("f:{field}"): {} } }));
    }
}

#[test]
fn an_empty_list_that_is_always_written_is_stored_as_null_and_owned_all_the_same() {
    let schemas = Schemas::builtin();
    let role = |rules: Value| json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "r" }, "rules": rules });
    let live = after(&schemas, &[("us", role(json!([])))]);
    assert_eq!(live.get("rules"), Some(&Value::Null));
    assert_eq!(*fields(&live, "us"), json!({ "f:rules": {} }));
    assert_eq!(after(&schemas, &[("us", role(json!([]))), ("us", role(json!([])))]), live);
    let some = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }]);
    let live = after(&schemas, &[("us", role(some))]);
    let emptied =
        update(&schemas, Some(&live), role(json!([])), &UpdateOptions { manager: "them", subresource: None, now: NOW })
            .unwrap();
    assert_eq!((emptied.get("rules"), !fields(&emptied, "them").is_null()), (Some(&Value::Null), true));
    let limits = after(&schemas, &[("us", of("v1", "LimitRange", &json!({ "limits": [] })))]);
    assert_eq!(limits["spec"], json!({ "limits": null }));
}

#[test]
fn an_account_stands_under_both_of_its_names() {
    let schemas = Schemas::builtin();
    let said = |name: &str, account: &Value| {
        let mut object = of("apps/v1", "Deployment", &json!({ "template": { "spec": { "containers": [] } } }));
        object["spec"]["template"]["spec"][name] = account.clone();
        object
    };
    let pod = |applies: &[(&str, Value)]| {
        let object = after(&schemas, applies);
        let spec = &object["spec"]["template"]["spec"];
        (spec["serviceAccountName"].clone(), spec["serviceAccount"].clone())
    };
    let (new, one, two) = ("serviceAccountName", json!("one"), json!("two"));
    assert_eq!(pod(&[("us", said(new, &one))]), (one.clone(), one.clone()));
    assert_eq!(pod(&[("us", said("serviceAccount", &one))]), (one.clone(), one.clone()));
    assert_eq!(pod(&[("us", said(new, &one)), ("us", said(new, &two))]), (two.clone(), two.clone()));
    let dropped = pod(&[("us", said(new, &one)), ("us", said("priority", &json!(1)))]);
    assert_eq!(dropped, (one.clone(), one), "the old name keeps it");
}

#[test]
fn scaling_policies_that_are_said_empty_are_no_default() {
    let schemas = Schemas::builtin();
    let policies = |down: Value| {
        let object = after(
            &schemas,
            &[("us", of("autoscaling/v2", "HorizontalPodAutoscaler", &json!({ "behavior": { "scaleDown": down } })))],
        );
        object["spec"]["behavior"]["scaleDown"]["policies"].clone()
    };
    assert_eq!(policies(json!({ "policies": [] })), json!([]));
    assert_eq!(policies(json!({})), json!([{ "type": "Percent", "value": 100, "periodSeconds": 15 }]));
}

/// The schemas of a kind `Plot` whose spec has defaults that are zero and maps.
fn plots() -> Schemas {
    let amounts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let spec = json!({ "type": "object", "properties": {
        "delay": { "type": "integer", "default": 0 },
        "open": { "type": "boolean", "default": false },
        "name": { "type": "string", "default": "" },
        "limits": amounts,
        "requests": amounts,
        "water": { "type": "object", "properties": { "often": { "type": "boolean", "default": false } } },
    } });
    let status =
        json!({ "type": "object", "default": { "phase": "New" }, "properties": { "phase": { "type": "string" } } });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": "plots.garden.test" },
        "spec": {
            "group": "garden.test", "names": { "kind": "Plot", "plural": "plots" }, "scope": "Namespaced",
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                "type": "object", "properties": { "spec": spec, "status": status }
            }, }, "subresources": { "status": {} } }],
        }
    });
    let mut schemas = Schemas::builtin();
    // As the server holds it: what a definition says is not to vanish on the way.
    let held = apply(&schemas, None, &definition, &us()).unwrap();
    schemas.add_crd(&held).unwrap();
    schemas
}

#[test]
fn defaults_of_a_definition_may_be_zero_false_or_empty_and_come_back() {
    let schemas = plots();
    let plot = |spec: Value| of("garden.test/v1", "Plot", &spec);
    let defaults = json!({ "delay": 0, "open": false, "name": "" });
    assert_eq!(after(&schemas, &[("us", plot(json!({})))])["spec"], defaults);
    let said = plot(json!({ "delay": 5, "open": true, "name": "x", "water": { "often": true } }));
    let live = after(&schemas, &[("us", said), ("us", plot(json!({ "water": {} })))]);
    assert_eq!(live["spec"], json!({ "delay": 0, "open": false, "name": "", "water": { "often": false } }));
}

#[test]
fn a_new_object_has_the_status_that_its_definition_says() {
    let mut said = of("garden.test/v1", "Plot", &json!({}));
    said["status"] = json!({ "phase": "Ours" });
    let live = after(&plots(), &[("us", said.clone())]);
    assert_eq!(live["status"], json!({ "phase": "New" }));
    assert_eq!(after(&plots(), &[("us", said.clone()), ("us", said)]), live);
}

#[test]
fn a_map_stays_when_all_its_members_go_and_somebody_says_the_map() {
    let schemas = plots();
    let plot = |limits: Value| of("garden.test/v1", "Plot", &json!({ "limits": limits }));
    let full = plot(json!({ "memory": "1Gi" }));
    let ours = after(&schemas, &[("us", full.clone()), ("us", plot(json!({})))]);
    assert_eq!(ours["spec"].get("limits"), Some(&json!({})));
    let theirs = after(
        &schemas,
        &[("them", plot(json!({}))), ("us", full.clone()), ("us", of("garden.test/v1", "Plot", &json!({})))],
    );
    assert_eq!(theirs["spec"].get("limits"), Some(&json!({})));
    let nobody = after(&schemas, &[("us", full), ("us", of("garden.test/v1", "Plot", &json!({})))]);
    assert_eq!(nobody["spec"].get("limits"), None);
}
