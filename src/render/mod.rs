//! Garden to objects: pure, infallible, deterministic, with an origin for every field that people decided.

mod allowance;
mod app;
mod backup;
mod custom;
mod draft;
mod environment;
mod file;
mod flow;
mod ground;
mod job;
pub(crate) mod kdl;
mod lasting;
mod life;
mod measure;
pub mod naming;
pub(crate) mod once;
mod packed;
pub(crate) mod path;
mod pod;
pub mod providers;
pub mod rules;
#[cfg(test)]
mod sample;
mod scope;
mod terms;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
mod upgrade;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::expression::SecretRef;
use crate::finding::Findings;
use crate::kind::{self, GroupKind, Kind};
use crate::model::{App, Garden, Life, Organisation};
use crate::name::Name;
use crate::source::Span;

pub use crate::kind::Stage;
use allowance::RenderAllowance;
use backup::Backup;
pub(crate) use custom::{definitions, schemas};
use draft::{ObjectDraft, Owner};
use flow::Flow;
use lasting::LastingNames;
pub use once::OneTime;
pub(crate) use packed::{Packed, Room};
use providers::BackupTarget;
pub(crate) use terms::{Term, TermWord, of_deletions};

/// Moves with every change that renders other objects from the same garden: gardens that pin a parcelle then wait for
/// `parcelle pin`.
pub(crate) const REVISION: u32 = 5;

/// Which object: API, kind, place and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// `v1`, `apps/v1`, `postgresql.cnpg.io/v1`.
    pub api_version: Arc<str>,
    /// The kind, as in `Deployment`.
    pub kind: Arc<str>,
    /// The namespace; empty for cluster-scoped kinds.
    pub namespace: Arc<str>,
    /// The name within its namespace.
    pub name: Arc<str>,
}

impl ObjectId {
    /// Which object a body is.
    pub(crate) fn of(body: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().into();
        let (metadata, api_version, kind) = (&body["metadata"], &body["apiVersion"], &body["kind"]);
        Self {
            api_version: text(api_version),
            kind: text(kind),
            namespace: text(&metadata["namespace"]),
            name: text(&metadata["name"]),
        }
    }

    /// The API group: `apps` of `apps/v1`, empty for the core group.
    pub fn group(&self) -> &str {
        kind::group_of(&self.api_version)
    }

    /// Whether the object is of that kind.
    pub(crate) fn is(&self, kind: GroupKind) -> bool {
        kind.is_of(&self.api_version, &self.kind)
    }

    /// The facts about its kind.
    pub(crate) fn facts(&self) -> &'static Kind {
        kind::facts(self.group(), &self.kind)
    }
}

/// Where rendered values came from: JSON pointer to the line that decided it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Origins(pub BTreeMap<String, Span>);

impl Origins {
    /// The origin of the value at a JSON pointer, or of its nearest ancestor.
    pub fn of(&self, pointer: &str) -> Option<Span> {
        let mut pointer = pointer;
        loop {
            if let Some(span) = self.0.get(pointer) {
                return Some(*span);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }
}

/// An object that should be in the cluster.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Object {
    /// What the object is and where it is.
    pub id: ObjectId,
    /// The whole object as applied: canonical quantities, no empty values, no status.
    pub body: Value,
    /// Where its values came from; `""` is the origin of the object itself.
    pub origins: Origins,
    /// The scalars in it that a hatch wrote (`patch`, `object`, `env`), by JSON pointer; all others are parcelle's.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_hand: BTreeSet<String>,
    /// The app it belongs to; absent for the organisation's own objects.
    pub app: Option<Name>,
    /// When it is applied.
    pub stage: Stage,
    /// Whether deleting it loses people's data.
    pub holds_data: bool,
    /// Of a Job that runs once: for what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<OneTime>,
}

/// A Secret that parcelle makes: a request, never a value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SecretRequest {
    /// What the object is and where it is.
    pub id: ObjectId,
    /// How its content comes to be.
    pub source: SecretSource,
    /// The labels it carries (those of every object).
    pub labels: BTreeMap<String, String>,
    /// The Secret's `type`.
    pub secret_type: String,
    /// The app it belongs to.
    pub app: Option<Name>,
    /// The line that asked for it.
    pub origin: Span,
}

