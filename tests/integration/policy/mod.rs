//! The policy over final objects: what is rendered keeps to it, and nothing that a hatch writes gets past it.

mod fields;
mod hostile;
mod reach;
