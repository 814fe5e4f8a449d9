//! A Deployment with two containers, thirty variables and three owners: applied without a change, and with one.

use criterion::{Criterion, criterion_group, criterion_main};
use parcelle::merge::{ApplyOptions, FieldSet, Schemas, UpdateOptions, apply, json_merge_patch, update, would_change};
use serde_json::{Value, json};

const T1: &str = "2026-01-01T00:00:00Z";
const T2: &str = "2026-01-02T00:00:00Z";

fn desired(image: &str) -> Value {
    let env = |prefix: &str| -> Vec<Value> {
        (0..15).map(|n| json!({ "name": format!("{prefix}_{n}"), "value": format!("value-{n}") })).collect()
    };
    let container = |name: &str, port: u16| {
        json!({
            "name": name, "image": image, "env": env(&name.to_uppercase()),
            "ports": [{ "containerPort": port, "name": "http", "protocol": "TCP" }],
            "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "memory": "256Mi" } },
            "readinessProbe": { "httpGet": { "path": "/ready", "port": "http" }, "periodSeconds": 5 },
            "volumeMounts": [{ "name": "data", "mountPath": "/data" }, { "name": "tmp", "mountPath": "/tmp" }]
        })
    };
    let labels = json!({ "app.kubernetes.io/name": "web", "app.kubernetes.io/managed-by": "parcelle" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "shop", "labels": labels },
        "spec": {
            "selector": { "matchLabels": { "app.kubernetes.io/name": "web" } },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "containers": [container("app", 8080), container("side", 9090)],
                    "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }, { "name": "tmp", "emptyDir": {} }],
                    "securityContext": { "runAsNonRoot": true }
                }
            }
        }
    })
}

/// The object as it lives: applied by us, scaled by an autoscaler, with a status by the controller.
fn live(schemas: &Schemas) -> Value {
    let us = ApplyOptions { manager: "parcelle", force: false, subresource: None, now: T1 };
    let object = apply(schemas, None, &desired("shop/web:1"), &us).expect("the object fits its schema");
    let mut scaled = json_merge_patch(
        object.clone(),
        &json!({ "metadata": { "annotations": { "a": "b" } }, "spec": { "replicas": 3 } }),
    );
    scaled["metadata"]["uid"] = json!("5b7b8a1e-0000-4000-8000-000000000000");
    let them = UpdateOptions { manager: "autoscaler", subresource: None, now: T1 };
    let object = update(schemas, Some(&object), scaled, &them).expect("the object fits its schema");
    let mut ready = object.clone();
    ready["status"] = json!({
        "observedGeneration": 1, "replicas": 3, "readyReplicas": 3,
        "conditions": [{ "type": "Available", "status": "True" }, { "type": "Progressing", "status": "True" }]
    });
    let controller = UpdateOptions { manager: "kube-controller-manager", subresource: Some("status"), now: T1 };
    update(schemas, Some(&object), ready, &controller).expect("the object fits its schema")
}

fn merge(criterion: &mut Criterion) {
    let schemas = Schemas::builtin();
    let live = live(&schemas);
    let (same, changed) = (desired("shop/web:1"), desired("shop/web:2"));
    let mut dropped = same.clone();
    dropped["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().expect("a list").pop();
    let us = ApplyOptions { manager: "parcelle", force: false, subresource: None, now: T2 };
    assert_eq!(apply(&schemas, Some(&live), &same, &us).as_ref(), Ok(&live));
    criterion
        .bench_function("would it change anything", |b| b.iter(|| would_change(&schemas, &live, &same, "parcelle")));
    criterion.bench_function("apply without a change", |b| b.iter(|| apply(&schemas, Some(&live), &same, &us)));
    criterion.bench_function("apply with one change", |b| b.iter(|| apply(&schemas, Some(&live), &changed, &us)));
    criterion.bench_function("apply without one variable", |b| b.iter(|| apply(&schemas, Some(&live), &dropped, &us)));
    criterion.bench_function("create by apply", |b| b.iter(|| apply(&schemas, None, &same, &us)));
    let ours = live["metadata"]["managedFields"][0]["fieldsV1"].clone();
    criterion.bench_function("read a field set", |b| b.iter(|| FieldSet::from_fields_v1(&ours)));
    criterion.bench_function("clone the live object", |b| b.iter(|| live.clone()));
}

criterion_group!(benches, merge);
criterion_main!(benches);
