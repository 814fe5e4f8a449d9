//! What the API server refuses, masked, with the fields that it names.
//!
//! Three forms carry paths: `details.causes[].field` (422 and conflicts), the type errors of server-side apply
//! (`.spec.x: field not declared in schema`, status 500) and decoding errors (`unknown field "spec.x"`).

use std::time::Duration;

use http::Method;
use kube::core::Status;
use serde_json::Value;

use crate::secrets::{Tainted, without_unsent};

/// A refusal of the API server (`Status`), without secret values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status, 400 to 599.
    pub(crate) code: u16,
    /// `Invalid`, `Conflict`, `Forbidden`, …; may be empty.
    pub(crate) reason: String,
    /// The server's words.
    pub(crate) message: String,
    /// One a field.
    pub(crate) causes: Vec<StatusCause>,
    /// How long the server asks us to wait.
    pub(crate) retry_after: Option<Duration>,
}

/// One reason of a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatusCause {
    /// `FieldValueInvalid`, `FieldManagerConflict`, …; may be empty.
    pub(crate) reason: String,
    /// The server's words.
    pub(crate) message: String,
    /// The field as the server writes it: `spec.ports[0].name`, `.spec.containers[name="app"].image`; may be empty.
    pub(crate) field: String,
}

impl Refusal {
    /// Reads an answer; a body that is no `Status` is quoted, at most 300 characters of it, unless it is a page.
    pub(crate) fn read(
        code: u16,
        body: Option<&Value>,
        text: &str,
        retry_after: Option<Duration>,
        tainted: &Tainted,
    ) -> Self {
        let status = body.and_then(|body| serde_json::from_value::<Status>(body.clone()).ok());
        let mut refusal = match status {
            Some(status) if !status.message.is_empty() => Self::of_kube(&status, tainted),
            _ if text.trim_start().starts_with('<') => {
                let message =
                    format!("a page of HTTP status {code} came instead of an answer: does a proxy stand before it?");
                Self { message, ..Self::default() }
            }
            _ => {
                let start: String = text.trim().chars().take(300).collect();
                Self { message: tainted.mask(&format!("HTTP status {code}: {start}")), ..Self::default() }
            }
        };
        refusal.code = code;
        refusal.retry_after = retry_after.or(refusal.retry_after);
        refusal
    }

    /// The same without values that the server quotes and that were not sent.
    #[must_use]
    pub(in crate::cluster) fn without_unsent(mut self, method: &Method, sent: Option<&Value>) -> Self {
        // Of a read it is the query that is quoted.
        if method == Method::GET {
            return self;
        }
        self.message = without_unsent(&self.message, sent);
        self.causes.iter_mut().for_each(|cause| cause.message = without_unsent(&cause.message, sent));
        self
    }

    /// A status that kube parsed.
    pub(in crate::cluster) fn of_kube(status: &Status, tainted: &Tainted) -> Self {
        let details = status.details.as_ref();
        let causes = details.map(|details| details.causes.iter()).into_iter().flatten();
        let seconds = details.map_or(0, |details| details.retry_after_seconds);
        Self {
            code: status.code,
            reason: status.reason.clone(),
            message: tainted.mask(&status.message),
            causes: causes
                .map(|cause| StatusCause {
                    reason: cause.reason.clone(),
                    message: tainted.mask(&cause.message),
                    field: cause.field.clone(),
                })
                .collect(),
            retry_after: (seconds > 0).then(|| Duration::from_secs(u64::from(seconds))),
        }
    }

    /// Whether a status 500 blames what we sent (server-side apply answers so, and etcd of what is too large) rather than
    /// the server.
    pub(crate) fn is_about_the_body(&self) -> bool {
        let too_large = ["etcdserver: request is too large", "trying to send message larger than max"];
        too_large.iter().any(|words| self.message.contains(words))
            || [
                "failed to create typed patch object",
                "failed to convert new object",
                "failed to create typed live object",
            ]
            .iter()
            .any(|start| self.message.starts_with(start))
            || self.message.contains("unable to convert unstructured object")
    }

    /// Every field that the server names, with what it says of it, in order of the field.
    pub(crate) fn fields(&self) -> Vec<StatusCause> {
        let mut found: Vec<StatusCause> = self.causes.iter().filter(|cause| !cause.field.is_empty()).cloned().collect();
        if found.is_empty() {
            found = typed_patch_fields(&self.message);
        }
        if found.is_empty() {
            found = decoding_fields(&self.message);
        }
        found.sort_by(|a, b| (&a.field, &a.message).cmp(&(&b.field, &b.message)));
        found.dedup();
        found
    }

