//! The only module that talks to clusters: connecting, discovery, reading, watching, applying, the inventory, the lease.
//!
//! Everything here is IO except [`errors`], which traces what the API server refused to the line that caused it.
//! Requests go through one function ([`Connection`]): bounded, timed, counted, their errors masked.

mod act;
pub(crate) mod apply;
pub(crate) mod ask;
pub mod connect;
pub(crate) mod consent;
mod copies;
pub(crate) mod discovery;
pub(crate) mod echo;
pub mod eject;
pub(crate) mod errors;
pub(crate) mod facts;
mod followed;
mod gate;
mod headers;
pub mod inventory;
mod leader;
pub mod lease;
mod left_pods;
pub(crate) mod marks;
mod mirror;
mod pods;
pub(crate) mod read;
mod request;
mod retry;
mod shutdown;
pub(crate) mod survey;
mod wait;
mod warnings;
mod watch;
mod words;

pub(crate) use act::Removal;
pub(crate) use apply::{Progress, Work};
pub use connect::{Access, Connection, Limits, Permit, RequestCounts, Writer, connect};
pub(crate) use connect::{ConnectError, WrongCluster};
pub(crate) use copies::follows_others;
pub use discovery::discover;
pub(crate) use discovery::{Kinds, Resource};
pub(crate) use errors::ApiError;
pub(crate) use facts::Facts;
pub use inventory::StoredInventory;
pub(crate) use inventory::{InventoryError, PackedInventories, StoredInventories};
pub(crate) use leader::{Leader, LoopState};
pub use lease::Lease;
pub use mirror::Mirror;
pub(crate) use pods::running_since;
pub(crate) use read::{Listing, ReadRequest, ReadScope, Reading};
pub use shutdown::Shutdown;
pub(crate) use watch::Watches;
