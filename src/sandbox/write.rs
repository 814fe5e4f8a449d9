//! Creating and changing objects.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::merge::{self, ApplyOptions, UpdateOptions};

use super::{
    access, custom, delete,
    fields::{refused_apply, refused_update, section},
    http::{Answer, Call},
    json::{self, Body},
    lifecycle, proto, read,
    resources::Resource,
    server::Server,
    status::{FieldError, Status},
    store::{Key, Stored},
    validate,
};

/// What becomes of fields that the kind does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Validation {
    Ignore,
    Warn,
    Strict,
}

/// Options of a write, from the query.
#[derive(Debug)]
pub(crate) struct Options {
    pub dry_run: bool,
    manager: String,
    force: bool,
    validation: Validation,
}

pub(crate) fn dry_run(call: &Call, kind: &str, body: &Value) -> Result<bool, Status> {
    let mut words: Vec<&str> = call.query.all("dryRun").collect();
    words.extend(body["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str));
    words.retain(|word| !word.is_empty());
    if let Some(wrong) = words.iter().find(|word| **word != "All") {
        let list = json!([wrong]);
        let _ = list;
        let error = FieldError::unsupported("dryRun", &json!([wrong]), &["All"]);
        return Err(Status::invalid_options(kind, error));
    }
    Ok(!words.is_empty())
}

fn options(call: &Call, kind: &str, apply: bool) -> Result<Options, Status> {
    let invalid = |error| Err(Status::invalid_options(kind, error));
    let named = call.query.get("fieldManager");
    if let Some(name) = named {
        if name.len() > 128 {
            let detail = "may not be more than 128 bytes";
            return invalid(FieldError::new("fieldManager", super::status::FieldProblem::TooLong, detail));
        }
        if name.chars().any(char::is_control) {
            return invalid(FieldError::invalid(
                "fieldManager",
                &json!(name),
                "should only contain printable characters",
            ));
        }
    }
    if apply && named.is_none() {
        return invalid(FieldError::required("fieldManager", "is required for apply patch"));
    }
    if !apply && call.query.get("force").is_some() && kind == "PatchOptions" {
        return invalid(FieldError::forbidden("force", "may not be specified for non-apply patch"));
    }
    let validation = match call.query.get("fieldValidation") {
        Some("Ignore") => Validation::Ignore,
        None | Some("Warn") => Validation::Warn,
        Some("Strict") => Validation::Strict,
        Some(other) => {
            let allowed = ["Ignore", "Strict", "Warn"];
            return invalid(FieldError::unsupported("fieldValidation", &json!(other), &allowed));
        }
    };
    Ok(Options {
        dry_run: dry_run(call, kind, &Value::Null)?,
        manager: named.unwrap_or(&call.agent).to_owned(),
        force: call.query.flag("force"),
        validation,
    })
}

fn unsupported_media(content_type: &str, accepted: &str) -> Status {
    let _ = content_type;
    Status::plain(
        415,
        "UnsupportedMediaType",
        format!("the body of the request was in an unknown format - accepted media types include: {accepted}"),
    )
}

/// Reads the body of a create or an update.
pub(crate) fn body(call: &Call) -> Result<Body, Status> {
    match call.content_type.as_str() {
        "" | "application/json" => json::json(&call.body).map_err(|error| {
            Status::bad_request(format!(
                "{kind} in version {:?} cannot be handled as a {kind}: {error}",
                call.resource.version,
                kind = call.resource.kind
            ))
        }),
        "application/yaml" | "text/yaml" | "application/x-yaml" => {
            Ok(Body { value: json::yaml(&call.body, true)?, twice: Vec::new() })
        }
        "application/vnd.kubernetes.protobuf" if let Some(value) = proto::body(&call.body) => {
            Ok(Body { value, twice: Vec::new() })
        }
        other => {
            Err(unsupported_media(other, "application/json, application/yaml, application/vnd.kubernetes.protobuf"))
        }
    }
}

/// Checks kind and apiVersion, which may be left out.
fn typed(resource: &Resource, object: &mut Value) -> Result<(), Status> {
    let Value::Object(fields) = object else {
        return Err(Status::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {kind}: json: cannot unmarshal into Go value of type map",
            resource.version,
            kind = resource.kind
        )));
    };
    let expected = resource.api_version();
    let version = fields.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if !version.is_empty() && version != expected {
        return Err(Status::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({expected})"
        )));
    }
    let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
    if !kind.is_empty() && kind != resource.kind {
        return Err(Status::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {}: converting ({kind}) to ({}): unknown conversion",
            resource.version, resource.kind, resource.kind
        )));
    }
    fields.insert("apiVersion".to_owned(), json!(expected));
    fields.insert("kind".to_owned(), json!(resource.kind));
    Ok(())
}

