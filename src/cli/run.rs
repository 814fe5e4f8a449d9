//! `parcelle run`: the loop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::clusters::Clusters;
use super::progress::Bar;
use super::sandbox::interrupted;
use super::show::{Shape, ShowFormat, Shown};
use super::workspace::{Workspace, identity, now, state_folder};
use super::{ClusterFlags, Common, Exit, Failure, Output};
use crate::check::Checked;
use crate::cluster::lease::Timing;
use crate::daemon::{self, Asked, Event, Events, Known, Leases, Round, World};
use crate::git::{CommitId, Mirror, Remote, commit_snapshot};
use crate::name::Name;

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
    /// How often to compare everything with the clusters, so that drift is found and corrected
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    resync: Duration,
    /// End after one round, with an exit code that tells
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// How to print plan and outcome
    #[arg(long, short, value_enum, default_value_t = ShowFormat::Text)]
    format: ShowFormat,
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

pub(crate) async fn run(common: &Common, args: &RunArgs, output: &Output) -> Result<Exit, Failure> {
    let source = Source::open(common, args)?;
    let leases = Leases::new(identity(), Timing::default());
    let known = Known::default();
    let standby = BTreeMap::new();
    let mut daemon =
        Daemon { args, output, source, known, clusters: None, leases, standby, at: None, told: String::new() };
    let exit = if args.once { daemon.turn(Event::Resync).await } else { daemon.turns().await };
    daemon.leases.release().await;
    if let Some(clusters) = daemon.clusters {
        clusters.close().await;
    }
    exit
}

/// Where commits come from.
struct Source {
    mirror: Mirror,
    /// The garden's folder inside the repository, where it is known beforehand.
    folder: Option<String>,
}

impl Source {
    fn open(common: &Common, args: &RunArgs) -> Result<Self, Failure> {
        let (address, folder) = if let Some(repo) = &args.repo {
            (repo.clone(), common.garden.as_ref().map(|folder| folder.display().to_string()))
        } else {
            let workspace = Workspace::find(common, None)?;
            (workspace.repository()?.folder().display().to_string(), Some(workspace.folder_in_repository()))
        };
        let mirror = state_folder()?.join("git").join(name_of(&address));
        let remote = Remote { address, branch: args.branch.clone(), token: token() };
        Ok(Self { mirror: Mirror::open(&mirror, remote)?, folder })
    }
}

#[expect(clippy::disallowed_methods, reason = "a port: the token of the repository")]
fn token() -> Option<String> {
    std::env::var("PARCELLE_GIT_TOKEN").ok().filter(|token| !token.is_empty())
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

struct Daemon<'a> {
    args: &'a RunArgs,
    output: &'a Output,
    source: Source,
    known: Known,
    clusters: Option<Clusters>,
    leases: Leases,
    /// Clusters that somebody else writes to, with the reason: this one stands by.
    standby: BTreeMap<Name, String>,
    /// The commit of the last round.
    at: Option<CommitId>,
    /// How things stood when it was told last: a loop says a thing once, and again when it is another.
    told: String,
}

