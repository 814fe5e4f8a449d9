//! parcelle keeps Kubernetes clusters true to a garden of KDL files.
//!
//! ```text
//! Git ─▶ Snapshot ─▶ Documents ─▶ Garden ─▶ Objects ──┐
//!        (commit,     (KDL with    (checked,  (with    ├─▶ Plan ─▶ guard ─▶ apply ─▶ Outcome ─▶ Report
//!         files)       spans)       typed)     origins)│
//!                          findings ─ one sink    Live ┘
//! ```
//!
//! The modules stand in reading order; each uses only those above it.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests read cases and the environment"))]

pub mod allocator;
pub mod source;
pub(crate) mod visible;
pub mod cause;
pub(crate) mod private;
pub mod name;
pub mod finding;
pub(crate) mod address;
pub mod quantity;
pub(crate) mod ssh;
pub mod kind;
pub mod syntax;
pub mod schema;
pub mod expression;
pub mod model;
pub mod merge;
pub mod cel;
pub(crate) mod validation;
pub(crate) mod policy;
pub mod render;
pub mod plan;
pub mod git;
pub mod secrets;
pub mod cluster;
pub(crate) mod impact;
pub mod consent;
pub(crate) mod review;
pub mod report;
pub(crate) mod forge;
pub mod check;
pub mod sandbox;
pub mod engine;
pub mod cli;