/// Removes unknown fields. Returns the complaints: `unknown field "x"`, `duplicate field "y"`.
fn complaints(server: &Server, resource: &Resource, object: &mut Value, twice: &[String]) -> Vec<String> {
    let gone = server.fields().prune(resource, object);
    let twice = twice.iter().map(|path| format!("duplicate field {path:?}"));
    let gone = gone.iter().map(|path| format!("unknown field {path:?}"));
    twice.chain(gone).collect()
}

fn decoded(server: &Server, call: &Call, options: &Options) -> Result<(Value, Vec<String>), Status> {
    let Body { mut value, twice } = body(call)?;
    let resource = &call.resource;
    typed(resource, &mut value)?;
    if !value["metadata"].is_object() {
        value["metadata"] = json!({});
    }
    let found = complaints(server, resource, &mut value, &twice);
    if options.validation == Validation::Strict && !found.is_empty() {
        return Err(Status::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {kind}: strict decoding error: {}",
            resource.version,
            found.join(", "),
            kind = resource.kind
        )));
    }
    Ok((value, warnings(options, found)))
}

fn warnings(options: &Options, found: Vec<String>) -> Vec<String> {
    if options.validation == Validation::Warn { found } else { Vec::new() }
}

/// The namespace of the body must be that of the path; fills it in.
fn place_in(call: &Call, object: &mut Value) -> Result<(), Status> {
    let namespace = call.place.namespace.as_str();
    let metadata = section(object, "metadata");
    let given = metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
    if !call.resource.namespaced {
        if !given.is_empty() {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        metadata.remove("namespace");
        return Ok(());
    }
    if !given.is_empty() && given != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    metadata.insert("namespace".to_owned(), json!(namespace));
    Ok(())
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// Answers a create.
pub(crate) fn create(server: &Server, call: &Call) -> Result<Answer, Status> {
    if call.resource.namespaced && call.place.namespace.is_empty() {
        return Err(Status::not_allowed());
    }
    let options = options(call, "CreateOptions", false)?;
    let (mut object, warnings) = decoded(server, call, &options)?;
    place_in(call, &mut object)?;
    let metadata = section(&mut object, "metadata");
    let prefix = metadata.get("generateName").and_then(Value::as_str).unwrap_or_default();
    if metadata.get("name").and_then(Value::as_str).is_none_or(str::is_empty) && !prefix.is_empty() {
        let end = prefix.floor_char_boundary(58);
        let name = format!("{}{}", &prefix[..end], server.suffix());
        metadata.insert("name".to_owned(), json!(name));
    }
    if metadata.get("resourceVersion").and_then(Value::as_str).is_some_and(|text| !text.is_empty() && text != "0") {
        return Err(Status::untyped("resourceVersion should not be set on objects to be created"));
    }
    if call.resource.has("status")
        && !call.resource.is("apiextensions.k8s.io", "customresourcedefinitions")
        && let Value::Object(fields) = &mut object
    {
        fields.remove("status");
    }
    if call.resource.group == "events.k8s.io" {
        return create_new(server, call, &options, object, warnings);
    }
    create_new(server, call, &options, object, warnings)
}

fn create_new(
    server: &Server,
    call: &Call,
    options: &Options,
    object: Value,
    warnings: Vec<String>,
) -> Result<Answer, Status> {
    let now = server.clock.text();
    let update = UpdateOptions { manager: &options.manager, subresource: None, now: &now };
    let fields = server.fields();
    let object = with_custom_defaults(&call.resource, object);
    let object = merge::update(fields.schemas(), None, object, &update)
        .map_err(|error| refused_update(&call.resource, &error))?;
    let object = store_new(server, call, options, object)?;
    Ok(Answer::Json { code: 201, text: read::text_of(&call.resource, &object, call.form), warnings })
}

fn with_custom_defaults(resource: &Resource, mut object: Value) -> Value {
    if let Some(custom) = &resource.custom {
        custom::fill(custom.schema(&resource.version), &mut object);
    }
    object
}

/// Admits, completes, checks and stores a new object whose fields are owned already.
fn store_new(server: &Server, call: &Call, options: &Options, mut object: Value) -> Result<Value, Status> {
    let resource = &call.resource;
    let name = name_of(&object).to_owned();
    lifecycle::admit_new(server, resource, &call.place.namespace, &name)?;
    lifecycle::prepare_new(server, resource, &mut object);
    let errors = validate::new_object(server, resource, &object);
    if !errors.is_empty() {
        return Err(Status::invalid_object(resource, &name, &errors));
    }
    access::no_escalation(server, &call.user, resource, &object)?;
    let key = Key::new(&call.place.namespace, &name);
    if let Some(live) = server.store().get(&resource.storage(), &key) {
        return Err(exists(resource, &name, &live));
    }
    if options.dry_run {
        return Ok(object);
    }
    let stored = server
        .put(resource, &key, kept(resource, &object), None)
        .map_err(|_| Status::already_exists(resource, &name))?;
    let object = stored.object(&resource.api_version(), &resource.kind);
    after_write(server, resource, &key);
    Ok(object)
}

fn exists(resource: &Resource, name: &str, live: &Stored) -> Status {
    let mut status = Status::already_exists(resource, name);
    let body = live.body();
    if body.get("metadata").is_some_and(|metadata| metadata.get("deletionTimestamp").is_some()) {
        status.message = format!("object is being deleted: {}", status.message);
    }
    status
}

/// The object as it is stored.
fn kept(resource: &Resource, object: &Value) -> Map<String, Value> {
    let mut object = object.clone();
    if resource.group == "events.k8s.io" {
        lifecycle::event_in(&mut object);
    }
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What else follows a write: definitions are served.
fn after_write(server: &Server, resource: &Resource, key: &Key) {
    if !resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
        return;
    }
    for _ in 0..3 {
        let Some(stored) = server.store().get(&resource.storage(), key) else {
            break;
        };
        let mut object = stored.object(&resource.api_version(), &resource.kind);
        let conditions = object["status"]["conditions"].as_array();
        let done = conditions.is_some_and(|list| !list.is_empty());
        if done && object["status"]["acceptedNames"] == object["spec"]["names"] {
            break;
        }
        lifecycle::establish(server, &mut object);
        let fields = object.as_object().cloned().unwrap_or_default();
        if server.put(resource, key, fields, Some(stored.revision)).is_ok() {
            break;
        }
    }
    server.reload();
}

/// The live object in the form that the resource of the call gives it.
fn live_of(resource: &Resource, stored: &Stored) -> Value {
    let mut live = stored.object(&resource.api_version(), &resource.kind);
    if resource.group == "events.k8s.io" {
        lifecycle::event_out_value(&mut live);
    }
    live
}

/// Answers an update (PUT).
pub(crate) fn update(server: &Server, call: &Call) -> Result<Answer, Status> {
    let options = options(call, "UpdateOptions", false)?;
    let (mut object, warnings) = decoded(server, call, &options)?;
    place_in(call, &mut object)?;
    let resource = &call.resource;
    let name = call.place.name.as_str();
    let given = name_of(&object);
    if given.is_empty() {
        return Err(Status::bad_request("name must be provided"));
    }
    if given != name {
        return Err(Status::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    let key = Key::new(&call.place.namespace, name);
    let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let conditional = !version.is_empty() && version != "0";
    loop {
        let Some(stored) = server.store().get(&resource.storage(), &key) else {
            return create_by_update(server, call, &options, object, warnings);
        };
        if !conditional && !unconditional(resource) {
            let error = FieldError::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
            let mut status = Status::invalid(&resource.group, &resource.plural, name, &[error]);
            if let Some(details) = &mut status.details {
                details["kind"] = json!(resource.plural);
            }
            return Err(status);
        }
        let live = live_of(resource, &stored);
        same_uid(resource, name, &live, &object)?;
        if conditional && live["metadata"]["resourceVersion"] != *version {
            return Err(Status::modified(resource, name));
        }
        let mut wanted = object.clone();
        lifecycle::carry_over(resource, &call.place.subresource, &live, &mut wanted);
        let changed = owned(server, call, &options, &live, wanted)?;
        match store_change(server, call, &options, &stored, &live, changed)? {
            Some(object) => return Ok(changed_answer(call, &object, warnings)),
            None if conditional => return Err(Status::modified(resource, name)),
            None => {}
        }
    }
}

fn same_uid(resource: &Resource, name: &str, live: &Value, object: &Value) -> Result<(), Status> {
    let given = object["metadata"]["uid"].as_str().unwrap_or_default();
    let have = live["metadata"]["uid"].as_str().unwrap_or_default();
    if given.is_empty() || given == have {
        return Ok(());
    }
    let why = format!("Precondition failed: UID in precondition: {given}, UID in object meta: {have}");
    Err(Status::conflict(resource, name, &why))
}

/// Kinds that may be updated without a version.
fn unconditional(resource: &Resource) -> bool {
    if resource.custom.is_some() {
        return false;
    }
    !matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        ("coordination.k8s.io" | "admissionregistration.k8s.io" | "apiextensions.k8s.io" | "policy", _)
    )
}

/// Some kinds are created by an update of what is not there.
fn create_by_update(
    server: &Server,
    call: &Call,
    options: &Options,
    object: Value,
    warnings: Vec<String>,
) -> Result<Answer, Status> {
    let resource = &call.resource;
    let name = call.place.name.as_str();
    let may = matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        ("coordination.k8s.io" | "rbac.authorization.k8s.io", _) | ("", "endpoints" | "events" | "limitranges")
    );
    if !may || !call.place.subresource.is_empty() {
        return Err(Status::not_found(resource, name));
    }
    if object["metadata"]["uid"].as_str().is_some_and(|uid| !uid.is_empty()) {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: ");
        return Err(Status::conflict(resource, name, &why));
    }
    if object["metadata"]["resourceVersion"].as_str().is_some_and(|version| !version.is_empty()) {
        return Err(Status::not_found(resource, name));
    }
    create_new(server, call, options, object, warnings)
}

/// Ownership of what `wanted` changes goes to the manager.
fn owned(server: &Server, call: &Call, options: &Options, live: &Value, wanted: Value) -> Result<Value, Status> {
    let now = server.clock.text();
    let sub = call.place.subresource.as_str();
    let update = UpdateOptions { manager: &options.manager, subresource: (!sub.is_empty()).then_some(sub), now: &now };
    let fields = server.fields();
    let wanted = with_custom_defaults(&call.resource, wanted);
    merge::update(fields.schemas(), Some(live), wanted, &update).map_err(|error| refused_update(&call.resource, &error))
}

/// Completes, checks and stores a change. `None` when another write came in between.
fn store_change(
    server: &Server,
    call: &Call,
    options: &Options,
    stored: &Stored,
    live: &Value,
    mut object: Value,
) -> Result<Option<Value>, Status> {
    let resource = &call.resource;
    let name = call.place.name.as_str();
    let sub = call.place.subresource.as_str();
    if object == *live {
        return Ok(Some(object));
    }
    lifecycle::carry_over(resource, sub, live, &mut object);
    if sub.is_empty() {
        lifecycle::keep_allocated(server, resource, live, &mut object);
        lifecycle::count_generation(resource, live, &mut object);
    }
    if object == *live {
        return Ok(Some(object));
    }
    let errors = validate::change(server, resource, sub, live, &object);
    if !errors.is_empty() {
        return Err(Status::invalid_object(resource, name, &errors));
    }
    access::no_escalation(server, &call.user, resource, &object)?;
    if options.dry_run {
        return Ok(Some(object));
    }
    let key = Key::new(&call.place.namespace, name);
    if delete::may_go(resource, &object) {
        if server.remove(resource, &key, stored.revision).is_err() {
            return Ok(None);
        }
        delete::after_removal(server, resource);
        return Ok(Some(object));
    }
    match server.put(resource, &key, kept(resource, &object), Some(stored.revision)) {
        Ok(stored) => {
            after_write(server, resource, &key);
            Ok(Some(live_of(resource, &stored)))
        }
        Err(_) => Ok(None),
    }
}

fn changed_answer(call: &Call, object: &Value, warnings: Vec<String>) -> Answer {
    let mut object = object.clone();
    if call.resource.group == "events.k8s.io" {
        lifecycle::event_in(&mut object);
    }
    Answer::Json { code: 200, text: read::text_of(&call.resource, &object, call.form), warnings }
}

/// Answers a patch of any of the four types.
pub(crate) fn patch(server: &Server, call: &Call) -> Result<Answer, Status> {
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

fn change(server: &Server, call: &Call) -> Result<Answer, Status> {
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
        patched_identity(call, &live, &wanted)?;
        let version = wanted["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if !version.is_empty() && live["metadata"]["resourceVersion"] != *version {
            return Err(Status::modified(resource, name));
        }
        lifecycle::carry_over(resource, &call.place.subresource, &live, &mut wanted);
        let changed = owned(server, call, &options, &live, wanted)?;
        if let Some(object) = store_change(server, call, &options, &stored, &live, changed)? {
            return Ok(changed_answer(call, &object, warnings(&options, found)));
        }
    }
}

fn patched_identity(call: &Call, live: &Value, wanted: &Value) -> Result<(), Status> {
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
fn patched(server: &Server, call: &Call, live: &Value) -> Result<(Value, Vec<String>), Status> {
    let rejected = || Status {
        details: Some(json!({})),
        ..Status::plain(422, "Invalid", "the server rejected our request due to an error in our request")
    };
    if call.content_type == "application/json-patch+json" {
        let patch: json_patch::Patch =
            serde_json::from_slice(&call.body).map_err(|error| Status::bad_request(error.to_string()))?;
        let mut object = live.clone();
        json_patch::patch(&mut object, &patch).map_err(|_| rejected())?;
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

/// Server-side apply.
fn apply(server: &Server, call: &Call) -> Result<Answer, Status> {
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
        if let Some(object) = store_change(server, call, &options, &stored, &live, object)? {
            return Ok(changed_answer(call, &object, Vec::new()));
        }
    }
}

fn apply_new(
    server: &Server,
    call: &Call,
    options: &Options,
    body: &Value,
    mut object: Value,
) -> Result<Answer, Status> {
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
    let object = store_new(server, call, options, object)?;
    Ok(Answer::Json { code: 201, text: read::text_of(resource, &object, call.form), warnings: Vec::new() })
}

/// The body of an apply, checked and placed.
fn applied(call: &Call, options: &Options) -> Result<Value, Status> {
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

fn merged(
    server: &Server,
    call: &Call,
    options: &Options,
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

/// Paths of the scale subresource of a resource.
fn scale_paths(resource: &Resource) -> custom::ScalePaths {
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

fn selector_text(selector: &Value) -> String {
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

fn scale_of(resource: &Resource, object: &Value) -> Value {
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

fn stored_parent(server: &Server, call: &Call) -> Result<Arc<Stored>, Status> {
    let key = Key::new(&call.place.namespace, &call.place.name);
    let stored = server.store().get(&call.resource.storage(), &key);
    stored.ok_or_else(|| Status::not_found(&call.resource, &call.place.name))
}

/// Answers a read of the scale subresource.
pub(crate) fn read_scale(server: &Server, call: &Call) -> Result<Answer, Status> {
    let stored = stored_parent(server, call)?;
    let object = live_of(&call.resource, &stored);
    Ok(Answer::ok(scale_of(&call.resource, &object).to_string()))
}

/// Answers an update or patch of the scale subresource.
pub(crate) fn write_scale(server: &Server, call: &Call) -> Result<Answer, Status> {
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
        lifecycle::count_generation(&call.resource, &live, &mut changed);
        if let Some(object) = store_change(server, call, &options, &stored, &live, changed)? {
            return Ok(Answer::ok(scale_of(&call.resource, &object).to_string()));
        }
    }
}

/// The `Scale` after the write that the call asks for.
fn scaled(server: &Server, call: &Call, options: &Options, live: &Value) -> Result<Value, Status> {
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
