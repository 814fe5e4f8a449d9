//! `parcelle plan`, and what it has in common with `apply`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;

use super::clusters::Clusters;
use super::progress::Bar;
use super::render::known_organisations;
use super::show::{Shape, ShowFormat, Shown};
use super::workspace::{Workspace, identity, now};
use super::{ClusterFlags, Common, Exit, Failure, Output, files, offline};
use crate::check::Checked;
use crate::cluster::Connection;
use crate::cluster::lease::Timing;
use crate::daemon::{self, Asked, Known, Leases, Prepared, Round, World};
use crate::name::Name;
use crate::plan::Plan;
use crate::reconcile::Ask;
use crate::report::plan::{LastChange, OrganisationStatus};

/// What `plan` takes.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Organisations [default: all]
    #[arg(value_name = "ORG")]
    pub(super) organisations: Vec<String>,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// Plan this commit instead of the files on disk
    #[arg(long, value_name = "REV")]
    pub(super) commit: Option<String>,
    /// Plan against a snapshot instead of the clusters (see `parcelle snapshot`)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "save", "kubeconfig", "context", "in_cluster", "sandbox"])]
    pub(super) live: Option<PathBuf>,
    /// Compare with what another commit renders; no cluster is asked
    #[arg(long, value_name = "REV", conflicts_with_all = ["save", "kubeconfig", "context", "in_cluster", "sandbox"])]
    pub(super) base: Option<String>,
    /// Keep the plan in a file, to be applied exactly by `parcelle apply --plan FILE`; plans a commit (HEAD if none is named)
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// End with 3 if there are changes
    #[arg(long)]
    exit_code: bool,
    /// How to print the plan
    #[arg(long, short, value_enum, default_value_t = ShowFormat::Text)]
    format: ShowFormat,
}

pub(crate) async fn run(common: &Common, args: &PlanArgs, output: &Output) -> Result<Exit, Failure> {
    if args.live.is_some() || args.base.is_some() {
        return offline::run(common, args, output);
    }
    let commit = args.commit.as_deref().or(args.save.as_ref().map(|_| "HEAD"));
    let mut session = Session::open(common, &args.clusters, commit, output).await?;
    let only = session.only(&args.organisations)?;
    let prepared = session.prepare(only, None, output).await;
    let round = session.planned(prepared);
    let exit = show(args, &session.checked, &round, output)?;
    if commit.is_none() {
        output.note(session.workspace.what_was_read());
    }
    if let (Some(file), Some(plan)) = (&args.save, &round.plan) {
        keep(file, plan, output)?;
    }
    session.close().await;
    Ok(exit)
}

pub(super) fn show(args: &PlanArgs, checked: &Checked, round: &Round, output: &Output) -> Result<Exit, Failure> {
    let shape = Shape { format: args.format, drawing: output.drawing(), verbose: output.verbose(), daemon: false };
    let shown = Shown { checked, round, loud: true };
    output.result(&shown.text(shape))?;
    let changes = round.plan.as_ref().is_some_and(Plan::changes_anything);
    Ok(match shown.exit() {
        Exit::Good if args.exit_code && changes => Exit::Changes,
        exit => exit,
    })
}

/// Writes a plan to be applied later.
fn keep(file: &Path, plan: &Plan, output: &Output) -> Result<(), Failure> {
    files::write_json(file, plan)?;
    output.note(&format!(
        "kept in {}; next: parcelle apply --plan {} (refused as stale when commit, objects or clusters have moved)",
        file.display(),
        file.display()
    ));
    Ok(())
}

/// The organisations that the arguments name; all where none are named.
pub(super) fn only(checked: &Checked, names: &[String]) -> Result<Option<BTreeSet<Name>>, Failure> {
    if names.is_empty() {
        return Ok(None);
    }
    let garden = checked.garden.as_ref();
    let known = |name: &str| {
        garden.is_some_and(|garden| garden.organisations.contains_key(name) || garden.broken.contains(name))
    };
    let parse = |name: &String| match Name::new(name) {
        Ok(parsed) if known(name) => Ok(parsed),
        _ => Err(Failure::asked(format!("the garden has no organisation `{name}`"), known_organisations(checked))),
    };
    names.iter().map(parse).collect::<Result<_, _>>().map(Some)
}

