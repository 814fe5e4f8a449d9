//! `parcelle plan`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::show::{ShowFormat, ShowOptions, ShownRound};
use super::workspace::{find, now};
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, files, offline, session};
use crate::check::Checked;
use crate::engine::{Prepared, Round, RoundOptions};
use crate::plan::Plan;

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

pub(crate) async fn run(common: &Common, args: &PlanArgs, output: &Output) -> Result<Exit, CommandFailure> {
    if args.live.is_some() || args.base.is_some() {
        return offline::run(common, args, output);
    }
    let commit = args.commit.as_deref().or(args.save.as_ref().map(|_| "HEAD"));
    let workspace = find(common, None)?;
    let in_repository = workspace.repository.is_some();
    let mut session = session::over(workspace, &args.clusters, commit, output).await?;
    let only = session::only(session.checked(), &args.organisations)?;
    let options = RoundOptions { only, ..RoundOptions::everything(now()) };
    let prepared = session::prepare(&mut session, &options, output).await;
    let round = prepared.map(Prepared::into_round).unwrap_or_default();
    let exit = show(args, session.checked(), &round, output)?;
    if commit.is_none() {
        output.note(if in_repository {
            "read from the files on disk; `run` and `apply` take commits only (see --commit)"
        } else {
            "read from the files on disk, which lie in no Git repository"
        });
    }
    if let (Some(file), Some(plan)) = (&args.save, &round.plan) {
        keep(file, plan, output)?;
    }
    session.close().await;
    Ok(exit)
}

pub(super) fn show(args: &PlanArgs, checked: &Checked, round: &Round, output: &Output) -> Result<Exit, CommandFailure> {
    let show_options =
        ShowOptions { format: args.format, drawing: output.drawing(), verbose: output.verbose(), daemon: false };
    let shown = ShownRound { checked, round, loud: true };
    output.result(&shown.text(show_options))?;
    let changes = round.plan.as_ref().is_some_and(Plan::changes_anything);
    Ok(match shown.exit() {
        Exit::Good if args.exit_code && changes => Exit::Changes,
        exit => exit,
    })
}

/// Writes a plan to be applied later.
fn keep(file: &Path, plan: &Plan, output: &Output) -> Result<(), CommandFailure> {
    files::write_json(file, plan)?;
    output.note(&format!(
        "kept in {}; next: parcelle apply --plan {} (refused as stale when commit, objects or clusters have moved)",
        file.display(),
        file.display()
    ));
    Ok(())
}
