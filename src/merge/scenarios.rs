//! What no recording and no law shows: single cases of ownership, told one by one.

use serde_json::{Value, json};

use super::*;

const T1: &str = "2026-01-01T00:00:01Z";
const T2: &str = "2026-01-01T00:00:02Z";
const T3: &str = "2026-01-01T00:00:03Z";

fn settings(data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" }, "data": data })
}

fn us(now: &'static str) -> ApplyOptions<'static> {
    ApplyOptions { manager: "us", force: false, subresource: None, now }
}

fn them(now: &'static str) -> UpdateOptions<'static> {
    UpdateOptions { manager: "them", subresource: None, now }
}

fn entry<'v>(object: &'v Value, manager: &str) -> Option<&'v Value> {
    object["metadata"]["managedFields"].as_array()?.iter().find(|entry| entry["manager"] == manager)
}

fn stored(mut object: Value) -> Value {
    object["metadata"]["uid"] = json!("u");
    object["metadata"]["resourceVersion"] = json!("1");
    object
}

#[test]
fn an_object_without_entries_belongs_to_those_before_the_first_apply() {
    let live = stored(settings(&json!({ "a": "1", "b": "2" })));
    let schemas = Schemas::builtin();
    let refused = apply(&schemas, Some(&live), &settings(&json!({ "a": "9" })), &us(T1)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.a"
    );
    let after = apply(&schemas, Some(&live), &settings(&json!({ "a": "1" })), &us(T1)).unwrap();
    let before = entry(&after, "before-first-apply").unwrap();
    assert_eq!(before["fieldsV1"], json!({ "f:data": { ".": {}, "f:a": {}, "f:b": {} } }));
    assert_eq!((&before["operation"], &before["time"]), (&json!("Update"), &json!(T1)));
    assert_eq!(entry(&after, "us").unwrap().get("time"), None);
}

#[test]
fn an_update_of_an_object_without_entries_is_not_tracked() {
    let live = stored(settings(&json!({ "a": "1" })));
    let after = update(&Schemas::builtin(), Some(&live), settings(&json!({ "a": "2" })), &them(T1)).unwrap();
    assert_eq!(after["metadata"].get("managedFields"), None);
    assert_eq!(after["data"]["a"], "2");
}

#[test]
fn an_empty_entry_in_an_update_forgets_who_owns_what() {
    let schemas = Schemas::builtin();
    let live = stored(apply(&schemas, None, &settings(&json!({ "a": "1" })), &us(T1)).unwrap());
    let mut reset = live.clone();
    reset["metadata"]["managedFields"] = json!([{}]);
    let after = update(&schemas, Some(&live), reset, &them(T2)).unwrap();
    assert_eq!(after["metadata"].get("managedFields"), None);
}

#[test]
fn entries_sent_with_an_update_replace_the_stored_ones() {
    let schemas = Schemas::builtin();
    let live = stored(update(&schemas, None, settings(&json!({ "a": "1" })), &them(T1)).unwrap());
    let mut migrated = live.clone();
    migrated["metadata"]["managedFields"][0]["manager"] = json!("us");
    migrated["metadata"]["managedFields"][0]["operation"] = json!("Apply");
    let after = update(&schemas, Some(&live), migrated, &them(T2)).unwrap();
    assert_eq!(after["metadata"]["managedFields"].as_array().unwrap().len(), 1);
    assert_eq!(entry(&after, "us").unwrap()["time"], T1);
}

#[test]
fn appliers_come_before_updaters_and_earlier_ones_before_later_ones() {
    let schemas = Schemas::builtin();
    let live = stored(update(&schemas, None, settings(&json!({ "a": "1" })), &them(T1)).unwrap());
    let later = ApplyOptions { manager: "aa", ..us(T3) };
    let live = apply(&schemas, Some(&live), &settings(&json!({ "z": "1" })), &us(T2)).unwrap();
    let live = apply(&schemas, Some(&live), &settings(&json!({ "y": "1" })), &later).unwrap();
    let managers: Vec<&Value> =
        live["metadata"]["managedFields"].as_array().unwrap().iter().map(|e| &e["manager"]).collect();
    assert_eq!(managers, ["us", "aa", "them"]);
}

#[test]
fn more_than_ten_updaters_become_ancient_changes() {
    let schemas = Schemas::builtin();
    let mut live =
        stored(update(&schemas, None, settings(&json!({ "k00": "1" })), &them("2026-01-01T00:00:00Z")).unwrap());
    for number in 1..=12 {
        let (manager, now) = (format!("m{number:02}"), format!("2026-01-01T00:01:{number:02}Z"));
        let mut next = live.clone();
        next["data"][format!("k{number:02}")] = json!("1");
        let options = UpdateOptions { manager: &manager, subresource: None, now: &now };
        live = update(&schemas, Some(&live), next, &options).unwrap();
    }
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries.len(), 10);
    let ancient = entry(&live, "ancient-changes").unwrap();
    assert_eq!(
        ancient["fieldsV1"],
        json!({ "f:data": { ".": {}, "f:k00": {}, "f:k01": {}, "f:k02": {}, "f:k03": {} } })
    );
    assert_eq!(ancient["time"], "2026-01-01T00:01:03Z");
}

