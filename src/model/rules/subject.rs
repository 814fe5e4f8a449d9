//! The subjects of rules, as data: [`One`] organisation with its past, or a [`View`] of the whole garden.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{ClaimIndex, Holdings, HostClaim, Refused};
use crate::expression::too_much_work;
use crate::finding::{Finding, Findings};
use crate::model::definition::Definitions;
use crate::model::draft::{Draft, FileReading};
use crate::model::{App, AppFootprint, AppliedApp, Garden, Organisation, Past, PastOrganisation};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::source::{Sources, Span, Spanned};
use crate::syntax::TOO_MUCH;

/// The most findings of one rule over the whole garden about one organisation.
const MOST_FINDINGS: usize = 200;

/// What rules over one organisation look at, and nothing else: what they find is kept as long as all of it is the same.
/// A draft may be of an organisation that findings stop; what its unsound apps say counts for nothing.
#[derive(Clone)]
pub(in crate::model) struct One {
    /// The organisation as far as it could be read.
    pub(crate) draft: Arc<Draft>,
    /// The organisation as it may be in the cluster.
    pub(crate) past: Option<Arc<PastOrganisation>>,
    /// Whether the garden takes back what was begun of it and not applied whole.
    pub(crate) taken_back: bool,
    /// Its apps of which nothing is left in the cluster.
    pub(crate) gone: BTreeSet<Name>,
    /// Where the `garden` node stands.
    pub(crate) garden: Span,
    /// How long the garden keeps data at least.
    pub(crate) keep_data: Quantity,
    /// Whether the garden says a ceiling for what offers leave open.
    pub(crate) bounded: bool,
    /// Whether there is a finding in its cluster: nothing is concluded from what that lacks.
    pub(crate) unsound_cluster: bool,
    /// What there is beside it.
    pub(crate) names: Arc<Names>,
}

/// The names that settings of apps may refer to outside of their organisation.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::model) struct Names {
    pub(crate) clusters: BTreeSet<Name>,
    pub(crate) offers: BTreeSet<Name>,
}

impl One {
    /// Whether nothing that a rule may look at is another.
    pub(in crate::model) fn is_as(&self, other: &Self) -> bool {
        let Self { draft, past, taken_back, gone, garden, keep_data, bounded, unsound_cluster, names } = self;
        let same_past = match (past, &other.past) {
            (Some(past), Some(other)) => Arc::ptr_eq(past, other) || past.is_as(other),
            (past, other) => past.is_none() && other.is_none(),
        };
        same_past
            && Arc::ptr_eq(draft, &other.draft)
            && (taken_back, gone, garden) == (&other.taken_back, &other.gone, &other.garden)
            && (keep_data, bounded) == (&other.keep_data, &other.bounded)
            && (unsound_cluster, names) == (&other.unsound_cluster, &other.names)
    }

    /// All apps about which there is no finding yet.
    pub(in crate::model) fn sound_apps(&self) -> impl Iterator<Item = SoundApp<'_>> {
        let sound = |app: &&App| !self.draft.unsound.contains(&app.name);
        self.draft.organisation.apps.values().filter(sound).map(|app| SoundApp { one: self, draft: &self.draft, app })
    }
}

/// An app whose settings can be relied on.
pub(in crate::model) struct SoundApp<'a> {
    one: &'a One,
    /// Its organisation as far as it could be read.
    pub(crate) draft: &'a Draft,
    pub(crate) app: &'a App,
}

