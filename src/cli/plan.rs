//! `parcelle plan`, and what it has in common with `apply`.

use std::collections::BTreeSet;

use clap::Args;

use super::clusters::Clusters;
use super::progress::Bar;
use super::render::known_organisations;
use super::show::{Shape, ShowFormat, Shown};
use super::workspace::{Workspace, now};
use super::{ClusterFlags, Common, Exit, Failure, Output};
use crate::check::Checked;
use crate::daemon::{self, Asked, Known, Prepared, Round, World};
use crate::name::Name;

/// What `plan` takes.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Organisations [default: all]
    #[arg(value_name = "ORG")]
    organisations: Vec<String>,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// Plan this commit instead of the files on disk
    #[arg(long, value_name = "REV")]
    commit: Option<String>,
    /// End with 3 if there are changes
    #[arg(long)]
    exit_code: bool,
    /// How to print the plan
    #[arg(long, short, value_enum, default_value_t = ShowFormat::Text)]
    format: ShowFormat,
}

pub(crate) async fn run(common: &Common, args: &PlanArgs, output: &Output) -> Result<Exit, Failure> {
    let mut session = Session::open(common, &args.clusters, args.commit.as_deref(), output).await?;
    let only = session.only(&args.organisations)?;
    let prepared = session.prepare(only, None, output).await;
    let round = session.planned(prepared);
    let shape = Shape { format: args.format, colour: output.colour(), verbose: output.verbose(), daemon: false };
    let shown = Shown { checked: &session.checked, round: &round, loud: true };
    output.result(&shown.text(shape))?;
    let changes = round.plan.as_ref().is_some_and(crate::plan::Plan::changes_anything);
    let exit = match shown.exit() {
        Exit::Good if args.exit_code && changes => Exit::Changes,
        exit => exit,
    };
    session.close().await;
    Ok(exit)
}

/// A checked garden and its clusters, for one command.
pub(crate) struct Session {
    pub(crate) checked: Checked,
    workspace: Workspace,
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
        if names.is_empty() {
            return Ok(None);
        }
        let garden = self.checked.garden.as_ref();
        let known = |name: &str| {
            garden.is_some_and(|garden| garden.organisations.contains_key(name) || garden.broken.contains(name))
        };
        let parse = |name: &String| match Name::new(name) {
            Ok(parsed) if known(name) => Ok(parsed),
            _ => Err(Failure::asked(
                format!("the garden has no organisation `{name}`"),
                known_organisations(&self.checked),
            )),
        };
        names.iter().map(parse).collect::<Result<_, _>>().map(Some)
    }

    /// Reads the clusters and plans.
    pub(crate) async fn prepare(
        &mut self,
        only: Option<BTreeSet<Name>>,
        wait: Option<std::time::Duration>,
        output: &Output,
    ) -> Option<Prepared> {
        let connections = self.clusters.as_ref().map(Clusters::connections).unwrap_or_default();
        let bar = Bar::start(output);
        let world = World {
            clusters: &connections,

            repository: self.workspace.repository.as_ref(),
            progress: bar.as_ref().map(Bar::sender),
        };
        let asked = Asked { now: now(), wait, only, whole: true, ask: true };
        let prepared = daemon::prepare(&self.known, &world, &self.checked, &asked).await;
        drop(world);
        if let Some(bar) = bar {
            bar.finish().await;
        }
        prepared
    }

    /// Carries out what was prepared.
    pub(crate) async fn carry_out(&mut self, prepared: Prepared, output: &Output) -> Round {
        let connections = self.clusters.as_ref().map(Clusters::connections).unwrap_or_default();
        let bar = Bar::start(output);
        let world = World {
            clusters: &connections,

            repository: self.workspace.repository.as_ref(),
            progress: bar.as_ref().map(Bar::sender),
        };
        let mut round = daemon::carry_out(&mut self.known, &world, &self.checked, prepared).await;
        drop(world);
        if let Some(bar) = bar {
            bar.finish().await;
        }
        round.unreached.extend(self.unreached());
        round
    }

    /// A round that only planned.
    pub(crate) fn planned(&self, prepared: Option<Prepared>) -> Round {
        let mut round = prepared.map(Prepared::into_round).unwrap_or_default();
        round.unreached.extend(self.unreached());
        round
    }

    fn unreached(&self) -> std::collections::BTreeMap<Name, String> {
        self.clusters.as_ref().map(Clusters::unreached).unwrap_or_default()
    }

    /// Ends the embedded sandboxes.
    pub(crate) async fn close(self) {
        if let Some(clusters) = self.clusters {
            clusters.close().await;
        }
    }
}