#[test]
fn a_manager_whose_fields_are_all_taken_disappears() {
    let schemas = Schemas::builtin();
    let live = stored(apply(&schemas, None, &settings(&json!({ "a": "1" })), &us(T1)).unwrap());
    let live = update(&schemas, Some(&live), settings(&json!({ "a": "2" })), &them(T2)).unwrap();
    assert_eq!(entry(&live, "us"), None);
    assert_eq!(entry(&live, "them").unwrap()["fieldsV1"], json!({ "f:data": { "f:a": {} } }));
}

#[test]
fn duplicate_keys_in_an_apply_are_refused() {
    let container = json!({ "name": "a", "image": "x" });
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "w", "namespace": "n" },
        "spec": { "template": { "spec": { "containers": [container.clone(), container] } } }
    });
    let error = apply(&Schemas::builtin(), None, &object, &us(T1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to create typed patch object (n/w; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name=\"a\"]"
    );
}

#[test]
fn absent_keys_mean_their_defaults() {
    let service = |ports: Value| json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" }, "spec": { "ports": ports } });
    let schemas = Schemas::builtin();
    let live = apply(&schemas, None, &service(json!([{ "port": 80, "name": "a" }])), &us(T1)).unwrap();
    assert_eq!(
        entry(&live, "us").unwrap()["fieldsV1"],
        json!({ "f:spec": { "f:ports": { "k:{\"port\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:name": {}, "f:port": {} } } } })
    );
    let later =
        apply(&schemas, Some(&live), &service(json!([{ "port": 80, "protocol": "TCP", "name": "b" }])), &us(T2))
            .unwrap();
    assert_eq!(later["spec"]["ports"], json!([{ "port": 80, "protocol": "TCP", "name": "b", "targetPort": 80 }]));
}

#[test]
fn a_status_belongs_to_who_writes_it_through_its_subresource() {
    let schemas = Schemas::builtin();
    let object = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "w" }, "spec": { "paused": true } });
    let live = stored(apply(&schemas, None, &object, &us(T1)).unwrap());
    let mut next = live.clone();
    next["status"] = json!({ "replicas": 1 });
    next["spec"]["paused"] = json!(false);
    let options = UpdateOptions { subresource: Some("status"), ..them(T2) };
    let after = update(&schemas, Some(&live), next, &options).unwrap();
    assert_eq!(after["spec"]["paused"], true);
    assert_eq!(after["status"], json!({ "replicas": 1 }));
    let theirs = entry(&after, "them").unwrap();
    assert_eq!(theirs["fieldsV1"], json!({ "f:status": { "f:replicas": {} } }));
    assert_eq!(theirs["subresource"], "status");
}

#[test]
fn scaling_moves_the_ownership_of_replicas() {
    let schemas = Schemas::builtin();
    let object = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "w" }, "spec": { "replicas": 2, "paused": true } });
    let live = stored(apply(&schemas, None, &object, &us(T1)).unwrap());
    let path = Path::of_fields(["spec", "replicas"]);
    let scale = scale_of(&live, &path);
    assert_eq!(scale["metadata"]["managedFields"][0]["apiVersion"], "autoscaling/v1");
    let options = UpdateOptions { manager: "hpa", subresource: Some("scale"), now: T2 };
    let patched = json_merge_patch(scale.clone(), &json!({ "spec": { "replicas": 5 } }));
    let scaled = update(&schemas, Some(&scale), patched, &options).unwrap();
    let after = write_scale(live, &scaled, &path);
    assert_eq!(after["spec"]["replicas"], 5);
    assert_eq!(entry(&after, "us").unwrap()["fieldsV1"], json!({ "f:spec": { "f:paused": {} } }));
    let theirs = entry(&after, "hpa").unwrap();
    assert_eq!((&theirs["apiVersion"], &theirs["subresource"]), (&json!("apps/v1"), &json!("scale")));
}

