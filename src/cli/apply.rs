//! `parcelle apply`.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;

use super::check::plural;
use super::progress::Bar;
use super::run::Waiting;
use super::show::{ShowFormat, ShowOptions, ShownRound};
use super::signals::Ending;
use super::workspace::{find, now};
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, files, session};
use crate::engine::{Prepared, Round, RoundOptions, Session};
use crate::plan::Plan;

/// What `apply` takes.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Organisations [default: all]
    #[arg(value_name = "ORG")]
    organisations: Vec<String>,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// The commit to apply [default: HEAD]
    #[arg(long, value_name = "REV")]
    commit: Option<String>,
    /// Apply a saved plan exactly, or not at all where it is stale
    #[arg(long, value_name = "FILE", conflicts_with_all = ["commit", "organisations"])]
    plan: Option<PathBuf>,
    /// Apply without asking
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// How to print plan and outcome
    #[arg(long, short, value_enum, default_value_t = ShowFormat::Text)]
    format: ShowFormat,
}

pub(crate) async fn run(common: &Common, args: &ApplyArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let saved: Option<Plan> = args
        .plan
        .as_ref()
        .map(|file| {
            files::read_json(file, "a saved plan", crate::plan::SCHEMA, "`parcelle plan --save FILE` writes one")
        })
        .transpose()?;
    let commit = saved.as_ref().map(|plan| plan.commit.as_str()).or(args.commit.as_deref()).unwrap_or("HEAD");
    let workspace = find(common, None)?;
    let uncommitted = workspace.uncommitted(commit)?;
    let mut session = session::over(workspace, &args.clusters, Some(commit), output).await?;
    let only = match &saved {
        Some(plan) => Some(plan.organisations.iter().map(|one| one.organisation.clone()).collect()),
        None => session::only(session.checked(), &args.organisations)?,
    };
    if saved.is_none() && !uncommitted.is_empty() {
        output.note(&format!("not in {commit}, so not applied: changes of {}", uncommitted.join(", ")));
    }
    let show_options =
        ShowOptions { format: args.format, drawing: output.drawing(), verbose: output.verbose(), daemon: false };
    let show = |session: &Session, round: &Round| {
        let shown = ShownRound { checked: session.checked(), round, loud: true };
        output.result(&shown.text(show_options)).map(|()| shown.exit())
    };
    let options = RoundOptions { only, wait: args.waiting.limit(), ..RoundOptions::everything(now()) };
    let Some(prepared) = session::prepare(&mut session, &options, output).await else {
        return show(&session, &Round::default());
    };
    let prepared = match saved {
        Some(plan) => exactly(&session, prepared, plan)?,
        None => prepared,
    };
    let changes = prepared.changes();
    if !args.yes && changes > 0 {
        show(&session, &prepared.preview())?;
        if !confirmed(&format!("apply {}", plural(changes, "change")), output)? {
            output.note("nothing was applied");
            session.close().await;
            return Ok(Exit::Garden);
        }
    }
    let bar = Bar::start(output);
    session.progress = bar.as_ref().map(Bar::sender);
    let ending = Ending::listen(session.shutdown().clone());
    let round = ending.in_time(session.carry_out(prepared)).await;
    session.progress = None;
    Bar::finish(bar).await;
    let Some(round) = round else {
        session.close().await;
        return Err(CommandFailure::asked(
            "apply was ended before it was done",
            "run it again: what was begun goes on",
        ));
    };
    let exit = show(&session, &round)?;
    session.close().await;
    Ok(exit)
}

/// The saved plan in the place of the new one, unless what it stands on has moved.
fn exactly(session: &Session, prepared: Prepared, saved: Plan) -> Result<Prepared, CommandFailure> {
    let moved = session.stale(&prepared, &saved);
    if moved.is_empty() {
        return Ok(prepared.with_plan(saved));
    }
    let shown = moved.iter().take(STALE_SHOWN).cloned().collect::<Vec<_>>().join("\n        ");
    let more = moved
        .len()
        .checked_sub(STALE_SHOWN + 1)
        .map_or(String::new(), |more| format!("\n        and {} more", more + 1));
    Err(CommandFailure::asked(
        format!("the saved plan is stale, so nothing was applied\nwhy     {shown}{more}"),
        "plan again with `parcelle plan --save FILE`, and have it looked at again",
    ))
}

/// So many reasons are told; what they say has mostly one cause.
const STALE_SHOWN: usize = 8;

/// Asks a person whether to do something; where nobody can be asked, says how to go on.
pub(super) fn confirmed(what: &str, output: &Output) -> Result<bool, CommandFailure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(CommandFailure::asked(
            format!("there is nobody to ask whether to {what}"),
            "add --yes to do it without asking",
        ));
    }
    output.note(&format!("{what}? Only `yes` does it."));
    let mut answer = String::new();
    let _ = std::io::stderr().flush();
    stdin.lock().read_line(&mut answer).map_err(CommandFailure::Write)?;
    Ok(answer.trim() == "yes")
}
