//! Services, ingresses, network policies.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde_json::{Value, json};

use crate::address::AddressRange;

use super::{Errors, FieldError, FieldProblem, items, names, one_of, port_number, text};

/// Checks a Service.
pub(super) fn service(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    let kind = text(spec, "type");
    let headless = text(spec, "clusterIP") == "None";
    let none = spec["ports"].as_array().is_none_or(Vec::is_empty);
    if none && !headless && kind != "ExternalName" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    if kind == "ExternalName" && text(spec, "externalName").is_empty() {
        errors.push(FieldError::required("spec.externalName", ""));
    }
    let (mut seen, mut ports) = (BTreeSet::new(), BTreeSet::new());
    let many = spec["ports"].as_array().map_or(0, Vec::len) > 1;
    for (place, port) in items(spec, "ports") {
        service_port(port, format_args!("spec.ports[{place}]"), many, kind, errors);
        let key = (text(port, "protocol"), port["port"].as_i64());
        if !ports.insert((if key.0.is_empty() { "TCP" } else { key.0 }, key.1)) {
            let (protocol, number) = (if key.0.is_empty() { "TCP" } else { key.0 }, key.1.unwrap_or_default());
            let shown = format!(
                r#"{{"Name":"","Protocol":"{protocol}","AppProtocol":null,"Port":{number},"TargetPort":0,"NodePort":0}}"#
            );
            errors.push(FieldError::new(format_args!("spec.ports[{place}]"), FieldProblem::Duplicate(shown), ""));
        }
        let name = text(port, "name");
        if !name.is_empty() && !seen.insert(name) {
            errors.push(FieldError::duplicate(format!("spec.ports[{place}].name"), &port["name"]));
        }
    }
    let external = text(spec, "externalName").trim_end_matches('.');
    if kind == "ExternalName" && !external.is_empty() {
        for why in names::subdomain(external) {
            errors.push(FieldError::invalid("spec.externalName", &spec["externalName"], why));
        }
    }
    names::labels(&spec["selector"], "spec.selector", errors);
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    one_of(&spec["type"], "spec.type", &kinds, errors);
    one_of(&spec["sessionAffinity"], "spec.sessionAffinity", &["ClientIP", "None"], errors);
    if spec["sessionAffinity"] == "None" && !spec["sessionAffinityConfig"].is_null() {
        let detail = "must not be set when session affinity is None";
        errors.push(FieldError::forbidden("spec.sessionAffinityConfig", detail));
    }
    if kind != "LoadBalancer" && spec["loadBalancerSourceRanges"].as_array().is_some_and(|ranges| !ranges.is_empty()) {
        let detail = "may only be used when `type` is 'LoadBalancer'";
        errors.push(FieldError::forbidden("spec.LoadBalancerSourceRanges", detail));
    }
}

fn service_port(port: &Value, path: impl Display + Copy, many: bool, kind: &str, errors: &mut Errors) {
    let name = text(port, "name");
    if many && name.is_empty() {
        errors.push(FieldError::required(format!("{path}.name"), ""));
    } else if !name.is_empty() {
        for why in names::label(name) {
            errors.push(FieldError::invalid(format!("{path}.name"), &port["name"], why));
        }
    }
    let number = if port["port"].is_null() { json!(0) } else { port["port"].clone() };
    port_number(&number, format_args!("{path}.port"), errors);
    one_of(&port["protocol"], format_args!("{path}.protocol"), &["SCTP", "TCP", "UDP"], errors);
    let target = &port["targetPort"];
    if let Some(word) = target.as_str() {
        for why in names::port(word) {
            errors.push(FieldError::invalid(format!("{path}.targetPort"), target, why));
        }
    } else {
        port_number(target, format_args!("{path}.targetPort"), errors);
    }
    if kind == "ClusterIP" && port["nodePort"].as_i64().is_some_and(|number| number != 0) {
        let detail = "may not be used when `type` is 'ClusterIP'";
        errors.push(FieldError::forbidden(format!("{path}.nodePort"), detail));
    }
}

