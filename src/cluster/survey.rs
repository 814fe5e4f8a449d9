//! What a cluster has of what a garden needs, before anything is applied: objects, and rights of our own.

use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use serde_json::{Value, json};

use super::connect::Connection;
use super::discovery::{Kinds, Resource};
use super::errors::ApiError;
use super::request::{Content, Detail};
use crate::kind::group_of;
use crate::plan::{Unseen, full_name};
use crate::render::providers::Want;

/// What is missing of something that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// The cluster serves no such kind.
    Kind,
    /// There is no such object.
    Object,
    /// There is not even its namespace.
    Namespace,
    /// It could not be looked at, so nothing is known of it.
    Unseen(Unseen),
    /// It is a Secret without these keys.
    Keys(Vec<String>),
}

/// What cannot be found of what is wanted, by its place in `wants`.
pub(crate) async fn lacking(
    connection: &Connection,
    kinds: &Kinds,
    wants: &[Want],
) -> Result<Vec<(usize, Lack)>, ApiError> {
    let looks = wants.iter().enumerate().map(|(at, want)| async move {
        Ok::<_, ApiError>(look(connection, kinds, want).await?.map(|lack| (at, lack)))
    });
    let found: Vec<Option<(usize, Lack)>> = stream::iter(looks).buffered(16).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Whether a namespace is there, or may be: what cannot be read is not said to be missing.
async fn has_namespace(connection: &Connection, name: &str) -> bool {
    name.is_empty() || !matches!(connection.get_opt(&format!("/api/v1/namespaces/{name}")).await, Ok(None))
}

async fn look(connection: &Connection, kinds: &Kinds, want: &Want) -> Result<Option<Lack>, ApiError> {
    let mut serving =
        kinds.iter().filter(|found| &*found.kind == want.kind && group_of(&found.api_version) == want.group);
    let Some(resource) = serving.next() else {
        let silent = kinds.silent_groups.contains(want.group);
        let why = Some(format!("the server of `{}` does not answer", want.group));
        return Ok(Some(if silent {
            Lack::Unseen(Unseen { group: want.group.to_owned(), resource: "*".to_owned(), why })
        } else {
            Lack::Kind
        }));
    };
    match connection.get_opt(&resource.path(&want.namespace, &want.name)).await {
        Ok(None) => {
            Ok(Some(if has_namespace(connection, &want.namespace).await { Lack::Object } else { Lack::Namespace }))
        }
        Ok(Some(found)) => {
            let has = |key: &String| found["data"].get(key).is_some_and(|value| !value.is_null());
            let missing: Vec<String> = want.keys.iter().filter(|key| !has(key)).cloned().collect();
            Ok((!missing.is_empty()).then_some(Lack::Keys(missing)))
        }
        Err(error) if error.is_of_one_kind() => Ok(Some(Lack::Unseen(Unseen {
            group: want.group.to_owned(),
            resource: resource.plural.to_string(),
            why: (!error.is_forbidden()).then(|| error.to_string()),
        }))),
        Err(error) => Err(error),
    }
}

/// An address that a cluster shows of itself: whose it is, and the port where it is that of a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShownAddress {
    pub(crate) of: String,
    pub(crate) address: String,
    pub(crate) port: Option<u16>,
}

/// The addresses of a cluster's nodes, or why they could not be looked at.
pub(crate) async fn node_addresses(connection: &Connection) -> Result<Result<Vec<ShownAddress>, Unseen>, ApiError> {
    let nodes = listed(connection, "", "nodes", "/api/v1/nodes", "").await?;
    Ok(nodes.map(|nodes| nodes.iter().flat_map(addresses_of_node).collect()))
}

fn addresses_of_node(node: &Value) -> Vec<ShownAddress> {
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
    let is_ip = |one: &&Value| ["InternalIP", "ExternalIP"].contains(&one["type"].as_str().unwrap_or_default());
    let shown = |one: &Value| {
        Some(ShownAddress { of: name.to_owned(), address: one["address"].as_str()?.to_owned(), port: None })
    };
    addresses.filter(is_ip).filter_map(shown).collect()
}

/// The addresses and ports of a cluster's API server, or why they could not be looked at.
pub(crate) async fn api_addresses(connection: &Connection) -> Result<Result<Vec<ShownAddress>, Unseen>, ApiError> {
    let path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    let of = "kubernetes.io/service-name=kubernetes";
    let slices = listed(connection, "discovery.k8s.io", "endpointslices", path, of).await?;
    Ok(slices.map(|slices| slices.iter().flat_map(addresses_of_slice).collect()))
}

fn addresses_of_slice(slice: &Value) -> Vec<ShownAddress> {
    let ports = slice["ports"].as_array().into_iter().flatten();
    let port = { ports }.find_map(|port| u16::try_from(port["port"].as_u64()?).ok());
    let endpoints = slice["endpoints"].as_array().into_iter().flatten();
    let addresses = endpoints.flat_map(|endpoint| endpoint["addresses"].as_array().into_iter().flatten());
    let shown = |address: &Value| {
        Some(ShownAddress { of: "kubernetes".to_owned(), address: address.as_str()?.to_owned(), port })
    };
    addresses.filter_map(shown).collect()
}

/// What a list holds, or why it could not be looked at.
async fn listed(
    connection: &Connection,
    group: &str,
    resource: &str,
    path: &str,
    selector: &str,
) -> Result<Result<Vec<Value>, Unseen>, ApiError> {
    let selector = selector.replace('/', "%2F").replace('=', "%3D");
    match connection.list(path, &selector, Detail::Whole).await {
        Ok(items) => Ok(Ok(items)),
        Err(error) if error.is_of_one_kind() => Ok(Err(Unseen {
            group: group.to_owned(),
            resource: resource.to_owned(),
            why: (!error.is_forbidden()).then(|| error.to_string()),
        })),
        Err(error) => Err(error),
    }
}

/// What parcelle does with objects of every kind that it renders.
const VERBS: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// The rights that we lack, as `patch deployments.apps`: asked of the server, which answers for ourselves.
pub(crate) async fn missing_rights(connection: &Connection, resources: &[&Resource]) -> Result<Vec<String>, ApiError> {
    let questions = resources.iter().flat_map(|resource| VERBS.iter().map(move |verb| (*verb, *resource)));
    let asked = questions.map(|(verb, resource)| async move {
        let allowed = may(connection, verb, resource).await?;
        Ok::<_, ApiError>((!allowed).then(|| right(verb, resource)))
    });
    let found: Vec<Option<String>> = stream::iter(asked).buffered(16).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

fn right(verb: &str, resource: &Resource) -> String {
    format!("{verb} {}", full_name(group_of(&resource.api_version), &resource.plural))
}

async fn may(connection: &Connection, verb: &str, resource: &Resource) -> Result<bool, ApiError> {
    let group = group_of(&resource.api_version);
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": { "verb": verb, "group": group, "resource": &*resource.plural } },
    });
    // Nothing is kept of such a question, so it is a trial whatever it says.
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?dryRun=All";
    let answer = connection.trial(Method::POST, path, Content::Json, &body).await?;
    Ok(answer.body.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or(false))
}
