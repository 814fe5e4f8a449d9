//! Answers of handlers into HTTP responses.

use ::http::{Response, header};
use axum::body::Body;

use super::{discovery, faults::Injected, status::Status};

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

    /// The same with further sentences for `Warning` headers, each once.
    pub(super) fn warning(self, more: Vec<String>) -> Self {
        match self {
            Self::Json { code, text, mut warnings } => {
                for warning in more {
                    if !warnings.contains(&warning) {
                        warnings.push(warning);
                    }
                }
                Self::Json { code, text, warnings }
            }
            other => other,
        }
    }

    /// The same with half of its JSON; what is no JSON stays.
    pub(super) fn truncated(self) -> Self {
        match self {
            Self::Json { text, .. } => Self::ok(text[..text.floor_char_boundary(text.len() / 2)].to_owned()),
            other => other,
        }
    }
}

pub(super) fn injected(wanted: &Injected) -> Response<Body> {
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

pub(super) fn failure(status: &Status) -> Response<Body> {
    if status.code == 404 && status.reason.is_empty() {
        let mut response = Response::new(Body::from(format!("{}\n", status.message)));
        *response.status_mut() = ::http::StatusCode::NOT_FOUND;
        let plain = ::http::HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        return response;
    }
    json_response(status.code, status.body().to_string(), &[])
}

pub(super) fn response(answer: Result<Reply, Status>) -> Response<Body> {
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
