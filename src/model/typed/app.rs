//! An app of an organisation, with every layer merged, and as one layer wrote it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Retired, Setting};
use crate::expression::SecretRef;
use crate::model::definition::{self, Definition};
use crate::name::Name;
use crate::source::{Span, Spanned};

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
    pub(crate) life: Life,
    /// `at` first, then `also-at`; empty for an app without a route.
    pub hosts: Vec<Spanned<String>>,
    /// Freezes the app, with the reason.
    pub(crate) hold: Option<Spanned<String>>,
    /// `was OLD`: the names of what holds data stay.
    pub(crate) was: Option<Spanned<Name>>,
    /// `adopt KIND NAME`.
    pub adopt: Vec<Adopt>,
    /// `field KIND NAME "path" take|leave`.
    pub(crate) fields: Vec<FieldDecision>,
    /// `env NAME value` escape hatches.
    pub(crate) env: BTreeMap<String, Spanned<EnvValue>>,
    /// `patch KIND NAME { … }` escape hatches, as written.
    pub(crate) patches: Vec<crate::syntax::Node>,
    /// The nearest node that declares it.
    pub(crate) span: Span,
}

impl App {
    /// The name that the names of what holds its data begin with: the earlier one after a renaming.
    pub(crate) fn data_name(&self) -> &Name {
        self.was.as_ref().map_or(&self.name, |was| &was.value)
    }

    /// The peaks that it plans, each with its `from`, `to` and `min`.
    pub(crate) fn peaks(&self) -> impl Iterator<Item = &Setting> {
        let peaks = self.settings.get("peak").and_then(|peaks| peaks.children.get("peak"));
        peaks.into_iter().flat_map(BTreeMap::values)
    }

    /// Whether its nights are times of sleep.
    pub(crate) fn sleeps_at_night(&self) -> bool {
        let nights = self.settings.get("nights");
        nights.is_some_and(|nights| nights.args.first().is_some_and(|word| word.text == "asleep"))
    }
}

/// Whether an app lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It runs (nights aside).
    Running,
    /// `state paused`: no workload runs, the route stays, data stays.
    Paused(Span),
    /// `state archived`: as paused, and the route shows a page.
    Archived(Span),
    /// `retired app …`.
    Retired(Retired),
}

impl Life {
    /// Whether the app is retired: it gives its hosts to whoever asks for them.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired().is_some()
    }

    /// What the garden says of a retired app.
    pub(crate) fn retired(&self) -> Option<&Retired> {
        match self {
            Self::Retired(retired) => Some(retired),
            _ => None,
        }
    }
}

/// What an app's `env` line sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EnvValue {
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
    /// The app that says so: it decides about its own objects only.
    pub(crate) app: Name,
    /// The Kubernetes kind.
    pub(crate) kind: String,
    /// The object's name.
    pub(crate) name: String,
    /// The path as the plan prints it (`.spec.replicas`).
    pub(crate) path: String,
    /// Whether we take it (or leave it to whom it belongs).
    pub(crate) take: bool,
    /// Where it was said.
    pub(crate) span: Span,
}

/// An app as one layer wrote it, before merging.
#[derive(Clone, Debug)]
pub(crate) struct AppNode {
    pub(crate) name: Spanned<Name>,
    /// The definition's name.
    pub(crate) definition: Spanned<String>,
    /// What was written in it, by setting name.
    pub(crate) settings: BTreeMap<String, Arc<Setting>>,
    /// Whether no finding is about it.
    pub(crate) sound: bool,
    /// The whole node.
    pub(crate) node: Arc<crate::syntax::Node>,
}
