//! Routes by the Gateway API: a `ListenerSet` on the cluster's Gateway, a certificate, and an `HTTPRoute`.
//!
//! A kind holds so many hosts: what is more goes into further objects of numbered names, in the order of the hosts, so that
//! one host more at the end changes one object of each kind, and the first objects are called as if they were the only ones.

use super::route::{
    certificate, edge, flows, hosts, issuer, names, numbered, numbered_role, scheme, target, tls_secret,
};
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

/// The hosts that an `HTTPRoute` holds.
const ROUTE_HOSTS: usize = 16;

/// The hosts of a `ListenerSet`, of which each has two of its 64 listeners. Whole routes lie in one.
const SET_HOSTS: usize = 2 * ROUTE_HOSTS;

/// Some of the hosts, and the how manieth of their kind they are.
type Part<'a> = (usize, &'a [Spanned<String>]);

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
    let routes = || hosts.chunks(ROUTE_HOSTS).enumerate();
    let sets = || hosts.chunks(SET_HOSTS).enumerate();
    met.drafts.extend(routes().map(|part| route(asked, choice, part)));
    if let Some(issuer) = issuer(choice) {
        met.drafts.extend(sets().map(|part| listeners(asked, choice, part)));
        met.drafts.extend(sets().map(|part| certificate(asked, issuer, part)));
        met.drafts.extend(routes().map(|part| redirect(asked, part)));
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

fn route(asked: &NeedContext, choice: &ProviderChoice, part: Part) -> ObjectDraft {
    let timeout = asked
        .amount("timeout", Dimension::Duration)
        // The longest that the format takes.
        .map(|(time, span)| Tree::from(format!("{}s", time.amount.min(99_999))).at(span));
    let size = asked.amount("body-size", Dimension::Size).map(|(size, span)| Tree::from(size).at(span));
    let path = asked.text("path").map_or_else(|| "/".to_owned(), |(path, _)| path);
    let parents = match option_text(choice, "certificates") {
        Some(_) => sections(asked, part, true),
        None => Tree::list([gateway(choice)]),
    };
    let spec = tree! {
        "parentRefs": parents,
        "hostnames": names(part.1),
        "rules": vec![tree! {
            "matches": matches(&path),
            "backendRefs": vec![backend(asked, choice)],
            "timeouts": tree! { "request": timeout },
        }],
    };
    // Gateways say in ways of their own how large a body may be: the wish is written down for whoever carries it out.
    let annotations = tree! { "parcelle.dev/body-size": size };
    let name = numbered(asked, kind::HTTP_ROUTE, part.0);
    edge(asked, GATEWAY_API, "HTTPRoute", name, spec).annotated(annotations)
}

/// The listeners of the hosts: the secure ones, or the plain ones beside them.
fn sections(asked: &NeedContext, (at, hosts): Part, secure: bool) -> Tree {
    let set = listener_set(asked, at * ROUTE_HOSTS / SET_HOSTS);
    Tree::list(hosts.iter().map(|host| {
        let section = Tree::from(section(&host.value, secure)).at(host.span);
        tree! { "group": GROUP, "kind": "ListenerSet", "name": set.as_str(), "sectionName": section }
    }))
}

fn gateway(choice: &ProviderChoice) -> Tree {
    let text = |name| option_text(choice, name).map(|(text, span)| Tree::from(text).at(span));
    tree! { "group": GROUP, "kind": "Gateway", "name": text("gateway"), "namespace": text("namespace") }
}

fn listener_set(asked: &NeedContext, at: usize) -> String {
    numbered(asked, kind::LISTENER_SET, at)
}

/// Two listeners a host: the plain one only sends on to the other (and lets challenges through).
fn listeners(asked: &NeedContext, choice: &ProviderChoice, (at, hosts): Part) -> ObjectDraft {
    let certificate = tree! { "group": "", "kind": "Secret", "name": tls_secret(asked, at) };
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
    edge(asked, GATEWAY_API, "ListenerSet", listener_set(asked, at), spec)
}

/// A listener's name: its scheme and host, cut where the host is very long.
fn section(host: &str, secure: bool) -> String {
    let scheme = if secure { "https" } else { "http" };
    let name = format!("{scheme}.{host}");
    if name.len() <= 253 { name } else { format!("{scheme}.{}", naming::hash(&[host], 12)) }
}

fn redirect(asked: &NeedContext, part: Part) -> ObjectDraft {
    let filter = tree! {
        "type": "RequestRedirect",
        "requestRedirect": tree! { "scheme": "https", "statusCode": 301 },
    };
    let spec = tree! {
        "parentRefs": sections(asked, part, false),
        "hostnames": names(part.1),
        "rules": vec![tree! { "matches": matches("/"), "filters": vec![filter] }],
    };
    let name = numbered_role(asked, kind::HTTP_ROUTE, "redirect", part.0);
    edge(asked, GATEWAY_API, "HTTPRoute", name, spec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::definitions;

    #[test]
    fn routes_are_divided_at_what_their_schemas_hold() {
        let most = |kind: &str, field: &str| {
            let all = definitions();
            let definition = all.iter().find(|one| one["spec"]["names"]["kind"] == kind).unwrap();
            let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            usize::try_from(schema["properties"]["spec"]["properties"][field]["maxItems"].as_u64().unwrap()).unwrap()
        };
        assert_eq!(ROUTE_HOSTS, most("HTTPRoute", "hostnames"));
        assert!(ROUTE_HOSTS <= most("HTTPRoute", "parentRefs"));
        assert_eq!(2 * SET_HOSTS, most("ListenerSet", "listeners"), "each host has two listeners");
    }
}