impl<'a> SoundApp<'a> {
    /// Everything that the app may be in the cluster, under this name or an earlier one; the newest last.
    pub(in crate::model) fn possible(&self) -> impl Iterator<Item = &'a AppliedApp> {
        self.footprints().into_iter().flat_map(|(_, footprint)| footprint.possible(self.one.taken_back))
    }

    /// The footprints of the app, by the name that it has in the cluster: this name or an earlier one; that of its own name last.
    /// What is applied under its name and is another app's by now is not its past.
    pub(in crate::model) fn footprints(&self) -> Vec<(&'a Name, &'a AppFootprint)> {
        let Some(past) = &self.one.past else { return Vec::new() };
        let (own, data) = (&self.app.name, self.app.data_name());
        let passes = |past: &AppFootprint, name| {
            let known = past.data_name(name);
            let mut others = self.draft.organisation.apps.values().filter(|other| other.name != *own);
            known != data && others.any(|other| other.data_name() == known)
        };
        let earlier = past.apps.iter().filter(|(name, past)| *name != own && past.data_name(name) == data);
        let own = past.apps.get_key_value(own).filter(|(name, past)| !passes(past, name));
        earlier.chain(own).collect()
    }

    /// The commit that its organisation was applied whole from last, where something was begun since.
    pub(in crate::model) fn whole_commit(&self) -> Option<&'a str> {
        let past = self.one.past.as_ref().filter(|past| !past.begun_commit.is_empty() && !past.commit.is_empty())?;
        Some(&past.commit)
    }

    /// Whether a state of the app was begun, and not known to be whole.
    pub(in crate::model) fn is_begun(&self, state: &AppliedApp) -> bool {
        let apps = self.one.past.iter().flat_map(|past| past.apps.values());
        apps.flat_map(|footprint| &footprint.begun).any(|begun| std::ptr::eq(begun, state))
    }

    /// The finding that what is done with the app takes too much work; `place` is where it became too much.
    pub(super) fn costly(&self, done: &str, place: Span) -> Finding {
        let name = &self.draft.organisation.name;
        too_much_work(&format!("{done} `{}` of {name}", self.app.name), place, self.app.span).stops(name.clone())
    }

    pub(in crate::model) fn called(&self) -> String {
        format!("`{}/{}`", self.draft.organisation.name, self.app.name)
    }
}

/// What rules over the whole garden look at.
pub(in crate::model) struct View<'a> {
    /// Names, clusters, offers; no organisations yet.
    pub(crate) garden: &'a Garden,
    /// All organisations as far as they could be read, in file order.
    pub(crate) drafts: &'a [Arc<Draft>],
    /// Organisations that a file is called after, whether or not it could be read.
    pub(crate) called: &'a BTreeSet<&'a Name>,
    /// Where each of them stands in that order.
    pub(crate) places: &'a BTreeMap<Name, usize>,
    /// Who claims what.
    pub(crate) index: &'a ClaimIndex,
    /// Who may have what in the clusters.
    pub(crate) holdings: &'a Holdings,
    /// Claims that do not count.
    pub(crate) refused: &'a Refused,
    pub(crate) definitions: &'a Definitions,
    /// What was applied last.
    pub(crate) past: Option<&'a Past>,
    /// Clusters in which there is a finding: nothing is concluded from what they lack.
    pub(crate) unsound_clusters: &'a BTreeSet<Name>,
    pub(crate) files: &'a [Arc<FileReading>],
    pub(crate) sources: &'a Sources,
}

impl<'a> View<'a> {
    /// An organisation by its name.
    pub(in crate::model) fn draft(&self, name: &Name) -> Option<&'a Draft> {
        self.places.get(name).map(|at| &*self.drafts[*at])
    }

    /// Organisations of these names in file order, each once.
    pub(in crate::model) fn in_order<'n>(&self, names: impl Iterator<Item = &'n Name>) -> Vec<&'a Draft> {
        let places: BTreeSet<usize> = names.filter_map(|name| self.places.get(name)).copied().collect();
        places.into_iter().map(|at| &*self.drafts[at]).collect()
    }

    /// Adds what a rule found about one organisation: of very much the first, and how much more there is.
    pub(super) fn tell(&self, name: &Name, found: impl Iterator<Item = Finding>, findings: &mut Findings) {
        let mut told = Findings::default();
        found.for_each(|finding| told.push(finding));
        told.limit(MOST_FINDINGS, |more, first| {
            let place = self.draft(name).map_or(first.primary.span, |draft| draft.organisation.span);
            let title = format!("{more} more findings about what `{name}` claims");
            let finding = Finding::refused(TOO_MUCH, title, place)
                .why(format!("at most {MOST_FINDINGS} of a kind are shown of one organisation"))
                .help("so many usually have one cause: mend the first ones and check again")
                .stops(name.clone());
            Finding { severity: first.severity, ..finding }
        });
        findings.extend(told);
    }

    /// Where an app says a host that it claims as it is written; nowhere where it has given that to another one.
    pub(super) fn said(&self, claim: &HostClaim, host: &str) -> impl Iterator<Item = (&'a App, &'a Spanned<String>)> {
        let app = self.draft(&claim.organisation).and_then(|draft| draft.organisation.apps.get(&claim.app));
        let hosts = app.into_iter().flat_map(|app| app.hosts.iter().map(move |said| (app, said)));
        hosts.filter(move |(_, said)| said.value == host)
    }

    /// The organisation as it may be in the cluster, in each of its states.
    pub(in crate::model) fn past_organisations(&self, name: &Name) -> impl Iterator<Item = &'a Organisation> {
        self.past.into_iter().flat_map(|past| past.states(name))
    }
}
