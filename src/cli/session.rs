//! From flags to a session of the engine: the garden, its clusters, who writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::render::known_organisations;
use super::workspace::{find, identity, now, state_folder};
use super::{ClusterFlags, CommandFailure, Common, Output};
use crate::check::Checked;
use crate::cluster::lease::{Taken, Timing};
use crate::engine::{self, ClusterAccess, LeaseOptions, Note, SandboxState, Session, Source};
use crate::git::Workspace;
use crate::name::Name;

/// A session over the garden's files on disk, or over a commit.
pub(super) async fn open(
    common: &Common,
    flags: &ClusterFlags,
    commit: Option<&str>,
    output: &Output,
) -> Result<Session, CommandFailure> {
    over(find(common, None)?, flags, commit, output).await
}

/// A session over the commit that a loop would apply: HEAD, or the files on disk where there is no repository.
pub(super) async fn open_as_applied(
    common: &Common,
    flags: &ClusterFlags,
    output: &Output,
) -> Result<Session, CommandFailure> {
    let workspace = find(common, None)?;
    let commit = workspace.repository_around()?.is_some().then_some("HEAD");
    over(workspace, flags, commit, output).await
}

/// A session over a workspace that was found already.
pub(super) async fn over(
    workspace: Workspace,
    flags: &ClusterFlags,
    commit: Option<&str>,
    output: &Output,
) -> Result<Session, CommandFailure> {
    let source = Source::Workspace { workspace, revision: commit.map(str::to_owned) };
    let mut session = Session::open(source, access(flags)?, leases(Timing::default(), true), now()).await?;
    session.take_notes().iter().for_each(|note| output.note(&words_of(note)));
    Ok(session)
}

/// How the clusters are reached, as the flags say.
pub(super) fn access(flags: &ClusterFlags) -> Result<ClusterAccess, CommandFailure> {
    if flags.sandbox {
        return Ok(ClusterAccess::Sandbox(sandbox_state(flags.sandbox_state.as_deref())?));
    }
    let context = |pair: &String| match pair.split_once('=') {
        Some((cluster, context)) => Ok((cluster.to_owned(), context.to_owned())),
        None => Err(CommandFailure::asked(format!("`--context {pair}` names no context"), "write CLUSTER=CONTEXT")),
    };
    let contexts = flags.context.iter().map(context).collect::<Result<BTreeMap<_, _>, _>>()?;
    let (kubeconfig, in_cluster) = (flags.kubeconfig.clone(), flags.in_cluster.clone());
    Ok(ClusterAccess::Outside { kubeconfig, contexts, in_cluster })
}

/// Where embedded sandboxes keep their state, as a flag says: a file, or `none`.
pub(super) fn sandbox_state(flag: Option<&str>) -> Result<SandboxState, CommandFailure> {
    Ok(match flag {
        Some("none") => SandboxState::Memory,
        Some(file) => SandboxState::File(PathBuf::from(file)),
        None => SandboxState::Folder(state_folder()?.join("sandbox")),
    })
}

/// How leases are taken; a command that writes once waits for a holder who shows no life.
pub(super) fn leases(timing: Timing, patient: bool) -> LeaseOptions {
    LeaseOptions { identity: identity(), timing, patient, clock: now }
}

/// A note of the engine, as people read it.
pub(super) fn words_of(note: &Note) -> String {
    match note {
        Note::SandboxState { cluster, file } => format!("sandbox {cluster}: state in {}", file.display()),
        Note::StandsBy { cluster, why } => format!("cluster {cluster}: {why}; this one stands by"),
        Note::TakesOver { cluster, from } => {
            let why = match from {
                Some(Taken::RunOut { of, still }) => {
                    format!("`{of}` has not renewed the lease for {} s", still.as_secs())
                }
                Some(Taken::GivenUp { by: Some(by) }) => format!("`{by}` gave the lease up"),
                Some(Taken::GivenUp { by: None }) | None => "the lease is free".to_owned(),
            };
            format!("cluster {cluster}: {why}; this one takes over")
        }
    }
}

/// The organisations that the arguments name; all where none are named.
pub(super) fn only(checked: &Checked, names: &[String]) -> Result<Option<BTreeSet<Name>>, CommandFailure> {
    if names.is_empty() {
        return Ok(None);
    }
    let garden = checked.garden.as_ref();
    let known = |name: &str| {
        garden.is_some_and(|garden| garden.organisations.contains_key(name) || garden.broken.contains(name))
    };
    let parse = |name: &String| match Name::new(name) {
        Ok(parsed) if known(name) => Ok(parsed),
        _ => {
            Err(CommandFailure::asked(format!("the garden has no organisation `{name}`"), known_organisations(checked)))
        }
    };
    names.iter().map(parse).collect::<Result<_, _>>().map(Some)
}

impl From<engine::Failure> for CommandFailure {
    fn from(failure: engine::Failure) -> Self {
        match failure {
            engine::Failure::Git(error) => Self::Git(error),
            engine::Failure::Sandbox(error) => Self::Sandbox(error),
            engine::Failure::Ending => {
                Self::asked("parcelle was asked to end", "what was begun goes on with the next run")
            }
            engine::Failure::NoCluster { cluster, known } => Self::asked(
                format!("the garden has no cluster `{cluster}`"),
                format!("its clusters: {}", known.join(", ")),
            ),
        }
    }
}
