//! What people are told of a plan: the fields that move, without secrets, the reasons in words, the findings on their lines.

pub(crate) mod acts_later;
pub(super) mod adopted;
pub(super) mod brief;
pub(super) mod diff;
pub(super) mod findings;
pub(super) mod gone;
pub(crate) mod hatches;
mod jobs;
pub(super) mod list;
pub(super) mod lost;
pub(super) mod mask;
pub(super) mod secrets;
pub(super) mod warnings;
pub(super) mod words;
