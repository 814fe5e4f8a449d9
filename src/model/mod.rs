//! What a garden means: typed, checked, with an origin for every effective value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expression::SecretRef;
use crate::name::Name;
use crate::quantity::Quantity;
use crate::source::{FileId, Span, Spanned};
use crate::syntax::Value as Written;

mod app;
mod build;
mod built_in;
mod cluster;
pub mod definition;
mod explain;
mod file;
mod garden;
mod index;
mod judgement;
mod layers;
mod memo;
mod offer;
mod organisation;
mod read;
mod references;
mod rules;
mod settings;
mod sign_on;
mod spelling;
mod stop;
mod world;

pub use app::NO_HOST;
pub use build::{build, build_again};
pub use definition::{Definition, Definitions};
pub use explain::{Computed, Explained, Explanation, Part, explain};
pub use judgement::Judgement;
pub use memo::Memo;
pub use references::UNKNOWN_NAME;
pub use rules::needs::NOT_PROVIDED;
pub use rules::secret_names::NOT_OWN;
pub use spelling::value_text;

/// Everything below the folder that holds `garden.kdl`, as it is meant.
#[derive(Clone, Debug)]
pub struct Garden {
    /// Its name: in labels, inventories and leases.
    pub name: Name,
    /// Its title.
    pub title: String,
    /// The file of the `garden` node and where that node stands.
    pub span: Span,
    /// Who works on it.
    pub people: BTreeMap<Name, Person>,
    /// Who must say yes to what.
    pub consent: Vec<Consent>,
    /// How much may vanish undeclared, and how long data is kept.
    pub deletions: Deletions,
    /// Freezes the whole garden, with the reason.
    pub hold: Option<Spanned<String>>,
    /// The hash that `parcelle pin` wrote.
    pub pin: Option<Spanned<String>>,
    /// The declared way back to an older commit.
    pub rollback: Option<Spanned<String>>,
    /// Clusters by name.
    pub clusters: BTreeMap<Name, Arc<Cluster>>,
    /// Offers by name.
    pub offers: BTreeMap<Name, Arc<Offer>>,
    /// Definitions by name: built in ones and those of the garden (which win).
    pub definitions: BTreeMap<Name, Arc<Definition>>,
    /// Organisations that can be rendered, by name.
    pub organisations: BTreeMap<Name, Arc<Organisation>>,
    /// Organisations (by name, where known) that a finding stops: they stay as applied.
    pub broken: BTreeSet<Name>,
    /// Those of the broken whose meaning is known all the same: what can be said of their objects is said in the same run.
    pub stopped: BTreeMap<Name, Arc<Organisation>>,
    /// What the garden says of findings: which it accepts, how much they weigh.
    pub judgement: Judgement,
    /// Files that could not be read at all: nothing that may have lived in them is deleted.
    pub unreadable: BTreeSet<FileId>,
}

/// What was applied last, to which some rules compare: hosts, upgrades, what may only grow, what vanished.
///
/// Its spans belong to the texts of another run and are never shown.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Organisations as last applied, by name.
    pub organisations: BTreeMap<Name, Arc<Organisation>>,
    /// Apps (organisation, app) of which nothing is left in the cluster: their node may go.
    pub gone: BTreeSet<(Name, Name)>,
    /// Organisations of which nothing is left in the cluster.
    pub gone_organisations: BTreeSet<Name>,
}

/// Somebody who works on the garden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Where they are reached.
    pub email: String,
    /// The groups they are in.
    pub groups: BTreeSet<Name>,
}

/// A rule of consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// `approvals 2 from=operators [for=contribution]`.
    Approvals {
        /// How many.
        count: u32,
        /// From which group.
        from: Name,
        /// For which changes; all where absent.
        for_: Option<String>,
    },
    /// `waiting 24 hours for=deletions`.
    Waiting {
        /// How long.
        time: Quantity,
        /// For which changes.
        for_: String,
    },
}

