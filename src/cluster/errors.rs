//! What the API server refuses, masked; and traced back to the line of the garden that caused it. Pure.
//!
//! Three forms carry paths: `details.causes[].field` (422 and conflicts), the type errors of server-side apply
//! (`.spec.x: field not declared in schema`, status 500) and decoding errors (`unknown field "spec.x"`).

use std::time::Duration;

use kube::core::Status;
use serde_json::Value;

use crate::finding::{Code, Finding};
use crate::name::Name;
use crate::render::{Object, SecretRequest};
use crate::secrets::Tainted;
use crate::source::Span;

/// The server refuses a value or a field.
pub const REFUSED_VALUE: Code = Code("E0650");
/// A field that we newly want belongs to somebody else, seen while applying.
pub const CONFLICT: Code = Code("E0651");
/// The server forbids the object: rights, quota, an admission policy.
pub const FORBIDDEN: Code = Code("E0652");
/// The cluster serves no such kind.
pub const MISSING_KIND: Code = Code("E0653");
/// The server refuses the object without naming a field.
pub const REFUSED_OBJECT: Code = Code("E0654");

/// Why a request had no good end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The server answered and said no.
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    /// No connection stands: nothing was sent.
    #[error("the API server cannot be reached: {why}")]
    Unreachable {
        /// What the network says.
        why: String,
    },
    /// The connection broke before the whole answer came: it may have been done.
    #[error("the API server's answer was cut off: {why}")]
    Cut {
        /// What the network says.
        why: String,
    },
    /// No whole answer in time: it may have been done.
    #[error("the API server gave no answer within {seconds} s")]
    Silent {
        /// How long we waited.
        seconds: u64,
    },
    /// The answer is not what an API server says: it may have been done.
    #[error("the API server's answer is not readable: {why}")]
    Garbled {
        /// What is wrong with it.
        why: String,
    },
    /// The lease is not ours any more; the write was not sent.
    #[error("the lease is held by somebody else by now, so nothing more is written")]
    LeaseLost,
}

/// A refusal of the API server (`Status`), without secret values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status, 400 to 599.
    pub code: u16,
    /// `Invalid`, `Conflict`, `Forbidden`, …; may be empty.
    pub reason: String,
    /// The server's words.
    pub message: String,
    /// One a field.
    pub causes: Vec<Cause>,
    /// How long the server asks us to wait.
    pub retry_after: Option<Duration>,
}

/// One reason of a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldManagerConflict`, …; may be empty.
    pub reason: String,
    /// The server's words.
    pub message: String,
    /// The field as the server writes it: `spec.ports[0].name`, `.spec.containers[name="app"].image`; may be empty.
    pub field: String,
}

impl ApiError {
    /// The refusal, if the server answered.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    fn is(&self, code: u16) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code == code)
    }

    /// There is no such object, namespace or kind.
    pub fn is_not_found(&self) -> bool {
        self.is(404)
    }

    /// We have no right to it.
    pub fn is_forbidden(&self) -> bool {
        self.is(403)
    }

    /// A precondition does not hold, an owner disagrees, or the name is taken.
    pub fn is_conflict(&self) -> bool {
        self.is(409)
    }

    /// The name is taken already.
    pub fn is_already_exists(&self) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code == 409 && refusal.reason == "AlreadyExists")
    }

    /// A list or watch began too long ago.
    pub fn is_expired(&self) -> bool {
        self.is(410)
    }

    /// The namespace is being deleted.
    pub fn is_terminating(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            refusal.code == 403
                && (refusal.message.contains("being terminated")
                    || refusal.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"))
        })
    }

    /// How long the server asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal()?.retry_after
    }

    /// Whether the same request may do better later, for a reason that lies in the server or the network.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.code == 429 || (refusal.code >= 500 && !refusal.is_about_the_body()),
            Self::Unreachable { .. } | Self::Cut { .. } | Self::Silent { .. } | Self::Garbled { .. } => true,
            Self::LeaseLost => false,
        }
    }

    /// Whether a write surely had no effect, so that sending it again cannot do it twice.
    pub fn was_not_executed(&self) -> bool {
        self.is(429) || matches!(self, Self::Unreachable { .. })
    }

    /// Whether a write may have had its effect although the answer is bad.
    pub fn may_be_done(&self) -> bool {
        self.is_passing() && !self.was_not_executed()
    }
}

