//! Marks: words of people as ConfigMaps in `parcelle-system`, each made once and removed by whoever carried it out.
//!
//! | where | what |
//! |---|---|
//! | label `parcelle.dev/word` | that it is a mark |
//! | labels of garden and organisation | whose |
//! | data `word.json` | the [`WordMark`] |

use http::Method;
use serde_json::{Value, json};

use super::connect::{Connection, Writer};
use super::errors::ApiError;
use super::inventory::{INVENTORY_LABEL, create_system_namespace};
use super::read::selector;
use super::request::{Content, Detail};
use super::retry::Retry;
use crate::name::Name;
use crate::plan::{GARDEN_LABEL, MANAGER, ORGANISATION_LABEL, WordMark};
use crate::render::naming::{self, SYSTEM_NAMESPACE};

/// Marks the ConfigMaps that hold a person's word.
pub(crate) const WORD_LABEL: &str = "parcelle.dev/word";

const KEY: &str = "word.json";

/// A mark that lies in the cluster, whoever wrote it.
#[derive(Clone, Debug)]
pub(crate) struct FoundMark {
    /// The name of its ConfigMap, by which a word that was carried out is known again.
    pub(crate) name: String,
    uid: String,
    /// Whose it says to be.
    pub(crate) organisation: String,
    /// What it says, or why that cannot be read.
    pub(crate) word: Result<WordMark, String>,
}

/// Whether an object is a mark. What parcelle applies, and its inventories, are none, whatever label somebody puts on them.
pub(super) fn is_mark(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let labels = &metadata["labels"];
    let is_applied =
        |entry: &Value| entry["manager"] == MANAGER && entry["operation"] == "Apply" && entry["subresource"].is_null();
    metadata["namespace"] == SYSTEM_NAMESPACE
        && labels.get(WORD_LABEL).is_some()
        && labels.get(INVENTORY_LABEL).is_none()
        && !metadata["managedFields"].as_array().is_some_and(|entries| entries.iter().any(is_applied))
}

fn path() -> String {
    format!("/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps")
}

/// Reads all marks of a garden, the oldest first.
pub(crate) async fn list(connection: &Connection, garden: &Name, now: i64) -> Result<Vec<FoundMark>, ApiError> {
    let selector = format!("{},{WORD_LABEL}", selector(garden, None)).replace(',', "%2C");
    let items = connection.list(&path(), &selector, Detail::Whole).await?;
    let mut marks: Vec<FoundMark> = items.iter().filter(|item| is_mark(item)).map(|item| found(item, now)).collect();
    marks.sort_by_key(|mark| (mark.word.as_ref().map_or(0, |word| word.when), mark.name.clone()));
    Ok(marks)
}

fn found(item: &Value, now: i64) -> FoundMark {
    let metadata = &item["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let organisation = text(&metadata["labels"][ORGANISATION_LABEL]);
    let data = item["data"].as_object();
    let only = data.filter(|data| data.len() == 1 && item["binaryData"].is_null());
    let only = only.and_then(|data| data.get(KEY)?.as_str());
    let word = match (Name::new(&organisation), only) {
        (Err(_), _) => Err("it does not say of which organisation it is".to_owned()),
        (_, None) => Err(format!("it holds something else than `{KEY}`")),
        (Ok(name), Some(text)) => WordMark::parse(text, &name, now),
    };
    FoundMark { name: text(&metadata["name"]), uid: text(&metadata["uid"]), organisation, word }
}

/// Puts a mark down under a name that nothing else has. Returns the name.
pub(crate) async fn put(writer: &Writer, garden: &Name, mark: &WordMark, nonce: &str) -> Result<String, ApiError> {
    let name = format!("{}--word-{nonce}", naming::inventory(garden, &mark.organisation));
    let body = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": SYSTEM_NAMESPACE,
            "labels": {
                "app.kubernetes.io/managed-by": "parcelle",
                GARDEN_LABEL: garden.as_str(),
                ORGANISATION_LABEL: mark.organisation.as_str(),
                WORD_LABEL: mark.version.to_string(),
            },
        },
        "data": { KEY: serde_json::to_string(mark).unwrap_or_default() },
    });
    let mut retry = Retry::of_a_request();
    loop {
        match writer.write(Method::POST, &format!("{}?fieldManager=parcelle", path()), Content::Json, &body).await {
            Ok(_) => return Ok(name),
            // An answer was lost: nobody else has this name.
            Err(error) if error.is_already_exists() => return Ok(name),
            Err(error) if error.is_not_found() => create_system_namespace(writer).await?,
            Err(error) => retry.while_unwell(error).await?,
        }
    }
}

/// Removes a mark; one that is gone already is.
pub(crate) async fn remove(writer: &Writer, mark: &FoundMark) -> Result<(), ApiError> {
    let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "uid": mark.uid } });
    let path = format!("{}/{}", path(), mark.name);
    let mut retry = Retry::of_a_request();
    loop {
        match writer.write(Method::DELETE, &path, Content::Json, &options).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_not_found() || error.is_conflict() => return Ok(()),
            Err(error) => retry.while_unwell(error).await?,
        }
    }
}

/// Whether a mark still lies there.
pub(crate) async fn is_there(connection: &Connection, name: &str) -> Result<bool, ApiError> {
    Ok(connection.get_opt(&format!("{}/{name}", path())).await?.is_some())
}
