//! What may be in a cluster of an organisation: what was applied whole last, and what was begun since.
//!
//! Everything that compares with the past (upgrades, sizes, what vanished, commits) compares with this, and not only with
//! what was applied whole: a run that was refused, failed or killed half way leaves some of both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kept_data::KeptData;
use super::{App, Claims, Organisation, senders};
use crate::expression::{Budget, Value};
use crate::model::value_text;
use crate::name::Name;
use crate::quantity::Quantity;

/// What may be in the cluster of one organisation, as its inventory keeps it: written ahead of the first write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Footprint {
    /// The newest commit of which something may be there; empty where that is the one applied whole last.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub begun: String,
    /// What each app may be; one of which nothing was ever written is not there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub apps: BTreeMap<Name, AppFootprint>,
    /// The domains that are its own; absent in what was written before they were kept: then the commits say them, and the hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<BTreeSet<String>>,
    /// The files that the organisation and what it uses were applied from, by kind and name: `offer small`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

/// What may be in the cluster of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppFootprint {
    /// What was applied whole last; absent before the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) whole: Option<AppliedApp>,
    /// What was begun since, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) begun: Vec<AppliedApp>,
}

/// What rules about the past compare of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedApp {
    /// The definition that the app is made by.
    pub(crate) definition: Name,
    /// The version of its release.
    pub(crate) version: String,
    /// The name that what holds its data is called by; absent in what was written before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Name>,
    /// The settings that only grow, or stay as they were applied first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) settings: BTreeMap<String, KeptValue>,
    /// The domains as which it sends mail, where its organisation decides them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) senders: BTreeSet<String>,
    /// The store of each kind of need of which it keeps data, by its word; absent in what was written before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stores: Option<BTreeMap<String, String>>,
    /// The size of each volume, by the name of its need.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) sizes: BTreeMap<String, Quantity>,
}

/// A setting's value, as far as it is compared with later ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptValue {
    /// An amount with its unit.
    Amount(Quantity),
    /// A whole number.
    Number(i64),
    /// Each item as people write it.
    List(Vec<String>),
    /// Anything else, as people write it.
    Text(String),
}

/// What may be in the cluster of one organisation, as rules look at it.
#[derive(Clone, Debug, Default)]
pub struct PastOrganisation {
    /// The commit that it was applied whole from last; empty before the first time.
    pub(crate) commit: String,
    /// The organisation at that commit, where the repository holds it.
    pub(crate) whole: Option<Arc<Organisation>>,
    /// The newest commit of which something may be there; empty where that is the same one.
    pub(crate) begun_commit: String,
    /// The organisation at that commit, where the repository holds it.
    pub(crate) begun: Option<Arc<Organisation>>,
    /// What each app may be.
    pub(crate) apps: BTreeMap<Name, AppFootprint>,
    /// The hosts and domains that it may have.
    pub(crate) claims: Claims,
}

impl AppFootprint {
    /// An app that was applied whole.
    pub(crate) fn of_whole(app: AppliedApp) -> Self {
        Self { whole: Some(app), begun: Vec::new() }
    }

    /// The same, with the name that its data is called by where that was not kept.
    #[must_use]
    pub(crate) fn of_data(mut self, data: &Name) -> Self {
        for state in self.whole.iter_mut().chain(&mut self.begun) {
            state.data.get_or_insert_with(|| data.clone());
        }
        self
    }

    /// Adds what is about to be written.
    pub(crate) fn begin(&mut self, app: &AppliedApp) {
        if self.whole.as_ref() == Some(app) && self.begun.is_empty() || self.begun.last() == Some(app) {
            return;
        }
        self.begun.retain(|other| other != app);
        self.begun.push(app.clone());
    }

    /// Everything that the app may be, the newest last. What was begun counts until the garden takes it back (`rollback`).
    pub(crate) fn possible(&self, taken_back: bool) -> impl Iterator<Item = &AppliedApp> {
        let begun = if taken_back { &[][..] } else { &self.begun };
        self.whole.iter().chain(begun)
    }

    /// The names that what holds the app's data may be called by, where that was kept.
    pub(crate) fn data_names(&self) -> impl Iterator<Item = &Name> {
        self.possible(false).filter_map(|state| state.data.as_ref())
    }