/// A checked garden and its clusters, for one command.
pub(crate) struct Session {
    pub(crate) checked: Checked,
    pub(crate) workspace: Workspace,
    known: Known,
    clusters: Option<Clusters>,
}

impl Session {
    /// Checks the garden against what its clusters hold applied.
    pub(crate) async fn open(
        common: &Common,
        flags: &ClusterFlags,
        commit: Option<&str>,
        output: &Output,
    ) -> Result<Self, Failure> {
        let workspace = Workspace::find(common, None)?;
        let mut known = Known::default();
        let now = now();
        let snapshot = workspace.snapshot(commit)?;
        let mut checked = daemon::examine(&mut known, snapshot.clone(), now);
        let mut clusters = None;
        if let Some(garden) = &checked.garden {
            let reached = Clusters::reach(flags, garden, output).await?;
            let connections = reached.connections();
            let world = World { clusters: &connections, repository: workspace.repository.as_ref(), progress: None };
            daemon::learn(&mut known, &world, garden, now).await;
            checked = daemon::examine(&mut known, snapshot, now);
            clusters = Some(reached);
        }
        Ok(Self { checked, workspace, known, clusters })
    }

    /// The same for the commit that a loop would apply: HEAD, or the files on disk where there is no repository.
    pub(crate) async fn open_as_applied(
        common: &Common,
        flags: &ClusterFlags,
        output: &Output,
    ) -> Result<Self, Failure> {
        let commit = Workspace::find(common, None)?.repository.is_some().then_some("HEAD");
        Self::open(common, flags, commit, output).await
    }

    /// IO: the leases of all clusters, or who holds one. Embedded sandboxes need none.
    pub(crate) async fn permits(&self) -> Result<Leases, Failure> {
        let mut leases = Leases::new(identity(), Timing::default());
        if let (Some(garden), Some(true)) = (&self.checked.garden, self.clusters.as_ref().map(Clusters::are_shared)) {
            let refused = leases.take(&self.connections(), garden, true).await;
            if let Some((cluster, why)) = refused.into_iter().next() {
                leases.release().await;
                return Err(Failure::asked(format!("cluster `{cluster}`: {why}"), "stop the loop that holds it first"));
            }
        }
        Ok(leases)
    }

    /// Files of the garden that differ on disk from the commit.
    pub(crate) fn uncommitted(&self, commit: &str) -> Result<Vec<String>, Failure> {
        let blobs = |snapshot: crate::git::Snapshot| -> std::collections::BTreeMap<String, String> {
            snapshot.files.into_iter().map(|file| (file.path, file.blob)).collect()
        };
        let (disk, commit) = (blobs(self.workspace.snapshot(None)?), blobs(self.workspace.snapshot(Some(commit))?));
        let paths: BTreeSet<&String> = disk.keys().chain(commit.keys()).collect();
        Ok(paths.into_iter().filter(|path| disk.get(*path) != commit.get(*path)).cloned().collect())
    }

    /// The organisations that the arguments name; all where none are named.
    pub(crate) fn only(&self, names: &[String]) -> Result<Option<BTreeSet<Name>>, Failure> {
        only(&self.checked, names)
    }

    /// What was read, to be kept.
    pub(crate) fn snapshot(&self, prepared: &Prepared) -> Option<crate::reconcile::Snapshot> {
        let connections = self.connections();
        let world = World { clusters: &connections, repository: self.workspace.repository.as_ref(), progress: None };
        prepared.snapshot(&world, &self.checked)
    }

    /// How each organisation fares.
    pub(crate) fn statuses(&self, prepared: &Prepared) -> Vec<OrganisationStatus> {
        prepared.statuses(&self.known, &self.checked)
    }

    /// What a commit was, where the repository holds it.
    pub(crate) fn last_change(&self, commit: &str) -> Option<LastChange> {
        let commit = self.workspace.repository.as_ref()?.commit(commit).ok()?;
        Some(LastChange { summary: commit.summary, author: commit.author, time: commit.time })
    }

