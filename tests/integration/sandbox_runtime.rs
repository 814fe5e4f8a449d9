//! kube's own runtime against the sandbox: a controller with a finalizer, and what it makes of faults.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Client, Resource as _, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams},
    runtime::{
        Controller,
        controller::Action,
        finalizer::{self, finalizer},
        watcher,
    },
};
use parcelle::sandbox::{Fault, FaultEffect, Handle, RequestMatcher};
use serde_json::json;

use crate::sandbox::{config_map, fault, started, with_namespace};

const FINALIZER: &str = "parcelle.dev/copied";
const MANAGER: &str = "copier";

/// What the controller shares with the test.
struct Copier {
    client: Client,
    cleaned: AtomicU32,
    failed: AtomicU32,
}

type Failed = finalizer::Error<kube::Error>;

/// Keeps a Secret equal to each ConfigMap, and removes it before the ConfigMap goes.
async fn copy(map: Arc<ConfigMap>, copier: Arc<Copier>) -> Result<Action, Failed> {
    let maps: Api<ConfigMap> = Api::namespaced(copier.client.clone(), "n");
    finalizer(&maps, FINALIZER, map, |event| async {
        let secrets: Api<Secret> = Api::namespaced(copier.client.clone(), "n");
        match event {
            finalizer::Event::Apply(map) => {
                let owner = map.controller_owner_ref(&()).unwrap();
                let value = map.data.clone().unwrap_or_default().remove("v");
                let secret = json!({"apiVersion": "v1", "kind": "Secret",
                    "metadata": {"name": map.name_any(), "ownerReferences": [owner]}, "stringData": {"v": value}});
                secrets.patch(&map.name_any(), &PatchParams::apply(MANAGER).force(), &Patch::Apply(secret)).await?;
            }
            finalizer::Event::Cleanup(map) => {
                secrets.delete(&map.name_any(), &DeleteParams::default()).await?;
                copier.cleaned.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(Action::await_change())
    })
    .await
}

fn again(_: Arc<ConfigMap>, error: &Failed, copier: Arc<Copier>) -> Action {
    println!("tried again after: {error}");
    copier.failed.fetch_add(1, Ordering::Relaxed);
    Action::requeue(Duration::from_millis(50))
}

fn running(copier: Arc<Copier>) -> tokio::task::JoinHandle<()> {
    let config = watcher::Config::default().timeout(1);
    let maps: Api<ConfigMap> = Api::namespaced(copier.client.clone(), "n");
    let secrets: Api<Secret> = Api::namespaced(copier.client.clone(), "n");
    let controller = Controller::new(maps, config.clone().labels("w=1")).owns(secrets, config);
    tokio::spawn(controller.run(copy, again, copier).for_each(|_| std::future::ready(())))
}

/// Waits until the copy holds a value, or is gone.
async fn copied(client: &Client, name: &str, value: Option<&str>) {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "n");
    for _ in 0..1500 {
        // A read may meet a fault, too.
        if let Ok(found) = secrets.get_opt(name).await {
            let found = found.and_then(|secret| secret.data?.remove("v"));
            if found.as_ref().map(|bytes| bytes.0.as_slice()) == value.map(str::as_bytes) {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the copy of {name} never held {value:?}");
}

async fn say(client: &Client, value: &str) {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "n");
    maps.patch("a", &PatchParams::apply("test").force(), &Patch::Apply(config_map("a", value))).await.unwrap();
}

async fn controlled() -> (Handle, Client, Arc<Copier>, tokio::task::JoinHandle<()>) {
    let handle = started().await;
    let client = with_namespace(&handle, "n").await;
    let copier = Copier { client: client.clone(), cleaned: AtomicU32::new(0), failed: AtomicU32::new(0) };
    let copier = Arc::new(copier);
    let task = running(Arc::clone(&copier));
    say(&client, "1").await;
    copied(&client, "a", Some("1")).await;
    (handle, client, copier, task)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_of_kube_keeps_copies_and_its_finalizer_holds_the_deletion() {
    let (handle, client, copier, task) = controlled().await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "n");
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "n");
    assert_eq!(maps.get("a").await.unwrap().finalizers(), [FINALIZER]);
    say(&client, "2").await;
    copied(&client, "a", Some("2")).await;
    // What it owns is watched, too.
    secrets.delete("a", &DeleteParams::default()).await.unwrap();
    copied(&client, "a", Some("2")).await;
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    copied(&client, "a", None).await;
    for _ in 0..250 {
        if maps.get_opt("a").await.unwrap().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(maps.get_opt("a").await.unwrap().is_none(), "the finalizer let it go");
    assert_eq!(copier.cleaned.load(Ordering::Relaxed), 1);
    task.abort();
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_of_kube_recovers_from_410_and_a_stalled_watch() {
    let (handle, client, _, task) = controlled().await;
    // The history is gone, all watches end.
    handle.faults().expire_watches();
    say(&client, "2").await;
    copied(&client, "a", Some("2")).await;
    // The next watch of each kind opens and stays silent.
    handle.faults().add(fault(&["watch"], "configmaps", FaultEffect::WatchStalls));
    handle.faults().add(fault(&["watch"], "secrets", FaultEffect::WatchStalls));
    handle.faults().expire_watches();
    say(&client, "3").await;
    copied(&client, "a", Some("3")).await;
    say(&client, "4").await;
    copied(&client, "a", Some("4")).await;
    all_hit(&handle);
    task.abort();
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_of_kube_recovers_from_cut_connections_and_errors() {
    let (handle, client, copier, task) = controlled().await;
    // Connections are cut when it watches, and after its write was done: the answer is lost, not the write.
    handle.faults().add(fault(&["watch"], "configmaps", FaultEffect::CutBefore));
    handle.faults().add(fault(&["patch"], "secrets", FaultEffect::CutAfter));
    handle.faults().add(fault(&["list"], "configmaps", status(503)));
    handle.faults().add(fault(&["list"], "secrets", FaultEffect::Truncate));
    handle.faults().expire_watches();
    say(&client, "2").await;
    copied(&client, "a", Some("2")).await;
    // Half of its writes fail for a while.
    handle.faults().seed(7);
    let often =
        RequestMatcher { manager: Some(MANAGER.to_owned()), probability: Some(0.5), ..RequestMatcher::default() };
    handle.faults().add(Fault { on: often, effect: status(500) });
    for value in ["3", "4", "5", "6"] {
        say(&client, value).await;
        copied(&client, "a", Some(value)).await;
    }
    all_hit(&handle);
    assert!(copier.failed.load(Ordering::Relaxed) > 0, "its errors were seen and tried again");
    task.abort();
    handle.shutdown().await;
}

fn all_hit(handle: &Handle) {
    let unused: Vec<_> = handle.faults().all().into_iter().filter(|(_, hit)| *hit == 0).collect();
    assert!(unused.is_empty(), "faults that hit nothing: {unused:?}");
}

fn status(code: u16) -> FaultEffect {
    FaultEffect::Status { code, reason: String::new(), retry_after: None, message: String::new() }
}
