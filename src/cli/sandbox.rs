//! `parcelle sandbox`: the embedded Kubernetes API, served.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::session::sandbox_state;
use super::signals::Signals;
use super::workspace::{check_once, find};
use super::{CommandFailure, Common, Exit, Output};
use crate::engine::made_by_operators;
use crate::model::Cluster;
use crate::name::Name;
use crate::private;
use crate::sandbox::{self, ControllerOptions, Handle, Options, User};

/// The token of a sandbox where none is chosen: whoever reaches it is the administrator.
const KNOWN_TOKEN: &str = "admintoken";

/// What `sandbox` takes.
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// The address to listen on; a further cluster of the garden gets the next port
    #[arg(long, default_value = "127.0.0.1:8001", value_name = "ADDR")]
    listen: SocketAddr,
    /// Where to write the kubeconfig: one context a cluster of the garden, `sandbox` where there is no garden
    #[arg(long, default_value = "sandbox.kubeconfig", value_name = "FILE")]
    kubeconfig: PathBuf,
    /// Where to keep the state: a file (a further cluster adds its name), or `none`
    ///
    /// Every write that was answered is in the file when the process dies, however it dies. When the machine dies, the
    /// writes of the last moment may be lost; what is left is a good earlier state.
    #[arg(long, default_value = "none", value_name = "FILE|none")]
    state: String,
    /// The administrator's token; requests without one are anonymous, with another one refused
    #[arg(long, default_value = KNOWN_TOKEN)]
    token: String,
    /// Start without simulated controllers and without the custom resources of providers: the API alone
    #[arg(long)]
    bare: bool,
    /// Only run the simulated controllers, against the server of this kubeconfig
    #[arg(long, value_name = "KUBECONFIG", conflicts_with_all = ["bare", "state"])]
    controllers_for: Option<PathBuf>,
}

pub(crate) async fn run(common: &Common, args: &SandboxArgs, output: &Output) -> Result<Exit, CommandFailure> {
    if let Some(kubeconfig) = &args.controllers_for {
        output.note(&format!("simulated controllers for {}; Ctrl-C ends them", kubeconfig.display()));
        let running = sandbox::controllers::run_for(kubeconfig).await.map_err(sandbox::SandboxError::Controllers)?;
        Signals::listen().next().await;
        running.stop();
        return Ok(Exit::Good);
    }
    if args.token == KNOWN_TOKEN && !args.listen.ip().is_loopback() {
        return Err(CommandFailure::asked(
            format!("whoever reaches {} would be the sandbox's administrator", args.listen),
            "choose another token with --token, or listen on 127.0.0.1",
        ));
    }
    let clusters = clusters(common)?;
    let mut handles: BTreeMap<String, Handle> = BTreeMap::new();
    for (at, Served { name, uid, made }) in clusters.iter().enumerate() {
        let mut listen = args.listen;
        if listen.port() != 0 {
            listen.set_port(listen.port().saturating_add(u16::try_from(at).unwrap_or(u16::MAX)));
        }
        let state = sandbox_state(Some(&args.state))?.file_of(name, clusters.len());
        let controllers = ControllerOptions { enabled: !args.bare, ..ControllerOptions::default() };
        let tokens = BTreeMap::from([(args.token.clone(), User::administrator())]);
        let options = Options {
            listen,
            state,
            tokens,
            cluster_uid: uid.clone(),
            controllers,
            definitions: !args.bare,
            made: made.clone(),
            ..Options::default()
        };
        let handle = sandbox::serve(options).await?;
        output.note(&format!("cluster {name}: {}", handle.url()));
        handles.insert(name.clone(), handle);
    }
    write_kubeconfig(&args.kubeconfig, &handles)?;
    output.note(&format!(
        "kubeconfig in {}; try: parcelle run --kubeconfig {}",
        args.kubeconfig.display(),
        args.kubeconfig.display()
    ));
    let mut signals = Signals::listen();
    output.note("Ctrl-C ends it");
    signals.next().await;
    for handle in handles.into_values() {
        handle.shutdown().await;
    }
    Ok(Exit::Good)
}

/// The clusters of the garden with their uids, or one named `sandbox`.
fn clusters(common: &Common) -> Result<Vec<Served>, CommandFailure> {
    let workspace = match find(common, None) {
        Ok(workspace) => workspace,
        Err(_) if common.garden.is_none() => return Ok(vec![Served::alone()]),
        Err(failure) => return Err(failure),
    };
    let checked = check_once(&workspace, None)?;
    let Some(garden) = checked.garden else { return Ok(vec![Served::alone()]) };
    let serve = |(name, cluster): (&Name, &Arc<Cluster>)| Served {
        name: name.to_string(),
        uid: Some(cluster.uid.value.clone()),
        made: made_by_operators(&garden, cluster),
    };
    let clusters: Vec<_> = garden.clusters.iter().map(serve).collect();
    Ok(if clusters.is_empty() { vec![Served::alone()] } else { clusters })
}

/// One cluster to be served.
struct Served {
    name: String,
    uid: Option<String>,
    made: Vec<serde_json::Value>,
}

impl Served {
    /// The one cluster where there is no garden.
    fn alone() -> Self {
        Self { name: "sandbox".to_owned(), uid: None, made: Vec::new() }
    }
}

/// Writes the kubeconfig for its owner alone: it holds the token.
fn write_kubeconfig(path: &Path, handles: &BTreeMap<String, Handle>) -> Result<(), CommandFailure> {
    let urls: Vec<_> = handles.iter().map(|(name, handle)| (name, handle.url(), &handle.token)).collect();
    let contexts: Vec<_> =
        urls.iter().map(|(name, url, token)| (name.as_str(), url.as_str(), token.as_str())).collect();
    let folder = path.parent().unwrap_or(Path::new("."));
    private::make_folder(folder).map_err(CommandFailure::file("make the folder", folder))?;
    let text = sandbox::kubeconfig(&contexts);
    private::write(path, |file| file.write_all(text.as_bytes())).map_err(CommandFailure::file("write", path))
}
