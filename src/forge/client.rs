//! HTTP to a forge: asked again politely, bounded, and never with a token for anybody else.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method, Request, header};
use serde_json::Value;

use super::answer::{
    Again, MOST_ANSWER, next_of_link, of_page, of_refusal, of_transport, page_of, sent_on, shown_host,
};
use super::connect::{ForgeAddress, ForgeRoots, ForgeToken, agent};
use super::{ForgeError, ForgeKind, Patience};
use crate::{cause, visible};

/// The most pages of one list.
const MOST_PAGES: usize = 100;
/// How often one read is sent on.
const MOST_REDIRECTS: usize = 3;

/// Whether a write may be sent again when nobody knows whether it was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Twice is as good as once.
    Always,
    /// Whoever asked looks first whether it is there.
    Once,
}

/// A write as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ForgeCall {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) body: Value,
}

/// An answer with the fields that are looked at.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) value: Value,
}

/// A client for the API of one forge.
pub(crate) struct ForgeClient {
    kind: ForgeKind,
    /// Absent in a rehearsal: writes are kept, and nothing is read.
    agent: Option<ureq::Agent>,
    address: ForgeAddress,
    token: Option<ForgeToken>,
    patience: Patience,
    deadline: Cell<Instant>,
    /// What was read with its tag, by address.
    tagged: RefCell<BTreeMap<String, (HeaderValue, Answered)>>,
    rehearsed: RefCell<Vec<ForgeCall>>,
}

impl ForgeClient {
    /// A client that reaches a forge.
    pub(crate) fn new(
        kind: ForgeKind,
        address: ForgeAddress,
        token: ForgeToken,
        roots: &ForgeRoots,
        patience: Patience,
    ) -> Result<Self, ForgeError> {
        Self::reading(kind, address, Some(token), roots, patience)
    }

    /// A client that reads alone, without a token where the forge shows everybody what is asked for.
    pub(crate) fn reading(
        kind: ForgeKind,
        address: ForgeAddress,
        token: Option<ForgeToken>,
        roots: &ForgeRoots,
        patience: Patience,
    ) -> Result<Self, ForgeError> {
        let agent = agent(&address, roots, &patience)?;
        Ok(Self { agent: Some(agent), token, ..Self::rehearsing(kind, address, patience) })
    }

    /// A client that keeps what it would send.
    pub(crate) fn rehearsing(kind: ForgeKind, address: ForgeAddress, patience: Patience) -> Self {
        Self {
            kind,
            agent: None,
            address,
            token: None,
            patience,
            deadline: Cell::new(instant() + patience.total),
            tagged: RefCell::default(),
            rehearsed: RefCell::default(),
        }
    }

    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// From now on there is so much time for everything that is asked.
    pub(crate) fn allow(&self, time: Duration) {
        self.deadline.set(instant() + time);
    }

    /// Takes the writes that were kept.
    pub(crate) fn rehearsed(&self) -> Vec<ForgeCall> {
        self.rehearsed.take()
    }

    /// Waits before something is looked at again, where there is time left.
    pub(super) fn pause(&self, tries: u32) -> bool {
        let pause = self.patience.pause(tries, chance());
        let has_time = instant() + pause < self.deadline.get();
        if has_time {
            std::thread::sleep(pause);
        }
        has_time
    }

    /// Reads one thing; what was read before and stays the same is not sent again.
    pub(super) fn get(&self, doing: &'static str, path: &str) -> Result<Value, ForgeError> {
        let url = self.address.below(path);
        let known = self.tagged.borrow().get(&url).cloned();
        let answered = self.read(doing, &url, known.as_ref().map(|(tag, _)| tag))?;
        if let (304, Some((_, known))) = (answered.status, known) {
            return Ok(known.value);
        }
        if let Some(tag) = answered.headers.get(header::ETAG) {
            self.tagged.borrow_mut().insert(url, (tag.clone(), answered.clone()));
        }
        Ok(answered.value)
    }

    /// Reads a list to its end.
    pub(super) fn get_all(&self, doing: &'static str, path: &str) -> Result<Vec<Value>, ForgeError> {
        self.get_pages(doing, path, MOST_PAGES)
    }

