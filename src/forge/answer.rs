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
            "its certificate is not trusted, or it speaks no TLS (`PARCELLE_FORGE_CA` names a file of roots that are)"
                .to_owned(),
            Again::Never,
            false,
        ),
        // An error of TLS is hidden in one of IO, which says its words.
        ureq::Error::Io(io) if io.to_string().contains("certificate") => (
            "its certificate is not trusted (`PARCELLE_FORGE_CA` names a file of roots that are)".to_owned(),
            Again::Never,
            false,
        ),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_one_that_is_called_next() {
        let link = "<https://a/x?page=1>; rel=\"prev\", <https://a/x?page=3>; rel=\"next\", <https://a/x?page=9>; rel=\"last\"";
        assert_eq!(next_of_link(link), Some("https://a/x?page=3"));
        for none in ["", "<https://a/x?page=9>; rel=\"last\"", "https://a; rel=next", "<https://a", ",,;"] {
            assert_eq!(next_of_link(none), None, "{none}");
        }
        assert_eq!(of_page("https://a/x?limit=2&page=4", "5"), "https://a/x?limit=2&page=5");
        assert_eq!(of_page("https://a/x", "2"), "https://a/x?page=2");
        assert_eq!((page_of("https://a/x?limit=2&page=4"), page_of("https://a/x")), (Some(4), None));
    }

    #[test]
    fn an_answer_that_refuses_is_asked_again_where_that_helps() {
        let patience = Patience::of(180);
        let of = |status: u16, header: Option<(&'static str, &'static str)>, body: &str| {
            let mut headers = HeaderMap::new();
            headers.extend(
                header
                    .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))),
            );
            let status = StatusCode::from_u16(status).expect("a status");
            match of_refusal("ask", status, &headers, body.as_bytes(), (&patience, jiff::Timestamp::UNIX_EPOCH)).1 {
                Again::Never => "never".to_owned(),
                Again::Growing => "growing".to_owned(),
                Again::Asked(pause) => pause.as_secs().to_string(),
            }
        };
        let secondary = "{\"message\": \"You have exceeded a secondary rate limit.\"}";
        for (status, header, body, wanted) in [
            (400, None, "", "never"),
            (401, None, "", "never"),
            (403, None, "{\"message\": \"Must have admin rights\"}", "never"),
            (403, None, secondary, "60"),
            (403, Some(("retry-after", "9")), "", "9"),
            (404, None, "", "never"),
            (409, None, "", "growing"),
            (422, None, "", "never"),
            (429, None, "", "60"),
            (429, Some(("retry-after", "7")), "", "7"),
            (500, None, "", "growing"),
            (501, None, "", "never"),
            (503, Some(("retry-after", "3")), "", "3"),
        ] {
            assert_eq!(of(status, header, body), wanted, "{status} {header:?} {body}");
        }
    }
}
