//! Values that nobody writes: made from random bytes, joined, copied; and kept out of every text.
//!
//! Makes values; `cluster` carries them. Nothing here is ever in a model, a plan or a log.

mod follow;
mod generate;
mod hash;
mod mask;

pub(crate) use follow::seen;
pub(crate) use generate::{Material, MaterialError, copied, generated, templated};
pub(crate) use hash::HashKey;
pub(crate) use mask::{MASK, Tainted, without_unsent};