#[test]
fn a_new_item_of_a_strategic_merge_patch_comes_first() {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "w", "finalizers": ["f/a"] },
        "spec": { "template": { "spec": { "containers": [{ "name": "a", "image": "x", "args": ["1"] }] } } }
    });
    let patch = json!({
        "metadata": { "finalizers": ["f/b"] },
        "spec": { "template": { "spec": { "containers": [{ "name": "b", "image": "y" }, { "name": "a", "args": ["2"] }] } } }
    });
    let patched = strategic_merge_patch(&Schemas::builtin(), object, &patch).unwrap();
    let containers = &patched["spec"]["template"]["spec"]["containers"];
    assert_eq!(*containers, json!([{ "name": "b", "image": "y" }, { "name": "a", "image": "x", "args": ["2"] }]));
    assert_eq!(patched["metadata"]["finalizers"], json!(["f/b", "f/a"]));
    let delete = json!({ "spec": { "template": { "spec": {
        "$setElementOrder/containers": [{ "name": "a" }], "containers": [{ "$patch": "delete", "name": "b" }],
    } } } });
    let patched = strategic_merge_patch(&Schemas::builtin(), patched, &delete).unwrap();
    assert_eq!(patched["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 1);
}

#[test]
fn parts_of_what_is_one_value_now_become_the_whole() {
    let schemas = Schemas::builtin();
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" }, "spec": { "selector": { "a": "b" } } });
    let mut live = stored(apply(&schemas, None, &service, &us(T1)).unwrap());
    live["metadata"]["managedFields"][0]["fieldsV1"] = json!({ "f:spec": { "f:selector": { "f:a": {} } } });
    let other =
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" }, "spec": { "type": "NodePort" } });
    let after = apply(&schemas, Some(&live), &other, &ApplyOptions { manager: "them", ..us(T2) }).unwrap();
    assert_eq!(entry(&after, "us").unwrap()["fieldsV1"], json!({ "f:spec": { "f:selector": {} } }));
}

#[test]
fn misfits_are_told_in_the_servers_words() {
    let object = |spec: Value| json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "w" }, "spec": spec });
    for (spec, message) in [
        (json!({ "paused": "yes" }), ".spec.paused: expected boolean, got &{yes}"),
        (json!({ "template": [1] }), ".spec.template: expected map, got &{[1]}"),
        (
            json!({ "template": { "spec": { "containers": { "a": 1 } } } }),
            ".spec.template.spec.containers: expected list, got &{map[a:1]}",
        ),
        (
            json!({ "template": { "spec": { "hostname": 1 } } }),
            ".spec.template.spec.hostname: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (json!({ "replicas": true }), ".spec.replicas: expected numeric (int or float), got bool"),
        (
            json!({ "paused": 1, "replicas": "x" }),
            "errors:\n  .spec.paused: expected boolean, got &{1}\n  .spec.replicas: expected numeric (int or float), got string",
        ),
    ] {
        let error = apply(&Schemas::builtin(), None, &object(spec), &us(T1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("failed to create typed patch object (/w; apps/v1, Kind=Deployment): {message}")
        );
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the definitions are files beside the repository")]
fn every_definition_at_hand_can_be_read() {
    let shared = std::env::var_os("PARCELLE_SHARED")
        .map_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), std::path::PathBuf::from);
    let Ok(files) = std::fs::read_dir(shared.join("crds")) else {
        println!("skipped: no definitions beside the repository");
        return;
    };
    let mut schemas = Schemas::builtin();
    for file in files {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        schemas.add_crd(&serde_json::from_str(&text).unwrap()).unwrap();
    }
    let cluster = json!({
        "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": { "name": "db", "labels": { "a": "" } },
        "spec": { "instances": 1, "storage": { "size": "0.5Gi" } }
    });
    let live = apply(&schemas, None, &cluster, &us(T1)).unwrap();
    assert_eq!(live["spec"]["storage"]["size"], "0.5Gi");
    assert_eq!(apply(&schemas, Some(&live), &cluster, &us(T2)).unwrap(), live);
}

#[test]
fn what_kubectl_applied_before_the_server_kept_the_books_does_not_conflict_with_it() {
    let schemas = Schemas::builtin();
    let annotation = "kubectl.kubernetes.io/last-applied-configuration";
    let mut object = settings(&json!({ "a": "1", "b": "1" }));
    let said = settings(&json!({ "a": "1" })).to_string();
    object["metadata"]["annotations"] = json!({ annotation: said });
    let live = stored(update(&schemas, None, object, &them(T1)).unwrap());
    let kubectl = ApplyOptions { manager: "kubectl", ..us(T2) };
    let wanted = settings(&json!({ "a": "2" }));
    assert!(apply(&schemas, Some(&live), &wanted, &us(T2)).is_err());
    let after = apply(&schemas, Some(&live), &wanted, &kubectl).unwrap();
    assert_eq!(after["data"], json!({ "a": "2", "b": "1" }));
    let recorded: Value = serde_json::from_str(after["metadata"]["annotations"][annotation].as_str().unwrap()).unwrap();
    assert_eq!(recorded, wanted);
    let refused = apply(&schemas, Some(&live), &settings(&json!({ "a": "2", "b": "2" })), &kubectl).unwrap_err();
    assert_eq!(refused.to_string(), "Apply failed with 1 conflict: conflict with \"them\" using v1: .data.b");
}
