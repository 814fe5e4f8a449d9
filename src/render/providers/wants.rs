//! What a cluster must have for its providers: made by people or operators, named in the cluster's file.

use super::option_text;
use crate::model::{Cluster, ProviderChoice};
use crate::render::{OrganisationObjects, SecretSource};
use crate::source::Span;

/// An object that a cluster's file names and parcelle does not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// What it is, as people say it: `storage class`.
    pub(crate) what: &'static str,
    /// Of which API group; versions are for the cluster to choose. Empty for the core.
    pub(crate) group: &'static str,
    pub kind: &'static str,
    /// Its namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    pub name: String,
    /// Keys that it must have, of a Secret.
    pub keys: Vec<String>,
    /// The line that names it.
    pub(crate) span: Span,
    /// The way out where it is missing.
    pub(crate) help: String,
}

/// Everything that the lines of `provides` name.
pub fn wants(cluster: &Cluster) -> Vec<Want> {
    cluster.provides.values().flat_map(of_choice).collect()
}

fn of_choice(choice: &ProviderChoice) -> Vec<Want> {
    let storage = ("storage class", "storage.k8s.io", "StorageClass");
    let issuer = ("issuer of certificates", "cert-manager.io", "ClusterIssuer");
    let namespace = option_text(choice, "namespace").map_or("", |(namespace, _)| namespace);
    let options: &[(&str, Made, &str)] = match choice.provider.value.as_str() {
        "gateway-api" => {
            &[("gateway", ("gateway", "gateway.networking.k8s.io", "Gateway"), namespace), ("certificates", issuer, "")]
        }
        "ingress" => {
            &[("class", ("ingress class", "networking.k8s.io", "IngressClass"), ""), ("certificates", issuer, "")]
        }
        "garage" => &[("cluster", ("Garage cluster", "garage.rajsingh.info", "GarageCluster"), namespace)],
        _ => &[("storage-class", storage, ""), ("class", storage, ""), ("shared-class", storage, "")],
    };
    options.iter().filter_map(|(option, made, namespace)| named(choice, option, *made, namespace)).collect()
}

/// What it is, as people say it; its API group; its kind.
type Made = (&'static str, &'static str, &'static str);

fn named(choice: &ProviderChoice, option: &str, (what, group, kind): Made, namespace: &str) -> Option<Want> {
    let (name, span) = option_text(choice, option)?;
    let help = format!("make it, or name another one in `{option}`");
    let (namespace, name) = (namespace.to_owned(), name.to_owned());
    Some(Want { what, group, kind, namespace, name, keys: Vec::new(), span, help })
}

/// The Secrets of others that an organisation's objects are copied from, each on the line that asks for it.
pub fn copied_from(objects: &OrganisationObjects) -> Vec<Want> {
    let copied = objects.secrets.iter().filter_map(|request| match &request.source {
        SecretSource::Copied { namespace, name, keys } if *namespace != *objects.namespace => {
            Some((namespace, name, keys.keys().cloned().collect::<Vec<_>>(), request.origin))
        }
        _ => None,
    });
    let want = |(namespace, name, keys, span): (&String, &String, Vec<String>, Span)| {
        let literals: Vec<String> = keys.iter().map(|key| format!("--from-literal={key}=…")).collect();
        let help = format!("kubectl create secret generic -n {namespace} {name} {}", literals.join(" "));
        let (namespace, name) = (namespace.clone(), name.clone());
        Want { what: "Secret with credentials", group: "", kind: "Secret", namespace, name, keys, span, help }
    };
    copied.map(want).collect()
}
