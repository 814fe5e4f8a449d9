//! Finds what lies in a namespace that is about to be deleted and is nobody's of this garden.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt, stream};
use serde_json::Value;

use super::super::connect::Connection;
use super::super::discovery::{Kinds, Resource};
use super::super::errors::ApiError;
use super::super::request::Detail;
use crate::name::Name;
use crate::plan::GARDEN_LABEL;
use crate::render::ObjectId;

/// What lies in a namespace and is neither of this garden nor made by a controller for something else.
pub(super) async fn foreign(
    connection: &Connection,
    kinds: &Kinds,
    garden: &Name,
    namespace: &str,
) -> Result<Vec<ObjectId>, ApiError> {
    let looked_at: Vec<Arc<Resource>> = kinds
        .iter()
        .filter(|resource| resource.namespaced && resource.listable)
        .filter(|resource| !resource.facts().made_by_kubernetes)
        .cloned()
        .collect();
    let lists = looked_at.into_iter().map(|resource| async move {
        let items = connection.list(&resource.list_path(namespace), "", Detail::Metadata).await;
        (resource, items)
    });
    let mut answers = stream::iter(lists).buffer_unordered(16);
    let mut found = BTreeSet::new();
    while let Some((resource, items)) = answers.next().await {
        match items {
            Ok(items) => found.extend(items.iter().filter(|item| is_foreign(item, garden)).map(|item| ObjectId {
                api_version: resource.api_version.clone(),
                kind: resource.kind.clone(),
                namespace: namespace.into(),
                name: item["metadata"]["name"].as_str().unwrap_or_default().into(),
            })),
            // A kind without lists (405) or of a server that went away holds nothing that we could lose.
            Err(error) if error.is_not_found() || error.refusal().is_some_and(|refusal| refusal.code == 405) => {}
            Err(error) => return Err(error),
        }
    }
    let mut found: Vec<ObjectId> = found.into_iter().collect();
    found.dedup_by(|a, b| a.identity() == b.identity());
    Ok(found)
}

fn is_foreign(item: &Value, garden: &Name) -> bool {
    let metadata = &item["metadata"];
    let labelled = metadata["labels"][GARDEN_LABEL].as_str() == Some(garden.as_str());
    let owned = metadata["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty());
    let usual = matches!(metadata["name"].as_str(), Some("default" | "kube-root-ca.crt"));
    !(labelled || owned || usual)
}
