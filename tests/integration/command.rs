//! The built program as a process of its own, in surroundings of its own: home, state, kubeconfig, temporary folder and a
//! garden to work in lie below one folder that goes with the test, and the environment holds nothing else.
//!
//! Nothing else starts a process (`tidy/surroundings.rs` watches that), so no test depends on the developer's settings or leaves files in
//! their home. Repositories are made by the library that parcelle reads them with.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test's own scaffold")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::Signal;

/// How long a process may take to say or to end what a test waits for.
const PATIENCE: Duration = Duration::from_mins(10);

/// When the first commit of a garden was made: 2026-01-01T00:00:00Z. Each further one is a minute younger.
const FIRST_COMMIT: i64 = 1_767_225_600;

/// What the environment of every process says, with paths below the folder of the test.
const PATHS: [(&str, &str); 7] = [
    ("HOME", "home"),
    ("XDG_STATE_HOME", "state"),
    ("XDG_CONFIG_HOME", "config"),
    ("XDG_CACHE_HOME", "cache"),
    ("TMPDIR", "tmp"),
    ("PATH", "programs"),
    ("KUBECONFIG", "kubeconfig"),
];

/// What the environment of every process says, as it is.
const WORDS: [(&str, &str); 3] = [("HOSTNAME", "test"), ("TZ", "UTC"), ("COLUMNS", "100")];

/// What sets the clock of a process.
const CLOCK: &str = "PARCELLE_CLOCK_OFFSET";

/// What the clock of every process shows when its test begins: noon in Paris, when nothing is asleep.
const NOON: &str = "2026-11-20T11:00:00Z";

/// A folder with everything that the program reads or writes, and a clock.
pub(crate) struct TestEnvironment {
    root: tempfile::TempDir,
    /// How many seconds the clock of the program is ahead of the machine's.
    clock_offset: i64,
}

impl TestEnvironment {
    /// An empty home and an empty garden folder, in which commands are run.
    pub(crate) fn new() -> Self {
        let mut environment = Self { root: tempfile::tempdir().unwrap(), clock_offset: 0 };
        environment.set_clock(NOON);
        for (_, folder) in PATHS.iter().filter(|(variable, _)| *variable != "KUBECONFIG") {
            std::fs::create_dir_all(environment.path(folder)).unwrap();
        }
        std::fs::create_dir_all(environment.path("garden")).unwrap();
        environment
    }

    /// Sets the clock of programs that are started from now on; it goes on from there.
    pub(crate) fn set_clock(&mut self, time: &str) {
        let time: jiff::Timestamp = time.parse().unwrap();
        self.clock_offset = time.as_second() - jiff::Timestamp::now().as_second();
    }