/// How the content of a requested Secret comes to be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SecretSource {
    /// Made once from random bytes, never made again.
    Generated {
        /// Key to how it is made.
        keys: BTreeMap<String, Generated>,
    },
    /// Copied from a Secret of the operators, and following it.
    Copied {
        /// Its namespace (`parcelle-system`).
        namespace: String,
        /// The name of the Secret that is copied.
        name: String,
        /// Key there to key here.
        keys: BTreeMap<String, String>,
    },
    /// Put together from plain text and keys of other Secrets of the same namespace when it is applied, and
    /// following them: a file that holds a secret. No value passes through the objects.
    Template {
        /// The pieces of each key's text, in order.
        keys: BTreeMap<String, Vec<SecretPiece>>,
    },
}

/// One piece of a templated key.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SecretPiece {
    /// Plain text, already escaped for the file's format.
    Text(String),
    /// The value of another Secret's key.
    Secret {
        /// Which key of which Secret.
        from: SecretRef,
        /// How the value is escaped where it stands.
        escape: Escape,
    },
}

/// How a secret value is escaped inside a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Escape {
    /// Not at all.
    None,
    /// For the inside of a double-quoted JSON or YAML string.
    Json,
    /// For the inside of a double-quoted INI value: backslash before `"` and `\\`, line ends as `\\n`.
    Ini,
}

/// How one key of a generated Secret is made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Generated {
    /// Random letters and digits.
    Random {
        /// How many characters are made.
        length: u32,
    },
    /// A plain text that goes with the random ones (a user name). Not secret.
    Fixed(String),
    /// A text with `{key}` places for other keys (a URL with its password).
    Joined(String),
}

/// All that one organisation should have.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct OrganisationObjects {
    /// The organisation that the objects are of.
    pub organisation: Name,
    /// On which cluster.
    pub cluster: Name,
    /// In which namespace.
    pub namespace: Arc<str>,
    /// In order of stage, kind, name; ids are unique.
    pub objects: Vec<Object>,
    /// Secrets to be made, in order of name.
    pub secrets: Vec<SecretRequest>,
    /// Apps that are held, with the reason: their objects are compared, shown, and not changed (drift aside).
    pub held: BTreeMap<Name, String>,
    /// The release of apps whose `upgrade` does not let a new one in at the moment. An app that runs another one is held.
    pub waiting: BTreeMap<Name, WaitingRelease>,
    /// Apps that are retired: name to how long their data is kept, in seconds, and where it was said.
    pub retired: BTreeMap<Name, (u64, Span)>,
    /// Whether each app is awake, and if not, why.
    pub states: BTreeMap<Name, State>,
    /// What its apps say that acts later than it is applied.
    pub terms: Vec<Term>,
    /// What its apps take of the offer at their most, whatever the hour.
    pub contributions: Vec<Contribution>,
    /// When a night or a peak next changes what is rendered; absent where nothing depends on the time.
    #[serde(skip)]
    pub next_change: Option<jiff::Timestamp>,
}

/// A release that may be put in later only.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WaitingRelease {
    /// Its version, as labels write it.
    pub(crate) version: String,
    /// When it may be put in, in words: `from 22:00 on monday`.
    pub(crate) when: String,
    /// When that is next, in Unix seconds.
    pub(crate) opens: Option<i64>,
    /// The day of that, where the organisation is.
    pub(crate) day: Option<String>,
    /// The line that names the release.
    pub(crate) origin: Option<Span>,
}

