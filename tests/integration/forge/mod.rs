//! Stand-ins of forges over real HTTP: what they are asked is recorded, answers have the shapes of the forge, its limits hold, and any
//! call can go wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, Response};
use serde_json::Value;
use tokio::sync::oneshot;

mod connection;
mod forgejo;
mod github;
mod gitlab;
mod reviews;
mod world;

use connection::{Door, Scissors};
pub(crate) use github::pull;
pub(crate) use reviews::Says;
pub(crate) use world::{Kind, Person, World};

/// The token that a stand-in takes.
pub(crate) const TOKEN: &str = "sesame-5f0c";

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Below the root of the API, as it was sent.
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Asked {
    /// Whether it writes something.
    pub(crate) fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.query.get(name)?.parse().ok()
    }

    fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Reply {
    fn of(status: u16, value: &Value) -> Self {
        Self { status, headers: Vec::new(), body: value.to_string() }
    }

    fn no(status: u16, message: &str) -> Self {
        Self::of(status, &serde_json::json!({"message": message}))
    }

    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub(crate) enum Wrong {
    /// It is refused before anything is done.
    Refused(u16, Vec<(&'static str, String)>),
    /// The connection is cut before anything is done.
    CutBefore,
    /// It is done, and the connection is cut.
    CutAfter,
    /// It is done, and the answer is no JSON.
    Garbage,
    /// It is done, and the answer is longer than anybody reads.
    Oversize,
    /// It is sent on to another server.
    SentOn(String),
}

/// Which calls go wrong: from the nth on, counted from 1, so many.
#[derive(Clone, Debug)]
struct Fault {
    from: usize,
    times: usize,
    wrong: Wrong,
}

struct Served {
    world: Mutex<World>,
    asked: Mutex<Vec<Asked>>,
    faults: Mutex<Vec<Fault>>,
}

/// A forge of one kind with one repository and one merge request.
pub(crate) struct StandIn {
    served: Arc<Served>,
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl StandIn {
    /// Starts a stand-in on a port of its own; it ends with what is returned.
    pub(crate) fn start(kind: Kind) -> Self {
        let served =
            Arc::new(Served { world: Mutex::new(World::new(kind)), asked: Mutex::default(), faults: Mutex::default() });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let state = Arc::clone(&served);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = Door(tokio::net::TcpListener::from_std(listener).unwrap());
                let router = Router::new().fallback(handle).with_state(state);
                let serving = axum::serve(listener, router.into_make_service_with_connect_info::<Scissors>());
                tokio::select! {
                    _ = async { serving.await } => {}
                    _ = stopped => {}
                }
            });
        });
        Self { served, address, _stop: stop }
    }

    /// The address of its one project, as people open it.
    pub(crate) fn project(&self) -> String {
        let name = if self.world().kind == Kind::GitLab { "collective/sub/garden" } else { "collective/garden" };
        format!("http://{}/{name}", self.address)
    }

    /// The root of its API.
    pub(crate) fn api(&self) -> String {
        format!("http://{}{}", self.address, self.world().kind.root())
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.served.world.lock().unwrap()
    }

    /// Everything that was asked since this was called last.
    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.served.asked.lock().unwrap())
    }

    /// From now on, so many calls from the nth on go wrong; those before are forgotten.
    pub(crate) fn go_wrong(&self, nth: usize, times: usize, wrong: Wrong) {
        self.served.asked.lock().unwrap().clear();
        *self.served.faults.lock().unwrap() = vec![Fault { from: nth, times, wrong }];
    }

    /// From now on nothing goes wrong.
    pub(crate) fn mend(&self) {
        self.served.faults.lock().unwrap().clear();
    }
}

/// How long the answer is that nobody reads to its end, in bytes.
const OVERSIZE: usize = 17 << 20;

async fn handle(
    State(served): State<Arc<Served>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response<Body> {
    let root = served.world.lock().unwrap().kind.root();
    let asked = read(request, root).await;
    let nth = {
        let mut all = served.asked.lock().unwrap();
        all.push(asked.clone());
        all.len()
    };
    let fault = served
        .faults
        .lock()
        .unwrap()
        .iter()
        .find(|fault| (fault.from..fault.from.saturating_add(fault.times)).contains(&nth))
        .cloned();
    let wrong = fault.map(|fault| fault.wrong);
    match &wrong {
        Some(Wrong::Refused(status, headers)) => {
            let reply = Reply::no(*status, "something is wrong here");
            return respond(headers.iter().fold(reply, |reply, (name, value)| reply.with(name, value)));
        }
        Some(Wrong::CutBefore) => {
            scissors.cut();
            return Response::new(Body::empty());
        }
        Some(Wrong::SentOn(to)) => return respond(Reply::no(302, "elsewhere").with("location", to)),
        Some(Wrong::CutAfter | Wrong::Garbage | Wrong::Oversize) | None => {}
    }
    let mut reply = served.world.lock().unwrap().answer(&asked);
    match wrong {
        Some(Wrong::CutAfter) => scissors.cut(),
        Some(Wrong::Garbage) => "<html>a proxy says hello".clone_into(&mut reply.body),
        Some(Wrong::Oversize) => reply.body = format!("\"{}\"", "x".repeat(OVERSIZE)),
        _ => {}
    }
    respond(reply)
}

async fn read(request: Request, root: &str) -> Asked {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 8 << 20).await.unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let headers =
        parts.headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    Asked {
        method: parts.method,
        path: parts.uri.path().strip_prefix(root).unwrap_or_default().to_owned(),
        query: pairs.map(|(name, value)| (name.to_owned(), value.replace("%2F", "/"))).collect(),
        headers: headers.collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

fn respond(reply: Reply) -> Response<Body> {
    let mut response = Response::builder().status(reply.status).header("content-type", "application/json");
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}