    /// A path below the folder of the test. `garden` is the garden, `kubeconfig` where the program looks for one,
    /// `state` the user's state folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file below the folder of the test, and the folders above it.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<str>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.as_ref()).unwrap();
    }

    /// Reads a file below the folder of the test.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes files of the garden; others stay as they are.
    pub(crate) fn garden(&self, files: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>) {
        files.into_iter().for_each(|(name, text)| self.write(&format!("garden/{}", name.as_ref()), text));
    }

    /// The garden's repository, made on the branch `main` where there is none yet. No setting of the developer's counts in it.
    pub(crate) fn repository(&self) -> git2::Repository {
        let garden = self.path("garden");
        git2::Repository::open(&garden).unwrap_or_else(|_| {
            let mut options = git2::RepositoryInitOptions::new();
            let repository =
                git2::Repository::init_opts(&garden, options.initial_head("main").external_template(false)).unwrap();
            let mut settings = repository.config().unwrap().open_level(git2::ConfigLevel::Local).unwrap();
            settings.set_bool("core.autocrlf", false).unwrap();
            settings.set_str("core.excludesFile", "/dev/null").unwrap();
            repository
        })
    }

    /// Commits the garden folder as it is, and returns the id of the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        let repository = self.repository();
        let mut index = repository.index().unwrap();
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        index.update_all(["*"], None).unwrap();
        index.write().unwrap();
        let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
        let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
        let time = parent.as_ref().map_or(FIRST_COMMIT, |parent| parent.time().seconds() + 60);
        let who = git2::Signature::new("Tim", "tim@example.org", &git2::Time::new(time, 0)).unwrap();
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        repository.commit(Some("HEAD"), &who, &who, message, &tree, &parents).unwrap().to_string()
    }

    /// Sets branch and garden folder back to a commit.
    pub(crate) fn reset(&self, commit: &str) {
        let repository = self.repository();
        let object = repository.revparse_single(commit).unwrap();
        repository.reset(&object, git2::ResetType::Hard, None).unwrap();
    }

    /// Everything in the environment of the program.
    pub(crate) fn variables(&self) -> BTreeMap<String, OsString> {
        let paths = PATHS.iter().map(|(variable, name)| ((*variable).to_owned(), self.path(name).into_os_string()));
        let words = WORDS.iter().map(|(variable, word)| ((*variable).to_owned(), word.into()));
        let clock = (CLOCK.to_owned(), self.clock_offset.to_string().into());
        paths.chain(words).chain([clock]).collect()
    }

    /// Runs the program in the garden folder until it ends.
    pub(crate) fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        self.run_with(&[], arguments)
    }

    /// Runs the program with more in its environment.
    pub(crate) fn run_with(
        &self,
        variables: &[(&str, &str)],
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Output {
        self.start(variables, arguments).end()
    }

    /// Runs the program in another folder, with more in its environment, until it ends.
    pub(crate) fn run_in(
        &self,
        folder: &str,
        variables: &[(&str, &str)],
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Output {
        let mut command = self.command(variables, arguments);
        Process::new(command.current_dir(folder).spawn().unwrap()).end()
    }

    /// Starts the program in the garden folder and leaves it running; it ends with what is returned.
    pub(crate) fn spawn(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Process {
        self.start(&[], arguments)
    }

    /// Starts the program with a clock that goes ahead of its test's by so many seconds.
    pub(crate) fn spawn_with_clock(
        &self,
        ahead: i64,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Process {
        self.start(&[(CLOCK, &(self.clock_offset + ahead).to_string())], arguments)
    }

    /// Starts `parcelle sandbox` on a port of its own, with `kubeconfig` for it, and waits until it serves.
    pub(crate) fn sandbox(&self, arguments: &[&str]) -> Process {
        let kubeconfig = self.path("kubeconfig").display().to_string();
        let own = ["sandbox", "--listen", "127.0.0.1:0", "--kubeconfig", &kubeconfig];
        let mut process = self.spawn(own.iter().chain(arguments));
        process.wait_for("Ctrl-C ends it");
        process
    }

    fn start(&self, variables: &[(&str, &str)], arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Process {
        Process::new(self.command(variables, arguments).spawn().unwrap())
    }

    fn command(&self, variables: &[(&str, &str)], arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parcelle"));
        command.env_clear().envs(self.variables()).envs(variables.iter().copied());
        command.args(arguments).current_dir(self.path("garden"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// What the program said, and how it ended.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The exit code; -1 where a signal ended it.
    pub(crate) code: i32,
}

impl Output {
    /// Standard output, then standard error.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

#[derive(Clone, Copy)]
enum Stream {
    Output,
    Error,
}

/// A running program. Dropping it kills it, so that none outlives its test.
pub(crate) struct Process {
    child: Child,
    /// Lines as they come, with their line breaks; closed when the program has closed both streams.
    coming: Mutex<Receiver<(Stream, String)>>,
    /// Lines that came and nobody has waited for yet: the two streams come in no order.
    unclaimed: Vec<String>,
    said: Output,
}

impl Process {
    fn new(mut child: Child) -> Self {
        let (sender, coming) = channel();
        follow(child.stdout.take().unwrap(), Stream::Output, sender.clone());
        follow(child.stderr.take().unwrap(), Stream::Error, sender);
        Self { child, coming: Mutex::new(coming), unclaimed: Vec::new(), said: Output::default() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line, of either stream, that contains a text and was not waited for before.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let begun = Instant::now();
        if let Some(at) = self.unclaimed.iter().position(|line| line.contains(text)) {
            return self.unclaimed.remove(at);
        }
        loop {
            match self.next_line(begun) {
                Some(line) if line.contains(text) => return line,
                Some(line) => self.unclaimed.push(line),
                None => panic!("the process ended without saying {text:?}: {:?}", self.said),
            }
        }
    }

    /// Asks it to end, as an orchestrator does first.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it at once (SIGKILL), as a full memory does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended, and returns everything that it said.
    pub(crate) fn end(mut self) -> Output {
        let begun = Instant::now();
        while self.next_line(begun).is_some() {}
        self.said.code = blocking(|| self.child.wait()).unwrap().code().unwrap_or(-1);
        std::mem::take(&mut self.said)
    }

    /// The next line; absent at the end.
    fn next_line(&mut self, begun: Instant) -> Option<String> {
        let patience = PATIENCE.saturating_sub(begun.elapsed());
        let (stream, line) = match blocking(|| self.coming.get_mut().unwrap().recv_timeout(patience)) {
            Ok(came) => came,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing came in {PATIENCE:?}: {:?}", self.said),
        };
        match stream {
            Stream::Output => self.said.stdout.push_str(&line),
            Stream::Error => self.said.stderr.push_str(&line),
        }
        Some(line)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends what a stream says, line by line, to its end.
fn follow(stream: impl Read + Send + 'static, which: Stream, sender: Sender<(Stream, String)>) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let _ = sender.send((which, String::from_utf8_lossy(&line).into_owned()));
            line.clear();
        }
    });
}

/// Waits without keeping a sandbox that this test serves from answering. Such a test runs on several threads.
fn blocking<T>(wait: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(wait),
        _ => wait(),
    }
}

/// The environment of a running process, as the kernel tells it.
#[cfg(target_os = "linux")]
fn environment_of(id: u32) -> BTreeMap<String, OsString> {
    let bytes = std::fs::read(Path::new("/proc").join(id.to_string()).join("environ")).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.map(|(variable, value)| (variable.to_owned(), value.into())).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_gets_nothing_of_the_surroundings_of_the_tests() {
    let environment = TestEnvironment::new();
    let process = environment.sandbox(&["--bare", "--state", "none"]);
    let got = environment_of(process.id());
    assert_eq!(got, environment.variables(), "the environment is what is listed, and nothing else");
    let root = environment.path("").into_os_string().into_string().unwrap();
    for (variable, _) in PATHS {
        assert!(got[variable].to_str().unwrap().starts_with(&root), "{variable} is {:?}", got[variable]);
        assert_ne!(std::env::var_os(variable).as_ref(), Some(&got[variable]), "{variable} is the developer's");
    }
}

#[test]
fn what_a_process_keeps_stays_in_the_folder_of_the_test() {
    let environment = TestEnvironment::new();
    let garden = "edition 2026\n\ngarden kept-here {\n    title \"G\"\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\ncluster ada {\n    title \"Ada\"\n    \
                  uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    timezone \"Europe/Paris\"\n    provides {\n        \
                  volume storage-class { class fast; }\n    }\n}\n";
    environment.garden([("garden.kdl", garden)]);
    environment.commit("a garden");
    let said = environment.run(["run", "--once", "--sandbox"]);
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(environment.path("state/parcelle/sandbox/kept-here/ada.json").exists());
    for folder in ["home", "config", "cache", "tmp", "programs"] {
        assert_eq!(std::fs::read_dir(environment.path(folder)).unwrap().count(), 0, "{folder} stays empty");
    }
}

#[test]
fn a_process_can_be_waited_for_and_asked_to_end() {
    let environment = TestEnvironment::new();
    let mut process = environment.spawn(["sandbox", "--bare", "--listen", "127.0.0.1:0", "--state", "none"]);
    assert!(process.wait_for("cluster sandbox").contains("http://127.0.0.1:"));
    process.wait_for("Ctrl-C ends it");
    process.terminate();
    let said = process.end();
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
}

#[test]
fn the_clock_of_a_process_is_the_one_of_its_test() {
    let mut environment = TestEnvironment::new();
    let night = "edition 2026\n\norganisation alpha {\n    title A\n    cluster ada\n    domain alpha.example\n    \
                 app static-site www { nights asleep from=\"22:00\" to=\"07:00\"; }\n}\n";
    let garden = "edition 2026\n\ngarden clocks {\n    title \"G\"\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\ncluster ada {\n    title \"Ada\"\n    \
                  uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    timezone \"Europe/Paris\"\n    domain ada.example\n    provides {\n        \
                  volume storage-class { class fast; }\n        \
                  route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n}\n";
    environment.garden([("garden.kdl", garden), ("organisations/alpha.kdl", night)]);
    let replicas = |environment: &TestEnvironment| {
        let said = environment.run(["render", "--format", "json"]);
        assert_eq!(said.code, 0, "{}", said.text());
        let list: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        let deployment = list["items"].as_array().unwrap().iter().find(|item| item["kind"] == "Deployment").unwrap();
        deployment["spec"]["replicas"].clone()
    };
    assert_ne!(replicas(&environment), 0, "awake at noon");
    environment.set_clock("2026-11-20T23:30:00Z");
    assert_eq!(replicas(&environment), 0, "asleep at half past midnight in Paris");
}
