//! Values that nobody writes: made from random bytes, joined, copied; and kept out of every text.
//!
//! Makes values; `cluster` carries them. Nothing here is ever in a model, a plan or a log.

mod generate;
mod hash;
mod mask;

pub use generate::{Material, MaterialError, copied, generated, templated};
pub use hash::HashKey;
pub use mask::{MASK, Tainted};
