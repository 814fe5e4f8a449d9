//! `parcelle pause` and `parcelle resume`: break glass when Git is out of reach.

use clap::Args;

use super::check::plural;
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, session};

/// What `pause` takes.
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// Organisations [default: all]
    #[arg(value_name = "ORG")]
    organisations: Vec<String>,
    /// Why, in a few words: every plan and status shows it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    clusters: ClusterFlags,
}

/// What `resume` takes.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// Organisations [default: all]
    #[arg(value_name = "ORG")]
    organisations: Vec<String>,
    #[command(flatten)]
    clusters: ClusterFlags,
}

pub(crate) async fn pause(common: &Common, args: &PauseArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let why: String = args.reason.chars().filter(|letter| !letter.is_control()).collect();
    if why.trim().is_empty() {
        return Err(CommandFailure::asked("a pause needs a reason", "say in a few words why, for whoever finds it"));
    }
    mark(common, &args.clusters, &args.organisations, Some(why.trim()), output).await
}

pub(crate) async fn resume(common: &Common, args: &ResumeArgs, output: &Output) -> Result<Exit, CommandFailure> {
    mark(common, &args.clusters, &args.organisations, None, output).await
}

async fn mark(
    common: &Common,
    flags: &ClusterFlags,
    organisations: &[String],
    why: Option<&str>,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let session = session::open(common, flags, None, output).await?;
    let only = session::only(session.checked(), organisations)?;
    if session.checked().garden.is_none() {
        super::workspace::show_findings(session.checked(), output);
        session.close().await;
        return Ok(Exit::Garden);
    }
    let marked = session.mark_paused(only.as_ref(), why).await;
    for (organisation, before) in &marked.replaced {
        output.note(&format!("{organisation} was paused already: {before}"));
    }
    for (cluster, why) in &marked.failed {
        output.note(&format!("failed: {}", super::show::of_cluster(cluster, why)));
    }
    let verb = if why.is_some() { "paused" } else { "resumed" };
    output.result(&format!("{} {verb}\n", plural(marked.organisations, "organisation")))?;
    if why.is_some() && marked.organisations > 0 {
        output.note("nothing of theirs is changed, drift included, until `parcelle resume`; status shows it");
    }
    session.close().await;
    Ok(if marked.failed.is_empty() { Exit::Good } else { Exit::World })
}
