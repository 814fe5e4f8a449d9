//! What routes have in common, whatever carries them out: their hosts, their certificate, who must be reached.

use std::collections::{BTreeMap, BTreeSet};

use super::{NeedContext, option, option_text};
use crate::kind::{self, GroupKind};
use crate::model::ProviderChoice;
use crate::model::definition::Workload;
use crate::name::Name;
use crate::render::draft::ObjectDraft;
use crate::render::flow::{Flow, FlowPort, Peer, tcp};
use crate::render::naming;
use crate::render::scope::AppScope;
use crate::render::tree::{Tree, tree};
use crate::source::Spanned;

/// The label of the pods by which cert-manager answers challenges, and their port.
const SOLVER: (&str, u16) = ("acme.cert-manager.io/http01-solver", 8089);

/// `https` where the cluster has its certificates signed.
pub(super) fn scheme(choice: &ProviderChoice) -> &'static str {
    if option(choice, "certificates").is_some() { "https" } else { "http" }
}

/// The hosts of the route: the one it says and others beside it; with the app's own first host all others of the app.
pub(super) fn hosts(asked: &NeedContext) -> Vec<Spanned<String>> {
    let Some((host, span)) = asked.text("host") else { return Vec::new() };
    let mut hosts = match asked.app.hosts.first() {
        Some(first) if first.value == host => asked.app.hosts.clone(),
        _ => vec![Spanned::new(host, span)],
    };
    // One said twice was told already; no list takes it twice.
    let mut seen = BTreeSet::new();
    hosts.retain(|host| seen.insert(host.value.clone()));
    let also_at = asked.written("also").map_or(span, |written| written.span);
    for also in asked.texts("also") {
        if !hosts.iter().any(|host| host.value == also) {
            hosts.push(Spanned::new(also, also_at));
        }
    }
    hosts
}

/// The workload that the route leads to, the one it names or the first, and the port: the one it names or the first.
pub(super) fn target(asked: &NeedContext) -> Option<(String, FlowPort)> {
    let named = asked.text("to").map(|(name, _)| name);
    let mut workloads = asked.workloads.iter();
    // One that is there for each element is named after it; it was said in the same loops as the route.
    let is = |scope: &AppScope, workload: &Workload, name: &str| {
        let loops = scope.loops();
        let plain = Name::new(name).is_ok_and(|name| workload.name.value == scope.name_of(&name, loops));
        plain && scope.elements(loops) == asked.scope.elements(loops)
    };
    let (_, workload) = match named {
        Some(name) => workloads.find(|(scope, workload)| is(scope, workload, &name))?,
        None => workloads.next()?,
    };
    let named = asked.text("port").map(|(name, _)| name);
    let mut ports = workload.ports.iter().map(|guarded| &guarded.item);
    let port = match named {
        Some(name) => ports.find(|port| port.name.value == name)?,
        None => ports.next()?,
    };
    let component = workload.name.value.to_string();
    Some((component, FlowPort { number: port.number, udp: port.udp }))
}

/// The hosts, each with the line that says it.
pub(super) fn names(hosts: &[Spanned<String>]) -> Tree {
    Tree::list(hosts.iter().map(|host| Tree::from(&host.value).at(host.span)))
}

/// The name of an object of the route that takes some of the hosts: the first has that of the part, the others a number.
pub(super) fn numbered(asked: &NeedContext, kind: GroupKind, at: usize) -> String {
    match at {
        0 => naming::part(kind, &asked.app.name, asked.name()),
        at => naming::role(kind, &asked.app.name, asked.name(), &format!("hosts{}", at + 1)),
    }
}

/// The same of one that has a role: the first has the role's name alone.
pub(super) fn numbered_role(asked: &NeedContext, kind: GroupKind, role: &str, at: usize) -> String {
    let role = if at == 0 { role.to_owned() } else { format!("{role}{}", at + 1) };
    naming::role(kind, &asked.app.name, asked.name(), &role)
}

/// The Secret of the certificate of that number.
pub(super) fn tls_secret(asked: &NeedContext, at: usize) -> String {
    numbered_role(asked, kind::SECRET, "tls", at)
}

/// The issuer that signs the cluster's certificates.
pub(super) fn issuer(choice: &ProviderChoice) -> Option<Spanned<&str>> {
    option_text(choice, "certificates").map(|(issuer, span)| Spanned::new(issuer, span))
}

/// The certificate of that number, of some of the hosts.
pub(super) fn certificate(
    asked: &NeedContext,
    issuer: Spanned<&str>,
    (at, hosts): (usize, &[Spanned<String>]),
) -> ObjectDraft {
    let issuer = tree! {
        "group": "cert-manager.io",
        "kind": "ClusterIssuer",
        "name": Tree::from(issuer.value).at(issuer.span),
    };
    let spec = tree! { "secretName": tls_secret(asked, at), "dnsNames": names(hosts), "issuerRef": issuer };
    let name = numbered(asked, kind::CERTIFICATE, at);
    edge(asked, "cert-manager.io/v1", "Certificate", name, spec)
}

/// An object of a route.
pub(super) fn edge(
    asked: &NeedContext,
    api: &'static str,
    kind: &'static str,
    name: String,
    spec: Tree,
) -> ObjectDraft {
    ObjectDraft::new(api, kind, name, tree! { "spec": spec }, asked.need.span).component(asked.name())
}

/// What carries the route out reaches the workload, and the pods that answer challenges.
pub(super) fn flows(asked: &NeedContext, choice: &ProviderChoice) -> Vec<Flow> {
    let Some((namespace, origin)) = option_text(choice, "namespace") else { return Vec::new() };
    let from = Peer::Namespace(namespace.to_owned());
    let solver = Peer::Pods(BTreeMap::from([(SOLVER.0.to_owned(), "true".to_owned())]));
    let mut flows = Vec::new();
    if let Some((component, port)) = target(asked) {
        let to = Peer::Pods(asked.owner.selector(&component));
        flows.push(Flow { from: from.clone(), to, ports: vec![port], origin: asked.need.span });
    }
    if option(choice, "certificates").is_some() {
        flows.push(Flow { from, to: solver, ports: tcp(&[SOLVER.1]), origin });
    }
    flows
}
