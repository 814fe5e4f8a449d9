//! Routes, listeners and certificates: for hosts that the app claims, through what the cluster file names.

use serde_json::Value;

use super::{Judging, each, text};

pub(super) fn check(judged: &mut Judging<'_>) {
    match (judged.object.group, judged.object.kind) {
        ("gateway.networking.k8s.io", "HTTPRoute") => route(judged),
        ("gateway.networking.k8s.io", "ListenerSet") => listeners(judged),
        ("networking.k8s.io", "Ingress") => ingress(judged),
        ("cert-manager.io", "Certificate") => certificate(judged),
        _ => {}
    }
}

impl Judging<'_> {
    /// Every host at a path is the app's, and there is one.
    fn hosts(&mut self, at: &str, value: &Value, path: &str) {
        let hosts = each(value, at, path);
        if hosts.is_empty() {
            let why = "what names no host is for every host of the gateway, those of others too";
            self.foreign(at, format!("{} `{}` names no host", self.object.kind, self.object.name), why, "name a host");
        }
        for (pointer, host) in hosts {
            let host = host.as_str().unwrap_or_default();
            if !self.grounds.has_host(self.object.app, host) {
                let title = format!("`{host}` is no host of this app");
                let why =
                    "an app has the hosts that its `at` and `also-at` say, which are held against those of all others";
                self.foreign(&pointer, title, why, format!("write it in `also-at` of the app: `also-at {host}`"));
            }
        }
    }

    /// The gateway that the cluster file names.
    fn is_gateway(&self, parent: &Value) -> bool {
        let named = (text(parent, "/name").to_owned(), text(parent, "/namespace").to_owned());
        text(parent, "/kind") == "Gateway" && self.grounds.cluster.gateway.as_ref() == Some(&named)
    }

    fn other_parent(&mut self, at: &str, parent: &Value) {
        let title = format!("{} `{}` is no parent of ours", text(parent, "/kind"), text(parent, "/name"));
        self.foreign(at, title, "routes go through the gateway that the cluster file names", "leave it out");
    }

    /// A Service of the organisation.
    fn has_service(&self, name: &str) -> bool {
        self.grounds.whole.services.contains(name)
    }
}

fn route(judged: &mut Judging<'_>) {
    let spec = &judged.body()["spec"];
    judged.hosts("/spec", spec, "hostnames/*");
    let parents = each(spec, "/spec", "parentRefs/*");
    for (at, parent) in parents {
        let own = text(parent, "/kind") == "ListenerSet"
            && parent["namespace"].is_null()
            && judged.grounds.whole.listener_sets.contains(text(parent, "/name"));
        if !own && !judged.is_gateway(parent) {
            judged.other_parent(&at, parent);
        }
    }
    for path in ["rules/*/backendRefs/*", "rules/*/filters/*/requestMirror/backendRef"] {
        for (at, backend) in each(spec, "/spec", path) {
            backend_of(judged, &at, backend);
        }
    }
}

fn backend_of(judged: &mut Judging<'_>, at: &str, backend: &Value) {
    let (name, namespace) = (text(backend, "/name"), text(backend, "/namespace"));
    let is_service = matches!(text(backend, "/kind"), "" | "Service") && text(backend, "/group").is_empty();
    let page = judged.grounds.cluster.page.as_ref();
    let own = namespace.is_empty() && judged.has_service(name);
    let is_page = page.is_some_and(|(page, of)| (page.as_str(), of.as_str()) == (name, namespace));
    if !is_service || !own && !is_page {
        let title = format!("a route would lead to `{namespace}/{name}`");
        judged.foreign(
            at,
            title,
            "routes lead to the organisation's own Services, or to the cluster's page",
            "leave it out",
        );
    }
}

fn listeners(judged: &mut Judging<'_>) {
    let spec = &judged.body()["spec"];
    let parent = &spec["parentRef"];
    if !judged.is_gateway(parent) {
        judged.other_parent("/spec/parentRef", parent);
    }
    for (at, listener) in each(spec, "/spec", "listeners/*") {
        judged.hosts(&at, listener, "hostname");
        for (at, certificate) in each(listener, &at, "tls/certificateRefs/*") {
            if !certificate["namespace"].is_null() {
                let why = "certificates lie in the organisation's own namespace";
                judged.foreign(&at, "a certificate of another namespace".to_owned(), why, "leave it out");
            }
        }
    }
}

fn ingress(judged: &mut Judging<'_>) {
    let spec = &judged.body()["spec"];
    if spec["ingressClassName"].as_str() != judged.grounds.cluster.ingress_class.as_deref() {
        let title = format!("ingress class `{}` is not the cluster's", text(spec, "/ingressClassName"));
        judged.foreign("/spec/ingressClassName", title, "the cluster file names it", "leave it out");
    }
    for (at, rule) in each(spec, "/spec", "rules/*") {
        judged.hosts(&at, rule, "host");
    }
    for (at, tls) in each(spec, "/spec", "tls/*") {
        judged.hosts(&at, tls, "hosts/*");
    }
    for path in ["rules/*/http/paths/*/backend/service/name", "defaultBackend/service/name"] {
        for (at, name) in each(spec, "/spec", path) {
            let name = name.as_str().unwrap_or_default();
            if !judged.has_service(name) {
                let why = "routes lead to the organisation's own Services";
                judged.foreign(&at, format!("a route would lead to `{name}`"), why, "leave it out");
            }
        }
    }
    if !spec["defaultBackend"].is_null() {
        let why = "it answers for every host that nobody claims";
        judged.foreign("/spec/defaultBackend", "`defaultBackend` is not for writing".to_owned(), why, "leave it out");
    }
}

fn certificate(judged: &mut Judging<'_>) {
    let spec = &judged.body()["spec"];
    judged.hosts("/spec", spec, "dnsNames/*");
    let issuer = &spec["issuerRef"];
    let named =
        text(issuer, "/kind") == "ClusterIssuer" && issuer["name"].as_str() == judged.grounds.cluster.issuer.as_deref();
    if !named {
        let title = format!("`{}` signs no certificates here", text(issuer, "/name"));
        judged.foreign("/spec/issuerRef", title, "the cluster file names who does", "leave it out");
    }
    for field in
        ["commonName", "ipAddresses", "uris", "emailAddresses", "otherNames", "isCA", "literalSubject", "subject"]
    {
        if !spec[field].is_null() {
            let why = "certificates are for the hosts of the app alone";
            judged.foreign(&format!("/spec/{field}"), format!("`{field}` is not for writing"), why, "leave it out");
        }
    }
}