/// The garden's brakes on deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletions {
    /// Objects without data that one organisation may lose undeclared in one run.
    pub undeclared_at_most: u64,
    /// The same as a share of the organisation's objects, 0 to 100. The smaller of the two rules, all or none.
    pub undeclared_percent: u64,
    /// The least time that any `retired` keeps data.
    pub keep_data: Quantity,
}

/// A Kubernetes cluster and how it meets needs.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name: the context of a kubeconfig.
    pub name: Name,
    /// Its title.
    pub title: String,
    /// The uid of its kube-system namespace: nothing is written to any other.
    pub uid: Spanned<String>,
    /// The IANA zone in which its times are meant.
    pub timezone: String,
    /// Hosts of organisations without a domain lie below it.
    pub domain: Option<String>,
    /// Whether all of it could be read, so that what it does not say is not said.
    pub complete: bool,
    /// Provider by need (`postgres`, `redis`, `bucket`, `volume`, `route`, `mail`).
    pub provides: BTreeMap<String, ProviderChoice>,
    /// Where it was written.
    pub span: Span,
}

/// One line of `provides`.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderChoice {
    /// The need it meets.
    pub need: Spanned<String>,
    /// The provider: `cloudnative-pg`, `valkey`, `garage`, …
    pub provider: Spanned<String>,
    /// Its options (`storage-class fast`, `instances 2`), checked against the provider's schema.
    pub options: Setting,
}

/// A named set of defaults and ceilings.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: String,
    /// Ceilings over what an organisation's apps render at their most.
    pub grants: Grants,
    /// Escape hatches that organisations on it may use (`env`, `patch`).
    pub allows: BTreeSet<String>,
    /// Settings for every app.
    pub defaults: BTreeMap<String, Arc<Setting>>,
    /// Whether no finding is about its defaults.
    pub sound: bool,
    /// Whether all of it could be read, so that what is not among its apps is not there.
    pub complete: bool,
    /// Apps that every subscriber gets, by name.
    pub apps: BTreeMap<Name, AppNode>,
    /// Where it was written.
    pub span: Span,
}

/// Ceilings; absent means no ceiling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Processor time.
    pub cpu: Option<Spanned<Quantity>>,
    /// Memory.
    pub memory: Option<Spanned<Quantity>>,
    /// All claims and buckets.
    pub storage: Option<Spanned<Quantity>>,
}

/// Whom we host.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Its name, which is its namespace.
    pub name: Name,
    /// Its title.
    pub title: String,
    /// The `///` note above it.
    pub note: Option<String>,
    /// The offer it subscribes to.
    pub offer: Option<Arc<Offer>>,
    /// The cluster it lives on.
    pub cluster: Arc<Cluster>,
    /// Its own domain; hosts default to `NAME.DOMAIN`.
    pub domain: Option<Spanned<String>>,
    /// The timezone of its times (default the cluster's).
    pub timezone: String,
    /// Hosts that it lends to others: host and organisation.
    pub delegates: Vec<(Spanned<String>, Name)>,
    /// People to reach, by role.
    pub contacts: Vec<Contact>,
    /// Freezes the organisation, with the reason.
    pub hold: Option<Spanned<String>>,
    /// `retired organisation NAME`: all its apps are retired, then the namespace goes.
    pub retired: Option<Retired>,
    /// Its apps, layered and checked, by name.
    pub apps: BTreeMap<Name, App>,
    /// `retired need NAME`: data no longer asked for that may go.
    pub retired_needs: BTreeMap<String, Retired>,
    /// Its file.
    pub file: FileId,
    /// Where its node stands.
    pub span: Span,
}

/// Somebody to reach at an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Where.
    pub email: String,
    /// For what (`technical`, `billing`, …).
    pub role: Option<String>,
}

/// `retired …`: removal said, not implied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// How long its data is kept, counted from the day parcelle first applied the node; at least the garden's.
    pub keep_data: Quantity,
    /// Where it was said.
    pub span: Span,
}

