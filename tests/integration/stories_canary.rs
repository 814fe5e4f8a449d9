//! The story of a canary in every Secret of a garden: the built program runs through every kind of failure, and nothing
//! that it prints, keeps, or sends anywhere but into a Secret holds one of them.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use parcelle::check::check;
use parcelle::git::{RawFile, Snapshot};
use parcelle::sandbox::{self, Fault, FaultEffect, Handle, RequestMatcher};
use serde_json::Value;

use crate::command::TestEnvironment;
use crate::sandbox::client_of;
use crate::stories_doctor::everything;
use crate::story::rights;

const UID: &str = "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11";
/// What people may write where a text is asked for: it stays the text that it is.
const TEXT: &str = "$(CANARY)";
const RELAY: &str = "canary-of-the-mail-relay-81c2";

/// A garden with every way in which a Secret comes to be: made at random, copied, put together, left by an operator.
fn garden(storage: usize) -> Vec<(&'static str, String)> {
    let garden = format!(
        "edition 2026\n\ngarden canaries {{\n    title \"{TEXT}\"\n    ceiling {{ cpu 64 cores; memory 256 GiB; storage 8 TiB; }}\n}}\n"
    );
    let cluster = format!(
        "edition 2026\n\ncluster ada-lovelace {{\n    title \"{TEXT}\"\n    uid \"{UID}\"\n    timezone \"Europe/Paris\"\n    domain ada.example\n    \
         provides {{\n        postgres cloudnative-pg {{ storage-class fast; }}\n        redis valkey\n        \
         bucket garage {{ cluster storage; namespace garage; endpoint \"https://s3.example\"; }}\n        \
         volume storage-class {{ class fast; shared-class shared; }}\n        \
         route gateway-api {{ gateway public; namespace gateways; certificates letsencrypt; }}\n        \
         mail relay {{ host smtp.example; port 587; credentials smtp-relay; }}\n    }}\n}}\n"
    );
    let organisation = format!(
        "edition 2026\n\n/// {TEXT}\norganisation alpha {{\n    title \"{TEXT}\"\n    cluster ada-lovelace\n    domain alpha.example\n    \
         contact admin@alpha.example role=technical\n\n    app static-site www {{\n        at www.alpha.example\n    }}\n\n    \
         app hedgedoc pads\n\n    app nextcloud cloud {{\n        storage {storage} GiB\n        modules calendar\n    }}\n}}\n"
    );
    vec![("garden.kdl", garden), ("ada.kdl", cluster), ("organisations/alpha.kdl", organisation)]
}

/// What the program prints, both ways, with all that it can tell of its work.
fn parcelle(environment: &TestEnvironment, arguments: &[&str]) -> String {
    environment.run_with(&[("PARCELLE_LOG", "trace")], arguments).text()
}

#[expect(clippy::unwrap_used, reason = "a test")]
pub(crate) async fn all(handle: &Handle, api_version: &str, kind: &str) -> Vec<Value> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api: Api<DynamicObject> = Api::all_with(client_of(&handle.url(), &handle.token), &resource);
    let list = api.list(&ListParams::default()).await.unwrap();
    list.items.into_iter().map(|item| serde_json::to_value(item).unwrap()).collect()
}

/// Every value of every Secret that is long enough to be nobody's word.
#[expect(clippy::unwrap_used, reason = "a test")]
async fn canaries(handle: &Handle) -> BTreeSet<String> {
    let secrets = all(handle, "v1", "Secret").await;
    let values = secrets.iter().flat_map(|secret| secret["data"].as_object().into_iter().flatten());
    let told = |key: &str| {
        ["username", "user", "host", "port", "dbname", "ca.crt", "accesskey", "access-key", "access-key-id"]
            .contains(&key)
    };
    let values = values.filter(|(key, _)| !told(&key.to_lowercase())).map(|(_, value)| value.as_str().unwrap());
    let plain = values.filter_map(|value| String::from_utf8(STANDARD.decode(value).unwrap()).ok());
    plain.filter(|value| value.len() >= 16).collect()
}

/// Every form in which a value could be given away: plain, base64, and as a hash that anybody can make.
fn forms(value: &str) -> Vec<String> {
    let hash = ring::digest::digest(&ring::digest::SHA256, value.as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let half = hex[..16].to_owned();
    vec![value.to_owned(), STANDARD.encode(value), half, STANDARD.encode(hash.as_ref())]
}

/// Everything below a folder, as text.
#[expect(clippy::unwrap_used, reason = "a test")]
pub(crate) fn kept(folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            kept(&path, texts);
        } else {
            texts.push((
                path.display().to_string(),
                String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(),
            ));
        }
    }
}

