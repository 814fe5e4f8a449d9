//! An embedded Kubernetes API over HTTP on loopback, in memory, with a state file.
//!
//! It answers as a real API server (v1.36.2) does where a reconciler looks: discovery, reads with
//! selectors and pages, server-side apply and the other patches, watches, custom resources with
//! their schemas, namespaces, access rights.
//!
//! What it does not do (`docs/sandbox.md` has the whole list for its users): schedule or run anything;
//! admission by webhooks or plugins other than the life cycle of namespaces and admission policies,
//! so quotas are not enforced; the CEL rules of definitions (`x-kubernetes-validations`), which are kept and not
//! evaluated; checks beyond those in `validate`; conversion between versions of a custom resource;
//! printed tables, `OpenAPI` v2, and field types in v3; most bodies in protobuf.
//!
//! ```text
//! HTTP ─▶ http (connection, body, faults) ─▶ route ─▶ access ─▶ handlers ─▶ store ─▶ watchers, state file
//!                                                        read · write · delete · watch
//! ```
//!
//! The simulated controllers in [`controllers`] are ordinary clients of the API.

mod access;
mod admission;
mod bootstrap;
mod connection;
pub mod controllers;
mod custom;
mod delete;
mod discovery;
mod events;
mod faults;
mod fields;
mod forms;
mod generation;
mod handle;
mod http;
mod json;
#[cfg(test)]
mod laws;
mod lifecycle;
mod origin;
mod patch;
mod pod_security;
mod proto;
mod read;
mod reply;
mod request;
mod resources;
mod review;
mod route;
mod scale;
mod selector;
mod server;
mod state;
mod status;
mod store;
mod types;
mod validate;
mod warnings;
mod watch;
mod write;

pub use access::User;
pub use controllers::ControllerOptions;
pub use faults::{Fault, FaultEffect, RequestMatcher};
pub(crate) use handle::SandboxError;
pub use handle::{Faults, Handle, Options, kubeconfig, serve};