impl Daemon<'_> {
    /// Round after round until somebody says stop. A failure of the world is told, and tried again at the next event.
    async fn turns(&mut self) -> Result<Exit, Failure> {
        let mut events = Events::every(self.args.interval, self.args.resync);
        let mut event = Event::Resync;
        loop {
            if let Err(failure) = self.turn(event).await {
                self.output.failure(&failure);
                self.output.note("parcelle goes on and tries again");
            }
            let clock = self.known.next_change().map(until);
            event = events.next(clock, interrupted()).await;
            if event == Event::Stop {
                return Ok(Exit::Good);
            }
        }
    }

    /// One turn: fetch, check, reconcile, report.
    async fn turn(&mut self, event: Event) -> Result<Exit, Failure> {
        // What another parcelle wrote meanwhile is not known here.
        let event = if self.standby.is_empty() { event } else { Event::Resync };
        let head = tokio::task::block_in_place(|| self.source.mirror.fetch())?; // IO
        if event == Event::Poll && self.at.as_ref() == Some(&head) && !self.known.is_open() {
            return Ok(Exit::Good);
        }
        let now = now();
        let mut checked = self.examine(&head, now)?; // pure, from Git's objects
        if let Some(garden) = &checked.garden
            && self.clusters.as_ref().is_none_or(|clusters| !clusters.cover(garden))
        {
            self.reach(&checked, now).await?; // IO
            checked = self.examine(&head, now)?; // pure, now against what is applied
        }
        let round = self.round(&checked, event, now).await; // IO
        let exit = self.report(&checked, &round, event)?;
        self.at = Some(head);
        Ok(exit)
    }

    fn examine(&mut self, head: &CommitId, now: jiff::Timestamp) -> Result<Checked, Failure> {
        let snapshot = commit_snapshot(self.source.mirror.repository(), &head.0, self.source.folder.as_deref())?;
        Ok(daemon::examine(&mut self.known, snapshot, now))
    }

    /// Connects to the garden's clusters and reads what is applied there.
    async fn reach(&mut self, checked: &Checked, now: jiff::Timestamp) -> Result<(), Failure> {
        let Some(garden) = &checked.garden else { return Ok(()) };
        if let Some(clusters) = self.clusters.take() {
            clusters.close().await;
        }
        let clusters = Clusters::reach(&self.args.clusters, garden, self.output).await?;
        let connections = clusters.connections();
        let world = World { clusters: &connections, repository: Some(self.source.mirror.repository()), progress: None };
        daemon::learn(&mut self.known, &world, garden, now).await;
        self.clusters = Some(clusters);
        Ok(())
    }

    async fn round(&mut self, checked: &Checked, event: Event, now: jiff::Timestamp) -> Round {
        let connections = self.clusters.as_ref().map(Clusters::connections).unwrap_or_default();
        let bar = Bar::start(self.output);
        let progress = bar.as_ref().map(Bar::sender);
        let world = World { clusters: &connections, repository: Some(self.source.mirror.repository()), progress };
        let asked =
            Asked { now, wait: self.args.waiting.limit(), only: None, whole: event == Event::Resync, ask: true };
        let prepared = daemon::prepare(&self.known, &world, checked, &asked).await;
        let mut refused = BTreeMap::new();
        let mut round = match (prepared, &checked.garden) {
            (Some(prepared), Some(garden)) => {
                if self.clusters.as_ref().is_some_and(Clusters::are_shared) {
                    refused = self.leases.take(&connections, garden, self.args.once).await;
                }
                let prepared = prepared.permitted(self.leases.permits(), &refused);
                daemon::carry_out(&mut self.known, &world, checked, prepared).await
            }
            _ => Round::default(),
        };
        drop(world);
        if let Some(bar) = bar {
            bar.finish().await;
        }
        if let Some(clusters) = &self.clusters {
            round.unreached.extend(clusters.unreached());
        }
        self.stand_by(refused, &mut round);
        round
    }

    /// Says, once, on which clusters somebody else writes. A single round has failed there; the loop stands by.
    fn stand_by(&mut self, refused: BTreeMap<Name, String>, round: &mut Round) {
        if self.args.once {
            round.unreached.extend(refused);
            return;
        }
        for (cluster, why) in refused.iter().filter(|(cluster, _)| !self.standby.contains_key(*cluster)) {
            self.output.note(&format!("cluster {cluster}: {why}; this one stands by"));
        }
        self.standby = refused;
    }

    fn report(&mut self, checked: &Checked, round: &Round, event: Event) -> Result<Exit, Failure> {
        let shown = Shown { checked, round, loud: self.args.once || event != Event::Clock };
        let shape = Shape {
            format: self.args.format,
            colour: self.output.colour(),
            verbose: self.output.verbose(),
            daemon: !self.args.once,
        };
        let standing = shown.standing();
        if self.args.once || shown.writes() || standing != self.told {
            self.output.result(&shown.text(shape))?;
        }
        self.told = standing;
        Ok(shown.exit())
    }
}

/// How long from now, at least a second.
fn until(at: jiff::Timestamp) -> Duration {
    let seconds = at.as_second().saturating_sub(now().as_second()).max(1);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(1))
}
