//! One way to the API server: every request is bounded, timed and counted here, every error masked; reads are tried again.

use std::sync::atomic::Ordering;

use futures::{Stream, StreamExt};
use http::{Method, Request, header};
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::connect::{Connection, Permit, Writer};
use super::errors::{ApiError, Refusal};
use super::headers::{date_of, retry_after};
use super::retry::Retry;
use super::{warnings, words};
use crate::cause;
use crate::secrets::Tainted;

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Json,
    Apply,
    MergePatch,
    JsonPatch,
}

impl Content {
    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Apply => "application/apply-patch+yaml",
            Self::MergePatch => "application/merge-patch+json",
            Self::JsonPatch => "application/json-patch+json",
        }
    }
}

/// An answer that is no refusal.
#[derive(Clone, Debug)]
pub(super) struct Answer<T = Value> {
    /// 200 or 201 where it matters.
    pub(super) code: u16,
    pub(super) body: T,
    /// When the server answered, by its own clock.
    pub(super) date: Option<jiff::Timestamp>,
    /// What the server, or an admission webhook, warns of.
    pub(super) warnings: Vec<String>,
}

/// How much of each item a list brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Whole,
    Metadata,
}

impl Detail {
    /// The forms in which a list is taken.
    fn accept_list(self) -> &'static str {
        match self {
            Self::Whole => JSON,
            Self::Metadata => METADATA_LIST,
        }
    }

    /// The forms in which single objects are taken, those of a watch among them.
    fn accept(self) -> &'static str {
        match self {
            Self::Whole => JSON,
            Self::Metadata => METADATA,
        }
    }
}

/// What a list brings.
#[derive(Debug)]
pub(super) enum Listed<T = Value> {
    /// The list grew too old and starts anew.
    Anew,
    /// An item, without `kind` and `apiVersion`, as the server sends it.
    Item(T),
}

/// What an item of a list is read as.
pub(super) trait ListItem: Sized {
    fn read(text: Box<RawValue>) -> Result<Self, serde_json::Error>;
}

impl ListItem for Value {
    fn read(text: Box<RawValue>) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text.get())
    }
}

/// An item that stays text.
impl ListItem for Box<RawValue> {
    fn read(text: Box<RawValue>) -> Result<Self, serde_json::Error> {
        Ok(text)
    }
}

/// So many items are asked for at once: what is held in memory of a long list.
const PAGE: usize = 500;

/// A page of a list. Its items are text until it is their turn: as values they take ten times the room.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    kind: String,
    items: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    metadata: PageMeta,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PageMeta {
    resource_version: String,
    /// Where the next page begins; empty after the last.
    #[serde(rename = "continue")]
    next: String,
}

struct Call<'a> {
    method: Method,
    path: &'a str,
    accept: &'static str,
    body: Option<(Content, &'a Value)>,
    acting_as: Option<&'a str>,
}

pub(super) const JSON: &str = "application/json";
/// An object of which only the metadata is wanted.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
/// The same of a list. The first form that a server knows decides, and the wrong one is refused for all of them.
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

