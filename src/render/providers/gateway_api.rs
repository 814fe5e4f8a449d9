//! Routes by the Gateway API: a `ListenerSet` on the cluster's Gateway, a certificate, and an `HTTPRoute`.

use std::collections::BTreeMap;

use super::{Asked, Met, Provider, ProviderOption, option, option_text, outputs};
use crate::expression::Value;
use crate::model::ProviderChoice;
use crate::model::definition::NeedKind;
use crate::quantity::Dimension;
use crate::render::draft::Draft;
use crate::render::flow::{Flow, FlowPort, Peer, tcp};
use crate::render::tree::{Tree, tree};
use crate::render::{Stage, naming};
use crate::source::{Span, Spanned};

/// What a cluster file may say of it.
pub(super) const PROVIDER: Provider = Provider {
    need: NeedKind::Route,
    name: "gateway-api",
    about: "A Gateway of the Gateway API; listeners of its own for each route, certificates by cert-manager.",
    options: &[
        ProviderOption { name: "gateway", required: true, about: "The name of the Gateway." },
        ProviderOption { name: "namespace", required: true, about: "The namespace of the Gateway." },
        ProviderOption { name: "certificates", required: false, about: "The ClusterIssuer that signs certificates." },
        ProviderOption { name: "page", required: false, about: "The Service that answers for apps that sleep." },
    ],
    kinds: &[
        "gateway.networking.k8s.io/v1 HTTPRoute",
        "gateway.networking.k8s.io/v1 ListenerSet",
        "cert-manager.io/v1 Certificate",
    ],
    deletion: &[],
};

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
const GROUP: &str = "gateway.networking.k8s.io";
/// The label of the pods by which cert-manager answers challenges, and their port.
const SOLVER: (&str, u16) = ("acme.cert-manager.io/http01-solver", 8089);

/// A route to a workload, with what stands before it.
pub(super) fn meet(asked: &Asked, choice: &ProviderChoice) -> Met {
    let hosts = hosts(asked);
    let Some(first) = hosts.first() else { return Met::default() };
    let certified = option_text(choice, "certificates");
    let scheme = if certified.is_some() { "https" } else { "http" };
    let mut met = Met {
        outputs: outputs([
            ("host", Value::garden_text(&first.value)),
            ("url", Value::garden_text(&format!("{scheme}://{}", first.value))),
        ]),
        ..Met::default()
    };
    met.drafts.push(route(asked, choice, &hosts));
    if let Some(issuer) = certified {
        met.drafts.push(listeners(asked, choice, &hosts));
        met.drafts.push(certificate(asked, issuer, &hosts));
        met.drafts.push(redirect(asked, &hosts));
    }
    met.flows = flows(asked, choice);
    met
}

/// The hosts of the route: the one it says and others beside it; with the app's own first host all others of the app.
fn hosts(asked: &Asked) -> Vec<Spanned<String>> {
    let Some((host, span)) = asked.text("host") else { return Vec::new() };
    let mut hosts = match asked.app.hosts.first() {
        Some(first) if first.value == host => asked.app.hosts.clone(),
        _ => vec![Spanned::new(host, span)],
    };
    let also_at = asked.written("also").map_or(span, |written| written.span);
    for also in asked.texts("also") {
        if !hosts.iter().any(|host| host.value == also) {
            hosts.push(Spanned::new(also, also_at));
        }
    }
    hosts
}

