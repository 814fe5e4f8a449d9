//! What is checked before a plan is carried out, in which order it is, and what stands in the inventory before and after.

pub(crate) mod agreed;
pub(crate) mod eject;
mod footprint;
mod gone;
pub(crate) mod guard;
mod guard_data;
mod guard_jobs;
mod guard_names;
mod guard_recovered;
pub(super) mod jobs;
pub(crate) mod order;
pub mod outcome;
pub(super) mod promise;
pub(super) mod record;
mod keys;
pub(crate) mod recover;
