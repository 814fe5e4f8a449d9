//! Stories of inventories that are lost: one finding, a list that a person confirms, and nothing of what is taken back ends by itself.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::command::Output;
use crate::ground::{Ground, organisation};
use crate::stories_jobs::skipped;

mod absent;
mod changing;
mod kills;
mod older;

/// A page with a volume, an upgrade before it, and releases that follow each other.
const PAGE: &str = r#"edition 2026

definition page {
    about "A page."
    single-replica "its volume can be mounted once"
    releases {
        channel stable 3
        release 1 image="docker.io/example/page:1.0"
        release 2 image="docker.io/example/page:2.0" after=1
        release 3 image="docker.io/example/page:3.0" after=2
    }
    settings {
        setting note text { about "What it says."; default ""; }
        refine storage { default 2 GiB; only-grows "a volume cannot shrink"; }
    }
    needs {
        route web { host "${settings.at}"; to web; }
        volume files { size "${settings.storage}"; }
        secret session { key secret length=64; }
    }
    workload web {
        port http 8080
        recreate "its volume can be mounted once"
        volume files at="/files"
        env NOTE "${settings.note}"
        env SESSION "${needs.session.secret}"
        ready http path="/"
    }
    job upgrade {
        on-upgrade "brings its files to the release"
        like web
        run "upgrade"
    }
    test smallest { expect "objects.Deployment.web.spec.replicas == 1"; }
}
"#;

fn www(version: u32, more: &str) -> String {
    organisation("alpha", "Alpha", &format!("app page www {{ version {version}; {more} }}"))
}

/// A garden of which everything was applied, and nobody writes to it.
async fn applied() -> Ground {
    let ground = Ground::new(&[("page.kdl", PAGE), ("organisations/alpha.kdl", &www(1, ""))]).await;
    let said = once(&ground);
    assert_eq!(said.code, 0, "{}", said.text());
    let said = once(&ground);
    assert_eq!(said.code, 0, "{}", said.text());
    ground
}

fn once(ground: &Ground) -> Output {
    ground.environment.run(ground.arguments("one", &["--once"]))
}

fn say(ground: &Ground, words: &[&str]) -> Output {
    let kubeconfig = ground.environment.path("two").display().to_string();
    let all = words.iter().copied().chain(["--kubeconfig", &kubeconfig]);
    ground.environment.run(all.map(str::to_owned).collect::<Vec<_>>())
}

async fn lose(ground: &Ground) {
    let maps = ground.api("v1", "ConfigMap", "parcelle-system");
    maps.delete("parcelle-grounds--alpha", &DeleteParams::default()).await.unwrap();
}

/// The inventory of `alpha` as it is stored; nothing where there is none.
async fn stored(ground: &Ground) -> Value {
    let maps = ground.api("v1", "ConfigMap", "parcelle-system");
    let found = maps.get_opt("parcelle-grounds--alpha").await.unwrap();
    let text = found.map(|found| found.data["data"]["inventory.json"].as_str().unwrap().to_owned());
    text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// The names of the objects that are marked as taken back, and those of the others.
async fn entries(ground: &Ground) -> (BTreeSet<String>, BTreeSet<String>) {
    let stored = stored(ground).await;
    let lines = stored["entries"].as_array().cloned().unwrap_or_default();
    let (recovered, others): (Vec<Value>, Vec<Value>) =
        lines.into_iter().partition(|line| line["entry"]["recovered"] == true);
    let names = |lines: Vec<Value>| {
        let name = |line: &Value| format!("{} {}", line["id"]["kind"].as_str()?, line["id"]["name"].as_str()?).into();
        lines.iter().filter_map(name).collect()
    };
    (names(recovered), names(others))
}

async fn marks(ground: &Ground) -> usize {
    let labelled = ListParams::default().labels("parcelle.dev/word");
    ground.api("v1", "ConfigMap", "parcelle-system").list(&labelled).await.unwrap().items.len()
}

/// How often something in the cluster was deleted that is no mark, and how often a Job was written.
fn ended(ground: &Ground) -> (u64, u64) {
    let requests = ground.handle.stats().requests;
    let count =
        |verb: &str, resource: &str| requests.get(&(verb.to_owned(), resource.to_owned())).copied().unwrap_or(0);
    let deletes =
        requests.iter().filter(|((verb, resource), _)| verb.starts_with("delete") && resource != "configmaps");
    (deletes.map(|(_, count)| count).sum(), count("patch", "jobs.batch"))
}

/// A stranger's object with everything forged.
fn forged(kind: &str, api_version: &str, name: &str) -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": { "name": name, "namespace": "alpha",
            "labels": { "parcelle.dev/garden": "grounds", "parcelle.dev/organisation": "alpha", "parcelle.dev/app": "www",
                "app.kubernetes.io/managed-by": "parcelle" },
            "annotations": { "parcelle.dev/nonce": "0123456789ab" } },
        "data": { "theirs": "1" },
    }))
    .unwrap()
}

