//! Services stay inside the namespace; network policies are as parcelle renders them.

use serde_json::Value;

use super::{Judging, each, text};
use crate::policy::EXCESSIVE;

/// The policies that mean every pod: nothing is allowed, then names are.
const OF_ALL: [&str; 2] = ["default--deny", "default--dns"];

/// The namespace of the cluster's name service, and the label of its pods.
const NAMES: (&str, &str, &str) = ("kube-system", "k8s-app", "kube-dns");

pub(super) fn check(judged: &mut Judging<'_>) {
    match (judged.object.group, judged.object.kind) {
        ("", "Service") => service(judged),
        ("networking.k8s.io", "NetworkPolicy") => policy(judged),
        _ => {}
    }
}

fn service(judged: &mut Judging<'_>) {
    const INSIDE: &str = "Services are for the namespace; what is reached from outside is a route";
    let spec = &judged.body()["spec"];
    let kind = text(spec, "/type");
    if !["", "ClusterIP"].contains(&kind) {
        let title = format!("a Service of type `{kind}` reaches out of the namespace");
        judged.excessive("/spec/type", title, INSIDE, "leave it out, and ask for a `route`");
    }
    let address = text(spec, "/clusterIP");
    if !["", "None"].contains(&address) {
        let title = format!("`clusterIP` is `{address}`");
        judged.excessive("/spec/clusterIP", title, "the API server gives addresses", "leave it out, or write `None`");
    }
    if spec["selector"].as_object().is_none_or(serde_json::Map::is_empty) {
        let why = "one that selects no pods leads where anybody's endpoints say";
        let (title, help) = ("the Service selects no pods".to_owned(), "write a `selector`".to_owned());
        judged.amiss(EXCESSIVE, "/spec/selector", title, why, help);
    }
    for field in ["externalIPs", "externalName", "loadBalancerIP", "loadBalancerSourceRanges"] {
        if !spec[field].is_null() {
            judged.excessive(
                &format!("/spec/{field}"),
                format!("`{field}` reaches out of the namespace"),
                INSIDE,
                "leave it out",
            );
        }
    }
}

/// Rules name their ends: pods of the organisation, or namespaces that the cluster file names.
fn policy(judged: &mut Judging<'_>) {
    const WHOLE: &str = "network policies keep organisations apart";
    let name = judged.object.name;
    let spec = &judged.body()["spec"];
    if judged.object.by_hand.iter().any(|pointer| !pointer.starts_with("/metadata/")) {
        judged.excessive("/spec", format!("NetworkPolicy `{name}` is not for writing"), WHOLE, "leave it out");
    }
    if !selects(&spec["podSelector"]) && !OF_ALL.contains(&name) {
        judged.excessive("/spec/podSelector", "the policy is for every pod".to_owned(), WHOLE, "leave it out");
    }
    if name == OF_ALL[0] && (!spec["ingress"].is_null() || !spec["egress"].is_null()) {
        judged.excessive("/spec", format!("`{name}` would allow something"), WHOLE, "leave it out");
    }
    for (at, rule) in each(spec, "/spec", "ingress/*") {
        if rule["from"].as_array().is_none_or(Vec::is_empty) {
            judged.excessive(&at, "everybody could connect".to_owned(), WHOLE, "leave it out");
        }
    }
    for (at, rule) in each(spec, "/spec", "egress/*") {
        outgoing(judged, &at, rule);
    }
    for path in ["ingress/*/from/*", "egress/*/to/*"] {
        for (at, peer) in each(spec, "/spec", path) {
            end(judged, &at, peer);
        }
    }
}

/// What is reached outside the namespace is reached at ports that are said; any address is for pods of operators alone, where the
/// cluster file does not name the API server.
fn outgoing(judged: &mut Judging<'_>, at: &str, rule: &Value) {
    const PORTS: &str = "policies say the ports of what is reached";
    let ends = rule["to"].as_array().map_or(&[][..], Vec::as_slice);
    let is_inside = |peer: &Value| peer["namespaceSelector"].is_null() && peer["ipBlock"].is_null();
    if rule["ports"].as_array().is_none_or(Vec::is_empty) && (ends.is_empty() || !ends.iter().all(is_inside)) {
        judged.excessive(at, "every port could be reached".to_owned(), PORTS, "leave it out");
    }
    let of_app = !judged.body()["spec"]["podSelector"]["matchLabels"]["parcelle.dev/app"].is_null();
    if ends.is_empty() && (of_app || judged.grounds.cluster.names_api_server) {
        let why = "nodes, the API server and what is private are not for pods";
        judged.excessive(at, "every address could be reached".to_owned(), why, "leave it out");
    }
}

/// A block of addresses that follows from the cluster file, with everything that it leaves out.
fn block(judged: &mut Judging<'_>, at: &str, block: &Value) {
    let left_out = each(block, "", "except/*").into_iter().map(|(_, range)| range.as_str().unwrap_or_default());
    let known = judged.grounds.cluster.blocks.get(text(block, "/cidr"));
    if !known.is_some_and(|known| left_out.eq(known.iter().map(String::as_str))) {
        let title = format!("a policy would open `{}`", text(block, "/cidr"));
        let why = "policies open what lies outside the cluster, and the addresses that its file names";
        judged.foreign(at, title, why, "name the address in the cluster file");
    }
}

fn end(judged: &mut Judging<'_>, at: &str, peer: &Value) {
    const ENDS: &str = "policies name pods of the organisation, or namespaces that the cluster file names";
    let selector = peer["namespaceSelector"].as_object();
    if let Some(selector) = selector {
        let named = text(&peer["namespaceSelector"], "/matchLabels/kubernetes.io~1metadata.name");
        let alone =
            selector.len() == 1 && peer["namespaceSelector"]["matchLabels"].as_object().is_some_and(|of| of.len() == 1);
        let is_names = named == NAMES.0 && peer["podSelector"]["matchLabels"][NAMES.1] == NAMES.2;
        if !alone || !is_names && !judged.grounds.cluster.namespaces.contains(named) {
            let title = format!("a policy would name the namespace `{named}`");
            judged.foreign(at, title, ENDS, "name it in the cluster file");
        }
    }
    if !peer["ipBlock"].is_null() {
        block(judged, at, &peer["ipBlock"]);
    }
    if selector.is_none() && !selects(&peer["podSelector"]) && peer["ipBlock"].is_null() {
        judged.excessive(at, "a policy would name every pod".to_owned(), ENDS, "leave it out");
    }
}

fn selects(selector: &Value) -> bool {
    selector["matchLabels"].as_object().is_some_and(|labels| !labels.is_empty())
}
