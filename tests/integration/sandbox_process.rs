//! `parcelle sandbox` as a process: its state file when it is killed, its controllers beside another server.

use std::{collections::BTreeMap, time::Duration};

use kube::api::{DeleteParams, Patch, PatchParams};
use parcelle::sandbox::{self, Options};
use serde_json::{Value, json};

use crate::command::{Process, TestEnvironment};
use crate::sandbox::{Object, api, apply, client_of, deployment, options, until, with_namespace};

/// Starts a sandbox with a state file, and a client for it.
fn serving(environment: &TestEnvironment) -> (Process, kube::Client) {
    let process = environment.sandbox(&["--bare", "--state", "../state-file"]);
    let config: Value = serde_json::from_str(&environment.read("kubeconfig")).unwrap();
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
    let address = server.rsplit('@').next().unwrap();
    (process, client_of(&format!("http://{address}"), "admintoken"))
}

/// What one client knows of its objects: the value that was answered last (`None`: deleted), and one that was sent
/// without an answer.
#[derive(Default)]
struct Known {
    answered: BTreeMap<String, Option<u64>>,
    sent: Option<(String, Option<u64>)>,
    /// The highest version that any answer named.
    version: u64,
}

fn numbered(name: &str, number: u64) -> Value {
    // Large enough for the file to be rewritten on the way.
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
        "data": {"number": number.to_string(), "ballast": "x".repeat(150_000)}})
}

/// Applies and deletes until the server is gone.
async fn write(maps: kube::Api<Object>, client: usize, from: u64, mut known: Known) -> Known {
    for number in from.. {
        let name = format!("c{client}-{}", number % 5);
        let there = known.answered.get(&name).is_some_and(Option::is_some);
        let value = (!there || number % 4 != 0).then_some(number);
        known.sent = Some((name.clone(), value));
        let version = if let Some(number) = value {
            let applied = maps.patch(&name, &PatchParams::apply("c"), &Patch::Apply(numbered(&name, number))).await;
            let Ok(object) = applied else { return known };
            object.metadata.resource_version
        } else {
            let Ok(_) = maps.delete(&name, &DeleteParams::default()).await else { return known };
            None
        };
        known.version = version.map_or(known.version, |version| version.parse().unwrap());
        known.answered.insert(name, value);
        known.sent = None;
    }
    known
}