impl Refusal {
    /// Reads an answer; a body that is no `Status` is quoted, at most 300 characters of it, unless it is a page.
    pub fn read(code: u16, body: Option<&Value>, text: &str, retry_after: Option<Duration>, tainted: &Tainted) -> Self {
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

    /// A status that kube parsed.
    pub(super) fn of_kube(status: &Status, tainted: &Tainted) -> Self {
        let details = status.details.as_ref();
        let causes = details.map(|details| details.causes.iter()).into_iter().flatten();
        let seconds = details.map_or(0, |details| details.retry_after_seconds);
        Self {
            code: status.code,
            reason: status.reason.clone(),
            message: tainted.mask(&status.message),
            causes: causes
                .map(|cause| Cause {
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
    pub fn is_about_the_body(&self) -> bool {
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
    pub fn fields(&self) -> Vec<Cause> {
        let mut found: Vec<Cause> = self.causes.iter().filter(|cause| !cause.field.is_empty()).cloned().collect();
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
    pub fn conflicts(&self) -> Vec<(String, String)> {
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
fn typed_patch_fields(message: &str) -> Vec<Cause> {
    let Some((_, rest)) = message.split_once("failed to create typed patch object") else { return Vec::new() };
    let rest = rest.split_once("): ").map_or(rest, |(_, rest)| rest);
    let lines = rest.lines().map(|line| line.trim().trim_start_matches("errors:").trim());
    let fields = lines.filter(|line| line.starts_with('.')).filter_map(|line| {
        let (field, what) = line.split_once(": ")?;
        Some(Cause { reason: String::new(), message: what.to_owned(), field: field.to_owned() })
    });
    fields.collect()
}

/// `unknown field "spec.x"`, `duplicate field "spec.x"`, `Go struct field Spec.spec.replicas of type int32`.
fn decoding_fields(message: &str) -> Vec<Cause> {
    let mut found = Vec::new();
    for word in ["unknown field", "duplicate field"] {
        for part in message.split(&format!("{word} \"")).skip(1) {
            let field = part.split('"').next().unwrap_or_default();
            found.push(Cause { reason: String::new(), message: word.to_owned(), field: field.to_owned() });
        }
    }
    for part in message.split("Go struct field ").skip(1) {
        let words = part.split_whitespace().next().unwrap_or_default();
        if let Some((_type, field)) = words.split_once('.') {
            found.push(Cause { reason: String::new(), message: message.to_owned(), field: field.to_owned() });
        }
    }
    found
}

/// The JSON pointer of a field as the server writes it, as far as our body goes along.
///
/// Keys may hold dots and slashes (`.metadata.labels.app.kubernetes.io/name`), so the body decides where one ends:
/// the longest key that fits. What the body lacks (a required value) ends the pointer at its nearest ancestor.
pub fn pointer_of(body: &Value, field: &str) -> String {
    let mut pointer = String::new();
    let mut value = body;
    let mut rest = field;
    while let Some((step, next, after)) = step_into(value, rest) {
        pointer.push('/');
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        (value, rest) = (next, after);
    }
    pointer
}

fn step_into<'v, 't>(value: &'v Value, path: &'t str) -> Option<(String, &'v Value, &'t str)> {
    if let Some(inside) = path.strip_prefix('[') {
        let end = end_of_brackets(inside)?;
        let (selector, after) = (&inside[..end], &inside[end + 1..]);
        return match value {
            Value::Array(items) => {
                let at = position_of(items, selector)?;
                Some((at.to_string(), &items[at], after))
            }
            Value::Object(map) => {
                let key = selector.trim_matches('"');
                Some((key.to_owned(), map.get(key)?, after))
            }
            _ => None,
        };
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let map = value.as_object()?;
    let fits = |key: &&String| {
        path.strip_prefix(key.as_str()).is_some_and(|after| after.is_empty() || after.starts_with(['.', '[', ':']))
    };
    let key = map.keys().filter(fits).max_by_key(|key| key.len())?;
    Some((key.clone(), &map[key], &path[key.len()..]))
}

/// Where the bracket closes that was opened just before `text`; quoted brackets do not count.
fn end_of_brackets(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ']' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// The item that `0`, `name="app"`, `containerPort=80,protocol="TCP"` or `="value"` selects.
fn position_of(items: &[Value], selector: &str) -> Option<usize> {
    if let Ok(at) = selector.parse::<usize>() {
        return (at < items.len()).then_some(at);
    }
    if let Some(literal) = selector.strip_prefix('=') {
        let wanted: Value = serde_json::from_str(literal).ok()?;
        return items.iter().position(|item| *item == wanted);
    }
    let pairs: Vec<(&str, Value)> = selector
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, literal)| (key.trim(), serde_json::from_str(literal).unwrap_or_else(|_| Value::from(literal))))
        .collect();
    // A key with a default (`protocol`) may be missing in what we sent.
    let agrees = |item: &Value, (key, wanted): &(&str, Value)| item.get(key).is_none_or(|found| found == wanted);
    let agrees_in_one = |item: &Value| pairs.iter().any(|(key, wanted)| item.get(key) == Some(wanted));
    items.iter().position(|item| pairs.iter().all(|pair| agrees(item, pair)) && agrees_in_one(item))
}

/// The findings of a refused object: one a field that the server names, on the line that the field came from.
pub fn findings(error: &ApiError, object: &Object, organisation: &Name) -> Vec<Finding> {
    let what = format!("{} `{}`", object.id.kind, object.id.name);
    let Some(refusal) = error.refusal() else { return Vec::new() };
    let Some(whole) = object.origins.of("").or_else(|| object.origins.0.values().next().copied()) else {
        return Vec::new();
    };
    let causes = refusal.fields();
    if causes.is_empty() {
        return vec![of_whole(refusal, &what, whole).stops(organisation.clone())];
    }
    let found = causes.iter().map(|cause| {
        let pointer = pointer_of(&object.body, &cause.field);
        let span = object.origins.of(&pointer).unwrap_or(whole);
        of_field(refusal, cause, &what, span).stops(organisation.clone())
    });
    found.collect()
}

/// The finding of a refused Secret: the line that asked for it.
pub fn finding_of_secret(error: &ApiError, request: &SecretRequest, organisation: &Name) -> Option<Finding> {
    let what = format!("Secret `{}`", request.id.name);
    Some(of_whole(error.refusal()?, &what, request.origin).stops(organisation.clone()))
}

fn of_field(refusal: &Refusal, cause: &Cause, what: &str, span: Span) -> Finding {
    let field = cause.field.trim_start_matches('.');
    if cause.reason == "FieldManagerConflict" {
        let manager = cause.message.split('"').nth(1).unwrap_or("somebody else");
        return Finding::error(CONFLICT, format!("`{field}` of {what} belongs to `{manager}`"), span)
            .label("asks for this field")
            .why(cause.message.clone())
            .help(format!(
                "to take it, write `field {} \"{}\" take` in the app; to leave it, `leave`",
                kind_and_name(what),
                cause.field
            ));
    }
    let forbidden = refusal.code == 403;
    let code = if forbidden { FORBIDDEN } else { REFUSED_VALUE };
    Finding::error(code, format!("the cluster refuses `{field}` of {what}"), span)
        .label("this decides the refused field")
        .why(cause.message.clone())
        .help("mend the value on this line; nothing of the object was changed")
}

fn kind_and_name(what: &str) -> String {
    what.replace('`', "")
}

fn of_whole(refusal: &Refusal, what: &str, span: Span) -> Finding {
    let (code, title, help) = match refusal.code {
        403 => (
            FORBIDDEN,
            format!("the cluster forbids {what}"),
            "the server's words name the rule: a quota, an admission policy, or a right that parcelle lacks (`parcelle doctor`)",
        ),
        409 => (
            CONFLICT,
            format!("{what} was changed by somebody else meanwhile"),
            "the next round reads it again and decides anew",
        ),
        _ => (
            REFUSED_OBJECT,
            format!("the cluster refuses {what}"),
            "the server names no field; compare the values on this line with its words",
        ),
    };
    Finding::error(code, title, span).label("asks for this object").why(refusal.message.clone()).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{ObjectId, Origins, Stage};
    use crate::source::FileId;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn refusal(body: &Value) -> Refusal {
        Refusal::read(u16::try_from(body["code"].as_u64().unwrap()).unwrap(), Some(body), "", None, &Tainted::default())
    }

    fn deployment() -> Value {
        json!({"spec": {"replicas": 2, "template": {"metadata": {"labels": {"app.kubernetes.io/name": "web"}},
            "spec": {"containers": [{"name": "side"}, {"name": "app", "imag": "x", "ports": [{"containerPort": 80, "name": "p"}]}]}}}})
    }

    #[test]
    fn a_path_of_the_server_becomes_a_pointer_into_our_body() {
        let body = deployment();
        let cases = [
            ("spec.replicas", "/spec/replicas"),
            (".spec.template.spec.containers[name=\"app\"].imag", "/spec/template/spec/containers/1/imag"),
            ("spec.template.spec.containers[1].ports[0].name", "/spec/template/spec/containers/1/ports/0/name"),
            (
                ".spec.template.spec.containers[name=\"app\"].ports[containerPort=80,protocol=\"TCP\"].name",
                "/spec/template/spec/containers/1/ports/0/name",
            ),
            (
                ".spec.template.metadata.labels.app.kubernetes.io/name",
                "/spec/template/metadata/labels/app.kubernetes.io~1name",
            ),
            (
                "spec.template.metadata.labels[app.kubernetes.io/name]",
                "/spec/template/metadata/labels/app.kubernetes.io~1name",
            ),
            ("spec.selector", "/spec"),
            ("metadata.name", ""),
            ("spec.template.spec.containers[7].image", "/spec/template/spec/containers"),
        ];
        for (field, pointer) in cases {
            assert_eq!(pointer_of(&body, field), pointer, "{field}");
        }
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
    fn a_refused_field_is_a_finding_on_its_line_with_the_servers_words() {
        let at = |start| Span::new(FileId(3), start..start + 1);
        let id = ObjectId {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: "t".into(),
            name: "web".into(),
        };
        let origins = Origins(BTreeMap::from([
            (String::new(), at(1)),
            ("/spec/template/spec/containers/1/ports/0".to_owned(), at(9)),
        ]));
        let object = Object { id, body: deployment(), origins, app: None, stage: Stage::Workload, holds_data: false };
        let body = json!({"code": 422, "message": "x", "details": {"causes": [
            {"reason": "FieldValueInvalid", "message": "must be no more than 15 characters", "field": "spec.template.spec.containers[1].ports[0].name"}]}});
        let error = ApiError::Refused(Box::new(refusal(&body)));
        let found = findings(&error, &object, &Name::new("cnam").unwrap());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].primary.span, at(9));
        assert_eq!(found[0].why.as_deref(), Some("must be no more than 15 characters"));
        assert_eq!(found[0].code.0, "E0650");
    }

    #[test]
    fn a_refusal_of_the_whole_object_says_what_to_do_next() {
        let id =
            ObjectId { api_version: "v1".into(), kind: "ConfigMap".into(), namespace: "t".into(), name: "web".into() };
        let origins = Origins(BTreeMap::from([(String::new(), Span::new(FileId(3), 1..2))]));
        let object = Object { id, body: json!({}), origins, app: None, stage: Stage::Workload, holds_data: false };
        for (status, code) in [(403, "E0652"), (409, "E0651"), (400, "E0654")] {
            let body = json!({"code": status, "message": "no"});
            let error = ApiError::Refused(Box::new(refusal(&body)));
            let found = findings(&error, &object, &Name::new("cnam").unwrap());
            assert_eq!(found.iter().map(|finding| finding.code.0).collect::<Vec<_>>(), [code]);
            assert!(!found[0].help.is_empty(), "{code} says what to do");
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
