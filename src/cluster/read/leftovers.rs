//! Finds what carries the labels of an organisation in its namespace, kind by kind: what an inventory that is lost may have known.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, stream};

use super::super::connect::Connection;
use super::super::discovery::{Resource, discover};
use super::super::errors::ApiError;
use super::super::request::Detail;
use super::selector;
use crate::name::Name;
use crate::render::ObjectId;

/// What carries our labels in a namespace.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// What no controller made for something else.
    pub(crate) objects: Vec<ObjectId>,
    /// Kinds that could not be listed, with the reason.
    pub(crate) unread: BTreeMap<String, String>,
}

/// Looks for what carries the labels of an organisation, in its namespace, of every kind that the cluster serves.
pub(crate) async fn leftovers(
    connection: &Connection,
    garden: &Name,
    organisation: &Name,
) -> Result<Leftovers, ApiError> {
    let kinds = discover(connection).await?;
    let own = &selector(garden, Some(&std::collections::BTreeSet::from([organisation.clone()])));
    let looked_at: Vec<Arc<Resource>> = kinds
        .iter()
        .filter(|resource| resource.namespaced && resource.listable && !resource.facts().made_by_kubernetes)
        .cloned()
        .collect();
    let lists = looked_at.into_iter().map(|resource| async move {
        let items = connection.list(&resource.list_path(organisation.as_str()), own, Detail::Metadata).await;
        (resource, items)
    });
    let mut found = Leftovers::default();
    let mut answers = stream::iter(lists).buffer_unordered(16);
    while let Some((resource, items)) = answers.next().await {
        match items {
            Ok(items) => {
                let owned = |item: &serde_json::Value| {
                    item["metadata"]["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty())
                };
                found.objects.extend(items.iter().filter(|item| !owned(item)).map(|item| ObjectId {
                    api_version: resource.api_version.clone(),
                    kind: resource.kind.clone(),
                    namespace: organisation.as_str().into(),
                    name: item["metadata"]["name"].as_str().unwrap_or_default().into(),
                }));
            }
            Err(error) if error.is_of_one_kind() => {
                found.unread.insert(resource.kind.to_string(), error.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    found.objects.sort();
    found.objects.dedup_by(|a, b| a.identity() == b.identity());
    Ok(found)
}
