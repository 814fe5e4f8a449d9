//! Patches of the four types; server-side apply is one of them.

use serde_json::{Value, json};

use crate::merge::{self, ApplyOptions};

use super::{
    access,
    fields::{refused_apply, section},
    http::Call,
    json::{self, Body},
    lifecycle, read,
    reply::Reply,
    request::{RequestOptions, Validation, complaints, name_of, options, unsupported_media, warnings},
    server::Server,
    status::{FieldError, Status},
    store::Key,
    types,
    write::{changed_answer, live_of, owned, same_uid, store_change, store_new, with_custom_defaults},
};

/// Answers a patch of any of the four types.
pub(crate) fn patch(server: &Server, call: &Call) -> Result<Reply, Status> {
    match call.content_type.as_str() {
        "application/apply-patch+yaml" => apply(server, call),
        "application/json-patch+json" | "application/merge-patch+json" => change(server, call),
        "application/strategic-merge-patch+json" if call.resource.custom.is_none() => change(server, call),
        other => {
            let mut accepted = vec!["application/json-patch+json", "application/merge-patch+json"];
            if call.resource.custom.is_none() {
                accepted.push("application/strategic-merge-patch+json");
            }
            accepted.push("application/apply-patch+yaml");
            Err(unsupported_media(other, &accepted.join(", ")))
        }
    }
}

pub(crate) fn change(server: &Server, call: &Call) -> Result<Reply, Status> {
    let options = options(call, "PatchOptions", false)?;
    let resource = &call.resource;
    let name = call.place.name.as_str();
    let key = Key::new(&call.place.namespace, name);
    loop {
        let stored = server.store().get(&resource.storage(), &key);
        let stored = stored.ok_or_else(|| Status::not_found(resource, name))?;
        let live = live_of(resource, &stored);
        let (mut wanted, twice) = patched(server, call, &live)?;
        let found = complaints(server, resource, &mut wanted, &twice);
        if options.validation == Validation::Strict && !found.is_empty() {
            let error = FieldError::invalid(
                "patch",
                &json!(wanted.to_string()),
                format!("strict decoding error: {}", found.join(", ")),
            );
            return Err(Status::invalid("", "", "", &[error]));
        }
        if let Some(why) = types::mismatch(resource, &wanted) {
            let error = FieldError::invalid("patch", &json!(wanted.to_string()), why);
            return Err(Status::invalid("", "", "", &[error]));
        }
        patched_identity(call, &live, &wanted)?;
        let version = wanted["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if !version.is_empty() && live["metadata"]["resourceVersion"] != *version {
            return Err(Status::modified(resource, name));
        }
        lifecycle::carry_over(resource, &call.place.subresource, &live, &mut wanted);
        let sent = wanted.clone();
        let changed = owned(server, call, &options, &live, wanted)?;
        if let Some(object) = store_change(server, call, &options, &stored, &live, &sent, changed)? {
            return Ok(changed_answer(call, &object, warnings(&options, found)));
        }
    }
}

pub(crate) fn patched_identity(call: &Call, live: &Value, wanted: &Value) -> Result<(), Status> {
    let name = name_of(wanted);
    if name != call.place.name {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.place.name
        )));
    }
    for field in ["apiVersion", "kind"] {
        if wanted[field] != live[field] {
            return Err(Status::bad_request(format!("the {field} of a patched object must stay {}", live[field])));
        }
    }
    if wanted["metadata"].get("namespace") != live["metadata"].get("namespace") {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    same_uid(&call.resource, name, live, wanted)
}

/// The object after the patch in the body, and keys that the body gives twice.
pub(crate) fn patched(server: &Server, call: &Call, live: &Value) -> Result<(Value, Vec<String>), Status> {
    let rejected = || Status {
        details: Some(json!({})),
        ..Status::plain(422, "Invalid", "the server rejected our request due to an error in our request")
    };
    if call.content_type == "application/json-patch+json" {
        let patch: json_patch::Patch =
            serde_json::from_slice(&call.body).map_err(|error| Status::bad_request(error.to_string()))?;
        let mut object = live.clone();
        json_patched(&mut object, &patch).map_err(|_| rejected())?;
        return Ok((object, Vec::new()));
    }
    let Body { value: patch, twice } = json::yaml_or_json(&call.body)?;
    if !patch.is_object() {
        return Err(Status::bad_request("json: cannot unmarshal into Go value of type map[string]interface {}"));
    }
    if call.content_type == "application/merge-patch+json" {
        return Ok((merge::json_merge_patch(live.clone(), &patch), twice));
    }
    let fields = server.fields();
    let object =
        merge::strategic_merge_patch(fields.schemas(), live.clone(), &patch).map_err(|error| refused_apply(&error))?;
    Ok((object, twice))
}

/// Applies a JSON patch as the server's library does: to it, a member that is absent is equal to `null`. kube's
/// finalizers rely on that when they test that there is none yet.
fn json_patched(object: &mut Value, patch: &json_patch::Patch) -> Result<(), json_patch::PatchError> {
    for operation in &patch.0 {
        let tests_absence = match operation {
            json_patch::PatchOperation::Test(test) if test.value.is_null() => {
                let inside = test.path.parent().and_then(|parent| object.pointer(parent.as_str()));
                inside.is_some_and(Value::is_object) && object.pointer(test.path.as_str()).is_none()
            }
            _ => false,
        };
        if !tests_absence {
            json_patch::patch(object, std::slice::from_ref(operation))?;
        }
    }
    Ok(())
}

