//! The sandbox over HTTP: recordings of a real server, the kube client, faults, state.

use std::{path::Path, time::Duration};

use futures::StreamExt as _;
use kube::{
    api::{DeleteParams, Patch, PatchParams},
    runtime::{
        WatchStreamExt as _,
        reflector::{self, Store},
        watcher,
    },
};
use parcelle::sandbox::{
    self, ControllerOptions, Fault, FaultEffect, Handle, Options, RequestMatcher, controllers::InjectedFailure,
};
use serde_json::{Value, json};

use crate::{sandbox_replay, strict};

pub(crate) fn options() -> Options {
    let controllers = ControllerOptions { enabled: false, ..ControllerOptions::default() };
    Options { controllers, ..Options::default() }
}

pub(crate) async fn started() -> Handle {
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

/// Replays a folder of recordings beside the repository. Returns how many steps were equal; `None` where it is not there.
async fn replayed_beside(folder: &str, definitions: Option<&str>) -> Option<usize> {
    let shared = strict::shared().filter(|shared| shared.join(folder).is_dir());
    let Some(shared) = shared else {
        println!("skipped: no {folder} beside the repository");
        return None;
    };
    let handle = sandbox::serve(Options { definitions: false, ..options() }).await.unwrap();
    let address = handle.address.to_string();
    let (folder, definitions) = (shared.join(folder), definitions.map(|name| shared.join(name)));
    let replay = tokio::task::spawn_blocking(move || {
        if let Some(definitions) = definitions {
            sandbox_replay::define(&definitions, &address);
        }
        sandbox_replay::all(&folder, &address)
    });
    let (good, bad) = replay.await.unwrap();
    assert!(bad.is_empty(), "{good} equal, {} not:\n{}", bad.len(), bad.join("\n"));
    Some(good)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_later_recordings_of_a_real_server_replay() {
    if let Some(good) = replayed_beside("conformance/second", None).await {
        assert_eq!(good, 720);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recordings_of_custom_resources_replay() {
    if let Some(good) = replayed_beside("conformance/operators", Some("crds")).await {
        assert_eq!(good, 514);
    }
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

pub(crate) type Object = kube::api::DynamicObject;

fn client(handle: &Handle) -> kube::Client {
    client_of(&handle.url(), &handle.token)
}

pub(crate) fn client_of(url: &str, token: &str) -> kube::Client {
    let mut config = kube::Config::new(url.parse().unwrap());
    config.auth_info.token = Some(token.to_owned().into());
    kube::Client::try_from(config).unwrap()
}

pub(crate) fn api(
    client: &kube::Client,
    version: &str,
    kind: &str,
    plural: &str,
    namespace: &str,
) -> kube::Api<Object> {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let gvk = kube::api::GroupVersionKind::gvk(group, version, kind);
    let resource = kube::api::ApiResource::from_gvk_with_plural(&gvk, plural);
    if namespace.is_empty() {
        kube::Api::all_with(client.clone(), &resource)
    } else {
        kube::Api::namespaced_with(client.clone(), namespace, &resource)
    }
}

pub(crate) async fn apply(api: &kube::Api<Object>, object: Value) -> Object {
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(object)).await.unwrap()
}

/// Waits until an object satisfies a condition.
pub(crate) async fn until(api: &kube::Api<Object>, name: &str, done: impl Fn(Option<&Value>) -> bool) -> Value {
    for _ in 0..600 {
        let found = api.get_opt(name).await.unwrap().map(|object| serde_json::to_value(object).unwrap());
        if done(found.as_ref()) {
            return found.unwrap_or_default();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{name} did not get there: {:?}", api.get_opt(name).await);
}

pub(crate) fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}}})
}

pub(crate) async fn with_namespace(handle: &Handle, name: &str) -> kube::Client {
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
    let failure =
        InjectedFailure { kind: "Deployment".into(), message: "no such image".into(), ..InjectedFailure::default() };
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

pub(crate) fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"w": "1"}}, "data": {"v": value}})
}

