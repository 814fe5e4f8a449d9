//! Walks by chance through what people may write of the names of apps: renamed, retired, swapped, made another application, `was`
//! left out or put in. Whatever is written, no app that has data starts without it, nothing that holds data goes before its time,
//! and whoever went wrong may go back. They drive the very `Daemon` of `parcelle run`, over a Git repository and a sandbox.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use kube::api::ListParams;
use parcelle::engine::Event;
use parcelle::git::RawFile;
use serde_json::Value;

use crate::stories_loop::{Loop, Told};
use crate::stories_past::garden;

/// Applications: `wiki` has nothing in common with the others, `page` goes on from `notes`, and `book` would, under another name of
/// its volume.
const DEFINITIONS: &str = r#"edition 2026

definition notes {
    about "Notes."
    single-replica "it locks its files"
    releases { channel stable 1; release 1 image="registry.example/notes:1"; }
    needs { volume data { size 2 GiB; }; secret keys { key salt length=30; }; route web { host "${settings.at}"; to web; }; }
    workload web { port http 3000; run-as 10000; recreate "one volume"; volume data at="/data"; env SALT "${needs.keys.salt}"; ready http path="/"; }
    job upgrade { on-upgrade "moves the notes"; like web; run notes migrate; }
    job tell { on-change; like web; env SELF "http://${workloads.web.host}"; run notes tell; }
    test smallest { given { at notes.example.org; }; expect "objects.Deployment.web.spec.replicas == 1"; }
}
definition page {
    about "Pages."
    was notes
    single-replica "it locks its files"
    releases { channel stable 1; release 1 image="registry.example/notes:1"; }
    needs { volume data { size 2 GiB; }; secret keys { key salt length=30; }; route web { host "${settings.at}"; to web; }; }
    workload web { port http 3000; run-as 10000; recreate "one volume"; volume data at="/data"; env SALT "${needs.keys.salt}"; ready http path="/"; }
    test smallest { given { at notes.example.org; }; expect "objects.Deployment.web.spec.replicas == 1"; }
}
definition book {
    about "Books."
    was notes
    was page
    single-replica "it locks its files"
    releases { channel stable 1; release 1 image="registry.example/notes:1"; }
    needs { volume files { size 2 GiB; }; secret keys { key salt length=30; }; route web { host "${settings.at}"; to web; }; }
    workload web { port http 3000; run-as 10000; recreate "one volume"; volume files at="/data"; env SALT "${needs.keys.salt}"; ready http path="/"; }
    test smallest { given { at notes.example.org; }; expect "objects.Deployment.web.spec.replicas == 1"; }
}
definition wiki {
    about "A wiki."
    single-replica "it locks its files"
    releases { channel stable 1; release 1 image="registry.example/wiki:1"; }
    needs { volume data { size 2 GiB; }; route web { host "${settings.at}"; to web; }; }
    workload web { port http 3000; run-as 10000; recreate "one volume"; volume data at="/data"; ready http path="/"; }
    test smallest { given { at notes.example.org; }; expect "objects.Deployment.web.spec.replicas == 1"; }
}
"#;

const NAMES: [&str; 4] = ["pads", "memo", "texts", "log"];
const APPLICATIONS: [&str; 4] = ["notes", "wiki", "page", "book"];

/// The time for which data is kept.
const KEPT: i64 = 30 * 86_400;

/// Chance that is the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// One app as the organisation's file writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    retired: bool,
    application: &'static str,
    name: &'static str,
    was: Option<&'static str>,
}

impl Line {
    fn data(&self) -> &'static str {
        self.was.unwrap_or(self.name)
    }
}

fn text(lines: &[Line]) -> String {
    lines.iter().fold(String::new(), |mut text, Line { retired, application, name, was }| {
        let was = was.map(|was| format!("was {was}; ")).unwrap_or_default();
        let (word, keep) = if *retired { ("retired app", "keep-data 30 days; ") } else { ("app", "") };
        let body = format!("{was}{keep}");
        let body = if body.is_empty() { body } else { format!(" {{ {body}}}") };
        writeln!(text, "    {word} {application} {name}{body}").unwrap();
        text
    })
}

fn files(lines: &[Line], turn: usize) -> Vec<RawFile> {
    let mut files = garden(&format!("{}    // {turn}\n", text(lines)));
    let notes = files.iter_mut().find(|file| file.path == "notes.kdl").unwrap();
    notes.bytes = DEFINITIONS.as_bytes().to_vec().into();
    files
}

