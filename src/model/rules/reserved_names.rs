//! Names of organisations are names of namespaces, and some namespaces are not anybody's to have.

use std::sync::Arc;

use crate::expression::Budget;
use crate::finding::{Code, Finding, Findings};
use crate::model::Organisation;
use crate::model::definition::{self, NeedKind};
use crate::model::rules::{One, View};
use crate::name::Name;

/// A name that the cluster or parcelle itself uses.
pub(crate) const RESERVED: Code = Code::new("E0404");

/// Names of every cluster, and the namespaces in which operators and what watches a cluster are installed by their own manuals:
/// policies, webhooks and roles trust them by name, whether or not a cluster file names them.
const NAMES: &[&str] = &[
    "argo",
    "argo-rollouts",
    "argocd",
    "cert-manager",
    "crossplane",
    "default",
    "external-dns",
    "external-secrets",
    "falco",
    "flux",
    "garage",
    "gateways",
    "grafana",
    "haproxy-controller",
    "harbor",
    "ingress",
    "ingress-nginx",
    "k8up",
    "k8up-operator",
    "keda",
    "knative-serving",
    "kyverno",
    "linkerd",
    "local-path-storage",
    "logging",
    "loki",
    "longhorn",
    "metallb",
    "minio-operator",
    "monitoring",
    "nginx-gateway",
    "nginx-ingress",
    "observability",
    "olm",
    "operators",
    "parcelle",
    "projectcontour",
    "prometheus",
    "psmdb-operator",
    "rook-ceph",
    "sealed-secrets",
    "tempo",
    "tigera-operator",
    "tracing",
    "traefik",
    "vault",
    "velero",
];
const PREFIXES: &[&str] = &["calico-", "cattle-", "fleet-", "kube-", "kubernetes-", "openshift-", "parcelle-"];
const SUFFIXES: &[&str] = &["-system"];

/// Names by which programs that organisations run call what is above all: the realm of Keycloak in which its others are kept.
const PROGRAMS: &[&str] = &["master"];

fn is_reserved(name: &str) -> bool {
    NAMES.contains(&name)
        || PROGRAMS.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

pub(super) fn check(one: &One, findings: &mut Findings) {
    let organisation = &one.draft.organisation;
    let name = organisation.name.as_str();
    // One that has the name in a cluster keeps it, and can be retired.
    if !is_reserved(name) || one.past.is_some() {
        return;
    }
    let finding = Finding::refused(RESERVED, format!("no organisation can be called `{name}`"), organisation.span);
    findings.push(finding.why(why(name)).help(way_out(organisation)));
}

/// Why a name is nobody's.
fn why(name: &str) -> String {
    let prefix = PREFIXES.iter().find(|prefix| name.starts_with(**prefix));
    let suffix = SUFFIXES.iter().find(|suffix| name.ends_with(**suffix));
    match (prefix, suffix) {
        (Some(prefix), _) => format!(
            "namespaces that start with `{prefix}` are those of operators, also of ones that are installed later"
        ),
        (None, Some(suffix)) => {
            format!("namespaces that end with `{suffix}` are those of operators, also of ones that are installed later")
        }
        _ if PROGRAMS.contains(&name) => {
            "where people sign in by Keycloak, the organisation's realm bears its name, and this one keeps all others"
                .to_owned()
        }
        _ => {
            "an organisation's name is its namespace in the cluster, and operators are installed in this one".to_owned()
        }
    }
}

fn way_out(organisation: &Organisation) -> &'static str {
    match organisation.retired {
        Some(_) => "take this file away: what runs under that name is no organisation's",
        None => "call it by another name",
    }
}

/// Namespaces that cluster files name: the policies of all organisations trust what runs there.
pub(super) fn check_named(view: &View<'_>, findings: &mut Findings) {
    for cluster in view.garden.clusters.values() {
        for (namespace, span) in &cluster.namespaces {
            let Some(draft) = Name::new(namespace).ok().and_then(|name| view.draft(&name)) else { continue };
            let name = &draft.organisation.name;
            let had = || view.past.is_some_and(|past| past.of(name).is_some());
            if is_reserved(namespace) && !had() {
                continue;
            }
            let title = format!("no organisation can be called `{name}`: cluster `{}` has it", cluster.name);
            let finding = Finding::refused(RESERVED, title, draft.organisation.span)
                .also(*span, "the file of the cluster names this namespace")
                .why("an organisation's name is its namespace, and the policies of all others let in what runs in this one")
                .help(way_out(&draft.organisation))
                .stops(name.clone());
            findings.push(finding);
        }
    }
}

/// What Keycloak calls the clients that each of its realms has: an app of that name would be written over one of them.
const CLIENTS: &[&str] =
    &["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"];

/// Apps that people sign in to are clients of the app by which they do, by their names.
pub(super) fn check_clients(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps().filter(|sound| CLIENTS.contains(&sound.app.name.as_str())) {
        let (organisation, app) = (&sound.draft.organisation, sound.app);
        let mut needs = app.definition.needs.iter().filter(|need| need.item.kind == NeedKind::SignOn);
        let budget = Arc::new(Budget::of_app());
        if needs.any(|need| definition::wanted(need, organisation, app, &budget)) {
            let title = format!("no app that people sign in to can be called `{}`", app.name);
            let was_applied = one.past.as_ref().is_some_and(|past| past.apps.contains_key(&app.name));
            let was = if was_applied { format!(", and `was {}` keeps its data", app.name) } else { String::new() };
            let way = format!("call it by another name{was}");
            let finding = Finding::refused(RESERVED, title, app.span)
                .why("where people sign in, each app is a client by its name, and Keycloak has one of its own by this one")
                .help(way)
                .stops(organisation.name.clone());
            findings.push(finding);
        }
    }
}
