//! Reading one object, and lists with selectors and pages.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    forms,
    http::{Call, Encoding},
    reply::Reply,
    resources::ServedResource,
    selector::{FieldSelector, Labels, Selector},
    server::Server,
    status::{FieldError, Status},
    store::{Key, StoredObject},
};

/// The JSON of one object, whole or its metadata only. `named` puts apiVersion and kind first.
pub(crate) fn text(resource: &ServedResource, object: &StoredObject, form: Encoding, named: bool) -> String {
    if form == Encoding::Table {
        let metadata = format!("{{\"resourceVersion\":\"{}\"}}", object.revision);
        return forms::table(&metadata, [object.metadata()].into_iter());
    }
    let mut text = String::with_capacity(object.metadata().len() + object.rest().len() + 64);
    text.push('{');
    if named || form == Encoding::Metadata || resource.custom.is_some() {
        let (kind, version) = match form {
            Encoding::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned()),
            _ => (resource.kind.as_str(), resource.api_version()),
        };
        text.push_str("\"kind\":\"");
        text.push_str(kind);
        text.push_str("\",\"apiVersion\":\"");
        text.push_str(&version);
        text.push_str("\",");
    }
    text.push_str("\"metadata\":");
    text.push_str(object.metadata());
    if form == Encoding::Whole {
        if resource.group == "events.k8s.io" {
            text.push_str(&super::events::event_out(object.rest()));
        } else {
            text.push_str(object.rest());
        }
    }
    text.push('}');
    text
}

/// An object that is not stored (a dry run, or the last word of one that was just removed).
pub(crate) fn text_of(resource: &ServedResource, object: &Value, form: Encoding) -> String {
    match form {
        Encoding::Whole => {
            let mut object = object.clone();
            if resource.group == "events.k8s.io" {
                super::events::event_out_value(&mut object);
            }
            object.to_string()
        }
        Encoding::Metadata => json!({
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": object["metadata"],
        })
        .to_string(),
        Encoding::Table => {
            let version = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            forms::table(&version.to_string(), [object["metadata"].to_string().as_str()].into_iter())
        }
    }
}

/// Answers a request for one object.
pub(crate) fn get(server: &Server, call: &Call) -> Result<Reply, Status> {
    let key = Key::new(&call.place.namespace, &call.place.name);
    let storage = call.resource.storage();
    let store = server.store();
    wanted_version(call, store.revision())?;
    let found = match call.stale {
        None => store.get(&storage, &key),
        Some(back) => {
            let then = store.revision().saturating_sub(back);
            let then = then.max(store.horizon(&storage));
            let namespace = Some(call.place.namespace.as_str());
            let all = store.list_at(&storage, namespace, then).unwrap_or_default();
            let mut all = all.into_iter();
            all.find(|(one, _)| *one == key).map(|(_, object)| object)
        }
    };
    drop(store);
    let object = found.ok_or_else(|| Status::not_found(&call.resource, &call.place.name))?;
    Ok(Reply::ok(text(&call.resource, &object, call.form, true)))
}

/// The selectors of a request.
pub(crate) fn selector(call: &Call) -> Result<Selector, Status> {
    Ok(Selector {
        labels: Labels::parse(call.query.get("labelSelector").unwrap_or_default())?,
        fields: FieldSelector::parse(call.query.get("fieldSelector").unwrap_or_default(), &call.resource)?,
    })
}

/// The version in the query, if any; refused when it is none or in the future.
fn wanted_version(call: &Call, current: u64) -> Result<Option<u64>, Status> {
    let Some(word) = call.query.get("resourceVersion") else {
        return Ok(None);
    };
    let version: u64 = word.parse().map_err(|_| {
        let error = FieldError::invalid(
            "resourceVersion",
            &Value::from(word),
            format!("strconv.ParseUint: parsing {word:?}: invalid syntax"),
        );
        Status { code: 400, reason: "BadRequest", ..Status::invalid_options("ListOptions", error) }
    })?;
    if version > current {
        return Err(too_large(version, current));
    }
    Ok(Some(version))
}

fn too_large(version: u64, current: u64) -> Status {
    Status {
        details: Some(json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        })),
        ..Status::plain(504, "Timeout", format!("Timeout: Too large resource version: {version}, current: {current}"))
    }
}

/// Where a page begins: version of the first page, and the key after which it goes on.
struct Page {
    revision: u64,
    after: Option<Key>,
}

fn page(call: &Call) -> Result<Option<Page>, Status> {
    let Some(token) = call.query.get("continue") else {
        return Ok(None);
    };
    let bad = || Status::bad_request("continue key is not valid: illegal base64 data at input byte 0".to_owned());
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| bad())?;
    let start = value["start"].as_str().ok_or_else(bad)?;
    let (namespace, name) = start.split_once('/').ok_or_else(bad)?;
    Ok(Some(Page {
        revision: value["rv"].as_u64().ok_or_else(bad)?,
        after: (!start.is_empty()).then(|| Key::new(namespace, name)),
    }))
}

