//! What is checked over the whole garden, one file a rule. Each says its codes, and has its manual page in
//! `docs/findings/`.
//!
//! A rule is of one of three kinds, by what it is given to look at, and stands in the list of its kind below:
//!
//! | kind | looks at | is tried again when |
//! |---|---|---|
//! | [`OF_TEXT`] | one file | the file changed |
//! | [`OF_ONE`] | one organisation with its past | anything in [`One`] changed |
//! | [`OF_ALL`] | the whole garden | always: it must go by the [`Index`], not over everything |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::Findings;
use crate::model::definition::Definitions;
use crate::model::file::FileReading;
use crate::model::index::Index;
use crate::model::organisation::Draft;
use crate::model::{App, Garden, Organisation, Past};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::schema::Checked;
use crate::source::Span;

pub mod backups;
pub mod definition_rules;
pub mod delegates;
pub mod domains;
pub mod fallen_back;
pub mod hatches;
pub mod hosts;
pub mod immutable;
pub mod needs;
pub mod only_grows;
pub mod other_apps;
pub mod replicas;
pub mod reserved_names;
pub mod retired;
pub mod same_place;
pub mod secret_names;
pub mod secrets;
pub mod sleep;
pub mod unused;
pub mod upgrades;
pub mod vanished;
pub mod was;

/// Rules over one file as it is written.
const OF_TEXT: &[fn(&Checked, &mut Findings)] = &[secrets::check, secret_names::check];

/// Rules over one organisation and what was applied of it.
const OF_ONE: &[fn(&One, &mut Findings)] = &[
    reserved_names::check,
    same_place::check,
    needs::check,
    other_apps::check,
    upgrades::check,
    only_grows::check,
    immutable::check,
    retired::check,
    vanished::check_apps,
    fallen_back::check,
    was::check,
    hatches::check,
    sleep::check,
    replicas::check,
    definition_rules::check,
    secret_names::check_settings,
];

/// Rules over the whole garden. What nobody uses comes last: it is told only where nothing is wrong.
const OF_ALL: &[fn(&View<'_>, &mut Findings)] =
    &[delegates::check, domains::check, hosts::check, backups::check, vanished::check_organisations, unused::check];

/// What rules over one organisation look at, and nothing else: what they find is kept as long as all of it is the same.
/// A draft may be of an organisation that findings stop; what its unsound apps say counts for nothing.
#[derive(Clone)]
pub(super) struct One {
    /// The organisation as far as it could be read.
    pub draft: Arc<Draft>,
    /// The organisation as it was applied last.
    pub past: Option<Arc<Organisation>>,
    /// Its apps of which nothing is left in the cluster.
    pub gone: BTreeSet<Name>,
    /// Where the `garden` node stands.
    pub garden: Span,
    /// How long the garden keeps data at least.
    pub keep_data: Quantity,
    /// Whether there is a finding in its cluster: nothing is concluded from what that lacks.
    pub unsound_cluster: bool,
    /// What there is beside it.
    pub names: Arc<Names>,
}

/// The names that settings of apps may refer to outside of their organisation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub clusters: BTreeSet<Name>,
    pub offers: BTreeSet<Name>,
}

impl One {
    /// Whether nothing that a rule may look at is another.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let Self { draft, past, gone, garden, keep_data, unsound_cluster, names } = self;
        let same_past = match (past, &other.past) {
            (Some(past), Some(other)) => Arc::ptr_eq(past, other),
            (past, other) => past.is_none() && other.is_none(),
        };
        same_past
            && Arc::ptr_eq(draft, &other.draft)
            && (gone, garden, keep_data, unsound_cluster, names)
                == (&other.gone, &other.garden, &other.keep_data, &other.unsound_cluster, &other.names)
    }

    /// All apps about which there is no finding yet.
    pub(super) fn sound_apps(&self) -> impl Iterator<Item = SoundApp<'_>> {
        let sound = |app: &&App| !self.draft.unsound.contains(&app.name);
        self.draft.organisation.apps.values().filter(sound).map(|app| SoundApp { one: self, draft: &self.draft, app })
    }
}

/// An app whose settings can be relied on.
pub(super) struct SoundApp<'a> {
    one: &'a One,
    /// Its organisation as far as it could be read.
    pub draft: &'a Draft,
    /// The app.
    pub app: &'a App,
}

impl<'a> SoundApp<'a> {
    /// The app as it was applied last, under this name or an earlier one.
    pub(super) fn past(&self) -> Option<&'a App> {
        let past = self.one.past.as_ref()?;
        let earlier = || self.app.was.as_ref().and_then(|was| past.apps.get(&was.value));
        past.apps.get(&self.app.name).or_else(earlier)
    }

    /// "`alternatiba/cloud`".
    pub(super) fn called(&self) -> String {
        format!("`{}/{}`", self.draft.organisation.name, self.app.name)
    }
}

/// What rules over the whole garden look at.
pub(super) struct View<'a> {
    /// Names, clusters, offers; no organisations yet.
    pub garden: &'a Garden,
    /// All organisations as far as they could be read, in file order.
    pub drafts: &'a [Arc<Draft>],
    /// Where each of them stands in that order.
    pub places: &'a BTreeMap<Name, usize>,
    /// Who claims what.
    pub index: &'a Index,
    /// Every definition.
    pub definitions: &'a Definitions,
    /// What was applied last.
    pub past: Option<&'a Past>,
    /// Clusters in which there is a finding: nothing is concluded from what they lack.
    pub unsound_clusters: &'a BTreeSet<Name>,
    /// The files.
    pub files: &'a [Arc<FileReading>],
}

impl<'a> View<'a> {
    /// An organisation by its name.
    pub(super) fn draft(&self, name: &Name) -> Option<&'a Draft> {
        self.places.get(name).map(|at| &*self.drafts[*at])
    }

    /// Organisations of these names in file order, each once.
    pub(super) fn in_order(&self, names: &[Name]) -> Vec<&'a Draft> {
        let places: BTreeSet<usize> = names.iter().filter_map(|name| self.places.get(name)).copied().collect();
        places.into_iter().map(|at| &*self.drafts[at]).collect()
    }

    /// The organisation as it was applied last.
    pub(super) fn past_organisation(&self, name: &Name) -> Option<&'a Organisation> {
        self.past?.organisations.get(name).map(|organisation| &**organisation)
    }
}

/// Tries every rule over texts.
pub(super) fn check_text(file: &Checked, findings: &mut Findings) {
    OF_TEXT.iter().for_each(|rule| rule(file, findings));
}

/// Tries every rule over one organisation.
pub(super) fn check_one(one: &One) -> Findings {
    let mut findings = Findings::default();
    OF_ONE.iter().for_each(|rule| rule(one, &mut findings));
    findings
}

/// Tries every rule over the whole garden.
pub(super) fn check_all(view: &View<'_>, findings: &mut Findings) {
    OF_ALL.iter().for_each(|rule| rule(view, findings));
}
