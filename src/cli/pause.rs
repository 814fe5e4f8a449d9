//! `parcelle pause` and `parcelle resume`: break glass when Git is out of reach.

use clap::Args;

use super::check::plural;
use super::workspace::{now, speaker};
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, session};
use crate::cause::reason_of;
use crate::engine::{Heeded, Speaker};
use crate::plan::{SpokenWord, is_paused_for};

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
    let why = super::words::reason(&args.reason)?;
    if why.is_empty() {
        return Err(CommandFailure::asked("a pause needs a reason", "say in a few words why, for whoever finds it"));
    }
    mark(common, &args.clusters, &args.organisations, Some(why), output).await
}

pub(crate) async fn resume(common: &Common, args: &ResumeArgs, output: &Output) -> Result<Exit, CommandFailure> {
    mark(common, &args.clusters, &args.organisations, None, output).await
}

/// Whether an organisation is paused for a reason already, or goes on where none is given.
fn is_so_already(paused: Option<&str>, why: Option<&str>) -> bool {
    match (paused, why) {
        (None, None) => true,
        (Some(paused), Some(why)) => is_paused_for(paused, why),
        _ => false,
    }
}

async fn mark(
    common: &Common,
    flags: &ClusterFlags,
    organisations: &[String],
    why: Option<String>,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let mut session = session::open(common, flags, None, output).await?;
    let only = session::only(session.checked(), organisations)?;
    if session.checked().garden.is_none() {
        super::workspace::show_findings(session.checked(), output);
        session.close().await;
        return Ok(Exit::Garden);
    }
    let speaker = Speaker { who: speaker(), why: why.clone().unwrap_or_default(), when: now().as_second() };
    let word = || if why.is_some() { SpokenWord::Pause } else { SpokenWord::Resume };
    let (mut count, mut failed) = (0, session.unreached());
    let (inventories, unread) = session.inventories().await;
    failed.extend(unread);
    for (cluster, stored) in inventories {
        let mut words = Vec::new();
        for (organisation, stored) in
            stored.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only.contains(*name)))
        {
            match stored {
                Ok(stored) if is_so_already(stored.paused.as_deref(), why.as_deref()) => {}
                Ok(stored) => {
                    if let (Some(before), Some(_)) = (&stored.paused, &why) {
                        output.note(&format!("{organisation} was paused already: {before}"));
                    }
                    words.push(speaker.mark(organisation, word(), stored.uid.clone()));
                }
                Err(error) => drop(failed.insert(cluster.clone(), reason_of(error))),
            }
        }
        match super::words::say(&mut session, &cluster, &words, output).await {
            Ok(Some(Heeded::LeftFor(_)) | None) => {}
            Ok(Some(Heeded::Here | Heeded::By(_))) => count += words.len(),
            Err(why) => drop(failed.insert(cluster, why)),
        }
    }
    session.close().await;
    for (cluster, why) in &failed {
        output.error(&format!("failed: {}", super::show::of_cluster(cluster, why)));
    }
    let verb = if why.is_some() { "paused" } else { "resumed" };
    output.result(&format!("{} {verb}\n", plural(count, "organisation")))?;
    if why.is_some() && count > 0 {
        output.note("nothing of theirs is changed, drift included, until `parcelle resume`; status shows it");
    }
    Ok(if failed.is_empty() { Exit::Good } else { Exit::World })
}
