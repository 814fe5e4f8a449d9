//! Who may talk to whom: what needs and routes ask for, and the network policies that allow just that.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::ObjectDraft;
use super::naming;
use super::tree::{Tree, tree};
use crate::address::{AddressBlock, AddressRange};
use crate::kind;
use crate::model::ClusterNetwork;
use crate::name::Name;
use crate::source::Span;

/// One end of a flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    /// Every pod of an app.
    App(Name),
    /// Pods of the organisation with these labels.
    Pods(BTreeMap<String, String>),
    /// Every pod of another namespace.
    Namespace(String),
    /// Pods with these labels in another namespace.
    PodsOf(String, BTreeMap<String, String>),
    /// What lies outside the cluster and every private network.
    Outside,
    /// Addresses that the cluster file names.
    Addresses(BTreeSet<AddressRange>),
    /// Any address: for pods of operators that follow an API server which no file names.
    Anywhere,
}

/// A port of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FlowPort {
    pub(crate) number: u16,
    /// UDP instead of TCP.
    pub(crate) udp: bool,
}

/// Leave to connect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flow {
    pub(crate) from: Peer,
    pub(crate) to: Peer,
    /// To which ports; all where empty, as among the pods of one app.
    pub(crate) ports: Vec<FlowPort>,
    /// The line that asked for it.
    pub(crate) origin: Span,
}

pub(super) fn tcp(numbers: &[u16]) -> Vec<FlowPort> {
    numbers.iter().map(|number| FlowPort { number: *number, udp: false }).collect()
}

/// The policies of an organisation: nothing is allowed, then names are, then each flow on the ends that lie in it.
///
/// Policies only add up, so one a selected group of pods, with all its flows, is enough.
pub(super) fn policies(flows: &[Flow], network: &ClusterNetwork, origin: Span) -> Vec<ObjectDraft> {
    let outside = network.outside();
    let mut drafts = vec![deny(origin), names(network, origin)];
    let ends: BTreeSet<&Peer> = flows.iter().flat_map(|flow| [&flow.from, &flow.to]).collect();
    for end in ends {
        let Some((name, selector, component)) = selected(end) else { continue };
        let incoming: BTreeSet<_> = flows.iter().filter(|flow| flow.to == *end).collect();
        let outgoing: BTreeSet<_> = flows.iter().filter(|flow| flow.from == *end).collect();
        let types = [(!incoming.is_empty()).then_some("Ingress"), (!outgoing.is_empty()).then_some("Egress")];
        let spec = tree! {
            "podSelector": tree! { "matchLabels": Tree::from(selector) },
            "policyTypes": Tree::list(types.into_iter().flatten().map(Tree::from)),
            "ingress": Tree::list(incoming.into_iter().map(|flow| rule("from", &flow.from, flow, &outside))),
            "egress": Tree::list(outgoing.into_iter().map(|flow| rule("to", &flow.to, flow, &outside))),
        };
        let mut draft = policy(name, spec, origin);
        draft.component = component;
        drafts.push(draft);
    }
    drafts
}

/// The name of an end's policy and how its pods are selected; none where the pods are not the organisation's.
fn selected(end: &Peer) -> Option<(String, BTreeMap<String, String>, Option<String>)> {
    match end {
        Peer::App(app) => {
            let selector = BTreeMap::from([("parcelle.dev/app".to_owned(), app.to_string())]);
            Some((format!("{app}--app"), selector, None))
        }
        Peer::Pods(labels) => {
            let app = labels.get("parcelle.dev/app").and_then(|app| Name::new(app).ok());
            let name = match (app, labels.get("app.kubernetes.io/component"), labels.get("app.kubernetes.io/instance"))
            {
                (Some(app), Some(component), _) => naming::role(kind::NETWORK_POLICY, &app, component, "part"),
                // Pods that an operator makes, by what it makes them of or by what it calls them.
                (_, _, Some(instance)) => format!("{instance}--pods"),
                _ => format!("default--{}", named_after(labels)),
            };
            Some((name, labels.clone(), labels.get("app.kubernetes.io/component").cloned()))
        }
        Peer::Namespace(_) | Peer::PodsOf(..) | Peer::Outside | Peer::Addresses(_) | Peer::Anywhere => None,
    }
}

