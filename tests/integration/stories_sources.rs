//! Stories of Secrets that are put together from others: whoever makes, changes, loses or adopts one of those, the loop follows
//! without a resync, `status` says what waits for what, and at rest nothing is asked.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::ground::{Ground, organisation};

/// An app whose file draws on a Secret of each kind: of an operator, of parcelle, of a person.
const BOARD: &str = r#"edition 2026

definition board {
    about "A board."
    releases { channel stable 1; release 1 image="docker.io/example/board:1.0"; }
    settings {
        setting token secret { about "What opens the archive."; required on; }
    }
    needs { postgres db; secret session { key secret length=20; }; route web { host "${settings.at}"; to web; }; }
    workload web {
        port http 8080
        file "/etc/board.ini" format=ini {
            db "${needs.db.url}"
            session "${needs.session.secret}"
            token "${settings.token}"
        }
        ready http path="/"
    }
    test smallest {
        given { token secret=archive key=token; }
        expect "objects.Deployment.web.spec.replicas == 1"
    }
}
"#;

const APP: &str = "app board wall { token secret=archive key=token; }";

struct Board {
    ground: Ground,
}

impl Board {
    async fn new() -> Self {
        let alpha = organisation("alpha", "Alpha", APP);
        Self { ground: Ground::new(&[("board.kdl", BOARD), ("organisations/alpha.kdl", &alpha)]).await }
    }

    fn secrets(&self) -> kube::Api<DynamicObject> {
        self.ground.api("v1", "Secret", "alpha")
    }

    /// Somebody makes a Secret.
    async fn make(&self, name: &str, values: Value) {
        let body = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": values });
        self.secrets().create(&PostParams::default(), &serde_json::from_value(body).unwrap()).await.unwrap();
    }

    /// Somebody writes values of a Secret.
    async fn edit(&self, name: &str, values: Value) {
        let by = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        let data = values
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(STANDARD.encode(value.as_str().unwrap()))));
        let patch = json!({ "data": data.collect::<serde_json::Map<_, _>>() });
        self.secrets().patch(name, &by, &Patch::Merge(patch)).await.unwrap();
    }

    async fn delete(&self, name: &str) {
        self.secrets().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// What the file of the app says; nothing where there is none.
    async fn file(&self) -> String {
        let found =
            self.secrets().list(&kube::api::ListParams::default().labels("parcelle.dev/app=wall")).await.unwrap();
        let mut texts = found.items.iter().filter_map(|secret| secret.data["data"].as_object()).flatten();
        let file = texts.find(|(key, _)| key.ends_with("board.ini"));
        file.map(|(_, text)| String::from_utf8(STANDARD.decode(text.as_str().unwrap()).unwrap()).unwrap())
            .unwrap_or_default()
    }

    async fn until_it_says(&self, text: &str) {
        self.ground.until(&format!("the file says `{text}`"), async || self.file().await.contains(text)).await;
    }

    fn status(&self) -> String {
        self.ground.environment.run(["status", "alpha", "--kubeconfig", &self.kubeconfig()]).text()
    }

    fn kubeconfig(&self) -> String {
        self.ground.environment.path("two").display().to_string()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_makes_or_changes_a_secret_that_a_file_draws_on_is_followed_at_once() {
    let board = Board::new().await;
    // Leases are renewed every ten seconds, and the repository is looked at every hour.
    let kubeconfig = board.ground.environment.path("one").display().to_string();
    let mut daemon = board.ground.environment.spawn(["run", "--kubeconfig", &kubeconfig, "--interval", "1h"]);
    daemon.wait_for("there is no Secret `archive` with the key `token`");
    let said = board.status();
    let help =
        "which nothing here makes: `kubectl create secret generic archive --namespace alpha --from-literal=token=…`";
    assert!(said.contains("waits for the Secret `archive` with the key `token`") && said.contains(help), "{said}");
    assert!(said.contains("objects — waits for Secret wall-web--files: "), "{said}");
    board.make("archive", json!({ "token": "first" })).await;
    board.until_it_says("first").await;
    board.edit("archive", json!({ "token": "second" })).await;
    board.until_it_says("second").await;
    // Made anew, under another uid.
    board.delete("archive").await;
    board
        .ground
        .until("status says that it is gone", async || board.status().contains("waits for the Secret `archive`"))
        .await;
    assert!(board.file().await.contains("second"), "the file stays as it was");
    board.make("archive", json!({ "other": "x" })).await;
    let lacks = "kubectl patch secret archive --namespace alpha --patch '{\"stringData\":{\"token\":\"…\"}}'";
    board.ground.until("status says what it lacks", async || board.status().contains(lacks)).await;
    board.edit("archive", json!({ "token": "third" })).await;
    board.until_it_says("third").await;
    // What parcelle made, and somebody edits.
    board.edit("wall-db", json!({ "url": "postgresql://elsewhere" })).await;
    board.until_it_says("elsewhere").await;
    board.edit("wall-session", json!({ "secret": "by hand" })).await;
    board.until_it_says("by hand").await;
    board.ground.until_calm().await;
    board.ground.handle.reset_stats();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let asked = board.ground.handle.stats().requests;
    let leases = asked.keys().all(|(_, resource)| resource.starts_with("leases."));
    assert!(leases, "at rest nothing is asked but the lease: {asked:?}");
    daemon.terminate();
    assert_eq!(daemon.end().code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_of_ours_that_somebody_made_anew_is_told_with_the_way_out_and_followed_once_it_is_adopted() {
    let board = Board::new().await;
    let mut daemon = board.ground.run("one");
    daemon.wait_for("there is no Secret `archive`");
    board.make("archive", json!({ "token": "first" })).await;
    board.until_it_says("first").await;
    board.delete("wall-session").await;
    let lost = "say `adopt Secret wall-session`";
    board.ground.until("its loss is told", async || board.status().contains(lost)).await;
    board.make("wall-session", json!({ "secret": "made anew" })).await;
    board.until_it_says("made anew").await;
    let said = board.status();
    assert!(said.contains("somebody deleted it and made another one under its name"), "{said}");
    assert!(said.contains("help say `adopt Secret wall-session` in the app to take it"), "{said}");
    let app = "app board wall { token secret=archive key=token; adopt Secret wall-session; }";
    board.ground.commit("organisations/alpha.kdl", &organisation("alpha", "Alpha", app), "take it");
    daemon.wait_for("take it");
    board
        .ground
        .until("all is well", async || board.status().contains("well\n") && !board.status().contains("help"))
        .await;
    board.edit("wall-session", json!({ "secret": "edited after" })).await;
    board.until_it_says("edited after").await;
    daemon.terminate();
    assert_eq!(daemon.end().code, 0);
}