    /// The name that what holds the data of the app `name` is called by, as it was applied or begun last.
    pub(crate) fn data_name<'a>(&'a self, name: &'a Name) -> &'a Name {
        self.data_names().last().unwrap_or(name)
    }
}

impl AppliedApp {
    /// What is compared of an app as the garden writes it.
    pub(crate) fn of(organisation: &Organisation, app: &App) -> Self {
        let kept = app.definition.settings.iter().filter(|(_, it)| it.only_grows.is_some() || it.immutable.is_some());
        let settings = kept.filter_map(|(name, _)| Some((name.clone(), KeptValue::of(&app.settings.get(name)?.value))));
        let budget = Arc::new(Budget::of_app());
        let senders = senders(organisation, app, &budget).into_iter();
        let KeptData { stores, sizes } = KeptData::of(organisation, app, &budget);
        Self {
            definition: app.definition.name.clone(),
            version: app.release.version.clone(),
            data: Some(app.data_name().clone()),
            settings: settings.collect(),
            senders: senders.map(|sender| sender.value).collect(),
            stores: Some(stores),
            sizes,
        }
    }

    /// What the garden says of a retired app: which version of it ran, and how large it was, is not known by that.
    pub(crate) fn of_retired(app: &App) -> Self {
        Self {
            definition: app.definition.name.clone(),
            version: String::new(),
            data: Some(app.data_name().clone()),
            settings: BTreeMap::new(),
            senders: BTreeSet::new(),
            stores: None,
            sizes: BTreeMap::new(),
        }
    }
}

impl KeptValue {
    /// What is compared of a value.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Quantity(quantity) => Self::Amount(*quantity),
            Value::Int(number) => Self::Number(*number),
            Value::List(items) => Self::List(items.iter().map(value_text).collect()),
            other => Self::Text(value_text(other)),
        }
    }

    /// Whether it is smaller than a value that was there before. Values of other kinds are not compared.
    pub(crate) fn is_smaller_than(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Amount(now), Self::Amount(before)) => {
                now.dimension == before.dimension && now.amount < before.amount
            }
            (Self::Number(now), Self::Number(before)) => now < before,
            (Self::List(now), Self::List(before)) => before.iter().any(|item| !now.contains(item)),
            _ => false,
        }
    }
}

impl std::fmt::Display for KeptValue {
    /// As people write it in a garden.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Amount(quantity) => quantity.fmt(to),
            Self::Number(number) => number.fmt(to),
            Self::List(items) => to.write_str(&items.join(" ")),
            Self::Text(text) => to.write_str(text),
        }
    }
}

impl PastOrganisation {
    /// An organisation that was applied whole.
    pub fn of_whole(organisation: &Arc<Organisation>) -> Self {
        let apps = organisation.apps.values();
        Self {
            whole: Some(Arc::clone(organisation)),
            apps: apps
                .map(|app| (app.name.clone(), AppFootprint::of_whole(AppliedApp::of(organisation, app))))
                .collect(),
            claims: Claims::of(organisation),
            ..Self::default()
        }
    }

    /// The organisation as it may be there, as far as the repository holds it, the newest last.
    pub(crate) fn each(&self) -> impl DoubleEndedIterator<Item = &Arc<Organisation>> {
        self.whole.iter().chain(&self.begun)
    }

    /// The organisation at one of its commits, where that is known.
    pub(crate) fn at(&self, commit: &str) -> Option<&Arc<Organisation>> {
        if commit == self.commit {
            return self.whole.as_ref();
        }
        self.begun.as_ref().filter(|_| commit == self.begun_commit)
    }

    /// The hosts and domains that its commits say, as far as the repository holds them.
    pub(crate) fn written_claims(&self) -> Claims {
        let mut claims = Claims::default();
        self.each().for_each(|organisation| claims.extend(Claims::of(organisation)));
        claims
    }

    /// Whether rules find the same in both.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let same = |one: &Option<Arc<Organisation>>, other: &Option<Arc<Organisation>>| match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let Self { commit, whole, begun_commit, begun, apps, claims } = self;
        same(whole, &other.whole)
            && same(begun, &other.begun)
            && (commit, begun_commit, apps, claims) == (&other.commit, &other.begun_commit, &other.apps, &other.claims)
    }
}
