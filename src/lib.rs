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

pub mod cluster;
pub mod expression;
pub mod finding;
pub mod git;
pub mod merge;
pub mod model;
pub mod name;
pub mod plan;
pub mod quantity;
pub mod reconcile;
pub mod render;
pub mod sandbox;
pub mod report;
pub mod schema;
pub mod secrets;
pub mod source;
pub mod syntax;