impl WaitingRelease {
    /// When it is put in, as a sentence.
    pub(crate) fn says(&self) -> String {
        format!("release {} is put in {}", self.version, self.when)
    }
}

/// Whether an app's workloads run at the moment of rendering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum State {
    /// It runs as its settings say.
    Awake,
    /// More of them run than usual: a planned peak, by the line at the span.
    Peak(Span),
    /// They sleep for the night, by the line at the span.
    Night(Span),
    /// The garden says `paused`, there.
    Paused(Span),
    /// The garden says `archived`, there.
    Archived(Span),
    /// `retired app …`, or its organisation is.
    Retired(Span),
}

/// A share of what an offer grants, at its most: requests × most replicas, claims, buckets.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Contribution {
    /// The app that takes it; absent for what parcelle puts beside the apps.
    pub(crate) app: Option<Name>,
    /// The workload, job or need.
    pub(crate) part: String,
    /// What is taken.
    pub(crate) resource: ResourceName,
    /// How much: millicores or bytes.
    pub(crate) amount: u64,
    /// The line that decided it.
    pub(crate) origin: Span,
}

/// A resource that an offer grants, as Kubernetes names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(crate) enum ResourceName {
    Cpu,
    Memory,
    /// Claims and buckets.
    Storage,
}

/// Everything that an organisation should have in its cluster at `moment`, which decides over nights and peaks.
///
/// Cannot fail: what could go wrong was refused when the garden was checked. Equal inputs give equal bytes.
pub fn organisation(garden: &Garden, organisation: &Organisation, moment: jiff::Timestamp) -> OrganisationObjects {
    with_findings(garden, organisation, moment, &mut RenderAllowance::unlimited(), &mut Findings::default())
}

/// The same, with what is wrong in objects and patches written in KDL: what rules look at. An organisation that goes beyond
/// its allowance has no objects.
fn with_findings(
    garden: &Garden,
    organisation: &Organisation,
    moment: jiff::Timestamp,
    allowance: &mut RenderAllowance,
    findings: &mut Findings,
) -> OrganisationObjects {
    let owner = Owner::organisation(garden, organisation);
    let mut out = OrganisationObjects {
        organisation: organisation.name.clone(),
        cluster: organisation.cluster.name.clone(),
        namespace: organisation.name.as_str().into(),
        objects: Vec::new(),
        secrets: Vec::new(),
        held: held(garden, organisation),
        waiting: BTreeMap::new(),
        retired: retired(organisation),
        states: BTreeMap::new(),
        terms: terms::of(organisation),
        contributions: Vec::new(),
        next_change: None,
    };
    let mut whole = Whole::default();
    let lasting = LastingNames::of(organisation);
    for app in organisation.apps.values() {
        let owner = owner.app(app);
        let now = life::at(organisation, app, moment);
        let budget = allowance.of_app();
        let mut parts =
            app::render(&app::AppContext { organisation, app, owner: &owner, now: &now, budget: &budget }, findings);
        if let Some(finding) = allowance.take(organisation, app, &budget, parts.drafts.len() + parts.secrets.len()) {
            findings.push(finding);
            (out.objects, out.secrets, out.contributions) = (Vec::new(), Vec::new(), Vec::new());
            return out;
        }
        lasting.give(app, &owner, &now, &mut parts.drafts);
        out.states.insert(app.name.clone(), now.state);
        let waits = now.closed.as_ref().map(|closed| upgrade::waiting(organisation, app, closed));
        out.waiting.extend(waits.map(|waits| (app.name.clone(), waits)));
        out.next_change = out.next_change.into_iter().chain(now.next_change).min();
        out.objects.extend(parts.drafts.into_iter().map(|draft| owner.finish(draft)));
        out.secrets.extend(parts.secrets);
        // What sleeps for good takes nothing but the room of its data.
        let for_good = matches!(now.state, State::Paused(_) | State::Archived(_) | State::Retired(_));
        out.contributions.extend(
            parts.contributions.into_iter().filter(|share| !for_good || share.resource == ResourceName::Storage),
        );
        out.contributions.extend(parts.beyond);
        whole.flows.extend(parts.flows);
        whole.overhead.extend(parts.overhead);
        if parts.database {
            whole.databases.push(now.backup.clone());
        }
        whole.backed_up |= now.backup.is_some();
        whole.root |= parts.root;
    }
    out.secrets.extend(whole.secret(organisation, &owner));
    out.objects.extend(whole.drafts(organisation).into_iter().map(|draft| owner.finish(draft)));
    out.objects.sort_by(|a, b| (a.stage, &a.id.kind, &a.id.name, &a.id).cmp(&(b.stage, &b.id.kind, &b.id.name, &b.id)));
    rules::names::check(&out.objects, &out.secrets, findings);
    rules::own_secrets::check(organisation, &out.objects, &out.secrets, findings);
    let mut seen = BTreeSet::new();
    out.objects.retain(|object| seen.insert(object.id.clone()));
    out.secrets.sort_by(|a, b| a.id.name.cmp(&b.id.name));
    out.secrets.dedup_by(|later, earlier| later.id == earlier.id);
    rules::named_objects::check(organisation, &out, findings);
    rules::field_decisions::check(organisation, &out, findings);
    out
}

