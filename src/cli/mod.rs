//! The command line: one file a command. Here alone errors become words, hints and exit codes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod acknowledge;
mod apply;
mod check;
mod consent;
mod docs;
mod doctor;
mod edit;
mod eject;
mod explain;
mod failure;
mod fix;
mod files;
mod fmt;
mod kept;
mod last_known;
mod log;
mod new;
mod offline;
mod output;
mod pause;
mod pin;
mod place;
mod plan;
mod progress;
mod recover;
mod rename;
mod render;
mod rerun;
mod review;
mod run;
mod run_log;
mod sandbox;
mod session;
mod show;
mod signals;
mod snapshot;
mod status;
mod taken_back;
mod words;
mod workspace;

pub(crate) use failure::CommandFailure;
use log::{Log, LogFormat, LogLevel, LogLine};
use output::Output;

/// How a command ended; see the exit codes in the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything is well.
    Good,
    /// The garden has findings, or something of the outcome is not as planned.
    Garden,
    /// parcelle or the world failed.
    World,
    /// There are changes, and the caller asked to be told by the exit code.
    Changes,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Garden => 1,
            Self::World => 2,
            Self::Changes => 3,
        }
    }
}

/// Keeps Kubernetes clusters true to a garden of KDL files.
///
/// A garden is a Git repository with one small file an organisation. parcelle checks it, renders Kubernetes objects,
/// shows what would change and why, and applies it. Try the whole loop without a cluster:
///
///     parcelle run --once --sandbox
#[derive(Debug, Parser)]
#[command(name = "parcelle", version, verbatim_doc_comment, max_term_width = 120, propagate_version = true)]
#[command(
    after_help = "Exit codes: 0 good; 1 the garden has findings or something was not applied; 2 parcelle or the \
    world failed; 3 there are changes (plan --exit-code).\nA finding's manual page: parcelle explain E0412"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Flags that every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// The folder that holds garden.kdl [default: the nearest one, else orgs/]
    #[arg(long, global = true, value_name = "DIR", env = "PARCELLE_GARDEN")]
    garden: Option<PathBuf>,
    /// Print only the result
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Say more: -v shows every object, -vv what is sent
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    colour: Colour,
    /// Tell findings and plans in sentences, without drawings: for screen readers. Also with `NO_GRAPHICS=1`
    #[arg(long, global = true)]
    narrated: bool,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which clusters, and how they are reached.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Clusters")]
pub(crate) struct ClusterFlags {
    /// The kubeconfig whose contexts are named as the garden's clusters [default: $KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of a cluster, where its name differs
    #[arg(long, value_name = "CLUSTER=CONTEXT")]
    context: Vec<String>,
    /// The cluster that parcelle itself runs in: its service account is used
    #[arg(long, value_name = "CLUSTER")]
    in_cluster: Option<String>,
    /// Use an embedded sandbox for every cluster of the garden; nothing real is touched
    #[arg(long, conflicts_with_all = ["kubeconfig", "context", "in_cluster"])]
    sandbox: bool,
    /// Where the sandbox keeps its state (a further cluster adds its name), or `none` [default: the user's state folder]
    #[arg(long, value_name = "FILE|none")]
    sandbox_state: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the garden: every finding at once, before a cluster is asked
    Check(check::CheckArgs),
    /// Apply the fixes that change nothing but the mistake, and say what is left to decide
    Fix(fix::FixArgs),
    /// Format KDL files; keeps comments and the spelling of values
    Fmt(fmt::FmtArgs),
    /// Show the Kubernetes objects of the garden, of one organisation or of one app
    Render(render::RenderArgs),
    /// Show what would change, and the line of KDL behind each change
    Plan(plan::PlanArgs),
    /// Apply a commit, after showing the plan and asking
    Apply(apply::ApplyArgs),
    /// The loop: watch Git, reconcile, correct drift
    Run(run::RunArgs),
    /// Tell a merge request what it would change: one comment, a status, notes on lines
    ///
    /// The token is read from `PARCELLE_FORGE_TOKEN`, else from what the CI gives (`GITHUB_TOKEN`, `GITLAB_TOKEN`, `FORGEJO_TOKEN`,
    /// `GITEA_TOKEN`), and is never a flag. Where a forge does not say whose it is, `PARCELLE_FORGE_ACCOUNT` names the account. A
    /// forge that fails is told of and fails nothing: the exit code is that of the plan.
    Review(review::ReviewArgs),
    /// Keep what is live of ours in a file, for plans without a cluster
    Snapshot(snapshot::SnapshotArgs),
    /// What was changed last, what is healthy, held, asleep, retired, open
    Status(status::StatusArgs),
    /// Before the first apply: what a cluster lacks for this garden, with the way out
    Doctor(doctor::DoctorArgs),
    /// Break glass: stop changing an organisation, or all of them, until `resume`; marked in the cluster
    Pause(pause::PauseArgs),
    /// Lift a pause
    Resume(pause::ResumeArgs),
    /// Say that a one-time job runs again: one that failed, is overdue, or is done
    Rerun(rerun::RerunArgs),
    /// Take an organisation back whose inventory was deleted or cannot be read
    Recover(recover::RecoverArgs),
    /// Say that an app whose data is gone may start without it, empty
    Acknowledge(acknowledge::AcknowledgeArgs),
    /// Let an organisation go: its objects stay, labels, ownership and inventory go
    Eject(eject::EjectArgs),
    /// Say yes to a change: sign exactly what it makes of the garden
    Approve(consent::ApproveArgs),
    /// Say no to a change: nothing of it is applied until it is withdrawn
    Object(consent::ReasonArgs),
    /// Take back what you said of a change
    Withdraw(consent::WithdrawArgs),
    /// Say that a change cannot wait: it is applied at once, and agreed afterwards
    Urgent(consent::ReasonArgs),
    /// What waits for whom, and why; or what the rules make of one change
    Consent(consent::ConsentArgs),
    /// Accept what this parcelle renders: write its hash into garden.kdl
    Pin,
    /// The manual page of a finding, or where the value of a setting comes from
    Explain(explain::ExplainArgs),
    /// The reference of the language and of every definition, as Markdown
    Docs(docs::DocsArgs),
    /// Write a valid starting file
    New(new::NewArgs),
    /// Give an app or an organisation another name, wherever the garden says it
    Rename(rename::RenameArgs),
    /// Serve an embedded Kubernetes API and write a kubeconfig for it
    Sandbox(sandbox::SandboxArgs),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Runs what the arguments say and reports how it ended.
pub fn main(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Exit {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::World } else { Exit::Good };
            if error.use_stderr()
                && let Some(log) = run::log_asked_for(&arguments)
            {
                log.write(&LogLine::new(LogLevel::Error, error.to_string().trim_end()));
                return exit;
            }
            // A closed pipe is no reason to fail over the help text.
            let _ = error.print();
            return exit;
        }
    };
    let log = match &cli.command {
        Command::Run(args) => args.log(&cli.common),
        _ => None,
    };
    let traced = Log { format: LogFormat::Text, level: LogLevel::of(&cli.common) };
    output::trace(log.unwrap_or(traced));
    if let Some(log) = log {
        log.hear_panics();
    }
    let output = Output::new(&cli.common, log);
    match dispatch(&cli, &output) {
        Ok(exit) => exit,
        Err(failure) => {
            output.failure(&failure);
            failure.exit()
        }
    }
}