/// The workload that the route leads to, the one it names or the first, and the port: the one it names or the first.
fn target(asked: &Asked) -> Option<(String, FlowPort)> {
    let named = asked.text("to").map(|(name, _)| name);
    let mut workloads = asked.workloads.iter().map(|(_, workload)| *workload);
    let workload = match named {
        Some(name) => workloads.find(|workload| workload.name.value.as_str() == name)?,
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

/// Where requests go: to the workload, or to the cluster's page while the app sleeps for long.
fn backend(asked: &Asked, choice: &ProviderChoice) -> Tree {
    let page = option(choice, "page").filter(|_| asked.now.shows_page());
    let Some((page, setting)) = page.and_then(|setting| Some((setting.args.first()?, setting))) else {
        let Some((component, port)) = target(asked) else { return Tree::ABSENT };
        let name = naming::part("Service", &asked.app.name, &component);
        return service(&name, None, port.number);
    };
    let namespace = setting.props.get("namespace").map(|written| written.text.as_str());
    let namespace = namespace.or_else(|| option_text(choice, "namespace").map(|(name, _)| name));
    let number = setting.props.get("port").and_then(|written| written.text.parse().ok()).unwrap_or(80);
    service(&page.text, namespace, number).at(asked.now.origin())
}

/// Whole, with the defaults: rules are compared as one value.
fn service(name: &str, namespace: Option<&str>, port: u16) -> Tree {
    tree! { "group": "", "kind": "Service", "name": name, "namespace": namespace, "port": port, "weight": 1 }
}

fn matches(path: &str) -> Tree {
    Tree::list([tree! { "path": tree! { "type": "PathPrefix", "value": path } }])
}

fn names(hosts: &[Spanned<String>]) -> Tree {
    Tree::list(hosts.iter().map(|host| Tree::from(&host.value).at(host.span)))
}

fn route(asked: &Asked, choice: &ProviderChoice, hosts: &[Spanned<String>]) -> Draft {
    let timeout = asked
        .amount("timeout", Dimension::Duration)
        // The longest that the format takes.
        .map(|(time, span)| Tree::from(format!("{}s", time.amount.min(99_999))).at(span));
    let size = asked.amount("body-size", Dimension::Size).map(|(size, span)| Tree::from(size).at(span));
    let path = asked.text("path").map_or_else(|| "/".to_owned(), |(path, _)| path);
    let parents = match option_text(choice, "certificates") {
        Some(_) => sections(asked, hosts, true),
        None => Tree::list([gateway(choice)]),
    };
    let spec = tree! {
        "parentRefs": parents,
        "hostnames": names(hosts),
        "rules": vec![tree! {
            "matches": matches(&path),
            "backendRefs": vec![backend(asked, choice)],
            "timeouts": tree! { "request": timeout },
        }],
    };
    // Gateways say in ways of their own how large a body may be: the wish is written down for whoever carries it out.
    let annotations = tree! { "parcelle.dev/body-size": size };
    let name = naming::part("HTTPRoute", &asked.app.name, asked.name());
    edge(asked, GATEWAY_API, "HTTPRoute", name, spec).annotated(annotations)
}

/// The listeners of the hosts: the secure ones, or the plain ones beside them.
fn sections(asked: &Asked, hosts: &[Spanned<String>], secure: bool) -> Tree {
    Tree::list(hosts.iter().map(|host| {
        let section = Tree::from(section(&host.value, secure)).at(host.span);
        tree! { "group": GROUP, "kind": "ListenerSet", "name": listener_set(asked), "sectionName": section }
    }))
}

fn gateway(choice: &ProviderChoice) -> Tree {
    let text = |name| option_text(choice, name).map(|(text, span)| Tree::from(text).at(span));
    tree! { "group": GROUP, "kind": "Gateway", "name": text("gateway"), "namespace": text("namespace") }
}

fn listener_set(asked: &Asked) -> String {
    naming::part("ListenerSet", &asked.app.name, asked.name())
}

fn tls_secret(asked: &Asked) -> String {
    naming::role("Secret", &asked.app.name, asked.name(), "tls")
}

/// Two listeners a host: the plain one only sends on to the other (and lets challenges through).
fn listeners(asked: &Asked, choice: &ProviderChoice, hosts: &[Spanned<String>]) -> Draft {
    let certificate = tree! { "group": "", "kind": "Secret", "name": tls_secret(asked) };
    let listener = |host: &Spanned<String>, secure: bool| {
        let tls = secure.then(|| tree! { "mode": "Terminate", "certificateRefs": vec![certificate.clone()] });
        tree! {
            "name": section(&host.value, secure),
            "hostname": Tree::from(&host.value).at(host.span),
            "port": if secure { 443 } else { 80 },
            "protocol": if secure { "HTTPS" } else { "HTTP" },
            "tls": tls,
        }
    };
    let both = hosts.iter().flat_map(|host| [listener(host, true), listener(host, false)]);
    let spec = tree! { "parentRef": gateway(choice), "listeners": Tree::list(both) };
    edge(asked, GATEWAY_API, "ListenerSet", listener_set(asked), spec)
}

/// A listener's name: its scheme and host, cut where the host is very long.
fn section(host: &str, secure: bool) -> String {
    let scheme = if secure { "https" } else { "http" };
    let name = format!("{scheme}.{host}");
    if name.len() <= 253 { name } else { format!("{scheme}.{}", naming::hash(&[host], 12)) }
}

fn redirect(asked: &Asked, hosts: &[Spanned<String>]) -> Draft {
    let filter = tree! {
        "type": "RequestRedirect",
        "requestRedirect": tree! { "scheme": "https", "statusCode": 301 },
    };
    let spec = tree! {
        "parentRefs": sections(asked, hosts, false),
        "hostnames": names(hosts),
        "rules": vec![tree! { "matches": matches("/"), "filters": vec![filter] }],
    };
    let name = naming::role("HTTPRoute", &asked.app.name, asked.name(), "redirect");
    edge(asked, GATEWAY_API, "HTTPRoute", name, spec)
}

fn certificate(asked: &Asked, (issuer, issuer_at): (&str, Span), hosts: &[Spanned<String>]) -> Draft {
    let issuer = tree! {
        "group": "cert-manager.io",
        "kind": "ClusterIssuer",
        "name": Tree::from(issuer).at(issuer_at),
    };
    let spec = tree! { "secretName": tls_secret(asked), "dnsNames": names(hosts), "issuerRef": issuer };
    let name = naming::part("Certificate", &asked.app.name, asked.name());
    edge(asked, "cert-manager.io/v1", "Certificate", name, spec)
}

fn edge(asked: &Asked, api: &'static str, kind: &'static str, name: String, spec: Tree) -> Draft {
    Draft::new(api, kind, name, tree! { "spec": spec }, asked.need.span).stage(Stage::Edge).component(asked.name())
}

/// The gateway reaches the workload, and the pods that answer challenges.
fn flows(asked: &Asked, choice: &ProviderChoice) -> Vec<Flow> {
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
