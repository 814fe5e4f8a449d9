//! `parcelle status`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;

use super::show::ShowFormat;
use super::taken_back::of_taken_back;
use super::workspace::{find, now};
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, last_known, session};
use crate::cluster::Reading;
use crate::engine::{Round, RoundOptions, Session};
use crate::name::Name;
use crate::report::plan::{LeaderStatus, OrganisationStatus, TextStyle, status, statuses};
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
    let workspace = find(common, None)?;
    let edited = workspace.uncommitted("HEAD").map(|edited| edited.len()).unwrap_or_default();
    let mut session = session::over(workspace, &args.clusters, None, output).await?;
    let only = session::only(session.checked(), args.organisation.as_slice())?;
    let options = RoundOptions { only, reading: Reading::Lean, ..RoundOptions::everything(now()) };
    let mut all = session.stopped();
    let Some(round) = read(&mut session, &options, &mut all).await else {
        session.close().await;
        return Err(CommandFailure::asked("there is no garden to speak of", "parcelle check says why"));
    };
    // A loop that writes meanwhile makes an inventory look older than the rest: what is so is so the second time too.
    let lost = all.iter().filter(|status| status.lost.is_some() && !status.commit.is_empty());
    let lost: BTreeSet<Name> = lost.filter_map(|status| Name::new(&status.organisation).ok()).collect();
    if !lost.is_empty() {
        all.retain(|status| !lost.contains(status.organisation.as_str()));
        read(&mut session, &RoundOptions { only: Some(lost), ..options.clone() }, &mut all).await;
    }
    let mut unread = session.unread();
    unread.extend(round.unreached.clone());
    keep_what_is_read(&session, args, &unread, &all, output);
    recall_what_is_away(&session, &unread, &mut all);
    note_kept(&session, &options, &round, &mut all);
    all.sort_by(|a, b| a.organisation.cmp(&b.organisation));
    all.retain(|status| args.organisation.as_ref().is_none_or(|name| *name == status.organisation));
    // What waits for somebody's agreement is a matter of commits, whatever lies on disk.
    let agreement = session.agreement_at("HEAD", now()).await.ok().flatten();
    let mut leaders = session.leaders(&unread).await;
    leaders.extend(unread.iter().map(|(cluster, why)| LeaderStatus::unread(cluster.to_string(), why.clone())));
    let mut lying = session.lying_words(now()).await;
    for status in &mut all {
        status.words = lying.remove(&status.organisation).unwrap_or_default();
        let name = Name::new(&status.organisation).ok();
        status.consent = agreement.as_ref().zip(name).and_then(|(agreement, name)| agreement.why_held(&name));
        status.last_change = session.last_change(&status.commit);
        status.as_of_seconds_ago =
            status.as_of.map(|as_of| now().as_second().saturating_sub(as_of).max(0).unsigned_abs());
        status.leader = leaders.iter().find(|leader| leader.cluster == status.cluster).cloned();
    }
    let look = TextStyle { drawing: output.drawing(), verbose: output.verbose(), asked: true };
    let text = match (args.format, all.as_slice()) {
        (ShowFormat::Json, all) => visible::json(format!("{:#}\n", serde_json::to_value(all).unwrap_or_default())),
        (_, [one]) if args.organisation.is_some() => status(one, look),
        (_, all) => statuses(all, &leaders, look),
    };
    let waits = agreement.iter().flat_map(|agreement| agreement.lines()).map(|line| format!("consent: {line}\n"));
    let text = if args.format == ShowFormat::Json { text } else { text + &waits.collect::<String>() };
    output.result(&text)?;
    for (cluster, why) in &unread {
        output.error(&format!("failed: {}", super::show::of_cluster(cluster, why)));
    }
    if edited > 0 {
        let files = super::check::plural(edited, "file");
        output.note(&format!(
            "{files} of the garden on disk differ from the last commit: what they ask for is told as open"
        ));
    }
    session.close().await;
    let is_well = all.iter().all(OrganisationStatus::is_well) && leaders.iter().all(LeaderStatus::is_well);
    Ok(match (unread.is_empty(), is_well) {
        (false, _) => Exit::World,
        (true, false) => Exit::Garden,
        (true, true) => Exit::Good,
    })
}