fn dispatch(cli: &Cli, output: &Output) -> Result<Exit, CommandFailure> {
    let common = &cli.common;
    match &cli.command {
        Command::Check(args) => check::run(common, args, output),
        Command::Fix(args) => fix::run(common, args, output),
        Command::Fmt(args) => fmt::run(common, args, output),
        Command::Render(args) => render::run(common, args, output),
        Command::Plan(args) => wait(plan::run(common, args, output)),
        Command::Apply(args) => wait(apply::run(common, args, output)),
        Command::Run(args) => wait(run::run(common, args, output)),
        Command::Review(args) => review::run(common, args, output),
        Command::Snapshot(args) => wait(snapshot::run(common, args, output)),
        Command::Status(args) => wait(status::run(common, args, output)),
        Command::Doctor(args) => wait(doctor::run(common, args, output)),
        Command::Pause(args) => wait(pause::pause(common, args, output)),
        Command::Resume(args) => wait(pause::resume(common, args, output)),
        Command::Rerun(args) => wait(rerun::run(common, args, output)),
        Command::Recover(args) => wait(recover::run(common, args, output)),
        Command::Acknowledge(args) => wait(acknowledge::run(common, args, output)),
        Command::Eject(args) => wait(eject::run(common, args, output)),
        Command::Approve(args) => consent::approve(common, args, output),
        Command::Object(args) => consent::object(common, args, output),
        Command::Withdraw(args) => consent::withdraw(common, args, output),
        Command::Urgent(args) => consent::urgent(common, args, output),
        Command::Consent(args) => wait(consent::consent(common, args, output)),
        Command::Pin => pin::run(common, output),
        Command::Explain(args) => explain::run(common, args, output),
        Command::Docs(args) => docs::run(common, args, output),
        Command::New(args) => new::run(common, args, output),
        Command::Rename(args) => rename::run(common, args, output),
        Command::Sandbox(args) => wait(sandbox::run(common, args, output)),
        Command::Completions { shell } => completions(*shell, output),
        Command::Man => manual(output),
    }
}

fn completions(shell: clap_complete::Shell, output: &Output) -> Result<Exit, CommandFailure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut <Cli as clap::CommandFactory>::command(), "parcelle", &mut text);
    output.data(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Good)
}

/// The manual page of parcelle, its commands after it.
fn manual(output: &Output) -> Result<Exit, CommandFailure> {
    let mut command = <Cli as clap::CommandFactory>::command();
    command.build();
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text).map_err(CommandFailure::Write)?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        clap_mangen::Man::new(sub.clone()).render(&mut text).map_err(CommandFailure::Write)?;
    }
    output.data(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Good)
}

/// Runs an asynchronous command to its end on a runtime of its own.
fn wait(command: impl Future<Output = Result<Exit, CommandFailure>>) -> Result<Exit, CommandFailure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandFailure::Runtime)?;
    let result = runtime.block_on(command);
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    result
}
