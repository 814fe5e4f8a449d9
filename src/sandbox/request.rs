//! What a write asks for: its options, its body, and where its object belongs.

use serde_json::{Value, json};

use super::{
    fields::section,
    http::Call,
    json::{self, Body},
    proto,
    resources::ServedResource,
    server::Server,
    status::{FieldError, FieldProblem, Status},
    types,
};

/// What becomes of fields that the kind does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validation {
    Ignore,
    Warn,
    Strict,
}

/// Options of a write, from the query.
#[derive(Debug)]
pub(crate) struct RequestOptions {
    pub(crate) dry_run: bool,
    pub(crate) manager: String,
    pub(crate) force: bool,
    pub(crate) validation: Validation,
}

pub(crate) fn dry_run(call: &Call, kind: &str, body: &Value) -> Result<bool, Status> {
    let mut words: Vec<&str> = call.query.all("dryRun").collect();
    words.extend(body["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str));
    words.retain(|word| !word.is_empty());
    if let Some(wrong) = words.iter().find(|word| **word != "All") {
        let error = FieldError::unsupported("dryRun", &json!([wrong]), &["All"]);
        return Err(Status::invalid_options(kind, error));
    }
    Ok(!words.is_empty())
}

pub(crate) fn options(call: &Call, kind: &str, apply: bool) -> Result<RequestOptions, Status> {
    let invalid = |error| Err(Status::invalid_options(kind, error));
    let named = call.query.get("fieldManager");
    if let Some(name) = named {
        if name.len() > 128 {
            let detail = "may not be more than 128 bytes";
            return invalid(FieldError::new("fieldManager", FieldProblem::TooLong, detail));
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
    Ok(RequestOptions {
        dry_run: dry_run(call, kind, &Value::Null)?,
        manager: named.unwrap_or(&call.agent).to_owned(),
        force: call.query.flag("force"),
        validation,
    })
}

pub(crate) fn unsupported_media(content_type: &str, accepted: &str) -> Status {
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
pub(crate) fn typed(resource: &ServedResource, object: &mut Value) -> Result<(), Status> {
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
pub(crate) fn complaints(
    server: &Server,
    resource: &ServedResource,
    object: &mut Value,
    twice: &[String],
) -> Vec<String> {
    let gone = server.fields().prune(resource, object);
    let twice = twice.iter().map(|path| format!("duplicate field {path:?}"));
    let gone = gone.iter().map(|path| format!("unknown field {path:?}"));
    twice.chain(gone).collect()
}

pub(crate) fn decoded(server: &Server, call: &Call, options: &RequestOptions) -> Result<(Value, Vec<String>), Status> {
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
    if let Some(why) = types::mismatch(resource, &value) {
        return Err(Status::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {kind}: {why}",
            resource.version,
            kind = resource.kind
        )));
    }
    Ok((value, warnings(options, found)))
}

pub(crate) fn warnings(options: &RequestOptions, found: Vec<String>) -> Vec<String> {
    if options.validation == Validation::Warn { found } else { Vec::new() }
}

/// The namespace of the body must be that of the path; fills it in.
pub(crate) fn place_in(call: &Call, object: &mut Value) -> Result<(), Status> {
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

pub(crate) fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}
