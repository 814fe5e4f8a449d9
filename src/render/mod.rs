//! Garden to objects: pure, infallible, deterministic, with an origin for every field that people decided.

pub mod naming;
pub(crate) mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::expression::SecretRef;
use crate::model::{Garden, Organisation};
use crate::name::Name;
use crate::source::Span;

/// Which object: API, kind, place and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// `v1`, `apps/v1`, `postgresql.cnpg.io/v1`.
    pub api_version: Arc<str>,
    /// `Deployment`.
    pub kind: Arc<str>,
    /// The namespace; empty for cluster-scoped kinds.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

/// Where rendered values came from: JSON pointer to the line that decided it.
#[derive(Clone, Debug, Default, PartialEq)]
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

/// When an object is applied: earlier stages first, each awaited where it must be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Namespace, quota, limits, network policy.
    Ground,
    /// Service accounts, roles, secrets, configuration.
    Configuration,
    /// Databases, caches, buckets, volumes: ready before what uses them.
    Data,
    /// Jobs of an upgrade, before the workloads switch.
    Upgrade,
    /// Deployments, StatefulSets, Services.
    Workload,
    /// Routes, certificates, autoscalers, disruption budgets, schedules, jobs after a change.
    Edge,
}

/// An object that should be in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Which.
    pub id: ObjectId,
    /// The whole object as applied: canonical quantities, no empty values, no status.
    pub body: Value,
    /// Where its values came from; `""` is the origin of the object itself.
    pub origins: Origins,
    /// The app it belongs to; absent for the organisation's own objects.
    pub app: Option<Name>,
    /// When it is applied.
    pub stage: Stage,
    /// Whether deleting it loses people's data.
    pub holds_data: bool,
}

/// A Secret that parcelle makes: a request, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRequest {
    /// Which Secret.
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
        /// Its name.
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// Not at all.
    None,
    /// For the inside of a double-quoted JSON or YAML string.
    Json,
    /// For the inside of a double-quoted INI value: backslash before `"` and `\\`, line ends as `\\n`.
    Ini,
}

/// How one key of a generated Secret is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generated {
    /// Random letters and digits.
    Random {
        /// How many.
        length: u32,
    },
    /// A plain text that goes with the random ones (a user name). Not secret.
    Fixed(String),
    /// A text with `{key}` places for other keys (a URL with its password).
    Joined(String),
}

/// All that one organisation should have.
#[derive(Clone, Debug)]
pub struct OrganisationObjects {
    /// Whose.
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
    /// Apps that are retired: name to how long their data is kept, in seconds, and where it was said.
    pub retired: BTreeMap<Name, (u64, Span)>,
    /// Whether each app is awake, and if not, why.
    pub states: BTreeMap<Name, State>,
    /// When a night or a peak next changes what is rendered; absent where nothing depends on the time.
    pub next_change: Option<jiff::Timestamp>,
}

/// Whether an app's workloads run at the moment of rendering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// They run.
    Awake,
    /// More of them run than usual: a planned peak, by the line at the span.
    Peak(Span),
    /// They sleep for the night, by the line at the span.
    Night(Span),
    /// `state paused`.
    Paused(Span),
    /// `state archived`.
    Archived(Span),
    /// `retired app …`, or its organisation is.
    Retired(Span),
}

/// Everything that an organisation should have in its cluster at `moment`, which decides over nights and peaks.
///
/// Cannot fail: what could go wrong was refused when the garden was checked. Equal inputs give equal bytes.
pub fn organisation(garden: &Garden, organisation: &Organisation, moment: jiff::Timestamp) -> OrganisationObjects {
    let _ = (garden, moment);
    OrganisationObjects {
        organisation: organisation.name.clone(),
        cluster: organisation.cluster.name.clone(),
        namespace: organisation.name.as_str().into(),
        objects: Vec::new(),
        secrets: Vec::new(),
        held: BTreeMap::new(),
        retired: BTreeMap::new(),
        states: BTreeMap::new(),
        next_change: None,
    }
}
