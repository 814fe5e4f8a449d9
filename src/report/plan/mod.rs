//! What people and machines are told of plans and outcomes: text, JSON, Markdown, a page of status.

mod alike;
mod away;
mod causes;
mod comment;
mod elements;
mod hatches;
pub(crate) mod json;
mod later;
mod leader;
mod lost;
mod matters;
mod outcome;
mod page;
mod recovery;
mod reviewed;
mod status;
mod tally;
pub(crate) mod text;
mod urgent;
mod value;
mod way_out;
mod words;

pub(crate) use alike::AlikeOrganisations;
pub(crate) use causes::causes;
pub use comment::markdown;
pub(crate) use comment::{CommentStyle, comment};
pub(crate) use leader::LeaderStatus;
pub(crate) use lost::DataGone;
pub use outcome::outcome;
pub(crate) use outcome::{organisation_outcome, outcome_summary};
pub(crate) use recovery::{recovery, recovery_value};
pub(crate) use reviewed::ReviewedPlanBuilder;
pub(crate) use status::{AppStatus, LastChange, OpenObject, OrganisationStatus, status, statuses};
pub(crate) use tally::Tally;
pub use text::text;
pub(crate) use words::counted;

use super::Drawing;

/// The style of a text: how it is drawn, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextStyle {
    /// With colours, without, or in sentences.
    pub drawing: Drawing,
    /// Whether everything is shown: objects of new apps one by one, what stays as it is.
    pub verbose: bool,
    /// Whether a server was asked, so that what it did not confirm is worth a word.
    pub asked: bool,
}

impl Default for TextStyle {
    fn default() -> Self {
        Self { drawing: Drawing::Plain, verbose: false, asked: true }
    }
}

#[cfg(test)]
mod tests;
