//! What an application is: settings, releases, needs, workloads, jobs, rules and tests of one definition.
//!
//! Every template was type-checked when the definition loaded, so that nothing an organisation writes can
//! make it fail later.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::expression::{Expression, Template, Type, Value};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::source::{Span, Spanned};

/// A definition: a file in `schemas/apps/` or in the garden.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name, as `app NAME …` uses it.
    pub name: Name,
    /// What it is, in a sentence.
    pub about: String,
    /// The upstream documentation.
    pub docs: Option<String>,
    /// Every setting an app of it may have: the common ones as refined, then its own.
    pub settings: BTreeMap<String, SettingDeclaration>,
    /// Releases by version.
    pub releases: BTreeMap<String, Arc<Release>>,
    /// Channels: name to version. `stable` is the default one.
    pub channels: BTreeMap<String, String>,
    /// Needs in order.
    pub needs: Vec<Guarded<Need>>,
    /// Workloads in order.
    pub workloads: Vec<Guarded<Workload>>,
    /// Jobs in order.
    pub jobs: Vec<Guarded<Job>>,
    /// Kubernetes objects in KDL, as written.
    pub objects: Vec<Guarded<crate::syntax::Node>>,
    /// Rules over an app's settings.
    pub rules: Vec<Rule>,
    /// Tests that `check` runs.
    pub tests: Vec<Test>,
    /// More than one replica is safe, by the definition's word; otherwise why it is not.
    pub single_replica: Option<Spanned<String>>,
    /// It receives (mail, federation): sleeping loses something, with the reason.
    pub receives: Option<Spanned<String>>,
    /// Where it was written.
    pub span: Span,
}

/// A part that exists only when conditions hold, possibly once an element of lists.
#[derive(Clone, Debug, PartialEq)]
pub struct Guarded<T> {
    /// `@when`, outermost first: all must hold.
    pub when: Vec<Expression>,
    /// `@each NAME in="…"`, outermost first.
    pub each: Vec<(String, Expression)>,
    /// The part.
    pub item: T,
}

/// How a setting is declared.
#[derive(Clone, Debug)]
pub struct SettingDeclaration {
    /// Its name.
    pub name: String,
    /// Its type as written (`choice`, `size`, `list-of=word`, …).
    pub kind: SettingType,
    /// Its value where no layer says one.
    pub default: Option<Value>,
    /// Whether some layer must say one.
    pub required: bool,
    /// Never smaller than applied before; with the reason.
    pub only_grows: Option<String>,
    /// Never other than applied first; with the reason.
    pub immutable: Option<String>,
    /// Allowed numbers, inclusive.
    pub range: Option<(i64, i64)>,
    /// A regular expression that the whole text must match.
    pub pattern: Option<String>,
    /// What it is, in a sentence.
    pub about: Option<String>,
    /// An example value, as written.
    pub example: Option<String>,
    /// An earlier name.
    pub was: Option<String>,
    /// Why it should not be used any more.
    pub deprecated: Option<String>,
    /// Nested settings of a group, by name; properties where `as_property`.
    pub members: BTreeMap<String, SettingDeclaration>,
    /// Whether a member is written as `name=value` rather than as a child.
    pub as_property: bool,
    /// Where it was declared.
    pub span: Span,
}

/// The type of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingType {
    /// `on` or `off`.
    OnOff,
    /// A whole number.
    Integer,
    /// A number with at most three decimals, held as thousandths.
    Number,
    /// Any text.
    Text,
    /// A bare word.
    Word,
    /// One of the options: word and what it means.
    Choice(Vec<(String, Option<String>)>),
    /// An amount of bytes.
    Size,
    /// An amount of processor time.
    Cpu,
    /// An amount of time.
    Duration,
    /// `"22:00"`.
    Time,
    /// `"2026-12-01"` or `"2026-12-01T08:00"`.
    Date,
    /// An IANA zone.
    Timezone,
    /// A BCP 47 tag.
    Locale,
    /// A host name.
    Domain,
    /// An address.
    Email,
    /// An absolute http or https address.
    Url,
    /// `80` for 80 %.
    Percent,
    /// `list-of=T`, with the words allowed where T is a word.
    List(Box<SettingType>, Vec<String>),
    /// `map-of=T`: children `key value`.
    Map(Box<SettingType>),
    /// Members of their own (see `members`); an optional first argument is a choice.
    Group(Vec<String>),
    /// The name of an app of the same organisation with that definition, a cluster or an offer.
    Reference(String),
}

