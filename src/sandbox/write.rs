//! Creating and updating objects, and what all writes have in common.

use serde_json::{Map, Value, json};

use crate::merge::{self, UpdateOptions};

use super::{
    access, admission, custom, delete, events,
    fields::{refused_update, section},
    generation,
    http::Call,
    lifecycle, read,
    reply::Reply,
    request::{RequestOptions, decoded, name_of, options, place_in},
    resources::ServedResource,
    server::Server,
    status::{FieldError, Status},
    store::{Key, StoredObject},
    validate,
};

/// Answers a create.
pub(crate) fn create(server: &Server, call: &Call) -> Result<Reply, Status> {
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
    create_new(server, call, &options, object, warnings)
}

pub(crate) fn create_new(
    server: &Server,
    call: &Call,
    options: &RequestOptions,
    object: Value,
    warnings: Vec<String>,
) -> Result<Reply, Status> {
    let now = server.clock.text();
    let update = UpdateOptions { manager: &options.manager, subresource: None, now: &now };
    let fields = server.fields();
    let sent = object.clone();
    let object = with_custom_defaults(&call.resource, object);
    let object = merge::update(fields.schemas(), None, object, &update)
        .map_err(|error| refused_update(&call.resource, &error))?;
    let object = store_new(server, call, options, &sent, object)?;
    Ok(Reply::Json { code: 201, text: read::text_of(&call.resource, &object, call.form), warnings })
}

pub(crate) fn with_custom_defaults(resource: &ServedResource, mut object: Value) -> Value {
    if let Some(custom) = &resource.custom {
        custom::fill(custom.schema(&resource.version), &mut object);
    }
    object
}

/// Admits, completes, checks and stores a new object whose fields are owned already; `sent` is what the request brought.
pub(crate) fn store_new(
    server: &Server,
    call: &Call,
    options: &RequestOptions,
    sent: &Value,
    mut object: Value,
) -> Result<Value, Status> {
    let resource = &call.resource;
    let name = name_of(&object).to_owned();
    call.rewrite(&mut object);
    lifecycle::admit_new(server, resource, &call.place.namespace, &name)?;
    lifecycle::prepare_new(server, resource, sent, &mut object);
    let errors = validate::new_object(resource, &object);
    if !errors.is_empty() {
        return Err(Status::invalid_object(resource, &name, &errors));
    }
    access::no_escalation(server, &call.user, resource, &object)?;
    let write = admission::Write::of(call, "CREATE", &name, options.dry_run);
    admission::admit(server, &admission::Write { object: Some(&object), ..write })?;
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

pub(crate) fn exists(resource: &ServedResource, name: &str, live: &StoredObject) -> Status {
    let mut status = Status::already_exists(resource, name);
    let body = live.body();
    if body.get("metadata").is_some_and(|metadata| metadata.get("deletionTimestamp").is_some()) {
        status.message = format!("object is being deleted: {}", status.message);
    }
    status
}

/// The object as it is stored.
pub(crate) fn kept(resource: &ServedResource, object: &Value) -> Map<String, Value> {
    let mut object = object.clone();
    if resource.group == "events.k8s.io" {
        events::event_in(&mut object);
    }
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What else follows a write: definitions are served.
pub(crate) fn after_write(server: &Server, resource: &ServedResource, key: &Key) {
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
pub(crate) fn live_of(resource: &ServedResource, stored: &StoredObject) -> Value {
    let mut live = stored.object(&resource.api_version(), &resource.kind);
    if resource.group == "events.k8s.io" {
        events::event_out_value(&mut live);
    }
    live
}

/// Answers an update (PUT).
pub(crate) fn update(server: &Server, call: &Call) -> Result<Reply, Status> {
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
        match store_change(server, call, &options, &stored, &live, &object, changed)? {
            Some(object) => return Ok(changed_answer(call, &object, warnings)),
            None if conditional => return Err(Status::modified(resource, name)),
            None => {}
        }
    }
}

pub(crate) fn same_uid(resource: &ServedResource, name: &str, live: &Value, object: &Value) -> Result<(), Status> {
    let given = object["metadata"]["uid"].as_str().unwrap_or_default();
    let have = live["metadata"]["uid"].as_str().unwrap_or_default();
    if given.is_empty() || given == have {
        return Ok(());
    }
    let why = format!("Precondition failed: UID in precondition: {given}, UID in object meta: {have}");
    Err(Status::conflict(resource, name, &why))
}

/// Kinds that may be updated without a version.
pub(crate) fn unconditional(resource: &ServedResource) -> bool {
    if resource.custom.is_some() {
        return false;
    }
    !matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        ("coordination.k8s.io" | "admissionregistration.k8s.io" | "apiextensions.k8s.io" | "policy", _)
    )
}

/// Some kinds are created by an update of what is not there.
pub(crate) fn create_by_update(
    server: &Server,
    call: &Call,
    options: &RequestOptions,
    object: Value,
    warnings: Vec<String>,
) -> Result<Reply, Status> {
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
pub(crate) fn owned(
    server: &Server,
    call: &Call,
    options: &RequestOptions,
    live: &Value,
    wanted: Value,
) -> Result<Value, Status> {
    let now = server.clock.text();
    let sub = call.place.subresource.as_str();
    let update = UpdateOptions { manager: &options.manager, subresource: (!sub.is_empty()).then_some(sub), now: &now };
    let fields = server.fields();
    let wanted = with_custom_defaults(&call.resource, wanted);
    merge::update(fields.schemas(), Some(live), wanted, &update).map_err(|error| refused_update(&call.resource, &error))
}

/// Completes, checks and stores a change; `sent` is what the request brought. `None` when another write came in between.
pub(crate) fn store_change(
    server: &Server,
    call: &Call,
    options: &RequestOptions,
    stored: &StoredObject,
    live: &Value,
    sent: &Value,
    mut object: Value,
) -> Result<Option<Value>, Status> {
    let resource = &call.resource;
    let name = call.place.name.as_str();
    let sub = call.place.subresource.as_str();
    call.rewrite(&mut object);
    let emptied = sub.is_empty()
        && (generation::says_empties(resource, sent) || validate::empties_immutable(resource, live, sent));
    let write = admission::Write { old: Some(live), ..admission::Write::of(call, "UPDATE", name, options.dry_run) };
    if object == *live && !emptied {
        admission::admit(server, &admission::Write { object: Some(&object), ..write })?;
        return Ok(Some(object));
    }
    lifecycle::carry_over(resource, sub, live, &mut object);
    if sub.is_empty() {
        lifecycle::keep_allocated(server, resource, live, &mut object);
        generation::count(resource, emptied, live, &mut object);
    }
    if object == *live && !emptied {
        admission::admit(server, &admission::Write { object: Some(&object), ..write })?;
        return Ok(Some(object));
    }
    let errors = validate::change(resource, sub, live, sent, &object);
    if !errors.is_empty() {
        return Err(Status::invalid_object(resource, name, &errors));
    }
    access::no_escalation(server, &call.user, resource, &object)?;
    admission::admit(server, &admission::Write { object: Some(&object), ..write })?;
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

pub(crate) fn changed_answer(call: &Call, object: &Value, warnings: Vec<String>) -> Reply {
    let mut object = object.clone();
    if call.resource.group == "events.k8s.io" {
        events::event_in(&mut object);
    }
    Reply::Json { code: 200, text: read::text_of(&call.resource, &object, call.form), warnings }
}
