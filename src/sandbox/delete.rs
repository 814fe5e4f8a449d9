//! Deleting: preconditions, finalizers, propagation, whole collections.

use serde_json::{Value, json};

use super::{
    admission,
    fields::section,
    http::Call,
    json as bodies, lifecycle, read,
    reply::Reply,
    request,
    resources::ServedResource,
    server::Server,
    status::{FieldError, Status},
    store::{Key, StoredObject},
};

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

#[derive(Debug)]
struct Options {
    dry_run: bool,
    uid: Option<String>,
    version: Option<String>,
    /// `None`: as the object's finalizers say.
    propagation: Option<String>,
    grace: Option<u64>,
}

fn options(call: &Call) -> Result<Options, Status> {
    let body = if call.body.trim_ascii().is_empty() { Value::Null } else { bodies::yaml(&call.body, false)? };
    let kind = body["kind"].as_str().unwrap_or("DeleteOptions");
    if kind != "DeleteOptions" {
        return Err(Status::bad_request(format!("decoded object cannot be converted to DeleteOptions: {kind}")));
    }
    let word = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let mut propagation = word("/propagationPolicy").or_else(|| call.query.get("propagationPolicy").map(str::to_owned));
    let orphan = body["orphanDependents"].as_bool().or_else(|| {
        let given = call.query.get("orphanDependents").is_some();
        given.then(|| call.query.flag("orphanDependents"))
    });
    let invalid = |error| Err(Status::invalid_options("DeleteOptions", error));
    if let Some(orphan) = orphan {
        if propagation.is_some() {
            return invalid(FieldError::invalid(
                "propagationPolicy",
                &json!(propagation),
                "orphanDependents and deletionPropagation cannot be both set",
            ));
        }
        propagation = Some(if orphan { "Orphan" } else { "Background" }.to_owned());
    }
    let allowed = ["Foreground", "Background", "Orphan"];
    if let Some(word) = &propagation
        && !allowed.contains(&word.as_str())
    {
        let quoted = ["Foreground", "Background", "Orphan", "nil"];
        return invalid(FieldError::unsupported("propagationPolicy", &json!(word), &quoted));
    }
    Ok(Options {
        dry_run: request::dry_run(call, "DeleteOptions", &body)?,
        uid: word("/preconditions/uid"),
        version: word("/preconditions/resourceVersion"),
        propagation,
        grace: body["gracePeriodSeconds"].as_u64().or_else(|| call.query.number("gracePeriodSeconds")),
    })
}

fn preconditions(resource: &ServedResource, name: &str, object: &Value, options: &Options) -> Result<(), Status> {
    let have = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let failed = |why: String| {
        // The real server names the kind here, and not the resource.
        let message = format!("Operation cannot be fulfilled on {}", qualified_kind(resource));
        let mut status = Status::conflict(resource, name, &why);
        status.message = format!("{message} {name:?}: {why}");
        if let Some(details) = &mut status.details {
            details["kind"] = json!(resource.kind);
        }
        Err(status)
    };
    if let Some(uid) = &options.uid
        && uid != have("uid")
    {
        return failed(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            have("uid")
        ));
    }
    if let Some(version) = &options.version
        && version != have("resourceVersion")
    {
        return failed(format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been modified",
            have("resourceVersion")
        ));
    }
    Ok(())
}

fn qualified_kind(resource: &ServedResource) -> String {
    if resource.group.is_empty() { resource.kind.clone() } else { format!("{}.{}", resource.kind, resource.group) }
}

fn finalizers(object: &Value) -> Vec<String> {
    let list = object["metadata"]["finalizers"].as_array();
    let words = list.into_iter().flatten().filter_map(Value::as_str);
    words.map(str::to_owned).collect()
}

