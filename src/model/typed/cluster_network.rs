//! The addresses of a cluster itself, as its file names them: what pods reach is held against them.

use crate::address::{AddressBlock, AddressRange, outside};
use crate::source::{Span, Spanned};

/// The ports at which an API server is reached where the file says none: that of its Service, and its own.
const API_PORTS: [u16; 2] = [443, 6443];

/// What a cluster file says of its network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterNetwork {
    /// Where the `network` node stands, where there is one.
    pub(crate) span: Option<Span>,
    /// The addresses of nodes.
    pub(crate) nodes: Vec<Spanned<AddressRange>>,
    /// The addresses of the API server.
    pub(crate) api_server: Vec<Spanned<AddressRange>>,
    /// The API server's own port.
    pub(crate) api_port: Option<u16>,
    /// Servers that resolve names beside the cluster's own.
    pub(crate) name_servers: Vec<Spanned<AddressRange>>,
}

impl ClusterNetwork {
    /// Returns the addresses outside the cluster.
    pub(crate) fn outside(&self) -> Vec<AddressBlock> {
        let named = [&self.nodes, &self.api_server, &self.name_servers].into_iter().flatten();
        outside(&named.map(|range| range.value).collect::<Vec<_>>())
    }

    /// Returns the ports of the API server.
    pub(crate) fn api_ports(&self) -> Vec<u16> {
        let [service, own] = API_PORTS;
        vec![service, self.api_port.unwrap_or(own)]
    }

    /// Returns the words that name what is left open where nothing is said.
    pub(crate) fn unsaid(&self) -> Vec<&'static str> {
        let said = [("nodes", self.nodes.is_empty()), ("api-server", self.api_server.is_empty())];
        said.into_iter().filter(|(_, unsaid)| *unsaid).map(|(word, _)| word).collect()
    }
}
