//! Gardens of 10, 100 and 1,000 organisations through the daemon's own functions, against a sandbox in a process of its own:
//! `cargo bench --bench scale [-- SIZE…]` prints the table of `docs/performance.md`. Each size runs in a process of its own,
//! so that its memory is its own.
#![expect(clippy::disallowed_methods, reason = "a benchmark is a surface")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parcelle::check::Checked;
use parcelle::cluster::{self, Access, Connection, Limits, Reading, RequestCounts};
use parcelle::daemon::{self, Asked, Known, Round, Watching, World};
use parcelle::git::{Commit, CommitId, RawFile, Snapshot};
use parcelle::model::Garden;
use parcelle::name::Name;
use tokio::sync::Notify;

use generated::Size;
use process::{cpu, peak};

#[expect(dead_code, reason = "shared with other benchmarks and tests")]
mod generated;
mod process;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word.parse::<usize>().is_ok()).collect();
    if let (Ok(one), [size]) = (std::env::var("PARCELLE_SCALE"), arguments.as_slice()) {
        return measure(size.parse().expect("it was parsed before"), &one);
    }
    let sizes =
        if arguments.is_empty() { vec!["10".to_owned(), "100".to_owned(), "1000".to_owned()] } else { arguments };
    println!("| organisations | objects | what | wall | CPU | requests (reads, trials, writes) | memory at most |");
    println!("|---|---|---|---|---|---|---|");
    for (at, size) in sizes.iter().enumerate() {
        let sandbox = Sandbox::start(18_600 + at);
        let this = std::env::current_exe().expect("this program has a path");
        let status = Command::new(this).arg(size).env("PARCELLE_SCALE", &sandbox.kubeconfig).status();
        assert!(status.is_ok_and(|status| status.success()), "{size} organisations");
    }
}

/// A sandbox as it starts by default, its controllers too.
struct Sandbox {
    child: Child,
    kubeconfig: String,
    folder: std::path::PathBuf,
}

impl Sandbox {
    fn start(port: usize) -> Self {
        let folder = std::env::temp_dir().join(format!("parcelle-scale-{}-{port}", std::process::id()));
        let garden = folder.join("garden");
        std::fs::create_dir_all(&garden).expect("a folder");
        for file in files(2) {
            std::fs::write(garden.join(file.path.replace('/', "-")), file.bytes).expect("a file");
        }
        let kubeconfig = folder.join("kubeconfig").display().to_string();
        let child = Command::new(env!("CARGO_BIN_EXE_parcelle"))
            .args(["sandbox", "--quiet", "--listen", &format!("127.0.0.1:{port}")])
            .args(["--garden", &garden.display().to_string(), "--kubeconfig", &kubeconfig, "--state", "none"])
            .stdout(Stdio::null())
            .spawn()
            .expect("the sandbox starts");
        let begun = Instant::now();
        while !std::path::Path::new(&kubeconfig).exists() {
            assert!(begun.elapsed() < Duration::from_mins(1), "the sandbox did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, kubeconfig, folder }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn file(path: String, text: &str) -> RawFile {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let blob = digest.as_ref().iter().fold(String::new(), |mut blob, byte| {
        let _ = write!(blob, "{byte:02x}");
        blob
    });
    RawFile { path, bytes: text.as_bytes().into(), blob }
}

/// A garden of so many organisations: about 49 objects each.
fn files(organisations: usize) -> Vec<RawFile> {
    generated::files(organisations, Size::Short).into_iter().map(|(path, text)| file(path, &text)).collect()
}

fn organisation(at: usize, storage: usize) -> RawFile {
    file(generated::path(at), &generated::organisation(at, Size::Short, storage))
}

fn snapshot(files: Vec<RawFile>, commit: &str) -> Snapshot {
    let id = CommitId(commit.to_owned());
    let commit = Commit { id, summary: String::new(), author: String::new(), time: 0 };
    Snapshot { commit: Some(commit), folder: String::new(), files }
}

fn measure(organisations: usize, kubeconfig: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(rounds(organisations, kubeconfig));
}

async fn rounds(organisations: usize, kubeconfig: &str) {
    let ada = Name::new("ada").expect("a name");
    let kubeconfig = std::fs::read_to_string(kubeconfig).expect("the kubeconfig of the sandbox");
    let access = Access::Text { kubeconfig, context: "ada".to_owned() };
    let connection = cluster::connect(&ada, &access, Limits::default()).await.expect("a connection");
    let clusters = BTreeMap::from([(ada, connection.clone())]);
    let bell = Arc::new(Notify::new());
    let mut known = Known::default();
    known.watching = Watching::begin(&clusters, &Name::new("scale").expect("a name"), &bell);
    let mut all = files(organisations);
    let mut table = Table { organisations, objects: 0, connection, begun: Mark::now() };

    table.start();
    let checked = examine(&mut known, all.clone(), "c1");
    table.objects = checked.objects.values().map(|packed| packed.objects).sum();
    table.row("check and render, cold");
    let world = World { clusters: &clusters, repository: None, progress: None };
    daemon::learn(&mut known, &world, garden(&checked), now()).await;
    for (what, commit, storage, whole) in [
        ("first apply of everything", "c1", 20, true),
        ("nothing changed, everything compared", "c1", 20, true),
        ("nothing changed, a new commit", "c2", 20, false),
        ("one setting of one organisation changed", "c3", 30, false),
    ] {
        let last = all.iter().position(|file| file.path == "organisations/org-0.kdl").expect("it has one organisation");
        all[last] = organisation(0, storage);
        table.start();
        let checked = examine(&mut known, all.clone(), commit);
        let round = round(&mut known, &world, &checked, whole).await;
        assert!(round.outcome.as_ref().is_none_or(|outcome| !outcome.is_open()), "{what}: something is left to do");
        table.row(what);
    }
}

fn examine(known: &mut Known, files: Vec<RawFile>, commit: &str) -> Checked {
    let checked = daemon::examine(known, snapshot(files, commit), now());
    assert!(checked.findings.iter().next().is_none(), "the garden has findings: {:?}", checked.findings.iter().next());
    checked
}

async fn round(known: &mut Known, world: &World<'_>, checked: &Checked, whole: bool) -> Round {
    let reading = if whole { Reading::Lean } else { Reading::Watched };
    let asked = Asked { wait: Some(Duration::from_mins(10)), whole, reading, brief: true, ..Asked::everything(now()) };
    daemon::round(known, world, checked, &asked, (BTreeMap::new(), &BTreeMap::new())).await
}

fn garden(checked: &Checked) -> &Garden {
    checked.garden.as_ref().expect("there is a garden")
}

fn now() -> jiff::Timestamp {
    "2026-11-20T12:00:00Z".parse().expect("a moment")
}

struct Table {
    organisations: usize,
    objects: usize,
    connection: Connection,
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
    fn start(&mut self) {
        // The peak that follows is this row's own.
        let _unsupported = std::fs::write("/proc/self/clear_refs", "5");
        self.begun = Mark { requests: self.connection.counts(), ..Mark::now() };
    }

    fn row(&self, what: &str) {
        let (then, requests) = (&self.begun, self.connection.counts());
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
