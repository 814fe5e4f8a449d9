//! What a plan does, as people decide on it: grouped by the lines that were edited, and what matters first.
//!
//! A plan is a list of objects; an [`Impact`] is what somebody who does not know Kubernetes reads of it. It is built
//! organisation by organisation, so that no command holds a whole plan, and it is data: `report` writes it as text, Markdown
//! and JSON, and a process that trusts nothing reads it back from JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Garden, Past};
use crate::name::Name;
use crate::plan::OrganisationPlan;
use crate::render::Packed;
use crate::source::Sources;

pub(crate) mod amounts;
mod backups;
pub(crate) mod causes;
pub(crate) mod dangers;
pub(crate) mod data;
pub(crate) mod edits;
mod effects;
pub(crate) mod images;
pub(crate) mod interruptions;
mod subject;
#[cfg(test)]
mod tests;
mod wording;

pub(crate) use amounts::AmountChange;
pub(crate) use causes::{EditEffect, OtherCause};
pub(crate) use dangers::{Danger, Level as DangerLevel};
pub(crate) use data::{DataHow, DataImpact};
pub(crate) use edits::EditedLines;
pub(crate) use images::ImageChange;
pub(crate) use interruptions::{How as InterruptionHow, Interruption};

/// What is said of an organisation that was not there.
pub(crate) const NEW_ORGANISATION: &str = "a new organisation";

/// What a plan does, in the order in which people look at it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Impact {
    /// What deletes or touches people's data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) data: Vec<DataImpact>,
    /// Apps that restart, are away for a while, or stop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) interruptions: Vec<Interruption>,
    /// Container images that are replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<ImageChange>,
    /// Storage, processor and memory of organisations against their grants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) amounts: Vec<AmountChange>,
    /// What a rule calls dangerous.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dangers: Vec<Danger>,
    /// The edited lines, each with what it does, in order of file and line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) edits: Vec<EditEffect>,
    /// Changes that no edited line asks for: an upgrade of parcelle, drift, the hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) other: Vec<OtherCause>,
}

/// Whose something is: the apps of each organisation; no app where it is the organisation's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Whose(pub(crate) BTreeMap<Name, BTreeSet<Name>>);

impl Whose {
    /// Adds an app, or an organisation's own.
    pub(crate) fn add(&mut self, organisation: &Name, app: Option<&Name>) {
        self.0.entry(organisation.clone()).or_default().extend(app.cloned());
    }
}

/// What the organisations of a plan are looked up in.
#[derive(Clone, Copy)]
pub(crate) struct ImpactContext<'a> {
    /// The garden that is planned.
    pub(crate) garden: &'a Garden,
    /// The texts that its spans refer to.
    pub(crate) sources: &'a Sources,
    /// What is rendered of each organisation.
    pub(crate) objects: &'a BTreeMap<Name, Arc<Packed>>,
    /// The garden as it is applied.
    pub(crate) applied: AppliedGarden<'a>,
}

/// What is known of the garden that a plan goes on from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum AppliedGarden<'a> {
    /// Nothing: amounts before are told by what the plan changes, or not at all.
    #[default]
    Unknown,
    /// Another commit, whole.
    Commit {
        garden: &'a Garden,
        /// What it renders of each organisation.
        objects: &'a BTreeMap<Name, Arc<Packed>>,
    },
    /// The organisations as they were applied, each at a commit of its own.
    Past(&'a Past),
}

impl<'a> ImpactContext<'a> {
    /// The same for a plan that goes on from what is known to be applied.
    #[must_use]
    pub(crate) fn after(self, applied: AppliedGarden<'a>) -> Self {
        Self { applied, ..self }
    }
}

/// An impact as it grows, an organisation at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImpactBuilder {
    data: data::DataTally,
    interruptions: interruptions::InterruptionTally,
    images: images::ImageTally,
    amounts: amounts::AmountTally,
    dangers: dangers::DangerTally,
    causes: causes::CauseTally,
}

impl ImpactBuilder {
    /// Begins with the lines that were edited since what is compared with.
    pub(crate) fn new(edited: EditedLines) -> Self {
        Self { causes: causes::CauseTally::new(edited), ..Self::default() }
    }

    /// Adds the whole plan of one organisation: before anything of it is left out for brevity.
    pub(crate) fn add(&mut self, plan: &OrganisationPlan, context: ImpactContext<'_>) {
        let subject = subject::PlannedOrganisation::new(plan, context);
        self.data.add(&subject);
        self.interruptions.add(&subject);
        self.images.add(plan);
        self.amounts.add(&subject);
        self.dangers.add(&subject);
        self.causes.add(plan, context);
    }

    /// What the organisations that were added come to.
    pub(crate) fn finish(self) -> Impact {
        let (edits, other) = self.causes.finish();
        Impact {
            data: self.data.finish(),
            interruptions: self.interruptions.finish(),
            images: self.images.finish(),
            amounts: self.amounts.finish(),
            dangers: self.dangers.finish(),
            edits,
            other,
        }
    }
}
