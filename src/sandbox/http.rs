//! HTTP: requests into calls of handlers.

use std::{sync::Arc, time::Duration};

use ::http::{HeaderMap, Method, Request, Response, Uri, header, request::Parts};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, State},
};
use tokio::net::TcpListener;

use super::{
    access::{self, User, Wish},
    connection::{Cut, Door, Incoming},
    delete, discovery,
    faults::{Effects, Seen},
    forms, origin, patch, read,
    reply::{Reply, failure, injected, response},
    resources::ServedResource,
    review,
    route::{self, Query, ResourcePath, Target},
    scale,
    server::{Sent, Server, locked},
    status::Status,
    warnings::Watchful,
    watch, write,
};

/// Bodies longer than this are refused, as etcd's limit does.
const BODY_LIMIT: usize = 3 << 20;

/// Serves until the server is told to stop.
pub(crate) async fn run(listener: TcpListener, server: Arc<Server>) {
    let mut control = server.control.subscribe();
    let router = Router::new().fallback(handle).with_state(server).into_make_service_with_connect_info::<Incoming>();
    let stop = async move {
        let _ = control.wait_for(|control| control.stopped).await;
    };
    let serving = axum::serve(Door(listener), router).with_graceful_shutdown(stop);
    if let Err(error) = serving.await {
        tracing::error!(%error, "the sandbox stopped serving");
    }
}

/// What the answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Whole,
    Metadata,
    Table,
}

/// A request about objects, with everything that handlers look at.
#[derive(Debug)]
pub(crate) struct Call {
    /// Verb of the API, such as `list` or `deletecollection`.
    pub(crate) verb: &'static str,
    /// What it is about.
    pub(crate) resource: Arc<ServedResource>,
    /// Namespace, name and subresource.
    pub(crate) place: ResourcePath,
    pub(crate) query: Query,
    /// Content type without parameters, in lower case.
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    /// Encoding of the answer.
    pub(crate) form: Encoding,
    pub(crate) user: User,
    /// Field manager that counts when none is named: from the user agent.
    pub(crate) agent: String,
    /// Reads are to be answered from so many versions ago (a fault).
    pub(crate) stale: Option<u64>,
    /// What a mutating webhook makes of a written object (a fault): JSON pointers and values.
    pub(crate) rewrites: Vec<(String, serde_json::Value)>,
}

impl Call {
    /// The object as a webhook lets it pass.
    pub(crate) fn rewrite(&self, object: &mut serde_json::Value) {
        for (pointer, value) in &self.rewrites {
            let Some((parent, key)) = pointer.rsplit_once('/') else { continue };
            if let Some(serde_json::Value::Object(fields)) = object.pointer_mut(parent) {
                fields.insert(key.replace("~1", "/").replace("~0", "~"), value.clone());
            }
        }
    }
}

/// Answers one request.
async fn handle(
    State(server): State<Arc<Server>>,
    ConnectInfo(Incoming { cut, local }): ConnectInfo<Incoming>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if let Err(status) = origin::check(&parts.headers, &parts.uri, local) {
        return failure(&status);
    }
    let target = route::target(parts.uri.path());
    let user = match access::caller(&server, &parts.headers) {
        Ok(user) => user,
        Err(status) => return failure(&status),
    };
    let body = axum::body::to_bytes(body, BODY_LIMIT).await;
    match (target, body) {
        (Target::Objects(place), Ok(body)) => objects(&server, &cut, &parts, place, user, body).await,
        (Target::Objects(_), Err(_)) => {
            let message = format!("Request entity too large: limit is {BODY_LIMIT}");
            failure(&Status::plain(413, "RequestEntityTooLarge", message))
        }
        (other, body) => response(elsewhere(&server, &parts, &other, &user, &body.unwrap_or_default())),
    }
}

/// Answers a request about objects, with the faults that hit it.
async fn objects(
    server: &Arc<Server>,
    cut: &Cut,
    parts: &Parts,
    place: ResourcePath,
    user: User,
    body: Bytes,
) -> Response<Body> {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let verb = verb(&parts.method, &place, &query);
    let agent = agent(&parts.headers);
    let mut effects = Effects::default();
    if !user.is_controller() {
        let resource = with_group(&place);
        note(server, &user, verb, &resource, &parts.uri, &body);
        let seen = seen(verb, &resource, &place, &query, &agent);
        effects = Effects::from(locked(&server.faults).effects(&seen));
    }
    if !effects.delay.is_zero() {
        tokio::time::sleep(effects.delay).await;
    }
    if effects.cut_before {
        return cut.answer();
    }
    if let Some(status) = &effects.status {
        return injected(status);
    }
    if let Err(status) = authorised(server, &user, verb, &place) {
        return failure(&status);
    }
    let served =
        resource_of(server, &place).and_then(|resource| Ok((forms::asked(&parts.headers, verb, &resource)?, resource)));
    let (form, resource) = match served {
        Ok(served) => served,
        Err(status) => return failure(&status),
    };
    let call = Call {
        verb,
        resource,
        form,
        place,
        query,
        content_type: content_type(&parts.headers),
        body,
        user,
        agent,
        stale: effects.stale,
        rewrites: std::mem::take(&mut effects.rewrites),
    };
    let watchful = Watchful::of(server, &call);
    let mut answer = dispatch(server, call, &effects);
    if let Ok(reply) = answer {
        let mut warnings = watchful.warnings(&reply);
        warnings.append(&mut effects.warnings);
        answer = Ok(reply.warning(warnings));
    }
    if effects.cut_after {
        return cut.answer();
    }
    response(if effects.truncate { answer.map(Reply::truncated) } else { answer })
}