impl Connection {
    /// GET, tried again while the server is unwell.
    pub(super) async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.get_as(path, JSON).await
    }

    /// GET with a form of answer of its own.
    pub(super) async fn get_as<T: DeserializeOwned>(&self, path: &str, accept: &'static str) -> Result<T, ApiError> {
        Ok(self.get_answer(path, accept).await?.body)
    }

    /// GET with all that comes with the answer.
    pub(super) async fn get_answer<T: DeserializeOwned>(
        &self,
        path: &str,
        accept: &'static str,
    ) -> Result<Answer<T>, ApiError> {
        let call = Call { method: Method::GET, path, accept, body: None, acting_as: None };
        let mut retry = Retry::of_a_request();
        loop {
            self.inner.counters.reads.fetch_add(1, Ordering::Relaxed);
            match self.once(&call, None).await {
                Ok(answer) => return Ok(answer),
                Err(error) => retry.while_unwell(error).await?,
            }
        }
    }

    /// GET where absence is an answer.
    pub(super) async fn get_opt(&self, path: &str) -> Result<Option<Value>, ApiError> {
        match self.get(path).await {
            Ok(body) => Ok(Some(body)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A whole list, page by page; one that grows too old while we page (410) starts anew, so it is complete or an error.
    /// `selector` is a label selector in query form, empty for none. Items carry no `kind` and `apiVersion`, as the server sends them.
    pub(super) async fn list(&self, path: &str, selector: &str, detail: Detail) -> Result<Vec<Value>, ApiError> {
        let mut items = Vec::new();
        let each = |listed| match listed {
            Listed::Anew => items.clear(),
            Listed::Item(item) => items.push(item),
        };
        self.list_each(path, selector, detail, each).await?;
        Ok(items)
    }

    /// As [`list`](Self::list), item by item, so that no more than a page is held: the version at which the list is
    /// whole, from which a watch goes on. After [`Listed::Anew`] nothing of what came before counts.
    pub(super) async fn list_each<T: ListItem>(
        &self,
        path: &str,
        selector: &str,
        detail: Detail,
        mut each: impl FnMut(Listed<T>),
    ) -> Result<String, ApiError> {
        let mut retry = Retry::of_long_attempts();
        loop {
            match self.list_once(path, selector, detail, &mut each).await {
                Ok(version) => return Ok(version),
                Err(error) => retry.again_if(error.is_expired(), error).await?,
            }
            each(Listed::Anew);
        }
    }

    /// Lists from the first page to the last. Returns the version at which the list is whole.
    async fn list_once<T: ListItem>(
        &self,
        path: &str,
        selector: &str,
        detail: Detail,
        each: &mut impl FnMut(Listed<T>),
    ) -> Result<String, ApiError> {
        let mut page = String::new();
        loop {
            let query = format!("{path}?limit={PAGE}&labelSelector={selector}{page}");
            let list: Page = self.get_as(&query, detail.accept_list()).await?;
            if list.items.is_none() && !list.kind.ends_with("List") {
                return Err(ApiError::Garbled { why: "a list without items".to_owned() });
            }
            for item in list.items.into_iter().flatten() {
                let item = T::read(item);
                each(Listed::Item(item.map_err(|error| ApiError::Garbled { why: cause::of_json(&error) })?));
            }
            if list.metadata.next.is_empty() {
                return Ok(list.metadata.resource_version);
            }
            page = format!("&continue={}", query_escaped(&list.metadata.next));
        }
    }

    /// A write that the server only tries; safe to repeat.
    pub(super) async fn trial(
        &self,
        method: Method,
        path: &str,
        content: Content,
        body: &Value,
    ) -> Result<Answer, ApiError> {
        debug_assert!(path.contains("dryRun=All"), "a trial must be one");
        let call = Call { method, path, accept: JSON, body: Some((content, body)), acting_as: None };
        let mut retry = Retry::of_a_request();
        loop {
            self.inner.counters.trials.fetch_add(1, Ordering::Relaxed);
            match self.once(&call, None).await {
                Ok(answer) => return Ok(answer),
                Err(error) => retry.while_unwell(error).await?,
            }
        }
    }

    /// Opens a watch: a stream of events, one JSON object each, which ends when the server closes it.
    pub(super) async fn watch(
        &self,
        path: &str,
        detail: Detail,
    ) -> Result<impl Stream<Item = Result<WatchEvent, ApiError>> + Send + use<>, ApiError> {
        self.inner.counters.watches.fetch_add(1, Ordering::Relaxed);
        let request = Request::get(path)
            .header(header::ACCEPT, detail.accept())
            .body(Vec::new())
            .map_err(|error| ApiError::Garbled { why: error.to_string() })?;
        let opened = self.inner.client.request_events::<Value>(request).await.map_err(|error| of_kube(&error))?;
        Ok(StreamExt::map(opened, |event: kube::Result<kube::core::WatchEvent<Value>>| match event {
            Ok(kube::core::WatchEvent::Added(object) | kube::core::WatchEvent::Modified(object)) => {
                Ok(WatchEvent::Is(object))
            }
            Ok(kube::core::WatchEvent::Deleted(object)) => Ok(WatchEvent::Gone(object)),
            Ok(kube::core::WatchEvent::Bookmark(mark)) => Ok(WatchEvent::Bookmark(mark.metadata.resource_version)),
            Ok(kube::core::WatchEvent::Error(status)) => {
                Err(ApiError::Refused(Box::new(Refusal::of_kube(&status, &Tainted::default()))))
            }
            Err(error) => Err(of_kube(&error)),
        }))
    }

    /// One exchange, in its turn; the permit of a write is asked when the turn has come, not before.
    async fn once<T: DeserializeOwned>(&self, call: &Call<'_>, permit: Option<&Permit>) -> Result<Answer<T>, ApiError> {
        let tainted = call.body.map(|(_, body)| Tainted::of_body(body)).unwrap_or_default();
        let request = build(call)?;
        let _turn = self.inner.in_flight.acquire().await.expect("the semaphore is never closed");
        if let Some(permit) = permit {
            if !permit.holds() {
                return Err(ApiError::LeaseLost);
            }
            self.inner.counters.writes.fetch_add(1, Ordering::Relaxed);
        } else if self.is_ending() {
            return Err(ApiError::Ending);
        }
        let client = match permit {
            Some(Permit::Lease(lease)) => self.inner.gated.under(lease).map_err(|why| ApiError::Unreachable { why })?,
            _ => self.inner.client.clone(),
        };
        let limit = self.inner.limits.answer;
        // On the heap, since every future that asks the server would hold the whole of it.
        let exchange = Box::pin(self.exchange(&client, request, (call, &tainted)));
        tokio::select! {
            biased;
            answer = tokio::time::timeout(limit, exchange) => {
                answer.unwrap_or_else(|_elapsed| Err(ApiError::Silent { seconds: limit.as_secs() }))
            }
            // A write that was sent is waited for: what it did is recorded.
            () = self.shutdown.asked(), if permit.is_none() => Err(ApiError::Ending),
        }
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        client: &kube::Client,
        request: Request<Body>,
        (call, tainted): (&Call<'_>, &Tainted),
    ) -> Result<Answer<T>, ApiError> {
        let response = client.send(request).await.map_err(|error| of_kube(&error))?;
        let (parts, body) = response.into_parts();
        let warnings = warnings::of_answer(&parts.headers, tainted);
        warnings.iter().for_each(|warning| self.warned(warning.clone()));
        let bytes = body.collect_bytes().await.map_err(|error| ApiError::Cut { why: words::of_connection(&error) })?;
        let code = parts.status.as_u16();
        if parts.status.is_success() {
            let body =
                serde_json::from_slice(&bytes).map_err(|error| ApiError::Garbled { why: cause::of_json(&error) })?;
            return Ok(Answer { code, body, date: date_of(&parts.headers), warnings });
        }
        let parsed: Option<Value> = serde_json::from_slice(&bytes).ok();
        let text = String::from_utf8_lossy(&bytes);
        let refusal = Refusal::read(code, parsed.as_ref(), &text, retry_after(&parts.headers), tainted);
        let told = refusal.without_unsent(&call.method, call.body.map(|(_, body)| body));
        Err(ApiError::Refused(Box::new(told)))
    }
}

/// What a watch tells.
#[derive(Clone, Debug)]
pub(super) enum WatchEvent {
    /// The object as it is now (after `ADDED` or `MODIFIED`).
    Is(Value),
    /// The object was deleted, or left the selection; as it was last.
    Gone(Value),
    /// Nothing changed up to this version, and the server is alive.
    Bookmark(String),
}

impl Writer {
    /// Sends a write once. Whoever calls it knows what comes before it is sent again (see [`Retry`]).
    pub(super) async fn write(
        &self,
        method: Method,
        path: &str,
        content: Content,
        body: &Value,
    ) -> Result<Answer, ApiError> {
        let acting_as = self.acting_as.as_deref();
        let call = Call { method, path, accept: JSON, body: Some((content, body)), acting_as };
        let answer = self.connection.once(&call, Some(&self.permit)).await?;
        self.heard.hear(&answer.warnings);
        Ok(answer)
    }
}

fn build(call: &Call<'_>) -> Result<Request<Body>, ApiError> {
    let mut request = Request::builder().method(&call.method).uri(call.path).header(header::ACCEPT, call.accept);
    if let Some((content, _)) = call.body {
        request = request.header(header::CONTENT_TYPE, content.media_type());
    }
    if let Some(account) = call.acting_as {
        request = request.header("Impersonate-User", account);
    }
    let body = call.body.map(|(_, body)| body.to_string().into_bytes()).unwrap_or_default();
    request.body(Body::from(body)).map_err(|error| ApiError::Garbled { why: error.to_string() })
}

/// An error of kube's client: a status it parsed, or a connection that did not stand or broke.
fn of_kube(error: &kube::Error) -> ApiError {
    if let kube::Error::Api(status) = error {
        return ApiError::Refused(Box::new(Refusal::of_kube(status, &Tainted::default())));
    }
    let said = words::chain(error);
    let why = words::of_connection(error);
    if said.contains("(Connect)") || said.contains("dns error") {
        ApiError::Unreachable { why }
    } else {
        ApiError::Cut { why }
    }
}

/// A text as part of a query: everything but letters, digits and `-._~` in percent form.
pub(super) fn query_escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
        out
    })
}
