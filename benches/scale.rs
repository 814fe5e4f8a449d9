//! Gardens of 10, 100 and 1,000 organisations through the very loop of `parcelle run`, against a sandbox in a process of its own:
//! `cargo bench --bench scale [-- SIZE…]` prints the table of `docs/performance.md`. Each size runs in a process of its own,
//! so that its memory is its own.
#![expect(clippy::disallowed_methods, reason = "a benchmark is a surface")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use parcelle::cluster::lease::Timing;
use parcelle::cluster::{Connection, RequestCounts, Shutdown};
use parcelle::engine::{ClusterAccess, Daemon, DaemonOptions, Event, Known, LeaseOptions, Source};
use parcelle::git::{Remote, commit_snapshot_after};

use command::{Process, TestEnvironment};
use generated::Size;
use process::{cpu, peak};
use repository::Repository;

#[path = "../tests/integration/command.rs"]
#[expect(dead_code, reason = "shared with tests")]
mod command;
#[expect(dead_code, reason = "shared with other benchmarks and tests")]
mod generated;
mod process;
#[expect(dead_code, reason = "shared with other benchmarks")]
mod repository;

fn main() {
    parcelle::allocator::purge_soon();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word.parse::<usize>().is_ok()).collect();
    if let (Ok(one), [size]) = (std::env::var("PARCELLE_SCALE"), arguments.as_slice()) {
        return measure(size.parse().expect("it was parsed before"), &one);
    }
    let sizes =
        if arguments.is_empty() { vec!["10".to_owned(), "100".to_owned(), "1000".to_owned()] } else { arguments };
    println!("| organisations | objects | what | wall | CPU | requests (reads, trials, writes) | memory at most |");
    println!("|---|---|---|---|---|---|---|");
    for size in &sizes {
        let environment = TestEnvironment::new();
        let _sandbox = sandbox(&environment);
        let this = std::env::current_exe().expect("this program has a path");
        let status = Command::new(this).arg(size).env("PARCELLE_SCALE", environment.path("kubeconfig")).status();
        assert!(status.is_ok_and(|status| status.success()), "{size} organisations");
    }
}

/// Serves a sandbox as it starts by default, its controllers too.
fn sandbox(environment: &TestEnvironment) -> Process {
    environment.garden(files(2));
    environment.sandbox(&["--state", "none"])
}

/// A garden of so many organisations: about 49 objects each.
fn files(organisations: usize) -> Vec<(String, String)> {
    generated::files(organisations, Size::Short)
}

fn measure(organisations: usize, kubeconfig: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    runtime.block_on(rounds(organisations, kubeconfig, folder.path()));
}

async fn rounds(organisations: usize, kubeconfig: &str, folder: &Path) {
    let repository = Repository::new(&folder.join("garden"));
    let mut number = 0;
    let mut commit = |repository: &Repository, files: &[(String, String)]| {
        number += 1;
        repository.commit(files, number);
    };
    commit(&repository, &files(organisations));
    let mut table = Table { organisations, objects: 0, begun: Mark::now() };

    let none = RequestCounts::default();
    table.start(none);
    let workspace = parcelle::git::Repository::containing(&folder.join("garden")).expect("the repository");
    let snapshot = commit_snapshot_after(&workspace, "HEAD", None, None).expect("a snapshot");
    let checked = Known::default().check(snapshot, now());
    assert!(checked.findings.iter().next().is_none(), "the garden has findings: {:?}", checked.findings.iter().next());
    table.objects = checked.objects.values().map(|packed| packed.objects).sum();
    table.row("check and render, cold", none);
    drop(checked);

    let mut daemon = daemon(kubeconfig, folder);
    let one = |storage| vec![(generated::path(0), generated::organisation(0, Size::Short, storage))];
    let ten =
        (0..10.min(organisations)).map(|at| vec![(generated::path(at), generated::organisation(at, Size::Short, 40))]);
    let further = vec![(generated::path(1), generated::organisation(1, Size::Short, 50))];
    for (what, event, commits) in [
        ("first apply of everything", Event::Resync, Vec::new()),
        ("nothing changed, everything compared", Event::Resync, Vec::new()),
        ("nothing changed, a new commit", Event::Poll, vec![one(20)]),
        ("one setting of one organisation changed", Event::Poll, vec![one(30)]),
        ("rules of consent", Event::Poll, vec![vec![("garden.kdl".to_owned(), generated::garden_by_consent())]]),
        ("ten commits to ten organisations, which wait", Event::Poll, ten.collect()),
        ("a further one while those wait", Event::Poll, vec![further]),
        (
            "the offer of all, while those wait",
            Event::Poll,
            vec![vec![("offers/basic.kdl".to_owned(), generated::offer(48))]],
        ),
    ] {
        for files in commits {
            commit(&repository, &files);
        }
        table.start(counts(&daemon));
        let turn = daemon.turn(event, now()).await.expect("a turn");
        let open = turn.and_then(|turn| turn.round.outcome).is_some_and(|outcome| outcome.is_open());
        table.row(what, counts(&daemon));
        until_settled(&mut daemon, what, open).await;
    }
    daemon.close().await;
}

