//! What an app runs: workloads, jobs and their pods.

use super::{Guarded, NeedValue};
use crate::expression::{Expression, Template, Value};
use crate::name::Name;
use crate::source::{Span, Spanned};

/// What runs all the time.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Its name inside the app.
    pub name: Spanned<Name>,
    /// Its pods.
    pub pod: Pod,
    /// Ports by name.
    pub ports: Vec<Guarded<Port>>,
    /// Fewest and most replicas; 1 and 1 where not said.
    pub replicas: Option<(Template, Template)>,
    /// Whether it keeps an identity (a StatefulSet with a claim each) or not (a Deployment).
    pub stateful: bool,
    /// `recreate` where two generations must not run side by side.
    pub recreate: bool,
    /// Ready when this holds.
    pub ready: Option<Probe>,
    /// Restarted when this fails.
    pub alive: Option<Probe>,
    /// Given this long to start: until it holds, the others wait.
    pub started: Option<Probe>,
    /// Where it was declared.
    pub span: Span,
}

/// What a pod of a workload or job holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// The image.
    pub image: Template,
    /// Command and arguments; the image's own where empty. `run php -f x` is the whole command.
    pub run: Vec<Template>,
    /// The user it runs as (and the group of its volumes); must not be 0 unless `root_because`.
    pub run_as: Option<u32>,
    /// Why the image cannot run as another user than root, where so.
    pub root_because: Option<String>,
    /// Why the image needs a writable root file system, where so (`writable "reason"`).
    pub writable_because: Option<String>,
    /// Paths that get an empty scratch volume (`scratch "/tmp"`).
    pub scratch: Vec<Template>,
    /// Environment in order.
    pub env: Vec<Guarded<Env>>,
    /// Files.
    pub files: Vec<Guarded<File>>,
    /// Mounted volumes: need and path.
    pub volumes: Vec<Guarded<Mount>>,
    /// Requests and limits.
    pub resources: Resources,
}

/// `env NAME value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Env {
    /// The variable; one inside `@each` names the element.
    pub name: Template,
    /// Its value; may hold secrets.
    pub value: Template,
}

/// `file PATH format=F CONTENT`.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Where it is mounted.
    pub path: Template,
    /// How `content` is emitted and escaped.
    pub format: FileFormat,
    /// What it holds.
    pub content: FileContent,
    /// Its permission bits, as in `0644`.
    pub mode: Option<u32>,
    /// Where it was declared.
    pub span: Span,
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// As is.
    Text,
    /// YAML from children.
    Yaml,
    /// JSON from children.
    Json,
    /// INI from children: sections with keys.
    Ini,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum FileContent {
    /// One text.
    Text(Template),
    /// Data that is emitted in the file's format.
    Data(Data),
}

/// Data with templates at its leaves.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A leaf; a hole that is the whole string keeps its type.
    Leaf(Template),
    /// A whole number or `on`/`off`.
    Literal(Value),
    /// A list.
    List(Vec<Data>),
    /// Keys in the order written.
    Map(Vec<(String, Data)>),
    /// What stands inside `@when` or `@each`: none, one or several of a list, or the one of a key.
    Guarded(Box<super::Guarded<Data>>),
}

/// `volume NEED at=PATH`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mount {
    /// The need.
    pub need: Spanned<Name>,
    /// How many loops the need stands in: it is the one of their elements, which the mount stands in, too.
    pub loops: usize,
    /// Where.
    pub at: Template,
    /// A folder of the volume (`sub=themes`).
    pub sub: Option<Template>,
    /// Whether it may only be read.
    pub read_only: bool,
}

/// `port NAME NUMBER`.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Its name, at most 15 characters.
    pub name: Spanned<String>,
    /// Its number.
    pub number: u16,
    /// UDP instead of TCP.
    pub udp: bool,
}

/// How to ask whether a container is well.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What is asked.
    pub kind: ProbeKind,
    /// Seconds between two questions.
    pub period: u32,
    /// Seconds to wait for an answer.
    pub timeout: u32,
    /// Failures in a row that count.
    pub failures: u32,
    /// Where it was declared.
    pub span: Span,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbeKind {
    /// `http path=… [port=…] [host=…]`.
    Http {
        /// The path.
        path: Template,
        /// The port's name; the first port where absent.
        port: Option<String>,
        /// The Host header.
        host: Option<Template>,
    },
    /// `tcp [port=…]`.
    Tcp {
        /// The port's name; the first port where absent.
        port: Option<String>,
    },
    /// `run COMMAND…`.
    Run(Vec<Template>),
}

/// Requests and limits of a container; a processor limit only where said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// Processor time asked for.
    pub cpu: Option<NeedValue>,
    /// The most processor time.
    pub cpu_limit: Option<NeedValue>,
    /// Memory asked for.
    pub memory: Option<NeedValue>,
    /// The most memory.
    pub memory_limit: Option<NeedValue>,
}

/// What runs once or by the clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name inside the app.
    pub name: Spanned<Name>,
    /// When.
    pub trigger: Trigger,
    /// Its pod; of `like WORKLOAD`, that workload's with what the job says over it.
    pub pod: Pod,
    /// Where it was declared.
    pub span: Span,
}

/// When a job runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// `every "*/5 * * * *"`: a CronJob in the organisation's timezone.
    Every(Template),
    /// `on-change EXPRESSION…`: a Job named by the hash of these values, after the workloads; without any, by the hash of
    /// all that its pod is given.
    OnChange(Vec<Expression>),
    /// `on-upgrade`: a Job named by the release, before the workloads switch.
    OnUpgrade,
}