/// Finds every answered write, and takes in what became of the one without an answer.
async fn settle(maps: &kube::Api<Object>, known: &mut Known) {
    let sent = known.sent.take();
    let mut names: Vec<String> = known.answered.keys().cloned().collect();
    names.extend(sent.iter().map(|(name, _)| name.clone()).filter(|name| !known.answered.contains_key(name)));
    for name in names {
        let object = maps.get_opt(&name).await.unwrap();
        let version = object.as_ref().and_then(|object| object.metadata.resource_version.clone());
        let found: Option<u64> = object.map(|object| object.data["data"]["number"].as_str().unwrap().parse().unwrap());
        let answered = known.answered.get(&name).copied().flatten();
        let unanswered = sent.as_ref().filter(|(of, _)| *of == name).map(|(_, value)| *value);
        assert!(
            found == answered || Some(found) == unanswered,
            "{name}: {found:?}, not {answered:?} or {unanswered:?}"
        );
        known.version = known.version.max(version.map_or(0, |version| version.parse().unwrap()));
        known.answered.insert(name, found);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_sandbox_has_every_answered_write_after_it_starts_again() {
    let environment = TestEnvironment::new();
    let mut known: Vec<Known> = (0..4).map(|_| Known::default()).collect();
    let (mut answered, mut from) = (0, 1);
    for patience in [450, 310, 35, 120, 230] {
        let (mut process, client) = serving(&environment);
        let maps = api(&client, "v1", "ConfigMap", "configmaps", "default");
        for one in &mut known {
            settle(&maps, one).await;
        }
        let writers = std::mem::take(&mut known).into_iter().enumerate();
        let writers: Vec<_> =
            writers.map(|(client, known)| tokio::spawn(write(maps.clone(), client, from, known))).collect();
        tokio::time::sleep(Duration::from_millis(patience)).await;
        process.kill();
        for writer in writers {
            known.push(writer.await.unwrap());
        }
        let last = known.iter().flat_map(|one| one.answered.values().flatten()).max();
        from = last.copied().unwrap_or(from) + 1;
        answered += known.iter().map(|one| one.answered.len()).sum::<usize>();
    }
    let (_process, client) = serving(&environment);
    let maps = api(&client, "v1", "ConfigMap", "configmaps", "default");
    for one in &mut known {
        settle(&maps, one).await;
    }
    // Versions go on from where they were, so that no client meets one twice.
    let highest = known.iter().map(|one| one.version).max().unwrap();
    let next = apply(&maps, numbered("last", 1)).await.metadata.resource_version.unwrap();
    assert!(next.parse::<u64>().unwrap() > highest && answered > 20, "{next} after {highest}, {answered} answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_controllers_serve_another_server() {
    let handle = sandbox::serve(Options { definitions: true, ..options() }).await.unwrap();
    let client = with_namespace(&handle, "n").await;
    let environment = TestEnvironment::new();
    environment.write("kubeconfig", handle.kubeconfig("other"));
    let _process = environment.spawn(["sandbox", "--controllers-for", "../kubeconfig"]);
    let deployments = api(&client, "apps/v1", "Deployment", "deployments", "n");
    apply(&deployments, deployment("web")).await;
    let claims = api(&client, "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "n");
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "disk"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    apply(&claims, claim).await;
    let clusters = api(&client, "postgresql.cnpg.io/v1", "Cluster", "clusters", "n");
    let cluster = json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "pg"},
        "spec": {"instances": 1, "storage": {"size": "1Gi"}}});
    apply(&clusters, cluster).await;
    until(&deployments, "web", |found| found.is_some_and(|found| found["status"]["readyReplicas"] == 2)).await;
    until(&claims, "disk", |found| found.is_some_and(|found| found["status"]["phase"] == "Bound")).await;
    let secrets = api(&client, "v1", "Secret", "secrets", "n");
    until(&secrets, "pg-app", |found| found.is_some_and(|found| found["data"]["password"].is_string())).await;
    handle.shutdown().await;
}

/// The status line of the answer to one request.
fn answer(address: &str, request: &str) -> String {
    use std::io::{Read as _, Write as _};

    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(format!("{request}Connection: close\r\n\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_page_in_a_browser_reaches_nothing() {
    let environment = TestEnvironment::new();
    let _process = environment.sandbox(&["--bare"]);
    let config: Value = serde_json::from_str(&environment.read("kubeconfig")).unwrap();
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
    let address = server.rsplit(['@', '/']).next().unwrap();
    let get = |path: &str, host: &str, more: &str| {
        let token = "Authorization: Bearer admintoken\r\n";
        answer(address, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{token}{more}"))
    };
    assert!(get("/api/v1/secrets", address, "").contains(" 200 "));
    assert!(get("/api/v1/secrets", address, &format!("Origin: http://{address}\r\n")).contains(" 200 "));
    for path in ["/api/v1/secrets", "/version", "/sandbox/faults", "/nothing"] {
        assert!(get(path, "attacker.example", "").contains(" 403 "), "{path}");
        assert!(get(path, &format!("attacker.example\r\nHost: {address}"), "").contains(" 4"), "{path}");
        assert!(get(path, address, "Origin: http://attacker.example\r\n").contains(" 403 "), "{path}");
        assert!(get(path, address, "Origin: null\r\n").contains(" 403 "), "{path}");
    }
    // A whole address in the first line wins over the header, in browsers' eyes too.
    let absolute = "GET http://attacker.example/api/v1/secrets HTTP/1.1\r\nHost: attacker.example\r\n";
    assert!(answer(address, absolute).contains(" 403 "));
}

#[test]
fn the_token_that_everybody_knows_is_for_loopback_alone() {
    let environment = TestEnvironment::new();
    let said = environment.run(["sandbox", "--bare", "--listen", "0.0.0.0:0"]);
    assert_eq!(said.code, 2, "{}", said.text());
    assert!(said.text().contains("--token"), "{}", said.text());
}
