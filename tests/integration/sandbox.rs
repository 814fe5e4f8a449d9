//! The sandbox over HTTP: recordings of a real server, the kube client, faults, state.

use std::{path::Path, time::Duration};

use kube::api::{DeleteParams, Patch, PatchParams};
use parcelle::sandbox::{self, ControllerOptions, Handle, Options, controllers::Failure};
use serde_json::{Value, json};

use crate::sandbox_replay;

fn options() -> Options {
    let controllers = ControllerOptions { enabled: false, ..ControllerOptions::default() };
    Options { controllers, ..Options::default() }
}

async fn started() -> Handle {
    sandbox::serve(options()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recordings_of_a_real_server_replay() {
    let handle = started().await;
    let address = handle.address.to_string();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/conformance");
    let replay = tokio::task::spawn_blocking(move || sandbox_replay::all(&folder, &address));
    let (good, bad) = replay.await.unwrap();
    assert!(bad.is_empty(), "{good} equal, {} not:\n{}", bad.len(), bad.join("\n"));
    assert_eq!(good, 174);
}

/// For trials by hand: serves on the port in `PARCELLE_TRIAL_PORT` (8001) until killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "serves until killed"]
async fn serve_until_killed() {
    let word = |name: &str| std::env::var(name).ok();
    let port: u16 = word("PARCELLE_TRIAL_PORT").and_then(|port| port.parse().ok()).unwrap_or(8001);
    let enabled = word("PARCELLE_TRIAL_CONTROLLERS").is_some();
    let options = Options {
        listen: ([127, 0, 0, 1], port).into(),
        state: word("PARCELLE_TRIAL_STATE").map(Into::into),
        controllers: ControllerOptions { enabled, ..ControllerOptions::default() },
        ..Options::default()
    };
    let handle = sandbox::serve(options).await.unwrap();
    println!("{}", handle.kubeconfig("sandbox"));
    std::future::pending::<()>().await;
}

type Object = kube::api::DynamicObject;

fn client(handle: &Handle) -> kube::Client {
    let mut config = kube::Config::new(handle.url().parse().unwrap());
    config.auth_info.token = Some(handle.token.clone().into());
    kube::Client::try_from(config).unwrap()
}

fn api(client: &kube::Client, version: &str, kind: &str, plural: &str, namespace: &str) -> kube::Api<Object> {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let gvk = kube::api::GroupVersionKind::gvk(group, version, kind);
    let resource = kube::api::ApiResource::from_gvk_with_plural(&gvk, plural);
    if namespace.is_empty() {
        kube::Api::all_with(client.clone(), &resource)
    } else {
        kube::Api::namespaced_with(client.clone(), namespace, &resource)
    }
}

async fn apply(api: &kube::Api<Object>, object: Value) -> Object {
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(object)).await.unwrap()
}

/// Waits until an object satisfies a condition.
async fn until(api: &kube::Api<Object>, name: &str, done: impl Fn(Option<&Value>) -> bool) -> Value {
    for _ in 0..600 {
        let found = api.get_opt(name).await.unwrap().map(|object| serde_json::to_value(object).unwrap());
        if done(found.as_ref()) {
            return found.unwrap_or_default();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{name} did not get there: {:?}", api.get_opt(name).await);
}

fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}}})
}

async fn with_namespace(handle: &Handle, name: &str) -> kube::Client {
    let client = client(handle);
    let namespaces = api(&client, "v1", "Namespace", "namespaces", "");
    apply(&namespaces, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).await;
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn controllers_make_workloads_and_databases_ready_and_empty_namespaces() {
    let handle = sandbox::serve(Options::default()).await.unwrap();
    let client = with_namespace(&handle, "n").await;
    let deployments = api(&client, "apps/v1", "Deployment", "deployments", "n");
    apply(&deployments, deployment("web")).await;
    until(&deployments, "web", |found| found.is_some_and(|found| found["status"]["readyReplicas"] == 2)).await;
    let clusters = api(&client, "postgresql.cnpg.io/v1", "Cluster", "clusters", "n");
    let cluster = json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "pg"},
        "spec": {"instances": 2, "storage": {"size": "5Gi"}}});
    apply(&clusters, cluster).await;
    until(&clusters, "pg", |found| found.is_some_and(|found| found["status"]["phase"] == "Cluster in healthy state"))
        .await;
    let secrets = api(&client, "v1", "Secret", "secrets", "n");
    let secret = secrets.get("pg-app").await.unwrap();
    assert!(secret.data["data"]["password"].is_string());
    let claims = api(&client, "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "n");
    until(&claims, "pg-2", |found| found.is_some_and(|found| found["status"]["phase"] == "Bound")).await;
    clusters.delete("pg", &DeleteParams::background()).await.unwrap();
    until(&secrets, "pg-app", |found| found.is_none()).await;
    until(&claims, "pg-1", |found| found.is_none()).await;
    let namespaces = api(&client, "v1", "Namespace", "namespaces", "");
    namespaces.delete("n", &DeleteParams::default()).await.unwrap();
    until(&namespaces, "n", |found| found.is_none()).await;
    assert!(deployments.get_opt("web").await.unwrap().is_none());
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_on_demand_is_shown_and_ends() {
    let handle = sandbox::serve(Options::default()).await.unwrap();
    let client = with_namespace(&handle, "n").await;
    let failure = Failure { kind: "Deployment".into(), message: "no such image".into(), ..Failure::default() };
    let controllers = handle.controllers().unwrap();
    controllers.fail(failure);
    let deployments = api(&client, "apps/v1", "Deployment", "deployments", "n");
    apply(&deployments, deployment("web")).await;
    let failed =
        |found: Option<&Value>| found.is_some_and(|found| found["status"]["conditions"][0]["status"] == "False");
    let object = until(&deployments, "web", failed).await;
    assert_eq!(object["status"]["conditions"][1]["message"], "no such image");
    controllers.recover();
    until(&deployments, "web", |found| found.is_some_and(|found| found["status"]["readyReplicas"] == 2)).await;
    handle.shutdown().await;
}