pub(crate) fn apply(server: &Server, call: &Call) -> Result<Reply, Status> {
    let options = options(call, "PatchOptions", true)?;
    let resource = &call.resource;
    let name = call.place.name.as_str();
    let body = applied(call, &options)?;
    let key = Key::new(&call.place.namespace, name);
    let version = body["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    loop {
        let stored = server.store().get(&resource.storage(), &key);
        let live = stored.as_ref().map(|stored| live_of(resource, stored));
        if live.is_none() && !call.place.subresource.is_empty() {
            return Err(Status::not_found(resource, name));
        }
        let object = merged(server, call, &options, live.as_ref(), &body)?;
        let (Some(stored), Some(live)) = (stored, live) else {
            match apply_new(server, call, &options, &body, object) {
                Err(status) if status.reason == "AlreadyExists" => continue,
                other => return other,
            }
        };
        same_uid(resource, name, &live, &body)?;
        if !version.is_empty() && live["metadata"]["resourceVersion"] != *version {
            return Err(Status::modified(resource, name));
        }
        if let Some(object) = store_change(server, call, &options, &stored, &live, &body, object)? {
            return Ok(changed_answer(call, &object, Vec::new()));
        }
    }
}

pub(crate) fn apply_new(
    server: &Server,
    call: &Call,
    options: &RequestOptions,
    body: &Value,
    mut object: Value,
) -> Result<Reply, Status> {
    let resource = &call.resource;
    let name = call.place.name.as_str();
    let uid = body["metadata"]["uid"].as_str().unwrap_or_default();
    if !uid.is_empty() {
        let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
        return Err(Status::conflict(resource, name, &why));
    }
    if body["metadata"]["resourceVersion"].as_str().is_some_and(|version| !version.is_empty()) {
        return Err(Status::untyped("resourceVersion should not be set on objects to be created"));
    }
    let wish = access::Wish::Objects {
        verb: "create",
        group: &resource.group,
        resource: &resource.plural,
        namespace: &call.place.namespace,
        name,
    };
    if !access::allowed(&server.store(), &call.user, &wish) {
        return Err(access::refusal(&call.user, &wish));
    }
    if resource.has("status")
        && let Value::Object(fields) = &mut object
        && resource.custom.is_some()
    {
        fields.remove("status");
    }
    let object = store_new(server, call, options, body, object)?;
    Ok(Reply::Json { code: 201, text: read::text_of(resource, &object, call.form), warnings: Vec::new() })
}

/// The body of an apply, checked and placed.
pub(crate) fn applied(call: &Call, options: &RequestOptions) -> Result<Value, Status> {
    let resource = &call.resource;
    let name = call.place.name.as_str();
    let mut body = json::yaml(&call.body, options.validation != Validation::Ignore)?;
    let text = |body: &Value, field: &str| body[field].as_str().unwrap_or_default().to_owned();
    if !body.is_object() {
        return Err(Status::bad_request("error decoding YAML: the body is no object"));
    }
    let (version, kind) = (text(&body, "apiVersion"), text(&body, "kind"));
    if kind.is_empty() || version.is_empty() {
        let what = if kind.is_empty() { "Kind" } else { "apiVersion" };
        return Err(Status::bad_request(format!("Object '{what}' is missing in '{body}'")));
    }
    let expected = resource.api_version();
    if version != expected {
        return Err(Status::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {expected}"
        )));
    }
    if kind != resource.kind {
        return Err(Status::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {}",
            resource.version, resource.kind
        )));
    }
    let metadata = section(&mut body, "metadata");
    if metadata.get("managedFields").is_some_and(|list| list.as_array().is_some_and(|list| !list.is_empty())) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let given = metadata.get("name").and_then(Value::as_str).unwrap_or_default();
    if given.is_empty() {
        metadata.insert("name".to_owned(), json!(name));
    } else if given != name {
        return Err(Status::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    let given = metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
    if !given.is_empty() && given != call.place.namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(body)
}

pub(crate) fn merged(
    server: &Server,
    call: &Call,
    options: &RequestOptions,
    live: Option<&Value>,
    body: &Value,
) -> Result<Value, Status> {
    let now = server.clock.text();
    let sub = call.place.subresource.as_str();
    let apply = ApplyOptions {
        manager: &options.manager,
        force: options.force,
        subresource: (!sub.is_empty()).then_some(sub),
        now: &now,
    };
    let fields = server.fields();
    let mut object = merge::apply(fields.schemas(), live, body, &apply).map_err(|error| refused_apply(&error))?;
    if call.resource.namespaced {
        section(&mut object, "metadata").insert("namespace".to_owned(), json!(call.place.namespace));
    }
    Ok(with_custom_defaults(&call.resource, object))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(patch: Value) -> Option<Value> {
        let mut object = json!({"metadata": {"name": "a"}, "list": [1]});
        let patch: json_patch::Patch = serde_json::from_value(patch).unwrap();
        json_patched(&mut object, &patch).ok().map(|()| object)
    }

    #[test]
    fn a_json_patch_that_tests_for_null_finds_what_is_absent() {
        let test = |path: &str, value: Value| json!({"op": "test", "path": path, "value": value});
        let add = json!({"op": "add", "path": "/metadata/finalizers", "value": ["f"]});
        let patched = tried(json!([test("/metadata/finalizers", Value::Null), add])).unwrap();
        assert_eq!(patched["metadata"]["finalizers"], json!(["f"]));
        assert!(tried(json!([add, test("/metadata/finalizers", Value::Null)])).is_none(), "it is there by then");
        assert!(tried(json!([test("/metadata/finalizers", json!([]))])).is_none());
        assert!(tried(json!([test("/spec/paused", Value::Null)])).is_none(), "what would hold it is absent, too");
        assert!(tried(json!([test("/list/1", Value::Null)])).is_none());
    }
}
