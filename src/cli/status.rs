//! `parcelle status`.

use clap::Args;

use super::show::ShowFormat;
use super::workspace::now;
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, session};
use crate::cluster::Reading;
use crate::engine::RoundOptions;
use crate::report::plan::{OrganisationStatus, TextStyle, status, statuses};
use crate::visible;

/// What `status` takes.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// An organisation, for a page about it [default: a line each]
    #[arg(value_name = "ORG")]
    organisation: Option<String>,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t = ShowFormat::Text)]
    format: ShowFormat,
}

pub(crate) async fn run(common: &Common, args: &StatusArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let mut session = session::open(common, &args.clusters, None, output).await?;
    let only = session::only(session.checked(), args.organisation.as_slice())?;
    let options = RoundOptions { only, reading: Reading::Lean, ..RoundOptions::everything(now()) };
    let mut all = session.stopped();
    let round = session.plan_each(&options, |session, prepared| {
        all.extend(session.statuses(&prepared));
        Ok::<_, std::convert::Infallible>(())
    });
    let Ok(Some(round)) = round.await else {
        session.close().await;
        return Err(CommandFailure::asked("there is no garden to speak of", "parcelle check says why"));
    };
    all.sort_by(|a, b| a.organisation.cmp(&b.organisation));
    all.retain(|status| args.organisation.as_ref().is_none_or(|name| *name == status.organisation));
    let leaders = session.leaders(&round.unreached).await;
    let mut lying = session.lying_words(now()).await;
    for status in &mut all {
        status.words = lying.remove(&status.organisation).unwrap_or_default();
        status.last_change = session.last_change(&status.commit);
        status.leader = leaders.iter().find(|leader| leader.cluster == status.cluster).cloned();
    }
    let look = TextStyle { drawing: output.drawing(), verbose: output.verbose() };
    let text = match (args.format, all.as_slice()) {
        (ShowFormat::Json, all) => visible::json(format!("{:#}\n", serde_json::to_value(all).unwrap_or_default())),
        (_, [one]) if args.organisation.is_some() => status(one, look),
        (_, all) => statuses(all, &leaders, look),
    };
    if round.unreached.is_empty() || !all.is_empty() {
        output.result(&text)?;
    }
    round
        .unreached
        .iter()
        .for_each(|(cluster, why)| output.note(&format!("failed: {}", super::show::of_cluster(cluster, why))));
    session.close().await;
    Ok(match (round.unreached.is_empty(), all.iter().all(OrganisationStatus::is_well)) {
        (false, _) => Exit::World,
        (true, false) => Exit::Garden,
        (true, true) => Exit::Good,
    })
}
