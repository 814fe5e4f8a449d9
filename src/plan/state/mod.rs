//! What is known before anything is decided: what the garden says, what is live, what the inventory holds as ours.

mod chosen_once;
pub(in crate::plan) mod data_named;
pub(super) mod decisions;
pub(crate) mod directives;
pub(crate) mod health;
pub(crate) mod hatches;
pub(super) mod gone;
pub(super) mod hash;
pub(super) mod hosts;
pub(super) mod identity;
pub(super) mod input;
pub(crate) mod inventory;
pub(crate) mod jobs;
pub(super) mod kept;
pub(crate) mod left_pods;
pub(crate) mod live;
pub(in crate::plan) mod lost;
pub(in crate::plan) mod made_keys;
pub(crate) mod own_fields;
pub(super) mod ours;
pub(super) mod own_values;
pub(super) mod owners;
pub(crate) mod pods;
pub(super) mod renames;
pub(super) mod settle;
pub(super) mod standing;
pub(crate) mod union;
pub(crate) mod unseen;
pub(crate) mod words;

pub(crate) use crate::render::path;
