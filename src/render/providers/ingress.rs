//! Routes by an Ingress: for clusters whose controller does not speak the Gateway API.

use super::route::{certificate, edge, flows, hosts, issuer, names, scheme, target, tls_secret};
use super::{Met, NeedContext, option_text, outputs};
use crate::expression::Value;
use crate::kind;
use crate::model::ProviderChoice;
use crate::quantity::Dimension;
use crate::render::draft::ObjectDraft;
use crate::render::naming;
use crate::render::tree::{Tree, tree};
use crate::source::Spanned;

/// How many hosts a public authority signs in one certificate.
const CERTIFICATE_HOSTS: usize = 100;

/// An Ingress to a workload, and its certificates.
pub(super) fn meet(asked: &NeedContext, choice: &ProviderChoice) -> Met {
    let hosts = hosts(asked);
    let Some(first) = hosts.first() else { return Met::default() };
    let mut drafts = vec![ingress(asked, choice, &hosts)];
    if let Some(issuer) = issuer(choice) {
        drafts.extend(hosts.chunks(CERTIFICATE_HOSTS).enumerate().map(|part| certificate(asked, issuer, part)));
    }
    Met {
        outputs: outputs([
            ("host", Value::garden_text(&first.value)),
            ("url", Value::garden_text(&format!("{}://{}", scheme(choice), first.value))),
        ]),
        drafts,
        flows: flows(asked, choice),
        ..Met::default()
    }
}

fn ingress(asked: &NeedContext, choice: &ProviderChoice, hosts: &[Spanned<String>]) -> ObjectDraft {
    let path = asked.text("path").map_or_else(|| "/".to_owned(), |(path, _)| path);
    let backend = target(asked).map(|(component, port)| {
        let name = naming::part(kind::SERVICE, &asked.app.name, &component);
        tree! { "service": tree! { "name": name, "port": tree! { "number": port.number } } }
    });
    let paths = vec![tree! { "path": path, "pathType": "Prefix", "backend": backend }];
    let rule = |host: &Spanned<String>| {
        tree! { "host": Tree::from(&host.value).at(host.span), "http": tree! { "paths": paths.clone() } }
    };
    let secure = option_text(choice, "certificates").is_some();
    let certified = hosts.chunks(CERTIFICATE_HOSTS).enumerate().filter(|_| secure);
    let spec = tree! {
        "ingressClassName": option_text(choice, "class").map(|(class, span)| Tree::from(class).at(span)),
        "rules": Tree::list(hosts.iter().map(rule)),
        "tls": Tree::list(certified.map(|(at, hosts)| tree! { "hosts": names(hosts), "secretName": tls_secret(asked, at) })),
    };
    // Controllers say in ways of their own how large a body may be and how long an answer: the wish is written down for
    // whoever carries it out.
    let size = asked.amount("body-size", Dimension::Size).map(|(size, span)| Tree::from(size).at(span));
    let time = asked.amount("timeout", Dimension::Duration);
    let time = time.map(|(time, span)| Tree::from(format!("{}s", time.amount)).at(span));
    let annotations = tree! { "parcelle.dev/body-size": size, "parcelle.dev/timeout": time };
    let name = naming::part(kind::INGRESS, &asked.app.name, asked.name());
    edge(asked, "networking.k8s.io/v1", "Ingress", name, spec).annotated(annotations)
}