    /// The conflicts of a 409 of server-side apply: field and manager.
    pub(crate) fn conflicts(&self) -> Vec<(String, String)> {
        let conflicts = self.causes.iter().filter(|cause| cause.reason == "FieldManagerConflict");
        let mut found: Vec<_> = conflicts
            .map(|cause| {
                let manager = cause.message.split('"').nth(1).unwrap_or("an unnamed manager");
                (cause.field.clone(), manager.to_owned())
            })
            .collect();
        found.sort();
        found
    }
}

/// `failed to create typed patch object (…): .spec.x: field not declared in schema`; several come as `errors:` and lines.
fn typed_patch_fields(message: &str) -> Vec<StatusCause> {
    let Some((_, rest)) = message.split_once("failed to create typed patch object") else { return Vec::new() };
    let rest = rest.split_once("): ").map_or(rest, |(_, rest)| rest);
    let lines = rest.lines().map(|line| line.trim().trim_start_matches("errors:").trim());
    let fields = lines.filter(|line| line.starts_with('.')).filter_map(|line| {
        let (field, what) = line.split_once(": ")?;
        Some(StatusCause { reason: String::new(), message: what.to_owned(), field: field.to_owned() })
    });
    fields.collect()
}

/// `unknown field "spec.x"`, `duplicate field "spec.x"`, `Go struct field Spec.spec.replicas of type int32`.
fn decoding_fields(message: &str) -> Vec<StatusCause> {
    let mut found = Vec::new();
    for word in ["unknown field", "duplicate field"] {
        for part in message.split(&format!("{word} \"")).skip(1) {
            let field = part.split('"').next().unwrap_or_default();
            found.push(StatusCause { reason: String::new(), message: word.to_owned(), field: field.to_owned() });
        }
    }
    for part in message.split("Go struct field ").skip(1) {
        let words = part.split_whitespace().next().unwrap_or_default();
        if let Some((_type, field)) = words.split_once('.') {
            found.push(StatusCause { reason: String::new(), message: message.to_owned(), field: field.to_owned() });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::ApiError;
    use super::*;
    use serde_json::json;

    fn refusal(body: &Value) -> Refusal {
        Refusal::read(u16::try_from(body["code"].as_u64().unwrap()).unwrap(), Some(body), "", None, &Tainted::default())
    }

    #[test]
    fn every_recorded_form_of_refusal_names_its_field() {
        let cases = [
            (
                json!({"code": 500, "message": "failed to create typed patch object (t/web; apps/v1, Kind=Deployment): .spec.template.spec.containers[name=\"app\"].imag: field not declared in schema"}),
                vec![".spec.template.spec.containers[name=\"app\"].imag"],
            ),
            (
                json!({"code": 500, "message": "failed to create typed patch object (t/web; apps/v1, Kind=Deployment): errors:\n  .spec.a: field not declared in schema\n  .spec.b: field not declared in schema"}),
                vec![".spec.a", ".spec.b"],
            ),
            (
                json!({"code": 400, "reason": "BadRequest", "message": "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"dataz\", unknown field \"spec.x\""}),
                vec!["dataz", "spec.x"],
            ),
            (
                json!({"code": 422, "message": "Deployment.apps \"web\" is invalid", "details": {"causes": [{"reason": "FieldValueInvalid", "message": "must be no more than 15 characters", "field": "spec.template.spec.containers[0].ports[0].name"}]}}),
                vec!["spec.template.spec.containers[0].ports[0].name"],
            ),
            (
                json!({"code": 400, "message": "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"}),
                vec!["spec.replicas"],
            ),
        ];
        for (body, fields) in cases {
            let found: Vec<String> = refusal(&body).fields().into_iter().map(|cause| cause.field).collect();
            assert_eq!(found, fields, "{body}");
        }
    }

    #[test]
    fn a_type_error_of_apply_is_no_passing_trouble_although_its_status_is_500() {
        let about_us = json!({"code": 500, "message": "failed to create typed patch object (t/web; apps/v1, Kind=Deployment): .spec.x: field not declared in schema"});
        let trouble = json!({"code": 500, "message": "etcdserver: request timed out"});
        assert!(!ApiError::Refused(Box::new(refusal(&about_us))).is_passing());
        assert!(ApiError::Refused(Box::new(refusal(&trouble))).may_be_done());
    }

    #[test]
    fn a_body_that_is_no_status_is_quoted_in_part_unless_it_is_a_page() {
        let message = |text: &str| Refusal::read(502, None, text, None, &Tainted::default()).message;
        assert_eq!(message(" upstream is gone "), "HTTP status 502: upstream is gone");
        assert_eq!(
            message("<html>bad gateway</html>"),
            "a page of HTTP status 502 came instead of an answer: does a proxy stand before it?"
        );
    }
}