/// One instance of a definition inside an organisation, with every layer merged.
#[derive(Clone, Debug)]
pub struct App {
    /// Its name: the key of the layers, the start of its objects' names.
    pub name: Name,
    /// What it is.
    pub definition: Arc<Definition>,
    /// The release in force: `version`, or what `channel` names, or the definition's default channel.
    pub release: Arc<definition::Release>,
    /// Effective settings by name: those written somewhere and those with a default.
    pub settings: BTreeMap<String, Arc<Setting>>,
    /// Every layer's value of each setting, nearest first: for `explain`.
    pub layers: BTreeMap<String, Vec<Arc<Setting>>>,
    /// Running, asleep by word, or retired.
    pub life: Life,
    /// `at` first, then `also-at`; empty for an app without a route.
    pub hosts: Vec<Spanned<String>>,
    /// Freezes the app, with the reason.
    pub hold: Option<Spanned<String>>,
    /// `was OLD`: the names of what holds data stay.
    pub was: Option<Spanned<Name>>,
    /// `adopt KIND NAME`.
    pub adopt: Vec<Adopt>,
    /// `field KIND NAME "path" take|leave`.
    pub fields: Vec<FieldDecision>,
    /// `env NAME value` escape hatches.
    pub env: BTreeMap<String, Spanned<EnvValue>>,
    /// `patch KIND NAME { … }` escape hatches, as written.
    pub patches: Vec<crate::syntax::Node>,
    /// The nearest node that declares it.
    pub span: Span,
}

/// Whether an app lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs (nights aside).
    Running,
    /// `state paused`: no workload runs, the route stays, data stays.
    Paused(Span),
    /// `state archived`: as paused, and the route shows a page.
    Archived(Span),
    /// `retired app …`.
    Retired(Retired),
}

/// What an app's `env` line sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// `env NAME value`.
    Text(String),
    /// `env NAME secret=SECRET key=KEY`: a key of a Secret of the organisation's namespace.
    Secret(SecretRef),
}

/// `adopt KIND NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopt {
    /// The Kubernetes kind.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// Where it was said.
    pub span: Span,
}

/// `field KIND NAME "path" take|leave`: an ownership conflict decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDecision {
    /// The Kubernetes kind.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// The path as the plan prints it (`.spec.replicas`).
    pub path: String,
    /// Whether we take it (or leave it to whom it belongs).
    pub take: bool,
    /// Where it was said.
    pub span: Span,
}

/// An app as one layer wrote it, before merging.
#[derive(Clone, Debug)]
pub struct AppNode {
    /// Its name.
    pub name: Spanned<Name>,
    /// The definition's name.
    pub definition: Spanned<String>,
    /// What was written in it, by setting name.
    pub settings: BTreeMap<String, Arc<Setting>>,
    /// Whether no finding is about it.
    pub sound: bool,
    /// The whole node.
    pub node: Arc<crate::syntax::Node>,
}

/// Which of the four layers (and before them the definition) a value came from. Later is nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The definition's default (or that of the common settings).
    Definition,
    /// The offer's `defaults`.
    OfferDefaults,
    /// The offer's app of the same name.
    OfferApp,
    /// The organisation's `defaults`.
    OrganisationDefaults,
    /// The organisation's app.
    App,
}

/// A setting's node, merged word by word: each argument, property and child knows its own place.
///
/// `scale min=2 max=6` under `scale max=20` has `min` from one file and `max` from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The head of the nearest node.
    pub span: Span,
    /// The layer of the nearest node.
    pub layer: Layer,
    /// Arguments as written.
    pub args: Vec<Written>,
    /// Properties by name.
    pub props: BTreeMap<String, Written>,
    /// Children by name, then by key (empty for the unkeyed).
    pub children: BTreeMap<String, BTreeMap<String, Setting>>,
    /// The argument(s) decoded by the declared type.
    pub value: crate::expression::Value,
}

#[cfg(test)]
mod tests;
