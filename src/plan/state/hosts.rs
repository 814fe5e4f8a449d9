//! The hosts that an object leads to, whatever made it: what the inventory keeps of routes and certificates.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kind::{self, group_of};
use crate::render::ObjectId;

/// Where hosts stand in routes and listeners of the Gateway API, Ingresses and certificates; `*` is each item of a list.
const ROUTES: &[&[&str]] = &[&["hostnames", "*"], &["listeners", "*", "hostname"]];
const INGRESSES: &[&[&str]] = &[&["rules", "*", "host"], &["tls", "*", "hosts", "*"]];
const CERTIFICATES: &[&[&str]] = &[&["dnsNames", "*"], &["commonName"]];

/// The hosts of an object's body.
pub(crate) fn hosts(id: &ObjectId, body: &Value) -> BTreeSet<String> {
    let paths = if group_of(&id.api_version) == kind::HTTP_ROUTE.group {
        ROUTES
    } else if id.is(kind::INGRESS) {
        INGRESSES
    } else if id.is(kind::CERTIFICATE) {
        CERTIFICATES
    } else {
        &[]
    };
    let mut hosts = BTreeSet::new();
    paths.iter().for_each(|path| collect(&body["spec"], path, &mut hosts));
    hosts
}

fn collect(value: &Value, path: &[&str], hosts: &mut BTreeSet<String>) {
    match (path.split_first(), value) {
        (None, Value::String(host)) if !host.is_empty() => {
            hosts.insert(host.trim_end_matches('.').to_ascii_lowercase());
        }
        (Some((&"*", rest)), Value::Array(items)) => items.iter().for_each(|item| collect(item, rest, hosts)),
        (Some((key, rest)), Value::Object(fields)) => {
            fields.get(*key).into_iter().for_each(|field| collect(field, rest, hosts));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_that_leads_to_a_host_says_which() {
        let found = |api_version: &str, kind: &str, spec: Value| {
            let id = ObjectId {
                api_version: api_version.into(),
                kind: kind.into(),
                namespace: "o".into(),
                name: "web".into(),
            };
            hosts(&id, &json!({ "spec": spec })).into_iter().collect::<Vec<_>>()
        };
        let route = json!({ "hostnames": ["B.example.", "a.example"] });
        assert_eq!(found("gateway.networking.k8s.io/v1", "HTTPRoute", route.clone()), ["a.example", "b.example"]);
        assert_eq!(found("gateway.networking.k8s.io/v1alpha2", "TLSRoute", route), ["a.example", "b.example"]);
        let listeners = json!({ "listeners": [{ "hostname": "*.a.example" }, { "port": 80 }] });
        assert_eq!(found("gateway.networking.k8s.io/v1", "ListenerSet", listeners), ["*.a.example"]);
        let ingress = json!({ "rules": [{ "host": "a.example" }, {}], "tls": [{ "hosts": ["b.example"] }] });
        assert_eq!(found("networking.k8s.io/v1", "Ingress", ingress), ["a.example", "b.example"]);
        let certificate = json!({ "dnsNames": ["a.example"], "commonName": "c.example" });
        assert_eq!(found("cert-manager.io/v1", "Certificate", certificate), ["a.example", "c.example"]);
        assert_eq!(found("v1", "Service", json!({ "hostnames": ["a.example"] })), Vec::<String>::new());
    }
}
