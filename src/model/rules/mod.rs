//! What is checked over the whole garden, one file a rule. Each says its codes, and has its manual page in
//! `docs/findings/`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::finding::Findings;
use crate::model::definition::Definitions;
use crate::model::organisation::Draft;
use crate::model::{App, Garden, Organisation, Past};
use crate::name::Name;
use crate::schema::Checked;

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

/// What rules look at. Drafts also hold organisations that findings stop; what their unsound apps say counts for nothing.
pub(super) struct View<'a> {
    /// Names, clusters, offers; no organisations yet.
    pub garden: &'a Garden,
    /// All organisations as far as they could be read, in file order.
    pub drafts: &'a [Draft<'a>],
    /// Every definition.
    pub definitions: &'a Definitions,
    /// What was applied last.
    pub past: Option<&'a Past>,
    /// Clusters in which there is a finding: nothing is concluded from what they lack.
    pub unsound_clusters: &'a BTreeSet<Name>,
    /// The files, for rules about texts.
    pub files: &'a [Arc<Checked>],
}

/// An app whose settings can be relied on.
pub(super) struct SoundApp<'a> {
    /// Its organisation as far as it could be read.
    pub draft: &'a Draft<'a>,
    /// The app.
    pub app: &'a App,
}

impl<'a> View<'a> {
    /// All apps about which there is no finding yet.
    pub(super) fn sound_apps(&self) -> impl Iterator<Item = SoundApp<'a>> {
        self.drafts.iter().flat_map(|draft| {
            let apps = draft.organisation.apps.values().filter(|app| !draft.unsound.contains(&app.name));
            apps.map(move |app| SoundApp { draft, app })
        })
    }

    /// The organisation as it was applied last.
    pub(super) fn past_organisation(&self, name: &Name) -> Option<&'a Organisation> {
        self.past?.organisations.get(name).map(|organisation| &**organisation)
    }
}

impl SoundApp<'_> {
    /// The app as it was applied last, under this name or an earlier one.
    pub(super) fn past<'a>(&self, view: &View<'a>) -> Option<&'a App> {
        let past = view.past_organisation(&self.draft.organisation.name)?;
        let earlier = || self.app.was.as_ref().and_then(|was| past.apps.get(&was.value));
        past.apps.get(&self.app.name).or_else(earlier)
    }

    /// "`alternatiba/cloud`".
    pub(super) fn called(&self) -> String {
        format!("`{}/{}`", self.draft.organisation.name, self.app.name)
    }
}

/// Tries every rule.
pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for rule in [
        reserved_names::check,
        delegates::check,
        domains::check,
        hosts::check,
        same_place::check,
        needs::check,
        other_apps::check,
        backups::check,
        upgrades::check,
        only_grows::check,
        immutable::check,
        retired::check,
        vanished::check,
        fallen_back::check,
        was::check,
        hatches::check,
        sleep::check,
        replicas::check,
        definition_rules::check,
        secrets::check,
        secret_names::check,
        unused::check,
    ] {
        rule(view, findings);
    }
}