fn failures() -> Vec<(&'static str, Option<FaultEffect>)> {
    let status = |code, reason: &str, message: &str| {
        Some(FaultEffect::Status { code, reason: reason.to_owned(), retry_after: None, message: message.to_owned() })
    };
    vec![
        ("nothing fails", None),
        ("cut before", Some(FaultEffect::CutBefore)),
        ("cut after", Some(FaultEffect::CutAfter)),
        ("half an answer", Some(FaultEffect::Truncate)),
        ("forbidden", status(403, "Forbidden", "")),
        ("invalid", status(422, "Invalid", "")),
        ("conflict", status(409, "Conflict", "")),
        ("unwell", status(500, "InternalError", "etcdserver: request timed out")),
        ("a stale read", Some(FaultEffect::StaleRead { versions: 5 })),
    ]
}

/// A cluster in which everything that operators leave is there, the password of the mail relay among it.
async fn cluster() -> Handle {
    let raw = |(path, text): (&str, String)| RawFile {
        path: path.to_owned(),
        blob: path.to_owned(),
        bytes: text.into_bytes().into(),
    };
    let files = garden(20).into_iter().map(raw).collect();
    let snapshot = Snapshot::of(files);
    let mut made = everything(&check(snapshot, None, jiff::Timestamp::UNIX_EPOCH));
    for relay in made.iter_mut().filter(|object| object["metadata"]["name"] == "smtp-relay") {
        relay["data"]["password"] = STANDARD.encode(RELAY).into();
    }
    let cluster_uid = Some(UID.to_owned());
    rights::serve_with_policy(sandbox::Options { cluster_uid, made, ..sandbox::Options::default() }).await
}

/// Runs the program through every failure; what it told, with what of.
fn told(environment: &TestEnvironment, handle: &Handle) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for (round, (what, effect)) in failures().into_iter().enumerate() {
        environment.garden(garden(20 + round));
        environment.commit(TEXT);
        if let Some(effect) = effect {
            // Requests of any kind, of whatever verb: reads of Secrets and their writes too.
            let on = RequestMatcher { probability: Some(0.2), times: Some(6), ..RequestMatcher::default() };
            handle.faults().seed(round as u64);
            handle.faults().add(Fault { on, effect });
        }
        texts.push((what.to_owned(), parcelle(environment, &["run", "--once", "-vv", "--wait", "1s"])));
        handle.faults().clear();
    }
    // A last round in which nothing fails, and everything that speaks of what is there.
    let quiet = parcelle(environment, &["run", "--once", "-vv", "--wait", "20s"]);
    assert!(quiet.contains("1 organisation"), "{quiet}");
    texts.push(("the last round".to_owned(), quiet));
    for arguments in [
        &["status"][..],
        &["status", "alpha"],
        &["plan", "-vv"],
        &["plan", "--format", "json"],
        &["snapshot"],
        &["doctor"],
    ] {
        texts.push((arguments.join(" "), parcelle(environment, arguments)));
    }
    for folder in ["state", "home", "config", "cache", "tmp", "garden"] {
        kept(&environment.path(folder), &mut texts);
    }
    texts
}

/// What was sent anywhere but into Secrets, and what objects of other kinds hold.
async fn sent_and_stored(handle: &Handle) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let (into_secrets, elsewhere): (Vec<_>, Vec<_>) =
        handle.keep_sent().into_iter().partition(|sent| sent.resource == "secrets");
    let copied = STANDARD.encode(RELAY);
    assert!(into_secrets.iter().any(|sent| sent.body.contains(&copied)), "the relay's password is copied into Secrets");
    for sent in elsewhere {
        texts.push((format!("{} {}", sent.verb, sent.address), format!("{} {}", sent.address, sent.body)));
    }
    for (api_version, kind) in [
        ("v1", "ConfigMap"),
        ("v1", "Event"),
        ("apps/v1", "Deployment"),
        ("batch/v1", "Job"),
        ("coordination.k8s.io/v1", "Lease"),
    ] {
        for item in all(handle, api_version, kind).await {
            texts.push((format!("{kind} {}", item["metadata"]["name"]), item.to_string()));
        }
    }
    texts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_in_every_secret_is_told_nowhere() {
    let environment = TestEnvironment::new();
    let handle = cluster().await;
    environment.write("kubeconfig", rights::kubeconfig(&handle, "ada-lovelace"));
    handle.keep_sent();
    let mut texts = told(&environment, &handle);
    assert!(texts[0].1.contains("TRACE"), "the program tells all that it can of its work:\n{}", texts[0].1);
    texts.extend(sent_and_stored(&handle).await);
    let canaries = canaries(&handle).await;
    assert!(canaries.contains(RELAY), "the relay's password is in use");
    assert!(canaries.len() >= 10, "there are {} canaries", canaries.len());
    assert!(texts.len() > 200, "there are {} texts", texts.len());
    for canary in &canaries {
        for form in forms(canary) {
            for (whose, text) in &texts {
                assert!(!text.contains(&form), "{whose} holds {form}, of {canary}:\n{text}");
            }
        }
    }
    // What people wrote arrives as they wrote it, and the value of no variable in its place.
    assert!(texts.iter().any(|(_, text)| text.contains(TEXT)), "the texts of people are shown as they are");
    handle.shutdown().await;
}
