//! The sandbox over HTTP: recordings of a real server, the kube client, faults, state.

use std::path::Path;

use parcelle::sandbox::{self, ControllerOptions, Handle, Options};

use crate::sandbox_replay;

fn options() -> Options {
    let controllers = ControllerOptions { enabled: false, ..ControllerOptions::default() };
    Options { controllers, ..Options::default() }
}

async fn started() -> Handle {
    sandbox::serve(options()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "semantic validation is being written"]
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