/// A word for pods that an operator makes, from the one label that selects them: `cnpg.io/cluster` gives `cluster`.
fn named_after(labels: &BTreeMap<String, String>) -> String {
    let key = labels.keys().next().map_or("pods", |key| key.rsplit('/').next().unwrap_or(key));
    key.chars().filter(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()).collect()
}

fn rule(side: &str, peer: &Peer, flow: &Flow, outside: &[AddressBlock]) -> Tree {
    let ports = flow.ports.iter().map(|port| {
        // Explicit, since rules are compared whole and the server writes the default into them.
        tree! { "port": port.number, "protocol": if port.udp { "UDP" } else { "TCP" } }
    });
    let mut rule = tree! { "ports": Tree::list(ports) };
    rule.set(side, Tree::list(peers(peer, outside)));
    rule.at(flow.origin)
}

/// An end of a flow as a rule names it; nothing where it is any address.
fn peers(peer: &Peer, outside: &[AddressBlock]) -> Vec<Tree> {
    let peer = match peer {
        Peer::App(app) => tree! { "podSelector": tree! { "matchLabels": tree! { "parcelle.dev/app": app.as_str() } } },
        Peer::Pods(labels) => tree! { "podSelector": tree! { "matchLabels": labels.clone() } },
        Peer::Namespace(name) => tree! { "namespaceSelector": namespace(name) },
        Peer::PodsOf(name, labels) => tree! {
            "namespaceSelector": namespace(name),
            "podSelector": tree! { "matchLabels": labels.clone() },
        },
        Peer::Outside => return outside.iter().map(block).collect(),
        Peer::Addresses(ranges) => {
            return ranges.iter().map(|range| tree! { "ipBlock": tree! { "cidr": range.to_string() } }).collect();
        }
        Peer::Anywhere => return Vec::new(),
    };
    vec![peer]
}

fn block(block: &AddressBlock) -> Tree {
    let except = block.except.iter().map(|range| Tree::from(range.to_string()));
    tree! { "ipBlock": tree! { "cidr": block.range.to_string(), "except": Tree::list(except) } }
}

fn namespace(name: &str) -> Tree {
    tree! { "matchLabels": tree! { "kubernetes.io/metadata.name": name } }
}

fn policy(name: String, spec: Tree, origin: Span) -> ObjectDraft {
    ObjectDraft::new("networking.k8s.io/v1", "NetworkPolicy", name, tree! { "spec": spec }, origin)
}

/// No pod of the organisation may send or receive; an absent selector selects all.
fn deny(origin: Span) -> ObjectDraft {
    policy("default--deny".into(), tree! { "policyTypes": vec!["Ingress".into(), "Egress".into()] }, origin)
}

/// Every pod may resolve names: by the cluster's own service, and by what its file names beside it.
fn names(network: &ClusterNetwork, origin: Span) -> ObjectDraft {
    let dns = Peer::PodsOf("kube-system".into(), BTreeMap::from([("k8s-app".to_owned(), "kube-dns".to_owned())]));
    let ports = vec![FlowPort { number: 53, udp: true }, FlowPort { number: 53, udp: false }];
    let beside = network.name_servers.first().map(|first| {
        let ranges = network.name_servers.iter().map(|range| range.value).collect();
        (Peer::Addresses(ranges), first.span)
    });
    let rules = [(dns, origin)].into_iter().chain(beside).map(|(to, origin)| {
        let flow = Flow { from: Peer::Anywhere, to: to.clone(), ports: ports.clone(), origin };
        rule("to", &to, &flow, &[])
    });
    let spec = tree! { "policyTypes": vec!["Egress".into()], "egress": Tree::list(rules) };
    policy("default--dns".into(), spec, origin)
}
