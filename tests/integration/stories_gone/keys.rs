//! Keys of Secrets that somebody takes away, empties or changes: what follows from the others comes back, what does not is told, and no
//! Secret contradicts itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::words::{command, delete, is_there, once};
use crate::command::Process;
use crate::ground::{Ground, organisation};
use crate::story::real;

/// An app with a database, a cache, and keys of its own.
const PADS: &str = r#"edition 2026

definition pads {
    about "Pads."
    releases { channel stable 1; release 1 image="docker.io/example/pads:1.0"; }
    needs {
        postgres db
        secret session { key secret length=32; key salt length=16; }
        route web { host "${settings.at}"; to web; }
    }
    workload web {
        port http 8080
        ready http path="/"
        env HOST "${needs.db.host}"
        env URL "${needs.db.url}"
        env SESSION "${needs.session.secret}"
    }
    test smallest { expect "objects.Deployment.web.spec.replicas == 1"; }
}
"#;

async fn ground() -> Ground {
    let alpha = organisation("alpha", "Alpha", "app pads one");
    let ground = Ground::new(&[("pads.kdl", PADS), ("organisations/alpha.kdl", &alpha)]).await;
    let told = once(&ground);
    assert_eq!(told.code, 0, "{}", told.text());
    ground
}

async fn secret(ground: &Ground, name: &str) -> Value {
    is_there(ground, "v1", "Secret", name).await.unwrap()["data"].clone()
}

fn plain(data: &Value, key: &str) -> String {
    String::from_utf8(STANDARD.decode(data[key].as_str().unwrap()).unwrap()).unwrap()
}

/// Somebody writes keys of a Secret; `null` takes one away.
async fn write(ground: &Ground, name: &str, data: Value) {
    let secrets = ground.api("v1", "Secret", "alpha");
    let patch = Patch::Merge(json!({ "data": data }));
    secrets
        .patch(name, &PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() }, &patch)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_taken_away_or_emptied_comes_back_from_its_url_and_the_other_way_round() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    let before = secret(&ground, "one-db").await;
    assert!(plain(&before, "url").contains(&plain(&before, "password")));
    for lacks in [
        json!({ "password": null }),
        json!({ "password": "" }),
        json!({ "url": null }),
        json!({ "url": "" }),
        json!({ "username": null }),
        json!({ "username": null, "password": "" }),
        json!({ "username": "", "url": null }),
    ] {
        write(&ground, "one-db", lacks.clone()).await;
        let told = once(&ground);
        assert_eq!(told.code, 0, "{lacks}: {}", told.text());
        assert!(!told.text().contains(&plain(&before, "password")), "{lacks}");
        assert_eq!(secret(&ground, "one-db").await, before, "{lacks}: {}", told.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_from_nothing_is_told_and_made_anew_by_word_alone() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    let before = secret(&ground, "one-db").await;
    write(&ground, "one-db", json!({ "password": null, "url": "" })).await;
    write(&ground, "one-session", json!({ "secret": null })).await;
    let salt = secret(&ground, "one-session").await["salt"].clone();
    for _ in 0..2 {
        let told = once(&ground);
        assert!(told.code == 1 && told.text().matches("E0486").count() >= 2, "{}", told.text());
        assert!(secret(&ground, "one-db").await.get("password").is_none(), "{}", told.text());
        assert!(secret(&ground, "one-session").await.get("secret").is_none());
    }
    let told = command(&ground, &["status", "alpha"]);
    assert!(told.code == 1 && told.text().contains("parcelle acknowledge alpha/one"), "{}", told.text());
    // As printed: somebody has the old value.
    write(&ground, "one-db", json!({ "password": before["password"] })).await;
    let told = once(&ground);
    assert!(told.code == 1 && told.text().contains("one-session"), "{}", told.text());
    assert_eq!(secret(&ground, "one-db").await, before, "its URL is put together again");
    // As printed: nobody has it.
    let said = command(&ground, &["acknowledge", "alpha/one"]);
    assert!(said.code == 2 && said.text().contains("secret of Secret one-session is gone"), "{}", said.text());
    let said = command(&ground, &["acknowledge", "alpha/one", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let session = secret(&ground, "one-session").await;
    assert_eq!((plain(&session, "secret").len(), &session["salt"]), (32, &salt), "the other key stays");
    assert_eq!((once(&ground).code, secret(&ground, "one-db").await), (0, before));
    // A word is about the loss that there was.
    write(&ground, "one-session", json!({ "secret": null })).await;
    assert_eq!(once(&ground).code, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_made_anew_by_word_stands_in_its_url_too() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    let before = secret(&ground, "one-db").await;
    let elsewhere = STANDARD.encode("postgres://elsewhere");
    write(&ground, "one-db", json!({ "password": null, "url": elsewhere })).await;
    let told = once(&ground);
    assert!(told.code == 1 && told.text().contains("E0486"), "{}", told.text());
    let said = command(&ground, &["acknowledge", "alpha/one", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let after = secret(&ground, "one-db").await;
    assert_ne!(after["password"], before["password"]);
    assert!(plain(&after, "url").contains(&plain(&after, "password")));
    assert_eq!(once(&ground).code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_gone_whole_has_a_way_out_without_a_backup() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    delete(&ground, "v1", "Secret", "one-session").await;
    let told = once(&ground);
    assert!(told.code == 1 && told.text().contains("parcelle acknowledge alpha/one"), "{}", told.text());
    let said = command(&ground, &["acknowledge", "alpha/one", "--yes"]);
    assert!(said.code == 0 && said.text().contains("NEW random values"), "{}", said.text());
    assert_eq!(plain(&secret(&ground, "one-session").await, "secret").len(), 32);
    assert_eq!(once(&ground).code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_somebody_changed_is_told_until_its_url_says_the_same() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    write(&ground, "one-db", json!({ "password": STANDARD.encode("theirs-canary") })).await;
    let told = once(&ground);
    assert!(told.text().contains("W0499") && !told.text().contains("theirs-canary"), "{}", told.text());
    let told = command(&ground, &["status", "alpha"]);
    assert!(told.code == 1 && told.text().contains("one-db"), "{}", told.text());
    // As printed.
    assert!(told.text().contains(r#"--patch '{"data":{"url":null}}'"#), "{}", told.text());
    write(&ground, "one-db", json!({ "url": null })).await;
    let told = once(&ground);
    assert!(!told.text().contains("W0499"), "{}", told.text());
    assert!(plain(&secret(&ground, "one-db").await, "url").contains("theirs-canary"));
    // What others add is theirs.
    write(&ground, "one-db", json!({ "theirs": STANDARD.encode("x") })).await;
    let told = once(&ground);
    assert!(told.code == 0 && told.text().contains("Nothing was written"), "{}", told.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_brings_a_key_back_as_soon_as_it_is_taken_away() {
    if real().is_some() {
        return;
    }
    let ground = ground().await;
    let before = secret(&ground, "one-db").await;
    let mut process: Process = ground.run("one");
    process.wait_for("Nothing was written");
    ground.until_calm().await;
    write(&ground, "one-db", json!({ "password": null })).await;
    ground.until("it is back", async || secret(&ground, "one-db").await == before).await;
    write(&ground, "one-session", json!({ "salt": "" })).await;
    process.wait_for("E0486");
    process.kill();
}
