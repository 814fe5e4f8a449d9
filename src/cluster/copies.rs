//! Secrets that follow others: read, put together and compared here, and dropped before anything is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::connect::Connection;
use super::errors::ApiError;
use crate::plan::Copy;
use crate::render::{SecretPiece, SecretRequest, SecretSource};
use crate::secrets::{self, HashKey, Material, MaterialError};

/// A Secret with its values: never kept, never printed.
pub(super) struct Opened {
    pub(super) uid: String,
    pub(super) resource_version: String,
    pub(super) data: Data,
}

/// Reads a Secret; absent where there is none.
pub(super) async fn read(connection: &Connection, namespace: &str, name: &str) -> Result<Option<Opened>, ApiError> {
    let body = connection.get_opt(&format!("/api/v1/namespaces/{namespace}/secrets/{name}")).await?;
    Ok(body.map(|body| {
        let text = |field: &str| body["metadata"][field].as_str().unwrap_or_default().to_owned();
        let pairs = body["data"].as_object().into_iter().flatten();
        let data = pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        Opened { uid: text("uid"), resource_version: text("resourceVersion"), data }
    }))
}

/// Key to base64.
type Data = BTreeMap<String, String>;

/// The Secrets that others follow, each read once however many follow it; dropped with what it was read for.
pub(super) struct SourceSecrets<'a> {
    connection: &'a Connection,
    read: Mutex<BTreeMap<(String, String), Arc<OnceCell<Arc<Data>>>>>,
}

impl<'a> SourceSecrets<'a> {
    pub(super) fn of(connection: &'a Connection) -> Self {
        Self { connection, read: Mutex::default() }
    }

    /// The values of a Secret; none where there is no such Secret.
    async fn data(&self, namespace: &str, name: &str) -> Result<Arc<Data>, ApiError> {
        let key = (namespace.to_owned(), name.to_owned());
        let cell = Arc::clone(self.read.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        let found = cell.get_or_try_init(|| async {
            let opened = read(self.connection, namespace, name).await?;
            Ok(Arc::new(opened.map(|opened| opened.data).unwrap_or_default()))
        });
        found.await.map(Arc::clone)
    }

    /// The content of a requested Secret, or what of its sources is missing.
    pub(super) async fn material(&self, request: &SecretRequest) -> Result<Result<Material, MaterialError>, ApiError> {
        match &request.source {
            SecretSource::Generated { keys } => Ok(secrets::generated(keys, &BTreeMap::new())),
            SecretSource::Copied { namespace, name, keys } => {
                let found = self.data(namespace, name).await?;
                Ok(secrets::copied(&found, &format!("{namespace}/{name}"), keys))
            }
            SecretSource::Template { keys } => {
                let mut sources = BTreeMap::new();
                for name in sources_of(keys) {
                    let found = self.data(&request.id.namespace, &name).await?;
                    if !found.is_empty() {
                        sources.insert(name, Arc::unwrap_or_clone(found));
                    }
                }
                Ok(secrets::templated(keys, &sources))
            }
        }
    }
}

/// The names of the Secrets that a template draws from.
pub(super) fn sources_of(keys: &BTreeMap<String, Vec<SecretPiece>>) -> BTreeSet<String> {
    let pieces = keys.values().flatten();
    let names = pieces.filter_map(|piece| match piece {
        SecretPiece::Secret { from, .. } => Some(from.secret.to_string()),
        SecretPiece::Text(_) => None,
    });
    names.collect()
}

/// Replaces the values of a Secret by keyed hashes: they can be compared as long as this process lives, and not read.
pub(super) fn close(key: &HashKey, secret: &mut Value) {
    for field in ["data", "stringData"] {
        for (_, value) in secret.get_mut(field).and_then(Value::as_object_mut).into_iter().flatten() {
            *value = value.as_str().map_or(Value::Null, |text| key.hash(text).into());
        }
    }
    // What kubectl keeps of a body that somebody applied holds the values again.
    if let Some(annotations) = secret.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

/// How a Secret that follows others stands to them; `live` is it with hashes for values; nothing is said of generated ones, nor of a template whose sources
/// are still to be made by an operator.
pub(super) async fn standing(
    sources: &SourceSecrets<'_>,
    request: &SecretRequest,
    live: Option<&Value>,
) -> Result<Option<Copy>, ApiError> {
    if matches!(request.source, SecretSource::Generated { .. }) {
        return Ok(None);
    }
    let material = match sources.material(request).await? {
        Ok(material) => material,
        Err(MaterialError::MissingKey { key, .. }) if matches!(request.source, SecretSource::Copied { .. }) => {
            return Ok(Some(Copy::SourceMissing(BTreeSet::from([key]))));
        }
        Err(_still_to_come) => return Ok(None),
    };
    let hashes = live.map(|live| &live["data"]);
    Ok(hashes.map(|live| if material.hashed(sources.connection.key()) == *live { Copy::InStep } else { Copy::Behind }))
}