/// Counts a request and keeps it, for those who ask what was sent.
fn note(server: &Server, user: &User, verb: &'static str, resource: &str, uri: &Uri, body: &Bytes) {
    server.count(verb, resource);
    server.note_sent(|| Sent {
        by: user.name.clone(),
        verb,
        resource: resource.to_owned(),
        address: uri.to_string(),
        body: String::from_utf8_lossy(body).into_owned(),
    });
}

/// The parts of a request by which faults choose it.
fn seen<'a>(verb: &'a str, resource: &'a str, place: &'a ResourcePath, query: &'a Query, agent: &'a str) -> Seen<'a> {
    Seen {
        verb,
        resource,
        namespace: &place.namespace,
        name: &place.name,
        manager: query.get("fieldManager").unwrap_or(agent),
        dry_run: query.all("dryRun").any(|word| word == "All"),
    }
}

/// The resource as faults and counts name it: `deployments.apps/status`.
fn with_group(place: &ResourcePath) -> String {
    let mut name = place.plural.clone();
    if !place.group.is_empty() {
        name = format!("{name}.{}", place.group);
    }
    if !place.subresource.is_empty() {
        name = format!("{name}/{}", place.subresource);
    }
    name
}

fn resource_of(server: &Server, place: &ResourcePath) -> Result<Arc<ServedResource>, Status> {
    let resource = server.resource(&place.group, &place.version, &place.plural)?;
    let reviews = !resource.stored();
    let misplaced = if resource.namespaced {
        place.namespace.is_empty() && !place.name.is_empty()
    } else {
        !place.namespace.is_empty() && resource.plural != "namespaces"
    };
    if misplaced && !reviews {
        return Err(Status::no_such_resource());
    }
    if !place.subresource.is_empty() && !resource.has(&place.subresource) {
        return Err(Status::no_such_resource());
    }
    Ok(resource)
}

fn verb(method: &Method, place: &ResourcePath, query: &Query) -> &'static str {
    let one = !place.name.is_empty();
    match method.as_str() {
        "GET" | "HEAD" if one => "get",
        "GET" | "HEAD" if query.flag("watch") => "watch",
        "GET" | "HEAD" => "list",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if one => "delete",
        "DELETE" => "deletecollection",
        _ => "",
    }
}

fn authorised(server: &Server, user: &User, verb: &str, place: &ResourcePath) -> Result<(), Status> {
    let resource = if place.subresource.is_empty() {
        place.plural.clone()
    } else {
        format!("{}/{}", place.plural, place.subresource)
    };
    // As in a real server, a namespace itself is asked for "in" itself.
    let itself = place.plural == "namespaces" && place.group.is_empty();
    let namespace = if itself { &place.name } else { &place.namespace };
    let wish = Wish::Objects { verb, group: &place.group, resource: &resource, namespace, name: &place.name };
    if access::allowed(&server.store(), user, &wish) { Ok(()) } else { Err(access::refusal(user, &wish)) }
}

fn dispatch(server: &Arc<Server>, call: Call, effects: &Effects) -> Result<Reply, Status> {
    let known = call.resource.verbs.iter().any(|verb| verb == call.verb);
    let sub = call.place.subresource.as_str();
    if !known && sub.is_empty() {
        return Err(Status::not_allowed());
    }
    match (call.verb, sub) {
        ("create", "token" | "eviction") => review::subresource(server, &call),
        ("create", "") if !call.resource.stored() => review::create(server, &call),
        ("get", "scale") => scale::read_scale(server, &call),
        ("update" | "patch", "scale") => scale::write_scale(server, &call),
        ("get", "" | "status") => read::get(server, &call),
        ("list", "") => read::list(server, &call),
        ("watch", "") => watch::open(server, call, effects.expire, effects.stall),
        ("create", "") => write::create(server, &call),
        ("update", "" | "status" | "finalize") => write::update(server, &call),
        ("patch", "" | "status") => patch::patch(server, &call),
        ("delete", "") => delete::one(server, &call),
        ("deletecollection", "") => delete::collection(server, &call),
        _ => Err(Status::not_allowed()),
    }
}

/// Answers a request about anything but objects.
fn elsewhere(server: &Arc<Server>, parts: &Parts, target: &Target, user: &User, body: &[u8]) -> Result<Reply, Status> {
    let path = parts.uri.path();
    let verb = match parts.method {
        Method::GET | Method::HEAD => "get",
        Method::POST => "post",
        Method::DELETE => "delete",
        _ => "put",
    };
    let wish = Wish::Path { verb, path };
    if !access::allowed(&server.store(), user, &wish) {
        return Err(access::refusal(user, &wish));
    }
    if !matches!(target, Target::Sandbox(_)) && !user.is_controller() {
        server.count(verb, path);
    }
    let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match target {
        Target::Sandbox(what) => review::administer(server, &parts.method, what, body),
        _ => discovery::answer(server, target, accept),
    }
}

/// The field manager that a user agent stands for: what is before the first `/`.
fn agent(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = agent.split('/').next().unwrap_or_default();
    let name: String = name.chars().take(128).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let value = value.split(';').next().unwrap_or_default();
    value.trim().to_ascii_lowercase()
}

/// How long a watch lives when nobody says.
pub(crate) const WATCH_LIFE: Duration = Duration::from_mins(45);
