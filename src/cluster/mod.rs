//! The only module that knows kube: connecting, discovery, reading, watching, applying, the inventory, the lease.
//!
//! Everything here is IO except [`errors`], which traces what the API server refused to the line that caused it.
//! Requests go through one function ([`Connection`]): bounded, timed, counted, their errors masked.

mod act;
pub mod apply;
pub mod ask;
pub mod connect;
mod copies;
pub mod discovery;
pub mod eject;
pub mod errors;
pub mod facts;
pub mod inventory;
pub mod lease;
mod mirror;
pub mod read;
mod request;
mod retry;
pub mod survey;
mod wait;
mod watch;
mod words;

pub use apply::{Applied, Progress, Work};
pub use connect::{Access, ConnectError, Connection, Limits, Permit, RequestCounts, Writer, WrongCluster, connect};
pub use discovery::{Kinds, MissingKind, Resource, discover};
pub use errors::{ApiError, Cause, Refusal};
pub use facts::Facts;
pub use inventory::{Inventories, InventoryError, Stored};
pub use lease::Lease;
pub use mirror::{Mirror, Stirred};
pub use read::{Found, Look, Reading, Scope};
pub use watch::Watches;
