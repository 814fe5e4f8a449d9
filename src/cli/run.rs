//! `parcelle run`: the loop.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::log::{Log, LogFormat, LogLevel};
use super::progress::Bar;
use super::run_log::RoundLog;
use super::show::{ShowFormat, ShowOptions, ShownRound};
use super::signals::Ending;
use super::workspace::{find, now, state_folder};
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, session};
use crate::cause::reason_of;
use crate::cluster::Shutdown;
use crate::cluster::lease::Timing;
use crate::engine::{self, Daemon, DaemonOptions, Event, Source, Turn};
use crate::git::Remote;
use crate::impact::{Impact, ImpactBuilder};
use crate::plan::Plan;

/// What `run` takes.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    clusters: ClusterFlags,
    /// The repository: a path or an address [default: the one that holds the garden, at HEAD]
    #[arg(long, value_name = "PATH|URL")]
    repo: Option<String>,
    /// The branch [default: the repository's HEAD]
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// How often to look for new commits
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    interval: Duration,
    /// How often to compare everything with the clusters again, beside what their watches show
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    resync: Duration,
    /// End after one round, with an exit code that tells
    #[arg(long)]
    once: bool,
    /// How long the lease lasts without a renewal, for tests that cannot wait half a minute [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration, hide = true)]
    lease: Option<Duration>,
    #[command(flatten)]
    waiting: Waiting,
    /// How to print plan and outcome, on standard output [default: text with --once; a loop tells them in its log]
    #[arg(long, short, value_enum)]
    format: Option<ShowFormat>,
    /// How to write each line of the log, on standard error: time, level, organisation, commit, message [default: text; with --once
    /// there is a log only where this is said]
    #[arg(long, value_enum, value_name = "FORMAT", env = "PARCELLE_LOG_FORMAT", help_heading = "Log")]
    log_format: Option<LogFormat>,
    /// The least that is written to the log [default: info; error with --quiet, debug with -vv, trace with -vvv]
    #[arg(long, value_enum, value_name = "LEVEL", env = "PARCELLE_LOG_LEVEL", help_heading = "Log")]
    log_level: Option<LogLevel>,
}

impl RunArgs {
    /// The log that is written; a single round that nobody asks one of is told as every command is.
    pub(super) fn log(&self, common: &Common) -> Option<Log> {
        let level = self.log_level.unwrap_or_else(|| LogLevel::of(common));
        let is_asked = !self.once || self.log_format.is_some();
        is_asked.then(|| Log { format: self.log_format.unwrap_or(LogFormat::Text), level })
    }
}

/// The log that arguments ask for which cannot be read.
pub(super) fn log_asked_for(arguments: &[OsString]) -> Option<Log> {
    let mut words = arguments.iter().filter_map(|argument| argument.to_str()).skip_while(|word| *word != "run");
    let json = LogFormat::Json.to_possible_value()?;
    let is_json = |word: &str, next: Option<&&str>| {
        word.strip_prefix("--log-format=").is_some_and(|format| json.matches(format, true))
            || word == "--log-format" && next.is_some_and(|format| json.matches(format, true))
    };
    words.next()?;
    let words: Vec<&str> = words.collect();
    let is_json = words.iter().enumerate().any(|(at, word)| is_json(word, words.get(at + 1)));
    is_json.then_some(Log { format: LogFormat::Json, level: LogLevel::Error })
}

/// How long to wait for what is applied to become ready.
#[derive(Clone, Debug, Args)]
pub(crate) struct Waiting {
    /// The longest that one step of an organisation is waited for
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    wait: Duration,
    /// Wait for nothing: go through all stages at once, and say what is not ready
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
}

impl Waiting {
    pub(crate) fn limit(&self) -> Option<Duration> {
        (!self.no_wait).then_some(self.wait)
    }
}

/// `90s`, `15m`, `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("write a number and s, m, h or d, as in `90s`".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "write a number and s, m, h or d, as in `90s`".to_owned())?;
    match number.saturating_mul(seconds) {
        0 => Err("it must be longer than nothing".to_owned()),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}

pub(crate) async fn run(common: &Common, args: &RunArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let source = source(common, args)?;
    let timing = args.lease.map_or_else(Timing::default, Timing::lasting);
    let options = DaemonOptions {
        interval: args.interval,
        resync: args.resync,
        wait: args.waiting.limit(),
        once: args.once,
        brief: matches!(args.format, None | Some(ShowFormat::Text)) && !output.verbose(),
    };
    let leases = session::leases(timing, args.once);
    let shutdown = Shutdown::default();
    let ending = Ending::listen(shutdown.clone());
    let mut daemon = Daemon::new(source, session::access(&args.clusters)?, leases, options, shutdown.clone());
    let exit = turns(&mut daemon, args, output, &ending, &shutdown).await;
    Box::pin(ending.at_last(daemon.close())).await;
    exit
}

