//! `parcelle plan`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use super::kept::{KeptDetail, KeptPlan, PlanWriter};
use super::progress::Bar;
use super::show::{ShowFormat, ShowOptions, ShownPlan, ShownRound};
use super::workspace::{find, now};
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, offline, session};
use crate::check::Checked;
use crate::cluster::Reading;
use crate::engine::{Round, RoundOptions};
use crate::review::Against;

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
    /// Compare with what another commit renders; no cluster is asked. `REV...` is the commit that REV and this one share last: where
    /// the work began
    #[arg(long, value_name = "REV", conflicts_with_all = ["save", "kubeconfig", "context", "in_cluster", "sandbox"])]
    pub(super) base: Option<String>,
    /// Keep the plan in a file, to be applied exactly by `parcelle apply --plan FILE`; plans a commit (HEAD if none is named)
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// End with 3 if there are changes, now or later
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
    let in_repository = !matches!(workspace.repository_around(), Ok(None));
    let mut session = session::over(workspace, &args.clusters, commit, output).await?;
    let only = session::only(session.checked(), &args.organisations)?;
    let options = RoundOptions { only, reading: Reading::Lean, ..RoundOptions::everything(now()) };
    let mut writer = match &args.save {
        Some(file) => PlanWriter::named(file)?,
        None => PlanWriter::nameless()?,
    }
    .by_edits(session.edited());
    let keep = keep(args, output);
    let bar = Bar::start(output);
    session.progress = bar.as_ref().map(Bar::sender);
    let planned = session.plan_each(&options, |session, mut prepared| {
        prepared.stamp();
        let pending = if keep == KeptDetail::Whole { session.pending(&prepared) } else { BTreeSet::new() };
        writer.add(prepared.plan, session.impact_context(), &pending, keep)
    });
    let planned = planned.await;
    session.progress = None;
    Bar::finish(bar).await;
    let mut round = planned?.unwrap_or_default();
    round.kept = session.kept(&options, &round).await;
    let kept = writer.finish()?;
    let exit = show(args, session.checked(), &round, kept.as_ref(), Against::Clusters, output)?;
    if commit.is_none() {
        // What lies on disk is no change yet; what is committed may wait for somebody.
        let waits = session.agreement_at("HEAD", now()).await.ok().flatten();
        waits.iter().flat_map(|agreement| agreement.lines()).for_each(|line| output.note(&format!("consent: {line}")));
        output.note(if in_repository {
            "read from the files on disk; `run` and `apply` take commits only (see --commit)"
        } else {
            "read from the files on disk, which lie in no Git repository"
        });
    }
    if let Some(file) = args.save.as_ref().filter(|_| kept.is_some()) {
        let file = file.display();
        output.note(&format!(
            "kept in {file}; next: parcelle apply --plan {file} (refused as stale when commit, objects or clusters have moved)"
        ));
    }
    session.close().await;
    Ok(exit)
}

/// How much of a plan is kept: all of it for later, else what is shown.
pub(super) fn keep(args: &PlanArgs, output: &Output) -> KeptDetail {
    match (args.format, output.verbose()) {
        _ if args.save.is_some() => KeptDetail::Whole,
        (ShowFormat::Text, true) => KeptDetail::Whole,
        (ShowFormat::Json, _) => KeptDetail::Told,
        (ShowFormat::Text | ShowFormat::Markdown, _) => KeptDetail::Brief,
    }
}

pub(super) fn show(
    args: &PlanArgs,
    checked: &Checked,
    round: &Round,
    kept: Option<&KeptPlan>,
    against: Against,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let show_options =
        ShowOptions { format: args.format, drawing: output.drawing(), verbose: output.verbose(), daemon: false };
    let shown = ShownRound { checked, round, plan: kept.map(ShownPlan::Kept), loud: true, against };
    output.write(|out| shown.write(show_options, out))?;
    Ok(match shown.exit() {
        Exit::Good if args.exit_code && (shown.writes() || shown.acts_later()) => Exit::Changes,
        exit => exit,
    })
}