/// What all apps together ask of the organisation's own objects.
#[derive(Default)]
struct Whole {
    flows: Vec<Flow>,
    overhead: Vec<Contribution>,
    /// What each app with a database of PostgreSQL says of backups.
    databases: Vec<Option<Backup>>,
    /// Some app is backed up.
    backed_up: bool,
    root: bool,
}

impl Whole {
    /// The credentials of the organisation's backups.
    fn secret(&self, organisation: &Organisation, owner: &Owner) -> Option<SecretRequest> {
        let target = BackupTarget::of(organisation).filter(|_| self.backed_up)?;
        Some(target.secret(owner))
    }

    /// The organisation's own objects: database cluster, namespace, quota, policies.
    fn drafts(mut self, organisation: &Organisation) -> Vec<ObjectDraft> {
        let mut drafts = Vec::new();
        if self.backed_up {
            let target = BackupTarget::of(organisation);
            self.flows.extend(target.into_iter().flat_map(|target| providers::backup_flows(organisation, &target)));
        }
        let choice = organisation.cluster.provides.get("postgres");
        if let Some(choice) = choice.filter(|_| !self.databases.is_empty()) {
            let backup = self.databases.into_iter().flatten().reduce(Backup::together);
            let (databases, flows, shares) = providers::database_cluster(organisation, choice, backup.as_ref());
            drafts.extend(databases);
            self.flows.extend(flows);
            self.overhead.extend(shares);
        }
        drafts.extend(ground::render(organisation, self.root, &self.overhead));
        drafts.extend(flow::policies(&self.flows, &organisation.cluster.network, organisation.span));
        drafts
    }
}

/// Every app that the garden, its organisation or itself freezes, with the nearest reason.
fn held(garden: &Garden, organisation: &Organisation) -> BTreeMap<Name, String> {
    let reason = |app: &App| {
        let hold = app.hold.as_ref().or(organisation.hold.as_ref()).or(garden.hold.as_ref());
        hold.map(|hold| (app.name.clone(), hold.value.clone()))
    };
    organisation.apps.values().filter_map(reason).collect()
}

/// Every app that is retired, itself or with its organisation.
fn retired(organisation: &Organisation) -> BTreeMap<Name, (u64, Span)> {
    let whole = organisation.retired.as_ref();
    let retirement = |app: &App| {
        let own = match &app.life {
            Life::Retired(retired) => Some(retired),
            _ => None,
        };
        let retired = own.or(whole)?;
        Some((app.name.clone(), (retired.keep_data.amount, retired.span)))
    };
    organisation.apps.values().filter_map(retirement).collect()
}
