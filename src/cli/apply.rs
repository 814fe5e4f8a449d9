//! `parcelle apply`.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;

use super::check::plural;
use super::plan::Session;
use super::run::Waiting;
use super::show::{Shape, ShowFormat, Shown};
use super::{ClusterFlags, Common, Exit, Failure, Output};
use crate::daemon::Round;

/// What `apply` takes.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Organisations [default: all]
    #[arg(value_name = "ORG")]
    organisations: Vec<String>,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// The commit to apply
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    commit: String,
    /// Apply without asking
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// How to print plan and outcome
    #[arg(long, short, value_enum, default_value_t = ShowFormat::Text)]
    format: ShowFormat,
}

pub(crate) async fn run(common: &Common, args: &ApplyArgs, output: &Output) -> Result<Exit, Failure> {
    let mut session = Session::open(common, &args.clusters, Some(&args.commit), output).await?;
    let only = session.only(&args.organisations)?;
    let uncommitted = session.uncommitted(&args.commit)?;
    if !uncommitted.is_empty() {
        output.note(&format!("not in {}, so not applied: changes of {}", args.commit, uncommitted.join(", ")));
    }
    let shape = Shape { format: args.format, colour: output.colour(), verbose: output.verbose(), daemon: false };
    let Some(prepared) = session.prepare(only, args.waiting.limit(), output).await else {
        let shown = Shown { checked: &session.checked, round: &Round::default(), loud: true };
        output.result(&shown.text(shape))?;
        return Ok(shown.exit());
    };
    let changes: usize = prepared
        .plan
        .organisations
        .iter()
        .map(|one| one.actions.iter().filter(|action| action.verb.writes()).count())
        .sum();
    if !args.yes && changes > 0 {
        let preview = prepared.preview();
        let shown = Shown { checked: &session.checked, round: &preview, loud: true };
        output.result(&shown.text(shape))?;
        if !confirmed(changes, output)? {
            output.note("nothing was applied");
            session.close().await;
            return Ok(Exit::Garden);
        }
    }
    let round = session.carry_out(prepared, output).await;
    let shown = Shown { checked: &session.checked, round: &round, loud: true };
    output.result(&shown.text(shape))?;
    let exit = shown.exit();
    session.close().await;
    Ok(exit)
}

/// Asks a person; where nobody can be asked, says how to go on.
fn confirmed(changes: usize, output: &Output) -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::asked(
            "there is nobody to ask whether to apply this",
            "add --yes to apply without asking",
        ));
    }
    output.note(&format!("apply {}? Only `yes` applies.", plural(changes, "change")));
    let mut answer = String::new();
    let _ = std::io::stderr().flush();
    stdin.lock().read_line(&mut answer).map_err(Failure::Write)?;
    Ok(answer.trim() == "yes")
}