pub(crate) fn fault(verbs: &[&str], resource: &str, effect: FaultEffect) -> Fault {
    let on = RequestMatcher {
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        resource: Some(resource.to_owned()),
        times: Some(1),
        ..RequestMatcher::default()
    };
    Fault { on, effect }
}

/// Waits until a reflector's store shows this value for that object.
async fn shown(store: &Store<Object>, name: &str, value: Option<&str>) {
    for _ in 0..600 {
        let state = store.state();
        let found = state.iter().find(|object| object.metadata.name.as_deref() == Some(name));
        if found.and_then(|object| object.data["data"]["v"].as_str()) == value {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{name} never showed {value:?}");
}

fn reflected(maps: &kube::Api<Object>, config: watcher::Config) -> (Store<Object>, tokio::task::JoinHandle<()>) {
    let resource = kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk("", "v1", "ConfigMap"));
    let writer = reflector::store::Writer::new(resource);
    let store = writer.as_reader();
    let stream = watcher(maps.clone(), config).default_backoff().reflect(writer);
    let task = tokio::spawn(async move { stream.for_each(|_| std::future::ready(())).await });
    (store, task)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reflector_recovers_from_expired_and_cut_watches() {
    for streaming in [false, true] {
        let handle = started().await;
        let client = with_namespace(&handle, "n").await;
        let maps = api(&client, "v1", "ConfigMap", "configmaps", "n");
        apply(&maps, config_map("a", "1")).await;
        let config = watcher::Config::default().labels("w=1");
        let config = if streaming { config.streaming_lists() } else { config };
        let (store, task) = reflected(&maps, config);
        shown(&store, "a", Some("1")).await;
        apply(&maps, config_map("a", "2")).await;
        shown(&store, "a", Some("2")).await;
        handle.faults().expire_watches();
        apply(&maps, config_map("a", "3")).await;
        shown(&store, "a", Some("3")).await;
        handle.faults().add(fault(&["watch"], "configmaps", FaultEffect::CutBefore));
        handle.faults().add(fault(
            &["list"],
            "configmaps",
            FaultEffect::Status { code: 503, reason: String::new(), retry_after: None, message: String::new() },
        ));
        handle.faults().expire_watches();
        maps.delete("a", &DeleteParams::default()).await.unwrap();
        shown(&store, "a", None).await;
        task.abort();
        handle.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_hit_before_and_after_the_write() {
    let handle = started().await;
    let client = with_namespace(&handle, "n").await;
    let maps = api(&client, "v1", "ConfigMap", "configmaps", "n");
    let patch = |value: &str| {
        let (maps, object) = (maps.clone(), config_map("a", value));
        async move { maps.patch("a", &PatchParams::apply("test"), &Patch::Apply(object)).await }
    };
    patch("1").await.unwrap();
    let value = || async { maps.get("a").await.unwrap().data["data"]["v"].clone() };
    handle.faults().add(fault(&["patch"], "configmaps", FaultEffect::CutBefore));
    patch("2").await.unwrap_err();
    assert_eq!(value().await, "1");
    handle.faults().add(fault(&["patch"], "configmaps", FaultEffect::CutAfter));
    patch("3").await.unwrap_err();
    assert_eq!(value().await, "3");
    handle.faults().add(fault(&["get"], "configmaps", FaultEffect::StaleRead { versions: 1 }));
    assert_eq!(value().await, "1");
    assert_eq!(value().await, "3");
    let refused =
        FaultEffect::Status { code: 500, reason: "InternalError".into(), retry_after: None, message: String::new() };
    handle.faults().add(fault(&["patch"], "configmaps", refused));
    let error = patch("4").await.unwrap_err();
    assert!(matches!(error, kube::Error::Api(status) if status.code == 500 && status.reason == "InternalError"));
    handle.faults().add(fault(&["get"], "configmaps", FaultEffect::Truncate));
    maps.get("a").await.unwrap_err();
    assert_eq!(handle.faults().all().iter().map(|(_, hit)| hit).sum::<u64>(), 5);
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_file_brings_everything_back() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options {
        state: Some(folder.path().join("state")),
        cluster_uid: Some("00000000-0000-4000-8000-000000000001".into()),
        ..options()
    };
    let handle = sandbox::serve(options()).await.unwrap();
    let client = with_namespace(&handle, "n").await;
    let maps = api(&client, "v1", "ConfigMap", "configmaps", "n");
    let before = apply(&maps, config_map("a", "1")).await;
    apply(&maps, config_map("b", "1")).await;
    maps.delete("b", &DeleteParams::default()).await.unwrap();
    handle.shutdown().await;
    let handle = sandbox::serve(options()).await.unwrap();
    let client = self::client(&handle);
    let maps = api(&client, "v1", "ConfigMap", "configmaps", "n");
    assert_eq!(maps.get("a").await.unwrap(), before);
    assert!(maps.get_opt("b").await.unwrap().is_none());
    let again = maps.patch("a", &PatchParams::apply("test"), &Patch::Apply(config_map("a", "1"))).await.unwrap();
    assert_eq!(again.metadata.resource_version, before.metadata.resource_version);
    let system = api(&client, "v1", "Namespace", "namespaces", "").get("kube-system").await.unwrap();
    assert_eq!(system.metadata.uid.as_deref(), Some("00000000-0000-4000-8000-000000000001"));
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted_without_those_of_the_controllers() {
    let handle = sandbox::serve(Options::default()).await.unwrap();
    let client = with_namespace(&handle, "n").await;
    let deployments = api(&client, "apps/v1", "Deployment", "deployments", "n");
    apply(&deployments, deployment("web")).await;
    until(&deployments, "web", |found| found.is_some_and(|found| found["status"]["readyReplicas"] == 2)).await;
    let stats = handle.stats();
    assert_eq!(stats.requests[&("patch".to_owned(), "deployments.apps".to_owned())], 1);
    assert_eq!(stats.writes(), 2);
    handle.reset_stats();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(handle.stats().reads_and_writes(), 0);
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn propagation_decides_what_becomes_of_dependents() {
    let handle = sandbox::serve(Options::default()).await.unwrap();
    let client = with_namespace(&handle, "n").await;
    let maps = api(&client, "v1", "ConfigMap", "configmaps", "n");
    for (owner, params, stays) in [
        ("fore", DeleteParams::foreground(), false),
        ("back", DeleteParams::background(), false),
        ("orphan", DeleteParams::orphan(), true),
    ] {
        let uid = apply(&maps, config_map(owner, "1")).await.metadata.uid;
        let mut child = config_map(&format!("{owner}-child"), "1");
        child["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": uid, "blockOwnerDeletion": true}]);
        apply(&maps, child).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        maps.delete(owner, &params).await.unwrap();
        until(&maps, owner, |found| found.is_none()).await;
        let child = format!("{owner}-child");
        if stays {
            let found = until(&maps, &child, |found| found.is_some()).await;
            assert!(found["metadata"]["ownerReferences"].is_null(), "{found}");
        } else {
            until(&maps, &child, |found| found.is_none()).await;
        }
    }
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_stalls_is_opened_again() {
    let handle = started().await;
    let client = with_namespace(&handle, "n").await;
    let maps = api(&client, "v1", "ConfigMap", "configmaps", "n");
    apply(&maps, config_map("a", "1")).await;
    handle.faults().add(fault(&["watch"], "configmaps", FaultEffect::WatchStalls));
    let (store, task) = reflected(&maps, watcher::Config::default().timeout(1));
    shown(&store, "a", Some("1")).await;
    apply(&maps, config_map("a", "2")).await;
    shown(&store, "a", Some("2")).await;
    task.abort();
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_kubeconfig_serves_the_kube_client() {
    let handle = started().await;
    let config: kube::config::Kubeconfig = serde_json::from_str(&handle.kubeconfig("sandbox")).unwrap();
    let choice = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(config, &choice).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let namespaces = api(&client, "v1", "Namespace", "namespaces", "");
    assert!(namespaces.get_opt("kube-system").await.unwrap().is_some());
    handle.shutdown().await;
}
