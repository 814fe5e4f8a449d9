//! HTTP: connections that can be cut, requests into calls, answers into responses.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use ::http::{HeaderMap, Method, Request, Response, header};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, State, connect_info::Connected},
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

use super::{
    access::{self, User, Wish},
    delete, discovery,
    faults::{Effects, Injected, Seen},
    patch, read,
    resources::ServedResource,
    review,
    route::{self, Query, ResourcePath, Target},
    scale,
    server::{Sent, Server, locked},
    status::Status,
    watch, write,
};

/// Bodies longer than this are refused, as etcd's limit does.
const BODY_LIMIT: usize = 3 << 20;

/// A connection that can be cut from within a handler.
pub(crate) struct ClientConnection {
    stream: TcpStream,
    cut: Cut,
}

/// Cuts the connection of a request when set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut(Arc<AtomicBool>);

impl Cut {
    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for ClientConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.cut.check()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ClientConnection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.cut.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

struct Door(TcpListener);

impl Listener for Door {
    type Io = ClientConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (ClientConnection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let _ = stream.set_nodelay(true);
        let connection = ClientConnection { stream, cut: Cut::default() };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Door>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().cut.clone()
    }
}

/// Serves until the server is told to stop.
pub(crate) async fn run(listener: TcpListener, server: Arc<Server>) {
    let mut control = server.control.subscribe();
    let router = Router::new().fallback(handle).with_state(server).into_make_service_with_connect_info::<Cut>();
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

/// A successful answer.
#[derive(Debug)]
pub(crate) enum Reply {
    Json {
        /// HTTP status code.
        code: u16,
        text: String,
        /// Sentences for `Warning` headers.
        warnings: Vec<String>,
    },
    Text(u16, String),
    /// Events until the watch ends.
    Watch(Body),
}

impl Reply {
    /// JSON with code 200.
    pub(crate) fn ok(text: String) -> Self {
        Self::Json { code: 200, text, warnings: Vec::new() }
    }
}

async fn handle(
    State(server): State<Arc<Server>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let target = route::target(parts.uri.path());
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let user = match access::caller(&server, &parts.headers) {
        Ok(user) => user,
        Err(status) => return failure(&status),
    };
    let place = match target {
        Target::Objects(place) => place,
        other => {
            let bytes = axum::body::to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
            let path = parts.uri.path();
            let answer = elsewhere(&server, &parts.method, path, &other, &parts.headers, &user, &bytes);
            return response(answer);
        }
    };
    let verb = verb(&parts.method, &place, &query);
    let resource = place.plural.clone();
    let resource = with_group(&resource, &place);
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        let message = format!("Request entity too large: limit is {BODY_LIMIT}");
        return failure(&Status::plain(413, "RequestEntityTooLarge", message));
    };
    if !user.is_controller() {
        server.count(verb, &resource);
        server.note_sent(|| Sent {
            verb,
            resource: resource.clone(),
            address: parts.uri.to_string(),
            body: String::from_utf8_lossy(&body).into_owned(),
        });
    }
    let agent = agent(&parts.headers);
    let mut effects = if user.is_controller() {
        Effects::default()
    } else {
        let seen = Seen {
            verb,
            resource: &resource,
            namespace: &place.namespace,
            name: &place.name,
            manager: query.get("fieldManager").unwrap_or(&agent),
            dry_run: query.all("dryRun").any(|word| word == "All"),
        };
        Effects::from(locked(&server.faults).effects(&seen))
    };
    if !effects.delay.is_zero() {
        tokio::time::sleep(effects.delay).await;
    }
    if effects.cut_before {
        cut.0.store(true, Ordering::Relaxed);
        return Response::new(Body::empty());
    }
    if let Some(status) = &effects.status {
        return injected(status);
    }
    if let Err(status) = authorised(&server, &user, verb, &place) {
        return failure(&status);
    }
    let call = match resource_of(&server, &place) {
        Ok(resource) => Call {
            verb,
            resource,
            form: form(&parts.headers),
            place,
            query,
            content_type: content_type(&parts.headers),
            body,
            user,
            agent,
            stale: effects.stale,
            rewrites: std::mem::take(&mut effects.rewrites),
        },
        Err(status) => return failure(&status),
    };
    let answer = dispatch(&server, call, &effects);
    if effects.cut_after {
        cut.0.store(true, Ordering::Relaxed);
        return Response::new(Body::empty());
    }
    match answer {
        Ok(Reply::Json { text, .. }) if effects.truncate => {
            let half = text.floor_char_boundary(text.len() / 2);
            response(Ok(Reply::ok(text[..half].to_owned())))
        }
        answer => response(answer),
    }
}

fn with_group(plural: &str, place: &ResourcePath) -> String {
    let mut name = plural.to_owned();
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

fn elsewhere(
    server: &Arc<Server>,
    method: &Method,
    path: &str,
    target: &Target,
    headers: &HeaderMap,
    user: &User,
    body: &[u8],
) -> Result<Reply, Status> {
    let verb = match *method {
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
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match target {
        Target::Sandbox(what) => review::administer(server, method, what, body),
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

fn form(headers: &HeaderMap) -> Encoding {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    for range in accept.split(',') {
        if range.contains("as=PartialObjectMetadata") {
            return Encoding::Metadata;
        }
        if !range.contains("as=") {
            return Encoding::Whole;
        }
    }
    Encoding::Whole
}

fn injected(wanted: &Injected) -> Response<Body> {
    let words = if wanted.message.is_empty() { "a fault was injected here" } else { &wanted.message };
    let mut body = Status::plain(wanted.code, "", words).body();
    if !wanted.reason.is_empty() {
        body["reason"] = wanted.reason.as_str().into();
    }
    if let Some(seconds) = wanted.retry_after {
        body["details"] = serde_json::json!({"retryAfterSeconds": seconds});
    }
    let mut response = json_response(wanted.code, body.to_string(), &[]);
    if let Some(seconds) = wanted.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn json_response(code: u16, text: String, warnings: &[String]) -> Response<Body> {
    let mut response = Response::builder()
        .status(code)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-cache, private");
    for warning in warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        let line: String = quoted.chars().filter(|letter| !letter.is_control()).collect();
        response = response.header(header::WARNING, format!("299 - \"{line}\""));
    }
    response.body(Body::from(text)).unwrap_or_else(|_| Response::new(Body::empty()))
}

fn failure(status: &Status) -> Response<Body> {
    if status.code == 404 && status.reason.is_empty() {
        let mut response = Response::new(Body::from(format!("{}\n", status.message)));
        *response.status_mut() = ::http::StatusCode::NOT_FOUND;
        let plain = ::http::HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        return response;
    }
    json_response(status.code, status.body().to_string(), &[])
}

fn response(answer: Result<Reply, Status>) -> Response<Body> {
    match answer {
        Err(status) => failure(&status),
        Ok(Reply::Json { code, text, warnings }) => {
            let aggregated = text.starts_with("{\"apiVersion\":\"apidiscovery.k8s.io/v2\"");
            let mut response = json_response(code, text, &warnings);
            if aggregated {
                let kind = ::http::HeaderValue::from_static(discovery::AGGREGATED);
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            response
        }
        Ok(Reply::Text(code, text)) => Response::builder()
            .status(code)
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Body::from(text))
            .unwrap_or_else(|_| Response::new(Body::empty())),
        Ok(Reply::Watch(body)) => Response::builder()
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CACHE_CONTROL, "no-cache, private")
            .body(body)
            .unwrap_or_else(|_| Response::new(Body::empty())),
    }
}

/// How long a watch lives when nobody says.
pub(crate) const WATCH_LIFE: Duration = Duration::from_mins(45);