/// IO: reads how the organisations of a round fare.
async fn read(session: &mut Session, options: &RoundOptions, all: &mut Vec<OrganisationStatus>) -> Option<Round> {
    let round = session.plan_each(options, |session, prepared| {
        all.extend(session.statuses(&prepared));
        Ok::<_, std::convert::Infallible>(())
    });
    let Ok(round) = round.await;
    round
}

/// Says of organisations that the loop leaves as they are applied why it does.
fn note_kept(session: &Session, options: &RoundOptions, round: &Round, all: &mut Vec<OrganisationStatus>) {
    let backwards = round.backwards.iter().map(|(name, back)| (name.clone(), of_taken_back(back)));
    let waiting = round.waiting.iter().map(|(name, waits)| (name.clone(), waits.to_string()));
    let by_commit = session.kept_by_the_last_commit(options);
    let by_commit = by_commit.into_iter().map(|kept| (kept.organisation.clone(), kept.to_string()));
    for (name, why) in backwards.chain(waiting).chain(by_commit) {
        match all.iter_mut().find(|status| status.organisation == name.as_str()) {
            // What it waits for is that its cluster answers.
            Some(status) if status.unreached.is_some() => {}
            Some(status) => status.kept = Some(why),
            None => all.push(OrganisationStatus { kept: Some(why), ..session.applied_status(&name) }),
        }
    }
}

/// Keeps on disk what was read of clusters that answered, for when one does not. Of embedded sandboxes there is no such time.
fn keep_what_is_read(
    session: &Session,
    args: &StatusArgs,
    unread: &BTreeMap<Name, String>,
    all: &[OrganisationStatus],
    output: &Output,
) {
    let Some(garden) = session.checked().garden.as_ref().filter(|_| session.has_shared_clusters()) else { return };
    for cluster in garden.clusters.keys().filter(|name| !unread.contains_key(*name)) {
        let read: Vec<_> = all.iter().filter(|status| status.cluster == cluster.as_str()).collect();
        if let Err(failure) = last_known::keep(garden, cluster, &read, args.organisation.is_none(), now()) {
            output.note(&format!("what is known of cluster `{cluster}` is not kept for when it is away: {failure}"));
        }
    }
}

/// Adds the organisations of clusters that cannot be read, as they were when they could.
fn recall_what_is_away(session: &Session, unreached: &BTreeMap<Name, String>, all: &mut Vec<OrganisationStatus>) {
    let Some(garden) = session.checked().garden.as_ref() else { return };
    let mut known: BTreeMap<&Name, BTreeMap<String, OrganisationStatus>> = BTreeMap::new();
    if session.has_shared_clusters() {
        known.extend(unreached.keys().map(|cluster| (cluster, last_known::recall(garden, cluster))));
    }
    let is_read = |all: &[OrganisationStatus], name: &str| {
        all.iter().any(|status| status.organisation == name && !(status.cluster.is_empty() && status.commit.is_empty()))
    };
    for (cluster, asked) in session.unread_ones(unreached) {
        if is_read(all, &asked.organisation) {
            continue;
        }
        // Findings are of the files, and known whatever is away.
        let at = all.iter().position(|status| status.organisation == asked.organisation);
        let findings = at.map(|at| all.swap_remove(at).findings).unwrap_or_default();
        let before = known.get_mut(&cluster).and_then(|known| known.remove(&asked.organisation));
        let unreached = asked.unreached.clone();
        all.push(OrganisationStatus { unreached, findings, ..before.unwrap_or(asked) });
    }
    // What the garden asks for no more may still be there.
    for (cluster, known) in known {
        let left = known.into_values().filter(|status| !is_read(all, &status.organisation)).collect::<Vec<_>>();
        all.extend(
            left.into_iter().map(|status| OrganisationStatus { unreached: unreached.get(cluster).cloned(), ..status }),
        );
    }
}
