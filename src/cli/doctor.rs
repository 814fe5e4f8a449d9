//! `parcelle doctor`: before the first apply, what each cluster lacks for this garden.

use clap::Args;

use super::check::plural;
use super::workspace::now;
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, session};
use crate::cause::reason_of;
use crate::engine::Survey;
use crate::finding::Findings;
use crate::git;
use crate::name::Name;
use crate::report::{self, Format};

/// What `doctor` takes.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// A cluster [default: all]
    #[arg(value_name = "CLUSTER")]
    cluster: Option<String>,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// How to print what is missing: text, short, json, sarif, gitlab, github, junit
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(crate) async fn run(common: &Common, args: &DoctorArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let session = session::open(common, &args.clusters, None, output).await?;
    let Some(garden) = &session.checked().garden else {
        super::workspace::show_findings(session.checked(), output);
        return Ok(Exit::Garden);
    };
    let chosen: Vec<&Name> = garden
        .clusters
        .keys()
        .filter(|name| args.cluster.as_ref().is_none_or(|wanted| wanted == name.as_str()))
        .collect();
    if let (Some(wanted), true) = (&args.cluster, chosen.is_empty()) {
        let names: Vec<&str> = garden.clusters.keys().map(Name::as_str).collect();
        let help = format!("its clusters: {}", names.join(", "));
        return Err(CommandFailure::asked(format!("the garden has no cluster `{wanted}`"), help));
    }
    let (mut findings, mut failed, mut lines) = (Findings::default(), false, Vec::new());
    let unreached = session.unreached();
    for name in chosen {
        let surveyed = match unreached.get(name) {
            Some(why) => Err(why.clone()),
            None => session.survey(name, now()).await.map_err(|failure| reason_of(&failure)),
        };
        match surveyed {
            Ok(survey) => {
                lines.push(format!("{name}: {}", words_of(&survey)));
                findings.extend(survey.findings);
            }
            Err(why) => {
                failed = true;
                output.error(&format!("{name}: failed: {why}"));
            }
        }
    }
    findings.sort_in(&session.checked().sources);
    if !findings.is_empty() || !matches!(args.format, Format::Text) {
        let text = report::render(args.format, &findings, &session.checked().sources, output.drawing());
        output.report(args.format, &text)?;
    }
    lines.iter().for_each(|line| output.note(line));
    if let Some(remote) = session.repository().and_then(git::Repository::ssh_remote).filter(|_| !git::has_ssh()) {
        output.note(&format!(
            "`{remote}` is reached by ssh, and there is no `ssh` here: repositories are reached by https alone"
        ));
    }
    session.close().await;
    Ok(match (failed, findings.has_errors()) {
        (true, _) => Exit::World,
        (false, true) => Exit::Garden,
        (false, false) => Exit::Good,
    })
}

/// What is missing on a cluster, what was looked at, and what could not be.
fn words_of(survey: &Survey) -> String {
    let unseen = survey.unseen();
    let missing = survey.findings.iter().count() - unseen;
    let found = match missing {
        0 if unseen == 0 => "nothing is missing".to_owned(),
        0 => "nothing is known to be missing".to_owned(),
        _ => format!("{} missing", plural(missing, "thing")),
    };
    let looked_at = plural(survey.looked_at, "thing");
    match (missing, unseen) {
        (0, 0) => format!("{found} ({looked_at} looked at)"),
        (_, 0) => found,
        _ => format!("{found} ({looked_at} looked at, {} could not be)", plural(unseen, "thing")),
    }
}