    /// What a cluster lacks.
    pub(crate) async fn survey(&self, cluster: &Name) -> Result<crate::reconcile::Survey, crate::reconcile::Failure> {
        let connections = self.connections();
        let world = World { clusters: &connections, repository: self.workspace.repository.as_ref(), progress: None };
        daemon::survey(&world, &self.checked, cluster, now()).await
    }

    /// Why a saved plan must not be applied; empty where it may.
    pub(crate) fn stale(&self, prepared: &Prepared, saved: &Plan) -> Vec<String> {
        let connections = self.connections();
        let world = World { clusters: &connections, repository: self.workspace.repository.as_ref(), progress: None };
        prepared.stale(&world, &self.checked, saved)
    }

    /// Reads the clusters and plans.
    pub(crate) async fn prepare(
        &mut self,
        only: Option<BTreeSet<Name>>,
        wait: Option<std::time::Duration>,
        output: &Output,
    ) -> Option<Prepared> {
        self.prepare_asked(Asked { wait, only, ..Asked::everything(now()) }, output).await
    }

    /// Reads the clusters, and asks them nothing about changes.
    pub(crate) async fn read(&mut self, only: Option<BTreeSet<Name>>, output: &Output) -> Option<Prepared> {
        self.prepare_asked(Asked { only, ask: Ask::Nothing, ..Asked::everything(now()) }, output).await
    }

    async fn prepare_asked(&mut self, asked: Asked, output: &Output) -> Option<Prepared> {
        let connections = self.connections();
        let bar = Bar::start(output);
        let world = World {
            clusters: &connections,
            repository: self.workspace.repository.as_ref(),
            progress: bar.as_ref().map(Bar::sender),
        };
        let prepared = daemon::prepare(&mut self.known, &world, &self.checked, &asked).await;
        drop(world);
        if let Some(bar) = bar {
            bar.finish().await;
        }
        prepared
    }

    /// Carries out what was prepared.
    pub(crate) async fn carry_out(&mut self, prepared: Prepared, output: &Output) -> Round {
        let connections = self.connections();
        let mut leases = Leases::new(identity(), Timing::default());
        let shared = self.clusters.as_ref().is_some_and(Clusters::are_shared);
        let refused = match &self.checked.garden {
            Some(garden) if shared => leases.take(&connections, garden, true).await,
            _ => BTreeMap::new(),
        };
        let prepared = prepared.permitted(leases.permits(), &refused);
        let bar = Bar::start(output);
        let world = World {
            clusters: &connections,
            repository: self.workspace.repository.as_ref(),
            progress: bar.as_ref().map(Bar::sender),
        };
        let mut round = daemon::carry_out(&mut self.known, &world, &self.checked, prepared).await;
        drop(world);
        leases.release().await;
        if let Some(bar) = bar {
            bar.finish().await;
        }
        round.unreached.extend(self.unreached());
        round.unreached.extend(refused);
        round
    }

    /// A round that only planned.
    pub(crate) fn planned(&self, prepared: Option<Prepared>) -> Round {
        let mut round = prepared.map(Prepared::into_round).unwrap_or_default();
        round.unreached.extend(self.unreached());
        round
    }

    /// Clusters out of reach, those that a reading found among them.
    pub(crate) fn unreached_with(&self, prepared: &Prepared) -> BTreeMap<Name, String> {
        let mut unreached = prepared.unreached.clone();
        unreached.extend(self.unreached());
        unreached
    }

    pub(crate) fn unreached(&self) -> BTreeMap<Name, String> {
        self.clusters.as_ref().map(Clusters::unreached).unwrap_or_default()
    }

    /// The connections that stand.
    pub(crate) fn connections(&self) -> BTreeMap<Name, Connection> {
        self.clusters.as_ref().map(Clusters::connections).unwrap_or_default()
    }

    /// Ends the embedded sandboxes.
    pub(crate) async fn close(self) {
        if let Some(clusters) = self.clusters {
            clusters.close().await;
        }
    }
}
