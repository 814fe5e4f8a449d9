//! What a person says of data that is gone: beside a running loop, without one, for several apps, and about what is there by then.

use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::command::{Output, Process};
use crate::ground::{Ground, organisation};
use crate::story::real;

/// An app with a volume and a database.
const PADS: &str = r#"edition 2026

definition pads {
    about "Pads."
    releases { channel stable 1; release 1 image="docker.io/example/pads:1.0"; }
    needs {
        volume files { size 1 GiB; }
        postgres db
        route web { host "${settings.at}"; to web; }
    }
    workload web {
        port http 8080
        ready http path="/"
        volume files at="/files"
        env HOST "${needs.db.host}"
    }
    test smallest { expect "objects.Deployment.web.spec.replicas == 1"; }
}
"#;

pub(crate) const CLAIM: &str = "PersistentVolumeClaim";

pub(crate) async fn ground() -> Ground {
    let alpha = organisation("alpha", "Alpha", "app pads one\n    app pads two");
    Ground::new(&[("pads.kdl", PADS), ("organisations/alpha.kdl", &alpha)]).await
}

pub(crate) fn command(ground: &Ground, words: &[&str]) -> Output {
    let kubeconfig = ground.environment.path("two").display().to_string();
    let all = words.iter().copied().chain(["--kubeconfig", &kubeconfig]);
    ground.environment.run(all.map(str::to_owned).collect::<Vec<_>>())
}

pub(crate) fn once(ground: &Ground) -> Output {
    ground.environment.run(ground.arguments("one", &["--once"]))
}

pub(crate) async fn begun(ground: &Ground) -> Process {
    let mut process = ground.run("one");
    process.wait_for("applied");
    for deployment in ["one-web", "two-web"] {
        ground.until("the apps are there", async || ground.is_ready(deployment).await).await;
    }
    ground.until_calm().await;
    process
}

pub(crate) async fn is_there(ground: &Ground, api_version: &str, kind: &str, name: &str) -> Option<Value> {
    let found = ground.api(api_version, kind, "alpha").get_opt(name).await.unwrap()?;
    Some(serde_json::to_value(found).unwrap())
}

pub(crate) async fn uid(ground: &Ground, name: &str) -> Option<String> {
    Some(is_there(ground, "v1", CLAIM, name).await?["metadata"]["uid"].as_str()?.to_owned())
}

