//! Data that is gone, as every format tells it.

use serde::{Deserialize, Serialize};

use crate::plan::{self, OrganisationPlan};
use crate::visible;

/// An object whose data is gone and that apps are held for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataGone {
    /// Kind and name.
    pub(crate) object: String,
    /// Since when that is known, in Unix seconds.
    pub(crate) since: i64,
    /// The apps that are held.
    pub(crate) apps: Vec<String>,
    /// How the data was lost.
    pub(crate) words: String,
    /// What helps, one a line.
    pub(crate) ways_out: Vec<String>,
}

impl DataGone {
    /// What of an organisation's data is gone.
    pub(crate) fn of(plan: &OrganisationPlan) -> Vec<Self> {
        let told = plan::lost_data(plan).into_iter().map(|lost| Self {
            object: lost.id.to_string(),
            since: lost.since,
            apps: lost.apps.iter().map(ToString::to_string).collect(),
            words: visible::line(&lost.words),
            ways_out: lost.ways_out,
        });
        told.collect()
    }

    /// One line about it: who is held, and for what.
    pub(super) fn line(&self) -> String {
        let verb = if self.apps.len() == 1 { "is" } else { "are" };
        format!("{} {verb} held: {}", self.apps.join(", "), self.words)
    }
}