/// Writes something else about the names of apps.
fn edit(lines: &mut Vec<Line>, chance: &mut Chance) -> bool {
    if lines.is_empty() {
        lines.push(Line { retired: false, application: chance.of(&APPLICATIONS), name: chance.of(&NAMES), was: None });
        return false;
    }
    let at = chance.below(lines.len());
    let (name, other) = (chance.of(&NAMES), chance.below(lines.len()));
    let free = lines.iter().all(|line| line.name != name);
    // What was renamed and retired is where names are forgotten.
    let slept = lines.iter().position(|line| line.retired && (line.was.is_some() || chance.below(3) == 0));
    if let Some(at) = slept.filter(|_| chance.below(3) == 0) {
        match lines[at].was {
            Some(_) => lines[at].was = None,
            None => lines[at].retired = false,
        }
        return false;
    }
    match chance.below(12) {
        0 | 1 if free => {
            lines[at].was = Some(lines[at].data()).filter(|data| *data != name);
            lines[at].name = name;
        }
        2 if free => lines[at].name = name,
        3 | 4 => lines[at].retired = !lines[at].retired,
        5 => lines[at].was = None,
        6 => lines[at].was = Some(name),
        7 => {
            lines[at].application = chance.of(&APPLICATIONS);
            return true;
        }
        8 => drop(lines.remove(at)),
        9 if free => {
            lines.push(Line { retired: chance.below(4) == 0, application: chance.of(&APPLICATIONS), name, was: None });
        }
        10 if at != other => {
            let names = (lines[at].name, lines[other].name);
            let data = (lines[at].data(), lines[other].data());
            (lines[at].name, lines[other].name) = (names.1, names.0);
            (lines[at].was, lines[other].was) =
                (Some(data.0).filter(|data| *data != names.1), Some(data.1).filter(|data| *data != names.0));
        }
        11 => {
            let data = lines[at].data();
            lines[at].retired = true;
            if free {
                lines[at].was = Some(data).filter(|data| *data != name);
                lines[at].name = name;
            }
        }
        _ => {}
    }
    false
}

/// What is known of the data by a name of it.
#[derive(Clone, Debug)]
struct Known {
    line: Line,
    retired_since: Option<i64>,
}

struct Walk {
    this: Loop,
    /// What was brought about whole last.
    lines: Vec<Line>,
    known: BTreeMap<String, Known>,
    claims: BTreeMap<String, String>,
    /// The Jobs that were made since the data of their app was.
    jobs: BTreeSet<String>,
    told: Vec<String>,
    turns: usize,
}

fn is_good(told: &Told) -> bool {
    !told.open && !told.findings.iter().any(|found| found.starts_with('E'))
}

impl Walk {
    async fn begun() -> Self {
        let lines = vec![
            Line { retired: false, application: "notes", name: "pads", was: None },
            Line { retired: false, application: "wiki", name: "memo", was: None },
        ];
        let this = Loop::begun_with(&files(&lines, 0)).await;
        let mut walk = Self {
            this,
            lines: lines.clone(),
            known: BTreeMap::new(),
            claims: BTreeMap::new(),
            jobs: BTreeSet::new(),
            told: vec![text(&lines)],
            turns: 0,
        };
        walk.claims = walk.live_claims().await;
        walk.learn(&lines);
        walk
    }

    async fn objects(&self, api_version: &str, kind: &str) -> Vec<Value> {
        let all = self.this.api(api_version, kind, "alpha").list(&ListParams::default()).await.unwrap();
        all.items.iter().map(|one| serde_json::to_value(one).unwrap()).collect()
    }

    async fn live_claims(&self) -> BTreeMap<String, String> {
        let all = self.objects("v1", "PersistentVolumeClaim").await.into_iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        all.map(|claim| (text(&claim["metadata"]["name"]), text(&claim["metadata"]["uid"]))).collect()
    }

    /// Takes these lines for what is applied.
    fn learn(&mut self, lines: &[Line]) {
        let has_data = |data: &str| self.claims.keys().any(|claim| claim.starts_with(&format!("{data}-")));
        let now = self.this.now.as_second();
        for line in lines.iter().filter(|line| has_data(line.data())) {
            let before = self.known.get(line.data()).and_then(|known| known.retired_since);
            let retired_since = line.retired.then(|| before.unwrap_or(now));
            self.known.insert(line.data().to_owned(), Known { line: *line, retired_since });
        }
        self.known.retain(|data, _| has_data(data));
    }

    /// Pushes lines, lets the loop do what it will, and looks at what came of it.
    async fn say(&mut self, lines: &[Line]) -> bool {
        self.turns += 1;
        let mut told = self.this.pushed(&files(lines, self.turns)).await;
        self.told.push(format!("{}{:?} {:?}", text(lines), told.findings, told.writes));
        self.look(lines, &told).await;
        for _ in 0..4 {
            if told.writes.is_empty() {
                break;
            }
            told = self.this.turn(Event::Resync).await.unwrap();
            self.told.push(format!("again: {:?} {:?}", told.findings, told.writes));
            self.look(lines, &told).await;
        }
        is_good(&told)
    }

    fn path(&self) -> String {
        self.told.join("\n")
    }

