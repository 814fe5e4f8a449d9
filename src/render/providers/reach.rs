//! How pods reach what a cluster file names: by its address, by the namespace it runs in, or outside.

use std::collections::{BTreeMap, BTreeSet};

use super::{option, option_text};
use crate::address::AddressRange;
use crate::model::namespace_in;
use crate::model::{Cluster, Organisation, ProviderChoice};
use crate::render::flow::{Flow, Peer, tcp};
use crate::source::Span;

/// Ports at which the pods of gateways take connections that were meant for 443, where the cluster file says none.
const GATEWAY_PORTS: [u16; 3] = [443, 8443, 10443];

/// A service of a cluster file.
pub(super) struct ReachedService<'a> {
    choice: &'a ProviderChoice,
    host: &'a str,
    port: u16,
}

/// Where a service is.
enum ServicePlace {
    /// At addresses that the file says, or that are its host.
    Addresses(BTreeSet<AddressRange>),
    /// In a namespace of the cluster.
    Namespace(String),
    Outside,
}

impl<'a> ReachedService<'a> {
    /// A service of a provider at a host and port.
    pub(super) fn new(choice: &'a ProviderChoice, host: &'a str, port: u16) -> Self {
        Self { choice, host, port }
    }

    fn place(&self) -> ServicePlace {
        let said = addresses(self.choice);
        if !said.is_empty() {
            return ServicePlace::Addresses(said);
        }
        if let Some(address) = AddressRange::parse(self.host) {
            return ServicePlace::Addresses(BTreeSet::from([address]));
        }
        match namespace_in(self.host) {
            Some(namespace) => ServicePlace::Namespace(namespace.to_owned()),
            None => ServicePlace::Outside,
        }
    }

    /// Leave to reach the service for some pods.
    pub(super) fn flow(&self, from: &Peer, origin: Span) -> Flow {
        let to = match self.place() {
            ServicePlace::Addresses(ranges) => Peer::Addresses(ranges),
            ServicePlace::Namespace(namespace) => Peer::Namespace(namespace),
            ServicePlace::Outside => Peer::Outside,
        };
        Flow { from: from.clone(), to, ports: tcp(&[self.port]), origin }
    }

    /// The same of one that may lie behind the cluster's own gateway.
    pub(super) fn flows(&self, organisation: &Organisation, from: &Peer, origin: Span) -> Vec<Flow> {
        match self.place() {
            ServicePlace::Outside => outward(organisation, from, self.port, origin),
            _ => vec![self.flow(from, origin)],
        }
    }
}

/// Leave to reach an address outside, or behind the cluster's own gateway, where its connections then end.
pub(super) fn outward(organisation: &Organisation, from: &Peer, port: u16, origin: Span) -> Vec<Flow> {
    let outside = Flow { from: from.clone(), to: Peer::Outside, ports: tcp(&[port]), origin };
    let route = organisation.cluster.provides.get("route");
    let gateway = route.into_iter().flat_map(|route| {
        let mut ports = gateway_ports(route);
        ports.insert(port);
        let ports = tcp(&ports.into_iter().collect::<Vec<_>>());
        let namespace = option_text(route, "namespace").map(|(namespace, _)| Peer::Namespace(namespace.to_owned()));
        let addresses = Some(addresses(route)).filter(|said| !said.is_empty()).map(Peer::Addresses);
        let flow = |to| Flow { from: from.clone(), to, ports: ports.clone(), origin };
        namespace.into_iter().chain(addresses).map(flow).collect::<Vec<_>>()
    });
    std::iter::once(outside).chain(gateway).collect()
}

/// Leave for pods of an operator to follow their own objects at the API server; anywhere where no file names it.
pub(super) fn api_server(organisation: &Organisation, from: Peer, origin: Span) -> Flow {
    let network = &organisation.cluster.network;
    let named: BTreeSet<AddressRange> = network.api_server.iter().map(|range| range.value).collect();
    let to = if named.is_empty() { Peer::Anywhere } else { Peer::Addresses(named) };
    Flow { from, to, ports: tcp(&network.api_ports()), origin }
}

/// The ports at which the pods of a gateway take connections.
fn gateway_ports(route: &ProviderChoice) -> BTreeSet<u16> {
    let said: BTreeSet<u16> = option(route, "ports")
        .into_iter()
        .flat_map(|ports| &ports.args)
        .filter_map(|port| port.text.parse().ok())
        .filter(|port| *port > 0)
        .collect();
    if said.is_empty() { GATEWAY_PORTS.into() } else { said }
}

/// The addresses that the line of a provider says.
pub(super) fn addresses(choice: &ProviderChoice) -> BTreeSet<AddressRange> {
    let said = option(choice, "address").into_iter().flat_map(|address| &address.args);
    said.filter_map(|range| AddressRange::parse(&range.text)).collect()
}

/// Returns every block of addresses that policies of a cluster's organisations may name, with what each leaves out.
pub(super) fn blocks(cluster: &Cluster) -> BTreeMap<String, Vec<String>> {
    let network = &cluster.network;
    let named = [&network.api_server, &network.name_servers].into_iter().flatten().map(|range| range.value);
    let said = cluster.provides.values().flat_map(|choice| {
        let literal = hosts(choice).filter_map(AddressRange::parse);
        addresses(choice).into_iter().chain(literal)
    });
    let named = named.chain(said).map(|range| (range.to_string(), Vec::new()));
    let outside = network
        .outside()
        .into_iter()
        .map(|block| (block.range.to_string(), block.except.iter().map(ToString::to_string).collect()));
    named.chain(outside).collect()
}

/// The hosts that the line of a provider says.
fn hosts(choice: &ProviderChoice) -> impl Iterator<Item = &str> {
    let endpoint = option_text(choice, "endpoint").and_then(|(endpoint, _)| super::address(endpoint));
    option_text(choice, "host").map(|(host, _)| host).into_iter().chain(endpoint.map(|(_, host, _)| host))
}