/// Turn after turn until somebody says stop, or one. A failure of the world is told, and tried again at the next event.
async fn turns(
    daemon: &mut Daemon,
    args: &RunArgs,
    output: &Output,
    ending: &Ending,
    shutdown: &Shutdown,
) -> Result<Exit, CommandFailure> {
    let mut telling = Telling { args, output, told: String::new() };
    let mut event = Event::Resync;
    loop {
        let bar = Bar::start(output);
        daemon.session_mut().progress = bar.as_ref().map(Bar::sender);
        let turn = ending.in_time(daemon.turn(event, now())).await;
        Bar::finish(bar).await;
        if shutdown.is_asked() {
            return ended(turn, &mut telling);
        }
        let turn = turn.unwrap_or(Ok(None)).map_err(CommandFailure::from);
        let exit = turn.and_then(|turn| turn.map_or(Ok(Exit::Good), |turn| telling.tell(&turn)));
        daemon.session_mut().progress = None;
        match exit {
            exit if args.once => return exit,
            Ok(_) => {}
            Err(failure) => {
                output.failure(&failure);
                output.note("parcelle goes on and tries again");
            }
        }
        event = daemon.next(now(), shutdown.asked()).await;
        if event == Event::Stop {
            return Ok(Exit::Good);
        }
    }
}

/// The end of the loop in the middle of a turn: what was written is told, and what was not is for the next run.
fn ended(
    turn: Option<Result<Option<Turn<'_>>, engine::Failure>>,
    telling: &mut Telling<'_>,
) -> Result<Exit, CommandFailure> {
    if let Some(Ok(Some(turn))) = &turn
        && turn.round.plan.as_ref().is_some_and(Plan::changes_anything)
    {
        telling.tell(turn)?;
    }
    telling.output.note(
        "asked to end in the middle of a round: what was begun is finished or recorded, the rest is for the next run",
    );
    Ok(if telling.args.once { Exit::World } else { Exit::Good })
}

/// Tells what happens, to whoever reads the log of the loop.
struct Telling<'a> {
    args: &'a RunArgs,
    output: &'a Output,
    /// How things stood when it was told last: a loop says a thing once, and again when it is another.
    told: String,
}

/// What the plan of a turn does, for people.
fn impact_of(turn: &Turn<'_>) -> Impact {
    let mut builder = ImpactBuilder::new(turn.edited());
    if let Some(context) = turn.checked.impact_context() {
        turn.round.plan.iter().flat_map(|plan| &plan.organisations).for_each(|one| builder.add(one, context));
    }
    builder.finish()
}

/// That the loop goes on with the commit that it knows.
fn went_on_without(failure: &engine::Failure) -> String {
    format!("failed: {}; parcelle goes on with the commit that it knows, and looks again", reason_of(failure))
}

impl Telling<'_> {
    fn tell(&mut self, turn: &Turn<'_>) -> Result<Exit, CommandFailure> {
        let once = self.args.once;
        let log = self.output.log().map(|log| RoundLog { log, checked: turn.checked, verbose: self.output.verbose() });
        if let Some(log) = &log {
            log.notes(turn);
        } else {
            turn.notes.iter().for_each(|note| self.output.note(&session::words_of(note)));
            turn.failure.iter().for_each(|failure| self.output.error(&went_on_without(failure)));
        }
        let loud = once || matches!(turn.event, Event::Poll | Event::Resync);
        let impact;
        let mut shown = ShownRound::held(turn.checked, &turn.round, loud);
        let standing = shown.standing();
        if once || shown.writes() || shown.acts_later() || shown.warns() || standing != self.told {
            impact = impact_of(turn);
            shown = shown.with_impact(&impact);
            if let Some(log) = &log {
                log.round(&shown);
            }
            let format = self.args.format.or(log.is_none().then_some(ShowFormat::Text));
            if let Some(format) = format {
                let (drawing, verbose) = (self.output.drawing(), self.output.verbose());
                let options = ShowOptions { format, drawing, verbose, daemon: !once };
                self.output.write(|out| shown.write(options, out))?;
            }
        }
        self.told = standing;
        Ok(shown.exit())
    }
}

/// Where commits come from: a mirror of the repository that is named, else of the one that holds the garden.
fn source(common: &Common, args: &RunArgs) -> Result<Source, CommandFailure> {
    let (address, folder) = if let Some(repo) = &args.repo {
        (repo.clone(), common.garden.as_ref().map(|folder| folder.display().to_string()))
    } else {
        let workspace = find(common, None)?;
        (workspace.repository()?.folder().display().to_string(), Some(workspace.folder_in_repository()))
    };
    let place = state_folder()?.join("git").join(name_of(&address));
    let header = variable("PARCELLE_GIT_HEADER").map(|header| match header.split_once(':') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        None => Err(CommandFailure::asked("PARCELLE_GIT_HEADER is no header", "write it as `Name: value`")),
    });
    let header = header.transpose()?;
    let certificates = variable("PARCELLE_GIT_CA_FILE").map(PathBuf::from);
    let (branch, token) = (args.branch.clone(), variable("PARCELLE_GIT_TOKEN"));
    let remote = Remote { address, branch, token, header, certificates };
    Ok(Source::mirror(&place, remote, folder)?)
}

#[expect(clippy::disallowed_methods, reason = "a port: how the repository is reached")]
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?.trim().to_owned();
    Some(value).filter(|value| !value.is_empty())
}

/// A folder's name for a mirror: the last word of the address and a hash of all of it.
fn name_of(address: &str) -> PathBuf {
    let digest = ring::digest::digest(&ring::digest::SHA256, address.as_bytes());
    let hash: String = digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let words = Path::new(address.trim_end_matches('/').trim_end_matches("/.git"));
    let last = words.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain: String = last.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
    PathBuf::from(format!("{plain}-{hash}"))
}
