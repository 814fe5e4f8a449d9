//! Finds what lies in a namespace that is about to be deleted and is nobody's of this garden.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt, stream};
use serde_json::Value;

use super::super::connect::Connection;
use super::super::discovery::{Kinds, Resource};
use super::super::errors::ApiError;
use super::super::request::Detail;
use crate::kind::group_of;
use crate::name::Name;
use crate::plan::{GARDEN_LABEL, Unseen};
use crate::render::ObjectId;

/// What was found in a namespace, and what could not be looked at.
pub(super) struct Inside {
    /// What is neither of this garden nor made by a controller for something else.
    pub(super) foreign: Vec<ObjectId>,
    /// Kinds that may lie there too.
    pub(super) unseen: Vec<Unseen>,
}

/// Looks for what others have in a namespace, kind by kind.
pub(super) async fn foreign(
    connection: &Connection,
    kinds: &Kinds,
    garden: &Name,
    namespace: &str,
) -> Result<Inside, ApiError> {
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
    let (mut found, mut unseen) = (BTreeSet::new(), BTreeSet::new());
    unseen.extend(kinds.silent_groups.iter().map(|group| Unseen {
        group: group.clone(),
        resource: "*".to_owned(),
        why: Some("its server does not answer".to_owned()),
    }));
    while let Some((resource, items)) = answers.next().await {
        match items {
            Ok(items) => found.extend(items.iter().filter(|item| is_foreign(item, garden)).map(|item| ObjectId {
                api_version: resource.api_version.clone(),
                kind: resource.kind.clone(),
                namespace: namespace.into(),
                name: item["metadata"]["name"].as_str().unwrap_or_default().into(),
            })),
            Err(error) if error.is_of_one_kind() => {
                unseen.insert(Unseen {
                    group: group_of(&resource.api_version).to_owned(),
                    resource: resource.plural.to_string(),
                    why: (!error.is_forbidden()).then(|| error.to_string()),
                });
            }
            Err(error) => return Err(error),
        }
    }
    let mut foreign: Vec<ObjectId> = found.into_iter().collect();
    foreign.dedup_by(|a, b| a.identity() == b.identity());
    Ok(Inside { foreign, unseen: unseen.into_iter().collect() })
}

fn is_foreign(item: &Value, garden: &Name) -> bool {
    let metadata = &item["metadata"];
    let labelled = metadata["labels"][GARDEN_LABEL].as_str() == Some(garden.as_str());
    let owned = metadata["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty());
    let usual = matches!(metadata["name"].as_str(), Some("default" | "kube-root-ca.crt"));
    !(labelled || owned || usual)
}
