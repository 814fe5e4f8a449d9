//! What people and machines are told of plans and outcomes: text, JSON, Markdown, a page of status.

mod json;
mod markdown;
mod outcome;
mod status;
mod text;
mod value;
mod way_out;
mod words;

pub use json::json;
pub use markdown::{Markdown, markdown};
pub use outcome::outcome;
pub use status::{AppStatus, OrganisationStatus, status, statuses};
pub use text::text;

/// How a text is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Whether the reader has colours.
    pub colour: bool,
    /// Whether everything is shown: objects of new apps one by one, what stays as it is.
    pub verbose: bool,
}

#[cfg(test)]
mod tests;
