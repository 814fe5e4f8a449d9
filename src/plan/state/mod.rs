//! What is known before anything is decided: what the garden says, what is live, what the inventory holds as ours.

pub mod health;
pub(super) mod hash;
pub(super) mod identity;
pub(super) mod input;
pub mod inventory;
pub mod live;
pub mod own_fields;
pub(super) mod own_values;
pub(super) mod owners;
pub mod path;
pub mod said;
pub(super) mod settle;
pub(super) mod standing;