/// Whether an object that is marked for deletion has nothing left that holds it.
pub(crate) fn may_go(resource: &ServedResource, object: &Value) -> bool {
    let marked = !object["metadata"]["deletionTimestamp"].is_null();
    let held =
        resource.is("", "namespaces") && object["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
    let grace = object["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(0);
    marked && !held && grace == 0 && finalizers(object).is_empty()
}

/// Finalizers as the propagation asks for them.
fn propagate(object: &mut Value, propagation: Option<&str>) {
    let Some(word) = propagation else { return };
    let wanted = match word {
        "Orphan" => Some(ORPHAN),
        "Foreground" => Some(FOREGROUND),
        _ => None,
    };
    let mut list = finalizers(object);
    list.retain(|name| ![ORPHAN, FOREGROUND].contains(&name.as_str()));
    list.extend(wanted.map(str::to_owned));
    let metadata = section(object, "metadata");
    if list.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".to_owned(), json!(list));
    }
}

/// Marks an object: when it goes depends on its finalizers.
fn mark(server: &Server, resource: &ServedResource, object: &mut Value, grace: u64) {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    let now = server.clock.text();
    let plain = !resource.is("", "namespaces") && !is_definition(resource);
    let metadata = section(object, "metadata");
    metadata.insert("deletionTimestamp".to_owned(), json!(now));
    if plain {
        metadata.insert("deletionGracePeriodSeconds".to_owned(), json!(grace));
        if let Some(generation) = metadata.get("generation").and_then(Value::as_u64) {
            metadata.insert("generation".to_owned(), json!(generation + 1));
        }
    }
    if resource.is("", "namespaces") {
        section(object, "status").insert("phase".to_owned(), json!("Terminating"));
    }
}

fn is_definition(resource: &ServedResource) -> bool {
    resource.is("apiextensions.k8s.io", "customresourcedefinitions")
}

/// What became of an object that was to be deleted.
enum Outcome {
    /// It is gone; this was it.
    Gone(Value),
    /// It is marked and stays for now.
    Marked(Value),
}

fn grace_of(resource: &ServedResource, object: &Value, options: &Options) -> u64 {
    let scheduled = object["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    if !resource.is("", "pods") || !scheduled {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"].as_u64();
    options.grace.or(own).unwrap_or(30)
}

/// Deletes one object, for a call or for the server itself. `None` when another write came in between.
fn delete(
    server: &Server,
    resource: &ServedResource,
    key: &Key,
    stored: &StoredObject,
    options: &Options,
    call: Option<&Call>,
) -> Result<Option<Outcome>, Status> {
    let live = stored.object(&resource.api_version(), &resource.kind);
    preconditions(resource, &key.name, &live, options)?;
    if let Some(call) = call {
        let write = admission::Write::of(call, "DELETE", &key.name, options.dry_run);
        admission::admit(server, &admission::Write { namespace: &key.namespace, old: Some(&live), ..write })?;
    }
    let mut object = live.clone();
    propagate(&mut object, options.propagation.as_deref());
    if is_definition(resource) {
        let mut list = finalizers(&object);
        if !list.iter().any(|name| name == CLEANUP) {
            list.push(CLEANUP.to_owned());
        }
        section(&mut object, "metadata").insert("finalizers".to_owned(), json!(list));
    }
    let grace = grace_of(resource, &object, options);
    mark(server, resource, &mut object, grace);
    if options.grace == Some(0) {
        section(&mut object, "metadata").insert("deletionGracePeriodSeconds".to_owned(), json!(0));
        if resource.is("", "namespaces") || is_definition(resource) {
            section(&mut object, "metadata").remove("deletionGracePeriodSeconds");
        }
    }
    let goes = may_go(resource, &object);
    if options.dry_run {
        return Ok(Some(if goes { Outcome::Gone(live) } else { Outcome::Marked(object) }));
    }
    if goes {
        if server.remove(resource, key, stored.revision).is_err() {
            return Ok(None);
        }
        return Ok(Some(Outcome::Gone(live)));
    }
    if object == live {
        return Ok(Some(Outcome::Marked(live)));
    }
    let fields = object.as_object().cloned().unwrap_or_default();
    let Ok(stored) = server.put(resource, key, fields, Some(stored.revision)) else {
        return Ok(None);
    };
    let object = stored.object(&resource.api_version(), &resource.kind);
    Ok(Some(Outcome::Marked(object)))
}

/// What else follows a removal: definitions go when their last object went.
pub(crate) fn after_removal(server: &Server, resource: &ServedResource) {
    if is_definition(resource) {
        server.reload();
    } else if let Some(custom) = &resource.custom {
        clean_definition(server, &Key::new("", &custom.definition));
    }
}

/// Deletes the objects of a definition that is going, then the definition.
fn clean_definition(server: &Server, key: &Key) {
    let Some(definitions) = server.registry().any_version("apiextensions.k8s.io", "customresourcedefinitions").cloned()
    else {
        return;
    };
    let Some(stored) = server.store().get(&definitions.storage(), key) else {
        return;
    };
    let mut definition = stored.object(&definitions.api_version(), &definitions.kind);
    if definition["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    let group = definition["spec"]["group"].as_str().unwrap_or_default().to_owned();
    let plural = definition["spec"]["names"]["plural"].as_str().unwrap_or_default().to_owned();
    if let Some(resource) = server.registry().any_version(&group, &plural).cloned() {
        let options = Options { dry_run: false, uid: None, version: None, propagation: None, grace: None };
        let objects = server.store().list(&resource.storage(), None);
        for (key, object) in objects {
            let _ = delete(server, &resource, &key, &object, &options, None);
        }
        if lifecycle::any_left(&server.store(), &resource) {
            return;
        }
    }
    let mut list = finalizers(&definition);
    list.retain(|name| name != CLEANUP);
    section(&mut definition, "metadata").insert("finalizers".to_owned(), json!(list));
    if list.is_empty() {
        let _ = server.remove(&definitions, key, stored.revision);
        server.reload();
    } else if let Value::Object(fields) = definition {
        let _ = server.put(&definitions, key, fields, Some(stored.revision));
    }
}

/// Kinds whose deletion answers with the object rather than with a status.
fn returns_object(resource: &ServedResource) -> bool {
    matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        (
            "",
            "persistentvolumes"
                | "persistentvolumeclaims"
                | "resourcequotas"
                | "serviceaccounts"
                | "services"
                | "pods"
                | "namespaces"
        )
    )
}

fn success(resource: &ServedResource, object: &Value) -> Value {
    let mut details = json!({
        "name": object["metadata"]["name"],
        "kind": resource.plural,
        "uid": object["metadata"]["uid"],
    });
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// Answers the deletion of one object.
pub(crate) fn one(server: &Server, call: &Call) -> Result<Reply, Status> {
    let options = options(call)?;
    let resource = &call.resource;
    let name = call.place.name.as_str();
    if resource.is("", "namespaces") && ["default", "kube-system", "kube-public"].contains(&name) {
        return Err(Status::forbidden(resource, name, "this namespace may not be deleted"));
    }
    let key = Key::new(&call.place.namespace, name);
    loop {
        let stored = server.store().get(&resource.storage(), &key);
        let stored = stored.ok_or_else(|| Status::not_found(resource, name))?;
        match delete(server, resource, &key, &stored, &options, Some(call))? {
            None => {}
            Some(Outcome::Gone(object)) => {
                if !options.dry_run {
                    after_removal(server, resource);
                }
                let text = if returns_object(resource) {
                    read::text_of(resource, &object, call.form)
                } else {
                    success(resource, &object).to_string()
                };
                return Ok(Reply::ok(text));
            }
            Some(Outcome::Marked(object)) => {
                if is_definition(resource) && !options.dry_run {
                    clean_definition(server, &key);
                }
                return Ok(Reply::ok(read::text_of(resource, &object, call.form)));
            }
        }
    }
}

/// Answers the deletion of a collection: the list of what was deleted.
pub(crate) fn collection(server: &Server, call: &Call) -> Result<Reply, Status> {
    let options = options(call)?;
    let resource = &call.resource;
    let selector = read::selector(call)?;
    let namespace = (resource.namespaced && !call.place.namespace.is_empty()).then_some(call.place.namespace.as_str());
    let (revision, objects) = {
        let store = server.store();
        (store.revision(), store.list(&resource.storage(), namespace))
    };
    let chosen: Vec<_> = objects.into_iter().filter(|(key, object)| selector.matches(key, object)).collect();
    for (key, object) in &chosen {
        let mut current = Some(std::sync::Arc::clone(object));
        while let Some(stored) = current {
            if delete(server, resource, key, &stored, &options, Some(call))?.is_some() {
                break;
            }
            current = server.store().get(&resource.storage(), key);
        }
    }
    if !options.dry_run {
        after_removal(server, resource);
        if is_definition(resource) {
            for (key, _) in &chosen {
                clean_definition(server, key);
            }
        }
    }
    let items = chosen.iter().map(|(_, object)| object.as_ref());
    Ok(Reply::ok(read::list_text(call, revision, None, items)))
}
