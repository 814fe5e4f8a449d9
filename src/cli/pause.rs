//! `parcelle pause` and `parcelle resume`: break glass when Git is out of reach.

use std::collections::BTreeSet;

use clap::Args;

use super::check::plural;
use super::plan::Session;
use super::{ClusterFlags, Common, Exit, Failure, Output};
use crate::cluster::{Connection, Permit, inventory};
use crate::model::Garden;
use crate::name::Name;
use crate::reconcile::reason_of;

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

pub(crate) async fn pause(common: &Common, args: &PauseArgs, output: &Output) -> Result<Exit, Failure> {
    let why: String = args.reason.chars().filter(|letter| !letter.is_control()).collect();
    if why.trim().is_empty() {
        return Err(Failure::asked("a pause needs a reason", "say in a few words why, for whoever finds it"));
    }
    mark(common, &args.clusters, &args.organisations, Some(why.trim()), output).await
}

pub(crate) async fn resume(common: &Common, args: &ResumeArgs, output: &Output) -> Result<Exit, Failure> {
    mark(common, &args.clusters, &args.organisations, None, output).await
}

async fn mark(
    common: &Common,
    flags: &ClusterFlags,
    organisations: &[String],
    why: Option<&str>,
    output: &Output,
) -> Result<Exit, Failure> {
    let session = Session::open(common, flags, None, output).await?;
    let only = session.only(organisations)?;
    let Some(garden) = &session.checked.garden else {
        super::workspace::show_findings(&session.checked, output);
        session.close().await;
        return Ok(Exit::Garden);
    };
    let (mut marked, mut failed) = (0, session.unreached());
    for (name, connection) in session.connections() {
        match mark_cluster(&connection, garden, only.as_ref(), why).await {
            Ok((count, replaced)) => {
                marked += count;
                replaced.iter().for_each(|said| output.note(said));
            }
            Err(reason) => {
                failed.insert(name, reason);
            }
        }
    }
    failed.iter().for_each(|(cluster, why)| output.note(&format!("failed: {}", super::show::of_cluster(cluster, why))));
    let verb = if why.is_some() { "paused" } else { "resumed" };
    output.result(&format!("{} {verb}\n", plural(marked, "organisation")))?;
    if why.is_some() && marked > 0 {
        output.note("nothing of theirs is changed, drift included, until `parcelle resume`; status shows it");
    }
    session.close().await;
    Ok(if failed.is_empty() { Exit::Good } else { Exit::World })
}

/// IO: marks the inventories of one cluster; says how many moved, and which reasons gave way. Organisations that were never applied have none.
async fn mark_cluster(
    connection: &Connection,
    garden: &Garden,
    only: Option<&BTreeSet<Name>>,
    why: Option<&str>,
) -> Result<(usize, Vec<String>), String> {
    let Some(cluster) = garden.clusters.get(connection.cluster()) else { return Ok((0, Vec::new())) };
    let reason = |error: &(dyn std::error::Error + 'static)| reason_of(error);
    let writer = connection.writer(cluster, Permit::Always).await.map_err(|error| reason(&error))?;
    let stored = inventory::read(connection, &garden.name).await.map_err(|error| reason(&error))?;
    let (mut marked, mut replaced) = (0, Vec::new());
    for (organisation, stored) in stored.into_iter().filter(|(name, _)| only.is_none_or(|only| only.contains(name))) {
        let mut stored = stored.map_err(|error| reason(&error))?;
        if stored.paused.as_deref() == why {
            continue;
        }
        if let (Some(before), Some(_)) = (&stored.paused, why) {
            replaced.push(format!("{organisation} was paused already: {before}"));
        }
        inventory::pause(&writer, &garden.name, &organisation, organisation.as_str(), &mut stored, why)
            .await
            .map_err(|error| reason(&error))?;
        marked += 1;
    }
    Ok((marked, replaced))
}
