//! Checking gardens of any size: `cargo bench --bench garden [-- SIZE…]` prints the table of `docs/performance.md`. Each size
//! runs in a process of its own, so that its memory is its own.
#![expect(clippy::disallowed_methods, reason = "a benchmark is a surface")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use generated::Size;
use parcelle::check::Checked;
use parcelle::engine::Known;
use parcelle::git::{Repository, Snapshot, commit_snapshot_after};
use process::{cpu, peak};

#[expect(dead_code, reason = "shared with other benchmarks and tests")]
mod generated;
mod process;
mod repository;

/// How often what is short is measured; the median counts.
const TIMES: usize = 21;

fn main() {
    parcelle::allocator::purge_soon();
    let begun = Instant::now();
    let sizes: Vec<String> = std::env::args().skip(1).filter(|word| word.parse::<usize>().is_ok()).collect();
    if let (Ok(folder), [size]) = (std::env::var("PARCELLE_GARDEN"), sizes.as_slice()) {
        return measure(size.parse().expect("it was parsed before"), Path::new(&folder), begun);
    }
    let sizes = if sizes.is_empty() { vec!["20".to_owned(), "200".to_owned(), "2000".to_owned()] } else { sizes };
    println!("| organisations | KDL | objects | what | wall | CPU | memory at most |");
    println!("|---|---|---|---|---|---|---|");
    for size in sizes {
        let folder = tempfile::tempdir().expect("a folder");
        let organisations = size.parse().expect("it was parsed before");
        let files = generated::files(organisations, Size::Long);
        repository::Repository::new(folder.path()).commit(&files, organisations);
        let this = std::env::current_exe().expect("this program has a path");
        let status = Command::new(this).arg(size).env("PARCELLE_GARDEN", folder.path()).status();
        assert!(status.is_ok_and(|status| status.success()), "{organisations} organisations");
    }
}

/// What a running parcelle knows: as the daemon reads and checks.
struct Running {
    repository: Repository,
    read: Option<Snapshot>,
    known: Known,
}

impl Running {
    fn check(&mut self, revision: &str) -> Checked {
        let snapshot = commit_snapshot_after(&self.repository, revision, None, self.read.as_ref()).expect("a snapshot");
        self.read = Some(snapshot.clone());
        let now = "2026-11-20T12:00:00Z".parse().expect("a moment");
        let checked = self.known.check(snapshot, now);
        assert!(checked.findings.is_empty(), "the garden has findings: {:?}", checked.findings.iter().next());
        checked
    }
}

fn measure(organisations: usize, folder: &Path, begun: Instant) {
    let repository = Repository::containing(folder).expect("the repository");
    let mut running = Running { repository, read: None, known: Known::default() };
    let checked = running.check("HEAD");
    let (wall, cpu, peak) = (begun.elapsed(), cpu(), peak());
    let bytes: usize = running.read.iter().flat_map(|snapshot| &snapshot.files).map(|file| file.bytes.len()).sum();
    let objects: usize = checked.objects.values().map(|packed| packed.objects).sum();
    let row = |what: &str, (wall, cpu, peak): (Duration, Duration, u64)| {
        let (wall, cpu) = (wall.as_secs_f64() * 1e3, cpu.as_secs_f64() * 1e3);
        let size = bytes.div_ceil(1000);
        println!(
            "| {organisations} | {size} kB | {objects} | {what} | {wall:.1} ms | {cpu:.0} ms | {} MB |",
            peak / 1024
        );
    };
    row("cold", (wall, cpu, peak));
    drop(checked);
    let garden = repository::Repository::open(folder);
    let middle = organisations / 2;
    row("nothing changed", median(&mut running, |_| "HEAD".to_owned()));
    row(
        "one organisation changed",
        median(&mut running, |round| {
            let text = generated::organisation(middle, Size::Long, 30 + round);
            garden.commit(&[(generated::path(middle), text)], round)
        }),
    );
    row(
        "the offer of all changed",
        median(&mut running, |round| {
            garden.commit(&[("offers/basic.kdl".to_owned(), generated::offer(65 + round))], round)
        }),
    );
}

/// Checks so many commits; the median of the wall and the mean of the processor time.
fn median(running: &mut Running, commit: impl Fn(usize) -> String) -> (Duration, Duration, u64) {
    let mut walls = Vec::new();
    let mut spent = Duration::ZERO;
    let times = if running.read.as_ref().is_some_and(|read| read.files.len() > 1000) { TIMES / 3 } else { TIMES };
    for round in 0..times {
        let revision = commit(round);
        let (begun, before) = (Instant::now(), cpu());
        let checked = running.check(&revision);
        walls.push(begun.elapsed());
        spent += cpu().saturating_sub(before);
        drop(checked);
    }
    walls.sort();
    let count = u32::try_from(times).unwrap_or(1);
    (walls[times / 2], spent / count, peak())
}
