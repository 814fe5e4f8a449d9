//! Headers of answers that say a time.

use std::time::Duration;

use http::{HeaderMap, header};

/// `Date: Fri, 20 Nov 2026 12:00:00 GMT`.
pub(super) fn date_of(headers: &HeaderMap) -> Option<jiff::Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

/// `Retry-After: 30`.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
