//! Routes by the Gateway API: a `ListenerSet` on the cluster's Gateway, a certificate, and an `HTTPRoute`.

use super::route::{certificate, edge, flows, hosts, issuer, names, scheme, target, tls_secret};
use super::{Met, NeedContext, option, option_text, outputs};
use crate::expression::Value;
use crate::kind;
use crate::model::ProviderChoice;
use crate::quantity::Dimension;
use crate::render::draft::ObjectDraft;
use crate::render::naming;
use crate::render::tree::{Tree, tree};
use crate::source::Spanned;

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
const GROUP: &str = "gateway.networking.k8s.io";

/// A route to a workload, with what stands before it.
pub(super) fn meet(asked: &NeedContext, choice: &ProviderChoice) -> Met {
    let hosts = hosts(asked);
    let Some(first) = hosts.first() else { return Met::default() };
    let scheme = scheme(choice);
    let mut met = Met {
        outputs: outputs([
            ("host", Value::garden_text(&first.value)),
            ("url", Value::garden_text(&format!("{scheme}://{}", first.value))),
        ]),
        ..Met::default()
    };
    met.drafts.push(route(asked, choice, &hosts));
    if let Some(issuer) = issuer(choice) {
        met.drafts.push(listeners(asked, choice, &hosts));
        met.drafts.push(certificate(asked, issuer, &hosts));
        met.drafts.push(redirect(asked, &hosts));
    }
    met.flows = flows(asked, choice);
    met
}

/// Where requests go: to the workload, or to the cluster's page while the app sleeps for long.
fn backend(asked: &NeedContext, choice: &ProviderChoice) -> Tree {
    let page = option(choice, "page").filter(|_| asked.now.shows_page());
    let Some((page, setting)) = page.and_then(|setting| Some((setting.args.first()?, setting))) else {
        let Some((component, port)) = target(asked) else { return Tree::ABSENT };
        let name = naming::part(kind::SERVICE, &asked.app.name, &component);
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

fn route(asked: &NeedContext, choice: &ProviderChoice, hosts: &[Spanned<String>]) -> ObjectDraft {
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
    let name = naming::part(kind::HTTP_ROUTE, &asked.app.name, asked.name());
    edge(asked, GATEWAY_API, "HTTPRoute", name, spec).annotated(annotations)
}

/// The listeners of the hosts: the secure ones, or the plain ones beside them.
fn sections(asked: &NeedContext, hosts: &[Spanned<String>], secure: bool) -> Tree {
    Tree::list(hosts.iter().map(|host| {
        let section = Tree::from(section(&host.value, secure)).at(host.span);
        tree! { "group": GROUP, "kind": "ListenerSet", "name": listener_set(asked), "sectionName": section }
    }))
}

fn gateway(choice: &ProviderChoice) -> Tree {
    let text = |name| option_text(choice, name).map(|(text, span)| Tree::from(text).at(span));
    tree! { "group": GROUP, "kind": "Gateway", "name": text("gateway"), "namespace": text("namespace") }
}

fn listener_set(asked: &NeedContext) -> String {
    naming::part(kind::LISTENER_SET, &asked.app.name, asked.name())
}

/// Two listeners a host: the plain one only sends on to the other (and lets challenges through).
fn listeners(asked: &NeedContext, choice: &ProviderChoice, hosts: &[Spanned<String>]) -> ObjectDraft {
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

fn redirect(asked: &NeedContext, hosts: &[Spanned<String>]) -> ObjectDraft {
    let filter = tree! {
        "type": "RequestRedirect",
        "requestRedirect": tree! { "scheme": "https", "statusCode": 301 },
    };
    let spec = tree! {
        "parentRefs": sections(asked, hosts, false),
        "hostnames": names(hosts),
        "rules": vec![tree! { "matches": matches("/"), "filters": vec![filter] }],
    };
    let name = naming::role(kind::HTTP_ROUTE, &asked.app.name, asked.name(), "redirect");
    edge(asked, GATEWAY_API, "HTTPRoute", name, spec)
}