/// Checks how a Service changed.
pub(super) fn service_change(live: &Value, object: &Value, errors: &mut Errors) {
    let external = |object: &Value| object["spec"]["type"] == "ExternalName";
    if external(live) || external(object) {
        return;
    }
    let (had, has) = (&live["spec"]["clusterIP"], &object["spec"]["clusterIP"]);
    if had.as_str().is_some_and(|address| !address.is_empty()) && had != has {
        let value = json!([has]);
        errors.push(FieldError::invalid("spec.clusterIPs[0]", &value, "may not change once set"));
    }
}

/// Checks an Ingress.
pub(super) fn ingress(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    if spec["defaultBackend"].is_null() && spec["rules"].as_array().is_none_or(Vec::is_empty) {
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid("spec", spec, detail));
    }
    for (place, one) in items(spec, "tls") {
        for (at, value) in items(one, "hosts") {
            host(value, format_args!("spec.tls[{place}].hosts[{at}]"), errors);
        }
    }
    if spec["defaultBackend"].is_object() {
        backend(&spec["defaultBackend"], "spec.defaultBackend", errors);
    }
    for (place, rule) in items(spec, "rules") {
        let path = format_args!("spec.rules[{place}]");
        host(&rule["host"], format_args!("{path}.host"), errors);
        if rule["http"].is_object() && rule["http"]["paths"].as_array().is_none_or(Vec::is_empty) {
            errors.push(FieldError::required(format!("{path}.http.paths"), ""));
        }
        for (place, one) in items(&rule["http"], "paths") {
            ingress_path(one, format_args!("{path}.http.paths[{place}]"), errors);
        }
    }
}

/// Checks the name of a host, which may begin with `*.`, at that path; none is one.
fn host(value: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let word = value.as_str().unwrap_or_default();
    if word.is_empty() {
        return;
    }
    if word.parse::<std::net::IpAddr>().is_ok() {
        errors.push(FieldError::invalid(path, value, "must be a DNS name, not an IP address"));
    }
    for why in names::subdomain(word.strip_prefix("*.").unwrap_or(word)) {
        errors.push(FieldError::invalid(path, value, why));
    }
}

fn ingress_path(one: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let word = text(one, "path");
    match text(one, "pathType") {
        "" => errors.push(FieldError::required(format!("{path}.pathType"), "pathType must be specified")),
        "Exact" | "Prefix" if !word.starts_with('/') => {
            errors.push(FieldError::invalid(format!("{path}.path"), &json!(word), "must be an absolute path"));
        }
        "Exact" | "Prefix" => {
            for inside in ["//", "/./", "/../", "%2f", "%2F"].into_iter().filter(|inside| word.contains(*inside)) {
                let detail = format!("must not contain '{inside}'");
                errors.push(FieldError::invalid(format!("{path}.path"), &json!(word), detail));
            }
            for end in ["/..", "/."].into_iter().filter(|end| word.ends_with(*end)) {
                let detail = format!("cannot end with '{end}'");
                errors.push(FieldError::invalid(format!("{path}.path"), &json!(word), detail));
            }
        }
        _ => {}
    }
    let kinds = ["Exact", "ImplementationSpecific", "Prefix"];
    one_of(&one["pathType"], format_args!("{path}.pathType"), &kinds, errors);
    backend(&one["backend"], format_args!("{path}.backend"), errors);
}

fn backend(backend: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let service = &backend["service"];
    if service.is_null() && backend["resource"].is_null() {
        errors.push(FieldError::required(path, "either service or resource is required"));
        return;
    }
    if !service.is_null() && !backend["resource"].is_null() {
        errors.push(FieldError::invalid(path, &json!(""), "cannot set both resource and service backends"));
        return;
    }
    if service.is_null() {
        return;
    }
    super::needed(service, "name", format_args!("{path}.service"), errors);
    let (name, number) = (text(&service["port"], "name"), &service["port"]["number"]);
    let has_number = number.as_i64().unwrap_or(0) != 0;
    if name.is_empty() && !has_number {
        errors.push(FieldError::required(path, "port name or number is required"));
    }
    if !name.is_empty() && has_number {
        errors.push(FieldError::invalid(path, &json!(""), "cannot set both port name & port number"));
    }
    port_number(number, format_args!("{path}.service.port.number"), errors);
}

