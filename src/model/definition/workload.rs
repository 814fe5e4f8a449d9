//! What an app runs: workloads, jobs and their pods.

use super::{Guarded, NeedValue};
use crate::expression::{Expression, Template, Value};
use crate::name::Name;
use crate::source::{Span, Spanned};

/// What runs all the time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Workload {
    /// Its name inside the app.
    pub(crate) name: Spanned<Name>,
    pub(crate) pod: Pod,
    /// Ports by name.
    pub(crate) ports: Vec<Guarded<Port>>,
    /// Fewest and most replicas; 1 and 1 where not said.
    pub(crate) replicas: Option<(Template, Template)>,
    /// Whether it keeps an identity (a StatefulSet with a claim each) or not (a Deployment).
    pub(crate) stateful: bool,
    /// `recreate` where two generations must not run side by side.
    pub(crate) recreate: bool,
    /// Ready when this holds.
    pub(crate) ready: Option<Probe>,
    /// Restarted when this fails.
    pub(crate) alive: Option<Probe>,
    /// Given this long to start: until it holds, the others wait.
    pub(crate) started: Option<Probe>,
    /// Where it was declared.
    pub(crate) span: Span,
}

/// What a pod of a workload or job holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pod {
    pub(crate) image: Template,
    /// Command and arguments; the image's own where empty. `run php -f x` is the whole command.
    pub(crate) run: Vec<Template>,
    /// The user it runs as (and the group of its volumes); must not be 0 unless `root_because`.
    pub(crate) run_as: Option<u32>,
    /// Why the image cannot run as another user than root, where so.
    pub(crate) root_because: Option<String>,
    /// Why the image needs a writable root file system, where so (`writable "reason"`).
    pub(crate) writable_because: Option<String>,
    /// Paths that get an empty scratch volume (`scratch "/tmp"`).
    pub(crate) scratch: Vec<Template>,
    /// Environment in order.
    pub(crate) env: Vec<Guarded<Env>>,
    pub(crate) files: Vec<Guarded<File>>,
    /// Mounted volumes: need and path.
    pub(crate) volumes: Vec<Guarded<Mount>>,
    /// Requests and limits.
    pub(crate) resources: Resources,
}

/// `env NAME value`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Env {
    /// The variable; one inside `@each` names the element.
    pub(crate) name: Template,
    /// Its value; may hold secrets.
    pub(crate) value: Template,
}

/// `file PATH format=F CONTENT`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct File {
    /// Where it is mounted.
    pub(crate) path: Template,
    /// How `content` is emitted and escaped.
    pub(crate) format: FileFormat,
    /// What it holds.
    pub(crate) content: FileContent,
    /// Its permission bits, as in `0644`.
    pub(crate) mode: Option<u32>,
    /// Where it was declared.
    pub(crate) span: Span,
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
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
pub(crate) enum FileContent {
    Text(Template),
    /// Data that is emitted in the file's format.
    Data(Data),
}

/// Data with templates at its leaves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    /// A leaf; a hole that is the whole string keeps its type.
    Leaf(Template),
    /// A whole number or `on`/`off`.
    Literal(Value),
    List(Vec<Data>),
    /// Keys in the order written.
    Map(Vec<(String, Data)>),
    /// What stands inside `@when` or `@each`: none, one or several of a list, or the one of a key.
    Guarded(Box<super::Guarded<Data>>),
}

/// `volume NEED at=PATH`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mount {
    pub(crate) need: Spanned<Name>,
    /// How many loops the need stands in: it is the one of their elements, which the mount stands in, too.
    pub(crate) loops: usize,
    pub(crate) at: Template,
    /// A folder of the volume (`sub=themes`).
    pub(crate) sub: Option<Template>,
    /// Whether it may only be read.
    pub(crate) read_only: bool,
}

/// `port NAME NUMBER`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Port {
    /// Its name, at most 15 characters.
    pub(crate) name: Spanned<String>,
    pub(crate) number: u16,
    /// UDP instead of TCP.
    pub(crate) udp: bool,
}

/// How to ask whether a container is well.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Probe {
    /// What is asked.
    pub(crate) kind: ProbeKind,
    /// Seconds between two questions.
    pub(crate) period: u32,
    /// Seconds to wait for an answer.
    pub(crate) timeout: u32,
    /// Failures in a row that count.
    pub(crate) failures: u32,
    /// Where it was declared.
    pub(crate) span: Span,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ProbeKind {
    /// `http path=… [port=…] [host=…]`.
    Http {
        path: Template,
        /// The port's name; the first port where absent.
        port: Option<String>,
        /// The Host header.
        host: Option<Template>,
    },
    Tcp {
        /// The port's name; the first port where absent.
        port: Option<String>,
    },
    Run(Vec<Template>),
}

/// Requests and limits of a container; a processor limit only where said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Resources {
    /// Processor time asked for.
    pub(crate) cpu: Option<NeedValue>,
    /// The most processor time.
    pub(crate) cpu_limit: Option<NeedValue>,
    /// Memory asked for.
    pub(crate) memory: Option<NeedValue>,
    /// The most memory.
    pub(crate) memory_limit: Option<NeedValue>,
}

/// What runs once or by the clock.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Job {
    /// Its name inside the app.
    pub(crate) name: Spanned<Name>,
    /// Its earlier name: what is done under that is done under this one.
    pub(crate) was: Option<Name>,
    pub(crate) trigger: Trigger,
    /// How long it may take from the start of its first container before people are told, in seconds.
    pub(crate) deadline: u32,
    /// Its pod; of `like WORKLOAD`, that workload's with what the job says over it.
    pub(crate) pod: Pod,
    /// Where it was declared.
    pub(crate) span: Span,
}

/// When a job runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// `every "*/5 * * * *"`: a CronJob in the organisation's timezone.
    Every(Template),
    /// `on-change EXPRESSION…`: a Job named by the hash of these values, after the workloads; without any, by the hash of
    /// its pod's files, environment, images and commands.
    OnChange(Vec<Expression>),
    /// `on-upgrade`: a Job named by the release and its images, before the workloads switch.
    OnUpgrade,
}

/// The deadline of a one-time job whose definition says none, in seconds.
pub(crate) const DEFAULT_DEADLINE: u32 = 3_600;
