//! What is checked before a plan is carried out, in which order it is, and what stands in the inventory before and after.

pub mod eject;
pub mod guard;
pub mod order;
pub mod outcome;
pub(super) mod promise;
pub(super) mod record;