impl SettingType {
    /// The expression type of a value of this type.
    pub fn expression_type(&self, members: &BTreeMap<String, SettingDeclaration>) -> Type {
        crate::model::definition::expression_type(self, members)
    }
}

fn expression_type(kind: &SettingType, members: &BTreeMap<String, SettingDeclaration>) -> Type {
    use crate::expression::Field;
    use crate::quantity::Dimension;
    match kind {
        SettingType::OnOff => Type::Bool,
        SettingType::Integer | SettingType::Number | SettingType::Percent => Type::Int,
        SettingType::Size => Type::Quantity(Dimension::Size),
        SettingType::Cpu => Type::Quantity(Dimension::Cpu),
        SettingType::Duration => Type::Quantity(Dimension::Duration),
        SettingType::List(inner, _) => Type::List(Box::new(expression_type(inner, members))),
        SettingType::Map(inner) => Type::Map(Box::new(expression_type(inner, members))),
        SettingType::Group(_) => Type::Object(Arc::new(
            members
                .iter()
                .map(|(name, member)| {
                    let kind = expression_type(&member.kind, &member.members);
                    (name.clone(), Field { kind, optional: member.default.is_none() && !member.required })
                })
                .collect(),
        )),
        _ => Type::Text,
    }
}

/// A version that can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The version, in source spelling.
    pub version: String,
    /// The image with its tag.
    pub image: String,
    /// The version that must have run before it; absent for the first of the chain.
    pub after: Option<String>,
    /// Where it was declared.
    pub span: Span,
}

/// Something an app asks of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// Which: `postgres`, `redis`, `bucket`, `volume`, `mail`, `route`, `secret`, ….
    pub kind: NeedKind,
    /// Its name inside the app: `db` in `needs.db.host`.
    pub name: Spanned<Name>,
    /// Options by name: arguments and properties as templates (`size "${settings.storage}"` → `size`: one).
    pub options: BTreeMap<String, NeedOption>,
    /// `key NAME length=N` of a `secret` need.
    pub keys: Vec<(Spanned<String>, u32)>,
    /// Where it was declared.
    pub span: Span,
}

/// An option of a need as the definition wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct NeedOption {
    /// A whole value: one template; amounts in two arguments are read to one literal amount.
    pub value: NeedValue,
    /// Where it stands.
    pub span: Span,
}

/// The value of a need's option.
#[derive(Clone, Debug, PartialEq)]
pub enum NeedValue {
    /// Text or a hole that keeps its type.
    Template(Template),
    /// A literal amount such as `10 GiB`.
    Quantity(Quantity),
}

/// The closed set of needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NeedKind {
    /// A PostgreSQL database with its user. Outputs host, port, database, user, password (secret), url (secret).
    Postgres,
    /// A Redis-compatible cache. Outputs host, port, password (secret), url (secret).
    Redis,
    /// An S3 bucket. Outputs bucket, endpoint, host, port, region, access-key (secret), secret-key (secret).
    Bucket,
    /// A volume. Outputs nothing; mounted by `volume NAME at=…`. Options size, shared (`on`, `off`).
    Volume,
    /// Leave to send mail. Outputs host, port, user (secret), password (secret), from, domain.
    Mail,
    /// An HTTP route. Options host, to (workload), port, body-size, timeout. Outputs host, url.
    Route,
    /// Generated secret values: outputs its keys, each secret.
    Secret,
}

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
    /// The variable.
    pub name: Spanned<String>,
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
}

/// `volume NEED at=PATH`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mount {
    /// The need.
    pub need: Spanned<Name>,
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
    /// `on-change EXPRESSION…`: a Job named by the hash of these values, after the workloads.
    OnChange(Vec<Expression>),
    /// `on-upgrade`: a Job named by the release, before the workloads switch.
    OnUpgrade,
}

/// A rule over an app's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: Spanned<Name>,
    /// What must hold.
    pub check: Expression,
    /// What to say where it does not.
    pub message: Template,
    /// The setting to underline.
    pub points_at: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// Whether it only warns.
    pub warning: bool,
    /// Where it was declared.
    pub span: Span,
}

/// A test of a definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Its name.
    pub name: Spanned<Name>,
    /// The body of an app node: its settings.
    pub given: Vec<crate::syntax::Node>,
    /// What must hold of `objects`.
    pub expect: Vec<Expression>,
    /// Where it was declared.
    pub span: Span,
}