fn token(revision: u64, last: &Key) -> String {
    let start = format!("{}/{}", last.namespace, last.name);
    let value = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": start});
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn check_list_options(call: &Call) -> Result<(), Status> {
    let matching = call.query.get("resourceVersionMatch");
    let version = call.query.get("resourceVersion");
    let error = match matching {
        Some("Exact" | "NotOlderThan") if version.is_none() => FieldError::forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        Some("Exact") if version == Some("0") => FieldError::forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        ),
        Some(_) if call.query.get("continue").is_some() => {
            FieldError::forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
        }
        None | Some("Exact" | "NotOlderThan") => return Ok(()),
        Some(other) => {
            FieldError::unsupported("resourceVersionMatch", &Value::from(other), &["Exact", "NotOlderThan", ""])
        }
    };
    Err(Status::invalid_options("ListOptions", error))
}

type Objects = Vec<(Key, Arc<StoredObject>)>;

/// The version that a list shows, and its objects, neither selected nor cut into pages.
fn snapshot(server: &Server, call: &Call, page: Option<&Page>, selector: &Selector) -> Result<(u64, Objects), Status> {
    let storage = call.resource.storage();
    let namespace = call.resource.namespaced && !call.place.namespace.is_empty();
    let namespace = namespace.then_some(call.place.namespace.as_str());
    let store = server.store();
    let current = store.revision();
    let wanted = wanted_version(call, current)?;
    let exact = call.query.get("resourceVersionMatch") == Some("Exact");
    let stale = call.stale.map(|back| {
        let then = current.saturating_sub(back);
        then.max(store.horizon(&storage))
    });
    let revision = match (page, wanted) {
        (Some(page), _) => page.revision,
        (None, Some(version)) if exact => version,
        _ => stale.unwrap_or(current),
    };
    // One object by its name needs no list.
    if let (Some(name), Some(namespace), None) = (selector.fields.name(), namespace, page)
        && revision == current
    {
        let key = Key::new(namespace, name);
        let found = store.get(&storage, &key).map(|object| (key, object));
        return Ok((revision, found.into_iter().collect()));
    }
    let objects = store.list_at(&storage, namespace, revision);
    let objects = objects.ok_or_else(|| match page {
        Some(_) => Status::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
        ),
        None => Status::expired(format!("The resourceVersion for the provided list is too old: {revision}")),
    })?;
    Ok((revision, objects))
}

/// Answers a request for a list.
pub(crate) fn list(server: &Server, call: &Call) -> Result<Reply, Status> {
    check_list_options(call)?;
    let selector = selector(call)?;
    let page = page(call)?;
    let limit = usize::try_from(call.query.number("limit").unwrap_or(0)).unwrap_or(0);
    let (revision, objects) = snapshot(server, call, page.as_ref(), &selector)?;
    let after = page.and_then(|page| page.after);
    let start = after.map_or(0, |after| objects.partition_point(|(key, _)| *key <= after));
    let mut chosen = objects[start..].iter().filter(|(key, object)| selector.matches(key, object));
    let mut items: Vec<&(Key, Arc<StoredObject>)> = Vec::new();
    while limit == 0 || items.len() < limit {
        let Some(one) = chosen.next() else { break };
        items.push(one);
    }
    let left = chosen.count();
    let more = match items.last() {
        Some((key, _)) if left > 0 => Some((token(revision, key), left)),
        _ => None,
    };
    let count = selector.is_empty();
    let more = more.map(|(token, left)| (token, count.then_some(left)));
    let items = items.iter().map(|(_, object)| object.as_ref());
    Ok(Reply::ok(list_text(call, revision, more, items)))
}

/// The JSON of a list: `more` holds the token of the next page and how many items are left.
pub(crate) fn list_text<'a>(
    call: &Call,
    revision: u64,
    more: Option<(String, Option<usize>)>,
    items: impl Iterator<Item = &'a StoredObject>,
) -> String {
    let resource = &call.resource;
    let mut metadata = format!("{{\"resourceVersion\":\"{revision}\"");
    if let Some((token, left)) = more {
        metadata.push_str(",\"continue\":\"");
        metadata.push_str(&token);
        metadata.push('"');
        if let Some(left) = left {
            metadata.push_str(",\"remainingItemCount\":");
            metadata.push_str(&left.to_string());
        }
    }
    metadata.push('}');
    let (kind, version) = match call.form {
        Encoding::Whole => (resource.list_kind(), resource.api_version()),
        Encoding::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
        Encoding::Table => return forms::table(&metadata, items.map(StoredObject::metadata)),
    };
    let mut text = format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"{version}\",\"metadata\":{metadata},\"items\":[");
    for (place, object) in items.enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&self::text(resource, object, call.form, false));
    }
    text.push_str("]}");
    text
}