fn as_parcelle() -> PostParams {
    PostParams { field_manager: Some("parcelle".to_owned()), ..PostParams::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inventory_deleted_beside_a_loop_is_one_finding_and_comes_back_by_word() {
    if skipped() {
        return;
    }
    let ground = applied().await;
    let mut process = ground.run("one");
    process.wait_for("Nothing was written");
    ground.until_calm().await;
    let (live, before) = (ground.live("alpha").await, ended(&ground));
    lose(&ground).await;
    ground.commit("organisations/alpha.kdl", &www(1, "note two;"), "another note");
    let told = process.wait_for("E0435");
    assert!(!told.contains("E0481"), "{told}");
    assert_eq!(stored(&ground).await, Value::Null, "nothing is made in its place");
    let said = say(&ground, &["status", "alpha"]);
    assert!(said.code == 1 && said.text().contains("its inventory is lost"), "{}", said.text());
    assert!(!said.text().contains("nothing was applied yet"), "{}", said.text());
    assert!(said.text().contains("`parcelle recover inventory alpha`"), "{}", said.text());
    let said = say(&ground, &["recover", "inventory", "alpha"]);
    assert!(said.code == 2 && said.text().contains("--yes"), "nobody confirmed it: {}", said.text());
    assert_eq!(stored(&ground).await, Value::Null);
    let said = say(&ground, &["recover", "inventory", "alpha", "--yes", "--reason", "a slip"]);
    assert!(said.code == 0 && said.text().contains("taken up by"), "{}", said.text());
    assert!(said.text().contains("differs in `spec.template.spec.containers[name=web].env"), "{}", said.text());
    process.wait_for("taken back for changing only");
    ground
        .until("the commit is applied", async || {
            let web = ground.api("apps/v1", "Deployment", "alpha").get("www-web").await.unwrap();
            web.data["spec"]["template"]["spec"]["containers"][0]["env"].to_string().contains("two")
        })
        .await;
    ground.until_calm().await;
    assert_eq!((ground.live("alpha").await, ended(&ground)), (live, before), "nothing ended, no job ran again");
    let (recovered, others) = entries(&ground).await;
    assert!(others.is_empty() && recovered.len() > 10, "{others:?}");
    assert_eq!(marks(&ground).await, 0);
    let said = say(&ground, &["status", "alpha"]);
    assert_eq!(said.code, 0, "{}", said.text());
    process.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_loop_exactly_what_was_listed_is_taken_back_and_no_stranger_is() {
    if skipped() {
        return;
    }
    let ground = applied().await;
    let (live, before) = (ground.live("alpha").await, ended(&ground));
    lose(&ground).await;
    let maps = ground.api("v1", "ConfigMap", "alpha");
    maps.create(&as_parcelle(), &forged("ConfigMap", "v1", "mallory")).await.unwrap();
    // One under a name that the garden asks for, without a label of ours.
    let services = ground.api("v1", "Service", "alpha");
    let bare = json!({ "metadata": { "labels": { "parcelle.dev/garden": null, "parcelle.dev/organisation": null } } });
    services.patch("www-web", &PatchParams::default(), &Patch::Merge(bare)).await.unwrap();
    let said = once(&ground);
    assert!(said.code == 1 && said.text().matches("E0435").count() == 1, "{}", said.text());
    assert!(!said.text().contains("E0481"), "{}", said.text());
    let said = say(&ground, &["recover", "inventory", "--commit", "HEAD", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let listed = said.text();
    assert!(listed.contains("nothing in the garden asks for them: they stay"), "{listed}");
    assert!(listed.contains("ConfigMap mallory") && listed.contains("can forge them"), "{listed}");
    assert!(listed.contains("Service www-web — it does not carry parcelle's labels"), "{listed}");
    assert!(listed.contains("www/upgrade — its app is there and no Job of it is, so it counts as done"), "{listed}");
    assert!(listed.contains("www — release 1, storage 2 GiB"), "{listed}");
    let (recovered, others) = entries(&ground).await;
    assert!(others.is_empty() && recovered.contains("Deployment www-web"), "{recovered:?} {others:?}");
    assert!(!recovered.contains("ConfigMap mallory") && !recovered.contains("Service www-web"), "{recovered:?}");
    assert_eq!(stored(&ground).await["commit"].as_str().unwrap().len(), 40);
    let said = once(&ground);
    assert!(said.code == 1 && said.text().contains("E0481"), "the Service is a stranger's: {}", said.text());
    assert!(maps.get_opt("mallory").await.unwrap().is_some(), "it stays");
    assert_eq!(ended(&ground), before);
    let labels =
        json!({ "metadata": { "labels": { "parcelle.dev/garden": "grounds", "parcelle.dev/organisation": "alpha" } } });
    services.patch("www-web", &PatchParams::default(), &Patch::Merge(labels)).await.unwrap();
    maps.delete("mallory", &DeleteParams::default()).await.unwrap();
    assert_eq!(ground.live("alpha").await, live);
    let said = say(&ground, &["recover", "inventory", "alpha", "--yes"]);
    assert!(said.code == 1 && said.text().contains("is not lost"), "{}", said.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_says_what_was_taken_back_until_it_is_applied_again() {
    if skipped() {
        return;
    }
    let ground = applied().await;
    lose(&ground).await;
    let said = say(&ground, &["recover", "inventory", "alpha", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let recovered = entries(&ground).await.0.len();
    let said = say(&ground, &["status", "alpha"]);
    let text = said.text();
    assert!(text.contains("which commit was applied last is not known: its inventory was lost"), "{text}");
    assert!(text.contains(&format!("taken back on 2026-11-20, {recovered} objects for changing only")), "{text}");
    assert!(!text.contains("nothing was applied yet"), "{text}");
    let json: Value = serde_json::from_str(&say(&ground, &["status", "alpha", "--format", "json"]).stdout).unwrap();
    let told = json.as_array().map_or(&json["organisations"][0], |all| &all[0]);
    assert_eq!(told["takenBack"]["objects"], recovered, "{json:#}");
    // The commit is known again once it is applied; what was taken back is still not deleted.
    assert_eq!(once(&ground).code, 0);
    let text = say(&ground, &["status", "alpha"]).text();
    assert!(!text.contains("is not known") && text.contains("for changing only"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_about_another_list_takes_nothing_back() {
    if skipped() {
        return;
    }
    let ground = applied().await;
    let namespace = ground.api("v1", "ConfigMap", "alpha");
    lose(&ground).await;
    let uid = ground.live("alpha").await["Namespace alpha"].clone();
    let word = |listed: &str| {
        json!({ "version": 1, "organisation": "alpha", "uid": uid, "who": "mallory", "why": "x",
        "word": { "recover": { "listed": listed, "commit": "" } },
        "when": "2026-11-20T11:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second() })
    };
    let mark = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "forged", "namespace": "parcelle-system", "labels": {
            "parcelle.dev/garden": "grounds", "parcelle.dev/organisation": "alpha", "parcelle.dev/word": "1" } },
        "data": { "word.json": word(&"0".repeat(64)).to_string() },
    });
    let maps = ground.api("v1", "ConfigMap", "parcelle-system");
    maps.create(&PostParams::default(), &serde_json::from_value(mark).unwrap()).await.unwrap();
    let said = once(&ground);
    assert!(said.text().contains("has moved since it was listed"), "{}", said.text());
    assert_eq!((stored(&ground).await, marks(&ground).await), (Value::Null, 0));
    drop(namespace);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_inventory_is_told_and_written_over_and_a_first_installation_is_none() {
    if skipped() {
        return;
    }
    let ground = Ground::new(&[("page.kdl", PAGE), ("organisations/alpha.kdl", &www(1, ""))]).await;
    let said = say(&ground, &["status", "alpha"]);
    assert!(said.text().contains("nothing was applied yet"), "{}", said.text());
    let said = say(&ground, &["recover", "inventory", "alpha", "--yes"]);
    assert!(
        said.code == 1 && said.text().contains("nothing looks as if an inventory had been there"),
        "{}",
        said.text()
    );
    assert_eq!(once(&ground).code, 0);
    assert_eq!(once(&ground).code, 0);
    let maps = ground.api("v1", "ConfigMap", "parcelle-system");
    for text in ["no JSON", "{}"] {
        let data = json!({ "data": { "inventory.json": text } });
        maps.patch("parcelle-grounds--alpha", &PatchParams::default(), &Patch::Merge(data)).await.unwrap();
        let said = once(&ground);
        assert!(said.code == 1 && said.text().matches("E0435").count() == 1, "{text}: {}", said.text());
        let said = say(&ground, &["status", "alpha"]);
        let lost = ["its inventory is lost", "its inventory cannot be read"];
        assert!(said.code == 1 && lost.iter().any(|lost| said.text().contains(lost)), "{text}: {}", said.text());
        let said = say(&ground, &["recover", "inventory", "--format", "json"]);
        let list: Value = serde_json::from_str(&said.stdout).expect("a list for programs");
        let alpha = &list["organisations"][0];
        assert!(said.code == 1 && alpha["organisation"] == "alpha", "{text}: {}", said.text());
        assert!(alpha["taken"].as_array().is_some_and(|taken| taken.len() > 3), "{text}: {alpha}");
        let said = say(&ground, &["recover", "inventory", "--yes", "--format", "json"]);
        assert_eq!(said.code, 0, "{text}: {}", said.text());
        assert_eq!(serde_json::from_str::<Value>(&said.stdout).expect("and nothing else"), list);
        let said = once(&ground);
        assert_eq!(said.code, 0, "{text}: {}", said.text());
        ground.assert_inventory_exact("alpha", text).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrades_and_sizes_are_compared_with_what_runs() {
    if skipped() {
        return;
    }
    let ground = applied().await;
    lose(&ground).await;
    // Nobody knows what was applied, and the garden has gone on meanwhile.
    ground.commit("organisations/alpha.kdl", &www(3, "storage 1 GiB;"), "too far, and too small");
    let said = say(&ground, &["recover", "inventory", "alpha", "--yes"]);
    assert!(said.code == 0 && said.text().contains("www — release 1, storage 2 GiB"), "{}", said.text());
    assert!(said.text().contains("none counts as older"), "{}", said.text());
    let before = ended(&ground);
    let said = once(&ground);
    assert!(said.code == 1 && said.text().contains("E0406"), "{}", said.text());
    assert!(said.text().contains("runs 1 and cannot go to 3 at once"), "{}", said.text());
    assert!(said.text().contains("a volume cannot shrink"), "{}", said.text());
    assert_eq!(ended(&ground), before);
    ground.commit("organisations/alpha.kdl", &www(2, "storage 3 GiB;"), "one step");
    let said = once(&ground);
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(ended(&ground).1 > before.1, "the upgrade ran");
    let claim = ground.api("v1", "PersistentVolumeClaim", "alpha").get("www-files").await.unwrap();
    assert_eq!(claim.data["spec"]["resources"]["requests"]["storage"], "3Gi");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_a_cluster_comes_back_at_once_and_what_is_gone_is_not_made_anew_silently() {
    if skipped() {
        return;
    }
    let beta = organisation("beta", "Beta", "app page www { version 1; }");
    let files = [("page.kdl", PAGE), ("organisations/alpha.kdl", &www(1, "")), ("organisations/beta.kdl", &beta)];
    let ground = Ground::new(&files).await;
    assert_eq!(once(&ground).code, 0);
    let live: Vec<BTreeMap<String, String>> = vec![ground.live("alpha").await, ground.live("beta").await];
    ground.api("v1", "Secret", "beta").delete("www-session", &DeleteParams::default()).await.unwrap();
    let namespaces = ground.cluster_api("v1", "Namespace");
    namespaces.delete("parcelle-system", &DeleteParams::default()).await.unwrap();
    ground
        .until("parcelle-system is gone", async || namespaces.get_opt("parcelle-system").await.unwrap().is_none())
        .await;
    let said = say(&ground, &["recover", "inventory", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(said.text().contains("alpha: taken back") && said.text().contains("beta: taken back"), "{}", said.text());
    let said = once(&ground);
    assert!(said.text().contains("E0486"), "a password is not made anew: {}", said.text());
    assert_eq!(ground.live("alpha").await, live[0]);
    assert!(!ground.live("beta").await.contains_key("Secret www-session"));
}
