//! Secrets that follow others: read, put together and compared here, and dropped before anything is kept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::connect::Connection;
use super::errors::ApiError;
use crate::plan::Copy;
use crate::render::{SecretPiece, SecretRequest, SecretSource};
use crate::secrets::{self, HashKey, Material, MaterialError};

/// A Secret with its values: never kept, never printed.
pub(super) struct Opened {
    pub(super) uid: String,
    pub(super) resource_version: String,
    /// Key to base64.
    pub(super) data: BTreeMap<String, String>,
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

async fn data(
    connection: &Connection,
    namespace: &str,
    name: &str,
) -> Result<Option<BTreeMap<String, String>>, ApiError> {
    Ok(read(connection, namespace, name).await?.map(|opened| opened.data))
}

/// The content of a requested Secret, or what of its sources is missing.
pub(super) async fn material(
    connection: &Connection,
    request: &SecretRequest,
) -> Result<Result<Material, MaterialError>, ApiError> {
    match &request.source {
        SecretSource::Generated { keys } => Ok(secrets::generated(keys, &BTreeMap::new())),
        SecretSource::Copied { namespace, name, keys } => {
            let found = data(connection, namespace, name).await?;
            Ok(secrets::copied(&found.unwrap_or_default(), &format!("{namespace}/{name}"), keys))
        }
        SecretSource::Template { keys } => {
            let mut sources = BTreeMap::new();
            for name in sources_of(keys) {
                if let Some(found) = data(connection, &request.id.namespace, &name).await? {
                    sources.insert(name, found);
                }
            }
            Ok(secrets::templated(keys, &sources))
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
    connection: &Connection,
    request: &SecretRequest,
    live: Option<&Value>,
) -> Result<Option<Copy>, ApiError> {
    if matches!(request.source, SecretSource::Generated { .. }) {
        return Ok(None);
    }
    let material = match material(connection, request).await? {
        Ok(material) => material,
        Err(MaterialError::MissingKey { key, .. }) if matches!(request.source, SecretSource::Copied { .. }) => {
            return Ok(Some(Copy::SourceMissing(BTreeSet::from([key]))));
        }
        Err(_still_to_come) => return Ok(None),
    };
    let hashes = live.map(|live| &live["data"]);
    Ok(hashes.map(|live| if material.hashed(connection.key()) == *live { Copy::InStep } else { Copy::Behind }))
}
