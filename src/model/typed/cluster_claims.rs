//! The hosts and domains that a cluster file names: its own domain, the addresses of its services, and whose they are.

use crate::name::Name;
use crate::source::Spanned;

/// What a cluster file says of hosts and domains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterClaims {
    /// The domain below which organisations have their places.
    pub(crate) domain: Option<Spanned<String>>,
    /// Domains that are an organisation's by word of the cluster file: `domain … of=`, `belongs … to=`.
    pub(crate) owned: Vec<(Spanned<String>, Name)>,
    /// The hosts of services, each with the need that it serves.
    pub(crate) hosts: Vec<(Spanned<String>, String)>,
    /// The domain as which the relay sends mail where an app says none.
    pub(crate) sender: Option<String>,
}
