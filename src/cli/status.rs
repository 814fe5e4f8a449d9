//! `parcelle status`.

use std::fmt::Write as _;

use clap::Args;

use super::check::plural;
use super::plan::Session;
use super::show::ShowFormat;
use super::{ClusterFlags, Common, Exit, Failure, Output};
use crate::daemon::{AppStatus, OrganisationStatus};
use crate::plan::HealthState;

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

pub(crate) async fn run(common: &Common, args: &StatusArgs, output: &Output) -> Result<Exit, Failure> {
    let mut session = Session::open(common, &args.clusters, None, output).await?;
    let only = session.only(args.organisation.as_slice())?;
    let Some(prepared) = session.prepare(only.clone(), None, output).await else {
        return Err(Failure::asked("there is no garden to speak of", "parcelle check says why"));
    };
    let unreached: Vec<String> = prepared.unreached.iter().map(|(cluster, why)| format!("cluster {cluster}: {why}")).collect();
    let mut statuses = prepared.statuses(&session.checked);
    statuses.retain(|status| only.as_ref().is_none_or(|only| only.contains(&status.organisation)));
    let text = match (args.format, args.organisation.is_some()) {
        (ShowFormat::Json, _) => format!("{:#}\n", serde_json::to_value(&statuses).unwrap_or_default()),
        (_, true) => statuses.iter().map(page).collect(),
        (_, false) => lines(&statuses),
    };
    output.result(&text)?;
    unreached.iter().for_each(|line| output.note(&format!("failed: {line}")));
    session.close().await;
    let well = unreached.is_empty() && statuses.iter().all(OrganisationStatus::is_well);
    Ok(if well { Exit::Good } else { Exit::Garden })
}

/// A line an organisation.
fn lines(statuses: &[OrganisationStatus]) -> String {
    let width = statuses.iter().map(|status| status.organisation.as_str().len()).max().unwrap_or(0);
    let mut text = String::new();
    for status in statuses {
        let apps: Vec<String> = status.apps.iter().map(word).collect();
        let pending = if status.pending > 0 { format!("; {} to apply", plural(status.pending, "change")) } else { String::new() };
        let remarks = status.remarks.iter().map(|remark| format!("; {remark}")).collect::<String>();
        let mark = if status.is_well() { ' ' } else { '!' };
        let _ = writeln!(text, "{mark} {:<width$}  {}{pending}{remarks}", status.organisation, apps.join(", "));
    }
    let well = statuses.iter().filter(|status| status.is_well()).count();
    let _ = writeln!(text, "{}, {well} well", plural(statuses.len(), "organisation"));
    text
}

/// `cloud ready`, `pads asleep`, `www failed`.
fn word(app: &AppStatus) -> String {
    match (app.state, app.health) {
        ("running" | "at a peak", Some(health)) => format!("{} {health}", app.app),
        ("running" | "at a peak", None) => format!("{} not applied", app.app),
        (state, _) => format!("{} {state}", app.app),
    }
}

/// A page about one organisation.
fn page(status: &OrganisationStatus) -> String {
    let mut text = format!("{} ({}) on {}\n", status.title, status.organisation, status.cluster);
    let commit = if status.commit.is_empty() { "nothing yet" } else { status.commit.get(..10).unwrap_or(&status.commit) };
    let _ = writeln!(text, "  applied    {commit}");
    let _ = writeln!(text, "  to apply   {}", if status.pending == 0 { "nothing".to_owned() } else { plural(status.pending, "change") });
    status.remarks.iter().for_each(|remark| {
        let _ = writeln!(text, "  !          {remark}");
    });
    for app in &status.apps {
        let _ = writeln!(text, "\n  {} ({} {}), {}", app.app, app.definition, app.version, app.state);
        if !app.hosts.is_empty() {
            let _ = writeln!(text, "    reached at   {}", app.hosts.join(", "));
        }
        let health = app.health.map_or("not applied yet".to_owned(), |health: HealthState| health.to_string());
        let _ = writeln!(text, "    health       {health}");
        app.unready.iter().for_each(|line| {
            let _ = writeln!(text, "                 {line}");
        });
        if let Some(until) = app.data_until.and_then(|until| jiff::Timestamp::from_second(until).ok()) {
            let _ = writeln!(text, "    data kept    until {}", until.strftime("%Y-%m-%d"));
        }
    }
    text
}
