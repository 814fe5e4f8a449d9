//! What a cluster must have for its providers: made by people or operators, named in the cluster's file.

use super::{credentials, option_text};
use crate::model::{Cluster, ProviderChoice};
use crate::render::naming::SYSTEM_NAMESPACE;
use crate::source::Span;

/// An object that a cluster's file names and parcelle does not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// What it is, as people say it: `storage class`.
    pub what: &'static str,
    /// Of which API group; versions are for the cluster to choose. Empty for the core.
    pub group: &'static str,
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Keys that it must have, of a Secret.
    pub keys: Vec<String>,
    /// The line that names it.
    pub span: Span,
    /// The way out where it is missing.
    pub help: String,
}

/// Everything that the lines of `provides` name.
pub fn wants(cluster: &Cluster) -> Vec<Want> {
    cluster.provides.values().flat_map(of_choice).collect()
}

fn of_choice(choice: &ProviderChoice) -> Vec<Want> {
    let mut wants = Vec::new();
    for option in ["storage-class", "class", "shared-class"] {
        wants.extend(named(choice, option, ("storage class", "storage.k8s.io", "StorageClass"), ""));
    }
    let namespace = option_text(choice, "namespace").map_or("", |(namespace, _)| namespace);
    match choice.provider.value.as_str() {
        "gateway-api" => {
            let gateway = ("gateway", "gateway.networking.k8s.io", "Gateway");
            wants.extend(named(choice, "gateway", gateway, namespace));
            let issuer = ("issuer of certificates", "cert-manager.io", "ClusterIssuer");
            wants.extend(named(choice, "certificates", issuer, ""));
        }
        "garage" => {
            let cluster = ("Garage cluster", "garage.rajsingh.info", "GarageCluster");
            wants.extend(named(choice, "cluster", cluster, namespace));
        }
        _ => {}
    }
    wants.extend(secrets(choice));
    wants
}

fn named(
    choice: &ProviderChoice,
    option: &str,
    (what, group, kind): (&'static str, &'static str, &'static str),
    namespace: &str,
) -> Option<Want> {
    let (name, span) = option_text(choice, option)?;
    let help = format!("make it, or name another one in `{option}`");
    let (namespace, name) = (namespace.to_owned(), name.to_owned());
    Some(Want { what, group, kind, namespace, name, keys: Vec::new(), span, help })
}

fn secrets(choice: &ProviderChoice) -> impl Iterator<Item = Want> {
    let span = option_text(choice, "credentials").map_or(choice.provider.span, |(_, span)| span);
    credentials(choice).into_iter().map(move |(name, keys)| {
        let literals: Vec<String> = keys.iter().map(|key| format!("--from-literal={key}=…")).collect();
        let help = format!("kubectl create secret generic -n {SYSTEM_NAMESPACE} {name} {}", literals.join(" "));
        let namespace = SYSTEM_NAMESPACE.to_owned();
        Want { what: "Secret with credentials", group: "", kind: "Secret", namespace, name, keys, span, help }
    })
}
