//! The sandbox under the load of a garden: 4,500 objects applied, applied again, and listed over HTTP.
#![expect(clippy::disallowed_methods, reason = "a benchmark is a surface")]

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use futures::{StreamExt as _, stream};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams},
};
use parcelle::sandbox::{self, ControllerOptions, Handle, Options};
use serde_json::{Value, json};

const NAMESPACES: usize = 100;
const EACH: usize = 15;

fn api(client: &Client, version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    if namespace.is_empty() {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, &resource)
    }
}

fn deployment(name: &str) -> Value {
    let env: Vec<Value> = (0..10).map(|number| json!({"name": format!("V{number}"), "value": "x"})).collect();
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": {"b": "1"}}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [
            {"name": "app", "image": "nginx:1", "env": env, "ports": [{"name": "http", "containerPort": 8080}]},
            {"name": "side", "image": "busybox:1"}]}}}})
}

/// Three kinds, so that 100 namespaces with 15 of each are 4,500 objects.
fn objects() -> Vec<(&'static str, &'static str, String, Value)> {
    let mut all = Vec::new();
    for namespace in 0..NAMESPACES {
        for number in 0..EACH {
            let (space, name) = (format!("n{namespace}"), format!("o{number}"));
            all.push(("apps/v1", "Deployment", space.clone(), deployment(&name)));
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"b": "1"}},
                "data": {"a": "1", "b": "2"}});
            all.push(("v1", "ConfigMap", space.clone(), map));
            let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": {"b": "1"}},
                "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}});
            all.push(("v1", "Service", space, service));
        }
    }
    all
}

async fn started() -> (Handle, Client) {
    let controllers = ControllerOptions { enabled: false, ..ControllerOptions::default() };
    let handle = sandbox::serve(Options { controllers, ..Options::default() }).await.expect("loopback is there");
    let mut config = kube::Config::new(handle.url().parse().expect("an address is a URL"));
    config.auth_info.token = Some(handle.token.clone().into());
    let client = Client::try_from(config).expect("a plain configuration");
    let spaces = api(&client, "v1", "Namespace", "");
    for namespace in 0..NAMESPACES {
        let name = format!("n{namespace}");
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        spaces.patch(&name, &PatchParams::apply("bench"), &Patch::Apply(object)).await.expect("a namespace");
    }
    (handle, client)
}

async fn apply_all(client: &Client, objects: &[(&'static str, &'static str, String, Value)]) {
    stream::iter(objects)
        .for_each_concurrent(32, |(version, kind, namespace, object)| async move {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let api = api(client, version, kind, namespace);
            let applied = api.patch_metadata(name, &PatchParams::apply("bench"), &Patch::Apply(object)).await;
            black_box(applied.expect("an apply"));
        })
        .await;
}

async fn list_all(client: &Client) -> usize {
    let mut count = 0;
    for (version, kind) in [("apps/v1", "Deployment"), ("v1", "ConfigMap"), ("v1", "Service")] {
        let listed = api(client, version, kind, "").list(&ListParams::default().labels("b=1")).await;
        count += listed.expect("a list").items.len();
    }
    count
}

fn bench(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let objects = objects();
    let (handle, client) = runtime.block_on(started());
    runtime.block_on(apply_all(&client, &objects));
    let stats = handle.stats();
    eprintln!("{} objects stored, {} bytes each in memory", stats.objects, stats.bytes / stats.objects);
    let mut group = criterion.benchmark_group("sandbox");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    group.bench_function("4500 objects applied anew", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let (handle, client) = runtime.block_on(started());
                let start = std::time::Instant::now();
                runtime.block_on(apply_all(&client, &objects));
                spent += start.elapsed();
                runtime.block_on(handle.shutdown());
            }
            spent
        });
    });
    group.bench_function("4500 objects applied without change", |bencher| {
        bencher.iter(|| runtime.block_on(apply_all(&client, &objects)));
    });
    group.bench_function("4500 objects listed", |bencher| {
        bencher.iter(|| assert_eq!(runtime.block_on(list_all(&client)), NAMESPACES * EACH * 3));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
