//! Names of organisations are names of namespaces, and some namespaces are not anybody's to have.

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::{One, View};
use crate::name::Name;

/// A name that the cluster or parcelle itself uses.
pub(crate) const RESERVED: Code = Code::new("E0404");

/// Names of every cluster, and those in which operators that parcelle asks are installed.
const NAMES: &[&str] = &[
    "cert-manager",
    "cnpg-system",
    "default",
    "envoy-gateway-system",
    "garage",
    "gateways",
    "istio-system",
    "k8up",
    "k8up-operator",
    "nginx-gateway",
    "parcelle",
    "psmdb-operator",
    "traefik",
];
const PREFIXES: &[&str] = &["kube-", "openshift-", "parcelle-"];

fn is_reserved(name: &str) -> bool {
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

pub(super) fn check(one: &One, findings: &mut Findings) {
    let organisation = &one.draft.organisation;
    let name = organisation.name.as_str();
    if !is_reserved(name) {
        return;
    }
    let prefix = PREFIXES.iter().find(|prefix| name.starts_with(**prefix));
    let why = match prefix {
        Some(prefix) => format!("names that start with `{prefix}` belong to the cluster's own parts"),
        None => "an organisation's name is its namespace in the cluster, and this one is taken".to_owned(),
    };
    let finding = Finding::refused(RESERVED, format!("no organisation can be called `{name}`"), organisation.span);
    findings.push(finding.why(why).help("call it by another name, for example that of its domain"));
}

/// Namespaces that cluster files name: the policies of all organisations trust what runs there.
pub(super) fn check_named(view: &View<'_>, findings: &mut Findings) {
    for cluster in view.garden.clusters.values() {
        for (namespace, span) in cluster.namespaces.iter().filter(|(namespace, _)| !is_reserved(namespace)) {
            let Some(draft) = Name::new(namespace).ok().and_then(|name| view.draft(&name)) else { continue };
            let name = &draft.organisation.name;
            let title = format!("no organisation can be called `{name}`: cluster `{}` has it", cluster.name);
            let finding = Finding::refused(RESERVED, title, draft.organisation.span)
                .also(*span, "the file of the cluster names this namespace")
                .why("an organisation's name is its namespace, and the policies of all others let in what runs in this one")
                .help("call it by another name, for example that of its domain")
                .stops(name.clone());
            findings.push(finding);
        }
    }
}