    async fn look(&mut self, lines: &[Line], told: &Told) {
        let (before, now) = (self.claims.clone(), self.live_claims().await);
        for (claim, uid) in &now {
            let data = claim.rsplit_once('-').unwrap().0;
            if before.get(claim) == Some(uid) {
                continue;
            }
            assert!(!before.contains_key(claim), "{claim} is another one\n{}", self.path());
            let of = lines.iter().find(|line| line.data() == data);
            let of = of.unwrap_or_else(|| panic!("{claim} is nobody's\n{}", self.path()));
            let had = self.known.iter().find(|(known, had)| *known == data || had.line.name == of.name);
            assert!(had.is_none(), "{claim} is made empty, and {had:?} has data\n{}", self.path());
        }
        for claim in before.keys().filter(|claim| !now.contains_key(*claim)) {
            let data = claim.rsplit_once('-').unwrap().0;
            let since = self.known.get(data).and_then(|known| known.retired_since);
            let is_due = since.is_some_and(|since| since + KEPT <= self.this.now.as_second());
            assert!(is_due, "{claim} went before its time\n{}", self.path());
            self.jobs.retain(|job| !job.starts_with(&format!("{data}-")));
        }
        self.claims = now;
        self.look_at_pods(lines).await;
        for job in told.writes.iter().filter_map(|write| write.strip_prefix("Create Job ")) {
            let data = job.split("--").next().unwrap();
            let is_retired = lines.iter().any(|line| line.retired && line.data() == data);
            assert!(!is_retired, "{job} runs although its app is retired\n{}", self.path());
            // Whatever its inputs: none of them is another one here.
            let name = job.rsplit_once('-').unwrap().0;
            assert!(self.jobs.insert(name.to_owned()), "{job} runs again\n{}", self.path());
        }
    }

    /// No two workloads have one volume, and what runs has that of its data.
    async fn look_at_pods(&self, lines: &[Line]) {
        let mut of_claims: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for workload in self.objects("apps/v1", "Deployment").await {
            let name = workload["metadata"]["name"].as_str().unwrap().to_owned();
            let volumes = workload["spec"]["template"]["spec"]["volumes"].as_array().cloned().unwrap_or_default();
            for claim in volumes.iter().filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str()) {
                of_claims.entry(claim.to_owned()).or_default().push(name.clone());
            }
        }
        for (claim, workloads) in of_claims {
            assert_eq!(workloads.len(), 1, "{workloads:?} have {claim} with {lines:?}\n{}", self.path());
        }
    }

    /// What is applied as it was, but for what is there by now that was not: that holds data and is retired.
    fn back(&self, lines: &[Line]) -> Vec<Line> {
        let mut back = self.lines.clone();
        let begun = lines.iter().filter(|line| {
            let is_there = self.claims.keys().any(|claim| claim.starts_with(&format!("{}-", line.data())));
            is_there && !self.known.contains_key(line.data())
        });
        back.extend(begun.map(|line| Line { retired: true, ..*line }));
        back
    }

    async fn step(&mut self, chance: &mut Chance, lines: &mut Vec<Line>) {
        for _ in 0..=chance.below(2) {
            let before = lines.clone();
            if edit(lines, chance) && before != self.lines {
                *lines = before;
            }
        }
        if chance.below(12) == 0 {
            self.this.now += jiff::SignedDuration::from_hours(24 * 31);
        }
        if self.say(lines).await {
            self.lines.clone_from(lines);
            self.learn(&lines.clone());
        } else if chance.below(3) > 0 {
            let back = self.back(lines);
            assert!(self.say(&back).await, "the way back is refused\n{}", self.path());
            self.learn(&back);
            self.lines.clone_from(&back);
            *lines = back;
        }
    }
}

async fn walked(seed: u64, steps: usize) {
    let (mut walk, mut chance) = (Walk::begun().await, Chance(0x9e37_79b9_7f4a_7c15 ^ (seed << 17 | seed)));
    let mut lines = walk.lines.clone();
    walk.told.insert(0, format!("walk {seed}"));
    for _ in 0..steps {
        walk.step(&mut chance, &mut lines).await;
    }
    walk.this.ended().await;
}

/// `PARCELLE_TEST_WALKS` walks, of 14 commits each; three where that is not set, from the twelfth on: that one finds what a retired app forgets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_written_of_names_no_app_starts_without_its_data_and_there_is_a_way_back() {
    if crate::story::real().is_some() {
        return;
    }
    let walks = std::env::var("PARCELLE_TEST_WALKS").ok().and_then(|walks| walks.parse().ok()).unwrap_or(3);
    let from = std::env::var("PARCELLE_TEST_WALKS_FROM").ok().and_then(|walk| walk.parse().ok()).unwrap_or(12);
    for seed in from..from + walks {
        walked(seed, 14).await;
    }
}
