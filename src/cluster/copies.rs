//! Secrets that follow others: read, put together and compared here, and dropped before anything is kept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::connect::Connection;
use super::errors::ApiError;
use crate::plan::Copy;
use crate::render::{SecretPiece, SecretRequest, SecretSource};
use crate::secrets::{self, Material, MaterialError};

/// The data of a Secret, key to base64; absent where there is no such Secret. Never kept, never printed.
pub(super) async fn data(
    connection: &Connection,
    namespace: &str,
    name: &str,
) -> Result<Option<BTreeMap<String, String>>, ApiError> {
    let body = connection.get_opt(&format!("/api/v1/namespaces/{namespace}/secrets/{name}")).await?;
    let pairs = |data: &Value| {
        let pairs = data.as_object().into_iter().flatten();
        pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    };
    Ok(body.map(|body| pairs(&body["data"])))
}

/// The content of a requested Secret, or what of its sources is missing.
pub(super) async fn material(
    connection: &Connection,
    request: &SecretRequest,
) -> Result<Result<Material, MaterialError>, ApiError> {
    match &request.source {
        SecretSource::Generated { keys } => Ok(secrets::generated(keys)),
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

/// How a Secret that follows others stands to them; nothing is said of generated ones, nor of a template whose sources
/// are still to be made by an operator.
pub(super) async fn standing(
    connection: &Connection,
    request: &SecretRequest,
    exists: bool,
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
    if !exists {
        return Ok(None);
    }
    let live = data(connection, &request.id.namespace, &request.id.name).await?;
    Ok(live.map(|live| if material.equals(&live) { Copy::InStep } else { Copy::Behind }))
}