/// Somebody deletes an object, and nothing holds it.
pub(crate) async fn delete(ground: &Ground, api_version: &str, kind: &str, name: &str) {
    let api = ground.api(api_version, kind, "alpha");
    api.delete(name, &DeleteParams::background()).await.unwrap();
    let none = json!({"metadata": {"finalizers": null}});
    let _gone = api.patch(name, &PatchParams::default(), &Patch::Merge(none)).await;
    ground.until("it is gone", async || is_there(ground, api_version, kind, name).await.is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_holds_an_app_whose_volume_is_gone_until_a_person_says_that_it_may_start_empty() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    let mut process = begun(&ground).await;
    delete(&ground, "v1", CLAIM, "one-files").await;
    process.wait_for("E0434");
    delete(&ground, "apps/v1", "Deployment", "one-web").await;
    delete(&ground, "apps/v1", "Deployment", "two-web").await;
    ground.until("the other app goes on", async || ground.is_ready("two-web").await).await;
    process.kill();
    let mut process = ground.run("one");
    process.wait_for("E0434");
    ground.until_calm().await;
    assert!(uid(&ground, "one-files").await.is_none() && !ground.is_ready("one-web").await, "nor after a restart");
    let told = command(&ground, &["status", "alpha"]);
    assert!(
        told.code == 1 && told.text().contains("one is held: `PersistentVolumeClaim one-files` is gone since"),
        "{}",
        told.text()
    );
    assert!(told.text().contains("parcelle acknowledge alpha/one"), "{}", told.text());
    let told = command(&ground, &["status", "alpha", "--format", "json"]);
    let json: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(json[0]["dataGone"][0]["apps"], json!(["one"]), "{json:#}");
    for format in ["text", "markdown", "json"] {
        let told = command(&ground, &["plan", "alpha", "--format", format]);
        assert!(told.text().contains("parcelle acknowledge alpha/one"), "{format}: {}", told.text());
    }
    let said = command(&ground, &["acknowledge", "alpha/one"]);
    assert!(
        said.code == 2 && said.text().contains("--yes") && said.text().contains("made again, EMPTY"),
        "{}",
        said.text()
    );
    assert!(uid(&ground, "one-files").await.is_none(), "nobody agreed");
    let said = command(&ground, &["acknowledge", "alpha/two", "--yes"]);
    assert!(said.code == 2 && said.text().contains("data is gone of: one"), "{}", said.text());
    let said = command(&ground, &["acknowledge", "alpha/one", "--yes", "--reason", "it was a test"]);
    assert!(said.code == 0 && said.text().contains("taken up by"), "{}", said.text());
    process.wait_for("it was a test");
    process.wait_for("W0483");
    ground.until("it starts", async || ground.is_ready("one-web").await).await;
    assert!(uid(&ground, "one-files").await.is_some());
    ground.until_calm().await;
    let told = command(&ground, &["status", "alpha"]);
    assert_eq!(told.code, 0, "{}", told.text());
    // A later loss is another one.
    delete(&ground, "v1", CLAIM, "one-files").await;
    process.wait_for("E0434");
    ground.until_calm().await;
    assert!(uid(&ground, "one-files").await.is_none());
    process.kill();
    ground.assert_inventory_covers("alpha", "at the end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_loop_the_command_starts_the_app_itself_and_takes_what_is_there_by_its_uid() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    assert_eq!(once(&ground).code, 0);
    let said = command(&ground, &["acknowledge", "alpha/one", "--yes"]);
    assert!(said.code == 2 && said.text().contains("no data of `alpha/one` is gone"), "{}", said.text());
    delete(&ground, "v1", CLAIM, "one-files").await;
    delete(&ground, "v1", CLAIM, "two-files").await;
    // Before any round has seen it.
    let said = command(&ground, &["acknowledge", "alpha/one", "--yes"]);
    assert!(said.code == 0 && said.text().contains("it starts without its data"), "{}", said.text());
    assert!(uid(&ground, "one-files").await.is_some() && uid(&ground, "two-files").await.is_none());
    assert_eq!(ground.holder().await.as_deref().unwrap_or_default(), "", "it gave the lease back");
    let told = once(&ground);
    assert!(told.code == 1 && told.text().contains("the data of `two` is gone"), "{}", told.text());
    // Somebody puts a claim under the name, to restore into.
    let claim = json!({ "apiVersion": "v1", "kind": CLAIM, "metadata": { "name": "two-files" }, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": { "requests": { "storage": "1Gi" } } } });
    let claims = ground.api("v1", CLAIM, "alpha");
    claims.create(&PostParams::default(), &serde_json::from_value(claim).unwrap()).await.unwrap();
    let theirs = uid(&ground, "two-files").await;
    let told = once(&ground);
    assert!(told.code == 1 && told.text().contains("another object has the place"), "{}", told.text());
    let said = command(&ground, &["acknowledge", "alpha/two", "--yes"]);
    assert!(said.code == 0 && said.text().contains("AS IT IS"), "{}", said.text());
    assert_eq!(uid(&ground, "two-files").await, theirs, "it is taken");
    let told = once(&ground);
    assert!(told.code == 0 && told.text().contains("Nothing was written"), "{}", told.text());
    ground.assert_inventory_exact("alpha", "at the end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_server_that_is_made_anew_for_one_app_keeps_the_other_held() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    assert_eq!(once(&ground).code, 0);
    delete(&ground, "postgresql.cnpg.io/v1", "Cluster", "postgres").await;
    let told = once(&ground);
    assert!(told.code == 1 && told.text().contains("the data of `one` and `two` is gone"), "{}", told.text());
    let said = command(&ground, &["acknowledge", "alpha/one", "--yes"]);
    assert!(said.code == 0 && said.text().contains("two had data in it too"), "{}", said.text());
    assert!(is_there(&ground, "postgresql.cnpg.io/v1", "Cluster", "postgres").await.is_some());
    delete(&ground, "apps/v1", "Deployment", "one-web").await;
    delete(&ground, "apps/v1", "Deployment", "two-web").await;
    let told = once(&ground);
    assert!(told.code == 1 && told.text().contains("was made anew, empty"), "{}", told.text());
    assert!(ground.is_ready("one-web").await && !ground.is_ready("two-web").await);
    let told = command(&ground, &["status", "alpha"]);
    assert!(told.code == 1 && told.text().contains("parcelle acknowledge alpha/two"), "{}", told.text());
    let said = command(&ground, &["acknowledge", "alpha/two", "--yes"]);
    assert!(said.code == 0 && said.text().contains("with what is in it NOW"), "{}", said.text());
    assert!(ground.is_ready("two-web").await);
    assert_eq!(once(&ground).code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_whole_namespace_is_gone_an_app_starts_anew_with_new_secrets() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    assert_eq!(once(&ground).code, 0);
    let namespaces = ground.api("v1", "Namespace", "");
    namespaces.delete("alpha", &DeleteParams::background()).await.unwrap();
    ground.until("it is gone", async || namespaces.get_opt("alpha").await.unwrap().is_none()).await;
    let told = once(&ground);
    assert!(told.code == 1 && told.text().matches("E0434").count() <= 3, "{}", told.text());
    assert!(uid(&ground, "one-files").await.is_none());
    for app in ["alpha/one", "alpha/two"] {
        let said = command(&ground, &["acknowledge", app, "--yes"]);
        assert!(said.code == 0 && said.text().contains("NEW random values"), "{app}: {}", said.text());
    }
    let told = once(&ground);
    assert_eq!(told.code, 0, "{}", told.text());
    let pods = ground.api("apps/v1", "Deployment", "alpha").list(&ListParams::default()).await.unwrap();
    assert_eq!(pods.items.len(), 2);
    ground.assert_inventory_exact("alpha", "at the end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_is_called_otherwise_while_its_data_is_gone_starts_by_word_under_its_new_name() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    assert_eq!(once(&ground).code, 0);
    delete(&ground, "apps/v1", "Deployment", "one-web").await;
    delete(&ground, "v1", CLAIM, "one-files").await;
    assert_eq!(once(&ground).code, 1);
    let renamed = organisation("alpha", "Alpha", "app pads texts { was one; }\n    app pads two");
    ground.commit("organisations/alpha.kdl", &renamed, "another name");
    let told = once(&ground);
    assert!(told.code == 1 && told.text().contains("parcelle acknowledge alpha/texts"), "{}", told.text());
    let said = command(&ground, &["acknowledge", "alpha/texts", "--yes"]);
    assert!(said.code == 0 && !said.text().contains("counts for nothing"), "{}", said.text());
    let told = once(&ground);
    assert_eq!(told.code, 0, "{}", told.text());
    assert!(uid(&ground, "one-files").await.is_some() && ground.is_ready("texts-web").await);
    ground.assert_inventory_exact("alpha", "at the end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_whose_data_is_gone_is_retired_without_making_it_again() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    assert_eq!(once(&ground).code, 0);
    delete(&ground, "v1", CLAIM, "one-files").await;
    assert_eq!(once(&ground).code, 1);
    let retired =
        organisation("alpha", "Alpha", "retired app pads texts { was one; keep-data 30 days; }\n    app pads two");
    ground.commit("organisations/alpha.kdl", &retired, "it goes");
    once(&ground);
    let deployment = is_there(&ground, "apps/v1", "Deployment", "one-web").await;
    assert!(deployment.is_none_or(|deployment| deployment["spec"]["replicas"] == 0), "it sleeps");
    assert_eq!(uid(&ground, "one-files").await, None);
    let told = command(&ground, &["status", "alpha"]);
    assert!(told.text().contains("retired until") && !told.text().contains("may be dropped"), "{}", told.text());
    // The word lets the data go, and makes nothing.
    command(&ground, &["acknowledge", "alpha/texts", "--yes"]);
    let told = once(&ground);
    assert_eq!(told.code, 0, "{}", told.text());
    assert_eq!(uid(&ground, "one-files").await, None);
    assert!(is_there(&ground, "postgresql.cnpg.io/v1", "Database", "one-db").await.is_some(), "what is left is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_counts_for_nothing_is_no_success() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    assert_eq!(once(&ground).code, 0);
    delete(&ground, "v1", CLAIM, "one-files").await;
    assert_eq!(once(&ground).code, 1);
    // The inventory is another one by the time that the word is heard.
    let maps = ground.api("v1", "ConfigMap", "parcelle-system");
    let name = "parcelle-grounds--alpha";
    let stored = serde_json::to_value(maps.get(name).await.unwrap()).unwrap();
    let fault = parcelle::sandbox::Fault {
        on: parcelle::sandbox::RequestMatcher {
            verbs: vec!["create".to_owned()],
            resource: Some("configmaps".to_owned()),
            namespace: Some("parcelle-system".to_owned()),
            ..parcelle::sandbox::RequestMatcher::default()
        },
        effect: parcelle::sandbox::FaultEffect::Delay { milliseconds: 1_500 },
    };
    ground.handle.faults().add(fault);
    let kubeconfig = ground.environment.path("two").display().to_string();
    let process = ground.environment.spawn(["acknowledge", "alpha/one", "--yes", "--kubeconfig", &kubeconfig]);
    ground.until("its word is on the way", async || ground.handle.faults().all().iter().any(|(_, hit)| *hit > 0)).await;
    ground.handle.faults().clear();
    maps.delete(name, &DeleteParams::default()).await.unwrap();
    let mut fresh = stored;
    for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
        fresh["metadata"].as_object_mut().unwrap().remove(field);
    }
    maps.create(&PostParams::default(), &serde_json::from_value(fresh).unwrap()).await.unwrap();
    let said = tokio::task::spawn_blocking(move || process.end()).await.unwrap();
    assert_eq!(said.code, 2, "{}", said.text());
    assert!(
        said.text().contains("counts for nothing") && !said.text().contains("it starts without"),
        "{}",
        said.text()
    );
    assert_eq!(uid(&ground, "one-files").await, None);
}