    /// Reads a list of so many pages at most to its end.
    pub(super) fn get_pages(&self, doing: &'static str, path: &str, most: usize) -> Result<Vec<Value>, ForgeError> {
        let mut url = self.address.below(path);
        let (mut all, mut pages) = (Vec::new(), 0_usize);
        loop {
            let answered = self.read(doing, &url, None)?;
            let Value::Array(page) = answered.value else {
                return Err(ForgeError::Unreadable {
                    doing,
                    why: "the answer is no list".to_owned(),
                    may_be_done: false,
                });
            };
            let is_empty = page.is_empty();
            all.extend(page);
            pages += 1;
            let Some(next) = self.next_page(doing, &url, &answered.headers, all.len(), is_empty)? else {
                return Ok(all);
            };
            if pages == most {
                let why = format!("there are more than {most} pages of it");
                return Err(ForgeError::Unreadable { doing, why, may_be_done: false });
            }
            url = next;
        }
    }

    /// The address of the next page, where there is one.
    fn next_page(
        &self,
        doing: &'static str,
        url: &str,
        headers: &HeaderMap,
        had: usize,
        is_empty: bool,
    ) -> Result<Option<String>, ForgeError> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(next) = text("link").and_then(next_of_link) {
            let elsewhere = || ForgeError::Unreadable {
                doing,
                why: format!("its next page lies on another server (`{}`)", visible::line(&shown_host(next))),
                may_be_done: false,
            };
            return self.address.followed(next).map(Some).ok_or_else(elsewhere);
        }
        if let Some(next) =
            text("x-next-page").filter(|next| !next.is_empty() && next.bytes().all(|digit| digit.is_ascii_digit()))
        {
            return Ok(Some(of_page(url, next)));
        }
        let total: Option<usize> = text("x-total-count").and_then(|total| total.parse().ok());
        // A list that has no pages gives all of it at once.
        let is_paged = url.contains("limit=");
        if total.is_some_and(|total| is_paged && !is_empty && had < total) {
            let at: usize = page_of(url).unwrap_or(1);
            return Ok(Some(of_page(url, &(at + 1).to_string())));
        }
        Ok(None)
    }

    /// Reads, and follows redirects on the same server.
    fn read(&self, doing: &'static str, url: &str, tag: Option<&HeaderValue>) -> Result<Answered, ForgeError> {
        let mut url = url.to_owned();
        for _ in 0..=MOST_REDIRECTS {
            let answered = self.ask(doing, &Method::GET, &url, None, tag, Repeat::Always)?;
            if answered.status == 304 || !(300..400).contains(&answered.status) {
                return Ok(answered);
            }
            let location = answered.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
            url = location
                .and_then(|location| self.address.followed(location))
                .ok_or_else(|| sent_on(doing, location))?;
        }
        Err(ForgeError::Unreadable { doing, why: "the forge sends on without an end".to_owned(), may_be_done: false })
    }

    /// Writes. A write is never sent on.
    pub(super) fn write(
        &self,
        doing: &'static str,
        method: &Method,
        path: &str,
        body: &Value,
        repeat: Repeat,
    ) -> Result<Answered, ForgeError> {
        let url = self.address.below(path);
        if self.agent.is_none() {
            self.rehearsed.borrow_mut().push(ForgeCall { method: method.clone(), url, body: body.clone() });
            return Ok(Answered { status: 200, headers: HeaderMap::new(), value: Value::Null });
        }
        let answered = self.ask(doing, method, &url, Some(body), None, repeat)?;
        if (300..400).contains(&answered.status) {
            let location = answered.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
            return Err(sent_on(doing, location));
        }
        Ok(answered)
    }

    /// Asks until there is an answer, as often and as long as patience lasts.
    fn ask(
        &self,
        doing: &'static str,
        method: &Method,
        url: &str,
        body: Option<&Value>,
        tag: Option<&HeaderValue>,
        repeat: Repeat,
    ) -> Result<Answered, ForgeError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (error, again) = match self.ask_once(doing, method, url, body, tag) {
                Ok(answered) => return Ok(answered),
                Err(failure) => failure,
            };
            if repeat == Repeat::Once && error.is_uncertain() {
                return Err(error);
            }
            let (pause, is_asked) = match again {
                Again::Never => return Err(error),
                Again::Growing => (self.patience.pause(tries, chance()), false),
                Again::Asked(pause) => (pause, true),
            };
            if tries >= self.patience.tries {
                return Err(error);
            }
            if instant() + pause >= self.deadline.get() {
                let seconds = pause.as_secs();
                return Err(if is_asked { ForgeError::AskedToWait { doing, seconds } } else { error });
            }
            tracing::debug!(%error, pause = ?pause, "the forge is asked again");
            std::thread::sleep(pause);
        }
    }

    fn ask_once(
        &self,
        doing: &'static str,
        method: &Method,
        url: &str,
        body: Option<&Value>,
        tag: Option<&HeaderValue>,
    ) -> Result<Answered, (ForgeError, Again)> {
        let Some(agent) = &self.agent else {
            let why = "a rehearsal asks nobody".to_owned();
            return Err((ForgeError::NoAnswer { doing, why, may_be_done: false }, Again::Never));
        };
        let is_write = body.is_some();
        let broken = |error: ureq::Error| of_transport(doing, &error, is_write);
        let request = self
            .request(method, url, tag)
            .map_err(|_| (ForgeError::Setting("a request to the forge cannot be written".to_owned()), Again::Never))?;
        let response = match body {
            Some(body) => agent.run(request.map(|()| body.to_string())),
            None => agent.run(request),
        };
        let (parts, body) = response.map_err(broken)?.into_parts();
        let bytes = body.into_with_config().limit(MOST_ANSWER).read_to_vec().map_err(broken)?;
        let status = parts.status.as_u16();
        if !parts.status.is_success() && !parts.status.is_redirection() {
            let (error, again) = of_refusal(doing, parts.status, &parts.headers, &bytes, (&self.patience, timestamp()));
            return Err((self.without_token(error), again));
        }
        let value = match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(_) if bytes.iter().all(u8::is_ascii_whitespace) || parts.status.is_redirection() => Value::Null,
            Err(error) => {
                let why = format!("its answer is no JSON: {}", cause::of_json(&error));
                return Err((ForgeError::Unreadable { doing, why, may_be_done: is_write }, Again::Growing));
            }
        };
        Ok(Answered { status, headers: parts.headers, value })
    }

    /// An error without the token, where the forge says it again.
    fn without_token(&self, error: ForgeError) -> ForgeError {
        match (error, &self.token) {
            (ForgeError::Refused { doing, status, says }, Some(token)) => {
                ForgeError::Refused { doing, status, says: token.left_out_of(&says) }
            }
            (error, _) => error,
        }
    }

    fn request(&self, method: &Method, url: &str, tag: Option<&HeaderValue>) -> Result<Request<()>, http::Error> {
        let mut request = Request::builder().method(method).uri(url);
        let accept = match self.kind {
            ForgeKind::GitHub => "application/vnd.github+json",
            ForgeKind::GitLab | ForgeKind::Forgejo | ForgeKind::Gitea => "application/json",
        };
        request = request.header(header::ACCEPT, accept);
        if self.kind == ForgeKind::GitHub {
            request = request.header("x-github-api-version", "2022-11-28");
        }
        if *method != Method::GET {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(tag) = tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        if let Some(token) = &self.token {
            let (name, value) = match self.kind {
                ForgeKind::GitHub => ("authorization", format!("Bearer {}", token.secret())),
                ForgeKind::GitLab => ("private-token", token.secret().to_owned()),
                ForgeKind::Forgejo | ForgeKind::Gitea => ("authorization", format!("token {}", token.secret())),
            };
            let mut value = HeaderValue::from_str(&value)?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        request.body(())
    }
}

/// A number from 0 to 1. Without random bytes all wait alike, which is only less polite.
fn chance() -> f64 {
    let mut byte = [0_u8];
    let _unspecified = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut byte);
    f64::from(byte[0]) / 255.0
}

#[expect(clippy::disallowed_methods, reason = "a port: how long a forge is waited for")]
fn instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a port: the time, against which a forge's dates are counted")]
fn timestamp() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
