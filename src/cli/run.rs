//! `parcelle run`: the loop.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use super::clusters::Clusters;
use super::progress::Bar;
use super::sandbox::interrupted;
use super::show::{Shape, ShowFormat, Shown};
use super::workspace::{Workspace, identity, now, state_folder};
use super::{ClusterFlags, Common, Exit, Failure, Output};
use crate::check::Checked;
use crate::cluster::Reading;
use crate::cluster::lease::Timing;
use crate::daemon::{
    self, Asked, Event, Events, Known, Leases, Round, VERIFY_EVERY, VERIFY_PACE, Waits, Watching, World,
};
use crate::git::{CommitId, Mirror, Remote, Snapshot, commit_snapshot_after};
use crate::name::Name;
use crate::reconcile::Ask;

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
    let mut daemon = Daemon {
        args,
        output,
        source,
        known,
        clusters: None,
        leases,
        standby,
        checked: None,
        events: Events::every(args.interval, args.resync),
        next_verification: Instant::now() + VERIFY_EVERY,
        told: String::new(),
    };
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
    /// What was read last.
    read: Option<Snapshot>,
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
        Ok(Self { mirror: Mirror::open(&mirror, remote)?, folder, read: None })
    }

    /// The garden of a commit; what it has in common with the one read before is not read again.
    fn snapshot(&mut self, head: &CommitId) -> Result<Snapshot, Failure> {
        let (repository, folder) = (self.mirror.repository(), self.folder.as_deref());
        let snapshot = commit_snapshot_after(repository, &head.0, folder, self.read.as_ref())?;
        self.read = Some(snapshot.clone());
        Ok(snapshot)
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
    /// What the last round was about.
    checked: Option<Checked>,
    events: Events,
    /// When everything is verified with the servers again.
    next_verification: Instant,
    /// How things stood when it was told last: a loop says a thing once, and again when it is another.
    told: String,
}

