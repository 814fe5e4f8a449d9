//! The record of consent: one ConfigMap of a garden in `parcelle-system`.
//!
//! | where | what |
//! |---|---|
//! | name | `parcelle-GARDEN.consent`: no inventory has a dot in its name |
//! | label | `parcelle.dev/consent`, the garden; none that marks objects of organisations |
//! | data `consent.json` | the record, as its writer says |

use http::Method;
use serde_json::json;

use super::connect::{Connection, Writer};
use super::errors::ApiError;
use super::inventory::create_system_namespace;
use super::request::Content;
use super::retry::Retry;
use crate::name::Name;
use crate::render::naming::SYSTEM_NAMESPACE;

/// Marks the ConfigMap that holds the record.
pub(crate) const CONSENT_LABEL: &str = "parcelle.dev/consent";

const KEY: &str = "consent.json";

/// A record as it lies on a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredConsent {
    /// The version of its ConfigMap; empty where there is none.
    version: String,
    /// What it says; absent where there is none, or it holds something else.
    pub(crate) text: Option<String>,
}

fn name(garden: &Name) -> String {
    format!("parcelle-{garden}.consent")
}

fn path() -> String {
    format!("/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps")
}

/// IO: reads the record of a garden.
pub(crate) async fn read(connection: &Connection, garden: &Name) -> Result<StoredConsent, ApiError> {
    let Some(found) = connection.get_opt(&format!("{}/{}", path(), name(garden))).await? else {
        return Ok(StoredConsent::default());
    };
    let version = found["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    Ok(StoredConsent { version, text: found["data"][KEY].as_str().map(str::to_owned) })
}

/// IO: writes the record of a garden over the one that was read.
pub(crate) async fn write(
    writer: &Writer,
    garden: &Name,
    stored: &mut StoredConsent,
    text: &str,
) -> Result<(), ApiError> {
    let mut body = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name(garden),
            "namespace": SYSTEM_NAMESPACE,
            "labels": {
                "app.kubernetes.io/managed-by": "parcelle",
                CONSENT_LABEL: garden.as_str(),
            },
        },
        "data": { KEY: text },
    });
    if !stored.version.is_empty() {
        body["metadata"]["resourceVersion"] = stored.version.clone().into();
    }
    let mut retry = Retry::of_a_request();
    loop {
        let (method, at) = if stored.version.is_empty() {
            (Method::POST, format!("{}?fieldManager=parcelle", path()))
        } else {
            (Method::PUT, format!("{}/{}?fieldManager=parcelle", path(), name(garden)))
        };
        let failed = match writer.write(method, &at, Content::Json, &body).await {
            Ok(written) => {
                let version = written.body["metadata"]["resourceVersion"].as_str().unwrap_or_default();
                *stored = StoredConsent { version: version.to_owned(), text: Some(text.to_owned()) };
                return Ok(());
            }
            Err(error) => error,
        };
        if failed.is_not_found() && stored.version.is_empty() {
            create_system_namespace(writer).await?;
            continue;
        }
        let is_other = failed.is_already_exists() || failed.is_conflict() || failed.is_not_found();
        if is_other {
            // Either the answer was lost, or somebody else wrote meanwhile, which is to be read first.
            let now = read(writer.connection(), garden).await?;
            if now.text.as_deref() != Some(text) {
                return Err(failed);
            }
            *stored = now;
            return Ok(());
        }
        retry.while_unwell(failed).await?;
    }
}