/// Checks a `NetworkPolicy`.
pub(super) fn policy(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    names::selector(&spec["podSelector"], "spec.podSelector", errors);
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        for (place, rule) in items(spec, list) {
            let path = format_args!("spec.{list}[{place}]");
            for (place, port) in items(rule, "ports") {
                policy_port(port, format_args!("{path}.ports[{place}]"), errors);
            }
            for (place, peer) in items(rule, peers) {
                policy_peer(peer, format_args!("{path}.{peers}[{place}]"), errors);
            }
        }
    }
    for (place, kind) in items(spec, "policyTypes") {
        one_of(kind, format_args!("spec.policyTypes[{place}]"), &["Egress", "Ingress"], errors);
    }
}

fn policy_port(port: &Value, path: impl Display + Copy, errors: &mut Errors) {
    one_of(&port["protocol"], format_args!("{path}.protocol"), &["SCTP", "TCP", "UDP"], errors);
    let value = &port["port"];
    match value.as_str() {
        Some(word) => {
            for why in names::port(word) {
                errors.push(FieldError::invalid(format!("{path}.port"), value, why));
            }
        }
        None => port_number(value, format_args!("{path}.port"), errors),
    }
    if let Some(end) = port["endPort"].as_i64()
        && value.as_i64().is_some_and(|start| end < start)
    {
        let detail = "must be greater than or equal to `port`";
        errors.push(FieldError::invalid(format!("{path}.endPort"), &port["endPort"], detail));
    }
}

fn policy_peer(peer: &Value, path: impl Display + Copy, errors: &mut Errors) {
    let selectors = ["podSelector", "namespaceSelector"];
    for name in selectors {
        names::selector(&peer[name], format_args!("{path}.{name}"), errors);
    }
    let block = &peer["ipBlock"];
    if !block.is_object() {
        if selectors.iter().all(|name| peer[*name].is_null()) {
            errors.push(FieldError::required(path, "must specify a peer"));
        }
        return;
    }
    if selectors.iter().any(|name| !peer[*name].is_null()) {
        let detail = "may not specify both ipBlock and another peer";
        errors.push(FieldError::forbidden(path, detail));
    }
    let cidr = text(block, "cidr");
    if cidr.is_empty() {
        errors.push(FieldError::required(format!("{path}.ipBlock.cidr"), ""));
    } else if !is_cidr(cidr) {
        let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        errors.push(FieldError::invalid(format!("{path}.ipBlock.cidr"), &block["cidr"], detail));
    }
    let whole = AddressRange::parse(cidr);
    for (place, except) in items(block, "except") {
        let range = except.as_str().and_then(AddressRange::parse);
        let is_inside = |range: AddressRange| whole.is_none_or(|whole| whole != range && whole.contains(range));
        if range.is_some_and(|range| !is_inside(range)) {
            let detail = "must be a strict subset of `cidr`";
            errors.push(FieldError::invalid(format!("{path}.ipBlock.except[{place}]"), except, detail));
        }
        if !except.as_str().is_some_and(is_cidr) {
            let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
            errors.push(FieldError::invalid(format!("{path}.ipBlock.except[{place}]"), except, detail));
        }
    }
}

fn is_cidr(word: &str) -> bool {
    let Some((address, bits)) = word.split_once('/') else { return false };
    let Ok(bits) = bits.parse::<u8>() else { return false };
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => bits <= 32,
        Ok(std::net::IpAddr::V6(_)) => bits <= 128,
        Err(_) => false,
    }
}
