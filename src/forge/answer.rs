//! What answers of forges and failures of connections mean, and where the next page is.

use std::io;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::patience::TimeHeaders;
use super::{ForgeError, Patience, shortened};
use crate::{cause, visible};

/// The most bytes of one answer: a page of fifty comments as long as GitHub takes them.
pub(super) const MOST_ANSWER: u64 = 16 << 20;
/// The most characters of what a forge says in an error.
const MOST_SAID: usize = 300;

/// How a call is asked again after a failure.
pub(super) enum Again {
    Never,
    /// After a pause that grows.
    Growing,
    /// After a pause that the forge asks for.
    Asked(Duration),
}

/// What an answer that refuses means, and whether it is asked again.
pub(super) fn of_refusal(
    doing: &'static str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    (patience, now): (&Patience, jiff::Timestamp),
) -> (ForgeError, Again) {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let times = TimeHeaders {
        date: text("date"),
        retry_after: text("retry-after"),
        remaining: text("x-ratelimit-remaining").or_else(|| text("ratelimit-remaining")),
        reset: text("x-ratelimit-reset"),
        reset_time: text("ratelimit-resettime"),
    };
    let asked = times.asked_pause(now);
    let says = said(body);
    let is_limit = status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::FORBIDDEN && (asked.is_some() || says.to_lowercase().contains("rate limit")));
    let again = match status.as_u16() {
        _ if is_limit => Again::Asked(asked.unwrap_or(patience.unsaid())),
        501 => Again::Never,
        409 | 500.. => asked.map_or(Again::Growing, Again::Asked),
        _ => Again::Never,
    };
    (ForgeError::Refused { doing, status: status.as_u16(), says: shortened(&says, MOST_SAID) }, again)
}

/// What a forge says in an answer that refuses.
fn said(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let said = ["message", "error", "error_description"].iter().map(|field| &value[field]).find(|said| !said.is_null());
    match said {
        Some(Value::String(text)) => visible::line(text),
        Some(other) => visible::line(&other.to_string()),
        None => String::new(),
    }
}

pub(super) fn sent_on(doing: &'static str, location: Option<&str>) -> ForgeError {
    let to = location.map(|location| format!(" (`{}`)", visible::line(&shown_host(location)))).unwrap_or_default();
    ForgeError::Unreadable {
        doing,
        why: format!("the forge sends on to another address{to}, which is not followed"),
        may_be_done: false,
    }
}

/// The scheme and host of an address, and nothing else of it.
pub(super) fn shown_host(address: &str) -> String {
    let host = address.parse::<http::Uri>().ok();
    let host = host.and_then(|uri| Some(format!("{}://{}", uri.scheme_str()?, uri.host()?)));
    host.unwrap_or_else(|| "an address that cannot be read".to_owned())
}

/// What a failure of the connection means.
pub(super) fn of_transport(doing: &'static str, error: &ureq::Error, is_write: bool) -> (ForgeError, Again) {
    let (why, again, may_be_done) = match error {
        ureq::Error::HostNotFound => ("nobody knows the name of its host".to_owned(), Again::Growing, false),
        ureq::Error::Io(io) if io.kind() == io::ErrorKind::ConnectionRefused => {
            (cause::of_io(io), Again::Growing, false)
        }
        ureq::Error::ConnectionFailed | ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            ("no connection came about".to_owned(), Again::Growing, false)
        }
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::TlsRequired => (
            "its certificate is not trusted, or it speaks no TLS (`--forge-ca` adds a root)".to_owned(),
            Again::Never,
            false,
        ),
        // An error of TLS is hidden in one of IO, which says its words.
        ureq::Error::Io(io) if io.to_string().contains("certificate") => {
            ("its certificate is not trusted (`--forge-ca` adds a root)".to_owned(), Again::Never, false)
        }
        ureq::Error::InvalidProxyUrl | ureq::Error::ConnectProxyFailed(_) => {
            ("the proxy of this environment refuses".to_owned(), Again::Growing, false)
        }
        ureq::Error::BodyExceedsLimit(_) => {
            let why = format!("its answer is longer than {} MiB", MOST_ANSWER >> 20);
            return (ForgeError::Unreadable { doing, why, may_be_done: is_write }, Again::Never);
        }
        ureq::Error::Timeout(_) => ("there was no answer in time".to_owned(), Again::Growing, is_write),
        _ => ("the connection broke off".to_owned(), Again::Growing, is_write),
    };
    (ForgeError::NoAnswer { doing, why, may_be_done }, again)
}

/// The address after which `rel="next"` stands in a `Link` header.
pub(super) fn next_of_link(link: &str) -> Option<&str> {
    link.split(',').find_map(|part| {
        let (address, rest) = part.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = rest.split(';').any(|word| matches!(word.trim(), "rel=\"next\"" | "rel=next"));
        is_next.then_some(address)
    })
}

/// The same address with another page.
pub(super) fn of_page(url: &str, page: &str) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page="));
    let query: Vec<String> = kept.map(str::to_owned).chain([format!("page={page}")]).collect();
    format!("{path}?{}", query.join("&"))
}

pub(super) fn page_of(url: &str) -> Option<usize> {
    url.split_once('?')?.1.split('&').find_map(|pair| pair.strip_prefix("page=")?.parse().ok())
}