impl Daemon<'_> {
    /// Round after round until somebody says stop. A failure of the world is told, and tried again at the next event.
    async fn turns(&mut self) -> Result<Exit, Failure> {
        let mut event = Event::Resync;
        loop {
            if let Err(failure) = self.turn(event).await {
                self.output.failure(&failure);
                self.output.note("parcelle goes on and tries again");
            }
            if Instant::now() >= self.next_verification {
                self.next_verification = Instant::now() + VERIFY_EVERY;
                self.verify_all();
            }
            event = self.events.next(self.waits(), interrupted()).await;
            if event == Event::Stop {
                return Ok(Exit::Good);
            }
        }
    }

    /// What is due by itself.
    fn waits(&self) -> Waits {
        let millis = |at: i64| Duration::from_millis(u64::try_from(at - now().as_millisecond()).unwrap_or(0));
        let attention = &self.known.attention;
        let daily = self.next_verification.saturating_duration_since(Instant::now());
        Waits {
            clock: self.known.next_change().map(until),
            due: attention.next_due().map(millis),
            verify: Some(if attention.has_to_verify() { VERIFY_PACE } else { daily }),
        }
    }

    fn verify_all(&mut self) {
        let all: Vec<Name> = self.known.attention.objects().map(|(name, _)| name.clone()).collect();
        self.known.attention.verify(all.into_iter());
    }

    /// One turn: fetch, check, reconcile, report. What only the clusters stirred needs neither fetch nor check.
    async fn turn(&mut self, event: Event) -> Result<Exit, Failure> {
        // What another parcelle wrote meanwhile is not known here.
        let event = if self.standby.is_empty() || event == Event::Poll { event } else { Event::Resync };
        let now = now();
        let mut asked = self.asked(event, now);
        if let Some(checked) = self.checked.take_if(|_| !matches!(event, Event::Poll | Event::Resync | Event::Clock)) {
            let exit =
                if asked.also.is_empty() { Ok(Exit::Good) } else { self.reconcile(&checked, &asked, event).await };
            self.checked = Some(checked);
            return exit;
        }
        let head = tokio::task::block_in_place(|| self.source.mirror.fetch())?; // IO
        let known = self.checked.as_ref().and_then(|checked| checked.commit.as_ref());
        if event == Event::Poll && known.is_some_and(|commit| commit.id == head) && self.standby.is_empty() {
            return Ok(Exit::Good);
        }
        let mut checked = self.examine(&head, now)?; // pure, from Git's objects
        if let Some(garden) = &checked.garden
            && self.clusters.as_ref().is_none_or(|clusters| !clusters.cover(garden))
        {
            self.reach(&checked, now).await?; // IO
            checked = self.examine(&head, now)?; // pure, now against what is applied
            asked = Asked { whole: true, ..asked };
        }
        let exit = self.reconcile(&checked, &asked, event).await; // IO
        self.checked = Some(checked);
        exit
    }

    /// What a round after an event is about.
    fn asked(&mut self, event: Event, now: jiff::Timestamp) -> Asked {
        let whole = event == Event::Resync || !self.standby.is_empty();
        let brief = self.args.format == ShowFormat::Text && !self.output.verbose();
        let everything = Asked { reading: Reading::Lean, brief, ..Asked::everything(now) };
        if self.args.once {
            return Asked { wait: self.args.waiting.limit(), ..everything };
        }
        let attention = &self.known.attention;
        let stir = self.known.watching.stirred(attention);
        let mut also = attention.due(now.as_millisecond());
        also.extend(stir.organisations);
        let rested = attention.rested(now.as_millisecond());
        let rendered = self.checked.iter().flat_map(|checked| &checked.objects);
        also.extend(rendered.filter(|(_, one)| rested.contains(&one.cluster)).map(|(name, _)| name.clone()));
        if stir.facts {
            // What failed for want of a kind may go now.
            let open = self.known.attention.objects().map(|(name, _)| name.clone());
            also.extend(open.filter(|name| self.known.attention.is_open_in(name)));
            self.verify_all();
        }
        let mut asked = Asked {
            ask: Ask::WhereItDecides,
            // Nothing is waited for: what becomes ready is told by its watch.
            wait: self.args.waiting.limit().map(|_| Duration::ZERO),
            whole,
            also,
            reading: if whole { Reading::Lean } else { Reading::Watched },
            ..everything
        };
        if event == Event::Verify
            && let Some(next) = self.known.attention.next_to_verify()
        {
            asked = Asked { also: BTreeSet::from([next]), reading: Reading::Bodies, ask: Ask::Everything, ..asked };
        }
        asked
    }

    fn examine(&mut self, head: &CommitId, now: jiff::Timestamp) -> Result<Checked, Failure> {
        let snapshot = self.source.snapshot(head)?;
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
        if !self.args.once {
            self.known.watching = Watching::begin(&connections, &garden.name, self.events.bell());
        }
        let world = World { clusters: &connections, repository: Some(self.source.mirror.repository()), progress: None };
        daemon::learn(&mut self.known, &world, garden, now).await;
        self.clusters = Some(clusters);
        Ok(())
    }

    /// Reads, plans, applies, and says what came of it.
    async fn reconcile(&mut self, checked: &Checked, asked: &Asked, event: Event) -> Result<Exit, Failure> {
        let connections = self.clusters.as_ref().map(Clusters::connections).unwrap_or_default();
        let mut refused = BTreeMap::new();
        if let Some(garden) = &checked.garden
            && self.clusters.as_ref().is_some_and(Clusters::are_shared)
        {
            refused = self.leases.take(&connections, garden, self.args.once).await;
        }
        let bar = Bar::start(self.output);
        let progress = bar.as_ref().map(Bar::sender);
        let world = World { clusters: &connections, repository: Some(self.source.mirror.repository()), progress };
        let permits = (self.leases.permits(), &refused);
        let mut round = daemon::round(&mut self.known, &world, checked, asked, permits).await;
        drop(world);
        if let Some(bar) = bar {
            bar.finish().await;
        }
        if let Some(clusters) = &self.clusters {
            round.unreached.extend(clusters.unreached());
        }
        self.stand_by(refused, &mut round);
        self.report(checked, &round, event)
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
        let shown = Shown { checked, round, loud: self.args.once || matches!(event, Event::Poll | Event::Resync) };
        let shape = Shape {
            format: self.args.format,
            drawing: self.output.drawing(),
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
