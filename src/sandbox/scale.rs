//! The scale subresource.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::merge::{self, ApplyOptions, UpdateOptions};

use super::{
    custom,
    fields::{refused_apply, refused_update, section},
    generation,
    http::Call,
    json,
    patch::patched,
    reply::Reply,
    request::{RequestOptions, body, options},
    resources::ServedResource,
    server::Server,
    status::{FieldError, Status},
    store::{Key, StoredObject},
    write::{live_of, store_change},
};

/// Paths of the scale subresource of a resource.
fn scale_paths(resource: &ServedResource) -> custom::ScalePaths {
    let own = resource.custom.as_ref().and_then(|custom| custom.scale(&resource.version));
    own.cloned().unwrap_or_else(|| custom::ScalePaths {
        wanted: "spec.replicas".to_owned(),
        present: "status.replicas".to_owned(),
        selector: None,
    })
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

/// The text of a selector that is written as an object.
pub(crate) fn selector_text(selector: &Value) -> String {
    let labels = selector["matchLabels"].as_object();
    let mut words: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    for one in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = one["key"].as_str().unwrap_or_default();
        let values: Vec<&str> = one["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let values = values.join(",");
        words.push(match one["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    words.join(",")
}

fn scale_of(resource: &ServedResource, object: &Value) -> Value {
    let paths = scale_paths(resource);
    let number = |path: &str| object.pointer(&pointer(path)).and_then(Value::as_i64).unwrap_or(0);
    let mut metadata = Map::new();
    for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(name) {
            metadata.insert(name.to_owned(), value.clone());
        }
    }
    let mut scale = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {},
        "status": {"replicas": number(&paths.present)},
    });
    if object.pointer(&pointer(&paths.wanted)).is_some() {
        scale["spec"]["replicas"] = json!(number(&paths.wanted));
    }
    let selector = match (&resource.custom, &paths.selector) {
        (None, _) => selector_text(&object["spec"]["selector"]),
        (Some(_), Some(path)) => object.pointer(&pointer(path)).and_then(Value::as_str).unwrap_or_default().to_owned(),
        (Some(_), None) => String::new(),
    };
    if !selector.is_empty() {
        scale["status"]["selector"] = json!(selector);
    }
    scale
}

fn stored_parent(server: &Server, call: &Call) -> Result<Arc<StoredObject>, Status> {
    let key = Key::new(&call.place.namespace, &call.place.name);
    let stored = server.store().get(&call.resource.storage(), &key);
    stored.ok_or_else(|| Status::not_found(&call.resource, &call.place.name))
}

/// Answers a read of the scale subresource.
pub(crate) fn read_scale(server: &Server, call: &Call) -> Result<Reply, Status> {
    let stored = stored_parent(server, call)?;
    let object = live_of(&call.resource, &stored);
    Ok(Reply::ok(scale_of(&call.resource, &object).to_string()))
}

/// Answers an update or patch of the scale subresource.
pub(crate) fn write_scale(server: &Server, call: &Call) -> Result<Reply, Status> {
    let apply = call.content_type == "application/apply-patch+yaml";
    let kind = if call.verb == "update" { "UpdateOptions" } else { "PatchOptions" };
    let options = options(call, kind, apply)?;
    let path = scale_paths(&call.resource).wanted;
    let path = merge::Path::of_fields(path.split('.'));
    loop {
        let stored = stored_parent(server, call)?;
        let live = live_of(&call.resource, &stored);
        let mut scale = merge::scale_of(&live, &path);
        scale["status"] = scale_of(&call.resource, &live)["status"].clone();
        let scale = scaled(server, call, &options, &scale)?;
        let replicas = scale["spec"].get("replicas").cloned().unwrap_or(json!(0));
        if replicas.as_i64().is_none_or(|number| number < 0) {
            let error = FieldError::invalid("spec.replicas", &replicas, "must be greater than or equal to 0");
            return Err(Status::invalid("autoscaling", "Scale", &call.place.name, &[error]));
        }
        let mut changed = merge::write_scale(live.clone(), &scale, &path);
        generation::count(&call.resource, false, &live, &mut changed);
        if let Some(object) = store_change(server, call, &options, &stored, &live, &Value::Null, changed)? {
            return Ok(Reply::ok(scale_of(&call.resource, &object).to_string()));
        }
    }
}

/// The `Scale` after the write that the call asks for.
fn scaled(server: &Server, call: &Call, options: &RequestOptions, live: &Value) -> Result<Value, Status> {
    let now = server.clock.text();
    let fields = server.fields();
    let version = |scale: &Value| scale["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let current = |wanted: &Value| {
        let wanted = version(wanted);
        if wanted.is_empty() || wanted == version(live) {
            Ok(())
        } else {
            Err(Status::modified(&call.resource, &call.place.name))
        }
    };
    if call.content_type == "application/apply-patch+yaml" {
        let body = json::yaml(&call.body, true)?;
        current(&body)?;
        let apply =
            ApplyOptions { manager: &options.manager, force: options.force, subresource: Some("scale"), now: &now };
        return merge::apply(fields.schemas(), Some(live), &body, &apply).map_err(|error| refused_apply(&error));
    }
    let mut wanted = match (call.verb, call.content_type.as_str()) {
        ("update", _) => body(call)?.value,
        _ => patched(server, call, live)?.0,
    };
    current(&wanted)?;
    for name in ["apiVersion", "kind", "status"] {
        wanted[name] = live[name].clone();
    }
    let had = live["metadata"].clone();
    let metadata = section(&mut wanted, "metadata");
    for (name, value) in had.as_object().into_iter().flatten() {
        if name != "managedFields" || !metadata.contains_key(name) {
            metadata.insert(name.clone(), value.clone());
        }
    }
    let update = UpdateOptions { manager: &options.manager, subresource: Some("scale"), now: &now };
    merge::update(fields.schemas(), Some(live), wanted, &update).map_err(|error| refused_update(&call.resource, &error))
}