/// Turns until nothing is left to do: what the controllers make ready is told by watches.
async fn until_settled(daemon: &mut Daemon, what: &str, mut open: bool) {
    let begun = Instant::now();
    loop {
        match daemon.next(now(), tokio::time::sleep(Duration::from_secs(2))).await {
            Event::Stop if !open => return,
            Event::Stop => {}
            event => {
                let turn = daemon.turn(event, now()).await.expect("a turn");
                open = turn.and_then(|turn| turn.round.outcome).is_some_and(|outcome| outcome.is_open());
            }
        }
        assert!(begun.elapsed() < Duration::from_mins(10), "{what}: something is left to do");
    }
}

/// The loop of `parcelle run`, whose timers stay silent.
fn daemon(kubeconfig: &str, folder: &Path) -> Daemon {
    let remote = Remote::open_to_all(folder.join("garden").display().to_string(), None);
    let hour = Duration::from_hours(1);
    Daemon::new(
        Source::mirror(&folder.join("mirror"), remote, None).expect("a mirror"),
        ClusterAccess::Outside { kubeconfig: Some(kubeconfig.into()), contexts: BTreeMap::new(), in_cluster: None },
        LeaseOptions {
            identity: "bench".to_owned(),
            timing: Timing::lasting(hour),
            patient: false,
            clock: jiff::Timestamp::now,
        },
        DaemonOptions { interval: hour, resync: hour, wait: Some(hour), once: false, brief: true },
        Shutdown::default(),
    )
}

fn counts(daemon: &Daemon) -> RequestCounts {
    daemon.session().connections().values().next().map(Connection::counts).unwrap_or_default()
}

fn now() -> jiff::Timestamp {
    "2026-11-20T12:00:00Z".parse().expect("a moment")
}

struct Table {
    organisations: usize,
    objects: usize,
    begun: Mark,
}

/// How far clocks and counters are.
struct Mark {
    wall: Instant,
    cpu: Duration,
    requests: RequestCounts,
}

impl Mark {
    fn now() -> Self {
        Self { wall: Instant::now(), cpu: cpu(), requests: RequestCounts::default() }
    }
}

impl Table {
    fn start(&mut self, requests: RequestCounts) {
        // The peak that follows is this row's own.
        let _unsupported = std::fs::write("/proc/self/clear_refs", "5");
        self.begun = Mark { requests, ..Mark::now() };
    }

    fn row(&self, what: &str, requests: RequestCounts) {
        let then = &self.begun;
        println!(
            "| {} | {} | {what} | {:.2} s | {:.2} s | {}, {}, {} | {} MB |",
            self.organisations,
            self.objects,
            then.wall.elapsed().as_secs_f64(),
            cpu().saturating_sub(then.cpu).as_secs_f64(),
            requests.reads - then.requests.reads,
            requests.trials - then.requests.trials,
            requests.writes - then.requests.writes,
            peak() / 1024
        );
    }
}
